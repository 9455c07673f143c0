"""What only agents do that know a deployment: looked for wherever it may be found."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.arrays import Mask
from cidmesa.mesa.predictions.claims import mask_of, possible_mask, world_of
from cidmesa.mesa.predictions.kinds import planning
from tests.mesa.predictions.test_readings import setups
from tests.strategies import examples


def everywhere(world: object, hypothesis: object, decision: str, stale: Mask) -> Mask:
    return np.ones(len(stale), dtype=bool)


@given(st.one_of(setups(), setups(decisions=2)))
@settings(max_examples=examples(quick=15, full=100))
def test_what_one_objective_does_saves_linear_programs_and_no_row(setup: cm.TrainingSetup) -> None:
    family = cm.derive_mesa_optimizers(setup)
    for name in setup.deployments:
        model = setup.deployed(name)
        for h in family.hypotheses:
            some = h.some_actions(name)
            for decision in model.cid.decisions if some else ():
                every = possible_mask(h, name, decision, model)
                assert every is not None
                assert (mask_of(some[decision], decision, model, silent=False) <= every).all()
        world = world_of(setup, name)
        quick = [repr(row) for row in planning.rows(world, family.hypotheses, 0.05, 0.0)]
        with patch.object(planning, "_may_part", everywhere):
            whole = [repr(row) for row in planning.rows(world, family.hypotheses, 0.05, 0.0)]
        assert quick == whole
