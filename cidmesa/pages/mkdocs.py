"""A fence for MkDocs, through ``pymdownx.superfences``: a block named ``cid`` becomes the picture of a diagram.

.. code-block:: yaml

    markdown_extensions:
      - pymdownx.superfences:
          custom_fences:
            - {name: cid, class: cid, format: !!python/name:cidmesa.pages.mkdocs.fence}

Options stand at the head of the block, as in a directive: ``:view: base mesa:at_red``; the name of a system, of a
diagram of the literature or of a file (from the folder where ``mkdocs`` runs) is given by ``:from:``.
"""

from __future__ import annotations

import re
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from cidmesa.errors import did_you_mean
from cidmesa.pages.request import OPTIONS, Request, described, pictures
from cidmesa.pages.source import SourceError

_OPTION = re.compile(r":([\w-]+):[ \t]*(.*)")
_KNOWN = (*OPTIONS, "from", "caption", "alt")


def fence(source: str, language: str, css_class: str, options: Any, md: Any, **more: Any) -> str:
    r"""Return the HTML of a fenced block; an error stands in the page where the picture would.

    Parameters
    ----------
    source
        What is in the block.
    language, css_class, options, md, more
        As ``pymdownx.superfences`` hands them over; only `css_class` is used.

    Examples
    --------
    >>> html = fence(":caption: A link\na -> b", "cid", "cid", {}, None)
    >>> html.startswith('<figure class="cid">'), "<figcaption>A link</figcaption>" in html
    (True, True)
    """
    lines = source.splitlines()
    found: dict[str, str] = {}
    while lines and (match := _OPTION.fullmatch(lines[0].strip())):
        found[match.group(1)] = match.group(2).strip()
        lines.pop(0)
    taken = len(source.splitlines()) - len(lines)
    try:
        for key in found:
            if key not in _KNOWN:
                raise SourceError(f"`:{key}:` is no option of this block{did_you_mean(key, _KNOWN)}.")
        drawn = pictures(Request(found.get("from", ""), "\n".join(lines), found, Path()))
    except SourceError as error:
        words = re.sub(r"^line \d+: ", f"line {error.line + taken}: ", str(error))
        return f'<p class="{escape(css_class)} cid-error" role="alert">cid: {escape(words)}</p>'
    place = sha256(source.encode()).hexdigest()[:8]
    told = [described(picture, found.get("alt", "")).inline(f"cid-{place}-{i}") for i, picture in enumerate(drawn)]
    caption = f"<figcaption>{escape(found['caption'])}</figcaption>" if "caption" in found else ""
    return f'<figure class="{escape(css_class)}">{"".join(told)}{caption}</figure>'
