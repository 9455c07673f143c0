r"""Objectives on targets: their values, and those that are tried by name.

An objective on targets :math:`T` is a function :math:`O: dom(T) \to \mathbb{R}`; here an array over the values of the
targets in C order, targets in node order. A base utility that is a target has the numbers of its table as values, over
training and all deployments.

*Declared* objectives have a name that a reader understands, and are tried before anonymous ones: for one target the
node's value (where it is a number), the indicator of each value, and the negations of these, in that order; for several
the sums, then the products, of one declared objective of each.

>>> import cidmesa as cm
>>> cid = cm.CID([("act", "cap"), ("cap", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(act=[0, 1], cap=lambda act: 2 * act, pay=lambda cap: cap)
>>> [(d.name, d.values.tolist()) for d in declared(["cap"], [(0, 2)])][:3]
[('cap', [0.0, 2.0]), ('[cap = 0]', [1.0, 0.0]), ('[cap = 2]', [0.0, 1.0])]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.errors import MechanismError, unknown
from cidmesa.mechanisms import is_number

if TYPE_CHECKING:
    from cidmesa.mesa.cones import Floats
    from cidmesa.mesa.setup import TrainingSetup

Values: TypeAlias = tuple[Hashable, ...]
MANY = 1024
"""At most so many declared objectives are tried on one set of targets."""


@dataclass(frozen=True, eq=False, slots=True)
class Objective:
    """An objective with a name.

    Attributes
    ----------
    name
        For the reader.
    targets
        The nodes it is a function of, in node order.
    values
        The number for each combination of their values, in C order.
    domains
        The values of each target.
    """

    name: str
    targets: tuple[str, ...]
    values: Floats
    domains: tuple[Values, ...]

    def __call__(self, *values: Hashable) -> float:
        """Return the number for one value of each target."""
        where = [domain.index(value) for domain, value in zip(self.domains, values, strict=True)]
        return float(self.table[tuple(where)])

    @property
    def table(self) -> Floats:
        """The values with one axis per target."""
        return self.values.reshape([len(domain) for domain in self.domains])

    def to_dict(self) -> dict[Any, float]:
        """Return value → number (one target) or tuple of values → number (several)."""
        keys: Sequence[Any] = self.domains[0] if len(self.domains) == 1 else list(product(*self.domains))
        return dict(zip(keys, self.values.tolist(), strict=True))

    def __repr__(self) -> str:
        return f"Objective({self.name})"


def domain_of(setup: TrainingSetup, node: str) -> Values:
    """Return the values a target takes: its domain, or the numbers a base utility pays in training or deployment."""
    model = setup.require_model("an objective")
    if setup.cid.kind(node) != "utility":
        return model.domain(node)
    paid: set[float] = set()
    for name in setup.distributions:
        paid.update(np.unique(setup.deployed(name).cpd(node)).tolist())
    return tuple(sorted(paid))


def declared(targets: Sequence[str], domains: Sequence[Values]) -> tuple[Objective, ...]:
    """Return the objectives that are tried by name, in order.

    Parameters
    ----------
    targets
        Node names.
    domains
        The values of each.

    Notes
    -----
    At most :data:`MANY`, the first ones; constants are left out.
    """
    singles = [_of_one(node, domain) for node, domain in zip(targets, domains, strict=True)]
    names, shape = tuple(targets), [len(domain) for domain in domains]
    if len(targets) == 1:
        return tuple(Objective(name, names, values, tuple(domains)) for name, values in singles[0])
    found: list[Objective] = []
    joins: Sequence[tuple[str, Any]] = ((" + ", np.add), (" · ", np.multiply))
    for sign, join in joins:
        for parts in product(*singles):
            if len(found) >= MANY:
                return tuple(found)
            total: Any = None
            for axis, (_, values) in enumerate(parts):
                view = values.reshape([-1 if i == axis else 1 for i in range(len(shape))])
                total = view if total is None else join(total, view)
            flat = np.broadcast_to(total, shape).ravel().astype(float)
            if np.ptp(flat) > 0:
                found.append(Objective(sign.join(name for name, _ in parts), names, flat, tuple(domains)))
    return tuple(found)


def read(
    given: Mapping[str, Any] | Sequence[Any] | Callable[..., float] | None,
    targets: Sequence[str],
    domains: Sequence[Values],
) -> tuple[Objective, ...]:
    """Read a user's objectives on `targets`; ``None`` stands for :func:`declared`.

    Parameters
    ----------
    given
        A mapping from name to a table or function; a sequence of them; one function of the targets, in node order.
    targets, domains
        As for :func:`declared`.
    """
    if given is None:
        return declared(targets, domains)
    if callable(given):
        given = {getattr(given, "__name__", "objective"): given}
    named = given.items() if isinstance(given, Mapping) else [(f"objective {i + 1}", o) for i, o in enumerate(given)]
    return tuple(
        Objective(name, tuple(targets), _table(what, targets, domains), tuple(domains)) for name, what in named
    )


def _of_one(node: str, domain: Values) -> list[tuple[str, Floats]]:
    values: list[tuple[str, Floats]] = []
    if all(is_number(v) and np.isfinite(float(v)) for v in domain):  # type: ignore[arg-type]
        values.append((node, np.array([float(v) for v in domain])))  # type: ignore[arg-type]
    for i, v in enumerate(domain):
        values.append((f"[{node} = {v}]", np.eye(len(domain))[i]))
    kept = [(name, array) for name, array in values if np.ptp(array) > 0]
    return [*kept, *((f"−{name}", -array) for name, array in kept)]


def _table(what: Any, targets: Sequence[str], domains: Sequence[Values]) -> Floats:
    shape = [len(domain) for domain in domains]
    if isinstance(what, Objective):
        what = what.values
    if isinstance(what, Mapping):
        mapping = what

        def look_up(*values: Hashable) -> float:
            key = values[0] if len(values) == 1 and values[0] in mapping else values
            if key not in mapping:
                raise unknown(key, map(str, mapping), what=f"a key of the objective on {', '.join(targets)}")
            return float(mapping[key])

        what = look_up
    if callable(what):
        array = np.array([float(what(*values)) for values in product(*domains)])
    else:
        array = np.asarray(what, dtype=float).ravel()
    if array.size != int(np.prod(shape)) or not np.isfinite(array).all():
        raise MechanismError(
            f"an objective on {', '.join(f'`{t}`' for t in targets)} is one finite number per combination of values, "
            f"shape {tuple(shape)}; got {array.size} of them."
        )
    return array
