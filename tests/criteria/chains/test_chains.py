"""Chains of steps: every one checks, none fires on what a model has, and no model has what one excludes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria.chains.added_links import AddedLinks
from cidmesa.criteria.chains.ask import chain_for
from cidmesa.criteria.chains.chain import Chain
from cidmesa.criteria.chains.collapse import Absorb, Collapse
from cidmesa.criteria.chains.graph import Graph
from cidmesa.criteria.chains.known_decision import KnownDecision
from cidmesa.criteria.chains.noise import Noise
from cidmesa.criteria.chains.nonrequisite import Nonrequisite
from cidmesa.criteria.chains.ordering import Ordering
from cidmesa.criteria.criteria import judge
from tests.criteria import brute
from tests.criteria.chains.drawn import asked, attack, chained, chance_links, insoluble
from tests.criteria.test_soundness import listed, structural
from tests.strategies import cids, examples


class TestProofs:
    def test_every_chain_checks_and_needs_all_its_steps(self) -> None:
        rng, steps = random.Random(1), Counter[str]()
        for decisions in (2, 3):
            for _ in range(examples(quick=120, full=800) // decisions):
                cid = insoluble(rng, decisions=decisions)
                for verdict, chain in chained(cid):
                    assert verdict.answer is cm.Answer.EXCLUDES
                    assert chain.check(cid), chain
                    steps.update(type(step).__name__ for step in chain.steps)
                    for at in range(len(chain.steps)):
                        shorter = replace(chain, steps=chain.steps[:at] + chain.steps[at + 1 :])
                        assert not shorter.check(cid), (chain, at)
        assert set(steps) >= {"Noise", "Collapse", "Nonrequisite", "KnownDecision", "AddedLinks"}

    def test_no_chain_is_found_where_a_theorem_says_yes(self) -> None:
        rng, count = random.Random(2), 0
        for _ in range(examples(quick=60, full=500)):
            cid = insoluble(rng, decisions=rng.choice([2, 2, 3]))
            for verdict in asked(cid):
                if verdict.settled is cm.Answer.ADMITS:
                    count += 1
                    assert chain_for(verdict) is None, verdict
        assert count > 500

    def test_no_chain_is_found_where_a_model_has_it(self) -> None:
        """Models found by the search on binary games, which knows nothing of chains."""
        from cidmesa.criteria.witness.search import search

        rng, count = random.Random(3), 0
        for _ in range(examples(quick=6, full=20)):
            cid = insoluble(rng)
            for verdict in asked(cid):
                if verdict.settled is None and search(verdict, verdict.criterion) is not None:
                    count += 1
                    assert chain_for(verdict) is None, verdict
        assert count > 2

    def test_the_attack_by_linear_programming_finds_nothing(self) -> None:
        rng, models = random.Random(4), 0
        while models < examples(quick=60, full=1000):
            cid = insoluble(rng, decisions=rng.choice([2, 2, 3]))
            for verdict, _ in chained(cid, ("voi", "voc", "ri")):
                if verdict.criterion == "voi" and not cid.has_edge(verdict.node, str(verdict.decision)):
                    continue
                if cid.kind(verdict.node) == "decision" and verdict.criterion != "ri":
                    continue
                for _ in range(2):
                    broken = attack(cid, verdict.criterion, verdict.node, verdict.decision, rng)
                    models += broken is not None
                    assert not broken, verdict

    def test_the_attack_finds_what_is_there(self) -> None:
        """An attack that never found anything would be none."""
        rng, found = random.Random(5), 0
        for _ in range(20):
            cid = insoluble(rng)
            for x, d in chance_links(cid):
                if judge(cid, "voi", x, d, search=False).settled is cm.Answer.ADMITS:
                    found += any(attack(cid, "voi", x, d, rng) for _ in range(8))
        assert found > 10

    @given(st.data(), cids(max_chance=3, decisions=2, utilities=(1, 2), max_parents=2))
    @settings(max_examples=examples(quick=50, full=400))
    def test_no_model_has_what_a_chain_excludes(self, data: st.DataObject, cid: cm.CID) -> None:
        proofs = [v for v, _ in chained(cid)]
        assume(proofs)
        verdict = data.draw(st.sampled_from(proofs))
        node, decision = verdict.node, str(verdict.decision)
        if verdict.criterion == "voi":
            scim, rules = listed(data.draw(structural(cm.graph.with_information_link(cid, node, decision))))
            assert scim.gain_from_seeing(rules, node, decision) == pytest.approx(0, abs=1e-9)
            return
        scim, rules = listed(data.draw(structural(cid)))
        if verdict.criterion == "voc":
            assert scim.gain_from_control(rules, node) == pytest.approx(0, abs=1e-9)
            return
        best = scim.optimal(rules)[1]
        shown = scim.responds if verdict.criterion == "ri" else scim.controls
        assert not shown(best, node, decision).all()

    def test_a_set_of_nodes(self) -> None:
        edges = [("a", "d"), ("b", "e"), ("d", "u"), ("e", "u")]
        cid = cm.CID(edges, decisions=["d", "e"], utilities=["u"])
        verdict = cm.admits_voi(cid.with_edges(("a", "e"), ("b", "d")), ["a", "b"], "d")
        assert verdict.answer is cm.Answer.EXCLUDES
        assert "a -> d, b -> d may go" in str(verdict.because)
        assert "a chain of steps" in str(verdict)
        with pytest.raises(cm.NotApplicableError, match="no model on this diagram"):
            verdict.witness()


class TestRefusals:
    def test_another_diagram(self) -> None:
        cid = _coin()
        chain = cm.admits_voi(cid, "coin", "d").because
        assert isinstance(chain, Chain)
        assert chain.check(cid)
        assert not chain.check(cid.with_edges(("coin", "u")))  # what it tells matters
        assert not chain.check(cid.without_edges(("coin", "d")))  # no such link
        assert not replace(chain, steps=()).check(cid)
        assert not replace(chain, gone=(("coin", "d"), ("coin", "u"))).check(cid.with_edges(("coin", "u")))

    def test_several_agents(self) -> None:
        """What is noise to one agent's decisions correlates those of two."""
        cid = _coin()
        chain = cm.admits_voi(cid, "coin", "d").because
        edges = [*cid.edges, ("d", "w"), ("e", "w")]
        game = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["u"], "B": ["w"]})
        assert isinstance(chain, Chain)
        assert not chain.check(game)
        verdict = judge(game, "voi", "coin", "d")
        assert chain_for(verdict) is None

    def test_shared_rules(self) -> None:
        """Labels 0 and 1, one shown to each: one rule for both tells them apart by the labels alone."""
        edges = [("coin", "one"), ("coin", "two"), ("one", "d"), ("two", "e"), ("d", "u"), ("e", "u")]
        cid = cm.CID(edges, decisions=["d", "e"], utilities=["u"])
        verdict = cm.admits_voi(cid, "one", "d")
        assert verdict.answer is cm.Answer.EXCLUDES
        assert verdict.because.check(cid)
        assert isinstance(verdict.because, Chain)
        assert not verdict.because.check(cid, shared_rules=[("d", "e")])
        # The labels are the coin and its other side, and it pays to differ: 1 with one rule for both, ½ without labels.
        assert max(int(rule[0] != rule[1]) for rule in product((0, 1), repeat=2)) == 1
        assert max(2 * p * (1 - p) for p in np.linspace(0, 1, 101)) == pytest.approx(0.5)
        report = cm.incentives(cid, shared_rules=[("d", "e")], search=False)
        assert report.verdicts["voi"]["d"]["one"].answer is cm.Answer.UNKNOWN
        assert report != cm.incentives(cid, search=False)
        assert cm.incentives(cid, search=False).verdicts["voi"]["d"]["one"].answer is cm.Answer.EXCLUDES

    def test_a_mesa_optimizer_with_one_rule_for_two_decisions_is_asked_without_chains(self) -> None:
        setup = cm.TrainingSetup(_coin().with_edges(("d", "x"), ("e", "x")), shared_rules=[("d", "e")])
        [m] = cm.derive_mesa_optimizers(setup, targets=["x"])
        assert m.incentives.shared_rules == (("d", "e"),)
        assert not any(isinstance(v.because, Chain) for v in m.incentives.verdicts["voi"]["d"].values())


