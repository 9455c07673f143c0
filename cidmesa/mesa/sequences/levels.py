r"""Levels of a sequence, for trainers that select by the worst level and not by the average.

A **level** :math:`\lambda` is what some nodes of the state are when a sequence begins: where the door is, what is red.
Mostly they stay so, and they need not. Let :math:`p_\lambda` be how a sequence begins in that level. Its regret is

.. math:: Reg_\lambda(\pi) = \max_{\pi'} E[U_b \mid \lambda, \pi'] - E[U_b \mid \lambda, \pi]
          = \sum_s p_\lambda(s) \bigl( V^*(s) - V^\pi(s) \bigr),

since one policy that observes the state is best from every state (Bellman). So :math:`\rho^*`, the least regret that a
policy can have in its worst level, is 0, and an additive objective O is *minimax ε-consistent* iff every policy that is
O-optimal in training has :math:`Reg_\lambda \le \varepsilon` in every level that training shows. Choices in different
states are independent, so one policy is the worst O-optimal one from every state at once, whatever the level:

.. math:: \max_{\pi \text{ O-optimal}} \max_\lambda Reg_\lambda(\pi)
          = \max_\lambda \sum_s p_\lambda(s) \bigl( V^*(s) - W(s) \bigr),

W being the sweep within O's optimal actions that takes the least. The best O-optimal policy likewise. Two sweeps serve
all levels, in whole numbers. How often a level comes enters neither, as long as it comes. And without any regret on
average there is none in any level that comes, so that at ε = 0 the proofs of :mod:`.existence` serve both trainers.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("door", "act"), ("at", "at'"), ("act", "at'"), ("door", "door'"), ("at'", "right"),
...               ("at'", "pay"), ("door", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "door": [0.001, 0.999], "door'": lambda door: door,
...                          "act": [-1, 1], "at'": lambda at, act: max(0, min(2, at + act)),
...                          "right": lambda **now: int(now["at'"] == 2),
...                          "pay": lambda door, **now: int(now["at'"] == 2 * door)})
>>> for how in ("expected", "minimax regret"):
...     print(cm.derive_mesa_optimizers(cm.SequenceSetup(step, 2, selects=how))["right"].training_regret)
0.002
2.0

References
----------
M. Dennis et al., "Emergent complexity and zero-shot transfer via unsupervised environment design", NeurIPS 2020
(minimax regret over levels); R. Bellman, *Dynamic Programming*, 1957.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cidmesa.arguments import read_names
from cidmesa.arrays import Array, Mask
from cidmesa.diagram import CID
from cidmesa.errors import DiagramError, quoted, unknown
from cidmesa.mesa.graphical.unrolled import NEXT
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.tables import StepTables
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.readonly import ReadOnly
from cidmesa.solve.policies.step_model import StepModel

Level = tuple[Hashable, ...]
"""What the level nodes are, in their order."""


@dataclass(frozen=True, eq=False, slots=True)
class StartLevels:
    """The levels that training shows.

    Attributes
    ----------
    nodes
        What a level consists of.
    by_state
        What these nodes are in each state.
    starts
        Level → whole weights of the states that a sequence begins in, shape (S,), none of them all 0.
    """

    nodes: tuple[str, ...]
    by_state: tuple[Level, ...]
    starts: Mapping[Level, Array]

    def regret(self, tables: StepTables, within: Mask) -> tuple[Fraction, Fraction]:
        """Return the least and the largest regret, in its worst level, of policies within some actions.

        Parameters
        ----------
        tables
            Of training.
        within
            The actions that may be taken, shape (T, S, A), at least one of them everywhere.
        """
        best, unit = sweeps.worth(tables.model, tables.base, len(within))
        ends = []
        for sign in (1, -1):
            earns, _ = sweeps.worth(tables.model, tables.base, len(within), within, sign)
            lost = best - earns
            ends.append(max(Fraction(int((start * lost).sum()), int(start.sum())) for start in self.starts.values()))
        return ends[0] / unit, ends[1] / unit

    def mixed(self, there: StepModel, name: str, *, source: str, seen: bool) -> StartLevels:
        """Return the levels of a mixture of training with episodes of a deployment; the source is part of each.

        Parameters
        ----------
        there
            The deployment's step.
        name
            What it is called.
        source
            What the node is called that says where an episode is from.
        seen
            Whether the state holds a mark that says so, states of training first.
        """
        more = np.zeros(len(self.by_state) if seen else 0, dtype=object)
        starts = {(TRAINING, *level): np.concatenate([start, more]) for level, start in self.starts.items()}
        for level, start in _grouped(self.by_state, there.start).items():
            starts[name, *level] = np.concatenate([more, start])
        return StartLevels((source, *self.nodes), self.by_state * (2 if seen else 1), ReadOnly(starts))

    def said(self) -> str:
        """Return in words how many levels of what there are."""
        count = len(self.starts)
        return f"{count} level{'s' * (count != 1)} of {', '.join(self.nodes) or 'nothing'}"


def levels_of(tables: StepTables, cid: CID, named: Iterable[str] | None) -> StartLevels:
    """Return the levels of training.

    Parameters
    ----------
    tables
        Of training.
    cid
        The diagram of the step, whose decision observes the state.
    named
        The nodes of the state that a level consists of; ``None``: all of them.

    Raises
    ------
    DiagramError, UnknownNodeError
        A name that is no node of the state.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.sequences.tables import of_step
    >>> cid = CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
    >>> step = cid.parameterise({"at": [0.5, 0.0, 0.5], "act": [0, 1], "at'": lambda at, act: min(2, at + act),
    ...                          "pay": lambda **now: now["at'"]})
    >>> found = levels_of(of_step(step, {"pay": (0.0, 1.0, 2.0)}), cid, None)
    >>> found.nodes, [*found.starts]
    (('at',), [(0,), (2,)])
    >>> levels_of(of_step(step, {"pay": (0.0, 1.0, 2.0)}), cid, ["pay"])
    Traceback (most recent call last):
        ...
    cidmesa.errors.DiagramError: a level is part of the state that `act` observes when a sequence begins, and `pay` \
