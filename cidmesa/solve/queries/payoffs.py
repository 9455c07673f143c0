r"""The uniform policy, the contexts that some policy reaches, and the range of the utilities.

With one rule :math:`\pi_D(d \mid pa_D)` per decision the expected utility is multilinear in the rules: a contraction of
all of them with one tensor over the decisions and what they observe.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.solve.queries.query import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM

_AXES = 50
_LARGEST = 2**22


def utility_range(model: CIM) -> tuple[float, float]:
    """Return the least and the greatest sum of utilities that their tables allow, each taken by itself.

    Parameters
    ----------
    model
        Numeric. Contexts of probability zero count.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "a"), ("act", "b")], decisions=["act"], utilities=["a", "b"])
    >>> utility_range(cid.parameterise(act=[0, 1], a=lambda act: act, b=lambda act: -2 * act))
    (-2.0, 1.0)
    """
    model.require_numeric("the range of the utilities", instead="")
    tables = [np.asarray(model.cpd(node), dtype=np.float64) for node in model.cid.utilities]
    return math.fsum(float(t.min()) for t in tables), math.fsum(float(t.max()) for t in tables)


def uniform_rule(model: CIM, decision: str) -> Floats:
    """Return the rule that takes every allowed action alike in every context, shape ``(cards of parents..., card)``."""
    may = model.allowed(decision)
    if may is not None:
        return np.asarray(may / may.sum(axis=-1, keepdims=True), dtype=np.float64)
    k = model.card(decision)
    return np.full((*map(model.card, model.cid.parents(decision)), k), 1.0 / k)


def payoff_tensor(
    model: CIM,
    decisions: Sequence[str],
    *,
    utilities: Iterable[str] | None = None,
    absolute: bool = False,
    instead: str = "ask for fewer decisions at once",
) -> tuple[tuple[str, ...], Floats, Floats]:
    r"""Return what, with the rules of `decisions` multiplied in, is the law of what they see and do, and its payoff.

    Parameters
    ----------
    model
        Numeric; decisions other than `decisions` have a rule.
    decisions
        Whose rules are left open.
    utilities
        Which are paid; all of them, if left out.
    absolute
        Pay their absolute values, by which the rounding of the others is measured.
    instead
        What to do where the tensor is too large, for the message.

    Returns
    -------
    axes
        The decisions and their parents: the parents of the first, the first, and so on, each once.
    law
        :math:`P(axes)` divided by the rules.
    pay
        The same times the expected sum of the utilities given the axes.

    Raises
    ------
    NotApplicableError
        The tensor has more than about four million entries.

    Notes
    -----
    Computed under rules that take every action alike, forbidden ones too, which are then divided out: no rule puts
    anything on those. The entries of all the families' contexts are the cost.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.25), act=[0, 1], pay=lambda x, act: int(x == act))
    >>> axes, law, pay = payoff_tensor(model, ["act"])
    >>> axes, law.tolist(), pay.tolist()
    (('x', 'act'), [[0.75, 0.75], [0.25, 0.25]], [[0.75, 0.0], [0.0, 0.25]])
    """
    cid = model.cid
    axes = tuple(dict.fromkeys(node for d in decisions for node in (*cid.parents(d), d)))
    size = math.prod(float(model.card(node)) for node in axes)
    if len(axes) > _AXES or size > _LARGEST:
        raise NotApplicableError(
            f"writing out all {len(axes)} nodes that the decisions see and set takes {size:.3g} numbers, more than "
            f"{_LARGEST:,}: {instead}."
        )
    model = model.unrestricted()
    alike = {d: uniform_rule(model, d) for d in decisions}
    lift = math.prod(model.card(d) for d in decisions)
    law = np.asarray(joint(model, axes, policy=alike), dtype=np.float64) * lift
    pay = np.zeros_like(law)
    for utility in cid.utilities if utilities is None else utilities:
        parents = cid.parents(utility)
        names = tuple(dict.fromkeys((*axes, *parents)))
        number = {node: i for i, node in enumerate(names)}
        whole = joint(model, names, policy=alike) * lift
        table = np.abs(model.cpd(utility)) if absolute else model.cpd(utility)
        operands: list[Any] = [whole, list(number.values()), table, [number[p] for p in parents]]
        pay += np.einsum(*operands, [number[node] for node in axes])
    return axes, law, pay


def open_law(model: CIM, names: Sequence[str]) -> Floats:
    r"""Return the joint of `names` divided by the rules: the law of each for every action of every decision.

    Parameters
    ----------
    model
        Numeric.
    names
        Nodes, among them every decision that is above one of them.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "y")], decisions=["act"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.25), act=[0, 1], y=lambda act: act)
    >>> open_law(model, ["act", "y"]).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    free = model.unrestricted()
    above = {d for d in model.cid.decisions if any(d in model.cid.ancestors(n, strict=False) for n in names)}
    return np.asarray(joint(free, names, policy=uniform_policy(free)) * math.prod(map(model.card, above)))


def reached_contexts(model: CIM, decision: str) -> Mask:
    """Mark the contexts of `decision` that have positive probability under some policy.

    Returns
    -------
    numpy.ndarray
        Mask of shape ``(cards of parents...)``.

    Notes
    -----
    A context has positive probability under some policy of allowed actions iff it has under the uniform one.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Categorical({0: 1.0, 1: 0.0}), act=[0, 1], pay=lambda act: act)
    >>> reached_contexts(model, "act").tolist()
    [True, False]
    """
    return joint(model, model.cid.parents(decision), policy=uniform_policy(model)) > 0


def uniform_policy(model: CIM) -> dict[str, Floats]:
    """Return the policy that takes every allowed action alike in every context.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> {d: rule.tolist() for d, rule in uniform_policy(cid.parameterise(act=[0, 1], pay=lambda act: act)).items()}
    {'act': [0.5, 0.5]}
    """
    return {decision: uniform_rule(model, decision) for decision in model.cid.decisions}
