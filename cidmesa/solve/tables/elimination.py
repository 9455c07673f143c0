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
.. [3] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, ch. 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.clock import Budget, check_time

Pair: TypeAlias = tuple[Array | None, Array | None]
Shape: TypeAlias = tuple[int, ...]


class Factor:
    """What a plan needs to know of one table or pair of tables; a value, not to be changed.

    Parameters
    ----------
    key
        Where the tables will be found when the plan is run.
    p, w
        The variables of the axes of either part, ``None`` where it is absent.
    heads
        Bit mask of the variables whose distribution `p` is: summed over all of them it is one. ``None`` if it is not
        a conditional distribution (evidence has been put in).
    mask
        Bit mask of all its variables, where it is known already.
    """

    __slots__ = ("heads", "key", "mask", "p", "w")

    def __init__(
        self,
        key: int,
        p: tuple[int, ...] | None,
        w: tuple[int, ...] | None = None,
        heads: int | None = None,
        mask: int | None = None,
    ) -> None:
        self.key, self.p, self.w, self.heads = key, p, w, heads
        self.mask: int = mask_of((*(p or ()), *(w or ()))) if mask is None else mask


Aligned: TypeAlias = tuple[int, Shape | None]
"""A slot, and the shape that aligns its table with the others of a step; ``None`` where it is aligned already."""


_View: TypeAlias = tuple[Shape | None, Shape | None]
"""How a table is read in: the new order of its axes and its shape without one-state axes, ``None`` for no change."""

_AS_IT_IS: _View = (None, None)

_AT_ONCE = 1024
"""Entries of a product that is small enough to be multiplied and summed in one go, without an order."""

LARGE = 2**22
"""Entries of a table from which on its product takes long enough to look at the clock."""

_FEW = 24
"""Variables of such a product, at most: an array has no room for many axes, be they of length one."""


class _Step(NamedTuple):
    """Multiply some factors, sum out the first axes, store the result."""

    weights: tuple[Aligned, ...]
    utilities: tuple[Aligned, ...]
    pairs: tuple[tuple[int, Shape | None, Shape | None], ...]
    axes: tuple[int, ...]
    out: int
    keeps_p: bool


class Plan(NamedTuple):
    """How to multiply factors and sum out all variables but those kept.

    Attributes
    ----------
    inputs
        Per factor its key and, for either part, the axes' new order and the shape without one-state axes.
    steps
        Each sums out one variable, or several where that takes no larger table.
    last
        Brings the rest together.
    slots
        How many tables are held at most.
    largest
        Entries of the largest table that is ever made.
    widest
        The variables of that table.
    p, w
        Which of the kept variables either part of the result depends on; ``None`` where it is absent.
    rounding
        How many times a term is rounded on its way, at most: one of the products and sums it passes through each. An
        entry of the result is off by at most that often :math:`2^{-53}` times the sum of the absolute terms [3]_.
    """

    inputs: tuple[tuple[int, _View | None, _View | None], ...]
    steps: tuple[_Step, ...]
    last: _Step
    slots: int
    largest: int
    widest: tuple[int, ...]
    p: tuple[int, ...] | None
    w: tuple[int, ...] | None
    rounding: int


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
    if len(factors) == 1 and not keep and _sums_up(factors[0], cards):
        return _total(factors[0], cards)
    # 1. Which variables there are, and in what order they go.
    union = 0
    for factor in factors:
        union |= factor.mask
    variables, kept = list(bits(union)), mask_of(keep)
    if math.prod([cards[v] for v in variables]) <= _AT_ONCE and len(variables) + len(keep) <= _FEW:
        return _at_once(factors, keep, cards, [v for v in variables if not kept >> v & 1])
    single = mask_of([v for v in variables if cards[v] == 1])
    if len(factors) == 1:  # any order is as good
        order = list(bits(union & ~(kept | single)))
    else:
        order = _elimination_order([factor.mask & ~single for factor in factors], kept | single, union, cards)
    ranked = [*order, *keep]
    dims = [cards[v] for v in ranked]
    place = dict(zip(ranked, range(len(ranked)), strict=True))
    narrow = _Narrow(place, cards, single)

    # 2. Every table without its axes of length one.
    inputs, live = _narrowed(factors, narrow, union & ~single)
    # 3. One step for each variable that goes, or for several that go together: multiply what mentions it, and sum.
    steps = []
    largest, widest = 1, 0
    slots, rounding, first = len(live), 0, 0
    while first < len(order):
        gone = 1 << first
        bucket, live = _split(live, gone)
        joint = _product(bucket)
        size = _size(joint.mask, dims)
        if size > largest:
            largest, widest = size, joint.mask
        if size <= _AT_ONCE:
            live, gone = _run_on(bucket, live, joint, gone, len(order))
            joint = _product(bucket)
        axes = [(1 << j, dims[j]) for j in bits(joint.mask)]
        rounding += 2 * len(bucket) + (dims[first] if gone == 1 << first else _size(gone & joint.mask, dims))
        summed = tuple(range(gone.bit_count()))
        steps.append(_align(bucket, axes, joint.mask, summed, slots, joint.heads != gone))
        slots = _add_sum(live, joint, gone, slots)
        first += gone.bit_count()
    # 4. What is left is multiplied, axes in the order asked for.
    joint = _product(live)
    size = _size(joint.mask, dims)
    if size > largest:
        largest, widest = size, joint.mask
    last = _align(live, [(1 << j, dims[j]) for j in range(len(order), len(ranked))], -1, (), slots, True)
    return Plan(
        tuple(inputs),
        tuple(steps),
        last,
        slots,
        largest,
        tuple([ranked[j] for j in bits(widest)]),
        None if joint.p is None else tuple([ranked[j] for j in bits(joint.p)]),
        None if joint.w is None else tuple([ranked[j] for j in bits(joint.mask)]),
        rounding + 2 * len(live),
    )


