r"""Reasons for what the other agents do: utilities that make given rules an equilibrium.

An incentive of agent :math:`A` under fixed rules of the others takes mechanisms, their rules and a utility of
:math:`A`. For these to be an equilibrium the others need utilities. For another agent :math:`B` everything but its
utility is given then; a policy is a point, the law :math:`\mu_\pi` of what its utilities read, and what it is worth is
linear in the utility :math:`u`. So

.. math:: u \cdot (\mu_\sigma - \mu_\pi) \ge 0 \text{ for all } \pi, \qquad
          u \cdot (\mu_\sigma - \mu_\pi) \ge 1 \text{ for those that look at less than } \sigma_B

is a linear programme, solved with the smallest :math:`|u|_1`; first with 1 for all policies that lead elsewhere than
:math:`\sigma_B`, so that rounding to small rationals does no harm. Of :math:`A` itself a best response is taken that
looks at no more than it has to. What is returned is checked by the exact solver.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.others import seen_by
from cidmesa.criteria.witness.build import SAME, built
from cidmesa.criteria.witness.check import Candidate, holds, on_diagram
from cidmesa.criteria.witness.search import SEARCH_DRAWS, searched
from cidmesa.diagram import CID, Edge
from cidmesa.errors import NotApplicableError
from cidmesa.graph.reduction import minimal_reduction, with_information_link
from cidmesa.mechanisms import Mechanism, Table
from cidmesa.model import CIM
from cidmesa.solve.games.equilibria import Equilibrium, is_equilibrium
from cidmesa.solve.policies.all_optimal import deterministic_rules
from cidmesa.solve.queries.query import expected_utility

if TYPE_CHECKING:
    from cidmesa.criteria.question import Question

MAX_POLICIES = 4096
"""How many deterministic policies an agent may have."""

_CELLS = 2**22
"""How large the table of the laws of all policies of an agent may be."""

_OWN = 8
"""How many best responses of the agent itself are tried in a model."""

_AXES = 50
"""How many nodes may matter to an agent."""

_DENOMINATOR = 24
_NOTHING = 1e-9


def find_equilibrium(question: Question, budget: Budget = UNLIMITED) -> Equilibrium | None:
    """Return an equilibrium, of a model on the question's diagram, in which the agent has the incentive, or None.

    Parameters
    ----------
    question
        About an agent whose others best respond (:mod:`cidmesa.criteria.others`); not EXCLUDES.
    budget
        How long it may take.

    Returns
    -------
    Equilibrium or None
        Everybody's rules; what they are to the agent is :meth:`~cidmesa.solve.Equilibrium.against`. None where nothing
        was found within bounds, which proves nothing.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.

    Examples
    --------
    A sender is paid if the receiver guesses what it saw; so is the receiver.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "tell"), ("tell", "guess"), ("x", "ua"), ("guess", "ua"), ("x", "ub"), ("guess", "ub")],
    ...              decisions={"A": ["tell"], "B": ["guess"]}, utilities={"A": ["ua"], "B": ["ub"]})
    >>> found = find_equilibrium(cm.admits_ici(cid, "guess", "tell", others="best responding"))
    >>> cm.solve.is_equilibrium(found.model, found), cm.instrumental_control_effect(found.against("A"), "guess", "tell")
    (True, 3.0)
    """
    criterion = SAME.get(question.criterion, question.criterion)
    cid = question.cid
    agent = cid.agents[0] if question.decision is None else cid.agent_of(question.decision)
    others = {d for d in cid.decisions if cid.agent_of(d) != agent}
    aside = tuple((tail, head) for tail, head in cid.edges if tail in others or head in others)
    inside = replace(question, cid=seen_by(cid, agent))
    alone = replace(inside, cut_edges=tuple(e for e in aside if inside.cid.has_edge(*e)))
    for asked in (alone, inside):
        for candidate in built(asked, criterion):
            if holds(candidate, criterion, inside):
                found = _explained(candidate, criterion, question, agent)
                if found is not None:
                    return found
    for candidate in searched(inside, criterion, SEARCH_DRAWS, budget):
        found = _explained(candidate, criterion, question, agent)
        if found is not None:
            return found
    return None


def _explained(candidate: Candidate, criterion: str, question: Question, agent: Hashable) -> Equilibrium | None:
    """Return an equilibrium with the others' rules of a candidate in which the agent has the incentive, or None."""
    try:
        for found in _equilibria(candidate.model, question.cid, agent):
            shown = Candidate(witness_in(found, question), candidate.node, _control(candidate, found.model))
            if is_equilibrium(found.model, found) and holds(shown, criterion, question):
                return found
    except NotApplicableError:  # too many policies, or numbers closer than the exact predicates can tell
        return None
    return None


