"""Functions of the parents: a value, a distribution, a value with noise, a sparse map."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.clock import progress_bar
from cidmesa.errors import MechanismError, as_lambda, did_you_mean, shortened
from cidmesa.mechanisms.distributions import Categorical
from cidmesa.mechanisms.numbers import (
    check_noise,
    checked_utilities,
    is_number,
    is_symbolic,
    plain,
    position_of,
    read_domain,
    row_of,
    shown,
)
from cidmesa.mechanisms.place import Compiled, Domain, Mechanism, Place, Value, from_response, structural

_CALLED_AGAIN = 256
"""For how many contexts a function is called again, to see whether it is one."""

_CALLS_AGAIN = 16
"""How often, over all contexts, a function is called again at least."""


class _Declaring(Mechanism):
    """A mechanism that may declare its domain, in a field of that name."""

    domain: Sequence[Any] | None

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed or the declared domain."""
        return place.domain or (tuple(self.domain) if self.domain is not None else None)


@dataclass(frozen=True, repr=False)
class Function(_Declaring):
    """A function of the parents that returns a value, or a distribution ``{value: probability}``.

    Parameters
    ----------
    f
        Its argument names are the node's parents, in any order; a parameter with a default is not a parent. A function
        ``f(**parents)`` gets all of them in a mapping, whatever they are called.
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

    A name that Python does not take as an argument:

    >>> cid = cm.CID([("the cause", "effect")])
    >>> model = cid.parameterise({"the cause": cm.Bernoulli(0.5), "effect": lambda **pa: 1 - pa["the cause"]})
    >>> model.domain("effect")
    (1, 0)

    Notes
    -----
    It is called again for the first 256 contexts, sixteen times at least, and refused if it does not return the same:
    chance belongs into the distribution that it returns, or into `noise`.
    """

    f: Callable[..., Any]
    domain: Sequence[Any] | None = None
    noise: Categorical | None = None

    def __post_init__(self) -> None:
        if not callable(self.f):
            raise MechanismError(f"Function takes a callable; got {self.f!r}.")
        if self.domain is not None:
            object.__setattr__(self, "domain", read_domain(self.domain, "Function"))
        if self.noise is not None and not isinstance(self.noise, Categorical):
            raise MechanismError(
                f"noise= takes a distribution such as Bernoulli(.1) or Uniform(..); got {self.noise!r}."
            )

    def check(self, place: Place) -> None:
        """Check that the argument names are the parents."""
        _arguments(self.f, place, takes_noise=self.noise is not None)

    def compile(self, place: Place) -> Compiled:
        """Call the function for every parent context (and value of the noise)."""
        if place.kind == "utility":
            return Compiled((), _numbers(self, place))
        if self.noise is not None:
            return self._compile_with_noise(place, self.noise)
        place.require_small(math.prod(place.shape))
        return self._written_out(place, _outputs(self.f, place))

    def _written_out(self, place: Place, outputs: Sequence[Any]) -> Compiled:
        """Compile the outputs, one for every parent context."""
        if place.kind == "utility":
            return Compiled((), _checked_numbers(place, outputs))
        domain = self.domain_at(place) or _domain_of(place, outputs)
        place.require_small(len(outputs) * len(domain))
        if any(isinstance(output, Mapping) for output in outputs):
            rows = [
                row_of(place, output if isinstance(output, Mapping) else {output: 1.0}, domain, context)
                for output, context in zip(outputs, place.contexts(), strict=True)
            ]
            dtype = object if any(row.dtype == object for row in rows) else np.float64
            table = np.array(rows, dtype=dtype).reshape(*place.shape, len(domain))
            return Compiled(domain, table, structural(table, bool(place.parents)))
        chosen = _positions(place, outputs, domain).reshape(*place.shape, 1)
        return from_response(domain, np.ones(1), chosen)

    def _compile_with_noise(self, place: Place, noise: Categorical) -> Compiled:
        weights = noise.row(place, noise.values)
        place.require_small(math.prod(place.shape) * len(noise.values))
        outputs = [
            output
            for context in _contexts(place)
            for output in (_call(self.f, place, context, noise=value) for value in noise.values)
        ]
        _require_a_function(self.f, place, outputs, noise.values)
        if any(isinstance(output, Mapping) for output in outputs):
            raise place.error(
                "a function with noise= returns a value, not a distribution: the noise is the chance in it."
            )
        domain = self.domain_at(place) or _domain_of(place, outputs)
        chosen = _positions(place, outputs, domain, repeat=len(noise.values)).reshape(*place.shape, len(noise.values))
        return from_response(domain, weights, chosen)

    def __repr__(self) -> str:
        return f"Function({described(self.f)})"


