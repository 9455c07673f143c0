r"""Models made of bits that travel along paths.

Every construction of :mod:`.build` is written as *tracks*. A track is a bit with a source, copied
from node to node along a path; a node's value is the tuple of the bits that pass through it, and a node that no track
touches has one state. Paths may share nodes freely: each bit is kept apart from the others, so they never clash. A bit
that is not copied is the exclusive or, or the conjunction, of bits of the node's parents, plus noise of its own.

>>> from cidmesa import CID
>>> cid = CID([("a", "b"), ("b", "c"), ("go", "pay"), ("c", "pay")], decisions=["go"], utilities=["pay"])
>>> tracks = Tracks(cid, agent=0)
>>> tracks.put("a", "s", Bit(noise=0.5))
>>> tracks.copy(["a", "b", "c"], "s")
>>> tracks.put("go", "d", Bit())
>>> tracks.pay(Pay("pay", (("go", "d"), ("c", "s")), equal=True))
>>> model = tracks.model()
>>> model.domain("b"), model.cpd("pay").tolist(), model.solve().value
((0, 1), [[1.0, 0.0], [0.0, 1.0]], 0.5)
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.diagram import CID
from cidmesa.mechanisms import Choice, Mechanism, Place, Structural, Table
from cidmesa.model import CIM

Ref: TypeAlias = tuple[str, str]
"""A bit of a parent: the parent and the track."""


@dataclass(frozen=True, slots=True)
class Bit:
    """How a node gets the bit of one track.

    Attributes
    ----------
    refs
        Bits of its parents. None: the bit is 0 before the noise.
    conjunction
        Whether they are joined by *and* instead of by exclusive or.
    noise
        The probability that the bit is flipped, by noise of the node's own; 1 makes a constant 1.
    """

    refs: tuple[Ref, ...] = ()
    conjunction: bool = False
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Pay:
    """What a utility that pays does: 1 where its two bits are `equal`, or else where all its bits are 1."""

    utility: str
    refs: tuple[Ref, ...]
    equal: bool = False


class Tracks:
    """A model under construction: which bits pass through which node of a diagram, and what pays the agent."""

    def __init__(self, cid: CID, agent: Hashable) -> None:
        self.cid = cid
        self.agent = agent
        self.bits: dict[str, dict[str, Bit]] = {}
        self.pays: dict[str, Pay] = {}

    def pay(self, what: Pay) -> None:
        """Say what a utility pays for; all others pay 0."""
        self.pays[what.utility] = what

    def put(self, node: str, track: str, bit: Bit) -> None:
        """Say how `node` gets the bit of `track`; a bit that is there already stays as it is."""
        self.bits.setdefault(node, {}).setdefault(track, bit)

    def copy(self, path: Sequence[str], track: str) -> None:
        """Copy the bit of `track` along `path`, whose first node has it."""
        for tail, head in pairwise(path):
            self.put(head, track, Bit(((tail, track),)))

    def model(self) -> CIM:
        """Write the tracks out as a model on the diagram.

        Decisions that no track touches have one action. Those of other agents are given their rules.

        Raises
        ------
        MechanismError
            A node has more parents than a dense table has axes.
        """
        mechanisms: dict[str, Any] = {}
        rules: dict[str, Any] = {}
        for node in self.cid.nodes:
            kind = self.cid.kind(node)
            parents = self.cid.parents(node)
            Place(node, kind, parents, tuple(self.domain(p) for p in parents)).require_small(0)
            if kind == "utility":
                mechanisms[node] = Table(self._payments(node))
            elif kind == "decision":
                mechanisms[node] = Choice(self.domain(node))
            else:
                mechanisms[node] = self.mechanism(node)
        for decision in self.cid.decisions:
            if self.cid.agent_of(decision) != self.agent:
                rules[decision] = self.mechanism(decision)
        model = CIM(self.cid, mechanisms)
        return model.with_policy(rules) if rules else model

    def domain(self, node: str) -> tuple[Any, ...]:
        """Return the values of a node: one bit, the tuples of several, or a single 0."""
        k = len(self.bits.get(node, {}))
        return (0,) if k == 0 else (0, 1) if k == 1 else tuple(product((0, 1), repeat=k))

    def mechanism(self, node: str, instead: Mapping[str, Bit] | None = None) -> Mechanism:
        """Return the structural mechanism of a node, with some of its bits got in another way `instead`."""
        bits = {**self.bits.get(node, {}), **(instead or {})}
        parents = self.cid.parents(node)
        fair = [track for track, bit in bits.items() if 0 < bit.noise < 1]
        noise = np.ones(1)
        for track in fair:
            noise = np.multiply.outer(noise, [1 - bits[track].noise, bits[track].noise]).reshape(-1)
        shape = (*(len(self.domain(p)) for p in parents), len(noise))
        outcome = np.zeros((1,) * len(shape), dtype=np.intp)
        for track, bit in bits.items():
            value = self._joined(bit.refs, parents, bit.conjunction)[..., None]
            if track in fair:
                value = value ^ _bit(np.arange(len(noise)), fair.index(track), len(fair))
            elif bit.noise:
                value = value ^ 1
            outcome = 2 * outcome + value
        return Structural(noise, np.broadcast_to(outcome, shape), self.domain(node))

    def cells(self) -> int:
        """Return the number of entries of the largest table that :meth:`model` would write."""
        cards = {node: len(self.domain(node)) for node in self.cid.nodes}
        return max(math.prod(cards[p] for p in self.cid.parents(node)) * cards[node] for node in self.cid.nodes)

    def _payments(self, utility: str) -> Array:
        parents = self.cid.parents(utility)
        shape = tuple(len(self.domain(p)) for p in parents)
        what = self.pays.get(utility)
        if what is None:
            return np.zeros(shape)
        value = self._joined(what.refs, parents, conjunction=not what.equal)
        return np.broadcast_to(value ^ 1 if what.equal else value, shape).astype(np.float64)

    def _joined(self, refs: Sequence[Ref], parents: tuple[str, ...], conjunction: bool) -> Ints:
        """Join bits of the parents; one axis for each parent, of length 1 where it does not matter."""
        value = np.full((1,) * len(parents), int(conjunction and bool(refs)), dtype=np.intp)
        for parent, track in refs:
            tracks = list(self.bits[parent])
            states = np.arange(len(self.domain(parent)))
            axis = parents.index(parent)
            bit = _bit(states, tracks.index(track), len(tracks)).reshape((-1,) + (1,) * (len(parents) - axis - 1))
            value = value & bit if conjunction else value ^ bit
        return value


def _bit(states: Ints, place: int, of: int) -> Ints:
    """Return the bit at `place` of every state that counts up `of` bits, the first the most significant."""
    return (states >> (of - 1 - place)) & 1
