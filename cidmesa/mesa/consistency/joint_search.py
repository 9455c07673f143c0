r"""What one objective may do in many places at once, by branch and bound.

In every *place* (contexts of training, contexts of a deployment) one of several *alternatives* holds: that an objective
is worst at a given action, or that a given action is optimal for it. An alternative costs something, and holds iff the
objective satisfies some rows, :math:`r \cdot O > 0` or :math:`r \cdot O \ge 0`. Sought is the cheapest combination, one
alternative a place, that some single objective allows.

Best first. A node is a set of rows that hold; of the alternatives that do not contradict it, the cheapest of each
place are a lower bound. If some objective allows them all, they are the answer. Otherwise a few of their rows
contradict each other, and one of these fails: for each there is a node in which it fails and those before it hold. A
row that fails is a row that holds, :math:`-r \cdot O \ge 0` or :math:`-r \cdot O > 0`. Costs are fractions, and each
contradiction is proved in integers (:func:`.settle_exactly`), so that no margin is too small to be seen and no cost too
small to count.

Places whose rows read different values of the targets, as where one of the targets is observed, do not constrain each
other: each such part is searched by itself.

>>> space = Halfspaces(2)
>>> first, second = space.add(np.array([1, -1]), strict=True), space.add(np.array([-1, 1]), strict=True)
>>> nothing = Fraction(0)
>>> def either(cost):
...     return (Alternative(0, nothing, nothing, (first,)), Alternative(1, Fraction(cost), nothing, (second,)))
>>> search(space, [Part((either(2), either(1)))]).value          # both places want the first, and may have it
Fraction(0, 1)
>>> turned = (Alternative(0, Fraction(3), nothing, (first,)), Alternative(1, nothing, nothing, (second,)))
>>> search(space, [Part((either(2), turned))]).value             # they want different things; the cheaper one gives in
Fraction(2, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import scaled_exactly

QUESTIONS = 1000
"""So many cones are looked at in one search before it stops with a bound."""

ABOVE, BELOW, NOT_BELOW, NOT_ABOVE = range(4)
_OPPOSITE = (NOT_ABOVE, NOT_BELOW, BELOW, ABOVE)
_AT_ODDS = ((BELOW, NOT_ABOVE), (ABOVE, NOT_BELOW), (BELOW,), (ABOVE,))


class Halfspaces:
    r"""The rows that a search asks about, each written once.

    A row and its negative are one hyperplane, and a *side* of it is a number: four times the hyperplane's, plus above
    (:math:`> 0`), below (:math:`< 0`), not below (:math:`\ge 0`) or not above (:math:`\le 0`).

    Parameters
    ----------
    size
        The number of values of the targets.
    clock
        How long searches may take.

    Attributes
    ----------
    stopped
        Whether some search stopped before its end, so that some answer is a bound only.
    """

    def __init__(self, size: int, clock: Budget = UNLIMITED) -> None:
        self.size = size
        self.clock = clock
        self.stopped = False
        self.rows: list[tuple[int, ...]] = []
        self._floats: list[Floats] = []
        self._known: dict[tuple[int, ...], int] = {}
        self._conflicts: dict[int, list[frozenset[int]]] = {}
        self._inside: set[frozenset[int]] = set()
        self.answers: dict[tuple[tuple[Part, ...], frozenset[int]], Answer] = {}

    def add(self, row: Array, *, strict: bool) -> int | None:
        """Return the side on which `row`, of integers, is positive (strict) or not negative; ``None``: it is zero."""
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
        return 4 * self._known[key] + (
            (ABOVE if sign > 0 else BELOW) if strict else (NOT_BELOW if sign > 0 else NOT_ABOVE)
        )

    def _row(self, side: int) -> tuple[bool, Floats, Callable[[], list[int]]]:
        plane, kind = divmod(side, 4)
        sign = -1 if kind in {BELOW, NOT_ABOVE} else 1
        return kind in {ABOVE, BELOW}, sign * self._floats[plane], lambda: [sign * x for x in self.rows[plane]]

    def conflict(self, sides: frozenset[int], held: frozenset[int] = frozenset()) -> frozenset[int] | None:
        """Return sides that contradict each other, or ``None`` where some objective is on all of them.

        Of several contradictions that are known already, one with the fewest sides that are not among those `held`.
        """
        known = self.known_conflict(sides, held)
        if known is not None:
            return known
        if sides in self._inside:
            return None
        ordered = sorted(sides)
        kinds = [self._row(side) for side in ordered]
        strict = [i for i, (is_strict, _, _) in enumerate(kinds) if is_strict]
        weak = [i for i, (is_strict, _, _) in enumerate(kinds) if not is_strict]
        found = _conflict([kinds[i][1] for i in strict], [kinds[i][1] for i in weak], self.size)
        if found is not None:  # in floating point; now exactly, the rows that are at odds first
            everything = list(range(len(ordered)))
            for some in [found, everything] if found != everything else [everything]:
                few = [strict[i] if i < len(strict) else weak[i - len(strict)] for i in some]
                hard = [i for i in few if kinds[i][0]]
                soft = [i for i in few if not kinds[i][0]]
                settled = cones.settle_exactly([kinds[i][2]() for i in hard], [kinds[i][2]() for i in soft])
                if settled.inside is None:
                    proved = frozenset(ordered[[*hard, *soft][i]] for i in settled.conflict)
                    self._conflicts.setdefault(min(proved), []).append(proved)
                    return proved
        self._inside.add(sides)
        return None

    def known_conflict(self, sides: Set[int], held: Set[int] = frozenset()) -> frozenset[int] | None:
        """Return sides that are known already to contradict each other, if there are any."""
        known = [c for side in sides for c in self._conflicts.get(side, ()) if c <= sides]
        return min(known, key=lambda c: (len(c - held), sorted(c))) if known else None


def _conflict(strict: Sequence[Floats], weak: Sequence[Floats], size: int) -> list[int] | None:
    """Return the rows that floating point finds at odds, or not sure to agree; ``None`` where it is sure."""
    if not strict:
        return None
    objective, held = cones.surely_inside(np.array(strict), np.array(weak).reshape(-1, size))
    return None if objective is not None else np.flatnonzero(held).tolist()


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
        What counts against the budget of its place.
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


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Some places, and what all of them together may spend.

    Attributes
    ----------
    places
        The alternatives of each place.
    budget
        ``None``: anything.
    members
        What the places are, for the reader of the answer.
    """

    places: tuple[tuple[Alternative, ...], ...]
    budget: Fraction | None = None
    members: tuple[int, ...] = ()

    def sides(self) -> set[int]:
        """Return all sides that an alternative takes."""
        return {side for here in self.places for alternative in here for side in alternative.sides}


