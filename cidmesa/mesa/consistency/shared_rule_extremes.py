r"""The best and the worst for the base among the shared rules that are optimal for an objective.

The rules that maximise an expectation :math:`f` need not be isolated: an objective that does not care what a rule does
leaves a whole line or face of optimal rules, and the worst of them for the base may lie *inside* it, where the base is
quadratic as well. Face by face of the product of simplices, the optimal rules inside are an affine set (the critical
points of :math:`f` there), and an extreme of the base inside is a critical point of the base on that set: the solution
of one more linear system. Where the solutions form a line, the base is constant on it and the line leaves through a
smaller face, which is looked at too.

>>> import cidmesa as cm
>>> cid = cm.CID([("turn", "pay"), ("again", "pay"), ("turn", "x")], decisions=["turn", "again"], utilities=["pay"])
>>> model = cid.parameterise(turn=[0, 1], again=[0, 1], x=cm.Table([[0.5, 0.5]] * 2),
...                          pay=lambda turn, again: int(turn == again))
>>> rules = RuleSpace.of(model, shared=[("turn", "again")])
>>> indifferent = rules.expectation(model, ["x"], [0.0, 1.0])
>>> low, high, exact = extremes(rules, indifferent, rules.total(model, ["pay"]))
>>> round(low, 9), round(high, 9), exact  # a fair coin, and always the same action
(0.5, 1.0, True)
"""

from __future__ import annotations

import math
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cidmesa.arrays import Floats, Ints
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mesa.consistency.shared_rules import TIE, RuleSpace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cidmesa.mesa.consistency.shared_rules import Known, Optimum, Polynomial

FACES = 20_000
"""The most faces that are looked at: a few seconds."""

ROUNDING = 1e-9
"""Residuals and singular values up to here, relative to the coefficients, are none."""


_SHRINK = "give the decisions that share a rule fewer observations or actions"


class Extremes(NamedTuple):
    """The least and the largest expectation over the rules that maximise another, and whether both are proven."""

    low: float
    high: float
    exact: bool


def extremes(
    space: RuleSpace,
    wanted: Polynomial,
    base: Polynomial,
    deterministic: bool = False,
    budget: Budget = UNLIMITED,
    known: Known[Extremes] | None = None,
) -> Extremes:
    """Return the range of `base` over the rules that maximise `wanted`.

    Parameters
    ----------
    space
        The rules.
    wanted, base
        Expectations.
    deterministic
        Consider deterministic rules alone.
    budget
        How long it may take.
    known
        What has been found of parts, by :attr:`.Part.key`, and is added to; of stochastic rules alone, or of
        deterministic ones.

    Raises
    ------
    OutOfTimeError
        The budget was over.

    Notes
    -----
    Contexts that no run passes together are looked at one group after the other (:meth:`.RuleSpace.parts`). Exact where
    in each group one rule at most acts twice on what is wanted or on the base, all others once, and at most
    :data:`FACES` faces have to be looked at; else the range over the optimal rules that were found.
    """
    parts, (_, constant) = space.parts(wanted, base)
    known = {} if known is None else known
    found = []
    for part in parts:
        key = part.key
        if key not in known:
            known[key] = _extremes(part.space, *part.read, deterministic=deterministic, budget=budget)
        found.append(known[key])
    low = constant + math.fsum(part.low for part in found)
    return Extremes(low, constant + math.fsum(part.high for part in found), all(part.exact for part in found))


def _extremes(
    space: RuleSpace, wanted: Polynomial, base: Polynomial, *, deterministic: bool, budget: Budget
) -> Extremes:
    """Return the same for contexts that all interact."""
    if not len(wanted.terms):  # whatever is done here is optimal
        lowest, highest = (space.maximise(f, (), deterministic) for f in (base.negated, base))
        return Extremes(-lowest.value, highest.value, lowest.exact and highest.exact)
    best = space.maximise(wanted, (base,), deterministic)
    listed = [base(rule) for rule in best.rules]
    if deterministic:
        return Extremes(min(listed), max(listed), best.exact)
    if _listed_suffice(space, base, best):
        return Extremes(min(listed), max(listed), best.exact)
    degrees = [space.degrees(f) for f in (wanted, base)]
    twice = {group for found in degrees for group, degree in found.items() if degree > 1}
    faces = _faces(space, (wanted, base), twice)
    simple = len(twice) <= 1 and max(chain.from_iterable(found.values() for found in degrees), default=0) <= 2
    count = math.prod(map(len, faces))
    if not (simple and best.exact and count <= FACES):
        return Extremes(min(listed), max(listed), exact=False)
    least = best.value - TIE * wanted.scale
    values = listed + [
        base(rule)
        for face in budget.each(product(*faces), "looking at faces of optimal rules", _SHRINK, total=count)
        for rule in _critical(space, wanted, base, face)
        if wanted(rule) >= least
    ]
    return Extremes(min(values), max(values), exact=True)


