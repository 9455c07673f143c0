"""pyAgrum's influence diagrams, both ways.

pyAgrum calls the values of a variable labels, and they are texts. Whole numbers in increasing order become an
``IntegerVariable`` and real ones a ``NumericalDiscreteVariable``, and are read back as numbers; every other domain
becomes a ``LabelizedVariable``, and is read back as texts.

pyAgrum's solver can return a wrong optimum where the diagram, once what no decision needs is gone, falls into parts
with decisions in several of them. A utility that is zero everywhere and has all decisions as parents cures that: a
diagram with several decisions is written with one (:data:`JOINING`), and read without it. Of 1,500 random models with
one to three decisions pyAgrum 3.3.1 gives a wrong optimum for 70 without it and for none with it, but calls 470 not
solvable with it that it solves without: the utility makes decisions that do not see each other relevant to each other.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.diagram import CID
from cidmesa.errors import DiagramError, MissingDependencyError, NotApplicableError, missing
from cidmesa.interop.objects import comes_from, in_axis_order, require_one_agent
from cidmesa.mechanisms import Domain, Table, is_number
from cidmesa.model import CIM

JOINING: Final = "joining_zero"
"""The utility, zero everywhere, that joins the decisions."""

MAX_JOINED: Final = 2**20
"""The most entries that the joining utility may have."""

_INTEGERS: Final = (2, 4)
_NUMBERS: Final = 3
"""What ``varType()`` says of integer and range variables, and of numerical ones."""


def from_pyagrum(diagram: Any) -> CIM:
    """Read an influence diagram of pyAgrum, or a Bayesian network as a model without decisions.

    Parameters
    ----------
    diagram
        A ``pyagrum.InfluenceDiagram`` or a ``pyagrum.BayesNet``.

    Returns
    -------
    CIM
        Nodes in the order of their ids, parents in the order in which the tables have them; decisions are open. Values
        are whole numbers for integer and range variables, floats for numerical ones, texts for all others. A utility
        that :func:`to_pyagrum` put there to join the decisions is left out.

    Raises
    ------
    NotApplicableError
        `diagram` is neither.
    MechanismError
        Probabilities in some context do not sum to one within 1e-9.

    Notes
    -----
    A decision observes its parents and nothing else. pyAgrum solves in the same way, unless no forgetting was asked of
    its inference: then ask the same here with more edges.
    """
    if not comes_from(diagram, "pyagrum", "InfluenceDiagram", "BayesNet"):
        raise NotApplicableError(
            f"from_pyagrum reads an InfluenceDiagram or a BayesNet of pyAgrum; got a {type(diagram).__name__}."
        )
    found = {i: diagram.variable(i).name() for i in sorted(diagram.nodes())}
    kinds = {name: _kind(diagram, i) for i, name in found.items()}
    tables = {name: _tensor(diagram, name, kind) for name, kind in kinds.items()}
    if kinds.get(JOINING) == "utility" and not np.any(tables[JOINING][1]):
        del kinds[JOINING], tables[JOINING]
    edges: list[tuple[str, str]] = []
    for i, name in found.items():
        if name in kinds:
            parents = tables[name][0] or sorted(diagram.parents(i))
            edges += [(parent if isinstance(parent, str) else found[parent], name) for parent in parents]
    cid = CID(
        edges,
        nodes=kinds,
        decisions=[name for name, kind in kinds.items() if kind == "decision"],
        utilities=[name for name, kind in kinds.items() if kind == "utility"],
    )
    mechanisms: dict[str, Any] = {}
    for name, kind in kinds.items():
        parents, table = tables[name]
        if kind == "decision":
            mechanisms[name] = list(_domain(diagram.variable(name)))
        elif kind == "utility":
            mechanisms[name] = Table(table[..., 0], parents=parents)
        else:
            mechanisms[name] = Table(table, domain=_domain(diagram.variable(name)), parents=parents)
    return cid.parameterise(mechanisms)


def to_pyagrum(model: CIM, *, joined: bool = True) -> Any:
    """Write a model as an influence diagram of pyAgrum.

    Parameters
    ----------
    model
        A model of one agent, with numbers, whose decisions are all open.
    joined
        Whether several decisions get a common utility :data:`JOINING` that is zero everywhere, without which pyAgrum's
        optimum can be wrong, and with which it calls more diagrams not solvable.

    Returns
    -------
    pyagrum.InfluenceDiagram
        With the same nodes and tables. Which nodes are latent is not written.

    Raises
    ------
    NotApplicableError
    XX
    DiagramError
        A node bears the name of the joining utility.
    MissingDependencyError
        pyAgrum is not installed, or cannot be loaded (it needs the system library libgomp).

    Notes
    -----
    ``pyagrum.ShaferShenoyLIMIDInference(diagram).MEU()`` is then the value of :func:`cidmesa.solve.solve`.
    """
    require_model(model, "to_pyagrum")
    model.require_numeric("writing for pyAgrum")
    model.require_unrestricted("an influence diagram of pyAgrum")
    cid = model.cid
    require_one_agent(cid, "pyAgrum")
    if model.rules:
        name = next(iter(model.rules))
        raise NotApplicableError(
            f"pyAgrum's decisions have no rules, and `{name}` has one: model.without_rules() opens it."
        )
    entries = math.prod(map(model.card, cid.decisions))
    if joined and len(cid.decisions) > 1 and entries > MAX_JOINED:
        raise NotApplicableError(
            f"the utility that joins {len(cid.decisions)} decisions would have {float(entries):.3g} entries, more than "
            f"{MAX_JOINED:,}: joined=False leaves it out, and then pyAgrum's optimum can be wrong."
        )
    if JOINING in cid:
        raise DiagramError(f"the utility that joins the decisions is called `{JOINING}`: rename the node of that name.")
    try:
        import pyagrum
    except ImportError as error:
        if find_spec("pyagrum") is None:
            raise missing("pyagrum", "pyagrum", "writing an influence diagram of pyAgrum") from None
        raise MissingDependencyError(
            f"pyAgrum is installed and cannot be loaded ({error}): it needs the system library libgomp, on Debian "
            "apt install libgomp1."
        ) from None
    gum: Any = pyagrum
    diagram = gum.InfluenceDiagram()
    add = {"chance": diagram.addChanceNode, "decision": diagram.addDecisionNode, "utility": diagram.addUtilityNode}
    for node in cid.nodes:
        if cid.kind(node) == "utility":
            diagram.addUtilityNode(gum.LabelizedVariable(node, node, 1))
        else:
            add[cid.kind(node)](_variable(gum, node, model.domain(node)))
    for node in cid.nodes:
        for parent in cid.parents(node):
            diagram.addArc(parent, node)
    for node in cid.nodes:
        if cid.kind(node) == "chance":
            axes, table, tensor = [*cid.parents(node), node], model.cpd(node), diagram.cpt(node)
        elif cid.kind(node) == "utility":
            axes, table, tensor = [*cid.parents(node), node], model.cpd(node)[..., None], diagram.utility(node)
        else:
            continue
        tensor[:] = in_axis_order(table, axes, list(reversed(tensor.names)))
    if joined and len(cid.decisions) > 1:
        diagram.addUtilityNode(gum.LabelizedVariable(JOINING, "zero everywhere", 1))
        for decision in cid.decisions:
            diagram.addArc(decision, JOINING)
        diagram.utility(JOINING).fillWith(0)
    return diagram


def _kind(diagram: Any, i: int) -> str:
    """Return what a node is; all nodes of a Bayesian network are chance nodes."""
    if not hasattr(diagram, "isUtilityNode") or diagram.isChanceNode(i):
        return "chance"
    return "utility" if diagram.isUtilityNode(i) else "decision"


def _tensor(diagram: Any, name: str, kind: str) -> tuple[list[str], Any]:
    """Return a node's parents in the order of its table, and the table with the node's own axis last."""
    if kind == "decision":
        return [], None
    tensor = diagram.utility(name) if kind == "utility" else diagram.cpt(name)
    own, *parents = tensor.names
    values = np.array(tensor.toarray(), dtype=np.float64)
    return parents, in_axis_order(values, list(reversed(tensor.names)), [*parents, own])


def _domain(variable: Any) -> Domain:
    """Return the values of a variable: numbers where its type says that they are, else its labels."""
    if variable.varType() in _INTEGERS:
        return tuple([int(label) for label in variable.labels()])
    if variable.varType() == _NUMBERS:
        return tuple([variable.numerical(i) for i in range(variable.domainSize())])
    return tuple(variable.labels())


def _variable(gum: Any, node: str, domain: Domain) -> Any:
    """Return the variable of pyAgrum for a node with these values."""
    numbers = all(is_number(value) and not isinstance(value, bool) for value in domain)
    increasing = numbers and all(a < b for a, b in pairwise(domain))  # type: ignore[operator]
    if increasing and all(isinstance(value, int) and abs(value) < 2**31 for value in domain):
        return gum.IntegerVariable(node, node, list(domain))
    if increasing:
        variable = gum.NumericalDiscreteVariable(node, node, [float(value) for value in domain])  # type: ignore[arg-type]
        if _domain(variable) == domain:
            return variable
    labels = [str(value) for value in domain]
    if len(set(labels)) < len(labels):
        raise NotApplicableError(
            f"pyAgrum's values are texts, and two values of `{node}` are the same text: {domain!r}; rename one."
        )
    return gum.LabelizedVariable(node, node, labels)
