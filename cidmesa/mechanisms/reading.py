"""Decisions' domains, and how the spellings that users type are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.errors import MechanismError, as_keyword, shortened
from cidmesa.mechanisms.distributions import Categorical
from cidmesa.mechanisms.functions import Function, Rows
from cidmesa.mechanisms.numbers import is_number, is_symbolic, read_domain
from cidmesa.mechanisms.place import Compiled, Domain, Mechanism, Place
from cidmesa.mechanisms.tables import Table, TabularMechanism

_LIST = "['left', 'right']"


@dataclass(frozen=True)
class Choice(Mechanism):
    """A decision and the actions it may take; a plain list means the same.

    Examples
    --------
    >>> Choice(["left", "right"]).actions
    ('left', 'right')
    """

    actions: Sequence[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", read_domain(self.actions, "a decision's domain"))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the actions."""
        return place.domain or tuple(self.actions)

    def compile(self, place: Place) -> Compiled:
        """Refuse: a decision has a table only once a rule is chosen."""
        raise place.error("a decision has no table before a rule is chosen: model.with_policy(..) or model.solve().")


def as_mechanism(given: Any, *, node: str, kind: str) -> Mechanism:
    """Read what a user wrote for `node` as a :class:`Mechanism`.

    Parameters
    ----------
    given
        Any spelling of the module's table.
    node, kind
        For whom; a list is a domain for a ``"decision"`` and a table for every other kind.

    Raises
    ------
    MechanismError
        The spelling is none of those.
    """
    if isinstance(given, Mechanism):
        if kind == "decision" and not isinstance(given, Choice):
            raise MechanismError(
                f"`{node}` is a decision: state its domain as a list, "
                f"{as_keyword(node, _LIST)}; "
                "a rule for it goes into policy= or with_policy."
            )
        if kind != "decision" and isinstance(given, Choice):
            raise MechanismError(f"`{node}` is a {kind} node, not a decision: Choice is for decisions.")
        return given
    if kind == "decision":
        if isinstance(given, list | tuple | range):
            return Choice(given)
        raise MechanismError(
            f"`{node}` is a decision and needs a domain, a list of at least one action: "
            f"{as_keyword(node, _LIST)}; got {shortened(given)}."
        )
    return _as_rule(given, node)


def as_rule(given: Any, *, node: str) -> Mechanism:
    """Read what a user wrote in a policy for the decision `node`: like a chance mechanism."""
    if isinstance(given, Choice):
        raise MechanismError(f"the policy of `{node}` is a rule, not a domain; got {given!r}.")
    return given if isinstance(given, Mechanism) else _as_rule(given, node)


def _as_rule(given: Any, node: str) -> Mechanism:
    if callable(given):
        return Function(given)
    if isinstance(given, Mapping):
        tuples = [isinstance(key, tuple) for key in given]
        return Rows(given) if tuples and all(tuples) else Categorical(given)
    if isinstance(given, np.ndarray | list | tuple) or is_number(given) or is_symbolic(given):
        try:
            return Table(given)
        except MechanismError as error:
            raise MechanismError(f"the mechanism of `{node}`: {error}") from None
    if hasattr(given, "variables") and hasattr(given, "state_names") and hasattr(given, "values"):
        return TabularMechanism(given)
    raise MechanismError(
        f"the mechanism of `{node}` is a distribution such as Uniform('a', 'b'), a function of its parents or a table; "
        f"got {shortened(given)} of type {type(given).__name__}."
    )
