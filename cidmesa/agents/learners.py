r"""The learners, top to bottom: what one step does, and the loop around it.

A population of agents learns the rules of all decisions at once. Every tensor has a leading axis for the agents, and
the loss is a *sum* over agents, so each gets exactly the gradient it would get alone.

**REINFORCE** [1]_. Each step plays ``batch`` episodes per agent, each agent with its own noise, and follows

.. math:: \sum_D (G_D - b)\, \nabla \log \pi(d \mid pa_D) + \eta_t \nabla H(\pi(\cdot \mid pa_D)),

where :math:`G_D` is the sum of the scored utilities below D, in units of what the best action typically gains on the
next (:func:`cidmesa.solve.policies.stakes.typical_gain`; a range would be that of luck, or of a penalty that nobody
takes), :math:`b` the mean of the other episodes of the same agent and step, and the entropy bonus :math:`\eta_t` falls
linearly to 0. The bonus keeps an agent trying: without it policy gradient stalls on the first thing that pays.

**Exact gradient.** :math:`J(\pi)` is multilinear in the rules: one contraction of the world with all rules gives it,
for all agents, and autograd its gradient. Agents differ by where they start.

Both are driven by Adam [2]_ with a step size that falls linearly to 0, as stochastic approximation asks for. A rule
that no scored utility depends on gets no gradient: it stays where it started. An agent whose numbers are no longer
finite stops where it was last whole; the others go on.

**Stopping.** A step computes a new :class:`State` and changes nothing in place, so at any moment there is one that is
whole. With ``checkpoint=`` it is saved every few seconds and on Ctrl-C, to a temporary file that then takes the place
of the old one. All noise is a function of the step (:mod:`cidmesa.agents.tensors`), so a resumed run gives the very
numbers that an undisturbed one gives.

References
----------
.. [1] R. J. Williams, "Simple statistical gradient-following algorithms …", Machine Learning 8, 1992.
.. [2] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

import math
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.environment import Environment
from cidmesa.agents.policies import Params, Rule
from cidmesa.agents.tensors import Keys, draw, uniforms
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import FileFormatError, NotApplicableError
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import paying_only, typical_gain
from cidmesa.solve.queries.payoffs import payoff_tensor

Rules: TypeAlias = Mapping[str, Rule]
"""The rule of each decision; decisions that share one have the same object."""

SECONDS = 5.0
"""How often a checkpoint is written."""


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
class State:
    """Everything a run needs to go on: parameters, Adam's two moments, and what was earned so far."""

    step: int
    params: Params
    first: Params
    second: Params
    earned: tuple[tuple[int, Floats], ...] = ()
    stopped: tuple[tuple[int, int], ...] = ()
    """Pairs (agent, step): at that step its numbers were not finite, and it stays as it was before."""


Loss: TypeAlias = Callable[[Params, int], tuple[Tensor, Floats]]
"""From parameters and step to a loss summed over agents, and what each agent earned."""


# REINFORCE ----------------------------------------------------------------------------------------------------------


def scored_below(model: CIM, score: Sequence[str] | None) -> Mapping[str, list[str]]:
    """Return per decision the scored utilities that depend on it; a decision without any is not trained.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "x"), ("b", "y")], decisions=["a", "b"], utilities=["x", "y"])
    >>> scored_below(cid.parameterise(a=[0, 1], b=[0, 1], x=lambda a: a, y=lambda b: b), ["x"])
    {'a': ['x'], 'b': []}
    """
    paid = [u for u in model.cid.utilities if score is None or u in score]
    return {d: [u for u in paid if u in model.cid.descendants(d)] for d in model.cid.decisions}


