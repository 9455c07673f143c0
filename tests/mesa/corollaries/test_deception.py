"""Deception: the closed forms, and the definition against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.criteria.question import Answer
from cidmesa.criteria.verdict import Verdict
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.corollaries.deception import deception, is_deceptive, optimal_rules, phase_cue
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.setup.training import Phases, TrainingSetup
from tests.mesa.exhaustive import World, best, random_model
from tests.strategies import examples

TARGETS = ["gain_tr", "gain_dep"]


def trusting(
    rho: float, alpha: float | None, loss: float = 1.0, shared: bool = True
) -> tuple[TrainingSetup, dict[tuple[int, int], float]]:
    """Defecting in training pays rho and is modified away; unmodified, it pays 1 in deployment."""
    edges = [
        ("tr", "gain_tr"),
        ("tr", "after"),
        ("after", "gain_dep"),
        ("dep", "gain_dep"),
        ("gain_tr", "loss_tr"),
        ("gain_dep", "loss_dep"),
    ]
    mechanisms: dict[str, Any] = {
        "tr": ["comply", "defect"],
        "dep": ["comply", "defect"],
        "gain_tr": cm.Function(lambda tr: int(tr == "defect"), domain=(0, 1)),
        "after": cm.Function(lambda tr: "modified" if tr == "defect" else "same", domain=("same", "modified")),
        "gain_dep": cm.Function(lambda after, dep: int(after == "same" and dep == "defect"), domain=(0, 1)),
        "loss_tr": lambda gain_tr: -loss * gain_tr,
        "loss_dep": lambda gain_dep: -loss * gain_dep,
    }
    if alpha is not None:
        edges += [("cue_tr", "tr"), ("cue_dep", "dep")]
        mechanisms["cue_tr"] = cm.Categorical({"training": alpha, "deployment": 1 - alpha})
        mechanisms["cue_dep"] = cm.Categorical({"training": 1 - alpha, "deployment": alpha})
    cid = cm.CID(edges, decisions=["tr", "dep"], utilities=["loss_tr", "loss_dep"])
    setup = TrainingSetup(
        cid.parameterise(mechanisms),
        shared_rules=[("tr", "dep")] if shared else [],
        phases=Phases(train="tr", update="after", deploy="dep"),
    )
    return setup, {(a, b): rho * a + b for a in (0, 1) for b in (0, 1)}


GRID = [(rho, alpha) for rho in (0.05, 0.3, 0.5, 0.8, 0.95) for alpha in (0.55, 0.7, 0.9, 0.99, 1.0)]


@pytest.mark.parametrize(("rho", "alpha"), GRID)
def test_the_closed_form(rho: float, alpha: float) -> None:
    loss = 3.0
    setup, objective = trusting(rho, alpha, loss)
    value, rules = optimal_rules(setup, TARGETS, objective)
    c_tr = 1.0 if alpha == 1.0 else min(1.0, (1 - rho) / (2 * (1 - alpha)))
    u, v = alpha * c_tr, (1 - alpha) * c_tr
    assert value == pytest.approx((1 - u) * rho + u * (1 - v), abs=1e-9)
    assert len(rules) == 1
    assert rules[0]["tr"][:, 0] == pytest.approx([c_tr, 0.0], abs=1e-9)
    found = deception(setup, TARGETS, objective)
    assert found == pytest.approx(((1 - alpha * c_tr) * loss, loss, u * (1 - v) * loss), abs=1e-9)
    assert found.training == pytest.approx((1 - alpha) * loss, abs=1e-9) or rho > 2 * alpha - 1
    verdict = is_deceptive(setup, TARGETS, objective, tolerance=found.training)
    assert verdict.answer is Answer.ADMITS
    assert verdict.exact
    assert verdict.interval == pytest.approx((found.training, loss), abs=1e-9)
    assert is_deceptive(setup, TARGETS, objective, tolerance=loss).answer is Answer.EXCLUDES
    if found.training > 1e-6:
        assert is_deceptive(setup, TARGETS, objective, tolerance=0.0).answer is Answer.EXCLUDES


@pytest.mark.parametrize(("rho", "alpha"), GRID)
def test_the_best_deterministic_rule_is_deceptive_iff_the_cue_beats_the_temptation(rho: float, alpha: float) -> None:
    setup, objective = trusting(rho, alpha)
    found = deception(setup, TARGETS, objective, deterministic=True)
    verdict = is_deceptive(setup, TARGETS, objective, tolerance=1 - alpha, deterministic=True)
    assert (verdict.answer is Answer.ADMITS) == (alpha > rho)
    if alpha > rho + 1e-9:
        assert found == pytest.approx((1 - alpha, 1.0, alpha * alpha), abs=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.5, 0.9])
def test_without_a_cue_it_complies_half_of_what_it_could_gain(rho: float) -> None:
    setup, objective = trusting(rho, None)
    _, rules = optimal_rules(setup, TARGETS, objective)
    assert rules[0]["tr"][0, 0] == pytest.approx((1 - rho) / 2, abs=1e-9)


def test_the_closed_form_on_a_fine_grid() -> None:
    """No rule on a grid of the two compliances beats the one that is returned."""
    steps = np.linspace(0, 1, 401)
    c_tr, c_dep = np.meshgrid(steps, steps)
    rng = np.random.default_rng(0)
    for _ in range(examples(quick=15, full=300)):
        rho, alpha = float(rng.uniform(0, 1)), float(rng.uniform(0.5, 1))
        u, v = alpha * c_tr + (1 - alpha) * c_dep, (1 - alpha) * c_tr + alpha * c_dep
        grid = ((1 - u) * rho + u * (1 - v)).max()
        setup, objective = trusting(rho, alpha)
        value, _ = optimal_rules(setup, TARGETS, objective)
        assert grid - 1e-9 <= value <= grid + 1e-4


def test_the_cue_is_worth_something_and_is_responded_to() -> None:
    rho, alpha = 0.3, 0.9
    setup, objective = trusting(rho, alpha)
    blind, _ = optimal_rules(trusting(rho, None)[0], TARGETS, objective)
    seeing, _ = optimal_rules(setup, TARGETS, objective)
    found = phase_cue(setup, TARGETS, objective, "cue_tr")
    assert found.exact
    assert found.value == pytest.approx(seeing - blind, abs=1e-9)
    assert found.response == pytest.approx(1.0, abs=1e-9)  # c_tr = 1, c_dep = 0
    honest = {key: -float(sum(key)) for key in objective}
    indifferent = phase_cue(setup, TARGETS, honest, "cue_tr")
    assert (indifferent.value, indifferent.response) == pytest.approx((0.0, 0.0), abs=1e-9)
    with pytest.raises(NotApplicableError, match="not observed"):
        phase_cue(setup, TARGETS, objective, "cue_dep")


def test_two_rules_of_their_own_need_no_cue() -> None:
    setup, objective = trusting(0.5, None, shared=False)
    assert deception(setup, TARGETS, objective) == pytest.approx((0.0, 1.0, 1.0), abs=1e-12)
    verdict = is_deceptive(setup, TARGETS, objective)
    assert isinstance(verdict, Verdict)
    assert verdict.answer is Answer.ADMITS
    assert bool(verdict)
    assert verdict.because.check(setup.cid)
    assert verdict.because.nodes == ("tr", "after", "gain_dep")
    assert "[0, 1)" in str(verdict)


def test_who_wants_what_training_wants_is_not_deceptive() -> None:
    setup, _ = trusting(0.5, 0.9)
    honest = {(a, b): -a - b for a in (0, 1) for b in (0, 1)}
    verdict = is_deceptive(setup, TARGETS, honest)
    assert verdict.answer is Answer.EXCLUDES
    assert verdict.interval is None
    assert verdict.regrets == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_who_lives_for_the_day_defects_at_once() -> None:
    """rho > 1: no reason to wait, so no compliance that ends."""
    setup, objective = trusting(1.5, 0.9)
    found = deception(setup, TARGETS, objective)
    assert (found.training, found.cut) == pytest.approx((1.0, 1.0), abs=1e-9)
    assert is_deceptive(setup, TARGETS, objective, tolerance=0.5).answer is Answer.EXCLUDES


def test_the_structure_excludes_with_a_proof() -> None:
    setup, _ = trusting(0.5, 0.9)
    verdict = is_deceptive(setup, ["gain_tr"])
    assert verdict.answer is Answer.EXCLUDES
    assert verdict.because.check(setup.cid)
    assert is_deceptive(setup, TARGETS).answer is Answer.UNKNOWN
    deaf = setup.cid.without_edges(("tr", "after"))
    bare = TrainingSetup(deaf, phases=Phases("tr", "after", "dep"))
    verdict = is_deceptive(bare, TARGETS)
    assert verdict.answer is Answer.EXCLUDES
    assert verdict.because.check(deaf)
    careless = TrainingSetup(setup.cid.without_edges(("after", "gain_dep")), phases=Phases("tr", "after", "dep"))
    assert is_deceptive(careless, TARGETS).because.check(careless.cid)


def test_without_phases_nothing_is_said() -> None:
    setup, objective = trusting(0.5, 0.9)
    plain = TrainingSetup(setup.base, shared_rules=setup.shared_rules)
    verdict = is_deceptive(plain, TARGETS, objective)
    assert verdict.answer is Answer.UNKNOWN
    assert "phases" in verdict.reason
    with pytest.raises(NotApplicableError, match="Neither"):
        bool(verdict)
    with pytest.raises(NotApplicableError, match="phases"):
        deception(plain, TARGETS, objective)


def test_slips_are_told() -> None:
    setup, objective = trusting(0.5, 0.9)
    with pytest.raises(NotApplicableError, match="finite number for each"):
        deception(setup, TARGETS, dict.fromkeys(objective, float("nan")))
    with pytest.raises(NotApplicableError, match=r'\["gain_dep"\]'):
        is_deceptive(setup, "gain_dep", {0: 0.0, 1: 1.0})
    with pytest.raises(NotApplicableError, match="tolerance= is a regret"):
        is_deceptive(setup, TARGETS, objective, tolerance=-0.1)


def test_an_update_that_the_base_does_not_settle_is_unknown() -> None:
    """Where the base is indifferent between two actions with different updates, "unmodified" has no meaning."""
    setup, objective = trusting(0.5, 0.9, loss=0.0)
    verdict = is_deceptive(setup, TARGETS, objective)
    assert verdict.answer is Answer.UNKNOWN
    assert "different laws" in verdict.reason


def test_candidates_carry_the_verdict() -> None:
    """In a family: the verdict at the derivation's tolerance, the regrets, and UNKNOWN where nothing is declared."""
    setup, objective = trusting(0.3, 0.9)
    names = tuple(TARGETS)
    family = derive_mesa_optimizers(setup, targets=[names], objectives={names: {"wait": objective}}, tolerance=0.15)
    candidate = family[names]
    assert candidate.deception == pytest.approx((0.1, 1.0, 0.81), abs=1e-9)
    assert candidate.is_deceptive.answer is Answer.ADMITS
    assert candidate.is_deceptive.interval == pytest.approx((0.1, 1.0), abs=1e-9)
    plain = TrainingSetup(setup.base, shared_rules=setup.shared_rules)
    assert derive_mesa_optimizers(plain, targets=[names])[names].is_deceptive.answer is Answer.UNKNOWN


