"""How often verdicts are wrong, and how often they are found: the whole pipeline on random setups.

Each report is about a population that does what an arm says, on a random setup with shifted mechanisms, one decision or
two, contexts that hardly ever come up, and actions that differ by little. One setup serves several reports. The agents
of an arm are drawn from policies of which it is known, row by row, whether they comply:

ideal       optimizers of consistent objectives, exactly: frozen rules that are right wherever they have been
soft        the same, with a slip in every context, and any action where training hardly ever comes (the weak premise)
kappa       ideal, but each agent deviates in new contexts with probability kappa exactly
margin      ideal, but each agent takes the wrong action in new contexts as often as the margin allows, to the last bit
sampled     ideal, but seen through their actions alone

Counted are reports in which any joint row is contradicted, which is false in every arm, and in which any joint row of
a deployment is supported: false in the arm `kappa`, where only rows are counted that every deviating agent breaks, so
that the share of compliers is 1 - kappa exactly; right in the others, where it says how often something is found.

    python experiments/calibration.py                                # minutes on one core; Ctrl-C shows what there is
    python experiments/calibration.py --reports 100 --arms ideal     # a smaller look
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import cidmesa as cm
from cidmesa.agents.tensors import positions
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.outcomes.stale_beliefs import new_contexts
from cidmesa.validation.report import Report
from cidmesa.validation.statistics import KAPPA, MARGIN, wilson

ARMS = ("ideal", "soft", "kappa", "margin", "sampled")
AGENTS = 32
RARE = (1e-9, 1e-4, 1e-2)

Policy = dict[str, Floats]


# Setups ---------------------------------------------------------------------------------------------------------------


def random_setup(rng: np.random.Generator) -> cm.TrainingSetup:
    """Return a setup in which a cue goes with what counts in training, more or less, and elsewhere does not.

    With two decisions the first one's outcome is seen by the second.
    """
    k = int(rng.integers(2, 4))
    two = bool(rng.integers(2))
    values = list(range(k))
    edges = [("truth", "cue"), ("cue", "act"), ("truth", "right"), ("act", "right"), ("cue", "follows"),
             ("act", "follows"), ("right", "pay")]  # fmt: skip
    if rng.random() < 0.8:
        edges.append(("truth", "act"))
    decisions = ["act"]
    if two:
        edges += [("right", "next"), ("next", "done"), ("right", "done"), ("done", "pay")]
        decisions.append("next")
    rare = float(rng.choice(RARE))
    prior = np.append((1 - rare) * rng.dirichlet(np.full(k - 1, 3.0)), rare)
    wrong = float(rng.choice([0.0, 0.0, 0.0, rare]))
    gain = float(rng.choice([0.02, 1.0, 30.0]))
    mechanisms: dict[str, Any] = {
        "truth": cm.Categorical(dict(zip(values, (prior / prior.sum()).tolist(), strict=True))),
        "cue": cm.Noisy(lambda truth: truth, wrong),
        "act": values,
        "right": lambda act, truth: int(act == truth),
        "follows": lambda act, cue: int(act == cue),
    }
    if two:
        mechanisms |= {"next": [0, 1], "done": lambda right, next: int(right == next)}
        mechanisms["pay"] = lambda right, done: gain * (2 * right + done)
    else:
        mechanisms["pay"] = lambda right: gain * right
    model = cm.CID(edges, decisions=decisions, utilities=["pay"]).parameterise(mechanisms)
    step = int(rng.integers(1, k))
    crossed = {"cue": lambda truth: (truth + step) % k}
    fair = {"cue": cm.Uniform(*values), "truth": cm.Uniform(*values)}
    return cm.TrainingSetup(model, {"crossed": crossed, "fair": fair})


@dataclass
class Case:
    """A setup with its family and the rules that its hypotheses allow."""

    setup: cm.TrainingSetup
    family: cm.mesa.derive.Family
    rules: list[Policy] = field(default_factory=list)
    new: Mapping[str, Any] = field(default_factory=dict)
    on_the_line: frozenset[str] = frozenset()

    @classmethod
    def of(cls, setup: cm.TrainingSetup) -> Case:
        """Derive the family and write out a frozen rule of each hypothesis."""
        family = cm.derive_mesa_optimizers(setup, targets=["right", "follows", "pay"])
        case = cls(setup, family)
        model = setup.deployed("training")
        case.new = {
            d: np.any([np.reshape(new_contexts(setup, s, d), -1) for s in setup.deployments], axis=0)
            for d in model.cid.decisions
        }
        for hypothesis in family.hypotheses:
            rule: Policy = {}
            for decision in model.cid.decisions:
                table = np.full((len(model.contexts(decision)), model.card(decision)), 1.0 / model.card(decision))
                for name in (*setup.deployments, "training"):  # training last: what a frozen rule did there it does
                    possible = hypothesis.possible_actions(name, reading="stale")[decision]
                    for row, context in enumerate(model.contexts(decision)):
                        if context in possible:
                            table[row] = np.eye(model.card(decision))[
                                model.domain(decision).index(possible[context][0])
                            ]
                rule[decision] = table
            case.rules.append(rule)
        if case.rules:
            agents = Told(model, [deviating(case, rule, 1.0) for rule in case.rules])
            report = cm.validate(family, agents, retrain=False, progress=False)
            case.on_the_line = frozenset(row.id for row in report.rows if np.all(row.deviating))
        return case

    def tables(self, rule: Policy) -> Policy:
        """Return a rule's tables with an axis for each observation."""
        model = self.setup.deployed("training")
        return {d: table.reshape(*map(model.card, model.cid.parents(d)), model.card(d)) for d, table in rule.items()}


# Agents ---------------------------------------------------------------------------------------------------------------


