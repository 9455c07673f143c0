from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa.arguments import read_edges, read_names, read_values, require_cid

CHAIN = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"])


def test_a_diagram_passes_and_what_holds_one_says_where_it_is() -> None:
    assert require_cid(CHAIN, "a question") is CHAIN
    with pytest.raises(cm.NotApplicableError, match=r"a question is about a diagram; got a Verdict: pass its \.cid\."):
        require_cid(cm.admits_ici(CHAIN, "pay"), "a question")
    with pytest.raises(cm.NotApplicableError, match=r"got a CIM: pass model\.cid\."):
        require_cid(CHAIN.parameterise(go=[0, 1], pay=lambda go: go), "a question")
    with pytest.raises(cm.NotApplicableError, match="a question is about a diagram, a CID; got None"):
        require_cid(None, "a question")


@pytest.mark.parametrize("edges", [[("a", "b")], ("a", "b"), ["a", "b"], iter([["a", "b"]]), {("a", "b")}])
def test_one_edge_or_several_in_any_collection(edges: Any) -> None:
    assert read_edges(edges, "cut_edges") == (("a", "b"),)


@pytest.mark.parametrize("edges", ["ab", ["ab"], [("a", 1)], [("a", ["b"])], [("a", "b"), "ab"], None, {"a", "b"}])
def test_letters_and_numbers_are_no_edges(edges: Any) -> None:
    with pytest.raises(
        cm.DiagramError, match=r"an edge is a pair \(tail, head\); got .*: cut_edges=\[\(tail, head\), "
    ):
        read_edges(edges, "cut_edges")


def test_names_and_values() -> None:
    assert read_edges([], "cut_edges") == ()
    assert read_values(None, "given") == {}
    assert read_names(iter("ab"), "names") == ("a", "b")
    with pytest.raises(cm.NotApplicableError, match=r"do= is a mapping from node to value.*got 0"):
        read_values(0, "do")  # type: ignore[arg-type]
    with pytest.raises(cm.NotApplicableError, match=r"names is a list of names.*got 3"):
        read_names(3, "names")  # type: ignore[arg-type]
