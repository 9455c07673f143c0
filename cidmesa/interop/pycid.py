"""pycid's diagrams and models, both ways, and pycid itself beside current packages.

pycid is the companion library of the papers on causal influence diagrams. Its last release, 0.8.2, asks for versions of
pgmpy and pygambit that no current Python has. Its code alone runs: ``pip install --no-deps pycid``, then :func:`enable`
before ``import pycid``. What each of its calls is called here is told in the page *From pycid*.

>>> import cidmesa as cm
>>> cid = cm.CID([("S", "D"), ("S", "U"), ("D", "U")], decisions=["D"], utilities=["U"])
>>> from_pycid(to_pycid(cid)) == cid
True
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any, Final

from cidmesa.diagram import CID
from cidmesa.errors import DiagramError, MissingDependencyError, NotApplicableError, missing
from cidmesa.interop.objects import comes_from, diagram_and_model
from cidmesa.interop.pgmpy import Lotteries, diagram_of, model_of, states_and_table
from cidmesa.model import CIM

_MECHANISM: Final = "mec"
"""What pycid appends to a node's name to name its mechanism."""


def enable() -> ModuleType:
    """Make an installed pycid importable beside current packages, and return it.

    pycid imports a class that pgmpy has renamed (``BayesianNetwork``, now ``DiscreteBayesianNetwork``), calls a method
    that has become public (``DAG._get_ancestors_of``, now ``get_ancestors``), and imports pygambit. The class is found
    under its old name while pycid is imported and no longer; the method is given to pycid's classes; an empty module
    stands in for pygambit where it is not installed, again only during the import. pgmpy is left as it was.

    Returns
    -------
    module
        ``pycid``; after this, ``import pycid`` works everywhere.

    Raises
    ------
    MissingDependencyError
        pycid, pgmpy or matplotlib is not installed.

    Notes
    -----
    Takes some seconds once, nearly all of them to import pgmpy. Without pygambit the methods ``get_ne`` and ``get_spe``
    fail: use :func:`cidmesa.solve.mixed_equilibria` and :func:`cidmesa.solve.subgame_perfect_equilibria`.

    Examples
    --------
    >>> enable().CID([("A", "B")], decisions=["A"], utilities=["B"]).sufficient_recall()
    True
    """
    if "pycid" not in sys.modules:
        if find_spec("pycid") is None:
            raise MissingDependencyError(
                "pycid is not installed, and its own pins fit no current Python: pip install --no-deps pycid==0.8.2."
            )
        for package, extra in (("pgmpy", "pgmpy"), ("matplotlib", "plot")):
            if find_spec(package) is None:
                raise missing(package, extra, "pycid")
        with _old_names(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that pgmpy loads, about themselves
            import_module("pycid")
    pycid = sys.modules["pycid"]
    network = pycid.CausalBayesianNetwork
    if not hasattr(network, "_get_ancestors_of"):
        network._get_ancestors_of = network.get_ancestors
    return pycid


@contextmanager
def _old_names() -> Iterator[None]:
    """Let pycid find what it imports: pgmpy's class under its old name, and a module called pygambit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pgmpy import models

    absent = object()
    before = vars(models).get("BayesianNetwork", absent)
    stands_in = find_spec("pygambit") is None
    models.BayesianNetwork = models.DiscreteBayesianNetwork
    if stands_in:
        sys.modules["pygambit"] = ModuleType("pygambit", "Nothing: pygambit is not installed.")
    try:
        yield
    finally:
        if before is absent:
            del models.BayesianNetwork
        else:
            models.BayesianNetwork = before
        if stands_in:
            del sys.modules["pygambit"]


def from_pycid(diagram: Any, *, stochastic_utilities: Lotteries = "refuse") -> CID | CIM:
    r"""Read a diagram of pycid, or a model if its nodes have CPDs.

    Parameters
    ----------
    diagram
        A ``CID``, ``MACID`` or ``CausalBayesianNetwork`` of pycid.
    stochastic_utilities
        What to do with a utility :math:`U` that is random given its parents, which pycid allows: ``"refuse"`` it, or
        take its mean :math:`\mathbb{E}[U \mid pa_U]` (``"average"``), which leaves every expected utility as it is.

    Returns
    -------
    CID or CIM
        Nodes in pycid's order, parents as ``get_parents`` lists them, agents by their labels. A ``DecisionDomain`` is a
        decision to be taken; any other CPD of a decision is its rule (``model.rules``).

    Raises
    ------
    NotApplicableError
        `diagram` is nothing of pycid's.
    DiagramError
        A utility has children, which pycid does not mind.
    MechanismError
        Some nodes have CPDs and some have none; a utility is random, or not a number; a CPD's probabilities at some
        context do not sum to one (pycid lets one per cent pass).

    Notes
    -----
    Tables are read from the axes in ``cpd.variables`` (``get_evidence()`` lists the parents backwards), and states by
    name. Functions are not kept: what is read is what pycid made of them.

    Examples
    --------
    >>> from cidmesa.interop.pycid import enable
    >>> pycid = enable()
    >>> cid = pycid.CID([("S", "D"), ("S", "U"), ("D", "U")], ["D"], ["U"])
    >>> cid.add_cpds(S=pycid.discrete_uniform([-1, 1]), D=[-1, 1], U=lambda S, D: S * D)
    >>> from_pycid(cid).solve().value
    1.0
    """
    if not comes_from(diagram, "pycid", "CausalBayesianNetwork"):
        raise NotApplicableError(
            f"from_pycid reads a CID, MACID or CausalBayesianNetwork of pycid; got a {type(diagram).__name__}."
        )
    decisions, utilities = getattr(diagram, "agent_decisions", {}), getattr(diagram, "agent_utilities", {})
    cid = diagram_of(diagram, decisions, utilities)
    cpds = {node: cpd for node in cid.nodes if (cpd := diagram.get_cpds(node)) is not None}
    if not cpds and not diagram.model:
        return cid
    choices = {node for node, cpd in cpds.items() if comes_from(cpd, "pycid", "DecisionDomain")}
    return model_of(cid, cpds, choices, stochastic_utilities)


def to_pycid(model: CID | CIM) -> Any:
    """Write a diagram or a model for pycid.

    Parameters
    ----------
    model
        A diagram, or a model with numbers.

    Returns
    -------
    pycid.CID or pycid.MACID
        A ``CID`` for one agent, which pycid calls ``0``, a ``MACID`` for several or for one of another name. Chance
        nodes, utilities and decisions with a rule get a ``StochasticFunctionCPD`` over the same values in the same
        order, open decisions a ``DecisionDomain``. What pycid has no place for is left out: which nodes are latent,
        attributes, and how noise enters a structural function.

    Raises
    ------
    NotApplicableError
        The model has symbols.
    DiagramError
        A node bears the name that pycid gives to another one's mechanism (``D`` and ``Dmec``).
    MissingDependencyError
        pycid or a package that it needs is not installed.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> theirs = to_pycid(cid.parameterise(go=[0, 1], pay=lambda go: 3 * go))
    >>> theirs.impute_optimal_policy()
    >>> theirs.expected_utility({})
    3.0
    """
    cid, with_numbers = diagram_and_model(model, "to_pycid")
    if with_numbers is not None:
        with_numbers.require_numeric("writing for pycid")
        with_numbers.require_unrestricted("a pycid model")
    for node in cid.nodes:
        if node + _MECHANISM in cid:
            raise DiagramError(
                f"pycid calls the mechanism of `{node}` `{node}{_MECHANISM}`, and that is a node here: rename it, "
                f"cid.renamed({{'{node}{_MECHANISM}': ..}})."
            )
    pycid = enable()
    if set(cid.agents) <= {0}:
        diagram = pycid.CID(cid.edges, decisions=list(cid.decisions), utilities=list(cid.utilities))
    else:
        diagram = pycid.MACID(
            cid.edges,
            agent_decisions={agent: list(cid.decisions_of(agent)) for agent in cid.agents},
            agent_utilities={agent: list(cid.utilities_of(agent)) for agent in cid.agents},
        )
    diagram.add_nodes_from(cid.nodes)
    if with_numbers is None:
        return diagram
    for i in cid.topological:
        node = cid.nodes[i]
        if cid.kind(node) == "decision" and node not in with_numbers.rules:
            cpd = pycid.DecisionDomain(node, diagram, list(with_numbers.domain(node)))
        else:
            states, table = states_and_table(with_numbers, node)
            laws = dict(zip(with_numbers.contexts(node), table.reshape(-1, len(states)).tolist(), strict=True))
            look_up = _function(cid.parents(node), states, laws)
            cpd = pycid.StochasticFunctionCPD(node, look_up, diagram, domain=list(states), label=f"P({node})")
        diagram.add_cpds(cpd)
    return diagram


def _function(
    parents: Sequence[str], states: Sequence[Any], laws: Mapping[tuple[Any, ...], Sequence[float]]
) -> Callable[..., dict[Any, float]]:
    """Return the function of its parents, by name, that pycid asks for: the distribution in a context."""

    def look_up(**values: Any) -> dict[Any, float]:
        return dict(zip(states, laws[tuple(values[parent] for parent in parents)], strict=True))

    look_up.__signature__ = Signature([Parameter(p, Parameter.KEYWORD_ONLY) for p in parents])  # type: ignore[attr-defined]
    return look_up
