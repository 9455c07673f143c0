"""Which fonts draw a text: matplotlib's own, and for letters that it lacks others of the machine.

Where no font has a letter, a box would be drawn and nobody told: a warning then names the letters and what to install.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache

OWN = "DejaVu Sans"
"""The font that comes with matplotlib."""

_INVISIBLE = frozenset("\n\ufe0e\ufe0f\u200b\u200c\u200d\u2060")
"""Marks that choose a form or join letters, and leave no ink."""


def families(texts: Iterable[str]) -> list[str]:
    """Return the font families to draw `texts` with, the first that has a letter drawing it.

    Warns
    -----
    UserWarning
        No font has some letter.
    """
    lacking = {letter for text in texts for letter in text if letter not in _INVISIBLE} - _letters(_own())
    chosen = [OWN]
    for family, file in _others() if lacking else ():
        found = lacking & _letters(file)
        if found:
            chosen.append(family)
            lacking -= found
        if not lacking:
            break
    if lacking:
        shown = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in sorted(lacking)[:8])
        warnings.warn(
            f"no font of this machine can draw {shown}: boxes stand in their place. Install one that has them "
            "(Debian: fonts-noto-cjk, fonts-symbola; emoji in colour cannot be drawn), or write SVG, which uses the "
            "reader's fonts.",
            stacklevel=2,
        )
    return chosen


def _own() -> str:
    from matplotlib.font_manager import FontProperties, findfont

    return str(findfont(FontProperties(family=[OWN])))


def _others() -> list[tuple[str, str]]:
    """Return the other fonts that matplotlib knows, regular faces first, each family once, in the order of names."""
    from matplotlib.font_manager import fontManager

    faces = sorted(fontManager.ttflist, key=lambda f: (f.style != "normal", abs(int(f.weight) - 400), f.name, f.fname)
                   if str(f.weight).isdigit() else (f.style != "normal", 0, f.name, f.fname))  # fmt: skip
    named = {face.name: face.fname for face in reversed(faces) if "Last Resort" not in face.name}
    return list(named.items())[::-1]  # the last resort draws a sign for what it lacks, which says nothing


@cache
def _letters(file: str) -> frozenset[str]:
    """Return the letters that the font in `file` can draw; none where matplotlib cannot draw with it."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
        codes = font.get_charmap()
        font.set_size(12, 72)
        if codes:
            font.load_char(next(reversed(codes)))
    except (RuntimeError, OSError):  # fonts of coloured bitmaps
        return frozenset()
    return frozenset(map(chr, codes))
