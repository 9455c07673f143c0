"""The tokenizer of the text formats (BIF, NET, DNE, Elvira, UAI, EFG), with the line and the column of every token.

All of them are made of the same three things: texts in double quotes, single marks such as ``{`` and ``,``, and words,
which are whatever stands between (numbers are words that read as numbers). They differ in their marks and comments.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NoReturn

from cidmesa.errors import FileFormatError

DEEPEST: Final = 64
"""How deep lists may be nested."""

MOST_TOKENS: Final = 1_600_000
"""How many words and marks a file may have: the largest networks that are passed around have about a million."""

MOST_JSON_PARTS: Final = 3_000_000
"""How many entries JSON may have."""

_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LONGEST: Final = 320
"""Characters of the longest number: the smallest float written out in full has about that many."""

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}


class Tokens:
    r"""A text in pieces, read from left to right.

    Parameters
    ----------
    text
        The text.
    name
        What errors call it.
    marks
        Characters that are tokens of their own.
    comments
        How comments begin: ``//``, ``%`` and ``#`` reach to the end of the line, ``/*`` to ``*/``.
    escapes
        Whether ``\`` escapes the next character inside quotes.

    Examples
    --------
    >>> tokens = Tokens('node A { % a comment\n states = ("yes" "no"); }', "my.net", marks="{}()=;", comments=("%",))
    >>> tokens.word(), tokens.word(), tokens.take("{"), tokens.word()
    ('node', 'A', '{', 'states')
    >>> tokens.take("(")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: my.net, line 2, column 9: `(` is expected here; got `=`.
    """

    def __init__(self, text: str, name: str, *, marks: str, comments: Iterable[str] = (), escapes: bool = True) -> None:
        self.name = name
        self.at = 0
        self._text = text
        self._lines: list[int] | None = None
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.quoted: set[int] = set()
        texts, starts = self.texts.append, self.starts.append
        for match in _pattern(marks, tuple(comments), escapes).finditer(text):
            kind = match.lastgroup
            if kind == "skip":
                continue
            starts(match.start())
            if kind == "quote":
                self.quoted.add(len(self.texts))
                inside = match.group()[1:-1]
                texts(_unescaped(inside) if escapes and "\\" in inside else inside)
            elif kind == "open":
                texts("")
                self.at = len(self.texts) - 1
                what = "comment" if match.group() == "/*" else "text in quotes"
                self.fail(f"the {what} that begins here does not end.")
            else:
                texts(match.group())
            if len(self.texts) > MOST_TOKENS:
                self.at = MOST_TOKENS
                self.fail(f"the file has more than {MOST_TOKENS:,} words and marks: split the diagram.")
        starts(len(text))

    # Where one is -------------------------------------------------------------------------------------------------

    def place(self, at: int | None = None) -> str:
        """Return ``name, line …, column …`` of a token, by default the one that comes next."""
        start = self.starts[min(self.at if at is None else at, len(self.texts))]
        if self._lines is None:
            self._lines = [0, *(match.end() for match in re.finditer(r"\n", self._text))]
        line = bisect_right(self._lines, start)
        return f"{self.name}, line {line}, column {start - self._lines[line - 1] + 1}"

    def fail(self, words: str, at: int | None = None) -> NoReturn:
        """Raise about a token, by default the one that comes next."""
        raise FileFormatError(f"{self.place(at)}: {words}")

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.texts)

    def is_next(self, mark: str) -> bool:
        """Say whether the next token is this mark or word, and not a text in quotes."""
        return self.at < len(self.texts) and self.texts[self.at] == mark and self.at not in self.quoted

    def follows(self, mark: str) -> bool:
        """Say whether this mark or word comes after the next token."""
        return self.at + 1 < len(self.texts) and self.texts[self.at + 1] == mark and self.at + 1 not in self.quoted

    def shown(self) -> str:
        """Return the next token for a message, shortened."""
        if self.ended:
            return "the end"
        text = self.texts[self.at]
        return f"`{text[:40]}{'…' if len(text) > 40 else ''}`"

    # Taking -------------------------------------------------------------------------------------------------------

    def next(self) -> str:
        """Take whatever comes next."""
        if self.ended:
            self.fail("the file ends too early.")
        self.at += 1
        return self.texts[self.at - 1]

    def take(self, mark: str) -> str:
        """Take this mark or word and nothing else."""
        if not self.is_next(mark):
            self.fail(f"`{mark}` is expected here; got {self.shown()}.")
        return self.next()

    def skip(self, mark: str) -> bool:
        """Take this mark or word if it comes next, and say whether it did."""
        if self.is_next(mark):
            self.at += 1
            return True
        return False

    def word(self, what: str = "a name", marks: str = "{}()[];,=|") -> str:
        """Take a word or a text in quotes."""
        if self.ended or (self.at not in self.quoted and self.texts[self.at] in marks):
            self.fail(f"{what} is expected here; got {self.shown()}.")
        return self.next()

    def number(self, what: str = "a number") -> float:
        """Take a number."""
        found = as_number(self.texts[self.at]) if not self.ended else None
        if found is None:
            self.fail(f"{what} is expected here; got {self.shown()}.")
        self.at += 1
        return found

    def whole(self, what: str, most: int = 1_000_000) -> int:
        """Take a whole number from 0 to `most`."""
        text = "" if self.ended else self.texts[self.at]
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most):
            self.fail(f"{what} is a whole number of at most {most:,}; got {self.shown()}.")
        self.at += 1
        return int(text)

    def numbers(self, count: int, what: str) -> list[float]:
        """Take `count` numbers in a row."""
        if count > len(self.texts) - self.at:
            self.fail(f"{what} has {count:,} numbers, and the file ends before.", len(self.texts))
        return [self.number(f"a number of {what}") for _ in range(count)]

    def nested(self, opening: str = "(", closing: str = ")") -> list[str]:
        """Take a nested list in brackets, and return its words in order; commas between them are left out."""
        self.take(opening)
        start, depth, found = self.at - 1, 1, []
        while depth:
            if self.ended:
                self.fail("the list that begins here does not end.", start)
            if self.is_next(opening):
                depth += 1
                if depth > DEEPEST:
                    self.fail("the lists are nested too deeply.")
            elif self.is_next(closing):
                depth -= 1
            elif not self.is_next(","):
                found.append(self.texts[self.at])
            self.at += 1
        return found

    def skip_block(self, opening: str = "{", closing: str = "}") -> None:
        """Leave out a block in brackets with everything in it."""
        self.take(opening)
        start, depth = self.at - 1, 1
        while depth:
            if self.ended:
                self.fail("the block that begins here does not end.", start)
            depth += self.is_next(opening) - self.is_next(closing)
            self.at += 1


def json_parts(text: str) -> int:
    """Return how many entries a JSON text has, lists and mappings among them, or a few more.

    >>> json_parts('{"a": [1, 2]}')
    3
    """
    return text.count(",") + text.count("[") + text.count("{")


def as_number(text: str) -> float | None:
    """Read a decimal number, ``None`` if it is none; ``nan``, ``1_000``, ``1e999`` and numbers of 10⁶ digits are none.

    >>> as_number("-1.5e3"), as_number("0,27"), as_number("nan")
    (-1500.0, None, None)
    """
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(1)), text, flags=re.DOTALL)


@lru_cache
def _pattern(marks: str, comments: tuple[str, ...], escapes: bool) -> re.Pattern[str]:
    """Return a pattern of which every character of any text belongs to exactly one match."""
    skips = [r"\s++"]
    stops = marks
    for begin in comments:
        if begin == "/*":
            skips.append(r"/\*(?:[^*]|\*(?!/))*+\*/")
        else:
            skips.append(rf"{re.escape(begin)}[^\n]*+")
            stops += begin if len(begin) == 1 else ""
    inside = r'"(?:[^"\\]|\\.)*+"' if escapes else r'"[^"]*+"'
    openings = ['"', *([r"/\*"] if "/*" in comments else [])]
    slashes = [rf"(?!{re.escape(begin)})" for begin in comments if len(begin) > 1]
    return re.compile(
        rf"(?P<skip>{'|'.join(skips)})|(?P<quote>{inside})|(?P<open>{'|'.join(openings)})|"
        rf"(?P<mark>[{re.escape(marks)}])|(?P<word>(?:{''.join(slashes)}[^\s\"{re.escape(stops)}])++)",
        re.DOTALL,
    )
