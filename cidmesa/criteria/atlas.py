"""The atlas: value of information in all small diagrams of one agent with two decisions, looked up.

What a chance node that no decision sees tells may be told by its children (:mod:`cidmesa.criteria.chains.collapse`), so
an information link is worth something in some model on a diagram iff it is in some model on the collapsed one. Of those
in which both decisions lead to the one utility there are few: up to renaming 3 without a chance node, 24 with one, 311
with two. ``atlas.txt`` has a line for each, with the answer for every link into a decision; ``experiments/atlas.py``
made it: each *no* has a proof, each *yes* a model, both checked when the line was written.

>>> cid = CID([("x", "d"), ("x", "e"), ("d", "p"), ("e", "p"), ("p", "u")], decisions=["d", "e"], utilities=["u"])
>>> looked_up(cid, "x", "d"), looked_up(cid.with_edges(("x", "u")), "x", "d")
(<Answer.EXCLUDES: 'excludes'>, <Answer.ADMITS: 'admits'>)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import combinations, permutations, product

from cidmesa.criteria.chains.find import collapsed_parents
from cidmesa.criteria.question import Answer
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.graph.reduction import with_information_link

SIGNS = {"no": Answer.EXCLUDES, "yes": Answer.ADMITS, "open": Answer.UNKNOWN}
"""How the file spells answers."""

MOST_CHANCE = 3
"""Collapsed diagrams with more chance nodes are not spelled: there are too many ways to name them."""


def looked_up(cid: CID, node: str, decision: str) -> Answer | None:
    """Return what the atlas says of value of information, or None where the collapsed diagram is not in it.

    Parameters
    ----------
    cid
        A diagram of one agent, whose decisions have a rule each; the link may be there or not.
    node, decision
        What would be seen, by whom.

    Raises
    ------
    NotApplicableError
        There cannot be such a link.

    Notes
    -----
    The collapsed diagram is renamed in all ways that keep the kinds, and the first spelling in the alphabet is looked
    up.

    Examples
    --------
    >>> three = CID([("d", "u"), ("e", "u"), ("f", "u")], nodes=["x"], decisions=["d", "e", "f"], utilities=["u"])
    >>> looked_up(three, "x", "d") is None
    True
    """
    late = {decision, *cid.descendants(decision), *cid.utilities}
    if cid.kind(decision) != "decision" or node in late:
        raise NotApplicableError(f"`{decision}` cannot see `{node}` before it is made: ask about another pair.")
    if len(cid.agents) != 1 or len(cid.decisions) != 2 or len(cid.utilities) != 1:
        return None
    spelling = spelled(cid if cid.has_edge(node, decision) else with_information_link(cid, node, decision))
    if spelling is None:
        return None
    key, names = spelling
    page = pages().get(key)
    return None if page is None else page[f"{names[node]}>{names[decision]}"]


def spelled(cid: CID) -> tuple[str, Mapping[str, str]] | None:
    """Return the spelling of a collapsed diagram, and the names in it; None with too many chance nodes.

    >>> spelled(CID([("b", "e"), ("b", "u"), ("e", "u"), ("d", "u")], decisions=["d", "e"], utilities=["u"]))
    ('d0>u d1>u x0>d0 x0>u', {'b': 'x0', 'e': 'd0', 'd': 'd1', 'u': 'u'})
    """
    parents = collapsed_parents(cid)
    chance = [v for v in parents if cid.kind(v) == "chance"]
    if len(chance) > MOST_CHANCE:
        return None
    ways = []
    for xs in permutations(chance):
        for ds in permutations(cid.decisions):
            names = {v: f"x{i}" for i, v in enumerate(xs)} | {v: f"d{i}" for i, v in enumerate(ds)}
            names[cid.utilities[0]] = "u"
            ways.append((" ".join(sorted(f"{names[p]}>{names[v]}" for v in parents for p in parents[v])), names))
    return min(ways, key=lambda way: way[0])


def diagrams(chance: int) -> Iterator[tuple[str, CID]]:
    """Yield every collapsed diagram with so many chance nodes once, with its spelling.

    >>> [key for key, _ in diagrams(0)]
    ['d0>u d1>u', 'd0>d1 d1>u', 'd0>d1 d0>u d1>u']
    """
    seen = set()
    places = range(chance + 2)
    for deciding in combinations(places, 2):
        counts: Counter[str] = Counter()
        inner = []
        for place in places:
            kind = "d" if place in deciding else "x"
            inner.append(f"{kind}{counts[kind]}")
            counts[kind] += 1
        pairs = [*combinations(inner, 2), *((v, "u") for v in inner)]
        for chosen in product((False, True), repeat=len(pairs)):
            links = [pair for pair, there in zip(pairs, chosen, strict=True) if there]
            cid = CID(links, nodes=[*inner, "u"], decisions=["d0", "d1"], utilities=["u"])
            spelling = spelled(cid) if {"d0", "d1"} <= cid.ancestors("u") else None
            if spelling is None or len(spelling[1]) < len(cid) or len(spelling[0].split()) != len(links):
                continue  # it collapses further
            if spelling[0] not in seen:
                seen.add(spelling[0])
                yield spelling[0], diagram(spelling[0])


def diagram(key: str) -> CID:
    """Return the diagram of a spelling.

    >>> diagram("d0>u d1>u x0>d0").parents("d0")
    ('x0',)
    """
    links: list[tuple[str, str]] = [(tail, head) for tail, head in (link.split(">") for link in key.split())]
    nodes = sorted({v for link in links for v in link} | {"d0", "d1", "u"})
    return CID(links, nodes=nodes, decisions=["d0", "d1"], utilities=["u"])


@cache
def pages() -> Mapping[str, Mapping[str, Answer]]:
    """Return the atlas: spelling → link → answer.

    >>> sum(page == {} for page in pages().values())
    1
    """
    text = resources.files("cidmesa.criteria").joinpath("atlas.txt").read_text(encoding="utf-8")
    return dict(read(line) for line in text.splitlines())


def read(line: str) -> tuple[str, Mapping[str, Answer]]:
    """Read a line of the atlas.

    >>> read("d0>u d1>u x0>d0 x0>u: x0>d0 yes")
    ('d0>u d1>u x0>d0 x0>u', {'x0>d0': <Answer.ADMITS: 'admits'>})
    """
    key, _, said = line.partition(":")
    links = [part.split() for part in said.split(",") if part.strip()]
    return key, {link: SIGNS[answer] for link, answer in links}
