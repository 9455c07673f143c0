"""pgmpy's Bayesian networks, both ways.

A network of pgmpy has nodes of one kind; which of them are decisions and utilities is said when it is read. A utility
is a node whose states are numbers and whose state is certain for every context of its parents; its table becomes those
numbers. The states of a ``TabularCPD`` may come in any order, another one in each CPD: they are matched by name, and by
position where a CPD names none.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "reward"), ("go", "reward")], decisions=["go"], utilities=["reward"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          reward=lambda door, go: int(door == go))
>>> network = to_pgmpy(model, model.solve())
>>> network.get_cpds("reward").state_names["reward"]
[0, 1]
>>> from_pgmpy(network, decisions=["go"], utilities=["reward"]) == model
True
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Array
from cidmesa.diagram import CID, Owned
from cidmesa.errors import MechanismError, NotApplicableError, missing
from cidmesa.interop.objects import comes_from
from cidmesa.mechanisms import ROW_SUM_TOLERANCE, Domain, Place, Table, TabularMechanism, is_number
from cidmesa.model import CIM

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

Lotteries: TypeAlias = Literal["refuse", "average"]


def from_pgmpy(
    network: Any,
    *,
    decisions: Owned = (),
    utilities: Owned = (),
    keep_rules: bool = False,
    stochastic_utilities: Lotteries = "refuse",
) -> CID | CIM:
    r"""Read a network of pgmpy as a diagram or, if it has CPDs, as a model.

    Parameters
    ----------
    network
        A ``DiscreteBayesianNetwork`` or a ``DAG``.
    decisions, utilities
        Which nodes are decisions and utilities: a list for one agent, or a mapping from agent to names.
    keep_rules
        Whether a decision keeps its CPD as its rule; otherwise it keeps the states alone, as actions to choose from.
    stochastic_utilities
        What to do with a utility :math:`U` that is random given its parents: ``"refuse"`` it, or take its mean
        :math:`\mathbb{E}[U \mid pa_U]` (``"average"``), which leaves every expected utility as it is.

    Returns
    -------
    CID or CIM
        A diagram if no node has a CPD. Nodes in the network's order, parents as ``get_parents`` lists them, latent
        nodes as ``network.latents`` has them; values are the states of the node's own CPD, in its order.

    Raises
    ------
    NotApplicableError
        `network` is not a directed network of pgmpy.
    DiagramError
        The kinds do not fit: a utility with children, a latent node that a decision observes.
    MechanismError
        Some nodes lack a CPD; a CPD is not a table; states that do not match; a utility that is random or not a number.

    Notes
    -----
    Entries are copied as they are; a row that does not sum to one within 1e-9 is refused.

    Examples
    --------
    >>> from pgmpy.factors.discrete import TabularCPD
    >>> from pgmpy.models import DiscreteBayesianNetwork
    >>> network = DiscreteBayesianNetwork([("rain", "wet")])
    >>> network.add_cpds(TabularCPD("rain", 2, [[0.9], [0.1]], state_names={"rain": ["no", "yes"]}),
    ...                  TabularCPD("wet", 2, [[1, 0.2], [0, 0.8]], ["rain"], [2],
    ...                             {"wet": ["wet", "dry"], "rain": ["yes", "no"]}))
    >>> from_pgmpy(network).cpd("wet").tolist()
    [[0.2, 0.8], [1.0, 0.0]]
    """
    if not comes_from(network, "pgmpy", "DAG"):
        raise NotApplicableError(
            f"from_pgmpy reads a DiscreteBayesianNetwork or a DAG of pgmpy; got a {type(network).__name__}."
        )
    cid = diagram_of(network, decisions, utilities)
    cpds = {node: cpd for node in cid.nodes if (cpd := _cpd_of(network, node)) is not None}
    if not cpds:
        return cid
    return model_of(cid, cpds, () if keep_rules else cid.decisions, stochastic_utilities)


def to_pgmpy(model: CIM, policy: Mapping[str, Any] | None = None) -> DiscreteBayesianNetwork:
    """Write a model under a policy as a network of pgmpy.

    Parameters
    ----------
    model
        The model.
    policy
        Rules for the decisions that the model leaves open: a mapping, or what ``model.solve()`` returns.

    Returns
    -------
    pgmpy.models.DiscreteBayesianNetwork
        With a ``TabularCPD`` for each node. States are named by the values of the domains; those of a utility are the
        numbers that occur in its table, in increasing order. What is a decision or a utility is not written, nor whose.

    Raises
    ------
    NotApplicableError
        A decision has no rule, or the model has symbols.
    MissingDependencyError
        pgmpy is not installed.

    Notes
    -----
    A utility with :math:`k` different numbers takes :math:`k` times the space that it takes here.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> model = cid.parameterise(go=[0, 1], pay=lambda go: 3 * go)
    >>> to_pgmpy(model, {"go": [0.5, 0.5]}).get_cpds("pay").get_values().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    require_model(model, "writing a network of pgmpy")
    model.require_numeric("writing a network of pgmpy")
    ruled = model if policy is None else model.with_policy(policy)
    try:
        from pgmpy.factors.discrete import TabularCPD
        from pgmpy.models import DiscreteBayesianNetwork
    except ImportError:
        raise missing("pgmpy", "pgmpy", "writing a network of pgmpy") from None
    cid = model.cid
    tables = {node: states_and_table(ruled, node) for node in cid.nodes}
    network = DiscreteBayesianNetwork()
    network.add_nodes_from(cid.nodes)
    network.add_edges_from(cid.edges)
    if cid.latent:
        network.latents = set(cid.latent)
    for node, (states, table) in tables.items():
        parents = list(cid.parents(node))
        names = {node: list(states), **{parent: list(model.domain(parent)) for parent in parents}}
        rows = np.moveaxis(table, -1, 0).reshape(len(states), -1)
        network.add_cpds(
            TabularCPD(node, len(states), rows, parents, [len(names[p]) for p in parents], state_names=names)
        )
    return network


