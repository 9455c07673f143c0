"""A table of levels: what is in each, how often it comes, and the chain in which its features depend on each other.

>>> table = LevelTable.read({"hue": ["red", "blue"], "kind": ["door", "ball"]}, ["kind"])
>>> dict(table.chain)
{'kind': (), 'hue': ('kind',)}
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from cidmesa.arguments import read_names
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, as_lambda, shortened, unknown
from cidmesa.mechanisms import Table, is_number
from cidmesa.readonly import ReadOnly
from cidmesa.solve.tables.exact_numbers import number_meant

Law: TypeAlias = tuple[Fraction, ...]
"""The weight of each level, on any positive scale."""

Condition: TypeAlias = Callable[..., Any]
"""A function of features that says whether a level counts, or how much."""

LARGEST: Final = 2**22
"""The most entries that the table of one feature may have."""


@dataclass(frozen=True, repr=False)
class LevelTable:
    """The levels: what is in each, how often it comes in the table, and how often in training.

    Parameters
    ----------
    features
        Feature → its values, a level after the other; observed features first.
    weights
        How often each level comes in the table.
    training
        The same in training.
    observed
        The features that the decision sees.

    Examples
    --------
    >>> table = LevelTable.read({"hue": [1, 2], "kind": ["a", "b"]}, ["kind"])
    >>> table.names, table.domains["hue"], table.weights
    (('kind', 'hue'), (1, 2), (Fraction(1, 1), Fraction(1, 1)))
    """

    features: Mapping[str, tuple[Hashable, ...]] = field(hash=False)
    weights: Law
    training: Law
    observed: tuple[str, ...]

    @classmethod
    def read(
        cls,
        table: Any,
        observed: Iterable[str],
        weights: str | Sequence[float] | None = None,
        training: Condition | Sequence[float] | None = None,
    ) -> LevelTable:
        """Read a table as users give it; levels that are alike become one."""
        columns = _columns(table)
        count = len(next(iter(columns.values())))
        given: Sequence[Any] = [1] * count
        if isinstance(weights, str):
            if weights not in columns:
                raise unknown(weights, columns, what="a column of the table, but weights= names it")
            given = columns.pop(weights)
        elif weights is not None:
            given = list(weights)
        law = _law(given, count, "weights=")
        seen = read_names(observed, "observed=")
        for name in seen:
            if name not in columns:
                raise unknown(name, columns, what="a column of the table, but observed= names it")
        if not columns:
            raise DiagramError("a table of levels has at least one feature beside the weights.")
        names = (*seen, *(name for name in columns if name not in seen))
        rows = list(zip(*(columns[name] for name in names), strict=True))
        chosen = law
        if callable(training):
            chosen = _selected(training, names, rows, law)
        elif training is not None:
            chosen = _law(list(training), count, "training=")
        merged: dict[tuple[Hashable, ...], list[Fraction]] = {}
        for row, weight, shown in zip(rows, law, chosen, strict=True):
            known = merged.setdefault(row, [Fraction(0), Fraction(0)])
            known[0] += weight
            known[1] += shown
        split = {name: tuple(row[i] for row in merged) for i, name in enumerate(names)}
        comes, trained = (tuple(known[k] for known in merged.values()) for k in (0, 1))
        return cls(ReadOnly(split), comes, trained, seen)

    def __repr__(self) -> str:
        seen = ", ".join(self.observed) or "nothing"
        return f"LevelTable({len(self.weights):,} levels of {', '.join(self.names)}; observed: {seen})"

    @property
    def names(self) -> tuple[str, ...]:
        """The features, observed ones first."""
        return tuple(self.features)

    @cached_property
    def domains(self) -> Mapping[str, tuple[Hashable, ...]]:
        """The values of each feature, in the order in which they come up."""
        return ReadOnly({name: tuple(dict.fromkeys(values)) for name, values in self.features.items()})

    @cached_property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """The levels as positions in the domains."""
        where = [{value: i for i, value in enumerate(self.domains[name])} for name in self.names]
        return tuple(
            tuple(at[value] for at, value in zip(where, row, strict=True))
            for row in zip(*self.features.values(), strict=True)
        )

    @cached_property
    def laws(self) -> tuple[Law, ...]:
        """Training's law, the table's, and where that leaves levels out, all levels alike; each once."""
        every = [self.training, self.weights]
        if not all(self.weights):
            every.append((Fraction(1),) * len(self.weights))
        return tuple(dict.fromkeys(map(normal, every)))

    @cached_property
    def chain(self) -> Mapping[str, tuple[str, ...]]:
        """Feature → its parents: the earlier features on which it depends under one of :attr:`laws`."""
        found = {}
        for i, name in enumerate(self.names):
            needed: set[int] = set()
            for law in self.laws:
                needed |= self.needed(i, law)
            found[name] = tuple(self.names[j] for j in sorted(needed))
        return ReadOnly(found)

    def needed(self, feature: int, law: Law, kept: Iterable[int] = ()) -> set[int]:
        """Return `kept` and earlier features, as few as separate a feature from the other earlier ones.

        Of features that say the same the first ones stay.
        """
        given = self._given(range(feature), feature, law)
        held, needed = set(kept), set(range(feature))
        for j in reversed(range(feature)):
            if j not in held and _depends_on(given, sorted(needed - {j})):
                needed.remove(j)
        return needed

    def conditional(self, feature: int, parents: Sequence[int], law: Law) -> dict[tuple[int, ...], Law]:
        """Return P(feature | parents) for the values of the parents that come up."""
        return self._given(parents, feature, law)

    def _given(self, parents: Sequence[int], feature: int, law: Law) -> dict[tuple[int, ...], Law]:
        card = len(self.domains[self.names[feature]])
        sums: dict[tuple[int, ...], list[Fraction]] = {}
        for row, weight in zip(self.rows, law, strict=True):
            if weight:
                context = tuple(row[j] for j in parents)
                sums.setdefault(context, [Fraction(0)] * card)[row[feature]] += weight
        return {context: normal(counts) for context, counts in sums.items()}

    def base_rows(self, feature: int) -> dict[tuple[int, ...], Law]:
        """Return the rows of a feature in training; where its parents' values come elsewhere alone, those of there."""
        parents = [self.names.index(name) for name in self.chain[self.names[feature]]]
        found: dict[tuple[int, ...], Law] = {}
        for law in reversed(self.laws):
            found |= self.conditional(feature, parents, law)
        return found

    def dependent(self, one: str, other: str) -> bool:
        """Say whether two features depend on each other in training."""
        given = self._given([self.names.index(one)], self.names.index(other), self.training)
        return not _depends_on(given, [])

    def select(self, condition: Condition) -> Law:
        """Return the law of the levels for which a condition holds.

        Raises
        ------
        NotApplicableError
            It holds for none.
        """
        rows = list(zip(*self.features.values(), strict=True))
        return normal(_selected(condition, self.names, rows, self.weights))

    def dense(self, feature: int, parents: Sequence[str], rows: Mapping[tuple[int, ...], Law]) -> Table:
        """Return rows as a mechanism; parents' values that no level has lead to the first value."""
        name = self.names[feature]
        shape = [len(self.domains[parent]) for parent in parents] + [len(self.domains[name])]
        if math.prod(shape) > LARGEST or len(shape) > 32:
            raise NotApplicableError(
                f"`{name}` depends on {', '.join(parents)}, a table of {float(math.prod(shape)):.3g} entries: make the "
                "level one node, cm.levels(.., root=True), or leave features out."
            )
        values = np.zeros(shape)
        values[..., 0] = 1.0
        for context, row in rows.items():
            values[context] = [float(p) for p in row]
        return Table(values, domain=self.domains[name], parents=tuple(parents))


