r"""How a node gets its value.

A *mechanism* :math:`M_V` turns the values of :math:`V`'s parents into a distribution of :math:`V` (chance), a number
(utility), or is left open (decision: only the domain is stated). Spelling follows pycid: a list is a decision's
domain, a function's argument names are its parents.

=======================================  =================================================================
``Uniform("sun", "rain")``               each value alike, whatever the parents
``Bernoulli(.3)``                        1 with probability .3, else 0
``Categorical({"a": .2, "b": .8})``      these probabilities
``lambda door: door``, ``Function(f)``   a value, or ``{value: probability}``, from the parents' values
``Function(f, noise=Categorical(..))``   the same with explicit exogenous noise, f's argument ``noise``
``Noisy(f, .1)``                         with probability .1 one of the other values, uniformly
``Rows({("left", "sun"): 1, ..})``       a sparse map from parent contexts
``Table([[.1, .9], [1, 0]])``            dense numbers: axes are the parents, then the node
a numpy array or nested list             the same as ``Table``
a pgmpy ``TabularCPD``                   read as a table, states matched by name
``Structural(noise, outcome, domain)``    a function of parents and noise, in tables
``Choice(["left", "right"])``, a list    a decision and its domain
=======================================  =================================================================

Probabilities and utilities may be sympy expressions. Mechanisms are values; they are checked against the diagram
when a model is made of them (:class:`cidmesa.CIM`), and compiled to tables when first asked for.

A mechanism is *structural* where it is a function of the parents and of independent noise: only then do
counterfactuals have a meaning. Roots, functions, ``Noisy`` and deterministic tables are; a stochastic table with
parents is not, because many functions share it.
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.errors import MechanismError, did_you_mean

Value: TypeAlias = Hashable
Domain: TypeAlias = tuple[Value, ...]
Array: TypeAlias = NDArray[Any]

TOLERANCE = 1e-9
"""How far a row of probabilities may be from summing to one."""

MAX_TABLE = 2**28
"""The largest dense table, in entries, that is ever written out."""


@dataclass(frozen=True, slots=True)
class Place:
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
        return tuple(len(domain) for domain in self.parent_domains)

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


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    r"""A structural function :math:`v = f(pa, \varepsilon)` in tables.

    Attributes
    ----------
    noise
        Probabilities of the exogenous noise :math:`\varepsilon`, shape ``(m,)``.
    outcome
        Positions in the node's domain, integers of shape ``(cards of parents..., m)``.
    """

    noise: Array
    outcome: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A mechanism written out at its place: the domain, the table, and the structural function if it has one."""

    domain: Domain
    table: Array
    response: Response | None = None


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


# Distributions that ignore the parents ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Categorical(Mechanism):
    """These probabilities, whatever the parents.

    Parameters
    ----------
    probabilities
        Mapping from value to probability; the domain is its keys, in order.

    Examples
    --------
    >>> Categorical({"sun": 0.9, "rain": 0.1}).values
    ('sun', 'rain')
    """

    probabilities: Mapping[Any, Any]
    values: Domain = field(init=False, repr=False)
    weights: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.probabilities, Mapping) or not self.probabilities:
            raise MechanismError(f"Categorical takes {{value: probability}}; got {self.probabilities!r}.")
        object.__setattr__(self, "probabilities", dict(self.probabilities))
        object.__setattr__(self, "values", tuple(self.probabilities))
        object.__setattr__(self, "weights", tuple(self.probabilities.values()))

    def __hash__(self) -> int:
        return hash((self.values, self.weights))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed domain, or the values."""
        return place.domain or self.values

    def row(self, place: Place, domain: Domain) -> Array:
        """Return the probabilities as one row over `domain`, checked."""
        return _row_of(place, dict(zip(self.values, self.weights, strict=True)), domain, None)

    def compile(self, place: Place) -> Compiled:
        """Repeat the row for every parent context; the noise is the node's own value."""
        if place.kind == "utility":
            raise place.error("a utility is a number for every parent context: write a function of its parents.")
        domain = place.domain or self.values
        row = self.row(place, domain)
        place.require_small(math.prod(place.shape) * len(domain))
        table = np.broadcast_to(row, (*place.shape, len(domain)))
        outcome = np.broadcast_to(np.arange(len(domain)), (*place.shape, len(domain)))
        return Compiled(domain, np.ascontiguousarray(table), Response(row, outcome))