def diagram_of(network: Any, decisions: Owned, utilities: Owned) -> CID:
    """Return the diagram of a network of pgmpy, parents in the order in which it lists them."""
    nodes = list(network.nodes)
    edges = [(parent, node) for node in nodes for parent in network.predecessors(node)]
    latent = [node for node in nodes if node in getattr(network, "latents", ())]
    return CID(edges, nodes=nodes, decisions=decisions, utilities=utilities, latent=latent)


def model_of(cid: CID, cpds: Mapping[str, Any], choices: Collection[str], stochastic_utilities: Lotteries) -> CIM:
    """Return the model that gives every node of `cid` its CPD.

    Parameters
    ----------
    cid
        The diagram.
    cpds
        The ``TabularCPD`` of every node.
    choices
        The decisions of which the states alone are wanted; others get their CPD as a rule.
    stochastic_utilities
        ``"refuse"`` or ``"average"``.
    """
    if stochastic_utilities not in {"refuse", "average"}:
        raise NotApplicableError(f'stochastic_utilities= is "refuse" or "average"; got {stochastic_utilities!r}.')
    lacking = [node for node in cid.nodes if node not in cpds]
    if lacking:
        names = ", ".join(f"`{node}`" for node in lacking)
        raise MechanismError(
            f"every node needs a CPD, and {names} {'has' if len(lacking) == 1 else 'have'} none: add "
            f"{'it' if len(lacking) == 1 else 'them'}, or remove all CPDs to read the diagram alone."
        )
    domains: dict[str, Domain] = {}
    mechanisms: dict[str, Any] = {}
    rules: dict[str, Table] = {}
    for i in cid.topological:
        node = cid.nodes[i]
        parents = cid.parents(node)
        place = Place(node, "chance", parents, tuple([domains[parent] for parent in parents]))
        if not (hasattr(cpds[node], "state_names") and hasattr(cpds[node], "values")):
            raise place.error(f"a table over named states is read, and this is a {type(cpds[node]).__name__}.")
        domain, table, *_ = TabularMechanism(cpds[node]).compile(place)
        domains[node] = domain
        if cid.kind(node) == "utility":
            mechanisms[node] = Table(utility_of(place, domain, table, stochastic_utilities))
        elif cid.kind(node) == "chance":
            mechanisms[node] = Table(table, domain=domain)
        else:
            mechanisms[node] = list(domain)
            if node not in choices:
                rules[node] = Table(table)
    model = cid.parameterise(mechanisms)
    return model.with_policy(rules) if rules else model


def utility_of(place: Place, states: Domain, table: Array, stochastic_utilities: Lotteries) -> Array:
    """Return the number that a utility is in each context of its parents, from its distribution over `states`."""
    numbers = np.array([_number(place, state) for state in states])
    certain = table.max(axis=-1) >= 1 - ROW_SUM_TOLERANCE
    found: Array = numbers[table.argmax(axis=-1)]
    if certain.all():
        return found
    if stochastic_utilities == "average":
        return np.where(certain, found, table @ numbers)
    where = np.argwhere(~certain)[0]
    context = tuple([domain[i] for domain, i in zip(place.parent_domains, where, strict=True)])
    law = {state: p for state, p in zip(states, table[tuple(where)].tolist(), strict=True) if p}
    raise place.error(
        f"a utility is one number for each context of its parents, and at {place.describe(context)} this one is random "
        f'{law!r}: take means, which leaves every expected utility as it is, with stochastic_utilities="average"; or '
        f"make `{place.node}` a chance node with a utility below it."
    )


def states_and_table(model: CIM, node: str) -> tuple[Domain, Array]:
    """Return a node's states and its table of probabilities: a utility's states are the numbers that it can be."""
    if model.cid.kind(node) != "utility":
        return model.domain(node), model.cpd(node)
    numbers, which = np.unique(model.cpd(node), return_inverse=True)
    table = np.eye(len(numbers))[which.reshape(model.cpd(node).shape)]
    return tuple([int(x) if x.is_integer() else x for x in numbers.tolist()]), table


def _cpd_of(network: Any, node: str) -> Any:
    """Return the CPD of a node, ``None`` where the network has none, or is a graph alone."""
    return network.get_cpds(node) if hasattr(network, "get_cpds") else None


def _number(place: Place, state: Any) -> float:
    """Read a state of a utility as a number; files leave texts such as ``"2.5"`` behind."""
    try:
        if is_number(state) or isinstance(state, str):
            return float(state)
    except ValueError:
        pass
    raise place.error(
        f"the states of a utility are numbers, and {state!r} is none: rename its states, or make `{place.node}` a "
        "chance node with a utility below it."
    )
