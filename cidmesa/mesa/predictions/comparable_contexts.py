r"""Which contexts a rule can be compared in, and how often they come.

Two comparisons turn a rule :math:`\pi(a \mid pa)` into evidence.

**Use of an observation** :math:`Z` in :math:`\sigma`: compare :math:`\pi(\cdot \mid pa)` with
:math:`\pi(\cdot \mid pa, z')`, another value in the place of Z's, :math:`pa \sim P_\sigma`,
:math:`z' \sim P_\sigma(Z \mid \text{the rest of } pa)`, where :math:`z' = z` counts as no difference
(:func:`observation_pairs`). Nothing is divided by how often two values differ: what hardly ever comes up hardly counts,
and a rule that comes somewhere once in a billion episodes is judged like one that never does.

**Response to a shift**: let nd be the nodes of :math:`Obs(D)` that are neither shifted nor below a shifted node. They
have the same law before and after, so compare :math:`P(D \mid nd)` with :math:`P^\sigma(D \mid nd)`, which are mixtures
of rows of the rule (:func:`response_mixtures`). The marginal of :math:`D` would not do: a rule that follows red things
instead of doors has the same one wherever the red things stand.

>>> import numpy as np
>>> pairs = observation_pairs(np.array([[0.5, 0.0], [0.25, 0.25]]), axis=1)      # contexts 0, 2 and 3 are reached
>>> pairs.left.tolist(), pairs.right.tolist(), pairs.weights.tolist()
([3, 2], [2, 3], [0.125, 0.125])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.graph import d_separated
from cidmesa.mesa.graphical.relevance import observed

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of contexts that differ in one observation: positions in a rule's rows, and how often they come."""

    left: Ints
    right: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def greatest(self) -> float:
        """The most that a rule can vary over them."""
        return float(self.weights.sum())

    def moves(self, contexts: int) -> Floats:
        """Return how much the variation changes at most with the rule in each of so many contexts."""
        return np.asarray(np.bincount([*self.left, *self.right], [*self.weights, *self.weights], contexts))

    def only(self, keep: Mask) -> Pairs:
        """Return some of them."""
        return Pairs(self.left[keep], self.right[keep], self.weights[keep])

    def variation(self, rule: Floats) -> Floats:
        """Return the weighted total variation; `rule` is ``(..., contexts, actions)``."""
        apart = np.abs(rule[..., self.left, :] - rule[..., self.right, :]).sum(axis=-1) / 2
        mean: Floats = apart @ self.weights
        return mean


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """For each value of the nodes nd the law of the context before and after a shift.

    Attributes
    ----------
    given
        The nodes nd that the context's law depends on.
    weights
        Probability of each of their values, shape ``(n,)``; of some of them, their sum is less than 1.
    before, after
        ``(n, contexts)``, rows that sum to 1.
    """

    given: tuple[str, ...]
    weights: Floats
    before: Floats
    after: Floats

    def only(self, keep: Mask) -> Mixtures:
        """Return those of some values of the nodes nd."""
        return Mixtures(self.given, self.weights[keep], self.before[keep], self.after[keep])

    @property
    def moves(self) -> Floats:
        """How much the variation changes at most with the rule in each context."""
        return np.asarray(self.weights @ np.abs(self.before - self.after))

    @property
    def moved(self) -> Mask:
        """Which contexts come more or less often for each value, shape ``(n, contexts)``."""
        return np.asarray(np.abs(self.before - self.after) > 1e-12)

    @property
    def greatest(self) -> float:
        """The weighted mean total variation of the contexts' own laws, which no rule's mixtures exceed."""
        return float(self.weights @ (np.abs(self.before - self.after).sum(axis=1) / 2))

    def variation(self, rule: Floats, before: Floats | None = None) -> Floats:
        """Return the weighted mean total variation of the mixtures; `rule` is ``(..., contexts, actions)``.

        With `before`, of the mixtures of that rule before the shift with those of `rule` after it.
        """
        apart = np.abs(self.before @ (rule if before is None else before) - self.after @ rule).sum(axis=-1) / 2
        mean: Floats = apart @ self.weights
        return mean


def observation_pairs(law: Floats, axis: int) -> Pairs:
    """Pair the reached contexts that differ in one parent alone.

    Parameters
    ----------
    law
        Probability of each context, one axis per parent.
    axis
        Of the parent that is changed.
    """
    shape = law.shape
    flat = law.reshape(-1)
    rest = np.broadcast_to(law.sum(axis=axis, keepdims=True), shape).reshape(-1)
    reached = np.flatnonzero(flat > 0)
    where = np.array(np.unravel_index(reached, shape))
    left, right, weights = [], [], []
    for value in range(shape[axis]):
        other = where.copy()
        other[axis] = value
        target = np.ravel_multi_index(tuple(other), shape)
        keep = (where[axis] != value) & (flat[target] > 0)
        left.append(reached[keep])
        right.append(target[keep])
        weights.append(flat[reached[keep]] * flat[target[keep]] / rest[target[keep]])
    return Pairs(np.concatenate(left), np.concatenate(right), np.concatenate(weights))