class Uniform(Categorical):
    """Each of `values` alike.

    Examples
    --------
    >>> Uniform("left", "right")
    Uniform('left', 'right')
    """

    def __init__(self, *values: Any) -> None:
        if not values:
            raise MechanismError('Uniform needs at least one value: Uniform("left", "right").')
        if len(set(values)) < len(values):
            raise MechanismError(f"Uniform's values differ from each other; got {values!r}.")
        super().__init__(dict.fromkeys(values, 1.0 / len(values)))

    def __repr__(self) -> str:
        return f"Uniform({', '.join(map(repr, self.values))})"


class Bernoulli(Categorical):
    """1 with probability `p`, else 0.

    Examples
    --------
    >>> Bernoulli(0.25).weights
    (0.75, 0.25)
    """

    def __init__(self, p: Any) -> None:
        if not is_number(p) and not is_symbolic(p):
            raise MechanismError(f"Bernoulli takes one probability; got {p!r}.")
        super().__init__({0: 1 - p, 1: p})

    def __repr__(self) -> str:
        return f"Bernoulli({self.weights[1]!r})"


# Functions of the parents -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Function(Mechanism):
    """A function of the parents that returns a value, or a distribution ``{value: probability}``.

    Parameters
    ----------
    f
        Its argument names are the node's parents, in any order; a parameter with a default is not a parent.
    domain
        The node's domain; left out, the outputs in order of first appearance over all parent contexts.
    noise
        A :class:`Categorical`: independent exogenous noise that `f` receives as its argument ``noise``. It makes a
        stochastic mechanism structural.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "red")])
    >>> model = cid.parameterise(door=cm.Uniform("left", "right"), red=lambda door: {door: 0.9, "nowhere": 0.1})
    >>> model.domain("red"), model.cpd("red").tolist()
    (('left', 'nowhere', 'right'), [[0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])
    """

    f: Callable[..., Any]
    domain: Sequence[Any] | None = None
    noise: Categorical | None = None

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise MechanismError(f"Function takes a callable; got {self.f!r}.")
        if self.domain is not None:
            object.__setattr__(self, "domain", _as_domain(self.domain, "Function"))
        if self.noise is not None and not isinstance(self.noise, Categorical):
            raise MechanismError(
                f"noise= takes a distribution such as Bernoulli(.1) or Uniform(..); got {self.noise!r}."
            )

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed or the declared domain."""
        return place.domain or (tuple(self.domain) if self.domain is not None else None)

    def check(self, place: Place) -> None:
        """Check that the argument names are the parents."""
        _arguments(self.f, place, takes_noise=self.noise is not None)

    def compile(self, place: Place) -> Compiled:
        """Call the function once for every parent context (and value of the noise)."""
        if place.kind == "utility":
            return Compiled((), _numbers(self, place))
        if self.noise is not None:
            return self._compile_with_noise(place, self.noise)
        place.require_small(math.prod(place.shape))
        outputs = list(_outputs(self.f, place))
        domain = self.domain_at(place) or _domain_of(outputs)
        place.require_small(len(outputs) * len(domain))
        if any(isinstance(output, Mapping) for output in outputs):
            rows = [
                _row_of(place, output if isinstance(output, Mapping) else {output: 1.0}, domain, context)
                for output, context in zip(outputs, place.contexts(), strict=True)
            ]
            dtype = object if any(row.dtype == object for row in rows) else np.float64
            table = np.array(rows, dtype=dtype).reshape(*place.shape, len(domain))
            return Compiled(domain, table, structural(table, bool(place.parents)))
        chosen = _positions(place, outputs, domain).reshape(*place.shape, 1)
        return _deterministic(domain, np.ones(1), chosen)

    def _compile_with_noise(self, place: Place, noise: Categorical) -> Compiled:
        weights = noise.row(place, noise.values)
        place.require_small(math.prod(place.shape) * len(noise.values))
        outputs = [
            output
            for context in place.contexts()
            for output in (_call(self.f, place, context, noise=value) for value in noise.values)
        ]
        if any(isinstance(output, Mapping) for output in outputs):
            raise place.error(
                "a function with noise= returns a value, not a distribution: the noise is the chance in it."
            )
        domain = self.domain_at(place) or _domain_of(outputs)
        chosen = _positions(place, outputs, domain, repeat=len(noise.values)).reshape(*place.shape, len(noise.values))
        return _deterministic(domain, weights, chosen)


@dataclass(frozen=True)
class Noisy(Mechanism):
    """The value of `f`, but with probability `p` one of the *other* values of the domain, uniformly.

    It is structural: the noise says by how many places, cyclically in domain order, the value is moved.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "sign")])
    >>> model = cid.parameterise(door=cm.Uniform("left", "middle", "right"), sign=cm.Noisy(lambda door: door, 0.2))
    >>> model.cpd("sign")[0].tolist(), model.is_structural
    ([0.8, 0.1, 0.1], True)
    """

    f: Callable[..., Any]
    p: Any
    domain: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise MechanismError(f"Noisy takes a callable and a probability; got {self.f!r}.")
        if not is_symbolic(self.p) and not (is_number(self.p) and 0 <= self.p <= 1):
            raise MechanismError(f"Noisy's p is a probability; got {self.p!r}.")
        if self.domain is not None:
            object.__setattr__(self, "domain", _as_domain(self.domain, "Noisy"))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed or the declared domain."""
        return place.domain or (tuple(self.domain) if self.domain is not None else None)

    def check(self, place: Place) -> None:
        """Check that the argument names are the parents."""
        _arguments(self.f, place)

    def compile(self, place: Place) -> Compiled:
        """Compile `f`, then move its value by the noise."""
        if place.kind == "utility":
            raise place.error(
                "a utility is a number for every parent context: put the noise in a chance node above it."
            )
        plain = Function(self.f, domain=self.domain).compile(place)
        if plain.response is None or len(plain.response.noise) != 1:
            raise place.error("Noisy takes a function that returns a value, not a distribution.")
        k = len(plain.domain)
        if k == 1:
            if is_symbolic(self.p) or self.p > 0:
                raise place.error("Noisy needs a second value to move to: state the domain, Noisy(f, p, domain=[..]).")
            return plain
        moved = (plain.response.outcome + np.arange(k)) % k
        other = self.p / (k - 1)
        weights = np.array([1 - self.p] + [other] * (k - 1), dtype=object if is_symbolic(self.p) else np.float64)
        return _deterministic(plain.domain, weights, moved)


