"""How the pages are built: `make docs`."""

project = "xlt-kit"
author = "The xlt-kit authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "xlt-kit"
exclude_patterns = ["pictures"]
myst_heading_anchors = 3
# Links to files of the checkout (recipes, code) are for readers of the checkout.
suppress_warnings = ["myst.xref_missing"]
