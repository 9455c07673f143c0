r"""Value-iteration nets [1]_: planning in a small world of the net's own making.

The observations are turned into a reward :math:`r(s)` for each of ``states`` inner states and into where one is,
:math:`\alpha(s)`; what actions do there, :math:`P_a(s, s')`, is learned and the same whatever is seen. Value iteration

.. math:: q_a(s) = r(s) + \gamma \sum_{s'} P_a(s, s')\, v(s'), \qquad v(s) = \max_a q_a(s)

runs ``sweeps`` times from v = 0, and the logits are :math:`\sum_s \alpha(s)\, q_a(s)`. Tamar et al. have a map for the
inner world, and neighbouring cells for what actions do. Without a map the net finds one. With ``at="place"`` the inner
states are the values of an observed node, and where one is is read off it; with ``moves`` it is given which action
leads from where to where: then the rewards are a map, an entry a cell.

=============  =====================================================================================================
inner node     what it is
=============  =====================================================================================================
``moves``      :math:`P_a(s, s')`, ``(states, actions, states)``; a mechanism
``reward``     :math:`r(s)`, ``(states,)``
``where``      :math:`\alpha(s)`, ``(states,)``
``values``     :math:`v(s)`, what plans are worth, ``(states,)``
``plan``       :math:`q_a(s)`, what is best in each state, ``(states, actions)``; the action is read off where one is
=============  =====================================================================================================

References
----------
.. [1] A. Tamar et al., "Value iteration networks", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.inside import InnerNode
from cidmesa.agents.policies.rule import Params, Place, Touch, layers, shown, softmax, uniform, untouched
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arguments import require_count
from cidmesa.arrays import Ints
from cidmesa.errors import NotApplicableError, shortened, unknown

MOST = 1_000
"""How many sweeps there may be."""

DISCOUNT = 0.9
"""What an inner state is worth that is reached one step later."""


@dataclass(frozen=True, slots=True)
class VIN:
    """Options.

    Attributes
    ----------
    states
        Of the inner world; those of `at`, where that is given.
    sweeps
        Of value iteration.
    at
        The observed node whose values are the inner states and say where one is; ``None``: the net finds states.
    moves
        For each action the number of the state to which it leads from each state; ``None``: learned.
    """

    states: int = 8
    sweeps: int = 3
    at: str | None = None
    moves: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        require_count(self.states, "states", least=2)
        require_count(self.sweeps, "sweeps", least=2)
        if self.sweeps > MOST:
            raise NotApplicableError(f"sweeps= is a number up to {MOST:,}; got {self.sweeps:,}.")
        if self.at is not None and not isinstance(self.at, str):
            raise NotApplicableError(f"at= is the name of the node that says where one is; got {self.at!r}.")
        if self.moves is not None:
            object.__setattr__(self, "moves", _read_moves(self.moves))


def _read_moves(given: Any) -> tuple[tuple[int, ...], ...]:
    """Return where actions lead as tuples of whole numbers."""
    rows = [tuple(row) for row in given] if isinstance(given, tuple | list | np.ndarray) else [()]
    whole = all(isinstance(end, int | np.integer) and not isinstance(end, bool) for row in rows for end in row)
    if not rows or not whole or not all(rows):
        raise NotApplicableError(
            f"moves= says for each action to which state it leads from each: [[1, 2, 2], [0, 0, 1]]; got "
            f"{shortened(given)}."
        )
    return tuple(tuple(int(end) for end in row) for row in rows)


@dataclass(frozen=True, slots=True, eq=False)
class ValueIterationRule:
    """A reward net with one ReLU layer of width ``hidden[0]``, and value iteration on what it says.

    Attributes
    ----------
    name, inputs, actions, units
        Of the decision; how wide the layer is.
    states, sweeps, moves
        See :class:`VIN`.
    cells
        For each context the state in which one is; ``None``: the net says where.
    """

    name: str
    inputs: Inputs
    actions: int
    units: int
    states: int
    sweeps: int
    moves: tuple[tuple[int, ...], ...] | None = None
    cells: Ints | None = None

    @classmethod
    def at(cls, place: Place) -> ValueIterationRule:
        """Return the rule of a place.

        Raises
        ------
        UnknownNodeError
            ``at=`` is no observation of the decision.
        NotApplicableError
            ``moves=`` are not those of as many actions and states.
        """
        options: VIN = place.options
        cells, states = (None, options.states) if options.at is None else _cells(place, options.at)
        if options.moves is not None and (
            len(options.moves) != place.actions
            or any(len(row) != states or not all(0 <= end < states for end in row) for row in options.moves)
        ):
            raise NotApplicableError(
                f"moves= says for each of the {place.actions} actions of `{place.name}` to which of the {states} "
                f"states, 0 to {states - 1}, it leads from each; got {shortened(options.moves)}."
            )
        units = place.hidden[0]
        return cls(place.name, place.inputs, place.actions, units, states, options.sweeps, options.moves, cells)

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """Its inner nodes."""
        s, k = self.states, self.actions
        shapes = {"moves": (s, k, s), "reward": (s,), "where": (s,), "values": (s,), "plan": (s, k)}
        return {name: InnerNode(self.name, name, shape, name == "moves") for name, shape in shapes.items()}

    def start(self, keys: Keys) -> Params:
        """Draw the layers as linear ones start, and an inner world in which each action has ends of its own."""
        n, s, width = self.units, self.states, self.inputs.table.shape[-1]
        shapes: dict[str, tuple[int, ...]] = {
            "see": (width, n),
            "reward": (n, s),
            "reward bias": (1, s, n),
        }
        if self.cells is None:
            shapes |= {"where": (n, s), "where bias": (1, s, n)}
        params = layers(keys, {f"{self.name}.{part}": shape for part, shape in shapes.items()})
        if self.moves is not None:
            return params
        moves = f"{self.name}.moves"
        return {**params, moves: uniform(keys, moves, (s, self.actions, s), 2.0).float()}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """See, plan, and read off what each action is worth where one is."""
        return self.think(params, contexts, codes, untouched)

    def think(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
        """Return the logits, with every inner node shown to a touch."""
        own = {part.removeprefix(f"{self.name}."): value for part, value in params.items()}
        x = torch.relu(torch.matmul(shown(self.inputs, contexts, codes, own["see"]), own["see"]))
        reward = touch("reward", torch.baddbmm(own["reward bias"], x, own["reward"]))
        where = touch("where", self._where(own, x, contexts))
        moves = softmax(own["moves"]) if self.moves is None else self._given(x)
        moves = touch("moves", moves[:, None])
        agents, n, states = reward.shape
        leads = DISCOUNT * moves.reshape(*moves.shape[:2], states * self.actions, states)

        def ahead(v: Tensor) -> Tensor:
            if leads.shape[1] == 1:
                found = torch.bmm(v, leads[:, 0].transpose(1, 2))
            else:
                found = torch.matmul(leads, v[..., None])[..., 0]
            return found.view(agents, n, states, self.actions)

        v = reward  # the first sweep, from v = 0
        for _ in range(self.sweeps - 1):
            v = reward + ahead(v).amax(dim=-1)
        plan = touch("plan", reward[..., None] + ahead(touch("values", v)))
        return (where[..., None] * plan).sum(dim=2).double()

    def _where(self, own: Mapping[str, Tensor], x: Tensor, contexts: Ints) -> Tensor:
        if self.cells is None:
            return softmax(torch.baddbmm(own["where bias"], x, own["where"]))
        cells = torch.from_numpy(self.cells[contexts]).to(x.device)
        return torch.nn.functional.one_hot(cells, self.states).to(x.dtype).expand(len(x), -1, -1)

    def _given(self, x: Tensor) -> Tensor:
        ends = torch.tensor(self.moves, device=x.device).T  # states, actions
        return torch.nn.functional.one_hot(ends, self.states).to(x.dtype).expand(len(x), -1, -1, -1)


def _cells(place: Place, at: str) -> tuple[Ints, int]:
    """Return the state of each context, and how many there are: the values of an observed node."""
    model = place.model
    if model is None:
        raise NotApplicableError("at= names a node of the model that is planned in: Place(.., model=model).")
    parents = model.cid.parents(place.name)
    if at not in parents:
        raise unknown(at, parents, what=f"an observation of `{place.name}` that its rule is shown, and at= names it")
    if model.card(at) < 2:
        raise NotApplicableError(f"at= names the node that says where one is, and `{at}` has one value.")
    before = place.inputs.table.shape[0]
    for parent in parents:
        before //= model.card(parent)
        if parent == at:
            break
    return (np.arange(place.inputs.table.shape[0]) // before) % model.card(at), model.card(at)
