r"""What a policy is for: intended outcomes.

An agent *intends* an outcome if it is a reason for what it does: had the outcome been guaranteed anyway, some other
policy would have been just as good. With the policy :math:`\pi`, an alternative :math:`\hat\pi` that is worse, and a
set :math:`Y` of nodes that is held at what :math:`\pi` makes of it,

.. math:: \mathbb{E}_\pi[U] \le \mathbb{E}_{\hat\pi}\bigl[U_{Y(\pi)}\bigr],

and :math:`Y` is minimal: guaranteeing less would not do. The nodes of such a set are intended [1]_.

Ward et al. allow the guarantee to hold in some settings of the noise only. Here it holds in all of them: an outcome is
a node, not a node in certain circumstances.

References
----------
.. [1] F. R. Ward, M. MacDermott, F. Belardinelli, F. Toni and T. Everitt, "The reasons that agents act: intention and
   instrumental goals", AAMAS 2024, Def. 3; J. Y. Halpern and M. Kleiman-Weiner, "Towards formal definitions of
   blameworthiness, intention, and moral responsibility", AAAI 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from cidmesa.arguments import require_count, require_model
from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.all_optimal import deterministic_rules
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.worth import Worth, compared
from cidmesa.solve.queries.parallel_worlds import World, parallel_worlds

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True, eq=False)
class Intention:
    """Why a node is intended.

    Attributes
    ----------
    nodes
        The minimal set of outcomes that, once guaranteed, make the alternative as good as the policy.
    alternative
        The other rule of the decision, shape ``(cards of parents..., card)``.
    value, alternative_value, guaranteed_value
        The agent's expected utility under the policy, under the alternative, and under the alternative with the
        outcomes guaranteed.
    """

    nodes: frozenset[str]
    alternative: Array
    value: float
    alternative_value: float
    guaranteed_value: float

    def __repr__(self) -> str:
        return (
            f"Intention({{{', '.join(map(repr, sorted(self.nodes)))}}}, value={self.value:.6g}, "
            f"alternative={self.alternative_value:.6g}, guaranteed={self.guaranteed_value:.6g})"
        )


@shows_progress
def intention(
    model: CIM,
    node: str,
    decision: str | None = None,
    *,
    policy: Any = None,
    alternatives: Iterable[Any] | None = None,
    max_trials: int = 20_000,
) -> Intention | None:
    r"""Return why a decision is made with the intention to bring about an outcome of a node; ``None`` if it is not.

    Parameters
    ----------
    model
        A model; what two policies make differ has to be structural.
    node
        A chance node or a utility of the decision's agent.
    decision
        The decision; ``None`` stands for the only one.
    policy
        The policy in question, deterministic; left out, the first optimal one.
    alternatives
        The rules of the decision that it is compared with (Ward et al.'s reference set); left out, all deterministic
        ones. The agent's other decisions follow the policy.
    max_trials
        How many pairs of an alternative and a set of nodes to look at, at most.

    Returns
    -------
    Intention or None
        The first found: smaller sets before larger ones, alternatives in order.

    Raises
    ------
    NotApplicableError
        Too many pairs; a node that two policies make differ has no structural function.

    Notes
    -----
    Only nodes between the decision and the agent's utilities can be in a minimal set; all their subsets are tried.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("work", "noise"), ("work", "product"), ("product", "pay")], decisions=["work"],
    ...              utilities=["pay"])
    >>> model = cid.parameterise(work=[0, 1], noise=lambda work: work, product=lambda work: work,
    ...                          pay=lambda product: 3 * product)
    >>> intention(model, "product")
    Intention({'product'}, value=3, alternative=0, guaranteed=3)
    >>> intention(model, "noise") is None
    True
    """
    require_model(model, "an intention")
    model.require_numeric("an intention")
    cid = model.cid
    decision = cid.only_decision(decision)
    agent = cid.agent_of(decision)
    cid.id(node)
    model = model.with_policy(model.read_policy(policy))
    if any(d not in model.rules for d in cid.decisions_of(agent)):
        model = model.with_policy(solve(model, agent=agent).tables)
    between = outcomes_between(model, node, decision)
    if not between:
        return None
    rules = alternative_rules(model, decision, alternatives, len(between), max_trials)
    value = Worth.of(model, agent=agent)
    for rule in rules:
        plain = Worth.of(with_alternative(model, decision, rule, ()))
        if _at_least(plain, value):
            continue
        enough: list[frozenset[str]] = []
        for size in range(1, len(between) + 1):
            for names in map(frozenset, combinations(between, size)):
                if any(smaller <= names for smaller in enough):
                    continue
                reached = Worth.of(with_alternative(model, decision, rule, names))
                if not _at_least(reached, value):
                    continue
                if node in names:
                    return Intention(names, rule, value.value, plain.value, reached.value)
                enough.append(names)
    return None


def _at_least(one: Worth, other: Worth) -> bool:
    sign = compared(one, other)
    if sign is None:
        raise NotApplicableError(
            f"what two policies are worth, {one.value!r} and {other.value!r}, is closer than rounding can tell, and "
            "the model is too large for exact arithmetic: smaller domains or rounder numbers would help."
        )
    return sign >= 0


def outcomes_between(model: CIM, node: str, decision: str) -> tuple[str, ...]:
    """Return the nodes between a decision and its agent's utilities; none of them if `node` is not one."""
    cid = model.cid
    cid.id(node)
    utilities = cid.utilities_of(cid.agent_of(decision))
    below = cid.descendants(decision)
    above = {n for u in utilities for n in cid.ancestors(u, strict=False)}
    between = tuple(n for n in cid.nodes if cid.kind(n) != "decision" and n in below and n in above)
    return between if node in between else ()


def alternative_rules(
    model: CIM, decision: str, alternatives: Iterable[Any] | None, outcomes: int, max_trials: int
) -> list[Array]:
    """Return the rules to compare with, or refuse where they and the sets of outcomes make too many trials."""
    require_count(max_trials, "max_trials")
    if alternatives is not None and (isinstance(alternatives, str | Mapping) or not isinstance(alternatives, Iterable)):
        raise NotApplicableError(f"alternatives= is a list of rules of `{decision}`; got {alternatives!r}.")
    if alternatives is None:
        rules = [rules[decision] for rules in deterministic_rules(model, [decision], max_trials)]
    else:
        rules = [model.read_policy({decision: rule})[decision] for rule in alternatives]
    trials = len(rules) << outcomes
    if trials > max_trials:
        raise NotApplicableError(
            f"{len(rules)} alternatives and the subsets of {outcomes} outcomes make {trials} trials, more than "
            f"max_trials={max_trials}: name the alternatives that matter with alternatives=[..]."
        )
    return rules


def with_alternative(model: CIM, decision: str, rule: Array, names: Iterable[str]) -> CIM:
    """Return the world under the alternative rule with `names` held at what the policy makes of them."""
    worlds = [World("actual"), World("other", rules={decision: rule}, take=dict.fromkeys(names, "actual"))]
    utilities = model.cid.utilities_of(model.cid.agent_of(decision))
    return parallel_worlds(model, worlds, [("other", u) for u in utilities]).model