def reinforce(model: CIM, rules: Rules, keys: Keys, schedule: Schedule, score: Sequence[str] | None = None) -> Loss:
    """Return the loss whose gradient is REINFORCE's, on episodes that each agent plays for itself.

    `score` names the utilities that training follows, all if left out.
    """
    world = Environment(model, only_what_matters=True)
    below = scored_below(model, score)
    paid = model.cid.utilities if score is None else tuple(score)
    scale = typical_gain(paying_only(model, paid), _shared(rules))

    def loss(params: Params, step: int) -> tuple[Tensor, Floats]:
        episodes = np.arange(step * schedule.batch, (step + 1) * schedule.batch)
        chosen: dict[str, tuple[Tensor, Tensor]] = {}

        def choose(decision: str, values: Mapping[str, Ints]) -> Ints:
            rule = rules[decision]
            contexts = np.broadcast_to(world.context(decision, values), (len(keys), schedule.batch))
            codes = np.zeros_like(contexts)
            if rule.inputs.codes > 1:
                codes = (uniforms(keys, f"code {decision}", episodes) * rule.inputs.codes).astype(np.intp)
            log_pi, entropy = _met(rule, params, contexts, codes)
            actions = draw(log_pi.detach().exp().numpy(), uniforms(keys, f"act {decision}", episodes))
            taken = torch.take_along_dim(log_pi, torch.from_numpy(actions)[..., None], dim=-1)[..., 0]
            chosen[decision] = taken, entropy
            return actions

        played = world.play(keys, which_examples(keys, episodes, schedule.examples), choose)
        bonus = schedule.entropy * schedule.left(step)
        total = torch.zeros(())
        for decision, (log_pi, entropy) in chosen.items():
            if not below[decision]:
                continue
            gain = sum((played.utilities[u] for u in below[decision]), np.zeros(1)) / scale
            total = total - (torch.from_numpy(advantage(gain)) * log_pi + bonus * entropy).mean(dim=1).sum()
        return total, np.sum([played.utilities[u].mean(axis=1) for u in paid], axis=0)

    return loss


