r"""A model as tensors: value, gradient and Q-values of a batch of policies, and episodes, on any device.

With a rule :math:`\pi_D(d \mid pa_D)` for every decision the expected utility is multilinear in the rules,

.. math:: J(\pi) = \sum_{v} \prod_{X} P(x \mid pa_X) \prod_D \pi_D(d \mid pa_D) \sum_U u(pa_U).

Three ways lead to it, and :attr:`Compiled.method` says which one was taken:

=============  =====================================================================================================
``tensor``     everything that the decisions see and do, multiplied out once; one contraction with the rules
``elimination``  one node after another is summed out, the rules of all agents at once; what does not depend on a
               rule is done when the model is compiled
``sampling``   neither fits: episodes are played, and what comes out is an estimate whose gradient is unbiased
=============  =====================================================================================================

>>> import cidmesa as cm
>>> cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(x=cm.Bernoulli(0.25), act=[0, 1], pay=lambda x, act: 4 * int(x == act))
>>> compiled = Compiled(model)
>>> copy_and_fixed = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])     # two agents
>>> compiled.method, compiled.value({"act": copy_and_fixed}).tolist()
('tensor', [4.0, 3.0])
>>> compiled.q_values({"act": copy_and_fixed}, "act")[1].tolist()
[[4.0, 0.0], [0.0, 4.0]]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.devices import DTYPES, read_device, read_dtype, require_device
from cidmesa.agents.elimination import FOLDED, LETTERS, Elimination, Scope
from cidmesa.agents.tensors import Keys, agent_keys, stream_number
from cidmesa.arguments import require_count
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import payoff_tensor

Tables: TypeAlias = Mapping[str, Tensor]
"""The rules of all agents by decision, ``(agents, cards of parents..., actions)``."""

_LARGEST = 2**20
"""How many numbers an agent may need at once in a contraction."""

_EPISODES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Episodes: positions in the domains, and utilities as numbers; each ``(agents, episodes)``.

    ``taken`` holds, for each decision, the log-probability of the action that was drawn; it carries the gradient.
    """

    values: Mapping[str, Tensor]
    utilities: Mapping[str, Tensor]
    taken: Mapping[str, Tensor]


