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
_COMBINING = range(0x0300, 0x0370)
_WIDE = range(0x1100, 0x10000)
"""From Hangul on, letters may be as wide as they are high; the arrows and dashes before U+3000 are not."""


def text_width(text: str, size: float) -> float:
    """Return an upper estimate of the width of `text` in the unit of the font `size`."""
    return sum(map(_letter, map(ord, text))) * size / 1000


def _letter(code: int) -> int:
    if code in _COMBINING:
        return 0
    known = _WIDTH.get(code)
    if known is not None:
        return known
    return 1000 if code in _WIDE and code >= 0x3000 else 700
