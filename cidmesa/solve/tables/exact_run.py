r"""Products and sums of tables in integers: the same elimination as in floating point, without rounding.

Every table of distributions is put on a whole number as its scale (:func:`.whole_numbers`), all utilities on one. In a
product of tables each term then has the same scale, provided that no sum is left out because it is one: so the factors
of a plan have no heads. Comparing entries needs no scale, and a ratio has none.

Where all terms fit in 64 bits numpy's integers are used, which is as fast as floating point; else Python's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.solve.tables.elimination import Factor, Pair, Plan, make_plan, run
from cidmesa.solve.tables.exact_numbers import number_meant, whole_numbers
from cidmesa.solve.tables.model_tables import index_of

if TYPE_CHECKING:
    from cidmesa.model import CIM

LARGEST = 2**15
"""Entries of the largest table of Python's integers that is made."""

LARGEST_FIXED = 2**22
"""Entries of the largest table of 64-bit integers that is made."""

_SMALL = 2**8
"""Entries of a table that is remembered once it has been read."""

_READ = 2**15
"""Different numbers that are read from one table at most."""


class Whole(NamedTuple):
    """A table of integers, and the largest absolute one among them (or more)."""

    table: Array
    largest: int


def run_exactly(
    plan: Plan, tables: Mapping[int, tuple[Whole | None, Whole | None]], terms: int
) -> tuple[Array | None, Array | None] | None:
    """Run a plan on integer tables; ``None`` where that is out of reach.

    Parameters
    ----------
    plan
        A plan for factors without heads.
    tables
        Per key the tables.
    terms
        How many terms any sum has at most: the number of states of what is summed out, times that of the utilities.
    """
    if plan.largest > LARGEST_FIXED:
        return None
    most = terms
    for p, w in tables.values():
        most *= max(1, p.largest if p is not None else 0, w.largest if w is not None else 0)
    fits = most < 2**62
    if not fits and plan.largest > LARGEST:
        return None
    number = np.dtype(np.int64 if fits else object)
    own: dict[int, Pair] = {}
    for key, (p, w) in tables.items():
        own[key] = (None if p is None else _as(number, p.table), None if w is None else _as(number, w.table))
    p_found, w_found = run(plan, own)
    return None if p_found is None else as_array(p_found), None if w_found is None else as_array(w_found)


def exact_law(model: CIM, names: Sequence[str]) -> tuple[Whole, int] | None:
    """Return the law of `names` for every action of every decision, forbidden ones too, in units of its scale.

    Parameters
    ----------
    model
        A numeric model.
    names
        The axes, as for :func:`.exact_joint`.

    Returns
    -------
    tuple or None
        The law in integers and the scale, what they sum to under every policy; ``None`` where it is out of reach.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "act"), ("act", "y")], decisions=["act"]).parameterise(
    ...     x=cm.Bernoulli(0.25), act=[0, 1], y=cm.Noisy(lambda act: act, 0.1))
    >>> law, scale = exact_law(model, ["x", "act"])
    >>> law.table.tolist(), scale
    ([[3, 3], [1, 1]], 4)
    """
    index = index_of(model.cid)
    ids = [model.cid.id(name) for name in names]
    cards = [1 if kind == "u" else model.card(name) for name, kind in zip(model.cid.nodes, index.kinds, strict=True)]
    tables: dict[int, tuple[Whole | None, Whole | None]] = {}
    factors, scale = [], 1
    for v, name in enumerate(model.cid.nodes):
        if not index.ancestors(ids) >> v & 1 or index.kinds[v] == "d":
            continue
        table = np.asarray(model.cpd(name))
        if index.kinds[v] == "u":
            levels, where = np.unique(table, return_inverse=True)
            cards[v] = len(levels)
            table = np.eye(len(levels))[where.reshape(table.shape)]
        read = whole_distributions(table)
        if read is None:
            return None
        tables[v] = (read, None)
        scale *= int(read.table.reshape(-1, table.shape[-1])[0].sum())
        factors.append(Factor(v, (*index.parents[v], v)))
    shape = [cards[v] for v in ids]
    every = math.prod(cards[v] for v in range(len(cards)) if index.ancestors(ids) >> v & 1)
    found = run_exactly(make_plan(factors, ids, cards), tables, every)
    if found is None or math.prod(shape) > LARGEST_FIXED:
        return None
    return whole(np.broadcast_to(np.ones((), np.int64) if found[0] is None else found[0], shape)), scale


