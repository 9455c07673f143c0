"""Reports of sequences."""

from __future__ import annotations

import pytest

import cidmesa as cm
from tests.mesa.sequences import walks


@pytest.mark.parametrize("clock", [True, False])
def test_a_report_of_a_sequence_says_what_is_known_of_it(clock: bool) -> None:
    seen = walks.setup(2, 3)
    setup = cm.SequenceSetup.of_worlds(seen.tables, 3, seen.step, clock=clock)
    family = cm.derive_mesa_optimizers(setup, targets=["corner", "at_coin", "coin"])
    document = cm.report(family)
    text = document.text()
    assert document.title == "Mesa-optimizers of reward"
    assert "Training leaves open: corner; at_coin." in text
    most = max(family[name].stale_regret["anywhere"].high for name in ("corner", "at_coin"))
    assert f"{most:.6g} in anywhere" in text
    assert "coin: C1 fails" in text
    for reading in ("stale", "competent"):
        rows = family.predictions(reading=reading)
        assert f"{len(rows)} predictions, reading: {reading}" in text
        assert rows.digest[:12] in text
        for row in rows.undecidable:
            assert row.theorem[:20] in text
    assert "<svg" in document.html or "mermaid" in document.html or "<details" in document.html
    with pytest.raises(cm.NotApplicableError, match="as_training_setup"):
        cm.report(family, agents=object())


def test_training_that_leaves_nothing_open() -> None:
    family = cm.derive_mesa_optimizers(walks.setup(2, 2, dose=0.5), targets=["coin"])
    assert "Training leaves nothing open" in cm.report(family, title="Nothing").text()
    worst = cm.SequenceSetup(walks.step(2, 0.5), 2, selects="minimax regret", level_nodes=["coin"])
    text = cm.report(cm.derive_mesa_optimizers(worst, targets=["corner"])).text()
    assert "Predictions" not in text  # they are about what is selected on average
