"""Which variable to take out next, of those that may go: the one that writes least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from math import log, prod
from typing import Generic, Protocol, TypeVar


class Tables(Protocol):
    """A set of tables, as far as an order of elimination looks at it."""

    @property
    def scope(self) -> tuple[int, ...]:
        """The variables."""

    @property
    def count(self) -> int:
        """The number of tables."""


S = TypeVar("S", bound=Tables)


class Bag(Generic[S]):
    """The sets there are, by variable, and which variable to take out next: the one that writes least.

    A heap; what has changed since is put there anew, and the old entry does not count.
    """

    def __init__(self, parents: Mapping[int, tuple[int, ...]], utilities: Iterable[int], cards: Sequence[int]) -> None:
        self.parents, self.cards = parents, cards
        self.sets: dict[int, S] = {}
        self.having: dict[int, list[int]] = {v: [] for v in parents}
        self.children = dict.fromkeys(parents, 0)
        paid = set(utilities)
        for v, above in parents.items():
            if v not in paid:
                for p in above:
                    self.children[p] += 1
        self.free = {v for v, count in self.children.items() if not count and v not in paid}
        self.latest: dict[int, float] = {}
        self.heap: list[tuple[float, int]] = []
        for v in self.free:
            self._push(v)
        self.made = 0

    def put(self, *sets: S) -> None:
        """Add sets."""
        changed: set[int] = set()
        for s in sets:
            self.sets[self.made] = s
            for v in s.scope:
                self.having[v].append(self.made)
            changed.update(s.scope)
            self.made += 1
        for v in changed & self.free:
            self._push(v)

    def next(self) -> int:
        """Return the variable to take out."""
        while True:
            weight, negative = heappop(self.heap)
            v = -negative
            if v in self.free and self.latest[v] == weight:
                return v

    def take(self, v: int) -> list[S]:
        """Return the sets that have a variable, small ones first, and forget them."""
        keys = self.having.pop(v)
        found = []
        for key in keys:
            s = self.sets.pop(key)
            found.append(s)
            for w in s.scope:
                if w != v:
                    self.having[w].remove(key)
        return sorted(found, key=lambda s: s.count * prod(self.cards[w] for w in s.scope))

    def gone(self, v: int) -> None:
        """Note that a variable is out; its parents may be next."""
        self.free.discard(v)
        for p in self.parents[v]:
            self.children[p] -= 1
            if not self.children[p]:
                self.free.add(p)
                self._push(p)

    def _push(self, v: int) -> None:
        """Put a variable on the heap, by the logarithm of what taking it out would write."""
        scope = set(self.parents[v])
        weight = 0.0
        for key in self.having[v]:
            s = self.sets[key]
            scope.update(s.scope)
            weight += log(s.count)
        weight += sum(log(self.cards[w]) for w in scope)
        self.latest[v] = weight
        heappush(self.heap, (weight, -v))
