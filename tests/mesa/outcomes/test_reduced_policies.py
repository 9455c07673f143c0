"""ReducedPolicies against all policies, run by run; and what is left out because it is idle or inside against
everything.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.graph import relevant_mechanisms
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.regret_interval import interval, possible
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.objectives.declared import declared, domain_of
from cidmesa.mesa.outcomes import normal_form as normal
from cidmesa.mesa.outcomes import outcome_table as law_module
from cidmesa.mesa.outcomes.convex_hull import is_vertex
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.outcomes.reduced_policies import list_reduced_policies, names_of, requisite_links
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.exhaustive import World, random_setup
from tests.strategies import examples


def test_plans_are_the_policies_that_act_differently() -> None:
    """One plan for each set of runs that some policy is in keeping with, and no two alike."""
    fewer = 0
    for seed in range(examples(quick=60, full=2000)):
        rng = np.random.default_rng([11, seed])
        setup, _ = random_setup(rng, decisions=2 + int(rng.random() < 0.3), chance=2)
        worlds = [World(setup.deployed(name), setup.shared_rules) for name in setup.distributions]
        names = names_of(setup.cid)
        comes = [NormalForm(setup)._comes[name] for name in setup.distributions]
        reduced = list_reduced_policies(worlds[0].model, comes, setup.shared_rules, 10**6)
        (world, _), live = worlds, np.any([w.weight > 0 for w in worlds], axis=0)
        runs = np.ravel_multi_index(world.at(names), [world.model.card(n) for n in names])
        followed = world.follows[:, live] > 0
        where = np.searchsorted(reduced.runs, runs[live])
        assert np.array_equal(reduced.runs, np.unique(runs[live]))
        ours = {row.tobytes() for row in reduced.follows[:, where]}
        assert ours == {row.tobytes() for row in followed}
        assert len(ours) == len(reduced)
        fewer += len(reduced) < len(world.policies)
    assert fewer


def test_the_number_of_policies_is_in_the_refusal() -> None:
    cid = cm.CID([("x", "a"), ("x", "b"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1], u=lambda a, b: a * b)
    every = [np.ones((2, 2, 2), dtype=bool)]
    assert len(list_reduced_policies(model, every, most=16)) == 16
    with pytest.raises(NotApplicableError, match="16 deterministic policies, of which more than 15"):
        list_reduced_policies(model, every, most=15)


def test_a_number_of_policies_with_thousands_of_digits_is_a_power_of_ten() -> None:
    seen = [f"x{i}" for i in range(14)]
    cid = cm.CID([*((x, d) for x in seen for d in ("a", "b")), ("a", "u"), ("b", "u")], nodes=seen,
                 decisions=["a", "b"], utilities=["u"])  # fmt: skip
    model = cid.parameterise({x: cm.Bernoulli(0.5) for x in seen} | {"a": [0, 1], "b": [0, 1], "u": lambda a, b: a * b})
    with pytest.raises(NotApplicableError, match=r"about 10\^9864 deterministic policies, of which more than 15"):
        list_reduced_policies(model, [np.ones((2,) * 16, dtype=bool)], most=15)


def in_a_circle(setup: TrainingSetup, target: str) -> bool:
    """Say whether the rules of two decisions matter to each other, for those who pursue a target."""
    cid = setup.cid
    matter = {d: relevant_mechanisms(cid, d, targets=[target]) for d in cid.decisions}
    return any(d in matter[e] and e in matter[d] for d in cid.decisions for e in cid.decisions if d != e)


def test_idle_links_change_no_answer() -> None:
    """Consistency, least regrets, intervals of both readings and possible actions, with and without idle links.

    Of frozen optimizers whose rules each depend on another's nothing is known in contexts that are new to them. Without
    idle links there may be no such context: then candidates, who leave them out, know more.
    """
    checked, narrower, seed = 0, 0, 0
    while checked < examples(quick=40, full=2000):
        seed += 1
        rng = np.random.default_rng([12, seed])
        setup, below = random_setup(rng)
        if not below or setup.shared_rules:
            continue
        target = (str(rng.choice(below)),)
        kept = requisite_links(setup, target)
        if all(kept[d] == setup.cid.parents(d) for d in kept):
            continue
        fewer = len(NormalForm(setup, target).reduced)
        checked += fewer < len(NormalForm(setup).reduced)
        full = ByCone(NormalForm(setup), target, 0.0, declared(target, [domain_of(setup, target[0])]))
        less = derive_mesa_optimizers(setup, targets=list(target))[target]._answers
        assert isinstance(less, ByCone)
        assert isinstance(less.tables, NormalForm)
        assert len(less.tables.reduced) == fewer
        assert (less.is_empty, less.least_regret) == (full.is_empty, full.least_regret), seed
        assert less.regret("there") == pytest.approx(tuple(full.regret("there")), abs=1e-9), seed
        assert [less.actions(name) for name in setup.distributions] == [full.actions(n) for n in setup.distributions]
        narrow, wide = less.regret("there", stale=True), full.regret("there", stale=True)
        assert wide.low - 1e-9 <= narrow.low <= narrow.high <= wide.high + 1e-9, seed
        few, many = less.actions("there", stale=True), full.actions("there", stale=True)
        assert {d: tuple(rows) for d, rows in few.items()} == {d: tuple(rows) for d, rows in many.items()}
        assert all(set(few[d][context]) <= set(many[d][context]) for d in few for context in few[d]), seed
        narrower += few != many or narrow != pytest.approx(tuple(wide), abs=1e-9)
        if not in_a_circle(setup, target[0]):
            assert few == many, seed
            assert tuple(narrow) == pytest.approx(tuple(wide), abs=1e-9), seed
    assert narrower or checked < 200


def test_what_is_idle_makes_no_context_new() -> None:
    """Two lookouts have to agree on what both see; one of them also sees a flag, which is up in the deployment alone.

    Each one's rule matters to the other, so nothing would be known of it in a context that is new to it. The flag tells
    of nothing, so there is none.
    """
    cid = cm.CID(
        [("x", "a"), ("flag", "a"), ("x", "b"), ("a", "both"), ("b", "both"), ("x", "both"), ("both", "pay")],
        decisions=["a", "b"], utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        x=cm.Bernoulli(0.5),
        flag=cm.Bernoulli(0.0),
        a=[0, 1],
        b=[0, 1],
        both=lambda a, b, x: int(a == b == x),
        pay=lambda both: both,
    )
    setup = TrainingSetup(model, {"flag up": {"flag": cm.Bernoulli(1.0)}})
    both = derive_mesa_optimizers(setup)["both"]
    assert both.stale_regret["flag up"] == (0.0, 0.0)
    assert both.stale_regret["flag up"].gap == 0.0
    assert both.possible_actions("flag up", reading="stale")["a"] == {(0, 1): (0,), (1, 1): (1,)}
    named = declared(("both",), [(0, 1)])
    assert ByCone(NormalForm(setup), ("both",), 0.0, named).regret("flag up", stale=True) == (0.0, 1.0)  # with the link


def test_each_candidate_says_for_itself_why_policies_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [("a", "y"), ("b", "y"), ("a", "z"), ("b", "z"), ("y", "u")]
    model = cm.CID(edges, decisions=["a", "b"], utilities=["u"]).parameterise(
        a=[0, 1], b=[0, 1], y=lambda a, b: a + b, z=lambda a, b: a - b, u=lambda y: y
    )
    monkeypatch.setattr(normal, "COMPARED", 3)
    family = derive_mesa_optimizers(TrainingSetup(model, {"there": {"y": lambda a, b: a * b}}))
    for name in ("y", "z"):
        assert family[name].consistency  # both have been looked at
    for name in ("y", "z"):
        with pytest.raises(
            NotApplicableError, match=f"some objective on {name}: give the decisions fewer observations"
        ):
            family[name].possible_actions("there")


def test_a_rule_that_is_shared_keeps_its_links() -> None:
    edges = [("x", "a"), ("y", "b"), ("a", "z"), ("b", "z"), ("z", "u")]
    cid = cm.CID(edges, decisions=["a", "b"], utilities=["u"])
    assert requisite_links(TrainingSetup(cid), ["z"]) == {"a": (), "b": ()}
    assert requisite_links(TrainingSetup(cid, shared_rules=[("a", "b")]), ["z"]) == {"a": ("x",), "b": ("y",)}


def test_what_is_inside_is_never_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many actions those inside the hull are left out; with few the same questions are answered in full."""
    left_out = 0
    for seed in range(examples(quick=20, full=300)):
        rng = np.random.default_rng([13, seed])
        size = int(rng.integers(2, 5))
        count = int(rng.integers(6, 13))
        whole = rng.multinomial(6, np.full(size, 1 / size), size=(2, count)).astype(object)
        tables = whole.astype(float) / 6
        value = rng.integers(0, 5, size=(2, count)).astype(float)
        if rng.random() < 0.5:
            value = tables @ rng.integers(-2, 3, size=size).astype(float)
        answers = []
        for many in (1000, 4):
            monkeypatch.setattr(law_module, "MANY", many)
            here, there = (_law(tables[i], value[i], whole[i]) for i in (0, 1))
            found = ConsistentSet(here, 0.25)
            least = ConsistentSet(here, np.inf).least_regret
            kept = found if not found.is_empty else ConsistentSet(here, least)
            answers.append((found.is_empty, least, possible(kept, there).tolist(), interval(kept, there)))
            left_out += many == 4 and not here.vertices[0].all()
        assert answers[0] == answers[1], seed
    assert left_out


def _law(outcome: np.ndarray, value: np.ndarray, whole: np.ndarray) -> OutcomeTable:
    return OutcomeTable(np.ones(1), outcome[None], value[None], lambda: whole[None])


def test_the_border_of_a_hull() -> None:
    """Every point that some direction prefers is marked; a point well inside is not."""
    for seed in range(examples(quick=50, full=2000)):
        rng = np.random.default_rng([14, seed])
        points = rng.dirichlet(np.ones(4), size=30).round(int(rng.integers(1, 4)))
        points[:, int(rng.integers(4))] *= rng.integers(2)
        marked = is_vertex(points)
        for direction in rng.normal(size=(40, 4)):
            best = points @ direction
            if np.ptp(best) > 1e-9:
                assert marked[best >= best.max() - 1e-9].all()
    cube = np.array(list(product((0.0, 0.5, 1.0), repeat=3)))
    assert is_vertex(cube).tolist() == [bool((np.abs(p - 0.5) > 0.1).any()) for p in cube]
    assert is_vertex(np.zeros((5, 3))).all()
