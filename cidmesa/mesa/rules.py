r"""Optimal stochastic rules where one rule serves several decisions.

A rule gives each context a distribution over actions: the entries :math:`x_{c,a} \ge 0` with
:math:`\sum_a x_{c,a} = 1`. The expectation of any payoff is a polynomial in the entries of all rules, one factor per
decision that the payoff depends on:

.. math:: f(x) = \sum_{fa} w(fa) \prod_D x^{(D)}_{pa_D, d} .

Where every decision has a rule of its own, :math:`f` is multilinear and deterministic rules attain its maximum. Where
one rule serves two decisions it is *quadratic* in that rule, and the best rule may have to be stochastic (the
absent-minded driver [1]_). A quadratic over a product of simplices is maximised exactly by listing supports: inside
each face the maximum is a critical point, that is, the solution of a linear system, and where the solutions form a
line, :math:`f` is constant on it and the line leaves through a smaller face. More uses of one rule make polynomials of
higher degree: those are searched from many starts, and the result says so.

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
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.errors import NotApplicableError
from cidmesa.mesa.shifts import uniform_policy
from cidmesa.solve import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]

LISTED = 300_000
"""The most supports and deterministic rules that are listed."""

TIE = 1e-9
"""Values that differ by less, relative to the largest coefficient, are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """An expectation as a polynomial in the entries of the rules.

    Attributes
    ----------
    terms
        Positions of the factors of each term, shape (n, k): one factor per decision that matters.
    coefficients
        Shape (n,).
    """

    terms: Ints
    coefficients: Floats

    def __call__(self, rule: Floats) -> float:
        """Return the expectation under a rule, an array of all entries."""
        return float(self.coefficients @ np.prod(rule[self.terms], axis=1))

    def gradient(self, rule: Floats) -> Floats:
        """Return the derivative by each entry."""
        total = np.zeros(len(rule))
        for k in range(self.terms.shape[1]):
            others = np.delete(self.terms, k, axis=1)
            np.add.at(total, self.terms[:, k], self.coefficients * np.prod(rule[others], axis=1))
        return total

    def tied(self, onto: Ints) -> Polynomial:
        """Return the polynomial after entry i has become entry ``onto[i]``."""
        return Polynomial(onto[self.terms], self.coefficients)

    @property
    def scale(self) -> float:
        """The largest coefficient, at least 1: what ties are measured by."""
        return max(1.0, float(np.abs(self.coefficients).max(initial=0.0)))


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
        Whether `rules` are all optimal rules, none of them on a line or a face of others.
    method
        ``"supports"``, ``"deterministic"`` or ``"many starts"``.
    """

    value: float
    rules: tuple[Floats, ...]
    exact: bool
    isolated: bool
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
    """

    group: Mapping[str, int]
    blocks: tuple[slice, ...]
    first: tuple[int, ...]

    @classmethod
    def of(cls, model: CIM, shared: Iterable[Sequence[str]] = ()) -> RuleSpace:
        """Lay out the rules of a model; each tuple of `shared` has one."""
        leader = {decision: decision for decision in model.cid.decisions}
        for group in shared:
            leader.update(dict.fromkeys(group, group[0]))
        leaders = list(dict.fromkeys(leader.values()))
        blocks: list[slice] = []
        first = []
        at = 0
        for decision in leaders:
            first.append(len(blocks))
            for _ in model.contexts(decision):
                blocks.append(slice(at, at + model.card(decision)))
                at += model.card(decision)
        group_of = {decision: leaders.index(name) for decision, name in leader.items()}
        return cls(group_of, tuple(blocks), (*first, len(blocks)))

    @property
    def size(self) -> int:
        """The number of entries of all rules together."""
        return self.blocks[-1].stop if self.blocks else 0

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
            parents = model.cid.parents(u)
            order = sorted(range(len(parents)), key=lambda i: names.index(parents[i]))
            shape = [model.card(n) if n in parents else 1 for n in names]
            table = table + model.cpd(u).transpose(order).reshape(shape)
        return self._polynomial(model, names, table)

    def _polynomial(self, model: CIM, names: tuple[str, ...], payoff: Floats) -> Polynomial:
        """Sum the joint over all but the families of the decisions that matter, weighted by the payoff."""
        cid = model.cid
        matter = [d for d in cid.decisions if any(d in cid.ancestors(n, strict=False) for n in names)]
        family = list(dict.fromkeys(chain.from_iterable((*cid.parents(d), d) for d in matter)))
        axes = list(dict.fromkeys((*family, *names)))
        law = joint(model, axes, policy=uniform_policy(model)) * math.prod(model.card(d) for d in matter)
        letters = {name: i for i, name in enumerate(axes)}
        weight = np.einsum(
            law, list(range(len(axes))), payoff, [letters[n] for n in names], [letters[n] for n in family]
        )
        if not family:
            return Polynomial(np.zeros((1, 0), dtype=np.intp), np.array([float(weight)]))
        cells = np.nonzero(weight)
        column = dict(zip(family, cells, strict=True))
        terms = np.zeros((len(cells[0]), len(matter)), dtype=np.intp)
        for k, decision in enumerate(matter):
            parents = cid.parents(decision)
            context: Any = 0
            if parents:
                context = np.ravel_multi_index([column[p] for p in parents], [model.card(p) for p in parents])
            start = self.blocks[self.blocks_of(decision)[0]].start
            terms[:, k] = start + context * model.card(decision) + column[decision]
        return _collected(Polynomial(terms, weight[cells]))

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
        """
        degrees = self.degrees(f)
        twice = [g for g, degree in degrees.items() if degree == 2]
        faces: list[list[tuple[int, ...]]] = []
        for b, block in enumerate(self.blocks):
            group = next(g for g in range(len(self.first) - 1) if self.first[g] <= b < self.first[g + 1])
            entries = range(block.start, block.stop)
            if not any(bool(np.isin(p.terms, entries).any()) for p in (f, *others)):
                faces.append([(block.start,)])
            elif group in twice and not deterministic and np.isin(f.terms, entries).any():
                faces.append([s for size in range(1, len(entries) + 1) for s in combinations(entries, size)])
            else:
                faces.append([(e,) for e in entries])
        simple = max(degrees.values(), default=0) <= 2 and len(twice) <= 1
        count = math.prod(len(here) for here in faces)
        if count > LISTED or not (simple or deterministic):
            if deterministic:
                raise NotApplicableError(
                    f"{count:,} deterministic rules are too many to list (at most {LISTED:,}): give the decisions "
                    "fewer observations."
                )
            return self._searched(f, seed)
        return self._listed(f, faces, "deterministic" if deterministic or not twice else "supports")

    def degrees(self, f: Polynomial) -> dict[int, int]:
        """Return how many factors of `f` come from each rule."""
        starts = [self.blocks[first].start for first in self.first[:-1]]
        which = np.searchsorted(starts, f.terms, side="right") - 1
        return {g: int((which == g).sum(axis=1).max(initial=0)) for g in range(len(starts))}

    def _listed(self, f: Polynomial, faces: Sequence[Sequence[tuple[int, ...]]], method: str) -> Optimum:
        found: list[tuple[float, Floats]] = []
        flat: list[float] = []
        for face in product(*faces):
            point, unique = self._critical(f, face)
            if point is None:
                continue
            if unique:
                found.append((f(point), point))
            else:
                flat.append(f(point))
        value = max(v for v, _ in found)
        width = TIE * f.scale
        rules = _distinct([point for v, point in found if v >= value - width], 1e-9)
        isolated = not any(v >= value - width for v in flat) and method == "supports"
        return Optimum(value, rules, exact=True, isolated=isolated or (len(rules) == 1 and not flat), method=method)

    def _critical(self, f: Polynomial, face: Sequence[tuple[int, ...]]) -> tuple[Floats | None, bool]:
        """Return the critical point inside a face, and whether it is the only one; ``None`` if there is none."""
        point = np.zeros(self.size)
        for support in face:
            point[list(support)] = 1.0 / len(support)
        free = [support for support in face if len(support) > 1]
        if not free:
            return point, True
        entries = list(chain.from_iterable(free))
        position = {e: i for i, e in enumerate(entries)}
        n, m = len(entries), len(free)
        # f restricted to the free entries, the others being fixed: constant + linear + quadratic.
        fixed = point.copy()
        fixed[entries] = 1.0
        weights = f.coefficients * np.prod(fixed[f.terms], axis=1)
        linear, quadratic = np.zeros(n), np.zeros((n, n))
        for row, weight in zip(f.terms.tolist(), weights.tolist(), strict=True):
            inside = [position[e] for e in row if e in position]
            if weight and len(inside) == 1:
                linear[inside[0]] += weight
            elif weight and len(inside) == 2:
                quadratic[inside[0], inside[1]] += weight
                quadratic[inside[1], inside[0]] += weight
        sums = np.zeros((m, n))
        for k, support in enumerate(free):
            sums[k, [position[e] for e in support]] = 1.0
        matrix = np.block([[quadratic, sums.T], [sums, np.zeros((m, m))]])
        right = np.r_[-linear, np.ones(m)]
        solution, _, rank, _ = np.linalg.lstsq(matrix, right, rcond=1e-12)
        if np.abs(matrix @ solution - right).max() > 1e-9 * f.scale or (solution[:n] < -1e-12).any():
            return None, rank == n + m
        point[entries] = np.clip(solution[:n], 0.0, None)
        return point, rank == n + m

    def _searched(self, f: Polynomial, seed: int, starts: int = 64) -> Optimum:
        """Ascend from many starts: corners and random interior points, each by better and better responses."""
        rng = np.random.default_rng(seed)
        best: list[tuple[float, Floats]] = []
        for start in range(starts):
            point = np.zeros(self.size)
            for block in self.blocks:
                width = block.stop - block.start
                point[block] = np.eye(width)[rng.integers(width)] if start % 2 else rng.dirichlet(np.ones(width))
            best.append(self._ascend(f, point))
        value = max(v for v, _ in best)
        rules = _distinct([point for v, point in best if v >= value - 1e-7 * f.scale], 1e-5)
        return Optimum(value, rules, exact=False, isolated=False, method="many starts")

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
            bounds=[(0.0, 1.0)] * self.size,
            constraints=LinearConstraint(sums, 1.0, 1.0),
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        x = np.clip(answer.x, 0.0, 1.0)
        for block in self.blocks:
            x[block] /= x[block].sum()
        return f(x), x


def _distinct(rules: Iterable[Floats], width: float) -> tuple[Floats, ...]:
    """Leave out a rule that is within `width` of an earlier one."""
    kept: list[Floats] = []
    for rule in rules:
        if not any(np.abs(rule - other).max(initial=0.0) <= width for other in kept):
            kept.append(rule)
    return tuple(kept)


def _collected(f: Polynomial) -> Polynomial:
    """Add up equal terms, factors in any order."""
    if not len(f.terms):
        return Polynomial(f.terms.reshape(0, f.terms.shape[1]), f.coefficients)
    ordered = np.sort(f.terms, axis=1)
    terms, where = np.unique(ordered, axis=0, return_inverse=True)
    total = np.zeros(len(terms))
    np.add.at(total, where.reshape(-1), f.coefficients)
    return Polynomial(terms, total)
