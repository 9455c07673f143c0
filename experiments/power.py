"""How often a row is decided, by how many agents deviate and how many there are: exactly, and in reports.

One setup with twenty joint rows: a cue that training shows to go with what counts, and ten deployments that cross the
two, each in contexts of its own. Per deployment agents may take the actions of either hypothesis and no others (one
row), and act as one of them (another). All comply but for one deployment, in which some agents deviate: contradicted it
is at Holm's first step, the strictest, and supported more easily once the other eighteen rows are; tables have both.
Beside that the case of a small effect: each agent's statistic is drawn about .1, of standard deviation .05. Agents that
comply stray a little, each its own way in each deployment: rows that show the same numbers count once, and then fewer
agents are enough.

    python experiments/power.py --out out/power
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from calibration import share
from random_setups import Stated
from results import Results
from scripted import Telling

import cidmesa as cm
from cidmesa.arrays import Floats
from cidmesa.mesa.predictions.predictions import JOINT, Predictions
from cidmesa.validation.statistics import KAPPA, MARGIN, chance_to_decide

DEPLOYMENTS = 10
ROWS = 2 * DEPLOYMENTS
AGENTS = (14, 24, 32, 48, 64)
DEVIATING = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares of agents for which contradictions are tabled."""
STRAYING = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of agents for which supports are tabled."""


class Joint(Stated):
    """A family of which only the joint rows are asked."""

    def predictions(self, *, reading: Any = "stale", margin: float = MARGIN) -> Predictions:
        """Return the joint rows that need no retraining."""
        every = super().predictions(reading=reading, margin=margin)
        return Predictions([r for r in every if r.hypothesis == JOINT and not r.retrained], reading=every.reading)


def family() -> Joint:
    """Return the setup's family."""
    k = DEPLOYMENTS + 1
    values = list(range(k))
    cid = cm.CID(
        [("truth", "cue"), ("truth", "act"), ("cue", "act"), ("truth", "right"), ("act", "right"), ("cue", "follows"),
         ("act", "follows"), ("right", "pay")],
        decisions=["act"],
        utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        truth=cm.Uniform(*values),
        cue=lambda truth: truth,
        act=values,
        right=lambda act, truth: int(act == truth),
        follows=lambda act, cue: int(act == cue),
        pay=lambda right: right,
    )

    def crossed(by: int) -> Callable[[int], int]:
        return lambda truth: (truth + by) % k

    setup = cm.TrainingSetup(model, {f"crossed by {i}": {"cue": crossed(i)} for i in range(1, k)})
    return Joint(cm.derive_mesa_optimizers(setup, targets=["right", "follows", "pay"]))


def population(of: Joint, off: Floats) -> Telling:
    """Return agents that are right, and in each deployment take other actions so often: shape (agents, deployments)."""
    k = DEPLOYMENTS + 1
    truth, cue = (grid.reshape(-1) for grid in np.indices((k, k)))
    crossed = (cue - truth) % k
    other = np.array([next(a for a in range(k) if a not in (t, c)) for t, c in zip(truth, cue, strict=True)])
    rules = []
    for each in off:
        wrong = np.concatenate([[0.0], each])[crossed][:, None]
        rules.append({"act": (1 - wrong) * np.eye(k)[truth] + wrong * np.eye(k)[other]})
    return Telling(of.setup.deployed("training"), rules)


@dataclass(frozen=True)
class Cell:
    """One kind of population, and what is counted of it."""

    name: str
    agents: int
    verdict: str
    share: float
    """Of agents that deviate in the row."""
    mean: float = 1.0
    """Of the statistic of those that deviate."""
    sd: float = 0.0
    rows: int = 1
    """In so many deployments they deviate."""
    others: int = 0
    """Rows of the twenty that are supported before."""

    @property
    def exact(self) -> float:
        """How likely the verdict is on one row."""
        from scipy.stats import norm

        beyond = self.share * (1.0 if not self.sd else float(norm.sf((MARGIN - self.mean) / self.sd)))
        if self.verdict == "contradicted":
            return float(chance_to_decide(self.agents, ROWS, beyond))
        return float(chance_to_decide(self.agents, ROWS - self.others, 1 - beyond, null=1 - KAPPA))

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return how far off each agent is, (agents, deployments)."""
        off = rng.uniform(0, MARGIN / 2, (self.agents, DEPLOYMENTS))
        who = rng.random((self.agents, self.rows)) < self.share
        astray = np.clip(rng.normal(self.mean, self.sd, who.shape), 0, 1)
        off[:, : self.rows] = np.where(who, astray, off[:, : self.rows])
        return off


def cells() -> list[Cell]:
    """Return what is measured: a column of each table, and small effects."""
    found = [Cell("", 32, "contradicted", q) for q in DEVIATING]
    found += [Cell("", n, "contradicted", 0.5) for n in AGENTS if n != 32]
    found += [Cell("", 32, "supported", q, others=ROWS - 2) for q in STRAYING if q]
    found += [Cell("", n, "supported", 0.0) for n in AGENTS]
    found.append(Cell("one row is .1 off", 32, "contradicted", 1.0, 0.1, 0.05))
    found.append(Cell("ten of the twenty rows are .1 off", 32, "contradicted", 1.0, 0.1, 0.05, DEPLOYMENTS))
    return found


def measure(seed: int, index: int, reports: int) -> dict[str, Any]:
    """Return how often the first row got the verdict."""
    cell, rng, asked = cells()[index], np.random.default_rng([seed, index]), family()
    hits = 0
    for _ in range(reports):
        report = cm.validate(asked, population(asked, cell.draw(rng)), retrain=False, progress=False)
        hits += report["joint/crossed by 1/actions/act"].verdict == cell.verdict
    return {"reports": reports, "hits": hits}


def exact_table(verdict: str, shares: Sequence[float], others: int = 0) -> str:
    """Return the chances of a verdict in Markdown, by the share of agents that deviate and the number of agents."""
    rows = [["agents", *(percent(q) for q in shares)], ["---"] * (len(shares) + 1)]
    rows += [[str(n), *(f"{Cell('', n, verdict, q, others=others).exact:.3f}" for q in shares)] for n in AGENTS]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def percent(q: float) -> str:
    """Write a share.

    >>> percent(0.05)
    '5 %'
    """
    return f"{100 * q:.0f} %"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables, and beside some of their numbers what reports find."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="out/power")
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--cells", type=int, default=len(cells()))
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    results = Results(chosen.out, {"seed": chosen.seed, "reports": chosen.reports})
    print(f"a row of {ROWS} is contradicted, by the share of agents that deviate in it\n")
    print(exact_table("contradicted", DEVIATING))
    print(f"\na row of {ROWS} is supported, by the share of agents that deviate in it, if no other row is\n")
    print(exact_table("supported", STRAYING))
    print("\nthe same, if all rows but two are\n")
    print(exact_table("supported", STRAYING, others=ROWS - 2))
    print("\n| agents | deviating | verdict | exact | in reports |\n|---|---|---|---|---|")
    for i, cell in enumerate(cells()[: chosen.cells]):
        found = results.of(i, partial(measure, chosen.seed, i, chosen.reports))
        deviating = cell.name or percent(cell.share)
        told = f"{found['reports']}: {share(found['hits'], found['reports'])}"
        print(f"| {cell.agents} | {deviating} | {cell.verdict} | {cell.exact:.3f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
