"""A graphical no is an exact zero in every model; and what should not matter to an answer does not.

Random diagrams with one or two decisions, soluble or not, and random structural models on them: noise of any law,
deterministic rows, constants, ties, contexts of probability zero. All deterministic policies are listed.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import Answer
from cidmesa.criteria.verdict import Verdict
from cidmesa.errors import NotApplicableError
from tests.criteria import brute
from tests.strategies import cids, examples

ZERO = 1e-9
SMALL = cids(max_chance=3, decisions=(1, 2), utilities=(1, 2), max_parents=2)
ONE = cids(max_chance=4, decisions=1, utilities=(1, 2), max_parents=3)


@st.composite
def structural(draw: Any, cid: cm.CID) -> cm.CIM:
    """Random structural models with two states a node."""
    mechanisms: dict[str, Any] = {}
    for node in cid.nodes:
        shape = (2,) * len(cid.parents(node))
        contexts = 2 ** len(shape)
        if cid.kind(node) == "decision":
            mechanisms[node] = [0, 1]
        elif cid.kind(node) == "utility":
            pays = draw(st.lists(st.integers(-2, 2), min_size=contexts, max_size=contexts))
            mechanisms[node] = cm.Table(np.reshape(pays, shape))
        else:
            noise = draw(st.sampled_from([(1.0,), (0.5, 0.5), (0.25, 0.75), (0.0, 1.0), (0.25, 0.25, 0.5)]))
            size = contexts * len(noise)
            outcome = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
            mechanisms[node] = cm.Structural(noise, np.reshape(outcome, (*shape, len(noise))), [0, 1])
    return cid.parameterise(mechanisms)


def excluded(cid: cm.CID, criterion: str) -> list[Verdict]:
    """List the verdicts of a criterion that say no, for chance nodes and decisions."""
    found = []
    for decision in cid.decisions:
        for node in cid.nodes:
            if node == decision or cid.kind(node) == "utility":
                continue
            try:
                verdict = judge(cid, criterion, node, None if criterion == "voc" else decision)
            except NotApplicableError:
                continue
            if verdict.settled is Answer.EXCLUDES:
                found.append(verdict)
    return found


def listed(model: cm.CIM) -> tuple[brute.Scim, dict[str, np.ndarray]]:
    """Return a model with all its policies; too large ones are not what this is about."""
    scim = brute.Scim(model)
    rules = scim.policies()
    assume(rules is not None)
    return scim, rules


@given(st.data(), SMALL)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_value_of_information(data: st.DataObject, cid: cm.CID) -> None:
    for verdict in excluded(cid, "voi")[:3]:
        linked = cm.graph.with_information_link(cid, verdict.node, verdict.decision)
        scim, rules = listed(data.draw(structural(linked)))
        assert scim.gain_from_seeing(rules, verdict.node, verdict.decision) == pytest.approx(0, abs=ZERO), verdict


@given(st.data(), SMALL)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_value_of_control(data: st.DataObject, cid: cm.CID) -> None:
    verdicts = excluded(cid, "voc")
    assume(verdicts)
    scim, rules = listed(data.draw(structural(cid)))
    for verdict in verdicts[:3]:
        assert scim.gain_from_control(rules, verdict.node) == pytest.approx(0, abs=ZERO), verdict


@given(st.data(), SMALL)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_response_incentive(data: st.DataObject, cid: cm.CID) -> None:
    verdicts = excluded(cid, "ri")
    assume(verdicts)
    scim, rules = listed(data.draw(structural(cid)))
    best = scim.optimal(rules)[1]
    for verdict in verdicts:
        assert not scim.responds(best, verdict.node, verdict.decision).all(), verdict


@given(st.data(), SMALL)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_instrumental_control_incentive(data: st.DataObject, cid: cm.CID) -> None:
    verdicts = excluded(cid, "ici")
    assume(verdicts)
    scim, rules = listed(data.draw(structural(cid)))
    best = scim.optimal(rules)[1]
    for verdict in verdicts:
        assert not scim.controls(best, verdict.node, verdict.decision).all(), verdict


@given(st.data(), cids(max_chance=3, decisions=2, utilities=2, max_parents=2))
@settings(max_examples=examples(quick=100, full=2000))
def test_no_incentive_whatever_rule_another_agent_has(data: st.DataObject, cid: cm.CID) -> None:
    mine, theirs = cid.decisions
    cid = cm.CID(
        cid.edges,
        nodes=cid.nodes,
        decisions={"me": [mine], "you": [theirs]},
        utilities={"me": [cid.utilities[0]], "you": [cid.utilities[1]]},
    )
    model = data.draw(structural(cid))
    scim, rules = listed(model)
    fixed = rules[theirs][data.draw(st.integers(0, len(rules[theirs]) - 1))]
    ours = {d: np.unique(rules[mine], axis=0) if d == mine else fixed[None] for d in cid.decisions}
    ours = {d: np.repeat(rule, len(ours[mine]), axis=0) if d == theirs else rule for d, rule in ours.items()}
    best = scim.optimal(ours, "me")[1]
    for verdict in [v for v in [*excluded(cid, "ri"), *excluded(cid, "ici")] if v.decision == mine]:
        if verdict.criterion == "ri":
            assert not scim.responds(best, verdict.node, mine).all(), verdict
        else:
            assert not scim.controls(best, verdict.node, mine, "me").all(), verdict


@given(st.data(), ONE)
@settings(max_examples=examples(quick=150, full=2000))
def test_an_irrelevant_mechanism_changes_no_choice(data: st.DataObject, cid: cm.CID) -> None:
    (decision,) = cid.decisions
    verdicts = excluded(cid, "relevance")
    assume(verdicts)
    model = data.draw(structural(cid))
    before = brute.one_decision(model, decision)[1]
    for verdict in verdicts:
        if cid.kind(verdict.node) != "chance":
            continue
        other = data.draw(structural(cid)).mechanisms[verdict.node]
        after = brute.one_decision(model.shift({verdict.node: other}), decision)[1]
        for context in set(before) & set(after):
            assert _best(before[context]) == _best(after[context]), verdict


def _best(row: np.ndarray) -> set[int]:
    """Return the best actions. All weights here are multiples of 4^-k, so equal values are equal."""
    return set(np.flatnonzero(row >= row.max() - ZERO).tolist())


@given(st.data(), ONE)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_introduced_unfairness(data: st.DataObject, cid: cm.CID) -> None:
    (decision,) = cid.decisions
    verdicts = [v for v in excluded(cid, "introduced_unfairness") if v.node not in cid.descendants(decision)]
    assume(verdicts)
    scim, rules = listed(data.draw(structural(cid)))
    best = scim.optimal(rules)[1]
    values = scim.play(best)[0]
    shape = (len(best[decision]), len(scim.weights))
    actions = np.broadcast_to(values[decision], shape)
    for verdict in verdicts:
        attribute = np.broadcast_to(values[verdict.node], shape)[0]
        mass = [scim.weights[attribute == a].sum() for a in (0, 1)]
        if min(mass) > 0:
            means = [(actions * scim.weights)[:, attribute == a].sum(axis=1) / mass[a] for a in (0, 1)]
            assert np.abs(means[1] - means[0]).min() == pytest.approx(0, abs=ZERO), verdict


@given(st.data(), ONE)
@settings(max_examples=examples(quick=150, full=2000))
def test_no_impact(data: st.DataObject, cid: cm.CID) -> None:
    (decision,) = cid.decisions
    verdicts = excluded(cid, "impact")
    assume(verdicts)
    scim, rules = listed(data.draw(structural(cid)))
    baseline = {decision: rules[decision][data.draw(st.integers(0, len(rules[decision]) - 1))][None]}
    best = scim.optimal(rules)[1]
    shape = (len(best[decision]), len(scim.weights))
    under_best, under_baseline = scim.play(best)[0], scim.play(baseline)[0]
    for verdict in verdicts:
        laws = np.broadcast_to(under_best[verdict.node], shape) @ scim.weights
        law = np.broadcast_to(under_baseline[verdict.node], (1, shape[1])) @ scim.weights
        assert np.abs(laws - law).min() == pytest.approx(0, abs=ZERO), verdict


# What should not matter ---------------------------------------------------------------------------------------------

CRITERIA = ("voi", "voc", "ri", "ici", "impact", "intention", "unfairness", "introduced_unfairness", "relevance")


def answers(cid: cm.CID, nodes: Any = None) -> dict[tuple[str, str, str], Answer | None]:
    """Return what every criterion says of every node and decision, as far as theorems settle it."""
    found = {}
    for criterion, decision, node in product(CRITERIA, cid.decisions, cid.nodes if nodes is None else nodes):
        try:
            found[criterion, decision, node] = judge(cid, criterion, node, decision).settled
        except NotApplicableError:
            continue
    return found


@given(SMALL, st.randoms(use_true_random=False))
@settings(max_examples=examples(quick=60, full=1000))
def test_names_and_order_do_not_matter(cid: cm.CID, random: Any) -> None:
    fresh = [f"n{i}" for i in range(len(cid))]
    random.shuffle(fresh)
    names = dict(zip(cid.nodes, fresh, strict=True))
    nodes, edges = list(cid.nodes), list(cid.edges)
    random.shuffle(nodes)
    random.shuffle(edges)
    other = cm.CID(
        [(names[t], names[h]) for t, h in edges],
        nodes=[names[n] for n in nodes],
        decisions=[names[d] for d in cid.decisions],
        utilities=[names[u] for u in cid.utilities],
    )
    renamed = {(c, names[d], names[x]): answer for (c, d, x), answer in answers(cid).items()}
    assert renamed == answers(other)


@given(cids(max_chance=3, decisions=2, max_parents=2), st.randoms(use_true_random=False))
@settings(max_examples=examples(quick=15, full=200))
def test_names_do_not_matter_to_the_search(cid: cm.CID, random: Any) -> None:
    fresh = [f"n{i}" for i in range(len(cid))]
    random.shuffle(fresh)
    names = dict(zip(cid.nodes, fresh, strict=True))
    other = cid.renamed(names)
    for decision, node in product(cid.decisions, cid.nodes):
        if node != decision:
            here, there = judge(cid, "ri", node, decision), judge(other, "ri", names[node], names[decision])
            assert here.answer is there.answer


@given(SMALL, st.randoms(use_true_random=False))
@settings(max_examples=examples(quick=60, full=1000))
def test_a_barren_node_does_not_matter(cid: cm.CID, random: Any) -> None:
    tails = [n for n in cid.nodes if cid.kind(n) != "utility"]
    chosen = random.sample(tails, random.randint(0, len(tails)))
    more = cm.CID(
        [*cid.edges, *((tail, "barren") for tail in chosen)],
        nodes=[*cid.nodes, "barren"],
        decisions=cid.decisions,
        utilities=cid.utilities,
    )
    assert answers(more, cid.nodes) == answers(cid)


@given(cids(max_chance=4, decisions=(1, 3), utilities=(1, 2), max_parents=4), st.randoms(use_true_random=False))
@settings(max_examples=examples(quick=100, full=3000))
def test_the_reduction_is_idempotent_and_its_order_free(cid: cm.CID, random: Any) -> None:
    reduced = cm.minimal_reduction(cid)
    assert cm.minimal_reduction(reduced) == reduced
    step = cid
    while True:
        links = [(x, d) for d in step.decisions for x in step.parents(d) if not _requisite(step, x, d)]
        if not links:
            break
        step = step.without_edges(random.choice(links))
    assert step == reduced


def _requisite(cid: cm.CID, node: str, decision: str) -> bool:
    """Decide by the moral graph of the ancestors: plain sets, written for this test."""
    goals = {u for u in cid.utilities if u in cid.descendants(decision)}
    known = ({decision} | set(cid.parents(decision))) - {node}
    within = {node} | known | goals
    for n in list(within):
        within |= cid.ancestors(n)
    near: dict[str, set[str]] = {n: set() for n in within}
    for child in within:
        family = [child, *cid.parents(child)]
        for a, b in product(family, family):
            if a != b:
                near[a].add(b)
    seen, todo = {node}, [node]
    while todo:
        new = near[todo.pop()] - seen - known
        seen |= new
        todo += new
    return bool(seen & goals)
