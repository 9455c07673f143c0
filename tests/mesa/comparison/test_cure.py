"""Changes of training against an independent construction: mixtures of whole joint distributions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.comparison.cure import ChangeKind, distinguishing_training
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.outcomes import normal_form as normal
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.solve.policies import among_optimal
from tests.mesa.exhaustive import Plain, World, random_cid, random_model, random_shift
from tests.mesa.moved import moved, with_a_storm
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments, register
from tests.mesa.test_derive import random_setups
from tests.strategies import examples

WEIGHTS = (0.01, 0.1, 0.5)


class Mixture:
    """Training and a deployment as two joints on one grid, mixed; contexts may show a node, or the source."""

    def __init__(self, training: cm.CIM, there: cm.CIM, shown: str | None, seen: bool) -> None:
        self.parts = [Plain(training), Plain(there)]
        self.shown, self.seen = shown, seen
        self.size = 2 ** (len(training.cid.parents(self.parts[0].decision)) + (shown is not None) + seen)

    def contexts(self, k: int) -> np.ndarray:
        plain = self.parts[k]
        extra = [plain.column(self.shown)] if self.shown is not None else []
        if self.seen:
            extra.append(np.full(len(plain.grid), k))
        found = plain.context
        for column in extra:
            found = 2 * found + column
        return found

    def table(self, weights: tuple[float, float], target: str | None) -> tuple[np.ndarray, np.ndarray]:
        """P(pa), and E[payoff; pa | do a]; the payoff is the target's position, or the base utility."""
        p, q = np.zeros(self.size), np.zeros((self.size, 2))
        for k, (share, plain) in enumerate(zip(weights, self.parts, strict=True)):
            model = plain.model
            if target is not None:
                payoff = plain.column(target).astype(float)
            else:
                payoff = np.zeros(len(plain.grid))
                for u in model.cid.utilities:
                    payoff = payoff + model.cpd(u)[tuple(plain.column(n) for n in model.cid.parents(u))]
            context, act = self.contexts(k), plain.column(plain.decision)
            for a in (0, 1):
                mass = share * plain.weight * (act == a)
                q[:, a] += np.bincount(context, weights=mass * payoff, minlength=self.size)
                if a == 0:
                    p += np.bincount(context, weights=mass, minlength=self.size)
        return p, q

    def regrets(self, weights: tuple[float, float], target: str) -> dict[float, tuple[float, float]]:
        """Best- and worst-case base regret of each sign of an objective on a binary target."""
        p, base = self.table(weights, None)
        _, q = self.table(weights, target)
        found = {}
        for sign in (1.0, -1.0, 0.0):
            low = high = 0.0
            for c in range(self.size):
                if p[c] > 0:
                    loss = base[c].max() - base[c][sign * q[c] >= (sign * q[c]).max() - 1e-12]
                    low, high = low + loss.min(), high + loss.max()
            found[sign] = (low, high)
        return found


def expected(
    training: cm.CIM, there: cm.CIM, target: str, kind: ChangeKind, weight: float, shown: str | None
) -> tuple[float, bool, float]:
    """R_T, whether it is removed, and the largest regret in the deployment afterwards."""
    mixture = Mixture(training, there, shown, kind is ChangeKind.SEEN)
    now = mixture.regrets((1 - weight, weight), target)
    least = min(high for _, high in now.values())
    kept = [sign for sign, (_, high) in now.items() if high <= max(least, 0.0) + 1e-9]
    later = mixture.regrets((0.0, 1.0), target)
    return least, least > 1e-9, max(later[sign][1] for sign in kept)


def test_rows_against_mixtures_of_joints() -> None:
    trials, rows_seen, seed = 0, 0, 0
    while trials < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        model = random_model(rng, random_cid(rng, chance=4, parents=2))
        cid = model.cid
        below = [n for n in cid.chance if n in cid.descendants("D0")]
        if not below or not cid.parents("U0"):
            continue
        shifted = rng.choice([*cid.chance, "U0"], size=int(rng.integers(1, 3)), replace=False).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, model, shifted)})
        there = setup.deployed("there")
        target = str(rng.choice(below))
        rows = {(r.kind, r.observable): r for r in distinguishing_training(setup, target, weights=WEIGHTS)}
        shown = [n for n in cid.chance if n not in below and n not in cid.parents("D0")]
        asked = [
            (ChangeKind.MIX, None),
            (ChangeKind.SEEN, None),
            *((k, x) for k in (ChangeKind.LINK, ChangeKind.BOTH) for x in shown),
        ]
        for kind, x in asked:
            trials += 1
            for weight in (0.0,) if kind is ChangeKind.LINK else WEIGHTS:
                least, removed, worst = expected(model, there, target, kind, weight, x)
                if removed or worst <= 1e-9:
                    row = rows.pop((kind, x))
                    assert (row.removed, row.harmless) == (removed, worst <= 1e-9), (seed, row)
                    assert row.weight == (None if kind is ChangeKind.LINK else weight), (seed, row)
                    assert row.regret == pytest.approx(least, abs=1e-8), (seed, row)
                    assert row.interval[1] == pytest.approx(worst, abs=1e-8), (seed, row)
                    rows_seen += 1
                    break
        assert not rows, seed
    assert rows_seen > trials / 10


