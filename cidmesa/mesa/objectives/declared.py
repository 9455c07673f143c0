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
from inspect import signature
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.errors import MechanismError, unknown
from cidmesa.mechanisms import is_number
from cidmesa.mechanisms.numbers import as_float

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM

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

    def table_in(self, model: CIM) -> Floats:
        """Return the table over the values that the targets have in `model`: a utility's are the numbers it pays."""
        table = self.table
        for axis, (node, domain) in enumerate(zip(self.targets, self.domains, strict=True)):
            if model.cid.kind(node) == "utility":
                table = table.take([domain.index(value) for value in np.unique(model.cpd(node)).tolist()], axis=axis)
        return table

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


def numbers_of(setup: TrainingSetup, node: str) -> Floats:
    """Return the values of a target that is a number, in the order of its domain: the objective to have much of it."""
    return np.array([float(value) for value in domain_of(setup, node)])  # type: ignore[arg-type]


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


def declared_on_fewer(targets: Sequence[str], domains: Sequence[Values]) -> tuple[Objective, ...]:
    """Return the declared objectives of proper subsets of the targets as objectives on all, larger subsets first.

    An objective on a part of the targets is one on all of them.

    Examples
    --------
    >>> [d.name for d in declared_on_fewer(["a", "b"], [(0, 1), (7,)])]
    ['a', '[a = 0]', '[a = 1]', '−a', '−[a = 0]', '−[a = 1]']
    """
    shape = [len(domain) for domain in domains]
    found: list[Objective] = []
    for count in range(len(targets) - 1, 0, -1):
        for chosen in combinations(range(len(targets)), count):
            for one in declared([targets[i] for i in chosen], [domains[i] for i in chosen]):
                if len(found) >= MANY:
                    return tuple(found)
                view = one.values.reshape([shape[i] if i in chosen else 1 for i in range(len(shape))])
                values = np.broadcast_to(view, shape).ravel()
                found.append(Objective(one.name, tuple(targets), values, tuple(domains)))
    return tuple(found)


def laid_out(table: Array, names: Sequence[str], onto: Sequence[str]) -> Array:
    """Return a table with one axis per name as one with an axis per name of `onto`, of length one where it is new.

    >>> laid_out(np.zeros((2, 3)), ["b", "a"], ["a", "new", "b"]).shape
    (3, 1, 2)
    """
    order = sorted(range(len(names)), key=lambda i: onto.index(names[i]))
    moved = table.transpose(order)
    lengths = iter(moved.shape)
    return moved.reshape([next(lengths) if name in names else 1 for name in onto])


def of_score(setup: TrainingSetup, targets: Sequence[str], domains: Sequence[Values]) -> tuple[Objective, ...]:
    """Return what training scores as an objective on `targets`, where they are all that it reads, or more.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "cap"), ("cap", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(act=[0, 1], cap=lambda act: 2 * act, pay=lambda cap: 3 - cap)
    >>> [o.values.tolist() for o in of_score(cm.TrainingSetup(model), ["cap"], [(0, 2)])]
    [[3.0, 1.0]]
    """
    model, score = setup.require_model("an objective"), setup.training_score
    if not all(parent in targets for utility in score for parent in setup.cid.parents(utility)):
        return ()
    total = np.zeros([len(domain) for domain in domains])
    for utility in score:
        total = total + laid_out(model.cpd(utility), setup.cid.parents(utility), targets)
    return (Objective("the score", tuple(targets), total.ravel(), tuple(domains)),) if np.ptp(total) > 0 else ()


