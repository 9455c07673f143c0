r"""Variable elimination, planned once per structure and run on tables.

An expected utility is a sum of products,

.. math:: \sum_x \prod_{V} P(v \mid pa_V) \; \sum_{U} u(pa_U),

and *variable elimination* moves each sum inwards, past the factors that do not mention its variable. Two ideas keep
it simple here.

**Pairs.** A factor is a pair :math:`(p, w)`: a weight, and a weight times utility; think of :math:`p + w\,\epsilon`
with :math:`\epsilon^2 = 0`. A chance table is :math:`(p, 0)`, a utility is :math:`(1, u)`; pairs multiply as
:math:`(p_1 p_2,\; p_1 w_2 + w_1 p_2)`, and a sum acts on both parts. So one pass takes all utilities along and
nothing is ever divided [1]_, [2]_. An absent part (``p`` one, ``w`` zero) is not stored.

**Order of axes.** Every table has its axes in the order in which the variables go: the variable to be summed out next
is always the first axis, so bringing two tables together is a reshape, and summing runs along contiguous memory.

The *plan* (which variables go when, which tables meet, how they are aligned) depends on scopes and cards alone. It is
made on integer bit masks by the greedy min-weight rule, knows the size of its largest table before anything is
computed, and can be run again on other numbers.

References
----------
.. [1] R. Dechter, "A new perspective on algorithms for optimizing policies under uncertainty", AIPS 2000.
.. [2] F. Jensen, F. V. Jensen and S. L. Dittmer, "From influence diagrams to junction trees", UAI 1994.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = tuple[Array | None, Array | None]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Factor:
    """What a plan needs to know of one table or pair of tables.

    Attributes
    ----------
    key
        Where the tables will be found when the plan is run.
    p, w
        The variables of the axes of either part, ``None`` where it is absent.
    heads
        Bit mask of the variables whose distribution `p` is: summed over all of them it is one. ``None`` if it is not
        a conditional distribution (evidence has been put in).
    """

    key: int
    p: tuple[int, ...] | None
    w: tuple[int, ...] | None = None
    heads: int | None = None

    @property
    def mask(self) -> int:
        """Bit mask of all its variables."""
        return mask_of(self.p or ()) | mask_of(self.w or ())


Aligned: TypeAlias = tuple[int, Shape]
"""A slot, and the shape that aligns its table with the others of a step."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Multiply some factors, sum out the first axis, store the result."""

    weights: tuple[Aligned, ...]
    utilities: tuple[Aligned, ...]
    pairs: tuple[tuple[int, Shape, Shape], ...]
    out: int
    keeps_p: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How to multiply factors and sum out all variables but those kept.

    Attributes
    ----------
    inputs
        Per factor its key and, for either part, the axes' new order and the shape without one-state axes.
    steps
        One per variable summed out, then a last one that brings the rest together.
    slots
        How many tables are held at most.
    largest
        Entries of the largest table that is ever made.
    widest
        The variables of that table.
    p, w
        Which of the kept variables either part of the result depends on; ``None`` where it is absent.
    """

    inputs: tuple[tuple[int, tuple[Shape, Shape] | None, tuple[Shape, Shape] | None], ...]
    steps: tuple[_Step, ...]
    last: _Step
    slots: int
    largest: int
    widest: tuple[int, ...]
    p: tuple[int, ...] | None
    w: tuple[int, ...] | None


def mask_of(variables: Iterable[int]) -> int:
    """Return the bit mask of some variables."""
    mask = 0
    for v in variables:
        mask |= 1 << v
    return mask


def bits(mask: int) -> Iterator[int]:
    """Iterate over the positions of the ones of a bit mask, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def make_plan(factors: Sequence[Factor], keep: Sequence[int], cards: Sequence[int]) -> Plan:
    """Plan the product of `factors`, summed over all their variables but `keep`.

    Parameters
    ----------
    factors
        Any number of them.
    keep
        The variables that stay, in the order wanted for the axes of the result. One that no factor mentions gets an
        axis of length one.
    cards
        Number of states of every variable. Variables with one state are dropped on the way in.
    """
    single = mask_of(v for v, card in enumerate(cards) if card == 1)
    masks = [factor.mask & ~single for factor in factors]
    kept = mask_of(keep)
    order = _elimination_order(masks, kept & ~single, cards)
    rank = {v: i for i, v in enumerate([*order, *keep])}
    dims = [cards[v] for v in (*order, *keep)]

    inputs = []
    live: list[_Live] = []
    for slot, factor in enumerate(factors):
        p, p_mask = _read_in(factor.p, rank, cards)
        w, w_mask = _read_in(factor.w, rank, cards)
        inputs.append((factor.key, p, w))
        heads = None if factor.heads is None else _ranked(factor.heads & ~single, rank)
        live.append(_Live(slot, p_mask, w_mask, heads))

    steps: list[_Step] = []
    slots = len(live)
    largest, widest = 1, 0
    for i in range(len(order)):
        bit = 1 << i
        bucket = [f for f in live if ((f.p or 0) | (f.w or 0)) & bit]
        live = [f for f in live if not ((f.p or 0) | (f.w or 0)) & bit]
        union, step, left = _join(bucket, slots, dims, bit)
        size = _size(union, dims)
        if size > largest:
            largest, widest = size, union
        steps.append(step)
        if left is not None:
            live.append(left)
            slots += 1
    last_union = mask_of(range(len(order), len(dims)))
    _, last, _ = _join(live, slots, dims, 0, last_union)
    size = _size(_union(live), dims)
    if size > largest:
        largest, widest = size, _union(live)
    by_rank = [*order, *keep]

    def named(mask: int) -> tuple[int, ...]:
        return tuple([by_rank[i] for i in bits(mask)])

    p_left = _union_of(f.p for f in live) if any(f.p is not None for f in live) else None
    w_left = _union(live) if any(f.w is not None for f in live) else None
    return Plan(
        tuple(inputs),
        tuple(steps),
        last,
        slots,
        largest,
        named(widest),
        None if p_left is None else named(p_left),
        None if w_left is None else named(w_left),
    )


