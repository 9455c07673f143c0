r"""Counterfactuals: what would have been, given what was.

A counterfactual compares *worlds* that share their exogenous noise: in the actual world evidence was seen, in another
one a node is set to a value, and whatever does not hang on that value is the same in both [1]_. The *twin network* is
an ordinary model that holds all worlds at once: a node that would be computed from the same inputs in two worlds is one
node, and a node that is computed twice gets its noise as an explicit parent of both copies [2]_. Every question about
counterfactuals is then a plain query of that model.

=============================================  ========================================================================
:func:`counterfactual`                         :math:`P(y_x \mid e)`: abduction, action and prediction in one query
:func:`counterfactual_utility`                 :math:`\mathbb{E}[U_x \mid e]`
:func:`twin_network`                           the model itself, to ask something else of
:func:`~cidmesa.solve.queries.parallel_worlds.parallel_worlds`  any number of worlds, nested as in :math:`U_{X_d}`
=============================================  ========================================================================

An intervention is *path-specific* where some edges do not pass it on: along each edge in ``cut_edges`` the head goes on
hearing the value that the tail has in the actual world [3]_.

Only functions of parents and noise have counterfactuals. A node that every world computes alike may have any
distribution; one that two worlds compute apart has to be structural (:attr:`cidmesa.CIM.is_structural`), and where it
is not, the error names it.

>>> import cidmesa as cm
>>> fate = cm.Categorical({"doomed": 0.25, "helped": 0.5, "immune": 0.25})
>>> recovery = cm.Function(lambda drug, noise: int(noise == "immune" or noise == "helped" and drug), noise=fate)
>>> model = cm.CID([("drug", "recovery")]).parameterise(drug=cm.Bernoulli(0.5), recovery=recovery)
>>> model.query(["recovery"], do={"drug": 0})[1]
0.25
>>> round(counterfactual(model, ["recovery"], given={"drug": 1, "recovery": 1}, do={"drug": 0})[1], 6)
0.333333

References
----------
.. [1] J. Pearl, *Causality*, 2nd ed., 2009, ch. 7.
.. [2] A. Balke and J. Pearl, "Probabilistic evaluation of counterfactual queries", AAAI 1994.
.. [3] J. Pearl, "Direct and indirect effects", UAI 2001; S. Farquhar, R. Carey and T. Everitt, "Path-specific
   objectives for safer agent incentives", AAAI 2022.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cidmesa.arguments import read_edges, read_names, read_values, require_model
from cidmesa.solve.queries.distribution import Distribution
from cidmesa.solve.queries.parallel_worlds import World, Worlds, parallel_worlds
from cidmesa.solve.queries.query import expected_utility, joint
from cidmesa.solve.tables.model_tables import agent_utilities, check_names, index_of

if TYPE_CHECKING:
    from cidmesa.diagram import Edge
    from cidmesa.model import CIM


def counterfactual(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    cut_edges: Iterable[Edge] | Edge = (),
    policy: Any = None,
) -> Distribution:
    r"""Return the law of nodes as they would be under an intervention, given what is actually seen.

    .. math:: P(names_{do} \mid given)

    Parameters
    ----------
    model
        A model; what differs between the worlds has to be structural.
    names
        The nodes asked about, in the world of the intervention.
    given
        ``{node: value}`` seen in the actual world.
    do
        ``{node: value}`` set in the other world.
    cut_edges
        Edges (or a single one) that do not pass the intervention on: the head hears the tail's actual value. With
        ``given={}`` this is a path-specific intervention.
    policy
        Rules of decisions without one, as for :meth:`cidmesa.CIM.with_policy`; decisions follow them in both worlds.

    Returns
    -------
    Distribution
        Over `names`.

    Raises
    ------
    NotApplicableError
        A node that the two worlds compute apart has no function of parents and noise; a decision that matters has no
        rule; evidence of probability zero.

    Notes
    -----
    Exact. Costs a query in a diagram of at most twice the size.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("rain", "wet"), ("sprinkler", "wet"), ("rain", "sprinkler")])
    >>> model = cid.parameterise(rain=cm.Bernoulli(0.25), sprinkler=lambda rain: 1 - rain,
    ...                          wet=lambda rain, sprinkler: max(rain, sprinkler))
    >>> counterfactual(model, ["wet"], given={"rain": 1}, do={"rain": 0})[1]
    1.0
    >>> counterfactual(model, ["wet"], given={"rain": 1}, do={"rain": 0}, cut_edges=[("rain", "sprinkler")])[1]
    0.0
    """
    asked = _asked(model, names)
    model.require_numeric("a counterfactual", instead="")
    worlds = twin_worlds(model, asked, given, do, cut_edges, policy)
    seen = {worlds.names["actual", name]: value for name, value in (given or {}).items()}
    array = joint(worlds.model, [worlds.names["do", name] for name in asked], given=seen)
    return Distribution(asked, tuple(model.domain(name) for name in asked), array)


def counterfactual_utility(
    model: CIM,
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    cut_edges: Iterable[Edge] | Edge = (),
    policy: Any = None,
    agent: Hashable = None,
) -> float:
    r"""Return what an agent would expect to be paid under an intervention, given what is actually seen.

    .. math:: \mathbb{E}\Big[\sum\nolimits_U U_{do} \,\Big|\, given\Big]

    Parameters and errors are those of :func:`counterfactual`; `agent` may be left out where there is one.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform(0, 1), go=[0, 1], win=lambda door, go: int(door == go))
    >>> follow = {"go": lambda door: door}
    >>> counterfactual_utility(model, given={"door": 1}, do={"door": 0}, policy=follow)
    1.0
    >>> counterfactual_utility(model, given={"door": 1}, do={"door": 0}, cut_edges=[("door", "go")], policy=follow)
    0.0
    """
    require_model(model, "a counterfactual")
    utilities = agent_utilities(model.cid, agent, "a counterfactual utility")
    model.require_numeric("a counterfactual utility", instead="")
    worlds = twin_worlds(model, utilities, given, do, cut_edges, policy)
    seen = {worlds.names["actual", name]: value for name, value in (given or {}).items()}
    return expected_utility(worlds.model, given=seen)


def twin_network(
    model: CIM, do: Mapping[str, Any], *, cut_edges: Iterable[Edge] | Edge = (), policy: Any = None, world: str = "do"
) -> CIM:
    """Return the twin network of a model and an intervention: the actual world and the other one in one model.

    Parameters
    ----------
    model, do, cut_edges, policy
        As for :func:`counterfactual`.
    world
        The other world's name.

    Returns
    -------
    CIM
        A node of the actual world bears its own name; one that differs in the other world is ``V@world`` there; the
        noise of a node that is computed in both is ``V~noise``.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("a", "b"), ("c", "b")]).parameterise(
    ...     a=cm.Bernoulli(0.5), c=cm.Bernoulli(0.5), b=cm.Noisy(lambda a, c: a * c, 0.1))
    >>> twin = twin_network(model, {"a": 1})
    >>> sorted(twin.cid.nodes)
    ['a', 'a@do', 'b', 'b@do', 'b~noise', 'c']
    """
    require_model(model, "a twin network")
    worlds = [World("actual"), _other(world, do, cut_edges)]
    wanted = [(w.name, node) for w in worlds for node in model.cid.nodes]
    return parallel_worlds(model, worlds, wanted, policy=policy).model


def _other(name: str, do: Mapping[str, Any] | None, cut_edges: Iterable[Edge] | Edge) -> World:
    """Return the world of an intervention, in which cut_edges edges pass on what is actually so."""
    return World(name, do=read_values(do, "do"), cut_edges=dict.fromkeys(read_edges(cut_edges, "cut_edges"), "actual"))


def _asked(model: CIM, names: Iterable[str]) -> tuple[str, ...]:
    """Read the names asked about; a utility has no domain, and says so."""
    require_model(model, "a counterfactual")
    ids = check_names(index_of(model.cid), read_names(names, "names"), "names")
    asked = tuple(model.cid.nodes[v] for v in ids)
    for name in asked:
        model.domain(name)
    return asked


def twin_worlds(
    model: CIM,
    names: Iterable[str],
    given: Mapping[str, Any] | None,
    do: Mapping[str, Any] | None,
    cut_edges: Iterable[Edge] | Edge,
    policy: Any,
) -> Worlds:
    """Return the actual world and that of an intervention in one model, with the nodes asked about and those seen."""
    require_model(model, "a counterfactual")
    worlds = [World("actual"), _other("do", do, cut_edges)]
    wanted = [("actual", name) for name in read_values(given, "given")] + [("do", name) for name in names]
    return parallel_worlds(model, worlds, wanted, policy=policy)