def depends_on_rules(cid: CID, decision: str) -> bool:
    """Say whether how often a context of `decision` comes up depends on the rules of other decisions.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "a"), ("x", "b"), ("a", "c")], decisions=["a", "b", "c"])
    >>> depends_on_rules(cid, "b"), depends_on_rules(cid, "c")
    (False, True)
    """
    above = cid.ancestors(decision)
    return any(other in above for other in cid.decisions)


def shown(setup: TrainingSetup, deployment: str, decision: str) -> tuple[str, ...]:
    """Return the shifted nodes whose mechanism can show in what `decision` observes, in node order.

    None where the level is one root: it moves all that is observed, and no two contexts are left to compare.
    """
    if setup.level in setup.shifted(deployment):
        return ()
    cid = setup.deployed_cid(deployment)
    above = _observed_by(setup, deployment, decision)
    return tuple(node for node in cid.nodes if node in setup.shifted(deployment) and node in above)


def unmoved(setup: TrainingSetup, deployment: str, decision: str) -> tuple[str, ...]:
    """Return the nodes of Obs(D) that are neither shifted nor below a shifted node, in node order."""
    cid = setup.deployed_cid(deployment)
    shifted = setup.shifted(deployment)
    moved = shifted.union(*(cid.descendants(node) for node in shifted))
    above = _observed_by(setup, deployment, decision)
    return tuple(node for node in cid.nodes if node in above and node not in moved)


def response_mixtures(
    setup: TrainingSetup, deployment: str, decision: str, policy: Mapping[str, Any] | None = None
) -> Mixtures:
    """Return the laws of the context of `decision`, given the unmoved nodes, before and after a shift.

    Parameters
    ----------
    setup, deployment, decision
        With numbers.
    policy
        Rules of the decisions before `decision`.

    Notes
    -----
    Unmoved nodes that tell nothing more about the context (d-separation, in both diagrams at once) are left out first:
    that changes no number and keeps the tables small.
    """
    cid = setup.deployed_cid(deployment)
    parents = cid.parents(decision)
    given = list(unmoved(setup, deployment, decision))
    for node in list(given):
        rest = [other for other in given if other != node]
        open_parents = [parent for parent in parents if parent not in rest]
        if not open_parents or (node not in parents and d_separated(cid, [node], open_parents, rest)):
            given = rest
    before, weights = _conditional(setup.deployed("training"), given, parents, policy)
    after, _ = _conditional(setup.deployed(deployment), given, parents, policy)
    reached = weights > 0
    return Mixtures(tuple(given), weights[reached], before[reached], after[reached])


def _conditional(
    model: CIM, given: list[str], parents: tuple[str, ...], policy: Mapping[str, Any] | None
) -> tuple[Floats, Floats]:
    """Return P(parents | given) as ``(values of given, contexts)``, and P(given)."""
    from cidmesa.solve import joint

    names = tuple(dict.fromkeys((*given, *parents)))
    if not names:
        return np.ones((1, 1)), np.ones(1)
    law = np.asarray(joint(model, names, policy=policy), dtype=np.float64)
    where = np.nonzero(law)
    position = dict(zip(names, where, strict=True))
    row = _raveled(model, given, position, len(where[0]))
    column = _raveled(model, parents, position, len(where[0]))
    table = np.zeros((_size(model, given), _size(model, parents)))
    np.add.at(table, (row, column), law[where])
    weights: Floats = table.sum(axis=1)
    return table / np.where(weights > 0, weights, 1.0)[:, None], weights


def _raveled(model: CIM, nodes: list[str] | tuple[str, ...], position: Mapping[str, Ints], n: int) -> Ints:
    if not nodes:
        return np.zeros(n, dtype=np.intp)
    cards = tuple(model.card(node) for node in nodes)
    return np.asarray(np.ravel_multi_index(tuple(position[node] for node in nodes), cards), dtype=np.intp)


def _size(model: CIM, nodes: list[str] | tuple[str, ...]) -> int:
    return int(np.prod([model.card(node) for node in nodes], dtype=np.intp))


def _observed_by(setup: TrainingSetup, deployment: str, decision: str) -> frozenset[str]:
    """Return Obs(D) in the deployment's diagram."""
    cid = setup.deployed_cid(deployment)
    others = [d for d in cid.decisions if d != decision]
    return observed(cid.demote(*others) if others else cid)
