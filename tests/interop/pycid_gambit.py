"""What pycid asks of pygambit 16.0.2, done by the pygambit that is installed.

pycid builds a tree move by move and has it solved. Later versions of pygambit build trees by other calls, so the tree
is kept here as plain objects under the old names, and given to the new version as an extensive form file when it is
solved. Nothing of pycid's own is replaced: the tree, its chances and payoffs and the way back to decision rules are its
code.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pygambit


class Action:
    """An action of an information set; a chance move's has a probability."""

    def __init__(self) -> None:
        self.label = ""
        self.prob: Any = None


class Infoset:
    """An information set of a player, or a chance move."""

    def __init__(self, player: Player, number: int, actions: int) -> None:
        self.player, self.number = player, number
        self.label = ""
        self.actions = [Action() for _ in range(actions)]


class Player:
    """A player; number 0 is chance."""

    def __init__(self, number: int, label: str) -> None:
        self.number, self.label = number, label
        self.infosets: list[Infoset] = []


class Players(list[Player]):
    """The players, to which some are added, and chance."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = Player(0, "chance")

    def add(self, label: Any) -> Player:
        self.append(Player(len(self) + 1, str(label)))
        return self[-1]


class Outcome(dict[int, Any]):
    """Payoffs by the player's position."""


class Outcomes(list[Outcome]):
    """The outcomes, to which some are added."""

    def add(self, label: str) -> Outcome:
        self.append(Outcome())
        return self[-1]


class Node:
    """A position of the tree."""

    def __init__(self) -> None:
        self.infoset: Infoset | None = None
        self.children: list[Node] = []
        self.outcome: Outcome | None = None

    def append_move(self, to: Player | Infoset, actions: Any = 0) -> Infoset:
        """Add a move of a player, or of an information set that there is already."""
        if isinstance(to, Player):
            to.infosets.append(Infoset(to, len(to.infosets) + 1, int(np.prod(actions))))
            to = to.infosets[-1]
        self.infoset = to
        self.children = [Node() for _ in to.actions]
        return to


class Game:
    """A tree under construction."""

    def __init__(self) -> None:
        self.players, self.outcomes, self.root = Players(), Outcomes(), Node()

    @classmethod
    def new_tree(cls) -> Game:
        return cls()

    def current(self) -> Any:
        """Return the game as the installed pygambit has it."""
        lines = [f'EFG 2 R "" {{ {" ".join(f"{chr(34)}{player.label}{chr(34)}" for player in self.players)} }}']
        waiting, count = [self.root], 0
        while waiting:
            node = waiting.pop()
            if node.infoset is None:
                count += 1
                outcome = node.outcome or Outcome()
                paid = " ".join(str(Fraction(outcome.get(i, 0))) for i in range(len(self.players)))
                lines.append(f't "" {count} "" {{ {paid} }}')
                continue
            waiting += reversed(node.children)
            player, number = node.infoset.player.number, node.infoset.number
            if player:
                labels = " ".join(f'"{i}"' for i in range(len(node.infoset.actions)))
                lines.append(f'p "" {player} {number} "{number}" {{ {labels} }} 0')
                continue
            chances = [Fraction(action.prob).limit_denominator(10**12) for action in node.infoset.actions]
            labels = " ".join(f'"{i}" {chance / sum(chances)}' for i, chance in enumerate(chances))
            lines.append(f'c "" {number} "" {{ {labels} }} 0')
        import io

        return pygambit.read_efg(io.BytesIO("\n".join(lines).encode()))


class Behaviour:
    """A profile: information set → the probability of each action."""

    def __init__(self, profile: Any) -> None:
        self.profile = profile

    def as_behavior(self) -> Behaviour:
        return self

    def __getitem__(self, infoset: Infoset) -> list[float]:
        player = list(self.profile.game.players)[infoset.player.number - 1]
        [theirs] = [other for other in player.infosets if other.label == str(infoset.number)]
        return [float(self.profile[action]) for action in theirs.actions]


class nash:  # noqa: N801 (the module's name)
    """The solvers that pycid calls."""

    @staticmethod
    def enummixed_solve(game: Game, rational: bool) -> list[Behaviour]:
        found = pygambit.nash.enummixed_solve(game.current(), rational=True).equilibria
        return [Behaviour(profile.as_behavior()) for profile in found]

    @staticmethod
    def enumpure_solve(game: Game) -> list[Behaviour]:
        found = pygambit.nash.enumpure_solve(game.current()).equilibria
        return [Behaviour(profile.as_behavior()) for profile in found]


__all__ = ["Decimal", "Game", "Infoset", "Node", "Player", "nash"]
