r"""Words as they are set: subscripts, Greek letters, lines that fit.

A *run* is a piece of a line at one height. ``S_1`` has two, and so have ``$\theta_{t+1}$`` and ``\theta_{t+1}``; a
name such as ``at_red`` is a word and has one. A subscript without dollars or braces is a number or a single letter,
after one or two letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from cidmesa.render.metrics import is_wide, text_width

SMALL = 0.72
"""The size of subscripts and superscripts, in that of the line."""

_SIMPLE = re.compile(r"([^\W\d_]{1,2}'*)_(\d{1,3}|[^\W\d_])")
_TEX = re.compile(r"\$[^$\n]+\$|\\[A-Za-z]+(?:[_^](?:\{[^{}\n]*\}|[^\s{}]))*")
_SCRIPT = re.compile(r"([_^])(?:\{([^{}]*)\}|(\\[A-Za-z]+|.))")

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
    "to": "→", "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "ne": "≠", "infty": "∞", "in": "∈", "pm": "±",
}  # fmt: skip
"""TeX's names of the letters and signs that a label may use."""


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line: its text, and whether it stands on the line (0), below (-1) or above it (1)."""

    text: str
    level: int = 0


def runs(line: str) -> tuple[Run, ...]:
    r"""Return the runs of one line of text.

    Examples
    --------
    >>> runs("S_1"), runs("at_red")
    ((Run(text='S', level=0), Run(text='1', level=-1)), (Run(text='at_red', level=0),))
    >>> runs(r"\theta_{t+1}^2")
    (Run(text='θ', level=0), Run(text='t+1', level=-1), Run(text='2', level=1))
    """
    found: list[Run] = []
    end = 0
    for match in _TEX.finditer(line):
        name = match.group()
        if name.startswith("\\") and re.match(r"\\([A-Za-z]+)", name).group(1) not in GREEK:  # type: ignore[union-attr]
            continue
        found += _words(line[end : match.start()])
        found += _formula(name.strip("$"))
        end = match.end()
    return _joined([*found, *_words(line[end:])])


def _words(text: str) -> list[Run]:
    """Set ordinary words: only a word that is nothing but a letter and its index has a subscript."""
    found = []
    for word in re.split(r"([\s,;:()=]+)", text):
        match = _SIMPLE.fullmatch(word)
        found += [Run(match.group(1)), Run(match.group(2), -1)] if match else [Run(word)]
    return found


def _formula(text: str) -> list[Run]:
    found: list[Run] = []
    end = 0
    for match in _SCRIPT.finditer(text):
        found.append(Run(_letters(text[end : match.start()])))
        level = -1 if match.group(1) == "_" else 1
        found.append(Run(_letters(match.group(2) if match.group(2) is not None else match.group(3)), level))
        end = match.end()
    return [*found, Run(_letters(text[end:]))]


def _letters(text: str) -> str:
    known = re.sub(r"\\([A-Za-z]+) ?", lambda m: GREEK.get(m.group(1), m.group(1)), text)
    return known.replace("{", "").replace("}", "").replace("\\", "")


def _joined(found: list[Run]) -> tuple[Run, ...]:
    joined: list[Run] = []
    for run in found:
        if joined and joined[-1].level == run.level:
            joined[-1] = Run(joined[-1].text + run.text, run.level)
        elif run.text:
            joined.append(run)
    return tuple(joined)


def plain(line: str) -> str:
    r"""Return the letters of a line alone, for readers who hear it: ``\theta_1`` is ``θ1``, ``at_red`` itself.

    >>> plain(r"$\theta_1$"), plain("at_red"), plain("S_1")
    ('θ1', 'at_red', 'S_1')
    """
    return "".join(run.text for run in runs(line)) if "$" in line or "\\" in line else line


def width(line: str, size: float) -> float:
    """Return an upper estimate of the width of a line at the font size `size`."""
    return sum(text_width(run.text, size * (SMALL if run.level else 1.0)) for run in runs(line))


def wrapped(text: str, size: float, room: float) -> tuple[str, ...]:
    """Break a text into lines no wider than `room`, at spaces, after ``_ - / . ,`` and between wide letters.

    Line breaks of the text itself stay. A word too long for a line by itself is cut; a formula is never.

    Examples
    --------
    >>> wrapped("how the user will vote next year", 14, 110)
    ('how the user', 'will vote', 'next year')
    >>> wrapped("short", 14, 110)
    ('short',)
    """
    return tuple(line for part in text.split("\n") for line in _lines(part, size, room))


def _lines(text: str, size: float, room: float) -> list[str]:
    if width(text, size) <= room:
        return [text]
    pieces = [piece for word in _pieces(text) for piece in _cut(word, size, room)]
    widest = _filled(pieces, size, room)
    while True:  # the narrowest lines that are as few make the neatest block
        most = max(width(line, size) for line in widest)
        narrower = _filled(pieces, size, most - 0.01)
        if len(narrower) > len(widest) or max(width(line, size) for line in narrower) >= most:
            return widest
        widest = narrower


def _filled(pieces: list[str], size: float, room: float) -> list[str]:
    lines: list[str] = []
    for piece in pieces:
        if lines and width((lines[-1] + piece).rstrip(), size) <= room:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines if line.strip()]


def _pieces(text: str) -> list[str]:
    """Split a text where a line may end; the pieces joined are the text."""
    formulas = [match.span() for match in _TEX.finditer(text)]
    cuts = [0]
    for at, (before, after) in enumerate(pairwise(text), start=1):
        if any(start < at < end for start, end in formulas):
            continue
        if before in " _-/.,;" or is_wide(before) or is_wide(after):
            cuts.append(at)
    return [text[a:b] for a, b in pairwise([*cuts, len(text)])]


def _cut(piece: str, size: float, room: float) -> list[str]:
    if width(piece, size) <= room or "$" in piece or "\\" in piece:
        return [piece]
    parts = [""]
    for letter in piece:
        if parts[-1] and text_width(parts[-1] + letter, size) > room:
            parts.append("")
        parts[-1] += letter
    return parts
