"""A model one decision at a time: what happens until the next decision, what it sees, may do, and is paid.

An *episode* draws every node that does not wait for a decision, stops at the first decision, is told the action, goes
on to the next. So each utility is paid as soon as what it reads is known: a chain that pays for its first action pays
there, not at the end. Many copies are played in step with each other, each with noise of its own
(:mod:`cidmesa.agents.tensors`): copy i draws the same numbers whether it is alone or one of a thousand. That is all
that :class:`~cidmesa.agents.gym.DiagramEnv` and its vectorised form are made of. Numpy only.

What an agent is shown is what its rule may read and nothing else: the codes of Pa(D), and which rule it is asked for
(decisions that share a rule look alike). Every rule has columns of its own, zero while another one is asked.

References
----------
.. [1] M. Towers et al., "Gymnasium: a standard interface for reinforcement learning environments", arXiv:2407.17032.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.agents.environment import Environment
from cidmesa.agents.tensors import Encoder, Keys, as_array, codes_of, positions, uniforms
from cidmesa.arrays import Array, Floats, Ints
from cidmesa.errors import NotApplicableError, shortened, unknown
from cidmesa.model import CIM

Stage: TypeAlias = tuple[tuple[str, ...], str | None]
"""Nodes that are drawn, and the decision that follows."""


@dataclass(frozen=True, slots=True)
class View:
    """Where a rule's input stands in what agents are shown.

    Attributes
    ----------
    start, stop
        Its columns: first one that says that it is asked, then the codes of its parents in order.
    names
        Of the parents of the decision that the rule is named after.
    codes
        For each parent its codes, ``(values, codes, width)``.
    """

    start: int
    stop: int
    names: tuple[str, ...]
    codes: tuple[Floats, ...]


class Episode:
    """What is being played: `copies` episodes of one world, all at the same decision.

    Attributes
    ----------
    decision
        The decision that is asked for, ``None`` at the end.
    values
        By node, what is drawn or done so far: positions in its domain, ``(copies,)``; of utilities their numbers.
    """

    def __init__(self, world: World, keys: Keys, number: Ints, do: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self.world = world
        self.keys = keys
        self.number = number[:, None]
        self.values: dict[str, Array] = {}
        self.decision: str | None = None
        self._fixed = {node: int(positions(world.model, node, [value])[0]) for node, value in {**do, **given}.items()}
        self._posterior = world.posterior(do, given)
        self._owed = np.zeros(len(keys))
        self._ahead = list(world.stages(do))
        self._go_on()

    def _go_on(self) -> None:
        """Draw what waits for no decision, up to the next one that is nobody's order."""
        while self._ahead:
            nodes, decision = self._ahead.pop(0)
            for node in nodes:
                self._draw(node)
            if decision is None or decision not in self._fixed:
                self.decision = decision
                return
            self.values[decision] = np.full(len(self.keys), self._fixed[decision])

    def _draw(self, node: str) -> None:
        world, copies = self.world, len(self.keys)
        if node in world.payoffs:
            paid = np.broadcast_to(world.environment.payoff(node, self.values), (copies,))
            self.values[node] = paid
            if node in world.scored:
                self._owed = self._owed + paid
        elif node in self._fixed:
            self.values[node] = np.full(copies, self._fixed[node])
        else:
            noise = uniforms(self.keys, node, self.number)[:, 0]
            if node in self._posterior:
                self.values[node] = self._posterior[node].draw(self.values, noise)
            else:
                self.values[node] = np.broadcast_to(world.environment.draw(node, self.values, noise), (copies,))

    def act(self, actions: Ints) -> Floats:
        """Take the action with that position in the domain, one a copy; return what was paid since the last one."""
        if self.decision is None:
            raise NotApplicableError("the episode is over, and nothing is left to decide: reset().")
        self.values[self.decision] = np.asarray(actions, dtype=np.intp)
        self._go_on()
        paid, self._owed = self._owed, np.zeros(len(self.keys))
        return paid

    def shown(self) -> Floats:
        """Return what the agents see, ``(copies, width)``; all zero at the end."""
        seen = np.zeros((len(self.keys), self.world.width))
        if self.decision is None:
            return seen
        view = self.world.views[self.decision]
        seen[:, view.start] = 1.0
        at = view.start + 1
        for parent, codes in zip(self.world.model.cid.parents(self.decision), view.codes, strict=True):
            which = np.zeros(len(self.keys), dtype=np.intp)
            if codes.shape[1] > 1:
                noise = uniforms(self.keys, f"code {self.decision} {parent}", self.number)[:, 0]
                which = np.asarray(noise * codes.shape[1], dtype=np.intp)
            seen[:, at : at + codes.shape[2]] = codes[self.values[parent], which]
            at += codes.shape[2]
        return seen

    def mask(self) -> NDArray[np.bool_]:
        """Return which actions there are now, ``(copies, most actions of a decision)``; all of them at the end."""
        world = self.world
        allowed = np.ones((len(self.keys), world.most_actions), dtype=np.bool_)
        if self.decision is None:
            return allowed
        card = world.model.card(self.decision)
        allowed[:, card:] = False
        may = world.model.allowed(self.decision)
        if may is not None:
            allowed[:, :card] = may.reshape(-1, card)[world.environment.context(self.decision, self.values)]
        return allowed

    def nodes(self) -> dict[str, Array]:
        """Return the values so far by name, in the diagram's own order: members of the domain, utilities as numbers."""
        world = self.world
        return {
            node: self.values[node] if node in world.payoffs else world.domains[node][self.values[node]]
            for node in world.model.cid.nodes
            if node in self.values
        }