def read(given: Any, targets: Sequence[str], domains: Sequence[Values]) -> tuple[Objective, ...]:
    """Read a user's objectives on `targets`; ``None`` stands for :func:`declared`.

    Parameters
    ----------
    given
        One objective: a function of the targets (by their names, else in node order), a table, a mapping from value
        to number. Several: a mapping from name to objective, or a sequence of them.
    targets, domains
        As for :func:`declared`.

    Raises
    ------
    MechanismError
        What is given is no objective on these targets.

    Examples
    --------
    >>> [o.values.tolist() for o in read({0: 1.0, 2: 5.0}, ["cap"], [(0, 2)])]
    [[1.0, 5.0]]
    >>> [(o.name, o.values.tolist()) for o in read({"mine": lambda cap: -cap}, ["cap"], [(0, 2)])]
    [('mine', [0.0, -2.0])]
    """
    if given is None:
        return declared(targets, domains)
    return tuple(
        Objective(name, tuple(targets), _table(what, targets, domains), tuple(domains))
        for name, what in _named(given, tuple(len(domain) for domain in domains))
    )


def _named(given: Any, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
    """Return objectives with their names, whether one is given or several."""
    if isinstance(given, Objective):
        return [(given.name, given)]
    if callable(given):
        return [(getattr(given, "__name__", "objective"), given)]
    if isinstance(given, Mapping) and not all(map(is_number, given.values())):
        return [(str(name), what) for name, what in given.items()]
    if isinstance(given, list | tuple) and not all(map(is_number, given)) and not _has_shape(given, shape):
        return [(f"objective {i + 1}", what) for i, what in enumerate(given)]
    return [("objective", given)]


def _has_shape(given: Any, shape: tuple[int, ...]) -> bool:
    """Say whether nested lists are one table: all numbers, an axis per target."""
    try:
        return np.asarray(given, dtype=float).shape == shape
    except (TypeError, ValueError):
        return False


def _of_one(node: str, domain: Values) -> list[tuple[str, Floats]]:
    values: list[tuple[str, Floats]] = []
    if all(is_number(v) and np.isfinite(as_float(v)) for v in domain):
        values.append((node, np.array([float(v) for v in domain])))  # type: ignore[arg-type]
    for i, v in enumerate(domain):
        values.append((f"[{node} = {v}]", np.eye(len(domain))[i]))
    kept = [(name, array) for name, array in values if np.ptp(array) > 0]
    return [*kept, *((f"−{name}", -array) for name, array in kept)]


def _table(what: Any, targets: Sequence[str], domains: Sequence[Values]) -> Floats:
    """Write an objective out as one number per combination of values, in C order."""
    shape = [len(domain) for domain in domains]
    if isinstance(what, Objective):
        what = what.values
    if isinstance(what, Mapping) or callable(what):
        array = np.array([_number(what, values, targets) for values in product(*domains)])
    else:
        try:
            array = np.asarray(what, dtype=float).ravel()
        except (TypeError, ValueError):
            array = np.zeros(0)
    if array.size != int(np.prod(shape)) or not np.isfinite(array).all():
        raise MechanismError(
            f"an objective on {', '.join(f'`{t}`' for t in targets)} is one finite number per combination of values, "
            f"shape {tuple(shape)}; got {what!r}: a function of the targets, a table, or {{value: number}}."
        )
    return array


def _number(what: Any, values: Values, targets: Sequence[str]) -> float:
    """Return what an objective gives for one combination of values."""
    if isinstance(what, Mapping):
        key = values[0] if len(values) == 1 and values[0] in what else values
        if key not in what:
            raise unknown(key, map(str, what), what=f"a key of the objective on {', '.join(targets)}")
        found = what[key]
    else:
        try:
            found = what(**dict(zip(targets, values, strict=True))) if _by_name(what, targets) else what(*values)
        except Exception as error:
            raise MechanismError(
                f"the objective on {', '.join(f'`{t}`' for t in targets)} fails for the values {values!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
    try:
        return as_float(found)
    except (TypeError, ValueError):
        raise MechanismError(
            f"the objective on {', '.join(f'`{t}`' for t in targets)} is a number for every combination of values; "
            f"for {values!r} it is {found!r}."
        ) from None


def _by_name(what: Callable[..., Any], targets: Sequence[str]) -> bool:
    """Say whether a function's arguments bear the names of the targets."""
    try:
        return set(signature(what).parameters) == set(targets)
    except (TypeError, ValueError):  # a built-in function tells nothing of its arguments
        return False
