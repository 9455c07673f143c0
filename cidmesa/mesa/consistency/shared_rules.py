r"""Optimal stochastic rules where one rule serves several decisions.

A rule gives each context a distribution over actions: the entries :math:`x_{c,a} \ge 0` with
:math:`\sum_a x_{c,a} = 1`. The expectation of any payoff is a polynomial in the entries of all rules, one factor per
decision that the payoff depends on:

.. math:: f(x) = \sum_{fa} w(fa) \prod_D x^{(D)}_{pa_D, d} .

Where every decision has a rule of its own, :math:`f` is multilinear and deterministic rules attain its maximum. Where
one rule serves two decisions it is *quadratic* in that rule, and the best rule may have to be stochastic (the
absent-minded driver [1]_). For each deterministic rule of the others it is maximised exactly by listing supports
(:mod:`.standard_quadratic`). More uses of one rule make polynomials of higher degree: those are searched from many
starts, and the result says so.

Contexts that no run passes together do not interact: the polynomial is a sum over groups of contexts, each of which is
maximised by itself (:meth:`RuleSpace.parts`). So a walk that sees its goal is as many small problems as there are
goals.

>>> import cidmesa as cm
>>> cid = cm.CID([("turn", "out"), ("again", "out"), ("out", "pay")], decisions=["turn", "again"], utilities=["pay"])
>>> driver = cid.parameterise(turn=["exit", "on"], again=["exit", "on"], pay=lambda out: out,
...     out=lambda turn, again: 0 if turn == "exit" else 4 if again == "exit" else 1)
>>> rules = RuleSpace.of(driver, shared=[("turn", "again")])
>>> best = rules.maximise(rules.expectation(driver, ["out"], [0.0, 4.0, 1.0]))
>>> round(best.value, 9), best.rules[0].round(9).tolist(), best.method
(1.333333333, [0.333333333, 0.666666667], 'supports')

References
----------
.. [1] M. Piccione and A. Rubinstein, "On the interpretation of decision problems with imperfect recall", *Games and
   Economic Behavior* 20, 1997.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.clock import OBSERVE_LESS, check_time
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.objectives.declared import laid_out
from cidmesa.solve.policies.standard_quadratic import has_line, number_of_supports, peaks
from cidmesa.solve.queries.payoffs import open_law

if TYPE_CHECKING:
    from cidmesa.model import CIM


T = TypeVar("T")

Known: TypeAlias = dict[tuple[bytes, ...], T]
"""What has been found of parts, by :attr:`Part.key`: other objectives, deployments and replacements meet them again."""

LISTED_RULES = 300_000
"""The most supports and deterministic rules that are listed."""

SEARCHED = 150
"""The most entries of rules that are searched from many starts."""

COMBINED = 4096
"""The most optimal rules that are listed."""

TIE = 1e-9
"""Expectations that differ by at most this share of the largest coefficient count as equal: quadratic programs are
solved in floating point, and their solutions need not be fractions."""

_BLOCK = 2**21
"""Numbers that one block of points aims at."""


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """An expectation as a polynomial in the entries of the rules.

    Attributes
    ----------
    terms
        Positions of the factors of each term, shape (n, k): one factor per decision that matters.
    coefficients
        Shape (n,).
    constant
        What is added to the terms. Where everything pays something, the middle of the payoffs' range goes here, so that
        what all runs pay alike does not blur the rest.
    summed
        The largest sum of absolute values that a coefficient was added up from; 0: the coefficients are no sums.
    """

    terms: Ints
    coefficients: Floats
    constant: float = 0.0
    summed: float = 0.0

    def __call__(self, rule: Floats) -> float:
        """Return the expectation under a rule, an array of all entries."""
        return float(self.coefficients @ np.prod(rule[self.terms], axis=1)) + self.constant

    def at(self, rules: Floats) -> Floats:
        """Return the expectation under several rules, one a row."""
        step = max(1, _BLOCK // max(1, self.terms.size))
        parts = [rules[i : i + step] for i in range(0, len(rules), step)]
        found = [np.prod(part[:, self.terms], axis=2) @ self.coefficients for part in parts]
        return np.asarray(np.concatenate(found) + self.constant)

    def gradient(self, rule: Floats) -> Floats:
        """Return the derivative by each entry."""
        total = np.zeros(len(rule))
        for k in range(self.terms.shape[1]):
            others = np.delete(self.terms, k, axis=1)
            np.add.at(total, self.terms[:, k], self.coefficients * np.prod(rule[others], axis=1))
        return total

    def tied(self, onto: Ints) -> Polynomial:
        """Return the polynomial after entry i has become entry ``onto[i]``."""
        return Polynomial(onto[self.terms], self.coefficients, self.constant, self.summed)

    @property
    def negated(self) -> Polynomial:
        """The negation."""
        return Polynomial(self.terms, -self.coefficients, -self.constant, self.summed)

    @property
    def scale(self) -> float:
        """The largest coefficient, before anything cancelled: what ties (:data:`TIE`) are measured by."""
        return max(self.summed, float(np.abs(self.coefficients).max(initial=0.0)))


class Part(NamedTuple):
    """Contexts that interact with each other and with no others.

    Attributes
    ----------
    space
        The rules in these contexts.
    entries
        Where their entries stand among all.
    read
        The part of each expectation that depends on them.
    """

    space: RuleSpace
    entries: Ints
    read: tuple[Polynomial, ...]

    @property
    def key(self) -> tuple[bytes, ...]:
        """What equal parts have in common."""
        arrays = [*self.space.allowed, *(array for f in self.read for array in (f.terms, f.coefficients))]
        return tuple(array.tobytes() for array in arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The rules that maximise a polynomial.

    Attributes
    ----------
    value
        The maximum.
    rules
        Optimal rules: every isolated one, and the corners of every set of them.
    exact
        Whether `value` is proven to be the maximum.
    isolated
        Positions of the rules that `rules` has all optimal choices of; of the other rules any mixture of those here may
        be optimal too.
    method
        ``"supports"``, ``"deterministic"`` or ``"many starts"``.
    """

    value: float
    rules: tuple[Floats, ...]
    exact: bool
    isolated: frozenset[int]
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class RuleSpace:
    """The rules of all decisions as one array of entries: group after group, context after context.

    Attributes
    ----------
    group
        Decision → position of its rule.
    blocks
        Per context of each rule the slice of its entries; contexts in the C order of the decision's table.
    first
        Position of the first block of each rule, and the number of blocks at the end.
    allowed
        Positions of the entries that need not be zero, one array a block; by default all.
    """

    group: Mapping[str, int]
    blocks: tuple[slice, ...]
    first: tuple[int, ...]
    allowed: tuple[Ints, ...] = ()

    def __post_init__(self) -> None:
        if not self.allowed:
            object.__setattr__(self, "allowed", tuple(np.arange(b.start, b.stop) for b in self.blocks))

    @classmethod
    def of(cls, model: CIM, shared: Iterable[Sequence[str]] = ()) -> RuleSpace:
        """Lay out the rules of a model; each tuple of `shared` has one."""
        leader = {decision: decision for decision in model.cid.decisions}
        for group in shared:
            leader.update(dict.fromkeys(group, group[0]))
        leaders = list(dict.fromkeys(leader.values()))
        blocks: list[slice] = []
        allowed: list[Ints] = []
        first = []
        at = 0
        for decision in leaders:
            first.append(len(blocks))
            may = model.allowed(decision)
            for context in range(len(model.contexts(decision))):
                blocks.append(slice(at, at + model.card(decision)))
                here = np.arange(model.card(decision))
                allowed.append(at + (here if may is None else here[may.reshape(-1, len(here))[context]]))
                at += model.card(decision)
        group_of = {decision: leaders.index(name) for decision, name in leader.items()}
        return cls(group_of, tuple(blocks), (*first, len(blocks)), tuple(allowed))

    @property
    def size(self) -> int:
        """The number of entries of all rules together."""
        return self.blocks[-1].stop if self.blocks else 0

    @property
    def possible(self) -> Mask:
        """Which entries need not be zero."""
        found = np.zeros(self.size, dtype=bool)
        found[np.concatenate(self.allowed)] = True
        return found

    def blocks_of(self, decision: str) -> range:
        """Return the positions of the blocks of the rule of `decision`."""
        return range(self.first[self.group[decision]], self.first[self.group[decision] + 1])

    def rule_of(self, decision: str, rule: Floats) -> Floats:
        """Return the rule of one decision, shape (contexts, actions)."""
        return np.stack([rule[self.blocks[b]] for b in self.blocks_of(decision)])

    # Expectations ------------------------------------------------------------------------------------------------

    def expectation(self, model: CIM, names: Sequence[str], payoff: Any) -> Polynomial:
        """Return the expectation of a payoff, a table with one axis per name, as a polynomial."""
        return self._polynomial(model, tuple(names), np.asarray(payoff, dtype=np.float64))

    def utility(self, model: CIM, utilities: Iterable[str]) -> tuple[Polynomial, ...]:
        """Return the expected utilities, one polynomial each."""
        return tuple(self._polynomial(model, model.cid.parents(u), model.cpd(u)) for u in utilities)

    def total(self, model: CIM, utilities: Iterable[str]) -> Polynomial:
        """Return the expected sum of utilities."""
        chosen = tuple(utilities)
        names = tuple(dict.fromkeys(p for u in chosen for p in model.cid.parents(u)))
        table = np.zeros([model.card(n) for n in names])
        for u in chosen:
            table = table + laid_out(model.cpd(u), model.cid.parents(u), names)
        return self._polynomial(model, names, table)

    def _polynomial(self, model: CIM, names: tuple[str, ...], payoff: Floats) -> Polynomial:
        """Sum the joint over all but the families of the decisions that matter, weighted by the payoff."""
        cid = model.cid
        # Where something pays nothing, what pays nothing is left out: rules that only bear on it are free.
        middle = float(payoff.min() + payoff.max()) / 2.0 if payoff.size and payoff.all() else 0.0
        payoff = payoff - middle
        matter = [d for d in cid.decisions if any(d in cid.ancestors(n, strict=False) for n in names)]
        family = list(dict.fromkeys(chain.from_iterable((*cid.parents(d), d) for d in matter)))
        axes = list(dict.fromkeys((*family, *names)))
        law: Any = open_law(model, axes)
        letters = {name: i for i, name in enumerate(axes)}
        weight = np.einsum(
            law, list(range(len(axes))), payoff, [letters[n] for n in names], [letters[n] for n in family]
        )
        read = np.abs(payoff) if middle == 0.0 else np.maximum(np.abs(payoff), np.finfo(float).tiny)
        size: Floats = np.einsum(
            law, list(range(len(axes))), read, [letters[n] for n in names], [letters[n] for n in family]
        )
        if not family:
            return Polynomial(np.zeros((1, 0), dtype=np.intp), np.array([float(weight)]), middle)
        cells = np.nonzero(size)
        column = dict(zip(family, cells, strict=True))
        terms = np.zeros((len(cells[0]), len(matter)), dtype=np.intp)
        for k, decision in enumerate(matter):
            parents = cid.parents(decision)
            context: Any = 0
            if parents:
                context = np.ravel_multi_index([column[p] for p in parents], [model.card(p) for p in parents])
            start = self.blocks[self.blocks_of(decision)[0]].start
            terms[:, k] = start + context * model.card(decision) + column[decision]
        possible = np.isin(terms, np.concatenate(self.allowed)).all(axis=1)
        return _collected(Polynomial(terms[possible], weight[cells][possible], middle), size[cells][possible])

    # Parts -------------------------------------------------------------------------------------------------------

    def parts(self, *read: Polynomial) -> tuple[tuple[Part, ...], tuple[float, ...]]:
        """Return the groups of contexts that interact in some expectations, and what of each depends on no context.

        Contexts that none of them reads are in no part.

        Examples
        --------
        Two separate guesses of a coin that is seen:

        >>> import cidmesa as cm
        >>> cid = cm.CID([("coin", "d"), ("coin", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
        >>> model = cid.parameterise(coin=cm.Bernoulli(0.5), d=[0, 1], u=lambda coin, d: int(coin == d))
        >>> rules = RuleSpace.of(model)
        >>> parts, constants = rules.parts(rules.total(model, ["u"]))
        >>> [part.entries.tolist() for part in parts], constants
        ([[0, 1], [2, 3]], (0.0,))
        """
        owner = np.repeat(np.arange(len(self.blocks)), [b.stop - b.start for b in self.blocks])
        pairs = [owner[f.terms[:, [0, k]]] for f in read for k in range(f.terms.shape[1]) if len(f.terms)]
        linked = np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.intp)
        size = len(self.blocks)
        graph = coo_array((np.ones(len(linked)), (linked[:, 0], linked[:, 1])), shape=(size, size))
        which = connected_components(graph, directed=False)[1]
        constants = tuple(f.constant + (0.0 if f.terms.shape[1] else float(f.coefficients.sum())) for f in read)
        return tuple(self._part(read, owner, which == p) for p in np.unique(which[linked[:, 0]])), constants

    def _part(self, read: Sequence[Polynomial], owner: Ints, mine: Mask) -> Part:
        """Return the part of some contexts."""
        entries = np.flatnonzero(mine[owner])
        place = np.cumsum(mine[owner]) - 1
        inside = []
        for f in read:
            here = mine[owner[f.terms[:, 0]]] if f.terms.shape[1] else np.zeros(len(f.terms), dtype=bool)
            inside.append(Polynomial(place[f.terms[here]], f.coefficients[here], summed=f.summed))
        kept = np.flatnonzero(mine).tolist()
        groups = list(dict.fromkeys(self._group_of(b) for b in kept))
        blocks = tuple(slice(int(place[self.blocks[b].start]), int(place[self.blocks[b].stop - 1]) + 1) for b in kept)
        first = (*(next(i for i, b in enumerate(kept) if self._group_of(b) == g) for g in groups), len(kept))
        group = {decision: groups.index(g) for decision, g in self.group.items() if g in groups}
        allowed = tuple(place[self.allowed[b]] for b in kept)
        return Part(RuleSpace(group, blocks, first, allowed), entries, tuple(inside))

    def maximum(self, f: Polynomial) -> tuple[float, bool]:
        """Return the maximum of `f`, and whether it is proven to be that."""
        parts, (constant,) = self.parts(f)
        found = [part.space.maximise(part.read[0]) for part in parts]
        return constant + math.fsum(best.value for best in found), all(best.exact for best in found)

    def maximisers(
        self, f: Polynomial, others: Sequence[Polynomial] = (), known: Known[tuple[Floats, ...]] | None = None
    ) -> tuple[Floats, ...]:
        """Return the rules that maximise `f`, as :meth:`maximise` does, part by part and in all combinations.

        What has been found of parts may be given as `known`, and is added to.

        Raises
        ------
        NotApplicableError
            More than :data:`COMBINED`.
        """
        parts, _ = self.parts(f, *others)
        known = {} if known is None else known
        found = []
        for part in parts:
            key = part.key
            if key not in known:
                known[key] = part.space.maximise(part.read[0], part.read[1:]).rules
            found.append(known[key])
        count = math.prod(map(len, found))
        if count > COMBINED:
            raise NotApplicableError(
                f"{count:,} rules are optimal, more than {COMBINED:,}: give the decisions fewer observations or values."
            )
        idle = np.zeros(self.size)
        idle[[here[0] for here in self.allowed]] = 1.0
        rules = []
        for chosen in product(*found):
            rule = idle.copy()
            for part, own in zip(parts, chosen, strict=True):
                rule[part.entries] = own
            rules.append(rule)
        return tuple(rules)

    # Maxima ------------------------------------------------------------------------------------------------------

    def maximise(
        self, f: Polynomial, others: Sequence[Polynomial] = (), deterministic: bool = False, seed: int = 0
    ) -> Optimum:
        """Return the rules that maximise `f`, exactly wherever that is possible.

        Parameters
        ----------
        f
            The expectation.
        others
            Expectations that the optimal rules will be judged by: every entry that they read is varied too. Entries
            that nothing reads are left at the first action.
        deterministic
            Consider deterministic rules alone.
        seed
            Of the starts, where the search is not exact.

        Notes
        -----
        Exact where at most one rule serves two of the decisions that matter, the others one each, and at most
        300,000 supports and deterministic rules have to be listed.

        Raises
        ------
        NotApplicableError
            Neither that, nor few enough entries to be searched.
        """
        degrees = self.degrees(f)
        twice = [g for g, degree in degrees.items() if degree == 2]
        simple = max(degrees.values(), default=0) <= 2 and len(twice) <= 1
        read = np.zeros(self.size, dtype=bool)
        for polynomial in (f, *others):
            read[polynomial.terms] = True
        matters = np.zeros(self.size, dtype=bool)
        matters[f.terms] = True
        mixed: list[slice] = []  # the contexts in which the best rule may have to mix
        options: list[Ints] = []  # their allowed entries
        corners: list[list[int]] = []
        for b, block in enumerate(self.blocks):
            if not deterministic and self._group_of(b) in twice and matters[block].any():
                mixed.append(block)
                options.append(self.allowed[b])
            else:
                corners.append(self.allowed[b].tolist() if read[block].any() else self.allowed[b][:1].tolist())
        supports = number_of_supports([*map(len, options)]) if simple and mixed else 1
        count = math.prod(map(len, corners)) * supports
        if count > LISTED_RULES or not (simple or deterministic):
            if deterministic:
                raise NotApplicableError(
                    f"{count:,} deterministic rules are too many to list (at most {LISTED_RULES:,}): give "
                    "the decisions fewer observations."
                )
            return self._searched(f, seed)
        points = np.zeros((math.prod(map(len, corners)), self.size))
        for entries in np.array(list(product(*corners)), dtype=np.intp).reshape(len(points), -1).T:
            points[np.arange(len(points)), entries] = 1.0
        if mixed:
            may = np.isin([range(block.start, block.stop) for block in mixed], np.concatenate(options))
            return self._mixed(f, points, mixed, twice[0], may)
        values = f.at(points)
        rules = points[values >= values.max() - TIE * f.scale]
        every = range(len(self.first) - 1)
        isolated = frozenset(every) if deterministic else frozenset(g for g in every if self._settled(g, rules))
        return Optimum(float(values.max()), tuple(rules), True, isolated, "deterministic")

    def _group_of(self, block: int) -> int:
        return int(np.searchsorted(self.first, block, side="right")) - 1

    def _settled(self, group: int, rules: Floats) -> bool:
        """Whether some rules agree on the rule of a group."""
        entries = slice(self.blocks[self.first[group]].start, self.blocks[self.first[group + 1] - 1].stop)
        return bool((rules[:, entries] == rules[:1, entries]).all())

    def degrees(self, f: Polynomial) -> dict[int, int]:
        """Return how many factors of `f` come from each rule."""
        starts = [self.blocks[first].start for first in self.first[:-1]]
        which = np.searchsorted(starts, f.terms, side="right") - 1
        return {g: int((which == g).sum(axis=1).max(initial=0)) for g in range(len(starts))}

    def _mixed(self, f: Polynomial, points: Floats, mixed: Sequence[slice], group: int, may: Mask) -> Optimum:
        """Maximise over the allowed actions of one rule's mixed contexts, the rest as in each of some points."""
        card = mixed[0].stop - mixed[0].start
        entries = np.concatenate([np.arange(block.start, block.stop) for block in mixed])
        width = TIE * f.scale
        step = max(1, _BLOCK // max(len(entries) ** 2, f.terms.size))
        values, rules = [], []
        for start in range(0, len(points), step):
            some = points[start : start + step]
            found = peaks(_forms(f, some, entries), len(mixed), card, width, may)
            whole = some[found.form]
            whole[:, entries] = found.rules.reshape(len(whole), -1)
            values.append(found.values + f.constant)
            rules.append(whole)
        best = max(float(some.max()) for some in values)
        optimal = np.concatenate(rules)[np.concatenate(values) >= best - width]
        isolated = {g for g in range(len(self.first) - 1) if g != group and self._settled(g, optimal)}
        rest = optimal.copy()
        rest[:, entries] = 0.0
        corners, which = np.unique(rest, axis=0, return_inverse=True)
        peaked = [optimal[which.reshape(-1) == k][:, entries] for k in range(len(corners))]
        lines = (
            has_line(_forms(f, corners[k : k + 1], entries)[0], own, best - f.constant, width)
            for k, own in enumerate(peaked)
        )
        if self._settled(group, rest) and not any(lines):
            isolated.add(group)
        return Optimum(best, tuple(optimal), True, frozenset(isolated), "supports")

    def _searched(self, f: Polynomial, seed: int) -> Optimum:
        """Ascend from many starts: corners and random interior points, each by better and better responses.

        A start costs the third power of the entries, so that the more there are, the fewer starts are made.
        """
        if self.size > SEARCHED:
            raise NotApplicableError(
                f"one rule serves several decisions here, and {self.size:,} probabilities of it and of others have to "
                f"be chosen together, more than {SEARCHED:,}: give the decisions fewer observations or values."
            )
        starts = int(np.clip(24 * (40 / max(self.size, 1)) ** 3, 4, 24))
        rng = np.random.default_rng(seed)
        best: list[tuple[float, Floats]] = []
        for start in range(starts):
            check_time("the search for a shared rule", OBSERVE_LESS, f"{start} of {starts} starts")
            point = np.zeros(self.size)
            for here in self.allowed:
                width = len(here)
                point[here] = np.eye(width)[rng.integers(width)] if start % 2 else rng.dirichlet(np.ones(width))
            best.append(self._ascend(f, point))
        value = max(v for v, _ in best)
        rules = _distinct([point for v, point in best if v >= value - 1e-7 * f.scale], 1e-5)
        return Optimum(value, rules, exact=False, isolated=frozenset(), method="many starts")

    def _ascend(self, f: Polynomial, point: Floats) -> tuple[float, Floats]:
        from scipy.optimize import LinearConstraint, minimize

        sums = np.zeros((len(self.blocks), self.size))
        for k, block in enumerate(self.blocks):
            sums[k, block] = 1.0

        def negative(x: Floats) -> float:
            return -f(x)

        def slope(x: Floats) -> Floats:
            return -f.gradient(x)

        answer = minimize(
            negative,
            point,
            jac=slope,
            bounds=[(0.0, float(free)) for free in self.possible],
            constraints=LinearConstraint(sums, 1.0, 1.0),
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        x = np.clip(answer.x, 0.0, 1.0) * self.possible
        for block in self.blocks:
            x[block] /= x[block].sum()
        return f(x), x


def _forms(f: Polynomial, points: Floats, entries: Ints) -> Floats:
    """Return what remains of `f`, a quadratic form in some entries, when the others are as in each of some points."""
    place = {e: i for i, e in enumerate(entries.tolist())}
    twice = np.array([[place[e] for e in row if e in place] for row in f.terms.tolist()], dtype=np.intp).reshape(-1, 2)
    fixed = points.copy()
    fixed[:, entries] = 1.0
    n = len(entries)
    scatter = np.zeros((len(twice), n * n))
    scatter[np.arange(len(twice)), twice[:, 0] * n + twice[:, 1]] = f.coefficients
    forms = (np.prod(fixed[:, f.terms], axis=2) @ scatter).reshape(-1, n, n)
    return np.asarray(forms + forms.transpose(0, 2, 1)) / 2.0


def _distinct(rules: Iterable[Floats], width: float) -> tuple[Floats, ...]:
    """Leave out a rule that is within `width` of an earlier one."""
    kept: list[Floats] = []
    for rule in rules:
        if not any(np.abs(rule - other).max(initial=0.0) <= width for other in kept):
            kept.append(rule)
    return tuple(kept)


def _collected(f: Polynomial, sizes: Floats) -> Polynomial:
    """Add up equal terms, factors in any order."""
    if not len(f.terms):
        return Polynomial(f.terms.reshape(0, f.terms.shape[1]), f.coefficients, f.constant)
    ordered = np.sort(f.terms, axis=1)
    terms, where = np.unique(ordered, axis=0, return_inverse=True)
    total, size = np.zeros(len(terms)), np.zeros(len(terms))
    np.add.at(total, where.reshape(-1), f.coefficients)
    np.add.at(size, where.reshape(-1), sizes)
    return Polynomial(terms, total, f.constant, float(size.max()))
