"""What the explorer writes, the library reads, and the other way round; and both lay diagrams out alike."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.errors import NotApplicableError
from cidmesa.explorer.page import as_data, theme_data
from cidmesa.interop import dumps, loads
from cidmesa.interop.dagitty import from_dagitty, to_dagitty
from cidmesa.render import place, render, spec_of
from tests.explorer.diagrams import drawn
from tests.strategies import examples

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")

ODD = (
    "true",
    "1",
    "-",
    "a b",
    "ä ö",
    "quote\"'",
    "back\\slash",
    "x: y",
    "#",
    "[z]",
    "_",
    "end\n",
    "→",
    "<&>",
    "a_1",
    "{$%^~}",
)


def ask(*questions: dict[str, Any]) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("formats.mjs")
    lines = "\n".join(map(json.dumps, [theme_data(), *questions]))
    done = subprocess.run([str(NODE), str(script)], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def odd(rng: random.Random) -> cm.CID:
    """Draw a diagram with names that need quoting, latent nodes, and agents with names."""
    cid = drawn(rng)
    names = dict(zip(cid.nodes, rng.sample(ODD, min(len(cid), len(ODD))), strict=False))
    cid = cid.renamed({old: names.get(old, old) for old in cid.nodes})
    observed = {p for d in cid.decisions for p in cid.parents(d)}
    hidden = [v for v in cid.chance if v not in observed and rng.random() < 0.3]
    called = {a: a if len(cid.agents) == 1 else ("Ann", 7, "agent 3")[a] for a in cid.agents}
    return cm.CID(
        cid.edges, nodes=cid.nodes, latent=hidden,
        decisions={called[a]: cid.decisions_of(a) for a in cid.agents},
        utilities={called[a]: cid.utilities_of(a) for a in cid.agents},
    )  # fmt: skip


def test_what_is_exported_is_read_back_in_python_and_in_the_page() -> None:
    rng = random.Random(3)
    cids = [odd(rng) for _ in range(examples(40, 1000))]
    for cid, found in zip(cids, ask(*({"diagram": with_places(cid)} for cid in cids)), strict=True):
        texts = found["texts"]
        scope: dict[str, Any] = {}
        exec(texts["python"].replace("print(", "repr("), scope)
        assert scope["cid"] == cid
        assert scope["cid"].nodes == cid.nodes
        assert loads(texts["yaml"]) == cid
        ElementTree.fromstring(texts["svg"])
        try:
            to_dagitty(cid)
        except NotApplicableError:
            assert texts.pop("dagitty") is None  # several agents, or a name that dagitty cannot hold
        else:
            assert whose_ever(from_dagitty(texts["dagitty"])) == whose_ever(cid)
        assert found["same"] == dict.fromkeys(texts, True)
        assert found["near"]["svg"] == 0
        assert max(found["near"][f] for f in {"dagitty", "tikz", "link"} & texts.keys()) < 0.1


def whose_ever(cid: cm.CID) -> tuple[set[Any], ...]:
    """Return all of a diagram but what its one agent is called: dagitty has no name for it."""
    return set(cid.nodes), set(cid.edges), set(cid.decisions), set(cid.utilities), set(cid.latent)


def with_places(cid: cm.CID) -> dict[str, Any]:
    data = as_data(cid)
    return {**data, "nodes": [{**one, "x": 0, "y": 0} for one in data["nodes"]], "targets": []}


def test_what_the_library_writes_is_read_in_the_page(tmp_path: Path) -> None:
    rng = random.Random(4)
    cids = [*(odd(rng) for _ in range(examples(40, 500))), *(e.cid for e in literature.examples())]
    questions = [{"read": dumps(cid)} for cid in cids]
    questions += [{"read": json.dumps({"cidmesa": 1, **plain(cid)})} for cid in cids]
    found = ask(*questions)
    for cid, one in zip([*cids, *cids], found, strict=True):
        assert one == {"plain": plain(cid), "left": [], "placed": False}
    simple = [
        cid for cid in cids if len(cid.agents) < 2 and not any("\\" in v or not v.isprintable() for v in cid.nodes)
    ]
    for cid, one in zip(simple, ask(*({"read": to_dagitty(cid)} for cid in simple)), strict=True):
        assert whose_ever(loads(json.dumps({"cidmesa": 1, **one["plain"]}))) == whose_ever(cid)
    simple = [example.cid for example in literature.examples()]
    for cid, one in zip(simple, ask(*({"read": render(cid, engine="own").tikz} for cid in simple)), strict=True):
        assert one["placed"]
        assert sorted(one["plain"]["nodes"]) == sorted(cid.nodes)
        assert sorted(map(tuple, one["plain"]["edges"])) == sorted(cid.edges)
        owned = one["plain"]["decisions"]
        flat = owned if isinstance(owned, list) else [d for ds in owned.values() for d in ds]
        assert sorted(flat) == sorted(cid.decisions)


def plain(cid: cm.CID) -> dict[str, Any]:
    from cidmesa.interop.plain import as_plain

    data = as_plain(cid)
    del data["cidmesa"]
    return json.loads(json.dumps({key: value for key, value in data.items() if value or key != "latent"}))


def test_a_model_or_setup_gives_its_diagram_and_what_is_left_out_is_named() -> None:
    setup = cm.gallery.load("red-door").setup
    (found,) = ask({"read": dumps(setup)})
    assert found["left"] == ["mechanisms", "deployments"]
    assert found["plain"]["decisions"] == ["go"]
    assert sorted(map(tuple, found["plain"]["edges"])) == sorted(setup.cid.edges)


def test_it_reads_what_people_write() -> None:
    written = {
        'edges = [("a", "d"), ("d", "u"),]\nx = cm.CID(edges, decisions=("d"), utilities=["u"])': ["a", "d", "u"],
        "CID([], nodes=['lonely'])": ["lonely"],
        'dag { bb="0,0,1,1"\n a [e,pos="0,1"]\n b <- a -> c; {c a} -> d [beta=".3"] }': ["a", "b", "c", "d"],
        'dag {\n"x y" [latent]\n"x y" -> b\na <-> b }': ["x y", "b", "a", "latent_a_b"],
        r"\node[chance] (x) at (0,0) {$X$}; \node[decision, right=of x] (d) {D}; \path[->] (x) edge[bend left] (d);": [
            "X",
            "D",
        ],
        "cidmesa: 1\n# a comment\nnodes:\n- a   # more\n- 'b c'\nedges:\n  - [a,\n     'b c']\n": ["a", "b c"],
    }
    for text, found in zip(written, ask(*({"read": text} for text in written)), strict=True):
        assert found.get("problem") is None, text
        assert found["plain"]["nodes"] == written[text]


def test_what_cannot_be_read_is_told_in_words() -> None:
    written = {
        "cidmesa: 1\nedges:\n- [a, b]\n- [b, a]": "no cycle",
        "cidmesa: 1\nedges: [[u, b]]\nutilities: [u]": "a utility has no children",
        "cidmesa: 1\nedges: [[h, d]]\ndecisions: [d]\nlatent: [h]": "observed by nobody",
        "cidmesa: 2\nedges: []": "cidmesa: 1",
        "cidmesa: 1\nedges: [[a, b]": "line",
        "cidmesa: 1\nedges: &x [[a, b]]": "plain data has no &",
        "cidmesa: 1\nedges: [[a, b]]\ndecisions: [c]": "neither among nodes nor on an edge",
        "": "a mapping",
        "cm.CID(load())": "not assigned",
        "dag { a -- b }": "edges are directed links",
        "dag { a ->": "a name is expected",
        "<svg></svg>": "carries no diagram",
        "https://x/#d=AAAA": "damaged",
        r"\begin{tikzpicture}\end{tikzpicture}": r"no \node",
    }
    for text, found in zip(written, ask(*({"read": text} for text in written)), strict=True):
        assert written[text] in found["problem"], text
        assert found["kind"] == "FormatError"


def test_the_layout_is_the_librarys_own() -> None:
    rng = random.Random(5)
    cids = [
        *(drawn(rng) for _ in range(examples(15, 1000))),
        *(e.cid for e in literature.examples()[:: examples(4, 1)]),
    ]
    questions = []
    for cid in cids:
        rings = {v: rng.randint(0, 4) for v in cid.nodes}
        nodes = [{"name": v, "kind": cid.kind(v)} for v in cid.nodes]
        questions.append({"draw": {"nodes": nodes, "links": cid.edges, "rings": rings}})
    for cid, asked, found in zip(cids, questions, ask(*questions), strict=True):
        counts = asked["draw"]["rings"]
        marks = {c: [v for v in cid.nodes if counts[v] > i] for i, c in enumerate(("voi", "voc", "ri", "ici"))}
        own = place(spec_of(cid, rings=marks), "own")
        for name, box in found["boxes"]:
            there = own.boxes[name]
            assert [box["x"], box["y"], box["width"], box["height"]] == pytest.approx(
                [there.x, there.y, there.width, there.height], abs=1e-6
            )
        assert {(t, h) for t, h, _ in found["curves"]} == set(own.curves)
        for tail, head, curve in found["curves"]:
            expected = own.curves[tail, head]
            assert [c for p in curve for c in p] == pytest.approx([c for p in expected for c in p], abs=1e-4)
