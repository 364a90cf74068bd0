"""Sphinx configuration: ``make docs``."""

import gmoe

project = "gmoe"
author = "The gmoe developers"
copyright = author
release = version = gmoe.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "generated"]
nitpicky = False

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

# One page holds a class with all its methods, so no stubs and no second table of members.
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "pydata_sphinx_theme"
html_title = "gmoe"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}


def setup(app):
    # Their docstrings, made by scikit-learn, refer to its own documentation.
    app.connect("autodoc-skip-member", lambda app, what, name, *rest: True if name.endswith("_request") else None)
