r"""A sequence as a diagram of all its moves: what agents are trained and judged on.

Every node of the step has a copy for each move (:func:`cidmesa.unroll`), and so has what a deployment shifts: the
mechanism of ``x`` says how a sequence begins, so it is that of ``x@0``; that of ``x'`` is that of ``x@1`` … ``x@T``.
Where one rule serves all moves, the decisions share it; where training selects by the worst level, so it does there.

An objective of the sequence, a number for each value of its targets summed over the moves, is one objective on all
their copies (:func:`copies`) among many.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"], "pay": lambda **now: now["at'"] // 2,
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1)})
>>> walk = cm.SequenceSetup(step, 2, {"at the left": {"at": [1.0, 0.0, 0.0]}})
>>> drawn = walk.as_training_setup()
>>> drawn.cid.decisions, sorted(drawn.shifted("at the left"))
(('act@0', 'act@1'), ['at@0'])
>>> copies(walk, "at'"), drawn.deployed("at the left").solve().value, walk.optimum("at the left").value
(('at@1', 'at@2'), 1.0, Fraction(1, 1))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cidmesa.errors import NotApplicableError, unknown
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.graphical.unrolled import NEXT, unroll
from cidmesa.mesa.setup.deployment import Deployment
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.mesa.setup.training import TrainingSetup

if TYPE_CHECKING:
    from cidmesa.mesa.sequences.setup import SequenceSetup


def as_training_setup(setup: SequenceSetup) -> TrainingSetup:
    """Return the setup whose diagram has all moves; see :meth:`.SequenceSetup.as_training_setup`."""
    step = setup.step
    if step is None or step.model is None:
        raise NotApplicableError("a sequence of tables has no diagram: StepModel arrays are all there is.")
    here = unroll(step.model, setup.horizon)
    deployments = {}
    for name in setup.deployments:
        there = unroll(step.deployed(name), setup.horizon)
        moved = [copy for node in step.shifted(name) for copy in copies(setup, node)]
        drawn = set(here.cid.edges)
        new = [edge for edge in there.cid.edges if edge not in drawn]
        deployments[name] = Deployment({node: own_mechanism(there, node) for node in moved}, new)
    return TrainingSetup(
        here,
        deployments,
        shared_rules=() if setup.clock or setup.horizon == 1 else [here.cid.decisions],
        selects=setup.selects,
        level_nodes=None if setup.selects == EXPECTED else [f"{node}@0" for node in setup.level_nodes],
    )


def copies(setup: SequenceSetup, name: str) -> tuple[str, ...]:
    """Return what a node of the step is called in the diagram, move by move: of a state, how it begins alone.

    Raises
    ------
    UnknownNodeError
        The step has no such node.
    """
    step = setup.step
    nodes = () if step is None else step.cid.nodes
    if name not in nodes:
        raise unknown(name, nodes, what="a node of this step")
    if name.endswith(NEXT):
        return tuple(f"{name.removesuffix(NEXT)}@{t + 1}" for t in range(setup.horizon))
    if name + NEXT in nodes:
        return (f"{name}@0",)
    return tuple(f"{name}@{t}" for t in range(setup.horizon))