@dataclass(frozen=True)
class Rows(Mechanism):
    """A sparse map from parent contexts to a value or a distribution ``{value: probability}``.

    Parameters
    ----------
    rows
        Keys are contexts: tuples of parent values in the order of ``cid.parents(node)``; ``()`` for a root.
    default
        What every context that `rows` does not list gets.
    domain
        The node's domain; left out, the outputs in order of first appearance.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "both"), ("b", "both")])
    >>> bit = cm.Bernoulli(0.5)
    >>> cid.parameterise(a=bit, b=bit, both=cm.Rows({(1, 1): 1}, default=0)).cpd("both")[..., 1].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

    rows: Mapping[tuple[Any, ...], Any]
    default: Any = None
    domain: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rows, Mapping) or not all(isinstance(key, tuple) for key in self.rows):
            raise MechanismError(
                "Rows takes {context: value}, a context being a tuple of parent values: Rows({('left', 1): 'go'})."
            )
        object.__setattr__(self, "rows", dict(self.rows))
        if self.domain is not None:
            object.__setattr__(self, "domain", _as_domain(self.domain, "Rows"))

    def __hash__(self) -> int:
        return hash((tuple(self.rows), repr(self.rows), repr(self.default), self.domain))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed or the declared domain."""
        return place.domain or (tuple(self.domain) if self.domain is not None else None)

    def check(self, place: Place) -> None:
        """Check that every key is a context of the node."""
        for key in self.rows:
            if len(key) != len(place.parents):
                raise place.error(f"the context {key!r} has {len(key)} values, and the parents are {place.parents!r}.")
            for value, parent, domain in zip(key, place.parents, place.parent_domains, strict=True):
                if value not in domain:
                    raise place.error(
                        f"in the context {key!r}, {value!r} is not in the domain of `{parent}`, {domain!r}."
                    )

    def compile(self, place: Place) -> Compiled:
        """Look every context up."""
        self.check(place)

        def look_up(*context: Any) -> Any:
            output = self.rows.get(context, self.default)
            if output is None and context not in self.rows:
                raise place.error(f"no row for {place.describe(context)}: add it, or a default=.")
            return output

        place.require_small(math.prod(place.shape))
        outputs = [look_up(*context) for context in place.contexts()]
        inner = Place(place.node, place.kind, place.parents, place.parent_domains, self.domain_at(place))
        stream = iter(outputs)
        return Function(lambda **_: next(stream)).compile(inner)


