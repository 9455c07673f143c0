"""Several agents: an agent's incentives where the others' rules are fixed, and where they best respond for a reason."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import ASSUMPTIONS, Answer, Others
from cidmesa.criteria.verdict import Verdict
from tests.criteria.play import (
    against,
    drawn_model,
    has,
    is_reasoned,
    reasoned_equilibria,
    shown,
    two_agents,
)
from tests.strategies import examples

CRITERIA = ("voi", "voc", "ri", "ici")


def verdicts(cid: cm.CID, others: Others, *, search: bool = True) -> Iterator[Verdict]:
    """Ask every question that can be asked."""
    for decision in cid.decisions:
        for node in cid.nodes:
            for criterion in CRITERIA:
                try:
                    yield judge(cid, criterion, node, decision, others=others, search=search)
                except cm.NotApplicableError:
                    continue


def asked(verdict: Verdict) -> tuple[str, str, str, object]:
    assert verdict.decision is not None
    return verdict.criterion, verdict.node, verdict.decision, verdict.cid.agent_of(verdict.decision)


@pytest.mark.parametrize("others", ASSUMPTIONS)
def test_random_games_of_two_agents(others: Others) -> None:
    """Hardly a question stays open, and every yes comes with a model in which brute force finds the incentive."""
    rng = random.Random(15)
    counts: Counter[Answer] = Counter()
    for _ in range(examples(quick=12, full=60)):
        for verdict in verdicts(two_agents(rng), others):
            counts[verdict.answer] += 1
            if verdict.answer is not Answer.UNKNOWN:
                assert verdict.because.check(verdict.cid), verdict
            if verdict.answer is Answer.ADMITS:
                confirm(verdict)
    assert counts[Answer.UNKNOWN] <= 0.03 * counts.total()
    assert counts[Answer.ADMITS] > 0.25 * counts.total()
    assert counts[Answer.EXCLUDES] > 0.25 * counts.total()


def confirm(verdict: Verdict) -> None:
    """Play the witness out, and where the others best respond, its equilibrium."""
    criterion, node, decision, agent = asked(verdict)
    model = verdict.witness()
    game = model
    if verdict.others == "best responding":
        played = verdict.equilibrium()
        assert played.model.cid == verdict.cid
        assert not played.model.rules
        assert is_reasoned(played.model, played.rules)
        game = played.model
        assert all(np.array_equal(model.rules[d], played.rules[d]) for d in model.rules)
        if criterion == "voi":
            game = shown(game, node, decision)
    assert has(against(game.without_rules(), model.rules, agent), criterion, node, decision, agent), verdict


def test_no_equilibrium_has_what_is_excluded() -> None:
    """In drawn games, whose equilibria are found by trying all profiles; what is admitted they have now and then."""
    rng, numbers = random.Random(3), np.random.default_rng(3)
    wanted = examples(quick=20, full=120)
    looked, idle, found, tried = 0, 0, 0, 0
    while looked < wanted:
        cid = two_agents(rng)
        if not any(cm.minimal_reduction(cid).parents(d) for d in cid.decisions):
            continue  # nobody has a reason to look
        questions = list(verdicts(cid, "best responding", search=False))
        for _ in range(4):
            model = drawn_model(cid, numbers)
            for rules in sorted(reasoned_equilibria(model), key=looking, reverse=True)[:2]:
                if not looking(rules) and idle >= looked:
                    continue
                looked += looking(rules) > 0
                idle += not looking(rules)
                for verdict, present in played_out(questions, model, rules):
                    if verdict.answer is Answer.EXCLUDES:
                        assert not present, (verdict, cid.edges)
                    else:
                        tried += 1
                        found += present
    assert idle > wanted / 4
    assert found > tried / 10


def test_no_fixed_rules_have_what_is_excluded() -> None:
    """Others who follow any rules, mixing or not; what is admitted is there now and then."""
    rng, numbers = random.Random(5), np.random.default_rng(5)
    found, tried = 0, 0
    for _ in range(examples(quick=15, full=150)):
        cid = two_agents(rng)
        questions = list(verdicts(cid, "fixed", search=False))
        for _ in range(2):
            model = drawn_model(cid, numbers)
            for verdict, present in played_out(questions, model, any_rules(cid, numbers)):
                if verdict.answer is Answer.EXCLUDES:
                    assert not present, (verdict, cid.edges)
                else:
                    tried += 1
                    found += present
    assert found > tried / 10


def any_rules(cid: cm.CID, numbers: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw a rule for every decision; half of them mix, in quarters."""
    rules = {}
    for d in cid.decisions:
        first = numbers.integers(0, 5, size=(2,) * len(cid.parents(d))) / 4
        first = np.round(first) if numbers.random() < 0.5 else first
        rules[d] = np.stack([first, 1 - first], axis=-1)
    return rules


