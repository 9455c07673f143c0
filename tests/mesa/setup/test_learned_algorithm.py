"""Learned-algorithm diagrams: spliced in, with their agents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError
from cidmesa.mesa.setup.learned_algorithm import by_design, inner_nodes, splice
from cidmesa.mesa.setup.training import TrainingSetup
from tests.strategies import cids, examples

MAZE = cm.CID(
    [("maze", "move"), ("move", "place"), ("maze", "place"), ("place", "reward")],
    decisions=["move"],
    utilities=["reward"],
)
PLANNER = cm.CID(
    [
        ("maze", "maze_hat"), ("maze_hat", "plan"), ("plan", "place_hat"), ("maze_hat", "place_hat"),
        ("place_hat", "evaluation"), ("plan", "move"),
    ],
    decisions=["plan"], utilities=["evaluation"],
)  # fmt: skip


def test_a_planner_is_an_optimizer_by_design_and_searches_its_map() -> None:
    setup = TrainingSetup(MAZE, learned={"move": PLANNER})
    spliced = setup.spliced
    assert spliced.kind("move") == "chance"
    assert spliced.parents("move") == ("plan",)
    assert set(spliced.agents) == {0, ("move", 0)}
    assert spliced.utilities_of(0) == ("reward",)
    assert spliced.decisions_of(("move", 0)) == ("plan",)
    (agent,) = by_design(setup.cid, setup.learned, setup.world)
    assert agent.territory == frozenset()
    assert agent.map == {"place_hat", "evaluation"}
    assert agent.incentives.requisite == {"maze_hat"}
    assert inner_nodes(setup.cid, setup.learned["move"]) == {"maze_hat", "plan", "place_hat", "evaluation"}


def test_without_inner_agents_inference_decides() -> None:
    setup = TrainingSetup(MAZE, learned={"move": cm.CID([("maze", "features"), ("features", "move")])})
    assert by_design(setup.cid, setup.learned, setup.world) == ()
    assert setup.spliced.decisions == ()


def test_several_inner_agents_stay_several() -> None:
    """Ten generative models, one per digit, here two: each fits its own latent to the picture."""
    base = cm.CID(
        [("digit", "picture"), ("picture", "answer"), ("answer", "hit"), ("digit", "hit")],
        decisions=["answer"],
        utilities=["hit"],
    )
    inside = cm.CID(
        [
            ("latent0", "fit0"), ("latent1", "fit1"), ("picture", "fit0"), ("picture", "fit1"),
            ("picture", "latent0"), ("picture", "latent1"), ("latent0", "answer"), ("latent1", "answer"),
        ],
        decisions={0: ["latent0"], 1: ["latent1"]}, utilities={0: ["fit0"], 1: ["fit1"]},
    )  # fmt: skip
    setup = TrainingSetup(base, learned={"answer": inside})
    zero, one = by_design(setup.cid, setup.learned, setup.world)
    assert (zero.agent, zero.utilities, one.agent, one.utilities) == (0, ("fit0",), 1, ("fit1",))
    assert zero.cid.decisions == ("latent0",)
    assert set(setup.spliced.agents) == {0, ("answer", 0), ("answer", 1)}


def test_an_inner_agent_with_memory_across_decisions_can_reach_the_world() -> None:
    """What it does now comes back as an input of the next step, and is evaluated there."""
    base = cm.CID([("d1", "x"), ("x", "d2"), ("d2", "u"), ("x", "u")], decisions=["d1", "d2"], utilities=["u"])
    first = cm.CID([("plan", "d1")], decisions=["plan"])
    second = cm.CID([("x", "seen"), ("seen", "d2")])
    setup = TrainingSetup(base, learned={"d1": first, "d2": second})
    assert by_design(setup.cid, setup.learned, setup.world) == ()  # the evaluation lies in the other inside
    assert setup.spliced.has_edge("seen", "d2")


def test_clashing_inner_names_are_refused() -> None:
    base = cm.CID([("x", "d1"), ("x", "d2"), ("d1", "u"), ("d2", "u")], decisions=["d1", "d2"], utilities=["u"])
    setup = TrainingSetup(base, learned={d: cm.CID([("x", "h"), ("h", d)]) for d in ("d1", "d2")})
    with pytest.raises(DiagramError, match=r"inner node of `d1` and of `d2`.*h_d2"):
        splice(setup.cid, setup.learned)


@given(base=cids(decisions=1, max_chance=4), data=st.data())
@settings(max_examples=examples(quick=60, full=1000))
def test_splicing_keeps_who_is_above_and_below(base: cm.CID, data: st.DataObject) -> None:
    """With an inside that passes on some inputs, the output descends from just those, and nothing outside changes."""
    inputs = base.parents("D0")
    used = [p for p in inputs if data.draw(st.booleans())]
    inside = cm.CID([*((p, "h") for p in used), ("h", "D0")])
    spliced = TrainingSetup(base, learned={"D0": inside}).spliced
    fewer = base.without_edges([(p, "D0") for p in inputs if p not in used])
    for node in base.nodes:
        assert spliced.ancestors(node) - {"h"} == fewer.ancestors(node)
    assert set(spliced.nodes) == {*base.nodes, "h"}
    assert spliced.utilities == base.utilities


def test_what_is_hidden_inside_stays_hidden() -> None:
    base = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    inside = cm.CID([("x", "h"), ("noise", "h"), ("h", "d")], latent=["noise"])
    assert TrainingSetup(base, learned={"d": inside}).spliced.latent == ("noise",)
