"""The array types that signatures name: floats, integers, masks, and arrays of anything."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
"""Numbers in double precision."""

Ints: TypeAlias = NDArray[np.intp]
"""Positions: of nodes, contexts, actions, values."""

Mask: TypeAlias = NDArray[np.bool_]
"""Yes or no, entry by entry."""

Array: TypeAlias = NDArray[Any]
"""Floats, integers of any size, or sympy expressions."""

FEW = 32
"""Entries up to which a table is looked at faster as a list (measured; a call of numpy costs about a microsecond)."""
