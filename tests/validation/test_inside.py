"""The inside as drawn, judged: interventions on inner nodes against what a learned-algorithm diagram says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import UnknownNodeError
from cidmesa.mesa.predictions.kinds.inside import BESIDE, MECHANISM
from cidmesa.mesa.predictions.predictions import predict
from cidmesa.validation.changed import measure
from cidmesa.validation.checks import Checks, Measured
from tests.agents.test_inside import CELLS, ENDS, MOVES, corridor
from tests.mesa.systems import red_door
from tests.strategies import examples

VIN = cm.CID(
    [
        ("goal", "reward"), ("place", "where"), ("reward", "plan"), ("reward", "values"), ("plan", "values"),
        ("plan", "move"), ("where", "move"),
    ],
    decisions=["plan"], utilities=["values"],
)  # fmt: skip


def judged(agents: Any, drawn: cm.CID, **options: Any) -> dict[str, Any]:
    """Return the rows about the inside, by subject."""
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(corridor(), learned={"move": drawn}), targets=["next"])
    report = cm.validate(family, agents, progress=False, retrain=False, **options)
    return {row.subject: row for row in report.rows if row.kind == "inside"}


def test_value_iteration_nets_are_as_drawn() -> None:
    agents = cm.train(
        corridor(),
        learner="exact",
        policy="vin",
        at="place",
        moves=ENDS,
        sweeps=6,
        agents=16,
        steps=300,
        progress=False,
    )
    rows = judged(agents, VIN)
    assert {subject: row.verdict for subject, row in rows.items()} == {
        "reward": "supported",
        "where": "supported",
        "plan": "supported",
        "mechanism of values": "inconclusive",
        "goal, place beside plan, where": "supported",
    }
    assert rows["mechanism of values"].reason.startswith("undefined: of `values` this body has the value")
    # Drawn otherwise: the action is read off the plan alone, wherever one is.
    wrong = VIN.without_edges([("where", "move")])
    contradicted = [subject for subject, row in judged(agents, wrong).items() if row.verdict == "contradicted"]
    assert contradicted == ["where", "goal, place beside plan"]


@pytest.mark.parametrize("policy", ["tabular", "mlp"])
def test_a_body_without_an_inside_gets_no_verdict(policy: str) -> None:
    agents = cm.train(corridor(), learner="exact", policy=policy, agents=16, steps=5, progress=False)
    for subject, row in judged(agents, VIN).items():
        first = subject.split(BESIDE)[-1].split(", ")[0].removeprefix(MECHANISM)
        assert row.reason == f"undefined: this body has no node `{first}`; nothing is known of its inside"
        assert row.verdict == "inconclusive"
        assert np.isnan(row.p)


def test_a_planner_is_asked_how_its_model_comes_about() -> None:
    model = red_door()
    inside = cm.CID(
        [("door", "plan"), ("red", "plan"), ("door", "at_door_hat"), ("plan", "at_door_hat"), ("plan", "go"),
         ("at_door_hat", "reward_hat")],
        decisions=["plan"], utilities=["reward_hat"],
    )  # fmt: skip
    agents = cm.train(model, policy="planner", agents=16, steps=300, progress=False)
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, learned={"go": inside}), targets=["at_door"])
    rows = {
        row.subject: row for row in cm.validate(family, agents, progress=False, retrain=False) if row.kind == "inside"
    }
    assert {subject: (row.expected, row.verdict) for subject, row in rows.items()} == {
        "plan": (True, "supported"),
        "at_door_hat": (False, "inconclusive"),
        "mechanism of at_door_hat": (True, "supported"),
        "mechanism of reward_hat": (True, "supported"),
        "door, red beside plan": (False, "supported"),
    }
    assert rows["at_door_hat"].reason == "undefined: of `at_door_hat` this body has how it comes about, and no value"


def test_what_a_plan_has_no_use_for_changes_nothing() -> None:
    """An ornament is drawn above the plan, which is an optimizer and does not need it; one agent does listen to it."""
    inside = cm.CID(
        [("goal", "map"), ("place", "map"), ("place", "ornament"), ("map", "plan"), ("ornament", "plan"),
         ("map", "worth"), ("plan", "worth"), ("plan", "move")],
        decisions=["plan"], utilities=["worth"],
    )  # fmt: skip

    def body(listens: bool) -> Callable[..., Any]:
        def thinks(seen: Mapping[str, Any], touch: Any) -> Any:
            chart = touch("map", np.sign(np.asarray(seen["goal"]) - np.asarray(seen["place"])))
            ornament = touch("ornament", np.asarray(seen["place"]))
            plan = touch("plan", np.where(listens & (ornament == CELLS), 0, chart))
            return {"move": np.array(list(MOVES))[plan.astype(int) + 1]}

        return thinks

    agents = cm.agents.from_callable(body(False), inside=["map", "ornament", "plan"])
    rows = judged(agents, inside)
    assert [(s, r.expected) for s, r in rows.items()] == [
        ("map", True), ("ornament", False), ("plan", True), ("mechanism of worth", True),
        ("goal, place beside plan", False),
    ]  # fmt: skip
    assert rows["ornament"].statistic.tolist() == [0]
    assert rows["goal, place beside plan"].statistic.tolist() == [0]
    assert rows["map"].statistic[0] > 0.3
    # The same under another name.
    named = inside.renamed({"plan": "intention"})
    told = judged(agents, named)["intention"].reason
    assert told == "undefined: this body has no node `intention`; it has `map`, `ornament`, `plan`"
    same = judged(agents, named, inside={"intention": "plan"})["intention"]
    assert same.statistic.tolist() == rows["plan"].statistic.tolist()
    with pytest.raises(UnknownNodeError, match="did you mean `intention`"):
        judged(agents, named, inside={"intentions": "plan"})


# Any inside -----------------------------------------------------------------------------------------------------------


@st.composite
def insides(draw: Any) -> tuple[cm.CID, dict[str, Any]]:
    """Draw an inside of up to four inner nodes with three values each, and how each comes about."""
    inputs, inner = ["x", "y"], [f"h{i}" for i in range(draw(st.integers(1, 4)))]
    order = [*inputs, *inner, "D"]
    edges = [(a, b) for i, b in enumerate(order) if i > 1 for a in order[:i] if draw(st.booleans())]
    cid = cm.CID(edges, nodes=order)
    tables = {}
    for node in (*inner, "D"):
        size = 3 ** len(cid.parents(node))
        values = draw(st.lists(st.integers(0, 2 if node != "D" else 1), min_size=size, max_size=size))
        tables[node] = np.array(values).reshape([3] * len(cid.parents(node)))
    return cid, tables


@given(insides())
@settings(max_examples=examples(quick=8, full=100), deadline=None)
def test_a_function_computed_as_drawn_breaks_no_row_and_numbers_are_those_of_brute_force(case: Any) -> None:
    inside, tables = case
    cid = cm.CID([("x", "D"), ("y", "D"), ("D", "pay")], decisions=["D"], utilities=["pay"])
    law = np.array([0.5, 0.3, 0.2])
    model = cid.parameterise(
        x=cm.Categorical(dict(enumerate(law.tolist()))), y=cm.Uniform(0, 1, 2), D=[0, 1], pay=lambda D: D
    )
    order = [inside.nodes[i] for i in inside.topological if inside.nodes[i] in tables]

    def computed(seen: Mapping[str, Any], held: Mapping[str, Any], touch: Any = lambda node, value: value) -> Any:
        found = dict(seen)
        for node in order:
            known = (
                tuple(np.broadcast_arrays(*(found[p] for p in inside.parents(node)))) if inside.parents(node) else ()
            )
            value = np.broadcast_to(tables[node][known], np.shape(seen["x"]))
            found[node] = held.get(node, value if node == "D" else touch(node, value))
        return found

    def thinks(seen: Mapping[str, Any], touch: Any) -> Any:
        return {"D": computed(seen, {}, touch)["D"]}

    inner = [node for node in order if node != "D"]
    agents = cm.agents.from_callable(thinks, inside=inner)
    setup = cm.TrainingSetup(model, learned={"D": inside})
    checks = Checks(setup, (), agents, draws=100)
    for row in predict(setup, ()):
        if row.kind != "inside":
            continue
        found = measure(checks, row)
        if isinstance(found, str):
            assert found.startswith("no two situations")
            continue
        assert isinstance(found, Measured)
        number = float(found.bounds.estimate[0])
        if row.modality == "must":
            assert number == 0, row
        total = weight = 0.0
        direct = inside.parents("D") if BESIDE in row.subject else ()
        names = row.subject.split(BESIDE)[-1].split(", ")
        for one, other in product(product(range(3), range(3)), repeat=2):
            here, there = dict(zip("xy", one, strict=True)), dict(zip("xy", other, strict=True))
            if one == other or any(here[p] != there[p] for p in "xy" if p in direct):
                continue
            then = computed({k: np.array(v) for k, v in there.items()}, {})
            now = computed({k: np.array(v) for k, v in here.items()}, {name: then[name] for name in names})
            before = then if BESIDE in row.subject else computed({k: np.array(v) for k, v in here.items()}, {})
            share = law[one[0]] * law[other[0]]
            total, weight = total + share * float(now["D"] != before["D"]), weight + share
        assert number == pytest.approx(total / weight)