# Numbers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
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

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b")])
    >>> cid.parameterise(a=cm.Bernoulli(0.5), b=cm.Table([[0.1, 0.9], [1, 0]], domain=["no", "yes"])).domain("b")
    ('no', 'yes')
    """

    values: Any
    domain: Sequence[Any] | None = None
    parents: Sequence[str] | None = None

    def __post_init__(self) -> None:
        try:
            array = np.array(self.values)
        except ValueError as error:
            raise MechanismError(f"Table's values form a rectangular array; numpy says: {error}.") from None
        if array.dtype.kind in "biuf":
            array = array.astype(np.float64)
        elif array.dtype != object or not all(is_number(x) or is_symbolic(x) for x in array.flat):
            bad = next((x for x in array.flat if not is_number(x) and not is_symbolic(x)), None)
            raise MechanismError(f"Table's values are numbers; got {bad!r}.")
        array.setflags(write=False)
        object.__setattr__(self, "values", array)
        if self.domain is not None:
            object.__setattr__(self, "domain", _as_domain(self.domain, "Table"))
        if self.parents is not None:
            object.__setattr__(self, "parents", tuple(self.parents))

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

    def check(self, place: Place) -> None:
        """Check the order of the axes and the shape."""
        self._aligned(place)

    def compile(self, place: Place) -> Compiled:
        """Bring the axes into the order of the parents and check every row."""
        table = self._aligned(place)
        if place.kind == "utility":
            return Compiled((), _checked_utilities(place, table))
        domain = self.domain_at(place) or ()
        _check_rows(place, table)
        return Compiled(domain, table, structural(table, bool(place.parents)))

    def _aligned(self, place: Place) -> Array:
        values: Array = self.values
        utility = place.kind == "utility"
        order = tuple(self.parents) if self.parents is not None else place.parents
        if sorted(order) != sorted(place.parents):
            raise place.error(f"its table's axes are for {order!r}, and its parents are {place.parents!r}.")
        if values.ndim != len(order) + (not utility):
            raise place.error(
                f"its table has {values.ndim} axes, and {len(order)} parents ask for {len(order) + (not utility)}: "
                + ("one for each parent." if utility else "one for each parent, then the node's own.")
            )
        axes = [order.index(parent) for parent in place.parents]
        table = np.array(values.transpose(axes if utility else [*axes, len(order)]), order="C")  # keeps zero axes
        shape = place.shape
        if not utility:
            domain = place.domain or (tuple(self.domain) if self.domain is not None else None)
            shape = (*shape, len(domain) if domain is not None else table.shape[-1])
            if table.shape[-1] == 0:
                raise place.error("its table has no column: a node has at least one value.")
        if table.shape != shape:
            axis = next(i for i, (got, want) in enumerate(zip(table.shape, shape, strict=True)) if got != want)
            whose = f"`{place.parents[axis]}`" if axis < len(place.parents) else "the node itself"
            raise place.error(
                f"its table has the shape {table.shape}, expected {shape}: the axis of {whose} has "
                f"{table.shape[axis]} entries for {shape[axis]} values."
            )
        return table


@dataclass(frozen=True, eq=False)
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
        object.__setattr__(self, "noise", np.array(self.noise))
        object.__setattr__(self, "outcome", np.array(self.outcome, dtype=np.intp))
        object.__setattr__(self, "domain", _as_domain(self.domain, "Structural"))

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
        _check_rows(Place(f"{place.node}'s noise", "chance", (), ()), self.noise[None], ())

    def compile(self, place: Place) -> Compiled:
        """Collect the weight of the noise at each outcome."""
        if place.kind == "utility":
            raise place.error("a utility is a number for every parent context, not a function with noise.")
        return _deterministic(self.domain_at(place) or (), self.noise, self.outcome)


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
        object.__setattr__(self, "actions", _as_domain(self.actions, "a decision's domain"))

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
                f"`{node}` is a decision: state its domain as a list, {node}=['left', 'right']; "
                "a rule for it goes into policy= or with_policy."
            )
        if kind != "decision" and isinstance(given, Choice):
            raise MechanismError(f"`{node}` is a {kind} node, not a decision: Choice is for decisions.")
        return given
    if kind == "decision":
        if isinstance(given, list | tuple | range):
            return Choice(given)
        raise MechanismError(
            f"`{node}` is a decision and needs a domain, a list of at least one action: {node}=['left', 'right']; "
            f"got {given!r}."
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
        return Table(given)
    if hasattr(given, "variables") and hasattr(given, "state_names") and hasattr(given, "values"):
        return TabularMechanism(given)
    raise MechanismError(
        f"the mechanism of `{node}` is a distribution such as Uniform('a', 'b'), a function of its parents or a table; "
        f"got {given!r} of type {type(given).__name__}."
    )


@dataclass(frozen=True, eq=False)
class TabularMechanism(Mechanism):
    """A pgmpy ``TabularCPD``, whose states are matched to domains by name (by position where it names none)."""

    cpd: Any

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed domain, or the states of the variable."""
        return place.domain or tuple(self.cpd.state_names[self.cpd.variables[0]])

    def compile(self, place: Place) -> Compiled:
        """Reorder axes and states, then read the numbers as a table."""
        variables = list(self.cpd.variables)
        if variables[0] != place.node or sorted(variables[1:]) != sorted(place.parents):
            raise place.error(f"the TabularCPD is for {variables!r}, and the node's parents are {place.parents!r}.")
        own = self.domain_at(place) or ()
        values = np.asarray(self.cpd.values, dtype=np.float64)
        for axis, variable in enumerate(variables):
            domain = own if axis == 0 else place.parent_domains[place.parents.index(variable)]
            states = list(self.cpd.state_names[variable])
            if set(states) == set(domain):
                values = values.take([states.index(value) for value in domain], axis=axis)
            elif states != list(range(len(domain))):
                raise place.error(
                    f"the TabularCPD's states of `{variable}` are {states!r}, and its domain is {domain!r}."
                )
        table = Table(np.moveaxis(values, 0, -1), domain=own, parents=variables[1:])
        return table.compile(place)


