"""A joint distribution over named nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from cidmesa.arrays import Array
from cidmesa.errors import NotApplicableError, did_you_mean
from cidmesa.mechanisms import position_of
from cidmesa.solve.tables.model_tables import not_a_value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Distribution:
    """A joint distribution over named nodes.

    Attributes
    ----------
    names
        The nodes, in the order of the axes.
    domains
        The values of each.
    probabilities
        An array with one axis per name.

    Examples
    --------
    >>> import numpy as np
    >>> d = Distribution(("a", "b"), ((0, 1), ("x", "y")), np.array([[0.5, 0.25], [0.0, 0.25]]))
    >>> d[0, "y"], d.to_dict()[1, "x"]
    (0.25, 0.0)
    >>> d.marginal("b").to_dict()
    {'x': 0.5, 'y': 0.5}
    """

    names: tuple[str, ...]
    domains: tuple[tuple[Any, ...], ...]
    probabilities: Array

    def __getitem__(self, values: Any) -> float:
        """Return the probability of a value (one name) or of a tuple of values (several)."""
        keys = (values,) if len(self.names) == 1 else values
        if not isinstance(keys, tuple) or len(keys) != len(self.names):
            raise NotApplicableError(f"this distribution is over {self.names}: one value for each; got {values!r}.")
        where = []
        for name, domain, value in zip(self.names, self.domains, keys, strict=True):
            position = position_of(value, domain)
            if position is None:
                raise not_a_value(value, name, domain)
            where.append(position)
        return float(self.probabilities[tuple(where)])

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the values (one name) or the tuples of values (several)."""
        return iter(self.domains[0]) if len(self.names) == 1 else product(*self.domains)

    def to_dict(self) -> dict[Any, float]:
        """Return ``{value: probability}``, or ``{(values...): probability}`` for several names."""
        return dict(zip(self, self.probabilities.ravel().tolist(), strict=True))

    def marginal(self, *names: str) -> Distribution:
        """Return the distribution of some of the names, in the order asked for."""
        for name in names:
            if not isinstance(name, str) or name not in self.names:
                raise NotApplicableError(
                    f"`{name}` is not in this distribution{did_you_mean(name, self.names)}; it is over {self.names}."
                )
        axes = [self.names.index(name) for name in names]
        others = tuple(i for i in range(len(self.names)) if i not in axes)
        left = sorted(axes)
        array = self.probabilities.sum(axis=others).transpose([left.index(i) for i in axes])
        return Distribution(tuple(names), tuple(self.domains[i] for i in axes), array)

    def __repr__(self) -> str:
        shown = [f"{value!r}: {p:.6g}" for value, p in list(self.to_dict().items())[:8]]
        more = f", and {self.probabilities.size - 8} more" if self.probabilities.size > 8 else ""
        return f"Distribution({', '.join(self.names)}; {', '.join(shown)}{more})"
