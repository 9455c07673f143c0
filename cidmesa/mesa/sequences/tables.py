"""What a step leads to, as arrays: from every state and action the branches, their weights, and every node's value.

A branch is one way in which a step may go. Each has a whole weight, a next state, and for every node that objectives
can be about the number of its value. Whatever is paid by values of nodes is then one sum over branches.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": cm.Bernoulli(0.5), "act": ["stay", "move"], "pay": lambda **now: now["at'"],
...                          "at'": cm.Noisy(lambda at, act: at if act == "stay" else 1 - at, 0.1)})
>>> found = of_step(step, {"pay": (0.0, 1.0)})
>>> found.model, found.model.weights[0, 0].tolist(), found.outcomes["pay"][0, 0].tolist()
(StepModel(2 states, 2 actions, at most 2 successors), [9, 1], [0, 1])
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import lcm, prod
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.graphical.unrolled import NEXT, states_of
from cidmesa.mesa.sequences.sweeps import Paid
from cidmesa.model import CIM
from cidmesa.solve.policies.step_model import StepModel
from cidmesa.solve.tables.exact_numbers import numbers_meant, whole_numbers

Values = tuple[Hashable, ...]


@dataclass(frozen=True, eq=False, repr=False)
class StepTables:
    """A step as arrays.

    Attributes
    ----------
    model
        States, actions, branches and where they lead.
    outcomes
        Node → the number of its value in each branch, shape (S, A, B).
    domains
        Node → its values; those of a score are the numbers that are paid.
    score
        The nodes whose values training adds up.
    decision
        The decision of the step.
    """

    model: StepModel
    outcomes: Mapping[str, Ints]
    domains: Mapping[str, Values]
    score: tuple[str, ...]
    decision: str

    @property
    def contexts(self) -> tuple[tuple[Hashable, ...], ...]:
        """What the decision sees in each state: the values of the nodes that it observes, or the state itself."""
        return tuple(s if isinstance(s, tuple) else (s,) for s in self.model.states)

    def label(self, names: Sequence[str]) -> Ints:
        """Return the number of the combination of values of some nodes in each branch, in C order."""
        shape = tuple(len(self.domains[name]) for name in names)
        found: Ints = np.ravel_multi_index([self.outcomes[name] for name in names], shape)
        return found

    def paid(self, names: Sequence[str], values: Any) -> Paid:
        """Return what a step pays on average by an objective: a number for each combination of values."""
        numbers = numbers_meant(np.asarray(values, dtype=np.float64).ravel())
        return self.paid_exactly(names, numbers.tolist())

    def paid_exactly(self, names: Sequence[str], fractions: Sequence[Any]) -> Paid:
        """Return the same of numbers that are fractions."""
        unit = lcm(*(x.denominator for x in fractions))
        whole = np.array([int(x * unit) for x in fractions], dtype=object)
        return Paid((whole[self.label(names)] * self.model.weights).sum(axis=2), unit)

    @cached_property
    def base(self) -> Paid:
        """What a step pays the base, all scores added up."""
        parts = [self.paid([name], self.domains[name]) for name in self.score]
        unit = lcm(*(part.unit for part in parts))
        total = parts[0].whole * (unit // parts[0].unit)
        for part in parts[1:]:
            total = total + part.whole * (unit // part.unit)
        return Paid(total, unit)


def of_step(model: CIM, paid: Mapping[str, Values]) -> StepTables:
    """Return the tables of a step that is a model, every number being read as it was meant.

    Parameters
    ----------
    model
        A step for :func:`cidmesa.unroll` with one decision, which observes the state.
    paid
        Utility → the numbers that it can pay.

    Raises
    ------
    NotApplicableError
        More than one decision, one that observes more or less than the state, whose actions are restricted, or a state
        that begins by anything but states: sweeps over states say nothing then.

    Notes
    -----
    Cost: one row a branch, states · actions · the ways in which all chance nodes of a step may come out together.
    """
    cid = model.cid
    decision = _decision(model, states_of(cid))
    states = cid.parents(decision)
    cards = [model.card(x) for x in states]
    count, actions = prod(cards), model.card(decision)
    both = np.arange(count * actions)
    values: dict[str, Ints] = dict(zip(states, np.unravel_index(both // actions, cards), strict=True))
    values[decision] = both % actions
    rest = [cid.nodes[i] for i in cid.topological if cid.nodes[i] not in values]
    values, weights, row, unit = _grown(model, rest, values, both, paid)
    leads = np.ravel_multi_index([values[x + NEXT] for x in states], cards)
    width = int(np.bincount(row).max())
    first = np.searchsorted(row, both)
    place = row, np.arange(len(row)) - first[row]

    def laid(flat: Array) -> Any:
        table = np.zeros((count * actions, width), dtype=flat.dtype)
        table[place] = flat
        return table.reshape(count, actions, width)

    at, begins, _, _ = _grown(model, [n for n in _ordered(cid) if n in states], {}, np.zeros(1, dtype=np.intp), paid)
    start = np.zeros(count, dtype=object)
    np.add.at(start, np.ravel_multi_index([at[x] for x in states], cards), begins)
    named = [model.domain(x) for x in states]
    grid = np.unravel_index(np.arange(count), cards)
    names = tuple(tuple(domain[int(i[s])] for domain, i in zip(named, grid, strict=True)) for s in range(count))
    step = StepModel(laid(leads.astype(np.intp)), laid(weights), unit, start, names, model.domain(decision))
    nodes = [n for n in cid.nodes if n != decision]
    outcomes = {n: laid(values[n].astype(np.intp)) for n in nodes}
    return StepTables(
        step, outcomes, {n: paid[n] if n in paid else model.domain(n) for n in nodes}, cid.utilities, decision
    )


def _ordered(cid: Any) -> list[str]:
    return [cid.nodes[i] for i in cid.topological]


def _decision(model: CIM, states: tuple[str, ...]) -> str:
    """Return the decision of the step, after checking that the state is all that matters and all that is seen."""
    cid = model.cid
    if len(cid.decisions) != 1:
        raise NotApplicableError(
            f"a sequence has one decision a step; this step has {len(cid.decisions)}: unroll it, cm.unroll(step, T), "
            "and derive from the diagram."
        )
    (decision,) = cid.decisions
    if set(cid.parents(decision)) != set(states):
        raise NotApplicableError(
            f"`{decision}` observes {', '.join(cid.parents(decision)) or 'nothing'}, and the state of this step is "
            f"{', '.join(states)}: sweeps over states need a decision that observes the whole state and no more. Draw "
            "the links, or derive from cm.unroll(step, T)."
        )
    if model.allowed(decision) is not None:
        raise NotApplicableError(
            f"what `{decision}` may do depends on the state, and sweeps take every action everywhere: let forbidden "
            "actions do nothing, or derive from cm.unroll(step, T)."
        )
    for x in states:
        others = [parent for parent in cid.parents(x) if parent not in states]
        if others:
            raise NotApplicableError(
                f"how `{x}` begins depends on `{others[0]}`, which is no part of the state: let it become something, "
                f"`{others[0]}{NEXT}`, or leave out the link."
            )
    return decision


def _grown(
    model: CIM, nodes: Sequence[str], values: dict[str, Ints], row: Ints, paid: Mapping[str, Values]
) -> tuple[dict[str, Ints], Array, Ints, int]:
    """Branch over the values of some nodes, causes first; return values, weights, origins and the sum of weights."""
    weights, unit = np.ones(len(row), dtype=object), 1
    for node in nodes:
        parents = model.cid.parents(node)
        at = np.zeros(len(row), dtype=np.intp)
        for parent in parents:
            at = at * model.card(parent) + values[parent]
        table = model.cpd(node)
        if node in paid:
            values[node] = np.searchsorted(np.array(paid[node], dtype=float), table.ravel())[at]
            continue
        whole = whole_numbers(table).reshape(-1, table.shape[-1])
        unit *= int(whole[0].sum())
        of, value = np.nonzero(whole.astype(bool)[at])
        values = {name: known[of] for name, known in values.items()}
        weights, values[node], row = weights[of] * whole[at[of], value], value, row[of]
    return values, weights, row, unit
