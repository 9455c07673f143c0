r"""Who is an agent here, and for what: discovered by changing mechanisms and watching whose rule changes with them.

Agents are systems that would adapt their policy if their actions influenced the world in a different way (Kenton et
al. [1]_). So change one mechanism with all others held fixed, let the system adapt, and see which rules became others
(Algorithm 1: leave one out); do it again where nothing reads the changed node (a response that is left is *terminal*);
and read the game off the edges (Algorithm 2, :func:`.game_of`). The result stands beside what the diagram as it was
drawn predicts (Algorithm 3, :func:`.predicted_responses`).

**With adaptation** (the default). A model is solved anew, agents with a recipe are trained again with the same seeds,
a function is asked. That finds the *base* level: training, or evolution, is part of the system. Agents that no recipe
makes again have one rule in every world, so nothing responds and no agent is found: a frozen table is none.

**Without adaptation**, ``lifted={"pay": "W_pay"}``. A frozen rule can still respond to a mechanism that it is told of.
The node ``W_pay`` is a parent of ``pay`` that sets its mechanism (:func:`cidmesa.lift_context`), and the rule is
compared between its values, all else that is observed being equal: the *mesa* level. It is terminal where each child of
``pay`` is set, by a lifted context of its own, to something that does not read ``pay``.

>>> import cidmesa as cm
>>> mouse = cm.CID([("go", "position"), ("position", "cheese")], decisions=["go"], utilities=["cheese"])
>>> model = mouse.parameterise(go=["left", "right"], position=cm.Noisy(lambda go: go, 0.25),
...                            cheese=lambda position: int(position == "right"))
>>> print(discover_agents(model))
Responses of rules to mechanisms (solved exactly)
mechanism  rule  predicted  found     effect  trials
─────────  ────  ─────────  ────────  ──────  ──────
position   go    yes        yes            1       1
cheese     go    terminal   terminal       1       1
Game(0: go for cheese). As predicted.
>>> frozen = cm.agents.from_rules([{"go": lambda: "right"}], model)
>>> discover_agents(frozen, model=model).game
Game(no agent)

References
----------
.. [1] Z. Kenton, R. Kumar, S. Farquhar, J. Richens, M. MacDermott and T. Everitt, "Discovering agents", Artificial
   Intelligence 322, 2023 (arXiv 2208.08345).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.clock import Budget
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Table
from cidmesa.mesa.predictions.comparable_contexts import observation_pairs
from cidmesa.shown import Shown
from cidmesa.solve import context_law
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.validation.adapting import Adapting, Frozen, Retrained, Solved, system_of, watched
from cidmesa.validation.mechanism_graph import Game, MechanismEdge, game_of, predicted_responses
from cidmesa.validation.statistics import ALPHA, CHANCE, MARGIN, can_test, holm, pair_bounds

if TYPE_CHECKING:
    from cidmesa.model import CIM

_BACKGROUNDS = 24
"""Further settings of all other mechanisms in which a solved model is tried."""

_NOTHING = 1e-9
"""Variation up to here is rounding, where rules are exact."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was seen of one mechanism and one rule.

    Attributes
    ----------
    tail, head
        The node whose mechanism was changed, and the decision whose rule was watched.
    edge
        The response that was found; ``None`` where there is none.
    predicted
        The one that the diagram predicts; ``None`` where it predicts none.
    effect
        The largest total variation between the rules before and after, over the contexts that come up in both (mean
        over agents).
    trials
        Changes in which some context came up both before and after.
    p
        Of agents that are trained again or asked: how likely so many of them change their rule by accident, corrected
        for all that was tried; 0 or 1 where rules are exact.
    why
        Why nothing could be seen, if so.
    """

    tail: str
    head: str
    edge: MechanismEdge | None
    predicted: MechanismEdge | None
    effect: float
    trials: int
    p: float
    why: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Discovered(Shown):
    """Who was found to be an agent, and how that differs from what was predicted.

    Attributes
    ----------
    game
        The discovered game: its graph, decisions and utilities with their agents.
    tried
        Every mechanism and rule that were tried.
    kind
        How the system adapts, in words.
    lifted
        Node → the context that sets its mechanism; empty where the system adapted.
    """

    game: Game
    tried: tuple[Tried, ...]
    kind: str
    lifted: Mapping[str, str] = field(default_factory=dict)

    @property
    def cid(self) -> CID:
        """The discovered graph, with its decisions and utilities."""
        return self.game.cid

    @property
    def edges(self) -> tuple[MechanismEdge, ...]:
        """The responses that were found."""
        return tuple(one.edge for one in self.tried if one.edge is not None)

    @property
    def predicted(self) -> tuple[MechanismEdge, ...]:
        """The responses that the diagram predicts."""
        return tuple(one.predicted for one in self.tried if one.predicted is not None)

    @property
    def missing(self) -> tuple[MechanismEdge, ...]:
        """Predicted and not found, or found to be of the other kind."""
        return tuple(e for one in self.tried if (e := one.predicted) is not None and not _agree(one.edge, e))

    @property
    def unpredicted(self) -> tuple[MechanismEdge, ...]:
        """Found and not predicted, or predicted to be of the other kind."""
        return tuple(e for one in self.tried if (e := one.edge) is not None and not _agree(e, one.predicted))

    @property
    def as_predicted(self) -> bool:
        """Whether all that was tried came out as predicted."""
        return not self.missing and not self.unpredicted

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {
                "mechanism": one.tail,
                "rule": one.head,
                "predicted": _said(one.predicted),
                "found": _said(one.edge),
                "effect": one.effect,
                "trials": one.trials,
                "why": one.why,
            }
            for one in self.tried
        ]
        if not any(one.why for one in self.tried):
            for row in rows:
                del row["why"]
        return rows

    def _caption(self) -> str:
        return f"Responses of rules to mechanisms ({self.kind})"

    def _note(self) -> str:
        words = f"{self.game!r}. "
        if self.as_predicted:
            return words + "As predicted."
        for what, edges in (("Predicted and not found", self.missing), ("Not predicted", self.unpredicted)):
            if edges:
                words += f"{what}: {', '.join(map(str, edges))}. "
        return words.strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the game and all that was tried as plain data."""
        return {
            "decisions": dict(self.game.decisions),
            "utilities": dict(self.game.utilities),
            "kind": self.kind,
            "lifted": dict(self.lifted),
            "tried": self._rows(),
            "missing": [str(edge) for edge in self.missing],
            "unpredicted": [str(edge) for edge in self.unpredicted],
        }

    def __repr__(self) -> str:
        found = "as predicted" if self.as_predicted else f"{len(self.missing) + len(self.unpredicted)} differences"
        return f"Discovered({self.game!r}, {found})"