def test_the_red_door() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    rows = distinguishing_training(setup, "at_red")
    first = next(r for r in rows if r.deployment == "opposite")
    assert (first.kind, first.weight, first.removed) == (ChangeKind.MIX, 0.01, True)
    assert first.regret == pytest.approx(0.01)
    assert first.interval == pytest.approx((1.0, 1.0))
    kinds = [list(ChangeKind).index(r.kind) for r in rows]
    assert kinds == sorted(kinds)
    assert not any(r.observable == "weather" and r.kind is ChangeKind.LINK and r.deployment == "opposite" for r in rows)
    assert {r.observable for r in rows} <= {None, "weather"}


def test_losing_control_of_a_target_does_not_remove_it_where_nothing_is_lost() -> None:
    """Nobody influences `x`, and the base cares for nothing: every objective trains to regret 0, so it is harmless."""
    cid = cm.CID([("x", "act"), ("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda y: 0 * y)
    setup = TrainingSetup(model, deployments={"always": {"x": cm.Bernoulli(1.0)}})
    rows = distinguishing_training(setup, "x")
    assert rows
    assert {(row.regret, row.removed, row.harmless) for row in rows} == {(0.0, False, True)}


def test_showing_the_answer_is_flagged() -> None:
    """The label's errors follow a hidden fault: showing it removes the wish to be right, and the flag says why."""
    model = register(
        [("truth", "seen"), ("seen", "say"), ("truth", "register"), ("fault", "register")],
        truth=cm.Bernoulli(0.5),
        fault=cm.Bernoulli(0.2),
        seen=lambda truth: truth,
        register=lambda truth, fault: truth ^ fault,
    )
    setup = TrainingSetup(model, {"no fault": {"fault": cm.Bernoulli(0.0)}})
    rows = distinguishing_training(setup, "right")
    links = {r.observable: r for r in rows if r.kind is ChangeKind.LINK and r.removed}
    assert set(links) == {"fault", "register"}
    assert links["fault"].regret == pytest.approx(0.2)
    assert links["register"].score_input
    assert not links["fault"].score_input
    order = [r.observable for r in rows if r.kind is ChangeKind.LINK and r.removed]
    assert order == ["fault", "register"]
    assert ("score",) not in links["fault"].also
    assert "show register (which the score reads) to say" in str(links["register"])


def test_what_else_a_change_removes() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    (row, *_) = [r for r in distinguishing_training(setup, "at_red") if r.deployment == "opposite"]
    assert row.also == ()
    (row, *_) = [r for r in distinguishing_training(setup, "at_door") if r.deployment == "opposite"]
    assert row.harmless  # at_door is harmless all along
    assert not row.removed
    assert ("at_red",) in row.also


def test_bad_input() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    with pytest.raises(NotApplicableError, match="between 0 and 1"):
        distinguishing_training(setup, "at_red", weights=(0.0, 0.5))
    with pytest.raises(NotApplicableError, match="observed already"):
        distinguishing_training(setup, "at_red", observables=["door"])
    with pytest.raises(NotApplicableError, match="influences"):
        distinguishing_training(setup, "at_red", observables=["at_red"])
    with pytest.raises(NotApplicableError, match="it is a utility node, and chance nodes are shown"):
        distinguishing_training(setup, "at_red", observables=["reward"])
    with pytest.raises(NotApplicableError, match="numbers"):
        distinguishing_training(TrainingSetup(red_door_cid()), "at_red")


class Several:
    """Training and a deployment as two joints of several decisions, mixed; every policy on what is seen then."""

    def __init__(self, setup: TrainingSetup, kind: ChangeKind, shown: str | None, to: tuple[str, ...]) -> None:
        worlds = [World(setup.deployed(name), setup.shared_rules) for name in ("training", "there")]
        cid = setup.cid
        self.mass, self.base, contexts = [], [], {d: [] for d in cid.decisions}
        for k, world in enumerate(worlds):
            self.mass.append(world.weight)
            self.base.append(world.utility())
            for d in cid.decisions:
                seen = world.context(d)
                if shown is not None and d in to:
                    seen = 2 * seen + world.column(shown)
                contexts[d].append(2 * seen + k if kind is ChangeKind.SEEN else seen)
        self.worlds = worlds
        size = {
            d: 2 ** (len(cid.parents(d)) + (shown is not None and d in to) + (kind is ChangeKind.SEEN))
            for d in cid.decisions
        }
        leaders = list(dict.fromkeys(setup.rule_of(d)[0] for d in cid.decisions))
        tables = [np.array(list(product((0, 1), repeat=size[d]))) for d in leaders]
        chosen = np.array(list(product(*(range(len(t)) for t in tables))))
        self.follows = [np.ones((len(chosen), len(w.grid))) for w in worlds]
        for d in cid.decisions:
            i = leaders.index(setup.rule_of(d)[0])
            for k, world in enumerate(worlds):
                self.follows[k] *= tables[i][chosen[:, i]][:, contexts[d][k]] == world.column(d)

    def values(self, weights: tuple[float, float], target: str | None) -> np.ndarray:
        """Expected value of every policy: of the target's position, or of the base utility."""
        total = np.zeros(len(self.follows[0]))
        for k, share in enumerate(weights):
            pay = self.base[k] if target is None else self.worlds[k].column(target)
            total += share * (self.follows[k] @ (self.mass[k] * pay))
        return total

    def judged(self, weight: float, target: str) -> tuple[float, float]:
        """The least training regret of an objective, and the largest regret in the deployment of those that have it."""
        found = []
        for sign in (1.0, -1.0, 0.0):
            regrets = []
            for weights in ((1 - weight, weight), (0.0, 1.0)):
                base, wanted = self.values(weights, None), sign * self.values(weights, target)
                regrets.append(base.max() - base[wanted >= wanted.max() - 1e-9].min())
            found.append(regrets)
        least = min(here for here, _ in found)
        return least, max(there for here, there in found if here <= least + 1e-9)


def test_several_decisions_against_mixtures_of_joints() -> None:
    trials, rows_seen, shared_seen, seed = 0, 0, 0, 0
    while trials < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng([8, seed])
        model = random_model(rng, random_cid(rng, chance=3, decisions=2, parents=2))
        cid = model.cid
        if max(len(cid.parents(d)) for d in cid.decisions) > 1 or not cid.parents("U0"):
            continue
        alike = len(cid.parents("D0")) == len(cid.parents("D1"))
        rules = [("D0", "D1")] if alike and rng.random() < 0.5 else []
        below = [n for n in cid.chance if any(n in cid.descendants(d) for d in cid.decisions)]
        if not below:
            continue
        target = str(rng.choice(below))
        shifted = rng.choice([*cid.chance, "U0"], size=1).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, model, shifted)}, shared_rules=rules)
        if needs_stochastic_rules(setup, [target]):
            continue
        groups = rules or [(d,) for d in cid.decisions]
        shown = [
            (x, to)
            for x in cid.chance
            for to in groups
            if not any(x in cid.parents(d) or x in cid.descendants(d) for d in to)
        ]
        found = distinguishing_training(setup, target, weights=(0.1, 0.5))
        assert not found.unjudged
        rows = {(r.kind, r.observable, r.decisions): r for r in found}
        asked = [(ChangeKind.MIX, None, ()), (ChangeKind.SEEN, None, cid.decisions)]
        asked += [(k, x, to) for k in (ChangeKind.LINK, ChangeKind.BOTH) for x, to in shown]
        for kind, x, to in asked:
            trials += 1
            several = Several(setup, kind, x, to)
            for weight in (0.0,) if kind is ChangeKind.LINK else (0.1, 0.5):
                least, worst = several.judged(weight, target)
                if least > 1e-9 or worst <= 1e-9:
                    row = rows.pop((kind, x, to))
                    assert (row.removed, row.harmless) == (least > 1e-9, worst <= 1e-9), (seed, row)
                    assert row.weight == (None if kind is ChangeKind.LINK else weight), (seed, row)
                    assert row.regret == pytest.approx(least, abs=1e-8), (seed, row)
                    assert row.interval[1] == pytest.approx(worst, abs=1e-8), (seed, row)
                    rows_seen += 1
                    shared_seen += bool(rules)
                    break
        assert not rows, seed
    assert rows_seen > trials / 10
    assert shared_seen


