"""What counts as a number, a domain or a row of probabilities; nothing is ever renormalised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from cidmesa.arrays import FEW, Array
from cidmesa.errors import MechanismError
from cidmesa.mechanisms.place import ROW_SUM_TOLERANCE, Compiled, Domain, Place, Response, Value

_ROUNDED = 0.05
"""How far from one the sum of a row may be that was rounded when it was written down."""

_LONG = 200
"""Bits of an integer that messages write out, at most."""

LARGEST_UTILITY = 1e300
"""The largest absolute utility: sums of them stay in floating point."""


def is_number(value: Any) -> bool:
    """Say whether `value` is a real number (bools and numpy's included; symbolic expressions are not)."""
    return isinstance(value, Real | np.bool_) and not is_symbolic(value)


def as_float(number: Any) -> float:
    """Return a real number as a float: infinite where it is too large for one, not an error.

    >>> as_float(True), as_float(-(10**400))
    (1.0, -inf)
    """
    try:
        return float(number)
    except OverflowError:
        return -np.inf if number < 0 else np.inf


def shown(value: Any) -> str:
    """Write a value for a message; an integer of many digits by its size.

    >>> shown(-0.5), shown(10**400)
    ('-0.5', 'an integer of about 400 digits')
    """
    if isinstance(value, int) and value.bit_length() > _LONG:
        return f"{'minus ' if value < 0 else ''}an integer of about {int(value.bit_length() * 0.30103)} digits"
    return repr(value)


def is_symbolic(value: Any) -> bool:
    """Say whether `value` is a sympy expression; sympy itself is not imported."""
    return hasattr(value, "free_symbols")


def read_domain(values: Iterable[Any], what: str) -> Domain:
    """Read a list of values as a domain: hashable, distinct, at least one; `what` is who asked."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise MechanismError(f"{what} takes a list of values; got {values!r}.")
    domain = tuple(plain(value) for value in values)
    if not domain:
        raise MechanismError(f"{what} needs at least one value; got an empty list.")
    try:
        distinct = len(set(domain)) == len(domain)
    except TypeError:
        raise MechanismError(f"{what} takes hashable values; got {domain!r}.") from None
    if not distinct:
        raise MechanismError(f"{what} lists a value twice (to Python 1, 1.0 and True are one): {domain!r}.")
    strange = [value for value in domain if not _found(value)]
    if strange:
        raise MechanismError(f"{what} takes values that equal themselves, and nothing equals {strange[0]!r}.")
    return domain


def position_of(value: Any, domain: Domain) -> int | None:
    """Return the position of `value` in `domain`, ``None`` if it is not there; an array is never a value.

    >>> position_of("b", ("a", "b")), position_of([1, 2], (1, 2))
    (1, None)
    """
    try:
        return domain.index(value)
    except ValueError:
        return None


def _found(value: Any) -> bool:
    """Say whether a value equals itself, which not-a-number does not."""
    twin = value
    return bool(value == twin)


def plain(value: Any) -> Any:
    """Turn numpy's scalars into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def row_of(place: Place, weights: Mapping[Any, Any], domain: Domain, context: tuple[Value, ...] | None) -> Array:
    """Return `{value: probability}` as one row over `domain`, checked; `context` is for the message."""
    symbolic = any(is_symbolic(weight) for weight in weights.values())
    row = np.zeros(len(domain), dtype=object if symbolic else np.float64)
    for value, weight in weights.items():
        if not is_number(weight) and not is_symbolic(weight):
            raise place.error(f"the probability of {value!r} is a number; got {weight!r}.")
        i = place.position(plain(value), domain, context)
        row[i] += weight if symbolic else as_float(weight)
    check_rows(place, row[None], context)
    return row


def check_rows(place: Place, table: Array, context: tuple[Value, ...] | None = None) -> None:
    """Refuse negative, non-finite or unnormalised rows; nothing is ever renormalised."""
    if table.dtype.hasobject:
        _check_symbolic_rows(place, table, context)
        return
    if 0 < table.size <= FEW and _sum_to_one(table.reshape(-1, table.shape[-1]).tolist()):
        return
    good = np.isfinite(table) & (table >= 0)
    if not good.all():
        where = np.argwhere(~good)[0]
        at = context if context is not None else context_at(place, where[:-1])
        raise place.error(f"{float(table[tuple(where)])!r} at {place.describe(at)} is not a probability.")
    off = ~(np.abs(table.sum(axis=-1) - 1) <= ROW_SUM_TOLERANCE)
    if not off.any():
        return
    where = np.argwhere(off)[0]
    at = context if context is not None else context_at(place, where)
    raise place.error(
        f"its probabilities at {place.describe(at)} sum to {float(table[tuple(where)].sum())!r}, not to 1 "
        f"(within {ROW_SUM_TOLERANCE:g}): {table[tuple(where)].tolist()!r}.{_how_far_off(table)}"
    )


def _how_far_off(table: Array) -> str:
    """Say what might be meant: columns that sum to one, or rows that were rounded, and how far each of those is off."""
    if table.ndim == 2 and np.all(np.abs(table.sum(axis=0) - 1) <= ROW_SUM_TOLERANCE):
        columns = "its columns sum to 1, as in pgmpy's layout, and here the rows do: transpose it"
        return f" But {columns}."
    sums = table.sum(axis=-1).reshape(-1)
    if table.ndim < 1 or not (np.abs(sums - 1) <= _ROUNDED).all():
        return ""
    far = [f"{abs(total - 1):.3g}" for total in sums.tolist()]
    shown = ", ".join(far[:6]) + (f", … at most {max(abs(sums - 1)):.3g}" if len(far) > 6 else "")
    rows = "The row is off by" if len(far) == 1 else "The rows are off by"
    return f" {rows} {shown}: if they were rounded, Table(.., normalise=True) divides each by its sum."


def _sum_to_one(rows: list[list[float]]) -> bool:
    """Say whether all rows are probabilities that sum to one; no comparison with NaN is true."""
    for row in rows:  # noqa: SIM110  # a generator takes half as long again, and this runs for every table
        if not (min(row) >= 0 and abs(sum(row) - 1) <= ROW_SUM_TOLERANCE):
            return False
    return True


def check_noise(place: Place, weights: Array) -> None:
    """Refuse weights of a node's exogenous noise that are no probabilities, as :func:`check_rows` does."""
    check_rows(Place(place.node, "chance", (), ()), weights[None], ())


def _check_symbolic_rows(place: Place, table: Array, context: tuple[Value, ...] | None) -> None:
    import sympy

    for where in np.ndindex(table.shape[:-1]):
        row = list(table[where])
        at = place.describe(context if context is not None else context_at(place, where))
        for entry in row:
            number = _constant(entry)
            if number is not None and not 0 <= number <= 1:
                raise place.error(f"{shown(entry)} at {at} is not a probability.")
        excess = sympy.expand(sum(row) - 1)
        if not (sympy.simplify(excess) == 0 or (excess.is_number and abs(excess) <= ROW_SUM_TOLERANCE)):
            raise place.error(f"its probabilities at {at} sum to {sympy.simplify(excess + 1)}, not to 1: {row!r}.")


def _constant(entry: Any) -> float | None:
    """Return a number as a float, NaN if it is not a finite real one; ``None`` for an expression with symbols."""
    if is_number(entry):
        return as_float(entry)
    from sympy import I, nan, oo, zoo

    if entry.has(nan, oo, -oo, zoo, I):
        return np.nan
    return None if entry.free_symbols else float(entry)


def checked_utilities(place: Place, table: Array) -> Array:
    """Return `table` after checking that every number in it is finite, and sums of them will be."""
    if table.dtype.hasobject:
        constants = np.array([_constant(entry) for entry in table.flat], dtype=object).reshape(table.shape)
        bad = np.array([x is not None and not abs(x) <= LARGEST_UTILITY for x in constants.flat]).reshape(table.shape)
    elif table.size <= FEW and all(abs(x) <= LARGEST_UTILITY for x in table.ravel().tolist()):
        return table  # no comparison with NaN is true
    else:
        bad = ~(np.abs(table) <= LARGEST_UTILITY)
    if bad.any():
        where = tuple(np.argwhere(bad)[0])
        entry = table[where] if table.dtype == object else float(table[where])
        what = f"{shown(entry)} at {place.describe(context_at(place, where))}"
        if not (is_number(entry) and math.isfinite(as_float(entry))):
            what += " is not a finite real number" if not isinstance(entry, int) else " is too large for a float"
        else:
            what += f" is too large: sums of utilities beyond {LARGEST_UTILITY:g} would leave floating point"
        if is_number(entry):
            what += (
                ". For what must not happen a finite penalty does, such as -1e12: however large, it hides no "
                "difference elsewhere"
                if entry < 0
                else ": divide all utilities by one number"
            )
        raise place.error(what + ".")
    return table


def without_expressions(table: Array) -> Array:
    """Return a table as floats if it has sympy's numbers but no symbol, else the table itself."""
    if not table.dtype.hasobject or any(getattr(entry, "free_symbols", None) for entry in table.flat):
        return table
    return table.astype(np.float64)


def context_at(place: Place, where: Iterable[int]) -> tuple[Value, ...]:
    """Return the parent values at a position of the table's axes."""
    return tuple(domain[i] for domain, i in zip(place.parent_domains, where, strict=False))


def frozen(compiled: Compiled) -> Compiled:
    """Make the arrays read-only, after turning sympy's numbers into floats where no symbol is left."""
    if compiled.response is None and not compiled.table.flags.writeable and not compiled.table.dtype.hasobject:
        return compiled
    table, response = without_expressions(compiled.table), compiled.response
    if table is not compiled.table:
        noise = without_expressions(response.noise) if response is not None else None
        response = None if response is None or noise is None else Response(noise, response.outcome)
        compiled = Compiled(compiled.domain, table, response)
    compiled.table.setflags(write=False)
    if compiled.response is not None:
        compiled.response.noise.setflags(write=False)
        compiled.response.outcome.setflags(write=False)
    return compiled