def _control(candidate: Candidate, game: CIM) -> Mechanism | None:
    """Return what control would give the node, on the diagram of the game: of a decision as a rule."""
    node, control = candidate.node, candidate.control
    if control is None or game.cid.kind(node) != "decision":
        return control
    rule = candidate.model.read_policy({node: control})[node]
    return Table(_widened(game, candidate.model.cid, node, rule), domain=game.domain(node))


def witness_in(played: Equilibrium, question: Question) -> CIM:
    """Return the game as it is to the agent of a question, with links to what value of information is asked of."""
    cid = question.cid
    agent = cid.agents[0] if question.decision is None else cid.agent_of(question.decision)
    if question.criterion == "voi" and question.decision is not None:
        for node in question.nodes:
            cid = with_information_link(cid, node, question.decision)
    return on_diagram(played.against(agent), cid)


def _equilibria(model: CIM, cid: CID, agent: Hashable) -> Iterator[Equilibrium]:
    """Yield equilibria, right but for rounding, in which the others keep their rules, with utilities of their own."""
    lean = minimal_reduction(cid)
    game = CIM(lean, model.mechanisms)
    others = dict(model.rules)
    own = _Play.of(game, agent, others)
    if own is None:
        return
    pays = np.concatenate([np.ravel(game.cpd(u)) for u in lean.utilities_of(agent)] or [np.zeros(0)])
    for chosen in own.thrifty(pays):
        rules = {**others, **chosen}
        mechanisms: dict[str, Any] = dict(model.mechanisms)
        for other in cid.agents:
            if other != agent and (lean.decisions_of(other) or lean.utilities_of(other)):
                tables = _reasons(game, other, rules)
                if tables is None:
                    break
                mechanisms.update(tables)
        else:
            played = CIM(cid, mechanisms)
            wide = {d: _widened(played, lean, d, rules[d]) for d in cid.decisions}
            full = played.with_policy(wide)
            values = {a: expected_utility(full, agent=a) for a in cid.agents}
            yield Equilibrium(played, wide, values, method="utilities that explain the rules")


def _widened(model: CIM, lean: CID, decision: str, rule: Array) -> Array:
    """Write a rule of the leaner diagram as one of the diagram, that does not look along its other links."""
    parents = model.cid.parents(decision)
    kept = lean.parents(decision)
    order = [kept.index(p) for p in parents if p in kept]
    turned = np.transpose(rule, (*order, len(kept)))
    shape = [model.card(p) if p in kept else 1 for p in parents]
    full = [model.card(p) for p in parents]
    k = rule.shape[-1]
    return np.ascontiguousarray(np.broadcast_to(turned.reshape(*shape, k), (*full, k)))


@dataclass(frozen=True)
class _Play:
    """The deterministic policies of one agent against rules of the others.

    Attributes
    ----------
    policies
        Their rules.
    used
        The information links that each depends on.
    laws
        Of what the agent's utilities read, one block of entries a utility, shape (policies, entries).
    """

    policies: Sequence[Mapping[str, Array]]
    used: Sequence[frozenset[Edge]]
    laws: Floats

    @classmethod
    def of(cls, game: CIM, agent: Hashable, others: Mapping[str, Array]) -> _Play | None:
        """List them; ``None`` where the tables are too large."""
        cid = game.cid
        decisions = cid.decisions_of(agent)
        policies = list(deterministic_rules(game, decisions, MAX_POLICIES))
        laws = _laws(game, cid.utilities_of(agent), {d: [p[d] for p in policies] for d in decisions}, others)
        if laws is None:
            return None
        return cls(policies, [_used(cid, policy) for policy in policies], laws)

    def thrifty(self, pays: Floats) -> Iterator[Mapping[str, Array]]:
        """Yield best responses that look at no more than they have to: some, and even mixtures of those alike in it.

        An agent that mixes gives those who see what it does something to look at.
        """
        worth = self.laws @ pays
        best = np.flatnonzero(worth >= worth.max() - _NOTHING).tolist()
        alike: dict[frozenset[Edge], list[int]] = {}
        for i in best:
            if not any(self.used[j] < self.used[i] for j in best):
                alike.setdefault(self.used[i], []).append(i)
        for group in alike.values():
            yield from (self.policies[i] for i in group[:_OWN])
            if len(group) > 1:
                mixed = [self.policies[i] for i in group]
                yield {d: np.mean([policy[d] for policy in mixed], axis=0) for d in mixed[0]}