def _coin() -> cm.CID:
    edges = [("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")]
    return cm.CID(edges, decisions=["d", "e"], utilities=["u"])


class TestSteps:
    """What each step refuses, on a diagram in which it would be false."""

    GRAPH = Graph.of(
        cm.CID(
            [("s", "r"), ("s", "d"), ("r", "d"), ("r", "e"), ("s", "u"), ("d", "u"), ("e", "u"), ("h", "u"), ("h", "w"),
             ("k", "w"), ("k", "u"), ("d", "e")],
            decisions=["d", "e"], utilities=["u", "w"],
        )
    )  # fmt: skip

    @pytest.mark.parametrize(
        "step",
        [
            Nonrequisite("d", ("s",)),
            Nonrequisite("d", ("h",)),
            Nonrequisite("s", ("r",)),
            KnownDecision("e", "d"),
            KnownDecision("d", "e"),
            KnownDecision("e", "r"),
            Noise(("r",)),
            Noise(("s", "r")),
            Noise(("d",)),
            Noise(("r",), ("s",)),
            Collapse("r"),
            Collapse("d"),
            Collapse("u"),
            Absorb("h", "h"),
            Absorb("h", "s"),
            Ordering(("d", "e"), ("r",), ("s", "r", "d", "e")),  # e does not see s
            Ordering(("d",), ("r",), ("r", "s", "d")),  # s before r hangs on r
            Ordering(("d",), ("r",), ("s", "r", "d", "d")),
            Ordering(("d",), ("d",), ("s", "r", "d")),
            Ordering(("d",), ("r",), ("r", "d")),
            Ordering(("d",), ("s",), ("s", "r", "d")),
            Ordering(("d", "e"), ("r",), ("s", "r", "e", "d")),
            AddedLinks((("u", "d"),)),
            AddedLinks((("e", "d"),)),
            AddedLinks((("s", "d"),)),
            AddedLinks((("s", "h"),)),
        ],
        ids=str,
    )
    def test_refused(self, step: Any) -> None:
        assert step.applied(self.GRAPH) is None

    def test_taken(self) -> None:
        assert Absorb("h", "k").applied(self.GRAPH) is not None
        told = AddedLinks((("s", "e"),)).applied(self.GRAPH)
        assert told is not None
        known = AddedLinks((("h", "d"),)).applied(told)
        assert known is not None
        assert "k" not in known.parents["d"]
        seen = KnownDecision("e", "d").applied(told)
        assert seen is not None
        assert seen.parents["e"] == {"r", "s"}

    def test_a_step_is_worth_what_it_says(self) -> None:
        """The ordering step on the diagram of its docstring, against all policies of random models."""
        edges = [("s", "r"), ("s", "d"), ("r", "d"), ("s", "e"), ("r", "e"), ("s", "u"), ("d", "u"), ("e", "u")]
        cid = cm.CID(edges, decisions=["d", "e"], utilities=["u"])
        assert Ordering(("d", "e"), ("r",), ("s", "r", "d", "e")).applied(Graph.of(cid)) is not None
        rng = np.random.default_rng(0)
        for _ in range(examples(quick=5, full=60)):
            model = cid.parameterise(
                s=cm.Bernoulli(float(rng.random())), r=_drawn(rng), d=[0, 1], e=[0, 1],
                u=cm.Table(rng.integers(0, 4, (2, 2, 2)).astype(float)),
            )  # fmt: skip
            blind = cm.CIM(cid.without_edges(("r", "d"), ("r", "e")), model.mechanisms)
            assert brute.best_value(blind) == pytest.approx(brute.best_value(model), abs=1e-12)


def _drawn(rng: np.random.Generator) -> cm.Structural:
    weights = rng.random(3)
    return cm.Structural(weights / weights.sum(), rng.integers(0, 2, (2, 3)), [0, 1])
