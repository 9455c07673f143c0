"""The atlas: incentives in all small diagrams of one agent with two decisions and one utility, looked up.

What a chance node that no decision sees tells may be told by its children (:mod:`cidmesa.criteria.chains.collapse`), so
a diagram has an incentive in some model iff the collapsed one has: of information links always, of other incentives if
the node in question is kept as it is. Of collapsed diagrams in which both decisions lead to the utility there are few:
up to renaming 3 without a chance node, 24 with one, 311 with two, some seven thousand with three. ``atlas.txt.gz``
has a line for each, with an answer to each of :func:`questions`; ``experiments/atlas.py`` made it: each *no* has a
proof, each *yes* a model, both checked when the line was written.

>>> cid = CID([("x", "d"), ("x", "e"), ("d", "p"), ("e", "p"), ("p", "u")], decisions=["d", "e"], utilities=["u"])
>>> looked_up(cid, "x", "d"), looked_up(cid.with_edges(("x", "u")), "x", "d")
(<Answer.EXCLUDES: 'excludes'>, <Answer.ADMITS: 'admits'>)
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import combinations, permutations, product
from typing import TypeAlias

from cidmesa.criteria.chains.find import collapsed_parents
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import Answer
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.graph.reduction import with_information_link

Asked: TypeAlias = tuple[str, str, str | None]
"""A criterion, a node and a decision; for value of control there is none."""

SIGNS = {"-": Answer.EXCLUDES, "+": Answer.ADMITS, "?": Answer.UNKNOWN}
"""How the file spells answers."""

UNASKED = "."
"""What stands for an answer that was not asked for when the atlas was made."""

CRITERIA = ("voi", "ri", "ici", "voc")
"""What the atlas answers."""

MOST_CHANCE = 3
"""Collapsed diagrams with more chance nodes are not spelled: there are too many ways to name them."""

FILE = "atlas.txt.gz"
"""Where the atlas is, beside this module."""


def looked_up(cid: CID, node: str, decision: str | None = None, criterion: str = "voi") -> Answer | None:
    """Return what the atlas says of an incentive, or None where the collapsed diagram is not in it.

    Parameters
    ----------
    cid
        A diagram of one agent, whose decisions have a rule each; of an information link it does not matter whether it
        is there.
    node, decision
        The node that the incentive is on, and whose incentive; value of control has no decision.
    criterion
        ``"voi"``, ``"ri"``, ``"ici"`` or ``"voc"``.

    Returns
    -------
    Answer or None
        UNKNOWN where the atlas has the diagram, and neither a proof nor a model; None also where it was not asked.

    Raises
    ------
    NotApplicableError
        The criterion cannot be asked about these nodes.

    Notes
    -----
    The collapsed diagram is renamed in all ways that keep the kinds, and the first spelling in the alphabet is looked
    up. Where a decision does not lead to the utility, it is as good as not there, and a theorem answers. Some .2 ms.

    Examples
    --------
    >>> cid = CID([("x", "d"), ("d", "e"), ("e", "u"), ("x", "u")], decisions=["d", "e"], utilities=["u"])
    >>> looked_up(cid, "x", "d", "ri"), looked_up(cid, "d", "e", "ri"), looked_up(cid, "x", criterion="voc")
    (<Answer.ADMITS: 'admits'>, <Answer.ADMITS: 'admits'>, <Answer.ADMITS: 'admits'>)
    >>> three = CID([("d", "u"), ("e", "u"), ("f", "u")], nodes=["x"], decisions=["d", "e", "f"], utilities=["u"])
    >>> looked_up(three, "x", "d") is None
    True
    """
    if criterion not in CRITERIA:
        raise NotApplicableError(f"The atlas knows nothing of `{criterion}`: ask for one of {', '.join(CRITERIA)}.")
    verdict = judge(cid, criterion, node, None if criterion == "voc" else decision, search=False)
    if len(cid.agents) != 1 or len(cid.decisions) != 2 or len(cid.utilities) != 1 or cid.kind(node) == "utility":
        return None
    if criterion == "voi" and decision is not None and not cid.has_edge(node, decision):
        cid = with_information_link(cid, node, decision)
    if not {node, *cid.decisions} <= cid.ancestors(cid.utilities[0]):
        return verdict.settled
    seen = cid.kind(node) == "decision" or any(cid.has_edge(node, d) for d in cid.decisions)
    spelling = spelled(cid, None if seen else node)
    if spelling is None or spelling[0] not in pages():
        return None
    key, names = spelling
    return answers(key).get((criterion, names[node], None if verdict.decision is None else names[verdict.decision]))


def questions(cid: CID) -> Iterator[Asked]:
    """Yield what the atlas answers of one of its diagrams, in the order of the signs in its line.

    Of every diagram without a hidden node ``h``: value of information of all information links, then response
    incentives, instrumental control incentives and value of control of all nodes. Of the others: those on ``h``.

    >>> asked = list(questions(diagram("d0>u d1>u x0>d0")))
    >>> asked[:3], asked[-1]
    ([('voi', 'x0', 'd0'), ('ri', 'd1', 'd0'), ('ri', 'x0', 'd0')], ('voc', 'x0', None))
    """
    nodes = [v for v in sorted(cid.nodes) if cid.kind(v) != "utility"]
    if HIDDEN in nodes:
        nodes = [HIDDEN]
    else:
        yield from (("voi", p, d) for d in ("d0", "d1") for p in sorted(cid.parents(d)))
    for criterion in ("ri", "ici"):
        yield from ((criterion, v, d) for d in ("d0", "d1") for v in nodes if v != d)
    yield from (("voc", v, None) for v in nodes if cid.kind(v) == "chance")


HIDDEN = "h"
"""The name of a node that no decision sees and that is kept nevertheless."""


def spelled(cid: CID, kept: str | None = None) -> tuple[str, Mapping[str, str]] | None:
    """Return the spelling of a collapsed diagram, and the names in it; None with too many chance nodes.

    >>> spelled(CID([("b", "e"), ("b", "u"), ("e", "u"), ("d", "u")], decisions=["d", "e"], utilities=["u"]))
    ('d0>u d1>u x0>d0 x0>u', {'b': 'x0', 'e': 'd0', 'd': 'd1', 'u': 'u'})
    """
    parents = collapsed_parents(cid, () if kept is None else (kept,))
    chance = [v for v in parents if cid.kind(v) == "chance"]
    if len(chance) > MOST_CHANCE:
        return None
    others = [v for v in chance if v != kept]
    ways = []
    for xs in permutations(others):
        for ds in permutations(cid.decisions):
            names = {v: f"x{i}" for i, v in enumerate(xs)} | {v: f"d{i}" for i, v in enumerate(ds)}
            names |= {v: HIDDEN for v in chance if v == kept} | {cid.utilities[0]: "u"}
            ways.append((" ".join(sorted(f"{names[p]}>{names[v]}" for v in parents for p in parents[v])), names))
    return min(ways, key=lambda way: way[0])


def diagrams(chance: int, *, kept: bool = False) -> Iterator[tuple[str, CID]]:
    """Yield every collapsed diagram with so many chance nodes once, with its spelling.

    Parameters
    ----------
    chance
        How many chance nodes.
    kept
        Whether one of them is seen by no decision and kept nevertheless; it leads to the utility.

    Examples
    --------
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
            goes_on = cid.ancestors("u")
            if not {"d0", "d1"} <= goes_on:
                continue
            hidden = [v for v in cid.chance if v in goes_on and not {"d0", "d1"} & set(cid.children(v))]
            for one in hidden if kept else [None]:
                spelling = spelled(cid, one)
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


def answers(key: str) -> Mapping[Asked, Answer]:
    """Return all that the atlas says of one of its diagrams; what was not asked when it was made is left out.

    >>> answers("d0>u d1>u x0>d0 x0>u")["voi", "x0", "d0"]
    <Answer.ADMITS: 'admits'>
    """
    signs = zip(questions(diagram(key)), pages()[key], strict=True)
    return {asked: SIGNS[sign] for asked, sign in signs if sign != UNASKED}


@cache
def pages() -> Mapping[str, str]:
    """Return the atlas: of each spelling the signs.

    >>> pages()["d0>u d1>u x0>d0 x0>u"]
    '+-+------+'
    """
    packed = resources.files("cidmesa.criteria").joinpath(FILE).read_bytes()
    return read(gzip.decompress(packed).decode())


def read(text: str) -> Mapping[str, str]:
    """Read lines of the atlas.

    >>> read("d0>u d1>u: ----")
    {'d0>u d1>u': '----'}
    """
    return {key: signs for key, _, signs in (line.partition(": ") for line in text.splitlines())}
