r"""The inside of a body: inner nodes that can be read, and changed while it acts.

A body (a kind of policy, a function of your own) *declares* inner nodes: what it computes between observations and
action. Wherever one is computed it is shown to a *touch*, ``value = touch("plan", value)``, and the body goes on with
what comes back. So the same line serves for reading, where the touch writes down, and for an intervention :math:`do`,
where it hands back something else. A node is a **value**, computed from what is seen, or a **mechanism**, what the body
carries whatever it sees: a model of the world, what outcomes are worth to it.

Values are arrays ``(agents, n, *shape)`` for n observations; those of mechanisms have n = 1, as long as nothing that is
seen changes them. Where several nodes are changed at once, each change is one of the value that the node has of itself,
in the body that nobody changes, whatever the order in which the body comes to them.

>>> double = Touching({"estimate": lambda value: 2 * value}, {})
>>> double("estimate", np.array([[1.0, 2.0]])).tolist(), double.read["estimate"].tolist()
([[2.0, 4.0]], [[2.0, 4.0]])

References
----------
A. Geiger et al., "Causal abstractions of neural networks", NeurIPS 2021 (interchange interventions).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import NotApplicableError, shortened

_Answer = TypeVar("_Answer")

Changes: TypeAlias = Mapping[str, Any]
"""Inner node → what takes its value's place: a constant, ``f(value)``, or ``f(value, {node: what is observed})``."""


@dataclass(frozen=True, slots=True)
class InnerNode:
    """What a body computes between observations and action.

    Attributes
    ----------
    decision
        Inside of which decision.
    name
        Its own.
    shape
        Of one value; ``None`` where the body does not say.
    mechanism
        Whether it is carried, whatever is seen, and not computed from what is seen.
    """

    decision: str
    name: str
    shape: tuple[int, ...] | None = None
    mechanism: bool = False


def listed(nodes: Iterable[InnerNode]) -> dict[str, InnerNode]:
    """Return nodes under their names; where several decisions have one of a name, as ``decision.name``.

    >>> list(listed([InnerNode("go", "plan"), InnerNode("go", "map"), InnerNode("stay", "plan")]))
    ['go.plan', 'map', 'stay.plan']
    """
    every = list(nodes)
    names = [node.name for node in every]
    return {(node.name if names.count(node.name) == 1 else f"{node.decision}.{node.name}"): node for node in every}


def find(nodes: Mapping[str, InnerNode], name: str, decision: str | None = None) -> InnerNode | None:
    """Return the node of a name, plain or as ``decision.name``, inside a decision if one is told; ``None``: none is.

    >>> known = listed([InnerNode("go", "plan"), InnerNode("stay", "plan")])
    >>> find(known, "stay.plan").decision, find(known, "plan", "go").decision, find(known, "plan")
    ('stay', 'go', None)
    """
    found = [
        node
        for node in nodes.values()
        if name in {node.name, f"{node.decision}.{node.name}"} and decision in {None, node.decision}
    ]
    return found[0] if len(found) == 1 else None


def require(nodes: Mapping[str, InnerNode], name: str) -> InnerNode:
    """Return the node of a name.

    Raises
    ------
    NotApplicableError
        The body has none, or several decisions do.
    """
    found = find(nodes, name)
    if found is None:
        several = [key for key, node in nodes.items() if node.name == name]
        if several:
            raise NotApplicableError(f"several decisions have a node `{name}` inside: say {' or '.join(several)}.")
        raise NotApplicableError(undefined(name, nodes))
    return found


def undefined(name: str, nodes: Mapping[str, InnerNode]) -> str:
    """Say that a body has no node of a name, and what it has.

    >>> undefined("plan", {})
    'undefined: this body has no node `plan`; nothing is known of its inside.'
    """
    has = f"it has {', '.join(f'`{key}`' for key in nodes)}" if nodes else "nothing is known of its inside"
    return f"undefined: this body has no node `{name}`; {has}."


def read_changes(nodes: Mapping[str, InnerNode], changes: Changes) -> dict[str, Any]:
    """Return changes with the full name ``decision.name`` of each node.

    >>> list(read_changes(listed([InnerNode("go", "plan")]), {"plan": 0.0}))
    ['go.plan']
    """
    if not isinstance(changes, Mapping):
        raise NotApplicableError(
            f"do takes inner nodes and what takes their value's place, do({{'plan': f}}); got {shortened(changes)}."
        )
    found = {name: require(nodes, name) for name in changes}
    return {f"{node.decision}.{node.name}": changes[name] for name, node in found.items()}


