"""Numbers put in for symbols, in tables and in structural functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import MechanismError
from cidmesa.mechanisms.numbers import is_symbolic
from cidmesa.mechanisms.place import Compiled, Mechanism
from cidmesa.mechanisms.tables import Structural, Table


def substituted(compiled: Compiled, values: Mapping[Any, Any], *, utility: bool) -> Mechanism:
    """Put `values` into a symbolic table, keeping a structural node structural."""
    if utility or compiled.response is None:
        return Table(put(compiled.table, values), domain=None if utility else compiled.domain)
    return Structural(put(compiled.response.noise, values), compiled.response.outcome, compiled.domain)


def as_sympy_takes(value: Any) -> Any:
    """Return a number or an expression as sympy takes it: Python's own, and no bool."""
    own = value.item() if isinstance(value, np.generic) else value
    return int(own) if isinstance(own, bool) else own


def put(array: Array, values: Mapping[Any, Any]) -> Array:
    """Put `values` in for the symbols of an array; floats where none is left."""
    flat = [entry.subs(values) if is_symbolic(entry) else entry for entry in array.flat]
    if any(is_symbolic(entry) and not entry.is_number for entry in flat):
        return np.array(flat, dtype=object).reshape(array.shape)
    try:
        return np.array([float(entry) for entry in flat], dtype=np.float64).reshape(array.shape)
    except TypeError:
        raise MechanismError(f"with {dict(values)!r} put in, some number of the model is not real.") from None