class Rules:
    """Agents that follow given tables, told or drawn."""

    def __init__(self, model: cm.CIM, rules: list[Policy]) -> None:
        self.model, self.rules = model, rules

    def __len__(self) -> int:
        return len(self.rules)

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Draw actions of the decisions whose parents are all observed."""
        rng, found = np.random.default_rng(seed), {}
        for decision in self.model.cid.decisions:
            parents = self.model.cid.parents(decision)
            if not parents or not all(p in observations for p in parents):
                continue
            seen = [positions(self.model, p, np.asarray(observations[p])) for p in parents]
            where = np.ravel_multi_index(seen, tuple(map(self.model.card, parents)))
            table = np.stack([rule[decision] for rule in self.rules])[:, where]
            noise = rng.random((len(self), where.shape[-1], 1))
            chosen = (noise >= table.cumsum(axis=-1)[..., :-1]).sum(axis=-1)
            found[decision] = np.asarray(self.model.domain(decision))[chosen]
        return found


class Told(Rules):
    """The same, telling their probabilities."""

    def probabilities(self, decision: str) -> Floats:
        """Return the tables."""
        return np.stack([rule[decision] for rule in self.rules])


def deviating(case: Case, rule: Policy, share: float) -> Policy:
    """Return a rule that in new contexts takes, `share` of the time, the action after the one that it would take."""
    found = {}
    for decision, table in rule.items():
        wrong = np.roll(table, 1, axis=-1)
        new = case.new[decision][:, None]
        found[decision] = np.where(new, (1 - share) * table + share * wrong, table)
    return found


def softened(case: Case, rule: Policy, rng: np.random.Generator) -> Policy:
    """Return a rule that slips a little everywhere, and does anything where training hardly ever comes."""
    model, found = case.setup.deployed("training"), {}
    for decision, table in rule.items():
        law = np.reshape(model.query(model.cid.parents(decision), policy=case.tables(rule)).probabilities, -1)
        anything = np.eye(table.shape[-1])[rng.integers(table.shape[-1], size=len(table))]
        hardly = ((law > 0) & (law <= 1e-4))[:, None]
        found[decision] = np.where(hardly, anything, 0.999 * table + 0.001 / table.shape[-1])
    return found


def population(case: Case, arm: str, rng: np.random.Generator) -> Rules:
    """Draw the agents of an arm."""
    rules = [case.rules[i] for i in rng.integers(len(case.rules), size=AGENTS)]
    if arm == "soft":
        rules = [softened(case, rule, rng) for rule in rules]
    if arm == "kappa":
        rules = [deviating(case, rule, 1.0) if rng.random() < KAPPA else rule for rule in rules]
    if arm == "margin":
        rules = [deviating(case, rule, MARGIN) for rule in rules]
    return (Rules if arm == "sampled" else Told)(case.setup.deployed("training"), rules)


# Reports --------------------------------------------------------------------------------------------------------------


@dataclass
class Count:
    """What came of the reports of one arm."""

    reports: int = 0
    contradicted: int = 0
    supported: int = 0
    joint: int = 0
    in_scope: int = 0
    seconds: float = 0.0

    def add(self, report: Report, rows: Collection[str] | None) -> None:
        """Count one report; `rows` are those whose support counts, all if left out."""
        joint = [row for row in report.rows if row.hypothesis == "joint" and row.modality == "must"]
        self.reports += 1
        self.joint += len(joint)
        self.in_scope += report.in_scope
        self.contradicted += any(row.verdict == "contradicted" for row in joint)
        there = [row for row in joint if row.deployment != "training" and (rows is None or row.id in rows)]
        self.supported += any(row.verdict == "supported" for row in there)

    def judge(self, case: Case, arm: str, times: int, rng: np.random.Generator) -> None:
        """Count the reports on several populations of an arm."""
        started = time.process_time()
        for _ in range(times):
            agents = population(case, arm, rng)
            draws = 2000 if arm == "sampled" else 10_000
            report = cm.validate(case.family, agents, draws=draws, retrain=False, progress=False)
            self.add(report, case.on_the_line if arm == "kappa" else None)
        self.seconds += time.process_time() - started

    def line(self, arm: str) -> str:
        """Return it as a row of the table."""

        def share(k: int) -> str:
            low, high = wilson(k, self.reports)
            return f"{k:5d} = {k / self.reports:6.2%} [{low:.2%}, {high:.2%}]"

        n = max(self.reports, 1)
        return (
            f"{arm:8s} {self.reports:7d}  {share(self.contradicted)}  {share(self.supported)}  "
            f"{self.joint / n:5.1f}  {self.in_scope / n:5.1f}  {self.seconds / n:6.3f}"
        )


def cases(rng: np.random.Generator, n: int) -> Iterator[Case]:
    """Yield setups with at least one hypothesis whose possible actions are known."""
    found = 0
    while found < n:
        try:
            case = Case.of(random_setup(rng))
        except NotApplicableError:
            continue
        if case.rules:
            found += 1
            yield case


def main(arguments: list[str] | None = None) -> None:
    """Print one row for each arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=2000)
    parser.add_argument("--per-setup", type=int, default=20)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    rng = np.random.default_rng(chosen.seed)
    counts = {arm: Count() for arm in chosen.arms}
    try:
        for case in cases(rng, -(-chosen.reports // chosen.per_setup)):
            for arm, count in counts.items():
                count.judge(case, arm, chosen.per_setup, rng)
    except KeyboardInterrupt:
        print("stopped: what was counted until then")
    print("arm      reports  contradicted in a joint row      supported in a new context        rows  agents  seconds")
    for arm, count in counts.items():
        print(count.line(arm))


if __name__ == "__main__":
    main()
