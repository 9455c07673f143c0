r"""What changes of inner nodes do to agents' actions: one number an agent for rows about the inside as drawn.

*Interchange.* In situation c an inner node is given the value that it has in situation c′, and the action's law is
compared with what it was (rows about one node), or with the law in c′ (rows about observations beside all inner parents
of the decision, for c and c′ that agree in what the decision sees of itself). The number is the mean total variation,
situations drawn as in training and c′ ≠ c. Where there are more than :data:`SHIFTS` + 1 situations, c′ runs over as
many of each c, evenly spaced.

A *mechanism* is carried whatever is seen, so it has no other value elsewhere: its entries change places in a circle,
along the first axis of what the body says that it is.

A body without the node is not measured: *undefined: this body has no node `plan`*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cidmesa.agents.inside import InnerNode, find, undefined
from cidmesa.agents.tensors import positions
from cidmesa.arrays import Array, Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.predictions.kinds.inside import BESIDE, MECHANISM, rows
from cidmesa.mesa.predictions.predictions import Prediction
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.model import CIM
from cidmesa.validation.checks import Checks, Measured
from cidmesa.validation.sampled import Bounds, pair_bounds
from cidmesa.validation.subjects import Subjects

SHIFTS = 8
"""How many other situations each is compared with, at most; in how many ways a mechanism's entries change places."""

ROUNDING = 1e-12
"""Up to which a total variation is none: a net adds up in another order where it is asked about more at once."""


def measure(checks: Checks, row: Prediction) -> Measured | str:
    """Return how much the action's law changes, or why that is not defined."""
    decision, model = row.decision or row.subject, checks.setup.deployed(TRAINING)
    nodes = _nodes(checks, row, decision)
    if isinstance(nodes, str):
        return nodes
    law = checks.law(TRAINING, decision)
    if len(law) > 1 and checks.subjects.sampled:
        return f"needs probabilities: the contexts of `{decision}` depend on the agent's own rules"
    come = np.flatnonzero((law > 0).any(axis=0))
    beside = BESIDE in row.subject
    carried = not beside and nodes[0].mechanism
    if carried:
        changes: list[tuple[Any, Ints]] = [(partial(_turned, by=k), come) for k in _steps(nodes[0].shape)]
        changes = changes or [(_turned_all, come)]
    else:
        direct = checks.setup.learned[decision].parents(decision) if beside else ()
        changes = [(_from_elsewhere(model, decision, come, to), to) for to in _others(model, decision, come, direct)]
    if not changes:
        return "no two situations that come up in training differ as the row asks"
    keys = [f"{node.decision}.{node.name}" if node.decision else node.name for node in nodes]
    now = [checks.elsewise(dict.fromkeys(keys, change), k + 1) for k, (change, _) in enumerate(changes)]
    ends = [to if beside else come for _, to in changes]
    shares = [law[:, come] * (1.0 if carried else law[:, to]) for _, to in changes]
    return _apart(checks.subjects, now, decision, come, ends, shares)


def _apart(
    before: Subjects,
    now: Sequence[Subjects],
    decision: str,
    come: Ints,
    ends: Sequence[Ints],
    shares: Sequence[Floats],
) -> Measured | str:
    """Return the mean total variation between changed laws at `come` and laws as they were at `ends`."""
    total = np.sum([share.sum(axis=1) for share in shares], axis=0)
    if not (total > 0).any():
        return "no two situations that come up in training differ as the row asks"
    weights = [share / np.where(total > 0, total, 1.0)[:, None] for share in shares]
    if before.counts is None:
        found = np.zeros(before.size)
        for one, end, weight in zip(now, ends, weights, strict=True):
            gap = np.abs(one.rules[decision][:, come] - before.rules[decision][:, end]).sum(axis=-1) / 2
            found += (gap * weight).sum(axis=1)
        found[found < ROUNDING] = 0.0
        return Measured(Bounds(found, found, found))
    counts = [before.counts[decision], *(one.counts[decision] for one in now if one.counts is not None)]
    every = before.counts[decision].shape[2]
    left = np.concatenate(list(ends))
    right = np.concatenate([come + every * (k + 1) for k in range(len(now))])
    weight = np.concatenate([np.broadcast_to(w[0], end.shape) for w, end in zip(weights, ends, strict=True)])
    return Measured(pair_bounds(np.concatenate(counts, axis=2), left, right, weight), sampled=True)


