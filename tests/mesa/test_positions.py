"""Positions and information cover, against their definitions spelled out on a plain graph."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import d_separated
from cidmesa.mesa.positions import Cover, controls, cover, positions
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
