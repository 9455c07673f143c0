r"""Learning that goes on in deployment: what is met there returns to training.

With feedback :math:`(V, W)` from a deployment :math:`\sigma` the learner meets, beside every training episode, a
deployed one, and a training episode in which W is what V was in that one. All of them are one model, the *course*: the
training copy, the ancestors of V in :math:`\sigma`, and a copy of training whose W is that V. What is climbed is the
score of both training copies; one rule acts in all of them. With *credit* a deployed decision answers for what returns
(online reinforcement learning); without, what returned is data like any other (online supervised learning), and no
gradient passes [1]_.

>>> import cidmesa as cm
>>> cid = cm.CID([("guess", "pay"), ("state", "pay")], decisions=["guess"], utilities=["pay"])
>>> model = cid.parameterise(state=cm.Bernoulli(0.5), guess=[0, 1], pay=lambda guess, state: int(guess == state))
>>> heeded = cm.Deployment({"state": lambda guess: guess}, edges=[("guess", "state")])
>>> setup = cm.TrainingSetup(model, deployments={"heeded": heeded}, feedback=[("state", "state", True)])
>>> course = course_of(model, returns_of(setup))
>>> course.model.cid.decisions, course.model.cid.parents("state@heeded'")
(('guess', 'guess@heeded', "guess@heeded'"), ('state@heeded',))

References
----------
.. [1] S. Armstrong and X. O'Rorke, "Good and safe uses of AI oracles", arXiv:1711.05541, 2018; D. Krueger, T. Maharaj,
   J. Leike, "Hidden incentives for auto-induced distributional shift", 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Choice, Table
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly


@dataclass(frozen=True, slots=True)
class Returns:
    """What returns to training.

    Attributes
    ----------
    deployed
        The model of each deployment, by name.
    pairs
        What returns as what: ``(V, W)``.
    credit
        Whether deployed decisions answer for it.
    """

    deployed: Mapping[str, CIM]
    pairs: tuple[tuple[str, str], ...]
    credit: bool


@dataclass(frozen=True, slots=True)
class Course:
    """Training that meets deployments, as one model.

    Attributes
    ----------
    model
        The training copy under its own names, ``V@<deployment>``, and the copy of training to which it returns,
        ``V@<deployment>'``.
    copy_of
        For each decision the one of which it is a copy.
    score
        The utilities of both training copies that training follows.
    uncredited
        Decisions that do not answer for what they bring about.
    """

    model: CIM
    copy_of: Mapping[str, str]
    score: tuple[str, ...]
    uncredited: frozenset[str]


def returns_of(setup: Any) -> Returns | None:
    """Return what a setup returns to training; ``None`` for a frozen learner.

    Raises
    ------
    NotApplicableError
        Some pairs carry credit and others do not.
    """
    pairs = tuple(getattr(setup, "feedback", ()))
    if not pairs or not setup.deployments:
        return None
    credits = {bool(pair.credit) for pair in pairs}
    if len(credits) > 1:
        raise NotApplicableError(
            "training answers for what returns to it or takes it as given, and this feedback= does both: give all "
            "pairs credit, or none, (V, W, False)."
        )
    deployed = {name: setup.deployed(name) for name in setup.deployments}
    return Returns(ReadOnly(deployed), tuple((pair.source, pair.target) for pair in pairs), credits.pop())


def course_of(model: CIM, returns: Returns, score: Iterable[str] | None = None) -> Course:
    """Return training that meets deployments as one model.

    Raises
    ------
    NotApplicableError
        What returns is no value of what it returns as.
    """
    cid = model.cid
    scored = tuple(cid.utilities if score is None else score)
    edges: list[tuple[str, str]] = list(cid.edges)
    nodes: list[str] = list(cid.nodes)
    decisions, utilities = list(cid.decisions), list(cid.utilities)
    mechanisms: dict[str, Any] = {node: _mechanism(model, node, cid.parents(node)) for node in cid.nodes}
    copy_of, uncredited, paid = {d: d for d in cid.decisions}, set[str](), list(scored)

    def add(of: CIM, node: str, mark: str, parents: tuple[str, ...], mechanism: Any) -> None:
        name = f"{node}@{mark}"
        nodes.append(name)
        edges.extend((parent, name) for parent in parents)
        mechanisms[name] = mechanism
        kind = of.cid.kind(node)
        if kind == "decision":
            decisions.append(name)
            copy_of[name] = node
        elif kind == "utility":
            utilities.append(name)

    for name, deployed in returns.deployed.items():
        sources = {source for source, _ in returns.pairs}
        met = sources.union(*(deployed.cid.ancestors(source) for source in sources))
        for node in (n for n in deployed.cid.nodes if n in met):
            parents = tuple(f"{p}@{name}" for p in deployed.cid.parents(node))
            add(deployed, node, name, parents, _mechanism(deployed, node, parents))
            if not returns.credit and deployed.cid.kind(node) == "decision":
                uncredited.add(f"{node}@{name}")
        back = {target: source for source, target in returns.pairs}
        for node in cid.nodes:
            if node in back:
                table = _carried(deployed, back[node], model, node)
                add(model, node, f"{name}'", (f"{back[node]}@{name}",), table)
            else:
                parents = tuple(f"{p}@{name}'" for p in cid.parents(node))
                add(model, node, f"{name}'", parents, _mechanism(model, node, parents))
        paid += [f"{utility}@{name}'" for utility in scored]
    whole = CID(edges, nodes=nodes, decisions=decisions, utilities=utilities)
    return Course(whole.parameterise(mechanisms), ReadOnly(copy_of), tuple(paid), frozenset(uncredited))


def _mechanism(model: CIM, node: str, parents: tuple[str, ...]) -> Any:
    """Return a node's mechanism under other names of its parents."""
    if model.cid.kind(node) != "decision":
        table = np.array(model.cpd(node), dtype=np.float64)
        return Table(table, domain=None if model.cid.kind(node) == "utility" else model.domain(node), parents=parents)
    may, domain = model.allowed(node), model.domain(node)
    if may is None:
        return list(domain)
    places = [{value: i for i, value in enumerate(model.domain(p))} for p in model.cid.parents(node)]

    def allowed(**seen: Any) -> list[Any]:
        where = tuple(place[seen[parent]] for place, parent in zip(places, parents, strict=True))
        return [action for action, yes in zip(domain, may[where].tolist(), strict=True) if yes]

    return Choice(list(domain), allowed=allowed)


def _carried(deployed: CIM, source: str, model: CIM, target: str) -> Table:
    """Return the mechanism by which `target` is what `source` was."""
    domain = model.domain(target)
    odd = [value for value in deployed.domain(source) if value not in domain]
    if odd:
        raise NotApplicableError(
            f"`{source}` can be {odd[0]!r} in deployment, which `{target}` {domain!r} cannot be in training: give them "
            "one domain."
        )
    rows = [[float(value == other) for other in domain] for value in deployed.domain(source)]
    return Table(np.array(rows), domain=domain)