def _met(rule: Rule, params: Params, contexts: Ints, codes: Ints) -> tuple[Tensor, Tensor]:
    """Return log-probabilities ``(agents, n, actions)`` and entropies ``(agents, n)`` of a rule where it acts.

    Where there are fewer inputs than episodes the rule is asked once for each input.
    """
    every, width = rule.inputs.table.shape[:2]
    if every * width > contexts.shape[-1]:
        return _log_and_entropy(rule.logits(params, contexts, codes))
    grid = np.broadcast_to(np.arange(every * width), (len(contexts), every * width))
    log_pi, entropy = _log_and_entropy(rule.logits(params, grid // width, grid % width))
    where = torch.from_numpy(contexts * width + codes)
    return torch.take_along_dim(log_pi, where[..., None], dim=1), torch.take_along_dim(entropy, where, dim=1)


def _log_and_entropy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of logits, and their entropy; of what is forbidden nothing, and no gradient."""
    log_pi = torch.log_softmax(logits, dim=-1)
    finite = log_pi.masked_fill(log_pi == -math.inf, 0.0)
    return log_pi, -(log_pi.exp() * finite).sum(dim=-1)


def advantage(gain: Floats) -> Floats:
    """Return each episode's gain less the mean of the *other* episodes of the same agent."""
    n = gain.shape[-1]
    if n == 1:
        return np.asarray(gain, dtype=np.float64)
    return np.asarray((gain - gain.mean(axis=-1, keepdims=True)) * n / (n - 1), dtype=np.float64)


def which_examples(keys: Keys, episodes: Ints, examples: int | None) -> Ints:
    """Return the world's noise number of each episode: its own, or one of an agent's few examples, drawn again."""
    if examples is None:
        return episodes
    return np.asarray((uniforms(keys, "examples", episodes) * examples).astype(np.intp))


# Exact gradient -----------------------------------------------------------------------------------------------------


def exact(model: CIM, rules: Rules, keys: Keys, schedule: Schedule, score: Sequence[str] | None = None) -> Loss:
    """Return minus the expected score, written out, and its entropy bonus; `score` as for :func:`reinforce`."""
    paid = model.cid.utilities if score is None else tuple(score)
    axes, reach, pay = payoff_tensor(
        model, tuple(rules), utilities=paid, instead="learner='reinforce' plays episodes instead"
    )
    scale = typical_gain(paying_only(model, paid), _shared(rules))
    trained = {d for d, found in scored_below(model, score).items() if found}
    law, gain = torch.from_numpy(reach), torch.from_numpy(pay / scale)
    letter = {node: i + 1 for i, node in enumerate(axes)}
    families = {d: [letter[node] for node in (*model.cid.parents(d), d)] for d in rules}
    whole = list(letter.values())

    def loss(params: Params, step: int) -> tuple[Tensor, Floats]:
        whole_tables = {d: _table(model, d, rules[d], params) for d in rules}
        tables = {d: pi if d in trained else pi.detach() for d, pi in whole_tables.items()}
        operands: list[Any] = [part for d, pi in tables.items() for part in (pi, [0, *families[d]])]
        value = torch.einsum(gain, whole, *operands, [0])
        total = -value.sum()
        bonus = schedule.entropy * schedule.left(step)
        if bonus:
            met: list[Any] = [part for d, pi in tables.items() for part in (pi.detach(), [0, *families[d]])]
            for d, pi in ((d, pi) for d, pi in tables.items() if d in trained):
                visits = torch.einsum(law, whole, *met, [0, *families[d][:-1]])
                entropy = -torch.special.xlogy(pi, pi.masked_fill(pi == 0, 1.0)).sum(dim=-1)
                total = total - bonus * (visits * entropy).sum()
        return total, value.detach().numpy() * scale

    return loss


def _table(model: CIM, decision: str, rule: Rule, params: Params) -> Tensor:
    """Return all agents' rules as tables, ``(agents, cards of parents..., actions)``, averaged over codes."""
    pi = probabilities(rule, params)
    return pi.reshape(len(pi), *map(model.card, model.cid.parents(decision)), pi.shape[-1])


def probabilities(rule: Rule, params: Mapping[str, Tensor]) -> Tensor:
    """Return the probabilities of the actions in every context, ``(agents, contexts, actions)``; codes averaged out."""
    agents = len(next(iter(params.values())))
    n, codes = rule.inputs.table.shape[:2]
    grid = np.broadcast_to(np.arange(n * codes), (agents, n * codes))
    pi = torch.softmax(rule.logits(params, grid // codes, grid % codes), dim=-1)
    return pi.reshape(agents, n, codes, -1).mean(dim=2)


Learner: TypeAlias = Callable[[CIM, Rules, Keys, Schedule, Sequence[str] | None], Loss]

LEARNERS: Mapping[str, Learner] = {"reinforce": reinforce, "exact": exact}
"""The learners by name."""


# The loop -------------------------------------------------------------------------------------------------------------


def learn(
    loss: Loss, params: Params, schedule: Schedule, *, recipe: str, checkpoint: Path | None, progress: bool
) -> State:
    """Run all steps of `schedule`, from `params` or from where `checkpoint` left off.

    Parameters
    ----------
    loss
        From :func:`reinforce` or :func:`exact`.
    params
        The start.
    recipe
        What the run is, as text: a checkpoint of another one is refused.
    checkpoint
        Where the state is kept, if anywhere.
    progress
        Show a bar, once the run has taken two seconds and where there is a terminal.
    """
    from tqdm import tqdm

    zeros = {name: torch.zeros_like(value) for name, value in params.items()}
    state = State(0, params, zeros, zeros)
    if checkpoint is not None and checkpoint.exists():
        state = load(checkpoint, recipe)
    bar = tqdm(
        total=schedule.steps, initial=state.step, desc="training", unit="step", delay=2, leave=False,
        disable=None if progress else True,
    )  # fmt: skip
    saved = time.monotonic()
    try:
        with one_thread():
            while state.step < schedule.steps:
                state = advance(state, loss, schedule)
                bar.update()
                if checkpoint is not None and time.monotonic() - saved > SECONDS:
                    save(checkpoint, state, recipe)
                    saved = time.monotonic()
    finally:
        bar.close()
        if checkpoint is not None:
            save(checkpoint, state, recipe)
    return state


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread for a while: a population's tensors are small, and threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def advance(state: State, loss: Loss, schedule: Schedule) -> State:
    """Take one step of Adam and return the new state; the old one is left as it was.

    An agent whose gradient or new parameters are not finite keeps its old ones, now and in all later steps.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in state.params.items()}
    cost, earned = loss(leaves, state.step)
    found = torch.autograd.grad(cost, list(leaves.values()), allow_unused=True) if cost.requires_grad else ()
    pairs = zip(leaves, found or [None] * len(leaves), strict=True)
    gradients = {name: torch.zeros_like(leaves[name]) if g is None else g for name, g in pairs}
    t = state.step + 1
    rate = schedule.rate * schedule.left(state.step)
    first = {name: 0.9 * state.first[name] + 0.1 * g for name, g in gradients.items()}
    second = {name: 0.999 * state.second[name] + 0.001 * g * g for name, g in gradients.items()}
    params = {
        name: state.params[name] - rate * (first[name] / (1 - 0.9**t)) / ((second[name] / (1 - 0.999**t)).sqrt() + 1e-8)
        for name in leaves
    }
    params, stopped = _keep_whole(state, params)
    log = state.earned
    if state.step % max(1, schedule.steps // 100) == 0:
        log = (*log, (state.step, np.array(earned)))
    return State(t, params, first, second, log, stopped)


def _keep_whole(state: State, params: Params) -> tuple[Params, tuple[tuple[int, int], ...]]:
    """Return the new parameters with the old ones of agents that have stopped, and who has stopped when."""
    total = torch.stack([value.sum() for value in params.values()]).sum()
    if not state.stopped and bool(total.isfinite()):  # then all are; the sum of large ones may not be, and is looked at
        return params, ()
    whole = torch.stack([value.isfinite().flatten(1).all(dim=1) for value in params.values()]).all(dim=0)
    for agent, _ in state.stopped:
        whole[agent] = False
    if bool(whole.all()):
        return params, state.stopped
    known = {agent for agent, _ in state.stopped}
    new = [(agent, state.step) for agent in np.flatnonzero(~whole.numpy()).tolist() if agent not in known]
    kept = {
        name: torch.where(whole.reshape(-1, *[1] * (value.ndim - 1)), value, state.params[name])
        for name, value in params.items()
    }
    return kept, (*state.stopped, *new)


# Checkpoints ----------------------------------------------------------------------------------------------------------


def save(path: Path, state: State, recipe: str) -> None:
    """Write `state` to a temporary file beside `path`, then put it in its place: a reader sees the old or the new."""
    whole = {
        "recipe": recipe,
        "step": state.step,
        "params": state.params,
        "first": state.first,
        "second": state.second,
        "earned": [(step, torch.from_numpy(np.array(values))) for step, values in state.earned],
        "stopped": list(state.stopped),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        torch.save(whole, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path, recipe: str) -> State:
    """Read a checkpoint.

    Raises
    ------
    FileFormatError
        The file is not a checkpoint.
    NotApplicableError
        It belongs to another run.
    """
    try:
        whole = torch.load(path, weights_only=True)
        state = State(
            whole["step"], whole["params"], whole["first"], whole["second"],
            tuple((step, values.numpy()) for step, values in whole["earned"]),
            tuple((int(agent), int(step)) for agent, step in whole.get("stopped", ())),
        )  # fmt: skip
        of = whole["recipe"]
    except (RuntimeError, EOFError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise FileFormatError(
            f"{path} is not a training checkpoint ({type(error).__name__}): delete it, or give another checkpoint=."
        ) from error
    if of != recipe:
        raise NotApplicableError(
            f"{path} is the checkpoint of another run (model, learner, seed or schedule differ): "
            "give another checkpoint=, or delete the file to start anew."
        )
    return replace(state)


def _shared(rules: Rules) -> tuple[tuple[str, ...], ...]:
    """Return the groups of decisions that have one rule."""
    groups: dict[int, list[str]] = {}
    for decision, rule in rules.items():
        groups.setdefault(id(rule), []).append(decision)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
