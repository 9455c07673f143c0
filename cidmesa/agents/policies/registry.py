"""The kinds of rules by name, with their options; more may be registered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from cidmesa.agents.policies.attention import Attention, AttentionRule
from cidmesa.agents.policies.mlp import MLPRule
from cidmesa.agents.policies.planner import PlannerRule
from cidmesa.agents.policies.rnn import RNN, RecurrentRule
from cidmesa.agents.policies.rule import Place, Rule
from cidmesa.agents.policies.tabular import TabularRule
from cidmesa.agents.policies.vin import VIN, ValueIterationRule
from cidmesa.agents.tensors import Inputs
from cidmesa.errors import NotApplicableError

MakeRule: TypeAlias = Callable[[str, Inputs, int, tuple[int, ...]], Rule]
"""From a name, what is shown, the number of actions and the widths of layers to a rule."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A kind of rules.

    Attributes
    ----------
    make
        From the place where a rule is to act to the rule.
    options
        A dataclass of options, all with defaults; ``None``: there are none.
    critic
        The kind of nets that guess values for it; its own, if left out.
    predicts
        Whether it models the world: then it needs a learner that plays episodes and minds ``Task.surprise``.
    rate
        The largest first step size that its parameters bear, where none is asked for.
    """

    make: Callable[[Place], Rule]
    options: type | None = None
    critic: str | None = None
    predicts: bool = False
    rate: float = math.inf


POLICIES: dict[str, Policy] = {
    "mlp": Policy(MLPRule.at),
    "tabular": Policy(TabularRule.at),
    "rnn": Policy(RecurrentRule.at, RNN, rate=0.02),
    "vin": Policy(ValueIterationRule.at, VIN, critic="mlp", rate=0.02),
    "attention": Policy(AttentionRule.at, Attention, rate=0.02),
    "planner": Policy(PlannerRule.at, critic="tabular", predicts=True),
}
"""The kinds by name."""


def critic(policy: str, place: Place) -> Rule:
    """Return a rule with one output, a guess at a value, of the kind that goes with `policy`."""
    kind = POLICIES[policy].critic or policy
    made = POLICIES[kind].options
    own = place.options if kind == policy else None if made is None else made()
    return POLICIES[kind].make(replace(place, actions=1, options=own))


def register_policy(name: str, make: MakeRule, *, options: type | None = None) -> None:
    """Make a kind of policy known to ``train(policy=name)``.

    Parameters
    ----------
    name
        Not taken yet.
    make
        From the rule's name, its :class:`~cidmesa.agents.tensors.Inputs`, the number of actions and the widths of
        ``hidden=`` to a :class:`~cidmesa.agents.policies.rule.Rule`; with `options`, from these and an instance of it.
        :func:`cidmesa.agents.check_policy` tests what it has to keep.
    options
        A frozen dataclass of options of its own, all with defaults: arguments of ``train``.

    Raises
    ------
    NotApplicableError
        There is a policy of this name.
    """
    if name in POLICIES:
        raise NotApplicableError(f"there is a policy {name!r} already: register yours under another name.")

    def made(place: Place) -> Rule:
        own: tuple[Any, ...] = () if options is None else (place.options,)
        return make(place.name, place.inputs, place.actions, place.hidden, *own)

    POLICIES[name] = Policy(made, options)