def run(plan: Plan, tables: Mapping[int, Pair]) -> Pair:
    """Run a plan on tables and return the pair over the variables kept.

    Axes that the result does not depend on have length one; an absent part is ``None``.
    """
    ps: list[Any] = [None] * plan.slots
    ws: list[Any] = [None] * plan.slots
    for slot, (key, p_view, w_view) in enumerate(plan.inputs):
        p, w = tables[key]
        if p_view is not None and p is not None:
            ps[slot] = p.transpose(p_view[0]).reshape(p_view[1])
        if w_view is not None and w is not None:
            ws[slot] = w.transpose(w_view[0]).reshape(w_view[1])
    for step in plan.steps:
        p, w = _multiplied(step, ps, ws)
        out = step.out
        if step.keeps_p and p is not None:
            ps[out] = np.add.reduce(p, 0)
        if w is not None:
            ws[out] = np.add.reduce(w, 0)
    return _multiplied(plan.last, ps, ws)


def _multiplied(step: _Step, ps: list[Any], ws: list[Any]) -> Pair:
    p: Any = None
    w: Any = None
    for slot, shape in step.weights:
        x = ps[slot].reshape(shape)
        p = x if p is None else p * x
    for slot, shape in step.utilities:
        x = ws[slot].reshape(shape)
        w = x if w is None else w + x
    if p is not None and w is not None:
        w = p * w
    for slot, p_shape, w_shape in step.pairs:
        pi, wi = ps[slot].reshape(p_shape), ws[slot].reshape(w_shape)
        if p is not None:
            wi = p * wi
        w = wi if w is None else w * pi + wi
        p = pi if p is None else p * pi
    return p, w


@dataclass(frozen=True, slots=True)
class _Live:
    """A factor while planning: its slot and its masks, by rank."""

    slot: int
    p: int | None
    w: int | None
    heads: int | None


def _join(bucket: list[_Live], out: int, dims: Sequence[int], bit: int, frame: int = 0) -> tuple[int, _Step, Any]:
    """Plan the product of a bucket, and what is left of it once the variable `bit` is summed out."""
    p_union = _union_of(f.p for f in bucket)
    union = p_union | _union_of(f.w for f in bucket)
    axes = list(bits(union | frame))

    def shape(mask: int) -> Shape:
        return tuple([dims[i] if mask >> i & 1 else 1 for i in axes])

    has_w = any(f.w is not None for f in bucket)
    heads: int | None = 0
    for f in bucket:
        if f.p is not None:
            heads = None if heads is None or f.heads is None else heads | f.heads
    sums_to_one = heads is not None and heads == bit
    heads = heads ^ bit if heads is not None and heads & bit else None
    step = _Step(
        weights=tuple((f.slot, shape(f.p)) for f in bucket if f.p is not None and f.w is None),
        utilities=tuple((f.slot, shape(f.w)) for f in bucket if f.p is None and f.w is not None),
        pairs=tuple((f.slot, shape(f.p), shape(f.w)) for f in bucket if f.p is not None and f.w is not None),
        out=out,
        keeps_p=not sums_to_one,
    )
    if sums_to_one and not has_w:
        return union, step, None
    rest_p = None if sums_to_one else p_union & ~bit
    return union, step, _Live(out, rest_p, union & ~bit if has_w else None, heads)


def _union(live: Iterable[_Live]) -> int:
    mask = 0
    for f in live:
        mask |= (f.p or 0) | (f.w or 0)
    return mask


def _union_of(masks: Iterable[int | None]) -> int:
    union = 0
    for mask in masks:
        union |= mask or 0
    return union


def _size(mask: int, dims: Sequence[int]) -> int:
    size = 1
    for i in bits(mask):
        size *= dims[i]
    return size


def _ranked(mask: int, rank: Mapping[int, int]) -> int:
    return mask_of(rank[v] for v in bits(mask))


def _read_in(
    scope: tuple[int, ...] | None, rank: Mapping[int, int], cards: Sequence[int]
) -> tuple[tuple[Shape, Shape] | None, int | None]:
    """Return how to permute and squeeze a table with axes `scope`, and its mask by rank."""
    if scope is None:
        return None, None
    last = len(rank)
    axes = sorted(range(len(scope)), key=lambda i: rank.get(scope[i], last))
    wide = [i for i in axes if cards[scope[i]] > 1]
    return (tuple(axes), tuple(cards[scope[i]] for i in wide)), mask_of(rank[scope[i]] for i in wide)


def _elimination_order(masks: Sequence[int], kept: int, cards: Sequence[int]) -> list[int]:
    """Order the variables not kept by the greedy min-weight rule: always the one whose product is smallest."""
    near: dict[int, int] = {}
    for mask in masks:
        for v in bits(mask & ~kept):
            near[v] = near.get(v, 0) | mask
    binary = all(card <= 2 for card in cards)

    def weight(mask: int) -> int:
        return mask.bit_count() if binary else _size(mask, cards)

    weights = {v: weight(mask) for v, mask in near.items()}
    order: list[int] = []
    while weights:
        v = min(weights, key=weights.__getitem__)
        order.append(v)
        del weights[v]
        joined = near.pop(v) & ~(1 << v)
        for u in bits(joined & ~kept):
            near[u] = (near[u] | joined) & ~(1 << v)
            weights[u] = weight(near[u])
    return order
