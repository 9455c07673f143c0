"""How far utilities can go apart: the unit in which regrets of different models are compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cidmesa.model import CIM


def utility_range(model: CIM) -> tuple[float, float]:
    """Return the least and the greatest sum of utilities that their tables allow, each taken by itself.

    Parameters
    ----------
    model
        Numeric. Contexts of probability zero count.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "a"), ("act", "b")], decisions=["act"], utilities=["a", "b"])
    >>> utility_range(cid.parameterise(act=[0, 1], a=lambda act: act, b=lambda act: -2 * act))
    (-2.0, 1.0)
    """
    model.require_numeric("the range of the utilities")
    tables = [np.asarray(model.cpd(node), dtype=np.float64) for node in model.cid.utilities]
    return math.fsum(float(t.min()) for t in tables), math.fsum(float(t.max()) for t in tables)
