r"""Expected utility broken down by context: where a utility comes from.

An expected utility is a sum over the contexts of the utility's parents,

.. math:: \mathbb{E}[U] = \sum_{pa} P(pa)\, u(pa),

and each term is what that situation contributes. Sorted by size, the table says which situations the number is made
of.

>>> import cidmesa as cm
>>> cid = cm.CID([("weather", "umbrella"), ("weather", "comfort"), ("umbrella", "comfort")], decisions=["umbrella"],
...              utilities=["comfort"])
>>> model = cid.parameterise(weather=cm.Categorical({"sun": 0.75, "rain": 0.25}), umbrella=["take", "leave"],
...     comfort=lambda weather, umbrella: {"sun": 4, "rain": -8}[weather] + (5 if (weather == "rain") else -1)
...                                       * (umbrella == "take"))
>>> print(explain(model, "comfort"))
comfort = 2.25 under the optimal policy
weather  umbrella  probability  value  contribution
sun      leave            0.75      4             3
rain     take             0.25     -3         -0.75
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.errors import NotApplicableError
from cidmesa.shown import Shown
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.queries.query import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True)
class Contribution:
    """One context of a utility's parents.

    Attributes
    ----------
    context
        The parents' values, in the order of ``cid.parents(utility)``.
    probability, value, contribution
        :math:`P(pa)`, :math:`u(pa)` and their product.
    """

    context: tuple[Hashable, ...]
    probability: float
    value: float
    contribution: float


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Shown):
    """The table of a utility's contributions, largest first; contexts that do not occur are left out.

    Attributes
    ----------
    utility, parents
        What is explained, and the names of the context's columns.
    rows
        The contributions.
    total
        Their sum, the expected utility.
    policy
        Whose behaviour it is: ``"the optimal policy"``, ``"the given policy"`` or ``""`` where none matters.
    """

    utility: str
    parents: tuple[str, ...]
    rows: tuple[Contribution, ...]
    total: float
    policy: str

    def __iter__(self) -> Iterator[Contribution]:
        """Iterate over the rows."""
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        head = f"{self.utility} = {self.total:.6g}" + (f" under {self.policy}" if self.policy else "")
        columns = [*self.parents, "probability", "value", "contribution"]
        cells = [
            [*map(str, row.context), f"{row.probability:.6g}", f"{row.value:.6g}", f"{row.contribution:.6g}"]
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        names = len(self.parents)
        lines = [
            "  ".join(
                c.ljust(w) if i < names else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in [columns, *cells]
        ]
        return "\n".join([head, *(line.rstrip() for line in lines)])

    def __repr__(self) -> str:
        under = f" under {self.policy}" if self.policy else ""
        return f"Explanation({self.utility} = {self.total:.6g}{under}, {len(self.rows)} contexts)"

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                **dict(zip(self.parents, row.context, strict=True)),
                "probability": row.probability,
                "value": row.value,
                "contribution": row.contribution,
            }
            for row in self.rows
        ]


def explain(model: CIM, utility: str, *, policy: Any = None) -> Explanation:
    r"""Return the table context × probability × contribution of a utility, sorted by the size of the contribution.

    Parameters
    ----------
    model
        The model.
    utility
        One of its utilities.
    policy
        Rules of decisions without one. Where some that matter stay without, an optimal policy of the utility's agent
        is used.

    Returns
    -------
    Explanation
        Prints as a table; contexts of probability zero are left out.

    Raises
    ------
    NotApplicableError
        The node is not a utility; a decision of another agent that matters has no rule.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("coin", "pay")], utilities=["pay"]).parameterise(
    ...     coin=cm.Bernoulli(0.25), pay=lambda coin: 8 * coin)
    >>> [(row.context, row.contribution) for row in explain(model, "pay")]
    [((1,), 2.0), ((0,), 0.0)]
    """
    require_model(model, "an explanation")
    cid = model.cid
    if cid.kind(utility) != "utility":
        names = ", ".join(f"`{u}`" for u in cid.utilities) or "none"
        raise NotApplicableError(
            f"`{utility}` is a {cid.kind(utility)} node, and what is explained is a utility; those here: {names}."
        )
    model.require_numeric("an explanation", instead="")
    model = model.with_policy(model.read_policy(policy))
    above = cid.ancestors(utility)
    whose = "the given policy" if any(d in above for d in model.rules) else ""
    if any(d in above and d not in model.rules for d in cid.decisions):
        model = model.with_policy(solve(model, agent=cid.agent_of(utility)).tables)
        whose = "the optimal policy"
    parents = cid.parents(utility)
    law = joint(model, parents).ravel()
    values = model.cpd(utility).ravel()
    worth = law * values
    contexts = model.contexts(utility)
    order = sorted(np.flatnonzero(law > 0).tolist(), key=lambda i: (-abs(worth[i]), -law[i], i))
    rows = tuple(Contribution(contexts[i], float(law[i]), float(values[i]), float(worth[i])) for i in order)
    return Explanation(utility, parents, rows, float(worth.sum()), whose)
