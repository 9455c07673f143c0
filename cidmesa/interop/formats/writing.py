"""What the writers of formats share: texts that XML can hold, identifiers, and names that are no identifiers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final
from xml.sax.saxutils import quoteattr

from cidmesa.errors import FileFormatError
from cidmesa.interop.formats.network import Entry

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def as_text(text: str, format: str) -> str:
    """Return `text` after checking that XML can hold it."""
    bad = _NOT_XML.search(text)
    if bad:
        raise FileFormatError(
            f"{format} is XML, which cannot hold the character {bad.group()!r}: rename {text[:40]!r}."
        )
    return text


def attribute(text: str, format: str) -> str:
    """Return `text` as the value of an XML attribute, in quotes."""
    return quoteattr(as_text(text, format), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def label_or_nothing(entry: Entry, write: Callable[[str], str]) -> list[str]:
    """Return the line that `write` makes of a node's label, none where it has no label of its own."""
    return [write(entry.label)] if entry.label and entry.label != entry.name else []


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return an identifier for each name: itself where it is one, else one like it that nothing else has.

    >>> identifiers(["door", "Do test?", "Do_test_"])
    {'door': 'door', 'Do test?': 'Do_test__2', 'Do_test_': 'Do_test_'}
    """
    wanted = list(names)
    taken = {name for name in wanted if _IDENTIFIER.fullmatch(name)}
    found = {}
    for name in wanted:
        if name in taken:
            found[name] = name
            continue
        like = re.sub(r"[^A-Za-z0-9_]", "_", name)
        like = like if like[:1].isalpha() or like[:1] == "_" else f"n_{like}"
        new, count = like, 2
        while new in taken:
            new, count = f"{like}_{count}", count + 1
        taken.add(new)
        found[name] = new
    return found
