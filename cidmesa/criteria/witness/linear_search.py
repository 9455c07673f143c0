r"""Witnesses by linear programming: mechanisms are drawn, the utility is solved for.

For fixed mechanisms of chance nodes a policy is a point, the law :math:`\mu_\pi` of what the utilities read, and its
worth is linear in the utility. Some utility makes a link valuable iff the point of some policy that uses the link lies
outside the convex hull of the points of those that do not. So utilities need not be drawn, which is where a search
loses most: for a policy :math:`\pi` with the link,

.. math:: \max_{|u| \le 1} t \quad\text{such that}\quad u \cdot (\mu_\pi - \mu_{\pi'}) \ge t \text{ for all } \pi'
          \text{ without the link}

is solved by adding the constraint of the best :math:`\pi'` for the :math:`u` at hand until that gains nothing, or the
link is worth something. The same with other sets of policies:

===================  =================================  =============================================================
what                 :math:`\pi`                        :math:`\pi'`
===================  =================================  =============================================================
value of information any policy                         those that ignore the node
response incentive   any policy                         those that do not respond to it, for any value of the noise
value of control     any policy, any function at the    those under the mechanism that is drawn
                     node
===================  =================================  =============================================================

Mechanisms are drawn on the *collapsed* diagram. A chance node that no decision sees may carry, in a tuple, all that its
parents say and noise of its own; its children compute the rest. So it becomes a root, and its parents become parents
of its children: what has to be drawn is smaller, and nodes that need many states (several bits at once) get them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.question import TITLES
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

_ENTRIES_DRAWN = 64
"""How many numbers of utilities are drawn, at most, where the utility is not solved for."""

_MECHANISMS = 16
"""Of a node that is controlled all deterministic mechanisms are listed, up to so many."""

_CUTS = 40
_STARTS = 3
_GAIN = 1e-7
_STEPS = 24
"""Utilities are rounded to multiples of one over this."""


def linear_search(
    question: Question, criterion: str = "voi", budget: Budget = UNLIMITED, draws: int = LINEAR_DRAWS
) -> CIM | None:
    """Return a checked model that has the incentive of a question, or None.

    Parameters
    ----------
    question
        A question about one node that is no utility; one agent.
    criterion
        ``"voi"``, ``"ri"``, ``"voc"`` or ``"ici"``: what the question comes down to. Whether an optimal policy uses a
        node to get what it is paid for depends on the utility, so for ``"ici"`` utilities are drawn too; or, where the
        node is a decision, they are such that it has to respond.
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
    cid, decision = question.cid, question.decision
    if len(question.nodes) != 1 or len(cid.agents) != 1 or (decision is None and criterion != "voc"):
        return None
    [node] = question.nodes
    if question.cut_edges or criterion not in {"voi", "ri", "voc", "ici"} or cid.kind(node) == "utility":
        return None
    if criterion == "voi" and decision is not None:
        cid = with_information_link(cid, node, decision)
    collapsed = Collapsed.of(cid, kept=() if criterion == "voi" else (node,))
    rng = random.Random(0)  # the same for all names, so that renaming changes nothing
    for _ in budget.each(range(draws), f"the search for a witness of {TITLES[criterion]} of {node}", SHRINK):
        drawn = draw_mechanisms(collapsed, rng)
        candidate = _candidate(drawn, criterion, node, decision, rng)
        if candidate is None:
            continue
        try:
            if holds(candidate, criterion, question):
                return candidate.model
        except NotApplicableError:  # too large for the exact predicates after all
            continue
    return None


