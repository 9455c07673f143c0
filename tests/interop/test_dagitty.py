"""dagitty's model code: the grammar, the way there and back, and what is refused, with line and column."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, FileFormatError, NotApplicableError
from cidmesa.interop import dagitty
from tests.strategies import cids, examples

WRITABLE = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\\\x7f"), min_size=1, max_size=4
)
NAMES = WRITABLE.filter(lambda name: name != "graph")
FLAGS = {"l", "latent", "u", "unobserved", "e", "exposure", "source", "o", "outcome", "target", "a", "adjusted", "pos"}
KEYS = WRITABLE.filter(lambda key: key not in FLAGS | {"position"})
PLACES = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))


@given(cids(decisions=(0, 2)), st.data())
@settings(max_examples=examples(quick=30, full=500))
def test_there_and_back(cid: cm.CID, data: st.DataObject) -> None:
    """With names, properties and places of any kind that can be written."""
    names = data.draw(st.lists(NAMES, min_size=len(cid), max_size=len(cid), unique=True))
    named = cid.renamed(dict(zip(cid.nodes, names, strict=True)))
    known: dict[Any, Any] = {}
    for subject in (*named.nodes, *named.edges):
        known[subject] = data.draw(st.dictionaries(KEYS, st.one_of(st.just(True), WRITABLE), max_size=2))
        if data.draw(st.booleans()):
            known[subject]["position"] = data.draw(PLACES)
    latent = [n for n in named.chance if not set(named.children(n)) & set(named.decisions) and data.draw(st.booleans())]
    whole = cm.CID(
        named.edges,
        nodes=named.nodes,
        decisions=named.decisions,
        utilities=named.utilities,
        latent=latent,
        attributes={**known, None: {"bb": "0,0,1,1"}},
    )
    found = cm.from_dagitty(cm.to_dagitty(whole))
    assert found == whole
    assert found.nodes == whole.nodes
    assert found.edges == whole.edges
    assert found.attributes == whole.attributes


def test_what_the_website_writes() -> None:
    cid = cm.from_dagitty(
        """
        dag {
        bb="-2.4,-1.5,1.9,1.2"
        "Warm Up Exercises" [exposure,pos="-0.9,0.1"]
        Coach [pos="-1.1,-1"]
        Genetics [latent,pos="-0.6,-1"]
        Injury [outcome,pos="0.7,0.1"]
        "Previous Injury" [adjusted,pos="-0.8,-.4"]
        Coach -> "Warm Up Exercises" [pos="-1,-0.5"]
        Coach -> "Previous Injury"
        Genetics -> Injury [beta="0.3"]
        "Warm Up Exercises" -> Injury
        "Previous Injury" <-> Injury
        }
        """
    )
    assert cid.decisions == ("Warm Up Exercises",)
    assert cid.utilities == ("Injury",)
    assert cid.latent == ("Genetics", "latent_Previous Injury_Injury")
    assert cid.attributes[None] == {"bb": "-2.4,-1.5,1.9,1.2"}
    assert cid.attributes["Previous Injury"] == {"adjusted": True, "position": (-0.8, -0.4)}
    assert cid.attributes["Coach", "Warm Up Exercises"] == {"position": (-1, -0.5)}
    assert cid.attributes["Genetics", "Injury"] == {"beta": "0.3"}
    assert cm.from_dagitty(cm.to_dagitty(cid)) == cid


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("dag{a->b}", [("a", "b")]),
        ("DAG G { a <- b ; b -> c }", [("b", "a"), ("b", "c")]),
        ("strict digraph { a -> b -> c <- d }", [("a", "b"), ("b", "c"), ("d", "c")]),
        ("dag { {a b} -> {c d} }", [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]),
        ("dag { x -> {a -> b} }", [("a", "b"), ("x", "a"), ("x", "b")]),
        ("dag { a -> b -> { c d } -> e }", [("a", "b"), ("b", "c"), ("b", "d"), ("c", "e"), ("d", "e")]),
        ('dag { "a" + "b" -> "c\\"d" }', [("ab", 'c"d')]),
        ("dag { -1.5 -> x.y_2 }", [("-1.5", "x.y_2")]),
        ('dag { a -> b [beta=.5 ; label="x"] a -> b }', [("a", "b")]),
        ("dag { graph [bb=1] a -> b }", [("a", "b")]),
    ],
)
def test_grammar(text: str, edges: list[tuple[str, str]]) -> None:
    cid = cm.from_dagitty(text)
    assert set(cid.edges) == set(edges)
    assert len(cid.edges) == len(edges)
    assert "graph" not in cid


@pytest.mark.parametrize("flags", ["latent exposure outcome adjusted", "l e o a", "unobserved source target adjusted"])
def test_every_name_of_a_flag(flags: str) -> None:
    hidden, chosen, scored, held = flags.split()
    cid = cm.from_dagitty(f"dag {{ u [{hidden}] x [{chosen}] y [{scored}] z [{held}] z -> x -> y ; u -> y }}")
    assert (cid.latent, cid.decisions, cid.utilities) == (("u",), ("x",), ("y",))
    assert cid.attributes == {"z": {"adjusted": True}}


def test_kinds_may_be_named_instead() -> None:
    text = "dag { x [exposure] y [outcome] u [latent] u -> x -> y -> z ; u -> y }"
    with pytest.raises(DiagramError, match=r"exposure `x` would be a decision.*`u`, which is latent.*decisions=\[\]"):
        cm.from_dagitty(text)
    with pytest.raises(DiagramError, match=r"exposure `x` would be a decision.*a latent cause of it and `y`"):
        cm.from_dagitty("dag { x [exposure] x <-> y }")
    with pytest.raises(DiagramError, match=r"outcome `y` would be a utility.*y -> z.*utilities=\[\]"):
        cm.from_dagitty(text, decisions=[])
    cid = cm.from_dagitty(text, decisions=[], utilities=["z"])
    assert (cid.decisions, cid.utilities) == ((), ("z",))
    assert cid.attributes["x"] == {"exposure": True}
    assert cid.attributes["y"] == {"outcome": True}
    assert "y [outcome]" in cm.to_dagitty(cid)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1, column 1: model code begins with"),
        ("dag", "line 1, column 4: `{` is expected"),
        ("dag {\n a ->\n}", "line 3, column 1: a name is expected; got '}'"),
        ("dag { a -> b", "line 1, column 13: a name is expected; got 'the end'"),
        ("dag { a -- b }", "column 9.*got `--`: give it a direction"),
        ("dag { a @-> b }", "column 9.*got `@->`"),
        ("pdag { a -> b }", "this is a pdag: give every edge a direction"),
        ("graph { a -- b }", "this is a graph"),
        ("dag { a } b", "nothing is expected after the last"),
        ('dag { a [pos="here"] }', "line 1, column .*a position is two numbers"),
        ("dag { a [pos] }", "a position is two numbers.*got True"),
        ('dag { "a }', "column 7: '\"' is not expected here"),
        ('dag { "a" + b }', "a text in quotes is expected after `\\+`"),
        ("dag { a \x00 }", r"column 9: '\\x00' is not expected here"),
        ("dag " + "{" * 5000, "nested more than 100 deep"),
    ],
)
def test_what_is_not_model_code_is_refused(text: str, words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        cm.from_dagitty(text)


def test_a_short_text_with_very_many_edges_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names = " ".join(f"a{i}" for i in range(1001))
    with pytest.raises(FileFormatError, match="more than 1,000,000 edges"):
        cm.from_dagitty(f"dag {{ {{{names}}} -> {{{names}}} }}")
    monkeypatch.setattr(dagitty, "MAX_EDGES", 1000)
    with pytest.raises(FileFormatError, match="more than 1,000 edges"):  # the same few, again and again
        cm.from_dagitty("dag {" + "{a b c d e f g h i j} <-> {a b c d e f g h i j}" * 11 + "}")


def test_random_changes_are_refused_in_words() -> None:
    """Whatever is changed in a text, it is read or refused by an error of ours."""
    rng = random.Random(0)
    whole = 'dag { bb="0,0,1,1" x [exposure,pos="0,1"] "y z" [outcome] {x u} -> "y z" <- w [beta=1] u [l] u <-> w }'
    refused = 0
    for _ in range(examples(quick=300, full=20_000)):
        text = list(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 3)] = rng.choices(string.printable + "→\x00", k=rng.randint(0, 3))
            text = text or ["x"]
        try:
            cm.from_dagitty("".join(text))
        except CidmesaError:
            refused += 1
    assert refused


def test_what_cannot_be_written_is_refused_or_left_out() -> None:
    game = cm.CID([("a", "u"), ("b", "v")], decisions={1: ["a"], 2: ["b"]}, utilities={1: ["u"], 2: ["v"]})
    with pytest.raises(NotApplicableError, match=r"dagitty knows one agent, and this diagram has 2 \(1, 2\)"):
        cm.to_dagitty(game)
    with pytest.raises(NotApplicableError, match="no backslash"):
        cm.to_dagitty(cm.CID(nodes=["a\\b"]))
    with pytest.raises(NotApplicableError, match="whole graph"):
        cm.to_dagitty(cm.CID(nodes=["graph"]))
    with pytest.raises(NotApplicableError, match="got a int"):
        cm.from_dagitty(3)  # type: ignore[arg-type]
    known = {"a": {"list": [1], "line": "x\ny", 3: "x", "off": False, "none": None, "weight": 2.5, "position": (1,)}}
    assert cm.to_dagitty(cm.CID(nodes=["a"], attributes=known)) == 'dag {\na [weight="2.5"]\n}'
