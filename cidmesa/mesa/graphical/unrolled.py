r"""A step, written out over time.

In the diagram of one step a node ``x`` has a successor ``x'``: what it becomes. Unrolled over T steps there is a copy
``n@t`` of every other node for t = 0 … T − 1, and copies ``x@0`` … ``x@T`` of the nodes that have a successor. ``x@0``
does what ``x`` does in the step; ``x@{t+1}`` does what ``x'`` does, by what step t holds. So the mechanisms of ``x``
say how it begins, those of ``x'`` how it goes on; a utility that reads ``x'`` is paid by where the step leads.

Decisions observe what the step shows them, and forget the rest: draw ``cid.with_recall()`` after unrolling where they
remember. One rule for all steps is ``TrainingSetup(.., shared_rules=[("act@0", "act@1", ..)])``.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": cm.Bernoulli(0.5), "act": ["stay", "move"], "pay": lambda **now: now["at'"],
...                          "at'": lambda at, act: at if act == "stay" else 1 - at})
>>> walk = unroll(step, 2)
>>> walk.cid.nodes
('at@0', 'act@0', 'at@1', 'pay@0', 'act@1', 'at@2', 'pay@1')
>>> walk.cid.parents("at@2"), walk.solve().value
(('at@1', 'act@1'), 2.0)

References
----------
R. Bellman, *Dynamic Programming*, 1957; T. Dean and K. Kanazawa, "A model for reasoning about persistence and
causation", *Computational Intelligence* 5, 1989 (a slice and what leads to the next).
"""

from __future__ import annotations

from typing import TypeVar

from cidmesa.arguments import require_count
from cidmesa.diagram import CID
from cidmesa.errors import DiagramError, NotApplicableError, quoted, shortened
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.model import CIM

NEXT = "'"
"""What the name of a successor ends with."""

Step = TypeVar("Step", CID, CIM)


def unroll(step: Step, steps: int) -> Step:
    """Return the diagram, or the model, of so many steps.

    Parameters
    ----------
    step
        A diagram or a model in which some chance nodes ``x`` have a successor, a chance node ``x'``.
    steps
        How many, T.

    Returns
    -------
    CID or CIM
        As `step` is; nodes are called ``x@0``, ``act@0``, ``x@1``, …, in the order of time.

    Raises
    ------
    DiagramError
        No node has a successor; a successor has no node that it succeeds; either is a decision or a utility, or their
        domains differ; after unrolling there would be a circle.
    NotApplicableError
        `steps` is no whole number of at least 1, or `step` neither diagram nor model.

    Notes
    -----
    Mechanisms keep their noise, choices what they allow, and decisions their agents. The size is T times the step's.
    """
    require_count(steps, "steps")
    if isinstance(step, CIM):
        return _model(step, unroll(step.cid, steps), int(steps))
    if not isinstance(step, CID):
        raise NotApplicableError(
            f"a step is a diagram or a model, CID(..) or cid.parameterise(..); got {shortened(step)}."
        )
    states = states_of(step)
    made: dict[str, None] = {}
    edges = []
    for t in range(steps):
        for node in _order(step, states, t):
            made.setdefault(_at(node, t))
            edges += [(_at(parent, t), _at(node, t)) for parent in step.parents(node)]
    return CID(
        edges,
        nodes=list(made),
        decisions={a: [_at(d, t) for t in range(steps) for d in step.decisions_of(a)] for a in step.agents},
        utilities={a: [_at(u, t) for t in range(steps) for u in step.utilities_of(a)] for a in step.agents},
        latent=[name for name in made if name.rpartition("@")[0] in step.latent],
    )


def _model(step: CIM, unrolled: CID, steps: int) -> CIM:
    states = states_of(step.cid)
    for node in states:
        here, there = step.domain(node), step.domain(node + NEXT)
        if here != there:
            raise DiagramError(
                f"`{node}` is {here!r} and becomes {there!r}: one domain for both, in one order, domain=[..] of either "
                "mechanism."
            )
    mechanisms = {}
    for t in range(steps):
        for node in _order(step.cid, states, t):
            names = {parent: _at(parent, t) for parent in step.cid.parents(node)}
            mechanisms[_at(node, t)] = own_mechanism(step, node, names)
    return CIM(unrolled, mechanisms)


def states_of(cid: CID) -> tuple[str, ...]:
    """Return the nodes that have a successor."""
    found = []
    for node in cid.nodes:
        if not node.endswith(NEXT):
            continue
        before = node[: -len(NEXT)]
        if before not in cid:
            raise DiagramError(f"`{node}` is what `{before}` becomes, and there is no `{before}`: CID(.., nodes=[..]).")
        for name in (before, node):
            if cid.kind(name) != "chance":
                raise DiagramError(
                    f"`{name}` is a {cid.kind(name)}: the world goes on by chance nodes, and every step has "
                    "decisions and utilities of its own."
                )
        found.append(before)
    if not found:
        raise DiagramError(
            f"no node becomes another one in this step: call what a node x is next {quoted('x' + NEXT)}."
        )
    return tuple(found)


def _order(cid: CID, states: tuple[str, ...], t: int) -> list[str]:
    """Return the nodes of the step that are made at time t, causes first: states alone are there already later on."""
    order = [cid.nodes[i] for i in cid.topological]
    return [node for node in order if t == 0 or node not in states]


def _at(node: str, t: int) -> str:
    """Return the name of a node's copy at a time."""
    return f"{node[: -len(NEXT)]}@{t + 1}" if node.endswith(NEXT) else f"{node}@{t}"