def played_out(
    questions: list[Verdict], model: cm.CIM, rules: Mapping[str, np.ndarray]
) -> Iterator[tuple[Verdict, bool]]:
    """Say of each verdict whether the incentive is there against the rules of the others."""
    cid = model.cid
    views = {a: against(model, rules, a) for a in cid.agents}
    for verdict in questions:
        criterion, node, decision, agent = asked(verdict)
        if cid.kind(node) == "utility" and (criterion == "ri" or cid.agent_of(node) != agent):
            assert verdict.settled is Answer.EXCLUDES  # it leads nowhere, or to nothing that the agent is paid
        elif criterion != "voc" or len(cid.parents(node)) <= 2:
            view = views[agent]
            seen = shown(view, node, decision) if criterion == "voi" else view
            yield verdict, has(seen, criterion, node, decision, agent)


def looking(rules: Mapping[str, np.ndarray]) -> int:
    """Count the rules that depend on something."""
    return sum(len(np.unique(rule.reshape(-1, rule.shape[-1]), axis=0)) > 1 for rule in rules.values())


def test_best_responding_says_no_more_often() -> None:
    """What is excluded whatever the others do stays so; some of what fixed rules admit nobody has a reason for."""
    rng = random.Random(4)
    fewer = 0
    for _ in range(examples(quick=60, full=400)):
        cid = two_agents(rng)
        for fixed, reasoned in zip(verdicts(cid, "fixed"), verdicts(cid, "best responding"), strict=True):
            assert (fixed.criterion, fixed.node, fixed.decision) == (
                reasoned.criterion,
                reasoned.node,
                reasoned.decision,
            )
            if fixed.settled is Answer.EXCLUDES:
                assert reasoned.settled is Answer.EXCLUDES
            fewer += fixed.settled is Answer.ADMITS and reasoned.settled is Answer.EXCLUDES
    assert fewer > examples(quick=20, full=130)


