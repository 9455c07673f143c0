"""Decisions' domains, and how the spellings that users type are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.errors import MechanismError, as_keyword, shortened
from cidmesa.mechanisms.allowed import Allowed, Given, read_allowed
from cidmesa.mechanisms.distributions import Categorical
from cidmesa.mechanisms.functions import Function, Rows, described
from cidmesa.mechanisms.numbers import is_number, is_symbolic, read_domain
from cidmesa.mechanisms.place import Compiled, Domain, Mechanism, Place
from cidmesa.mechanisms.tables import Table, TabularMechanism

_LIST = "['left', 'right']"


@dataclass(frozen=True, repr=False)
class Choice(Mechanism):
    """A decision and the actions it may take; a plain list means the same.

    Parameters
    ----------
    actions
        Its domain.
    allowed
        Which of them it may take, where that is not all of them everywhere: a function whose argument names are some
        of the decision's parents (``**observations`` takes all of them) and that returns a list of actions; or a
        mapping from contexts, tuples of the values of all parents in order, to such lists, contexts left out being
        free. An empty list is an error in contexts that can come up.

    Notes
    -----
    Forbidden actions do not exist: best actions, mixtures, even choices and learners range over the allowed ones, and
    a rule that takes another is refused. What the set depends on is part of the rule's form, so that information link
    is never left out, and being told of it has no value of its own.

    Examples
    --------
    >>> Choice(["left", "right"]).actions, Choice([0, 1], allowed=lambda gate: [0, gate])
    (('left', 'right'), Choice([0, 1], allowed of gate))
    >>> import cidmesa as cm
    >>> cid = cm.CID([("gate", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> model = cid.parameterise(gate=cm.Uniform("open", "shut"), pay=lambda go: int(go == "out"),
    ...     go=cm.Choice(["stay", "out"], allowed=lambda gate: ["stay", "out"] if gate == "open" else ["stay"]))
    >>> model.solve().value, model.allowed("go").tolist()
    (0.5, [[True, True], [True, False]])
    """

    actions: Sequence[Any]
    allowed: Given | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", read_domain(self.actions, "a decision's domain"))
        if self.allowed is not None and not callable(self.allowed) and not isinstance(self.allowed, Mapping | Allowed):
            raise MechanismError(
                "allowed= is a function of what the decision observes, or a mapping from context to actions: "
                f"Choice({list(self.actions)!r}, allowed=lambda **observed: [..]); got {self.allowed!r}."
            )

    def __hash__(self) -> int:
        return hash(self.actions)

    def __repr__(self) -> str:
        if self.allowed is None:
            return f"Choice({list(self.actions)!r})"
        if isinstance(self.allowed, Allowed):
            reads = f"by {', '.join(self.allowed.observations) or 'nothing'}"
        else:
            reads = f"by {len(self.allowed)} contexts" if isinstance(self.allowed, Mapping) else described(self.allowed)
        return f"Choice({list(self.actions)!r}, allowed {reads})"

    def allowed_at(self, place: Place) -> Allowed | None:
        """Write out which actions are allowed at `place`; ``None`` where all of them are."""
        return None if self.allowed is None else read_allowed(self.allowed, place, tuple(self.actions))

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
