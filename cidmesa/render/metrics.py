"""How wide a line of text is, without asking any font.

The widths are those of DejaVu Sans, one of the widest faces in common use, in thousandths of the font size. A box that
holds its label in DejaVu Sans holds it in Helvetica, Arial or whatever the reader's machine has instead.

>>> text_width("at_door", 10) < text_width("wwwwwww", 10)
True
>>> text_width("", 10)
0.0
"""

from __future__ import annotations

_BY_WIDTH = {
    275: "'", 278: "ijl", 295: "IJ", 318: " ,.", 337: "/:;\\|", 352: "f", 361: "-", 390: "()[]", 392: "t", 401: "!",
    411: "r", 460: '"', 500: "*_`", 521: "s", 525: "z", 531: "?", 550: "c", 557: "L", 575: "F", 579: "k", 592: "vxy",
    603: "P", 611: "TY", 615: "oae", 632: "E", 636: "hnuSbdgpq$0123456789{}", 656: "K", 685: "AVXZB", 698: "RC",
    732: "U", 750: "NH", 772: "DG", 780: "&", 787: "OQ", 818: "w", 838: "#+<=>^~", 863: "M", 950: "%", 974: "m",
    1000: "W@",
}  # fmt: skip
_WIDTH = {ord(letter): width for width, letters in _BY_WIDTH.items() for letter in letters}
_NOTHING = (*range(0x0300, 0x0370), *range(0x200B, 0x2010), *range(0xFE00, 0xFE10), 0x20E3)
"""Marks on the letter before, joiners and selectors, which take no room of their own."""


def text_width(text: str, size: float) -> float:
    """Return an upper estimate of the width of `text` in the unit of the font `size`."""
    return sum(map(_letter, map(ord, text))) * size / 1000


def is_wide(letter: str) -> bool:
    """Say whether a letter is as wide as it is high, as those of Chinese, Japanese and Korean are, and pictographs."""
    return ord(letter) >= 0x2E80 and _letter(ord(letter)) == 1000


def _letter(code: int) -> int:
    if code in _NOTHING:
        return 0
    known = _WIDTH.get(code)
    if known is not None:
        return known
    return 1000 if code >= 0x2E80 else 700
