"""The pages of the terminal UI, a file each; a page knows the app and `kit.api`, never another page's widgets."""
