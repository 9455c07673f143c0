"""The page of the literature's diagrams says what the records say."""

from __future__ import annotations

from pathlib import Path

from cidmesa import literature
from cidmesa.literature.page import page

PAGE = Path(__file__).parents[2] / "docs" / "literature.md"


def test_the_page_is_the_records() -> None:
    # To write it anew: PAGE.write_text(page(literature.examples()), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(literature.examples())


def test_every_answer_is_on_it() -> None:
    text = page(literature.examples())
    for example in literature.examples():
        assert f"## {example.name}\n" in text
        assert all(expected.where in text for expected in example.expected)
