r"""What a learner is given, and what learners share: episodes, credit, the unit of gains, probabilities.

**Credit.** A rule is credited with the utilities below its decision alone, each paid as soon as its parents are known:
in the turn of the last decision above it. With a discount :math:`\gamma`, 1 unless it is set, what is paid :math:`k`
decisions later counts :math:`\gamma^k`.

**Unit.** Gains are in units of what the best action typically gains on the next
(:func:`cidmesa.solve.policies.stakes.typical_gain`); a range would be that of luck, or of a penalty that nobody takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.environment import Environment, Episodes
from cidmesa.agents.policies.registry import critic
from cidmesa.agents.policies.rule import Params, Place, Rule, log_softmax, softmax, surprise
from cidmesa.agents.tensors import Inputs, Keys, uniforms
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import is_number
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import paying_only, typical_gain

AT_ONCE = 2**19
"""How many inputs of all agents a net is run on at once where nothing is learned from it."""

Rules: TypeAlias = Mapping[str, Rule]
"""The rule of each decision; decisions that share one have the same object."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """How long and how hard: steps, episodes a step, first step size, first entropy bonus, examples to learn from."""

    steps: int
    batch: int
    rate: float
    entropy: float
    examples: int | None = None

    def left(self, step: int) -> float:
        """Return the share of training that is left: step size and entropy bonus fall with it."""
        return 1 - step / self.steps


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """What a decision met and did: context, code of the input and action of each episode, ``(agents, episodes)``."""

    contexts: Ints
    codes: Ints
    actions: Ints


Act: TypeAlias = Callable[[str, Ints, Ints, Floats], Ints]
"""From decision, contexts, codes and noise on [0, 1) to positions of actions, ``(agents, episodes)`` all."""


@dataclass(frozen=True, eq=False)
class Task:
    """A model to learn in, the rules to be learned, the agents' noise, and how long.

    Attributes
    ----------
    model, rules, keys, schedule
        The world; the rule of each decision; a key of noise for each agent; how long and how hard.
    score
        The utilities that training follows; ``None``: all.
    options
        The learner's own options, an instance of the class it was registered with.
    policy, hidden, policy_options
        The kind of the rules, the widths of a net's layers and the kind's own options, for a learner that needs nets of
        its own.
    uncredited
        Decisions that do not answer for what they bring about: they act, and learn nothing from it.
    base
        The model whose stakes are the unit of gains; `model` if left out.
    """

    model: CIM
    rules: Rules
    keys: Keys
    schedule: Schedule
    score: Sequence[str] | None = None
    options: Any = None
    policy: str = "tabular"
    hidden: tuple[int, ...] = ()
    policy_options: Any = None
    uncredited: frozenset[str] = frozenset()
    base: CIM | None = None

    @cached_property
    def world(self) -> Environment:
        """The model written out for drawing."""
        return Environment(self.model, only_what_matters=True)

    @cached_property
    def paid(self) -> tuple[str, ...]:
        """The utilities that training follows."""
        return self.model.cid.utilities if self.score is None else tuple(self.score)

    @cached_property
    def below(self) -> Mapping[str, list[str]]:
        """Per decision the scored utilities that depend on it."""
        below = scored_below(self.model, self.score)
        return {decision: [] if decision in self.uncredited else found for decision, found in below.items()}

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """The decisions that some scored utility depends on, in the order in which they are taken."""
        return tuple(d for d in self.turns if self.below[d])

    @cached_property
    def turns(self) -> tuple[str, ...]:
        """All decisions, in the order in which they are taken."""
        cid = self.model.cid
        return tuple(n for n in (cid.nodes[i] for i in cid.topological) if n in cid.decisions)

    @cached_property
    def unit(self) -> float:
        """What the best action typically gains on the next, in the utilities' own unit."""
        model = self.model if self.base is None else self.base
        own = set(model.cid.nodes)
        groups = [tuple(d for d in group if d in own) for group in self.groups]
        paying = paying_only(model, [u for u in self.paid if u in own])
        return typical_gain(paying, [group for group in groups if len(group) > 1])

    def start(self) -> Params:
        """Return the parameters that the rules of all agents start with."""
        params: Params = {}
        for rule in self.rules.values():
            params.update(rule.start(self.keys))
        return params

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The groups of decisions that have one rule."""
        return shared(self.rules)

    def critic(self, decision: str) -> Rule:
        """Return a rule with one output, for guesses at what a decision will be credited with."""
        shown = self.rules[decision].inputs
        name = f"value of {decision}"
        return critic(self.policy, Place(name, shown, 1, self.hidden, self.policy_options, self.model, self.score))

    def surprise(self, params: Mapping[str, Tensor], played: Episodes) -> Tensor:
        """Return how badly rules that model the world predicted episodes, summed over agents; 0 of other rules."""
        found = (surprise(rule, params, played.values) for rule in self.rules.values())
        return sum((one for one in found if one is not None), torch.zeros((), dtype=torch.float64))

    def play(self, step: int, act: Act, world: Environment | None = None) -> tuple[Episodes, dict[str, Met]]:
        """Play a step's episodes, each agent its own, and note what every decision met.

        Nodes that matter to no decision or utility are left out, unless another `world` is given.
        """
        batch, world = self.schedule.batch, world or self.world
        episodes = np.arange(step * batch, (step + 1) * batch)
        met: dict[str, Met] = {}

        def choose(decision: str, values: Mapping[str, Ints]) -> Ints:
            contexts = np.broadcast_to(world.context(decision, values), (len(self.keys), batch))
            codes = np.zeros_like(contexts)
            width = self.rules[decision].inputs.codes
            if width > 1:
                codes = (uniforms(self.keys, f"code {decision}", episodes) * width).astype(np.intp)
            noise = uniforms(self.keys, f"act {decision}", episodes)
            met[decision] = Met(contexts, codes, act(decision, contexts, codes, noise))
            return met[decision].actions

        return world.play(self.keys, which_examples(self.keys, episodes, self.schedule.examples), choose), met

    def gain(self, played: Episodes, decision: str, discount: float = 1.0) -> Floats:
        """Return what a decision is credited with, in units, ``(agents, episodes)``."""
        own = self.trained.index(decision)
        worth = [played.utilities[u] * discount ** (self.turn_paid(u) - own) for u in self.below[decision]]
        return np.asarray(sum(worth, np.zeros(1)) / self.unit, dtype=np.float64)

    def turn_paid(self, utility: str) -> int:
        """Return in the turn of which trained decision a utility is paid: the last one above it; -1 if none is."""
        above = self.model.cid.ancestors(utility)
        return max((turn for turn, decision in enumerate(self.trained) if decision in above), default=-1)

    def earned(self, played: Episodes) -> Floats:
        """Return the mean sum of scored utilities of each agent."""
        return np.asarray(np.sum([played.utilities[u].mean(axis=1) for u in self.paid], axis=0))


def scored_below(model: CIM, score: Sequence[str] | None) -> Mapping[str, list[str]]:
    """Return per decision the scored utilities that depend on it; a decision without any is not trained.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "x"), ("b", "y")], decisions=["a", "b"], utilities=["x", "y"])
    >>> scored_below(cid.parameterise(a=[0, 1], b=[0, 1], x=lambda a: a, y=lambda b: b), ["x"])
    {'a': ['x'], 'b': []}
    """
    paid = [u for u in model.cid.utilities if score is None or u in score]
    return {d: [u for u in paid if u in model.cid.descendants(d)] for d in model.cid.decisions}


def shared(rules: Rules) -> tuple[tuple[str, ...], ...]:
    """Return the groups of decisions that have one rule."""
    groups: dict[int, list[str]] = {}
    for decision, rule in rules.items():
        groups.setdefault(id(rule), []).append(decision)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def which_examples(keys: Keys, episodes: Ints, examples: int | None) -> Ints:
    """Return the world's noise number of each episode: its own, or one of an agent's few examples, drawn again."""
    if examples is None:
        return episodes
    return np.asarray((uniforms(keys, "examples", episodes) * examples).astype(np.intp))


# Rules where they act -------------------------------------------------------------------------------------------------


def asked(rule: Rule, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
    """Return the logits of a rule where it acts, ``(agents, n, actions)``.

    Where there are fewer inputs that can come up than episodes the rule is asked once for each of them.
    """
    where = _where(rule, contexts, codes)
    if where is None:
        return rule.logits(params, contexts, codes)
    found = rule.logits(params, *_everywhere(rule.inputs, len(where)))
    return torch.take_along_dim(found, torch.from_numpy(where)[..., None], dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a rule does where it acts.

    Attributes
    ----------
    log_pi, entropies
        Log-probabilities ``(agents, inputs, actions)`` and entropies ``(agents, inputs)``.
    where
        Where each episode's input stands among these, ``(agents, episodes)``; ``None``: they are the episodes' own.
    """

    log_pi: Tensor
    entropies: Tensor
    where: Ints | None

    def probabilities(self) -> Floats:
        """Return those of all actions in each episode, ``(agents, episodes, actions)``."""
        pi: Floats = self.log_pi.detach().exp().numpy()
        return pi if self.where is None else np.take_along_axis(pi, self.where[..., None], axis=1)

    def log(self, actions: Ints) -> Tensor:
        """Return the log-probability of each episode's action, ``(agents, episodes)``."""
        if self.where is None:
            return taken(self.log_pi, actions)
        cell = self.where * self.log_pi.shape[-1] + actions
        return self.log_pi.flatten(1).gather(1, torch.from_numpy(cell))

    def entropy(self) -> Tensor:
        """Return the entropy of each episode's choice, ``(agents, episodes)``."""
        return self.entropies if self.where is None else self.entropies.gather(1, torch.from_numpy(self.where))


