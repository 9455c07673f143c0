"""The Sphinx extension: ``extensions = ["cidmesa.render.sphinx"]`` brings ``.. cid::`` and ``.. incentives::``.

The directives know setups and the gallery, which pictures do not; they are in :mod:`cidmesa.pages.sphinx`.
"""

from __future__ import annotations

from typing import Any


def setup(app: Any) -> Any:
    """Add the directives to a Sphinx application."""
    from cidmesa.pages.sphinx import setup

    return setup(app)