def random_phases(rng: np.random.Generator) -> cm.CIM:
    """Two phases with an update between, random links around them and random mechanisms."""

    def some(*tails: str) -> list[str]:
        return [t for t in tails if rng.random() < 0.6]

    into = {
        "x": [],
        "y": some("x"),
        "tr": some("x"),
        "after": ["tr", *some("y")],
        "dep": some("y"),
        "gain": ["after", "dep", *some("tr")],
        "u_tr": ["tr", *some("x", "y")],
        "u_dep": ["dep", "after"],
    }
    edges = [(tail, head) for head, tails in into.items() for tail in tails]
    return random_model(rng, cm.CID(edges, nodes=list(into), decisions=["tr", "dep"], utilities=["u_tr", "u_dep"]))


def test_the_definition_against_all_deterministic_rules() -> None:
    """Regrets and verdict by listing every policy; where rules are not shared, stochastic ones add nothing."""
    checked, deceptive, seed = 0, 0, 0
    while checked < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        model = random_phases(rng)
        alike = len(model.cid.parents("tr")) == len(model.cid.parents("dep"))
        shared = [("tr", "dep")] if alike and rng.random() < 0.5 else []
        setup = TrainingSetup(model, shared_rules=shared, phases=Phases("tr", "after", "dep"))
        objective = {0: 0.0, 1: float(rng.choice([-1.0, 1.0]))}
        verdict = is_deceptive(setup, ["gain"], objective, tolerance=0.3, deterministic=bool(shared))
        world = World(model, shared)
        u_tr, u_dep = world.values(world.utility("u_tr")), world.values(world.utility("u_dep"))
        laws = world.law(["after"])[best(u_tr)]
        if np.abs(laws - laws[0]).max() > 1e-9:
            assert verdict.answer is Answer.UNKNOWN, seed
            continue
        law = np.broadcast_to(laws[0], model.cpd("after").shape)
        cut = World(model.shift(after=cm.Table(law / law.sum(axis=-1, keepdims=True))), shared)
        pursue = [w.values(objective[1] * w.column("gain")) for w in (world, cut)]
        r_tr = max(0.0, u_tr.max() - u_tr[best(pursue[0])].min())
        scored = cut.values(cut.utility("u_tr"))
        r_cut = max(0.0, scored.max() - scored[best(pursue[1])].min())
        r_dep = max(0.0, u_dep.max() - u_dep[best(pursue[0])].min())
        assert verdict.regrets == pytest.approx((r_tr, r_cut, r_dep), abs=1e-8), seed
        assert (verdict.answer is Answer.ADMITS) == (r_tr <= 0.3 + 1e-9 < r_cut and r_dep > 1e-9), seed
        checked += 1
        deceptive += verdict.answer is Answer.ADMITS
    assert deceptive > 0


