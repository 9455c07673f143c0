"""Policies that come from elsewhere: another model's solution, rules with symbols."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

import cidmesa as cm
from cidmesa.solve import symbolic

EDGES = [("s", "d"), ("t", "d"), ("d", "u"), ("s", "u")]


def matching(domain: str, edges: list[tuple[str, str]] = EDGES, actions: str | None = None) -> cm.CIM:
    """A decision that is paid for matching `s`, and sees an irrelevant `t` too."""
    cid = cm.CID(edges, nodes=["s", "t"], decisions=["d"], utilities=["u"])
    mechanisms: dict[str, Any] = {"s": cm.Uniform(*domain), "t": cm.Uniform(*domain), "u": lambda s, d: int(s == d)}
    return cid.parameterise(mechanisms, d=list(actions or domain))


@pytest.mark.parametrize(
    "other",
    [matching("lr", actions="rl"), matching("rl"), matching("lr", [("t", "d"), ("s", "d"), *EDGES[2:]])],
    ids=["actions in another order", "values in another order", "parents in another order"],
)
def test_a_solution_is_read_by_value_not_by_position(other: cm.CIM) -> None:
    solution = matching("lr").solve()
    assert other.expected_utility(solution) == 1.0
    assert other.with_policy(solution).expected_utility() == 1.0
    assert other.explain("u", policy=solution).total == 1.0


@pytest.mark.parametrize("other", [matching("lrm"), matching("lr", EDGES[1:])], ids=["more values", "fewer parents"])
def test_a_solution_of_another_problem_is_refused(other: cm.CIM) -> None:
    with pytest.raises(cm.MechanismError, match="solve this model"):
        other.expected_utility(matching("lr").solve())


def test_a_rule_with_symbols_makes_the_question_symbolic() -> None:
    p = sympy.Symbol("p")
    open_model = cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(d=[0, 1], u=lambda d: 2 * d)
    fixed = open_model.with_policy({"d": [1 - p, p]})
    assert fixed.is_symbolic
    assert fixed.symbols == {p}
    assert fixed.subs({"p": 0.25}).expected_utility() == 0.5
    assert symbolic.expected_utility(fixed) == 2 * p
    for ask in (fixed.expected_utility, lambda: fixed.explain("u"), lambda: fixed.query(["d"])):
        with pytest.raises(cm.NotApplicableError, match="symbols p"):
            ask()
    with pytest.raises(cm.NotApplicableError, match="rule of `d` has symbols"):
        open_model.expected_utility({"d": [1 - p, p]})


def test_numbers_put_in_for_symbols_are_real() -> None:
    k = sympy.Symbol("k")
    model = cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(d=[0, 1], u=lambda d: k * d)
    with pytest.raises(cm.MechanismError, match="not real"):
        model.subs({"k": sympy.I})


def test_a_latent_node_has_a_value_of_information() -> None:
    cid = cm.CID([("h", "o"), ("o", "d"), ("h", "u"), ("d", "u")], decisions=["d"], utilities=["u"], latent=["h"])
    model = cid.parameterise(h=cm.Bernoulli(0.5), o=cm.Noisy(lambda h: h, 0.25), d=[0, 1], u=lambda h, d: int(h == d))
    assert cm.admits_voi(cid, "h")
    assert cm.value_of_information(model, "h") == 0.25
