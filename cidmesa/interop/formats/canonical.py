"""Canonical models (noisy OR, AND, MAX, MIN, tuning), written out as tables.

Each parent acts on the node by itself and may fail to; what the parents and the leak would have made of the node is
combined by a function of it. GeNIe, OpenMarkov and Elvira keep the parts alone, of which this makes the whole table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.interop.formats.network import Entry, Network, grid

Model: TypeAlias = Literal["first", "last", "tuning"]
"""What parts make together: the first or the last of the states that they bring about, or the sign of a sum."""


def combined(model: Model, parts: Sequence[Array], leak: Array | None = None) -> Array:
    """Return the table of a canonical model.

    Parameters
    ----------
    model
        ``"first"``: the part whose state is first in the node's order prevails; ``"last"``: the last one; a noisy OR or
        MAX is the one or the other, as its states are in descending or ascending order. ``"tuning"``: each part brings
        about less, the same or more, the three states of the node in this order; they add up, and the sign counts.
    parts
        For each parent P(state | its value), shape (values, states).
    leak
        P(state) of all causes that are not in the diagram; ``None`` if there are none.

    Returns
    -------
    numpy.ndarray
        P(state | parents): an axis for each parent in order, then the states. Sums of rows are products of the parts'.

    Notes
    -----
    The cost is that of the table's size, times the number of parts for a tuning model.

    References
    ----------
    F. J. Díez and M. J. Druzdzel, "Canonical probabilistic models for knowledge engineering", CISIAD-06-01, 2006.

    Examples
    --------
    A noisy OR with the states *yes* and *no*: each of two causes is enough, with probability 0.9 and 0.8.

    >>> causes = [np.array([[0.9, 0.1], [0.0, 1.0]]), np.array([[0.8, 0.2], [0.0, 1.0]])]
    >>> combined("first", causes)[..., 0].round(3).tolist()
    [[0.98, 0.9], [0.8, 0.0]]
    >>> combined("last", causes)[..., 0].round(3).tolist()  # both are needed
    [[0.72, 0.0], [0.0, 0.0]]
    """
    all_parts = [*parts, *([] if leak is None else [leak])]
    if model == "tuning":
        return _tuned(all_parts)
    if model == "last":
        return combined("first", [part[..., ::-1] for part in all_parts])[..., ::-1]
    found = all_parts[0]
    for part in all_parts[1:]:
        table, part = _beside(found, part)
        found = table * (part + _after(part)) + _after(table) * part
    return found


def _beside(table: Array, part: Array) -> tuple[Array, Array]:
    """Return a table and a further part such that they multiply: its parent's axis comes before the states."""
    if part.ndim == 1:
        return table, part
    return table[..., None, :], part


def _after(table: Array) -> Array:
    """Return the probability of the states after each."""
    tails = np.flip(np.cumsum(np.flip(table[..., 1:], -1), -1), -1)
    return np.concatenate([tails, np.zeros_like(table[..., :1])], axis=-1)


def _tuned(parts: Sequence[Array]) -> Array:
    found = parts[0]  # over the sums from -n to n, after n parts
    for part in parts[1:]:
        table, part = _beside(found, part)
        width = table.shape[-1]
        shape = np.broadcast_shapes(table.shape[:-1], part.shape[:-1])
        found = np.zeros((*shape, width + 2))
        for step in range(3):
            found[..., step : step + width] += table * part[..., step : step + 1]
    middle = found.shape[-1] // 2
    return np.stack([found[..., :middle].sum(-1), found[..., middle], found[..., middle + 1 :].sum(-1)], axis=-1)


def written_out(
    entry: Entry, network: Network, model: Model, parts: Mapping[str, Array], leak: Array | None = None
) -> Array:
    """Return the whole table of a node, row by row, of a part for each of its parents; refuse parts that do not fit.

    Parameters
    ----------
    parts
        Parent → P(state | its value), the parent's values first.
    """
    shape = grid(entry, network)
    if model == "tuning" and shape[-1] != 3:
        entry.fail(f"has {shape[-1]} states, and a tuning model has three: less, the same, more.")
    steps = len(shape) if model == "tuning" else 1
    network.spend(entry, math.prod(shape) * steps)
    for parent, card in zip(entry.parents, shape, strict=False):
        if parent not in parts:
            entry.fail(f"its canonical model says nothing of its parent `{parent[:80]}`.")
        if np.shape(parts[parent]) != (card, shape[-1]):
            entry.fail(
                f"its canonical model has {np.size(parts[parent]):,} numbers for `{parent[:80]}`, whose values and its "
                f"own states ask for {card * shape[-1]:,}."
            )
    if leak is not None and np.shape(leak) != shape[-1:]:
        entry.fail(f"the leak of its canonical model has {np.size(leak):,} numbers for {shape[-1]:,} states.")
    if not entry.parents and leak is None:
        entry.fail("its canonical model has neither parents nor a leak.")
    with np.errstate(over="ignore", invalid="ignore"):
        return combined(model, [parts[parent] for parent in entry.parents], leak).reshape(-1)
