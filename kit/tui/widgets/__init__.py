"""Parts of the screens that draw themselves."""
