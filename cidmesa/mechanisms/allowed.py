r"""Which actions a decision may take: a set for every context, compiled once to a table.

What is forbidden is part of a rule's form, not of its worth: it needs no penalty, and no sum is touched by it. The
observations on which the set depends are part of the form too, whatever they are worth.

>>> from cidmesa.mechanisms.place import Place
>>> place = Place("go", "decision", ("gate", "sky"), (("open", "shut"), ("sun", "rain")))
>>> found = read_allowed(lambda gate: ["stay", "out"] if gate == "open" else ["stay"], place, ("stay", "out"))
>>> found.observations, found.table.tolist()
(('gate',), [[True, True], [True, False]])
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.errors import MechanismError, did_you_mean
from cidmesa.mechanisms.numbers import plain, position_of
from cidmesa.mechanisms.place import Domain, Place


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The actions that a decision may take, by the values of the observations on which that depends.

    Attributes
    ----------
    observations
        The parents on which the set depends, and no others.
    domains
        Their values.
    table
        Booleans of shape ``(cards of observations..., card)``, read-only.
    """

    observations: tuple[str, ...]
    domains: tuple[Domain, ...]
    table: Mask

    def __eq__(self, other: object) -> bool:
        """Compare by what is allowed where, whatever the order of the observations."""
        if not isinstance(other, Allowed):
            return NotImplemented
        mine = dict(zip(self.observations, self.domains, strict=True))
        if mine != dict(zip(other.observations, other.domains, strict=True)):
            return False
        return bool(np.array_equal(self.over(other.observations), other.over(other.observations)))

    def __hash__(self) -> int:
        return hash((frozenset(self.observations), self.table.shape[-1]))

    def over(self, parents: Sequence[str]) -> Mask:
        """Return the table with an axis for each of `parents`, of length one where it does not matter.

        >>> found = Allowed(("a",), ((0, 1),), np.array([[True, False], [True, True]]))
        >>> found.over(["b", "a"]).shape
        (1, 2, 2)
        """
        axes = [self.observations.index(parent) for parent in parents if parent in self.observations]
        sizes = [self.table.shape[self.observations.index(p)] if p in self.observations else 1 for p in parents]
        return self.table.transpose([*axes, len(self.observations)]).reshape([*sizes, self.table.shape[-1]])

    @property
    def lacking(self) -> tuple[tuple[Any, ...], ...]:
        """The contexts of the observations in which nothing is allowed."""
        empty = ~self.table.any(axis=-1)
        return tuple(context for context, gone in zip(product(*self.domains), empty.flat, strict=True) if gone)

    def filled(self) -> Allowed:
        """Return the same with everything allowed where nothing is: in contexts that never come up."""
        table = self.table | ~self.table.any(axis=-1, keepdims=True)
        table.setflags(write=False)
        return Allowed(self.observations, self.domains, table)


Given: TypeAlias = "Callable[..., Iterable[Any]] | Mapping[tuple[Any, ...], Iterable[Any]] | Allowed"
"""What users write: a function of some observations, or a mapping from contexts of all of them."""


def read_allowed(given: Given, place: Place, actions: Domain) -> Allowed | None:
    """Write out which actions a decision may take; ``None`` where all of them are allowed everywhere.

    Parameters
    ----------
    given
        A function whose argument names are some of the decision's parents (``**observations`` takes all of them) and
        that returns a list of actions; or a mapping from contexts of all parents to such lists, contexts left out
        being free.
    place
        The decision, its parents and their domains.
    actions
        The decision's domain.

    Raises
    ------
    MechanismError
        An argument that is no parent, a context or an action that does not exist, something else than a list.
    """
    if isinstance(given, Allowed):
        return _checked(given, place, actions)
    if callable(given):
        names = _read(given, place)
    elif isinstance(given, Mapping):
        names = place.parents
        given = _looked_up(given, place, actions)
    else:
        raise place.error(
            f"allowed= is a function of what `{place.node}` observes, or a mapping from context to actions; "
            f"got {given!r}."
        )
    domains = [domain for parent, domain in zip(place.parents, place.parent_domains, strict=True) if parent in names]
    place.require_small(math.prod(map(len, domains)) * len(actions))
    table = np.zeros((*map(len, domains), len(actions)), dtype=bool)
    for row, context in zip(table.reshape(-1, len(actions)), product(*domains), strict=True):
        observed = dict(zip(names, context, strict=True))
        row[_positions(given, observed, place, actions)] = True
    return narrowed(names, domains, table)


