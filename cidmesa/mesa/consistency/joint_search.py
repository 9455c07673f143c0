r"""What one objective may do in many places at once, by branch and bound.

In every *place* (contexts of training, contexts of a deployment) one of several *alternatives* holds: that an objective
is worst at a given action, or that a given action is optimal for it. An alternative costs something, and holds iff the
objective satisfies some rows, :math:`r \cdot O > 0` or :math:`r \cdot O \ge 0`. Sought is the cheapest combination, one
alternative a place, that some single objective allows.

Best first. A node is a set of rows that hold; of the alternatives that do not contradict it, the cheapest of each place
are a lower bound. If some objective allows them all, they are the answer. Otherwise a few of their rows contradict each
other, and one of these fails: for each there is a node in which it fails and those before it hold. A row that fails is a
row that holds, :math:`-r \cdot O \ge 0` or :math:`-r \cdot O > 0`. Costs are fractions, and each contradiction is proved
in integers (:func:`.settle_exactly`), so that no margin is too small to be seen and no cost too small to count.

>>> space = Halfspaces(2)
>>> first, second = space.add(np.array([1, -1]), strict=True), space.add(np.array([-1, 1]), strict=True)
>>> def either(cost):
...     return (Alternative(0, Fraction(0), Fraction(0), (first,)), Alternative(1, Fraction(cost), Fraction(0), (second,)))
>>> search(space, [either(2), either(1)]).value                  # both places want the first, and may have it
Fraction(0, 1)
>>> turned = (Alternative(0, Fraction(3), Fraction(0), (first,)), Alternative(1, Fraction(0), Fraction(0), (second,)))
>>> search(space, [either(2), turned]).value                     # they want different things; the cheaper one gives in
Fraction(2, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import scaled_exactly

QUESTIONS = 1000
"""So many cones are looked at in one search before it stops with a bound."""

ABOVE, BELOW, NOT_BELOW, NOT_ABOVE = range(4)
_OPPOSITE = (NOT_ABOVE, NOT_BELOW, BELOW, ABOVE)
_AT_ODDS = ((BELOW, NOT_ABOVE), (ABOVE, NOT_BELOW), (BELOW,), (ABOVE,))


class Halfspaces:
    """The rows that a search asks about, each written once.

    A row and its negative are one hyperplane, and a *side* of it is a number: four times the hyperplane's, plus above
    (:math:`> 0`), below (:math:`< 0`), not below (:math:`\\ge 0`) or not above (:math:`\\le 0`).

    Parameters
    ----------
    size
        The number of values of the targets.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: list[tuple[int, ...]] = []
        self._floats: list[Floats] = []
        self._known: dict[tuple[int, ...], int] = {}
        self._conflicts: dict[int, list[frozenset[int]]] = {}
        self.inside: dict[frozenset[int], bool] = {}

    def add(self, row: Array, *, strict: bool) -> int | None:
        """Return the side on which `row`, of integers, is positive (strict) or not negative; ``None`` for a zero row."""
        entries = [int(x) for x in row]
        divisor = math.gcd(*entries)
        if not divisor:
            return None
        sign = 1 if next(x for x in entries if x) > 0 else -1
        key = tuple(sign * x // divisor for x in entries)
        if key not in self._known:
            self._known[key] = len(self.rows)
            self.rows.append(key)
            self._floats.append(scaled_exactly(np.array(key, dtype=object)))
        return 4 * self._known[key] + ((ABOVE if sign > 0 else BELOW) if strict else (NOT_BELOW if sign > 0 else NOT_ABOVE))

    def _row(self, side: int) -> tuple[bool, Floats, Callable[[], list[int]]]:
        plane, kind = divmod(side, 4)
        sign = -1 if kind in {BELOW, NOT_ABOVE} else 1
        return kind in {ABOVE, BELOW}, sign * self._floats[plane], lambda: [sign * x for x in self.rows[plane]]

    def conflict(self, sides: frozenset[int]) -> frozenset[int] | None:
        """Return sides that contradict each other, or ``None`` where some objective is on all of them."""
        for side in sides:
            for known in self._conflicts.get(side, ()):
                if known <= sides:
                    return known
        if sides in self.inside:
            return None
        ordered = sorted(sides)
        kinds = [self._row(side) for side in ordered]
        strict = [i for i, (is_strict, _, _) in enumerate(kinds) if is_strict]
        weak = [i for i, (is_strict, _, _) in enumerate(kinds) if not is_strict]
        found = _conflict([kinds[i][1] for i in strict], [kinds[i][1] for i in weak], self.size)
        if found is not None:  # in floating point; now exactly, the rows that are at odds first
            for some in (found, range(len(ordered))):
                few = [strict[i] if i < len(strict) else weak[i - len(strict)] for i in some]
                hard = [i for i in few if kinds[i][0]]
                soft = [i for i in few if not kinds[i][0]]
                settled = cones.settle_exactly([kinds[i][2]() for i in hard], [kinds[i][2]() for i in soft])
                if settled.inside is None:
                    proved = frozenset(ordered[[*hard, *soft][i]] for i in settled.conflict)
                    self._conflicts.setdefault(min(proved), []).append(proved)
                    return proved
        self.inside[sides] = True
        return None


def _conflict(strict: Sequence[Floats], weak: Sequence[Floats], size: int) -> list[int] | None:
    """Return the rows that floating point finds at odds; ``None`` where it is sure that none are."""
    if not strict:
        return None
    value, binding = cones.binding(np.array(strict), np.array(weak).reshape(-1, size))
    return None if value > cones.SETTLED else np.flatnonzero(binding).tolist()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One thing that may hold in a place.

    Attributes
    ----------
    action
        What it is about, for the reader of the answer.
    cost
        What is minimised.
    spent
        What counts against a budget.
    sides
        What it takes of the objective.
    """

    action: int
    cost: Fraction
    spent: Fraction
    sides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a search.

    Attributes
    ----------
    bound
        No combination costs less; ``None``: there is none at all.
    value
        The cost of the best combination that was found; ``None`` where none was. Equal to `bound` where the search
        came to its end.
    chosen
        Its alternative in every place, as positions.
    """

    bound: Fraction | None
    value: Fraction | None
    chosen: tuple[int, ...] = ()

    @property
    def exists(self) -> bool | None:
        """Whether there is a combination; ``None`` where the search stopped before it knew."""
        if self.bound is None:
            return False
        return True if self.value is not None else None


@dataclass(frozen=True, eq=False)
class _Places:
    """The alternatives of all places as arrays."""

    alternatives: Sequence[Sequence[Alternative]]
    planes: int
    uses: Mask = field(init=False)
    order: Ints = field(init=False)
    real: Mask = field(init=False)

    def __post_init__(self) -> None:
        flat = [a for here in self.alternatives for a in here]
        uses = np.zeros((len(flat) + 1, 4 * self.planes), dtype=bool)
        for i, alternative in enumerate(flat):
            uses[i, list(alternative.sides)] = True
        widest = max(map(len, self.alternatives), default=0)
        order = np.full((len(self.alternatives), widest), len(flat), dtype=np.intp)
        start = 0
        for place, here in enumerate(self.alternatives):
            ranked = sorted(range(len(here)), key=lambda i: (here[i].cost, here[i].spent, i))
            order[place, : len(here)] = [start + i for i in ranked]
            start += len(here)
        object.__setattr__(self, "uses", uses)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "real", order < len(flat))

    def cheapest(self, held: Iterable[int]) -> Ints | None:
        """Return the cheapest alternative of each place, flat, that does not contradict what holds; ``None``: none."""
        if not len(self.order):
            return np.zeros(0, dtype=np.intp)
        excluded = [4 * (side // 4) + kind for side in held for kind in _AT_ODDS[side % 4]]
        open_ = ~self.uses[:, excluded].any(axis=1)[self.order] & self.real
        if not open_.any(axis=1).all():
            return None
        return np.asarray(self.order[np.arange(len(self.order)), open_.argmax(axis=1)])


def search(
    space: Halfspaces,
    places: Sequence[Sequence[Alternative]],
    budget: Fraction | None = None,
    held: Iterable[int] = (),
    most: int = QUESTIONS,
) -> Answer:
    """Return the cheapest combination of alternatives, one a place, that a single objective allows.

    Parameters
    ----------
    space
        Of their sides.
    places
        The alternatives of each place.
    budget
        What all of them together may spend; ``None``: anything.
    held
        Sides on which the objective has to be in any case.
    most
        How many cones are looked at; then the answer is a bound and, where a combination is found quickly, its cost.
    """
    if not all(places):
        return Answer(None, None)
    arrays = _Places(places, len(space.rows))
    flat = [a for here in places for a in here]
    starts = np.cumsum([0, *map(len, places)])[:-1]
    ticket = count()
    heap: list[tuple[Fraction, int, int, frozenset[int], Ints]] = []

    def push(holds: frozenset[int]) -> None:
        chosen = arrays.cheapest(holds)
        if chosen is None:
            return
        taken = [flat[i] for i in chosen.tolist()]
        if budget is not None and sum((a.spent for a in taken), Fraction(0)) > budget:
            return
        heappush(heap, (sum((a.cost for a in taken), Fraction(0)), -len(holds), next(ticket), holds, chosen))

    push(frozenset(held))
    asked = 0
    while heap:
        cost, _, _, holds, chosen = heappop(heap)
        sides = holds.union(*(flat[i].sides for i in chosen.tolist()))
        asked += 1
        at_odds = space.conflict(sides)
        if at_odds is None:
            return Answer(cost, cost, tuple((chosen - starts).tolist()))
        if asked > most:
            return _dive(space, places, holds, budget, cost)
        earlier = holds
        for side in sorted(at_odds - holds):
            push(earlier | {4 * (side // 4) + _OPPOSITE[side % 4]})
            earlier = earlier | {side}
    return Answer(None, None)


def _dive(
    space: Halfspaces,
    places: Sequence[Sequence[Alternative]],
    holds: frozenset[int],
    budget: Fraction | None,
    bound: Fraction,
) -> Answer:
    """Return a combination that is found place by place, those first where most is at stake."""

    def at_stake(place: int) -> Fraction:
        costs = [a.cost + a.spent for a in places[place]]
        return min(costs) - max(costs)

    chosen = [0] * len(places)
    total, spent = Fraction(0), Fraction(0)
    for place in sorted(range(len(places)), key=at_stake):
        ranked = sorted(range(len(places[place])), key=lambda i: (places[place][i].cost, places[place][i].spent))
        for i in ranked:
            alternative = places[place][i]
            if space.conflict(holds | set(alternative.sides)) is None:
                holds = holds | set(alternative.sides)
                chosen[place] = i
                total, spent = total + alternative.cost, spent + alternative.spent
                break
        else:
            return Answer(bound, None)
    return Answer(bound, total, tuple(chosen)) if budget is None or spent <= budget else Answer(bound, None)
