"""What a page may write for a diagram: a name, a file, YAML, or links line by line.

Links are written ``a -> b -> c`` or ``a, b -> c``, one chain a line; ``[d]`` is a decision, ``<u>`` a utility,
``(x)`` a latent node, ``a <-> b`` a latent common cause; what follows ``#`` at the start of a line or after a space is
a remark. A node marked once is marked everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa.errors import CidmesaError, FileFormatError, did_you_mean

if TYPE_CHECKING:
    from cidmesa.diagram import CID

_MARKS = {"[": ("]", "decision"), "<": (">", "utility"), "(": (")", "latent")}
_ARROW = re.compile(r"\s*(<->|->|→|↔)\s*")


class SourceError(FileFormatError):
    """What a page writes is no diagram. `line` is where, counted from 1 in what it wrote; 0: nowhere in particular."""

    def __init__(self, words: str, line: int = 0) -> None:
        super().__init__(words)
        self.line = line


@dataclass
class _Links:
    """What has been read so far; the order is that of first mention."""

    nodes: dict[str, None] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    decision: dict[str, None] = field(default_factory=dict)
    utility: dict[str, None] = field(default_factory=dict)
    latent: dict[str, None] = field(default_factory=dict)


def read_links(text: str, *, decisions: Iterable[str] = (), utilities: Iterable[str] = ()) -> CID:
    r"""Read a diagram written link by link.

    Parameters
    ----------
    text
        The lines; the module's text has the grammar.
    decisions, utilities
        More decisions and utilities, for names that are not marked.

    Raises
    ------
    SourceError
        A line that is no link, or links that are no diagram; with its line.

    Examples
    --------
    >>> read_links("a -> [d]\nb - d")
    Traceback (most recent call last):
        ...
    cidmesa.pages.source.SourceError: line 2: `b - d` is no link and no node: write a -> b, a <-> b, or a name alone.
    """
    from cidmesa.diagram import CID

    read = _Links()
    for number, whole in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*", "", whole).strip()
        if line:
            _read_line(read, line, number)
            try:  # so that a cycle, or a child of a utility, is reported at the line that makes it
                _diagram(read, CID, (), ())
            except CidmesaError as error:
                raise SourceError(f"line {number}: {_words(error)}", number) from None
    try:
        return _diagram(read, CID, decisions, utilities)
    except CidmesaError as error:
        raise SourceError(_words(error)) from None


def _diagram(read: _Links, make: type[CID], decisions: Iterable[str], utilities: Iterable[str]) -> CID:
    return make(
        list(read.edges),
        nodes=list(read.nodes),
        decisions=list(dict.fromkeys([*read.decision, *decisions])),
        utilities=list(dict.fromkeys([*read.utility, *utilities])),
        latent=list(read.latent),
    )


def _read_line(read: _Links, line: str, number: int) -> None:
    parts = _ARROW.split(line)
    groups = [[_node(read, word.strip(), line, number) for word in part.split(",")] for part in parts[::2]]
    for before, arrow, after in zip(groups, parts[1::2], groups[1:], strict=False):
        for a in before:
            for b in after:
                if arrow in {"->", "→"}:
                    read.edges[a, b] = None
                else:
                    cause = f"common cause of {a} and {b}"
                    read.nodes[cause] = read.latent[cause] = None
                    read.edges[cause, a] = read.edges[cause, b] = None


def _node(read: _Links, word: str, line: str, number: int) -> str:
    kind = ""
    if word[:1] in _MARKS:
        closing, kind = _MARKS[word[0]]
        if not word.endswith(closing):
            raise SourceError(f"line {number}: `{word}` opens with {word[0]} and does not end with {closing}.", number)
        word = word[1:-1].strip()
    if not word or re.search(r"[\[\]<>()]|(^|\s)-|-(\s|$)", word):
        raise SourceError(
            f"line {number}: `{line}` is no link and no node: write a -> b, a <-> b, or a name alone.", number
        )
    read.nodes[word] = None
    if kind:
        getattr(read, kind)[word] = None
    return word


def _words(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)


def read_inline(text: str, *, decisions: Sequence[str] = (), utilities: Sequence[str] = ()) -> Any:
    r"""Read what stands in a page: YAML or JSON of cidmesa's own format, else links.

    The line ``cidmesa: 1`` may be left out.

    Examples
    --------
    >>> read_inline("edges: [[a, d], [d, u]]\ndecisions: [d]\nutilities: [u]").decisions
    ('d',)
    """
    if not re.match(r"\s*(\{|(#.*\n\s*)*(cidmesa|base|edges|nodes|model)\s*:)", text):
        return read_links(text, decisions=decisions, utilities=utilities)
    from cidmesa.interop import loads

    added = not re.search(r"^\s*\{|^cidmesa\s*:", text, flags=re.MULTILINE)
    try:
        return loads("cidmesa: 1\n" + text if added else text, name="here")
    except CidmesaError as error:
        found = re.match(r"here, line (\d+)", _words(error))
        line = min(int(found.group(1)) - added, len(text.splitlines())) if found else 0
        words = re.sub(
            r"^here(, line \d+(, column \d+)?)?( \(\w+\))?", f"line {line}" if line else "", _words(error)
        ).lstrip(", :")
        raise SourceError(words, line) from None


def read_named(name: str, folder: Path) -> tuple[Any, Any]:
    """Return what a name stands for: a system of the gallery, a diagram of the literature, or a file.

    Parameters
    ----------
    name
        The name, or a path; relative ones start at `folder`.
    folder
        The folder of the page.

    Returns
    -------
    tuple
        The object, and the system it is part of or ``None``.

    Raises
    ------
    SourceError
        Nothing of that name.
    """
    from cidmesa import gallery, literature

    if name in gallery.names():
        system = gallery.load(name)
        return system.setup, system
    if name in literature.names():
        return literature.load(name).cid, None
    path = folder / name
    if not path.is_file():
        known = [*gallery.names(), *literature.names()]
        raise SourceError(
            f"`{name}` is no system of the gallery, no diagram of the literature and no file beside this page"
            f"{did_you_mean(name, known)}; `cidmesa list` lists the first, `cidmesa list --literature` the second."
        )
    from cidmesa.interop import read
    from cidmesa.interop.study import Study

    try:
        obj = read(path)
    except (CidmesaError, OSError) as error:
        raise SourceError(_words(error)) from None
    return (obj.setup if isinstance(obj, Study) else obj), None
