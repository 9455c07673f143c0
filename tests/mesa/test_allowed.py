"""Forbidden actions in the derivation: they do not exist, whatever they would bring about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.mesa.consistency.shared_rules import RuleSpace
from cidmesa.mesa.graphical.mesa_diagram import with_form
from cidmesa.mesa.outcomes.reduced_policies import requisite_links
from cidmesa.mesa.predictions.claims import uncontrolled
from tests.mesa.systems import red_door_cid
from tests.solve.brute_force import World, allowed_policies
from tests.strategies import examples, models, restricted

SHIFTS = {"repainted": {"red": cm.Uniform("left", "right")}}


def red_door(go: Any, penalty: float | None = None) -> cm.TrainingSetup:
    cid = red_door_cid()
    if penalty is not None:
        cid = cid.with_edges(("go", "reward"))
    places = cm.Uniform("left", "right")
    model = cid.parameterise(
        {node: cm.Uniform("sun", "rain") for node in cid.nodes if node == "weather"},
        door=places,
        red=lambda door: door,
        go=go,
        at_door=lambda go, door: int(go == door),
        at_red=lambda go, red: int(go == red),
        reward=(lambda at_door: at_door)
        if penalty is None
        else (lambda at_door, go: penalty if go == "illegal" else at_door),
    )
    return cm.TrainingSetup(model, deployments=SHIFTS)


def answers(setup: cm.TrainingSetup) -> dict[str, Any]:
    family = cm.derive_mesa_optimizers(setup)
    found: dict[str, Any] = {"unidentifiable": {(pair.one, pair.other, pair.answer) for pair in family.unidentifiable}}
    for m in family:
        key = ", ".join(m.names)
        found[key] = m.consistency, dict(m.robustly_aligned), m.emergent, m.vanished
        if m.consistency == "CONSISTENT":
            found[key] += (m.training_regret, dict(m.deployment_regret), dict(m.stale_regret))
            found[key] += tuple(m.possible_actions(name) for name in setup.distributions)
    return found


@pytest.mark.parametrize("actions", [["left", "illegal", "right"]])
def test_an_action_forbidden_everywhere_is_not_there(actions: list[str]) -> None:
    """The whole family, its predictions and what would tell hypotheses apart are those without the third action."""
    without = red_door(["left", "right"])
    forbidden = red_door(cm.Choice(actions, allowed=lambda: ["left", "right"]))
    assert answers(forbidden) == answers(without)
    rows = [
        [(p.id, p.expected, p.modality) for p in cm.derive_mesa_optimizers(s).predictions()]
        for s in (without, forbidden)
    ]
    assert rows[0] == rows[1]
    apart = [
        [(r.nodes, r.certain, r.possible) for r in cm.separating_shifts(s, "at_door", "at_red")]
        for s in (without, forbidden)
    ]
    assert apart[0] == apart[1]
    cures = [[repr(r) for r in cm.distinguishing_training(s, "at_red")] for s in (without, forbidden)]
    assert cures[0] == cures[1]


def test_a_penalty_gives_the_same_verdicts() -> None:
    forbidden = answers(red_door(cm.Choice(["illegal", "left", "right"], allowed=lambda: ["left", "right"])))
    fined = answers(red_door(["illegal", "left", "right"], penalty=-1e12))
    for key in ("at_door", "at_red", "reward", "door", "red"):
        assert forbidden[key][:2] == fined[key][:2]
    for key in ("at_door", "at_red", "reward"):
        assert forbidden[key][4:] == fined[key][4:]


@given(
    st.sampled_from([1, 1, 2]).flatmap(lambda n: restricted(models(max_card=3, decisions=n, max_parents=2))), st.data()
)
@settings(max_examples=examples(40, 1500), deadline=None)
def test_regrets_are_those_of_the_allowed_policies(model: cm.CIM, data: Any) -> None:
    """Of every declared objective, its best and its worst optimal policy, against listing."""
    cid = model.cid
    below = {n for d in cid.decisions for n in cid.descendants(d)}
    targets = [n for n in cid.chance if n in below]
    policies = allowed_policies(model)
    if not targets or len(policies) > 500:
        return
    target = data.draw(st.sampled_from(targets))
    m = cm.derive_mesa_optimizers(cm.TrainingSetup(model), targets=[target])[target]
    world = World(model)
    laws = [world.joint(rules) for rules in policies]
    paid = np.array([(law * world.payoff).sum() for law in laws])
    reached = [world.marginal(law, [target]) for law in laws]
    assert m._answers is not None
    for objective in m.declared:
        wanted = np.array([law @ np.array(objective.values, dtype=float) for law in reached])
        regret = paid.max() - paid[wanted >= wanted.max() - 1e-9]
        assert m._answers.regret_of(objective) == pytest.approx((regret.min(), regret.max()), abs=1e-9)
    if m.consistency != "CONSISTENT":
        return
    for decision, table in m.possible_actions("training").items():
        may = model.allowed(decision)
        for context, actions in table.items():
            at = tuple(model.domain(p).index(v) for p, v in zip(cid.parents(decision), context, strict=True))
            assert actions
            assert may is None or all(may[at][model.domain(decision).index(a)] for a in actions)


@given(restricted(models(max_card=3, decisions=2, max_chance=2, max_parents=2)))
@settings(max_examples=examples(25, 800), deadline=None)
def test_a_shared_rule_takes_allowed_actions(model: cm.CIM) -> None:
    """The best rule of a rule space is the solver's, and puts nothing on what is forbidden."""
    space = RuleSpace.of(model)
    found = space.maximise(space.total(model, model.cid.utilities))
    if found.exact:
        assert found.value == pytest.approx(model.solve().value, abs=1e-6)
    for rule in found.rules:
        for decision in model.cid.decisions:
            may = model.allowed(decision)
            assert may is None or not space.rule_of(decision, rule)[~may.reshape(-1, may.shape[-1])].any()


