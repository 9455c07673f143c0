"""The diagram: what is accepted, what is refused and in which words, edits, equality, order, pickling."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, NotApplicableError, UnknownNodeError
from tests.mesa.systems import red_door_cid
from tests.strategies import cids, examples

RED_DOOR = red_door_cid()

GAME = cm.CID(
    [("offer", "answer"), ("offer", "seller"), ("answer", "seller"), ("answer", "buyer")],
    decisions={"S": ["offer"], "B": ["answer"]},
    utilities={"S": ["seller"], "B": ["buyer"]},
)


class TestContents:
    def test_nodes_in_order_of_first_mention_with_nodes_first(self) -> None:
        assert RED_DOOR.nodes == ("weather", "door", "red", "go", "at_door", "at_red", "reward")

    def test_kinds(self) -> None:
        assert RED_DOOR.chance == ("weather", "door", "red", "at_door", "at_red")
        assert RED_DOOR.decisions == ("go",)
        assert RED_DOOR.utilities == ("reward",)
        assert [RED_DOOR.kind(n) for n in ("weather", "go", "reward")] == ["chance", "decision", "utility"]

    def test_relatives(self) -> None:
        assert RED_DOOR.parents("go") == ("door", "red")
        assert RED_DOOR.parents("at_door") == ("go", "door")
        assert RED_DOOR.children("door") == ("red", "go", "at_door")
        assert RED_DOOR.ancestors("at_red") == {"door", "red", "go"}
        assert RED_DOOR.descendants("go") == {"at_door", "at_red", "reward"}
        assert RED_DOOR.ancestors("go", strict=False) == {"door", "red", "go"}
        assert RED_DOOR.descendants("reward", strict=False) == {"reward"}

    def test_one_agent_is_zero(self) -> None:
        assert RED_DOOR.agents == (0,)
        assert RED_DOOR.agent_of("go") == RED_DOOR.agent_of("reward") == 0
        assert RED_DOOR.agent_of("door") is None

    def test_several_agents(self) -> None:
        assert GAME.agents == ("S", "B")
        assert GAME.decisions == ("offer", "answer")
        assert GAME.utilities_of("B") == ("buyer",)
        assert GAME.decisions_of("S") == ("offer",)
        assert GAME.agent_of("answer") == "B"

    def test_plain_diagram_without_agents(self) -> None:
        bayes_net = cm.CID([("rain", "wet")])
        assert (bayes_net.agents, bayes_net.decisions, bayes_net.utilities) == ((), (), ())

    def test_empty(self) -> None:
        empty = cm.CID()
        assert (empty.nodes, empty.edges, len(empty)) == ((), (), 0)

    def test_repeated_edge_counts_once(self) -> None:
        assert cm.CID([("a", "b"), ("c", "b"), ("a", "b")]).edges == (("a", "b"), ("c", "b"))

    def test_repeated_owner_counts_once(self) -> None:
        assert cm.CID([("d", "u")], decisions=["d", "d"], utilities=["u"]).decisions == ("d",)

    def test_container_protocol(self) -> None:
        assert "door" in RED_DOOR
        assert "window" not in RED_DOOR
        assert list(RED_DOOR) == list(RED_DOOR.nodes)
        assert len(RED_DOOR) == 7

    def test_networkx_view_is_frozen_and_says_what_each_node_is(self) -> None:

        graph = GAME.graph
        assert set(graph.edges) == set(GAME.edges)
        assert graph.nodes["buyer"] == {"kind": "utility", "agent": "B"}
        with pytest.raises(nx.NetworkXError):
            graph.add_edge("buyer", "offer")
        graph.copy().add_edge("buyer", "seller")

    def test_edge_array_is_read_only(self) -> None:
        tails, heads = RED_DOOR.edge_ids
        assert [(RED_DOOR.nodes[t], RED_DOOR.nodes[h]) for t, h in zip(tails, heads, strict=True)] == list(
            RED_DOOR.edges
        )
        with pytest.raises(ValueError, match="read-only"):
            tails[0] = 3

    @given(cids(decisions=(0, 2)))
    @settings(max_examples=examples(quick=60, full=1000))
    def test_topological_order(self, cid: cm.CID) -> None:
        order = [cid.nodes[i] for i in cid.topological]
        assert sorted(order) == sorted(cid.nodes)
        assert all(order.index(tail) < order.index(head) for tail, head in cid.edges)

    @given(cids(decisions=(0, 2)))
    @settings(max_examples=examples(quick=60, full=1000))
    def test_relatives_agree_with_the_edges(self, cid: cm.CID) -> None:

        graph = nx.DiGraph(cid.edges)
        graph.add_nodes_from(cid.nodes)
        for node in cid.nodes:
            assert set(cid.parents(node)) == set(graph.predecessors(node))
            assert set(cid.children(node)) == set(graph.successors(node))
            assert cid.ancestors(node) == nx.ancestors(graph, node)
            assert cid.descendants(node) == nx.descendants(graph, node)


class TestRefusals:
    """Each text names the rule, the value, the place and what to type instead."""

    @pytest.mark.parametrize(
        ("make", "error", "says"),
        [
            (lambda: cm.CID([("a", "b"), ("b", "c"), ("c", "a")]), DiagramError, "c -> a -> b"),
            (lambda: cm.CID([("a", "a")]), DiagramError, "a -> a"),
            (
                lambda: cm.CID([("Bet", "u")], decisions=["bet"], utilities=["u"]),
                UnknownNodeError,
                "did you mean `Bet`",
            ),
            (lambda: cm.CID([("a", "b")], decisions=["b"], utilities=["b"]), DiagramError, "a utility"),
            (lambda: cm.CID([("a", "b")], decisions={1: ["b"], 2: ["b"]}), DiagramError, "agent 1"),
            (lambda: cm.CID([("a", "b")], utilities=["a"]), DiagramError, "`a` has the edge ('a', 'b')"),
            (lambda: cm.CID(["ab"]), DiagramError, "a pair (tail, head); got 'ab'"),
            (lambda: cm.CID([("a", "b", "c")]), DiagramError, "got ('a', 'b', 'c')"),
            (lambda: cm.CID([("a", 3)]), DiagramError, "got 3 of type int"),
            (lambda: cm.CID([("a", "")]), DiagramError, "non-empty string"),
            (lambda: cm.CID([("a", "b")], decisions="b"), DiagramError, 'decisions=["b"]'),
            (lambda: cm.CID([("a", "b")], nodes="ab"), DiagramError, 'nodes=["ab"]'),
            (lambda: cm.CID([("a", "b")], latent=["b2"]), UnknownNodeError, "`b2`"),
            (lambda: cm.CID([("a", "d")], decisions=["d"], latent=["d"]), DiagramError, "`d` is a decision"),
            (lambda: cm.CID([("a", "d")], decisions=["d"], latent=["a"]), DiagramError, "information link to `d`"),
            (lambda: RED_DOOR.parents("rewrad"), UnknownNodeError, "did you mean `reward`"),
            (lambda: RED_DOOR.kind("window"), UnknownNodeError, "`window`"),
            (lambda: RED_DOOR.descendants(["go"]), UnknownNodeError, "not a node"),
            (lambda: GAME.decisions_of("C"), UnknownNodeError, "'S', 'B'"),
            (lambda: GAME.with_utility("more", ["offer"]), NotApplicableError, "agent="),
            (lambda: RED_DOOR.with_utility("reward", ["go"]), DiagramError, "`reward` is a node"),
            (lambda: RED_DOOR.with_utility("more", ["gone"]), UnknownNodeError, "`gone`"),
            (lambda: RED_DOOR.with_edges(("reward", "go")), DiagramError, "remove one of them"),
            (lambda: RED_DOOR.with_edges(("reward", "weather")), DiagramError, "a utility has no children"),
            (lambda: RED_DOOR.without_edges(("weather", "go")), DiagramError, "has the parents `door`, `red`"),
            (lambda: RED_DOOR.renamed({"door": "red"}), DiagramError, "one name"),
            (lambda: RED_DOOR.demote("gone"), UnknownNodeError, "`gone`"),
            (GAME.only_decision, NotApplicableError, 'decision="offer"'),
            (lambda: cm.CID([("a", "b")]).only_decision(), NotApplicableError, "has none"),
            (lambda: RED_DOOR.only_decision("red"), NotApplicableError, "`red` is a chance node"),
            (lambda: RED_DOOR.only_decision("rde"), UnknownNodeError, "did you mean `red`"),
        ],
    )
    def test_text(self, make: Any, error: Any, says: Any) -> None:
        with pytest.raises(error) as caught:
            make()
        assert isinstance(caught.value, CidmesaError)
        assert says in str(caught.value)

    def test_each_is_also_the_error_of_the_standard_library(self) -> None:
        with pytest.raises(ValueError, match="cycle"):
            cm.CID([("a", "a")])
        with pytest.raises(KeyError):
            RED_DOOR.parents("gone")

    def test_a_long_cycle_is_found_in_a_large_graph(self) -> None:
        n = 5_000
        chain = [(f"v{i}", f"v{i + 1}") for i in range(n)]
        assert len(cm.CID(chain)) == n + 1
        with pytest.raises(DiagramError, match="v4990 -> v4991"):
            cm.CID([*chain, (f"v{n}", f"v{n - 20}")])

    @pytest.mark.parametrize("name", ["_nodes", "nodes", "anything"])
    def test_it_does_not_change(self, name: Any) -> None:
        with pytest.raises(AttributeError, match="does not change"):
            setattr(RED_DOOR, name, ())
        with pytest.raises(AttributeError, match="does not change"):
            delattr(RED_DOOR, name)


class TestLatent:
    def test_a_bidirected_edge_is_a_latent_fork(self) -> None:
        cid = cm.CID([("a", "b")], bidirected=[("a", "b")])
        assert cid.latent == ("latent_a_b",)
        assert cid.children("latent_a_b") == ("a", "b")
        assert cid == cm.CID([("a", "b"), ("latent_a_b", "a"), ("latent_a_b", "b")], latent=["latent_a_b"])

    def test_a_bidirected_edge_into_a_decision_is_refused(self) -> None:
        with pytest.raises(DiagramError, match="information link"):
            cm.CID([("d", "u")], decisions=["d"], utilities=["u"], bidirected=[("d", "u")])

    def test_latent_is_part_of_the_value(self) -> None:
        assert cm.CID([("a", "b")], latent=["a"]) != cm.CID([("a", "b")])

    def test_edits_keep_it(self) -> None:
        cid = cm.CID([("h", "a"), ("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"], latent=["h"])
        assert cid.with_edges(("h", "u")).latent == ("h",)
        assert cid.without_edges(("a", "d")).latent == ("h",)
        assert cid.renamed({"h": "hidden"}).latent == ("hidden",)
        with pytest.raises(DiagramError, match="information link"):
            cid.with_edges(("h", "d"))


class TestEdits:
    def test_with_edges_appends_and_leaves_the_original_alone(self) -> None:
        more = RED_DOOR.with_edges(("weather", "go"), ("mood", "go"))
        assert more.parents("go") == ("door", "red", "weather", "mood")
        assert more.kind("mood") == "chance"
        assert RED_DOOR.parents("go") == ("door", "red")

    def test_edges_as_a_list_or_one_by_one(self) -> None:
        a, b = ("weather", "go"), ("weather", "red")
        assert RED_DOOR.with_edges(a, b) == RED_DOOR.with_edges([a, b])
        assert RED_DOOR.with_edges([a]) == RED_DOOR.with_edges(a)
        assert RED_DOOR.with_edges() == RED_DOOR

    def test_without_edges_keeps_the_nodes(self) -> None:
        fewer = RED_DOOR.without_edges(("at_door", "reward"))
        assert fewer.nodes == RED_DOOR.nodes
        assert fewer.parents("reward") == ()

    def test_with_utility(self) -> None:
        cid = RED_DOOR.with_utility("mesa_utility", ["at_red", "go"])
        assert cid.parents("mesa_utility") == ("at_red", "go")
        assert cid.utilities == ("reward", "mesa_utility")
        assert GAME.with_utility("tip", ["answer"], agent="S").utilities_of("S") == ("seller", "tip")
        assert cm.CID([("a", "b")]).with_utility("u", ["b"]).agents == (0,)

    def test_demote(self) -> None:
        cid = RED_DOOR.demote("reward", "go")
        assert cid.kind("reward") == cid.kind("go") == "chance"
        assert cid.edges == RED_DOOR.edges
        assert RED_DOOR.demote("door") == RED_DOOR

    @given(cids(decisions=(0, 2)), st.randoms(use_true_random=False))
    @settings(max_examples=examples(quick=60, full=1000))
    def test_an_edge_removed_and_added_again_gives_the_same_diagram(self, cid: cm.CID, random: Any) -> None:
        for edge in random.sample(cid.edges, min(3, len(cid.edges))):
            assert cid.without_edges(edge) != cid
            assert cid.without_edges(edge).with_edges(edge) == cid

    @given(cids(decisions=(0, 2)))
    @settings(max_examples=examples(quick=60, full=1000))
    def test_renaming_back_gives_the_same_diagram(self, cid: cm.CID) -> None:
        there = {node: f"{node}'" for node in cid.nodes}
        renamed = cid.renamed(there)
        assert set(renamed.nodes).isdisjoint(cid.nodes)
        assert [renamed.kind(there[n]) for n in cid.nodes] == [cid.kind(n) for n in cid.nodes]
        assert renamed.renamed({new: old for old, new in there.items()}) == cid


class TestValue:
    @given(cids(decisions=(0, 2)), st.randoms(use_true_random=False))
    @settings(max_examples=examples(quick=100, full=1000))
    def test_the_order_of_writing_does_not_matter(self, cid: cm.CID, random: Any) -> None:
        edges, nodes, utilities = list(cid.edges), list(cid.nodes), list(cid.utilities)
        for items in (edges, nodes, utilities):
            random.shuffle(items)
        same = cm.CID(edges, nodes=nodes, decisions=cid.decisions[::-1], utilities=utilities)
        assert same == cid
        assert hash(same) == hash(cid)

    @pytest.mark.parametrize(
        "other",
        [
            RED_DOOR.with_edges(("weather", "go")),
            RED_DOOR.without_edges(("red", "go")),
            RED_DOOR.demote("reward"),
            RED_DOOR.renamed({"door": "gate"}),
            cm.CID(RED_DOOR.edges, decisions=["go"], utilities=["reward"]),
            cm.CID(RED_DOOR.edges, nodes=["weather"], decisions={"me": ["go"]}, utilities={"me": ["reward"]}),
            "RED_DOOR",
        ],
    )
    def test_what_differs_is_not_equal(self, other: Any) -> None:
        assert other != RED_DOOR

    def test_it_is_a_key(self) -> None:
        again = cm.CID(RED_DOOR.edges[::-1], nodes=["weather"], decisions=["go"], utilities=["reward"])
        assert {RED_DOOR: "found"}[again] == "found"

    @pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy])
    @pytest.mark.parametrize("cid", [RED_DOOR, GAME, cm.CID([("a", "b")], bidirected=[("a", "b")]), cm.CID()])
    def test_copies(self, cid: cm.CID, copied: Any) -> None:
        twin = copied(cid)
        assert twin == cid
        assert (twin.nodes, twin.edges, twin.agents, twin.latent) == (cid.nodes, cid.edges, cid.agents, cid.latent)

    def test_repr_is_short(self) -> None:
        assert repr(RED_DOOR) == "CID(7 nodes, 8 edges; decisions: go; utilities: reward)"
        many = cm.CID([(f"d{i}", "u") for i in range(9)], decisions=[f"d{i}" for i in range(9)], utilities=["u"])
        assert "d5, …" in repr(many)
        assert "d6" not in repr(many)

    def test_large_diagrams_keep_order_and_value(self) -> None:
        draw = random.Random(7)
        edges = [(f"n{i}", f"n{i + draw.randint(1, 40)}") for i in range(3_000) for _ in range(2)]
        cid = cm.CID(edges)
        assert cid.edges == tuple(dict.fromkeys(edges))
        position = np.empty(len(cid), dtype=int)
        position[list(cid.topological)] = np.arange(len(cid))
        tails, heads = cid.edge_ids
        assert (position[tails] < position[heads]).all()
        draw.shuffle(edges)
        assert cm.CID(edges) == cid


def test_hidden_causes_never_merge_nor_take_a_node() -> None:
    assert cm.CID(bidirected=[("a", "b"), ("b", "a")]).edges == (("latent_a_b", "a"), ("latent_a_b", "b"))
    with pytest.raises(DiagramError, match="would both get the hidden cause `latent_a_b_c`"):
        cm.CID(bidirected=[("a", "b_c"), ("a_b", "c")])
    with pytest.raises(DiagramError, match="would be called `latent_a_b`, and that is a node already"):
        cm.CID([("latent_a_b", "x")], bidirected=[("a", "b")])
    with pytest.raises(DiagramError, match="joins two nodes"):
        cm.CID(bidirected=[("a", "a")])


def test_a_whole_graph_says_how_to_take_its_edges() -> None:
    graph = nx.DiGraph([("a", "b")])
    with pytest.raises(cm.DiagramError, match=r"got a DiGraph of networkx: .*CID\(g.edges, nodes=g.nodes\)"):
        cm.CID(graph)  # type: ignore[arg-type]
    assert cm.CID(graph.edges, nodes=graph.nodes).edges == (("a", "b"),)


KNOWN = {"door": {"position": (0.0, 1.5)}, ("door", "go"): {"weight": 2}, None: {"title": "a maze"}}


def maze(**more: object) -> cm.CID:
    return cm.CID(
        [("door", "go"), ("go", "reward"), ("door", "reward")],
        nodes=["wind"],
        decisions=["go"],
        utilities=["reward"],
        attributes=KNOWN,
        **more,
    )


def test_attributes_travel_and_decide_nothing() -> None:
    cid = maze()
    assert cid.attributes == KNOWN
    assert cid == cid.with_attributes({})
    assert hash(cid) == hash(cid.with_attributes({}))
    edits = [
        cid.with_edges(("wind", "go")),
        cid.with_utility("bonus", ["go"]),
        cid.demote("reward"),
        maze(latent=["wind"]).revealed("wind"),
        pickle.loads(pickle.dumps(cid)),
    ]
    for edited in edits:
        assert edited.attributes == KNOWN


def test_attributes_follow_what_they_are_about() -> None:
    cid = maze()
    left = cid.without_edges(("door", "go")).attributes
    assert set(left) == {"door", None}
    named = cid.renamed({"door": "gate"}).attributes
    assert set(named) == {"gate", ("gate", "go"), None}


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"dor": {"x": 1}}, UnknownNodeError, "did you mean `door`"),
        ({("go", "door"): {"x": 1}}, DiagramError, "not an edge"),
        ({"door": 3}, DiagramError, "is a mapping"),
        ([1], DiagramError, "is a mapping"),
    ],
)
def test_attributes_of_nothing_are_refused(attributes: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        maze().with_attributes(attributes)  # type: ignore[arg-type]


def test_attributes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        maze().attributes["door"]["position"] = (1, 1)  # type: ignore[index]


def test_a_graph_is_not_a_list_of_edges() -> None:

    with pytest.raises(DiagramError, match=r"got a DiGraph of networkx: cm.from_networkx\(..\) reads it"):
        cm.CID(nx.DiGraph([("a", "b")]))  # type: ignore[arg-type]
    with pytest.raises(DiagramError, match=r"got a CID of cidmesa: pass its .edges"):
        cm.CID(maze())  # type: ignore[arg-type]