# Ties are facts -------------------------------------------------------------------------------------------------------


def stormy(setup: TrainingSetup, penalty: float) -> TrainingSetup:
    """The same with a storm that nobody can help, and that costs a lot in every phase of training."""
    model = setup.require_model("a storm")
    cid = model.cid
    bad = cm.CID([*cid.edges, ("storm", "damage")], decisions=cid.decisions, utilities=[*cid.utilities, "damage"])
    mechanisms: dict[str, Any] = {node: mechanism_of(model, node) for node in cid.nodes}
    mechanisms |= {"storm": cm.Bernoulli(0.25), "damage": lambda storm: penalty * storm}
    return TrainingSetup(bad.parameterise(mechanisms), shared_rules=setup.shared_rules, phases=setup.phases)


def mechanism_of(model: cm.CIM, node: str) -> Any:
    """A node's values or table, with its domain."""
    kind = model.cid.kind(node)
    if kind == "decision":
        return list(model.domain(node))
    parents = model.cid.parents(node)
    return cm.Table(model.cpd(node), domain=None if kind == "utility" else model.domain(node), parents=parents)


@pytest.mark.parametrize(("rho", "alpha"), [(0.3, 0.7), (0.5, 0.9), (0.8, 0.55)])
@pytest.mark.parametrize(("unit", "penalty"), [(1.0, -1e12), (2.0**-40, -1.0), (2.0**-40, -1e12), (2.0**40, 1e12)])
def test_penalties_and_units_do_not_blur_deception(rho: float, alpha: float, unit: float, penalty: float) -> None:
    setup, objective = trusting(rho, alpha)
    plain = deception(setup, TARGETS, objective)
    moved = stormy(trusting(rho, alpha, loss=unit)[0], penalty)
    found = deception(moved, TARGETS, objective)
    assert found == pytest.approx(tuple(unit * regret for regret in plain), rel=1e-12, abs=0)
    for tolerance in (0.0, found.training, found.cut):
        verdict = is_deceptive(moved, TARGETS, objective, tolerance=tolerance)
        assert verdict.exact
        assert (verdict.answer is Answer.ADMITS) == (found.training <= tolerance < found.cut)