def separate(space: Halfspaces, part: Part) -> tuple[Part, ...]:
    """Split a part into parts that read different values of the targets, each with a budget of its own.

    That is possible where there is no budget, where nothing is spent, and where the budget is the least that can be
    spent; else the part stays whole.
    """
    if not all(part.places):
        return (part,)
    groups = _components(space, [frozenset(s for a in here for s in a.sides) for here in part.places])
    budget = part.budget
    if budget is not None and not any(a.spent for here in part.places for a in here):
        budget = None
    split = [
        Part(tuple(part.places[i] for i in group), None, tuple(part.members[i] for i in group) if part.members else ())
        for group in groups
    ]
    if budget is None or len(split) == 1:
        return tuple(replace(some, budget=budget) for some in split)
    least = [spend_least(space, some) for some in split]
    if any(answer.value is None or answer.bound != answer.value for answer in least):
        return (part,)
    if sum((answer.value or Fraction(0) for answer in least), Fraction(0)) != budget:
        return (part,)
    return tuple(replace(some, budget=answer.value) for some, answer in zip(split, least, strict=True))


def spend_least(space: Halfspaces, part: Part) -> Answer:
    """Return the least that the places of a part can spend."""
    return search(
        space, [replace(part, places=tuple(tuple(replace(a, cost=a.spent) for a in here) for here in part.places))]
    )


def search(space: Halfspaces, parts: Sequence[Part], held: Collection[int] = ()) -> Answer:
    """Return the cheapest combination of alternatives, one a place, that a single objective allows.

    Parameters
    ----------
    space
        Of their sides.
    parts
        The places, in groups that share a budget.
    held
        Sides on which the objective has to be in any case.

    Notes
    -----
    In places that constrain each other :data:`QUESTIONS` combinations are looked at; then the answer is a bound and,
    where a combination is found quickly, its cost.
    """
    if not all(here for part in parts for here in part.places):
        return Answer(None, None)
    together = _components(space, [*(frozenset(part.sides()) for part in parts), *(frozenset([s]) for s in held)])
    sides = list(held)
    bound, value = Fraction(0), Fraction(0)
    chosen: list[tuple[int, ...]] = [()] * len(parts)
    found = True
    for group in together:
        some = [i for i in group if i < len(parts)]
        there = tuple(parts[i] for i in some), frozenset(sides[i - len(parts)] for i in group if i >= len(parts))
        answer = space.answers.get(there) or _search(space, *there)
        space.answers[there] = answer
        space.stopped |= answer.value != answer.bound
        if answer.bound is None:
            return Answer(None, None)
        bound += answer.bound
        if answer.value is None:
            found = False
            continue
        value += answer.value
        start = 0
        for i in some:
            chosen[i] = answer.chosen[start : start + len(parts[i].places)]
            start += len(parts[i].places)
    return Answer(bound, value, tuple(x for some in chosen for x in some)) if found else Answer(bound, None)


