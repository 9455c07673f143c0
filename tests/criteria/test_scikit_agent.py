"""Another program's answers, kept in ``scikit_agent.json``: where it and this library differ is listed, and settled.

``tests/criteria/scikit_agent.py`` asks scikit-agent anew and writes the file.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.criteria.criteria import judge
from tests.criteria.brute import Scim, pays_to_control
from tests.criteria.scikit_agent import ANSWERS, VERSION, drawn, known, written

HEAD, *ROWS = (json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines())
SINGLE = [row for row in ROWS if len(row["decisions"]) == 1]

DIFFERENCES = {
    "no utility below the decision": "it refuses every question; here nothing is worth seeing, and no is the answer",
    "the decision itself": "it finds an instrumental control incentive on it; here the question is refused",
    "information about a utility": "it answers; here a utility is not something to observe",
    "a utility that is as high as it can be": "it finds value of control; there is none, by brute force",
}
"""What the two programs do not agree on, and who is right."""


def read(row: dict[str, Any]) -> cm.CID:
    edges = [(row["nodes"][tail], row["nodes"][head]) for tail, head in row["edges"]]
    return cm.CID(edges, nodes=row["nodes"], decisions=row["decisions"], utilities=row["utilities"])


def sign(cid: cm.CID, criterion: str, node: str) -> str:
    try:
        return str(int(bool(judge(cid, criterion, node))))
    except cm.NotApplicableError:
        return "-"


def why(cid: cm.CID, criterion: str, node: str, theirs: str, ours: str) -> str | None:
    """Name the difference, or None where the two agree."""
    [decision] = cid.decisions
    utilities = set(cid.utilities)
    if theirs == ours:
        return None
    if theirs == "-" and not utilities & cid.descendants(decision):
        return "no utility below the decision"
    if node == decision and criterion == "ici" and (theirs, ours) == ("1", "-"):
        return "the decision itself"
    if node in utilities and criterion == "voi" and ours == "-":
        return "information about a utility"
    if node in utilities and criterion == "voc" and (theirs, ours) == ("1", "0"):
        return "a utility that is as high as it can be"
    return f"unexplained: {criterion} of {node} in {cid.edges}: {theirs} against {ours}"


def differences() -> list[tuple[str, cm.CID, str, str]]:
    """Return every difference: its name, the diagram, the criterion and the node."""
    found = []
    for row in SINGLE:
        cid = read(row)
        for criterion, signs in row["answers"].items():
            for node, theirs in zip(cid.nodes, signs, strict=True):
                name = why(cid, criterion, node, theirs, sign(cid, criterion, node))
                if name is not None:
                    found.append((name, cid, criterion, node))
    return found


@pytest.fixture(scope="module")
def found() -> list[tuple[str, cm.CID, str, str]]:
    return differences()


def test_they_agree_but_for_what_is_listed(found: list[tuple[str, cm.CID, str, str]]) -> None:
    counts = Counter(name for name, *_ in found)
    assert not [name for name in counts if name.startswith("unexplained")]
    assert set(counts) == set(DIFFERENCES)
    answered = [row["name"] for row in SINGLE if any(set(signs) != {"-"} for signs in row["answers"].values())]
    assert sum(name.startswith("drawn") for name in answered) == 480
    assert {name for name, cid in known() if len(cid.decisions) == 1} <= set(answered)


def test_control_of_a_utility_that_is_as_high_as_it_can_be(found: list[tuple[str, cm.CID, str, str]]) -> None:
    """Brute force is with us: in drawn models control of such a utility is worth nothing, under any mechanism."""
    rng = np.random.default_rng(0)
    cases = [(cid, node) for name, cid, _, node in found if name == "a utility that is as high as it can be"]
    small = [(cid, node) for cid, node in cases if len(cid) <= 6]
    assert len(small) >= 10
    for cid, node in small:
        for _ in range(5):
            assert not pays_to_control(random_model(rng, cid), node, cid.decisions[0])
    cid = cm.CID([("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])  # elsewhere the same looks do find it
    assert pays_to_control(random_model(rng, cid), "u", "d")


def random_model(rng: np.random.Generator, cid: cm.CID) -> cm.CIM:
    mechanisms: dict[str, Any] = {}
    for node in cid.nodes:
        shape = (2,) * len(cid.parents(node))
        if cid.kind(node) == "chance":
            mechanisms[node] = cm.Structural([0.5, 0.25, 0.25], rng.integers(0, 2, size=(*shape, 3)), [0, 1])
        elif cid.kind(node) == "decision":
            mechanisms[node] = [0, 1]
        else:
            mechanisms[node] = cm.Table(rng.integers(-3, 4, size=shape).astype(float))
    return cid.parameterise(mechanisms)


def test_nothing_is_worth_seeing_without_a_utility_below(found: list[tuple[str, cm.CID, str, str]]) -> None:
    """Every rule is optimal, so that no optimal rule has to look, and the answers that it refuses are no."""
    for name, cid, criterion, node in found:
        if name == "no utility below the decision" and criterion in {"voi", "ri", "ici"}:
            assert not judge(cid, criterion, node)
    cid = cm.CID([("x", "d"), ("x", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Uniform(0, 1), d=[0, 1], u=lambda x: x)
    scim = Scim(model)
    rules = scim.policies()
    assert rules is not None
    assert len(scim.optimal(rules)[1]["d"]) == len(rules["d"]) == 4


def test_it_refuses_several_decisions() -> None:
    several = [row for row in ROWS if len(row["decisions"]) > 1]
    assert {row["name"] for row in several} == {name for name, cid in known() if len(cid.decisions) > 1}
    assert all(set(signs) == {"-"} for row in several for signs in row["answers"].values())


def test_the_file_is_of_these_diagrams() -> None:
    """The literature's diagrams of one agent are all there as they are now, and the drawn ones are drawn again."""
    assert {"program": f"scikit-agent {VERSION}"} == HEAD
    asked = dict([*known(), *drawn()])
    assert [row["name"] for row in ROWS] == list(asked)
    assert {row["name"]: {k: row[k] for k in written(read(row))} for row in ROWS} == {
        name: written(cid) for name, cid in asked.items()
    }
    left_out = {example.name for example in literature.examples()} - set(asked)
    assert left_out == {"debate", "comprehensive-ai-services", "current-rf-ti-aware", "actor-critic", "war-game"}