def _listed_suffice(space: RuleSpace, base: Polynomial, best: Optimum) -> bool:
    """Say whether the base is extreme at a listed rule: it is linear in every rule not all of whose optima are listed.

    Of a line or face of optimal rules the corners are listed, and between them nothing linear is extreme.
    """
    return all(degree <= 1 or group in best.isolated for group, degree in space.degrees(base).items())


def _faces(space: RuleSpace, read: Sequence[Polynomial], twice: set[int]) -> list[list[tuple[int, ...]]]:
    """Return, per context of each rule, the sets of actions that it may mix there."""
    faces: list[list[tuple[int, ...]]] = []
    for group, (start, stop) in enumerate(zip(space.first, space.first[1:], strict=False)):
        for allowed in space.allowed[start:stop]:
            entries = allowed.tolist()
            if not any(bool(np.isin(f.terms, entries).any()) for f in read):
                faces.append([(entries[0],)])
            elif group in twice:
                faces.append([s for size in range(1, len(entries) + 1) for s in combinations(entries, size)])
            else:
                faces.append([(entry,) for entry in entries])
    return faces


def _critical(
    space: RuleSpace, wanted: Polynomial, base: Polynomial, face: Sequence[tuple[int, ...]]
) -> Iterator[Floats]:
    """Yield the rule inside a face where `wanted` is critical and, among those rules, `base` is; if there is one."""
    rule = np.zeros(space.size)
    for support in face:
        rule[list(support)] = 1.0 / len(support)
    mixed = [support for support in face if len(support) > 1]
    if not mixed:
        yield rule
        return
    free = np.array(list(chain.from_iterable(mixed)), dtype=np.intp)
    sums = np.array([[float(entry in support) for entry in free] for support in mixed])
    # Critical for `wanted`, in the entries x and a multiplier a context: H x + l + sums' m = 0 and sums x = 1.
    curvature, slope = _quadratic(wanted, rule, free)
    matrix = np.block([[curvature, sums.T], [sums, np.zeros((len(mixed), len(mixed)))]])
    solved = _solve(matrix, np.r_[-slope, np.ones(len(mixed))])
    if solved is None:
        return
    point, directions = solved[0][: len(free)], solved[1][: len(free)]
    # Among those, point + directions t, critical for `base` in t.
    curvature, slope = _quadratic(base, rule, free)
    moved = _solve(directions.T @ curvature @ directions, -directions.T @ (curvature @ point + slope))
    if moved is None:
        return
    point = point + directions @ moved[0]
    if (point >= -1e-12).all():
        rule[free] = np.clip(point, 0.0, None)
        yield rule


def _quadratic(f: Polynomial, rule: Floats, free: Ints) -> tuple[Floats, Floats]:
    """Return the second and first derivatives at zero of a quadratic in the free entries, the others as in `rule`.

    In units of its largest coefficient.
    """
    place = np.full(len(rule), -1)
    place[free] = np.arange(len(free))
    where = place[f.terms]
    fixed = rule.copy()
    fixed[free] = 1.0
    weight = f.coefficients * np.prod(fixed[f.terms], axis=1)
    degree = (where >= 0).sum(axis=1)
    slope = np.zeros(len(free))
    once = degree == 1
    np.add.at(slope, where[once].max(axis=1, initial=-1), weight[once])
    curvature = np.zeros((len(free), len(free)))
    twice = where[degree == 2]
    first, second = twice[twice >= 0].reshape(-1, 2).T
    np.add.at(curvature, (first, second), weight[degree == 2])
    unit = f.scale or 1.0
    return (curvature + curvature.T) / unit, slope / unit


def _solve(matrix: Floats, right: Floats) -> tuple[Floats, Floats] | None:
    """Return one solution of a linear system and the directions of all others; ``None`` if there is none."""
    if not matrix.size:
        return np.zeros(matrix.shape[1]), np.eye(matrix.shape[1])
    left, values, rows = np.linalg.svd(matrix)
    kept = values > ROUNDING * max(1.0, float(values.max(initial=0.0)))
    solution = rows[: len(values)][kept].T @ ((left[:, : len(values)][:, kept].T @ right) / values[kept])
    if np.abs(matrix @ solution - right).max(initial=0.0) > ROUNDING:
        return None
    return solution, np.vstack([rows[: len(values)][~kept], rows[len(values) :]]).T