def answer(rule: Rule, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Answer:
    """Ask a rule what it does where it acts, contexts and codes ``(agents, episodes)``; as :func:`asked`."""
    where = _where(rule, contexts, codes)
    inputs = (contexts, codes) if where is None else _everywhere(rule.inputs, len(where))
    log_pi = log_softmax(rule.logits(params, *inputs))
    # An action that is forbidden has probability zero, and adds nothing.
    finite = log_pi.masked_fill(log_pi == -math.inf, 0.0)
    return Answer(log_pi, -(log_pi.exp() * finite).sum(dim=-1), where)


def _where(rule: Rule, contexts: Ints, codes: Ints) -> Ints | None:
    """Return where each input stands among all that can come up; ``None`` where these are more than are asked about."""
    every, width = rule.inputs.table.shape[:2]
    reached = rule.inputs.reached
    if (every if reached is None else len(reached)) * width > contexts.shape[-1]:
        return None
    if reached is None:
        return np.asarray(contexts * width + codes)
    place = np.zeros(every, dtype=np.intp)
    place[reached] = np.arange(len(reached))
    return np.asarray(place[contexts] * width + codes)


def _everywhere(inputs: Inputs, agents: int) -> tuple[Ints, Ints]:
    """Return every context that can come up with every code once, the same for all agents."""
    every, width = inputs.table.shape[:2]
    return _all(every, width, agents) if inputs.reached is None else _once(inputs.reached, width, agents)


@lru_cache(maxsize=64)
def _all(contexts: int, width: int, agents: int) -> tuple[Ints, Ints]:
    """Return the inputs of so many contexts; few, and asked for in every step, so that they are kept."""
    return _once(np.arange(contexts), width, agents)


def _once(contexts: Ints, width: int, agents: int) -> tuple[Ints, Ints]:
    """Return every code of these contexts once, the same for all agents."""
    shape = (agents, len(contexts) * width)
    return np.broadcast_to(contexts.repeat(width), shape), np.broadcast_to(
        np.tile(np.arange(width), len(contexts)), shape
    )


def taken(of_actions: Tensor, actions: Ints) -> Tensor:
    """Return the entry of the action that was taken, ``(agents, n)``."""
    return torch.take_along_dim(of_actions, torch.from_numpy(actions)[..., None], dim=-1)[..., 0]


def advantage(gain: Floats) -> Floats:
    """Return each episode's gain less the mean of the *other* episodes of the same agent."""
    n = gain.shape[-1]
    if n == 1:
        return np.asarray(gain, dtype=np.float64)
    return np.asarray((gain - gain.mean(axis=-1, keepdims=True)) * n / (n - 1), dtype=np.float64)


def brake(errors: Floats) -> Tensor:
    """Return the factor of each agent by which errors larger than the unit, on average over a step, are made small.

    Adam measures steps by what gradients were up to a thousand steps ago: a penalty of 1,000, met while an action was
    still tried, would hide a gap of 1 for the rest of training. An agent alone is slowed, and only where its own errors
    are large; the signs of what it follows are those it had.

    >>> brake(np.array([[1.0, -1.0], [30.0, -40.0]])).tolist()
    [1.0, 0.0282842712474619]
    """
    size = np.sqrt(np.mean(np.square(errors), axis=-1))
    return torch.from_numpy(1 / np.maximum(1.0, size))


def running(centre: Tensor, paid: Tensor, number: int) -> Tensor:
    """Return the mean over all steps of the upper quartile of what was paid, ``(agents, 1)``.

    A mean of all that was paid would be dragged along by a penalty that is tried less and less.

    Parameters
    ----------
    centre
        The same after the step before.
    paid
        In this step, ``(agents, episodes)``.
    number
        Of this step; the first is 0.

    >>> running(torch.tensor([[4.0]]), torch.tensor([[0.0, 1.0, 2.0, 3.0, 6.0]]), 1).tolist()
    [[3.5]]
    """
    return centre + (paid.quantile(0.75, dim=1, keepdim=True) - centre) / (number + 1)


def probabilities(
    rule: Rule, params: Mapping[str, Tensor], greedy: bool = False, contexts: Ints | None = None
) -> Tensor:
    """Return the probabilities of the actions in every context, ``(agents, contexts, actions)``; codes averaged out.

    A greedy rule takes the first action of the largest logit. Where only some contexts are asked for, it is asked about
    no others, and those have all actions alike.
    """
    agents = len(next(iter(params.values())))
    every, width = rule.inputs.table.shape[:2]
    which = np.arange(every) if contexts is None else contexts
    learning = any(value.requires_grad for value in params.values())
    pieces = 1 if learning else -(-agents * len(which) * width // AT_ONCE)
    found = [_probabilities(rule, params, greedy, part, agents) for part in np.array_split(which, max(1, pieces))]
    pi = found[0] if len(found) == 1 else torch.cat(found, dim=1)
    if contexts is None:
        return pi
    return pi.new_full((agents, every, pi.shape[-1]), 1 / pi.shape[-1]).index_copy(1, torch.from_numpy(which), pi)


def _probabilities(rule: Rule, params: Mapping[str, Tensor], greedy: bool, contexts: Ints, agents: int) -> Tensor:
    """Return the probabilities of the actions in these contexts, codes averaged out."""
    width = rule.inputs.codes
    logits = rule.logits(params, *_once(contexts, width, agents))
    if greedy:
        pi = torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)
    else:
        pi = softmax(logits)
    return pi if width == 1 else pi.reshape(agents, len(contexts), width, -1).mean(dim=2)


def require_between(number: object, argument: str) -> None:
    """Raise if an option is no number from 0 to 1.

    >>> require_between(2, "discount")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: discount= is a number from 0 to 1; got 2.
    """
    if not is_number(number) or not 0 <= float(number) <= 1:  # type: ignore[arg-type]
        raise NotApplicableError(f"{argument}= is a number from 0 to 1; got {number!r}.")