def discover_agents(
    system: Any,
    interventions: Mapping[str, Iterable[Any]] | None = None,
    *,
    model: CIM | None = None,
    lifted: Mapping[str, str] | None = None,
    predicted: CID | None = None,
    nodes: Iterable[str] | None = None,
    backgrounds: int | None = None,
    margin: float = MARGIN,
    seed: int = 0,
    progress: bool = True,
) -> Discovered:
    r"""Discover which nodes are decisions and utilities, and of whom, from how rules respond to mechanisms.

    Parameters
    ----------
    system
        A model, whose decisions are solved (each for its own agent); agents with a recipe, which are trained again;
        agents without one, which are frozen; or a function from a model to a policy of it, ``{decision: rule}``: any
        process that makes rules, a designer or a learner of your own. In what it is given, all rules but one are fixed.
    interventions
        Node → the mechanisms that are tried in its place. Left out: for a chance node its values exchanged and laws
        tilted, for utilities the negative and their entries shifted, for the rule of another decision other rules.
    model
        The world, where the system does not say it itself. Its decisions are the nodes whose rules may adapt.
    lifted
        Without adaptation: node → the parent of it that sets its mechanism.
    predicted
        The game to compare with; left out, the model's own diagram.
    nodes
        Whose mechanisms are changed; all, if left out.
    backgrounds
        In how many random settings of all other mechanisms a change is tried, beside the model's own. Left out: 24 for
        a model, none where training or asking costs something.
    margin
        Total variation that counts as nothing, for agents.
    seed
        Of the settings and of what is sampled.
    progress
        Show a bar once it takes more than two seconds, where there is a terminal.

    Returns
    -------
    Discovered

    Raises
    ------
    NotApplicableError
        It is no system; no agent, or too few to tell an effect from chance; a function that reports no rule for a
        decision; a lifted context that is no parent of its node.
    UnknownNodeError
        A node that is not in the model.

    Notes
    -----
    *Exact systems*: a rule is the set of optimal actions in a context, and a found edge is a proof; one that is absent
    was not seen in any trial, and where it is not predicted either, d-separation proves that there is none. *Agents*
    show a response if their rule moves by more than `margin` beyond what another seed moves it in the same world; an
    edge needs more of them than chance explains (5 %, exact binomial test, Bonferroni over what was tried in place of
    one mechanism and Holm over all edges). The rule in contexts that do not come up both before and after is not looked
    at; where there is no such context the row says so.

    References
    ----------
    Kenton et al. 2023, Algorithms 1 to 3.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("heat", "warm"), ("warm", "comfort")], decisions=["heat"], utilities=["comfort"])
    >>> model = cid.parameterise(heat=["off", "on"], warm=lambda heat: int(heat == "on"), comfort=lambda warm: warm)
    >>> found = discover_agents(model)                       # with its designer, the thermostat is an agent
    >>> dict(found.game.decisions), dict(found.game.utilities), found.as_predicted
    ({'heat': 0}, {'comfort': 0}, True)
    >>> discover_agents(lambda world: {"heat": lambda: "on"}, model=model).edges             # the device alone is none
    ()
    """
    adapting = system_of(system, model)
    world = adapting.model
    if lifted is not None:
        return _without_adapting(adapting, world, dict(lifted), predicted or world.cid, margin, seed)
    given = {node: list(found) for node, found in (interventions or {}).items()}
    changed = list(world.cid.nodes) if nodes is None else [world.cid.nodes[world.cid.id(node)] for node in nodes]
    for node in given:
        world.cid.id(node)
    exact = isinstance(adapting, Solved)
    more = (_BACKGROUNDS if exact else 0) if backgrounds is None else backgrounds
    rng = np.random.default_rng(seed)
    worlds = [world.with_policy(uniform_policy(world))] + [_random(world, rng) for _ in range(more)]
    pairs = [(tail, head) for head in world.cid.decisions for tail in changed if tail != head]
    search = _Search(adapting, worlds, given, margin, rng, "exact" if exact else "agents")
    with Budget(None) as budget:
        bar = budget.each(pairs, "changing mechanisms", "nodes=[..] changes fewer", shown=progress)
        seen = [search.look(tail, head) for tail, head in bar]
        adjusted = holm([one.p for one in seen])
        search.require_power(len(pairs))
        found = [p <= ALPHA for p in adjusted]
        again = [(i, pair) for i, pair in enumerate(pairs) if found[i]]
        bar = budget.each(again, "cutting what reads them", "nodes=[..] changes fewer", shown=progress)
        terminal = {i: search.is_terminal(*pair) for i, pair in bar}
    foretold = {(edge.tail, edge.head): edge for edge in predicted_responses(predicted or world.cid)}
    tried = tuple(
        Tried(
            *pair,
            MechanismEdge(*pair, terminal[i]) if found[i] else None,
            foretold.get(pair),
            seen[i].effect,
            seen[i].trials,
            adjusted[i],
            seen[i].why(adapting),
        )
        for i, pair in enumerate(pairs)
        if not exact or found[i] or pair in foretold or seen[i].trials == 0
    )
    return Discovered(game_of(world.cid, [one.edge for one in tried if one.edge]), tried, adapting.kind)


