r"""Answers on the borders of regions and at the edges of the parameter space.

An answer that is computed for the inside of a region can be another where some polynomial is zero: two actions are
equally good there, a context cannot occur, evidence has no probability. Those polynomials are noted while the answer is
computed (*critical* ones). Here each is set to zero, one symbol solved for and put into all tables, and the question is
asked again with a symbol less, down to single points. So what is said holds everywhere, ``p = 0`` and ``p = 1``
included. A border that cannot be solved for a symbol (``p**2 + q**2 = 1/2``) is left open: ``nan``.

>>> from sympy.abc import p
>>> from cidmesa.solve.symbolic.regions import Space
>>> space = Space((p, 1 - p))
>>> [(str(border.condition), border.value) for border in borders_of(p * (2 * p - 1) * (p - 3), space)]
[('Eq(p, 0)', 0), ('Eq(p, 1/2)', 1/2)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from cidmesa.solve.symbolic.expressions import each
from cidmesa.solve.symbolic.regions import Region, Space, factors_of, real_roots

T = TypeVar("T")

MAX_BORDERS = 512
"""Up to so many borders, and borders of borders, are looked at; further ones are left open."""

_RADICALS = 2
"""Roots of polynomials of up to this degree are put in; those of higher ones are left open."""


class UndecidedError(Exception):
    """Raised where nothing can be said on a border."""


@dataclass(frozen=True, slots=True)
class Border:
    """Where a polynomial is zero, solved for one symbol.

    Attributes
    ----------
    condition
        What holds on it.
    symbol, value
        What is put in for which symbol; ``None`` where nothing can be.
    space
        What the other symbols can be on it; ``None`` where nothing is put in.
    """

    condition: Any
    symbol: Any
    value: Any
    space: Space | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said inside the regions of a space.

    Attributes
    ----------
    pieces
        Regions, each with a value; the regions are closed.
    critical
        Expressions for which the answer may be another where they are zero.
    whole
        Whether the regions cover the space.
    """

    pieces: Sequence[tuple[Region, Any]]
    critical: Iterable[Any]
    whole: bool = True


def everywhere(
    space: Space,
    tables: T,
    ask: Callable[[T, Space], Answer],
    put: Callable[[T, Any, Any], T],
    *,
    falls_only: bool = False,
) -> Any:
    """Return an answer that holds in the whole space, borders and edges included, as one expression.

    Parameters
    ----------
    space
        What the symbols can be.
    tables
        What the answer is computed from.
    ask
        Returns the answer for the inside of a space.
    put
        Returns the tables with an expression put in for a symbol.
    falls_only
        Values are never negative, and on a border never above those beside it: where they are zero they stay so.
    """
    import sympy

    first = ask(tables, space)
    found = _Search(ask, put, falls_only).pieces(space, tables, first)
    if first.whole and len({value for _, value in found}) == 1:
        return found[0][1]
    return sympy.Piecewise(*((value, when) for when, value in found), evaluate=False) if found else sympy.nan


class _Search:
    """Go through borders, and borders of borders, counting them."""

    def __init__(self, ask: Callable[[T, Space], Answer], put: Callable[[T, Any, Any], T], falls_only: bool) -> None:
        self.ask: Callable[[Any, Space], Answer] = ask
        self.put: Callable[[Any, Any, Any], Any] = put
        self.falls_only = falls_only
        self.left = MAX_BORDERS

    def pieces(self, space: Space, tables: Any, answer: Answer | None) -> list[tuple[Any, Any]]:
        """Return conditions with values, of which the first that holds counts; `answer` is that of the inside."""
        import sympy

        inside = _by_value(answer.pieces) if answer is not None else []
        if self.falls_only and answer is not None and answer.whole and {value for _, value in inside} <= {0}:
            return inside
        # With no inside every point is on the border of some condition.
        critical = space.conditions if answer is None else answer.critical
        found: list[tuple[Any, Any]] = []
        unknown: list[tuple[Any, Any]] = []
        zero = [piece for piece in inside if self.falls_only and piece[1] == 0]
        for factor in factors_of(critical):
            for border in borders_of(factor, space):
                if any(_on_whole(condition, border) for condition, _ in zero):
                    continue
                on_it = self._on(border, tables)
                if on_it is None:
                    unknown.append((border.condition, sympy.nan))
                elif answer is None or not _as_inside(on_it, inside, border):
                    found += [(sympy.And(border.condition, condition), value) for condition, value in on_it]
        if answer is not None and not answer.whole:
            inside.append((sympy.true, sympy.nan))
        return [*zero, *_joined(found), *unknown, *(piece for piece in inside if piece not in zero)]

    def _on(self, border: Border, tables: Any) -> list[tuple[Any, Any]] | None:
        """Return what is said on a border, ``None`` where nothing is."""
        if border.space is None or not self.left:
            return None
        self.left -= 1
        try:
            put_in = self.put(tables, border.symbol, border.value)
            answer = self.ask(put_in, border.space) if border.space.region() is not None else None
        except UndecidedError:
            return None
        return self.pieces(border.space, put_in, answer)