def whole(table: Array) -> Whole:
    """Return integers with the largest of them."""
    return Whole(table, max(int(table.max()), -int(table.min())) if table.size else 0)


def as_array(numbers: Any) -> Array:
    """Return an array of integers as one; numpy hands out Python's integers for arrays without axes."""
    if isinstance(numbers, np.ndarray):
        return numbers
    found = np.empty((), dtype=object)
    found[()] = int(numbers)
    return found


def utility_unit(tables: Iterable[Floats]) -> int | None:
    """Return the common denominator of utilities as they are meant; ``None`` where there are too many to read."""
    found = 1
    for table in tables:
        if table.size > _SMALL:
            table = np.unique(table)
            if len(table) > _READ:
                return None
        found = math.lcm(found, _denominator(tuple(table.ravel().tolist())))
    return found


def whole_utilities(table: Floats, unit: int) -> Whole:
    """Return a table of utilities as integers, multiplied by a common denominator.

    >>> whole_utilities(np.array([0.5, -0.1]), 10).table.tolist()
    [5, -1]
    """
    if table.size <= _SMALL:
        return _shaped(_multiplied(tuple(table.ravel().tolist()), unit), table.shape)
    values, where = np.unique(table, return_inverse=True)
    read = _multiplied(tuple(values.tolist()), unit)
    return Whole(as_array(read.table[where.reshape(table.shape)]), read.largest)


def whole_distributions(table: Floats) -> Whole | None:
    """Return a table of distributions as integers on one scale; ``None`` where there are too many numbers to read."""
    k = table.shape[-1]
    if table.size <= _SMALL:
        return _shaped(_rows(tuple(table.ravel().tolist()), k), table.shape)
    if ((table == 0) | (table == 1)).all():
        return Whole(table.astype(np.int64), 1)
    rows, where = np.unique(table.reshape(-1, k), axis=0, return_inverse=True)
    if rows.size > _READ:
        return None
    read = _rows(tuple(rows.ravel().tolist()), k)
    return Whole(as_array(read.table.reshape(-1, k)[where.ravel()]).reshape(table.shape), read.largest)


@lru_cache(maxsize=2**12)
def _denominator(numbers: tuple[float, ...]) -> int:
    return math.lcm(*(number_meant(x).denominator for x in numbers))


@lru_cache(maxsize=2**12)
def _multiplied(numbers: tuple[float, ...], unit: int) -> Whole:
    return _listed([int(number_meant(x) * unit) for x in numbers])


@lru_cache(maxsize=2**12)
def _rows(numbers: tuple[float, ...], k: int) -> Whole:
    """Read rows of probabilities, one after the other."""
    if all(x in (0.0, 1.0) for x in numbers):
        return Whole(np.array(numbers, dtype=np.int64), 1)
    return _listed(whole_numbers(np.array(numbers).reshape(-1, k)).ravel().tolist())


def _listed(numbers: list[int]) -> Whole:
    """Return integers as an array, of 64 bits where they fit."""
    largest = max(map(abs, numbers), default=0)
    found = np.empty(len(numbers), dtype=np.int64 if largest < 2**62 else object)
    found[:] = numbers
    return Whole(found, largest)


def _shaped(read: Whole, shape: tuple[int, ...]) -> Whole:
    return Whole(read.table.reshape(shape), read.largest)


def _as(number: np.dtype[Any], table: Array) -> Array:
    return table if table.dtype == number else table.astype(number)
