"""Agents are discovered as published, on solved, trained, asked and frozen systems; the graph proves what is absent."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa import literature
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.validation.mechanism_graph import MechanismEdge, game_of, predicted_responses
from tests.strategies import cids, examples, models


def edges(found: Any) -> set[tuple[str, str, bool | None]]:
    return {(e.tail, e.head, e.terminal) for e in found}


def any_model(cid: cm.CID, seed: int = 0, card: int = 2) -> cm.CIM:
    """Random mechanisms on a diagram of the literature."""
    rng = np.random.default_rng(seed)
    mechanisms: dict[str, Any] = {}
    for node in cid.nodes:
        shape = (card,) * len(cid.parents(node))
        kind = cid.kind(node)
        if kind == "decision":
            mechanisms[node] = list(range(card))
        else:
            mechanisms[node] = cm.Table(
                rng.normal(size=shape) if kind == "utility" else rng.dirichlet([1] * card, shape)
            )
    return cid.parameterise(mechanisms)


# Games and graphs -----------------------------------------------------------------------------------------------------


@given(cids(max_chance=3, decisions=(1, 2), utilities=(1, 2), agents=(1, 2)))
@settings(max_examples=examples(quick=50, full=300))
def test_algorithm_2_finds_the_decisions_that_can_be_worth_something(cid: cm.CID) -> None:
    game = game_of(cid, predicted_responses(cid))
    own = {d: set(cid.utilities_of(cid.agent_of(d))) & cid.descendants(d) for d in cid.decisions}
    assert set(game.decisions) == {d for d, utilities in own.items() if utilities}
    assert set(game.utilities) == set().union(*own.values())
    for d, utilities in own.items():
        for e, others in own.items():
            if utilities & others:
                assert game.decisions[d] == game.decisions[e]
            elif utilities and others and cid.agent_of(d) != cid.agent_of(e):
                assert game.decisions[d] != game.decisions[e]
    assert game.cid.demote(*game.cid.decisions, *game.cid.utilities) == cid.demote(*cid.decisions, *cid.utilities)


def test_what_is_valued_and_read_is_no_utility_of_a_diagram() -> None:
    cid = cm.CID([("act", "tea"), ("tea", "cup")])
    game = game_of(cid, [MechanismEdge("tea", "act", True)])
    assert (dict(game.decisions), dict(game.utilities)) == ({"act": 0}, {"tea": 0})
    assert game.cid.kind("tea") == "chance"
    assert game_of(cid, [MechanismEdge("tea", "act", None)]).decisions == {}


# Solved systems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mouse", "thermostat", "actor-critic", "modified-action-mdp"])
def test_the_games_of_the_paper_are_discovered(name: str) -> None:
    """Published of each: which mechanisms the rules respond to (`relevance` of the record), and whose they are."""
    example = literature.load(name)
    found = cm.discover_agents(any_model(example.cid))
    assert found.as_predicted
    seen = {(e.tail, e.head) for e in found.edges}
    for expected in example.expected:
        if expected.criterion == "relevance":
            head = expected.decision or example.cid.decisions[0]
            assert {(tail, head) for tail in expected.admits} <= seen
            assert not {(tail, head) for tail in expected.excludes} & seen
    assert set(found.game.decisions) == set(example.cid.decisions)
    assert set(found.game.utilities) == set().union(
        *(set(example.cid.utilities) & example.cid.descendants(d) for d in example.cid.decisions)
    )


def test_actor_and_critic_are_two_agents() -> None:
    cid = literature.load("actor-critic").cid
    game = cm.discover_agents(any_model(cid, seed=1)).game
    assert game.decisions["action"] != game.decisions["estimate"]
    assert game.utilities == {"actor_score": game.decisions["action"], "critic_loss": game.decisions["estimate"]}
    assert repr(game) == "Game(0: action for actor_score; 1: estimate for critic_loss)"


def test_only_who_takes_the_override_into_account_responds_to_it() -> None:
    """Langlois and Everitt 2021: a learner whose model is that its action is done does not respond to overriding."""
    cid = cm.CID([("act", "done"), ("done", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(act=[0, 1], done=cm.Noisy(lambda act: act, 0.3), pay=lambda done: done)

    def ignores(world: cm.CIM) -> Any:
        return world.shift(done=lambda act: act).solve().tables

    def knows(world: cm.CIM) -> Any:
        return world.solve().tables

    assert edges(cm.discover_agents(knows, model=model).edges) == {("done", "act", False), ("pay", "act", True)}
    found = cm.discover_agents(ignores, model=model)
    assert edges(found.edges) == {("pay", "act", True)}
    assert [str(edge) for edge in found.missing] == ["done → act"]
    assert not found.as_predicted
    assert "Predicted and not found: done → act." in str(found)


@given(models(max_card=2, max_chance=3, decisions=(1, 2), utilities=(1, 2)))
@settings(max_examples=examples(quick=12, full=60), deadline=None)
def test_nothing_is_found_that_d_separation_excludes(model: cm.CIM) -> None:
    found = cm.discover_agents(model, backgrounds=3)
    assert not found.unpredicted
    for edge in found.edges:
        assert edge.terminal == (model.cid.kind(edge.tail) == "utility")


def test_what_the_model_itself_shows_is_found_without_other_settings() -> None:
    """A chance node that changes no best action in this world does so in another."""
    cid = cm.CID([("luck", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(luck=cm.Bernoulli(0.5), act=[0, 1], pay=lambda act, luck: act + 10 * luck)
    assert edges(cm.discover_agents(model, backgrounds=0).edges) == {("pay", "act", True)}
    assert edges(cm.discover_agents(model).edges) == {("pay", "act", True), ("luck", "act", False)}
    given_only = cm.discover_agents(model, {"pay": [lambda act, luck: -act]}, nodes=["pay"], backgrounds=0)
    assert [(t.tail, t.trials) for t in given_only.tried] == [("pay", 1)]


# Functions, frozen rules, trained agents ------------------------------------------------------------------------------


def mouse() -> cm.CIM:
    cid = literature.load("mouse").cid.with_edges([("smell", "go")])
    return cid.parameterise(
        smell=cm.Uniform("faint", "strong"),
        go=["left", "right"],
        position=cm.Noisy(lambda go: go, 0.25),
        cheese=lambda position: int(position == "right"),
    )


def test_a_frozen_table_is_no_agent() -> None:
    model = mouse()
    frozen = cm.agents.from_rules([{"go": lambda smell: "right"}] * 8, model)
    found = cm.discover_agents(frozen, model=model)
    assert found.edges == ()
    assert found.cid.decisions == found.cid.utilities == ()
    assert edges(found.missing) == {("position", "go", False), ("cheese", "go", True)}
    assert repr(found.game) == "Game(no agent)"
    assert {t.why for t in found.tried} == {"a frozen rule is the same in every world"}
    own = cm.agents.from_callable(lambda seen: {"go": np.full(len(seen["smell"]), "right")})
    assert cm.discover_agents(own, model=model).edges == ()


def test_whoever_is_trained_is_an_agent() -> None:
    agents = cm.train(mouse(), learner="exact", policy="tabular", agents=6, steps=40, rate=0.5, progress=False)
    found = cm.discover_agents(agents, progress=False)
    assert edges(found.edges) == {("position", "go", False), ("cheese", "go", True)}
    assert found.as_predicted
    assert found.cid.decisions == ("go",)
    smell = next(t for t in found.tried if t.tail == "smell")
    assert (smell.edge, smell.predicted, smell.trials > 0) == (None, None, True)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["decisions"] == {"go": 0}
    assert found.to_frame()["found"].tolist() == ["yes", "terminal", "no"]


def test_two_trained_decisions_are_left_out_one_by_one() -> None:
    cid = cm.CID([("first", "second"), ("first", "pay"), ("second", "pay")], decisions=["first", "second"],
                 utilities=["pay"])  # fmt: skip
    model = cid.parameterise(first=[0, 1], second=[0, 1], pay=lambda first, second: 2 * (first == second) + first)
    agents = cm.train(model, learner="exact", policy="tabular", agents=6, steps=40, rate=0.5, progress=False)
    found = cm.discover_agents(agents, {"second": [lambda first: first, lambda first: 1 - first]}, progress=False)
    assert ("pay", "first", True) in edges(found.edges)
    assert ("pay", "second", True) in edges(found.edges)
    assert ("first", "second", False) not in edges(found.edges)
    assert found.game.decisions == {"first": 0, "second": 0}


# Lifted contexts ------------------------------------------------------------------------------------------------------


def instructed() -> cm.CIM:
    """Somebody says what will be paid for; what is paid for depends on it."""
    cid = cm.CID([("W_pay", "go"), ("go", "place"), ("place", "pay"), ("W_pay", "pay"), ("W_place", "place"),
                  ("W_place", "go")], decisions=["go"], utilities=["pay"])  # fmt: skip
    return cid.parameterise(
        W_pay=cm.Uniform("left", "right"),
        W_place=cm.Uniform("ice", "grip", "stuck"),
        go=["left", "right"],
        place=cm.Function(
            lambda go, W_place: {"grip": go, "ice": "left" if go == "right" else "right", "stuck": "left"}[W_place],
            domain=["left", "right"],
        ),
        pay=lambda place, W_pay: int(place == W_pay),
    )


LIFTED = {"pay": "W_pay", "place": "W_place"}


def test_a_frozen_rule_that_is_told_of_the_goal_is_an_agent() -> None:
    model = instructed()
    wise = model.solve().tables
    deaf = {"go": lambda W_pay, W_place: "right"}
    blind = {"go": lambda W_pay, W_place: W_pay}
    found = cm.discover_agents(cm.agents.from_rules([wise] * 6, model), model=model, lifted=LIFTED)
    assert edges(found.edges) == {("pay", "go", True), ("place", "go", None)}
    assert found.cid.decisions == ("go",)
    assert found.kind == "frozen rules, contexts lifted"
    none = cm.discover_agents(cm.agents.from_rules([deaf] * 6, model), model=model, lifted=LIFTED)
    assert none.edges == ()
    assert repr(none.game) == "Game(no agent)"
    half = cm.discover_agents(cm.agents.from_rules([blind] * 6, model), model=model, lifted=LIFTED)
    assert edges(half.edges) == {("pay", "go", True)}
    assert edges(half.missing) == {("place", "go", False)}
    assert edges(cm.discover_agents(model, lifted=LIFTED).edges) == edges(found.edges)
    asked = cm.agents.from_callable(lambda seen: {"go": np.stack([seen["W_pay"]] * 6)}, agents=6)
    assert edges(cm.discover_agents(asked, model=model, lifted=LIFTED).edges) == {("pay", "go", True)}


def test_where_what_reads_a_node_is_lifted_too_responses_to_it_are_told_apart() -> None:
    """`place` with a reader that can be set not to read it: who still responds cares about the place itself."""
    cid = cm.CID([("W_place", "go"), ("W_pay", "go"), ("go", "place"), ("W_place", "place"), ("place", "pay"),
                  ("W_pay", "pay")], decisions=["go"], utilities=["pay"])  # fmt: skip
    model = cid.parameterise(
        W_place=cm.Uniform("grip", "ice"),
        W_pay=cm.Uniform("by place", "never"),
        go=[0, 1],
        place=cm.Function(lambda go, W_place: go if W_place == "grip" else 1 - go, domain=[0, 1]),
        pay=cm.Table([[1.0, 0.0], [0.0, 0.0]]),
    )
    wants_pay = {"go": lambda W_place, W_pay: int(W_place == "ice") if W_pay == "by place" else 0}
    wants_place = {"go": lambda W_place, W_pay: int(W_place == "ice")}
    lifted = {"place": "W_place", "pay": "W_pay"}
    for rule, terminal in ((wants_pay, False), (wants_place, True)):
        agents = cm.agents.from_rules([rule] * 6, model)
        found = cm.discover_agents(agents, model=model, lifted=lifted)
        assert ("place", "go", terminal) in edges(found.edges)


def test_who_is_not_told_cannot_respond_and_contexts_that_do_not_come_up_say_so() -> None:
    model = instructed().observing("go", ["W_pay"])
    agents = cm.agents.from_rules([{"go": lambda W_pay: W_pay}] * 6, model)
    found = {t.tail: t for t in cm.discover_agents(agents, model=model, lifted=LIFTED).tried}
    assert found["place"].why == "`go` is not told of `W_place`"
    always = model.shift(W_pay=cm.Categorical({"left": 1.0, "right": 0.0}))
    agents = cm.agents.from_rules([{"go": lambda W_pay: W_pay}] * 6, always)
    (row,) = cm.discover_agents(agents, model=always, lifted={"pay": "W_pay"}).tried
    assert row.why == "no two contexts that come up differ in `W_pay` alone"


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_a_change_that_reaches_no_context_is_marked() -> None:
    cid = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Categorical({0: 1.0, 1: 0.0}), act=[0, 1], pay=lambda act: act)
    found = cm.discover_agents(model, {"x": [cm.Categorical({0: 0.0, 1: 1.0})]}, nodes=["x"], backgrounds=0)
    (row,) = found.tried
    assert (row.trials, row.edge, row.why) == (0, None, "no change reaches a context that came up before")
    assert "no change reaches" in " ".join(str(found).split())


def test_what_is_no_system_is_refused_in_one_line() -> None:
    model = mouse()
    frozen = cm.agents.from_rules([{"go": lambda smell: "right"}])
    none = cm.agents.from_callable(lambda seen: {"go": []}, agents=1)
    object.__setattr__(none, "size", 0)
    silent = {"nothing": lambda world: {}, "another": lambda world: {"position": "left"}}
    for system, words in (
        (frozen, "whose world is it"),
        (lambda world: {}, "whose world is it"),
        ("mouse", "a system is a model, agents, or a function"),
    ):
        with pytest.raises(NotApplicableError, match=words) as caught:
            cm.discover_agents(system)
        assert "\n" not in str(caught.value)
    for system in silent.values():
        with pytest.raises(NotApplicableError, match="does not report `go`"):
            cm.discover_agents(system, model=model)
    with pytest.raises(NotApplicableError, match="no agent to look at"):
        cm.discover_agents(none, model=model)
    with pytest.raises(NotApplicableError, match="no node's rule may adapt"):
        cm.discover_agents(cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=lambda a: a))
    with pytest.raises(NotApplicableError, match="is no parent of it"):
        cm.discover_agents(model, lifted={"cheese": "smell"})
    with pytest.raises(UnknownNodeError, match="chese"):
        cm.discover_agents(model, {"chese": []})
    few = cm.train(model, learner="exact", policy="tabular", agents=1, steps=5, progress=False)
    with pytest.raises(NotApplicableError, match="train at least"):
        cm.discover_agents(few, progress=False)


def test_what_is_allowed_cannot_be_hidden() -> None:
    cid = cm.CID([("gate", "go"), ("gate", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(
        gate=cm.Uniform("open", "shut"),
        go=cm.Choice([0, 1], allowed=lambda gate: [0, 1] if gate == "open" else [0]),
        pay=lambda go, gate: go,
    )
    found = cm.discover_agents(model)
    assert ("pay", "go", True) in edges(found.edges)
    assert not found.unpredicted
