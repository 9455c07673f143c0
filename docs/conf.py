"""How the documentation is built: ``make docs``, from the pages in this folder and the docstrings of the package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_site"))

import reference  # noqa: E402  (in _site/)

import cidmesa  # noqa: E402
from cidmesa.explorer import explore  # noqa: E402

project = "cidmesa"
author = "The cidmesa developers"
copyright = "The cidmesa developers, Apache-2.0"
version = release = cidmesa.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "mathml",
    "numpydoc",
    "sphinx_copybutton",
    "cidmesa.render.sphinx",
]
root_doc = "index"
exclude_patterns = ["_build", "_site", "releasing.md"]
nitpicky = False
suppress_warnings = ["myst.strikethrough"]

# Pages in Markdown; those that begin with a kernel are run, and their output is kept until they change.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "executed")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

# The reference is made of docstrings.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "cidmesa"
html_static_path = ["_site/static"]
html_css_files = ["cidmesa.css"]
html_extra_path = ["_build/extra"]
html_theme_options = {"navigation_with_keys": True}
html_show_sourcelink = False


def setup(app: object) -> None:
    """Write what is made of the package: the pages of the reference, and the explorer."""
    reference.write(HERE / "reference" / "api")
    extra = HERE / "_build" / "extra"
    shutil.copytree(HERE / "images", extra / "images", dirs_exist_ok=True)  # pages name them in plain HTML
    explore(cidmesa.gallery.load("red-door").setup, extra / "explorer-page.html")
