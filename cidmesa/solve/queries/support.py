r"""Which contexts of decisions can come up: by what is possible, not by how probable it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.solve.tables.elimination import Factor, Pair, make_plan, mask_of, run
from cidmesa.solve.tables.model_tables import MAX_TABLE, connected, index_of, require_small

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
    return _come_up(model, model.cid.only_decision(decision), {})


def contexts_by_decision(model: CIM) -> dict[str, Mask]:
    """Mark the contexts that come up of every decision, in topological order.

    The same as :func:`contexts_that_come_up` of each, in one pass: where all that a decision sees hangs on what an
    earlier one saw by that alone, what came before is not looked at again.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("c", "b")], decisions=["a", "b"])
    >>> model = cid.parameterise(a=cm.Choice([0, 1], allowed=lambda: [0]), b=[0, 1], c=cm.Bernoulli(0.5))
    >>> {decision: mask.tolist() for decision, mask in contexts_by_decision(model).items()}
    {'a': True, 'b': [[True, True], [False, False]]}
    """
    found: dict[str, Mask] = {}
    for v in model.cid.topological:
        node = model.cid.nodes[v]
        if model.cid.kind(node) == "decision":
            found[node] = _come_up(model, node, found)
    return found


def _come_up(model: CIM, decision: str, known: Mapping[str, Mask]) -> Mask:
    """Mark the contexts of a decision, given those of earlier ones."""
    index = index_of(model.cid)
    nodes = model.cid.nodes
    parents = index.parents[index.cid.id(decision)]
    cards = [1 if index.kinds[v] == "u" else model.card(node) for v, node in enumerate(nodes)]
    above = index.ancestors(parents)
    factors = {v: Factor(v, (*index.parents[v], v)) for v in reversed(index.cid.topological) if above >> v & 1}
    tables: dict[int, Pair] = {}
    for earlier in list(known)[::-1]:
        seen = index.parents[index.cid.id(earlier)]
        before = index.ancestors(seen)
        if seen and _is_cut(factors, parents, seen, before):
            key = len(nodes)
            factors = {v: factor for v, factor in factors.items() if not before >> v & 1}
            factors[key] = Factor(key, seen)
            tables[key] = (known[earlier].astype(np.float64), None)
            break
    for v, factor in factors.items():
        if v in tables:
            continue
        shape = [cards[w] for w in factor.p or ()]
        if index.kinds[v] == "d":
            may = model.allowed(nodes[v])
            possible = np.ones(shape) if may is None else may.astype(np.float64)
        else:
            possible = (model.cpd(nodes[v]) != 0).astype(np.float64)
        tables[v] = (possible, None)
    plan = make_plan(list(factors.values()), parents, cards)
    require_small(index, plan, cards, MAX_TABLE)
    p, _ = run(plan, tables)
    shape = [cards[v] for v in parents]
    return np.broadcast_to(np.ones(()) if p is None else p, shape) > 0


def _is_cut(factors: Mapping[int, Factor], wanted: Sequence[int], seen: Sequence[int], before: int) -> bool:
    """Say whether all that is possible of `wanted` hangs on what made `seen` possible through `seen` alone."""
    blocked = mask_of(seen)
    scopes = {v: factor.mask for v, factor in factors.items()}
    if before & ~mask_of(scopes):
        return False
    # The wanted variables that are not seen are what the rest of the product is over.
    start = [v for v in scopes if not before >> v & 1]
    return not any(before >> v & 1 for v in connected(scopes, start, blocked)) and not (
        mask_of(wanted) & before & ~blocked
    )