class Compiled:
    r"""A numeric model as tensors.

    Parameters
    ----------
    model
        The world; every decision is open and follows the tables that are passed in.
    device, dtype
        Where the tensors live (left out, on torch's default device), and how precise they are: single or double.
    score
        The utilities that are paid; all of them if left out.
    unit
        What utilities are divided by.
    largest
        How many numbers an agent may need at once; beyond that the model is sampled.
    episodes
        How many episodes an estimate takes, where the model is sampled.

    Raises
    ------
    NotApplicableError
        The model has symbols, a name in `score` is no utility of it, or the device is none that is there.

    Notes
    -----
    ``tensor`` costs the product of the cards of all that decisions see and do, for each agent; ``elimination`` the
    largest table on the way (a greedy order: exponential in its width only); ``sampling`` one draw per node and
    episode. Utilities are summed one by one, so that a contraction never holds two utilities' parents at once.

    Examples
    --------
    >>> import cidmesa as cm
    >>> wide = cm.CID([(f"x{i}", "act") for i in range(24)] + [("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> mechanisms = {f"x{i}": cm.Bernoulli(0.5) for i in range(24)} | {"act": [0, 1], "pay": lambda act: act}
    >>> Compiled(wide.parameterise(mechanisms))
    Compiled(26 nodes, sampling: the rule of `act` alone has 3.36e+07 numbers, more than 1,048,576)
    """

    def __init__(
        self,
        model: CIM,
        *,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype = torch.float64,
        score: Iterable[str] | None = None,
        unit: float = 1.0,
        largest: int = _LARGEST,
        episodes: int = _EPISODES,
    ) -> None:
        model.require_numeric("a model as tensors", instead="")
        require_count(largest, "largest")
        require_count(episodes, "episodes")
        self.model, self.largest = model, largest
        self.device = torch.get_default_device() if device is None else require_device(read_device(device))
        self.dtype, self.unit, self.episodes = DTYPES[read_dtype(dtype) or "float64"], unit, episodes
        self.paid = tuple(model.cid.utilities) if score is None else tuple(score)
        for name in self.paid:
            if model.cid.kind(name) != "utility":
                raise NotApplicableError(
                    f"`{name}` is no utility of this model, so it is not paid: score={model.cid.utilities!r}."
                )
        self._order = tuple(model.cid.nodes[i] for i in model.cid.topological)
        self.method, self.why = self._how()

    @property
    def exact(self) -> bool:
        """Whether values are exact up to rounding; ``False`` where they are estimates from episodes."""
        return self.method != "sampling"

    def __repr__(self) -> str:
        return f"Compiled({len(self.model.cid.nodes)} nodes, {self.method}{': ' + self.why if self.why else ''})"

    def _how(self) -> tuple[str, str]:
        """Choose the cheapest way that fits; say why not, where none does."""
        model = self.model
        for decision in model.cid.decisions:
            size = math.prod(float(model.card(n)) for n in (*model.cid.parents(decision), decision))
            if size > self.largest:
                return "sampling", f"the rule of `{decision}` alone has {size:.3g} numbers, more than {self.largest:,}"
        axes = dict.fromkeys(n for d in model.cid.decisions for n in (*model.cid.parents(d), d))
        if len(axes) <= LETTERS and math.prod(float(model.card(n)) for n in axes) <= min(self.largest, FOLDED):
            with suppress(NotApplicableError):  # the nodes beside the decisions' own may still be too many
                self._pay, self._law = self._tensor(self.paid), self._tensor(None)
                return "tensor", ""
        widest = max((self._plan((), (u,)).widest for u in self.paid), default=1.0)
        if widest > self.largest:
            return "sampling", f"summing nodes out takes {widest:.3g} numbers at once, more than {self.largest:,}"
        return "elimination", ""

    # Exactly --------------------------------------------------------------------------------------------------------

    def value(self, rules: Tables, *, seed: int = 0) -> Tensor:
        """Return every agent's expected sum of paid utilities, shape ``(agents,)``; autograd gives its gradient.

        Parameters
        ----------
        rules
            One table for each decision.
        seed
            Of the episodes, where the model is sampled.

        Raises
        ------
        NotApplicableError
            A decision has no table, or one of another shape.
        """
        rules = self._read(rules)
        if self.method == "sampling":
            return self._estimated(rules, seed)
        if self.method == "tensor":
            return self._contract(self._pay, rules, ())
        agents = len(next(iter(rules.values())))
        total = torch.zeros(agents, device=self.device, dtype=self.dtype)
        for utility in self.paid:
            total = total + self._plan((), (utility,))(rules)
        return total

    def gradient(self, rules: Tables, *, seed: int = 0) -> dict[str, Tensor]:
        """Return the derivative of every agent's value by each entry of its own tables, shaped like the tables."""
        leaves = {d: table.detach().requires_grad_() for d, table in rules.items()}
        value = self.value(leaves, seed=seed).sum()
        if not value.requires_grad:
            return {d: torch.zeros_like(table) for d, table in rules.items()}
        found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        return {
            d: torch.zeros_like(leaf) if slope is None else slope
            for (d, leaf), slope in zip(leaves.items(), found, strict=True)
        }

    def q_values(self, rules: Tables, decision: str, *, seed: int = 0) -> Tensor:
        r"""Return :math:`E[\sum_{U \in U^D} u \mid pa_D, do(d)]` with all other decisions following `rules`.

        Parameters
        ----------
        rules
            One table for each decision; that of `decision` itself changes nothing.
        decision
            Whose actions are valued.
        seed
            Of the episodes, where the model is sampled.

        Returns
        -------
        torch.Tensor
            Shape ``(agents, cards of parents..., actions)``; NaN in contexts of probability zero, and, where the model
            is sampled, for what no episode met.
        """
        rules = self._read(rules)
        decision = self.model.cid.only_decision(decision)
        below = tuple(u for u in self.paid if u in self.model.cid.descendants(decision))
        if self.method == "sampling":
            return self._estimated_q(rules, decision, below, seed)
        family = (*self.model.cid.parents(decision), decision)
        if self.method == "tensor":
            others = {d: table for d, table in rules.items() if d != decision}
            agents = len(rules[decision])
            gain = self._contract(self._tensor(below), others, family, agents)
            reach = self._contract(self._law, others, family, agents)
            return torch.where(reach > 0, gain, torch.nan) / torch.where(reach > 0, reach, 1.0)
        shape = rules[decision].shape
        gain = torch.zeros(shape, device=self.device, dtype=self.dtype)
        for utility in below:
            gain = gain + self._plan(family, (utility,), decision)(rules)
        reach = self._plan(family[:-1], (), decision)(rules)
        reach = reach.expand(shape[:-1])[..., None]
        return torch.where(reach > 0, gain, torch.nan) / torch.where(reach > 0, reach, 1.0)

    def visits(self, rules: Tables, decision: str) -> Tensor:
        """Return the probability of every context of `decision`, ``(agents, cards of parents...)``; exact models only.

        Raises
        ------
        NotApplicableError
            The model is sampled.
        """
        rules = self._read(rules)
        if not self.exact:
            raise NotApplicableError(f"contexts of this model are only sampled ({self.why}): play(..) counts them.")
        parents = self.model.cid.parents(decision)
        if self.method == "tensor":
            return self._contract(self._law, rules, parents)
        found = self._plan(parents, ())(rules)
        return found.expand(rules[decision].shape[:-1])

    def _read(self, rules: Tables) -> dict[str, Tensor]:
        """Return the tables of all decisions on this device, in this precision; raise where one does not fit."""
        for decision in self.model.cid.decisions:
            if decision not in rules:
                raise NotApplicableError(f"`{decision}` has no table: a policy is {{decision: tensor}} for every one.")
            shape = (*map(self.model.card, self.model.cid.parents(decision)), self.model.card(decision))
            if tuple(rules[decision].shape[1:]) != shape:
                raise NotApplicableError(
                    f"the table of `{decision}` has the shape {tuple(rules[decision].shape)}, and should have "
                    f"(agents, cards of parents..., actions), {shape} for each agent."
                )
        return {d: torch.as_tensor(rules[d], device=self.device, dtype=self.dtype) for d in self.model.cid.decisions}

    # One tensor -----------------------------------------------------------------------------------------------------

    @cached_property
    def _axes(self) -> dict[str, int]:
        cid = self.model.cid
        return {n: i + 1 for i, n in enumerate(dict.fromkeys(n for d in cid.decisions for n in (*cid.parents(d), d)))}

    def _tensor(self, utilities: tuple[str, ...] | None) -> Tensor:
        """Return what `utilities` pay, times the law of all that decisions see and do; without any, that law."""
        _, law, pay = payoff_tensor(self.model, self.model.cid.decisions, utilities=utilities or ())
        whole = law if utilities is None else pay / self.unit
        return torch.as_tensor(whole, device=self.device, dtype=self.dtype)

    def _contract(self, whole: Tensor, rules: Tables, keep: Sequence[str], agents: int = 0) -> Tensor:
        """Multiply the rules into a tensor over all that decisions see and do, and sum out all but `keep`."""
        cid = self.model.cid
        if not keep and list(rules) == [d for d in cid.decisions if d in rules] and len(rules) == 1:
            (decision,) = rules
            if tuple(self._axes) == (*cid.parents(decision), decision):  # many axes are slow, and these are two
                return rules[decision].flatten(1) @ whole.flatten()
        operands: list[Any] = [whole, list(self._axes.values())]
        for decision in (d for d in cid.decisions if d in rules):
            operands += [rules[decision], [0, *(self._axes[n] for n in (*cid.parents(decision), decision))]]
        if not rules:
            operands += [torch.ones(agents, device=self.device, dtype=self.dtype), [0]]
        found: Tensor = torch.einsum(*operands, [0, *(self._axes[n] for n in keep)])
        return found

    # One node after another -----------------------------------------------------------------------------------------

    def _plan(self, keep: tuple[str, ...], pays: tuple[str, ...], without: str | None = None) -> Elimination:
        """Return how nodes are summed out for one utility (or, with none, for the law of `keep`), made once."""
        key = (keep, pays, without)
        if key not in self._plans:
            cid = self.model.cid
            ends = set(keep).union(*(cid.parents(u) for u in pays))
            above = ends.union(*(cid.ancestors(n) for n in ends))
            constants: list[tuple[Scope, Floats]] = [((), np.ones(()))]
            for node in (n for n in cid.chance if n in above):
                table = np.asarray(self.model.cpd(node), dtype=np.float64)
                constants.append(((*cid.parents(node), node), table))
            constants += [(cid.parents(u), np.asarray(self.model.cpd(u), np.float64) / self.unit) for u in pays]
            rules = [((*cid.parents(d), d), d) for d in cid.decisions if d in above and d != without]
            cards = {n: self.model.card(n) for n in above}
            self._plans[key] = Elimination(constants, rules, keep, cards, self.device, self.dtype)
        return self._plans[key]

    @cached_property
    def _plans(self) -> dict[Any, Elimination]:
        return {}

    # Episodes -------------------------------------------------------------------------------------------------------

    def play(self, rules: Tables, episodes: int, *, seed: int = 0, keys: Keys | None = None, first: int = 0) -> Played:
        """Draw episodes of every agent, all at once.

        Parameters
        ----------
        rules
            One table for each decision.
        episodes
            How many.
        seed, keys
            Where the noise comes from: a number, or the agents' own keys.
        first
            Number of the first episode. The same keys and numbers draw the same world noise as
            :class:`cidmesa.agents.environment.Environment` does.
        """
        rules = self._read(rules)
        require_count(episodes, "episodes")
        agents = len(next(iter(rules.values()))) if rules else 1
        own = agent_keys(seed, agents) if keys is None else keys
        noise = Noise(own, torch.arange(first, first + episodes, device=self.device))
        values: dict[str, Tensor] = {}
        utilities: dict[str, Tensor] = {}
        taken: dict[str, Tensor] = {}
        for node in self._order:
            rows = self._rows(node, values, (len(own), episodes))
            if node in self._cumulative:
                values[node] = (noise(node)[..., None] >= self._cumulative[node][rows]).sum(dim=-1)
            elif node in self._payoffs:
                utilities[node] = self._payoffs[node][rows]
            else:
                table = rules[node].reshape(len(own), -1, rules[node].shape[-1])
                pi = table.gather(1, rows[..., None].expand(*rows.shape, table.shape[-1]))
                sums = pi.detach().double().cumsum(dim=-1)[..., :-1]
                last = pi.shape[-1] - 1 - (pi.detach().flip(-1) > 0).int().argmax(dim=-1)
                values[node] = torch.minimum((noise(f"act {node}")[..., None] >= sums).sum(dim=-1), last)
                taken[node] = pi.gather(-1, values[node][..., None])[..., 0].log()
        return Played(values, utilities, taken)

    def _rows(self, node: str, values: Mapping[str, Tensor], shape: tuple[int, int]) -> Tensor:
        """Return which row of its table each episode's parents point at."""
        rows = torch.zeros(shape, dtype=torch.long, device=self.device)
        for parent in self.model.cid.parents(node):
            rows = rows * self.model.card(parent) + values[parent]
        return rows

    @cached_property
    def _cumulative(self) -> dict[str, Tensor]:
        """Per chance node the cumulative shares of its values but the last, in double precision whatever the dtype."""
        found = {}
        for node in self.model.cid.chance:
            table = np.asarray(self.model.cpd(node), dtype=np.float64)
            sums = np.cumsum(table, axis=-1)[..., :-1].reshape(-1, table.shape[-1] - 1)
            found[node] = torch.as_tensor(sums, device=self.device)
        return found

    @cached_property
    def _payoffs(self) -> dict[str, Tensor]:
        return {
            u: torch.as_tensor(np.asarray(self.model.cpd(u), np.float64).reshape(-1) / self.unit).to(
                self.device, self.dtype
            )
            for u in self.model.cid.utilities
        }

    def _estimated(self, rules: Tables, seed: int) -> Tensor:
        r"""Return the mean over episodes, with the score function's gradient.

        :math:`\bar u + \overline{(u - \bar u)(\log\pi - [\log\pi])}`, brackets meaning *as a constant*: the second term
        is zero, and its gradient is that of the expectation.
        """
        played = self.play(rules, self.episodes, seed=seed)
        agents = len(next(iter(rules.values())))
        gain = torch.zeros(agents, self.episodes, device=self.device, dtype=self.dtype)
        for utility in self.paid:
            gain = gain + played.utilities[utility]
        mean = gain.mean(dim=1)
        log_pi = sum(played.taken.values(), torch.zeros_like(gain))
        n = max(2, self.episodes)
        lever = ((gain - mean[:, None]) * (log_pi - log_pi.detach())).mean(dim=1) * n / (n - 1)
        return mean.detach() + lever

    def _estimated_q(self, rules: Tables, decision: str, below: Sequence[str], seed: int) -> Tensor:
        """Return means over episodes in which `decision` tries every allowed action alike."""
        may = self.model.allowed(decision)
        shape = rules[decision].shape
        tried = np.ones(shape[1:]) if may is None else np.asarray(may, dtype=np.float64)
        table = torch.as_tensor(tried / tried.sum(axis=-1, keepdims=True), device=self.device, dtype=self.dtype)
        with torch.no_grad():
            played = self.play({**rules, decision: table.expand(shape)}, self.episodes, seed=seed)
            agents = len(rules[decision])
            where = self._rows(decision, played.values, (agents, self.episodes)) * shape[-1] + played.values[decision]
            gain = torch.zeros(where.shape, dtype=self.dtype, device=self.device)
            for utility in below:
                gain = gain + played.utilities[utility]
            sums = torch.zeros(agents, math.prod(shape[1:]), device=self.device, dtype=self.dtype)
            total = sums.scatter_add(1, where, gain)
            count = sums.scatter_add(1, where, torch.ones_like(gain))
            return (total / count).reshape(shape)


class Noise:
    """The numbers of :func:`cidmesa.agents.tensors.uniforms` on any device: splitmix64 in 64-bit integers.

    >>> from cidmesa.agents.tensors import uniforms
    >>> keys = agent_keys(3, 2)
    >>> drawn = Noise(keys, torch.arange(4))("door").numpy()
    >>> bool((drawn == uniforms(keys, "door", np.arange(4))).all())
    True
    """

    def __init__(self, keys: Keys, counter: Tensor) -> None:
        self._keys = torch.from_numpy(keys.view(np.int64)).to(counter.device)
        self._steps = (counter.to(torch.int64) + 1) * _GOLDEN

    def __call__(self, stream: str) -> Tensor:
        """Return the numbers of `stream`, uniform on [0, 1), ``(agents, n)``, in double precision."""
        own = _mixed(self._keys ^ _signed(stream_number(stream)))
        return _unsigned_shift(_mixed(own[:, None] + self._steps), 11).double() * 2.0**-53


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


_GOLDEN = _signed(0x9E3779B97F4A7C15)


def _unsigned_shift(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mixed(x: Tensor) -> Tensor:
    x = (x ^ _unsigned_shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _unsigned_shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _unsigned_shift(x, 31)