@dataclass(eq=False)
class Touching:
    """Writes down what a body computes inside, and changes what is to be changed.

    Attributes
    ----------
    changes
        Own name of a node → what takes its value's place.
    seen
        What is observed, by node, ``(n,)`` or ``(agents, n)``.
    single
        The body is one agent and shows its values without an axis for agents.
    natural
        Own name of a node → the value that it has of itself; left out, the one that is shown.
    read
        Own name of a node → the value with which the body went on.
    """

    changes: Changes
    seen: Mapping[str, Any]
    single: bool = False
    natural: Mapping[str, Array] = field(default_factory=dict)
    read: dict[str, Array] = field(default_factory=dict)

    def __call__(self, name: str, value: Any) -> Any:
        """Take a value note of, and return it or what takes its place."""
        own = value.detach().cpu().numpy().copy() if hasattr(value, "detach") else np.array(value)
        own = own[None] if self.single else own
        if name not in self.changes:
            self.read[name] = own
            return value
        self.read[name] = new = _changed(name, self.natural.get(name, own), self.changes[name], self.seen)
        new = new[0] if self.single else new
        return value.new_tensor(new) if hasattr(value, "new_tensor") else new


def asked(
    ask: Callable[[Touching], _Answer], changes: Changes, seen: Mapping[str, Any], *, single: bool = False
) -> tuple[_Answer, dict[str, Array]]:
    """Ask a body under changes; return its answer, and the values of inner nodes with which it came to it.

    Where there are several changes it is asked without any first: each is one of the value that a node has of itself.
    """
    natural: Mapping[str, Array] = {}
    if len(changes) > 1 and any(map(callable, changes.values())):
        before = Touching({}, seen, single)
        ask(before)
        natural = before.read
    touch = Touching(changes, seen, single, natural)
    return ask(touch), touch.read


def _changed(name: str, own: Array, change: Any, seen: Mapping[str, Any]) -> Array:
    """Return what takes the place of a value, as large as that."""
    found = _called(change, own, seen) if callable(change) else change
    try:
        new = np.asarray(found, dtype=own.dtype)
        shape = list(own.shape)
        if own.shape[1] == 1 and new.ndim == own.ndim:
            shape[1] = new.shape[1]  # a mechanism may be changed by what is seen
        return np.ascontiguousarray(np.broadcast_to(new, shape))
    except (TypeError, ValueError):
        got = getattr(found, "shape", None)
        raise NotApplicableError(
            f"what is to take the place of `{name}` fits into its shape {own.shape}, (agents, observations, ..); got "
            f"{shortened(found) if got is None else f'an array of shape {tuple(got)}'}."
        ) from None


def _called(change: Callable[..., Any], own: Array, seen: Mapping[str, Any]) -> Any:
    return change(own.copy(), seen) if takes(change, 2) else change(own.copy())


def takes(function: Callable[..., Any], many: int) -> bool:
    """Say whether a function can be called with so many arguments; one that does not tell can.

    >>> takes(lambda value: value, 2), takes(lambda value, seen: value, 2)
    (False, True)
    """
    try:
        inspect.signature(function).bind(*range(many))
    except TypeError:
        return False
    except ValueError:  # a builtin tells no signature
        pass
    return True


def swap(one: Any, other: Any) -> Callable[[Array, Mapping[str, Any]], Array]:
    """Return a change that exchanges two entries of an inner node, along the first axis of its value.

    Parameters
    ----------
    one, other
        The number of an entry, or a function from what is observed, ``{node: array (n,)}``, to numbers ``(n,)``.

    Examples
    --------
    >>> goal = swap(lambda seen: seen["goal"], 0)
    >>> goal(np.array([[[5, 6, 7], [5, 6, 7]]]), {"goal": np.array([1, 2])}).tolist()
    [[[6, 5, 7], [7, 6, 5]]]
    """

    def exchanged(value: Array, seen: Mapping[str, Any]) -> Array:
        ends = [np.asarray(end(seen) if callable(end) else end, dtype=np.intp) for end in (one, other)]
        n = max(value.shape[1], *(end.size for end in ends))
        new = np.repeat(value, n, axis=1) if value.shape[1] == 1 < n else value.copy()
        rows, (i, j) = np.arange(n), (np.broadcast_to(end.reshape(-1), (n,)) for end in ends)
        kept = new[:, rows, i].copy()
        new[:, rows, i] = new[:, rows, j]
        new[:, rows, j] = kept
        return new

    return exchanged
