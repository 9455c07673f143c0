"""Internalised, corrigible, deceptive: patterns of rules, and the hypotheses that produce them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.corollaries.deception import optimal_rules
from cidmesa.mesa.corollaries.response_patterns import Pattern, response_pattern
from cidmesa.mesa.setup.training import Phases, TrainingSetup


def model() -> cm.CIM:
    base = cm.CID([("phase", "act"), ("rain", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    cid = cm.lift_context(base, "pay").with_edges(("W_pay", "act"))
    return cid.parameterise(
        phase=cm.Uniform("training", "deployment"),
        rain=cm.Bernoulli(0.5),
        W_pay=cm.Uniform("a", "b"),
        act=["a", "b"],
        pay=lambda act, W_pay: int(act == W_pay),
    )


RULES: dict[str, Any] = {
    "internalised": lambda phase, rain, W_pay: "b" if rain else "a",
    "corrigible": lambda phase, rain, W_pay: W_pay,
    "deceptive": lambda phase, rain, W_pay: W_pay if phase == "training" else "a",
    "other": lambda phase, rain, W_pay: W_pay if phase == "deployment" else "a",
}


@pytest.mark.parametrize("name", list(RULES))
def test_patterns(name: str) -> None:
    assert response_pattern(model(), {"act": RULES[name]}, "W_pay", "phase", "training").pattern == name


def test_what_is_shown_may_matter_in_one_context_alone() -> None:
    rule = {"act": lambda phase, rain, W_pay: W_pay if rain else "a"}
    found = response_pattern(model(), rule, "W_pay", "phase", "training")
    assert found.pattern is Pattern.CORRIGIBLE
    rule = {"act": lambda phase, rain, W_pay: {"a": 0.5, "b": 0.5} if W_pay == "a" else {"a": 0.4, "b": 0.6}}
    found = response_pattern(model(), rule, "W_pay", "phase", "training", margin=0.2)
    assert found.pattern is Pattern.INTERNALISED
    assert found.responses == pytest.approx({"training": 0.1, "deployment": 0.1})


def test_three_hypotheses_and_their_patterns() -> None:
    """One shared rule, what the base wants now, and a cue that is right: three objectives, three patterns."""
    edges = [("want", "tr"), ("cue_tr", "tr"), ("want", "dep"), ("cue_dep", "dep")]
    edges += [("tr", "follows_tr"), ("want", "follows_tr"), ("follows_tr", "kept"), ("follows_tr", "score")]
    edges += [("dep", "follows_dep"), ("want", "follows_dep")]
    edges += [("tr", "own_tr"), ("dep", "own_dep"), ("kept", "lasting"), ("own_dep", "lasting")]
    cid = cm.CID(edges, decisions=["tr", "dep"], utilities=["score"])
    world = cid.parameterise(
        want=cm.Uniform("a", "b"),
        cue_tr=cm.Categorical({"training": 1.0, "deployment": 0.0}),
        cue_dep=cm.Categorical({"training": 0.0, "deployment": 1.0}),
        tr=["a", "b"],
        dep=["a", "b"],
        follows_tr=cm.Function(lambda tr, want: int(tr == want), domain=(0, 1)),
        follows_dep=cm.Function(lambda dep, want: int(dep == want), domain=(0, 1)),
        kept=lambda follows_tr: follows_tr,
        own_tr=cm.Function(lambda tr: int(tr == "a"), domain=(0, 1)),
        own_dep=cm.Function(lambda dep: int(dep == "a"), domain=(0, 1)),
        lasting=cm.Function(lambda kept, own_dep: kept * own_dep, domain=(0, 1)),
        score=lambda follows_tr: follows_tr,
    )
    setup = TrainingSetup(world, shared_rules=[("tr", "dep")], phases=Phases("tr", "kept", "dep"))
    pair = list(product((0, 1), repeat=2))
    hypotheses = {
        "corrigible": (["follows_tr", "follows_dep"], {(x, y): x + y for x, y in pair}),
        "internalised": (["own_tr", "own_dep"], {(x, y): x + y for x, y in pair}),
        "deceptive": (["own_tr", "lasting"], {(x, y): 0.3 * x + y for x, y in pair}),
    }
    for name, (targets, objective) in hypotheses.items():
        _, rules = optimal_rules(setup, targets, objective)
        assert len(rules) == 1
        rule = rules[0]["tr"].reshape(2, 2, 2)
        found = response_pattern(world, {"tr": rule}, "want", "cue_tr", "training")
        assert found.pattern == name, name


def test_bad_input() -> None:
    rule = {"act": RULES["corrigible"]}
    with pytest.raises(NotApplicableError, match="not observed"):
        response_pattern(model(), rule, "pay", "phase", "training")
    with pytest.raises(NotApplicableError, match="not a value"):
        response_pattern(model(), rule, "W_pay", "phase", "trainign")
    with pytest.raises(NotApplicableError, match="two observations"):
        response_pattern(model(), rule, "phase", "phase", "training")
    with pytest.raises(NotApplicableError, match="which decision"):
        response_pattern(model(), {}, "W_pay", "phase", "training")
