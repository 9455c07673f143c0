"""Witnesses: one for every yes with one decision, confirmed by two evaluators that know nothing of the construction."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import Answer
from cidmesa.criteria.verdict import Verdict
from cidmesa.criteria.witness.build import find_witness
from cidmesa.errors import MechanismError, NotApplicableError
from tests.criteria import brute
from tests.criteria.random_cids import random_cid, zigzag_cid
from tests.strategies import examples

CRITERIA = ("voi", "voc", "ri", "ici")


def yeses(cid: cm.CID, decision: str) -> list[Verdict]:
    """List all verdicts that a theorem settles as ADMITS."""
    found = []
    for criterion in CRITERIA:
        for node in cid.nodes:
            try:
                verdict = judge(cid, criterion, node, decision if criterion != "voc" else None)
            except NotApplicableError:
                continue
            if verdict.settled is Answer.ADMITS:
                found.append(verdict)
    return found


def paid_by_decisions_alone(cid: cm.CID, node: str) -> bool:
    """Say whether a node is a utility without a chance parent: controlling it is worth what its numbers are made."""
    return cid.kind(node) == "utility" and not any(cid.kind(p) == "chance" for p in cid.parents(node))


def confirm(verdict: Verdict, model: cm.CIM, decision: str) -> None:
    """Check the witness noise first and tables first."""
    node = verdict.node
    cid = verdict.cid
    worth = brute.one_decision(model, decision)[0]
    assert brute.tables_value(model, decision) == pytest.approx(worth, abs=1e-12)
    if verdict.criterion == "voi":
        assert model.cid == (
            cid if cid.has_edge(node, decision) else cm.graph.with_information_link(cid, node, decision)
        )
        blind = cm.CIM(model.cid.without_edges((node, decision)), model.mechanisms)
        assert worth > brute.one_decision(blind, decision)[0] + 1e-6
        assert worth > brute.tables_value(blind, decision) + 1e-6
        return
    assert model.cid == cid
    if verdict.criterion == "voc" and paid_by_decisions_alone(cid, node):
        assert cm.value_of_control(model, node) > 1e-6
        paying = model.shift({node: cm.Table(np.full_like(model.cpd(node), model.cpd(node).max()))})
        assert brute.one_decision(paying, decision)[0] > worth + 1e-6
        assert brute.tables_value(paying, decision) > worth + 1e-6
    elif verdict.criterion == "voc":
        assert brute.pays_to_control(model, node, decision)
        assert brute.tables_pay_to_control(model, node, decision)
    elif verdict.criterion == "ri":
        assert brute.must_respond(model, node, decision)
        assert brute.tables_must_respond(model, node, decision)
    else:
        assert _controls_noise_first(model, node, decision)
        assert brute.tables_controls(model, node, decision)


def _controls_noise_first(model: cm.CIM, node: str, decision: str) -> bool:
    """Evaluate the (unique) optimal rule noise first."""
    worth = brute.one_decision(model, decision)[1]
    rule = np.zeros((1, int(np.prod([model.card(p) for p in model.cid.parents(decision)], dtype=int))), dtype=int)
    for context, row in worth.items():
        rule[0, context] = row.argmax()
    return bool(brute.Scim(model).controls({decision: rule}, node, decision)[0])


def every_yes_has_one(cids: list[cm.CID], decision_of: Any = lambda cid: cid.decisions[0]) -> Counter[str]:
    count: Counter[str] = Counter()
    for cid in cids:
        decision = decision_of(cid)
        for verdict in yeses(cid, decision):
            model = find_witness(verdict)
            assert model is not None, f"{verdict} {cid.edges}"
            confirm(verdict, model, decision)
            count[verdict.criterion] += 1
    return count


def test_every_yes_on_random_diagrams() -> None:
    rng = random.Random(20261120)
    count = every_yes_has_one([random_cid(rng, rng.randint(4, 12)) for _ in range(examples(quick=80, full=2000))])
    assert all(count[criterion] > 50 for criterion in CRITERIA)


def test_every_yes_on_zigzags() -> None:
    rng = random.Random(7)
    count = every_yes_has_one([zigzag_cid(rng) for _ in range(examples(quick=12, full=1000))])
    assert all(count[criterion] >= 12 for criterion in CRITERIA)


class TestSeveralDecisions:
    """Soluble diagrams: of value of information every yes has a model; the rest is searched for, and says so."""

    def test_value_of_information_in_soluble_diagrams(self) -> None:
        rng = random.Random(3)
        settled = 0
        while settled < examples(quick=300, full=3000):
            cid = random_cid(rng, rng.randint(4, 9), decisions=rng.choice([2, 2, 3]))
            for decision in cid.decisions:
                for node in cid.chance:
                    try:
                        verdict = judge(cid, "voi", node, decision)
                    except NotApplicableError:
                        continue
                    linked = cm.graph.with_information_link(cid, node, decision)
                    if verdict.settled is not Answer.ADMITS or not cm.is_soluble(linked):
                        continue
                    settled += 1
                    model = find_witness(verdict)
                    assert model is not None, f"{verdict} {cid.edges}"
                    assert _gains(model, node, decision) > 1e-6

    @pytest.mark.parametrize("criterion", ["ri", "ici", "voc", "voi"])
    def test_what_the_search_finds_is_confirmed_by_listing_all_policies(self, criterion: Any) -> None:
        rng = random.Random(11)
        confirmed = 0
        for _ in range(examples(quick=25, full=600)):
            cid = random_cid(rng, rng.randint(4, 6), decisions=2)
            for decision in cid.decisions:
                for verdict in _verdicts(cid, criterion, decision):
                    model = verdict.witness() if verdict.answer is Answer.ADMITS else None
                    if model is not None:
                        confirmed += _confirmed(verdict, model, decision)
        assert confirmed > 5

    def test_unknown_is_rare_where_small_models_have_the_incentive(self) -> None:
        """Brute force over random small models, which knows nothing of the search, against the verdicts."""
        rng = random.Random(5)
        has_one: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        for _ in range(examples(quick=50, full=1500)):
            cid = random_cid(rng, rng.randint(4, 6), decisions=2, utilities=1)
            for decision in cid.decisions:
                for verdict in [v for c in CRITERIA for v in _verdicts(cid, c, decision) if v.settled is None]:
                    if any(_has(_random_model(rng, verdict), verdict, decision) for _ in range(100)):
                        has_one[verdict.criterion] += 1
                        unknown[verdict.criterion] += verdict.answer is Answer.UNKNOWN
        assert sum(has_one.values()) >= 3
        assert sum(unknown.values()) <= 0.1 * sum(has_one.values()), (has_one, unknown)

    def test_no_game_no_witness(self) -> None:
        """The first decision knows nothing that the second one needs: an optimal rule may ignore it."""
        cid = cm.CID([("D0", "D1"), ("D1", "X"), ("X", "U"), ("D0", "U")], decisions=["D0", "D1"], utilities=["U"])
        verdict = judge(cid, "ri", "D0", "D1")
        assert verdict.settled is None
        assert verdict.answer is Answer.EXCLUDES
        assert verdict.because.check(cid)
        assert find_witness(verdict) is None
        with pytest.raises(NotApplicableError, match="no model on this diagram"):
            verdict.witness()

    def test_signalling(self) -> None:
        """The second decision has to listen to the first, which alone has seen what matters."""
        cid = cm.CID([("S", "D0"), ("D0", "D1"), ("D1", "U"), ("S", "U")], decisions=["D0", "D1"], utilities=["U"])
        for node in ("S", "D0"):
            verdict = judge(cid, "ri", node, "D1")
            assert verdict.settled is None
            assert verdict.answer is Answer.ADMITS
            assert _confirmed(verdict, verdict.witness(), "D1")


def _verdicts(cid: cm.CID, criterion: str, decision: str) -> list[Verdict]:
    out = []
    for node in cid.nodes:
        if node != decision and cid.kind(node) != "utility":
            try:
                out.append(judge(cid, criterion, node, None if criterion == "voc" else decision))
            except NotApplicableError:
                continue
    return out


def _gains(model: cm.CIM, node: str, decision: str) -> float:
    """Return the value of an observation by listing all policies; by the solver where they are too many to list."""
    if brute.Scim(model).policies() is None:
        return cm.value_of_information(model, node, decision)
    blind = cm.CIM(model.cid.without_edges((node, decision)), model.mechanisms)
    return brute.best_value(model) - brute.best_value(blind)


def _confirmed(verdict: Verdict, model: cm.CIM, decision: str) -> bool:
    """Check a witness on all deterministic policies; False where they are too many to list."""
    node = verdict.node
    if verdict.criterion == "voi":
        assert _gains(model, node, decision) > 1e-6
        return True
    scim = brute.Scim(model)
    rules = scim.policies()
    if rules is None:
        return False
    if verdict.criterion == "voc":
        assert brute.pays_to_control(model, node, None)
        return True
    best = scim.optimal(rules)[1]
    assert (scim.responds if verdict.criterion == "ri" else scim.controls)(best, node, decision).all()
    return True


def _random_model(rng: random.Random, verdict: Verdict) -> cm.CIM:
    """Draw a model with two states a node and any tables on a verdict's diagram, with the link it is about."""
    cid = verdict.cid
    if verdict.criterion == "voi":
        cid = cm.graph.with_information_link(cid, verdict.node, verdict.decision)
    mechanisms: dict[str, object] = {}
    for node in cid.nodes:
        shape = (2,) * len(cid.parents(node))
        if cid.kind(node) == "decision":
            mechanisms[node] = [0, 1]
        elif cid.kind(node) == "utility":
            mechanisms[node] = cm.Table(np.reshape([rng.randint(0, 3) for _ in range(2 ** len(shape))], shape))
        elif not shape or rng.random() < 0.3:
            mechanisms[node] = cm.Bernoulli(rng.choice([0.25, 0.5]))
        else:
            rows = [rng.randint(0, 1) for _ in range(2 ** len(shape))]
            mechanisms[node] = cm.Table(np.eye(2)[np.reshape(rows, shape)])
    return cid.parameterise(mechanisms)


