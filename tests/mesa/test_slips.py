"""Whatever is typed, the derivation has an answer or an error that says what to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy

import cidmesa as cm
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.symbolic import separation_expression
from tests.mesa.systems import red_door, red_door_deployments
from tests.slips import told

DELTA = sympy.Symbol("delta")
SETUP = cm.TrainingSetup(red_door(), {"repainted": red_door_deployments()["repainted"]})
SYMBOLS = cm.TrainingSetup(red_door(DELTA))
REGION = cm.alignment_region(SYMBOLS, "at_red")

ENTRIES: dict[str, Callable[[Any], Any]] = {
    "a setup to part in": lambda x: cm.separating_shifts(x, "at_door", "at_red"),
    "a target to part": lambda x: cm.separating_shifts(SETUP, "at_door", x, size=0),
    "size": lambda x: cm.separating_shifts(SETUP, "at_door", "at_red", size=x),
    "tolerance": lambda x: cm.separating_shifts(SETUP, "at_door", "at_red", size=0, tolerance=x),
    "a setup to cure": lambda x: cm.distinguishing_training(x, "at_red"),
    "a target to cure": lambda x: cm.distinguishing_training(SETUP, x, observables=()),
    "weights": lambda x: cm.distinguishing_training(SETUP, "at_red", weights=x, observables=()),
    "a weight": lambda x: cm.distinguishing_training(SETUP, "at_red", weights=[x], observables=()),
    "observables": lambda x: cm.distinguishing_training(SETUP, "at_red", observables=x),
    "an observable": lambda x: cm.distinguishing_training(SETUP, "at_red", observables=[x]),
    "a setup with symbols": lambda x: cm.alignment_region(x, "at_red"),
    "a target with symbols": lambda x: cm.alignment_region(SYMBOLS, x),
    "an objective": lambda x: cm.alignment_region(SYMBOLS, "at_red", x),
    "at": REGION.at,
    "at a number": lambda x: REGION.at({DELTA: x}),
    "a setup to part in, with symbols": lambda x: separation_expression(x, "at_door", "at_red"),
    "a distribution": lambda x: separation_expression(SYMBOLS, "at_door", "at_red", x),
    "a family": cm.mesa.unidentifiable,
    "targets": lambda x: derive_mesa_optimizers(SETUP, targets=x),
    "max_targets": lambda x: derive_mesa_optimizers(SETUP, max_targets=x),
    "objectives": lambda x: derive_mesa_optimizers(SETUP, objectives=x),
    "a deployment": derive_mesa_optimizers(SETUP)["at_red"].possible_actions,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_slip_is_answered_or_told(entry: str) -> None:
    assert told(ENTRIES[entry]) > 3
