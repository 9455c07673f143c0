r"""Witnesses of value of information by linear programming: mechanisms are drawn, the utility is solved for.

For fixed mechanisms of chance nodes a policy is a point, the law :math:`\mu_\pi` of what the utilities read, and its
worth is linear in the utility. Some utility makes a link valuable iff the point of some policy that uses the link lies
outside the convex hull of the points of those that do not. So utilities need not be drawn, which is where a search
loses most: for a policy :math:`\pi` with the link,

.. math:: \max_{|u| \le 1} t \quad\text{such that}\quad u \cdot (\mu_\pi - \mu_{\pi'}) \ge t \text{ for all } \pi'
          \text{ without the link}

is solved by adding the constraint of the best :math:`\pi'` for the :math:`u` at hand until that gains nothing, or the
link is worth something.

Mechanisms are drawn on the *collapsed* diagram. A chance node that no decision sees may carry, in a tuple, all that its
parents say and noise of its own; its children compute the rest. So it becomes a root, and its parents become parents
of its children: what has to be drawn is smaller, and nodes that need many states (several bits at once) get them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.witness.check import Candidate, holds
from cidmesa.criteria.witness.games import SHRINK
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.graph.reduction import with_information_link
from cidmesa.mechanisms import Categorical, Choice, Function, Mechanism, Structural, Table, Uniform
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.criteria.question import Question

LINEAR_DRAWS = 3000
"""How many draws of mechanisms are made for a question."""

_PROFILES = 4096
"""How many rules all decisions but one may have together."""

_ENTRIES = 2**18
"""How large the table of all that matters may be."""

_CUTS = 40
_STARTS = 3
_GAIN = 1e-7
_STEPS = 24
"""Utilities are rounded to multiples of one over this."""


def linear_search(question: Question, budget: Budget = UNLIMITED, draws: int = LINEAR_DRAWS) -> CIM | None:
    """Return a checked model in which observing a node is worth something, or None.

    Parameters
    ----------
    question
        Value of information of one node for a decision; one agent.
    budget
        How long it may take.
    draws
        How many mechanisms to draw.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.

    Notes
    -----
    Deterministic. That it finds nothing proves nothing.

    Examples
    --------
    The first decision chooses which of two bits the second is shown, and the node says which one counts.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("c1", "c2"), ("c2", "c3"), ("c3", "d4"), ("d4", "u"), ("c2", "u"), ("d0", "c3"), ("c1", "d4"),
    ...               ("d0", "d4")], decisions=["d0", "d4"], utilities=["u"])
    >>> model = linear_search(cm.admits_voi(cid, "c1", "d0"))
    >>> cm.value_of_information(model, "c1", "d0") > 0.01
    True
    """
    if len(question.nodes) != 1 or question.decision is None or len(question.cid.agents) != 1:
        return None
    [node] = question.nodes
    decision = question.decision
    cid = with_information_link(question.cid, node, decision)
    collapsed = Collapsed.of(cid)
    rng = random.Random(0)  # the same for all names, so that renaming changes nothing
    for _ in budget.each(range(draws), f"the search for a witness of value of information of {node}", SHRINK):
        drawn = _draw(collapsed, rng)
        world = _World.of(drawn, decision, node)
        pays = None if world is None else _separating(world, rng)
        if pays is None:
            continue
        candidate = Candidate(_lifted(drawn, pays), node)
        try:
            if holds(candidate, "voi", question):
                return candidate.model
        except NotApplicableError:  # too large for the exact predicates after all
            continue
    return None


@dataclass(frozen=True)
class Collapsed:
    """A diagram in which chance nodes that no decision sees are roots, read by all that hear of them.

    Attributes
    ----------
    cid
        The diagram.
    hidden
        Those nodes.
    parents
        Of every other node what it hears of, past the hidden ones, in topological order.
    """

    cid: CID
    hidden: frozenset[str]
    parents: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, cid: CID) -> Collapsed:
        """Collapse a diagram.

        >>> cid = CID([("a", "b"), ("b", "u"), ("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
        >>> found = Collapsed.of(cid)
        >>> sorted(found.hidden), found.parents["u"]
        (['b'], ('a', 'b', 'd'))
        """
        hidden = {n for n in cid.chance if not any(cid.kind(c) == "decision" for c in cid.children(n))}
        heard: dict[str, frozenset[str]] = {}
        order = [cid.nodes[i] for i in cid.topological]
        for n in order:
            heard[n] = frozenset().union(*({p} | (heard[p] if p in hidden else set()) for p in cid.parents(n)))
        place = {n: i for i, n in enumerate(order)}
        # A root has nothing to wait for, but stays where its node is in the order.
        parents = {n: tuple(sorted(heard[n], key=place.__getitem__)) for n in order if n not in hidden}
        return cls(cid, frozenset(hidden), parents)


@dataclass(frozen=True)
class _Drawn:
    """Cards of all nodes that are no utility, and of the chance nodes noise and outcome."""

    collapsed: Collapsed
    cards: Mapping[str, int]
    rules: Mapping[str, tuple[Floats, Ints]]


def _draw(collapsed: Collapsed, rng: random.Random) -> _Drawn:
    cid = collapsed.cid
    cards: dict[str, int] = {}
    for n in cid.nodes:
        kind = cid.kind(n)
        if kind != "utility":
            cards[n] = rng.choice(_CARDS["hidden" if n in collapsed.hidden else kind])
    rules = {}
    for n in (cid.nodes[i] for i in cid.topological):
        if cid.kind(n) == "chance":
            known = () if n in collapsed.hidden else collapsed.parents[n]
            rules[n] = _rule([cards[p] for p in known], cards[n], rng)
    return _Drawn(collapsed, cards, rules)


_CARDS = {"hidden": (1, 1, 2, 2, 3, 4, 4), "chance": (1, 2, 2, 2, 3), "decision": (2, 2, 2, 3)}


def _rule(shape: Sequence[int], card: int, rng: random.Random) -> tuple[Floats, Ints]:
    """Draw a function of some values, perhaps with noise: the noise's weights and outcomes, noise as the last axis."""
    sure = np.ones(1)
    live = [i for i, k in enumerate(shape) if k > 1]
    if not live or rng.random() < 0.1:
        alike = np.broadcast_to(np.arange(card), (*shape, card))
        return np.full(card, 1.0 / card), alike
    places = np.indices(shape)
    a, b = places[rng.choice(live)], places[rng.choice(live)]
    kind = rng.choice(("copy", "digit", "digit", "sum", "product", "equal", "table", "other"))
    if kind == "other" and card > 2:  # any value but the one that is copied
        moves = np.arange(1, card)
        return np.full(card - 1, 1.0 / (card - 1)), (a[..., None] + moves) % card
    value: Any = {
        "copy": a,
        "digit": a // card**b,
        "sum": a + b,
        "product": a * b,
        "equal": (a == b).astype(np.intp),
    }.get(kind)
    if value is None:
        value = np.reshape([rng.randrange(card) for _ in range(math.prod(shape))], shape)
    outcome: Ints = (value % card)[..., None]
    if card > 1 and rng.random() < 0.1:
        return np.array([0.75, 0.25]), np.concatenate([outcome, (outcome + 1) % card], axis=-1)
    return sure, outcome


@dataclass(frozen=True)
class _World:
    """The law of all that matters, for every rule of all decisions but one, of which contexts and actions are left.

    Attributes
    ----------
    law
        Shape ``(profiles, contexts, actions, entries)``: the joint law of the last decision's context and action and of
        what the utilities read, but for its rule; one block of entries a utility.
    blind
        Which profiles do without the link; all of them where it leads to the last decision.
    merged
        Which contexts the last decision cannot tell apart without the link, one number each.
    blocks
        What each utility reads: its name and its shape.
    """

    law: Array
    blind: Array
    merged: Ints
    blocks: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, drawn: _Drawn, decision: str, node: str) -> _World | None:
        """Write out the law; ``None`` where it is too large."""
        collapsed, cards = drawn.collapsed, drawn.cards
        cid = collapsed.cid
        contexts = {d: math.prod(cards[p] for p in cid.parents(d)) for d in cid.decisions}
        last = max(cid.decisions, key=lambda d: cards[d] ** contexts[d])
        others = [d for d in cid.decisions if d != last]
        counts = [cards[d] ** contexts[d] for d in others]
        sizes = [math.prod(cards[p] for p in collapsed.parents[u]) for u in cid.utilities]
        profiles = math.prod(counts)
        if profiles > _PROFILES or profiles * contexts[last] * cards[last] * sum(sizes) > _ENTRIES:
            return None
        number = {n: i + 1 for i, n in enumerate(cards)}
        operands: list[Any] = []
        for n, (noise, outcome) in drawn.rules.items():
            known = () if n in collapsed.hidden else collapsed.parents[n]
            operands += [np.eye(cards[n])[outcome].transpose(*range(len(known)), -1, -2) @ noise]
            operands += [[*(number[p] for p in known), number[n]]]
        grid = np.indices(counts).reshape(len(counts), profiles)
        blind = np.ones(profiles, dtype=np.bool_)
        for d, which in zip(others, grid, strict=True):
            shape = [cards[p] for p in cid.parents(d)]
            rules = np.array(list(product(range(cards[d]), repeat=contexts[d]))).reshape(-1, *shape)[which]
            if d == decision:
                axis = 1 + cid.parents(d).index(node)
                blind &= (rules == rules.take([0], axis=axis)).reshape(profiles, -1).all(axis=1)
            operands += [np.eye(cards[d])[rules], [0, *(number[p] for p in cid.parents(d)), number[d]]]
        family = [number[p] for p in (*cid.parents(last), last)]
        blocks, laws = [], []
        for u, size in zip(cid.utilities, sizes, strict=True):
            read = collapsed.parents[u]
            new = len(number) + 1  # what the last decision sees and does may be read, too: an axis of its own
            doubled = {number[n]: new + i for i, n in enumerate(read)}
            same = [part for n in read for part in (np.eye(cards[n]), [number[n], doubled[number[n]]])]
            ones = [np.ones((profiles, *(cards[n] for n in (*cid.parents(last), last)))), [0, *family]]
            wanted = [0, *family, *doubled.values()]
            everything: list[Any] = [*operands, *same, *ones, wanted]
            law = np.einsum(*everything, optimize="greedy")
            laws.append(law.reshape(profiles, contexts[last], cards[last], size))
            blocks.append((u, tuple(cards[n] for n in read)))
        merged = np.arange(contexts[last])
        if last == decision:
            axis = cid.parents(last).index(node)
            spread = merged.reshape([cards[p] for p in cid.parents(last)])
            merged = np.broadcast_to(spread.take([0], axis=axis), spread.shape).reshape(-1)
        return cls(np.concatenate(laws, axis=-1), blind, merged, tuple(blocks))

    def best(self, pays: Floats, *, seeing: bool) -> tuple[float, Floats]:
        """Return the value of the best policy with or without the link, and its point."""
        worth = self.law @ pays
        contexts = worth.shape[1]
        if seeing:
            actions = worth.argmax(axis=2)
            values = worth.max(axis=2).sum(axis=1)
        else:
            together = (self.merged[:, None] == np.arange(contexts)).astype(np.float64)
            pooled = np.einsum("pca,ck->pka", worth, together)
            actions = pooled.argmax(axis=2)[:, self.merged]
            values = np.where(self.blind, pooled.max(axis=2).sum(axis=1, where=self._kept), -np.inf)
        at = int(values.argmax())
        point = self.law[at][np.arange(contexts), actions[at]].sum(axis=0)
        return float(values[at]), point

    @property
    def _kept(self) -> Array:
        """Mark the contexts that stand for those merged with them."""
        kept: Array = self.merged == np.arange(len(self.merged))
        return kept


def _separating(world: _World, rng: random.Random) -> Floats | None:
    """Return a utility under which the link is worth something, or None."""
    from scipy.optimize import linprog

    entries = world.law.shape[-1]
    for _ in range(_STARTS):
        pays = np.array([rng.randint(0, 2) for _ in range(entries)], dtype=np.float64)
        cuts: list[Floats] = []
        target: Floats | None = None
        for _ in range(_CUTS):
            value, point = world.best(pays, seeing=True)
            without, other = world.best(pays, seeing=False)
            if value > without + _GAIN:
                rounded = np.round(pays * _STEPS) / _STEPS
                sure = world.best(rounded, seeing=True)[0] > world.best(rounded, seeing=False)[0] + _GAIN
                return rounded if sure else pays
            target = point if target is None else target
            if np.abs(target - other).max() <= _GAIN:
                break  # a policy without the link does the same
            cuts.append(target - other)
            cost = np.concatenate([np.zeros(entries), [-1.0]])
            rows = np.c_[-np.array(cuts), np.ones(len(cuts))]
            bounds = [(-1.0, 1.0)] * entries + [(None, None)]
            found = linprog(cost, A_ub=rows, b_ub=np.zeros(len(cuts)), bounds=bounds, method="highs")
            if found.status != 0 or found.x is None or found.x[-1] <= _GAIN:
                break
            pays = found.x[:-1]
    return None


def _lifted(drawn: _Drawn, pays: Floats) -> CIM:
    """Write drawn mechanisms and a utility as a model of the diagram itself: hidden nodes carry what they hear of."""
    collapsed = drawn.collapsed
    cid = collapsed.cid

    def heard(values: Mapping[str, Hashable]) -> dict[str, Any]:
        """Return all that some values tell of the collapsed diagram."""
        found: dict[str, Any] = {}
        for n, value in values.items():
            if n in collapsed.hidden:
                carried: Any = value
                found |= {n: carried[0], **heard(dict(zip(cid.parents(n), carried[1:], strict=True)))}
            else:
                found[n] = value
        return found

    def carrying(n: str) -> Mechanism:
        parents = cid.parents(n)
        return Function(lambda noise, **pa: (noise, *(pa[p] for p in parents)), noise=Uniform(*range(drawn.cards[n])))

    def computing(n: str) -> Mechanism:
        noise, outcome = drawn.rules[n]
        known = collapsed.parents[n]

        def outcome_of(noise: int, **pa: Hashable) -> int:
            told = heard(pa)
            return int(outcome[(*(told[p] for p in known), noise)])

        law = Categorical({i: float(p) for i, p in enumerate(noise)})
        return Function(outcome_of, domain=range(drawn.cards[n]), noise=law)

    def paying(u: str, table: Array) -> Mechanism:
        known = collapsed.parents[u]

        def paid(**pa: Hashable) -> float:
            told = heard(pa)
            return float(table[tuple(told[p] for p in known)])

        return Function(paid)

    mechanisms: dict[str, Mechanism] = {}
    for n in cid.nodes:
        if cid.kind(n) == "decision":
            mechanisms[n] = Choice(range(drawn.cards[n]))
        elif cid.kind(n) == "chance":
            mechanisms[n] = carrying(n) if n in collapsed.hidden else computing(n)
    for u, table in _blocks(collapsed, drawn, pays):
        mechanisms[u] = paying(u, table)
    model = CIM(cid, mechanisms)
    for n in cid.nodes:  # plain tables, which can be compared and written to files
        if cid.kind(n) == "chance":
            response = model.response(n)
            mechanisms[n] = Structural(response.noise, response.outcome, model.domain(n))
        elif cid.kind(n) == "utility":
            mechanisms[n] = Table(model.cpd(n))
    return CIM(cid, mechanisms)


def _blocks(collapsed: Collapsed, drawn: _Drawn, pays: Floats) -> Iterator[tuple[str, Array]]:
    """Cut a vector of payments into one table a utility."""
    begin = 0
    for u in collapsed.cid.utilities:
        shape = [drawn.cards[n] for n in collapsed.parents[u]]
        size = math.prod(shape)
        yield u, pays[begin : begin + size].reshape(shape)
        begin += size
