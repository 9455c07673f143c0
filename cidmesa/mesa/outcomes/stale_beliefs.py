r"""What an optimizer believes in a deployment when its parameters were fixed in training.

It has the beliefs that training left it with, decision by decision. Let :math:`pa_T` be the part of a context that is
requisite for the targets.

* Where some policy reaches :math:`pa_T` in training: :math:`P_{train}(T \mid pa_T, do(a))`. So a context of training
  has the answer that it had there, whatever has been shifted.
* Elsewhere, unless the deployment shifts a mechanism of :math:`Obs(D) \cap Rel_T(D)`: :math:`P(T \mid pa, do(a))` with
  the mechanisms of :math:`Obs(D) = Pa(D) \cup Anc(Pa(D))` as in the deployment, without which the context might be
  impossible, and all others as in training. It does not depend on the shifted ones, and what lies below D is never
  known in its new form.
* Otherwise training's beliefs say nothing, and every action is possible: the context is *undetermined*.

So no context has two answers in two deployments, and one frozen map can have all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cidmesa.arrays import Ints, Mask
from cidmesa.graph import relevant_mechanisms, requisite_observations
from cidmesa.mesa.graphical.relevance import observed
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import context_law
from cidmesa.solve.queries.payoffs import reached_contexts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


def stale_model(setup: TrainingSetup, name: str) -> CIM:
    """Return training's model with the mechanisms of what decisions observe as in deployment `name`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda y: y)
    >>> setup = TrainingSetup(model, {"there": {"x": cm.Bernoulli(1.0), "y": lambda act: 1 - act}})
    >>> stale_model(setup, "there").cpd("x").tolist(), stale_model(setup, "there").cpd("y").tolist()
    ([0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])
    """
    model, there = setup.deployed(TRAINING), setup.deployed(name)
    seen = observed(there.cid)
    shifts = {node: there.mechanisms[node] for node in setup.shifted(name) if node in seen}
    edges = [edge for edge in setup.deployments[name].edges if edge[1] in seen]
    return model.with_edges(edges, shifts) if edges else model.shift(shifts)


def reached_by_some_policy(setup: TrainingSetup, name: str, decision: str) -> Mask:
    """Say which contexts of `decision`, or of one that has the same rule, come up in a distribution under some policy.

    >>> import cidmesa as cm
    >>> reached_by_some_policy(cm.gallery.load("red-door").setup, "training", "go").tolist()
    [True, False, False, True]
    """
    model = setup.deployed(name)
    return np.asarray(np.any([reached_contexts(model, d).reshape(-1) for d in setup.rule_of(decision)], axis=0))


def new_contexts(setup: TrainingSetup, name: str, decision: str) -> Mask:
    """Say which contexts of `decision` come up in a deployment under some policy and in training under none.

    >>> import cidmesa as cm
    >>> new_contexts(cm.gallery.load("red-door").setup, "opposite", "go").tolist()
    [False, True, True, False]
    """
    there = reached_contexts(setup.deployed(name), decision).reshape(-1)
    return np.asarray(there & ~reached_by_some_policy(setup, TRAINING, decision))


class Requisite(NamedTuple):
    """Training's model of one decision without the links that are idle for some targets.

    Attributes
    ----------
    model
        The model, in which the decision sees what is requisite alone.
    part
        Per context of the decision the position of its requisite part.
    known
        Per context whether training reaches that part.
    """

    model: CIM
    part: Ints
    known: Mask


def requisite_part(setup: TrainingSetup, decision: str, targets: Sequence[str]) -> Requisite:
    """Return what training says of one decision, given what is requisite for the targets.

    Examples
    --------
    >>> import cidmesa as cm
    >>> setup = cm.gallery.load("red-door").setup  # doors are red in training
    >>> requisite_part(setup, "go", ["at_red"]).part.tolist(), requisite_part(setup, "go", ["at_red"]).known.tolist()
    ([0, 1, 0, 1], [True, True, True, True])
    >>> requisite_part(setup, "go", ["at_red", "at_door"]).known.tolist()
    [True, False, False, True]
    """
    model = setup.deployed(TRAINING)
    cid = model.cid
    kept = setup.reads(decision) | requisite_observations(cid, decision, targets=list(targets))
    parents = cid.parents(decision)
    idle = [(parent, decision) for parent in parents if parent not in kept]
    narrow = cid.without_edges(*idle).parameterise(dict(model.mechanisms)) if idle else model
    shape = [model.card(p) for p in parents]
    at = np.indices(shape).reshape(len(parents), math.prod(shape))
    seen = [i for i, p in enumerate(parents) if p in kept]
    part = np.zeros(math.prod(shape), dtype=np.intp)
    if seen:
        part = np.ravel_multi_index(tuple(at[i] for i in seen), tuple(shape[i] for i in seen)).astype(np.intp)
    reached = np.asarray(context_law(narrow, decision), dtype=float).ravel() > 0
    return Requisite(narrow, part, reached[part])


def tells_nothing(setup: TrainingSetup, name: str, decision: str, targets: Sequence[str]) -> bool:
    """Say whether a deployment shifts something above what `decision` sees that is relevant for the targets.

    Then training's beliefs say nothing of contexts whose requisite part it never reached.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "a"), ("door", "b"), ("a", "go"), ("b", "go"), ("go", "at"), ("door", "at")],
    ...              decisions=["go"]).with_utility("pay", ["at"])
    >>> setup = cm.TrainingSetup(cid, {"one sensor broken": {"b"}, "doors elsewhere": {"door"}, "a wall": {"at"}})
    >>> [tells_nothing(setup, name, "go", ["at"]) for name in setup.deployments]
    [True, True, False]
    """
    diagrams = {setup.deployed_cid(n) for n in (TRAINING, name)}
    matters = frozenset().union(*(relevant_mechanisms(g, decision, targets=list(targets)) for g in diagrams))
    above = frozenset().union(*(g.ancestors(decision) for g in diagrams))
    return bool(setup.shifted(name) & above & matters)
