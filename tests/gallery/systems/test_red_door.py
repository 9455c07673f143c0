"""The red door: its numbers by hand."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.systems import red_door


def test_names_load_and_a_typing_error() -> None:
    assert "red-door" in gallery.names()
    assert gallery.load("red-door").name == "red-door"
    with pytest.raises(cm.UnknownNodeError, match="did you mean `red-door`"):
        gallery.load("reddoor")


def test_an_unknown_arm_or_body_is_named() -> None:
    system = gallery.load("red-door")
    with pytest.raises(cm.UnknownNodeError, match=r"an arm of this system \(delta=0, "):
        system.arm("delta=1")
    with pytest.raises(cm.UnknownNodeError, match="a body of this system"):
        system.body("soft")
    assert (system.arm(), system.body()) == ("delta=0", "hard")


@pytest.mark.parametrize("delta", red_door.DELTAS)
def test_the_red_thing_stands_elsewhere_with_probability_delta(delta: Any) -> None:
    setup = gallery.load("red-door").setups[f"delta={delta:g}"]
    assert setup.model.cpd("red").tolist() == [[1 - delta, delta], [delta, 1 - delta]]
    assert setup.model.expected_utility({"go": lambda door, red: red}) == pytest.approx(1 - delta)
    assert setup.model.expected_utility({"go": lambda door, red: door}) == pytest.approx(1)


def test_the_deployments_are_what_they_are_called() -> None:
    setup = red_door.setup()
    red = {"go": lambda door, red: red}
    value = {name: setup.deployed(name).expected_utility(red) for name in setup.deployments}
    assert value == pytest.approx({"repainted": 0.5, "opposite": 0, "always sunny": 1, "mostly left": 1})
    assert not setup.cid.descendants("weather")


def test_the_two_bodies_see_the_same_door_in_different_codes() -> None:
    pytest.importorskip("torch")
    system = gallery.load("red-door")
    widths = {}
    for body in system.bodies:
        agents = system.agents(body, agents=2, steps=2, progress=False)
        widths[body] = agents.recipe.rules["go"].inputs.table.shape
    assert widths == {"hard": (4, 4, 5), "plain": (4, 1, 3)}