def _of_one_or_two_decisions(rng: random.Random) -> cm.CID:
    """Draw a diagram of one agent in which utilities often have no chance parent."""
    inner = [f"x{i}" for i in range(rng.randint(0, 2))] + [f"d{i}" for i in range(rng.randint(1, 2))]
    rng.shuffle(inner)
    pays = [f"u{i}" for i in range(rng.randint(1, 2))]
    edges = [(tail, head) for i, head in enumerate(inner) for tail in inner[:i] if rng.random() < 0.5]
    edges += [(tail, u) for u in pays for tail in inner if rng.random() < 0.4]
    return cm.CID(edges, nodes=[*inner, *pays], decisions=[n for n in inner if n[0] == "d"], utilities=pays)


def _has(model: cm.CIM, verdict: Verdict, decision: str) -> bool:
    scim = brute.Scim(model)
    rules = scim.policies(limit=5_000)
    if rules is None:
        return False
    if verdict.criterion == "voi":
        return scim.gain_from_seeing(rules, verdict.node, decision) > 1e-6
    if verdict.criterion == "voc":
        return scim.gain_from_control(rules, verdict.node) > 1e-6
    best = scim.optimal(rules)[1]
    return bool((scim.responds if verdict.criterion == "ri" else scim.controls)(best, verdict.node, decision).all())