def _at_once(factors: Sequence[Factor], keep: Sequence[int], cards: Sequence[int], order: Sequence[int]) -> Plan:
    """Plan a small product: what mentions a variable in `order` is multiplied and summed in one step, then the rest.

    Tables are read in with an axis for each variable of the step they go into, so that nothing is left to align. Masks
    are of variables here, not of ranks.
    """
    gone = mask_of(order)
    inner = outer = _frame(keep, cards)
    if gone:
        inner = _frame((*order, *keep), cards)
    inputs: list[Any] = []
    bucket: list[_Part] = []
    live: list[_Part] = []
    for slot, factor in enumerate(factors):
        mask, heads = factor.mask, factor.heads
        place, parts = (inner, bucket) if mask & gone else (outer, live)
        p_view = w_view = p = w = None
        if factor.p is not None:
            p_view, p = _spread(factor.p, *place), mask if factor.w is None else mask_of(factor.p)
        if factor.w is not None:
            w_view, w = _spread(factor.w, *place), mask if factor.p is None else mask_of(factor.w)
        inputs.append((factor.key, p_view, w_view))
        # A head with one state may be in no table's scope at all: there is nothing to sum then.
        parts.append(_Part(slot, p, w, mask, None if heads is None else heads & mask))
    slots, rounding, widest = len(factors), 0, 0
    steps: tuple[_Step, ...] = ()
    if gone:
        joint = _product(bucket)
        rounding, widest = 2 * len(bucket) + math.prod(inner[1][: len(order)]), joint.mask
        steps = (_aligned(bucket, tuple(range(len(order))), slots, joint.heads != gone),)
        slots = _add_sum(live, joint, gone, slots)
    joint = _product(live)
    if not gone or (joint.mask & ~widest and _size(joint.mask, cards) > _size(widest, cards)):
        widest = joint.mask
    wider = tuple([v for v in (*order, *keep) if widest >> v & 1])
    return Plan(
        tuple(inputs),
        steps,
        _aligned(live, (), slots, True),
        slots,
        math.prod([cards[v] for v in wider]),
        wider,
        None if joint.p is None else tuple([v for v in keep if joint.p >> v & 1 and cards[v] > 1]),
        None if joint.w is None else tuple([v for v in keep if joint.mask >> v & 1 and cards[v] > 1]),
        rounding + 2 * len(live),
    )