def _components(space: Halfspaces, sides: Sequence[frozenset[int]]) -> list[list[int]]:
    """Group sets of sides by the values of the targets that they read, in common with others of the group."""
    joined = list(range(space.size))

    def root(column: int) -> int:
        while joined[column] != column:
            column = joined[column]
        return column

    read = [sorted({c for side in some for c, x in enumerate(space.rows[side // 4]) if x}) for some in sides]
    for columns in read:
        for column in columns[1:]:
            joined[root(column)] = root(columns[0])
    groups: dict[int, list[int]] = {}
    for i, columns in enumerate(read):
        groups.setdefault(root(columns[0]) if columns else -1 - i, []).append(i)
    return list(groups.values())


class _Places:
    """The alternatives of all places as arrays, costs as integers on a common scale."""

    def __init__(self, parts: Sequence[Part], planes: int) -> None:
        places = [here for part in parts for here in part.places]
        self.flat = [a for here in places for a in here]
        self.starts = np.cumsum([0, *map(len, places)])[:-1]
        self.cost, self.scale = _integers([a.cost for a in self.flat])
        limits = [part.budget for part in parts]
        spent, _ = _integers([*(a.spent for a in self.flat), *(x or Fraction(0) for x in limits)])
        self.spent = spent[: len(self.flat)]
        self.limits = [None if x is None else y for x, y in zip(limits, spent[len(self.flat) :], strict=True)]
        self.ends = np.cumsum([0, *(len(part.places) for part in parts)]).tolist()
        self.uses = np.zeros((len(self.flat) + 1, 4 * planes), dtype=bool)
        for i, alternative in enumerate(self.flat):
            self.uses[i, list(alternative.sides)] = True
        widest = max(map(len, places), default=0)
        self.order = np.full((len(places), widest), len(self.flat), dtype=np.intp)
        for place, (start, here) in enumerate(zip(self.starts.tolist(), places, strict=True)):
            ranked = sorted(range(start, start + len(here)), key=lambda i: (self.cost[i], self.spent[i], i))
            self.order[place, : len(here)] = ranked
        self.real = self.order < len(self.flat)

    def cheapest(self, held: Iterable[int]) -> tuple[int, list[int]] | None:
        """Return the cheapest alternatives that do not contradict what holds, one a place, flat; ``None``: none."""
        chosen: list[int] = []
        if len(self.order):
            excluded = [4 * (side // 4) + kind for side in held for kind in _AT_ODDS[side % 4]]
            free = np.asarray(~self.uses[:, excluded].any(axis=1))
            open_ = free[self.order] & self.real
            if not open_.any(axis=1).all():
                return None
            chosen = self.order[np.arange(len(self.order)), open_.argmax(axis=1)].tolist()
        for limit, start, end in zip(self.limits, self.ends, self.ends[1:], strict=False):
            if limit is not None and sum(self.spent[i] for i in chosen[start:end]) > limit:
                return None
        return sum(self.cost[i] for i in chosen), chosen


def _integers(numbers: Sequence[Fraction]) -> tuple[list[int], int]:
    scale = math.lcm(*(x.denominator for x in numbers))
    return [x.numerator * (scale // x.denominator) for x in numbers], scale


_SHRINK = "give the targets fewer values, or the decisions fewer observations"


def _search(space: Halfspaces, parts: Sequence[Part], held: Iterable[int]) -> Answer:
    """Return the cheapest combination, all places together."""
    arrays = _Places(parts, len(space.rows))
    ticket = count()
    heap: list[tuple[int, int, int, frozenset[int], list[int]]] = []

    def push(holds: frozenset[int]) -> None:
        found = arrays.cheapest(holds)
        if found is not None:
            heappush(heap, (found[0], -len(holds), next(ticket), holds, found[1]))

    push(frozenset(held))
    asked = 0
    while heap:
        cost, _, _, holds, chosen = heappop(heap)
        sides = holds.union(*(arrays.flat[i].sides for i in chosen))
        asked += 1
        space.clock.check("the search over all objectives", _SHRINK, f"{asked:,} cones")
        at_odds = space.conflict(sides, holds)
        if at_odds is None:
            exact = Fraction(cost, arrays.scale)
            return Answer(exact, exact, tuple((np.array(chosen, dtype=np.intp) - arrays.starts).tolist()))
        if asked > QUESTIONS:
            return _dive(space, parts, holds, Fraction(cost, arrays.scale))
        earlier = holds
        for side in sorted(at_odds - holds):
            push(earlier | {4 * (side // 4) + _OPPOSITE[side % 4]})
            earlier = earlier | {side}
    return Answer(None, None)


def _dive(space: Halfspaces, parts: Sequence[Part], holds: frozenset[int], bound: Fraction) -> Answer:
    """Return a combination that is found place by place, those first where most is at stake."""
    places = [(number, here) for number, part in enumerate(parts) for here in part.places]

    def at_stake(i: int) -> Fraction:
        costs = [a.cost + a.spent for a in places[i][1]]
        return min(costs) - max(costs)

    chosen = [0] * len(places)
    total, spent = Fraction(0), [Fraction(0)] * len(parts)
    for i in sorted(range(len(places)), key=at_stake):
        number, here = places[i]
        for k in sorted(range(len(here)), key=lambda k: (here[k].cost, here[k].spent)):
            if space.conflict(holds | set(here[k].sides)) is None:
                holds = holds | set(here[k].sides)
                chosen[i] = k
                total, spent[number] = total + here[k].cost, spent[number] + here[k].spent
                break
        else:
            return Answer(bound, None)
    within = all(part.budget is None or paid <= part.budget for part, paid in zip(parts, spent, strict=True))
    return Answer(bound, total, tuple(chosen)) if within else Answer(bound, None)