def _read(f: Callable[..., Any], place: Place) -> tuple[str, ...]:
    """Return the parents that a function reads, in the parents' order."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise place.error(
            f"allowed={f!r} does not tell its argument names: wrap it in a lambda of what `{place.node}` observes."
        ) from None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return place.parents
    names = [p.name for p in parameters if p.default is p.empty]
    for name in names:
        if name not in place.parents:
            raise place.error(
                f"allowed= reads `{name}`{did_you_mean(name, place.parents)}, and `{place.node}` observes "
                f"{', '.join(f'`{p}`' for p in place.parents) or 'nothing'}: add the edge ('{name}', '{place.node}')."
            )
    return tuple([parent for parent in place.parents if parent in names])


def _looked_up(given: Mapping[Any, Any], place: Place, actions: Domain) -> Callable[..., Any]:
    """Return a mapping from context to actions as a function, every action being allowed in contexts left out."""
    for key in given:
        if not isinstance(key, tuple) or len(key) != len(place.parents):
            raise place.error(
                f"allowed= has the key {key!r}, and a context is a tuple of the values of "
                f"({', '.join(place.parents)}), in that order."
            )
        for value, parent, domain in zip(key, place.parents, place.parent_domains, strict=True):
            if position_of(value, domain) is None:
                raise place.error(
                    f"allowed= has the context {key!r}, and {value!r} is not in the domain of `{parent}`, {domain!r}."
                )
    return lambda **observed: given.get(tuple(observed.values()), actions)


def _positions(given: Any, observed: Mapping[str, Any], place: Place, actions: Domain) -> list[int]:
    where = ", ".join(f"{name}={value!r}" for name, value in observed.items()) or "its only context"
    try:
        listed = given(**observed)
    except MechanismError:
        raise
    except Exception as error:  # the user's own function failed: say where, keep the cause
        raise place.error(f"allowed= failed at {where}: {type(error).__name__}: {error}") from error
    if isinstance(listed, str | Mapping) or not isinstance(listed, Iterable):
        raise place.error(f"allowed= gives a list of actions, [{actions[0]!r}]; at {where} it gave {listed!r}.")
    found = []
    for action in map(plain, listed):
        position = position_of(action, actions)
        if position is None:
            raise place.error(
                f"allowed= gives {action!r} at {where}, which is not in the domain "
                f"{actions!r}{did_you_mean(action, map(str, actions))}."
            )
        found.append(position)
    return found


def narrowed(names: Sequence[str], domains: Sequence[Domain], table: Mask) -> Allowed | None:
    """Return what a table over some observations allows, without those on which it does not depend.

    ``None`` where all actions are allowed everywhere.

    >>> narrowed(["a", "b"], [(0, 1), (0, 1)], np.array([[[True, False]] * 2, [[True, True]] * 2])).observations
    ('a',)
    """
    kept = [i for i in range(len(names)) if (table != table.take([0], axis=i)).any()]
    small = table[tuple([slice(None) if i in kept else 0 for i in range(len(names))])]
    if small.all():
        return None
    small = small.copy()
    small.setflags(write=False)
    return Allowed(tuple([names[i] for i in kept]), tuple([domains[i] for i in kept]), small)


def _checked(given: Allowed, place: Place, actions: Domain) -> Allowed | None:
    """Check that a table which was compiled elsewhere fits here."""
    gone = [name for name in given.observations if name not in place.parents]
    if gone:
        raise place.error(
            f"what `{place.node}` may do depends on `{gone[0]}`, which it does not observe here: keep the edge "
            f"('{gone[0]}', '{place.node}')."
        )
    known = dict(zip(place.parents, place.parent_domains, strict=True))
    for name, domain in zip(given.observations, given.domains, strict=True):
        if known[name] != domain:
            raise place.error(
                f"what it may do was written for the values {domain!r} of `{name}`; here: {known[name]!r}."
            )
    if given.table.shape[-1] != len(actions):
        raise place.error(f"what it may do was written for {given.table.shape[-1]} actions; here are {len(actions)}.")
    return given