def test_a_shared_rule_may_have_to_mix_what_is_allowed() -> None:
    """The absent-minded driver, with a third action that would end everything well."""
    cid = cm.CID([("turn", "out"), ("again", "out"), ("out", "pay")], decisions=["turn", "again"], utilities=["pay"])
    choice = cm.Choice(["fly", "exit", "on"], allowed=lambda: ["exit", "on"])

    def out(turn: str, again: str) -> int:
        return 9 if "fly" in (turn, again) else 0 if turn == "exit" else 4 if again == "exit" else 1

    model = cid.parameterise(turn=choice, again=choice, pay=lambda out: out, out=out)
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, shared_rules=[("turn", "again")]))
    assert family["pay"].training_regret == 0
    space = RuleSpace.of(model, [("turn", "again")])
    assert space.maximise(space.total(model, ["pay"])).value == pytest.approx(4 / 3)
    other = cm.Choice(["fly", "exit", "on"], allowed=lambda: ["on"])
    with pytest.raises(DiagramError, match="and what is allowed"):
        cm.TrainingSetup(
            cid.parameterise(turn=choice, again=other, pay=lambda out: out, out=out), shared_rules=[("turn", "again")]
        )


GATE = cm.CID(
    [("gate", "go"), ("door", "go"), ("go", "at"), ("door", "at"), ("at", "pay")], decisions=["go"], utilities=["pay"]
)


def gate(allowed: Any) -> cm.TrainingSetup:
    model = GATE.parameterise(
        gate=cm.Uniform("open", "shut"),
        door=cm.Uniform(0, 1),
        go=cm.Choice([0, 1, "stay"], allowed=allowed),
        at=lambda go, door: int(go == door),
        pay=lambda at: at,
    )
    return cm.TrainingSetup(model, {"shut": {"gate": cm.Categorical({"open": 0.25, "shut": 0.75})}})


def test_a_form_link_is_never_cut() -> None:
    """Nobody has to know of the gate by what it pays; whatever the targets, the rule reads it."""
    setup = gate(lambda gate: [0, 1, "stay"] if gate == "open" else ["stay"])
    assert setup.form_links == (("gate", "go"),)
    m = cm.derive_mesa_optimizers(setup)["at"]
    assert m.cid.parents("go") == ("gate", "door")
    assert m.model is not None
    assert m.model.allowed_reads("go") == ("gate",)
    assert requisite_links(setup, ["at"]) == {"go": ("gate", "door")}
    assert m.consistency == "CONSISTENT"
    assert m.forced == {"gate"}
    assert not {node for _, node in m.emergent | m.vanished} & {"gate"}
    bare = cm.derive_mesa_optimizers(gate(lambda: [0, 1]))["at"]
    assert bare.cid.parents("go") == ("door",)
    assert bare.forced == frozenset()


