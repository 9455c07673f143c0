r"""Agents seen alike, whether their probabilities are told or their actions can only be sampled.

Agents trained here tell :math:`\pi(a \mid pa)` exactly. Brought agents need ``len`` and ``act`` alone: their actions
are drawn in every context that some distribution reaches, at least :data:`~cidmesa.validation.statistics.LEAST_SAMPLES`
times per agent where there are no more than 64 contexts, in two independent halves. Agents of which only a record is
left, :func:`~cidmesa.agents.from_rollouts` and :func:`~cidmesa.agents.from_log`, are counted: what they did in a
context is known as well as it was seen, and contexts with fewer draws than an asked agent gives are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cidmesa.agents.environment import Environment
from cidmesa.agents.tensors import agent_keys, as_array, positions
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import uniform_rule
from cidmesa.validation.matching import checked, in_order_of, trained_on

_MANY = 64
"""Contexts above which the draws are spread thinner."""

_FEWEST = 50
"""Draws per context and half that are never gone below."""

_AT_ONCE = 2**21
"""Actions that are asked for in one call, of all agents together."""


@runtime_checkable
class Acting(Protocol):
    """What any population can do."""

    def __len__(self) -> int:
        """How many agents."""
        ...

    def act(self, observations: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
        """Return ``{decision: actions}``, arrays ``(agents, n)`` for observations ``(n,)`` or ``(agents, n)``."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """A population of which only what it did is known."""

    def __len__(self) -> int:
        """How many agents."""
        ...

    def counts(self, decision: str, model: CIM) -> NDArray[np.int64]:
        """Return counts of two halves of what was seen, ``(2, agents, contexts, actions)``."""
        ...


class Trainable(Protocol):
    """A recipe that trains the same agents again."""

    def retrain(self, *, model: CIM | None = None, without: tuple[str, ...] = ()) -> Any:
        """Train them with one thing changed."""
        ...


@dataclass(frozen=True, slots=True)
class Sparse:
    """A context of which little is known.

    Attributes
    ----------
    decision, observed
        Which one.
    draws
        How often the agent that was seen least was seen there.
    """

    decision: str
    observed: Mapping[str, Any]
    draws: int


@dataclass(frozen=True, eq=False)
class Subjects:
    """A population under test.

    Attributes
    ----------
    size
        How many agents.
    rules
        Per decision ``(agents, contexts, actions)``: probabilities, or their estimates.
    counts
        Per decision the counts of two halves of draws, ``(2, agents, contexts, actions)``; ``None`` where the rules
        are exact.
    recipe
        Trains them again; ``None`` for brought agents without one.
    """

    agents: Acting | Recorded
    size: int
    rules: Mapping[str, Floats]
    counts: Mapping[str, NDArray[np.int64]] | None
    recipe: Trainable | None

    @property
    def sampled(self) -> bool:
        """Whether the rules are estimates."""
        return self.counts is not None

    @property
    def can_be_asked(self) -> bool:
        """Whether they act anew, or a record of what they did is all there is."""
        return isinstance(self.agents, Acting)

    def policy(self, agent: int, model: CIM) -> dict[str, Floats]:
        """Return the rules of one agent as tables."""
        return {
            d: rule[agent].reshape(*map(model.card, model.cid.parents(d)), model.card(d))
            for d, rule in self.rules.items()
        }

    @cached_property
    def distinct(self) -> tuple[Ints, Ints]:
        """One agent of each rule, and for every agent which of those it is like: what a rule does is computed once."""
        every = np.concatenate([rule.reshape(self.size, -1) for rule in self.rules.values()], axis=1)
        _, first, like = np.unique(every, axis=0, return_index=True, return_inverse=True)
        return first, like.reshape(-1)

    def earn(self, model: CIM, episodes: int, seed: int) -> Floats:
        """Return the mean sum of utilities of each agent over fresh episodes of `model`."""
        world = Environment(model)
        domains = {node: as_array(model.domain(node)) for node in model.cid.nodes if model.cid.kind(node) != "utility"}
        keys = agent_keys(seed, self.size)

        def choose(decision: str, values: Mapping[str, Ints]) -> Ints:
            shape = (self.size, episodes)
            seen = {p: domains[p][np.broadcast_to(values[p], shape)] for p in model.cid.parents(decision)}
            assert isinstance(self.agents, Acting)
            return _actions(self.agents, model, decision, seen, seed, episodes)

        played = world.play(keys, np.arange(episodes), choose)
        mean: Floats = np.broadcast_to(played.total, (self.size, episodes)).mean(axis=1)
        return mean


def examine(
    setup: TrainingSetup, agents: Any, reached: Mapping[str, Ints], *, draws: int, seed: int, fewer: bool = False
) -> Subjects:
    """Read the rules of `agents`, or sample them in the contexts `reached` (positions, per decision).

    Parents and domains are matched by name. With `fewer`, rules may see fewer observations than the setup has.

    Raises
    ------
    NotApplicableError
        They are no population for this setup: other observations or domains, probabilities that are none, an action
        outside the domain or one that is forbidden where it is taken.
    """
    model = setup.require_model("judging agents")
    if hasattr(agents, "on"):  # written rules that are nobody's yet
        agents = agents.on(model)
    if not isinstance(agents, Acting | Recorded):
        raise NotApplicableError(
            f"agents are judged by what they do: len(agents) and agents.act({{node: array}}, seed); got {agents!r}. "
            "cidmesa.agents.from_rules, from_callable, from_rollouts, from_log and from_sb3 make such agents."
        )
    size = len(agents)
    if size < 1:
        raise NotApplicableError("there is no agent to judge: len(agents) is 0.")
    recipe = getattr(agents, "recipe", None)
    tell = getattr(agents, "probabilities", None)
    if tell is not None:
        source = trained_on(agents)
        rules = {}
        for decision in model.cid.decisions:
            known = source if source is not None and decision in source.cid.decisions else model
            told = checked(tell(decision), decision, known, size)
            rules[decision] = told if source is None else in_order_of(told, decision, source, model, fewer=fewer)
            _require_allowed(model, decision, rules[decision][:, reached[decision]], reached[decision])
        return Subjects(agents, size, rules, None, recipe)
    if isinstance(agents, Recorded):
        counts = {d: agents.counts(d, model) for d in model.cid.decisions}
    else:
        counts = {d: _drawn(agents, model, d, reached[d], draws, seed) for d in model.cid.decisions}
    for decision, halves in counts.items():
        _require_allowed(model, decision, halves.sum(axis=0)[:, reached[decision]], reached[decision])
    estimated = {}
    for decision, halves in counts.items():
        pooled = halves.sum(axis=0).astype(np.float64)
        total = pooled.sum(axis=-1, keepdims=True)
        even = uniform_rule(model, decision).reshape(pooled.shape[1:])
        estimated[decision] = np.where(total > 0, pooled / np.maximum(total, 1), even)
    return Subjects(agents, size, estimated, counts, recipe)


def sparse(model: CIM, counts: Mapping[str, NDArray[np.int64]], reached: Mapping[str, Ints]) -> tuple[Sparse, ...]:
    """Return the contexts that come up and in which some agent was seen fewer than 50 times in a half."""
    found = []
    for decision, halves in counts.items():
        least = halves.sum(axis=-1).min(axis=(0, 1))
        for place in reached[decision].tolist():
            if least[place] < _FEWEST:
                context = model.contexts(decision)[place]
                observed = dict(zip(model.cid.parents(decision), context, strict=True))
                found.append(Sparse(decision, observed, int(halves[:, :, place].sum(axis=(0, 2)).min())))
    return tuple(found)


def _require_allowed(model: CIM, decision: str, taken: NDArray[Any], reached: Ints) -> None:
    """Raise if an agent takes a forbidden action in a context that comes up; `taken`: (agents, reached, actions)."""
    may = model.allowed(decision)
    if may is None:
        return
    rows = may.reshape(-1, may.shape[-1])[reached]
    wrong = np.argwhere((taken > 0) & ~rows)
    if len(wrong):
        agent, place, action = wrong[0].tolist()
        context = model.contexts(decision)[int(reached[place])]
        where = ", ".join(f"{p}={v!r}" for p, v in zip(model.cid.parents(decision), context, strict=True))
        raise NotApplicableError(
            f"agent {agent} takes {model.domain(decision)[action]!r} at `{decision}`{f', {where}' if where else ''}, "
            f"which is forbidden there: allowed are "
            f"{', '.join(repr(a) for a, ok in zip(model.domain(decision), rows[place], strict=True) if ok)}."
        )


def _drawn(agents: Acting, model: CIM, decision: str, reached: Ints, draws: int, seed: int) -> NDArray[np.int64]:
    """Return the counts of two halves of draws; many contexts are shown in one call."""
    contexts, card = model.contexts(decision), model.card(decision)
    half = max(_FEWEST, draws // 2) if len(reached) <= _MANY else max(_FEWEST, draws * _MANY // (2 * len(reached)))
    counts = np.zeros((2, len(agents), len(contexts), card), dtype=np.int64)
    parents = model.cid.parents(decision)
    domains = [as_array(model.domain(parent)) for parent in parents]
    cards = [model.card(parent) for parent in parents]
    where = np.array(np.unravel_index(reached, cards)) if cards else np.zeros((0, len(reached)), dtype=np.intp)
    at_once = max(1, _AT_ONCE // (half * len(agents)))
    for first in range(0, len(reached), at_once):
        some = slice(first, first + at_once)
        seen = {
            parent: np.repeat(domain[where[axis, some]], half)
            for axis, (parent, domain) in enumerate(zip(parents, domains, strict=True))
        }
        shown = len(reached[some])
        for part in (0, 1):
            chosen = _actions(agents, model, decision, seen, seed + 2 * first + part, shown * half)
            chosen = chosen.reshape(len(agents), shown, half)
            for action in range(card):
                counts[part, :, reached[some], action] = (chosen == action).sum(axis=-1).T
    return counts


def _actions(agents: Acting, model: CIM, decision: str, seen: Mapping[str, Any], seed: int, n: int) -> Ints:
    answer = agents.act(seen, seed) if seen else _blind(agents, decision, n, seed)
    if decision not in answer:
        raise NotApplicableError(
            f"agents.act was shown {tuple(seen)!r} and returned no `{decision}`: it returns {{decision: actions}}."
        )
    chosen = np.asarray(positions(model, decision, np.asarray(answer[decision])), dtype=np.intp)
    if chosen.ndim == 1 and len(agents) == 1:
        chosen = chosen[None]
    if chosen.shape != (len(agents), n):
        raise NotApplicableError(
            f"agents.act returned actions of shape {chosen.shape} for `{decision}`, expected {(len(agents), n)}: "
            "(agents, observations)."
        )
    return chosen


def _blind(agents: Acting, decision: str, n: int, seed: int) -> Mapping[str, Any]:
    """Ask agents that observe nothing n times over."""
    drawn = [np.asarray(agents.act({}, seed + i)[decision]).reshape(len(agents), -1)[:, :1] for i in range(n)]
    return {decision: np.concatenate(drawn, axis=1)}
