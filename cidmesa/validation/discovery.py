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
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import Budget
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.solve import context_law
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.validation.adapting import Adapting, Frozen, Retrained, Solved, system_of
from cidmesa.validation.discovered import Discovered, Tried
from cidmesa.validation.lifted_contexts import without_adapting
from cidmesa.validation.mechanism_changes import cut_from, other_rules, other_tables, random_setting
from cidmesa.validation.mechanism_graph import MechanismEdge, game_of, predicted_responses
from cidmesa.validation.statistics import ALPHA, CHANCE, MARGIN, can_test, holm

if TYPE_CHECKING:
    from cidmesa.model import CIM

_BACKGROUNDS = 24
"""Further settings of all other mechanisms in which a solved model is tried."""

_NOTHING = 1e-9
"""Variation up to here is rounding, where rules are exact."""


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
        return without_adapting(adapting, world, dict(lifted), predicted or world.cid, margin, seed)
    given = {node: list(found) for node, found in (interventions or {}).items()}
    changed = list(world.cid.nodes) if nodes is None else [world.cid.nodes[world.cid.id(node)] for node in nodes]
    for node in given:
        world.cid.id(node)
    exact = isinstance(adapting, Solved)
    more = (_BACKGROUNDS if exact else 0) if backgrounds is None else backgrounds
    rng = np.random.default_rng(seed)
    worlds = [world.with_policy(uniform_policy(world))] + [random_setting(world, rng) for _ in range(more)]
    pairs = [(tail, head) for head in world.cid.decisions for tail in changed if tail != head]
    search = _Search(adapting, worlds, given, margin, rng, "exact" if exact else "agents")
    with Budget(None) as budget:
        bar = budget.each(pairs, "changing mechanisms", "nodes=[..] changes fewer", shown=progress)
        seen = [search.look(tail, head) for tail, head in bar]
        adjusted = holm([one.p for one in seen])
        search.require_power(len(pairs))
        found = [p <= ALPHA for p in adjusted]
        again = [pair for pair, there in zip(pairs, found, strict=True) if there]
        bar = budget.each(again, "cutting what reads them", "nodes=[..] changes fewer", shown=progress)
        terminal = {(tail, head): search.is_terminal(tail, head) for tail, head in bar}
    foretold = {(edge.tail, edge.head): edge for edge in predicted_responses(predicted or world.cid)}
    tried = tuple(
        Tried(
            *pair,
            MechanismEdge(*pair, terminal[pair]) if found[i] else None,
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
            world = cut_from(plain, tail, head) if cut else plain
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
            rules = self.given.get(node) or other_rules(world, node, self.rng)
            yield from (world.with_policy({node: rule}) for rule in rules)
            return
        given: Sequence[Any] = self.given.get(node) or other_tables(world, node, self.rng)
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
