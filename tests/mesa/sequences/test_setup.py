"""Sequences from steps, from tables and from environments, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.solve.policies.step_model import StepModel
from tests.mesa.sequences import walks

CORRIDOR = StepModel.moving([[0, 1], [0, 2], [1, 2]], start=[0, 1, 0])


def test_tables_say_what_a_step_says() -> None:
    cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
    made = {"at": [0.0, 1.0, 0.0], "act": [0, 1], "at'": lambda at, act: min(2, max(0, at + 2 * act - 1))}
    step = cid.parameterise(made | {"pay": lambda **now: [0.3, 0.0, 1.0][now["at'"]]})
    there = replace(CORRIDOR, start=np.array([1, 0, 0], dtype=object))
    drawn = cm.SequenceSetup(step, 3, {"left": {"at": [1.0, 0.0, 0.0]}})
    given = cm.SequenceSetup.of_tables(
        CORRIDOR, [0.3, 0.0, 1.0], 3, targets={"in": [0, 1, 2]}, deployments={"left": there}
    )
    one = cm.derive_mesa_optimizers(drawn, targets=["at'"])["at'"]
    two = cm.derive_mesa_optimizers(given, targets=["in"])["in"]
    assert [o.name.replace("at'", "in") for o in one.declared] == [o.name for o in two.declared]
    for first, second in zip(one.declared, two.declared, strict=True):
        mine, other = one.of(first), two.of(second)
        assert mine.regret("training") == other.regret("training")
        assert mine.regret("left", stale=True) == other.regret("left", stale=True)
    assert one.possible_actions("left") == two.possible_actions("left")
    assert one.row() | {"targets": 0, "objective": 0} == two.row() | {"targets": 0, "objective": 0}
    by_action = cm.SequenceSetup.of_tables(CORRIDOR, np.eye(3)[:, :2], 2, targets={"does": [["l", "r"]] * 3})
    assert by_action.training.domains["does"] == ("l", "r")
    assert by_action.optimum("training").value == 1


def test_a_lake_whose_goal_has_moved() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    lake = gymnasium.make("FrozenLake-v1")
    moved = gymnasium.make("FrozenLake-v1", desc=["SFFG", "FHFH", "FFFH", "HFFF"])
    corner = {"last cell": lambda state: int(state == 15)}
    setup = cm.SequenceSetup.of_gymnasium(lake, 100, targets=corner, deployments={"moved": moved})
    assert float(setup.optimum("training").value) == pytest.approx(0.74419, abs=1e-5)
    family = cm.derive_mesa_optimizers(setup, targets=["last cell", "reward"])
    cell, reward = family["last cell"], family["reward"]
    assert str(cell.consistency) == str(reward.consistency) == "CONSISTENT"
    assert reward.robustly_aligned["moved"]
    assert not reward.robustly_aligned_stale["moved"]  # a frozen rule goes where the goal was, whatever it wants
    assert reward.stale_regret["moved"].low > 0.5
    low, high = cell.of("[last cell = 1]").regret("moved")
    assert 0.9 < low <= high == setup.optimum("moved").value
    assert cell.deployment_regret["moved"].gap > 0  # of all objectives on a cell that ends an episode or does not
    assert "±" in str(family)
    some, every = cell.some_actions("moved"), cell.possible_actions("moved")
    assert all(set(some["act@0"][state]) <= set(every["act@0"][state]) for state in some["act@0"])


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (lambda cid: cid.with_edges([("corner", "act")]), "observes at, coin, corner"),
        (lambda cid: cid.without_edges([("coin", "act")]), "observes at, and the state"),
    ],
)
def test_a_decision_that_sees_more_or_less_than_the_state_is_refused(edit: Any, rule: str) -> None:
    step = walks.step(2, 0.0)
    changed = edit(step.cid)
    from cidmesa.mesa.graphical.mesa_diagram import own_mechanism

    model = cm.CIM(changed, {n: own_mechanism(step, n) for n in changed.nodes})
    with pytest.raises(cm.NotApplicableError, match=rule):
        cm.SequenceSetup(model, 2)


def test_what_is_no_sequence_is_refused_with_what_to_type() -> None:
    step = walks.step(2, 0.0)
    with pytest.raises(cm.NotApplicableError, match="horizon= is a whole number"):
        cm.SequenceSetup(step, 0)
    with pytest.raises(cm.NotApplicableError, match="made of a step, a model"):
        cm.SequenceSetup(step.cid, 2)  # type: ignore[arg-type]
    with pytest.raises(cm.DiagramError, match="no node becomes another"):
        cm.SequenceSetup(cm.gallery.load("red-door").setup.model, 2)
    with pytest.raises(cm.NotApplicableError, match="3 states"):
        cm.SequenceSetup.of_tables(CORRIDOR, [0, 0, 1], 2, targets={"in": [0, 1]})
    with pytest.raises(cm.NotApplicableError, match="by state"):
        cm.SequenceSetup.of_tables(CORRIDOR, [0, 1], 2, targets={})
    with pytest.raises(cm.NotApplicableError, match="shows its tables"):
        cm.SequenceSetup.of_gymnasium(3, 2)
    family = cm.derive_mesa_optimizers(walks.setup(2, 2), targets=["corner", ("corner", "at_coin")])
    with pytest.raises(cm.UnknownNodeError, match="a candidate of this family"):
        family["at"]
    with pytest.raises(cm.UnknownNodeError, match="a node of this step"):
        family["nowhere"]
    with pytest.raises(cm.NotApplicableError, match="is a decision"):
        family["act"]
    with pytest.raises(cm.UnknownNodeError, match="a deployment of this setup"):
        family["corner"].possible_actions("nowhere")
    with pytest.raises(cm.NotApplicableError, match="prior"):
        cm.derive_mesa_optimizers(walks.setup(2, 2), prior=cm.SimplicityPrior())
    with pytest.raises(cm.NotApplicableError, match="validation needs a diagram"):
        cm.validate(family, None)  # type: ignore[arg-type]
    with pytest.raises(cm.NotApplicableError, match="tables are those of a StepModel"):
        cm.SequenceSetup.of_tables(3, [0], 2, targets={})  # type: ignore[arg-type]
    assert ("at_coin", "corner") in family
    assert "at" not in family
    assert not family["corner", "at_coin"].minimal  # each of them alone is consistent


def test_results_show_themselves() -> None:
    family = cm.derive_mesa_optimizers(walks.setup(2, 2, dose=0.1), targets=["corner", "at_coin"])
    assert "by sweeps" in str(family["corner"].method)
    assert "Candidate mesa-optimizers of a sequence of 2 steps" in str(family)
    assert family.to_dict()["candidates"][0]["verdict"] == "EXCLUDED"
    assert family["corner"].reasons.text[0] == "C1 holds: a decision influences `corner`"
    assert repr(family["at_coin"]) == "SequenceOptimizer(at_coin: CONSISTENT, training regret 0, objective at_coin)"
    assert "best return" in str(family.setup)
    assert [m.names for m in family.where("EXCLUDED")] == [("corner",)]
    assert not cm.derive_mesa_optimizers(walks.setup(2, 2), targets=["coin"])["coin"].reasons.control
    tolerant = cm.derive_mesa_optimizers(walks.setup(2, 2, dose=0.1), targets=["corner"], tolerance=1.0)["corner"]
    assert str(tolerant.consistency) == "CONSISTENT"
