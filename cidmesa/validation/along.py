r"""Verdicts along training: which hypothesis fits the agents when.

What is judged are the agents' own checkpoints (``cm.train(..., checkpoints=(0.1, 0.5))``) and the finished agents, each
as a population by itself. An agent that has not learned the task yet does not meet the premise, so no hypothesis is
asked about it: it is shown as *outside the premise*, and the shares say from when on it is one that is judged.

>>> import cidmesa as cm
>>> base = cm.CID([("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
...                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"],
...                           at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
...                           reward=lambda at_door: at_door)
>>> opposite = {"red": lambda door: "right" if door == "left" else "left"}
>>> family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, {"opposite": opposite}))
>>> agents = cm.train(family.setup, family=family, learner="exact", agents=8, checkpoints=(0,), progress=False)
>>> along = validate_along(family, agents, progress=False)
>>> [(step, report.in_scope) for step, report in along.reports.items()]
[(0, 0), (500, 8)]
>>> along.counts("opposite")[0]
{'outside the premise': 8}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cidmesa.arguments import options_by_name
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.mesa.readings import Reading
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown, plain
from cidmesa.validation.judge import Family, validate
from cidmesa.validation.one_agent import OUTSIDE
from cidmesa.validation.report import Report, Share
from cidmesa.validation.statistics import LEAST_SAMPLES, wilson


@dataclass(frozen=True, eq=False, repr=False)
class Along(Shown):
    """What agents are along training; from :func:`validate_along`.

    Attributes
    ----------
    reports
        Steps taken → the report on the agents as they were then, the earliest first.
    agents
        How many.
    """

    reports: Mapping[int, Report]
    agents: int

    def shares(self, deployment: str) -> Mapping[int, Mapping[str, Share]]:
        """Return, by steps taken, how many agents act in a deployment as each hypothesis says they may.

        Raises
        ------
        UnknownNodeError
            The deployment is none in which the hypotheses differ.
        """
        known = {name for report in self.reports.values() for name in report.shares}
        if deployment not in known:
            raise unknown(deployment, sorted(known), what="a deployment in which the hypotheses differ")
        return {step: self._of(report, deployment) for step, report in self.reports.items()}

    def counts(self, deployment: str) -> Mapping[int, Mapping[str, int]]:
        """Return the same as numbers of agents, without those of which there are none."""
        return {
            step: {name: share.count for name, share in shares.items() if share.count}
            for step, shares in self.shares(deployment).items()
        }

    def _of(self, report: Report, deployment: str) -> Mapping[str, Share]:
        if deployment in report.shares:
            return report.shares[deployment]
        outside = self.agents - report.in_scope
        return {OUTSIDE: Share(outside, self.agents, wilson(outside, self.agents))}

    def _rows(self) -> list[dict[str, Any]]:
        deployments = sorted({name for report in self.reports.values() for name in report.shares})
        rows: list[dict[str, Any]] = []
        for step, report in self.reports.items():
            for name in deployments:
                for who, share in self._of(report, name).items():
                    if share.count:
                        rows.append(
                            {
                                "step": step,
                                "regret": float(report.training_regret.mean()),
                                "deployment": name,
                                "acts as": who,
                                "agents": share.count,
                                "least share": round(share.interval[0], 3),
                                "most": round(share.interval[1], 3),
                            }
                        )
            if not deployments:
                rows.append({"step": step, "regret": float(report.training_regret.mean()), "in scope": report.in_scope})
        return rows

    def _caption(self) -> str:
        return f"What {self.agents} agents act as along training"

    def _note(self) -> str:
        return "Regret: the mean training regret. Shares with Wilson's 95 % interval; agents outside the premise count."

    def to_dict(self) -> dict[str, Any]:
        """Return the rows, and the whole report on each checkpoint, as plain data."""
        reports = [{"step": step, **report.to_dict()} for step, report in self.reports.items()]
        return {"rows": plain(self._rows()), "reports": reports}

    def __repr__(self) -> str:
        return f"Along({self.agents} agents after {', '.join(map(str, self.reports))} steps)"


@options_by_name
def validate_along(
    family: Family,
    agents: Any,
    *,
    reading: Reading | str | None = None,
    draws: int = LEAST_SAMPLES,
    seed: int = 0,
    progress: bool = True,
    organism_of: Any = None,
    inside: Mapping[str, str] | None = None,
) -> Along:
    """Judge the predictions of a family by what agents do along their training.

    Parameters
    ----------
    family
        From :func:`cidmesa.derive_mesa_optimizers`.
    agents
        From :func:`cidmesa.train` with ``checkpoints=``.
    reading, draws, seed, progress, organism_of, inside
        As for :func:`validate`.

    Returns
    -------
    Along

    Raises
    ------
    NotApplicableError
        The agents have no checkpoints; and whatever :func:`validate` raises.

    Notes
    -----
    Costs one :func:`validate` a checkpoint, without retraining: rows that need it stay inconclusive. Each report is
    corrected for its own rows, not for there being several along training: look at the course, and judge the agents
    that are finished.
    """
    kept: Mapping[int, Any] = getattr(agents, "checkpoints", {})
    if not kept:
        raise NotApplicableError(
            "these agents have no checkpoints along training: cm.train(.., checkpoints=(0.1, 0.25, 0.5))."
        )
    recipe = agents.recipe
    last = recipe.steps if recipe.until is None else recipe.until
    reports = {
        step: validate(
            family, population, reading=reading, draws=draws, retrain=False, seed=seed, progress=progress,
            organism_of=organism_of, inside=inside,
        )
        for step, population in {**kept, last: agents}.items()
    }  # fmt: skip
    return Along(ReadOnly(reports), len(agents))