# One mechanism and one rule -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    effect: float = 0.0
    trials: int = 0
    p: float = 1.0

    def why(self, system: Adapting) -> str:
        """Say why nothing was seen, if nothing could be."""
        if isinstance(system, Frozen):
            return "a frozen rule is the same in every world"
        return "" if self.trials else "no change reaches a context that came up before"


@dataclass
class _Search:
    """Changes mechanisms one at a time; rules that it has asked for are kept."""

    system: Adapting
    worlds: Sequence[CIM]
    given: Mapping[str, Sequence[Any]]
    margin: float
    rng: np.random.Generator
    mode: str
    size: int = 1
    most: int = 1
    _rules: dict[Any, Floats] = field(default_factory=dict)
    _noise: dict[str, Floats] = field(default_factory=dict)

    def look(self, tail: str, head: str, *, cut: bool = False) -> _Look:
        """Return the strongest response of the rule at `head` to the mechanism of `tail`."""
        best, trials, p, tests = 0.0, 0, 1.0, 0
        if isinstance(self.system, Frozen):
            return _Look()
        for number, plain in enumerate(self.worlds):
            world = _cut(plain, tail, head) if cut else plain
            blind = (tail,) if cut and tail in world.cid.parents(head) else ()
            key = (number, head, tail if cut else None)
            for after in self._changes(world, tail):
                both, weight = _common(world, after, head)
                tests += 1
                if not both.any():
                    continue
                trials += 1
                moved = self._moved(key, head, world, after, blind, weight)
                best = max(best, float(moved.mean()))
                if self.mode == "exact":
                    if best > _NOTHING:
                        return _Look(best, trials, 0.0)
                    continue
                showing = moved > self._noise_of(head, world, weight) + self.margin
                self.size = len(moved)
                p = min(p, self._chance(int(showing.sum()), len(moved)))
        self.most = max(self.most, tests)
        return _Look(best, trials, min(1.0, p * max(tests, 1)))

    def is_terminal(self, tail: str, head: str) -> bool | None:
        """Say whether the response is still there where nothing reads `tail`."""
        try:
            return self.look(tail, head, cut=True).p <= ALPHA
        except NotApplicableError:
            return None  # what is allowed depends on it, so that it cannot be hidden

    def require_power(self, pairs: int) -> None:
        """Refuse agents of whom not even a response of all would tell anything."""
        if self.mode == "exact" or isinstance(self.system, Frozen) or not isinstance(self.system, Retrained):
            return
        least = CHANCE**self.size * self.most * pairs
        if least > ALPHA:
            needed = int(np.ceil(np.log(ALPHA / (self.most * pairs)) / np.log(CHANCE)))
            raise NotApplicableError(
                f"{self.size} agents cannot show a response among {pairs} that are tried: train at least {needed}."
            )

    def _chance(self, showing: int, size: int) -> float:
        """Return how likely so many agents show a response by accident; what a function says is no accident."""
        if not isinstance(self.system, Retrained):
            return 0.0 if showing else 1.0
        return can_test(showing, size).support

    def _moved(self, key: Any, head: str, before: CIM, after: CIM, blind: tuple[str, ...], weight: Floats) -> Floats:
        if key not in self._rules:
            self._rules[key] = self.system.rules(head, before, blind)
        return _apart(self._rules[key], self.system.rules(head, after, blind), weight)

    def _noise_of(self, head: str, world: CIM, weight: Floats) -> Floats | float:
        """Return how far training with other seeds moves the rule of each agent in the same world."""
        if not isinstance(self.system, Retrained):
            return 0.0
        if head not in self._noise:
            other = self.system.anew(head, self.worlds[0])
            own = self._rules[0, head, None]
            self._noise[head] = np.zeros_like(own) if other is None else other - own
        return np.asarray(np.abs(self._noise[head]).sum(axis=-1) / 2 @ weight)

    def _changes(self, world: CIM, node: str) -> Iterator[CIM]:
        """Yield the world with another mechanism of `node`."""
        if world.cid.kind(node) == "decision":
            rules = self.given.get(node) or _other_rules(world, node, self.rng)
            yield from (world.with_policy({node: rule}) for rule in rules)
            return
        given: Sequence[Any] = self.given.get(node) or _other_tables(world, node, self.rng)
        few = given if self.mode == "exact" or node in self.given else given[:2]
        yield from (world.shift({node: mechanism}) for mechanism in few)


