"""Ask scikit-agent for the incentives of diagrams; runs in its environment, and imports nothing of this library.

Standard input is a JSON list of diagrams ``{"nodes": [...], "edges": [[tail, head], ...], "decisions": [...],
"utilities": [...]}``, edges by position in the nodes. Standard output is a JSON list: of each diagram, criterion → one
sign a node: ``1`` yes, ``0`` no, ``-`` refused. With ``--seconds``: how long all answers of each diagram took instead.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

CRITERIA = {
    "voi": "admits_voi",
    "ri": "admits_ri",
    "voc": "admits_voc",
    "ici": "admits_ici",
    "requisite": "is_requisite",
}


def read(diagram: dict[str, Any]) -> Any:
    """Make its diagram; there is one agent."""
    import networkx as nx
    from skagent.influence import SCIM

    nodes = diagram["nodes"]
    graph = nx.DiGraph()
    for node in nodes:
        kind = "decision" if node in diagram["decisions"] else "utility" if node in diagram["utilities"] else "chance"
        graph.add_node(node, kind=kind, agent=0)
    graph.add_edges_from((nodes[tail], nodes[head]) for tail, head in diagram["edges"])
    return SCIM(graph, diagram["decisions"], {0: diagram["utilities"]}, dict.fromkeys(diagram["decisions"], 0))


def sign(criterion: str, scim: Any, decision: str, node: str) -> str:
    """Return what it says about one node; what it does not answer it refuses with a ValueError."""
    from skagent import relevance

    try:
        return str(int(getattr(relevance, CRITERIA[criterion])(scim, decision, node)))
    except ValueError:
        return "-"


def answers(diagram: dict[str, Any]) -> dict[str, str]:
    """Return all it says about one diagram."""
    scim, decision = read(diagram), diagram["decisions"][0]
    return {c: "".join(sign(c, scim, decision, node) for node in diagram["nodes"]) for c in CRITERIA}


def seconds(diagram: dict[str, Any]) -> float:
    """Return how long all answers take."""
    start = time.perf_counter()
    answers(diagram)
    return time.perf_counter() - start


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump([(seconds if "--seconds" in sys.argv else answers)(diagram) for diagram in asked], sys.stdout)