@dataclass(frozen=True, slots=True)
class Posterior:
    """The law of a node given what was observed and the nodes above the observations that were drawn before."""

    model: CIM
    node: str
    earlier: tuple[str, ...]
    do: Mapping[str, Any]
    given: Mapping[str, Any]

    def draw(self, values: Mapping[str, Array], noise: Floats) -> Ints:
        """Draw one value a copy."""
        drawn = np.zeros(len(noise), dtype=np.intp)
        rows = np.stack([values[node] for node in self.earlier], axis=-1) if self.earlier else np.zeros((len(noise), 0))
        for row in np.unique(rows, axis=0):
            here = (rows == row).all(axis=-1)
            before = {n: self.model.domain(n)[int(v)] for n, v in zip(self.earlier, row, strict=True)}
            law = self.model.query([self.node], given={**before, **self.given}, do=self.do)
            chances = np.cumsum([law[value] for value in self.model.domain(self.node)])[:-1]
            drawn[here] = (noise[here, None] >= chances).sum(axis=-1)
        return drawn


class World:
    """A model ready to be played decision by decision.

    Parameters
    ----------
    model
        Numeric, of one agent.
    scored
        The utilities that are paid; the others are drawn and named only.
    rules
        Tuples of decisions that share a rule.
    encoders
        How a node is coded, by name; :func:`~cidmesa.agents.tensors.one_hot` where left out.
    """

    def __init__(
        self,
        model: CIM,
        scored: Collection[str],
        rules: tuple[tuple[str, ...], ...] = (),
        encoders: Mapping[str, Encoder] | None = None,
    ) -> None:
        cid = model.cid
        if not cid.decisions:
            raise NotApplicableError("an environment asks for decisions, and this diagram has none: CID(decisions=..).")
        if len(cid.agents) > 1:
            raise NotApplicableError(
                f"an environment is played by one agent, and this diagram has {cid.agents}: demote the others' "
                "decisions and utilities."
            )
        self.encoders = encoders = dict(encoders or {})
        for node in encoders:
            cid.id(node)
        self.model = model
        self.environment = Environment(model)
        self.scored = frozenset(scored)
        self.payoffs = frozenset(cid.utilities)
        self.domains = {node: as_array(model.domain(node)) for node in cid.nodes if node not in self.payoffs}
        self.order = tuple(cid.nodes[i] for i in cid.topological)
        self.most_actions = max(model.card(decision) for decision in cid.decisions)
        self.views: dict[str, View] = {}
        self._staged: dict[frozenset[str], tuple[Stage, ...]] = {}
        first = {decision: group[0] for group in rules for decision in group}
        self.width = 0
        for decision in cid.decisions:
            name = first.get(decision, decision)
            if name not in self.views:
                codes = tuple(codes_of(p, model.card(p), encoders) for p in cid.parents(name))
                stop = self.width + 1 + sum(code.shape[2] for code in codes)
                self.views[name] = View(self.width, stop, cid.parents(name), codes)
                self.width = stop
            self.views[decision] = self.views[name]

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the least and the largest number that each column shows."""
        low, high = np.zeros(self.width), np.ones(self.width)
        for view in self.views.values():
            at = view.start + 1
            for codes in view.codes:
                columns = slice(at, at + codes.shape[2])
                low[columns] = np.minimum(0.0, codes.min(axis=(0, 1)))
                high[columns] = np.maximum(0.0, codes.max(axis=(0, 1)))
                at += codes.shape[2]
        return low, np.maximum(high, low + np.finfo(np.float32).eps)

    def begin(
        self,
        keys: Keys,
        number: Ints,
        do: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Episode:
        """Start an episode in each copy.

        Parameters
        ----------
        keys
            One a copy, from :func:`~cidmesa.agents.tensors.agent_keys`.
        number
            The number of the episode in each copy.
        do
            Nodes that are set, with their value; a decision that is set is not asked for.
        given
            Nodes that are known to have come out so: the others are drawn from what that leaves likely.

        Raises
        ------
        NotApplicableError
            A node is a utility, or no node; a value is not in its domain; what is given has probability 0 or depends
            on a decision that is still open; no decision is left open.
        """
        do, given = dict(do or {}), dict(given or {})
        self._check(do, given)
        return Episode(self, keys, np.asarray(number), do, given)

    def _check(self, do: dict[str, Any], given: dict[str, Any]) -> None:
        cid = self.model.cid
        for what, fixed in (("do", do), ("given", given)):
            for node, value in fixed.items():
                if node in self.payoffs or (what == "given" and cid.kind(node) == "decision"):
                    kind = "utility" if node in self.payoffs else "decision"
                    instead = "chance nodes and decisions" if what == "do" else "chance nodes; do= sets decisions"
                    raise NotApplicableError(f"{what}={{{node!r}: ..}} names a {kind}: {what}= is about {instead}.")
                positions(self.model, node, [value])
        both = sorted(set(do) & set(given))
        if both:
            raise NotApplicableError(
                f"`{both[0]}` stands in do= and in given=, and what is set tells nothing: pick one."
            )
        if set(cid.decisions) <= set(do):
            raise NotApplicableError("do= sets every decision, so that nothing is left to decide: leave one out.")
        above = self._above(given, do)
        open_ones = [d for d in cid.decisions if d in above and d not in do]
        if open_ones:
            raise NotApplicableError(
                f"what is given depends on `{open_ones[0]}`, which is still to be decided: give nodes before it, or "
                f"set it, do={{{open_ones[0]!r}: ..}}."
            )

    def _above(self, nodes: Collection[str], do: Collection[str]) -> set[str]:
        """Return `nodes` and what leads to them where nodes in `do` are set; of no nodes, none."""
        cid = self.model.cid
        cut = (
            cid.without_edges([(parent, node) for node in do for parent in cid.parents(node)]) if nodes and do else cid
        )
        return set(nodes).union(*(cut.ancestors(node) for node in nodes))

    def posterior(self, do: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Posterior]:
        """Return the laws that what is given changes, by node; refuse what has probability 0."""
        if not given:
            return {}
        above = self._above(given, do)
        asked = [node for node in self.order if node in above and node not in given and node not in do]
        laws = {
            node: Posterior(self.model, node, tuple(asked[:i]), dict(do), dict(given)) for i, node in enumerate(asked)
        }
        names = sorted(given)
        law = self.model.query(names, do=do)
        if not law[tuple(given[n] for n in names) if len(names) > 1 else given[names[0]]] > 0:
            said = ", ".join(f"{node}={value!r}" for node, value in given.items())
            raise NotApplicableError(f"given= has probability 0 here, {said}: give what can come about.")
        return laws

    def stages(self, do: Collection[str]) -> tuple[Stage, ...]:
        """Return what is drawn before each decision, and the decision; at the end the rest, and ``None``."""
        key = frozenset(do)
        if key not in self._staged:
            self._staged[key] = tuple(self._stage_by_stage(key))
        return self._staged[key]

    def _stage_by_stage(self, do: Collection[str]) -> Iterator[Stage]:
        cid = self.model.cid
        known: set[str] = set()
        waiting = [node for node in self.order if cid.kind(node) != "decision"]
        for decision in [node for node in self.order if cid.kind(node) == "decision"]:
            ready: list[str] = []
            later: list[str] = []
            for node in waiting:
                if node in do or known.issuperset(cid.parents(node)):
                    ready.append(node)
                    known.add(node)
                else:
                    later.append(node)
            yield tuple(ready), decision
            known.add(decision)
            waiting = later
        yield tuple(waiting), None


class Setup(Protocol):
    """What playing needs to know of a training setup."""

    @property
    def distributions(self) -> tuple[str, ...]:
        """Training and the deployments, by name."""
        ...

    @property
    def training_score(self) -> tuple[str, ...]:
        """The utilities that training follows."""
        ...

    @property
    def shared_rules(self) -> tuple[tuple[str, ...], ...]:
        """Decisions that follow one rule."""
        ...

    def require_model(self, question: str) -> CIM:
        """Return the model in training, or raise."""
        ...

    def deployed(self, name: str) -> CIM:
        """Return the model of a distribution."""
        ...


def worlds_of(model: CIM | Setup, encoders: Mapping[str, Encoder] | None) -> dict[str, World]:
    """Return the world of each distribution of a setup, by name; of a model alone its only one, ``"training"``."""
    if isinstance(model, CIM):
        return {"training": World(model, model.cid.utilities, encoders=encoders)}
    if not hasattr(model, "deployed"):
        raise NotApplicableError(
            f"an environment plays a model or a training setup, TrainingSetup(model, ..); got {shortened(model)}."
        )
    model.require_model("an environment")
    worlds = {
        name: World(model.deployed(name), model.training_score, model.shared_rules, encoders)
        for name in model.distributions
    }
    first = worlds["training"]
    for name, world in worlds.items():
        if (world.width, world.most_actions) != (first.width, first.most_actions):
            raise NotApplicableError(
                f"what agents see in '{name}' has other values than in training: declare all values in training, with "
                "probability 0."
            )
    return worlds


def named(worlds: Mapping[str, World], name: str) -> World:
    """Return the world of a distribution."""
    try:
        return worlds[name]
    except (KeyError, TypeError):
        raise unknown(name, worlds, what="a distribution of this setup") from None
