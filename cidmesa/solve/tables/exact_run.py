r"""Products and sums of tables in integers: the same elimination as in floating point, without rounding.

Every table of distributions is put on a whole number as its scale (:func:`.whole_numbers`), all utilities on one. In a
product of tables each term then has the same scale, provided that no sum is left out because it is one: so the factors
of a plan have no heads. Comparing entries needs no scale, and a ratio has none.

Where all terms fit in 64 bits numpy's integers are used, which is as fast as floating point; else Python's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.solve.tables.elimination import Pair, Plan, run
from cidmesa.solve.tables.exact_numbers import number_meant, whole_numbers

LARGEST = 2**15
"""Entries of the largest table of Python's integers that is made."""

LARGEST_FIXED = 2**22
"""Entries of the largest table of 64-bit integers that is made."""

_READ = 2**15
"""Different numbers that are read from one table at most."""


def run_exactly(plan: Plan, tables: Mapping[int, Pair], terms: int) -> Pair | None:
    """Run a plan on integer tables; ``None`` where that is out of reach.

    Parameters
    ----------
    plan
        A plan for factors without heads.
    tables
        Per key the tables, Python's integers.
    terms
        How many terms any sum has at most: the number of states of what is summed out, times that of the utilities.
    """
    if plan.largest > LARGEST_FIXED:
        return None
    most = terms
    for key, p_view, w_view in plan.inputs:
        p, w = tables[key]
        most *= max(_largest(p if p_view is not None else None), _largest(w if w_view is not None else None))
    if most < 2**62:
        p, w = run(plan, {key: (_as(np.int64, p), _as(np.int64, w)) for key, (p, w) in tables.items()})
    elif plan.largest > LARGEST:
        return None
    else:
        p, w = run(plan, {key: (_as(object, p), _as(object, w)) for key, (p, w) in tables.items()})
    return None if p is None else as_array(p), None if w is None else as_array(w)


def as_array(numbers: Any) -> Array:
    """Return an array of integers as one; numpy hands out Python's integers for arrays without axes."""
    if isinstance(numbers, np.ndarray):
        return numbers
    found = np.empty((), dtype=object)
    found[()] = int(numbers)
    return found


def utility_unit(tables: Sequence[Floats]) -> int | None:
    """Return the common denominator of utilities as they are meant; ``None`` where there are too many to read."""
    found = 1
    for table in tables:
        values = np.unique(table)
        if len(values) > _READ:
            return None
        found = math.lcm(found, *(number_meant(x).denominator for x in values.tolist()))
    return found


def whole_utilities(table: Floats, unit: int) -> Array:
    """Return a table of utilities as integers, multiplied by a common denominator.

    >>> whole_utilities(np.array([0.5, -0.1]), 10).tolist()
    [5, -1]
    """
    values, where = np.unique(table, return_inverse=True)
    read = np.empty(len(values), dtype=object)
    read[:] = [int(number_meant(x) * unit) for x in values.tolist()]
    return as_array(read[where.reshape(table.shape)])


def whole_distributions(table: Floats) -> Array | None:
    """Return a table of distributions as integers on one scale; ``None`` where there are too many numbers to read."""
    if ((table == 0) | (table == 1)).all():
        return table.astype(np.int64).astype(object)
    rows, where = np.unique(table.reshape(-1, table.shape[-1]), axis=0, return_inverse=True)
    if rows.size > _READ:
        return None
    found: Array = whole_numbers(rows)[where.ravel()].reshape(table.shape)
    return found


def _largest(table: Array | None) -> int:
    if table is None or not table.size:
        return 1
    return max(1, int(table.max()), -int(table.min()))


def _as(dtype: Any, table: Array | None) -> Array | None:
    return None if table is None else table.astype(dtype)