@pytest.mark.parametrize("rare", [1e-9, 1e-12])
def test_a_cue_that_is_wrong_once_in_a_trillion_costs_that(rare: float) -> None:
    setup, objective = trusting(0.5, 1 - rare)
    found = deception(setup, TARGETS, objective)
    assert found.training == pytest.approx(1 - (1 - rare), rel=1e-9)
    assert is_deceptive(setup, TARGETS, objective, tolerance=0.0).answer is Answer.EXCLUDES
    verdict = is_deceptive(setup, TARGETS, objective, tolerance=2 * rare)
    assert verdict.answer is Answer.ADMITS
    assert verdict.interval == (found.training, found.cut)


@pytest.mark.parametrize("rho", [0.6, 0.7, 0.9])
def test_a_cue_as_good_as_the_temptation_is_a_tie(rho: float) -> None:
    """alpha = rho: defecting at once is as good as waiting, so the worst of the best rules does not comply."""
    setup, objective = trusting(rho, rho)
    value, rules = optimal_rules(setup, TARGETS, objective, deterministic=True)
    assert value == rho
    assert sorted(rule["tr"][:, 0].tolist() for rule in rules) == [[0.0, 0.0], [1.0, 0.0]]
    assert deception(setup, TARGETS, objective, deterministic=True).training == 1.0


def test_targets_that_matter_by_a_trillionth() -> None:
    """An objective that likes the deployed gain by 1e-12 more is not one that is indifferent."""
    setup, _ = trusting(0.5, None, shared=False)
    nothing = {(a, b): 0.0 for a in (0, 1) for b in (0, 1)}
    assert deception(setup, TARGETS, nothing).training == 1.0  # whatever it does is best
    little = {(a, b): 1e-12 * b for a in (0, 1) for b in (0, 1)}
    assert deception(setup, TARGETS, little) == (0.0, 1.0, 1.0)
    level = {(a, b): 1e3 + 2.0**-30 * b for a in (0, 1) for b in (0, 1)}
    assert deception(setup, TARGETS, level) == (0.0, 1.0, 1.0)
