"""What is typed by mistake, and whether the library says so."""

from __future__ import annotations

import decimal
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from sympy.abc import p

from cidmesa.errors import CidmesaError

NAN, INF = float("nan"), float("inf")

SLIPS: list[Any] = [
    NAN, INF, -INF, -0.1, 1.1, 0, True, "x", "0.5", None, 1j, decimal.Decimal("0.5"), np.float64(NAN), [0, 1], {},
    np.array([1, 2]), sympy.nan, sympy.oo, sympy.I, sympy.Rational(3, 2), p, object(), {"left"}, (), lambda: 0,
]  # fmt: skip


def told(entry: Callable[[Any], Any]) -> int:
    """How many slips are answered by an error that says what to type; any other error or warning is raised."""
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for slip in SLIPS:
            try:
                entry(slip)
            except CidmesaError as error:
                if len(str(error)) <= 20:
                    raise
                count += 1
    return count