def test_an_agent_that_gains_nothing_by_looking_does_not_look() -> None:
    """The other could tell A about x; it is not paid for that, so that in no equilibrium x is worth seeing."""
    edges = [("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    assert cm.admits_voi(cid, "x", "d")
    no = cm.admits_voi(cid, "x", "d", others="best responding")
    assert not no
    assert no.because.check(cid)
    assert no.because.ignored == (("x", "e"),)
    assert no.assumptions == (
        "the other agents' decisions (e) best respond, in an equilibrium in which nobody looks idly",
    )
    told = cid.with_edges(("x", "ub"))
    yes = cm.admits_voi(told, "x", "d", others="best responding")
    assert yes
    played = yes.equilibrium()
    assert cm.solve.is_equilibrium(played.model, played)
    assert cm.value_of_information(yes.witness(), "x", "d") > 0
    assert not no.because.check(told)


def test_why_rules_have_to_live_on_the_reduction() -> None:
    """An agent may look at less by looking at the wrong thing: p tells it what q does, and lets it break ties by p.

    Then p is worth seeing for A, though what B needs is q. No best response looks at fewer links than this one.
    """
    edges = [("p", "q"), ("p", "e"), ("q", "e"), ("q", "ub"), ("e", "ub"), ("e", "ua"), ("d", "ua"), ("q", "d")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    assert not cm.admits_voi(cid, "p", "d", others="best responding")
    game = cid.parameterise(
        p=cm.Uniform(0, 1, 2), q=lambda p: int(p > 0), e=[0, 1, 2], d=[0, 1, 2],
        ub=lambda q, e: int((e > 0) == (q == 1)), ua=lambda e, d: int(e == d),
    )  # fmt: skip
    rules = game.read_policy({"e": lambda p, q: p, "d": lambda q: q})
    assert cm.solve.is_equilibrium(game, rules)
    assert not is_reasoned(game, rules)  # the link from p is gone in the reduction
    assert has(shown(against(game, rules, "A"), "p", "d"), "voi", "p", "d", "A")


def test_nash_alone_says_nothing_new() -> None:
    """Pay the others nothing, and the fixed rules of any witness are an equilibrium with what is best for the agent."""
    rng = random.Random(6)
    for _ in range(examples(quick=10, full=60)):
        for verdict in verdicts(two_agents(rng, 2), "fixed"):
            if verdict.answer is not Answer.ADMITS or verdict.criterion == "voi":
                continue
            model, (*_, agent) = verdict.witness(), asked(verdict)
            unpaid = {u: cm.Table(0 * model.cpd(u)) for u in verdict.cid.utilities if verdict.cid.agent_of(u) != agent}
            best = cm.solve.solve(model, agent=agent).policy
            game = model.shift(unpaid)
            assert cm.solve.is_equilibrium(game.without_rules(), {**game.rules, **best})


def test_the_report_takes_the_assumption() -> None:
    edges = [("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub"), ("y", "d"), ("y", "ua")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    fixed, reasoned = cm.incentives(cid), cm.incentives(cid, others="best responding")
    assert fixed["d"].voi == {"x", "y", "e"}
    assert reasoned["d"].voi == {"y", "e"}
    assert fixed["d"].voc == {"x", "y", "e", "ua"}
    assert reasoned["d"].voc == {"y", "e", "ua"}
    assert reasoned["d"].requisite == fixed["d"].requisite == {"y"}
    assert reasoned["d"].relevance == fixed["d"].relevance
    assert reasoned != fixed
    assert reasoned.unknown == ()
    assert str(fixed.diff(cid)) == ""
    assert "yes" in str(reasoned)
    with pytest.raises(cm.NotApplicableError, match="others= is"):
        cm.incentives(cid, others="rational")  # type: ignore[arg-type]


def test_which_edge_would_give_the_others_a_reason() -> None:
    edges = [("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    flips = cm.sensitivity(cid, cm.admits_voi(cid, "x", "d", others="best responding"))
    assert {flip.edge for flip in flips} == {("x", "ua"), ("x", "ub")}
    assert all(flip.added and not flip.excludes for flip in flips)


def test_what_is_asked_for_by_name() -> None:
    cid = two_agents(random.Random(0))
    with pytest.raises(cm.NotApplicableError, match='"fixed" or "best responding"; got \'nash\''):
        cm.admits_voi(cid, "X0", "D0", others="nash")  # type: ignore[arg-type]
    edges = [("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    with pytest.raises(cm.NotApplicableError, match=r"are fixed, and \.witness"):
        cm.admits_voi(cid, "x", "d").equilibrium()
    with pytest.raises(cm.NotApplicableError, match="no model on this diagram is a witness"):
        cm.admits_voi(cid, "x", "d", others="best responding").equilibrium()


def test_what_the_drawn_diagram_does_not_allow_is_refused() -> None:
    """x descends from d by a link that nobody looks along; shown to d it would still close a circle."""
    edges = [("d", "e"), ("e", "x"), ("x", "ub"), ("d", "ua"), ("e", "ua")]
    cid = cm.CID(edges, decisions={"A": ["d"], "B": ["e"]}, utilities={"A": ["ua"], "B": ["ub"]})
    with pytest.raises(cm.NotApplicableError, match="cannot observe"):
        cm.admits_voi(cid, "x", "d", others="best responding")


def test_one_agent_has_no_others() -> None:
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    for criterion in CRITERIA:
        fixed, reasoned = (judge(cid, criterion, "x", "d", others=others) for others in ASSUMPTIONS)
        assert fixed.settled is reasoned.settled
        assert reasoned.assumptions == ()
    assert cm.admits_voi(cid, "x", others="best responding").equilibrium().values == {0: 1.0}
