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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import OBSERVE_LESS, check_time
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.rule_polynomials import EPS, Exact, Polynomial, Value
from cidmesa.mesa.objectives.declared import laid_out
from cidmesa.mesa.outcomes.outcome_table import once, rounding_of
from cidmesa.solve.policies.standard_quadratic import Peaks, has_line, highest, number_of_supports, peaks
from cidmesa.solve.queries.payoffs import open_law
from cidmesa.solve.tables.exact_run import as_array, exact_law, utility_unit, whole_utilities

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

CLEAN = 1e-9
"""Probabilities below this are dust that a search from many starts leaves; it proves nothing either way."""

SEARCH = 1e-9
"""How far off such a search is taken to be, relative to the largest coefficient; it says that it proves nothing."""

_BLOCK = 2**21
"""Numbers that one block of points aims at."""

_ENTRIES = 2**17
"""Entries of the largest table of Python's integers that is multiplied by a payoff."""


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
        """What parts that are equal, in exact arithmetic too, have in common."""
        arrays = [*self.space.allowed, *(array for f in self.read for array in (f.terms, f.coefficients))]
        exact = [f.exactly for f in self.read]
        numbers = [f"{e.unit}: {e.coefficients.tolist()}".encode() if e is not None else b"" for e in exact]
        return (*(array.tobytes() for array in arrays), *numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The rules that maximise a polynomial.

    Attributes
    ----------
    worth
        The maximum.
    rules
        Optimal rules: every isolated one, and the corners of every set of them.
    exact
        Whether the maximum is proven to be that, and the rules to attain it.
    isolated
        Positions of the rules that `rules` has all optimal choices of; of the other rules any mixture of those here may
        be optimal too.
    method
        ``"supports"``, ``"deterministic"`` or ``"many starts"``.
    points
        The rules in fractions, where they mix; else ``None``: the rules themselves are exact.
    faces
        The sets of entries that rules which may be optimal use, as bytes of a mask; ``None`` where no rule had to mix.
        Where the polynomial does not read a context, one action of it stands for all.
    """

    worth: Value
    rules: tuple[Floats, ...]
    exact: bool
    isolated: frozenset[int]
    method: str
    points: tuple[Array, ...] | None = None
    faces: frozenset[bytes] | None = None

    @property
    def value(self) -> float:
        """The maximum."""
        return self.worth.number


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
        return self._polynomial(model, [(np.asarray(payoff, dtype=np.float64), tuple(names))])

    def utility(self, model: CIM, utilities: Iterable[str]) -> tuple[Polynomial, ...]:
        """Return the expected utilities, one polynomial each."""
        return tuple(self._polynomial(model, [(model.cpd(u), model.cid.parents(u))]) for u in utilities)

    def total(self, model: CIM, utilities: Iterable[str]) -> Polynomial:
        """Return the expected sum of utilities."""
        return self._polynomial(model, [(model.cpd(u), model.cid.parents(u)) for u in utilities])

    def _polynomial(self, model: CIM, paid: Sequence[tuple[Floats, tuple[str, ...]]]) -> Polynomial:
        """Sum the joint over all but the families of the decisions that matter, weighted by a sum of payoffs."""
        cid = model.cid
        names = tuple(dict.fromkeys(chain.from_iterable(read for _, read in paid)))
        payoff = _Payoff.of([laid_out(table, read, names) for table, read in paid], [_card(model, n) for n in names])
        matter = [d for d in cid.decisions if any(d in cid.ancestors(n, strict=False) for n in names)]
        family = list(dict.fromkeys(chain.from_iterable((*cid.parents(d), d) for d in matter)))
        axes = list(dict.fromkeys((*family, *names)))
        law: Any = open_law(model, axes)
        letters = {name: i for i, name in enumerate(axes)}
        everything, read, kept = ([letters[n] for n in some] for some in (axes, names, family))
        weight, size = (np.asarray(np.einsum(law, everything, x, read, kept)) for x in (payoff.paid, payoff.sizes))
        matters = np.asarray(np.einsum(law > 0, everything, payoff.sizes > 0, read, kept))
        cells: tuple[Ints, ...] = np.nonzero(matters) if family else ()
        column = dict(zip(family, cells, strict=True))
        count = len(cells[0]) if family else 1
        terms = np.zeros((count, len(matter)), dtype=np.intp)
        for k, decision in enumerate(matter):
            parents = cid.parents(decision)
            context: Any = 0
            if parents:
                context = np.ravel_multi_index([column[p] for p in parents], [model.card(p) for p in parents])
            start = self.blocks[self.blocks_of(decision)[0]].start
            terms[:, k] = start + context * model.card(decision) + column[decision]
        possible = np.isin(terms, np.concatenate(self.allowed)).all(axis=1) if matter else np.ones(1, dtype=bool)
        chosen = cells if family else ...
        terms, where = np.unique(np.sort(terms[possible], axis=1), axis=0, return_inverse=True)

        def collected(numbers: Array) -> Array:
            total = np.zeros(len(terms), dtype=numbers.dtype)
            np.add.at(total, where.reshape(-1), np.atleast_1d(numbers[chosen])[possible])
            return total

        def exactly() -> Exact | None:
            weights = payoff.weighted(model, axes, names, len(family))
            return None if weights is None else Exact.of(collected(weights[0]), weights[1], payoff.constant)

        rounding = 2 * rounding_of(model) + 4 * EPS
        return Polynomial(terms, collected(weight), float(payoff.constant), collected(size), rounding, once(exactly))

    # Parts -------------------------------------------------------------------------------------------------------

    def parts(self, *read: Polynomial) -> tuple[tuple[Part, ...], tuple[Value, ...]]:
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
        >>> [part.entries.tolist() for part in parts], [constant.number for constant in constants]
        ([[0, 1], [2, 3]], [0.0])
        """
        owner = np.repeat(np.arange(len(self.blocks)), [b.stop - b.start for b in self.blocks])
        pairs = [owner[f.terms[:, [0, k]]] for f in read for k in range(f.terms.shape[1]) if len(f.terms)]
        linked = np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.intp)
        size = len(self.blocks)
        graph = coo_array((np.ones(len(linked)), (linked[:, 0], linked[:, 1])), shape=(size, size))
        which = connected_components(graph, directed=False)[1]
        constants = tuple(f.offset for f in read)
        return tuple(self._part(read, owner, which == p) for p in np.unique(which[linked[:, 0]])), constants

    def _part(self, read: Sequence[Polynomial], owner: Ints, mine: Mask) -> Part:
        """Return the part of some contexts."""
        entries = np.flatnonzero(mine[owner])
        place = np.cumsum(mine[owner]) - 1
        inside = []
        for f in read:
            here = mine[owner[f.terms[:, 0]]] if f.terms.shape[1] else np.zeros(len(f.terms), dtype=bool)
            inside.append(f.where(here, place))
        kept = np.flatnonzero(mine).tolist()
        groups = list(dict.fromkeys(self._group_of(b) for b in kept))
        blocks = tuple(slice(int(place[self.blocks[b].start]), int(place[self.blocks[b].stop - 1]) + 1) for b in kept)
        first = (*(next(i for i, b in enumerate(kept) if self._group_of(b) == g) for g in groups), len(kept))
        group = {decision: groups.index(g) for decision, g in self.group.items() if g in groups}
        allowed = tuple(place[self.allowed[b]] for b in kept)
        return Part(RuleSpace(group, blocks, first, allowed), entries, tuple(inside))

    def maximum(self, f: Polynomial) -> tuple[Value, bool]:
        """Return the maximum of `f`, and whether it is proven to be that."""
        parts, (constant,) = self.parts(f)
        found = [part.space.maximise(part.read[0]) for part in parts]
        return Value.total([constant, *(best.worth for best in found)]), all(best.exact for best in found)

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
        every = range(len(self.first) - 1)
        heights, doubts = f.heights(points), f.doubts(points)
        near = heights + doubts >= (heights - doubts).max()
        rules, height, doubt = points[near], float(heights.max()), float(doubts[near].max(initial=0.0))
        exactly = f.exact_heights(rules)
        worth = Value.total([Value(height, doubt), f.shift])
        if exactly is not None:
            best = max(exactly)
            rules = rules[[value == best for value in exactly]]
            worth = Value.total([Value.of(best), f.shift])
        known = exactly is not None or len(rules) == 1
        isolated = frozenset(every) if deterministic else frozenset(g for g in every if self._settled(g, rules))
        return Optimum(worth, tuple(rules), known, isolated, "deterministic")

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
        rounding = f.rounding + (len(f.terms) + 2 * f.terms.shape[1]) * EPS
        step = max(1, _BLOCK // max(len(entries) ** 2, f.terms.size))
        parts = []
        for start in range(0, len(points), step):
            some = points[start : start + step]
            errors = _forms(f.terms, f.absolute, some, entries) * rounding
            here = peaks(_forms(f.terms, f.coefficients, some, entries), len(mixed), card, errors, may)
            parts.append(here._replace(form=start + here.form))
        found = Peaks.of(parts)
        used = points[found.form] > 0
        used[:, entries] = found.supports.reshape(len(used), -1)
        faces = frozenset(mask.tobytes() for mask in used)
        exact = f.exactly

        def form(number: int) -> Array | None:
            return None if exact is None else _twice(f.terms, exact.coefficients, points[number], entries)

        sure = highest(found, form)
        doubt = float((found.values - found.low).max())
        worth = Value.total([Value(found.value, doubt), f.shift])
        if sure is not None and exact is not None:
            found = found.where(sure.which)
            worth = Value.total([Value.of(sure.height / (2 * exact.unit)), f.shift])
        optimal = points[found.form]
        optimal[:, entries] = found.rules.reshape(len(optimal), -1)
        exact_rules = []
        if sure is not None:
            for rule, point in zip(points[found.form], sure.points, strict=True):
                exact_rules.append(in_fractions(rule))
                exact_rules[-1][entries] = point.reshape(-1)
            optimal = np.array([rule.astype(np.float64) for rule in exact_rules])
        isolated = {g for g in range(len(self.first) - 1) if g != group and self._settled(g, optimal)}
        rest = optimal.copy()
        rest[:, entries] = 0.0
        lone = len(set(found.form.tolist())) == len(found.form)
        if self._settled(group, rest) and (lone or (sure is not None and not _lines(found.form, sure.points, form))):
            isolated.add(group)
        known = sure is not None or len(optimal) == 1
        inside = None if sure is None else tuple(exact_rules)
        return Optimum(worth, tuple(optimal), known, frozenset(isolated), "supports", inside, faces)

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
        near = 1e-7 * float(f.absolute.max(initial=0.0))
        rules = _distinct([point for v, point in best if v >= value - near], 1e-5)
        worth = Value(value, SEARCH * float(f.absolute.max(initial=0.0)))
        return Optimum(worth, rules, exact=False, isolated=frozenset(), method="many starts")

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
        x = np.where(answer.x > CLEAN, np.minimum(answer.x, 1.0), 0.0) * self.possible
        for block in self.blocks:
            x[block] /= x[block].sum()
        return f(x), x


def _forms(terms: Ints, weights: Floats, points: Floats, entries: Ints) -> Floats:
    """Return what remains of a sum, a quadratic form in some entries, when the others are as in each of some points."""
    twice = _places(terms, entries)
    fixed = points.copy()
    fixed[:, entries] = 1.0
    n = len(entries)
    scatter = np.zeros((len(twice), n * n))
    scatter[np.arange(len(twice)), twice[:, 0] * n + twice[:, 1]] = weights
    forms = (np.prod(fixed[:, terms], axis=2) @ scatter).reshape(-1, n, n)
    return np.asarray(forms + forms.transpose(0, 2, 1)) / 2.0


def _twice(terms: Ints, numbers: Array, point: Floats, entries: Ints) -> Array:
    """Return twice such a form in Python's integers."""
    fixed = point.copy()
    fixed[entries] = 1.0
    taken = (fixed[terms] == 1.0).all(axis=1)
    form = np.zeros((len(entries), len(entries)), dtype=object)
    np.add.at(form, tuple(_places(terms, entries)[taken].T), numbers[taken].astype(object))
    whole: Array = form + form.T
    return whole


def _places(terms: Ints, entries: Ints) -> Ints:
    """Return where among some entries the two factors of each term are that are."""
    place = {e: i for i, e in enumerate(entries.tolist())}
    return np.array([[place[e] for e in row if e in place] for row in terms.tolist()], dtype=np.intp).reshape(-1, 2)


def _lines(numbers: Ints, points: Sequence[Array], form: Callable[[int], Array | None]) -> bool:
    """Say whether peaks of the same form are joined by a line of optimal rules."""
    for number in set(numbers.tolist()):
        own = form(number)
        if own is None or has_line(own, [p for p, n in zip(points, numbers.tolist(), strict=True) if n == number]):
            return True
    return False


def in_fractions(rule: Floats) -> Array:
    """Return a rule that takes one action in every context in exact numbers."""
    found = np.empty(len(rule), dtype=object)
    found[:] = [Fraction(int(x)) for x in rule.tolist()]
    return found


def _distinct(rules: Iterable[Floats], width: float) -> tuple[Floats, ...]:
    """Leave out a rule that is within `width` of an earlier one."""
    kept: list[Floats] = []
    for rule in rules:
        if not any(np.abs(rule - other).max(initial=0.0) <= width for other in kept):
            kept.append(rule)
    return tuple(kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Payoff:
    """A sum of payoffs over the values of some nodes, less what most of them have in common.

    Attributes
    ----------
    paid
        The payoffs in floating point.
    sizes
        Numbers that the rounding of `paid` is a share of.
    constant
        What was taken off all of them. Where something pays nothing that is nothing: rules that only bear on it are
        free.
    whole
        The payoffs as integers and their unit; ``None`` where there are too many to read.
    """

    paid: Floats
    sizes: Floats
    constant: Fraction
    whole: tuple[Array, int] | None

    @classmethod
    def of(cls, tables: Sequence[Floats], shape: Sequence[int]) -> _Payoff:
        """Add up tables that broadcast to a shape, in exact arithmetic."""
        unit = utility_unit(tables)
        if unit is None:
            total = sum(tables, np.zeros(shape))
            constant = _common(total)
            sizes = sum((np.abs(table) for table in tables), np.zeros(shape)) + abs(float(constant))
            return cls(total - float(constant), np.where(total == float(constant), 0.0, 8 * sizes), constant, None)
        read = [whole_utilities(table, unit) for table in tables]
        fits = sum(table.largest for table in read) < 2**62
        numbers = np.zeros(shape, dtype=np.int64 if fits else object)
        for table in read:
            numbers = numbers + table.table
        common = _common(numbers)
        less = numbers - int(common)
        paid = np.array([int(x) / unit for x in less.ravel().tolist()], dtype=np.float64).reshape(less.shape)
        return cls(paid, np.abs(paid), common / unit, (less, unit))

    def weighted(self, model: CIM, axes: Sequence[str], names: Sequence[str], kept: int) -> tuple[Array, int] | None:
        """Return the sums of probability times payoff over all but the first axes, and their unit, exactly."""
        law = None if self.whole is None else exact_law(model, axes)
        if law is None or self.whole is None:
            return None
        (probabilities, scale), (numbers, unit) = law, self.whole
        most = probabilities.largest * max(map(abs, numbers.ravel().tolist()), default=0) * probabilities.table.size
        if most >= 2**62:
            if probabilities.table.size > _ENTRIES:
                return None
            numbers = numbers.astype(object)
        product = probabilities.table * laid_out(numbers, names, axes)
        sums = product.sum(axis=tuple(range(kept, len(axes))))
        return as_array(sums), scale * unit


def _common(numbers: Array) -> Fraction:
    """Return what is taken off some payoffs: nothing where some are nothing, else the lower median."""
    flat = sorted(numbers.ravel().tolist())
    return Fraction(0) if not flat or 0 in flat else Fraction(flat[(len(flat) - 1) // 2])


def _card(model: CIM, node: str) -> int:
    """Return the number of values of a node; of a utility the numbers it pays."""
    return len(np.unique(model.cpd(node))) if model.cid.kind(node) == "utility" else model.card(node)