def two_clerks() -> tuple[cm.CIM, dict[str, dict[str, object]]]:
    """Two clerks file a paper each by its colour; a paper's kind, which the score is about, is in a drawer."""
    cid = cm.CID(
        [
            ("kind", "colour"), ("colour", "first"), ("colour", "second"),
            ("first", "by_colour"), ("second", "by_colour"), ("colour", "by_colour"),
            ("first", "by_kind"), ("second", "by_kind"), ("kind", "by_kind"), ("by_kind", "pay"),
        ],
        decisions=["first", "second"],
        utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        kind=cm.Bernoulli(0.5),
        colour=lambda kind: kind,
        first=[0, 1],
        second=[0, 1],
        by_colour=lambda first, second, colour: int(first == colour) + int(second == colour),
        by_kind=lambda first, second, kind: int(first == kind) + int(second == kind),
        pay=lambda by_kind: by_kind,
    )
    return model, {"faded": {"colour": cm.Function(lambda kind: 0, domain=(0, 1))}}


def test_one_clerk_is_shown_at_a_time_unless_they_share_a_rule() -> None:
    model, deployments = two_clerks()
    rows = distinguishing_training(TrainingSetup(model, deployments), "by_colour", weights=(0.5,))
    both = {r.decisions: r for r in rows if r.kind is ChangeKind.BOTH}
    assert set(both) == {("first",), ("second",)}
    assert str(both[("first",)]).startswith("mix 0.5 of faded and show kind (which the score reads) to first:")
    (seen,) = (r for r in rows if r.kind is ChangeKind.SEEN)
    assert seen.decisions == ("first", "second")


