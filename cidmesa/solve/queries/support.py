r"""Which contexts of a decision can come up: by what is possible, not by how probable it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.solve.tables.elimination import Factor, make_plan, run
from cidmesa.solve.tables.model_tables import MAX_TABLE, index_of, require_small

if TYPE_CHECKING:
    from cidmesa.model import CIM


def contexts_that_come_up(model: CIM, decision: str) -> Mask:
    """Mark the contexts of a decision that some policy of allowed actions reaches, whatever rules the model has.

    Parameters
    ----------
    model
        The model; a symbolic entry counts as possible.
    decision
        The decision.

    Returns
    -------
    numpy.ndarray
        Mask of shape ``(cards of parents...)``.

    Notes
    -----
    No probability is multiplied, so none is lost to underflow.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("c", "b")], decisions=["a", "b"])
    >>> model = cid.parameterise(a=cm.Choice([0, 1], allowed=lambda: [0]), b=[0, 1], c=cm.Bernoulli(1e-300))
    >>> contexts_that_come_up(model, "b").tolist()
    [[True, True], [False, False]]
    """
    index = index_of(model.cid)
    nodes = model.cid.nodes
    parents = index.parents[index.cid.id(decision)]
    cards = [1 if index.kinds[v] == "u" else model.card(node) for v, node in enumerate(nodes)]
    above = index.ancestors(parents)
    factors, tables = [], {}
    for v in reversed(index.cid.topological):
        if not above >> v & 1:
            continue
        factors.append(Factor(v, (*index.parents[v], v)))
        shape = [cards[w] for w in (*index.parents[v], v)]
        if index.kinds[v] == "d":
            may = model.allowed(nodes[v])
            possible = np.ones(shape) if may is None else may.astype(np.float64)
        else:
            possible = (model.cpd(nodes[v]) != 0).astype(np.float64)
        tables[v] = (possible, None)
    plan = make_plan(factors, parents, cards)
    require_small(index, plan, cards, MAX_TABLE)
    p, _ = run(plan, tables)
    shape = [cards[v] for v in parents]
    return np.broadcast_to(np.ones(()) if p is None else p, shape) > 0