def _candidate(drawn: Drawn, criterion: str, node: str, decision: str | None, rng: random.Random) -> Candidate | None:
    """Return a model with drawn mechanisms that should have the incentive, or None."""
    if criterion == "ici" and drawn.collapsed.cid.kind(node) == "decision" and rng.random() < 0.5:
        world = World.of(drawn, "ri", str(decision), node)  # a decision that is moved responds
        found = None if world is None else separating(world, rng)
        return None if found is None else Candidate(lifted(drawn, found[0]), node)
    if criterion == "ici":
        entries = sum(size for _, size in World.blocks_of(drawn))
        if entries > _ENTRIES_DRAWN:
            return None
        return Candidate(lifted(drawn, np.array([rng.randint(0, 2) for _ in range(entries)], dtype=np.float64)), node)
    world = World.of(drawn, criterion, node, decision)
    found = None if world is None else separating(world, rng)
    if world is None or found is None:
        return None
    pays, profile = found
    model = lifted(drawn, pays)
    if criterion != "voc":
        return Candidate(model, node)
    law = world.controls[profile]
    controlled = replace(drawn, rules={**drawn.rules, node: (np.ones(1), law.argmax(axis=-1)[..., None])})
    return Candidate(model, node, lifted(controlled, pays).mechanisms[node])


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
    def of(cls, cid: CID, kept: Collection[str] = ()) -> Collapsed:
        """Collapse a diagram, but for the nodes in `kept`.

        >>> cid = CID([("a", "b"), ("b", "u"), ("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
        >>> found = Collapsed.of(cid)
        >>> sorted(found.hidden), found.parents["u"]
        (['b'], ('a', 'b', 'd'))
        """
        seen = {p for d in cid.decisions for p in cid.parents(d)}.union(kept)
        hidden = set(cid.chance) - seen
        heard: dict[str, frozenset[str]] = {}
        order = [cid.nodes[i] for i in cid.topological]
        for n in order:
            heard[n] = frozenset().union(*({p} | (heard[p] if p in hidden else set()) for p in cid.parents(n)))
        place = {n: i for i, n in enumerate(order)}
        # A root has nothing to wait for, but stays where its node is in the order.
        parents = {n: tuple(sorted(heard[n], key=place.__getitem__)) for n in order if n not in hidden}
        return cls(cid, frozenset(hidden), parents)


@dataclass(frozen=True)
class Drawn:
    """Cards of all nodes that are no utility, and of the chance nodes noise and outcome."""

    collapsed: Collapsed
    cards: Mapping[str, int]
    rules: Mapping[str, tuple[Floats, Ints]]


def draw_mechanisms(collapsed: Collapsed, rng: random.Random) -> Drawn:
    """Draw domains, and functions that make incentives; every fifth time for a game of side information."""
    cid = collapsed.cid
    side = rng.random() < _SIDE_SHARE
    cards: dict[str, int] = {}
    for n in cid.nodes:
        kind = cid.kind(n)
        if kind != "utility":
            cards[n] = rng.choice((_SIDE_CARDS if side else _CARDS)["hidden" if n in collapsed.hidden else kind])
    rules = {}
    for n in (cid.nodes[i] for i in cid.topological):
        if cid.kind(n) == "chance":
            known = () if n in collapsed.hidden else collapsed.parents[n]
            rules[n] = (_side_rule if side else _rule)([cards[p] for p in known], cards[n], rng)
    return Drawn(collapsed, cards, rules)


_CARDS = {"hidden": (1, 1, 2, 2, 3, 4, 4), "chance": (1, 2, 2, 2, 3), "decision": (2, 2, 2, 3)}

_SIDE_CARDS = {"hidden": (1, 2, 3, 3), "chance": (1, 2, 3, 3, 3), "decision": (2, 2, 3)}

_NOISY = 0.15
"""How many functions have noise of their own, besides those that are noise alone."""

_SIDE_SHARE = 0.2
"""How many draws are of side information, which others seldom hit: see :func:`_side_rule`."""


def _side_rule(shape: Sequence[int], card: int, rng: random.Random) -> tuple[Floats, Ints]:
    """Draw a function for games of side information.

    A secret has three states, and a side node one of the two others, which of them by noise or by a bit of a parent.
    One decision sees the secret and has two actions; another sees the side node and that action, and guesses the
    secret: it does for certain if the first knows what the second has seen, and in five cases of six if not. Or what
    the second is told is whether the secret is what the side node says.
    """
    live = [i for i, k in enumerate(shape) if k > 1]
    threes = [i for i in live if shape[i] == 3 and card in {2, 3}]
    kind = rng.choice(("copy", "other", "other", "coin"))
    if not live or kind == "coin":
        return np.full(card, 1.0 / card), np.broadcast_to(np.arange(card), (*shape, card))
    places = np.indices(shape)
    if kind == "other" and card == 2 and len(threes) > 1:
        one, two = rng.sample(threes, 2)
        return np.ones(1), (places[one] == places[two]).astype(np.intp)[..., None]
    if kind == "other" and card == 3 and threes:
        secret = rng.choice(threes)
        by = [i for i in live if i != secret and shape[i] == 2]
        if by and rng.random() < 0.5:
            return np.ones(1), ((places[secret] + 1 + places[rng.choice(by)]) % 3)[..., None]
        return np.full(2, 0.5), (places[secret][..., None] + np.array([1, 2])) % 3
    return np.ones(1), (places[rng.choice(live)] % card)[..., None]


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
    if card == 1 or rng.random() > _NOISY:
        return sure, outcome
    if rng.random() < 0.5:  # heard through noise of which some parents' values make more than others
        return np.full(2, 0.5), np.concatenate([outcome, np.full_like(outcome, rng.randrange(card))], axis=-1)
    return np.array([0.75, 0.25]), np.concatenate([outcome, (outcome + 1) % card], axis=-1)


