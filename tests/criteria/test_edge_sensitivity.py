from __future__ import annotations

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.criteria import Answer
from cidmesa.criteria.criteria import judge
from tests.strategies import cids, examples


@given(cids(max_chance=3, decisions=(1, 2)))
@settings(max_examples=examples(quick=25, full=500))
def test_flips_are_exactly_the_edges_that_change_the_answer(cid: cm.CID) -> None:
    d = cid.decisions[0]
    for criterion in ("voi", "ici", "relevance"):
        for node in cid.nodes:
            try:
                verdict = judge(cid, criterion, node, d)
            except cm.NotApplicableError:
                continue
            before = verdict.settled is Answer.EXCLUDES
            flips = cm.sensitivity(cid, verdict)
            found = {(flip.edge, flip.added) for flip in flips}
            for tail in cid.nodes:
                for head in cid.nodes:
                    try:
                        there = cid.has_edge(tail, head)
                        changed = cid.without_edges((tail, head)) if there else cid.with_edges((tail, head))
                        after = judge(changed, criterion, node, d).settled is Answer.EXCLUDES
                    except cm.CidmesaError:
                        assert ((tail, head), not cid.has_edge(tail, head)) not in found
                        continue
                    assert (((tail, head), not cid.has_edge(tail, head)) in found) == (after != before)
            for flip in flips:
                assert (judge(flip.apply(cid), criterion, node, d).settled is Answer.EXCLUDES) == flip.excludes


def test_the_edges_to_try_can_be_chosen() -> None:
    cid = cm.CID([("post", "opinion"), ("post", "clicks")], decisions=["post"], utilities=["clicks"])
    verdict = cm.admits_ici(cid, "opinion")
    assert [str(f) for f in cm.sensitivity(cid, verdict, edges=[("opinion", "clicks"), ("post", "clicks")])] == [
        "add opinion -> clicks: yes"
    ]
    with pytest.raises(cm.DiagramError):
        cm.sensitivity(cid, verdict, edges=[("opinion", "post")])
    with pytest.raises(cm.NotApplicableError, match="another diagram"):
        cm.sensitivity(cid.with_edges(("a", "b")), verdict)


def test_sensitivity_is_of_a_verdict() -> None:
    cid = cm.CID([("post", "clicks")], decisions=["post"], utilities=["clicks"])
    with pytest.raises(cm.NotApplicableError, match="sensitivity is of a verdict; got True"):
        cm.sensitivity(cid, True)  # type: ignore[arg-type]
    with pytest.raises(cm.DiagramError, match="an edge is a pair"):
        cm.sensitivity(cid, cm.admits_ici(cid, "clicks"), edges=["ab"])  # type: ignore[list-item]
