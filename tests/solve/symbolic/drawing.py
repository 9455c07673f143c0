"""Random models with symbols in them, and numbers to put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.solve.symbolic.algebra import exact
from tests.strategies import models

Numbers = dict[Any, float]


@st.composite
def with_symbols(
    draw: Any, cid: cm.CID | None = None, *, structural: bool = False, most: int = 3, **shape: Any
) -> tuple[cm.CIM, Numbers]:
    """A model in which some probabilities and utilities are symbols or expressions, and numbers for all symbols.

    With `structural` the probabilities are those of the noise.
    """
    model = draw(models(cid, structural=structural, **{"max_card": 2, **shape}))
    cid = model.cid
    numbers: Numbers = {}

    def symbol() -> Any:
        new = sympy.Symbol(f"s{len(numbers)}")
        numbers[new] = draw(st.integers(1, 99)) / 100
        return new

    def law() -> list[Any]:
        s = symbol()
        row: list[Any] = draw(st.sampled_from([[1 - s, s], [s / 2, 1 - s / 2], [s**2, 1 - s**2]]))
        return row

    def payment() -> Any:
        return draw(st.sampled_from([symbol(), -2 * symbol() + 1, symbol() * 3]))

    mechanisms: dict[str, Any] = {}
    for node in [*cid.chance, *cid.utilities]:
        if cid.kind(node) == "utility":
            table = model.cpd(node).astype(object)
            for row in np.ndindex(table.shape):
                if len(numbers) < most and draw(st.booleans()):
                    table[row] = payment()
            mechanisms[node] = cm.Table(table)
        elif structural:
            response = model.response(node)
            if len(response.noise) == 2 and len(numbers) < most and draw(st.booleans()):
                mechanisms[node] = cm.Structural(law(), response.outcome, model.domain(node))
        else:
            table = model.cpd(node).astype(object)
            for row in np.ndindex(table.shape[:-1]):
                if table.shape[-1] == 2 and len(numbers) < most and draw(st.booleans()):
                    table[row] = law()
            mechanisms[node] = cm.Table(table)
    return model.shift(mechanisms), numbers


def numbered(model: cm.CIM, numbers: Numbers) -> cm.CIM:
    """The model with the numbers put in."""
    return model.subs({s: x for s, x in numbers.items() if s in model.symbols})


def value_at(expression: Any, numbers: Numbers) -> float:
    """An expression with the numbers put in, exactly; NaN where it says nothing."""
    return float(at(expression, numbers))


def at(expression: Any, numbers: Numbers) -> Any:
    """An expression or condition with the numbers put in, exactly."""
    return sympy.sympify(expression).subs({s: exact(x) for s, x in numbers.items()})