def _columns(table: Any) -> dict[str, list[Any]]:
    """Read a mapping of columns, or a DataFrame, as lists of plain values of equal length."""
    if hasattr(table, "to_dict") and hasattr(table, "columns"):
        table = {column: table[column].tolist() for column in table.columns}
    if not isinstance(table, Mapping) or not table:
        raise DiagramError(
            f"a table of levels is a mapping from column to values, or a DataFrame; got {shortened(table)}."
        )
    found = {}
    for name, values in table.items():
        if not isinstance(name, str):
            raise DiagramError(f"a feature is called by a text; got {name!r}.")
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise DiagramError(f"the column `{name}` is a list, one value a level; got {shortened(values)}.")
        listed = [value.item() if hasattr(value, "item") else value for value in values]
        bad = [value for value in listed if not _can_be_told(value)]
        if bad:
            raise DiagramError(f"the column `{name}` holds values that can be told apart; got {shortened(bad[0])}.")
        found[name] = listed
    lengths = {name: len(values) for name, values in found.items()}
    if len(set(lengths.values())) > 1 or not next(iter(lengths.values())):
        raise DiagramError(f"every column has one value a level, and at least one level; got the lengths {lengths}.")
    return found


def _can_be_told(value: Any) -> bool:
    """Say whether a value can be looked up: not a list, not a number that equals nothing."""
    try:
        return value in {value: None} and not (isinstance(value, float) and math.isnan(value))
    except TypeError:
        return False