@dataclass(frozen=True)
class World:
    """The law of all that matters, for every rule of all decisions but one, of which contexts and actions are left.

    Attributes
    ----------
    law
        Shape ``(profiles, contexts, actions, entries)``: the joint law of the last decision's context and action and of
        what the utilities read, but for its rule; one block of entries a utility. Rules differ where a context can come
        up.
    plain
        Which profiles do without what the question is about, if the last decision does.
    groups
        Shape ``(profiles or 1, contexts, contexts)``: in which contexts the last decision has to do the same in order
        to do without, a row for each group, at its first context.
    controls
        Of the value of control, the law of the node under each profile.
    """

    law: Array
    plain: Array
    groups: Array
    controls: Sequence[Array] = ()

    @staticmethod
    def blocks_of(drawn: Drawn) -> list[tuple[str, int]]:
        """Return how many entries each utility reads."""
        collapsed = drawn.collapsed
        return [(u, math.prod(drawn.cards[p] for p in collapsed.parents[u])) for u in collapsed.cid.utilities]

    @classmethod
    def of(cls, drawn: Drawn, criterion: str, node: str, decision: str | None) -> World | None:
        """Write out the law; ``None`` where it is too large."""
        collapsed, cards = drawn.collapsed, drawn.cards
        cid = collapsed.cid
        contexts = {d: math.prod(cards[p] for p in cid.parents(d)) for d in cid.decisions}
        possible = _possible(drawn, () if criterion == "voi" else (node,))
        counted = {d: cards[d] ** int(possible[d].sum()) for d in cid.decisions}
        last = max(cid.decisions, key=counted.__getitem__)
        if criterion == "ri" and decision is not None:
            last = decision
        others = [d for d in cid.decisions if d != last]
        counts = [counted[d] for d in others]
        laws_of_node = _laws(drawn, node) if criterion == "voc" else []
        counts += [len(laws_of_node)] if laws_of_node else []
        sizes = cls.blocks_of(drawn)
        profiles = math.prod(counts)
        entries = contexts[last] * max(cards[last] * sum(size for _, size in sizes), contexts[last])
        if profiles > _PROFILES or profiles * entries > _ENTRIES:
            return None
        grid = np.indices(counts).reshape(len(counts), profiles)
        rules = {}
        for d, which in zip(others, grid, strict=False):
            table = np.zeros((counted[d], contexts[d]), dtype=np.intp)
            table[:, possible[d]] = list(product(range(cards[d]), repeat=int(possible[d].sum())))
            rules[d] = table.reshape(-1, *(cards[p] for p in cid.parents(d)))[which]
        plain = np.ones(profiles, dtype=np.bool_)
        groups = np.eye(contexts[last], dtype=np.bool_)[None]
        controls: list[Array] = []
        if criterion == "voc":
            plain, controls = grid[-1] == 0, [laws_of_node[i] for i in grid[-1]]
        elif criterion == "ri":
            alike = _responses(drawn, rules, last, node, profiles)
            if alike is None:
                return None
            groups = _grouped(alike)
        elif last == decision:
            spread = np.arange(contexts[last]).reshape([cards[p] for p in cid.parents(last)])
            first = spread.take([0], axis=cid.parents(last).index(node))
            groups = _grouped(np.broadcast_to(first, spread.shape).reshape(1, -1))
        else:
            rule = rules[str(decision)]
            axis = 1 + cid.parents(str(decision)).index(node)
            there = possible[str(decision)].reshape(1, *rule.shape[1:])
            most, least = np.where(there, rule, -1).max(axis=axis), np.where(there, rule, _PROFILES).min(axis=axis)
            plain = (most <= least).reshape(profiles, -1).all(axis=1)
        return cls(_law(drawn, rules, last, {node: controls} if controls else {}, profiles), plain, groups, controls)

    def best(self, pays: Floats, *, freely: bool) -> tuple[float, Floats, int]:
        """Return the value of the best policy, of all or of those that do without, its point and its profile."""
        worth = self.law @ pays
        contexts = np.arange(worth.shape[1])
        if freely:
            actions = worth.argmax(axis=2)
            values = worth.max(axis=2).sum(axis=1)
        else:
            pooled = np.matmul(self.groups.astype(np.float64), worth)
            chosen = np.broadcast_to(pooled.argmax(axis=2), worth.shape[:2])
            group = np.broadcast_to(self.groups.argmax(axis=1), worth.shape[:2])
            actions = np.take_along_axis(chosen, group, axis=1)
            values = np.where(self.plain, np.where(self.groups.any(axis=2), pooled.max(axis=2), 0).sum(axis=1), -np.inf)
        at = int(values.argmax())
        return float(values[at]), self.law[at][contexts, actions[at]].sum(axis=0), at


