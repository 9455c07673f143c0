"""No forgetting: what each decision observes when nobody forgets what was known and done before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from cidmesa.diagram.reading import Edge, as_names
from cidmesa.errors import DiagramError, NotApplicableError

if TYPE_CHECKING:
    from cidmesa.diagram.cid import CID

MOST_LINKS = 1_000_000
"""How many information links may be added."""


def forgotten_links(cid: CID, order: Iterable[str] | None = None) -> list[Edge]:
    """Return the information links that no forgetting adds, in the order of the decisions.

    Parameters
    ----------
    cid
        The diagram.
    order
        All decisions, first to last; left out, the order that the diagram implies for the decisions of each agent.

    Raises
    ------
    NotApplicableError
        `order` is left out, and the diagram does not say which of two decisions of an agent comes first; or more than
        a million links would be added.
    DiagramError
        `order` is not a list of all decisions, or an earlier decision in it comes after a later one in the diagram.
    """
    links: list[Edge] = []
    for decisions in _ordered(cid, order):
        known: dict[str, None] = {}
        for decision in decisions:
            parents = set(cid.parents(decision))
            if len(links) + len(known) > MOST_LINKS:
                raise NotApplicableError(
                    f"no forgetting adds more than {MOST_LINKS:,} information links here: keep the limited memory."
                )
            links += [(node, decision) for node in known if node not in parents]
            known |= dict.fromkeys([*cid.parents(decision), decision])
    return links


def _ordered(cid: CID, order: Iterable[str] | None) -> list[Sequence[str]]:
    """Return for every agent its decisions from first to last."""
    if order is not None:
        given = list(as_names(order, "order"))
        if sorted(given) != sorted(cid.decisions):
            raise DiagramError(
                f"order= lists every decision once, {list(cid.decisions)!r} in some order; got {given!r}."
            )
        _require_possible(cid, given)
        return [[d for d in given if cid.agent_of(d) == agent] for agent in cid.agents]
    rank = {cid.nodes[i]: position for position, i in enumerate(cid.topological)}
    found: list[Sequence[str]] = []
    for agent in cid.agents:
        decisions = sorted(cid.decisions_of(agent), key=rank.__getitem__)
        for first, then in pairwise(decisions):
            if first not in cid.ancestors(then):
                raise NotApplicableError(
                    f"no directed path says which of `{first}` and `{then}` is decided first: "
                    f"with_recall(order={decisions!r}), or another order."
                )
        found.append(decisions)
    return found


def _require_possible(cid: CID, order: Sequence[str]) -> None:
    seen: set[str] = set()
    for decision in reversed(order):
        late = sorted(seen & cid.ancestors(decision))
        if late:
            raise DiagramError(
                f"order= puts `{decision}` before `{late[0]}`, and in the diagram it comes after it: swap them."
            )
        seen.add(decision)
