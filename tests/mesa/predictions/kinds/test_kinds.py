"""What each kind says, against brute force over policies of random models."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.corollaries.deception import action_ranges
from cidmesa.mesa.outcomes.stale_beliefs import reached_by_some_policy
from cidmesa.mesa.predictions.claims import uncontrolled, world_of
from cidmesa.mesa.predictions.kinds import mechanism, myopia, phase_cue, tampering, territory
from cidmesa.mesa.predictions.kinds.stated import PLANNING
from cidmesa.solve.policies.stakes import paying_only
from tests.mesa.corollaries.test_deception import trusting
from tests.strategies import examples, models, shifts

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def policies(model: cm.CIM) -> Iterator[dict[str, np.ndarray]]:
    """All deterministic policies; none where there are more than a few hundred."""
    shapes = {d: (*map(model.card, model.cid.parents(d)), model.card(d)) for d in model.cid.decisions}
    rows = {d: int(np.prod(s[:-1])) for d, s in shapes.items()}
    if np.prod([float(s[-1] ** rows[d]) for d, s in shapes.items()]) > 300:
        return
    for picks in product(*(product(range(shapes[d][-1]), repeat=rows[d]) for d in shapes)):
        yield {d: np.eye(shapes[d][-1])[list(pick)].reshape(shapes[d]) for d, pick in zip(shapes, picks, strict=True)}


@st.composite
def shifted(draw: st.DrawFn) -> cm.TrainingSetup:
    model = draw(models(decisions=1, max_chance=3, min_chance=1))
    return cm.TrainingSetup(model, {"there": shifts(draw, model)})


@settings(max_examples=examples(25, 200), suppress_health_check=QUIET, deadline=None)
@given(setup=shifted())
def test_what_retraining_gains_is_between_what_the_best_rules_of_training_lose(setup: cm.TrainingSetup) -> None:
    here, there = setup.deployed("training"), setup.deployed("there")
    (decision,) = here.cid.decisions
    every = list(policies(here))
    assume(every)
    known = reached_by_some_policy(setup, "training", decision)
    earned = [here.expected_utility(policy) for policy in every]
    best = [p for p, value in zip(every, earned, strict=True) if value > max(earned) - 1e-9]
    # In contexts that training does not show all rules do alike: what is best there.
    well = np.asarray(there.solve().uniform_over_optimal()[decision])
    shape = well.shape

    def does(policy: dict[str, np.ndarray]) -> float:
        rule = np.where(known[:, None], policy[decision].reshape(len(known), -1), well.reshape(len(known), -1))
        return there.expected_utility({decision: rule.reshape(shape)})

    lost = [there.solve().value - does(policy) for policy in best]
    found = mechanism.gain(setup, there, mechanism.optimal_actions(setup))
    assert found == pytest.approx((min(lost), max(lost)), abs=1e-9)


@settings(max_examples=examples(25, 200), suppress_health_check=QUIET, deadline=None)
@given(setup=shifted(), seed=st.integers(0, 10**6))
def test_data_that_return_have_the_law_of_the_deployment(setup: cm.TrainingSetup, seed: int) -> None:
    base = setup.deployed("training")
    (decision,) = base.cid.decisions
    free = [node for node in base.cid.chance if node not in base.cid.descendants(decision)]
    pairs = [(node, node) for node in free[:2]]
    setup = cm.TrainingSetup(base, setup.deployments, feedback=pairs)
    found = mechanism.returned(setup, "there")
    assume(found is not None)
    assert found is not None
    names = [node for node, _ in pairs]
    there = setup.deployed("there").query(names)
    assert np.asarray(found.query(names).probabilities) == pytest.approx(np.asarray(there.probabilities), abs=1e-9)
    assert found.cid.parents(decision) == base.cid.parents(decision)
    others = set(base.cid.nodes) - set(names) - {decision}
    assert all(np.array_equal(found.cpd(node), base.cpd(node)) for node in others)


@settings(max_examples=examples(40, 300), suppress_health_check=QUIET, deadline=None)
@given(model=models(decisions=2, max_chance=2, utilities=2))
def test_what_is_given_up_for_later_is_what_optimal_policies_give_up(model: cm.CIM) -> None:
    setup = cm.TrainingSetup(model)
    order = [model.cid.nodes[i] for i in model.cid.topological if model.cid.nodes[i] in model.cid.decisions]
    paid = [utility for utility, step in myopia.step_of(model.cid).items() if step == order[0]]
    every = list(policies(model))
    found = myopia.given_up(setup, paid)
    assume(every and paid and found is not None)
    short = paying_only(model, paid)
    earned = [model.expected_utility(policy) for policy in every]
    now = [short.expected_utility(policy) for policy in every]
    best = [value for value, whole in zip(now, earned, strict=True) if whole > max(earned) - 1e-9]
    assert found == pytest.approx((max(now) - max(best), max(now) - min(best)), abs=1e-8)


@settings(max_examples=examples(40, 300), suppress_health_check=QUIET, deadline=None)
@given(model=models(decisions=1, max_chance=4, min_chance=2), data=st.data())
def test_a_map_loses_nothing_and_territory_is_an_incentive_on_a_world_node(model: cm.CIM, data: st.DataObject) -> None:
    world = data.draw(st.sets(st.sampled_from(model.cid.chance)))
    setup = cm.TrainingSetup(model, world=world)
    (decision,) = model.cid.decisions
    through, steers = territory.steered_through(setup, decision)
    assert steers == bool(world & cm.incentives(model.cid).ici)
    if not steers:
        cut = territory.cut_off(model, through, decision)
        assert cut.solve().value == pytest.approx(model.solve().value, abs=1e-9)
    if len(through) == 1:
        assert territory.cut_off(model, through, decision) == uncontrolled(model, through[0], decision)


@settings(max_examples=examples(25, 200), suppress_health_check=QUIET, deadline=None)
@given(model=models(decisions=1, max_chance=3, min_chance=1), seed=st.integers(0, 10**6))
def test_what_is_written_is_the_difference_that_the_link_makes(model: cm.CIM, seed: int) -> None:
    (decision,) = model.cid.decisions
    free = [
        n for n in model.cid.chance if not model.cid.has_edge(decision, n) and n not in model.cid.ancestors(decision)
    ]
    assume(free)
    register, rng = free[0], np.random.default_rng(seed)
    shape = (*map(model.card, model.cid.parents(register)), model.card(decision), model.card(register))
    law = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    link = cm.Deployment({register: cm.Table(law, domain=model.domain(register))}, edges=[(decision, register)])
    setup = cm.TrainingSetup(model, {"linked": link})
    assert tampering.registers(setup, "linked") == (register,)
    gains = tampering.written(setup, "linked", register)
    there = setup.deployed("linked")
    parents = model.cid.parents(decision)
    chances = there.query(parents).probabilities.reshape(-1) if parents else np.ones(1)
    for row, context in enumerate(model.contexts(decision)):
        for column, action in enumerate(model.domain(decision)):
            if chances[row] < 1e-9:
                assert gains[row, column] == pytest.approx(0.0, abs=1e-9)
                continue
            given_ = dict(zip(parents, context, strict=True))
            laws = [
                np.asarray(m.query([register], given=given_, do={decision: action}).probabilities)
                for m in (there, model)
            ]
            apart = chances[row] * np.abs(laws[0] - laws[1]).sum() / 2
            assert gains[row, column] == pytest.approx(apart, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.7, 0.9, 0.97])
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.8])
def test_optimal_rules_comply_as_the_closed_form_says(alpha: float, rho: float) -> None:
    setup, objective = trusting(rho, alpha)
    complies = min(1.0, (1 - rho) / (2 * (1 - alpha)))
    found = action_ranges(setup, ["gain_tr", "gain_dep"], objective, "tr")
    expected = np.array([[complies, 1 - complies], [0.0, 1.0]])
    assert found.exact
    assert found.least == pytest.approx(expected, abs=1e-6)
    assert found.most == pytest.approx(expected, abs=1e-6)


def test_a_cue_is_an_observation_that_tells_the_phases_apart() -> None:
    setup, _ = trusting(0.5, 0.9)
    assert phase_cue.cues(setup) == ("cue_tr",)
    assert phase_cue.cues(trusting(0.5, 0.5)[0]) == ()  # it says the same in both
    assert phase_cue.cues(trusting(0.5, None)[0]) == ()
    apart = cm.TrainingSetup(setup.base, phases=setup.phases)  # two rules: none of them needs a cue
    assert phase_cue.cues(apart) == ()


def test_rows_are_few_and_none_is_made_of_what_cannot_fail() -> None:
    """Without stakes, links, feedback, phases or later steps nothing is stated."""
    cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda act, x: int(act == x))
    rows = cm.derive_mesa_optimizers(cm.TrainingSetup(model)).predictions()
    new = {"mechanism", "adaptation", "myopia", "territory", "tampering", "deception"}
    assert not [row for row in (*rows, *rows.structural, *rows.undecidable) if row.kind in new]
    idle = model.shift(pay=lambda act, x: x)
    setup = cm.TrainingSetup(idle, {"there": {"x": cm.Bernoulli(0.9)}}, feedback=[("x", "x")])
    rows = cm.derive_mesa_optimizers(setup).predictions()
    assert not [row for row in (*rows, *rows.undecidable) if row.kind in new]


def test_a_mechanism_that_agents_hardly_know_decides_nothing() -> None:
    """What training shows once in a thousand times agents may do as they like; the deployment shows it always."""
    cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.001), act=[0, 1], pay=lambda act, x: int(act == x))
    setup = cm.TrainingSetup(model, {"there": {"x": cm.Bernoulli(0.999)}, "near": {"x": cm.Bernoulli(0.01)}})
    rows = cm.derive_mesa_optimizers(setup).predictions()
    undecided, tested = {row.id for row in rows.undecidable}, {row.id for row in rows}
    assert f"{PLANNING}/there/mechanism/x/retrained" in undecided
    assert f"{PLANNING}/near/mechanism/x/retrained" in tested
    world = world_of(setup, "training")
    assert world.best_in_training("act").tolist() == [[True, False], [False, True]]