@dataclass(frozen=True, repr=False)
class Noisy(_Declaring):
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
            raise MechanismError(f"Noisy's p is a probability; got {shown(self.p)}.")
        if self.domain is not None:
            object.__setattr__(self, "domain", read_domain(self.domain, "Noisy"))

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
        check_noise(place, weights)
        return from_response(plain.domain, weights, moved)

    def __repr__(self) -> str:
        return f"Noisy({described(self.f)}, {self.p!r})"


@dataclass(frozen=True)
class Rows(_Declaring):
    """A sparse map from parent contexts to a value or a distribution ``{value: probability}``.

    Parameters
    ----------
    rows
        Keys are contexts: tuples of parent values in the order of ``cid.parents(node)``; ``()`` for a root. Of a root
        whose values are tuples they may be the values, ``{value: probability}``.
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
            object.__setattr__(self, "domain", read_domain(self.domain, "Rows"))

    def __hash__(self) -> int:
        return hash((tuple(self.rows), repr(self.rows), repr(self.default), self.domain))

    def _is_distribution(self, place: Place) -> bool:
        """Say whether the keys are values of a root: its one context is ``()``, and there is none."""
        return not place.parents and bool(self.rows) and () not in self.rows and self.default is None

    def check(self, place: Place) -> None:
        """Check that every key is a context of the node."""
        if self._is_distribution(place):
            return
        for key in self.rows:
            if len(key) != len(place.parents):
                raise place.error(f"the context {key!r} has {len(key)} values, and the parents are {place.parents!r}.")
            for value, parent, domain in zip(key, place.parents, place.parent_domains, strict=True):
                if position_of(value, domain) is None:
                    raise place.error(
                        f"in the context {key!r}, {value!r} is not in the domain of `{parent}`, {domain!r}."
                    )

    def compile(self, place: Place) -> Compiled:
        """Look every context up."""
        if self._is_distribution(place):
            return Categorical(self.rows).compile(place)
        self.check(place)

        def look_up(*context: Any) -> Any:
            output = self.rows.get(context, self.default)
            if output is None and context not in self.rows:
                raise place.error(f"no row for {place.describe(context)}: add it, or a default=.")
            return output

        place.require_small(math.prod(place.shape))
        outputs = [plain(look_up(*context)) for context in place.contexts()]
        inner = Place(place.node, place.kind, place.parents, place.parent_domains, self.domain_at(place))
        return Function(look_up)._written_out(inner, outputs)


def _arguments(f: Callable[..., Any], place: Place, *, takes_noise: bool = False) -> None:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise place.error(
            f"{f!r} does not tell its argument names: wrap it in a function of the node's parents, "
            f"{as_lambda(place.parents)}"
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
        f"{' and '.join(parts)}: {as_lambda(wanted)}"
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
    return plain(output)


MANY = 2**14
"""Up to so many calls of a function are made without a progress bar; they take far less than a second."""


def _contexts(place: Place) -> Iterable[tuple[Value, ...]]:
    """Return the parent contexts, with a bar on the terminal where they are many and take two seconds."""
    count = math.prod(place.shape)
    contexts = place.contexts()
    return progress_bar(contexts, f"calling the function of {place.node}", total=count) if count > MANY else contexts


def _outputs(f: Callable[..., Any], place: Place) -> list[Any]:
    outputs = [_call(f, place, context) for context in _contexts(place)]
    _require_a_function(f, place, outputs)
    return outputs


def _require_a_function(
    f: Callable[..., Any], place: Place, outputs: Sequence[Any], noise: Sequence[Any] | None = None
) -> None:
    """Refuse what returns something else when it is called again, as a random number generator does."""
    calls = [{"noise": value} for value in noise] if noise is not None else [{}]
    again = -(-_CALLS_AGAIN // max(len(outputs), 1))  # a coin shows the same side half of the time
    for (context, more), before in islice(zip(product(place.contexts(), calls), outputs, strict=True), _CALLED_AGAIN):
        for _ in range(again):
            now = _call(f, place, context, **more)
            if not _same(before, now):
                raise place.error(
                    f"it is no function: at {place.describe(context)} it gives {shortened(before)}, and called again "
                    f"{shortened(now)}. Chance is a distribution of values: return {{value: probability}}, or write "
                    "Uniform(..), Bernoulli(..), or Function(f, noise=..)."
                )


def _same(before: Any, now: Any) -> bool:
    """Say whether two outputs are the same; what cannot be compared is refused later for what it is."""
    try:
        return bool(before == now) or repr(before) == repr(now)  # not-a-number equals nothing, itself neither
    except (TypeError, ValueError):
        return True


def _domain_of(place: Place, outputs: Iterable[Any]) -> Domain:
    seen: dict[Any, None] = {}
    for output in outputs:
        for value in output if isinstance(output, Mapping) else (output,):
            try:
                seen.setdefault(plain(value))
            except TypeError:
                raise place.error(
                    f"its values are hashable, such as numbers, strings or tuples; its function returned {value!r} of "
                    f"type {type(value).__name__}."
                ) from None
    return tuple(seen)


def _positions(place: Place, outputs: Sequence[Any], domain: Domain, repeat: int = 1) -> Ints:
    index = {value: i for i, value in enumerate(domain)}
    try:
        return np.fromiter((index[output] for output in outputs), dtype=np.intp, count=len(outputs))
    except (KeyError, TypeError):
        contexts = [context for context in place.contexts() for _ in range(repeat)]
        for output, context in zip(outputs, contexts, strict=True):
            place.position(output, domain, context)
        raise


def _numbers(mechanism: Function, place: Place) -> Array:
    """Write out a utility: one number for every parent context."""
    if mechanism.noise is not None:
        raise place.error("a utility is a number for every parent context: put the noise in a chance node above it.")
    place.require_small(math.prod(place.shape))
    return _checked_numbers(place, _outputs(mechanism.f, place))


def _checked_numbers(place: Place, flat: Sequence[Any]) -> Array:
    """Return the numbers of a utility, one for every parent context, as a table."""
    for output, context in zip(flat, place.contexts(), strict=True):
        if not is_number(output) and not is_symbolic(output):
            raise place.error(f"a utility is a number; got {shortened(output)} at {place.describe(context)}.")
    symbolic = any(is_symbolic(output) for output in flat)
    try:
        table = np.array(flat, dtype=object if symbolic else np.float64).reshape(place.shape)
    except OverflowError:  # whole numbers beyond floats, which the check names
        table = np.array(flat, dtype=object).reshape(place.shape)
    return checked_utilities(place, table)


def described(f: Any) -> str:
    """Say what a function is called and what it reads, for a repr."""
    name = getattr(f, "__name__", type(f).__name__)
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return str(name)
    reads = ", ".join(p.name for p in parameters if p.default is p.empty)
    return f"of {reads or 'nothing'}" if name == "<lambda>" else f"{name} of {reads or 'nothing'}"
