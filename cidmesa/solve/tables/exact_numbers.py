r"""Tables as the numbers they were meant as, in exact arithmetic, for what floating point cannot settle.

A float within four units in its last place of a simple fraction is read as that fraction: 0.1 is 1/10 and
0.3333333333333333 is 1/3. Simple is a denominator of at most a million; for numbers from two on less, a million divided
by the square root of their size, since otherwise nearly every float of some thousands would be near one by chance, and
its meaning would depend on the unit. Any other float is its binary value, and only zero is read as zero. Where the
entries of a row of probabilities read like this do not sum to one, the largest (of several the last) is what the others
leave to one, so that no small probability is touched and the order of the values does not matter. Utilities are read
the same way, entry by entry.

Multiplied by their common denominator, tables hold Python's integers, and no rounding happens at all.

>>> import cidmesa as cm
>>> model = cm.CID([("x", "y")]).parameterise(x=cm.Bernoulli(0.1), y=cm.Noisy(lambda x: x, 1 / 3))
>>> exact_joint(model, ["x", "y"]).tolist()
[[18, 9], [1, 2]]
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.solve.tables.elimination import Factor, make_plan, run
from cidmesa.solve.tables.model_tables import index_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cidmesa.model import CIM

LARGEST = 2**14
"""Entries of the largest table that is worth exact arithmetic."""

DENOMINATOR = 10**6
"""Numbers within rounding of a fraction with a denominator up to this are read as that fraction."""

_CHANCE = 2.0**-12
"""How often, about, a float may be near a simple fraction by chance."""


def exact_joint(model: CIM, names: Sequence[str]) -> Array | None:
    """Return the joint law of `names` on some positive scale, in integers, for every action of every decision.

    Parameters
    ----------
    model
        A numeric model.
    names
        The axes, chance nodes, decisions and utilities (a utility: its numbers, ascending). A decision is an input:
        the array is a law for each of its values. All decisions above the other names must be among them.

    Returns
    -------
    numpy.ndarray or None
        Python integers, one axis per name; ``None`` where a table would exceed :data:`LARGEST` entries.
    """
    index = index_of(model.cid)
    ids = [model.cid.id(name) for name in names]
    above = index.ancestors(ids)
    kinds = index.kinds
    cards = [1 if kinds[v] == "u" else model.card(name) for v, name in enumerate(model.cid.nodes)]
    tables: dict[int, tuple[Array, None]] = {}
    factors = []
    for v, name in enumerate(model.cid.nodes):
        if not above >> v & 1:
            continue
        if kinds[v] == "d":
            may = model.allowed(name)
            if may is not None:  # what is forbidden does not happen
                tables[v] = (may.astype(np.int64).astype(object), None)
                factors.append(Factor(v, (*index.parents[v], v)))
            continue
        if kinds[v] == "u":
            levels, where = np.unique(model.cpd(name), return_inverse=True)
            cards[v] = len(levels)
            table = np.eye(len(levels), dtype=np.int64)[where.reshape(model.cpd(name).shape)].astype(object)
        else:
            table = whole_numbers(model.cpd(name))
        tables[v] = (table, None)
        # Rows sum to the common denominator instead of one; leaving such a sum out changes the scale of the whole only.
        factors.append(Factor(v, (*index.parents[v], v), heads=1 << v))
    plan = make_plan(factors, ids, cards)
    shape = [cards[v] for v in ids]
    if max(plan.largest, math.prod(shape)) > LARGEST:
        return None
    found, _ = run(plan, tables)
    full = np.empty(shape, dtype=object)
    full[...] = 1 if found is None else np.asarray(found, dtype=object)
    return full


def whole_numbers(table: Floats) -> Array:
    """Return a table of distributions, rows along the last axis, as integers on one common scale.

    >>> whole_numbers(np.array([[0.1, 0.9], [0.5, 0.5]])).tolist()
    [[1, 9], [5, 5]]
    """
    rows = [fractions(row) for row in table.reshape(-1, table.shape[-1]).tolist()]
    scale = math.lcm(*(p.denominator for row in rows for p in row))
    whole = np.empty(table.size, dtype=object)
    whole[:] = [p.numerator * (scale // p.denominator) for row in rows for p in row]
    return whole.reshape(table.shape)


def fractions(row: Iterable[float]) -> list[Fraction]:
    """Return a distribution as the fractions it was meant as; they sum to exactly one.

    >>> fractions([0.1, 0.3, 0.6])
    [Fraction(1, 10), Fraction(3, 10), Fraction(3, 5)]
    >>> sum(fractions([1 - 1e-12, 1e-12])), fractions([1 - 1e-12, 1e-12])[1] == Fraction(1e-12)
    (Fraction(1, 1), True)
    """
    meant = [number_meant(p) for p in row]
    left = 1 - sum(meant)
    if left:
        largest = max(range(len(meant)), key=lambda i: (meant[i], i))
        meant[largest] += left
    return meant


@lru_cache(maxsize=2**16)
def number_meant(number: float) -> Fraction:
    """Return the fraction that a float was meant as (see the module's text).

    >>> number_meant(0.1 + 0.2), number_meant(-2.5), number_meant(1e-12) == Fraction(1e-12)
    (Fraction(3, 10), Fraction(-5, 2), True)
    >>> number_meant(1234.56), number_meant(1e9 + 0.1) == 10**9 + Fraction(1, 10)
    (Fraction(30864, 25), True)
    """
    binary = Fraction(number)
    if binary.denominator <= DENOMINATOR:
        return binary
    unit = math.ulp(number)
    most = min(float(DENOMINATOR**2), _CHANCE / unit) ** 0.5
    simple = binary.limit_denominator(max(1, int(most)))
    return simple if simple and abs(simple - binary) <= 4 * Fraction(unit) else binary


def numbers_meant(table: Floats) -> Array:
    """Return the numbers that a table of utilities was meant as, an array of fractions.

    >>> numbers_meant(np.array([0.1, -3.0])).tolist()
    [Fraction(1, 10), Fraction(-3, 1)]
    """
    found = np.empty(table.size, dtype=object)
    found[:] = [number_meant(x) for x in table.ravel().tolist()]
    return found.reshape(table.shape)