def _common(before: CIM, after: CIM, head: str) -> tuple[Mask, Floats]:
    """Return which contexts come up in both worlds, and how often."""
    one, two = (np.asarray(context_law(world, head), dtype=np.float64).reshape(-1) for world in (before, after))
    both = (one > 0) & (two > 0)
    return both, np.where(both, (one + two) / 2, 0.0)


def _apart(before: Floats, after: Floats, weight: Floats) -> Floats:
    """Return the total variation of each agent's rules, ``(agents,)``."""
    moved: Floats = np.abs(before - after).sum(axis=-1) / 2 @ weight
    return moved


def _cut(world: CIM, tail: str, head: str) -> CIM:
    """Return the world in which no child of `tail` reads it; `head` is dealt with by hiding it."""
    tables: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for child in world.cid.children(tail):
        if child == head:
            continue
        table = np.asarray(world.rules[child] if world.cid.kind(child) == "decision" else world.cpd(child))
        axis = world.cid.parents(child).index(tail)
        deaf = np.broadcast_to(table.take([0], axis=axis), table.shape)
        if world.cid.kind(child) == "decision":
            rules[child] = deaf
        else:
            tables[child] = _as_table(world, child, deaf)
    return world.shift(tables).with_policy(rules) if rules else world.shift(tables)


