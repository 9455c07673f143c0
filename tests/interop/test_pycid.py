"""Every example of pycid, run in pycid and here: the same reading, incentives, values and equilibria.

Where the two answer differently it is written down in this file, and `test_pycid_is_wrong` settles who is right.
"""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, MechanismError, MissingDependencyError, NotApplicableError
from cidmesa.interop import pycid as interop
from cidmesa.interop.pycid import enable
from cidmesa.solve import is_equilibrium, mixed_equilibria, pure_equilibria, subgame_perfect_equilibria
from tests.interop.pycid_examples import (
    ALL,
    SEVERAL,
    SINGLE,
    WITHOUT_NUMBERS,
    diagram,
    model,
    needs_pycid,
    numbered,
    ours,
    shipped,
    theirs,
)
from tests.strategies import cids, examples, models

pytestmark = needs_pycid


def test_every_example_is_tried() -> None:
    assert shipped() == set(ALL)
    assert {name for name in ALL if isinstance(ours(name), cm.CID)} == WITHOUT_NUMBERS


# Reading and writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_examples_survive_the_way_there_and_back(name: str) -> None:
    found = ours(name)
    assert cm.from_pycid(cm.to_pycid(found)) == found


@pytest.mark.parametrize("name", ALL)
def test_the_diagram_is_theirs(name: str) -> None:
    cid, source = diagram(name), theirs(name)
    assert cid.nodes == tuple(source.nodes)
    assert set(cid.edges) == set(source.edges)
    for node in cid.nodes:
        assert list(cid.parents(node)) == source.get_parents(node)
    for agent in getattr(source, "agents", ()):
        assert cid.utilities_of(agent) == tuple(source.agent_utilities[agent])
        assert cid.decisions_of(agent) == tuple(source.agent_decisions[agent])


@pytest.mark.parametrize("name", numbered(ALL))
def test_the_laws_are_theirs(name: str) -> None:
    """Of every node, when all decide at random, by their own inference."""
    read = model(name)
    source = theirs(name)
    if hasattr(source, "impute_fully_mixed_policy_profile"):
        source.impute_fully_mixed_policy_profile()
    policy = {d: cm.Uniform(*read.domain(d)) for d in read.cid.decisions}
    for node in read.cid.nodes:
        law = source.query([node], {})
        states = law.state_names[node]
        if read.cid.kind(node) == "utility":
            table, weights = read.cpd(node), read.query(read.cid.parents(node), policy=policy).probabilities
            assert (table * weights).sum() == pytest.approx(float(np.dot(law.values, states)))
        else:
            assert tuple(states) == read.domain(node)
            np.testing.assert_allclose(read.query([node], policy=policy).probabilities, law.values, atol=1e-12)


@given(models(max_chance=3, decisions=(1, 2), max_card=3))
@settings(max_examples=examples(quick=25, full=400))
def test_models_survive_the_way_there_and_back(found: cm.CIM) -> None:
    assert cm.from_pycid(cm.to_pycid(found)) == found
    ruled = found.with_policy({d: cm.Uniform(*found.domain(d)) for d in found.cid.decisions[:1]})
    assert cm.from_pycid(cm.to_pycid(ruled)) == ruled


@given(models(max_chance=3, decisions=(1, 2), max_card=3))
@settings(max_examples=examples(quick=15, full=300))
def test_expected_utility_agrees(found: cm.CIM) -> None:
    """Of diagrams that hang together: of others pycid takes the rest away."""
    from networkx import is_weakly_connected

    assume(is_weakly_connected(found.cid.graph))
    policy = {d: cm.Uniform(*found.domain(d)) for d in found.cid.decisions}
    source = cm.to_pycid(found.with_policy(policy))
    assert source.expected_utility({}) == pytest.approx(found.expected_utility(policy), abs=1e-9)


def test_a_diagram_without_cpds_is_a_diagram() -> None:
    pycid = enable()
    source = pycid.CID([("S", "D"), ("D", "U")], decisions=["D"], utilities=["U"])
    source.add_node("lonely")
    read = cm.from_pycid(source)
    assert read == cm.CID([("S", "D"), ("D", "U")], nodes=["lonely"], decisions=["D"], utilities=["U"])