# Shared pieces ------------------------------------------------------------------------------------------------------


def is_number(value: Any) -> bool:
    """Say whether `value` is a real number (bools and numpy's included; symbolic expressions are not)."""
    return isinstance(value, numbers.Real | np.bool_) and not is_symbolic(value)


def is_symbolic(value: Any) -> bool:
    """Say whether `value` is a sympy expression; sympy itself is not imported."""
    return hasattr(value, "free_symbols")


def structural(table: Array, has_parents: bool) -> Response | None:
    """Return the structural function of a table: its own value for a root, a map where every row is 0/1, else None."""
    if not has_parents:
        return Response(table, np.arange(table.shape[-1]))
    if table.dtype == object or not np.all((table == 0) | (table == 1)):
        return None
    return Response(np.ones(1), table.argmax(axis=-1)[..., None])


def _deterministic(domain: Domain, weights: Array, chosen: NDArray[np.intp]) -> Compiled:
    """Compile a response: the probability of a value is the weight of the noise that yields it."""
    table = np.zeros((*chosen.shape[:-1], len(domain)), dtype=weights.dtype)
    flat = table.reshape(-1, len(domain))
    rows = np.arange(len(flat))
    for j, weight in enumerate(weights):
        flat[rows, chosen.reshape(len(flat), -1)[:, j]] += weight
    return Compiled(domain, table, Response(weights, chosen))


