"""Positions and information cover, against their definitions spelled out on a plain graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import d_separated
from cidmesa.mesa.graphical.positions import Cover, controls, cover, positions
from tests.mesa.exhaustive import random_cid
from tests.mesa.plain_graph import below, connected, parents, requisite
from tests.mesa.systems import red_door_cid
from tests.strategies import cids, examples

EVOLUTION = cm.CID(
    [("act", "sex"), ("sex", "young"), ("young", "pay"), ("young", "care"), ("act", "food"), ("food", "sex")],
    decisions=["act"],
    utilities=["pay"],
)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["pay"], {"identical"}),
        (["young"], {"identical"}),
        (["young", "food"], {"contains"}),
        (["sex"], {"side-effect"}),
        (["care"], {"instrumental"}),
        (["sex", "care"], {"side-effect", "instrumental"}),
    ],
)
def test_evolution(targets: list[str], expected: set[str]) -> None:
    assert positions(EVOLUTION, targets) == expected


def test_part_and_common_cause() -> None:
    cid = cm.CID(
        [("act", "state"), ("state", "shown"), ("state", "true"), ("act", "cost"), ("true", "pay"), ("cost", "pay")],
        decisions=["act"],
        utilities=["pay"],
    )
    assert positions(cid, ["true"]) == {"part"}
    assert positions(cid, ["shown"]) == {"common cause"}
    assert positions(cid, ["true", "cost"]) == {"identical"}


@pytest.mark.parametrize(
    ("scored", "meant", "position"), [("register", "truth", "referent"), ("truth", "register", "message")]
)
def test_referent_and_message(scored: str, meant: str, position: str) -> None:
    """The truth and the register that stores it: the score reads one, an agent may mean the other."""
    cid = cm.CID(
        [
            ("truth", "seen"), ("seen", "say"), ("truth", "register"), ("say", "right"), (scored, "right"),
            ("right", "pay"), ("say", "other"), (meant, "other"),
        ],
        decisions=["say"], utilities=["pay"],
    )  # fmt: skip
    assert positions(cid, ["right"]) == {"identical"}
    assert positions(cid, ["other"]) == {position}


def test_a_decision_is_no_label() -> None:
    """What the score reads from outside must be a chance node: else whatever a decision sees would be its referent."""
    cid = cm.CID(
        [("seen", "act"), ("seen", "meant"), ("act", "meant"), ("act", "paid"), ("paid", "pay")],
        decisions=["act"],
        utilities=["pay"],
    )
    assert set(cid.parents("paid")) == {"act"}  # outside what the decision influences, and below what it observes
    assert positions(cid, ["meant"]) == {"other"}
    assert positions(cid.with_edges([("seen", "paid")]), ["meant"]) == {"referent"}


def test_the_red_door() -> None:
    cid = red_door_cid()
    assert positions(cid, ["at_red"]) == {"spurious"}
    assert positions(cid, ["weather"]) == frozenset()
    assert cover(cid, ["at_red"]) == {"go": {"door": Cover.SURROGATE}}
    apart = cid.without_edges(("door", "red"))
    assert cover(apart, ["at_red"]) == {"go": {"door": Cover.SEVERED}}
    assert positions(apart, ["at_red"]) == {"other"}


@given(cid=cids(decisions=(1, 2), max_chance=4), data=st.data())
@settings(max_examples=examples(quick=120, full=3000))
def test_cover_is_what_the_definition_says(cid: cm.CID, data: st.DataObject) -> None:
    """Requisites by d-separation in the diagram with the utility drawn in, for every decision."""
    targets = data.draw(st.lists(st.sampled_from([*cid.chance, *cid.utilities]), min_size=1, max_size=3, unique=True))
    drawn = cid.demote(*cid.utilities).with_utility("m", targets, agent=0)
    found = cover(cid, targets)
    for decision in cid.decisions:

        def requisite(diagram: cm.CID, goals: list[str], decision: str = decision) -> set[str]:
            parents = diagram.parents(decision)
            below = [u for u in goals if u in diagram.descendants(decision)]
            return {
                x
                for x in parents
                if below and not d_separated(diagram, [x], below, [p for p in (*parents, decision) if p != x])
            }

        base, mesa = requisite(cid, list(cid.utilities)), requisite(drawn, ["m"])
        assert set(found[decision]) == base
        for node, kind in found[decision].items():
            if node in mesa:
                assert kind == "covered"
            else:
                apart = not mesa or d_separated(cid, [node], sorted(mesa), [])
                assert kind == ("severed" if apart else "surrogate")


@given(cid=cids(decisions=(1, 2), max_chance=5), data=st.data())
@settings(max_examples=examples(quick=120, full=3000))
def test_there_is_a_position_iff_something_is_controlled(cid: cm.CID, data: st.DataObject) -> None:
    targets = data.draw(st.lists(st.sampled_from([*cid.chance, *cid.utilities]), min_size=1, max_size=3, unique=True))
    found = positions(cid, targets)
    assert bool(found) == controls(cid, targets)
    assert not found & {"identical", "contains"} or "part" not in found
    assert not {"identical", "contains"} <= found
    if found & {"referent", "message", "other"}:
        assert len(found) == 1


def by_definition(cid: cm.CID, targets: set[str]) -> set[str]:
    """The definitions one by one, on a plain list of edges."""
    edges = list(cid.edges)
    decisions, score = set(cid.decisions), set(cid.utilities)
    reach = below(edges, decisions)
    mine = targets & reach
    if not mine:
        return set()
    reads = {tail for tail, head in edges if head in score}
    ends = (reads - decisions) & reach
    found = set()
    if targets == score or (targets == reads and not reads & decisions):
        found.add("identical")
    elif targets > score or (targets > reads and not reads & decisions):
        found.add("contains")
    elif mine & ends:
        found.add("part")
    means, other_ends = mine - ends - score, ends - targets
    if any(below(edges, [t]) & other_ends for t in means):
        found.add("side-effect")
    if any(below(edges, [y]) & means for y in other_ends):
        found.add("instrumental")
    if not found & {"side-effect", "instrumental"} and any(
        below(edges, [s]) & means and below(edges, [s]) & other_ends for s in reach
    ):
        found.add("common cause")
    for decision in decisions:
        kept = requisite(cid, decision, targets)
        lost = requisite(cid, decision, score & below(edges, [decision])) - kept
        if kept and any(connected(edges, z, kept, ()) for z in lost):
            found.add("spurious")
    if found:
        return found
    read = {x for t in mine for x in parents(edges, t)} - reach - decisions - score
    labels = {x for y in ends | score for x in parents(edges, y)} - reach - decisions
    if any(label == x or label in below(edges, [x]) for x in read for label in labels):
        return {"referent"}
    return {"message"} if any(x in below(edges, [label]) for x in read for label in labels) else {"other"}


def test_positions_are_what_the_definition_says() -> None:
    """One and two decisions, one and two utilities, one to three targets, the score whole or not at all."""
    seen: set[str] = set()
    for seed in range(examples(quick=600, full=6000)):
        rng = np.random.default_rng(seed)
        chance, decisions, utilities = (int(rng.integers(low, high)) for low, high in ((2, 7), (1, 3), (1, 3)))
        cid = random_cid(rng, chance=chance, decisions=decisions, utilities=utilities)
        pool = [*cid.chance, cid.utilities[0]]
        targets = set(rng.choice(pool, size=min(int(rng.integers(1, 4)), len(pool)), replace=False).tolist())
        targets |= set(cid.utilities) if cid.utilities[0] in targets else set()
        expected = by_definition(cid, targets)
        assert positions(cid, targets) == expected, seed
        seen |= expected
    assert len(seen) == 10  # every position there is
