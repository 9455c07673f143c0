r"""Who is made worse off: the counterfactual harm and benefit of actions against a default.

Let :math:`\bar a` be the default action. With the exogenous noise :math:`\varepsilon` held fixed, an action harms where
the default would have been worth more [1]_:

.. math:: H(a \mid pa) = E\big[\max(0,\, U_{\bar a}(\varepsilon) - U_a(\varepsilon)) \,\big|\, pa\big], \qquad
   B(a \mid pa) = E\big[\max(0,\, U_a(\varepsilon) - U_{\bar a}(\varepsilon)) \,\big|\, pa\big].

Expected utilities cannot tell harm: :math:`B - H = E[U_a - U_{\bar a}]`, whatever the two are apart. A treatment that
leaves four in ten to their fate and one that saves more but kills two in ten may save as many:

>>> import cidmesa as cm
>>> cid = cm.CID([("fate", "lives"), ("works", "lives"), ("treat", "lives"), ("lives", "score")],
...              decisions=["treat"], utilities=["score"])
>>> def lives(fate, works, treat):
...     return {"none": fate, "first": max(fate, works >= 40), "second": int(works >= 20)}[treat]
>>> model = cid.parameterise(fate=cm.Bernoulli(0.5), works=cm.Uniform(*range(0, 100, 20)),
...                          treat=["none", "first", "second"], lives=lives, score=lambda lives: lives)
>>> found = harm(model, default="none")
>>> [round(model.expected_utility({"treat": lambda a=a: a}), 9) for a in ("first", "second")]
[0.8, 0.8]
>>> round(found["first"], 9), round(found["second"], 9)
(0.0, 0.1)

References
----------
.. [1] J. Richens, R. Beard and D. Thompson, "Counterfactual harm", NeurIPS 2022, Defs. 3 and 4, Thm 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.shown import Shown
from cidmesa.solve.queries.decision_laws import context_law
from cidmesa.solve.queries.parallel_worlds import World, parallel_worlds
from cidmesa.solve.queries.query import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM

LARGEST = 2**24
"""The most entries that the joint table of both worlds may have."""


@dataclass(frozen=True, eq=False, repr=False)
class Harm(Shown):
    """What the actions of a decision do to an agent's utility against a default, noise held fixed.

    Attributes
    ----------
    decision
        Whose actions.
    actions
        Its domain.
    contexts
        What it observes, as values; those that come up.
    weights
        How probable each context is, shape (C,).
    default
        The default action in each context, positions, shape (C,).
    harm, benefit
        Shape (C, A).
    rule
        The decision's rule in these contexts, shape (C, A), where the model or `policy` has one.
    """

    decision: str
    actions: tuple[Hashable, ...]
    contexts: tuple[tuple[Hashable, ...], ...]
    weights: Floats
    default: tuple[int, ...]
    harm: Floats
    benefit: Floats
    rule: Floats | None

    def __getitem__(self, action: Hashable) -> float:
        """Return the expected harm of an action, taken whatever is observed."""
        return float(self.weights @ self.harm[:, self._position(action)])

    def benefit_of(self, action: Hashable) -> float:
        """Return the expected benefit of an action, taken whatever is observed."""
        return float(self.weights @ self.benefit[:, self._position(action)])

    @property
    def expected(self) -> float:
        """The expected harm of the decision's rule.

        Raises
        ------
        NotApplicableError
            It has none.
        """
        if self.rule is None:
            raise NotApplicableError(
                f"`{self.decision}` has no rule whose harm could be expected: "
                f"cm.harm(.., policy={{{self.decision!r}: ..}})."
            )
        return float(self.weights @ (self.rule * self.harm).sum(axis=1))

    def _position(self, action: Hashable) -> int:
        if action not in self.actions:
            raise unknown(action, map(str, self.actions), what=f"an action of `{self.decision}`")
        return self.actions.index(action)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "context": context,
                "action": str(action),
                "default": a == self.default[c],
                "harm": float(self.harm[c, a]),
                "benefit": float(self.benefit[c, a]),
            }
            for c, context in enumerate(self.contexts)
            for a, action in enumerate(self.actions)
        ]

    def _caption(self) -> str:
        return f"Harm and benefit of `{self.decision}` against the default"

    def __repr__(self) -> str:
        found = ", ".join(f"{action}: {self[action]:.6g}" for action in self.actions)
        return f"Harm({self.decision}: {found})"


def harm(model: CIM, *, default: Any, decision: str | None = None, policy: Any = None) -> Harm:
    r"""Return the counterfactual harm and benefit of a decision's actions against a default.

    Parameters
    ----------
    model
        A model; what the action changes has to be structural.
    default
        The action that would be taken otherwise; or a function of what the decision observes that returns it.
    decision
        The decision; ``None`` stands for the only one.
    policy
        Rules: of other decisions, which follow them in both worlds; and of the decision itself, for
        :attr:`Harm.expected`.

    Returns
    -------
    Harm
        By context and action; ``found[action]`` is the mean over contexts.

    Raises
    ------
    NotApplicableError
        A node that the worlds compute apart has no function of parents and noise; a rule is lacking; both worlds
        together have more than 16 million outcomes.
    UnknownNodeError
        The default is no action.

    Notes
    -----
    Exact: one query of the twin network for each pair of an action and a default. Utility is the sum of the utilities
    of the decision's agent. :math:`B - H` is the difference of expected utilities.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Bernoulli(0.5), go=[0, 1], win=lambda door, go: int(door == go))
    >>> found = harm(model, default=0, policy={"go": lambda door: door})
    >>> found, found.expected                           # always 1 loses where 0 would have won
    (Harm(go: 0: 0, 1: 0.5), 0.0)

    References
    ----------
    Richens et al. 2022, Defs. 3 and 4.
    """
    require_model(model, "harm")
    model.require_numeric("harm", instead="")
    cid = model.cid
    decision = cid.only_decision(decision)
    rules = {**model.rules, **model.read_policy(policy)}
    own = rules.pop(decision, None)
    weights = np.asarray(context_law(model, decision, policy=rules), dtype=np.float64).reshape(-1)
    at = np.flatnonzero(weights > 0)
    contexts = tuple(model.contexts(decision)[i] for i in at.tolist())
    actions = model.domain(decision)
    chosen = tuple(_default_at(default, model, decision, context) for context in contexts)
    worse = np.zeros((len(at), len(actions)))
    better = np.zeros_like(worse)
    for a, action in enumerate(actions):
        for b in sorted(set(chosen) - {a}):
            mine = np.array([c == b for c in chosen])
            lost, won = _apart(model, decision, action, actions[b], rules, at)
            worse[mine, a], better[mine, a] = lost[mine], won[mine]
    rule = None if own is None else np.asarray(own, dtype=np.float64).reshape(len(weights), -1)[at]
    return Harm(decision, actions, contexts, weights[at], chosen, worse, better, rule)


def _default_at(default: Any, model: CIM, decision: str, context: tuple[Hashable, ...]) -> int:
    """Return the position of the default action in a context."""
    action = default(**dict(zip(model.cid.parents(decision), context, strict=True))) if callable(default) else default
    actions = model.domain(decision)
    if action not in actions:
        raise unknown(action, map(str, actions), what=f"an action of `{decision}`, but default= is")
    return actions.index(action)


def _apart(
    model: CIM, decision: str, action: Hashable, other: Hashable, rules: Mapping[str, Any], at: Ints
) -> tuple[Floats, Floats]:
    """Return how much less and how much more an action is worth than another one, by context, noise held fixed."""
    cid = model.cid
    seen = cid.parents(decision)
    paid = cid.utilities_of(cid.agent_of(decision))
    reads = tuple(dict.fromkeys(parent for utility in paid for parent in cid.parents(utility)))
    worlds = [World("done", do={decision: action}), World("otherwise", do={decision: other})]
    wanted = [("done", node) for node in (*seen, *reads)] + [("otherwise", node) for node in reads]
    both = parallel_worlds(model.without_rules([decision]), worlds, wanted, policy=rules)
    names = list(dict.fromkeys(both.names[pair] for pair in wanted))
    cards = [both.model.card(name) for name in names]
    if np.prod([float(card) for card in cards]) > LARGEST:
        raise NotApplicableError(
            f"both worlds together have more than {LARGEST:,} outcomes: let the utilities of `{decision}`'s agent read "
            "fewer nodes."
        )
    law = np.asarray(joint(both.model, names), dtype=np.float64)
    worth = {}
    for world in ("done", "otherwise"):
        worth[world] = np.zeros([1] * len(names))
        for utility in paid:
            axes = [names.index(both.names[world, parent]) for parent in cid.parents(utility)]
            worth[world] = worth[world] + _spread(model.cpd(utility), axes, len(names))
    gain = worth["done"] - worth["otherwise"]
    found = []
    front = [names.index(both.names["done", node]) for node in seen]
    for part in (np.maximum(-gain, 0.0), np.maximum(gain, 0.0)):
        table = np.moveaxis(law * part, front, range(len(front)))
        per = table.reshape(*table.shape[: len(front)], -1).sum(axis=-1).reshape(-1)
        total = np.moveaxis(law, front, range(len(front))).reshape(*table.shape[: len(front)], -1).sum(axis=-1)
        found.append(per[at] / total.reshape(-1)[at])
    return found[0], found[1]


def _spread(table: Floats, axes: list[int], width: int) -> Floats:
    """Lay a table out with its axes at given places among `width`; places named twice are one."""
    letters = list(range(width))
    distinct = sorted(set(axes))
    diagonal = np.einsum(np.asarray(table, dtype=np.float64), [letters[i] for i in axes], distinct)
    shape = [1] * width
    for axis, size in zip(distinct, diagonal.shape, strict=True):
        shape[axis] = size
    found: Floats = diagonal.reshape(shape)
    return found