def _as_domain(values: Iterable[Any], what: str) -> Domain:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise MechanismError(f"{what} takes a list of values; got {values!r}.")
    domain = tuple(_plain(value) for value in values)
    if not domain:
        raise MechanismError(f"{what} needs at least one value; got an empty list.")
    try:
        distinct = len(set(domain)) == len(domain)
    except TypeError:
        raise MechanismError(f"{what} takes hashable values; got {domain!r}.") from None
    if not distinct:
        raise MechanismError(f"{what} lists a value twice: {domain!r}.")
    return domain


def _plain(value: Any) -> Any:
    """Turn numpy's scalars into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _arguments(f: Callable[..., Any], place: Place, *, takes_noise: bool = False) -> None:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise place.error(
            f"{f!r} does not tell its argument names: wrap it in a lambda of the node's parents."
        ) from None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    names = [p.name for p in parameters if p.default is p.empty]
    wanted = [*place.parents, "noise"] if takes_noise else list(place.parents)
    if sorted(names) == sorted(wanted):
        return
    parts = []
    extra = [name for name in names if name not in wanted]
    lacking = [name for name in wanted if name not in names]
    if extra:
        parts.append("takes " + ", ".join(f"`{name}`{did_you_mean(name, wanted)}" for name in extra) + ", not a parent")
    if lacking:
        parts.append("lacks " + ", ".join(f"`{name}`" for name in lacking))
    raise place.error(
        f"a function's argument names are the node's parents ({', '.join(place.parents) or 'none'}), and this one "
        f"{' and '.join(parts)}: lambda {', '.join(wanted)}: ..."
    )


def _call(f: Callable[..., Any], place: Place, context: tuple[Value, ...], **more: Any) -> Any:
    try:
        output = f(**dict(zip(place.parents, context, strict=True)), **more)
    except MechanismError:
        raise
    except Exception as error:  # the user's own function failed: say where, keep the cause
        raise place.error(
            f"its function failed at {place.describe(context)}: {type(error).__name__}: {error}"
        ) from error
    return _plain(output)


def _outputs(f: Callable[..., Any], place: Place) -> Iterator[Any]:
    return (_call(f, place, context) for context in place.contexts())


def _domain_of(outputs: Iterable[Any]) -> Domain:
    seen: dict[Any, None] = {}
    for output in outputs:
        for value in output if isinstance(output, Mapping) else (output,):
            seen.setdefault(_plain(value))
    return tuple(seen)


def _positions(place: Place, outputs: Sequence[Any], domain: Domain, repeat: int = 1) -> NDArray[np.intp]:
    index = {value: i for i, value in enumerate(domain)}
    try:
        return np.fromiter((index[output] for output in outputs), dtype=np.intp, count=len(outputs))
    except (KeyError, TypeError):
        contexts = [context for context in place.contexts() for _ in range(repeat)]
        for output, context in zip(outputs, contexts, strict=True):
            place.position(output, domain, context)
        raise


def _row_of(place: Place, weights: Mapping[Any, Any], domain: Domain, context: tuple[Value, ...] | None) -> Array:
    symbolic = any(is_symbolic(weight) for weight in weights.values())
    row = np.zeros(len(domain), dtype=object if symbolic else np.float64)
    for value, weight in weights.items():
        if not is_number(weight) and not is_symbolic(weight):
            raise place.error(f"the probability of {value!r} is a number; got {weight!r}.")
        i = place.position(_plain(value), domain, context)
        row[i] += weight
    _check_rows(place, row[None], context)
    return row


def _check_rows(place: Place, table: Array, context: tuple[Value, ...] | None = None) -> None:
    """Refuse negative, non-finite or unnormalised rows; nothing is ever renormalised."""
    if table.dtype == object:
        _check_symbolic_rows(place, table)
        return
    good = np.isfinite(table) & (table >= 0)
    off = ~(np.abs(table.sum(axis=-1) - 1) <= TOLERANCE)
    if good.all() and not off.any():
        return
    if not good.all():
        where = np.argwhere(~good)[0]
        at = context if context is not None else _context_at(place, where[:-1])
        raise place.error(f"{float(table[tuple(where)])!r} at {place.describe(at)} is not a probability.")
    where = np.argwhere(off)[0]
    at = context if context is not None else _context_at(place, where)
    raise place.error(
        f"its probabilities at {place.describe(at)} sum to {float(table[tuple(where)].sum())!r}, not to 1 "
        f"(within {TOLERANCE:g}): {table[tuple(where)].tolist()!r}."
    )


def _check_symbolic_rows(place: Place, table: Array) -> None:
    import sympy

    for where in np.ndindex(table.shape[:-1]):
        total = sympy.nsimplify(sympy.simplify(sum(table[where])), rational=True)
        if sympy.simplify(total - 1) != 0:
            raise place.error(f"its probabilities sum to {total}, not to 1: {list(table[where])!r}.")
        for entry in table[where]:
            if is_number(entry) and not 0 <= entry <= 1:
                raise place.error(f"{entry!r} is not a probability.")


def _context_at(place: Place, where: Iterable[int]) -> tuple[Value, ...]:
    return tuple(domain[i] for domain, i in zip(place.parent_domains, where, strict=False))


def _numbers(mechanism: Function, place: Place) -> Array:
    """Write out a utility: one number for every parent context."""
    if mechanism.noise is not None:
        raise place.error("a utility is a number for every parent context: put the noise in a chance node above it.")
    place.require_small(math.prod(place.shape))
    flat = list(_outputs(mechanism.f, place))
    for output, context in zip(flat, place.contexts(), strict=True):
        if not is_number(output) and not is_symbolic(output):
            raise place.error(f"a utility is a number; got {output!r} at {place.describe(context)}.")
    symbolic = any(is_symbolic(output) for output in flat)
    table = np.array(flat, dtype=object if symbolic else np.float64).reshape(place.shape)
    return _checked_utilities(place, table)


def _checked_utilities(place: Place, table: Array) -> Array:
    if table.dtype != object and not np.isfinite(table).all():
        where = np.argwhere(~np.isfinite(table))[0]
        raise place.error(
            f"{float(table[tuple(where)])!r} at {place.describe(_context_at(place, where))} is not finite."
        )
    return table
