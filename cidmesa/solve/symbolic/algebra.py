r"""Exact tables: probabilities and utilities as polynomials or rational functions with rational coefficients.

A model's numbers and sympy expressions are put into one ring :math:`\mathbb{Q}[p, q, \ldots]` (or the field of its
fractions, where something is divided), in which sums and products are exact and always in canonical form. The solver's
own plans then run on these tables unchanged.

Floats are read as they were meant (:mod:`cidmesa.solve.tables.exact_numbers`): ``0.1`` is one tenth and ``1 - 0.8`` one
fifth, and rows of probabilities sum to one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Array
from cidmesa.mechanisms import is_symbolic
from cidmesa.solve.tables.exact_numbers import fractions, number_meant
from cidmesa.solve.tables.model_tables import MAX_TABLE, ModelTables, index_of, require_entries

if TYPE_CHECKING:
    from cidmesa.model import CIM


class Element:
    """An element of the ring or field, as an entry of a numpy array.

    numpy hands single entries out bare; ``reshape`` and ``transpose`` make such a one an array again, as with numpy's
    own numbers.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __add__(self, other: Any) -> Any:
        return Element(self.value + other.value) if isinstance(other, Element) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return Element(self.value - other.value) if isinstance(other, Element) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return Element(self.value * other.value) if isinstance(other, Element) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def reshape(self, shape: tuple[int, ...]) -> Array:
        """Return an array with this one entry."""
        made = np.empty(shape, dtype=object)
        made[...] = self
        return made

    def transpose(self, axes: tuple[int, ...] = ()) -> Array:
        """Return an array with this one entry and no axis."""
        return self.reshape(axes)

    @property
    def expression(self) -> Any:
        """The same as a sympy expression."""
        return self.value.as_expr()


class Algebra:
    """The ring or field that a model's numbers live in, and the model's tables in it.

    Parameters
    ----------
    model
        The model.
    policy
        Rules of decisions without one, with numbers or symbols.
    """

    def __init__(self, model: CIM, policy: Any = None) -> None:
        require_model(model, "an exact answer")
        self.model = model
        rules = {**model.rules, **model.read_policy(policy)}
        cid = model.cid
        index = index_of(cid)
        read = {n: rules.get(n) if cid.kind(n) == "decision" else model.cpd(n) for n in cid.nodes}
        tables = [None if t is None else _as_meant(t, cid.kind(n) != "utility") for n, t in read.items()]
        entries = {entry: entry for table in tables if table is not None for entry in table.flat}
        self._elements = _into_one_ring(entries)
        cards = tuple(1 if cid.kind(n) == "utility" else model.card(n) for n in cid.nodes)
        self.view = ModelTables(index, model, cards, tuple(None if t is None else self._table(t) for t in tables))
        self.zero = self._elements[0]
        self.one = self._elements[1]

    def _table(self, table: Array) -> Array:
        made = np.empty(table.shape, dtype=object)
        flat = made.reshape(-1)
        for i, entry in enumerate(table.flat):
            flat[i] = self._elements[entry]
        return made

    def constant(self, table: Array) -> Array:
        """Put a table of zeros and ones into the ring."""
        return self._table(np.asarray(table).astype(int))

    def freed(self, view: ModelTables, decision: str) -> ModelTables:
        """Return the view in which a decision's rule is one everywhere, so that all its actions are looked at."""
        index = view.index
        d = index.cid.id(decision)
        family = (*index.parents[d], d)
        shape = [view.cards[v] for v in family]
        require_entries(index, math.prod(shape), family, MAX_TABLE)
        return view.with_rules({decision: self.constant(np.ones(shape))})

    def with_levels(self, nodes: Iterable[int]) -> ModelTables:
        """Return the view in which the utilities among `nodes` are variables; values: the distinct entries in order."""
        view = self.view
        cards, tables = list(view.cards), list(view.tables)
        for v in nodes:
            table = view.tables[v]
            if view.index.kinds[v] == "u" and table is not None:
                position = {entry: i for i, entry in enumerate(dict.fromkeys(table.flat))}
                require_entries(view.index, table.size * len(position), (*view.index.parents[v], v), MAX_TABLE)
                which = np.array([position[entry] for entry in table.flat], dtype=np.intp).reshape(table.shape)
                cards[v], tables[v] = len(position), self.constant(np.eye(len(position))[which])
        return ModelTables(view.index, view.model, tuple(cards), tuple(tables))

    @property
    def entries(self) -> Iterable[Any]:
        """All probabilities of chance nodes and rules that have symbols, as expressions."""
        found: dict[Any, None] = {}
        for node, table in zip(self.model.cid.nodes, self.view.tables, strict=True):
            if table is not None and self.model.cid.kind(node) != "utility":
                for entry in table.flat:
                    expression = entry.expression
                    if expression.free_symbols:
                        found.setdefault(expression)
        return found


