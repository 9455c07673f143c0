"""Numbers as they are: dense tables, structural functions in tables, pgmpy's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import MechanismError, shortened
from cidmesa.mechanisms.numbers import (
    check_noise,
    check_rows,
    checked_utilities,
    is_number,
    is_symbolic,
    plain,
    read_domain,
)
from cidmesa.mechanisms.place import Compiled, Domain, Mechanism, Place, from_response, structural


@dataclass(frozen=True, eq=False, repr=False)
class Table(Mechanism):
    """Dense numbers.

    Parameters
    ----------
    values
        Chance: probabilities of shape ``(cards of parents..., card)``. Utility: numbers of shape ``(cards of
        parents...)``. Decision (as a policy): as chance.
    domain
        The node's domain; left out, the one it has already, or ``0 .. k-1``.
    parents
        The parents in the order of the axes; left out, ``cid.parents(node)``.
    normalise
        Divide every row by its sum, for probabilities that were rounded when they were written down; :attr:`correction`
        is the largest distance of a sum from one. Never done unasked.

    Raises
    ------
    MechanismError
        The values are no rectangle of numbers; or with `normalise`, a row is negative somewhere or sums to zero.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b")])
    >>> cid.parameterise(a=cm.Bernoulli(0.5), b=cm.Table([[0.1, 0.9], [1, 0]], domain=["no", "yes"])).domain("b")
    ('no', 'yes')
    >>> rounded = cm.Table([0.333, 0.333, 0.333], normalise=True)
    >>> float(rounded.values.sum()), round(rounded.correction, 6)
    (1.0, 0.001)
    """

    values: Any
    domain: Sequence[Any] | None = None
    parents: Sequence[str] | None = None
    normalise: bool = field(default=False, kw_only=True)
    correction: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        array = read_numbers(self.values, "Table's values")
        if self.normalise:
            array, correction = normalised(array)
            object.__setattr__(self, "correction", correction)
        array.setflags(write=False)
        object.__setattr__(self, "values", array)
        if self.domain is not None:
            object.__setattr__(self, "domain", read_domain(self.domain, "Table"))
        if self.parents is not None:
            object.__setattr__(self, "parents", _read_parents(self.parents))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        same = (self.domain, self.parents) == (other.domain, other.parents)
        return same and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.domain, self.parents, self.values.shape))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed domain, the declared one, or ``0 .. k-1``."""
        if place.kind == "utility":
            return None
        declared = tuple(self.domain) if self.domain is not None else None
        return place.domain or declared or tuple(range(self.values.shape[-1] if self.values.ndim else 0))

    def compile(self, place: Place) -> Compiled:
        """Bring the axes into the order of the parents, check the shape and every row."""
        if place.kind == "utility":
            table = self._aligned(place, place.shape)
            if self.normalise:
                raise place.error(
                    "normalise=True divides probabilities by their sums, and a utility has none: leave it out."
                )
            return Compiled((), checked_utilities(place, table))
        domain = self.domain_at(place) or ()
        table = self._aligned(place, (*place.shape, len(domain)))
        check_rows(place, table)
        return Compiled(domain, table, structural(table, bool(place.parents)))

    def _aligned(self, place: Place, shape: tuple[int, ...]) -> Array:
        values: Array = self.values
        if self.parents is None and values.shape == shape and shape[-1:] != (0,):
            return values
        utility = place.kind == "utility"
        order = place.parents if self.parents is None else tuple(self.parents)
        if order is not place.parents and sorted(order) != sorted(place.parents):
            raise place.error(f"its table's axes are for {order!r}, and its parents are {place.parents!r}.")
        if values.ndim != len(order) + (not utility):
            raise place.error(
                f"its table has {values.ndim} axes, and {len(order)} parents ask for {len(order) + (not utility)}: "
                + ("one for each parent." if utility else "one for each parent, then the node's own.")
            )
        table = values
        if order != place.parents:
            axes = [order.index(parent) for parent in place.parents]
            table = np.array(values.transpose(axes if utility else [*axes, len(order)]), order="C")  # keeps zero axes
        if not utility and table.shape[-1] == 0:
            raise place.error("its table has no column: a node has at least one value.")
        if table.shape != shape:
            axis = next(i for i, (got, want) in enumerate(zip(table.shape, shape, strict=True)) if got != want)
            whose = f"`{place.parents[axis]}`" if axis < len(place.parents) else "the node itself"
            raise place.error(
                f"its table has the shape {table.shape}, expected {shape}: the axis of {whose} has "
                f"{table.shape[axis]} entries for {shape[axis]} values."
            )
        return table

    def __repr__(self) -> str:
        shape = " × ".join(map(str, np.shape(self.values)))
        domain = "" if self.domain is None else f", domain {self.domain!r}"
        return f"Table({shape}{domain})"


def read_numbers(values: Any, what: str) -> Array:
    """Read numbers or expressions as a rectangular array, of float64 where all are numbers; `what` is what they are."""
    try:
        array = np.array(values, order="C")
    except ValueError:
        raise MechanismError(
            f"{what} form a rectangular array; got rows of different lengths: {shortened(values)}."
        ) from None
    if array.dtype.kind in "biuf":
        array = array.astype(np.float64, copy=False)
    elif array.dtype != object or not all(is_number(x) or is_symbolic(x) for x in array.flat):
        bad = next((x for x in array.flat if not is_number(x) and not is_symbolic(x)), None)
        raise MechanismError(f"{what} are numbers; got {shortened(plain(bad))}{_point_for_comma(bad)}.")
    return array


