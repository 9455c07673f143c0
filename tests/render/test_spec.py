"""What a picture shows, tested as plain data."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa.render import Edge, spec_of

DOOR = cm.CID(
    [("door", "go"), ("door", "red"), ("red", "go"), ("go", "at_red"), ("red", "at_red"), ("go", "reward")],
    nodes=["weather"],
    decisions=["go"],
    utilities=["reward"],
)
TWO = cm.CID(
    [("x", "a"), ("a", "b"), ("b", "ub"), ("a", "ua")],
    decisions={"alice": ["a"], "bob": ["b"]},
    utilities={"alice": ["ua"], "bob": ["ub"]},
)


def test_kinds_agents_and_information_links_come_from_the_diagram() -> None:
    picture = spec_of(TWO)
    assert [(n.name, n.kind, n.agent) for n in picture.nodes] == [
        ("x", "chance", 0),
        ("a", "decision", 1),
        ("b", "decision", 2),
        ("ub", "utility", 2),
        ("ua", "utility", 1),
    ]
    assert [(e.tail, e.head) for e in picture.edges if e.information] == [("x", "a"), ("a", "b")]
    assert picture.legend == (("agent 1", "agent alice"), ("agent 2", "agent bob"))


def test_rings_are_in_the_order_of_the_criteria_and_explained_once() -> None:
    picture = spec_of(DOOR, rings={"ici": ["at_red"], "ri": ["door"], "voi": ["door", "red"]})
    assert picture.node("door").rings == ("voi", "ri")
    assert picture.node("weather").rings == ()
    assert [mark for mark, _ in picture.legend] == ["voi", "ri", "ici"]
    assert spec_of(DOOR, rings={"voi": ["door"]}, legend=False).legend == ()


def test_a_report_gives_the_rings_of_all_decisions() -> None:
    picture = spec_of(DOOR, rings=cm.incentives(DOOR))
    report = cm.incentives(DOOR)
    for node in DOOR.nodes:
        assert picture.node(node).rings == tuple(c for c in ("voi", "voc", "ri", "ici") if node in getattr(report, c))
    two = cm.incentives(TWO)
    marked = {n.name for n in spec_of(TWO, rings=two).nodes if "ici" in n.rings}
    assert marked == two["a"].ici | two["b"].ici


def test_rings_of_one_of_several_decisions_and_whose_they_are() -> None:
    two = cm.incentives(TWO)
    picture = spec_of(TWO, rings=two["a"])
    assert {n.name for n in picture.nodes if "ici" in n.rings} == two["a"].ici
    assert {words.split(" (")[-1] for mark, words in picture.legend if mark == "ici"} == {"a)"}
    union = spec_of(TWO, rings=two)
    assert [words for mark, words in union.legend if " (" in words] == []
    assert [union.node(n).remarks for n in ("a", "ub", "ua")] == [(), ("ICI: b",), ("ICI: a",)]
    alone = spec_of(DOOR, rings=cm.incentives(DOOR)["go"])
    assert [words for mark, words in alone.legend if " (" in words] == []
    assert two.overlay("a") == two["a"].overlay()
    with pytest.raises(cm.DiagramError, match=r"rings= takes an incentive report or a mapping .* got 3"):
        spec_of(TWO, rings=3)


def test_a_comparison_marks_what_is_new_what_is_gone_and_what_changed_its_kind() -> None:
    mesa = DOOR.demote("reward").with_utility("mesa_utility", ["at_red"]).without_edges(("door", "go"))
    picture = spec_of(mesa, against=DOOR)
    changes = {(e.tail, e.head): e.change for e in picture.edges}
    assert changes["at_red", "mesa_utility"] == "added"
    assert changes["red", "go"] == "same"
    assert picture.edges[-1] == Edge("door", "go", information=True, change="removed")
    assert picture.node("mesa_utility").change == "added"
    assert picture.node("reward").note == "was a utility"
    assert dict(picture.legend) == {"added": "new", "removed": "gone"}


def test_frames_labels_notes_and_places_reach_their_nodes() -> None:
    places = {name: (50.0 * i, 10.0) for i, name in enumerate(DOOR.nodes)}
    picture = spec_of(
        DOOR, groups={"world": ["door", "red"]}, labels={"go": "π"}, notes={"red": "shifted"}, positions=places
    )
    assert [n.name for n in picture.nodes if n.group == "world"] == ["door", "red"]
    assert picture.groups == (("world", "world"),)
    assert (picture.node("go").label, picture.node("red").note) == ("π", "shifted")
    assert picture.node("weather").position == (0.0, 10.0)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rings": {"vio": ["door"]}}, cm.DiagramError, "`vio` is none of them"),
        ({"rings": {"voi": ["dor"]}}, cm.UnknownNodeError, "did you mean `door`"),
        ({"notes": {"dor": "?"}}, cm.UnknownNodeError, "did you mean `door`"),
        ({"positions": {"door": (0, 0)}}, cm.DiagramError, "`weather` has none"),
        ({"groups": {"a": ["door"], "b": ["door"]}}, cm.DiagramError, "choose one"),
        ({"direction": "up"}, cm.DiagramError, '"down" or "right"'),
    ],
)
def test_what_does_not_fit_is_refused_in_words(options: Any, error: Any, words: Any) -> None:
    with pytest.raises(error, match=words):
        spec_of(DOOR, **options)


def test_an_unknown_node_of_a_picture_is_named() -> None:
    with pytest.raises(cm.UnknownNodeError, match="did you mean `door`"):
        spec_of(DOOR).node("dor")
