r"""OutcomeTables in integers, for the margins that floating point cannot settle.

Probabilities are read as the fractions they were meant as: 0.1 is 1/10 and 0.3333333333333333 is 1/3, where a fraction
with a denominator up to a million is that close; any other float is taken at its exact binary value, and the last
entry of its row is what is left to one. Each table is then multiplied by its common denominator, so that all sums and
products are sums and products of Python's integers, and no rounding happens at all.

>>> import cidmesa as cm
>>> model = cm.CID([("x", "y")]).parameterise(x=cm.Bernoulli(0.1), y=cm.Noisy(lambda x: x, 1 / 3))
>>> exact_joint(model, ["x", "y"]).tolist()
[[18, 9], [1, 2]]
"""

from __future__ import annotations

import math
from fractions import Fraction
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
"""Probabilities within rounding of a fraction with a denominator up to this are read as that fraction."""


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
        if not above >> v & 1 or kinds[v] == "d":
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
    """
    floats = list(row)
    meant = [Fraction(p).limit_denominator(DENOMINATOR) for p in floats]
    close = all(abs(float(m) - p) <= 4 * math.ulp(p) for m, p in zip(meant, floats, strict=True))
    if close and sum(meant) == 1:
        return meant
    exact = [Fraction(p) for p in floats]
    last = max(i for i, p in enumerate(floats) if p > 0)
    exact[last] = 1 - sum((p for i, p in enumerate(exact) if i != last), Fraction(0))
    return exact
