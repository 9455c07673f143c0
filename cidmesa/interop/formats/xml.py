"""Reading XML with the line of every element, through defusedxml: no entities, no external references.

A document type with element declarations is read over, since the XMLBIF standard has one; a declared entity is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np

from cidmesa.errors import FileFormatError
from cidmesa.interop.formats.tokens import MOST_TOKENS, as_number

DEEPEST: Final = 64
"""How deep elements may be nested."""

MOST_ELEMENTS: Final = 200_000
"""How many elements, and about as many attributes, a file may have: 10,000 nodes make about 200,000."""


@dataclass(slots=True)
class Element:
    """One element: its tag, attributes, text (all of its own pieces joined), children and line."""

    tag: str
    attributes: dict[str, str]
    line: int
    name: str
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text directly inside, without the white space around it."""
        return "".join(self.pieces).strip()

    def all(self, tag: str) -> Iterator[Element]:
        """Yield the children with this tag."""
        return (child for child in self.children if child.tag == tag)

    def find(self, *path: str) -> Element | None:
        """Return the first child with this tag, or further down a path of tags; ``None`` if there is none."""
        at: Element | None = self
        for tag in path:
            at = next(at.all(tag), None) if at is not None else None
        return at

    def need(self, tag: str) -> Element:
        """Return the first child with this tag, which must be there."""
        found = self.find(tag)
        if found is None:
            self.fail(f"<{self.tag}> has no <{tag}>.")
        return found

    def text_of(self, tag: str) -> str:
        """Return the text of the first child with this tag, empty if there is none."""
        found = self.find(tag)
        return found.text if found is not None else ""

    def attribute(self, key: str) -> str:
        """Return an attribute, which must be there."""
        if key not in self.attributes:
            self.fail(f"<{self.tag}> has no attribute `{key}`.")
        return self.attributes[key]

    def numbers(self) -> list[float]:
        """Return the text as numbers with white space between."""
        words = self.text.split()
        found = [as_number(word) for word in words]
        if None in found:
            bad = words[found.index(None)]
            self.fail(f"<{self.tag}> holds numbers; got `{bad[:40]}`.")
        return [number for number in found if number is not None]

    def walk(self) -> Iterator[Element]:
        """Yield this element and all below it."""
        waiting = [self]
        while waiting:
            at = waiting.pop()
            yield at
            waiting += reversed(at.children)

    def fail(self, words: str) -> NoReturn:
        """Raise about this element."""
        raise FileFormatError(f"{self.name}, line {self.line}: {words}")


class _Builder:
    """What the parser calls; it makes the tree and knows the parser's line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.expat: Any = None
        self.root: Element | None = None
        self.open: list[Element] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self.expat.CurrentLineNumber
        if len(self.open) >= DEEPEST:
            raise FileFormatError(f"{self.name}, line {line}: elements are nested more than {DEEPEST} deep.")
        element = Element(tag.rpartition("}")[2], dict(attributes), line, self.name)
        if self.open:
            self.open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        self.open.append(element)

    def end(self, tag: str) -> None:
        self.open.pop()

    def data(self, text: str) -> None:
        if self.open:
            self.open[-1].pieces.append(text)

    def close(self) -> Element | None:
        return self.root


def parse(data: bytes, name: str) -> Element:
    """Read XML.

    Parameters
    ----------
    data
        The bytes; their encoding is what the document says, UTF-8 if it says nothing.
    name
        What errors call it.

    Raises
    ------
    FileFormatError
        Not well-formed, nested too deeply, or with an entity or an external reference.

    Examples
    --------
    >>> parse(b"<a><b x='1'>some text</b></a>", "my.xml").need("b").text
    'some text'
    >>> parse(b'<!DOCTYPE a [<!ENTITY e "boom">]><a>&e;</a>', "my.xml")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: my.xml: XML with entities or external references is not read: ...
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    elements = data.count(b"<") - data.count(b"</") - data.count(b"<!") - data.count(b"<?")
    if elements > MOST_ELEMENTS:  # before any is made: a million of them take seconds
        raise FileFormatError(f"{name}: more than {MOST_ELEMENTS:,} elements: split the diagram.")
    if _words(data) > MOST_TOKENS or data.count(b"=") > 2 * MOST_ELEMENTS:
        raise FileFormatError(f"{name}: more than {MOST_TOKENS:,} words, or too many attributes: split the diagram.")
    builder = _Builder(name)
    parser: Any = DefusedXMLParser(target=builder, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    builder.expat = parser.parser
    parser.parser.StartDoctypeDeclHandler = _no_external_type
    try:
        parser.feed(data.lstrip(b" \t\r\n") if data[:1].isspace() else data)  # some write white space before <?xml
        root: Element | None = parser.close()
    except (DefusedXmlException, _ExternalTypeError):
        raise FileFormatError(
            f"{name}: XML with entities or external references is not read: write out what they stand for."
        ) from None
    except ParseError as error:
        line, column = error.position
        raise FileFormatError(
            f"{name}, line {line}, column {column + 1}: not XML: {str(error).split(':')[0]}."
        ) from None
    except FileFormatError:
        raise
    except (ValueError, LookupError) as error:  # an encoding that expat does not know
        raise FileFormatError(f"{name}: not XML that can be read: {str(error)[:80]}.") from None
    if root is None:
        raise FileFormatError(f"{name}: there is no element in it.")
    return root


def _words(data: bytes) -> int:
    """Return how many words stand in a file, counted where white space ends.

    >>> _words(b"<a> 0.5  0.25 </a>")
    3
    """
    white = np.frombuffer(data, dtype=np.uint8) <= ord(" ")
    return int(np.count_nonzero(white[:-1] & ~white[1:]))


class _ExternalTypeError(Exception):
    """The document type lies in another file."""


def _no_external_type(name: str, system: str | None, public: str | None, internal: int) -> None:
    if system or public:
        raise _ExternalTypeError
