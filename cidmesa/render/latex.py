r"""Text as LaTeX that prints as it is, under pdflatex and lualatex alike.

Greek letters, signs and indices become maths. A letter that pdflatex has no code for is drawn by lualatex where its
font has it, and else named in a small box, instead of stopping the run or being left out in silence.
"""

from __future__ import annotations

import unicodedata

from cidmesa.render.typeset import GREEK, Run, runs

_PLAIN = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "…": r"\ldots{}", "–": "--", "—": "---",
    "✓": r"$\checkmark$",
    "<": "$<$", ">": "$>$", "|": "$|$", "“": "``", "”": "''", "‘": "`", "’": "'", "\u00a0": "~", "•": r"$\bullet$",
}  # fmt: skip
_UPRIGHT = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"  # Greek letters that TeX writes with Latin ones
_MATHS = {
    **{letter: rf"\{name}" for name, letter in GREEK.items()},
    "ε": r"\epsilon", "−": "-", "·": r"\cdot", "⊥": r"\perp", "⊕": r"\oplus", "∖": r"\setminus", "∩": r"\cap",
    "∪": r"\cup", "∑": r"\sum", "Σ": r"\Sigma", "≈": r"\approx", "⇝": r"\leadsto", "←": r"\leftarrow",
    "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "½": r"\frac12", "°": r"^\circ", "′": "'", "µ": r"\mu", "∘": r"\circ",
    "∗": "*", "√": r"\surd", "ϕ": r"\varphi", "ϵ": r"\epsilon",
    **dict(zip(_UPRIGHT, (rf"\mathrm {c}" for c in "ABEZHIKMNOPTYXo"), strict=True)),
}  # fmt: skip
_MATHS["→"] = r"\to"
_BELOW = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
_ABOVE = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵗ", "0123456789+-=()nit", strict=True))
_LATIN = frozenset("ßæøåœÆØÅŒłŁı¡¿")
_SILENT = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f")


def escaped(text: str) -> str:
    r"""Write a text so that LaTeX prints it as it is.

    Examples
    --------
    >>> escaped("at_red"), escaped("50 % of π₁")
    ('at\\_red', '50 \\% of $\\pi$$_{1}$')
    >>> print(escaped("语"))
    \ifdefined\Uchar\iffontchar\font"8BED \Uchar"8BED \else\fbox{\tiny U+8BED}\fi\else\fbox{\tiny U+8BED}\fi{}
    """
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def line(text: str) -> str:
    r"""Write one line of a label: as :func:`escaped`, with indices; a short symbol and its index are maths throughout.

    Examples
    --------
    >>> line("S_1"), line(r"$\theta_{t+1}$"), line("at_red"), line(r"state S_t"), line("π")
    ('$S_{1}$', '$\\theta_{t+1}$', 'at\\_red', 'state S$_{t}$', '$\\pi$')
    """
    parts = runs(text)
    symbol = len(parts) > 1 and all(len(run.text.strip()) < 4 for run in parts if not run.level)
    return f"${''.join(map(_maths, parts))}$" if symbol else "".join(map(_set, parts))


def _set(run: Run) -> str:
    return escaped(run.text) if run.level == 0 else f"${_maths(run)}$"


def _maths(run: Run) -> str:
    inside = ""
    for letter in run.text:
        sign = _MATHS.get(letter) or (_letter(letter) if letter not in "<>|" else letter)
        inside += " " if inside[-1:].isalpha() and sign[:1].isalpha() and "\\" in inside.rpartition(" ")[2] else ""
        inside += sign
    return inside if run.level == 0 else f"{'_' if run.level < 0 else '^'}{{{inside}}}"


def _letter(letter: str) -> str:
    if letter in _PLAIN:
        return _PLAIN[letter]
    if letter.isascii():
        return letter if letter.isprintable() else " "
    if letter in _MATHS:
        return f"${_MATHS[letter]}$"
    for signs, mark in ((_BELOW, "_"), (_ABOVE, "^")):
        if letter in signs:
            return f"${mark}{{{signs[letter]}}}$"
    if letter in _SILENT:
        return ""
    if letter in _LATIN or (ord(letter) < 0x180 and unicodedata.decomposition(letter)[:2] == "00"):
        return letter
    code = f"{ord(letter):X}"
    named = rf"\else\fbox{{\tiny U+{code}}}\fi"
    return rf'\ifdefined\Uchar\iffontchar\font"{code} \Uchar"{code} {named}{named}{{}}'
