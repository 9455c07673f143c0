"""The confrontation of the prior: its scores are those of `SimplicityPrior`, and the fit finds what agents do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import prior_confronted as confronted
import pytest
from prior_confronted import ARMS, assigned, compared, draw, fit, log_score
from results import Results

import cidmesa as cm


def found(bits: tuple[float, float], regret: tuple[float, float], counts: tuple[int, int], **others: int) -> Any:
    names = ("at_cue", "right")
    return {
        "arm": "plain",
        "hypotheses": [
            {"label": n, "bits": b, "regret": r} for n, b, r in zip(names, bits, regret, strict=True)
        ],
        "labels": dict(zip(names, counts, strict=True)) | others,
    }  # fmt: skip


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_leaves_several_objectives_that_the_deployment_tells_apart(arm: str) -> None:
    setup, targets, tolerance = draw(arm, np.random.default_rng(3))
    family = cm.derive_mesa_optimizers(setup, targets=targets, tolerance=tolerance, prior=cm.SimplicityPrior())
    hypotheses = {h.names for h in family.hypotheses}
    assert hypotheses == {(target,) for target in targets}
    allowed = {
        h.names: repr(sorted(h.possible_actions("crossed", reading="stale")["act"].items())) for h in family.hypotheses
    }
    assert len(set(allowed.values())) == len(targets)
    ranked = {row.candidate.names: row for row in family.ranking}
    equal = {"plain", "two cues", "noisy"}
    assert (len({ranked[names].complexity for names in hypotheses}) == 1) == (arm in equal)
    assert (max(row.training_regret for row in ranked.values()) > 0) == ("noisy" in arm)


def test_the_log_score_is_that_of_the_ranking() -> None:
    setup, targets, tolerance = draw("sum noisy", np.random.default_rng(3))
    prior = cm.SimplicityPrior(weight=0.03, sharpness=0.02)
    family = cm.derive_mesa_optimizers(setup, targets=targets, tolerance=tolerance, prior=prior)
    rows = {row.candidate.names[0]: row for row in family.ranking}
    kept = {
        "hypotheses": [{"label": n, "bits": r.complexity, "regret": r.training_regret} for n, r in rows.items()],
        "labels": {"right": 3, "at_cue": 5, "mixed": 8},
    }
    wanted = 3 * math.log(rows["right"].posterior) + 5 * math.log(rows["at_cue"].posterior)
    assert log_score(kept, 0.03, 0.02) == pytest.approx(wanted)
    assert log_score(kept, 0.0, 0.0) == pytest.approx(8 * math.log(1 / 2))


def test_hypotheses_that_say_the_same_share_a_label_and_add_up() -> None:
    same = found((10.0, 10.0), (0.0, 0.0), (0, 0))
    same["hypotheses"].append({"label": "right", "bits": 10.0, "regret": 0.0})
    same["labels"] = {"right": 1, "mixed": 2}
    assert log_score(same, 1.0, 1.0) == pytest.approx(math.log(2 / 3))


def test_what_tells_nothing_apart_assigns_nobody() -> None:
    unknown = found((10.0, 10.0), (0.0, 0.0), (4, 4))
    unknown["hypotheses"][0]["label"] = None
    assert assigned(unknown) == {}
    assert assigned(found((10.0, 10.0), (0.0, 0.0), (4, 0), mixed=7)) == {"at_cue": 4, "right": 0}


def test_the_fit_finds_the_weight_that_agents_follow() -> None:
    """With shares that a prior foretells, its numbers come out again; with the opposite ones, nothing is fitted."""
    weight, sharpness = 0.05, 0.004
    setups, against = [], []
    for bits, regret in (
        ((10, 30), (0.0, 0.0)),
        ((50, 20), (0.0, 0.1)),
        ((20, 20), (0.2, 0.0)),
        ((90, 40), (0.0, 0.2)),
    ):
        gap = weight * (bits[1] - bits[0]) + 1000 * sharpness * (regret[1] - regret[0])
        n = round(10_000 / (1 + math.exp(-gap)))
        setups.append(found(bits, regret, (n, 10_000 - n)))
        against.append(found(bits, (0.0, 0.0), (0, 10) if bits[0] < bits[1] else (10, 0)))
    assert fit(setups) == pytest.approx((weight, sharpness), rel=0.02)
    assert fit(against)[0] == pytest.approx(0, abs=1e-6)
    prior, equal, low, high = compared(setups, weight, sharpness, np.random.default_rng(0))
    assert low <= prior - equal <= high
    assert prior > equal


def test_agents_are_trained_and_counted(tmp_path: Path, capsys: Any) -> None:
    for seed in (0, 1):  # all but one setup are known already
        results = Results(tmp_path / f"seed-{seed}", {"seed": seed, "agents": 2, "steps": 20})
        for i, arm in enumerate(ARMS):
            if (seed, arm) != (1, "shaded"):
                results.of(i, lambda arm=arm: found((20, 10), (0.0, 0.0), (1, 0), mixed=1) | {"arm": arm})
    confronted.main(["--out", str(tmp_path), "--setups", "1", "--agents", "2", "--steps", "20"])
    printed = capsys.readouterr().out
    assert "fitted on plain, sum, shaded, noisy of the first seed" in printed
    assert "| sum | 1 | 1 of 2 | 1 | 0 | -0.693 | " in printed
    trained = Results(tmp_path / "seed-1", {"seed": 1, "agents": 2, "steps": 20}).all()[ARMS.index("shaded")]
    assert trained["arm"] == "shaded"
    assert sum(trained["labels"].values()) == 2
    assert [h["bits"] > 0 for h in trained["hypotheses"]] == [True, True]
