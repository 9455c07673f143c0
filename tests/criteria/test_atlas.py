"""The atlas: complete, right, and what brute force says of larger diagrams that collapse to its own."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria.atlas import diagram, diagrams, looked_up, pages
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.witness.linear_search import linear_search
from tests.criteria.test_soundness import listed, structural
from tests.strategies import FULL, cids, examples


def test_no_diagram_is_missing_and_no_answer() -> None:
    chance = 2 if FULL else 1
    counts: Counter[cm.Answer] = Counter()
    for size in range(chance + 1):
        for key, cid in diagrams(size):
            assert {tuple(link.split(">")) for link in pages()[key]} == {
                (p, d) for d in cid.decisions for p in cid.parents(d)
            }
    for page in pages().values():
        counts.update(found for link, found in page.items() if link[0] == "x")
    assert len(pages()) == 338
    assert (counts[cm.Answer.EXCLUDES], counts[cm.Answer.ADMITS], counts[cm.Answer.UNKNOWN]) == (355, 413, 0)


def test_every_answer_is_what_is_found_now() -> None:
    """A no has a proof that checks, and a yes a model."""
    rng = random.Random(0)
    for key in rng.sample(sorted(pages()), examples(quick=25, full=338)):
        cid = diagram(key)
        for link, found in pages()[key].items():
            node, decision = link.split(">")
            verdict = cm.admits_voi(cid, node, decision)
            if found is cm.Answer.EXCLUDES:
                assert verdict.answer is found, verdict
                assert verdict.because.check(cid)
            else:  # looked for as long as when the atlas was made
                model = linear_search(verdict, "voi", draws=6000) or verdict.witness()
                assert cm.value_of_information(model, node, decision) > 1e-9


@given(st.data(), cids(max_chance=3, decisions=2, utilities=1, max_parents=2))
@settings(max_examples=examples(quick=60, full=400))
def test_what_collapses_to_it_is_looked_up(data: st.DataObject, cid: cm.CID) -> None:
    links = [(p, d) for d in cid.decisions for p in cid.parents(d)]
    assume(links)
    node, decision = data.draw(st.sampled_from(links))
    found = looked_up(cid, node, decision)
    if not set(cid.decisions) <= cid.ancestors(cid.utilities[0]):
        assert found is None
        return
    assert judge(cid, "voi", node, decision, search=False).settled in (None, found) or found is None
    if found is cm.Answer.EXCLUDES:
        scim, rules = listed(data.draw(structural(cid)))
        assert scim.gain_from_seeing(rules, node, decision) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("node", "decision"), [("u", "d0"), ("d1", "d0"), ("d0", "d0"), ("x0", "u")])
def test_what_cannot_be_seen(node: Any, decision: Any) -> None:
    cid = diagram("d0>d1 d0>u d1>u x0>d0")
    with pytest.raises(cm.NotApplicableError, match="cannot see"):
        looked_up(cid, node, decision)


def test_what_is_not_in_it() -> None:
    game = cm.CID([("a", "u"), ("b", "v")], decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["u"], "B": ["v"]})
    assert looked_up(game, "a", "b") is None
    wide = cm.CID([("d", "u"), ("e", "u"), *((f"x{i}", "d") for i in range(5))], decisions=["d", "e"], utilities=["u"])
    assert looked_up(wide, "x0", "d") is None
