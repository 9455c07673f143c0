"""One hypothesis beside the base objective: what emerges and vanishes, in training and in deployments."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from tests.strategies import cids, examples


def test_nothing_emerges_or_vanishes_for_the_score_beside_a_useless_shared_observation() -> None:
    """X is seen twice and needed nowhere: it is requisite in neither diagram, once links that are not are left out."""
    cid = cm.CID(
        [("X", "D1"), ("X", "D2"), ("D1", "S"), ("S", "D2"), ("D2", "Y"), ("S", "Y"), ("Y", "U")],
        decisions=["D1", "D2"],
        utilities=["U"],
    )
    model = cid.parameterise(
        X=cm.Uniform(0, 1), D1=[0, 1], D2=[0, 1], S=lambda D1: D1, Y=lambda D2, S: int(D2 == S), U=lambda Y: Y
    )
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model))
    for name in ("U", "Y"):
        assert "identical" in family[name].positions
        assert (family[name].emergent, family[name].vanished) == (frozenset(), frozenset())


@settings(max_examples=examples(quick=25, full=400))
@given(st.data())
def test_the_score_changes_no_incentive(data: Any) -> None:
    """In training, and in every deployment without edges of its own, whatever the number of decisions and utilities."""
    cid = data.draw(cids(decisions=data.draw(st.integers(1, 2)), utilities=data.draw(st.integers(1, 2))))
    setup = cm.TrainingSetup(cid, deployments={"there": {cid.chance[0]} if cid.chance else set()})
    family = cm.derive_mesa_optimizers(setup)
    score = family[tuple(setup.score) if len(setup.score) > 1 else setup.score[0]]
    for view in (score, score.in_deployment["there"]):
        assert (view.emergent, view.vanished) == (frozenset(), frozenset())
