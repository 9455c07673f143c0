"""Writing other programs' formats: what is written is read back equal, by us and by the programs themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa import solve
from cidmesa.interop.files import WRITABLE
from cidmesa.interop.formats import bifxml, net, probmodelxml, xdsl
from cidmesa.interop.formats.network import Options, from_model, to_model
from tests.interop.formats import voyage
from tests.interop.formats.programs import agrum, calm, diagram_of, network_of, same_tables
from tests.strategies import examples, models

FORMATS = {".bifxml": bifxml, ".xdsl": xdsl, ".net": net, ".pgmx": probmodelxml}
NAME = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).map(str.strip)


def through(model: cm.CIM, ending: Any) -> Any:
    """Write and read back, without a file."""
    format = FORMATS[ending]
    text = format.write(from_model(model, format.FORMAT, "x"))
    data = text if ending == ".net" else text.encode()
    return to_model(format.read(data, f"x{ending}"), Options(recall="as written"))


def texts(model: cm.CIM) -> Any:
    """Return the model with texts for values, and an origin with positions, labels and units."""
    cid = model.cid
    named = {
        n: cm.Choice([f"v {v}" for v in model.domain(n)])
        if cid.kind(n) == "decision"
        else cm.Table(model.cpd(n), domain=None if cid.kind(n) == "utility" else [f"v {v}" for v in model.domain(n)])
        for n in cid.nodes
    }
    positions = {node: (float(i), -0.5 * i) for i, node in enumerate(cid.nodes) if i % 2}
    label = 'a "label" <of> its & own'
    known = {node: {"position": where} for node, where in positions.items()} | {cid.nodes[0]: {"label": label}}
    return cid.with_attributes(known).parameterise(named)


@settings(max_examples=examples(quick=25, full=1000))
@given(model=models(decisions=(0, 2), max_card=3))
@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_written_is_read_back_to_the_last_bit(ending: Any, model: cm.CIM) -> None:
    model = texts(model)
    found = through(model, ending)
    assert found == model
    assert found.cid.nodes == model.cid.nodes
    assert all(found.cid.parents(n) == model.cid.parents(n) for n in model.cid.nodes)
    assert voyage.looks(found.cid, "position") == voyage.looks(model.cid, "position")
    assert voyage.looks(found.cid, "label") == voyage.looks(model.cid, "label")
    assert through(found, ending) == found


@settings(max_examples=examples(quick=25, full=1000))
@given(
    names=st.lists(NAME.filter(bool), min_size=3, max_size=3, unique=True),
    states=st.lists(NAME.filter(bool), min_size=2, max_size=3, unique=True),
)
@pytest.mark.parametrize("ending", FORMATS)
def test_any_name_survives(ending: Any, names: Any, states: Any) -> None:
    a, b, c = names
    cid = cm.CID([(a, b), (b, c), (a, c)], decisions=[b], utilities=[c])
    model = cid.parameterise(
        {a: cm.Uniform(*states), b: states, c: np.arange(len(states) ** 2).reshape(len(states), -1)}
    )
    found = through(model, ending)
    assert found == model
    assert found.domain(a) == tuple(states)


@pytest.mark.parametrize("ending", [*FORMATS, ".json", ".cid.yaml"])
def test_files_of_the_voyage_are_written_and_read(ending: Any, tmp_path: Path) -> None:
    model = voyage.read(".bifxml", recall="as written")
    path = cm.write(model, tmp_path / f"out{ending}")
    found = cm.read(path)
    assert found == model
    assert voyage.looks(found.cid, "unit") == ({} if ending == ".xdsl" else {"gain": "ducats"})
    assert voyage.looks(found.cid, "position") == {"season": (10.0, 20.0)}


def test_genie_would_remember_so_what_forgets_is_not_written_for_it(tmp_path: Path) -> None:
    forgetful = voyage.read(".xdsl", recall="as written")
    with pytest.raises(cm.NotApplicableError, match=r"nothing is forgotten, and here `sail` does not observe `season`"):
        cm.write(forgetful, tmp_path / "x.xdsl")
    path = cm.write(forgetful.with_recall(), tmp_path / "x.xdsl")
    assert cm.read(path) == forgetful.with_recall()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (cm.CID([("a", "b")]), "a bare diagram: write .cid.yaml"),
        (
            cm.CID([("a", "u")], decisions={"A": ["a"]}, utilities={"B": ["u"]}).parameterise(a=[0, 1], u=[0, 1]),
            "one agent",
        ),
        (
            cm.CID([("h", "b")], latent=["h"]).parameterise(h=cm.Bernoulli(0.5), b=lambda h: h),
            "no latent nodes, and `h` is",
        ),
        (cm.CID(nodes=["a"]).parameterise(a=cm.Uniform(1, "1")), "two values of `a` print alike"),
        (
            cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
            .parameterise(a=[0, 1], u=[0, 1])
            .with_policy({"a": [1, 0]}),
            "no place for fixed rules, and `a` has one",
        ),
    ],
)
@pytest.mark.parametrize("ending", FORMATS)
def test_what_a_format_cannot_hold_is_said(ending: Any, model: cm.CIM, words: Any, tmp_path: Path) -> None:
    with pytest.raises(cm.NotApplicableError, match=words):
        cm.write(model, tmp_path / f"x{ending}")
    assert not list(tmp_path.iterdir())


def test_symbols_and_setups_go_into_the_own_format_only(tmp_path: Path) -> None:
    sympy = pytest.importorskip("sympy")
    model = cm.CID(nodes=["a"]).parameterise(a=cm.Bernoulli(sympy.Symbol("p")))
    with pytest.raises(cm.NotApplicableError, match="needs numbers"):
        cm.write(model, tmp_path / "x.net")
    setup = cm.TrainingSetup(voyage.model())
    with pytest.raises(cm.NotApplicableError, match="only the own format holds a TrainingSetup"):
        cm.write(setup, tmp_path / "x.xdsl")
    with pytest.raises(cm.FileFormatError, match=r"ends in \.yaml.*\.dot"):
        cm.write(setup, tmp_path / "x.toml")
    with pytest.raises(cm.FileFormatError, match="cannot hold the character"):
        cm.write(cm.CID(nodes=["a\x01"]).parameterise({"a\x01": cm.Uniform("x", "y")}), tmp_path / "x.pgmx")


def test_diagrams_are_written_as_dot(tmp_path: Path) -> None:
    text = cm.write(voyage.model(), tmp_path / "x.dot").read_text()
    assert '"season" -> "weather"' in text
    assert text == cm.write(voyage.model().cid, tmp_path / "y.dot").read_text()
    assert set(WRITABLE) >= {".bifxml", ".xdsl", ".net", ".pgmx", ".dot", ".efg", ".yaml", ".json"}


# The programs themselves ----------------------------------------------------------------------------------------------


@calm
@settings(max_examples=examples(quick=15, full=300))
@given(model=models(decisions=(1, 2), max_card=3))
def test_pyagrum_reads_our_bifxml_and_we_read_its(model: cm.CIM, tmp_path_factory: Any) -> None:
    gum = agrum()
    folder = tmp_path_factory.mktemp("agrum")
    model = texts(model)
    model = model.cid.with_attributes({}).parameterise(dict(model.mechanisms))  # pyAgrum does not escape labels
    ours = cm.write(model, folder / "ours.bifxml")
    theirs = gum.InfluenceDiagram()
    theirs.loadBIFXML(str(ours))
    theirs.saveBIFXML(str(folder / "theirs.bifxml"))
    assert same_tables(cm.read(folder / "theirs.bifxml", normalise=True), model, 1e-5)


@calm
@settings(max_examples=examples(quick=10, full=200))
@given(model=models(decisions=0, utilities=0, min_chance=3, max_chance=5, max_card=3))
@pytest.mark.parametrize("ending", ["net", "bif", "bifxml", "xdsl"])
def test_we_read_what_pyagrum_writes(ending: Any, model: cm.CIM, tmp_path_factory: Any) -> None:
    gum = agrum()
    model = texts(model)
    flat = {n: cm.Table(model.cpd(n), domain=[f"s{i}" for i in range(model.card(n))]) for n in model.cid.nodes}
    plain = model.cid.parameterise(flat)
    path = tmp_path_factory.mktemp("agrum") / f"net.{ending}"
    gum.saveBN(network_of(plain), str(path))
    found = cm.read(path, normalise=True)
    assert same_tables(found, plain, 2e-5)


def test_pgmpy_reads_the_same_tables(tmp_path: Path) -> None:
    readwrite = pytest.importorskip("pgmpy.readwrite")
    network = cm.CID([("a", "c"), ("b", "c")]).parameterise(
        a=cm.Categorical({"x": 0.25, "y": 0.75}), b=cm.Uniform("p", "q"),
        c=cm.Table([[[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], [[1, 0, 0], [0.5, 0.25, 0.25]]], domain=["u", "v", "w"]),
    )  # fmt: skip
    path = cm.write(network, tmp_path / "x.bifxml")
    xml = readwrite.XMLBIFReader(path=str(path)).get_model()
    table = "table 0.1, 0.3, 1, 0.5, 0.2, 0.3, 0, 0.25, 0.7, 0.4, 0, 0.25;"
    text = "network x { }\n" + "".join(
        f"variable {n} {{\n  type discrete [ {network.card(n)} ] {{ {', '.join(network.domain(n))} }};\n}}\n"
        for n in "abc"
    )
    text += "probability ( a ) {\n  table 0.25, 0.75;\n}\nprobability ( b ) {\n  table 0.5, 0.5;\n}\n"
    text += f"probability ( c | a, b ) {{\n  {table}\n}}\n"
    (tmp_path / "x.bif").write_text(text)
    assert cm.read(tmp_path / "x.bif") == network
    for theirs in (xml, readwrite.BIFReader(string=text).get_model()):
        for node in "abc":
            cpd = theirs.get_cpds(node)
            axes = [cpd.variables.index(name) for name in (*network.cid.parents(node), node)]
            assert np.allclose(cpd.values.transpose(axes), network.cpd(node)), node


@calm
def test_pyagrum_finds_the_same_optimum_in_what_we_write(tmp_path: Path) -> None:
    gum = agrum()
    theirs = gum.InfluenceDiagram()
    theirs.loadBIFXML(str(cm.write(voyage.read(".dne"), tmp_path / "x.bifxml")))
    solver = gum.ShaferShenoyLIMIDInference(theirs)
    solver.makeInference()
    assert solver.MEU()["mean"] == pytest.approx(voyage.worth(remembering=True))
    assert diagram_of(voyage.model()).size() == 8


def test_gambit_reads_our_games_and_we_read_them_back(tmp_path: Path) -> None:
    gambit = pytest.importorskip("pygambit")
    game = cm.read(voyage.FILES / "signals.efg")
    path = cm.write(game, tmp_path / "again.efg")
    again = cm.read(path)
    values = sorted(sorted(e.values.items()) for e in solve.pure_equilibria(again))
    assert values == sorted(sorted(e.values.items()) for e in solve.pure_equilibria(game))
    theirs = gambit.read_efg(str(voyage.FILES / "signals.efg"))
    pure = [gambit_values(theirs, profile) for profile in gambit.nash.enumpure_solve(theirs).equilibria]
    assert sorted(pure) == values


def gambit_values(game: Any, profile: Any) -> Any:
    """Return what each player gets, sorted by name."""
    return sorted((player.label, float(profile.payoff(player))) for player in game.players)