def test_a_rule_that_acts_twice_is_judged_by_declared_objectives() -> None:
    model, deployments = two_clerks()
    setup = TrainingSetup(model, deployments, shared_rules=[("first", "second")])
    rows = distinguishing_training(setup, "by_colour", weights=(0.5,))
    (both,) = (r for r in rows if r.kind is ChangeKind.BOTH)
    assert both.decisions == ("first", "second")
    assert both.declared_only
    assert both.removed
    assert both.regret == pytest.approx(0.5)  # told the kind, it should file half of the faded papers otherwise
    assert str(both).endswith("as far as declared objectives tell")


def test_what_cannot_be_judged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model, deployments = two_clerks()
    setup = TrainingSetup(model, deployments)
    by_listing = distinguishing_training(setup, "by_colour", weights=(0.5,))
    monkeypatch.setattr(normal, "POLICIES", 16)
    rows = distinguishing_training(setup, "by_colour", weights=(0.5,))  # one objective after the other
    assert [(r.kind, r.observable, r.removed) for r in rows] == [(r.kind, r.observable, r.removed) for r in by_listing]
    known = [(r.regret, e.regret) for r, e in zip(rows, by_listing, strict=True) if not np.isnan(r.regret)]
    assert len(known) >= 2
    assert [regret for regret, _ in known] == pytest.approx([regret for _, regret in known], abs=1e-9)
    assert not rows.unjudged
    monkeypatch.setattr(among_optimal, "WORK", 10)
    rows = distinguishing_training(setup, "by_colour", weights=(0.5,))
    assert "mix 0.5 of faded, seen" in rows.unjudged
    assert not any(row.kind is ChangeKind.SEEN for row in rows)


@given(setup=random_setups(), power=st.sampled_from([-40, 40]), level=st.sampled_from([0, 2**10]), pick=st.data())
@settings(max_examples=examples(quick=5, full=30), deadline=None)
def test_units_levels_and_penalties_cure_nothing(
    setup: TrainingSetup, power: int, level: int, pick: st.DataObject
) -> None:
    target = pick.draw(st.sampled_from(setup.cid.chance))
    unit = 2.0**power

    def rows(setup: TrainingSetup) -> tuple[list[object], list[float]]:
        every = distinguishing_training(setup, target, weights=(0.125, 0.5))
        found = [c for c in every if c.observable != "storm"]
        said = [(c.kind, c.deployment, c.weight, c.observable, c.removed, c.harmless, c.score_input) for c in found]
        return said, [number for c in found for number in (c.regret, *c.interval)]

    expected, numbers = rows(setup)
    for other, factor in ((moved(setup, unit, level), unit), (with_a_storm(setup, -1e12), 1.0)):
        said, found = rows(other)
        assert said == expected
        assert found == pytest.approx([factor * x for x in numbers], rel=1e-9, abs=0)