def _as_table(world: CIM, node: str, values: Any) -> Table:
    return Table(np.array(values, dtype=np.float64), domain=None if _pays(world, node) else world.domain(node))


def _pays(world: CIM, node: str) -> bool:
    return world.cid.kind(node) == "utility"


def _other_tables(world: CIM, node: str, rng: np.random.Generator) -> list[Table]:
    """Return mechanisms to try in the place of one."""
    table = np.asarray(world.cpd(node), dtype=np.float64)
    if _pays(world, node):
        found = [-table, *(np.roll(table, 1, axis=axis) for axis in range(table.ndim))]
        found.append(rng.permuted(table.reshape(-1)).reshape(table.shape))
    else:
        count = table.shape[-1]
        tilt = np.arange(1, count + 1) ** 2
        tilted = np.broadcast_to(tilt / tilt.sum(), table.shape)
        found = [
            np.roll(table, 1, axis=-1),
            (table + tilted) / 2,
            tilted,
            rng.dirichlet(np.ones(count), table.shape[:-1]),
        ]
    return [_as_table(world, node, one) for one in found if not np.allclose(one, table, atol=1e-12)]


def _other_rules(world: CIM, node: str, rng: np.random.Generator) -> list[Floats]:
    """Return rules to try in the place of another decision's."""
    return [_rule(world, node, rng) for _ in range(3)]


def _rule(world: CIM, node: str, rng: np.random.Generator) -> Floats:
    """Draw a rule that mostly takes one action of those that are allowed."""
    shape = (*map(world.card, world.cid.parents(node)), world.card(node))
    may = world.allowed(node)
    weights = rng.exponential(size=shape) ** 3 * (1.0 if may is None else may)
    rule: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return rule


def _random(world: CIM, rng: np.random.Generator) -> CIM:
    """Return the model with other mechanisms and rules throughout."""
    tables = {}
    for node in world.cid.nodes:
        if world.cid.kind(node) == "decision":
            continue
        shape = np.shape(world.cpd(node))
        values = rng.normal(size=shape) if _pays(world, node) else rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        tables[node] = _as_table(world, node, values)
    return world.shift(tables).with_policy({d: _rule(world, d, rng) for d in world.cid.decisions})


def _agree(found: MechanismEdge | None, predicted: MechanismEdge | None) -> bool:
    """Say whether what was found is what was predicted, as far as it was tried."""
    if found is None or predicted is None:
        return found is predicted
    return found.terminal is None or found.terminal == predicted.terminal


def _said(edge: MechanismEdge | None) -> str:
    if edge is None:
        return "no"
    return {True: "terminal", False: "yes", None: "yes, of which kind not tried"}[edge.terminal]


# Without adaptation ---------------------------------------------------------------------------------------------------


