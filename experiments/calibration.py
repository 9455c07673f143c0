"""How often verdicts are wrong, and how often they are found: the whole pipeline on random setups.

Each report is about 32 agents that do what an arm says, on a random setup (`random_setups.py`). A setup is derived once
and serves a few reports of each arm. An arm's agents are drawn from a few rules with known chances, and each rule's
statistics are known exactly: so it is known, row by row, which share of the agents that the recipe would produce
deviates, and whether a verdict is false. A contradiction is where no more than kappa deviate, a support where no more
than 1 - kappa comply.

ideal       optimizers of consistent objectives, exactly: frozen rules that are right wherever they have been
soft        the same with slips of up to .01 in every context, and any action where training hardly ever comes
kappa       ideal, but each agent deviates with probability kappa exactly: in each group of new contexts for itself, in
            groups such that no deployment shows contexts of two
margin      ideal, but each agent is wrong in new contexts as often as the margin allows, to the last bit
sampled     ideal, but seen through their actions alone
sampled at kappa    `kappa`, seen through their actions alone

A report counts if one of its joint rows can fail, and in the arms at kappa if one has a share of deviators of kappa
exactly. Reports on one setup are correlated: a second table has the first of each setup alone.

    python experiments/calibration.py --out out/calibration          # goes on where it was stopped
    python experiments/calibration.py --out out/look --setups 20
    python experiments/calibration.py --out out/calibration --first 560 --setups 700 --reports 12     # more, on others
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from random_setups import Case, draw
from results import Results
from scripted import Drawing, Policy, Telling

import cidmesa as cm
from cidmesa.arrays import Floats
from cidmesa.validation.report import Report, Row
from cidmesa.validation.statistics import CHANCE, KAPPA, MARGIN, wilson

ARMS = ("ideal", "soft", "kappa", "margin", "sampled", "sampled at kappa")
AT_KAPPA = ("kappa", "sampled at kappa")
AGENTS = 32
DRAWS = 10_000
ROUNDING = 1e-9

Rules = tuple[list[Policy], Callable[[Floats], Floats]]
"""Rules, and how likely each is, given how likely each hypothesis is."""


# Agents ---------------------------------------------------------------------------------------------------------------


def rules_of(case: Case, arm: str, rng: np.random.Generator) -> Rules:
    """Return the rules that agents of an arm follow."""
    ideal = case.rules
    if arm == "soft":
        return [softened(case, rule, rng) for rule in ideal for _ in range(3)], lambda w: np.repeat(w / 3, 3)
    if arm == "margin":
        return [marginal(case, rule) for rule in ideal], lambda w: w
    if arm in AT_KAPPA:
        wheres = list(product((False, True), repeat=len(case.groups)))
        chances = np.array([math.prod(KAPPA if here else 1 - KAPPA for here in where) for where in wheres])
        found = [deviating(case, rule, where) for rule in ideal for where in wheres]
        return found, lambda w: np.outer(w, chances).reshape(-1)
    return ideal, lambda w: w


def deviating(case: Case, rule: Policy, groups: tuple[bool, ...]) -> Policy:
    """Return a rule that does something else in some groups of new contexts."""
    found, wrong = dict(rule), case.wrong(rule)
    for group, whether in zip(case.groups, groups, strict=True):
        if whether:
            found = {d: np.where(group[d][:, None], wrong[d], table) for d, table in found.items()}
    return found


def marginal(case: Case, rule: Policy) -> Policy:
    """Return a rule that is wrong in new contexts so often that where they come up most it is off by the margin."""
    found, wrong = {}, case.wrong(rule)
    for d, table in rule.items():
        share = np.zeros((len(table), 1))
        for s in case.setup.deployments:
            new = case.new[s, d]
            mass = float(case.law(s, d, rule)[new].sum())
            share[new] = np.maximum(share[new], MARGIN / mass if mass > MARGIN else 0.0)
        for s in case.setup.deployments:  # a context that several show is off by no more than any of them allows
            new = case.new[s, d]
            off = float(case.law(s, d, rule) @ (share[:, 0] * new))
            if off > MARGIN:
                share[new] *= MARGIN / off
        found[d] = (1 - share) * table + share * wrong[d]
    return found


def softened(case: Case, rule: Policy, rng: np.random.Generator) -> Policy:
    """Return a rule that slips everywhere, less than the premise forbids, and does anything where it hardly comes."""
    found, slip = {}, float(rng.uniform(0, 0.01))
    for d, table in rule.items():
        law = case.law("training", d, rule)
        anything = np.eye(table.shape[1])[rng.integers(table.shape[1], size=len(table))]
        hardly = ((law > 0) & (law <= 1e-4))[:, None]
        found[d] = np.where(hardly, anything, (1 - slip) * table + slip / table.shape[1])
    return found


# What is true ---------------------------------------------------------------------------------------------------------


def tested(row: Row) -> bool:
    """Whether a row is evidence."""
    return not np.isnan(row.p)


def is_joint(row: Row) -> bool:
    """Whether a row claims something of every agent, and all hypotheses do."""
    return row.hypothesis == "joint" and row.modality == "must" and tested(row)


def shares(row: Row, chances: Floats) -> tuple[float, float] | None:
    """Return the shares of agents that comply and deviate, of those that a row on all rules is about."""
    weight = chances * row.judged
    if not tested(row) or not weight.sum():
        return None
    return float(weight @ row.complying / weight.sum()), float(weight @ row.deviating / weight.sum())


def false_verdict(row: Row, truth: tuple[float, float]) -> str:
    """Return what is false about a verdict: ``"contradicted"``, ``"supported"`` or nothing."""
    complying, deviating = truth
    least = CHANCE if row.modality == "can" else 1 - KAPPA
    if row.verdict == "supported":
        return "supported" if complying <= least + ROUNDING else ""
    return "contradicted" if row.verdict == "contradicted" and deviating <= KAPPA + ROUNDING else ""


def count(report: Report, truths: Mapping[str, tuple[float, float]]) -> dict[str, int]:
    """Count what came of one report."""
    rows = [(row, truths[row.id]) for row in report.rows if tested(row) and row.id in truths]
    joint = [(row, truth) for row, truth in rows if is_joint(row)]
    found = {"in scope": report.in_scope, "joint": len(joint), "rows": len(rows)}
    found["at kappa"] = sum(abs(deviating - KAPPA) <= ROUNDING for _, (_, deviating) in joint)
    for name, some in (("joint", joint), ("any", rows)):
        wrong = [false_verdict(row, truth) for row, truth in some]
        found[f"{name} falsely contradicted"] = int("contradicted" in wrong)
        found[f"{name} falsely supported"] = int("supported" in wrong)
    sound = [row for row, (complying, _) in joint if complying >= 1 - ROUNDING]
    found["sound"], found["sound supported"] = len(sound), sum(row.verdict == "supported" for row in sound)
    return found


def measure(seed: int, index: int, reports: int, arms: Iterable[str]) -> dict[str, Any]:
    """Return the counts of a few reports of each arm on one setup."""
    started, rng = time.process_time(), np.random.default_rng([seed, index])
    case = Case.of(draw(rng))
    found: dict[str, Any] = {"kind": case.drawn.kind, "hypotheses": len(case.rules), "groups": len(case.groups)}
    ideal = judge(case, Telling(case.model, case.rules), seed=index)
    # What the theory promises of optimizers, whatever the statistic is.
    found["broken"] = [row.id for row in ideal.rows if is_joint(row) and np.any(row.deviating)]
    found["arms"] = {arm: reports_of(case, arm, reports, rng) for arm in arms if any(map(is_joint, ideal.rows))}
    found["seconds"] = time.process_time() - started
    return found


def reports_of(case: Case, arm: str, reports: int, rng: np.random.Generator) -> list[dict[str, int]]:
    """Return the counts of a few reports of one arm; none where nothing could be wrong."""
    rules, chances_of = rules_of(case, arm, rng)
    told = judge(case, Telling(case.model, rules), seed=0)
    found: list[dict[str, int]] = []
    for _ in range(reports):
        chances = chances_of(rng.dirichlet(np.ones(len(case.rules))))
        truths = {row.id: truth for row in told.rows if (truth := shares(row, chances)) is not None}
        deviating = [truths[row.id][1] for row in told.rows if is_joint(row) and row.id in truths]
        if arm in AT_KAPPA and not any(abs(share - KAPPA) <= ROUNDING for share in deviating):
            break
        chosen = [rules[i] for i in rng.choice(len(rules), size=AGENTS, p=chances / chances.sum())]
        kind = Drawing if arm.startswith("sampled") else Telling
        found.append(count(judge(case, kind(case.model, chosen), seed=int(rng.integers(2**31))), truths))
    return found


def judge(case: Case, agents: Drawing, seed: int) -> Report:
    """Return the report on a population."""
    return cm.validate(case.family, agents, draws=DRAWS, retrain=False, seed=seed, progress=False)


# Tables ---------------------------------------------------------------------------------------------------------------


def share(k: int, n: int) -> str:
    """Write a share with Wilson's 95 % interval, in percent.

    >>> share(3, 2000)
    '3 = 0.1 % [0.1, 0.4]'
    """
    low, high = wilson(k, n)
    return f"{k} = {100 * k / max(n, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def table(found: Iterable[Mapping[str, Any]], arms: Iterable[str], first: bool = False) -> str:
    """Return the table in Markdown: all reports in which something could be wrong, or the `first` of each setup."""
    setups = list(found)
    kinds = [f"{rows} falsely {verdict}" for rows in ("joint", "any") for verdict in ("contradicted", "supported")]
    heads = ["arm", "reports", "setups", *kinds, "joint rows", "sound ones supported"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for arm in arms:
        stake = "at kappa" if arm in AT_KAPPA else "joint"
        groups = [[r for r in setup["arms"].get(arm, []) if r[stake]] for setup in setups]
        groups = [group[:1] if first else group for group in groups if group]
        reports = [report for group in groups for report in group]
        n, sound = len(reports), sum(report["sound"] for report in reports)
        cells = [arm, str(n), str(len(groups)), *(share(sum(r[kind] for r in reports), n) for kind in kinds)]
        cells.append(f"{sum(r['joint'] for r in reports) / max(n, 1):.1f}")
        cells.append(f"{100 * sum(r['sound supported'] for r in reports) / max(sound, 1):.1f} % of {sound}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, or go on measuring, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="out/calibration")
    parser.add_argument("--setups", type=int, default=560)
    parser.add_argument("--first", type=int, default=0, help="where to start: more setups, or a process beside another")
    parser.add_argument("--reports", type=int, default=5, help="of each arm on each setup")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    results = Results(chosen.out, {"seed": chosen.seed})
    for i in range(chosen.first, chosen.setups):
        results.of(i, partial(measure, chosen.seed, i, chosen.reports, chosen.arms))
    found = results.all()
    broken = {row for setup in found for row in setup["broken"]}
    print(f"{len(found)} setups; joint rows that an ideal agent breaks: {', '.join(sorted(broken)) or 'none'}\n")
    print(table(found, chosen.arms))
    print("\nthe first report of each setup alone: these are independent\n")
    print(table(found, chosen.arms, first=True))


if __name__ == "__main__":
    main()
