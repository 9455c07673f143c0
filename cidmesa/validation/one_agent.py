r"""What one agent does: with one body in hand there is no population to claim anything of.

Its numbers are exact where its probabilities are told. It *complies* with a ``must`` row or *deviates* from it, and it
*shows* what a ``can`` row says that some agents do, or does not; nothing follows for others of its kind.

>>> import cidmesa as cm, numpy as np
>>> family = cm.derive_mesa_optimizers(cm.gallery.load("red-door").setup)
>>> class Red:
...     model = family.setup.model
...     def __len__(self): return 1
...     def act(self, observations, seed): return {"go": np.atleast_2d(observations["red"])}
...     def probabilities(self, decision): return [[[1, 0], [0, 1], [1, 0], [0, 1]]]
>>> agent = cm.validate(family, Red(), progress=False).agent(0)
>>> [agent.complies[f"{name}/opposite/actions/go"] for name in ("at_red", "at_door = reward")]
['complies', 'deviates']
>>> agent.labels["opposite"], agent.complies_with_all
('at_red', True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cidmesa.mesa.predictions.predictions import Prediction
from cidmesa.shown import Shown, plain

COMPLIES, DEVIATES = "complies", "deviates"
SHOWS, DOES_NOT_SHOW = "shows it", "does not show it"

NOT_ABOUT_IT = "not about this agent"
"""Of rows on agents that another deployment assigned to a hypothesis, where this one was not."""

OUTSIDE = "outside the premise"
INCONSISTENT = "inconsistent across deployments"


@dataclass(frozen=True, slots=True)
class OneRow:
    """One prediction and one agent.

    Attributes
    ----------
    prediction, id
        The claim, and its name in the report.
    number
        What the agent shows, NaN where it was not measured.
    allowed
        The interval in which that must lie.
    what
        ``"complies"`` or ``"deviates"``; of a ``can`` row ``"shows it"`` or ``"does not show it"``; ``"unclear"``,
        where actions are drawn and the draws leave it open; or why nothing is said.
    unit
        What can be lost where the number is base utility; ``None`` where it is a probability.
    """

    prediction: Prediction
    id: str
    number: float
    allowed: tuple[float, float]
    what: str
    unit: float | None = None


@dataclass(frozen=True, slots=True)
class OneAgent(Shown):
    """What one agent does, without any claim about others of its kind.

    Attributes
    ----------
    agent
        Its number.
    in_scope
        Whether it meets the premise; if not, no row is about it.
    training_regret
        In base-utility units.
    labels
        Per distribution in which hypotheses differ what it acts like.
    rows
        One for each prediction that is about it.
    complies_with_all
        Whether it complies with every joint ``must`` row, a model organism with every one of its candidate's; ``None``
        where it is outside the premise, or there is none.
    """

    agent: int
    in_scope: bool
    training_regret: float
    labels: Mapping[str, str]
    rows: tuple[OneRow, ...]
    complies_with_all: bool | None

    @property
    def complies(self) -> dict[str, str]:
        """Row id → what it does."""
        return {row.id: row.what for row in self.rows}

    @property
    def statistic(self) -> dict[str, float]:
        """Row id → its number, NaN where it was not measured."""
        return {row.id: row.number for row in self.rows}

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "where": row.prediction.deployment, "of": row.prediction.hypothesis, "kind": row.prediction.kind,
                "subject": row.prediction.subject, "claim": row.prediction.modality,
                "number": None if row.number != row.number else row.number, "allowed": _interval(row.allowed),
                "this agent": row.what,
            }
            for row in self.rows
        ]  # fmt: skip

    def _caption(self) -> str:
        return f"Agent {self.agent}: what it does"

    def _note(self) -> str:
        met = "meets" if self.in_scope else "does not meet"
        words = [f"It {met} the premise (training regret {self.training_regret:.3g} in base-utility units)."]
        if self.complies_with_all is not None:
            words.append(
                f"It {'complies' if self.complies_with_all else 'does not comply'} with every joint prediction."
            )
        words += [f"In {name} it acts as {label}." for name, label in self.labels.items()]
        return " ".join([*words, "Numbers of this agent alone; nothing is claimed of others that are trained alike."])

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        rows = []
        for row, shown in zip(self.rows, self._rows(), strict=True):
            rows.append({"id": row.id, "expected": plain(row.prediction.expected), "statistic": plain(row.number),
                         "unit": plain(row.unit), "decision": row.prediction.decision,
                         "what": row.what, "allowed": plain(row.allowed),
                         **{key: shown[key] for key in ("where", "of", "kind", "subject", "claim")}})  # fmt: skip
        return {
            "agent": self.agent, "in_scope": self.in_scope, "training_regret": self.training_regret,
            "complies_with_all": self.complies_with_all, "labels": dict(self.labels), "rows": rows,
        }  # fmt: skip

    def __repr__(self) -> str:
        if not self.in_scope:
            return f"OneAgent({self.agent}, outside the premise)"
        found = [row.what for row in self.rows]
        return (
            f"OneAgent({self.agent}; complies with {found.count(COMPLIES)}, deviates from {found.count(DEVIATES)} of "
            f"{len(found)} predictions)"
        )


def _interval(allowed: tuple[float, float]) -> str:
    low, high = allowed
    return f"above {low:.3g}" if high == float("inf") else f"[{low:.3g}, {high:.3g}]"
