"""Numeric and symbolic twins are called alike: same names, same order, same kinds of arguments."""

from __future__ import annotations

import inspect

import pytest

from cidmesa import solve
from cidmesa.solve import symbolic

TWINS = sorted({name for name in vars(symbolic) if callable(getattr(symbolic, name)) and hasattr(solve, name)})
NUMERIC_ONLY = {"max_table", "budget"}  # how large a dense table, how long a search may be
SYMBOLIC_ONLY = {"where", "max_rules"}  # what is known of the symbols, and how many rules to tell apart


def test_there_are_twins() -> None:
    assert {"joint", "expected_utility", "value_of_information", "impact", "intention"} <= set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_a_symbolic_twin_takes_the_arguments_of_the_numeric_one(name: str) -> None:
    numeric, symbols = (inspect.signature(getattr(room, name)).parameters for room in (solve, symbolic))
    shared = [(p.name, p.kind) for p in numeric.values() if p.name not in NUMERIC_ONLY]
    assert [(p.name, p.kind) for p in symbols.values() if p.name not in SYMBOLIC_ONLY] == shared
