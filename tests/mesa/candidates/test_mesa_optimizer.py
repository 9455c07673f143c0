"""One hypothesis beside the base objective: what emerges and vanishes, in training and in deployments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.reports import report
from cidmesa.solve import mixed_equilibria
from tests.mesa.exhaustive import random_cid, random_model, random_shift
from tests.strategies import cids, examples


def test_nothing_emerges_or_vanishes_for_the_score_beside_a_useless_shared_observation() -> None:
    """X is seen twice and needed nowhere: it is requisite in neither diagram, once links that are not are left out."""
    cid = cm.CID(
        [("X", "D1"), ("X", "D2"), ("D1", "S"), ("S", "D2"), ("D2", "Y"), ("S", "Y"), ("Y", "U")],
        decisions=["D1", "D2"],
        utilities=["U"],
    )
    model = cid.parameterise(
        X=cm.Uniform(0, 1), D1=[0, 1], D2=[0, 1], S=lambda D1: D1, Y=lambda D2, S: int(D2 == S), U=lambda Y: Y
    )
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model))
    for name in ("U", "Y"):
        assert "identical" in family[name].positions
        assert (family[name].emergent, family[name].vanished) == (frozenset(), frozenset())


@settings(max_examples=examples(quick=12, full=400))
@given(st.data())
def test_the_score_changes_no_incentive(data: Any) -> None:
    """In training, and in every deployment without edges of its own, whatever the number of decisions and utilities."""
    cid = data.draw(cids(decisions=data.draw(st.integers(1, 2)), utilities=data.draw(st.integers(1, 2))))
    setup = cm.TrainingSetup(cid, deployments={"there": {cid.chance[0]} if cid.chance else set()})
    family = cm.derive_mesa_optimizers(setup)
    score = family[tuple(setup.score) if len(setup.score) > 1 else setup.score[0]]
    for view in (score, score.in_deployment["there"]):
        assert (view.emergent, view.vanished) == (frozenset(), frozenset())


# What is intended ----------------------------------------------------------------------------------------------------


def desk(intended: str | None = "done") -> cm.TrainingSetup:
    """Work is done or not; a register says so; in the deployment a third action writes the register."""
    cid = cm.CID(
        [("job", "work"), ("work", "done"), ("job", "done"), ("done", "register"), ("register", "reward")],
        decisions=["work"],
        utilities=["reward"],
    )
    model = cid.parameterise(
        job=cm.Uniform(0, 1),
        work=[0, 1, "write"],
        done=cm.Function(lambda work, job: int(work == job), domain=(0, 1)),
        register=cm.Function(lambda done: done, domain=(0, 1)),
        reward=lambda register: register,
    )
    written = cm.Function(lambda done, work: 1 if work == "write" else done, domain=(0, 1))
    writable = cm.Deployment({"register": written}, edges=[("work", "register")])
    return cm.TrainingSetup(model, {"writable": writable, "as trained": {}}, intended=intended)


def test_tampering_is_no_regret_by_the_register_and_all_of_it_by_what_is_intended() -> None:
    family = cm.derive_mesa_optimizers(desk(), targets=["done", "register", "reward"])
    for name, worst in (("done", 0.0), ("register", 1.0), ("reward", 1.0)):
        found = family[name]
        assert found.deployment_regret["writable"] == (0.0, 0.0)  # a green zero, for all three
        assert found.intended_regret["writable"] == (0.0, worst)
        assert found.intended_regret["as trained"] == found.intended_regret["training"] == (0.0, 0.0)
        assert found.stale_intended_regret["writable"] == (0.0, 0.0)  # who does not know writes nothing
    assert str(family).count("intended ") >= 3  # in training, and in both deployments
    assert "[0, 1]" in str(family)
    assert family["register"].row()["intended regret in writable"] == (0.0, 1.0)


def test_what_is_intended_is_no_target_unless_asked_for() -> None:
    assert ("done",) not in {h.names for h in cm.derive_mesa_optimizers(desk(), max_targets=2)}
    assert ("done",) in {h.names for h in cm.derive_mesa_optimizers(desk(None))}
    assert cm.derive_mesa_optimizers(desk(), targets=["done"])["done"].names == ("done",)
    silent = cm.derive_mesa_optimizers(desk(None))["register"]
    assert (dict(silent.intended_regret), "intended" in str(silent)) == ({}, False)
    with pytest.raises(UnknownNodeError, match="says nothing of it"):
        silent.intended_regret["writable"]


@pytest.mark.parametrize("decisions", [1, 2])
def test_intending_what_is_paid_is_the_base_regret(decisions: int) -> None:
    """A node that always holds what the score pays: both regrets are the same intervals, both readings."""
    compared = 0
    for seed in range(examples(quick=14, full=150)):
        rng = np.random.default_rng([12, decisions, seed])
        plain = random_model(rng, random_cid(rng, chance=3, decisions=decisions, parents=2))
        reads, paid = plain.cid.parents("U0"), plain.cpd("U0")
        levels, where = np.unique(paid, return_inverse=True)
        held = cm.Table(np.eye(len(levels))[where.reshape(paid.shape)], domain=levels.tolist(), parents=reads)
        cid = cm.CID(
            [*plain.cid.edges, *((parent, "held") for parent in reads)],
            nodes=[*plain.cid.nodes, "held"],
            decisions=plain.cid.decisions,
            utilities=["U0"],
        )
        model = cid.parameterise({**{n: own_mechanism(plain, n) for n in plain.cid.nodes}, "held": held})
        shifted = rng.choice(plain.cid.chance, size=1).tolist()
        setup = cm.TrainingSetup(model, {"there": random_shift(rng, plain, shifted)}, intended="held")
        for found in cm.derive_mesa_optimizers(setup):
            if "there" not in found.intended_regret or found.consistency.name != "CONSISTENT":
                continue
            compared += 1
            assert found.intended_regret["there"] == pytest.approx(tuple(found.deployment_regret["there"]), abs=1e-9)
            assert found.stale_intended_regret["there"] == pytest.approx(tuple(found.stale_regret["there"]), abs=1e-9)
            assert found.intended_regret["training"] == pytest.approx((0.0, 0.0), abs=1e-9)
    assert compared > 5


# Objectives that the user gives --------------------------------------------------------------------------------------


def test_a_given_objective_stands_for_the_set_where_it_is_consistent_and_else_it_is_said_why_not() -> None:
    cid = cm.CID([("d", "y"), ("y", "u")], decisions=["d"], utilities=["u"])
    for sign, stands in ((-1, True), (1, False)):
        model = cid.parameterise(d=[0, 1, 2], y=lambda d: d, u=lambda y, sign=sign: sign * y)
        family = cm.derive_mesa_optimizers(cm.TrainingSetup(model), objectives={"y": {"avoid": lambda y: -y}})
        found = family["y"]
        assert found.objective is not None
        assert (found.objective.name == "avoid") == stands
        told = [words for words in found.reasons.text if words.startswith("given:")]
        assert told == (
            [] if stands else ["given: `avoid` leaves a training regret of 2, and does not stand for the set"]
        )


# The inside of a learned algorithm -----------------------------------------------------------------------------------


def test_the_inside_of_the_learned_algorithm_is_told() -> None:
    base = cm.CID([("maze", "move"), ("move", "place"), ("maze", "place"), ("place", "reward")], decisions=["move"],
                  utilities=["reward"])  # fmt: skip
    planner = cm.CID(
        [("maze", "maze_hat"), ("maze_hat", "plan"), ("plan", "place_hat"), ("maze_hat", "place_hat"),
         ("place_hat", "evaluation"), ("plan", "move")],
        decisions=["plan"], utilities=["evaluation"],
    )  # fmt: skip
    setup = cm.TrainingSetup(base, learned={"move": planner})
    family = cm.derive_mesa_optimizers(setup)
    plain = cm.derive_mesa_optimizers(cm.TrainingSetup(base))
    assert repr(setup) != repr(cm.TrainingSetup(base))
    assert "learned: move" in repr(setup)
    assert "move" in str(setup).split("not deployed")[1]
    assert repr(family) == repr(plain).removesuffix(")") + "; learned: move)"
    assert "an optimizer by design, plan for evaluation" in " ".join(str(family).split())
    written = " ".join(report(family, title="").text(200).split())
    assert "Inside of the learned move" in written
    assert "plan for evaluation, a search in the map" in written
    assert "Inside" not in report(plain, title="").text(200)
    nobody = cm.TrainingSetup(base, learned={"move": planner.demote("plan", "evaluation")})
    assert "no optimizer by design" in " ".join(str(cm.derive_mesa_optimizers(nobody)).split())


def walk() -> cm.CIM:
    """Two steps over three cells towards a goal, a lamp somewhere: too many policies to compare."""
    cid = cm.CID(
        [
            ("start", "first"), ("lamp", "first"), ("start", "middle"), ("first", "middle"), ("middle", "second"),
            ("lamp", "second"), ("middle", "end"), ("second", "end"), ("end", "at_goal"), ("end", "at_lamp"),
            ("lamp", "at_lamp"), ("at_goal", "reward"),
        ],
        decisions=["first", "second"],
        utilities=["reward"],
    )  # fmt: skip
    cells = (0, 1, 2)
    return cid.parameterise(
        start=cm.Uniform(*cells),
        lamp=cm.Uniform(*cells),
        first=list(cells),
        second=list(cells),
        middle=lambda start, first: (start + first) % 3,
        end=lambda middle, second: (middle + second) % 3,
        at_goal=lambda end: int(end == 2),
        at_lamp=lambda end, lamp: int(end == lamp),
        reward=lambda at_goal: at_goal,
    )


def test_a_consistent_set_that_is_not_listed_says_why() -> None:
    candidate = cm.derive_mesa_optimizers(cm.TrainingSetup(walk()))["at_lamp"]
    with pytest.raises(
        NotApplicableError, match=r"387,420,489 deterministic policies.*\.declared of the candidate"
    ) as no:
        _ = candidate.consistent_set
    assert "shared" not in str(no.value)
    assert "MesaOptimizer(" not in str(no.value)
    assert candidate.declared


def test_symbols_are_sent_to_the_alignment_region() -> None:
    import sympy

    model = cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(
        d=[0, 1], u=lambda d: sympy.Symbol("p") * d
    )
    with pytest.raises(NotApplicableError, match=r"the symbols p: .* or use cm\.alignment_region\(setup, target\)"):
        cm.derive_mesa_optimizers(cm.TrainingSetup(model))
    with pytest.raises(NotApplicableError, match=r"use cidmesa\.solve\.symbolic"):
        model.solve()
    with pytest.raises(NotApplicableError) as refused:
        mixed_equilibria(model)
    assert "symbolic" not in str(refused.value)


# Objectives that users give -----------------------------------------------------------------------------------------


def chain_to(y: Any, steps: int, shared: bool = False) -> cm.TrainingSetup:
    """A coin is seen at every step, and each step may match it; the score is how often, up to what `y` makes of it."""
    names = [f"d{t}" for t in range(steps)]
    cid = cm.CID(
        [("coin", d) for d in names] + [(d, "y") for d in names] + [("coin", "y"), ("y", "u")],
        decisions=names, utilities=["u"],
    )  # fmt: skip
    model = cid.parameterise({d: [0, 1] for d in names}, coin=cm.Bernoulli(0.5), y=y, u=lambda y: y)
    return cm.TrainingSetup(model, shared_rules=[tuple(names)] if shared else ())


@pytest.mark.parametrize(("steps", "shared"), [(1, False), (2, False), (2, True)])
def test_an_objective_of_the_user_stands_for_its_candidate_where_it_is_consistent(steps: int, shared: bool) -> None:
    """By cone and by name: it comes before the value of the node; where it is not consistent, the reason says so."""
    law = {
        1: lambda coin, d0: int(coin == d0) + 2 * coin,
        2: lambda coin, d0, d1: int(coin == d0 == d1) + 2 * coin,
    }[steps]
    setup = chain_to(cm.Function(law, domain=(0, 1, 2, 3)), steps, shared)
    curious = {0: 0.0, 1: 5.0, 2: 1.0, 3: 2.0}  # like the base it wants 1 rather than 0, and 3 rather than 2
    found = cm.derive_mesa_optimizers(setup, targets=["y"], objectives={"y": {"curious": curious}})["y"]
    assert found.consistency == "CONSISTENT"
    assert found.objective is not None
    assert found.objective.name == "curious"
    assert found.objective.values == pytest.approx([0.0, 1.0, 0.2, 0.4])
    assert found.objective_regret == 0.0
    contrary = {0: 1.0, 1: 0.0, 2: 0.0, 3: 1.0}
    both = {"contrary": contrary, "curious": curious}
    first = cm.derive_mesa_optimizers(setup, targets=["y"], objectives={"y": both})["y"].objective
    assert first is not None
    assert first.name == "curious"
    alone = cm.derive_mesa_optimizers(setup, targets=["y"], objectives={"y": {"contrary": contrary}})["y"]
    assert alone.objective is None or shared or alone.objective.name != "contrary"
    if not shared:
        assert any("`contrary` leaves a training regret" in text for text in alone.reasons.text)


def test_an_objective_of_the_user_stands_for_a_chain_that_is_swept() -> None:
    """Where policies are too many to list."""
    steps = range(6)
    edges = [(f"s{t}", f"d{t}") for t in steps] + [(n, f"s{t + 1}") for t in steps for n in (f"s{t}", f"d{t}")]
    cid = cm.CID([*edges, ("s6", "u")], decisions=[f"d{t}" for t in steps], utilities=["u"])
    model = cid.parameterise(
        {f"s{t + 1}": cm.Table([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]]) for t in steps}
        | {f"d{t}": [0, 1] for t in steps}
        | {"s0": cm.Bernoulli(0.5), "u": cm.Table([0, 1])}
    )
    wish = {"s6": {"wish": {0: -3.0, 1: 1.0}}}
    found = cm.derive_mesa_optimizers(cm.TrainingSetup(model), targets=["s6"], objectives=wish)["s6"]
    assert (str(found.method), str(found.consistency)) == ("by stage", "CONSISTENT")
    assert found.objective is not None
    assert (found.objective.name, found.objective.values.tolist()) == ("wish", [-1.0, pytest.approx(1 / 3)])
