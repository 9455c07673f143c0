"""Whatever is typed, the derivation has an answer or an error that says what to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import cidmesa as cm
from cidmesa.mesa.candidates.tampering import tampering
from cidmesa.mesa.corollaries.deception import deception, is_deceptive, phase_cue
from cidmesa.mesa.corollaries.myopia import myopia, selection_advantage, shared_effects, swapped, value_iteration
from cidmesa.mesa.corollaries.response_patterns import response_pattern
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.graphical.completeness import disagreeing_models
from cidmesa.mesa.graphical.interfaces import interfaces
from cidmesa.mesa.symbolic.alignment_region import separation_expression
from tests.mesa.corollaries.test_deception import TARGETS, trusting
from tests.mesa.systems import red_door, red_door_deployments
from tests.slips import told

DELTA = sympy.Symbol("delta")
SETUP = cm.TrainingSetup(red_door(), {"repainted": red_door_deployments()["repainted"]})
SYMBOLS = cm.TrainingSetup(red_door(DELTA))
PHASES, OBJECTIVE = trusting(0.3, 0.9)
STEPS = [("go", "reward")]
OWN = np.eye(2)[[[0, 1], [0, 1]]]
RULE = {"go": lambda door, red: red}
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
    "a deployment to tamper in": lambda x: tampering(derive_mesa_optimizers(SETUP)["at_red"], x),
    "a setup of interfaces": lambda x: interfaces(x, ["at_red"]),
    "targets of interfaces": lambda x: interfaces(SETUP, x),
    "an objective of interfaces": lambda x: interfaces(SETUP, ["at_red"], x),
    "size of interfaces": lambda x: interfaces(SETUP, ["at_red"], size=x),
    "a target to complete": lambda x: disagreeing_models(SETUP.cid, x, "weather"),
    "a node to shift": lambda x: disagreeing_models(SETUP.cid, "at_red", x),
    "a middle": lambda x: disagreeing_models(SETUP.cid, "at_red", "weather", x),
    "a setup with phases": lambda x: is_deceptive(x, TARGETS, OBJECTIVE),
    "deceptive targets": lambda x: deception(PHASES, x, OBJECTIVE),
    "a deceptive objective": lambda x: deception(PHASES, TARGETS, x),
    "what an objective gives": lambda x: deception(PHASES, TARGETS, {**OBJECTIVE, (0, 0): x}),
    "a tolerance of deception": lambda x: is_deceptive(PHASES, TARGETS, OBJECTIVE, x),
    "a cue": lambda x: phase_cue(PHASES, TARGETS, OBJECTIVE, x),
    "credit": lambda x: myopia(SETUP.cid, x, STEPS),
    "credited": lambda x: myopia(SETUP.cid, {"go": x}, STEPS),
    "steps": lambda x: myopia(SETUP.cid, {"go": ["reward"]}, x),
    "a step": lambda x: myopia(SETUP.cid, {"go": ["reward"]}, [x, *STEPS]),
    "a transition": lambda x: value_iteration(x, [[0, 1], [1, 0]], 0.5),
    "a reward": lambda x: value_iteration(OWN, x, 0.5),
    "a discount": lambda x: value_iteration(OWN, [[0, 1], [1, 0]], x),
    "an environment": lambda x: swapped(x, 2, [1.0, 0.0]),
    "learners": lambda x: swapped(OWN, x, [1.0, 0.0]),
    "elsewhere": lambda x: swapped(OWN, 2, x),
    "a population": lambda x: shared_effects(x, 1, 1.0, 1.0),
    "a group": lambda x: shared_effects(3, x, 1.0, 1.0),
    "a benefit": lambda x: shared_effects(3, 1, x, 1.0),
    "effects": lambda x: selection_advantage(x, [0]),
    "actors": lambda x: selection_advantage(OWN[0], x),
    "what is shown": lambda x: response_pattern(SETUP.base, RULE, x, "red", "left"),
    "a cue of the phase": lambda x: response_pattern(SETUP.base, RULE, "door", x, "left"),
    "a rule": lambda x: response_pattern(SETUP.base, x, "door", "red", "left"),
    "a margin": lambda x: response_pattern(SETUP.base, RULE, "door", "red", "left", margin=x),
}


TOLD = {
    "a setup to part in": 25,
    "a target to part": 25,
    "size": 24,
    "tolerance": 22,
    "a setup to cure": 25,
    "a target to cure": 25,
    "weights": 23,
    "a weight": 25,
    "observables": 22,
    "an observable": 25,
    "a setup with symbols": 25,
    "a target with symbols": 25,
    "an objective": 25,
    "at": 25,
    "at a number": 18,
    "a setup to part in, with symbols": 25,
    "a distribution": 25,
    "a family": 25,
    "targets": 22,
    "max_targets": 24,
    "objectives": 23,
    "a deployment": 25,
    "a deployment to tamper in": 25,
    "a setup of interfaces": 25,
    "targets of interfaces": 23,
    "an objective of interfaces": 24,
    "size of interfaces": 25,
    "a target to complete": 25,
    "a node to shift": 25,
    "a middle": 25,
    "a setup with phases": 25,
    "deceptive targets": 25,
    "a deceptive objective": 25,
    "what an objective gives": 21,
    "a tolerance of deception": 25,
    "a cue": 25,
    "credit": 24,
    "credited": 23,
    "steps": 25,
    "a step": 23,
    "a transition": 25,
    "a reward": 25,
    "a discount": 24,
    "an environment": 25,
    "learners": 25,
    "elsewhere": 24,
    "a population": 25,
    "a group": 25,
    "a benefit": 21,
    "effects": 25,
    "actors": 23,
    "what is shown": 25,
    "a cue of the phase": 25,
    "a rule": 25,
    "a margin": 17,
}
"""How many slips each entry refuses; the others are answered."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_slip_is_answered_or_told(entry: str) -> None:
    assert told(ENTRIES[entry]) == TOLD[entry]
