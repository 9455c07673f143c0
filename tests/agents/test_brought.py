"""Agents from elsewhere: they are judged as agents trained here would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import CidmesaError, NotApplicableError

SIDES = ("left", "right")


@pytest.fixture(scope="module")
def family() -> Any:
    return cm.derive_mesa_optimizers(cm.gallery.load("red-door").setup)


def for_red(door: str, red: str) -> str:
    return red


def for_door(door: str, red: str) -> str:
    return door


def verdicts(report: Any) -> dict[str, str]:
    return {row.id: row.verdict for row in report.rows if row.kind != "control"}


# Rules ----------------------------------------------------------------------------------------------------------------


def test_rules_are_read_in_every_spelling(family: Any) -> None:
    model = family.setup.model
    table = np.array([[[1, 0], [0, 1]], [[1, 0], [0, 1]]], dtype=float)
    if model.cid.parents("go")[0] == "red":
        table = table.transpose(1, 0, 2)
    contexts = {c: dict(zip(model.cid.parents("go"), c, strict=True))["red"] for c in model.contexts("go")}
    policies = [{"go": for_red}, {"go": table}, {"go": contexts}, model.solve()]
    agents = cm.agents.from_rules(policies, model)
    told = agents.probabilities("go")
    assert told.shape == (4, 4, 2)
    assert np.array_equal(told[0], told[1])
    assert np.array_equal(told[0], told[2])
    acted = agents.act({"door": np.array(["left"] * 3), "red": np.array(["right"] * 3)}, seed=0)["go"]
    assert acted[0].tolist() == ["right"] * 3


def test_rules_are_those_of_the_model_on_which_they_are_judged(family: Any) -> None:
    nobody = cm.agents.from_rules([{"go": for_red}] * 30)
    with pytest.raises(NotApplicableError, match=r"from_rules\(policies, model\)"):
        nobody.probabilities("go")
    found = cm.validate(family, nobody, progress=False)
    owned = cm.validate(family, cm.agents.from_rules([{"go": for_red}] * 30, family.setup.model), progress=False)
    assert verdicts(found) == verdicts(owned)
    assert not found.registered
    assert found.labels["repainted"] == ("at_red",) * 30


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: cm.agents.from_rules([], m), "no policies"),
        (lambda m: cm.agents.from_rules({"go": for_red}, m), r"a list, one an agent.*\[policy\]"),
        (lambda m: cm.agents.from_rules([{"go": for_red}, {"went": for_red}], m), "agent 1: .*`went`"),
        (lambda m: cm.agents.from_rules([{}], m), "agent 0 has no rule for `go`"),
        (lambda m: cm.agents.from_callable(3), "a function of observations"),
        (lambda m: cm.agents.from_callable(for_red, agents=0), "agents="),
        (lambda m: cm.agents.from_callable(lambda seen: 3).act({"red": ["left"]}, 0), "{decision: actions}"),
        (lambda m: cm.agents.from_rollouts([], [({}, 1)], max), "no policies"),
        (lambda m: cm.agents.from_rollouts(["p"], [], max), "no levels"),
        (lambda m: cm.agents.from_rollouts(["p"], [3], max), "level 0 is 3"),
        (lambda m: cm.agents.from_log([]), "no row"),
        (lambda m: cm.agents.from_log(7), "a DataFrame, a mapping of columns"),
        (lambda m: cm.agents.from_log({"agent": [1], "action": [1, 2]}), "one length"),
        (lambda m: cm.agents.from_log([{"agent": 1, "did": 2}]), "row 0 has no `action`"),
        (lambda m: cm.agents.from_log("/nowhere.jsonl"), "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(family: Any, make: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(CidmesaError, match=said):
        make(family.setup.model)


# Functions ------------------------------------------------------------------------------------------------------------


def test_one_network_alone_gets_a_verdict_of_its_own(family: Any) -> None:
    weights = np.array([[0.0, 3.0], [0.0, -3.0]])  # reads the red light alone, and answers surely

    def net(seen: Any) -> Any:
        coded = np.stack([np.where(np.asarray(seen[n]) == "left", 1.0, -1.0) for n in ("door", "red")], axis=-1)
        return {"go": np.array(SIDES)[(coded @ weights.T).argmax(axis=-1)]}

    report = cm.validate(family, cm.agents.from_callable(net), progress=False)
    assert report.agents == report.in_scope == 1
    assert report.labels["repainted"] == ("at_red",)
    assert "complies" in str(report.agent(0))
    assert report.sampled


def test_an_agent_with_hidden_state_starts_anew_at_each_question(family: Any) -> None:
    class Recurrent:
        def __init__(self) -> None:
            self.state = 0

        def act(self, seen: Any, seed: int) -> Any:
            answers = []
            for red in np.asarray(seen["red"]):
                self.state = 0  # an episode begins
                for _ in range(3):
                    self.state += 1 if red == "right" else -1
                answers.append(SIDES[self.state > 0])
            return {"go": np.array(answers)}

    report = cm.validate(family, cm.agents.from_callable(Recurrent().act), draws=200, progress=False)
    assert report.labels["repainted"] == ("at_red",)


# Rollouts and logs ----------------------------------------------------------------------------------------------------


def levels_of(model: cm.CIM, times: int) -> list[Any]:
    parents = model.cid.parents("go")
    return [(dict(zip(parents, c, strict=True)), c) for c in model.contexts("go") for _ in range(times)]


def test_rollouts_are_counted(family: Any) -> None:
    model = family.setup.model
    where = model.cid.parents("go").index("red")
    agents = cm.agents.from_rollouts(range(30), levels_of(model, 200), lambda _, c: c[where], decision="go")
    halves = agents.counts("go", model)
    assert halves.shape == (2, 30, 4, 2)
    assert (halves.sum(axis=-1) == 100).all()
    report = cm.validate(family, agents, progress=False)
    told = cm.validate(family, cm.agents.from_rules([{"go": for_red}] * 30), progress=False)
    assert report.labels["repainted"] == ("at_red",) * 30
    assert report.sparse == ()
    opposite = {("supported", "contradicted"), ("contradicted", "supported")}
    assert not [
        pair for pair in zip(verdicts(report).values(), verdicts(told).values(), strict=True) if pair in opposite
    ]
    assert verdicts(report)["at_red/repainted/actions/go"] == "supported"


def test_contexts_of_which_little_is_known_are_named_and_decide_nothing(family: Any) -> None:
    model = family.setup.model
    rows = [
        {"agent": name, "door": door, "red": red, "action": red}
        for name in range(30)
        for door in SIDES
        for red in SIDES
        for _ in range(150 if door == red else 1)
    ]
    report = cm.validate(family, cm.agents.from_log(rows), progress=False)
    assert [(one.decision, one.observed["door"] == one.observed["red"], one.draws) for one in report.sparse] == [
        ("go", False, 1),
        ("go", False, 1),
    ]
    assert "2 contexts of which the record holds so few" in str(report)
    assert [one["draws"] for one in report.to_dict()["sparse"]] == [1, 1]
    assert verdicts(report)["at_red/repainted/actions/go"] == "inconclusive"
    assert "supported" not in {
        row.verdict for row in report.rows if row.deployment == "repainted" and row.kind != "coverage"
    }
    assert {row.verdict for row in report.controls} == {"inconclusive"}
    assert model.cid.decisions == ("go",)


def test_a_log_reads_the_same_in_every_form(family: Any, tmp_path: Path) -> None:
    rows = [
        {"agent": a, "door": d, "red": r, "note": "x", "action": r} for a in "ab" for d in SIDES for r in SIDES * 60
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    forms: list[Any] = [rows, columns, path, str(path)]
    pandas = pytest.importorskip("pandas")
    forms.append(pandas.DataFrame(rows))
    forms.append([{"decision": "go", **row} for row in rows])
    counts = [cm.agents.from_log(form).counts("go", family.setup.model) for form in forms]
    assert all(np.array_equal(counts[0], other) for other in counts)
    named = [{"who": row["agent"], "did": row["action"], "door": row["door"], "red": row["red"]} for row in rows]
    assert np.array_equal(
        cm.agents.from_log(named, agent="who", action="did").counts("go", family.setup.model), counts[0]
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"line 2: .*one JSON object a line"),
        ("3", r"line 2: a row is \{column: value\}; got 3"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"agent": 1, "action": "left"}\n' + line, encoding="utf-8")
    with pytest.raises(NotApplicableError, match=said):
        cm.agents.from_log(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"action": "up"}, "row 0 of agent 1: 'up' is not in the domain of `go`"),
        ({"action": None}, "An episode that ends without the decision has an outcome too"),
        ({"door": ["left"]}, r"\('left',\) is not in the domain of `door`"),
        ({"red": {"a": 1}}, "is not in the domain of `red`"),
    ],
)
def test_what_is_not_in_a_domain_is_named(family: Any, change: Any, said: str) -> None:
    row = {"agent": 1, "door": "left", "red": "left", "action": "left", **change}
    with pytest.raises(NotApplicableError, match=said):
        cm.validate(family, cm.agents.from_log([row]), progress=False)


def test_an_observation_that_is_missing_is_named(family: Any) -> None:
    with pytest.raises(NotApplicableError, match=r"says nothing of `red`.*it has 'door'"):
        cm.agents.from_log([{"agent": 1, "door": "left", "action": "left"}]).counts("go", family.setup.model)
    with pytest.raises(CidmesaError, match="`went` is not a decision of this log"):
        cm.agents.from_log([{"agent": 1, "action": "left", "decision": "go"}]).counts("went", family.setup.model)


def test_rows_with_lists_are_rows_with_tuples() -> None:
    cid = cm.CID([("cell", "go"), ("go", "pay"), ("cell", "pay")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(cell=cm.Uniform((0, 0), (0, 1)), go=[0, 1], pay=lambda go, cell: int(go == cell[1]))
    seen = cm.agents.from_log([{"agent": 0, "cell": [0, 1], "action": 1}])
    assert seen.counts("go", model)[0, 0].tolist() == [[0, 0], [0, 1]]
