r"""Alignment as a condition on a model's parameters.

Where probabilities or payoffs are sympy symbols, so are the answers: the training regret of an objective, the condition
under which it is :math:`\epsilon`-consistent, and the condition under which it parts from the base objective in a
deployment. With one decision, unnormalised action values

.. math:: W_b(pa, a) = E[U_b; pa \mid do(a)], \qquad W_O(pa, a) = E[O; pa \mid do(a)]

are polynomials in the parameters (no probability is divided by), and the worst :math:`O`-optimal policy has the regret

.. math:: R(O) = \sum_{pa} \max_a \; [\, W_O(pa,a) \ge W_O(pa,b) \;\forall b \,] \cdot
                 \big( \max_b W_b(pa,b) - W_b(pa,a) \big) .

Signs that hold for all probabilities between 0 and 1 are settled; what depends on the parameters stays in the
expression, as a maximum or a piecewise term. The answer is exact on borders too, where ties arise.

>>> import sympy
>>> import cidmesa as cm
>>> from cidmesa.mesa.setup import TrainingSetup
>>> delta = sympy.Symbol("delta")
>>> base = cm.CID([("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
...                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Uniform("left", "right"), red=cm.Noisy(lambda door: door, delta),
...                           go=["left", "right"], at_door=lambda go, door: int(go == door),
...                           at_red=lambda go, red: int(go == red), reward=lambda at_door: at_door)
>>> setup = TrainingSetup(model, deployments={"repainted": {"red": cm.Uniform("left", "right")}})
>>> region = alignment_region(setup, "at_red")
>>> region.training_regret, region.consistent
(delta, delta <= epsilon)
>>> region.deployment_regret["repainted"], region.parts["repainted"]
(1/2, True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mesa import cones
from cidmesa.mesa.derive import target_key
from cidmesa.mesa.objectives import Objective, declared, read
from cidmesa.mesa.setup import TRAINING
from cidmesa.mesa.shifts import uniform_policy
from cidmesa.solve.algebra import Algebra, exact
from cidmesa.solve.regions import Space
from cidmesa.solve.symbolic import joint

if TYPE_CHECKING:
    from cidmesa.mesa.derive import Targets
    from cidmesa.mesa.setup import TrainingSetup
    from cidmesa.model import CIM

PATTERNS = 4096
"""The most combinations of actions that are tried for "any" objective."""


@dataclass(frozen=True)
class AlignmentRegion:
    r"""For which parameters a proxy is consistent with training, and for which it parts from the base objective.

    Attributes
    ----------
    targets
        The targets of the proxy.
    objective
        Its name; ``"any"`` for the best over all objectives on the targets.
    training_regret
        Expression: base regret of the worst policy that is optimal for it in training.
    epsilon
        The symbol of the tolerance.
    consistent
        Condition: ``training_regret <= epsilon``, simplified.
    deployment_regret
        Deployment → expression, for an optimizer that knows the deployment; empty for ``"any"``.
    parts
        Deployment → condition under which that regret is positive.
    """

    targets: tuple[str, ...]
    objective: str
    training_regret: Any
    epsilon: Any
    consistent: Any
    deployment_regret: Mapping[str, Any] = field(hash=False)
    parts: Mapping[str, Any] = field(hash=False)

    @property
    def symbols(self) -> frozenset[Any]:
        """The parameters that something depends on, the tolerance aside."""
        found = set(self.training_regret.free_symbols)
        for expression in self.deployment_regret.values():
            found |= expression.free_symbols
        return frozenset(found)

    def at(self, values: Mapping[Any, Any], tolerance: float = 0.0) -> tuple[bool, dict[str, float]]:
        """Return whether it is consistent at these parameters, and its regret in each deployment.

        Parameters
        ----------
        values
            Symbol or name → number.
        tolerance
            The training regret that is allowed.
        """
        regret = self._number(self.training_regret, values)
        there = {name: self._number(expression, values) for name, expression in self.deployment_regret.items()}
        return regret <= tolerance + 1e-12, there

    def _number(self, expression: Any, values: Mapping[Any, Any]) -> float:
        by_name = {str(symbol): exact(value) for symbol, value in values.items()}
        return float(expression.subs({s: by_name[str(s)] for s in expression.free_symbols if str(s) in by_name}))

    def __str__(self) -> str:
        lines = [f"{self.objective} on {', '.join(self.targets)}: training regret {self.training_regret}"]
        lines.append(f"consistent iff {self.consistent}")
        lines += [f"in {name}: regret {r}, parts iff {self.parts[name]}" for name, r in self.deployment_regret.items()]
        return "\n".join(lines)


def alignment_region(
    setup: TrainingSetup,
    target: Targets,
    objective: Objective | Mapping[Any, Any] | Literal["any"] | None = None,
) -> AlignmentRegion:
    r"""Return the conditions under which a proxy is consistent, and under which it parts from the base objective.

    Parameters
    ----------
    setup
        A setup with one decision and a model, symbolic or not.
    target
        The targets of the proxy, a name or a tuple of names.
    objective
        An objective on the targets; by default the first declared one, the node's value where it is a number.
        ``"any"``: the least training regret over all objectives.

    Returns
    -------
    AlignmentRegion

    Raises
    ------
    NotApplicableError
        Several decisions; a bare diagram; ``"any"`` where what the actions lead to depends on the parameters in more
        than scale and the targets have more than two values.

    Notes
    -----
    Exact: floats are read as the fractions they are nearest to.

    Examples
    --------
    See the module.
    """
    import sympy

    names = target_key(setup, target)
    if setup.model is None:
        raise NotApplicableError(
            "alignment_region needs mechanisms, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
        )
    setup.cid.only_decision(question="alignment_region")
    epsilon = sympy.Symbol("epsilon", nonnegative=True)
    here = Values(setup.model)
    if isinstance(objective, str):
        if objective != "any":
            raise NotApplicableError(f'objective= is an objective, None or "any"; got {objective!r}.')
        regret = _least_regret(here, names)
        return AlignmentRegion(names, "any", regret, epsilon, _at_most(regret, epsilon), {}, {})
    chosen = _objective(setup.model, names, objective)
    regret = here.regret(names, chosen)
    there = {name: Values(setup.deployed(name)).regret(names, chosen) for name in setup.deployments}
    return AlignmentRegion(
        names,
        "the score" if chosen is None else chosen.name,
        regret,
        epsilon,
        _at_most(regret, epsilon),
        MappingProxyType(there),
        MappingProxyType({name: _positive(r) for name, r in there.items()}),
    )


def separation_expression(
    setup: TrainingSetup,
    a: Targets,
    b: Targets,
    distribution: str = TRAINING,
    objectives: tuple[Any, Any] = (None, None),
) -> Any:
    """Return the probability of the contexts in which no action is optimal for both objectives, as an expression.

    Parameters
    ----------
    setup
        A setup with one decision and a model.
    a, b
        The targets of the two.
    distribution
        ``"training"`` or a deployment's name.
    objectives
        One for each; by default the first declared.

    Examples
    --------
    >>> import sympy
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup import TrainingSetup
    >>> p = sympy.Symbol("p")
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("act", "z"), ("z", "pay")], decisions=["act"],
    ...              utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(p), act=[0, 1], y=cm.Function(lambda x, act: x ^ act, domain=(0, 1)),
    ...                          z=lambda act: act, pay=lambda z: z)
    >>> separation_expression(TrainingSetup(model), "y", "z")
    p
    """
    import sympy

    model = setup.deployed(distribution)
    values = Values(model)
    sides = [
        values.optimal(names, _objective(model, names, o))
        for names, o in ((target_key(setup, t), o) for t, o in zip((a, b), objectives, strict=True))
    ]
    total = sympy.Integer(0)
    for weight, one, other in zip(values.weights, *sides, strict=True):
        both = sympy.Or(*(sympy.And(x, y) for x, y in zip(one, other, strict=True)))
        total += weight if both is sympy.false else _where(sympy.Not(both), weight)
    return sympy.expand(total) if not total.has(sympy.Piecewise) else total


class Values:
    """Unnormalised action values of one model with one decision, as exact expressions."""

    def __init__(self, model: CIM) -> None:
        self.model = model
        self.decision = model.cid.only_decision(question="alignment_region")
        probabilities = list(Algebra(model).entries)
        symbols = sorted(model.symbols, key=str)
        bounds = [s for s in symbols if s.is_nonnegative] + [-s for s in symbols if s.is_nonpositive]
        self.space = Space(tuple(dict.fromkeys([*probabilities, *(1 - e for e in probabilities), *bounds])))

    @property
    def weights(self) -> list[Any]:
        """Probability of each context."""
        return [row[0] for row in self.expected((), np.array(1))]

    def expected(self, names: Sequence[str], payoff: Any) -> list[list[Any]]:
        """Return E[payoff; pa | do a] for each context and action; `payoff` is a table with one axis per name."""
        import sympy

        family = (*self.model.cid.parents(self.decision), self.decision)
        axes = tuple(dict.fromkeys((*family, *names)))
        law = joint(self.model, axes, policy=uniform_policy(self.model))
        paid = _spread(np.asarray(payoff, dtype=object), names, axes)
        actions = self.model.card(self.decision)
        contexts = math.prod(self.model.card(p) for p in family[:-1])
        rows = [[sympy.Integer(0)] * actions for _ in range(contexts)]
        shape = law.shape[: len(family)]
        for where in np.ndindex(law.shape):
            pay = paid[tuple(i if n > 1 else 0 for i, n in zip(where, paid.shape, strict=True))]
            if law[where] != 0 and pay:
                context, action = divmod(int(np.ravel_multi_index(where[: len(family)], shape)), actions)
                rows[context][action] += actions * law[where] * exact(pay)
        return [[sympy.expand(value) for value in row] for row in rows]

    # Regret ----------------------------------------------------------------------------------------------------------

    @property
    def base(self) -> list[list[Any]]:
        """Base values by context and action."""
        import sympy

        cid = self.model.cid
        parts = [self.expected(cid.parents(u), self.model.cpd(u)) for u in cid.utilities]
        return [[sympy.expand(sum(cells)) for cells in zip(*rows, strict=True)] for rows in zip(*parts, strict=True)]

    def optimal(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return for each context and action the condition under which it is optimal, where the context is reached."""
        rows = zip(self._of(names, objective), self.weights, strict=True)
        return [[self._best(row, a, weight) for a in range(len(row))] for row, weight in rows]

    def regret(self, names: tuple[str, ...], objective: Objective | None) -> Any:
        """Return the base regret of the worst policy that is optimal for an objective; ``None`` is the score itself."""
        import sympy

        if objective is None:
            return sympy.Integer(0)
        total = sympy.Integer(0)
        for values, paid in zip(self._of(names, objective), self.base, strict=True):
            costs = [sympy.Integer(0)]
            for (action, pay), other in product(enumerate(paid), paid):
                loss = sympy.expand(other - pay)
                if loss == 0 or self._never_below(sympy.Integer(0), loss):
                    continue
                when = self._best(values, action, loss)
                if when is not sympy.false:
                    costs.append(_where(when, loss))
            total += self.maximum(costs)
        return total if total.has(sympy.Piecewise, sympy.Max) else sympy.expand(total)

    def _of(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return the values of an objective; ``None`` is the score itself."""
        return self.base if objective is None else self.expected(names, objective.table)

    def maximum(self, values: Sequence[Any]) -> Any:
        """Return the maximum, without those that another is never below."""
        import sympy

        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(other, value) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(value, other)]
            kept.append(value)
        return sympy.Max(*kept)

    def minimum(self, values: Sequence[Any]) -> Any:
        """Return the minimum, without those that another is never above."""
        import sympy

        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(value, other) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(other, value)]
            kept.append(value)
        return sympy.Min(*kept)

    def _never_below(self, one: Any, other: Any) -> bool:
        """Whether one expression is at least another in the whole space, as far as that is known."""
        import sympy

        if one.has(sympy.Max, sympy.Min, sympy.Piecewise) or other.has(sympy.Max, sympy.Min, sympy.Piecewise):
            return bool(one == other)
        sign = self.space.sign(one - other)
        return sign.core is None and sign.factor >= 0

    def above(self, one: Any, other: Any) -> bool:
        """Whether one expression is above another inside the space.

        Raises
        ------
        NotApplicableError
            That depends on the parameters.
        """
        sign = self.space.sign(one - other)
        if sign.core is not None:
            raise NotApplicableError(
                f"which action the base prefers depends on the sign of {sign.core}: name an objective, or put numbers "
                "in for some of the symbols."
            )
        return sign.factor > 0

    def _best(self, values: Sequence[Any], action: int, at_stake: Any) -> Any:
        """Return the condition under which an action has the largest value and `at_stake` can be positive.

        An action that is never above another may still tie with it on a border; that is left out where `at_stake` is 0
        there too.
        """
        import sympy

        conditions = []
        for other, value in enumerate(values):
            if other == action:
                continue
            difference = sympy.expand(values[action] - value)
            sign = self.space.sign(difference)
            if sign.core is None:
                if sign.factor >= 0:
                    continue
                if not self._can_vanish(difference, at_stake):
                    return sympy.false
                conditions.append(sympy.Eq(difference, 0))
                continue
            ratio = sympy.cancel(at_stake / difference)  # at_stake = ratio · difference, never positive together?
            if not sympy.denom(ratio).free_symbols and self._never_below(sympy.Integer(0), ratio):
                return sympy.false
            conditions.append(sympy.Ge(difference, 0))
        return sympy.And(*conditions)

    def _can_vanish(self, difference: Any, at_stake: Any) -> bool:
        """Whether a difference can be 0 within the space, other than where `at_stake` is 0 as well."""
        import sympy

        if not difference.free_symbols:
            return False
        return any(
            self._has_root(factor)
            for factor, _ in sympy.factor_list(difference)[1]
            if sympy.rem(at_stake, factor, *sorted(factor.free_symbols, key=str)) != 0
        )

    def _has_root(self, factor: Any) -> bool:
        """Whether a factor has a root within the space; a factor in several symbols counts as having one."""
        import sympy

        if len(factor.free_symbols) != 1:
            return True
        (symbol,) = factor.free_symbols
        bounds = [c for c in self.space.conditions if c.free_symbols == {symbol}]
        return any(all(bool(c.subs(symbol, root) >= 0) for c in bounds) for root in sympy.real_roots(factor, symbol))


def _objective(model: CIM, names: tuple[str, ...], given: Objective | Mapping[Any, Any] | None) -> Objective | None:
    """Read an objective on chance nodes; ``None`` for the score, whose values may be symbols."""
    cid = model.cid
    paid = [n for n in names if cid.kind(n) == "utility"]
    if paid:
        if len(paid) == len(names) and given is None:
            return None
        raise NotApplicableError(
            f"with symbols an objective is on chance nodes, or is the score itself; `{paid[0]}` is a utility: "
            f"use what it reads, {cid.parents(paid[0])}."
        )
    domains = [model.domain(n) for n in names]
    if given is None:
        return declared(names, domains)[0]
    return read({"objective": given} if isinstance(given, Mapping) else [given], names, domains)[0]


def _least_regret(values: Values, names: tuple[str, ...]) -> Any:
    """Return the least regret of any objective on `names`, in training."""
    import sympy

    domains = [values.model.domain(n) for n in names]
    size = math.prod(map(len, domains))
    if size == 2:
        signs = [Objective("", names, np.array(v), tuple(domains)) for v in ([0.0, 1.0], [1.0, 0.0])]
        return values.minimum([values.regret(names, sign) for sign in signs])
    units = [values.expected(names, row.reshape([len(d) for d in domains])) for row in np.eye(size)]
    partial: dict[frozenset[tuple[float, ...]], Any] = {frozenset(): sympy.Integer(0)}
    for context, paid in enumerate(values.base):
        top = values.maximum(paid)
        here: list[tuple[Any, set[tuple[float, ...]]]] = []
        for action, pay in enumerate(paid):
            worse = [b for b, other in enumerate(paid) if values.above(pay, other)]
            strict = {_direction(values, [unit[context][action] - unit[context][b] for unit in units]) for b in worse}
            here.append((sympy.expand(top - pay), strict))
        found: dict[frozenset[tuple[float, ...]], list[Any]] = {}
        for (rows, cost), (more, strict) in product(partial.items(), here):
            found.setdefault(rows | strict, []).append(sympy.expand(cost + more))
        if len(found) > PATTERNS:
            raise NotApplicableError(f'objective="any" keeps at most {PATTERNS:,} combinations of actions.')
        partial = {rows: values.minimum(costs) for rows, costs in found.items() if _some(rows)}
    return values.minimum(list(partial.values()))


def _some(rows: frozenset[tuple[float, ...]]) -> bool:
    """Whether some objective satisfies all rows strictly."""
    return not rows or cones.margin(cones.scaled(np.array(sorted(rows))))[0] > cones.SETTLED


def _direction(values: Values, row: Sequence[Any]) -> tuple[float, ...]:
    """Return a row up to its positive factor as numbers."""
    import sympy

    first = next((e for e in row if e != 0), None)
    if first is None:
        return (0.0,) * len(row)
    sign = values.space.sign(first)
    ratios = [sympy.cancel(e / first) for e in row]
    if sign.core is not None or any(r.free_symbols for r in ratios):
        raise NotApplicableError(
            'objective="any" needs outcomes that depend on the parameters in scale alone, or targets with two values: '
            "name an objective."
        )
    largest = max(abs(float(r)) for r in ratios)
    return tuple(round(float(r) * sign.factor / largest, 12) for r in ratios)


def _spread(table: Any, names: Sequence[str], onto: Sequence[str]) -> Any:
    """Lay the axes of a table out along `onto`, with length one where it does not vary."""
    order = sorted(range(len(names)), key=lambda i: onto.index(names[i]))
    shape = iter(table.transpose(order).shape)
    wide = [next(shape) if n in names else 1 for n in onto]
    return table.transpose(order).reshape(wide)


def _where(condition: Any, value: Any) -> Any:
    import sympy

    return value if condition is sympy.true else sympy.Piecewise((value, condition), (0, True))


def _at_most(regret: Any, epsilon: Any) -> Any:
    """Return the condition ``regret <= epsilon``."""
    import sympy

    return sympy.true if regret == 0 else sympy.Le(regret, epsilon)


def _positive(regret: Any) -> Any:
    """Return the condition ``regret > 0``."""
    import sympy

    return sympy.Gt(regret, 0)
