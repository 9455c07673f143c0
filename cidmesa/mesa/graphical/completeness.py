r"""Where no interface protects, some world parts the objectives: Theorem C and its dual, as verified pairs of models.

An interface holds :math:`Sep_S` fixed (:mod:`cidmesa.mesa.graphical.interfaces`). Is that necessary?

**Theorem C (completeness, one-node interface).** Let :math:`D \leadsto X \leadsto U_b`, let :math:`\{X\}` be an
interface for :math:`(\{X\}, U_b)`, and let :math:`V \leadsto U_b` by a path that avoids :math:`X`. Then there are
mechanisms under which "make :math:`X` high" and :math:`U_b` have the same optimal policies, and a shift of
:math:`\mathsf{M}_V` alone after which they have none in common.

**Dual (an instrumental proxy).** Let :math:`D \leadsto Y \leadsto X` with :math:`Y \in Pa(U_b)` and :math:`\{Y\}` an
interface for :math:`(\{X\}, U_b)`, and let :math:`V \leadsto X` avoid :math:`Y` (or :math:`V = X`). Then the same
holds.

*Construction.* Both are one picture: a bit runs :math:`D \leadsto M \leadsto E`, where :math:`M` is read by one
objective and :math:`E` by the other, and :math:`V \leadsto E` avoids :math:`M`. Copy the bit of the action along the
first path. Give :math:`V` a bit that is 0 in training and 1 afterwards, copy it along the second path, and where that
path joins the first xor it in. Before, both objectives want the bit to be 1; after, :math:`M` still wants 1 and
:math:`E` wants 0. The second path meets the first only below :math:`M`: otherwise :math:`D` would reach :math:`E`
around :math:`M`, and :math:`\{M\}` would be no interface. For the same reason no decision lies on the second path, nor
below :math:`M`; if several lie above it, one that leads there past no other carries the bit, and they do not matter.

The pair is checked by the exact solver before it is returned.

>>> import cidmesa as cm
>>> cid = cm.CID([("act", "sex"), ("sex", "child"), ("pill", "child"), ("child", "pay")],
...              decisions=["act"], utilities=["pay"])
>>> pair = disagreeing_models(cid, "sex", "pill")
>>> pair.before.cpd("pill").tolist(), pair.after.cpd("pill").tolist()
([1.0, 0.0], [0.0, 1.0])
>>> pair.optimal_before, pair.optimal_after
(({(): (1,)}, {(): (1,)}), ({(): (1,)}, {(): (0,)}))
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arguments import options_by_name
from cidmesa.criteria.proofs import directed_path
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import index_of
from cidmesa.mechanisms import Choice, Table
from cidmesa.mesa.graphical.interfaces import exact_mean, is_interface
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.diagram import CID

Optimal: TypeAlias = Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]


@dataclass(frozen=True, slots=True)
class Disagreement:
    r"""A pair of models that differ in one mechanism, and part "make the target high" from the base utility.

    Attributes
    ----------
    before, after
        The models; they differ in the mechanism of `shifted` alone.
    target, shifted
        The proxy's only target :math:`X`, and :math:`V`.
    middle
        The interface :math:`M`: :math:`X` itself, or :math:`Y` in the dual.
    decision
        Whose action the bit is.
    carried, joined
        The path :math:`D \leadsto E` through :math:`M`, and the path :math:`V \leadsto E` until it joins.
    optimal_before, optimal_after
        For each model the pair (proxy, base) of maps from the contexts that are reached to the optimal actions:
        equal before, disjoint after.
    """

    before: CIM
    after: CIM
    target: str
    shifted: str
    middle: str
    decision: str
    carried: tuple[str, ...]
    joined: tuple[str, ...]
    optimal_before: tuple[Optimal, Optimal]
    optimal_after: tuple[Optimal, Optimal]


@options_by_name
def disagreeing_models(cid: CID, target: str, shifted: str, *, middle: str | None = None) -> Disagreement:
    r"""Build two models that differ in `shifted` alone and part the proxy `target` from the base utility.

    Parameters
    ----------
    cid
        The diagram.
    target
        :math:`X`, a chance node; the proxy's objective is its value.
    shifted
        :math:`V`, a chance node or a utility.
    middle
        The one-node interface. ``None`` tries :math:`X` (Theorem C), then each parent of a utility (the dual).

    Returns
    -------
    Disagreement

    Raises
    ------
    NotApplicableError
        The premises of neither theorem hold, with the one that fails. It does not follow that the shift is harmless:
        activations through colliders alone are open.

    Notes
    -----
    With several decisions the construction uses one of them, and gives the others' actions no effect. With several
    utilities the two paths must end in the same one; the others are 0. Linear in the diagram, plus four small solves.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "meal"), ("meal", "pay"), ("meal", "smile"), ("mood", "smile")],
    ...              decisions=["act"], utilities=["pay"])
    >>> disagreeing_models(cid, "smile", "mood").middle
    'meal'
    >>> disagreeing_models(cid, "meal", "mood")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: no path leads from `mood` to the base utility around `meal`, ...
    """
    if cid.kind(target) != "chance":
        raise NotApplicableError(f"the proxy's target is a chance node, and `{target}` is a {cid.kind(target)}.")
    if cid.kind(shifted) == "decision":
        raise NotApplicableError(f"`{shifted}` is a decision; what shifts is a mechanism of the world.")
    if middle is not None:
        cid.id(middle)
    parents = dict.fromkeys(p for u in cid.utilities for p in cid.parents(u) if cid.kind(p) == "chance")
    options = (target, *parents) if middle is None else (middle,)
    reasons = []
    for node in dict.fromkeys(options):
        found = _paths(cid, target, shifted, node)
        if isinstance(found, str):
            reasons.append(found)
            continue
        carried, joined = found
        return _build(cid, target, shifted, node, carried, joined)
    raise NotApplicableError(
        f"{reasons[0]}, so Theorem C does not apply to `{target}` and a shift of `{shifted}`"
        + (f"; nor does its dual: {'; '.join(reasons[1:])}." if len(reasons) > 1 else ".")
    )


def _paths(cid: CID, target: str, shifted: str, middle: str) -> tuple[tuple[str, ...], tuple[str, ...]] | str:
    """Return the carrying path and the joining path, or the premise that fails."""
    if not is_interface(cid, [middle], [target]):
        return f"`{middle}` is no interface for `{target}` and the base utility"
    decisions = set(cid.decisions)
    above = cid.ancestors(middle, strict=False)
    first = next((p for d in cid.decisions if d in above and (p := _path(cid, d, middle, decisions - {d}))), None)
    if first is None:
        return f"no decision leads to `{middle}`"
    ends = cid.utilities if middle == target else (target,)
    if middle != target and not any(cid.has_edge(middle, u) for u in cid.utilities):
        return f"`{middle}` is no parent of the base utility"
    for end in ends:
        second = _path(cid, middle, end)
        around = _path(cid, shifted, end, {middle})
        if second is not None and around is not None:
            carried = (*first, *second[1:])
            joined = next(i for i, node in enumerate(around) if node in carried)
            return carried, around[: joined + 1]
    where = "the base utility" if middle == target else f"`{target}`"
    return f"no path leads from `{shifted}` to {where} around `{middle}`"


def _path(cid: CID, source: str, end: str, avoid: Collection[str] = ()) -> tuple[str, ...] | None:
    """Return a shortest directed path from `source` to `end` that stays clear of `avoid`."""
    index = index_of(cid).edited(isolate=[cid.id(node) for node in avoid]) if avoid else index_of(cid)
    return tuple(cid.nodes[i] for i in directed_path(index, cid.id(source), [cid.id(end)])) or None


def _build(
    cid: CID, target: str, shifted: str, middle: str, carried: tuple[str, ...], joined: tuple[str, ...]
) -> Disagreement:
    """Write the two models, and check them."""
    decision = carried[0]
    reads: dict[str, tuple[str, ...]] = {node: (parent,) for parent, node in pairwise(carried)}  # whose bits
    for parent, node in pairwise(joined):
        reads[node] = (*reads.get(node, ()), parent)
    paid = {u: reads.get(u, ()) for u in cid.utilities}
    if middle != target:  # the base reads the middle, the proxy the end
        payer = next(u for u in cid.utilities if cid.has_edge(middle, u))
        paid = {u: (middle,) if u == payer else () for u in cid.utilities}

    def mechanism(node: str, flipped: bool) -> Any:
        if cid.kind(node) == "decision":
            return Choice([0, 1])
        inputs = paid[node] if cid.kind(node) == "utility" else reads.get(node, ())
        parents = cid.parents(node)
        bit = np.zeros((2,) * len(parents), dtype=int)
        for name in inputs:
            shape = [2 if p == name else 1 for p in parents]
            bit = bit ^ np.arange(2).reshape(shape)
        if flipped:
            bit = 1 - bit
        return Table(bit.astype(float) if cid.kind(node) == "utility" else np.eye(2)[bit])

    before = CIM(cid, {node: mechanism(node, False) for node in cid.nodes})
    after = before.shift({shifted: mechanism(shifted, True)})
    pairs = [_optima(model, decision, target) for model in (before, after)]
    same = pairs[0][0] == pairs[0][1]
    apart = all(
        not set(proxy) & set(base) for proxy, base in zip(pairs[1][0].values(), pairs[1][1].values(), strict=True)
    )
    if not same or not apart:
        raise RuntimeError(f"the construction for {target!r} and {shifted!r} failed its check: {pairs}")
    return Disagreement(before, after, target, shifted, middle, decision, carried, joined, pairs[0], pairs[1])


def _optima(model: CIM, decision: str, target: str) -> tuple[Optimal, Optimal]:
    """Return the optimal actions in each context that is reached, for the proxy and for the base utility.

    The rules of other decisions have no effect in these models, so that any will do.
    """
    cid = model.cid
    family = (*cid.parents(decision), decision)
    proxy = exact_mean(model, family, (target,), np.array(model.domain(target), dtype=np.float64))
    paid = [exact_mean(model, family, (u,), np.unique(model.cpd(u))) for u in cid.utilities]
    base = [sum(row, Fraction(0)) if None not in row else None for row in zip(*paid, strict=True)]
    return _argmax(model, decision, proxy or []), _argmax(model, decision, base)


def _argmax(model: CIM, decision: str, values: Sequence[Fraction | None]) -> Optimal:
    actions = model.domain(decision)
    found = {}
    for i, context in enumerate(model.contexts(decision)):
        row = [q for q in values[i * len(actions) : (i + 1) * len(actions)] if q is not None]
        if len(row) == len(actions):
            found[context] = tuple(a for a, q in zip(actions, row, strict=True) if q == max(row))
    return found
