r"""Numbers for a whole population at once: each agent's own noise, and how a net's input is coded.

**Noise.** Agent :math:`i` has a key of its own, and every random number is a hash of (key, stream, counter): no state,
so a stopped run resumes exactly where it was, agent 3 is the same whether 8 or 800 are trained beside it, and a
retrained agent meets the same world noise even where the model or its inputs were changed (streams are named after
nodes). The hash is the splitmix64 generator [1]_.

**Encoders.** What a net is shown of an observed node is not part of the diagram: a value may be coded in an easy way
or a hard one. An encoder returns, for each value of the node, its equally likely codes.

>>> import numpy as np
>>> keys = agent_keys(0, 2)
>>> bool(np.allclose(uniforms(keys, "door", np.arange(4))[:, 1], uniforms(keys, "door", np.array([1]))[:, 0]))
True
>>> [code.shape for code in (one_hot(3), parity(1)(2), parity(3)(2))]     # (values, codes, width)
[(3, 1, 3), (2, 1, 1), (2, 4, 3)]

References
----------
.. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM

Keys: TypeAlias = NDArray[np.uint64]
Encoder: TypeAlias = Callable[[int], Floats]
"""From the number of values of a node to its codes, ``(values, codes, width)``."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MOST_ROWS = 2**22
_PLAIN = {"U": "U", **dict.fromkeys("biuf", "biuf")}
"""Kinds of arrays whose values numpy compares as Python does, by the kind of the domain."""


def agent_keys(seed: int, agents: int) -> Keys:
    """Return one key for each agent; a prefix of those for more agents."""
    start = np.uint64(stream_number(f"seed {int(seed)}"))
    with np.errstate(over="ignore"):
        return _mix(start + np.arange(1, agents + 1, dtype=np.uint64) * _GOLDEN)


def uniforms(keys: Keys, stream: str, counter: Array) -> Floats:
    """Return the numbers of `stream` at `counter`, uniform on [0, 1), for each agent.

    Parameters
    ----------
    keys
        From :func:`agent_keys`.
    stream
        Any text: the name of a node, of a layer.
    counter
        Non-negative integers of any shape, the same for all agents, or with a leading axis for the agents where it
        has more than one axis.

    Returns
    -------
    numpy.ndarray
        Shape ``(agents, *shape)``.
    """
    counts = np.asarray(counter).astype(np.uint64)
    if counts.ndim < 2:
        counts = counts[None]
    with np.errstate(over="ignore"):
        own = _mix(keys ^ np.uint64(stream_number(stream)))
        mixed = _mix(own.reshape(-1, *[1] * (counts.ndim - 1)) + (counts + np.uint64(1)) * _GOLDEN)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw(probabilities: Floats, noise: Floats) -> Ints:
    """Return the action whose share of [0, 1) the noise falls into; never one of probability zero."""
    cumulative = np.cumsum(probabilities, axis=-1)[..., :-1]
    last = probabilities.shape[-1] - 1 - (probabilities[..., ::-1] > 0).argmax(axis=-1)
    return np.asarray(np.minimum((noise[..., None] >= cumulative).sum(axis=-1), last), dtype=np.intp)


def _mix(x: Keys) -> Keys:
    """Scramble 64 bits (the finaliser of splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def stream_number(text: str) -> int:
    """Return the 64-bit number that a stream's name stands for."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


# Encoders -----------------------------------------------------------------------------------------------------------


def one_hot(card: int) -> Floats:
    """Code a value by a one in its own column; the default.

    >>> one_hot(2)[:, 0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(card)[:, None, :]


@dataclass(frozen=True, slots=True)
class parity:  # noqa: N801  (read as a function: encoders={"door": cm.agents.parity(3)})
    r"""Code a value by bits whose parities spell it: `k` = 1 is plain, `k` = 3 is hard to learn.

    The value's position is written in binary; each binary digit is the parity of `k` bits, all of which but one are
    free, so a value has :math:`2^{(k-1)\lceil\log_2 card\rceil}` equally likely codes. A bit is
    :math:`\pm 1/\sqrt 2`: flipping it moves the input as far as changing a one-hot value, so with `k` = 1 neither
    coding is more salient.

    Examples
    --------
    >>> (parity(1)(2)[:, 0, 0] > 0).tolist()
    [False, True]
    >>> (parity(3)(2) > 0).sum(axis=-1).tolist()     # how many bits are set: even for 0, odd for 1
    [[0, 2, 2, 2], [1, 1, 1, 3]]
    """

    k: int

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise NotApplicableError(f"parity(k) codes a bit by k >= 1 bits; got {self.k!r}.")

    def __call__(self, card: int) -> Floats:
        """Return the codes of `card` values."""
        digits = max(1, (card - 1).bit_length())
        words = np.array(list(product([0, 1], repeat=self.k)))
        words = words[np.lexsort((words.sum(axis=1),))]
        spelled = [words[words.sum(axis=1) % 2 == bit] for bit in (0, 1)]
        codes = []
        for value in range(card):
            parts = [spelled[(value >> digit) & 1] for digit in range(digits)]
            codes.append([np.concatenate(choice) for choice in product(*parts)])
        scaled: Floats = (2.0 * np.array(codes) - 1.0) / np.sqrt(2.0)
        return scaled


def codes_of(node: str, card: int, encoders: Mapping[str, Encoder]) -> Floats:
    """Return the codes of each value of `node`, ``(values, codes, width)``, one-hot where `encoders` leaves it out.

    Raises
    ------
    NotApplicableError
        The encoder returns another shape.
    """
    codes: Floats = np.asarray(encoders.get(node, one_hot)(card), dtype=np.float64)
    if codes.ndim != 3 or len(codes) != card or codes.shape[1] == 0:
        raise NotApplicableError(
            f"the encoder of `{node}` returns codes of shape (values, codes, width), {card} values; "
            f"got the shape {codes.shape}."
        )
    return codes


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What a rule may be shown: every context of its parents in every code.

    Attributes
    ----------
    table
        Shape ``(contexts, codes, width)``; contexts in C order over the parents.
    cells
        For each context the number of the table row a tabular rule keeps for it, shape ``(contexts,)``; contexts
        that differ in hidden parents alone share one.
    spans
        For each parent, in order, the columns that code it; before them stands one column of zeros.
    reached
        The contexts that come up under some policy, the only ones that matter in training; ``None``: any may.
    """

    table: Floats
    cells: Ints
    spans: tuple[slice, ...] = ()
    reached: Ints | None = None

    @property
    def codes(self) -> int:
        """How many equally likely codes each context has."""
        return int(self.table.shape[1])


