"""Every result shows itself: one line, a table, HTML, a DataFrame, plain data; nothing prints code or memory."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import shown
from cidmesa.readonly import ReadOnly
from tests.mesa.systems import red_door, red_door_deployments

PRIVATE = re.compile(r"lambda|array\(|mappingproxy|0x[0-9a-f]{6}|<function|object at")
SHOWN = (
    "Family", "MesaOptimizer", "IncentiveReport", "Report", "Predictions", "Separations", "Cures", "Ranking",
    "Solution", "Explanation", "TrainingSetup", "Agents", "Levels", "Gaps",
)  # fmt: skip


def mazes() -> cm.Levels:
    """Four levels, two of them in training."""
    return cm.levels(
        {"door": ["left", "left", "right", "right"], "red": ["left", "right", "left", "right"]},
        decision={"go": ["left", "right"]},
        observed=["door", "red"],
        outcomes={"at_door": lambda go, door: int(go == door)},
        score={"reward": lambda at_door: at_door},
        training=lambda door, red: door == red,
    )


@cache
def results() -> dict[str, Any]:
    """One of every result type, of the red door."""
    setup = cm.TrainingSetup(red_door(), red_door_deployments())
    model = setup.require_model("results")
    family = cm.derive_mesa_optimizers(setup, prior=cm.SimplicityPrior())
    agents = cm.train(setup, family=family, learner="exact", agents=3, steps=5, progress=False)
    found: dict[str, Any] = {
        "Family": family,
        "MesaOptimizer": family["at_red"],
        "IncentiveReport": cm.incentives(setup.cid),
        "Report": cm.validate(family, agents, retrain=False, progress=False),
        "Predictions": family.predictions(),
        "Separations": cm.separating_shifts(setup, "at_door", "at_red", size=1),
        "Cures": cm.distinguishing_training(setup, "at_red", weights=(0.5,)),
        "Ranking": family.ranking,
        "Solution": model.solve(),
        "Explanation": model.explain("reward"),
        "TrainingSetup": setup,
        "Agents": agents,
        "Levels": mazes(),
        "Gaps": cm.gaps(family, agents),
    }
    assert tuple(found) == SHOWN
    others = [
        setup.deployments["opposite"], model, family["at_red"].objective, model.solve().policy, agents.recipe,
        model.query(["at_red"], policy=model.solve()), cm.value_of_information(model, "door"), family.lookup_table,
        cm.admits_voi(setup.cid, "door"), cm.admits_voi(setup.cid, "door").because, family["at_red"].consistent_set,
        family["at_red"].consistent_set.choices, family["at_red"].reasons, family["at_red"].in_deployment,
        family["at_red"].interfaces, family.unidentifiable, cm.Function(lambda door: door), cm.Table([[0.5, 0.5]]),
        cm.Noisy(lambda door: door, 0.1), model.mechanisms, family.predictions()[0], found["Report"].rows[0],
        cm.behavioural_objective(agents, ["at_red"], model=model), found["Report"].shares, found["Separations"][0],
        mazes().select(lambda door: door == "left"), mazes().table,
        cm.relevance_graph(setup.cid), family["at_red"].shift_class, family["at_red"].deployment_regret,
    ]  # fmt: skip
    return {**found, **{f"{type(one).__name__}-{i}": one for i, one in enumerate(others)}}


@pytest.mark.parametrize("name", SHOWN)
def test_a_result_shows_itself_in_every_way(name: str) -> None:
    result = results()[name]
    assert "\n" not in repr(result)
    assert str(result) != repr(result)
    assert "<table" in result._repr_html_()
    frame = result.to_frame()
    assert len(frame) >= 1
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))


@pytest.mark.parametrize("name", [name for name in SHOWN if name not in {"Report", "Ranking"}])
def test_a_table_fits_eighty_columns(name: str) -> None:
    lines = str(results()[name]).splitlines()
    assert all(shown.columns(line) <= 80 for line in lines[1:])


def test_no_code_no_array_and_no_address_is_ever_printed() -> None:
    for name, result in results().items():
        assert not PRIVATE.search(repr(result)), (name, repr(result))
        assert not PRIVATE.search(str(result)), (name, str(result))


def test_a_candidate_says_its_regret_and_its_objective_in_one_line() -> None:
    expected = "MesaOptimizer(at_red: CONSISTENT, training regret 0, objective at_red)"
    assert repr(results()["MesaOptimizer"]) == expected


def test_families_and_reports_are_equal_iff_made_from_equal_setups_and_arguments() -> None:
    setup, again = (cm.TrainingSetup(red_door(), red_door_deployments()) for _ in range(2))
    one = cm.derive_mesa_optimizers(setup)
    assert one == cm.derive_mesa_optimizers(again)
    assert hash(one) == hash(cm.derive_mesa_optimizers(again))
    assert one != cm.derive_mesa_optimizers(cm.TrainingSetup(red_door(0.1), red_door_deployments()))
    assert one != cm.derive_mesa_optimizers(setup, tolerance=0.1)
    assert one != cm.derive_mesa_optimizers(setup, targets=["at_red"])
    assert one != cm.derive_mesa_optimizers(setup, objectives={"at_red": {"avoid": lambda at_red: -at_red}})
    assert one != "a family"
    report = cm.incentives(setup.cid)
    assert report == cm.incentives(again.cid)
    assert hash(report) == hash(cm.incentives(again.cid))
    assert report != cm.incentives(setup.cid, search=False)
    assert report != cm.incentives(setup.cid.demote("reward"))
    assert report != 3


def test_a_table_without_rows_is_no_error() -> None:
    assert shown.text(shown.as_table([])) == "(no rows)"


def test_wide_tables_are_stacked() -> None:
    row = {f"a rather long column {i}": f"a-word-of-some-length-{i}" for i in range(5)}
    text = shown.text(shown.as_table([row, row]), 60)
    assert all(len(line) <= 60 for line in text.splitlines())
    for word in row.values():
        assert text.count(word) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("inf"), None),
        ((1, float("nan")), [1, None]),
        ({("a", 1): {"b"}}, {"a, 1": ["b"]}),
        (cm.Answer.ADMITS, "admits"),
    ],
)
def test_plain_data_is_what_json_has_words_for(value: Any, expected: Any) -> None:
    assert shown.plain(value) == expected


def test_a_read_only_mapping_is_a_copy() -> None:
    entries = {"a": 1}
    kept = ReadOnly(entries)
    entries["a"] = 2
    assert kept == {"a": 1}