def _frame(variables: Sequence[int], cards: Sequence[int]) -> tuple[dict[int, int], list[int]]:
    """Return the axis of each variable, and the lengths of the axes."""
    return dict(zip(variables, range(len(variables)), strict=True)), [cards[v] for v in variables]


def _spread(scope: tuple[int, ...], axis: Mapping[int, int], lengths: Sequence[int]) -> _View:
    """Return how to read in a table with all these axes, of length one for variables that are not in its scope."""
    at = [axis[v] for v in scope]
    ordered = sorted(at)
    turned = None if at == ordered else tuple(sorted(range(len(at)), key=at.__getitem__))
    if len(at) == len(lengths):
        return _AS_IT_IS if turned is None else (turned, None)
    shape = [1] * len(lengths)
    for i in at:
        shape[i] = lengths[i]
    return turned, tuple(shape)


def _add_sum(live: list[_Part], joint: _Part, gone: int, slots: int) -> int:
    """Add what a product leaves once `gone` is summed out to the parts; return the number of slots then taken."""
    sums_to_one = joint.heads == gone
    if sums_to_one and joint.w is None:
        return slots
    mask = joint.mask & ~gone
    p = None if sums_to_one or joint.p is None else joint.p & ~gone
    conditional = joint.heads is not None and not gone & ~joint.heads and not sums_to_one
    heads = (joint.heads or 0) & ~gone if conditional else None
    live.append(_Part(slots, p, None if joint.w is None else mask, mask, heads))
    return slots + 1


def _narrowed(factors: Sequence[Factor], narrow: _Narrow, wide: int) -> tuple[list[Any], list[_Part]]:
    """Return how each factor is read, and the parts that a plan starts from; `wide` has more than one state."""
    inputs: list[Any] = []
    live = []
    for slot, factor in enumerate(factors):
        p_view, p = narrow.read(factor.p)
        w_view, w = narrow.read(factor.w)
        inputs.append((factor.key, p_view, w_view))
        # A head with one state may be in no table's scope at all: there is nothing to sum then.
        heads = None if factor.heads is None else narrow.mask(factor.heads & wide)
        live.append(_Part(slot, p, w, (p or 0) | (w or 0), heads))
    return inputs, live


def _sums_up(factor: Factor, cards: Sequence[int]) -> bool:
    """Say whether the sum over a factor is that over its utility: its weight is one, or a distribution of the same.

    And whether it is small enough to be summed in one go.
    """
    if factor.w is None or mask_of(factor.w) != factor.mask or (factor.p is not None and factor.heads != factor.mask):
        return False
    return math.prod([cards[v] for v in factor.w]) <= _AT_ONCE


def _total(factor: Factor, cards: Sequence[int]) -> Plan:
    """Plan the sum over a utility or a message; there is nothing to align."""
    scope = factor.w or ()
    size = math.prod([cards[v] for v in scope])
    step = _Step((), ((0, None),), (), tuple(range(len(scope))), 1, False)
    last = _Step((), ((1, None),), (), (), 2, True)
    return Plan(((factor.key, None, _AS_IT_IS),), (step,), last, 2, size, scope, None, (), size)


class _Part(NamedTuple):
    """A table or pair while planning, with variables as bits by rank; ``None`` for what is absent."""

    slot: int
    p: int | None
    w: int | None
    mask: int
    heads: int | None


def _split(parts: list[_Part], variables: int) -> tuple[list[_Part], list[_Part]]:
    """Return the parts that mention one of the variables, and the others."""
    inside: list[_Part] = []
    outside: list[_Part] = []
    for part in parts:
        (inside if part.mask & variables else outside).append(part)
    return inside, outside