is a utility: level_nodes= takes nodes of the state, at.
    """
    state = cid.parents(tables.decision)
    wanted = state if named is None else read_names(named, "level_nodes=")
    for node in wanted:
        if node not in cid:
            raise unknown(node, cid.nodes, what="a node of this step, but level_nodes= names it")
        if node not in state:
            raise DiagramError(
                f"a level is part of the state that `{tables.decision}` observes when a sequence begins, and `{node}` "
                f"{_why_not(cid, node)}: level_nodes= takes nodes of the state, {', '.join(state)}."
            )
    nodes = tuple(node for node in cid.nodes if node in wanted)
    places = [state.index(node) for node in nodes]
    by_state = tuple(tuple(context[i] for i in places) for context in tables.contexts)
    return StartLevels(nodes, by_state, ReadOnly(_grouped(by_state, tables.model.start)))


def _why_not(cid: CID, node: str) -> str:
    """Say why a node is no part of the state, and what would make it one."""
    if cid.kind(node) != "chance":
        return f"is a {cid.kind(node)}"
    if node.endswith(NEXT):
        return f"is what `{node.removesuffix(NEXT)}` becomes in a step"
    return (
        f"is drawn anew in every step; let it become something ({quoted(node + NEXT)}: lambda {node}: {node} for what "
        "stays) and be observed"
    )


def _grouped(by_state: Sequence[Level], start: Array) -> dict[Level, Array]:
    """Return level → the weights of the states that it begins in; levels that never come are left out."""
    found: dict[Level, Array] = {}
    for s in np.flatnonzero(start.astype(bool)).tolist():
        found.setdefault(by_state[s], np.zeros(len(start), dtype=object))[s] = int(start[s])
    return found
