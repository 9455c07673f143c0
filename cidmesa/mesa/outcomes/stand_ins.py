r"""Forbidden actions in an outcome table: second names of an allowed one.

A table has a column for every action of the domain, and in some contexts some of them are forbidden. There the column
repeats the first action that is allowed. A copy is best where the original is, costs what it costs and is preferred to
nothing that the original is not preferred to, so no maximum, regret, cone or comparison knows of it; it is left out
where actions are named.

>>> import cidmesa as cm
>>> cid = cm.CID([("x", "go")], decisions=["go"])
>>> go = cm.Choice(["a", "b", "c"], allowed=lambda x: ["b", "c"] if x else ["a", "c"])
>>> stand_ins(cid.parameterise(x=cm.Bernoulli(0.5), go=go), "go").tolist()
[[0, 0, 2], [1, 1, 2]]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Ints

if TYPE_CHECKING:
    from cidmesa.model import CIM


def stand_ins(model: CIM, decision: str) -> Ints | None:
    """Return per context and action itself, or the first allowed action; ``None`` where everything is allowed."""
    may = model.allowed(decision)
    if may is None:
        return None
    rows = may.reshape(-1, may.shape[-1])
    return np.asarray(np.where(rows, np.arange(rows.shape[1]), rows.argmax(axis=1)[:, None]), dtype=np.intp)


def with_stand_ins(table: Array, chosen: Ints | None) -> Array:
    """Return a table, axes (contexts, actions, ...), in which forbidden actions repeat an allowed one."""
    if chosen is None:
        return table
    return np.asarray(table[np.arange(len(table))[:, None], chosen])
