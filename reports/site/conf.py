"""How Sphinx makes the site; read by Sphinx, not imported."""

from reports.site.build import START

project = html_title = "The convolutional-network papers, rerun"
root_doc = START
language = "en"
extensions = ["myst_parser"]
myst_heading_anchors = 4
# Anchors in tables are HTML, which MyST doesn't know; a test follows every link of the site instead.
suppress_warnings = ["myst.xref_missing"]
html_theme = "pydata_sphinx_theme"
html_sidebars: dict[str, list[str]] = {
    "README": [],
    "reports/[!st]*": [],
}  # those of studies and tables alone have pages below them
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["tables.js"]
html_copy_source = False
html_theme_options = {
    "logo": {"text": "ConvNets, rerun"},
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 9,
    "footer_start": [],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
