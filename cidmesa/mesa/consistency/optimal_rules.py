r"""What the policies that are optimal for one objective are worth to the base, where they are too many to list.

Let the decisions be solved one by one for the objective (relevance order). Its optimal actions in a context are then
the same whichever optimal rules the later decisions follow, so that the optimal policies are, up to contexts that they
never enter, all combinations :math:`\pi(pa_D) \in A_D(pa_D)` of optimal actions. The best and the worst of them for the
base is one more problem of the same kind: the base utility, or its negation, with every action outside
:math:`A_D(pa_D)` fined by more than there is to earn.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "b"), ("a", "x"), ("b", "x"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], x=lambda a, b: a, u=lambda a, b: 2 * a + b)
>>> wants_x = Objective("x", ("x",), np.array([0.0, 1.0]), ((0, 1),))
>>> rules = OptimalRules.of(model, wants_x)  # it takes a = 1, and does not care about b
>>> [worth.value for worth in rules.worth(model, ["u"])]
[2.0, 3.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Table
from cidmesa.mesa.graphical.mesa_diagram import mesa_model, own_mechanism, with_mesa_utility
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.model import CIM
from cidmesa.solve import joint, solve
from cidmesa.solve.policies.worth import Worth

if TYPE_CHECKING:
    from cidmesa.diagram import CID


@dataclass(frozen=True, eq=False)
class OptimalRules:
    """The policies that are optimal for one objective: all combinations of optimal actions.

    Attributes
    ----------
    optimal
        Decision → which actions are optimal, shape (cards of parents..., card).
    taken
        Decision → which actions some optimal policy takes in the contexts that it enters, shape (contexts, actions).
    """

    optimal: Mapping[str, Mask]
    taken: Mapping[str, Mask]

    @classmethod
    def of(cls, model: CIM, objective: Objective, budget: Budget = UNLIMITED) -> OptimalRules:
        """Solve a model for an objective.

        Raises
        ------
        NotApplicableError
            The decisions cannot be solved one by one for it.
        """
        base = model.cid
        wanted = mesa_model(with_mesa_utility(base, objective.targets), model, objective)
        found = solve(wanted, method="relevance order", budget=budget)
        even = found.uniform_over_optimal()
        optimal = {d: np.asarray(found.optimal_mask(d)) for d in base.decisions}
        taken = {}
        for decision, mask in optimal.items():
            enters = joint(wanted, base.parents(decision), policy=even).ravel() > 0
            taken[decision] = mask.reshape(len(enters), -1) & enters[:, None]
        return cls(optimal, taken)

    def worth(self, model: CIM, utilities: Sequence[str], budget: Budget = UNLIMITED) -> tuple[Worth, Worth]:
        """Return the least and the largest expected sum of utilities of these policies in a model.

        Raises
        ------
        NotApplicableError
            The solver does not vouch for an optimum.
        """
        low = best_within(model, utilities, self.optimal, -1.0, budget)
        return low, best_within(model, utilities, self.optimal, 1.0, budget)


def best_within(
    model: CIM, utilities: Sequence[str], allowed: Mapping[str, Mask], sign: float = 1.0, budget: Budget = UNLIMITED
) -> Worth:
    """Return the largest (sign 1) or least (-1) expected sum of utilities of policies that take allowed actions only.

    Parameters
    ----------
    model
        A model with numbers.
    utilities
        What is summed; the others count for nothing.
    allowed
        Decision → which actions are allowed, shape (cards of parents..., card); at least one in every context.
    sign
        1 or -1.

    Raises
    ------
    NotApplicableError
        The solver does not vouch for the optimum.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    >>> model = cid.parameterise(a=[0, 1, 2], u=lambda a: a)
    >>> best_within(model, ["u"], {"a": np.array([True, True, False])}).value
    1.0
    """
    cid = model.cid
    paid = {u: np.asarray(model.cpd(u), dtype=np.float64) if u in utilities else 0.0 for u in cid.utilities}
    spread = sum(float(np.ptp(table)) for table in paid.values())
    mechanisms = {node: own_mechanism(model, node) for node in cid.nodes}
    for utility, table in paid.items():
        mechanisms[utility] = Table(np.broadcast_to(table, model.cpd(utility).shape), parents=cid.parents(utility))
    scored = CIM(cid, dict(mechanisms))
    for utility, table in paid.items():
        turned = np.broadcast_to(sign * table, model.cpd(utility).shape)
        mechanisms[utility] = Table(turned, parents=cid.parents(utility))
    for decision, mask in allowed.items():
        if mask.all():
            continue
        name, seen = _fine(cid, decision), model.cid.parents(decision)
        cid = cid.with_utility(name, (*seen, decision), agent=cid.agent_of(decision))
        mechanisms[name] = Table(np.where(mask, 0.0, -2.0 * spread), parents=(*seen, decision))
    found = solve(CIM(cid, mechanisms), budget=budget)
    if not found.exact:
        raise NotApplicableError(
            f"what the base can earn is not known for certain here ({found.method}): give the decisions fewer "
            "observations or values."
        )
    return Worth.of(scored, dict(found.tables))


def _fine(cid: CID, decision: str) -> str:
    """Return a name for the fine on what a decision may not do, one that the diagram does not have."""
    name = f"fine@{decision}"
    while name in cid:
        name += "'"
    return name