def _laws(
    game: CIM, utilities: Sequence[str], own: Mapping[str, Sequence[Array]], others: Mapping[str, Array]
) -> Floats | None:
    """Return the law of what each utility reads under each policy."""
    cid = game.cid
    count = max((len(rules) for rules in own.values()), default=1)
    blocks = []
    for u in utilities:
        read = cid.parents(u)
        matter = [n for n in cid.nodes if n in cid.ancestors(u)]
        if len(matter) > _AXES or count * math.prod(game.card(p) for p in read) > _CELLS:
            return None
        place = {n: i + 1 for i, n in enumerate(matter)}
        operands: list[Any] = [np.ones(count), [0]]
        for n in matter:
            family = [*(place[p] for p in cid.parents(n)), place[n]]
            if n in own:
                operands += [np.stack(own[n]), [0, *family]]
            else:
                operands += [others[n] if n in others else game.cpd(n), family]
        law = np.einsum(*operands, [0, *(place[p] for p in read)], optimize="greedy")
        blocks.append(law.reshape(count, -1))
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((count, 0))


def _used(cid: CID, policy: Mapping[str, Array]) -> frozenset[Edge]:
    """Return the information links that rules depend on."""
    return frozenset(
        (p, d)
        for d, rule in policy.items()
        for axis, p in enumerate(cid.parents(d))
        if not np.array_equal(rule, np.broadcast_to(rule.take([0], axis=axis), rule.shape))
    )


def _reasons(game: CIM, agent: Hashable, rules: Mapping[str, Array]) -> dict[str, Table] | None:
    """Return utilities of an agent that make its rules a best response that looks at no more than it has to."""
    cid = game.cid
    utilities, decisions = cid.utilities_of(agent), cid.decisions_of(agent)
    given = {d: rule for d, rule in rules.items() if d not in decisions}
    play = _Play.of(game, agent, given)
    now = None if play is None else _laws(game, utilities, {d: [rules[d]] for d in decisions}, given)
    if play is None or now is None:
        return None
    used = _used(cid, {d: rules[d] for d in decisions})
    less = np.array([other < used for other in play.used])
    pays = _least_pays(now - play.laws, less)
    if pays is None:
        return None
    tables = {}
    begin = 0
    for u in utilities:
        shape = [game.card(p) for p in cid.parents(u)]
        size = math.prod(shape)
        tables[u] = Table(pays[begin : begin + size].reshape(shape))
        begin += size
    return tables


def _least_pays(gains: Floats, strict: Array) -> Floats | None:
    """Return the smallest numbers with ``gains @ numbers`` at least 0, and at least 1 where it is strict, rounded."""
    from scipy.optimize import linprog

    entries = gains.shape[1]
    elsewhere = np.abs(gains).max(axis=1, initial=0.0) > _NOTHING
    if (strict & ~elsewhere).any():
        return None
    if not strict.any():
        return np.zeros(entries)
    rows = gains[elsewhere]
    for least in (np.ones(len(rows)), strict[elsewhere].astype(np.float64)):
        found = linprog(
            np.ones(2 * entries), A_ub=-np.hstack([rows, -rows]), b_ub=-least, bounds=(0, None), method="highs"
        )
        if found.status == 0 and found.x is not None:
            pays = found.x[:entries] - found.x[entries:]
            rounded = np.array([float(Fraction(x).limit_denominator(_DENOMINATOR)) for x in pays.tolist()])
            for tried in (rounded, pays):
                if (rows @ tried >= np.where(least > 0, 0.5, -_NOTHING)).all():
                    return tried
    return None
