"""Sphinx configuration: ``make docs``."""

import sys
from pathlib import Path

import gmoe

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gmoe"
author = "The gmoe developers"
copyright = author
release = version = gmoe.__version__

extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    # Displays and legends have nothing to say in text.
    "capture_repr": (),
}
nitpicky = False

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

# One page holds a class with all its methods, so no stubs and no second table of members.
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "gmoe"
html_static_path = ["_static"]
html_css_files = ["gmoe.css"]
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
}
# All groups beside every page, the front page too.
html_sidebars = {"**": ["sidebar-nav-bs"]}


def setup(app):
    # Their docstrings, made by scikit-learn, refer to its own documentation.
    app.connect("autodoc-skip-member", lambda app, what, name, *rest: True if name.endswith("_request") else None)
