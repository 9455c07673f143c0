"""The search in turns: what it finds is consistent, and it finds it where there are many ties."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.sequences import existence, in_turns, sweeps
from cidmesa.mesa.sequences.certificates import proves
from cidmesa.mesa.sequences.cure import mixed
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples


@given(steps(states=2, marks=3), st.integers(1, 2))
@settings(max_examples=examples(12, 100), deadline=None)
def test_what_turns_find_is_consistent_and_where_nothing_is_they_find_nothing(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int
) -> None:
    step, _ = drawn
    force = BruteForce(step, horizon)
    some = force.some_objective()
    setup = cm.SequenceSetup(step, horizon)
    found = in_turns.in_turns(setup, ("mark",))
    assert some or found is None
    if found is not None:
        assert force.regrets(force.optimal(found.values)) == (0, 0)
        assert proves(existence.Existence(True, found.values), setup, ("mark",))


def lakes(moves: int) -> cm.SequenceSetup:
    """Return so many moves on two lakes, marked, that begin where base-optimal policies of 100 moves are by then."""
    gymnasium = pytest.importorskip("gymnasium")
    moved = gymnasium.make("FrozenLake-v1", desc=["SFFG", "FHFH", "FFFH", "HFFF"])
    setup = cm.SequenceSetup.of_gymnasium(gymnasium.make("FrozenLake-v1"), 100, deployments={"moved": moved})
    both = mixed(setup, "moved", 0.5, seen=True)
    comes = sweeps.surely_reached(both.training.model, both.optimum("training").may)[100 - moves]
    start = np.array([int(x) for x in comes], dtype=object)
    tables = replace(both.training, model=replace(both.training.model, start=start))
    return cm.SequenceSetup.of_worlds({"training": tables}, moves)


def test_ties_in_all_states_of_two_lakes_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    setup, names = lakes(5), ("arrives",)
    assert existence.base_brings(setup, names) is None
    found = existence.some_additive(setup, names)
    assert found.answer
    assert proves(found, setup, names)
    monkeypatch.setattr(in_turns, "LARGEST", 0)  # too large for turns
    assert in_turns.in_turns(setup, names) is None
