r"""Alignment as a condition on a model's parameters.

Where probabilities or payoffs are sympy symbols, so are the answers: the training regret of an objective, the condition
under which it is :math:`\epsilon`-consistent, and the condition under which it parts from the base objective in a
deployment. With one decision, unnormalised action values

.. math:: W_b(pa, a) = E[U_b; pa \mid do(a)], \qquad W_O(pa, a) = E[O; pa \mid do(a)]

are polynomials in the parameters (no probability is divided by), and the worst :math:`O`-optimal policy has the regret

.. math:: R(O) = \sum_{pa} \max_a \; [\, W_O(pa,a) \ge W_O(pa,b) \;\forall b \,] \cdot
                 \big( \max_b W_b(pa,b) - W_b(pa,a) \big) .

With several decisions there is one context and its actions are the deterministic policies, which are enough as long as
no rule acts twice on what is pursued or scored.

Signs that hold for all probabilities between 0 and 1 are settled; what depends on the parameters stays in the
expression, as a maximum or a piecewise term. The answer is exact on borders too, where ties arise.

>>> import sympy
>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> delta = sympy.Symbol("delta")
>>> model = cm.gallery.load("red-door").setup.model.shift(red=cm.Noisy(lambda door: door, delta))
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
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cidmesa.arguments import options_by_name
from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.targets import target_key
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.objectives.declared import Objective, declared, read
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import require_setup
from cidmesa.mesa.symbolic.action_values import Values, where
from cidmesa.readonly import ReadOnly
from cidmesa.solve.symbolic.algebra import exact
from cidmesa.solve.symbolic.borders import Answer, UndecidedError, everywhere, put_into
from cidmesa.solve.symbolic.regions import Region, Space

if TYPE_CHECKING:
    from cidmesa.mesa.candidates.targets import Targets
    from cidmesa.mesa.setup.training import TrainingSetup
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
        The symbol of the tolerance: ``epsilon``, with underscores after it where the model has one of that name.
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

        Raises
        ------
        NotApplicableError
            A symbol that something depends on has no number.
        """
        given = set(map(str, values)) if isinstance(values, Mapping) else set()
        left = sorted({str(symbol) for symbol in self.symbols} - given)
        if left or not isinstance(values, Mapping):
            numbers = ", ".join(f"'{name}': .." for name in left)
            raise NotApplicableError(f"a region is read at numbers for its symbols, at({{{numbers}}}); got {values!r}.")
        regret = self._number(self.training_regret, values)
        there = {name: float(self._number(expression, values)) for name, expression in self.deployment_regret.items()}
        return bool(regret <= exact(tolerance)) or float(regret) == tolerance, there

    def _number(self, expression: Any, values: Mapping[Any, Any]) -> Any:
        """Return an expression at numbers, as an exact one."""
        by_name = {str(symbol): _finite(value, symbol) for symbol, value in values.items()}
        # All at once: one symbol after the other would have sympy compare what is still conditional.
        number = expression.xreplace({s: by_name[str(s)] for s in expression.free_symbols})
        if math.isnan(float(number)):
            raise NotApplicableError(
                f"these numbers lie on a border of the region that could not be solved: put them into the model, "
                f"model.subs({dict(values)!r}), and derive with numbers."
            )
        return number

    def __str__(self) -> str:
        lines = [f"{self.objective} on {', '.join(self.targets)}: training regret {self.training_regret}"]
        lines.append(f"consistent iff {self.consistent}")
        lines += [f"in {name}: regret {r}, parts iff {self.parts[name]}" for name, r in self.deployment_regret.items()]
        return "\n".join(lines)


