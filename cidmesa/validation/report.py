r"""What came of the predictions: a row each, who acts like what, and the whole.

A :class:`Report` is plain data with a few ways out: as text (``print``), as a DataFrame, as JSON, as a page.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.identity import Identity
from cidmesa.mesa.predictions.predictions import JOINT, Prediction
from cidmesa.shown import bare, frame
from cidmesa.validation.one_agent import (
    COMPLIES,
    DEVIATES,
    DOES_NOT_SHOW,
    INCONSISTENT,
    NOT_ABOUT_IT,
    OUTSIDE,
    SHOWS,
    OneAgent,
    OneRow,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cidmesa.documents.document import Document
    from cidmesa.validation.regrets import Lost
    from cidmesa.validation.subjects import Sparse
from cidmesa.validation.statistics import ConfidenceInterval, EvidenceVerdict


class Tally(NamedTuple):
    """How many agents comply, deviate, are unclear, and are in scope."""

    complying: int
    deviating: int
    unclear: int
    in_scope: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Row:
    """A prediction and what agents showed.

    Attributes
    ----------
    prediction
        The claim; its fields can be read from the row itself too.
    among
        ``None``: all agents in scope. Else the deployment by which the agents judged were assigned to the hypothesis.
    statistic
        One number for each agent, NaN where it shows nothing; empty where nothing could be measured.
    judged
        Which agents the row is about, as booleans.
    estimate, interval
        Mean of the statistic over them and a 95 % interval, for the reader: they decide nothing.
    allowed
        The interval an agent's statistic must lie in to comply.
    unit
        What can be lost where the row is about base utility: its share says how much a number is; ``None`` where the
        numbers are probabilities.
    margin
        What counts as nothing. Statistic, mean, interval, this and what is expected are in one unit: that of the base
        utility for regrets and for what something is worth, else a probability.
    agents
        How many comply, deviate, are unclear, are in scope.
    p
        Holm-adjusted, of the claim made; of an inconclusive row the smaller of the two.
    verdict, reason
        ``"supported"``, ``"contradicted"`` or ``"inconclusive"``, and why.
    complying, deviating
        Which agents do, as booleans; of sampled agents neither may be sure.
    """

    prediction: Prediction
    among: str | None
    statistic: Floats
    judged: Any
    estimate: float
    interval: ConfidenceInterval
    allowed: ConfidenceInterval
    margin: float
    agents: Tally
    p: float
    verdict: EvidenceVerdict
    reason: str
    complying: Any = field(default=(), repr=False)
    deviating: Any = field(default=(), repr=False)
    unit: float | None = None

    @property
    def id(self) -> str:
        """Of the prediction; of a row on assigned agents with the deployment that assigned them."""
        return self.prediction.id if self.among is None else f"{self.prediction.id} | as in {self.among}"

    @property
    def hypothesis(self) -> str:
        """Whose claim it is."""
        return self.prediction.hypothesis

    @property
    def deployment(self) -> str:
        """Where it shows."""
        return self.prediction.deployment

    @property
    def kind(self) -> str:
        """What is looked at."""
        return self.prediction.kind

    @property
    def subject(self) -> str:
        """Of what."""
        return self.prediction.subject

    @property
    def expected(self) -> Any:
        """What was claimed."""
        return self.prediction.expected

    @property
    def modality(self) -> str:
        """``"must"`` or ``"can"``."""
        return self.prediction.modality

    @property
    def theorem(self) -> str:
        """What the claim rests on."""
        return self.prediction.theorem

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        row = self.prediction
        return {
            "id": self.id, "hypothesis": row.hypothesis, "deployment": row.deployment, "kind": row.kind,
            "subject": row.subject, "expected": _plain(row.expected), "modality": row.modality,
            "theorem": row.theorem, "decision": row.decision, "inert": row.inert, "retrained": row.retrained,
            "among": self.among,
            "estimate": _plain(self.estimate), "interval": _plain(self.interval), "allowed": _plain(self.allowed),
            "margin": self.margin, "unit": _plain(self.unit), "agents": self.agents._asdict(), "p": _plain(self.p),
            "verdict": self.verdict,
            "reason": self.reason, "statistic": _plain(np.asarray(self.statistic).tolist()),
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Row({self.id}: {self.verdict}, {self.agents.complying} of {self.agents.in_scope} agents comply)"


@dataclass(frozen=True, slots=True)
class Share:
    """How many agents, of how many, with Wilson's 95 % interval."""

    count: int
    of: int
    interval: ConfidenceInterval

    @property
    def share(self) -> float:
        """Their share."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Whole:
    """How many agents comply with every joint row at once; one test, which needs no correction."""

    complying: int
    deviating: int
    in_scope: int
    p: float
    verdict: EvidenceVerdict
    interval: ConfidenceInterval


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The verdicts on all predictions about one population.

    Attributes
    ----------
    rows
        Every prediction that can fail, judged.
    controls
        Negative controls: they check the plumbing and are counted nowhere.
    structural
        Predictions that cannot fail, whatever agents do; no evidence.
    undecidable
        Predictions of one hypothesis that cannot tell it from the others; not tested.
    shares
        Per deployment: who acts like what, with ``"outside the premise"``.
    whole
        Agents that comply with every joint row.
    agents, in_scope
        How many there are, and how many meet the premise.
    premise
        The training regret up to which they do, in base-utility units; NaN where no policy is better than another in
        training: then there is no premise.
    training_regret
        Of each agent, in the same unit.
    intended, regrets
        What the designers want, if the setup says it; and then, by distribution, what each agent loses by the base
        utility and by that.
    lost
        By distribution, what agents lose by the base utility, and what can be lost.
    reading
        ``"stale"`` or ``"competent"``: how agents were taken, see :func:`cidmesa.validate`.
    observed
        Decision → what it observes, in the order of the contexts of rows on actions.
    family, population
        What was judged: the derivation and the agents; not part of the plain data.
    sparse
        Of agents of which only a record is left: the contexts of which it holds little, so that little follows.
    registered
        Whether these predictions of this setup were registered before these agents were trained by this recipe.
    digest
        The predictions' hash.
    alpha, kappa
        Of the tests.
    scope
        Which agents meet the premise, as booleans.
    labels
        Per distribution in which hypotheses differ, and agent, what it acts like.
    identity
        Hashes of setup, training model, predictions and recipe.
    organism_of
        The candidate whose model organisms these are, if they are.
    deceptive
        Model organisms whose compliance is instrumental and ends, as a candidate predicts it.
    """

    rows: tuple[Row, ...]
    controls: tuple[Row, ...]
    structural: tuple[Prediction, ...]
    shares: Mapping[str, Mapping[str, Share]]
    whole: Whole | None
    agents: int
    in_scope: int
    premise: float
    training_regret: Floats
    registered: bool
    digest: str
    alpha: float
    kappa: float
    undecidable: tuple[Prediction, ...] = ()
    sampled: bool = False
    scope: Any = field(default=(), repr=False)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: Identity | None = None
    organism_of: str | None = None
    deceptive: Whole | None = None
    intended: str | None = None
    regrets: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    sparse: tuple[Sparse, ...] = ()
    lost: Mapping[str, Lost] = field(default_factory=dict)
    reading: str = "stale"
    observed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    family: Any = field(default=None, repr=False)
    population: Any = field(default=None, repr=False)
    title: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, id: str) -> Row:
        """Return the row of a prediction by its id; of hypotheses that say the same by the name of any of them."""
        name, _, rest = id.partition("/")
        for row in (*self.rows, *self.controls):
            own, _, where = row.id.partition("/")
            if row.id == id or (where == rest and name in own.split(" = ")):
                return row
        raise KeyError(id)

    def agent(self, number: int) -> OneAgent:
        """Say what one agent does: with one body in hand there is no population to claim anything of.

        Parameters
        ----------
        number
            Which, from 0.

        Raises
        ------
        NotApplicableError
            There is no such agent.
        """
        if not isinstance(number, int | np.integer) or not 0 <= number < self.agents:
            raise NotApplicableError(f"agents are numbered from 0 to {self.agents - 1}; got {number!r}.")
        rows, judged = [], []
        for row in (*self.rows, *self.controls):
            if row.among is not None and not row.judged[number]:
                continue
            measured = len(row.statistic) > 0
            rows.append(
                OneRow(
                    prediction=row.prediction,
                    id=row.id,
                    number=float(row.statistic[number]) if measured else math.nan,
                    allowed=row.allowed,
                    what=self._said_of(row, number),
                    unit=row.unit,
                )
            )
            if row.hypothesis == self._whole and row.modality == "must" and row.among is None and not np.isnan(row.p):
                judged.append(bool(row.complying[number]))
        labels = {name: found[number] for name, found in self.labels.items()}
        met = bool(self.scope[number])
        return OneAgent(
            agent=int(number),
            in_scope=met,
            training_regret=float(self.training_regret[number]),
            labels=labels,
            rows=tuple(rows),
            complies_with_all=all(judged) and INCONSISTENT not in labels.values() if met and judged else None,
        )

    @property
    def _whole(self) -> str:
        """Whose rows are counted together: the joint ones, or those that model organisms are judged by."""
        return JOINT if self.organism_of is None else self.organism_of

    @staticmethod
    def _said_of(row: Row, number: int) -> str:
        if not len(row.statistic):
            return row.reason
        if not row.judged[number]:
            return OUTSIDE
        if np.isnan(row.p) and not row.prediction.inert:
            return row.reason  # measured, and no evidence
        yes, no = (COMPLIES, DEVIATES) if row.modality == "must" else (SHOWS, DOES_NOT_SHOW)
        return yes if row.complying[number] else no if row.deviating[number] else "unclear"

    def count(self, verdict: EvidenceVerdict, *, hypothesis: str | None = None) -> int:
        """Count rows with a verdict, of one hypothesis or of all; controls and structural rows never count."""
        own = [row for row in self.rows if hypothesis is None or hypothesis in row.hypothesis.split(" = ")]
        return sum(row.verdict == verdict for row in own)

    # Ways out ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "title": self.title,
            "agents": self.agents,
            "in_scope": self.in_scope,
            "premise": _plain(self.premise),
            "registered_before_training": self.registered,
            "predictions": self.digest,
            "identity": None if self.identity is None else self.identity.to_dict(),
            "organism_of": self.organism_of,
            "deceptive": None if self.deceptive is None else {k: getattr(self.deceptive, k) for k in Whole.__slots__},
            "alpha": self.alpha,
            "kappa": self.kappa,
            "sampled": self.sampled,
            "whole": None if self.whole is None else {k: getattr(self.whole, k) for k in Whole.__slots__},
            "shares": {
                name: {label: {"count": s.count, "of": s.of, "interval": list(s.interval)} for label, s in row.items()}
                for name, row in self.shares.items()
            },
            "rows": [row.to_dict() for row in self.rows],
            "controls": [row.to_dict() for row in self.controls],
            "structural": [{"id": row.id, "theorem": row.theorem} for row in self.structural],
            "undecidable": [{"id": row.id, "theorem": row.theorem} for row in self.undecidable],
            "sparse": [
                {"decision": one.decision, "observed": _named(one.observed), "draws": one.draws} for one in self.sparse
            ],
            "training_regret": _plain(self.training_regret.tolist()),
            "one_agent": self.agent(0).to_dict() if self.agents == 1 else None,
            "reading": self.reading,
            "observed": {decision: list(seen) for decision, seen in self.observed.items()},
            "lost": {
                name: {"mean": found.mean, "range": found.range, "agents": _plain(found.agents.tolist())}
                for name, found in self.lost.items()
            },
            "intended": self.intended,
            "regrets": {
                name: {"base": _plain(base.tolist()), "intended": _plain(meant.tolist())}
                for name, (base, meant) in self.regrets.items()
            },
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the report as JSON, and write it to `path` if one is given."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_frame(self) -> pd.DataFrame:
        """Return one line per row as a DataFrame; ``statistic`` holds the agents' numbers.

        Of one agent, ``this_agent`` says whether it complies or deviates: verdicts are about populations.
        """
        lines = []
        what = {row.id: row.what for row in self.agent(0).rows} if self.agents == 1 else {}
        for row in (*self.rows, *self.controls):
            line = row.to_dict()
            line.update(line.pop("agents"))
            line["low"], line["high"] = line.pop("interval")
            if self.agents == 1:
                line["this_agent"] = what.get(row.id, NOT_ABOUT_IT)
            lines.append(line)
        return frame(lines)

    @property
    def summary(self) -> str:
        """The bottom line in words, a sentence a line: who acts like what, what it costs, what was contradicted."""
        from cidmesa.documents.sections.bottom_line import population_points

        return "\n".join(bare(cell.text) for cell in population_points(self.to_dict()).cells)

    def document(self, title: str = "") -> Document:
        """Return the whole document: derivation, predictions, verdicts; the verdicts alone of a report without agents.

        Parameters
        ----------
        title
            What it is called.

        See Also
        --------
        cidmesa.report : The same, from a family, agents and a report.
        """
        title = title or self.title or "Predictions and trained agents"
        if self.family is None:
            from cidmesa.documents.sections.verdicts import report_document

            return report_document({**self.to_dict(), "title": title})
        from cidmesa.reports import report

        return report(self.family, self.population, self, title=title)

    def to_text(self, width: int = 120, *, colour: bool = False) -> str:
        """Return the verdicts as tables for a terminal."""
        from cidmesa.documents.sections.verdicts import report_document

        return report_document(self.to_dict()).text(width, colour=colour)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the whole document as one self-contained page, and write it to `path` if one is given."""
        return self.document().to_html(path)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each agent's number per joint prediction beside the band in which it must lie to comply.

        Parameters
        ----------
        ax
            Where; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        NotApplicableError
            No joint prediction was measured.
        MissingDependencyError
            matplotlib is not installed.
        """
        from cidmesa.documents.sections.charts import statistic_chart
        from cidmesa.plots import draw

        chart = statistic_chart(self.to_dict())
        if chart is None:
            raise NotApplicableError("no joint prediction was measured, so there is nothing to draw: print the report.")
        return draw(chart, ax)

    def __repr__(self) -> str:
        if self.agents == 1:
            return f"Report(one agent: {self.agent(0)!r})"
        found = Counter(row.verdict for row in self.rows)
        return (
            f"Report({self.in_scope} of {self.agents} agents in scope; {found['supported']} supported, "
            f"{found['contradicted']} contradicted, {found['inconclusive']} inconclusive)"
        )

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        from cidmesa.documents.sections.verdicts import report_document

        return report_document(self.to_dict())._repr_html_()


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Turn tuples into lists and what JSON has no word for into None or text."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