def inputs(
    cards: tuple[int, ...],
    names: tuple[str, ...],
    encoders: Mapping[str, Encoder],
    hidden: frozenset[str],
    reached: Ints | None = None,
) -> Inputs:
    """Write out the input of a rule with the parents `names`.

    Parameters
    ----------
    cards, names
        Of the parents, in order.
    encoders
        By node; the others are coded by :func:`one_hot`.
    hidden
        Parents that the rule is not shown: their columns are zero.
    reached
        The contexts that come up, where that is known.

    Raises
    ------
    NotApplicableError
        There are too many contexts and codes to write out.
    """
    parts = []
    for name, card in zip(names, cards, strict=True):
        codes = codes_of(name, card, encoders)
        parts.append(np.zeros((card, 1, codes.shape[2])) if name in hidden else codes)
    rows = int(np.prod([part.shape[0] * part.shape[1] for part in parts], dtype=float))
    if rows > _MOST_ROWS:
        raise NotApplicableError(
            f"the observations {names!r} have {rows:,} contexts and codes, more than {_MOST_ROWS:,} to write out: "
            "observe fewer nodes, or code them with fewer bits."
        )
    table = np.zeros((1, 1, 1))  # one column of zeros, so that a rule without parents has an input too
    for part in parts:
        (c, m, w), (card, k, more) = table.shape, part.shape
        left = np.broadcast_to(table[:, None, :, None, :], (c, card, m, k, w))
        right = np.broadcast_to(part[None, :, None, :, :], (c, card, m, k, more))
        table = np.concatenate([left, right], axis=-1).reshape(c * card, m * k, w + more)
    seen = [1 if name in hidden else card for name, card in zip(names, cards, strict=True)]
    cells = np.zeros((), dtype=np.intp)
    for card, shown in zip(cards, seen, strict=True):
        cells = cells[..., None] * shown + (np.arange(card) if shown > 1 else np.zeros(card, dtype=np.intp))
    ends = np.cumsum([1, *(part.shape[2] for part in parts)]).tolist()
    spans = tuple(slice(start, stop) for start, stop in pairwise(ends))
    return Inputs(table, np.asarray(cells, dtype=np.intp).reshape(-1), spans, reached)


# Values and positions -------------------------------------------------------------------------------------------------


def positions(model: CIM, node: str, values: Any) -> Ints:
    """Return where each of `values` stands in the domain of `node`."""
    domain = model.domain(node)
    array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    known = as_array(domain)
    if array.dtype.kind in _PLAIN.get(known.dtype.kind, ""):
        found = np.full(array.shape, -1, dtype=np.intp)
        for i, value in enumerate(known):
            found[array == value] = i
        wrong = np.flatnonzero(found.reshape(-1) < 0)
        if len(wrong):
            raise _outside(array.reshape(-1)[wrong[0]].item(), node, domain)
        return found
    index = {value: i for i, value in enumerate(domain)}
    try:
        flat = [index[value] for value in array.reshape(-1).tolist()]
    except (KeyError, TypeError):
        raise _outside(next(v for v in array.reshape(-1).tolist() if v not in domain), node, domain) from None
    return np.array(flat, dtype=np.intp).reshape(array.shape)


def _outside(value: Any, node: str, domain: tuple[Any, ...]) -> NotApplicableError:
    return NotApplicableError(f"{value!r} is not in the domain of `{node}`, {domain!r}.")


def as_array(domain: tuple[Any, ...]) -> Array:
    """Return a domain as an array: numbers and texts as such, anything else as objects."""
    if len({type(value) for value in domain}) == 1 and isinstance(domain[0], bool | int | float | str):
        return np.array(domain)
    array = np.empty(len(domain), dtype=object)
    array[:] = domain
    return array