@options_by_name
@shows_progress
def alignment_region(
    setup: TrainingSetup, target: Targets, *, objective: Objective | Mapping[Any, Any] | Literal["any"] | None = None
) -> AlignmentRegion:
    r"""Return the conditions under which a proxy is consistent, and under which it parts from the base objective.

    Parameters
    ----------
    setup
        A setup with a model, symbolic or not.
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
        A bare diagram; several decisions with too many policies (the message counts them), or one rule that acts
        several times on the targets or the score; ``"any"`` where what the actions lead to depends on the parameters in
        more than scale and the targets have more than two values.

    Notes
    -----
    Exact: floats are read as the fractions they are nearest to.

    Examples
    --------
    See the module.
    """
    names = target_key(setup, target)
    if setup.model is None:
        raise NotApplicableError(
            "alignment_region needs mechanisms, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
        )
    setup.require_expected("alignment_region")
    if needs_stochastic_rules(setup, names):
        raise NotApplicableError(
            "alignment_region compares deterministic policies, and here one rule acts several times on the targets or "
            "the score, so that the best may be stochastic: derive_mesa_optimizers with numbers tries such rules."
        )
    epsilon = _tolerance(setup)
    here = Values(setup.model, setup.shared_rules, setup.training_score)
    if isinstance(objective, str):
        if objective != "any":
            raise NotApplicableError(f'objective= is an objective, None or "any"; got {objective!r}.')
        regret = _least_regret(here, names)
        return AlignmentRegion(names, "any", regret, epsilon, _at_most(regret, epsilon), {}, {})
    chosen = _objective(setup.model, names, objective)
    regret = here.regret(names, chosen)
    there = {name: Values(setup.deployed(name), setup.shared_rules).regret(names, chosen) for name in setup.deployments}
    return AlignmentRegion(
        names,
        "the score" if chosen is None else chosen.name,
        regret,
        epsilon,
        _at_most(regret, epsilon),
        ReadOnly(there),
        ReadOnly({name: _positive(r) for name, r in there.items()}),
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
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> p = sympy.Symbol("p")
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("act", "z"), ("z", "pay")], decisions=["act"],
    ...              utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(p), act=[0, 1], y=cm.Function(lambda x, act: x ^ act, domain=(0, 1)),
    ...                          z=lambda act: act, pay=lambda z: z)
    >>> separation_expression(TrainingSetup(model), "y", "z")
    p
    """
    import sympy

    if len(require_setup(setup, "separation_expression").cid.decisions) > 1:
        raise NotApplicableError(
            "separation_expression compares the contexts of one decision, and this diagram has "
            f"{len(setup.cid.decisions)}: put numbers in for the symbols and ask separating_shifts."
        )
    model = setup.deployed(distribution)
    values = Values(model)
    sides = [
        values.optimal(names, _objective(model, names, o))
        for names, o in ((target_key(setup, t), o) for t, o in zip((a, b), objectives, strict=True))
    ]
    total = sympy.Integer(0)
    for weight, one, other in zip(values.weights, *sides, strict=True):
        both = sympy.Or(*(sympy.And(x, y) for x, y in zip(one, other, strict=True)))
        total += weight if both is sympy.false else where(sympy.Not(both), weight)
    return sympy.expand(total) if not total.has(sympy.Piecewise) else total


def _tolerance(setup: TrainingSetup) -> Any:
    """Return the symbol of the tolerance, which is none of the model's own."""
    import sympy

    taken = {str(symbol) for name in setup.distributions for symbol in setup.deployed(name).symbols}
    name = "epsilon"
    while name in taken:
        name += "_"
    return sympy.Symbol(name, nonnegative=True)


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
    domains = [values.model.domain(n) for n in names]
    size = math.prod(map(len, domains))
    if size == 2:
        signs = [Objective("", names, np.array(v), tuple(domains)) for v in ([0.0, 1.0], [1.0, 0.0])]
        return values.minimum([values.regret(names, sign) for sign in signs])
    units = [values.expected(names, row.reshape([len(d) for d in domains])) for row in np.eye(size)]

    def ask(tables: Mapping[str, Any], space: Space) -> Answer:
        critical: dict[Any, None] = {}
        try:
            regret = _inside(values.on(space), tables["base"], tables["units"], critical)
        except NotApplicableError:
            if space is values.space:
                raise
            raise UndecidedError from None  # on a border
        return Answer([(Region(space, {}), regret)], critical)

    # Expressions in arrays of shape (contexts, actions), those of the units with one more axis in front.
    return everywhere(values.space, {"base": _objects(values.base), "units": _objects(units)}, ask, put_into)


