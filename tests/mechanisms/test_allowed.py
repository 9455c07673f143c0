"""Which actions a decision may take: the spellings, what it depends on, and errors by name."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import MechanismError, NotApplicableError

CID = cm.CID([("x", "d"), ("y", "d"), ("d", "u")], decisions=["d"], utilities=["u"])


def model(allowed: Any, x: Any = None) -> cm.CIM:
    return CID.parameterise(
        x=cm.Bernoulli(0.5) if x is None else x, y=cm.Uniform("l", "r"), d=cm.Choice(["a", "b"], allowed), u=lambda d: 0
    )


@pytest.mark.parametrize(
    "allowed",
    [
        lambda x: ["a", "b"] if x else ["a"],
        lambda y, x: ["b", "a"] if x else ["a"],
        lambda **seen: ["a", "b"][: 1 + seen["x"]],
        {(0, "l"): ["a"], (0, "r"): ["a"]},
    ],
)
def test_spellings_are_one(allowed: Any) -> None:
    found = model(allowed)
    assert found.allowed_reads("d") == ("x",)
    may = found.allowed("d")
    assert may is not None
    assert may.tolist() == [[[True, False]] * 2, [[True, True]] * 2]
    assert not may.flags.writeable
    assert found == model(lambda x: ["a", "b"] if x else ["a"])
    assert found != model(None)
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.shift(x=cm.Bernoulli(0.25)).allowed_reads("d") == ("x",)
    assert found.is_restricted


def test_everything_allowed_is_no_restriction() -> None:
    for free in (model(None), model(lambda **seen: ["b", "a"]), model({})):
        assert free.allowed("d") is None
        assert (free.allowed_reads("d"), free.is_restricted) == ((), False)
        assert free == model(None)


def test_the_order_of_parents_does_not_matter() -> None:
    one = model(lambda x, y: ["a"] if x and y == "l" else ["b"])
    turned = cm.CID([("y", "d"), ("x", "d"), ("d", "u")], nodes=["x", "y"], decisions=["d"], utilities=["u"])
    other = turned.parameterise(dict(one.mechanisms))
    may, its = one.allowed("d"), other.allowed("d")
    assert may is not None
    assert its is not None
    assert np.array_equal(may, its.transpose(1, 0, 2))
    assert one.observing("d", ["y", "x"]).allowed("d").tolist() == its.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        (lambda z: ["a"], r"allowed= reads `z`.*`d` observes `x`, `y`: add the edge \('z', 'd'\)"),
        (lambda x: ["c"], r"allowed= gives 'c' at x=0, which is not in the domain \('a', 'b'\)"),
        (lambda x: "a", r"gives a list of actions, \['a'\]; at x=0 it gave 'a'"),
        (lambda x: 3, r"at x=0 it gave 3"),
        (lambda x: 1 / x, r"allowed= failed at x=0: ZeroDivisionError"),
        ({(0,): ["a"]}, r"a context is a tuple of the values of \(x, y\)"),
        ({(0, "m"): ["a"]}, r"'m' is not in the domain of `y`"),
        (["a"], r"allowed= is a function of what the decision observes"),
        (lambda x: ["a"] if x else [], r"`d` may do nothing at x=0, y='l', and that can come up"),
    ],
)
def test_errors_name_the_place(allowed: Any, said: str) -> None:
    with pytest.raises(MechanismError, match=said):
        model(allowed)


def test_nothing_is_allowed_where_nothing_comes() -> None:
    """A context that cannot come up needs no action; where a shift brings it up, it does."""

    def allowed(x: int) -> list[str]:
        return ["a"] if x == 0 else []

    found = model(allowed, cm.Categorical({0: 1, 1: 0}))
    assert found.allowed("d")[1].all()  # type: ignore[index]
    assert found.solve().value == 0
    with pytest.raises(MechanismError, match="`d` may do nothing at x=1"):
        found.shift(x=cm.Bernoulli(1e-300))
    assert pickle.loads(pickle.dumps(found)) == found


def test_an_earlier_decision_may_make_it_impossible() -> None:
    cid = cm.CID([("first", "then"), ("then", "u")], decisions=["first", "then"], utilities=["u"])
    then = cm.Choice([0, 1], allowed=lambda first: [0, 1] if first else [])
    mechanisms = {"then": then, "u": lambda then: then}
    with pytest.raises(MechanismError, match="`then` may do nothing at first=0"):
        cid.parameterise(first=[0, 1], **mechanisms)
    kept_away = cid.parameterise(first=cm.Choice([0, 1], allowed=lambda: [1]), **mechanisms)
    assert kept_away.solve().value == 1


def test_what_it_reads_stays_observed() -> None:
    found = model(lambda x: ["a"] if x else ["b"])
    assert found.observing("d", ["x"]).allowed_reads("d") == ("x",)
    with pytest.raises(NotApplicableError, match="what `d` may do depends on `x`"):
        found.observing("d", ["y"])
