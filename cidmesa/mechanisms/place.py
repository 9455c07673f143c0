"""Where a mechanism is put, and what it is compiled to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.errors import MechanismError, did_you_mean

if TYPE_CHECKING:
    from cidmesa.mechanisms.allowed import Allowed

Value: TypeAlias = Hashable
Domain: TypeAlias = tuple[Value, ...]

ROW_SUM_TOLERANCE = 1e-9
"""How far a row of probabilities may be from summing to one."""

MAX_TABLE = 2**28
"""The largest dense table, in entries, that is ever written out."""


class Place(NamedTuple):
    """Where a mechanism is put: the node, what it is, its parents in order, and what is known of the domains.

    `domain` is the node's own domain where it is fixed already (a shift keeps it), else ``None``.
    """

    node: str
    kind: str
    parents: tuple[str, ...]
    parent_domains: tuple[Domain, ...]
    domain: Domain | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Cards of the parents."""
        return tuple(map(len, self.parent_domains))

    def contexts(self) -> Iterator[tuple[Value, ...]]:
        """All parent contexts, in the C order of the table's axes."""
        return product(*self.parent_domains)

    def error(self, text: str) -> MechanismError:
        """Build the error for a mechanism that does not fit here."""
        return MechanismError(f"the mechanism of `{self.node}`: {text}")

    def require_small(self, entries: int) -> None:
        """Refuse to write out a table of more than :data:`MAX_TABLE` entries."""
        if entries > MAX_TABLE or len(self.parents) > 62:
            raise self.error(
                f"{len(self.parents)} parents make a dense table of {float(entries):.3g} entries, more than "
                f"{MAX_TABLE:,}: give `{self.node}` fewer parents, or merge them in a node between."
            )

    def position(self, value: Any, domain: Domain, context: tuple[Value, ...] | None = None) -> int:
        """Return the position of `value` in `domain`, or raise and say where the value came from."""
        try:
            return domain.index(value)
        except ValueError:
            where = "" if context is None else f" at {self.describe(context)}"
            raise self.error(
                f"the value {value!r}{where} is not in the domain {domain!r}{did_you_mean(value, map(str, domain))}."
            ) from None

    def describe(self, context: tuple[Value, ...]) -> str:
        """Spell a parent context for a message."""
        return ", ".join(f"{p}={v!r}" for p, v in zip(self.parents, context, strict=True)) or "its only context"


class Response(NamedTuple):
    r"""A structural function :math:`v = f(pa, \varepsilon)` in tables.

    Attributes
    ----------
    noise
        Probabilities of the exogenous noise :math:`\varepsilon`, shape ``(m,)``.
    outcome
        Positions in the node's domain, integers of shape ``(cards of parents..., m)``.
    """

    noise: Array
    outcome: Ints


class Compiled(NamedTuple):
    """A mechanism written out at its place: the domain, the table, and the structural function if it has one.

    A decision has no table, but the actions that are `allowed`, if not all of them are.
    """

    domain: Domain
    table: Array
    response: Response | None = None
    allowed: Allowed | None = None


class Mechanism:
    """Base class of all mechanisms; users write one of its subclasses."""

    __slots__ = ()

    def domain_at(self, place: Place) -> Domain | None:
        """Return the domain if it can be told without writing the mechanism out, else ``None``."""
        return place.domain

    def compile(self, place: Place) -> Compiled:
        """Write the mechanism out at `place`."""
        raise NotImplementedError

    def check(self, place: Place) -> None:
        """Check what can be checked without writing the mechanism out."""


def structural(table: Array, has_parents: bool) -> Response | None:
    """Return the structural function of a table: its own value for a root, a map where every row is 0/1, else None."""
    if not has_parents:
        return Response(table, np.arange(table.shape[-1]))
    if table.dtype.hasobject or (table.size and 0 < table.item(0) < 1) or not np.all((table == 0) | (table == 1)):
        return None  # most tables that are no map show it in their first entry
    return Response(np.ones(1), table.argmax(axis=-1)[..., None])


def from_response(domain: Domain, weights: Array, chosen: Ints) -> Compiled:
    """Compile a response: the probability of a value is the weight of the noise that yields it."""
    table = np.zeros((*chosen.shape[:-1], len(domain)), dtype=weights.dtype)
    flat = table.reshape(-1, len(domain))
    rows = np.arange(len(flat))
    for j, weight in enumerate(weights):
        flat[rows, chosen.reshape(len(flat), -1)[:, j]] += weight
    return Compiled(domain, table, Response(weights, chosen))