# Which nodes, and what takes their value's place ----------------------------------------------------------------------


def _nodes(checks: Checks, row: Prediction, decision: str) -> list[InnerNode] | str:
    """Return the body's nodes that a row is about, or why it is undefined."""
    has: Mapping[str, InnerNode] = getattr(checks.agents, "inside", {})
    subjects = {stated.subject for stated in rows(checks.setup) if stated.decision == decision}
    named = row.subject.split(BESIDE)[-1].split(", ") if BESIDE in row.subject else [row.subject]
    found = []
    for drawn in named:
        name = drawn.removeprefix(MECHANISM)
        body = checks.named.get(name, name)
        node = find(has, body, decision) or find(has, body, "")
        if node is None:
            return undefined(body, has).removesuffix(".")
        if node.mechanism and MECHANISM + name in subjects and not drawn.startswith(MECHANISM):
            return f"undefined: of `{body}` this body has how it comes about, and no value"
        if not node.mechanism and drawn.startswith(MECHANISM):
            return f"undefined: of `{body}` this body has the value, and not how it comes about"
        found.append(node)
    return found


def _others(model: CIM, decision: str, come: Ints, direct: Sequence[str]) -> list[Ints]:
    """Return other situations for each that comes up, several in turn; such as agree with it in `direct`."""
    cards = tuple(map(model.card, model.cid.parents(decision)))
    places = np.array(np.unravel_index(come, cards)).reshape(len(cards), -1)
    kept = [i for i, parent in enumerate(model.cid.parents(decision)) if parent in direct]
    groups: dict[tuple[int, ...], list[int]] = {}
    for i in range(len(come)):
        groups.setdefault(tuple(places[kept, i].tolist()), []).append(i)
    longest = max(map(len, groups.values()), default=0)
    found = []
    for k in _steps((longest,)):
        to = np.arange(len(come))
        for members in groups.values():
            to[members] = np.roll(members, -k)
        found.append(come[to])
    return found


def _steps(shape: tuple[int, ...] | None) -> list[int]:
    """Return by how many places entries of so many are turned: all ways, or some evenly spaced."""
    many = 2 if not shape else shape[0]
    every = list(range(1, many))
    if len(every) <= SHIFTS:
        return every
    return [every[round(i * (len(every) - 1) / (SHIFTS - 1))] for i in range(SHIFTS)]


def _turned(value: Array, by: int) -> Array:
    return np.roll(value, by, axis=2) if value.ndim > 2 else value


def _turned_all(value: Array) -> Array:
    return value[..., ::-1].copy() if value.ndim > 2 else value


def _from_elsewhere(model: CIM, decision: str, come: Ints, to: Ints) -> Callable[[Array, Mapping[str, Any]], Array]:
    """Return a change that gives a node, in each situation of `come`, the value that it has in that of `to`."""
    parents = model.cid.parents(decision)
    cards = tuple(map(model.card, parents))
    target = np.arange(int(np.prod(cards, dtype=int)))
    target[come] = to

    def changed(value: Array, seen: Mapping[str, Any]) -> Array:
        n = value.shape[1]
        where = np.zeros(n, dtype=np.intp)
        for parent, card in zip(parents, cards, strict=True):
            where = where * card + np.broadcast_to(positions(model, parent, seen[parent]), (n,))
        order = np.argsort(where, kind="stable")
        first = np.searchsorted(where[order], np.arange(len(target)))
        many = np.bincount(where, minlength=len(target))
        number = np.empty(n, dtype=np.intp)
        number[order] = np.arange(n) - first[where[order]]
        wanted = target[where]
        if (many[wanted] == 0).any():
            raise NotApplicableError("there are too many situations to show them all at once: observe fewer nodes.")
        return value[:, order[first[wanted] + number % many[wanted]]]

    return changed
