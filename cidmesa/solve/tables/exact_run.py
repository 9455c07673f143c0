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

LARGEST_JOINT = 2**14
"""Entries of the largest joint law of Python's integers that is returned."""

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


def exact_joint(model: CIM, names: Sequence[str]) -> Array | None:
    """Return the joint law of `names` on some positive scale, in integers, for every action of every decision.

    Parameters
    ----------
    model
        A numeric model.
    names
        The axes, chance nodes, decisions and utilities (a utility: its numbers, ascending). A decision is an input:
        the array is a law for each of its values, zero where they are forbidden. All decisions above the other names
        must be among them.

    Returns
    -------
    numpy.ndarray or None
        Python integers, one axis per name; ``None`` where a table would exceed :data:`LARGEST_JOINT` entries.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "y")]).parameterise(x=cm.Bernoulli(0.1), y=cm.Noisy(lambda x: x, 1 / 3))
    >>> exact_joint(model, ["x", "y"]).tolist()
    [[18, 9], [1, 2]]
    """
    found = exact_law(model, names, forbidden=False, most=LARGEST_JOINT)
    return None if found is None else found[0].table.astype(object)


def exact_law(
    model: CIM, names: Sequence[str], *, forbidden: bool = True, most: int = LARGEST_FIXED
) -> tuple[Whole, int] | None:
    """Return the law of `names` for every action of every decision, in units of its scale.

    Parameters
    ----------
    model, names
        As for :func:`exact_joint`.
    forbidden
        Whether actions that are not allowed count, as if they were.
    most
        Entries of the largest table that is made.

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
    above = index.ancestors(ids)
    kinds = index.kinds
    cards = [1 if kind == "u" else model.card(name) for name, kind in zip(model.cid.nodes, kinds, strict=True)]
    tables: dict[int, tuple[Whole | None, Whole | None]] = {}
    factors, scale = [], 1
    for v, name in enumerate(model.cid.nodes):
        if not above >> v & 1:
            continue
        if kinds[v] == "d":
            may = None if forbidden else model.allowed(name)
            if may is not None:
                tables[v] = (Whole(may.astype(np.int64), 1), None)
                factors.append(Factor(v, (*index.parents[v], v)))
            continue
        table = np.asarray(model.cpd(name))
        if kinds[v] == "u":
            levels, where = np.unique(table, return_inverse=True)
            cards[v] = len(levels)
            table = np.eye(len(levels))[where.reshape(table.shape)]
        read = whole_distributions(table)
        if read is None:
            return None
        tables[v] = (read, None)
        scale *= int(read.table.reshape(-1, table.shape[-1])[0].sum())
        # Rows sum to the scale instead of one: no sum is left out because it is one.
        factors.append(Factor(v, (*index.parents[v], v)))
    shape = [cards[v] for v in ids]
    plan = make_plan(factors, ids, cards)
    if max(plan.largest, math.prod(shape)) > most:
        return None
    found = run_exactly(plan, tables, math.prod(cards[v] for v in range(len(cards)) if above >> v & 1))
    if found is None:
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
