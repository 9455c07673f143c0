"""What a picture may be asked to show, read against its diagram: places on a grid, a path that proves something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count, pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.errors import DiagramError, shortened

if TYPE_CHECKING:
    from cidmesa.diagram import CID

Pairs: TypeAlias = Mapping[tuple[str, str], None]
"""Links in order, each once."""


def path_of(cid: CID, shown: Any) -> Pairs:
    """Return the links of a path: of the proof of a verdict, of a proof, or along names of nodes.

    A proof in the mechanised diagram loses the mechanisms, which are not drawn. Links that a proof adds first (an
    observation that is not made yet) are among the links returned although the diagram lacks them.
    """
    if shown is None:
        return {}
    proof = getattr(shown, "because", shown)
    nodes = getattr(proof, "nodes", proof)
    if isinstance(nodes, str) or not isinstance(nodes, Sequence) or not all(isinstance(n, str) for n in nodes):
        if proof is not shown:
            raise DiagramError(
                f"proof= shows the path that proves a yes; {shown} is proved without one: leave proof= out."
            )
        raise DiagramError(f"proof= takes a verdict, its .because or names of nodes; got {shortened(shown)}.")
    added = {tuple(link) for link in getattr(proof, "added", ())}
    if getattr(proof, "mechanised", False):
        nodes = [name for name in nodes if name in cid]
    found: dict[tuple[str, str], None] = {}
    for name in nodes:
        cid.id(name)
    for a, b in pairwise(nodes):
        link = next((pair for pair in ((a, b), (b, a)) if cid.has_edge(*pair) or pair in added), None)
        if link is None:
            raise DiagramError(f"proof= goes along links, and this diagram has none between `{a}` and `{b}`.")
        found[link] = None
    return found


def grid_places(
    cid: CID, rank: Sequence[Iterable[str]] | Literal["time"] | None, rows: Sequence[Iterable[str]] | None
) -> tuple[dict[str, int], dict[str, int]]:
    """Return each node's place along and across the arrows, counted from 0, where a grid is asked for.

    A node in no rank joins its last parent that has one, else its first child's, else the first rank. A node in no row
    shares one with the other copies of its variable (``x@0``, ``x@1``), else takes the first row that is free there.
    """
    if rank is None and rows is None:
        return {}, {}
    along = _times(cid) if rank == "time" else _numbered(cid, rank or _layers(cid), "rank")
    order = [cid.nodes[i] for i in cid.topological]
    for name in order:
        if name not in along:
            above = [along[parent] for parent in cid.parents(name) if parent in along]
            below = [along[child] for child in cid.children(name) if child in along]
            along[name] = max(above) if above else min(below, default=0)
    first = min(along.values(), default=0)
    along = {name: place - first for name, place in along.items()}
    across = _numbered(cid, rows or (), "rows")
    taken = {(along[name], row) for name, row in across.items()}
    wanted = {_stem(name): row for name, row in across.items()}
    listed = [name for group in rank or () for name in group] if rank != "time" else []
    for name in dict.fromkeys([*listed, *order]):
        if name in across:
            continue
        stem = _stem(name)
        copies = {along[copy]: copy for copy in cid.nodes if copy not in across and _stem(copy) == stem}
        copies[along[name]] = name
        options = chain([wanted[stem]] if stem in wanted else [], count())
        row = next(r for r in options if all((place, r) not in taken for place in copies))
        across |= dict.fromkeys(copies.values(), row)
        taken |= {(place, row) for place in copies}
    return along, across


def _stem(name: str) -> str:
    """Return the variable that a name is a copy of: ``x`` for ``x@3``, the name itself without a step."""
    stem, mark, step = name.rpartition("@")
    return stem if mark and step.isdigit() else name


def _times(cid: CID) -> dict[str, int]:
    found = {name: int(name.rpartition("@")[2]) for name in cid.nodes if _stem(name) != name}
    if not found:
        raise DiagramError(
            'rank="time" reads time steps off names like `x@0`, and this diagram has none: rank=[["a", "b"], ["c"]].'
        )
    return found


def _layers(cid: CID) -> list[list[str]]:
    """Return the nodes by the length of the longest path that leads to them."""
    depth: dict[str, int] = {}
    for name in (cid.nodes[i] for i in cid.topological):
        depth[name] = max((depth[parent] + 1 for parent in cid.parents(name)), default=0)
    return [[name for name, d in depth.items() if d == layer] for layer in range(max(depth.values(), default=-1) + 1)]


def _numbered(cid: CID, groups: Sequence[Iterable[str]], what: str) -> dict[str, int]:
    if isinstance(groups, str) or not isinstance(groups, Sequence) or any(isinstance(g, str) for g in groups):
        raise DiagramError(f'{what}= takes groups of nodes in order, [["a", "b"], ["c"]]; got {shortened(groups)}.')
    found: dict[str, int] = {}
    for number, group in enumerate(groups):
        for name in group:
            cid.id(name)
            if found.setdefault(name, number) != number:
                raise DiagramError(f"{what}= names `{name}` in two groups: choose one.")
    return found
