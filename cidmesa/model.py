r"""Causal influence models: a diagram with a mechanism for every node.

A *causal influence model* (CIM) is a :class:`~cidmesa.CID` with a finite domain for every chance node and decision, a
distribution :math:`P(x \mid pa_X)` for every chance node and a number :math:`u(pa_U)` for every utility. Where all
chance mechanisms are functions of the parents and of independent noise it is a *structural* causal influence model
(SCIM), and only then have counterfactuals a meaning [1]_.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "reward"), ("go", "reward")], decisions=["go"], utilities=["reward"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          reward=lambda door, go: int(door == go))
>>> model.cpd("reward").tolist(), model.is_structural
([[1.0, 0.0], [0.0, 1.0]], True)

References
----------
.. [1] T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Defs. 2 and 3.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_edges, read_mechanisms, read_names, require_cid
from cidmesa.arrays import Array, Mask
from cidmesa.diagram import CID, Edge
from cidmesa.errors import MechanismError, NotApplicableError, as_keyword, as_lambda, quoted, unknown
from cidmesa.mechanisms import (
    Allowed,
    Choice,
    Compiled,
    Domain,
    Mechanism,
    Place,
    Response,
    Structural,
    Table,
    as_mechanism,
    is_number,
    is_symbolic,
)
from cidmesa.mechanisms.allowed import narrowed
from cidmesa.mechanisms.numbers import frozen
from cidmesa.mechanisms.policies import aligned_rules, read_rules, require_allowed
from cidmesa.mechanisms.symbols import as_sympy_takes, put, substituted
from cidmesa.readonly import ReadOnly

if TYPE_CHECKING:
    from cidmesa.solve import Distribution, Solution


_NO_TABLE = np.empty(0)
"""What a decision is compiled to."""


class CIM:
    """A causal influence diagram with a mechanism for every node.

    Parameters
    ----------
    cid
        The diagram.
    mechanisms, named
        One for every node, in any spelling of :mod:`cidmesa.mechanisms`.

    Raises
    ------
    MechanismError
        A node without a mechanism, a mechanism that does not fit (arguments, shape, domain, probabilities, a utility
        that is not a number). All numbers are checked when the model is made.
    UnknownNodeError
        A mechanism for a name that is not a node.

    Notes
    -----
    A CIM never changes; :meth:`shift`, :meth:`with_policy` and :meth:`with_edges` return new models that share the
    tables of all nodes they leave alone. Each function is called for every parent context, and
    for the first ones again, to see whether it is one (see :class:`~cidmesa.mechanisms.Function`).

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CIM(cm.CID([("rain", "wet")]), {"rain": cm.Bernoulli(0.25), "wet": lambda rain: rain})
    >>> model.domain("wet"), model.cpd("rain").tolist()
    ((0, 1), [0.75, 0.25])
    """

    __slots__ = ("__weakref__", "_allowed", "_cache", "_cid", "_compiled", "_domains", "_mechanisms", "_rules")

    _cid: CID
    _mechanisms: dict[str, Mechanism]
    _compiled: dict[str, Compiled]
    _domains: dict[str, Domain]
    _rules: dict[str, Array]
    _allowed: dict[str, Allowed]
    _cache: dict[Any, Any]

    def __init__(self, cid: CID, mechanisms: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        cid = require_cid(cid, "a model")
        mechanisms = read_mechanisms(mechanisms, named)
        for name in mechanisms:
            cid.id(name)
        lacking = [node for node in cid.nodes if node not in mechanisms]
        if lacking:
            first = cid.kind(lacking[0])
            hint = {"decision": "['left', 'right']", "utility": as_lambda(cid.parents(lacking[0]))}.get(
                first, "Uniform('a', 'b')"
            )
            raise MechanismError(
                f"every node needs a mechanism, and {', '.join(f'`{n}`' for n in lacking)} "
                f"{'has' if len(lacking) == 1 else 'have'} none: {as_keyword(lacking[0], hint)}."
            )
        read = {
            node: as_mechanism(mechanisms[node], node=node, kind=cid._kind_of_id(i)) for i, node in enumerate(cid.nodes)
        }
        self._set(cid, read, {}, {}, {})

    def _set(
        self,
        cid: CID,
        mechanisms: dict[str, Mechanism],
        compiled: dict[str, Compiled],
        domains: dict[str, Domain],
        rules: dict[str, Array],
    ) -> None:
        """Fill the slots, compiling every node that `compiled` lacks; `domains` are those to be kept."""
        tables: dict[str, Compiled] = {}
        known: dict[str, Domain] = {}
        allowed: dict[str, Allowed] = {}
        nodes = cid.nodes
        for i in cid.topological:
            node = nodes[i]
            if node in compiled:
                kept = tables[node] = compiled[node]
                known[node] = kept.domain
                if kept.allowed is not None:
                    allowed[node] = kept.allowed
                continue
            parents = cid._parent_names[i]
            place = Place(node, cid._kind_of_id(i), parents, tuple([known[p] for p in parents]), domains.get(node))
            mechanism = mechanisms[node]
            mechanism.check(place)
            if isinstance(mechanism, Choice):
                known[node] = mechanism.domain_at(place) or ()
                found = None if mechanism.allowed is None else mechanism.allowed_at(place)
                tables[node] = Compiled(known[node], _NO_TABLE, None, found)
                if found is not None:
                    allowed[node] = found
                continue
            tables[node] = frozen(mechanism.compile(place))
            known[node] = tables[node].domain
        for slot, value in (
            ("_cid", cid),
            ("_mechanisms", mechanisms),
            ("_compiled", tables),
            ("_domains", known),
            ("_rules", rules),
            ("_allowed", allowed),
            ("_cache", {}),
        ):
            object.__setattr__(self, slot, value)
        if allowed:
            self._require_actions()

    def _require_actions(self) -> None:
        """Check that decisions see what their allowed actions depend on, and have one wherever they come.

        In contexts that never come up an empty set of actions is no restriction.
        """
        for decision, found in self._allowed.items():
            gone = [node for node in found.observations if not self._cid.has_edge(node, decision)]
            if gone:
                raise NotApplicableError(
                    f"what `{decision}` may do depends on `{gone[0]}`, so `{decision}` has to observe it: keep the "
                    f"edge ('{gone[0]}', '{decision}'), or give `{decision}` another allowed=."
                )
        lacking = [decision for decision, found in self._allowed.items() if found.lacking]
        if not lacking:
            return
        from cidmesa.solve import contexts_that_come_up

        empty = {decision: ~self._allowed[decision].over(self._cid.parents(decision)).any(-1) for decision in lacking}
        self._allowed.update({decision: self._allowed[decision].filled() for decision in lacking})
        for decision, none in empty.items():
            stuck = np.argwhere(contexts_that_come_up(self, decision) & none)
            if len(stuck):
                parents = self._cid.parents(decision)
                where = [f"{p}={self._domains[p][i]!r}" for p, i in zip(parents, stuck[0].tolist(), strict=True)]
                raise MechanismError(
                    f"`{decision}` may do nothing at {', '.join(where) or 'its only context'}, and that can come up: "
                    f"allowed= gives at least one of {self._domains[decision]!r} there."
                )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a CIM does not change; shift, with_policy and with_edges return a new one ({name}=).")

    # What is in it -----------------------------------------------------------------------------------------------

    @property
    def cid(self) -> CID:
        """The diagram."""
        return self._cid

    @property
    def mechanisms(self) -> Mapping[str, Mechanism]:
        """The mechanism of every node, as read."""
        return ReadOnly.over(self._mechanisms)

    @property
    def rules(self) -> Mapping[str, Array]:
        """The decisions whose rule is fixed, each with its table ``(cards of parents..., card)``."""
        return ReadOnly.over(self._rules)

    def domain(self, node: str) -> Domain:
        """Return the values that a chance node or a decision may take, in order.

        Raises
        ------
        NotApplicableError
            `node` is a utility: it is a number, without a list of values.
        """
        self._cid.id(node)
        if self._cid.kind(node) == "utility":
            raise NotApplicableError(
                f"`{node}` is a utility, a number for each context of its parents: see cpd({quoted(node)})."
            )
        return self._domains[node]

    def card(self, node: str) -> int:
        """Return the number of values of a chance node or a decision."""
        return len(self.domain(node))

    def allowed(self, decision: str) -> Mask | None:
        """Return which actions a decision may take in each context.

        Returns
        -------
        numpy.ndarray or None
            Booleans of shape ``(cards of parents..., card)``, read-only; ``None`` where all actions are allowed
            everywhere. A context that never comes up, and for which nothing is allowed, counts as free.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("gate", "go")], decisions=["go"])
        >>> go = cm.Choice(["stay", "out"], allowed=lambda gate: ["stay", "out"][: 1 + gate])
        >>> cid.parameterise(gate=cm.Bernoulli(0.5), go=go).allowed("go").tolist()
        [[True, False], [True, True]]
        """
        found = self._allowed.get(self._cid.only_decision(decision))
        if found is None:
            return None
        parents = self._cid.parents(decision)
        return np.broadcast_to(found.over(parents), [*map(self.card, parents), self.card(decision)])

    def allowed_reads(self, decision: str) -> tuple[str, ...]:
        """Return the observations on which it depends what a decision may do; those links are never left out."""
        found = self._allowed.get(self._cid.only_decision(decision))
        return () if found is None else tuple([p for p in self._cid.parents(decision) if p in found.observations])

    def choice(self, decision: str) -> Choice:
        """Return the domain of a decision, and what is allowed of it, as a mechanism that stands by itself."""
        decision = self._cid.only_decision(decision)
        return Choice(self._domains[decision], self._compiled[decision].allowed)

    @property
    def is_restricted(self) -> bool:
        """Whether some decision may not take all of its actions everywhere."""
        return bool(self._allowed)

    def contexts(self, node: str) -> tuple[tuple[Hashable, ...], ...]:
        """Return all contexts of the parents of `node`, in the C order of the axes of its table."""
        return tuple(product(*(self._domains[p] for p in self._cid.parents(node))))

    def cpd(self, node: str) -> Array:
        r"""Return the table of a node, read-only.

        Returns
        -------
        numpy.ndarray
            Parents in the order of ``cid.parents(node)``, then the node. Chance: :math:`P(x \mid pa)`, shape
            ``(cards of parents..., card)``. Utility: :math:`u(pa)`, shape ``(cards of parents...)``. Decision: its
            rule, if the model has one. float64, or objects where the model is symbolic.

        Raises
        ------
        NotApplicableError
            `node` is a decision without a rule.
        """
        self._cid.id(node)
        if self._cid.kind(node) != "decision":
            return self._compiled[node].table
        if node not in self._rules:
            raise NotApplicableError(
                f"`{node}` is a decision without a rule: fix one with model.with_policy({{{quoted(node)}: ..}}), "
                + (
                    "or find the best with model.solve()."
                    if len(self._cid.agents) < 2
                    else "or find rules with cidmesa.solve.best_response or pure_equilibria."
                )
            )
        return self._rules[node]

    def response(self, node: str) -> Response:
        """Return the structural function of a chance node: its noise, and its value for parents and noise.

        Raises
        ------
        NotApplicableError
            The mechanism is a stochastic table or distribution that depends on parents: it does not say which
            function of parents and noise the world uses, and counterfactuals depend on that.
        """
        kind = self._cid.kind(node)
        if kind != "chance":
            raise NotApplicableError(f"`{node}` is a {kind}; only chance nodes have a structural function with noise.")
        found = self._compiled[node].response
        if found is None:
            raise NotApplicableError(
                f"`{node}` has probabilities that depend on its parents but no function of parents and noise, so "
                "counterfactuals are not defined: write Function(f, noise=..) or Noisy(f, p)."
            )
        return found

    @property
    def is_structural(self) -> bool:
        """Whether every chance node is a function of its parents and of independent noise."""
        return all(self._compiled[node].response is not None for node in self._cid.chance)

    @property
    def is_symbolic(self) -> bool:
        """Whether some probability or utility is a sympy expression."""
        for compiled in self._compiled.values():
            if compiled.table.dtype.hasobject or (
                compiled.response is not None and compiled.response.noise.dtype.hasobject
            ):
                return True
        return any(rule.dtype.hasobject for rule in self._rules.values())

    @property
    def symbols(self) -> frozenset[Any]:
        """The sympy symbols in the tables."""
        found: set[Any] = set()
        for table in self._tables():
            if table.dtype == object:
                for entry in table.flat:
                    if is_symbolic(entry):
                        found |= entry.free_symbols
        return frozenset(found)

    def _tables(self) -> Iterator[Array]:
        """All numbers of the model: mechanisms, the noise of structural ones, then the rules that are fixed."""
        for compiled in self._compiled.values():
            yield compiled.table
            if compiled.response is not None:
                yield compiled.response.noise
        yield from self._rules.values()

    def require_numeric(self, question: str, instead: str = "cidmesa.solve.symbolic") -> None:
        """Raise if the model has symbols; `question` is what was asked, `instead` what answers it with symbols."""
        if self.is_symbolic:
            names = ", ".join(sorted(str(symbol) for symbol in self.symbols)) or "symbolic constants"
            raise NotApplicableError(
                f"{question} needs numbers, and this model has the symbols {names}: put numbers in with "
                f"model.subs({{..}}){f', or use {instead}' if instead else ''}."
            )

    def require_unrestricted(self, question: str) -> None:
        """Raise if some decision has forbidden actions; `question` is what does not cover them, as in "a region"."""
        if self._allowed:
            names = ", ".join(f"`{decision}`" for decision in self._allowed)
            raise NotApplicableError(
                f"{question} does not cover decisions with forbidden actions ({names}): ask for a numeric model, or "
                "model.unrestricted()."
            )

    # New models from this one --------------------------------------------------------------------------------------

    def shift(self, mechanisms: Mapping[str, Any] | None = None, /, **named: Any) -> CIM:
        """Return the model with some mechanisms replaced; every domain stays.

        Raises
        ------
        MechanismError
            The new mechanism does not fit, or leaves the node's domain.
        NotApplicableError
            A decision is named: what it does is a policy, not a shift.

        Examples
        --------
        >>> import cidmesa as cm
        >>> model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=lambda a: a)
        >>> model.shift(b=cm.Uniform(0, 1)).cpd("b").tolist()
        [[0.5, 0.5], [0.5, 0.5]]
        """
        return self._changed(self._cid, read_mechanisms(mechanisms, named))

    def with_edges(self, edges: Iterable[Edge], mechanisms: Mapping[str, Any] | None = None, /, **named: Any) -> CIM:
        """Return the model with more edges; each of their heads gets a new mechanism, every domain stays.

        Raises
        ------
        MechanismError
            The head of a new edge has no new mechanism.
        """
        given = read_mechanisms(mechanisms, named)
        new = read_edges(edges, "edges")
        cid = self._cid.with_edges(new)
        for tail, head in new:
            self._cid.id(tail), self._cid.id(head)
            if head not in given:
                raise MechanismError(
                    f"the edge ('{tail}', '{head}') gives `{head}` a new parent, so `{head}` needs a new mechanism: "
                    f"{as_keyword(head, as_lambda(cid.parents(head)))}"
                )
        return self._changed(cid, given)

    def without_rules(self, decisions: Iterable[str] | None = None) -> CIM:
        """Return the model in which `decisions` (all, if left out) are open again."""
        names = self._cid.decisions if decisions is None else read_names(decisions, "decisions")
        gone = set(map(self._cid.only_decision, names))
        new = object.__new__(CIM)
        rules = {d: rule for d, rule in self._rules.items() if d not in gone}
        new._set(self._cid, self._mechanisms, self._compiled, {}, rules)
        return new

    def unrestricted(self) -> CIM:
        """Return the model in which every decision may take all of its actions, its rules kept."""
        if not self._allowed:
            return self
        free = {node: compiled._replace(allowed=None) for node, compiled in self._compiled.items()}
        choices = {decision: Choice(self._domains[decision]) for decision in self._allowed}
        new = object.__new__(CIM)
        new._set(self._cid, {**self._mechanisms, **choices}, free, {}, self._rules)
        return new

    def restricted(self, allowed: Mapping[str, Mask]) -> CIM:
        """Return the model in which some decisions may take fewer actions; their own rules are dropped.

        Parameters
        ----------
        allowed
            Decision → booleans of shape ``(cards of parents..., card)``; what the model forbids stays forbidden.

        Raises
        ------
        MechanismError
            A mask of another shape, or a context that comes up in which nothing is left.

        Examples
        --------
        >>> import numpy as np
        >>> import cidmesa as cm
        >>> cid = cm.CID([("x", "a"), ("a", "u")], decisions=["a"], utilities=["u"])
        >>> model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], u=lambda a: a)
        >>> model.restricted({"a": np.array([[True, False], [True, True]])}).solve().value
        0.5
        """
        compiled, choices = dict(self._compiled), {}
        for decision, mask in allowed.items():
            parents = self._cid.parents(self._cid.only_decision(decision))
            shape = (*map(self.card, parents), self.card(decision))
            if np.shape(mask) != shape:
                raise MechanismError(
                    f"`{decision}` is given a mask of shape {np.shape(mask)}: {shape} is needed, an axis for each of "
                    f"({', '.join((*parents, decision))})."
                )
            may = self.allowed(decision)
            both = np.asarray(mask, dtype=bool) & (True if may is None else may)
            found = narrowed(parents, [self._domains[p] for p in parents], both)
            compiled[decision] = compiled[decision]._replace(allowed=found)
            choices[decision] = Choice(self._domains[decision], found)
        rules = {d: rule for d, rule in self._rules.items() if d not in choices}
        new = object.__new__(CIM)
        new._set(self._cid, {**self._mechanisms, **choices}, compiled, {}, rules)
        return new

    def observing(self, decision: str, observed: Iterable[str]) -> CIM:
        """Return the model in which `decision` observes exactly `observed`, in that order; its own rule is dropped.

        A latent node that is observed is latent no longer.

        Raises
        ------
        DiagramError
            A descendant of the decision or a utility cannot be observed.
        NotApplicableError
            What the decision may do depends on a node that is not among `observed`.

        Examples
        --------
        >>> import cidmesa as cm
        >>> model = cm.CID([("a", "d")], nodes=["b"], decisions=["d"]).parameterise(
        ...     a=cm.Bernoulli(0.5), b=cm.Bernoulli(0.5), d=[0, 1])
        >>> model.observing("d", ["b"]).cid.parents("d"), model.observing("d", []).contexts("d")
        (('b',), ((),))
        """
        decision = self._cid.only_decision(decision)
        seen = read_names(observed, "observed")
        bare = self._cid.without_edges([(parent, decision) for parent in self._cid.parents(decision)])
        cid = bare.revealed(*seen).with_edges([(parent, decision) for parent in seen])
        for parent in cid.parents(decision):
            self._cid.id(parent)
        new = object.__new__(CIM)
        rules = {d: rule for d, rule in self._rules.items() if d != decision}
        new._set(cid, self._mechanisms, self._compiled, {}, rules)
        return new

    def with_recall(self, order: Iterable[str] | None = None) -> CIM:
        """Return the model in which no agent forgets; see :meth:`cidmesa.CID.with_recall`.

        Rules of decisions that observe more than before are dropped.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("x", "a"), ("a", "b"), ("x", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
        >>> model = cid.parameterise(x=cm.Bernoulli(0.5), a=["-"], b=[0, 1], u=lambda x, b: int(x == b))
        >>> model.solve().value, model.with_recall().solve().value
        (0.5, 1.0)
        """
        cid = self._cid.with_recall(order)
        new = object.__new__(CIM)
        rules = {d: rule for d, rule in self._rules.items() if cid.parents(d) == self._cid.parents(d)}
        new._set(cid, self._mechanisms, self._compiled, {}, rules)
        return new

    def controlling(self, node: str, agent: Hashable = None) -> CIM:
        """Return the model in which the mechanism of a chance node is chosen by an agent: the node is a decision.

        It keeps its parents and its values. `agent` may be left out where the diagram has exactly one. Nodes are no
        longer latent: whoever chooses a mechanism chooses it as a function of all its inputs.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("a", "b"), ("b", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
        >>> model = cid.parameterise(a=cm.Bernoulli(0.5), b=lambda a: a, d=[0, 1], u=lambda d: d)
        >>> model.controlling("b").cid.decisions, model.controlling("b").domain("b")
        (('d', 'b'), (0, 1))
        """
        if self._cid.kind(node) != "chance":
            raise NotApplicableError(f"`{node}` is a {self._cid.kind(node)}; only a chance node's mechanism is chosen.")
        if agent is None:
            if len(self._cid.agents) > 1:
                raise NotApplicableError(
                    f"who chooses `{node}`? This diagram has the agents {self._cid.agents}: agent=."
                )
            agent = next(iter(self._cid.agents), 0)
        decisions = {a: self._cid.decisions_of(a) for a in self._cid.agents}
        decisions[agent] = (*decisions.get(agent, ()), node)
        cid = CID(
            self._cid.edges,
            nodes=self._cid.nodes,
            decisions=decisions,
            utilities={a: self._cid.utilities_of(a) for a in self._cid.agents},
        )
        new = object.__new__(CIM)
        kept = {other: compiled for other, compiled in self._compiled.items() if other != node}
        new._set(cid, {**self._mechanisms, node: Choice(self._domains[node])}, kept, {}, self._rules)
        return new

    def _changed(self, cid: CID, given: Mapping[str, Any]) -> CIM:
        for node in given:
            if cid.kind(node) == "decision":
                raise NotApplicableError(
                    f"`{node}` is a decision, not a mechanism of the world: fix its rule with with_policy, "
                    "or give policy= to the question."
                )
        read = {node: as_mechanism(what, node=node, kind=cid.kind(node)) for node, what in given.items()}
        new = object.__new__(CIM)
        new._set(
            cid,
            {**self._mechanisms, **read},
            {node: compiled for node, compiled in self._compiled.items() if node not in read},
            {node: domain for node, domain in self._domains.items() if cid.kind(node) != "utility"},
            self._rules,
        )
        return new

    def read_policy(self, policy: Mapping[str, Any] | None) -> dict[str, Array]:
        """Read a user's policy as tables ``(cards of parents..., card)``, checked.

        Parameters
        ----------
        policy
            Mapping from decision to a rule: a table, a function of the parents that returns an action or
            ``{action: probability}``, or a mapping from context to either. Some decisions may be left out; ``None``
            is the empty policy, and a :class:`~cidmesa.solve.Solution` stands for its rules.

        Raises
        ------
        MechanismError
            A rule that cannot be read, or that takes a forbidden action.
        """
        solved, found = getattr(policy, "model", None), getattr(policy, "tables", None)
        if solved is None or found is None:
            rules = read_rules(self._cid, self._domains, policy)
        elif solved._cid is self._cid and solved._domains == self._domains:
            rules = dict(found)
        else:
            rules = aligned_rules(self._cid, self._domains, solved._cid, solved._domains, found)
        if self._allowed:
            require_allowed(self._cid, self._domains, self._allowed, rules)
        return rules

    def with_policy(self, policy: Mapping[str, Any]) -> CIM:
        """Return the model in which the decisions that `policy` names follow it.

        They stay decisions of the diagram, with a rule in :attr:`rules`.
        """
        new = object.__new__(CIM)
        rules = {**self._rules, **self.read_policy(policy)}
        new._set(self._cid, self._mechanisms, self._compiled, {}, rules)
        return new

    def subs(self, values: Mapping[Any, Any]) -> CIM:
        """Return the model with numbers (or other expressions) put in for symbols, given as symbols or by name.

        Raises
        ------
        UnknownNodeError
            A symbol that the model does not have.
        """
        by_name = {str(symbol): symbol for symbol in self.symbols}
        if not isinstance(values, Mapping):
            raise MechanismError(f"subs takes a mapping from symbol to number, {{symbol: number}}; got {values!r}.")
        for name, value in values.items():
            if str(name) not in by_name:
                raise unknown(name, by_name, what="a symbol of this model")
            if not is_number(value) and not is_symbolic(value):
                raise MechanismError(f"a number or an expression is put in for `{name}`; got {value!r}.")
        exact = {by_name[str(name)]: as_sympy_takes(value) for name, value in values.items()}
        replaced: dict[str, Any] = {}
        for node, compiled in self._compiled.items():
            noise = compiled.response.noise if compiled.response is not None else compiled.table
            if object in (compiled.table.dtype, noise.dtype):
                replaced[node] = substituted(compiled, exact, utility=self._cid.kind(node) == "utility")
        new = self.shift(replaced)
        rules = {d: put(rule, exact) for d, rule in self._rules.items() if rule.dtype == object}
        return new.with_policy(rules) if rules else new

    # Where the road leads on (lazy, one line each) ------------------------------------------------------------------

    def query(
        self,
        names: Iterable[str],
        *,
        given: Mapping[str, Any] | None = None,
        do: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Distribution:
        """Return the joint distribution of `names`; see :func:`cidmesa.solve.queries.query`."""
        from cidmesa.solve import query

        return query(self, names, given=given, do=do, policy=policy, **options)

    def expected_utility(
        self,
        policy: Mapping[str, Any] | None = None,
        *,
        given: Mapping[str, Any] | None = None,
        do: Mapping[str, Any] | None = None,
        agent: Hashable = None,
        **options: Any,
    ) -> float:
        """Return the expected sum of an agent's utilities; see :func:`cidmesa.solve.expected_utility`."""
        from cidmesa.solve import expected_utility

        return expected_utility(self, policy, given=given, do=do, agent=agent, **options)

    def solve(self, **options: Any) -> Solution:
        """Return the optimal policy and its value; see :func:`cidmesa.solve.solve`."""
        from cidmesa.solve import solve

        return solve(self, **options)

    def explain(self, utility: str, *, policy: Mapping[str, Any] | None = None) -> Any:
        """Return where a utility comes from, context by context; see :func:`cidmesa.solve.magnitudes.explain`."""
        from cidmesa.solve import explain

        return explain(self, utility, policy=policy)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self._cid._repr_mimebundle_(include, exclude)

    # Value semantics --------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Compare by diagram, domains and tables, whatever the order of the parents."""
        if not isinstance(other, CIM):
            return NotImplemented
        if self is other:
            return True
        if self._cid != other._cid or self._domains != other._domains or set(self._rules) != set(other._rules):
            return False
        if self._allowed != other._allowed:
            return False
        return all(self._same_table(other, node) for node in self._cid.nodes)

    def _same_table(self, other: CIM, node: str) -> bool:
        kind = self._cid.kind(node)
        if kind == "decision" and node not in self._rules:
            return True
        mine, theirs = self._cid.parents(node), other._cid.parents(node)
        axes = [theirs.index(parent) for parent in mine] + ([] if kind == "utility" else [len(mine)])
        return np.array_equal(self.cpd(node), other.cpd(node).transpose(axes))

    def __hash__(self) -> int:
        return hash((self._cid, frozenset(self._domains.items())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._cid.nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        tables = {
            node: compiled.table if self._cid.kind(node) == "utility" else (compiled.table, compiled.response)
            for node, compiled in self._compiled.items()
        }
        allowed = {decision: self._compiled[decision].allowed for decision in self._allowed}
        return (_unpickle, (self._cid, tables, self._domains, self._rules, allowed))

    def __repr__(self) -> str:
        kind = "symbolic " if self.is_symbolic else ""
        kind += "structural" if self.is_structural else "probabilistic"
        return f"CIM({kind}; {self._cid!r}{self._restrictions()})"

    def _restrictions(self) -> str:
        """Say where actions are forbidden, and on what that depends."""
        if not self._allowed:
            return ""
        by = {d: " and ".join(self.allowed_reads(d)) or "everywhere" for d in self._allowed}
        return "; forbidden actions: " + ", ".join(f"{d} ({where})" for d, where in by.items())


def _unpickle(
    cid: CID,
    tables: Mapping[str, Any],
    domains: Mapping[str, Domain],
    rules: Mapping[str, Array],
    allowed: Mapping[str, Allowed],
) -> CIM:
    mechanisms: dict[str, Any] = {}
    for node, stored in tables.items():
        kind = cid.kind(node)
        if kind == "decision":
            mechanisms[node] = Choice(domains[node], allowed.get(node))
        elif kind == "utility":
            mechanisms[node] = Table(stored)
        elif stored[1] is not None:
            mechanisms[node] = Structural(stored[1].noise, stored[1].outcome, domains[node])
        else:
            mechanisms[node] = Table(stored[0], domain=domains[node])
    model = CIM(cid, mechanisms)
    return model.with_policy(rules) if rules else model