def _run_on(bucket: list[_Part], rest: list[_Part], joint: _Part, gone: int, end: int) -> tuple[list[_Part], int]:
    """Take the variables that follow along, with the parts that mention them, while no larger table is needed.

    `bucket` and `rest` are added to and taken from. Returned are the parts left and all variables to sum out. What
    sums to one by itself is left alone: it is not to be computed at all.
    """
    following = gone << 1
    while following < 1 << end and joint.mask & following and (joint.w is not None or joint.heads != gone):
        more, fewer = _split(rest, following)
        if any(part.mask & ~joint.mask for part in more):
            break
        bucket += more
        rest = fewer
        gone |= following
        following <<= 1
    return rest, gone


def _product(parts: list[_Part]) -> _Part:
    """Return the masks of a product; it has no slot."""
    if len(parts) == 1:
        return parts[0]
    p_union = w_union = heads = 0
    has_p = has_w = False
    conditional = True
    for part in parts:
        if part.p is not None:
            has_p = True
            p_union |= part.p
            if part.heads is None:
                conditional = False
            else:
                heads |= part.heads
        if part.w is not None:
            has_w = True
            w_union |= part.w
    mask = p_union | w_union
    return _Part(-1, p_union if has_p else None, w_union if has_w else None, mask, heads if conditional else None)


def _align(
    parts: list[_Part], axes: list[tuple[int, int]], frame: int, summed: tuple[int, ...], out: int, keeps_p: bool
) -> _Step:
    """Return the step that multiplies `parts` over `axes`, pairs of a bit and a length."""
    weights: list[Aligned] = []
    utilities: list[Aligned] = []
    pairs: list[tuple[int, Shape | None, Shape | None]] = []
    for slot, p, w, _, _ in parts:
        p_shape = w_shape = None
        if p is not None and p != frame:
            p_shape = tuple([n if p & bit else 1 for bit, n in axes])
        if w is not None and w != frame:
            w_shape = tuple([n if w & bit else 1 for bit, n in axes])
        if w is None:
            weights.append((slot, p_shape))
        elif p is None:
            utilities.append((slot, w_shape))
        else:
            pairs.append((slot, p_shape, w_shape))
    return _Step(tuple(weights), tuple(utilities), tuple(pairs), summed, out, keeps_p)


def _aligned(parts: list[_Part], summed: tuple[int, ...], out: int, keeps_p: bool) -> _Step:
    """Return the step that multiplies `parts` whose axes agree already."""
    return _Step(
        tuple([(part.slot, None) for part in parts if part.w is None]),
        tuple([(part.slot, None) for part in parts if part.p is None and part.w is not None]),
        tuple([(part.slot, None, None) for part in parts if part.p is not None and part.w is not None]),
        summed,
        out,
        keeps_p,
    )


def run(plan: Plan, tables: Mapping[int, Pair]) -> Pair:
    """Run a plan on tables and return the pair over the variables kept.

    Axes that the result does not depend on have length one; an absent part is ``None``.

    Raises
    ------
    OutOfTimeError
        A call's budget was over while large tables were multiplied.
    """
    if plan.largest <= LARGE:
        return _run(plan, tables)
    with Budget(None):
        return _run(plan, tables)


def _run(plan: Plan, tables: Mapping[int, Pair]) -> Pair:
    ps: list[Any] = [None] * plan.slots
    ws: list[Any] = [None] * plan.slots
    for slot, (key, p_view, w_view) in enumerate(plan.inputs):
        p, w = tables[key]
        if p_view is not None and p is not None:
            ps[slot] = p if p_view is _AS_IT_IS else _viewed(p, p_view)
        if w_view is not None and w is not None:
            ws[slot] = w if w_view is _AS_IT_IS else _viewed(w, w_view)
    for step in plan.steps:
        if plan.largest > LARGE:
            check_time(
                f"multiplying tables of up to {plan.largest:,} entries", "let nodes have fewer parents or values"
            )
        p, w = _multiplied(step, ps, ws)
        out = step.out
        if step.keeps_p and p is not None:
            ps[out] = _summed(p, step.axes)
        if w is not None:
            ws[out] = _summed(w, step.axes)
    return _multiplied(plan.last, ps, ws)


def _viewed(table: Array, view: _View) -> Array:
    axes, shape = view
    if axes is not None:
        table = table.transpose(axes)
    return table if shape is None else table.reshape(shape)