def normalised(array: Array) -> tuple[Array, float]:
    """Return probabilities with every row divided by its sum, and the largest distance of a sum from one.

    Raises
    ------
    MechanismError
        An entry is negative, not finite or symbolic, or a row sums to zero.
    """
    if array.dtype == object:
        raise MechanismError("normalise=True divides numbers; these probabilities have symbols: divide them by hand.")
    if array.ndim == 0 or not (np.isfinite(array).all() and (array >= 0).all()):
        raise MechanismError("normalise=True divides rows of probabilities, finite and not negative, by their sums.")
    with np.errstate(over="ignore"):
        sums = array.sum(axis=-1, keepdims=True)
    if not np.isfinite(sums).all():
        raise MechanismError("normalise=True divides each row by its sum, and a sum here is too large to be a number.")
    if not sums.all():
        at = tuple(np.argwhere(sums[..., 0] == 0)[0].tolist())
        raise MechanismError(f"normalise=True divides each row by its sum, and the row at position {at} sums to zero.")
    return array / sums, float(np.abs(sums - 1).max(initial=0.0))


def _point_for_comma(entry: Any) -> str:
    """Say how a number with a decimal comma is written."""
    whole, comma, rest = entry.strip().partition(",") if isinstance(entry, str) else ("", "", "")
    number = comma and whole.lstrip("+-").isdigit() and rest.isdigit()
    return f": a decimal point, {whole}.{rest}, not a comma" if number else ""


def _read_parents(parents: Any) -> tuple[str, ...]:
    """Read the names of a table's axes."""
    names = tuple(parents) if isinstance(parents, Iterable) and not isinstance(parents, str) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise MechanismError(f'Table takes parents as a list of names, parents=["a", "b"]; got {parents!r}.')
    return names


@dataclass(frozen=True, eq=False, repr=False)
class Structural(Mechanism):
    """A function of parents and independent noise, in tables.

    Parameters
    ----------
    noise
        Probabilities of the noise, shape ``(m,)``.
    outcome
        Positions in `domain`, integers of shape ``(cards of parents..., m)``.
    domain
        The node's values.

    Examples
    --------
    >>> import cidmesa as cm
    >>> flip = Structural([0.9, 0.1], [[0, 1], [1, 0]], [0, 1])
    >>> cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=flip).cpd("b").tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """

    noise: Any
    outcome: Any
    domain: Sequence[Any]

    def __post_init__(self) -> None:
        noise = read_numbers(self.noise, "Structural's noise")
        outcome = read_numbers(self.outcome, "Structural's outcomes")
        if outcome.dtype == object or not (np.isfinite(outcome) & (outcome == np.floor(outcome))).all():
            raise MechanismError(f"Structural's outcomes are positions in its domain, integers; got {self.outcome!r}.")
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "outcome", outcome.astype(np.intp))
        object.__setattr__(self, "domain", read_domain(self.domain, "Structural"))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed or the declared domain."""
        return place.domain or tuple(self.domain)

    def check(self, place: Place) -> None:
        """Check the shape of the outcomes and the noise's probabilities."""
        shape = (*place.shape, *self.noise.shape)
        if self.noise.ndim != 1 or self.outcome.shape != shape:
            raise place.error(
                f"its outcomes have the shape {self.outcome.shape}, expected {shape}: parents, then noise."
            )
        if self.outcome.size and not (self.outcome.min() >= 0 and self.outcome.max() < len(self.domain)):
            raise place.error(f"its outcomes are positions in a domain of {len(self.domain)} values.")
        check_noise(place, self.noise)

    def compile(self, place: Place) -> Compiled:
        """Collect the weight of the noise at each outcome."""
        if place.kind == "utility":
            raise place.error("a utility is a number for every parent context, not a function with noise.")
        return from_response(self.domain_at(place) or (), self.noise, self.outcome)

    def __repr__(self) -> str:
        return f"Structural({' × '.join(map(str, np.shape(self.outcome)))}, domain {self.domain!r})"


@dataclass(frozen=True, eq=False)
class TabularMechanism(Mechanism):
    """A pgmpy ``TabularCPD``, whose states are matched to domains by name (by position where it names none)."""

    cpd: Any

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed domain, or the states of the variable."""
        node = self.cpd.variables[0]
        return place.domain or tuple(self.cpd.state_names.get(node, range(len(self.cpd.values))))

    def compile(self, place: Place) -> Compiled:
        """Reorder axes and states, then read the numbers as a table."""
        variables = list(self.cpd.variables)
        if variables[0] != place.node or sorted(variables[1:]) != sorted(place.parents):
            raise place.error(f"the TabularCPD is for {variables!r}, and the node's parents are {place.parents!r}.")
        own = self.domain_at(place) or ()
        values = np.asarray(self.cpd.values, dtype=np.float64)
        for axis, variable in enumerate(variables):
            domain = own if axis == 0 else place.parent_domains[place.parents.index(variable)]
            states = list(self.cpd.state_names.get(variable, range(values.shape[axis])))
            if set(states) == set(domain):
                values = values.take([states.index(value) for value in domain], axis=axis)
            elif states != list(range(len(domain))):
                raise place.error(
                    f"the TabularCPD's states of `{variable}` are {states!r}, and its domain is {domain!r}."
                )
        table = Table(np.moveaxis(values, 0, -1), domain=own, parents=variables[1:])
        return table.compile(place)