def _without_adapting(
    system: Adapting, world: CIM, lifted: dict[str, str], predicted: CID, margin: float, seed: int
) -> Discovered:
    """Compare frozen rules between the values of the contexts that they are told of."""
    for node, context in lifted.items():
        if world.cid.nodes[world.cid.id(context)] not in world.cid.parents(node):
            raise NotApplicableError(
                f"`{context}` does not set the mechanism of `{node}`: it is no parent of it, "
                f"cm.lift_context(cid, [{node!r}])."
            )
    foretold = {(edge.tail, edge.head): edge for edge in predicted_responses(predicted)}
    told = isinstance(system, Solved)
    subjects = None if told else watched(system.agents if isinstance(system, Frozen) else _made(system), world, seed)
    tried = []
    for head, (tail, context) in product(world.cid.decisions, lifted.items()):
        parents = world.cid.parents(head)
        if tail == head:
            continue
        if context not in parents:
            tried.append(Tried(tail, head, None, None, 0.0, 0, 1.0, f"`{head}` is not told of `{context}`"))
            continue
        law = np.asarray(context_law(world, head, policy=uniform_policy(world)), dtype=np.float64)
        free = np.ones(law.shape, dtype=bool)
        where = _deaf(world, tail, head, lifted)
        effects, ps, counts = [], [], []
        for keep in (free, where):
            if keep is None:
                continue
            pairs = observation_pairs(np.where(keep, law, 0.0), parents.index(context))
            counts.append(len(pairs))
            if not len(pairs):
                effects.append(0.0)
                ps.append(1.0)
                continue
            scale = pairs.weights / pairs.greatest
            if subjects is None:
                moved = _between(system.rules(head, world.with_policy(_others(world, head))), pairs.left, pairs.right)
                effects.append(float((moved @ scale).mean()))
                ps.append(0.0 if moved.max() > _NOTHING else 1.0)
            elif subjects.counts is not None:
                bounds = pair_bounds(subjects.counts[head], pairs.left, pairs.right, scale)
                effects.append(float(bounds.estimate.mean()))
                ps.append(can_test(int((bounds.lower > margin).sum()), subjects.size).support)
            else:
                moved = _between(subjects.rules[head], pairs.left, pairs.right) @ scale
                effects.append(float(moved.mean()))
                ps.append(can_test(int((moved > margin).sum()), subjects.size).support)
        terminal = None if where is None else len(ps) > 1 and ps[1] <= ALPHA
        edge = MechanismEdge(tail, head, terminal) if ps[0] <= ALPHA else None
        why = "" if counts[0] else f"no two contexts that come up differ in `{context}` alone"
        tried.append(Tried(tail, head, edge, foretold.get((tail, head)), effects[0], counts[0], ps[0], why))
    edges = [one.edge for one in tried if one.edge]
    return Discovered(game_of(world.cid, edges), tuple(tried), "frozen rules, contexts lifted", lifted)


def _made(system: Adapting) -> Any:
    """Return the agents of a system that makes them, as they are in its own world."""
    from cidmesa.agents.brought import from_rules

    if isinstance(system, Retrained):
        return system.recipe.retrain(model=system.model)
    policy = {
        d: system.rules(d, system.model.with_policy(_others(system.model, d)))[0] for d in system.model.cid.decisions
    }
    shaped = {d: rule.reshape(*map(system.model.card, system.model.cid.parents(d)), -1) for d, rule in policy.items()}
    return from_rules([shaped], system.model)


def _others(world: CIM, head: str) -> dict[str, Floats]:
    return {d: rule for d, rule in uniform_policy(world).items() if d != head}


def _between(rules: Floats, left: Ints, right: Ints) -> Floats:
    """Return the total variation of each agent's rule between the contexts of each pair."""
    apart: Floats = np.abs(rules[:, left] - rules[:, right]).sum(axis=-1) / 2
    return apart


def _deaf(world: CIM, tail: str, head: str, lifted: Mapping[str, str]) -> Mask | None:
    """Mark the contexts of `head` in which every other child of `tail` is set not to read it; ``None``: cannot be."""
    parents = world.cid.parents(head)
    keep = np.ones(tuple(map(world.card, parents)), dtype=bool)
    for child in world.cid.children(tail):
        if child == head:
            continue
        context = lifted.get(child)
        if context is None or context not in parents or world.cid.kind(child) == "decision":
            return None
        table = np.asarray(world.cpd(child), dtype=np.float64)
        names = world.cid.parents(child)
        ahead = np.moveaxis(table, (names.index(context), names.index(tail)), (0, 1))
        deaf = np.array([np.allclose(one, one[:1], atol=1e-12) for one in ahead])
        shape = [1] * len(parents)
        shape[parents.index(context)] = len(deaf)
        keep &= deaf.reshape(shape)
    return keep if keep.any() else None