def _objects(nested: Any) -> Array:
    """Return an array of expressions."""
    return np.array(nested, dtype=object)


def _inside(values: Values, base: Array, units: Array, critical: dict[Any, None]) -> Any:
    """Return the least regret inside the space; expressions for which it may be another where they are 0 are noted."""
    import sympy

    partial: dict[frozenset[tuple[Fraction, ...]], Any] = {frozenset(): sympy.Integer(0)}
    for context, paid in enumerate(base):
        top = values.maximum(paid)
        rows = values.distinct(zip(paid, *units[:, context], strict=True))
        here: list[tuple[Any, set[tuple[Fraction, ...]]]] = []
        for pay, *leads in rows:
            worse = [others for other, *others in rows if values.above(pay, other)]
            strict = {
                _direction(values, [mine - theirs for mine, theirs in zip(leads, others, strict=True)], critical)
                for others in worse
            }
            here.append((sympy.expand(top - pay), strict))
        critical.update(dict.fromkeys(one[0] - other[0] for one, other in combinations(rows, 2)))
        found: dict[frozenset[tuple[Fraction, ...]], list[Any]] = {}
        for (rows_so_far, cost), (more, strict) in product(partial.items(), here):
            found.setdefault(rows_so_far | strict, []).append(sympy.expand(cost + more))
        if len(found) > PATTERNS:
            raise NotApplicableError(f'objective="any" keeps at most {PATTERNS:,} combinations of actions.')
        partial = {wanted: values.minimum(costs) for wanted, costs in found.items() if _some(wanted)}
    return values.minimum(list(partial.values()))


def _some(rows: frozenset[tuple[Fraction, ...]]) -> bool:
    """Whether some objective satisfies all rows strictly."""
    if not rows:
        return True
    listed = sorted(rows)
    return cones.margin(cones.scaled(np.array(listed, dtype=float)))[0] > cones.SETTLED or cones.feasible_exactly(
        listed
    )


def _direction(values: Values, row: Sequence[Any], critical: dict[Any, None]) -> tuple[Fraction, ...]:
    """Return a row up to its positive factor as fractions; where the factor is 0 the row is another."""
    import sympy

    row = [sympy.expand(entry) for entry in row]
    first = next((e for e in row if e != 0), None)
    if first is None:
        return (Fraction(0),) * len(row)
    critical[first] = None
    sign = values.space.sign(first)
    ratios = [sympy.cancel(e / first) for e in row]
    if sign.core is not None or not all(r.is_Rational for r in ratios):
        raise NotApplicableError(
            'objective="any" needs outcomes that depend on the parameters in scale alone, or targets with two values: '
            "name an objective."
        )
    fractions = [Fraction(int(r.p), int(r.q)) * sign.factor for r in ratios]
    largest = max(map(abs, fractions))
    return tuple(r / largest for r in fractions)


def _finite(number: Any, symbol: Any) -> Any:
    """Return what is put in for a symbol as an exact number."""
    try:
        known = math.isfinite(float(number))
    except (TypeError, ValueError):
        known = False
    if not known:
        raise NotApplicableError(f"`{symbol}` stands for a finite number; got {number!r}: at({{'{symbol}': 0.5}}).")
    return exact(number)


def _at_most(regret: Any, epsilon: Any) -> Any:
    """Return the condition ``regret <= epsilon``."""
    import sympy

    return sympy.true if regret == 0 else sympy.Le(regret, epsilon)


def _positive(regret: Any) -> Any:
    """Return the condition ``regret > 0``."""
    import sympy

    return sympy.Gt(regret, 0)