def _law(given: Sequence[Any], count: int, argument: str) -> Law:
    """Read weights, one a level, as fractions."""
    if len(given) != count:
        raise MechanismError(f"{argument} has one number a level, {count}; got {len(given)}.")
    found = []
    for weight in given:
        if not is_number(weight) or not 0 <= weight < math.inf:
            raise MechanismError(f"{argument} says how often a level comes, finite and not negative; got {weight!r}.")
        found.append(weight if isinstance(weight, Fraction) else number_meant(float(weight)))
    if not any(found):
        raise MechanismError(f"{argument} leaves no level: all of its numbers are 0.")
    return tuple(found)


def _selected(condition: Condition, names: Sequence[str], rows: Sequence[tuple[Any, ...]], law: Law) -> Law:
    """Return how often the rows come that a condition lets through; rows that never come, alike."""
    if not callable(condition):
        raise NotApplicableError(
            f"levels are selected by a function of features, {as_lambda(names)}; got {shortened(condition)}."
        )
    given = inspect.signature(condition).parameters.values()
    takes = [p.name for p in given if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if any(p.kind is p.VAR_KEYWORD for p in given):
        takes = list(names)
    for name in takes:
        if name not in names:
            raise unknown(name, names, what="a feature of the levels, but the condition reads it")
    at = [names.index(name) for name in takes]
    counts = []
    for row in rows:
        answer = condition(**{name: row[i] for name, i in zip(takes, at, strict=True)})
        answer = answer.item() if hasattr(answer, "item") else answer
        if not isinstance(answer, bool) and not (is_number(answer) and 0 <= answer < math.inf):
            raise MechanismError(
                f"a condition says yes or no of a level, or a number that is not negative; got {answer!r} for "
                f"{dict(zip(takes, (row[i] for i in at), strict=True))}."
            )
        counts.append(number_meant(float(answer)))
    if not any(counts):
        raise NotApplicableError("no level is left by this selection: its condition holds for none of them.")
    joint = tuple(count * weight for count, weight in zip(counts, law, strict=True))
    return joint if any(joint) else tuple(counts)


def normal(law: Iterable[Fraction]) -> Law:
    """Scale weights to the sum 1."""
    weights = tuple(law)
    total = sum(weights, Fraction(0))
    return tuple(weight / total for weight in weights)


def _depends_on(given: Mapping[tuple[int, ...], Law], subset: Sequence[int]) -> bool:
    """Say whether rows of a conditional law depend on some of what they are conditioned on alone."""
    known: dict[tuple[int, ...], Law] = {}
    return all(known.setdefault(tuple(context[j] for j in subset), row) == row for context, row in given.items())