def _possible(drawn: Drawn, free: Collection[str]) -> dict[str, Mask]:
    """Say of each decision which contexts can come up, whatever decisions do and the nodes that are free come to."""
    collapsed, cards = drawn.collapsed, drawn.cards
    cid = collapsed.cid
    order = [cid.nodes[i] for i in cid.topological if cid.kind(cid.nodes[i]) != "utility"]
    fixed = {n: rule for n, rule in drawn.rules.items() if n not in free}
    sizes = [len(fixed[n][0]) if n in fixed else cards[n] for n in order]
    everything = math.prod(sizes) <= _ENTRIES
    values = dict(zip(order, np.indices(sizes).reshape(len(sizes), -1), strict=True)) if everything else {}
    for n in order if everything else ():
        if n in fixed:
            known = () if n in collapsed.hidden else collapsed.parents[n]
            values[n] = fixed[n][1][(*(values[p] for p in known), values[n])]
    found = {}
    for d in cid.decisions:
        shape = [cards[p] for p in cid.parents(d)]
        found[d] = np.full(math.prod(shape), not everything)
        if everything:
            found[d][np.ravel_multi_index([values[p] for p in cid.parents(d)], shape) if shape else 0] = True
    return found


def _law(
    drawn: Drawn, rules: Mapping[str, Array], last: str, controls: Mapping[str, Sequence[Array]], profiles: int
) -> Array:
    """Sum out the noise: the law of the last decision's context and action and of what the utilities read."""
    collapsed, cards = drawn.collapsed, drawn.cards
    cid = collapsed.cid
    number = {n: i + 1 for i, n in enumerate(cards)}
    operands: list[Any] = []
    for n, (noise, outcome) in drawn.rules.items():
        known = () if n in collapsed.hidden else collapsed.parents[n]
        if n in controls:
            operands += [np.stack(controls[n]), [0, *(number[p] for p in known), number[n]]]
        else:
            operands += [np.eye(cards[n])[outcome].transpose(*range(len(known)), -1, -2) @ noise]
            operands += [[*(number[p] for p in known), number[n]]]
    for d, rule in rules.items():
        operands += [np.eye(cards[d])[rule], [0, *(number[p] for p in cid.parents(d)), number[d]]]
    family = [number[p] for p in (*cid.parents(last), last)]
    laws = []
    for u, size in World.blocks_of(drawn):
        read = collapsed.parents[u]
        new = len(number) + 1  # what the last decision sees and does may be read, too: an axis of its own
        doubled = {number[n]: new + i for i, n in enumerate(read)}
        same = [part for n in read for part in (np.eye(cards[n]), [number[n], doubled[number[n]]])]
        ones = [np.ones((profiles, *(cards[n] for n in (*cid.parents(last), last)))), [0, *family]]
        everything: list[Any] = [*operands, *same, *ones, [0, *family, *doubled.values()]]
        law = np.einsum(*everything, optimize="greedy")
        laws.append(law.reshape(profiles, -1, cards[last], size))
    return np.concatenate(laws, axis=-1)


def _grouped(first: Ints) -> Array:
    """Write groups of contexts as rows, from the first member of each one's group."""
    found: Array = first[:, None, :] == np.arange(first.shape[1])[:, None]
    return found