def borders_of(polynomial: Any, space: Space) -> Iterator[Border]:
    """Yield where an irreducible polynomial (or product of some) is zero in the closed space."""
    import sympy

    for factor in factors_of([polynomial]):
        symbols = sorted(factor.free_symbols, key=str)
        if len(symbols) == 1:
            [symbol] = symbols
            roots = real_roots(factor, symbol)
            if roots is None:
                yield Border(sympy.Eq(factor, 0), None, None, None)
            for root in roots or ():
                there = space.put(symbol, root)
                if there is not None:
                    simple = root.is_rational or sympy.degree(factor, symbol) <= _RADICALS
                    yield Border(sympy.Eq(symbol, root), symbol, root, there if simple else None)
            continue
        linear = [s for s in symbols if sympy.degree(factor, s) == 1]
        if not linear:
            yield Border(sympy.Eq(factor, 0), None, None, None)
            continue
        symbol = min(linear, key=lambda s: len(sympy.diff(factor, s).free_symbols))
        slope = sympy.diff(factor, symbol)
        rest = sympy.expand(factor - slope * symbol)
        if len(slope.free_symbols | rest.free_symbols) > 1 and slope.free_symbols and rest.free_symbols:
            # With one symbol in both they have no common root, as the polynomial is irreducible.
            yield Border(sympy.And(sympy.Eq(slope, 0), sympy.Eq(rest, 0)), None, None, None)
        there = space.put(symbol, sympy.cancel(-rest / slope))
        if there is not None and slope.free_symbols:  # where it is zero too, nothing was solved
            there = replace(there, conditions=(*there.conditions, slope**2), strict=there.strict | {slope**2})
        if there is not None:
            yield Border(sympy.Eq(factor, 0), symbol, sympy.cancel(-rest / slope), there)


def put_into(table: Any, symbol: Any, value: Any) -> Any:
    """Return an array of expressions with one put in for a symbol; anything else as it is.

    Raises :class:`UndecidedError` where that is a division by zero.

    >>> import numpy as np
    >>> from sympy.abc import p, q
    >>> put_into(np.array([p * q, 1 - p], dtype=object), p, 1 - q)[1]
    q
    """
    import sympy

    if isinstance(table, Mapping):
        return {name: put_into(part, symbol, value) for name, part in table.items()}
    if not isinstance(table, np.ndarray) or table.dtype != object:
        return table
    simplify = sympy.cancel if value.free_symbols else sympy.expand

    def there(entry: Any) -> Any:
        if not hasattr(entry, "has") or not entry.has(symbol):
            return entry
        found = simplify(entry.subs(symbol, value))
        if found.has(sympy.zoo, sympy.nan):
            raise UndecidedError
        return found

    return each(table, there)


def _on_whole(condition: Any, border: Border) -> bool:
    """Whether a condition holds on the whole of a border."""
    import sympy

    return border.symbol is not None and condition.subs(border.symbol, border.value) == sympy.true


def _as_inside(on_it: list[tuple[Any, Any]], inside: list[tuple[Any, Any]], border: Border) -> bool:
    """Whether what is said on a border is what the expressions beside it say there."""
    import sympy

    beside = []
    for condition, value in inside:
        there = condition.subs(border.symbol, border.value)
        if there is not sympy.false:
            beside.append(value.subs(border.symbol, border.value))
    return all(_equal(value, other) for _, value in on_it for other in beside)


def _equal(one: Any, other: Any) -> bool:
    import sympy

    if one == other:
        return True
    if one is sympy.nan or other is sympy.nan:
        return False
    if one.has(sympy.Max, sympy.Min, sympy.Abs, sympy.Piecewise) or other.has(
        sympy.Max, sympy.Min, sympy.Abs, sympy.Piecewise
    ):
        return not one.free_symbols and not other.free_symbols and bool(sympy.Eq(one, other) == sympy.true)
    return bool(sympy.cancel(one - other) == 0)


def _by_value(pieces: Sequence[tuple[Region, Any]]) -> list[tuple[Any, Any]]:
    """Return one condition per value; the only value needs none."""
    import sympy

    by_value: dict[Any, list[Any]] = {}
    for region, value in pieces:
        by_value.setdefault(value, []).append(region)
    return [(sympy.Or(*(r.condition() for r in regions)), value) for value, regions in by_value.items()]


def _joined(pieces: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Join neighbours with the same value."""
    import sympy

    joined: list[tuple[Any, Any]] = []
    for condition, value in pieces:
        if joined and joined[-1][1] == value:
            joined[-1] = (sympy.Or(joined[-1][0], condition), value)
        else:
            joined.append((condition, value))
    return joined