class TestOtherQuestions:
    def test_the_same_verdict_gives_the_same_model(self) -> None:
        cid = cm.CID([("S", "D0"), ("D0", "D1"), ("D1", "U"), ("S", "U")], decisions=["D0", "D1"], utilities=["U"])
        assert judge(cid, "ri", "S", "D1").witness() == judge(cid, "ri", "S", "D1").witness()

    def test_a_set_of_nodes_needs_one_that_informs(self) -> None:
        cid = cm.CID([("a", "u"), ("b", "v"), ("d", "u")], decisions=["d"], utilities=["u"])
        model = cm.admits_voi(cid, ["a", "b"]).witness()
        assert set(model.cid.parents("d")) == {"a", "b"}
        blind = cm.CIM(cid, model.mechanisms)
        assert brute.best_value(model) > brute.best_value(blind) + 0.1

    def test_a_node_that_has_to_carry_several_bits(self) -> None:
        """The first decision asks for one of two bits; the node says which counts: no model with two states has it."""
        edges = [("c1", "c2"), ("c2", "c3"), ("c3", "d4"), ("d4", "u"), ("c2", "u"), ("d0", "c3"), ("c1", "d4")]
        cid = cm.CID([*edges, ("d0", "d4")], decisions=["d0", "d4"], utilities=["u"])
        verdict = cm.admits_voi(cid, "c1", "d0")
        assert verdict.settled is Answer.ADMITS
        model = verdict.witness()
        assert model.is_structural
        assert cm.value_of_information(model, "c1", "d0") > 1e-6
        assert verdict.witness() == judge(cid, "voi", "c1", "d0").witness()

    @pytest.mark.parametrize("seed", range(examples(1, 12)))
    def test_value_of_information_that_a_theorem_promises_has_a_witness(self, seed: Any) -> None:
        """Soluble diagrams of four chance nodes and two decisions, where the other decision has to help."""
        rng = random.Random(seed)
        asked = 0
        while asked < 1:
            inner = [*(f"c{i}" for i in range(4)), "d0", "d1"]
            rng.shuffle(inner)
            edges = [(tail, head) for i, head in enumerate(inner) for tail in inner[:i] if rng.random() < 0.4]
            edges += [(tail, "u") for tail in inner if rng.random() < 0.35]
            cid = cm.CID(edges, nodes=[*inner, "u"], decisions=["d0", "d1"], utilities=["u"])
            for verdict in yeses(cid, "d0"):
                if verdict.criterion == "voi" and "Merwijk" in verdict.reason and asked < 1:
                    asked += 1
                    assert cm.value_of_information(verdict.witness(), verdict.node, "d0") > 1e-9

    def test_a_latent_node_is_latent_no_longer_once_it_is_seen(self) -> None:
        cid = cm.CID([("sky", "u"), ("d", "u")], decisions=["d"], utilities=["u"], latent=["sky"])
        assert cm.admits_voi(cid, "sky").witness().cid.latent == ()

    def test_other_agents_follow_fixed_rules(self) -> None:
        cid = cm.CID(
            [("s", "a"), ("a", "b"), ("s", "win_b"), ("b", "win_b"), ("a", "win_a")],
            decisions={"A": ["a"], "B": ["b"]},
            utilities={"A": ["win_a"], "B": ["win_b"]},
        )
        model = cm.admits_ri(cid, "s", "b").witness()
        assert set(model.rules) == {"a"}
        assert model.solve(agent="B").value["B"] == pytest.approx(1)

    def test_every_yes_with_another_agent(self) -> None:
        rng = random.Random(13)
        count: Counter[str] = Counter()
        for _ in range(examples(quick=80, full=600)):
            cid = random_cid(rng, rng.randint(5, 9), decisions=2, utilities=2)
            cid = cm.CID(
                cid.edges,
                nodes=cid.nodes,
                decisions={"me": cid.decisions[:1], "you": cid.decisions[1:]},
                utilities={"me": ["U0"], "you": ["U1"]},
            )
            mine, theirs = cid.decisions
            for criterion in (*CRITERIA, "impact"):
                for node in cid.nodes:
                    try:
                        verdict = judge(cid, criterion, node, mine)
                    except NotApplicableError:
                        continue
                    if verdict.settled is Answer.ADMITS:
                        model = find_witness(verdict)
                        assert model is not None, f"{verdict} {cid.edges}"
                        assert set(model.rules) == {theirs}
                        count[criterion] += 1
        assert all(count[criterion] > 5 for criterion in (*CRITERIA, "impact"))

    def test_path_specific_control_leaves_the_cut_edges_idle(self) -> None:
        cid = cm.CID([("d", "x"), ("d", "y"), ("x", "y"), ("y", "u")], decisions=["d"], utilities=["u"])
        model = cm.admits_path_specific_ici(cid, "y", cut_edges=[("d", "y")]).witness()
        table = model.cpd("y")
        assert np.array_equal(table[0], table[1])
        assert cm.admits_path_specific_ici(cid, "y", cut_edges=[("d", "y"), ("x", "y")]).answer is Answer.EXCLUDES

    def test_impact_moves_a_side_effect(self) -> None:
        cid = cm.CID([("d", "u"), ("d", "vase"), ("rain", "vase")], decisions=["d"], utilities=["u"])
        model = cm.admits_impact(cid, "vase").witness()
        assert model.query(["vase"], policy=model.solve().policy)[1] == pytest.approx(1)

    def test_introduced_unfairness_amplifies_what_the_label_has(self) -> None:
        cid = cm.CID(
            [("A", "X"), ("Z", "X"), ("Z", "Y"), ("X", "D"), ("X", "Y"), ("D", "U"), ("Y", "U")],
            decisions=["D"],
            utilities=["U"],
        )
        model = cm.admits_introduced_unfairness(cid, "A", label="Y").witness()
        law = {
            (node, a): model.query([node], given={"A": a}, policy=model.solve().policy)[1]
            for node in ("D", "Y")
            for a in (0, 1)
        }
        assert abs(law["D", 1] - law["D", 0]) > abs(law["Y", 1] - law["Y", 0]) + 0.1

    def test_an_excluded_incentive_has_none(self) -> None:
        cid = cm.CID([("d", "u"), ("x", "y")], decisions=["d"], utilities=["u"])
        with pytest.raises(NotApplicableError, match="no model on this diagram is a witness"):
            cm.admits_ici(cid, "x").witness()

    def test_a_utility_that_only_decisions_reach(self) -> None:
        alone = cm.CID([("d", "u")], decisions=["d"], utilities=["u"])
        verdict = cm.admits_voc(alone, "u")
        assert verdict.answer is Answer.EXCLUDES
        assert verdict.because.check(alone)
        assert "only decisions set u" in str(verdict.because)
        assert not verdict.because.check(alone.with_edges(("x", "u")))
        torn = cm.CID([("d", "u"), ("d", "w")], decisions=["d"], utilities=["u", "w"])
        assert not verdict.because.check(torn)
        model = cm.admits_voc(torn, "u").witness()
        assert cm.value_of_control(model, "u") == 1.0  # one action pays here, the other there

    @pytest.mark.parametrize("seed", range(examples(4, 60)))
    def test_control_of_utilities_is_what_the_numbers_say(self, seed: Any) -> None:
        rng = random.Random(seed)
        for _ in range(12):
            cid = _of_one_or_two_decisions(rng)
            for u in cid.utilities:
                for direct in (None, True):
                    verdict = cm.admits_voc(cid, u, direct=direct)
                    assert verdict.answer is not Answer.UNKNOWN  # never, on diagrams this small
                    assert verdict.because.check(cid)
                    if verdict:
                        assert cm.value_of_control(verdict.witness(), u) > 1e-6
                    else:
                        assert cm.value_of_control(_random_model(rng, verdict), u) == pytest.approx(0, abs=1e-12)

    def test_many_idle_parents_keep_their_one_state(self) -> None:
        idle = [f"x{i}" for i in range(55)]
        cid = cm.CID([*((x, "u") for x in idle), ("x0", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
        model = cm.admits_voi(cid, "x0").witness()
        assert model.cpd("u").size == 4
        assert all(model.card(x) == 1 for x in idle[1:])

    def test_more_parents_than_a_table_has_axes(self) -> None:
        idle = [f"x{i}" for i in range(70)]
        cid = cm.CID([*((x, "u") for x in idle), ("x0", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
        with pytest.raises(MechanismError, match="fewer parents"):
            cm.admits_voi(cid, "x0").witness()

    def test_long_chains_are_no_recursion(self) -> None:
        n = 600
        chain = [(f"v{i}", f"v{i + 1}") for i in range(n)]
        cid = cm.CID([*chain, (f"v{n}", "d"), (f"v{n}", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
        model = cm.admits_ri(cid, "v0").witness()
        assert model.card("v300") == 2


def test_games_with_the_same_nodes_are_drawn_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two decisions, eight candidates, seven nodes: what no theorem settles cost 400 draws and plays a question."""
    from cidmesa.criteria.witness import search as searching

    cid = cm.CID(
        [("a", "D"), ("a", "u"), ("b", "u"), ("D", "x"), ("D", "y"), ("D", "u"), ("x", "E"), ("E", "u")],
        nodes=["a", "b", "D", "x", "E", "y", "u"], decisions=["D", "E"], utilities=["u"],
    )  # fmt: skip
    work = {"questions": 0, "draws": 0, "games": 0}
    draw, search = searching._Draw.__call__, searching.search

    def counted_draw(self: searching._Draw, count: int) -> object:
        games = draw(self, count)
        work["draws"] += 1
        work["games"] += 0 if games is None else len(games)
        return games

    def counted_search(*args: object, **options: object) -> object:
        work["questions"] += 1
        return search(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(searching._Draw, "__call__", counted_draw)
    monkeypatch.setattr(searching, "search", counted_search)
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(cid, {"there": {"a"}}))
    for m in family:
        assert m.in_deployment["there"].emergent == m.emergent
        assert m.in_deployment["there"].territory == m.territory
    assert work["questions"] > 0
    assert work["draws"] <= work["questions"] * searching.SEARCH_DRAWS / 8
    assert work["games"] > work["draws"]


def test_what_deployments_leave_as_it_is_is_asked_once() -> None:
    cid = cm.CID([("a", "D"), ("D", "x"), ("x", "u"), ("a", "u")], decisions=["D"], utilities=["u"])
    there = {"shifted": {"a"}, "linked": cm.Deployment({"x"}, edges=[("a", "x")])}
    [m] = cm.derive_mesa_optimizers(cm.TrainingSetup(cid, there), targets=["x"])
    assert m.in_deployment["shifted"].incentives is m.incentives
    assert m.in_deployment["linked"].cid != m.cid


def test_many_games_are_each_of_them_played_alone() -> None:
    """What the arrays say of sixteen games is what the solver says of each."""
    from cidmesa.criteria.witness.search import Chance, _Draw

    cid = cm.CID(
        [("a", "D"), ("a", "x"), ("D", "x"), ("x", "E"), ("a", "u"), ("E", "u"), ("D", "u")],
        decisions=["D", "E"], utilities=["u"],
    )  # fmt: skip
    chance = Chance(random.Random(1), np.random.default_rng(1))
    draw = _Draw(cid, cid.agents[0], "ici", "x", "D", (), chance, None)
    checked = 0
    for _ in range(examples(quick=4, full=60)):
        games = draw(16)
        if games is None:
            continue
        for game, best in enumerate(games.best.max(axis=1).tolist()):
            model = games.model(game)
            solved = model.solve(method="exhaustive")
            assert solved.value == pytest.approx(best, abs=1e-9)
            optimal = {d: np.unique(table[game], axis=0) for d, table in games.optimal.items()}
            assert all(len(rows) for rows in optimal.values())
            checked += 1
    assert checked >= 16
