"""Theorem C and its dual: every pair of models that is built works, by brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.graphical.completeness import disagreeing_models
from cidmesa.mesa.graphical.interfaces import is_interface
from tests.mesa.exhaustive import World, best, random_cid
from tests.strategies import examples

if TYPE_CHECKING:
    from cidmesa.mesa.graphical.completeness import Disagreement


def check(pair: Disagreement) -> None:
    """One mechanism differs, optimal policies are the same before and disjoint after."""
    for node in pair.before.cid.nodes:
        if pair.before.cid.kind(node) != "decision" and node != pair.shifted:
            assert np.array_equal(pair.before.cpd(node), pair.after.cpd(node))
    value = np.array([0.0, 1.0])
    before, after = World(pair.before), World(pair.after)
    proxy, base = (best(before.values(v)) for v in (before.payoff([pair.target], value), before.utility()))
    assert np.array_equal(proxy, base)
    assert proxy.any()
    assert not proxy.all()
    proxy, base = (best(after.values(v)) for v in (after.payoff([pair.target], value), after.utility()))
    assert not np.any(proxy & base)


def around(cid: cm.CID, tail: str, ends: set[str], middle: str) -> bool:
    """Whether a directed path leads from `tail` to one of `ends` without `middle`."""
    seen, todo = {tail}, [tail]
    while todo:
        node = todo.pop()
        if node in ends:
            return middle not in {node, tail}
        new = [c for c in cid.children(node) if c not in seen and c != middle]
        seen.update(new)
        todo += new
    return False


@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("decisions", [1, 2])
def test_every_pair_works(dual: bool, decisions: int) -> None:
    """Wherever the premises hold by a search of its own, there is a pair, and brute force confirms it."""
    wanted, checked, seed = examples(quick=40, full=2000), 0, 0
    while checked < wanted:
        seed += 1
        rng = np.random.default_rng([decisions, dual, seed])
        cid = random_cid(rng, chance=5, decisions=decisions)
        (pay,) = cid.utilities
        for target in cid.chance:
            middles = [p for p in cid.parents(pay) if cid.kind(p) == "chance" and p != target] if dual else [target]
            for middle in middles:
                if not any(middle in cid.descendants(d) for d in cid.decisions):
                    continue
                end = target if dual else pay
                if end not in cid.descendants(middle) or not is_interface(cid, [middle], [target]):
                    continue
                for shifted in (*cid.chance, pay):
                    if shifted == middle or not around(cid, shifted, {end}, middle):
                        with pytest.raises(NotApplicableError):
                            disagreeing_models(cid, target, shifted, middle=middle)
                        continue
                    pair = disagreeing_models(cid, target, shifted, middle=middle)
                    assert (pair.middle, pair.shifted) == (middle, shifted)
                    check(pair)
                    checked += 1


def test_contraception() -> None:
    """Evolution's side effect: food and sex serve offspring, until something comes between."""
    cid = cm.CID(
        [("act", "sex"), ("sex", "child"), ("pill", "child"), ("child", "fitness")],
        decisions=["act"],
        utilities=["fitness"],
    )
    check(disagreeing_models(cid, "sex", "pill"))
    check(disagreeing_models(cid, "sex", "child"))
    check(disagreeing_models(cid, "sex", "fitness"))
    with pytest.raises(NotApplicableError, match="around `child`"):
        disagreeing_models(cid, "child", "pill")


def test_the_reason_names_the_premise() -> None:
    cid = cm.CID([("act", "x"), ("act", "y"), ("y", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    with pytest.raises(NotApplicableError, match="`x` is no interface"):
        disagreeing_models(cid, "x", "y")
    with pytest.raises(NotApplicableError, match="is a decision"):
        disagreeing_models(cid, "x", "act")
    with pytest.raises(NotApplicableError, match="chance node"):
        disagreeing_models(cid, "pay", "x")
    lonely = cm.CID([("act", "x"), ("z", "pay")], decisions=["act"], utilities=["pay"])
    with pytest.raises(NotApplicableError, match="does not apply"):
        disagreeing_models(lonely, "x", "z")


def test_several_utilities_count_as_one_only_where_both_paths_meet() -> None:
    cid = cm.CID([("act", "x"), ("x", "u"), ("v", "w")], decisions=["act"], utilities=["u", "w"])
    with pytest.raises(NotApplicableError, match="around"):
        disagreeing_models(cid, "x", "v")
    check(disagreeing_models(cid.with_edges(("v", "u")), "x", "v"))