def _responses(drawn: Drawn, rules: Mapping[str, Array], last: str, node: str, profiles: int) -> Ints | None:
    """Group the contexts of a decision that some noise and some value of a node lead to; ``None`` where too many."""
    collapsed, cards = drawn.collapsed, drawn.cards
    cid = collapsed.cid
    sizes = [len(noise) for noise, _ in drawn.rules.values()]
    worlds = math.prod(sizes)
    if worlds * profiles > _ENTRIES:
        return None
    noise = dict(zip(drawn.rules, np.indices(sizes).reshape(len(sizes), worlds), strict=True))
    order = [cid.nodes[i] for i in cid.topological if cid.kind(cid.nodes[i]) != "utility"]
    each = np.arange(profiles)[:, None]

    def context(value: int | None) -> Ints:
        """Return the decision's context in every profile and world, with the node set to a value."""
        values: dict[str, Ints] = {}
        for n in order:
            if n == node and value is not None:
                values[n] = np.full((1, 1), value)
            elif n in drawn.rules:
                known = () if n in collapsed.hidden else collapsed.parents[n]
                values[n] = drawn.rules[n][1][(*(values[p] for p in known), noise[n][None])]
            elif n in rules:
                values[n] = rules[n][(each, *(values[p] for p in cid.parents(n)))]
            else:
                break  # the decision in question: nothing that it sees comes after it
        at = np.zeros((1, 1), dtype=np.intp)
        for p in cid.parents(last):
            at = at * cards[p] + values[p]
        return np.broadcast_to(at, (profiles, worlds))

    before = context(None)
    moved = [context(value) for value in range(cards[node])]
    group = np.tile(np.arange(math.prod(cards[p] for p in cid.parents(last))), (profiles, 1))
    while True:
        was = group.copy()
        for after in moved:
            least = np.minimum(np.take_along_axis(group, before, 1), np.take_along_axis(group, after, 1))
            np.minimum.at(group, (each, before), least)
            np.minimum.at(group, (each, after), least)
        if np.array_equal(was, group):
            return group


def _laws(drawn: Drawn, node: str) -> list[Array]:
    """Return the law of a node as drawn, and those that control could give it: functions of what it hears."""
    card = drawn.cards[node]
    noise, outcome = drawn.rules[node]
    shape = outcome.shape[:-1]
    found = [np.eye(card)[outcome].transpose(*range(len(shape)), -1, -2) @ noise]
    contexts = math.prod(shape)
    if card**contexts <= _MECHANISMS:
        tables: Iterator[Any] = product(range(card), repeat=contexts)
        return found + [np.eye(card)[np.reshape(table, shape)] for table in tables]
    places = np.indices(shape)
    return found + [np.eye(card)[np.full(shape, x)] for x in range(card)] + [np.eye(card)[p % card] for p in places]


def separating(world: World, rng: random.Random) -> tuple[Floats, int] | None:
    """Return a utility under which doing without costs something, and the profile of a best policy; or None."""
    from scipy.optimize import linprog

    entries = world.law.shape[-1]
    for _ in range(_STARTS):
        pays = np.array([rng.randint(0, 2) for _ in range(entries)], dtype=np.float64)
        cuts: list[Floats] = []
        target: Floats | None = None
        for _ in range(_CUTS):
            value, point, profile = world.best(pays, freely=True)
            without, other, _ = world.best(pays, freely=False)
            if value > without + _GAIN:
                rounded = np.round(pays * _STEPS) / _STEPS
                again, _, rounded_profile = world.best(rounded, freely=True)
                sure = again > world.best(rounded, freely=False)[0] + _GAIN
                return (rounded, rounded_profile) if sure else (pays, profile)
            target = point if target is None else target
            if np.abs(target - other).max() <= _GAIN:
                break  # a policy that does without does the same
            cuts.append(target - other)
            cost = np.concatenate([np.zeros(entries), [-1.0]])
            rows = np.c_[-np.array(cuts), np.ones(len(cuts))]
            bounds = [(-1.0, 1.0)] * entries + [(None, None)]
            found = linprog(cost, A_ub=rows, b_ub=np.zeros(len(cuts)), bounds=bounds, method="highs")
            if found.status != 0 or found.x is None or found.x[-1] <= _GAIN:
                break
            pays = found.x[:-1]
    return None


def lifted(drawn: Drawn, pays: Floats) -> CIM:
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


def _blocks(collapsed: Collapsed, drawn: Drawn, pays: Floats) -> Iterator[tuple[str, Array]]:
    """Cut a vector of payments into one table a utility."""
    begin = 0
    for u in collapsed.cid.utilities:
        shape = [drawn.cards[n] for n in collapsed.parents[u]]
        size = math.prod(shape)
        yield u, pays[begin : begin + size].reshape(shape)
        begin += size