def _as_meant(table: Array, is_law: bool) -> Array:
    """Return a table of exact numbers and expressions; distributions sum to one exactly."""
    made = np.empty(table.shape, dtype=object)
    if is_law and table.dtype != object:
        rows = [fractions(row) for row in table.reshape(-1, table.shape[-1]).tolist()]
        made.reshape(-1)[:] = [_sympy_number(p) for row in rows for p in row]
    else:
        made.reshape(-1)[:] = [exact(entry) for entry in table.flat]
    return made


def as_array(part: Any, absent: Element | None = None) -> Array:
    """Return a part of a pair as an array; `absent` stands for one that is not there."""
    if part is None:
        if absent is None:
            raise ValueError("nothing stands for an absent part")
        return absent.reshape(())
    return part.reshape(()) if isinstance(part, Element) else np.asarray(part)


def exact(number: Any) -> Any:
    """Return a number or expression with every float replaced by a fraction.

    >>> exact(0.1), exact(1 - 0.8), exact(1 / 3), exact(2)
    (1/10, 1/5, 1/3, 2)
    """
    import sympy

    if is_symbolic(number):
        return number.replace(lambda part: part.is_Float, lambda part: exact(float(part)))
    if isinstance(number, int | np.integer):
        return sympy.Integer(int(number))
    return _sympy_number(number_meant(float(number)))


def _sympy_number(number: Fraction) -> Any:
    import sympy

    return sympy.Rational(number.numerator, number.denominator)


def in_one_ring(table: Array) -> Array:
    """Return an array of exact expressions as elements of one ring, or field where something is divided."""
    elements = _into_one_ring({entry: entry for entry in table.flat})
    made = np.empty(table.shape, dtype=object)
    for where in np.ndindex(table.shape):
        made[where] = elements[table[where]]
    return made


def in_one_field(expressions: Iterable[Any]) -> list[Any]:
    """Return exact expressions as elements of one field of rational functions, which add, multiply and divide.

    >>> from sympy.abc import p
    >>> a, b = in_one_field([1 - p**2, 1 + p])
    >>> (a / b).as_expr()
    1 - p
    """
    import sympy
    from sympy.polys.fields import sfield

    every = [sympy.together(e) for e in expressions]
    symbol = next((s for e in every for s in e.free_symbols), None) or sympy.Dummy()
    return list(sfield([*every, symbol])[1][:-1])


def _into_one_ring(entries: Mapping[Any, Any]) -> dict[Any, Element]:
    """Turn exact expressions into elements of one ring, or field where one is not a polynomial; 0 and 1 too."""
    import sympy
    from sympy.polys.fields import sfield
    from sympy.polys.rings import ring

    every = {**entries, 0: sympy.Integer(0), 1: sympy.Integer(1)}
    symbols = sorted({s for e in every.values() for s in e.free_symbols}, key=str) or [sympy.Dummy()]
    if all(e.is_polynomial(*symbols) and _rational(e, symbols) for e in every.values()):
        made = ring(symbols, sympy.QQ)[0]
        return {entry: Element(made.from_expr(e)) for entry, e in every.items()}
    elements = sfield([sympy.together(e) for e in every.values()])[1]
    return {entry: Element(element) for entry, element in zip(every, elements, strict=True)}


def _rational(expression: Any, symbols: list[Any]) -> bool:
    import sympy

    coefficients = [expression] if not expression.free_symbols else sympy.Poly(expression, *symbols).coeffs()
    return all(c.is_Rational for c in coefficients)