def test_forced_uses_are_shown_and_not_tested() -> None:
    rows = cm.derive_mesa_optimizers(gate(lambda gate: [0, 1] if gate == "open" else ["stay"])).predictions()
    forced = [p for p in rows.structural if p.subject == "gate" and p.kind == "observation"]
    assert {(p.deployment, p.expected, p.theorem) for p in forced} == {
        ("training", True, "forced: `gate` decides what `go` may do")  # no gate is new when it is shut
    }
    assert not [p for p in rows if p.subject == "gate" and p.kind in {"observation", "response"}]
    rows = cm.derive_mesa_optimizers(gate(lambda gate: [0, 1] if gate == "open" else ["stay"])).predictions(
        reading="competent"
    )
    responses = [p for p in rows.structural if p.kind == "response" and p.subject == "gate"]
    assert [(p.expected, p.theorem) for p in responses] == [(True, "forced by what `go` may do")]


def test_all_that_is_allowed_is_no_claim() -> None:
    """A table of all allowed actions cannot fail."""
    setup = gate(lambda gate: [0, 1] if gate == "open" else ["stay"])
    rows = cm.derive_mesa_optimizers(setup, targets=["at"]).predictions()
    [actions] = [p for p in rows.structural if p.kind == "actions" and p.deployment == "training"]
    assert dict(actions.expected)["shut", 0] == ("stay",)
    idle = GATE.without_edges(("door", "at")).parameterise(
        dict(setup.require_model("x").mechanisms) | {"at": lambda go: int(go == "stay")}
    )
    rows = cm.derive_mesa_optimizers(cm.TrainingSetup(idle), targets=["at"]).predictions()
    assert [dict(p.expected)["open", 0] for p in (*rows, *rows.structural) if p.kind == "actions"] == [(0, 1)]
    assert not [p for p in rows if p.kind == "actions"]


def test_an_uncontrolled_node_follows_what_is_allowed() -> None:
    model = gate(lambda gate: [0, 1] if gate == "open" else ["stay"]).require_model("x")
    free = uncontrolled(model, "at", "go")
    law = free.query(["gate", "at"], policy={"go": lambda gate, door: "stay" if gate == "shut" else 0})
    assert law["shut", 1] == 0
    assert law["open", 1] == pytest.approx(0.25)
    assert free.solve().value == pytest.approx(0.25)


def test_a_later_form_matters_to_an_earlier_decision() -> None:
    """What the first decision opens decides what the second may do: the graph has to see that."""
    cid = cm.CID(
        [("open", "go"), ("hint", "open"), ("go", "at"), ("at", "pay"), ("hint", "at")],
        decisions=["open", "go"],
        utilities=["pay"],
    )
    go = cm.Choice([0, 1], allowed=lambda open: [0, 1] if open else [0])
    model = cid.parameterise(
        hint=cm.Bernoulli(0.5), open=[False, True], go=go, at=lambda go, hint: int(go == hint), pay=lambda at: at
    )
    setup = cm.TrainingSetup(model)
    m = cm.derive_mesa_optimizers(setup)["at"]
    assert m.cid.parents("go") == ("open",)
    assert with_form(m.cid, setup.form_links).utilities == ("mesa_utility", "allowed go")
    assert model.solve().value == pytest.approx(1.0)
    assert m.consistency == "CONSISTENT"


def test_the_value_of_a_cue_that_is_part_of_the_form_is_not_defined() -> None:
    cid = cm.CID(
        [("cue", "act"), ("act", "kept"), ("kept", "later"), ("later", "end"), ("act", "pay"), ("end", "gain")],
        decisions=["act", "later"],
        utilities=["pay", "gain"],
    )
    model = cid.parameterise(
        cue=cm.Bernoulli(0.5),
        act=cm.Choice([0, 1], allowed=lambda cue: [0, 1] if cue else [0]),
        kept=lambda act: act,
        later=[0, 1],
        end=lambda later: later,
        pay=lambda act: act,
        gain=lambda end: end,
    )
    setup = cm.TrainingSetup(model, phases=cm.Phases(train="act", update="kept", deploy="later"))
    from cidmesa.mesa.corollaries.deception import phase_cue

    with pytest.raises(NotApplicableError, match="what `act` may do depends on `cue`"):
        phase_cue(setup, ["end"], {0: 0.0, 1: 1.0}, "cue")
