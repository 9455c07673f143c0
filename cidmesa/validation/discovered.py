"""What agent discovery finds: responses of rules to mechanisms, the game that they show, what was predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cidmesa.diagram import CID
from cidmesa.shown import Shown
from cidmesa.validation.mechanism_graph import Game, MechanismEdge


@dataclass(frozen=True, slots=True)
class Tried:
    """What was seen of one mechanism and one rule.

    Attributes
    ----------
    tail, head
        The node whose mechanism was changed, and the decision whose rule was watched.
    edge
        The response that was found; ``None`` where there is none.
    predicted
        The one that the diagram predicts; ``None`` where it predicts none.
    effect
        The largest total variation between the rules before and after, over the contexts that come up in both (mean
        over agents).
    trials
        Changes in which some context came up both before and after.
    p
        Of agents that are trained again or asked: how likely so many of them change their rule by accident, corrected
        for all that was tried; 0 or 1 where rules are exact.
    why
        Why nothing could be seen, if so.
    """

    tail: str
    head: str
    edge: MechanismEdge | None
    predicted: MechanismEdge | None
    effect: float
    trials: int
    p: float
    why: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Discovered(Shown):
    """Who was found to be an agent, and how that differs from what was predicted.

    Attributes
    ----------
    game
        The discovered game: its graph, decisions and utilities with their agents.
    tried
        Every mechanism and rule that were tried.
    kind
        How the system adapts, in words.
    lifted
        Node → the context that sets its mechanism; empty where the system adapted.
    """

    game: Game
    tried: tuple[Tried, ...]
    kind: str
    lifted: Mapping[str, str] = field(default_factory=dict)

    @property
    def cid(self) -> CID:
        """The discovered graph, with its decisions and utilities."""
        return self.game.cid

    @property
    def edges(self) -> tuple[MechanismEdge, ...]:
        """The responses that were found."""
        return tuple(one.edge for one in self.tried if one.edge is not None)

    @property
    def predicted(self) -> tuple[MechanismEdge, ...]:
        """The responses that the diagram predicts."""
        return tuple(one.predicted for one in self.tried if one.predicted is not None)

    @property
    def missing(self) -> tuple[MechanismEdge, ...]:
        """Predicted and not found, or found to be of the other kind."""
        return tuple(e for one in self.tried if (e := one.predicted) is not None and not _agree(one.edge, e))

    @property
    def unpredicted(self) -> tuple[MechanismEdge, ...]:
        """Found and not predicted, or predicted to be of the other kind."""
        return tuple(e for one in self.tried if (e := one.edge) is not None and not _agree(e, one.predicted))

    @property
    def as_predicted(self) -> bool:
        """Whether all that was tried came out as predicted."""
        return not self.missing and not self.unpredicted

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {
                "mechanism": one.tail,
                "rule": one.head,
                "predicted": _said(one.predicted),
                "found": _said(one.edge),
                "effect": one.effect,
                "trials": one.trials,
                "why": one.why,
            }
            for one in self.tried
        ]
        if not any(one.why for one in self.tried):
            for row in rows:
                del row["why"]
        return rows

    def _caption(self) -> str:
        return f"Responses of rules to mechanisms ({self.kind})"

    def _note(self) -> str:
        words = f"{self.game!r}. "
        if self.as_predicted:
            return words + "As predicted."
        for what, edges in (("Predicted and not found", self.missing), ("Not predicted", self.unpredicted)):
            if edges:
                words += f"{what}: {', '.join(map(str, edges))}. "
        return words.strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the game and all that was tried as plain data."""
        return {
            "decisions": dict(self.game.decisions),
            "utilities": dict(self.game.utilities),
            "kind": self.kind,
            "lifted": dict(self.lifted),
            "tried": self._rows(),
            "missing": [str(edge) for edge in self.missing],
            "unpredicted": [str(edge) for edge in self.unpredicted],
        }

    def __repr__(self) -> str:
        found = "as predicted" if self.as_predicted else f"{len(self.missing) + len(self.unpredicted)} differences"
        return f"Discovered({self.game!r}, {found})"


def _agree(found: MechanismEdge | None, predicted: MechanismEdge | None) -> bool:
    """Say whether what was found is what was predicted, as far as it was tried."""
    if found is None or predicted is None:
        return found is predicted
    return found.terminal is None or found.terminal == predicted.terminal


def _said(edge: MechanismEdge | None) -> str:
    if edge is None:
        return "no"
    return {True: "terminal", False: "yes", None: "yes, of which kind not tried"}[edge.terminal]