def test_axes_follow_the_variables() -> None:
    """A CPD whose evidence is not in the order of the edges, with three cards that tell the axes apart."""
    from pgmpy.factors.discrete import TabularCPD

    pycid = enable()
    source = pycid.CID([("A", "X"), ("B", "X"), ("X", "U"), ("D", "U")], decisions=["D"], utilities=["U"])
    table = np.random.default_rng(0).dirichlet(np.ones(4), (3, 2))  # axes B, A, then X
    cpd = TabularCPD("X", 4, np.moveaxis(table, -1, 0).reshape(4, 6), ["B", "A"], [3, 2])
    source.add_cpds(A=pycid.bernoulli(0.5), B={0: 0.2, 1: 0.3, 2: 0.5}, D=[0, 1], U=lambda X, D: X * D)
    source.add_cpds(cpd)
    read = cm.from_pycid(source)
    assert isinstance(read, cm.CIM)
    assert read.cid.parents("X") == ("A", "B")
    np.testing.assert_array_equal(read.cpd("X"), table.transpose(1, 0, 2))


def noisy_reward() -> Any:
    pycid = enable()
    source = pycid.CID([("S", "U"), ("D", "U")], decisions=["D"], utilities=["U"])
    source.add_cpds(S=pycid.bernoulli(0.25), D=[0, 1], U=lambda S, D: {0: 0.25, 1 + 4 * S + D: 0.75})
    return source


def test_stochastic_utilities_are_refused_or_averaged() -> None:
    with pytest.raises(MechanismError, match=r'at S=0, D=0 .*random.*stochastic_utilities="average"'):
        cm.from_pycid(noisy_reward())
    read = cm.from_pycid(noisy_reward(), stochastic_utilities="average")
    assert isinstance(read, cm.CIM)
    np.testing.assert_allclose(read.cpd("U"), [[0.75, 1.5], [3.75, 4.5]])
    source = noisy_reward()
    source.impute_optimal_policy()
    assert read.solve().value == pytest.approx(source.expected_utility({}))
    with pytest.raises(NotApplicableError, match='"refuse" or "average"'):
        cm.from_pycid(noisy_reward(), stochastic_utilities="mean")  # type: ignore[arg-type]


def test_an_imputed_policy_is_a_rule() -> None:
    source = theirs("get_3node_cid")
    source.impute_random_policy()
    read = cm.from_pycid(source)
    assert isinstance(read, cm.CIM)
    assert read.rules["D"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert read.without_rules() == ours("get_3node_cid")


def half_given(pycid: Any) -> Any:
    source = pycid.CID([("D", "U")], decisions=["D"], utilities=["U"])
    source.add_cpds(D=[0, 1])
    return source


def worded(pycid: Any) -> Any:
    source = pycid.CID([("D", "U")], decisions=["D"], utilities=["U"])
    source.add_cpds(D=[0, 1], U=lambda D: "high")
    return source


def loose(pycid: Any) -> Any:
    """Probabilities that pycid lets pass: it tolerates one per cent."""
    source = pycid.CID([("S", "U"), ("D", "U")], decisions=["D"], utilities=["U"])
    source.add_cpds(S={0: 0.5, 1: 0.495}, D=[0, 1], U=lambda S, D: S * D)
    return source


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda pycid: 3, NotApplicableError, "got a int"),
        (lambda pycid: pycid.CID([("A", "U"), ("U", "B")], utilities=["U"]), DiagramError, "a utility has no children"),
        (half_given, MechanismError, "`U` has none"),
        (worded, MechanismError, "the states of a utility are numbers, and 'high' is none"),
        (loose, MechanismError, "sum to 0.995"),
    ],
)
def test_what_cannot_be_read_is_refused(make: Callable[[Any], Any], error: type[CidmesaError], words: str) -> None:
    with pytest.raises(error, match=words):
        cm.from_pycid(make(enable()))


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(DiagramError, match="rename it"):
        cm.to_pycid(cm.CID([("D", "Dmec")]))
    with pytest.raises(NotApplicableError, match="a diagram or a model; got a int"):
        cm.to_pycid(3)  # type: ignore[arg-type]


def test_enable_leaves_the_others_as_they_were() -> None:
    """pycid works; pgmpy still refuses its old name, and there is no pretended pygambit."""
    import pgmpy.models

    pycid = enable()
    from pycid.core.get_paths import find_active_path

    assert enable() is pycid
    with pytest.raises(ImportError, match="deprecated"):
        pgmpy.models.BayesianNetwork()
    if find_spec("pygambit") is None:
        assert "pygambit" not in sys.modules
    assert find_active_path(pycid.CID([("A", "B"), ("C", "B")]), "A", "C", {"B"}) == ["A", "B", "C"]


