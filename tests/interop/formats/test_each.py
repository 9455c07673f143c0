"""What is special to one format: its own ways of writing a table, and what of it is refused by name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.jgum import fast_variable, parse_json
from cidmesa.interop.formats.network import Options
from tests.interop.formats import voyage
from tests.interop.formats.programs import calm, diagram_of


def read(text: Any, ending: Any, **options: Any) -> Any:
    return from_bytes(text.encode(), f"x{ending}", Options(**options))


def refused(text: Any, ending: Any, words: Any) -> None:
    with pytest.raises(cm.FileFormatError, match=words):
        read(text, ending)


# Netica ---------------------------------------------------------------------------------------------------------------

DNE = """
bnet x {
node a { kind = NATURE; discrete = TRUE; levels = (1, 5, 9); statetitles = ("one", , "nine"); probs = (.2, .3, .5); };
node b { kind = NATURE; discrete = FALSE; levels = (0, 2.5, INFINITY); parents = (a);
  probs = (.5, .5, #1, @imposs, @imposs); };
node c { kind = NATURE; states = (x, y); chance = DETERMIN; parents = (a); functable = (y, #0, @imposs); };
node d { kind = NATURE; numstates = 2; parents = (); probs = (.5, .5); };
node e { kind = NATURE; discrete = TRUE; levels = (10, 20); parents = (d); functable = (20, 10); };
};
"""


def test_netica_names_states_and_fills_tables_in_many_ways() -> None:
    model = read(DNE, ".dne")
    assert model.domain("a") == ("one", "state1", "nine")
    assert model.domain("b") == ("0 to 2.5", "2.5 to INFINITY")
    assert model.cpd("b").tolist() == [[0.5, 0.5], [0, 1], [0.5, 0.5]]
    assert model.cpd("c").tolist() == [[0, 1], [1, 0], [0.5, 0.5]]
    assert model.domain("d") == ("state0", "state1")
    assert model.cpd("e").tolist() == [[0, 1], [1, 0]]
    assert "`b`: 1 impossible contexts were read as uniform." in model.origin.notes


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind = NATURE; numstates = 2", "kind = NATURE; discrete = FALSE", "`d`: is continuous and has no levels"),
        ("kind = NATURE; numstates = 2", "kind = MAGIC; numstates = 2", "`d`: has the kind `MAGIC`"),
        ("parents = (d)", "parents = ()", "`e`.*2 numbers|4 numbers"),
        ("parents = (d)", "parents = (, d)", "a parent slot with nothing in it"),
        ("functable = (20, 10)", 'equation = "e (d) = d"', "`e`: has an equation and no table"),
        ("functable = (20, 10)", "functable = (20, 30)", "its functable holds states; got `30`"),
        ("#1", "#2", "`#2` is not the number of one of its 2 states"),
        ("states = (x, y)", "states = (x, )", "its functable holds states; got `y`"),
        ("node d {", "node d [", "`{` is expected"),
        ("bnet x", "x", "`bnet` is expected"),
    ],
)
def test_what_netica_means_otherwise_is_refused(old: Any, new: Any, words: Any) -> None:
    assert old in DNE
    refused(DNE.replace(old, new, 1), ".dne", words)


def test_netica_writes_fonts_levels_and_the_line_ends_of_three_systems() -> None:
    """Values with a block, deterministic values between levels, and lines that end as on an old Macintosh."""
    font = 'visual V1 { nodefont = font {shape= "Arial"; size= 9;}; linkfont = font { }; };\n'
    text = DNE.replace("node a {", font + "node a {")
    assert read(text, ".dne") == read(DNE, ".dne")
    assert read(f"// a comment\n{text}".replace("\n", "\r"), ".dne") == read(DNE, ".dne")
    assert read(f"// a comment\n{text}".replace("\n", "\r\n"), ".dne") == read(DNE, ".dne")
    flow = (
        "node f { kind = NATURE; discrete = FALSE; levels = (-INFINITY, 0, 10, 20); parents = (a); functable = (%s); };"
    )
    wet = read(DNE.replace("node d {", flow % "-5, 0, 20" + "node d {"), ".dne")
    assert wet.cpd("f").tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    refused(DNE.replace("node d {", flow % "-5, 0, 21" + "node d {"), ".dne", "its functable holds states; got `21`")
    param = DNE.replace("node d {", "param p { kind = DISCONNECTED; states = (x, y); };\nnode d {")
    assert read(param, ".dne") == read(DNE, ".dne")
    refused(
        param.replace("parents = (d)", "parents = (p)"), ".dne", "has the disconnected input `p` as a parent: connect"
    )


def test_a_constant_of_netica_is_left_out_and_cannot_be_a_parent() -> None:
    constant = "node k { kind = CONSTANT; discrete = FALSE; value = 3; };\n"
    assert "k" not in read(DNE.replace("node a {", constant + "node a {"), ".dne").cid
    refused(
        DNE.replace("node a {", constant + "node a {").replace("parents = (d)", "parents = (k)"),
        ".dne",
        "the constant `k`",
    )


# GeNIe ----------------------------------------------------------------------------------------------------------------

XDSL = """<smile id="x"><nodes>
<cpt id="a"><state id="s0"/><state id="s1"/><probabilities>0.25 0.75</probabilities></cpt>
<deterministic id="b"><state id="s0"/><state id="s1"/><parents>a</parents>
  <resultingstates>s1 s0</resultingstates></deterministic>
<decision id="d"><state id="s0"/><state id="s1"/><parents>b</parents></decision>
<utility id="u"><parents>a d</parents><utilities>1 2 3 4</utilities></utility>
<utility id="v"><parents>d</parents><utilities>10 20</utilities></utility>
<mau id="m"><parents>u v</parents><weights>0.5 -1</weights></mau>
</nodes></smile>"""


def test_genie_s_deterministic_nodes_and_weights() -> None:
    model = read(XDSL, ".xdsl")
    assert model.cpd("b").tolist() == [[0, 1], [1, 0]]
    assert model.cpd("u").tolist() == [[0.5, 1], [1.5, 2]]
    assert model.cpd("v").tolist() == [-10, -20]
    several = read(XDSL.replace("<weights>0.5 -1</weights>", ""), ".xdsl")
    assert several.cpd("v").tolist() == [10, 20]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<cpt id="a">', '<noisyadder id="a">', "line 2: `a`: a noisy adder is not read: change its type to General"),
        ('<cpt id="a">', '<equation id="a">', "`a`: a node with an equation is continuous"),
        ('<cpt id="a">', '<magic id="a">', "a node of type <magic> is not read"),
        (
            "<weights>0.5 -1</weights>",
            "<expressions>u*v</expressions>",
            "line 8: `m`: combines utilities by an expression",
        ),
        ("<weights>0.5 -1</weights>", "<weights>1</weights>", "`m`: has 2 parts and 1 weights"),
        ("<parents>u v</parents>", "<parents>u d</parents>", "`m`: combines utilities, and `d` is a decision"),
        ("<parents>u v</parents>", "<parents>u m</parents>", "`m`: combines itself"),
        ("<parents>b</parents>", "<parents>u</parents>", "a utility has no children, and `u` is one"),
        ("s1 s0<", "s1 s2<", "`s2` is not one of its states"),
        ("0.25 0.75", "0.25 0,75", "<probabilities> holds numbers; got `0,75`"),
        ("0.25 0.75", "0.25", "`a`: its table has 1 numbers"),
        ("</nodes>", "</nodes><dynamic/>", "a network over time is not read: unroll it in GeNIe"),
        ('<state id="s0"/>', "<state/>", "<state> has no attribute `id`"),
    ],
)
def test_what_genie_means_otherwise_is_refused(old: Any, new: Any, words: Any) -> None:
    assert old in XDSL
    text = XDSL.replace(old, new, 1)
    refused(text.replace("</cpt>", f"</{new[1:].split()[0]}>") if old.startswith("<cpt") else text, ".xdsl", words)


# OpenMarkov -----------------------------------------------------------------------------------------------------------


def link(tail: Any, head: Any, inside: Any = "") -> str:
    return f'<Link directed="true"><Variable name="{tail}" /><Variable name="{head}" />{inside}</Link>'


def pgmx(
    potentials: Any, criteria: Any = "", options: Any = "", type_: Any = "InfluenceDiagram", links: Any = ""
) -> str:
    states = '<States><State name="n" /><State name="y" /></States>'
    return f"""<ProbModelXML formatVersion="1.0.0"><ProbNet type="{type_}"><DecisionCriteria>
    <Criterion name="cost" unit="€" /><Criterion name="life" unit="years" /></DecisionCriteria><Variables>
    <Variable name="a" type="finiteStates" role="chance">{states}</Variable>
    <Variable name="d" type="finiteStates" role="decision">{states}</Variable>
    <Variable name="u" type="numeric" role="utility"><Criterion name="cost" /></Variable>
    <Variable name="v" type="numeric" role="utility"><Criterion name="{criteria or "cost"}" /></Variable></Variables>
    <Links>{links}</Links><Potentials>{potentials}</Potentials></ProbNet>{options}</ProbModelXML>"""


def potential(kind: Any, names: Any, inside: Any) -> str:
    names = "".join(f'<Variable name="{name}" />' for name in names)
    return f'<Potential type="{kind}"><Variables>{names}</Variables>{inside}</Potential>'


A = potential("Uniform", "a", "")
U = potential("UnivariateDistr", "uad", '<Functions>"1" "1"</Functions><Parameters>1 2 3 4</Parameters>')
V = potential("Delta", "vd", "<NumericValue>5</NumericValue>")


def test_openmarkov_s_potentials_have_their_first_variable_fastest() -> None:
    model = read(pgmx(A + U + V), ".pgmx")
    assert model.cpd("a").tolist() == [0.5, 0.5]
    assert model.cpd("u").tolist() == [[1, 3], [2, 4]]
    assert model.cpd("v").tolist() == [5, 5]
    assert voyage.looks(model.cid, "unit") == {"u": "€", "v": "€"}
    certain = read(pgmx(potential("Delta", "a", "<State>y</State>") + U + V), ".pgmx")
    assert certain.cpd("a").tolist() == [0, 1]


def test_utilities_of_several_criteria_need_their_scales() -> None:
    text = pgmx(A + U + V, criteria="life")
    refused(text, ".pgmx", r"several criteria \(cost, life\), and nothing weighs them: choose the unicriterion")
    scales = '<Scale Criterion="cost" Value="-1.0" /><Scale Criterion="life" Value="30000" />'
    kind = "<SelectedAnalysisType>{}</SelectedAnalysisType>"
    options = "<InferenceOptions><MulticriteriaOptions>{}<Unicriterion><Scales>{}</Scales></Unicriterion>"
    options += "</MulticriteriaOptions></InferenceOptions>"
    weighed = read(pgmx(A + U + V, "life", options.format(kind.format("UNICRITERION"), scales)), ".pgmx")
    assert weighed.cpd("v").tolist() == [150_000, 150_000]
    assert weighed.cpd("u").tolist() == [[-1, -3], [-2, -4]]
    assert any("the scale of its criterion `life`" in note for note in weighed.origin.notes)
    refused(
        pgmx(A + U + V, "life", options.format(kind.format("COST_EFFECTIVENESS"), scales)), ".pgmx", "several criteria"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pgmx(A + U + V, type_="DecisionAnalysisNetwork"), "a network of type `DecisionAnalysisNetwork` is not read"),
        (pgmx(potential("ICIModel", "a", "<Model>Sigmoid</Model>") + U + V), "canonical model `Sigmoid` of `a` is not"),
        (pgmx(A + U.replace('"1" "1"', '"a + 1"') + V), "the potential of `u` holds functions"),
        (
            pgmx(A + U.replace("UnivariateDistr", 'UnivariateDistr" distribution="Beta') + V),
            "`Beta` of `u` is not read",
        ),
        (pgmx(A + U.replace("3 4", "3") + V), "`u` has 3 numbers, and its variables ask for 4"),
        (pgmx(A + U + V).replace('role="chance"', 'role="event"'), "has the role `event`"),
        (
            pgmx(A + U + V).replace('type="finiteStates" role="chance"', 'type="numeric" role="chance"'),
            "`a`: is continuous",
        ),
        (pgmx(A + A + U + V), "`a`: has two potentials"),
        (pgmx(A + U + V, links=link("a", "d", "<Potential />")), "asymmetric"),
        (pgmx(A + U + V, links=link("d", "u")), "links and its potential disagree about `a`"),
    ],
)
def test_what_openmarkov_means_otherwise_is_refused(text: Any, words: Any) -> None:
    refused(text, ".pgmx", words)


def test_a_limid_of_openmarkov_is_read_as_written() -> None:
    assert read(pgmx(A + U + V, type_="LIMID"), ".pgmx").origin.recall == "as written"
    assert read(pgmx(A + U + V), ".pgmx").origin.recall == "no forgetting"


# aGrUM, UAI, Elvira, BIF ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A", ("0", "1")),
        ("A[4]", ("0", "1", "2", "3")),
        ("A[-1,1]", ("-1", "0", "1")),
        ("A{x|y}", ("x", "y")),
        ("A{1:9:3}", ("1", "5", "9")),
        ("A{0:1:3}", ("0", "0.5", "1")),
        ("A[0,1.5,3]", ("[0;1.5[", "[1.5;3]")),
        ("A+[0:2:2]", ("[0;1[", "[1;2]")),
    ],
)
def test_the_fast_syntax_of_agrum(text: Any, values: Any) -> None:
    assert fast_variable(text, "x") == ("A", values)


@pytest.mark.parametrize("text", ["A[0]", "A[3,1]", "A[x]", "A{1:2:x}", "A[2", "A{1:2}", "A[1.5]", "A[2000000]"])
def test_what_is_not_the_fast_syntax_is_refused(text: Any) -> None:
    with pytest.raises(cm.FileFormatError):
        fast_variable(text, "x")


UAI = (voyage.FILES / "voyage.uai").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ID\n", "MARKOV\n", "begins with ID, LIMID or BAYES"),
        ("c c c d d", "c c c d x", "chance .c. or decision .d. is expected here"),
        ("0 3 1 2 4", "0 3 1 2 2", "names every variable once"),
        ("p 1 0\n", "p 1 9\n", "a variable is a whole number of at most 4"),
        ("p 1 0\n", "d 1 0\n", "`v0` is a chance, and the function is for a decision"),
        ("p 1 0\n", "q 1 0\n", "a function's type"),
        ("2  # the season", "3", "the table of `v0` has 3 entries, and its variables ask for 2"),
        ("2\n -15 0\n", "2\n -15\n", "has 2 numbers, and the file ends before"),
        ("2\n -15 0\n", "2\n -15 0 1\n", "the file should end here"),
    ],
)
def test_what_is_no_uai_file_is_refused_with_its_place(old: Any, new: Any, words: Any) -> None:
    assert old in UAI
    refused(UAI.replace(old, new, 1), ".uai", words)


def test_a_limid_has_no_order_and_remembers_nothing() -> None:
    text = UAI.replace("ID\n", "LIMID\n", 1).replace("0 3 1 2 4\n", "", 1)
    model = read(text, ".uai")
    assert model.origin.recall == "as written"
    assert model == voyage.read(".uai", recall="as written")


ELV = (voyage.FILES / "voyage.elv").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("link season weather", "link saison weather", "`saison` is not a node of this file"),
        ("link season weather;", "", "`weather`: its links and its relation disagree about `season`"),
        ("Sum()", "Max()", "the function `Max` is not read"),
        (
            "values= table (0.6 0.4 )",
            "values= table ([sumer] = 0.6, [winter] = 0.4 )",
            "names a state of each of its nodes",
        ),
        ("values= table (0.6 0.4 )", "values= table (0.6 0.4 0.1 )", "`season`: its table has 3 numbers"),
        (
            "node report(finite-states) { kind-of-node = chance",
            "node report(continuous) { kind-of-node = chance",
            "`report`: is continuous",
        ),
        ("idiagram", "diagram", "one of idiagram, idiagramsv, id-with-svnodes, bnet is expected"),
    ],
)
def test_what_is_no_elvira_file_is_refused(old: Any, new: Any, words: Any) -> None:
    assert old in ELV
    refused(ELV.replace(old, new, 1), ".elv", words)


def test_elvira_s_tables_may_name_states_and_know_their_uncertainty() -> None:
    text = 'id-with-svnodes "x" { node a { states = (n y); num-states = 2 title = "A" } '
    text += "node b(finite-states) { states = (n y); } node c; link a b; "
    text += "relation a { values = table ([y] = 0.25, [n] = 0.75); } relation c { values = table (1 0); } "
    text += 'relation b a { values = generalizedTable (0.1|range(0,0.2)|"p" # # 0.7|range(0.6,0.8)); } }'
    model = read(text, ".elv")
    assert model.cpd("a").tolist() == [0.75, 0.25]
    assert np.allclose(model.cpd("b"), [[0.1, 0.9], [0.3, 0.7]])
    assert model.domain("c") == ("present", "absent")
    assert voyage.looks(model.cid, "label") == {"a": "A"}
    for old, new, words in [
        ("# # 0.7", "# 0.2 #", "two `#` in one distribution"),
        ("num-states = 2", "num-states = 3", "`a`: has 2 states, and num-states says 3"),
        ("relation c {", "relation a { values = table (1 0); } relation c {", "`a`: has two relations"),
        ("table ([y] = 0.25, [n] = 0.75)", "table ([y] = 0.25, [y] = 0.75)", "its table has 2 numbers"),
    ]:
        assert old in text
        refused(text.replace(old, new), ".elv", words)


def test_elvira_s_default_states_and_products() -> None:
    text = 'idiagram "x" { default node states = (present , absent); node a(finite-states) { kind-of-node = chance; } '
    text += "relation a { values = table (0.25 0.75); } node u(continuous) { kind-of-node = utility; } "
    text += "node v(continuous) { kind-of-node = utility; } node w(continuous) { kind-of-node = super-value; } "
    text += "relation u a { values = table (2 3); } relation v a { values = table (5 7); } "
    text += "relation w u v { values = function Product(); } }"
    model = read(text, ".elv")
    assert model.domain("a") == ("present", "absent")
    assert model.cid.utilities == ("w",)
    assert model.cpd("w").tolist() == [10, 21]


def test_bif_rows_may_have_stars_and_need_not_be_written_where_there_is_a_default() -> None:
    head = "".join(f"variable {n} {{ type discrete [2] {{ x, y }}; }}" for n in "abc")
    text = head + "probability (a) { table 0.5, 0.5; } probability (b) { table 1 0; } "
    model = read(text + "probability (c | a, b) { default 0.25, 0.75; (x, *) 1, 0; (*, y) 0, 1; }", ".bif")
    assert model.cpd("c").tolist() == [[[1, 0], [0, 1]], [[0.25, 0.75], [0, 1]]]
    for wrong, words in [
        ("(x, y) 1, 0;", "has 1 of 4 rows, and no default"),
        ("(x) 1, 0; default 1, 0;", "names 1 states for 2 parents"),
        ("(x, z) 1, 0;", "`z` is not a state of `b`"),
        ("(x, y) 1;", "has 1 numbers for 2 states"),
        ("table 1, 0;", "has 2 numbers for 8 places"),
    ]:
        refused(text + f"probability (c | a, b) {{ {wrong} }}", ".bif", words)


@calm
def test_jgum_tables_have_their_first_parent_fastest() -> None:
    gum = pytest.importorskip("pyagrum")
    cid = cm.CID([("A", "D"), ("A", "B"), ("D", "U"), ("A", "U"), ("B", "U")], decisions=["D"], utilities=["U"])
    rng = np.random.default_rng(0)
    rows = rng.random((2, 3))
    model = cid.parameterise(
        A=cm.Categorical({"0": 0.25, "1": 0.75}), D=["0", "1", "2"], U=rng.random((3, 2, 3)),
        B=cm.Table(rows / rows.sum(axis=1, keepdims=True), domain=["x", "y", "z"]),
    )  # fmt: skip
    diagram = diagram_of(model)
    tables = {"A": diagram.cpt("A"), "B": diagram.cpt("B"), "U": diagram.utility("U")}
    parents = {name: list(table.names)[1:] for name, table in tables.items()}
    text = json.dumps(
        {
            "type": "ID", "chance": ["A[2]", "B{x|y|z}"], "utility": ["U[1]"], "decision": ["D[3]"],
            "parents": {**parents, "D": ["A"]},
            "cpt": {n: np.array(tables[n].toarray()).reshape(-1).tolist() for n in ("A", "B")},
            "reward": {"U": np.array(tables["U"].toarray()).reshape(-1).tolist()},
        }
    )  # fmt: skip
    solver = gum.ShaferShenoyLIMIDInference(diagram)
    solver.makeInference()
    assert read(text, ".jgum", normalise=True).solve().value == pytest.approx(solver.MEU()["mean"])


def test_whole_numbers_beyond_floats_are_refused_where_they_stand() -> None:
    with pytest.raises(cm.FileFormatError, match=r"x\.jgum: a number of 400 digits is too large"):
        parse_json('{"table": [' + "9" * 400 + "]}", "x.jgum")


def test_jgum_holds_bayesian_networks_too_and_nothing_else() -> None:
    text = '{"type": "BN", "nodes": ["A[2]", "B{x|y}"], "parents": {"B": ["A"]}, '
    text += '"cpt": {"A": [0.5, 0.5], "B": [1, 0, 0, 1]}}'
    assert read(text, ".jgum").cpd("B").tolist() == [[1, 0], [0, 1]]
    assert read(text, ".unknown") == read(text, ".jgum")
    for type_ in ('"MRF"', '["BN"]', "3"):
        refused(text.replace('"BN"', type_), ".jgum", '"type": "ID", a Bayesian network "BN"; others are not read')


def test_a_class_of_hugin_that_stands_alone_is_a_network() -> None:
    text = (voyage.FILES / "voyage.net").read_text()
    _, brace, nodes = text.partition("}")
    whole = 'class voyage { inputs = (); outputs = (); HR_Zoom = "100"; node_size = (80 40);' + nodes + "} % class"
    assert brace
    assert read(whole, ".net") == read(text, ".net") == read(whole, ".unknown")
    assert read(whole, ".net").origin.title == "voyage"


def test_a_function_of_bif_is_refused_by_name() -> None:
    head = "".join(f"variable {n} {{ type discrete [2] {{ x, y }}; }}" for n in "ab")
    text = head + "probability (a) { table 0.5, 0.5; } probability (b | a) { property function max; (x) 0.5, 0.5; }"
    refused(text, ".bif", r"`b`: its rows are combined by a function \(noisy OR, MAX, ..\), which is not read")


def test_what_some_programs_write_too_much_of_is_read_over() -> None:
    xml = (voyage.FILES / "voyage.bifxml").read_text()
    assert read(f" \n\t{xml}", ".bifxml") == voyage.read(".bifxml")
    doubled = link("a", "u") + link("d", "u")
    assert read(pgmx(A + U + V, links=doubled * 2), ".pgmx") == read(pgmx(A + U + V, links=doubled), ".pgmx")


def test_the_other_files_of_netica_and_agrum_mean_what_they_say() -> None:
    netica, agrum = (cm.read(voyage.FILES / f"trouble.{ending}", normalise=False) for ending in ("dne", "jgum"))
    assert isinstance(netica, cm.CIM)
    assert isinstance(agrum, cm.CIM)
    assert netica.domain("flow") == ("-INFINITY to 0", "0 to 10", "10 to 20")
    assert netica.domain("wear") == ("good", "state1", "bad")
    assert netica.cpd("flow").tolist() == [[0, 0, 1], [1, 0, 0]]
    assert netica.cpd("wear").tolist() == [[0.2, 0.3, 0.5], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]]
    assert agrum.domain("wear") == ("[0;1[", "[1;2.5]")
    assert agrum.query(["wear"]).to_dict() == {"[0;1[": 0.625, "[1;2.5]": 0.375}
