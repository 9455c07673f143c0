r"""Games as Gambit reads them: extensive form files (``.efg``).

The game tree takes the nodes of the diagram in topological order: a chance node branches into its values, a decision
into its actions, and at the leaves every agent is paid the sum of its utilities. Two positions at which a decision sees
the same context are one *information set*. Nodes that matter to nobody (no utility and no decision descends from them)
are left out, and so are branches of probability zero.

Gambit wants the labels of nodes to be unique, so they are left empty: an information set bears the name of its node,
and what is seen there. All labels are printable ASCII: what is not, and quotes, backslashes and per cent signs, is
written as ``%XX``, the bytes of its UTF-8, which ``urllib.parse.unquote`` reads back.

>>> import cidmesa as cm
>>> cid = cm.CID([("coin", "call"), ("coin", "pay"), ("call", "pay")], decisions={"Ann": ["call"]},
...              utilities={"Ann": ["pay"]})
>>> model = cid.parameterise(coin=cm.Uniform("h", "t"), call=["h", "t"], pay=lambda coin, call: int(coin == call))
>>> print(to_efg(model, title="Calling a coin"))
EFG 2 R "Calling a coin" { "Ann" }
""
<BLANKLINE>
c "" 1 "coin" { "h" 1/2 "t" 1/2 } 0
p "" 1 1 "call | coin=h" { "h" "t" } 0
t "" 1 "" { 1 }
t "" 2 "" { 0 }
p "" 1 2 "call | coin=t" { "h" "t" } 0
t "" 3 "" { 0 }
t "" 4 "" { 1 }
<BLANKLINE>

References
----------
R. D. McKelvey, A. M. McLennan and T. L. Turocy, *Gambit: software tools for game theory*, "The extensive game (.efg)
file format", https://gambitproject.readthedocs.io/en/latest/formats.efg.html.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.errors import NotApplicableError
from cidmesa.solve.tables.exact_numbers import number_meant

if TYPE_CHECKING:
    from cidmesa.model import CIM

_PLAIN = "".join(c for c in map(chr, range(0x20, 0x7F)) if c not in '%"\\')
"""The characters of labels that are written as they are."""

MAX_LEAVES = 1_000_000
"""How many leaves a game tree may have, unless the caller allows more."""


def to_efg(
    model: CIM, path: str | os.PathLike[str] | None = None, *, title: str = "cidmesa", max_leaves: int = MAX_LEAVES
) -> str:
    """Write a model as an extensive form game for Gambit, and return the text.

    Parameters
    ----------
    model
        The game. A decision with a rule in the model is a chance move, as its rule is fixed.
    path
        Where to write the text to; left out, it is returned only.
    title
        The title in the file.
    max_leaves
        How large the tree may be.

    Returns
    -------
    str
        The file's text. Players are the agents that have an open decision or a utility, in the diagram's order.
        Probabilities and payoffs are the fractions that they were meant as, payoffs near none decimals; the
        probabilities of a chance move add up to one exactly, as Gambit demands. Labels are told above.

    Raises
    ------
    NotApplicableError
        Symbols, or more leaves than `max_leaves`.

    Notes
    -----
    The size of the tree is the product of the cards of all nodes that matter; the diagram is exponentially smaller.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    >>> to_efg(cid.parameterise(a=[0, 1], u=lambda a: a / 2)).splitlines()[-2]
    't "" 1 "" { 0 }'
    """
    require_model(model, "a game tree")
    model.require_numeric("a game tree", instead="")
    text = "\n".join([*_head(model, title), *_Tree(model, max_leaves).lines(), ""])
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _head(model: CIM, title: str) -> list[str]:
    return [f"EFG 2 R {_quoted(title)} {{ {' '.join(_labels(model.cid.agents))} }}", '""', ""]


class _Tree:
    """Walk the tree depth first, numbering information sets and outcomes as they come."""

    def __init__(self, model: CIM, max_leaves: int) -> None:
        cid = model.cid
        self.model = model
        matter = {node for node in cid.nodes if cid.kind(node) != "chance"}
        matter |= {a for node in matter for a in cid.ancestors(node)}
        order = [cid.nodes[i] for i in cid.topological]
        self.nodes = [n for n in order if n in matter and cid.kind(n) != "utility"]
        self.players = {agent: i + 1 for i, agent in enumerate(cid.agents)}
        self.sets: dict[Any, int] = {}
        self.used: dict[Hashable, int] = {}
        leaves = float(np.prod([float(model.card(n)) for n in self.nodes]))
        if leaves > max_leaves:
            raise NotApplicableError(
                f"the game tree of {len(self.nodes)} nodes may have {leaves:.3g} leaves, more than max_leaves="
                f"{max_leaves:,}: fix rules with with_policy, or leave out nodes that matter little."
            )

    def lines(self) -> Iterator[str]:
        """Yield the lines of all nodes, parents before children."""
        stack: list[dict[str, int]] = [{}]
        outcomes = 0
        while stack:
            at = stack.pop()
            if len(at) == len(self.nodes):
                outcomes += 1
                yield f't "" {outcomes} "" {{ {", ".join(map(_number, self._payoffs(at)))} }}'
                continue
            node = self.nodes[len(at)]
            chosen = self.model.cid.kind(node) == "decision" and node not in self.model.rules
            values = self._allowed(node, at) if chosen else self._possible(node, at)
            yield self._move(node, at, values) if chosen else self._chance(node, at, values)
            stack += [{**at, node: value} for value in reversed(values)]

    def _context(self, node: str, at: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(at[parent] for parent in self.model.cid.parents(node))

    def _possible(self, node: str, at: Mapping[str, int]) -> list[int]:
        positive: list[int] = np.flatnonzero(self.model.cpd(node)[self._context(node, at)] > 0).tolist()
        return positive

    def _allowed(self, node: str, at: Mapping[str, int]) -> list[int]:
        may = self.model.allowed(node)
        if may is None:
            return list(range(self.model.card(node)))
        found: list[int] = np.flatnonzero(may[self._context(node, at)]).tolist()
        return found

    def _payoffs(self, at: Mapping[str, int]) -> Iterator[float]:
        cid = self.model.cid
        for agent in cid.agents:
            yield sum(float(self.model.cpd(u)[self._context(u, at)]) for u in cid.utilities_of(agent))

    def _number_of(self, player: Hashable, node: str, context: tuple[int, ...]) -> int:
        """Return the number of an information set, counted for each player by itself."""
        key = (player, node, context)
        if key not in self.sets:
            self.used[player] = self.sets[key] = self.used.get(player, 0) + 1
        return self.sets[key]

    def _label(self, node: str, context: tuple[int, ...]) -> str:
        parents = self.model.cid.parents(node)
        seen = ", ".join(f"{p}={_spelled(self.model.domain(p))[i]}" for p, i in zip(parents, context, strict=True))
        return _quoted(f"{node} | {seen}" if seen else node)

    def _move(self, node: str, at: Mapping[str, int], values: list[int]) -> str:
        context = self._context(node, at)
        player = self.players[self.model.cid.agent_of(node)]
        labels = _labels(self.model.domain(node))
        actions = " ".join(labels[i] for i in values)
        number = self._number_of(player, node, context)
        return f'p "" {player} {number} {self._label(node, context)} {{ {actions} }} 0'

    def _chance(self, node: str, at: Mapping[str, int], values: list[int]) -> str:
        context = self._context(node, at)
        law = _exact_law([float(self.model.cpd(node)[context][i]) for i in values])
        labels = _labels(self.model.domain(node))
        moves = " ".join(f"{labels[i]} {p}" for i, p in zip(values, law, strict=True))
        number = self._number_of("chance", node, context)
        return f'c "" {number} {self._label(node, context)} {{ {moves} }} 0'


def _exact_law(law: list[float]) -> list[Fraction]:
    """Return fractions near some probabilities that add up to one exactly; the largest takes up what is left."""
    near = [number_meant(p) for p in law]
    largest = max(range(len(near)), key=near.__getitem__)
    near[largest] += 1 - sum(near)
    return near


def _number(value: float) -> str:
    simple = number_meant(value)
    return str(simple) if simple.denominator <= 1_000_000 else f"{Decimal(repr(value)):f}"


def _spelled(domain: Sequence[Any]) -> list[str]:
    """Spell the values of a domain; those that print alike (1 and "1"), or as nothing, by their repr."""
    plain = [str(value) for value in domain]
    return plain if len(set(plain)) == len(plain) and all(map(str.strip, plain)) else list(map(repr, domain))


def _labels(domain: Sequence[Any]) -> list[str]:
    return list(map(_quoted, _spelled(domain)))


def _quoted(label: str) -> str:
    """Write a label in quotes: printable ASCII, all else as the bytes of its UTF-8, ``%XX``.

    >>> print(_quoted('"Älice" 100%'))
    "%22%C3%84lice%22 100%25"
    """
    return f'"{quote(label, safe=_PLAIN)}"'