def _multiplied(step: _Step, ps: list[Any], ws: list[Any]) -> Pair:
    p: Any = None
    w: Any = None
    for slot, shape in step.weights:
        x = ps[slot] if shape is None else ps[slot].reshape(shape)
        p = x if p is None else p * x
    for slot, shape in step.utilities:
        x = ws[slot] if shape is None else ws[slot].reshape(shape)
        w = x if w is None else w + x
    if p is not None and w is not None:
        w = p * w
    for slot, p_shape, w_shape in step.pairs:
        pi = ps[slot] if p_shape is None else ps[slot].reshape(p_shape)
        wi = ws[slot] if w_shape is None else ws[slot].reshape(w_shape)
        if p is not None:
            wi = p * wi
        w = wi if w is None else w * pi + wi
        p = pi if p is None else p * pi
    return p, w


def _summed(table: Any, axes: tuple[int, ...]) -> Any:
    """Sum over the first axes; indexing twice is faster than a reduction for the small tables that most are."""
    total = table[0] + table[1] if len(axes) == 1 and len(table) == 2 else np.add.reduce(table, axes)
    if type(total) is int:  # what numpy makes of an array of Python's integers without axes
        return np.array(total, dtype=object)
    return total


class _Narrow:
    """Turns variables into ranks: position in the order of elimination, those kept last; one-state variables go."""

    __slots__ = ("cards", "place", "single")

    def __init__(self, place: dict[int, int], cards: Sequence[int], single: int) -> None:
        self.place, self.cards, self.single = place, cards, single

    def mask(self, mask: int) -> int:
        """Return the mask of the same variables by rank."""
        if mask and not mask & (mask - 1):  # one variable, as most heads are
            return 1 << self.place[mask.bit_length() - 1]
        found = 0
        for v in bits(mask):
            found |= 1 << self.place[v]
        return found

    def read(self, scope: tuple[int, ...] | None) -> tuple[_View | None, int | None]:
        """Return how to read in a table with axes `scope`, and its mask by rank."""
        if scope is None:
            return None, None
        wide = scope if not self.single else [v for v in scope if not self.single >> v & 1]
        ranks = [self.place[v] for v in wide]
        mask = 0
        for rank in ranks:
            mask |= 1 << rank
        ordered = sorted(ranks)
        if len(wide) == len(scope):
            return (_AS_IT_IS if ranks == ordered else (tuple(map(ranks.index, ordered)), None)), mask
        # Axes of length one go: bring the others into order in front of them, and reshape.
        at = [scope.index(v) for v in wide]
        axes = [at[ranks.index(rank)] for rank in ordered]
        axes += [i for i in range(len(scope)) if i not in at]
        return (tuple(axes), tuple([self.cards[scope[i]] for i in axes[: len(wide)]])), mask


def _elimination_order(masks: Sequence[int], kept: int, union: int, cards: Sequence[int]) -> list[int]:
    """Order the variables not kept by the greedy min-weight rule: always the one whose product is smallest."""
    near = dict.fromkeys(bits(union & ~kept), 0)
    binary = True
    for v in bits(union):
        binary = binary and cards[v] <= 2
    for mask in masks:
        for v in bits(mask & ~kept):
            near[v] |= mask
    weights = {v: mask.bit_count() if binary else _size(mask, cards) for v, mask in near.items()}
    order: list[int] = []
    while weights:
        v = min(weights, key=weights.__getitem__)
        order.append(v)
        del weights[v]
        bit = 1 << v
        joined = near.pop(v)
        rest = joined & ~(kept | bit)
        while rest:
            low = rest & -rest
            rest ^= low
            u = low.bit_length() - 1
            near[u] = mask = (near[u] | joined) & ~bit
            weights[u] = mask.bit_count() if binary else _size(mask, cards)
    return order


def _size(mask: int, cards: Sequence[int]) -> int:
    size = 1
    while mask:
        low = mask & -mask
        size *= cards[low.bit_length() - 1]
        mask ^= low
    return size
