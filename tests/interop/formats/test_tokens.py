"""The tokenizer: every piece with its line and column, whatever stands in the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.interop.formats.tokens import Tokens, as_number
from tests.strategies import examples

MARKS = "{}()[],;=|"


@settings(max_examples=examples(quick=200, full=5000))
@given(
    pieces=st.lists(st.sampled_from(["a", "-1.5e3", '"x y"', '"q\\"r"', "{", ")", ",", ";"]), min_size=1, max_size=8),
    gaps=st.lists(st.sampled_from([" ", "\n", "\t", " // c\n", "/* {\n */", "\r\n"]), min_size=9, max_size=9),
)
def test_tokens_are_the_pieces_with_their_places(pieces: Any, gaps: Any) -> None:
    text, places = "", []
    for piece, gap in zip(pieces, gaps, strict=False):
        places.append((text.count("\n") + 1, len(text) - text.rfind("\n")))
        text += piece + gap
    tokens = Tokens(text, "t", marks=MARKS, comments=("//", "/*"))
    assert tokens.texts == [p[1:-1].replace('\\"', '"') if p[0] == '"' else p for p in pieces]
    assert [tokens.place(i) for i in range(len(pieces))] == [f"t, line {a}, column {b}" for a, b in places]


@settings(max_examples=examples(quick=200, full=5000))
@given(text=st.text(max_size=40))
def test_any_text_is_cut_into_pieces_or_refused(text: Any) -> None:
    try:
        tokens = Tokens(text, "t", marks=MARKS, comments=("//", "/*", "%"))
    except cm.FileFormatError as error:
        assert "does not end" in str(error)  # noqa: PT017
    else:
        assert sum(map(len, tokens.texts)) <= len(text)


@settings(max_examples=examples(quick=200, full=5000))
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_as_python_reads_them(value: Any) -> None:
    assert as_number(repr(value)) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1_000", "0x1", "1e", "--1", "1,5", "９", "1" * 400, "1/2", "1e999"]
)
def test_what_is_no_decimal_number_is_none(text: Any) -> None:
    assert as_number(text) is None