@pytest.mark.parametrize("absent", ["pycid", "pgmpy", "matplotlib"])
def test_enable_says_what_is_missing(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    enable()
    monkeypatch.delitem(sys.modules, "pycid")
    monkeypatch.setattr(interop, "find_spec", lambda name: None if name == absent else find_spec(name))
    with pytest.raises(MissingDependencyError, match=rf"{absent}.* not installed.*pip install"):
        enable()


def test_what_was_read_is_a_value_of_its_own() -> None:
    read = ours("get_quantitative_voi_cid")
    assert pickle.loads(pickle.dumps(read)) == read


# What structure decides -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SINGLE, *SEVERAL])
def test_requisite_graph(name: str) -> None:
    assert set(cm.minimal_reduction(diagram(name)).edges) == set(enable().requisite_graph(theirs(name)).edges)


@pytest.mark.parametrize("name", [*SINGLE, *SEVERAL])
def test_relevance_graph_and_recall(name: str) -> None:
    """pycid's arrows point from a decision to what matters to it, ours from what matters."""
    from pycid.core.relevance_graph import RelevanceGraph

    source, cid = theirs(name), diagram(name)
    assert set(cm.relevance_graph(cid).edges) == {(b, a) for a, b in RelevanceGraph(source).edges}
    for agent in source.agents:
        assert cm.is_soluble(cid, agent=agent) == source.sufficient_recall(agent)


CRITERIA: dict[str, tuple[str, Callable[..., cm.Verdict]]] = {
    "voi": ("admits_voi_list", cm.admits_voi),
    "ri": ("admits_ri_list", cm.admits_ri),
    "ici": ("admits_ici_list", cm.admits_ici),
}
SAID_DIFFERENTLY = {
    ("get_trim_example_cid", "ici", "D1"): {"D2": cm.Answer.UNKNOWN},
}
"""Nodes to which pycid says yes and cidmesa something else.

Whether ``D2`` responds to ``D1`` hangs on what one decision leaves the other to respond to, about which no theorem says
anything. Beside these, pycid says that every decision has an instrumental control incentive on itself.
"""


def said(ask: Callable[[], cm.Verdict]) -> cm.Answer | None:
    """Return our answer, None where the question is refused."""
    try:
        return ask().answer
    except NotApplicableError:
        return None


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", SINGLE)
def test_incentives_for_a_decision(name: str, criterion: str) -> None:
    call, admits = CRITERIA[criterion]
    cid = diagram(name)
    pycid = enable()
    for decision in cid.decisions:
        if criterion != "ici" and not cm.is_soluble(cid):
            with pytest.raises(ValueError, match="sufficient recall"):
                getattr(pycid, call)(theirs(name), decision)
            continue
        yes = set(getattr(pycid, call)(theirs(name), decision))
        answers = {node: said(lambda n=node, d=decision: admits(cid, n, decision=d)) for node in cid.nodes}
        different = {n: a for n, a in answers.items() if (n in yes) != (a is cm.Answer.ADMITS)}
        expected = dict(SAID_DIFFERENTLY.get((name, criterion, decision), {}))
        if criterion == "ici":
            expected[decision] = None
        assert different == expected


@pytest.mark.parametrize("name", SINGLE)
def test_value_of_control_criteria(name: str) -> None:
    cid = diagram(name)
    pycid = enable()
    if not cm.is_soluble(cid):
        with pytest.raises(ValueError, match="sufficient recall"):
            pycid.admits_voc_list(theirs(name))
        return

    def all_of(direct: bool | None, decision: str | None = None) -> set[str]:
        asked = {n: said(lambda n=n: cm.admits_voc(cid, n, decision, direct=direct)) for n in cid.nodes}
        return {node for node, answer in asked.items() if answer is cm.Answer.ADMITS}

    # A utility that only decisions set pays the most it can anyway; pycid lists every utility.
    idle = {u for u in cid.utilities if cm.admits_voc(cid, u).answer is cm.Answer.EXCLUDES}
    assert all(set(cid.parents(u)) <= set(cid.decisions) for u in idle)
    assert all_of(None) == set(pycid.admits_voc_list(theirs(name))) - idle
    assert all_of(True) == set(pycid.admits_dir_voc_list(theirs(name))) - idle
    for decision in cid.decisions:  # pycid asks for a back door beside the path through the decision
        assert all_of(False, decision) >= set(pycid.admits_indir_voc_list(theirs(name), decision))


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", numbered(SINGLE))
def test_optimal_value(name: str) -> None:
    source, found = theirs(name), model(name).solve()
    source.impute_optimal_policy()
    assert found.exact
    assert found.value == pytest.approx(source.expected_utility({}))


STUMBLES = {"get_introduced_bias": {"A", "Z", "Y"}, "get_sequential_cid": {"D1"}}
"""Nodes of whose information pycid gives no value: it fails over contexts that never occur."""


@pytest.mark.parametrize("name", numbered(SINGLE))
def test_values_of_information_and_control(name: str) -> None:
    read, pycid = model(name), enable()
    for decision in read.cid.decisions:
        barred = read.cid.descendants(decision, strict=False) | STUMBLES.get(name, set()) | set(read.cid.utilities)
        for node in [n for n in read.cid.nodes if n not in barred][: examples(quick=2, full=9)]:
            voi = pycid.quantitative_voi(theirs(name), decision, node)
            assert cm.value_of_information(read, node, decision) == pytest.approx(voi, abs=1e-9)
    for node in read.cid.chance[: examples(quick=1, full=9)]:
        voc = pycid.quantitative_voc(theirs(name), node)
        assert cm.value_of_control(read, node) == pytest.approx(voc, abs=1e-9)


# Games ----------------------------------------------------------------------------------------------------------------


class Payoffs:
    """What each agent gets under a profile of pycid's decision rules, by pycid's inference."""

    def __init__(self, name: str) -> None:
        self.game = theirs(name)
        self.cid = diagram(name)
        self.rules = {d: list(self.game.pure_decision_rules(d)) for d in self.game.decisions}
        self.known: dict[Any, float] = {}
        self.put_in: dict[str, int] = {}

    def profiles(self) -> Iterator[dict[str, int]]:
        """All profiles, each a position in every list of rules."""
        for chosen in product(*(range(len(rules)) for rules in self.rules.values())):
            yield dict(zip(self.rules, chosen, strict=True))

    def matter(self, agent: Any) -> set[str]:
        """The decisions that reach the agent's utilities."""
        return {d for d in self.rules if any(u in self.cid.descendants(d) for u in self.cid.utilities_of(agent))}

    def of(self, agent: Any, profile: dict[str, int]) -> float:
        """The agent's expected utility; rules that do not reach its utilities are not put in again."""
        key = agent, tuple((d, profile[d]) for d in self.rules if d in self.matter(agent))
        if key not in self.known:
            self.game.add_cpds(*(self.rules[d][i] for d, i in profile.items() if self.put_in.get(d) != i))
            self.put_in.update(profile)
            self.known[key] = self.game.expected_utility({}, agent=agent)
        return self.known[key]

    def gain(self, agent: Any, profile: dict[str, int]) -> float:
        """What the agent gains by its best deviation."""
        mine = self.game.agent_decisions[agent]
        other = (dict(zip(mine, new, strict=True)) for new in product(*(range(len(self.rules[d])) for d in mine)))
        return max(self.of(agent, {**profile, **new}) for new in other) - self.of(agent, profile)

    def actions(self, profile: dict[str, int]) -> dict[str, list[Any]]:
        """The profile as the action in each context, in the order of the contexts of our model."""
        found = {}
        for d, i in profile.items():
            contexts = product(*(self.game.model.domain[p] for p in self.cid.parents(d)))
            given = (dict(zip(self.cid.parents(d), context, strict=True)) for context in contexts)
            found[d] = [next(iter(self.rules[d][i].stochastic_function(**c))) for c in given]
        return found


@pytest.mark.parametrize("name", numbered(SEVERAL))
def test_pure_equilibria(name: str) -> None:
    """All profiles of pycid's pure rules, with pycid's expected utilities."""
    read = model(name)
    payoffs = Payoffs(name)
    agents = [agent for agent in payoffs.game.agents if payoffs.game.agent_decisions.get(agent)]
    agents.sort(key=lambda agent: len(payoffs.matter(agent)))  # who hangs on few decisions is quickly asked
    expected = [
        payoffs.actions(profile)
        for profile in payoffs.profiles()
        if all(payoffs.gain(agent, profile) < 1e-9 for agent in agents)
    ]
    found = [{d: list(rule.values()) for d, rule in e.policy.items()} for e in pure_equilibria(read)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("name", numbered(SEVERAL))
def test_mixed_equilibria(name: str) -> None:
    """By pycid's numbers nobody gains by a pure deviation, and the values are ours."""
    read = model(name)
    if len({read.cid.agent_of(d) for d in read.cid.decisions}) < 2:
        with pytest.raises(NotApplicableError, match="two agents or more"):
            mixed_equilibria(read)
        return
    found = mixed_equilibria(read)
    assert found
    assert found[0].exact == (len(read.cid.agents) == 2)
    for equilibrium in found[-examples(quick=2, full=1000) :]:
        for agent in read.cid.agents:
            source = cm.to_pycid(read.with_policy(equilibrium.policy))
            value = source.expected_utility({}, agent=agent)
            assert value == pytest.approx(equilibrium.values[agent], abs=1e-9)
            for rules in product(*(list(source.pure_decision_rules(d)) for d in read.cid.decisions_of(agent))):
                source.add_cpds(*rules)
                assert source.expected_utility({}, agent=agent) <= value + 1e-9


@pytest.mark.parametrize("name", numbered(SEVERAL))
def test_subgame_perfect_equilibria(name: str) -> None:
    """They are among all equilibria."""
    read = model(name)
    for equilibrium in subgame_perfect_equilibria(read):
        assert is_equilibrium(read, equilibrium.policy)


# Who is right ---------------------------------------------------------------------------------------------------------


def best_by_listing(read: cm.CIM) -> float:
    """The largest expected utility over all deterministic policies of the only decision."""
    [decision] = read.cid.decisions
    contexts = read.contexts(decision)
    values = (
        read.expected_utility({decision: dict(zip(contexts, actions, strict=True))} if contexts != ((),) else None)
        for actions in product(read.domain(decision), repeat=len(contexts))
    )
    return max(values)


class TestPycidIsWrong:
    """What pycid 0.8.2 gets wrong on its own examples and near them; if it is mended, these say so."""

    @pytest.mark.parametrize(("node", "value"), [("A", 0), ("Z", 0.25), ("Y", 0.25)])
    def test_contexts_that_never_occur(self, node: str, value: float) -> None:
        """It fails where an observation excludes a value of another; listing all policies gives the number."""
        with pytest.raises(RuntimeError, match="generated Nan"):
            enable().quantitative_voi(theirs("get_introduced_bias"), "D", node)
        read = model("get_introduced_bias")
        listed = best_by_listing(read.observing("D", ["X", node])) - best_by_listing(read)
        assert listed == pytest.approx(value, abs=1e-12)
        assert cm.value_of_information(read, node) == pytest.approx(value, abs=1e-12)

    def test_contexts_that_never_occur_for_the_second_decision(self) -> None:
        """D2 sees S2, which is D1: to see D1 as well is worth nothing."""
        with pytest.raises(RuntimeError, match="generated Nan"):
            enable().quantitative_voi(theirs("get_sequential_cid"), "D2", "D1")
        assert cm.value_of_information(model("get_sequential_cid"), "D1", "D2") == 0

    def test_control_of_a_utility(self) -> None:
        with pytest.raises(Exception, match="null graph"):
            enable().quantitative_voc(theirs("get_quantitative_voi_cid"), "U")
        assert cm.value_of_control(model("get_quantitative_voi_cid"), "U") == pytest.approx(1 - 0.6)

    def test_a_question_changes_the_diagram(self) -> None:
        source = theirs("get_3node_cid")
        enable().quantitative_voc(source, "S")
        assert "S" in source.decisions
        read = model("get_3node_cid")
        cm.value_of_control(read, "S")
        assert read == ours("get_3node_cid")

    def test_a_query_deletes_what_does_not_hang_together(self) -> None:
        """Nodes that are not connected with the query are gone from the user's own network afterwards."""
        pycid = enable()
        source = pycid.CausalBayesianNetwork([("A", "B"), ("C", "D")])
        source.add_cpds(A={0: 0.5, 1: 0.5}, B=lambda A: A, C={0: 0.5, 1: 0.5}, D=lambda C: C)
        read = cm.from_pycid(source)
        assert isinstance(read, cm.CIM)
        source.query(["A"], {})
        assert set(source.nodes) == {"A", "B"}
        read.query(["A"])
        assert read.cid.nodes == ("A", "B", "C", "D")

    def test_utilities_that_do_not_hang_together(self) -> None:
        pycid = enable()
        source = pycid.CID([("A", "U"), ("B", "V")], decisions=["A", "B"], utilities=["U", "V"])
        source.add_cpds(A=[0, 1], B=[0, 1], U=lambda A: A, V=lambda B: 2 * B)
        read = cm.from_pycid(source)
        assert isinstance(read, cm.CIM)
        with pytest.raises(KeyError, match="not in the"):
            source.impute_optimal_policy()
        assert read.solve().value == 3

    def test_tables_have_no_domain(self) -> None:
        """A query given a node with a TabularCPD asks the CPD for an attribute that it has not."""
        from pgmpy.factors.discrete import TabularCPD

        source = theirs("get_3node_cid")
        source.add_cpds(TabularCPD("S", 2, [[0.5], [0.5]], state_names={"S": [-1, 1]}))
        with pytest.raises(AttributeError, match="domain"):
            source.query(["U"], {"S": 1, "D": 1})
        read = cm.from_pycid(source)
        assert isinstance(read, cm.CIM)
        assert read.expected_utility({"D": lambda S: 1}, given={"S": 1}) == 1

    def test_states_in_another_order_are_renamed(self) -> None:
        """A CPD that lists its parent's states in another order is taken by position, and its answer is wrong."""
        from pgmpy.factors.discrete import TabularCPD

        pycid = enable()
        source = pycid.CausalBayesianNetwork([("A", "B")])
        source.add_cpds(A={"no": 0.9, "yes": 0.1})
        cpd = TabularCPD("B", 2, [[1, 0], [0, 1]], ["A"], [2], {"B": [0, 1], "A": ["yes", "no"]})
        source.add_cpds(cpd.copy())
        assert source.query(["B"], {}).values.tolist() == pytest.approx([0.9, 0.1])
        read = cm.CID([("A", "B")]).parameterise(A=cm.Categorical({"no": 0.9, "yes": 0.1}), B=cpd)
        assert read.query(["B"]).probabilities.tolist() == pytest.approx([0.1, 0.9])

    @given(
        models(
            cm.CID(
                [("D1", "D2"), ("D1", "U1"), ("D2", "X"), ("X", "U2")], decisions=["D1", "D2"], utilities=["U1", "U2"]
            )
        )
    )
    @settings(max_examples=examples(quick=10, full=200))
    def test_control_through_a_decision_that_need_not_look(self, read: cm.CIM) -> None:
        """pycid follows any path through later decisions; here an optimal D2 need not look at D1."""
        source = cm.to_pycid(read.cid)
        assert enable().admits_ici(source, "D1", "X")
        assert cm.admits_ici(read.cid, "X", "D1").answer is cm.Answer.EXCLUDES
        assert cm.instrumental_control_effect(read, "X", "D1") == 0

    def test_recall_is_not_needed(self) -> None:
        """pycid answers only where every decision has what it needs; what decisions can do, control adds nothing to."""
        with pytest.raises(ValueError, match="sufficient recall"):
            enable().admits_voc(theirs("get_insufficient_recall_cid"), "U")
        assert not cm.admits_voc(diagram("get_insufficient_recall_cid"), "U")


@given(cids(max_chance=4, decisions=(1, 2)))
@settings(max_examples=examples(quick=25, full=1000))
def test_random_diagrams_agree(cid: cm.CID) -> None:
    """Our yes or no, where we give one, to what pycid answers too, save for what it gets wrong."""
    from pycid.core.relevance_graph import RelevanceGraph

    pycid, source = enable(), cm.to_pycid(cid)
    assert set(cm.minimal_reduction(cid).edges) == set(pycid.requisite_graph(source).edges)
    assert set(cm.relevance_graph(cid).edges) == {(b, a) for a, b in RelevanceGraph(source).edges}
    if not cm.is_soluble(cid):
        return
    for decision in cid.decisions:
        for node in (*cid.chance, *cid.utilities):
            voi = said(lambda n=node, d=decision: cm.admits_voi(cid, n, decision=d))
            if voi is not None:
                assert (voi is cm.Answer.ADMITS) == pycid.admits_voi(source, decision, node)
            ri = said(lambda n=node, d=decision: cm.admits_ri(cid, n, decision=d))
            if ri is not cm.Answer.UNKNOWN:
                assert (ri is cm.Answer.ADMITS) == pycid.admits_ri(source, decision, node)
            if cm.admits_ici(cid, node, decision).answer is cm.Answer.ADMITS:
                assert pycid.admits_ici(source, decision, node)
    for node in cid.chance:
        assert bool(cm.admits_voc(cid, node)) == pycid.admits_voc(source, node)


def test_numbers_are_finite() -> None:
    """Not one table that was read holds anything but finite numbers."""
    for name in ALL:
        found = ours(name)
        if isinstance(found, cm.CIM):
            nodes = [n for n in found.cid.nodes if found.cid.kind(n) != "decision"]
            assert all(math.isfinite(x) for n in nodes for x in found.cpd(n).flat)
