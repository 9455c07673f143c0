"""Distributions that ignore the parents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import MechanismError
from cidmesa.mechanisms.numbers import is_number, is_symbolic, read_domain, row_of, shown
from cidmesa.mechanisms.place import Compiled, Domain, Mechanism, Place, Response


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
        values, weights = read_domain(self.probabilities, "Categorical"), tuple(self.probabilities.values())
        object.__setattr__(self, "probabilities", dict(zip(values, weights, strict=True)))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "weights", weights)

    def __hash__(self) -> int:
        return hash((self.values, self.weights))

    def domain_at(self, place: Place) -> Domain | None:
        """Return the fixed domain, or the values."""
        return place.domain or self.values

    def row(self, place: Place, domain: Domain) -> Array:
        """Return the probabilities as one row over `domain`, checked."""
        return row_of(place, dict(zip(self.values, self.weights, strict=True)), domain, None)

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
        super().__init__(dict.fromkeys(read_domain(values, "Uniform"), 1.0 / len(values)))

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
        if is_number(p) and not 0 <= p <= 1:
            raise MechanismError(f"Bernoulli's p is a probability, 0 <= p <= 1; got {shown(p)}.")
        super().__init__({0: 1 - p, 1: p})

    def __repr__(self) -> str:
        return f"Bernoulli({self.weights[1]!r})"
