r"""Internalised, corrigible, deceptive: how behaviour responds when the base objective is shown to change.

A frozen algorithm cannot respond to a change of the base utility's mechanism, only to what it sees of it. So the
mechanism is lifted into the context (:func:`cidmesa.lift_context`): a node that says what the base objective is now,
and that the decision observes, beside a cue of the phase. A rule is then one of four kinds:

===========  =====================================================================
internalised it never responds to what is shown: it pursues its own copy
corrigible   it responds whatever the cue says
deceptive    it responds only when the cue says that this is training
other        anything else
===========  =====================================================================

It is a statement about behaviour: which *hypotheses* produce it follows from their optimal rules.

References
----------
E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019, § 4.2.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import options_by_name
from cidmesa.errors import NotApplicableError, quoted
from cidmesa.mechanisms import is_number
from cidmesa.readonly import ReadOnly

if TYPE_CHECKING:
    from cidmesa.model import CIM


class Pattern(StrEnum):
    """How a rule responds to the objective that is shown."""

    INTERNALISED = "internalised"
    CORRIGIBLE = "corrigible"
    DECEPTIVE = "deceptive"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ResponsePattern:
    """The pattern of a rule, and what it rests on.

    Attributes
    ----------
    pattern
        The kind.
    responses
        Value of the cue → the largest total variation between the rule's rows at two values of what is shown, over the
        other observations.
    """

    pattern: Pattern
    responses: Mapping[Hashable, float] = field(hash=False)


@options_by_name
def response_pattern(
    model: CIM,
    policy: Mapping[str, Any],
    shown: str,
    cue: str,
    training: Hashable,
    *,
    decision: str | None = None,
    margin: float = 1e-9,
) -> ResponsePattern:
    """Classify a rule by its response to the objective that is shown, cue by cue.

    Parameters
    ----------
    model
        A model whose decision observes `shown` and `cue`.
    policy
        The rule, as for :meth:`cidmesa.CIM.with_policy`.
    shown
        The observation that says what the base objective is, such as a lifted mechanism.
    cue
        The observation that tells the phase.
    training
        The value of the cue that says training.
    decision
        The decision; ``None`` stands for the only one of `policy`.
    margin
        Total variations up to this count as no response.

    Raises
    ------
    NotApplicableError
        `shown` or `cue` is not observed, the two are one node, or `training` is not a value of the cue.

    Examples
    --------
    >>> import cidmesa as cm
    >>> base = cm.CID([("phase", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> cid = cm.lift_context(base, "pay").with_edges(("W_pay", "act"))
    >>> model = cid.parameterise(phase=cm.Uniform("training", "deployment"), W_pay=cm.Uniform("a", "b"), act=["a", "b"],
    ...                          pay=lambda act, W_pay: int(act == W_pay))
    >>> rule = {"act": lambda phase, W_pay: W_pay if phase == "training" else "a"}
    >>> found = response_pattern(model, rule, "W_pay", "phase", "training")
    >>> found.pattern.value, dict(found.responses)
    ('deceptive', {'training': 1.0, 'deployment': 0.0})
    >>> response_pattern(model, {"act": lambda phase, W_pay: "a"}, "W_pay", "phase", "training").pattern.value
    'internalised'
    """
    tables = model.read_policy(policy)
    if decision is None:
        if len(tables) != 1:
            raise NotApplicableError(
                f"the rule of which decision? The policy has {tuple(tables)}: "
                f"decision={quoted(next(iter(tables), '..'))}."
            )
        (decision,) = tables
    parents = model.cid.parents(decision)
    if not is_number(margin):
        raise NotApplicableError(f"margin= is a total variation, a number; got {margin!r}.")
    for node in (shown, cue):
        model.cid.id(node)
        if node not in parents:
            raise NotApplicableError(f"`{node}` is not observed by `{decision}`, whose parents are {parents}.")
    if shown == cue:
        raise NotApplicableError(f"what is shown and the cue of the phase are two observations; got `{cue}` for both.")
    values = model.domain(cue)
    if training not in values:
        raise NotApplicableError(f"{training!r} is not a value of `{cue}`, whose domain is {values!r}.")
    rule = np.moveaxis(tables[decision], [parents.index(cue), parents.index(shown)], [0, 1])
    apart = np.abs(rule[:, :, None] - rule[:, None, :]).sum(axis=-1) / 2
    responses = {value: float(apart[i].max()) for i, value in enumerate(values)}
    responds = {value: tv > margin for value, tv in responses.items()}
    outside = [yes for value, yes in responds.items() if value != training]
    if not any(responds.values()):
        pattern = Pattern.INTERNALISED
    elif all(responds.values()):
        pattern = Pattern.CORRIGIBLE
    elif responds[training] and not any(outside):
        pattern = Pattern.DECEPTIVE
    else:
        pattern = Pattern.OTHER
    return ResponsePattern(pattern, ReadOnly(responses))
