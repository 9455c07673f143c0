"""From objects to plain data to documents, on models other than the red door."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.criteria.witness import build
from cidmesa.reports import data, documents, pictures
from tests.strategies import cids, examples

GRADES = cm.CID(
    [
        ("ability", "grade"),
        ("ability", "test"),
        ("test", "predict"),
        ("predict", "score"),
        ("grade", "score"),
        ("predict", "fame"),
    ],
    nodes=["moon"],
    decisions=["predict"],
    utilities=["score"],
)
MODEL = GRADES.parameterise(
    moon=cm.Uniform("full", "new"), ability=cm.Bernoulli(0.5), grade=lambda ability: ability,
    test=cm.Noisy(lambda ability: ability, 0.1), predict=[0, 1], fame=lambda predict: predict,
    score=lambda predict, grade: int(predict == grade),
)  # fmt: skip
SETUP = cm.TrainingSetup(
    MODEL,
    deployments={
        "curved": {"grade": lambda ability: 1},
        "wired": cm.Deployment({"moon": lambda predict: ("full", "new")[predict]}, [("predict", "moon")]),
    },
)


@settings(max_examples=examples(quick=30, full=500))
@given(cid=cids(decisions=(0, 2)))
def test_incentive_data_say_what_the_verdicts_say(cid: cm.CID) -> None:
    found = data.incentive_data(cid)
    report = cm.incentives(cid)
    for decision in cid.decisions:
        for criterion in ("voi", "ri", "ici"):
            yes = {n for n, answers in found["decisions"][decision].items() if answers.get(criterion) == "admits"}
            assert yes == getattr(report[decision], criterion) - {decision}
    assert documents.incentive_document(cid, "x").text()


def test_a_ranking_comes_with_its_prior_and_what_it_hangs_on() -> None:
    family = cm.derive_mesa_optimizers(SETUP, prior=cm.SimplicityPrior(samples=10))
    found = data.family_data(family)["ranking"]
    assert found["prior"]["samples"] == 10
    assert set(found["expected_regret"]) == {"curved", "wired"}
    assert found["expected_regret"]["curved"] == list(family.ranking.expected_regret("curved"))
    assert found["contenders"] == {k: list(c.names) for k, c in family.ranking.contenders().items()}
    assert "Expected base regret: `curved`" in cm.report(family, title="x").markdown


def test_what_is_not_known_leaves_a_report() -> None:
    """No ranking without training regrets, no number where nothing could be declared; and plain data all the same."""
    bare = cm.derive_mesa_optimizers(cm.TrainingSetup(GRADES), prior=cm.SimplicityPrior())
    assert data.family_data(bare)["ranking"]["rows"] == []
    assert "this setup is a bare diagram" in cm.report(bare, title="x").markdown
    cid = cm.CID([("a", "out"), ("b", "out"), ("out", "pay"), ("a", "fixed")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], out=lambda a, b: a ^ b, fixed=cm.Function(lambda a: 7), pay=lambda out: out
    )
    shared = cm.derive_mesa_optimizers(cm.TrainingSetup(model, {"then": {}}, shared_rules=[("a", "b")]))
    assert json.dumps(data.family_data(shared), allow_nan=False)
    assert cm.report(shared, title="x").text()


def test_family_data_hold_the_numbers_of_the_family() -> None:
    family = cm.derive_mesa_optimizers(SETUP, tolerance=0.2)
    found = data.family_data(family)
    by_target = {tuple(c["targets"]): c for c in found["candidates"]}
    fame = by_target["fame",]
    assert fame["consistency"] == family["fame"].consistency.value
    assert fame["training_regret"] == family["fame"].training_regret
    assert fame["deployment_regret"]["curved"] == list(family["fame"].deployment_regret["curved"])
    assert by_target["ability",]["deployment_regret"] == {}
    assert by_target["score",]["in_deployment"].keys() == {"wired"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    again = data.prediction_data(family.predictions())
    assert json.loads(json.dumps(again)) == again
    assert len(again["predictions"]) == len(family.predictions())


def test_a_family_document_has_every_candidate_and_a_picture_of_each_hypothesis(tmp_path: Path) -> None:
    family = cm.derive_mesa_optimizers(SETUP, tolerance=0.2, prior=cm.SimplicityPrior(samples=10))
    document = cm.report(family, title="Grades")
    text = document.text(120)
    for candidate in family:
        assert all(name in text for name in candidate.names)
    assert "lookup table" in text
    assert "Ranking" in text
    assert "wired" in text
    page = document.html
    drawn = re.findall(r'<svg (?!class="chart")', page)
    rivals = [h for h in family.hypotheses if "identical" not in h.positions]
    # first screen; the base and each in training and where links differ; the base and the optimizer's
    assert len(drawn) == 1 + bool(rivals) + 1 + 2 * len(family.hypotheses) + 2
    for path in ("g.html", "g.md", "g.tex"):
        assert document.save(tmp_path / path).stat().st_size > 1000


def test_comparisons_say_what_tells_hypotheses_apart_and_what_cures() -> None:
    cid = cm.CID(
        [
            ("goal", "act"), ("sign", "act"), ("goal", "sign"), ("act", "there"), ("goal", "there"),
            ("act", "signed"), ("sign", "signed"), ("there", "pay"),
        ],
        decisions=["act"],
        utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        goal=cm.Uniform("a", "b"), sign=lambda goal: goal, act=["a", "b"], there=lambda act, goal: int(act == goal),
        signed=lambda act, sign: int(act == sign), pay=lambda there: there,
    )  # fmt: skip
    setup = cm.TrainingSetup(
        model, deployments={"misleading": {"sign": cm.Uniform("a", "b")}, "biased": {"goal": lambda: "a"}}
    )
    family = cm.derive_mesa_optimizers(setup)
    (found,) = data.comparison_data(family)
    assert (found["base"], found["targets"]) == (["there"], ["signed"])
    assert found["separations"][0]["nodes"] == ["sign"]
    assert found["separations"][0]["visible"] is True
    assert {row["deployment"] for row in found["cures"]} == {"misleading"}
    assert any(row["removed"] and row["change"] == "mix 0.01 of misleading" for row in found["cures"])
    text = cm.report(family, title="Signs").text(120)
    assert "What would tell there from signed" in text
    assert "What would cure signed" in text
    assert data.comparison_data(cm.derive_mesa_optimizers(cm.TrainingSetup(cid))) == []


def two_turns() -> cm.TrainingSetup:
    """A door behind two turns of the same corridor; red things stand elsewhere in the deployment."""
    seen = [(sign, decision) for sign in ("door", "red") for decision in ("turn", "go")]
    cid = cm.CID(
        [
            ("door", "red"), *seen, ("turn", "go"), *((d, t) for t in ("at_door", "at_red") for d in ("turn", "go")),
            ("door", "at_door"), ("red", "at_red"), ("at_door", "reward"),
        ],
        decisions=["turn", "go"],
        utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        door=cm.Uniform(0, 1), red=lambda door: door, turn=[0, 1], go=[0, 1], reward=lambda at_door: at_door,
        at_door=lambda turn, go, door: int((turn ^ go) == door), at_red=lambda turn, go, red: int((turn ^ go) == red),
    )  # fmt: skip
    return cm.TrainingSetup(model, deployments={"opposite": {"red": lambda door: 1 - door}})


def test_comparisons_of_several_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    family = cm.derive_mesa_optimizers(two_turns())
    (found,) = data.comparison_data(family)
    assert (found["base"], found["targets"]) == (["at_door"], ["at_red"])
    assert (found["separations"][0]["deployment"], found["separations"][0]["certain"]) == ("opposite", 1.0)
    assert any(row["removed"] and row["change"] == "mix 0.01 of opposite" for row in found["cures"])
    json.dumps(found)

    def refuse(*_: object, **__: object) -> None:
        raise cm.errors.NotApplicableError("too many policies.")

    monkeypatch.setattr("cidmesa.mesa.separating_shifts", refuse)
    (found,) = data.comparison_data(family)
    assert (found["why"], found["separations"], found["cures"]) == ("too many policies.", [], [])
    assert "What would tell at_door from at_red: too many policies." in cm.report(family, title="T").text(120)


def test_what_may_be_steered_is_no_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a shared rule it is open whether the first steers what only the second sees: no "map" then."""
    cid = cm.CID(
        [("first", "x"), ("x", "second"), ("second", "goal"), ("first", "goal"), ("left", "goal"), ("right", "goal")],
        decisions=["first", "second", "left", "right"],
        utilities=["goal"],
    )
    monkeypatch.setattr(build, "LINEAR_WORK", 60)  # no model will be found, however long one looks
    setup = cm.TrainingSetup(cid, world=["x"], shared_rules=[("left", "right")])
    family = cm.derive_mesa_optimizers(setup, targets=["goal"])
    assert (family["goal"].territory, family["goal"].undecided) == (set(), {"x"})
    found = {tuple(c["targets"]): (c["territory"], c["undecided"]) for c in data.family_data(family)["candidates"]}
    assert found["goal",] == ([], ["x"])
    assert "x?" in cm.report(family, title="Two").text(120)


def test_bare_diagrams_have_graphical_answers_only() -> None:
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(GRADES, deployments={"curved": {"grade"}}))
    text = cm.report(family, title="Grades").text(120)
    assert "unknown" in text
    assert "Predictions" not in text
    assert "Base regret" not in text


def test_the_overview_lists_nodes_values_and_deployments() -> None:
    text = documents.overview(SETUP, "Grades", "A story.\n\nIn two parts.").text(100)
    assert "full, new" in text
    assert "A story.\n\nIn two parts." in text
    assert "predict → moon" in text
    assert "full, new" not in documents.overview(GRADES, "Grades").text(100)
    two = cm.CID([("a", "b")], decisions={"x": ["a"], "y": ["b"]})
    assert "decision of y" in documents.overview(two, "Two").text(100)


def test_mesa_pictures_mark_what_is_new() -> None:
    family = cm.derive_mesa_optimizers(SETUP, tolerance=0.5)
    candidate = family["fame"]
    picture = pictures.mesa_picture(candidate).spec
    assert {n.name for n in picture.nodes if n.change == "added"} == {"mesa_utility"}
    for criterion, node in candidate.emergent:
        short = {"voi": "VoI", "ri": "RI", "ici": "ICI", "requisite": "requisite"}[criterion]
        assert short in picture.node(node).note
    assert ("ici", "fame") in candidate.emergent
    assert "mechanism shift" in picture.node("fame").note
    gone = {(e.tail, e.head) for e in picture.edges if e.change == "removed"}
    assert gone == set(GRADES.edges) - set(candidate.cid.edges)
    there = pictures.mesa_picture(candidate, "wired").spec
    assert next(e for e in there.edges if (e.tail, e.head) == ("predict", "moon")).change == "added"


def test_the_base_optimizer_has_a_frame_for_each_distribution() -> None:
    picture = pictures.optimizer_picture(SETUP).spec
    assert [words for words, _ in picture.groups] == ["training", "curved", "wired"]
    assert picture.node("theta").label == "θ"
    ringed = {n.name for n in picture.nodes if "ici" in n.rings}
    assert ringed
    assert all(name.endswith("@training") for name in ringed)
    assert pictures.optimizer_picture(SETUP).layout.engine == "own"


def test_large_diagrams_are_tabulated_and_not_drawn() -> None:
    large = cm.CID([(f"x{i}", "d") for i in range(80)] + [("d", "u")], decisions=["d"], utilities=["u"])
    assert "<svg" not in documents.incentive_document(large, "large").html
    assert pictures.diagram_picture(GRADES, engine="own").beside(pictures.diagram_picture(GRADES)).width > 200


@pytest.mark.parametrize("deceptive", [False, True])
def test_deception_is_reported_where_there_are_phases(deceptive: Any) -> None:
    cid = cm.CID(
        [
            ("cue", "now"),
            ("now", "pass"),
            ("now", "updated"),
            ("updated", "later"),
            ("later", "gain"),
            ("updated", "gain"),
        ],
        decisions=["now", "later"],
        utilities=["pass", "gain"],
    )
    phases = cm.Phases(train="now", update="updated", deploy="later") if deceptive else None
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(cid, phases=phases))
    assert all((c["deceptive"] is not None) == deceptive for c in data.family_data(family)["candidates"])
    assert ("Is compliance only a means?" in cm.report(family, title="x").markdown) == deceptive


def test_deception_is_tabulated_with_its_interval() -> None:
    """Complying in training to be left as it is, and defecting later: for every tolerance below what is at stake."""
    cid = cm.CID(
        [("tr", "loss"), ("tr", "kept"), ("kept", "gain"), ("dep", "gain"), ("gain", "harm")],
        decisions=["tr", "dep"],
        utilities=["loss", "harm"],
    )
    model = cid.parameterise(
        tr=["comply", "defect"], dep=["comply", "defect"], loss=lambda tr: -2 * (tr == "defect"),
        kept=lambda tr: tr == "comply", harm=lambda gain: -gain,
        gain=cm.Function(lambda kept, dep: int(kept and dep == "defect"), domain=(0, 1)),
    )  # fmt: skip
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, phases=cm.Phases("tr", "kept", "dep")), targets=["gain"])
    (found,) = data.family_data(family)["candidates"]
    assert found["deceptive"]["answer"] == "admits"
    assert found["deceptive"]["interval"] == [0.0, 2.0]
    assert found["deceptive"]["regrets"] == {"training": 0.0, "cut": 2.0, "deployment": 1.0}
    (line,) = [line for line in cm.report(family, title="x").markdown.splitlines() if "| deceptive" in line]
    assert [cell.strip() for cell in line.strip("|").split("|")] == ["**`gain`**", "deceptive", "[0, 2)", "0", "2", "1"]


# What is intended --------------------------------------------------------------------------------------------------


def office() -> cm.TrainingSetup:
    """A register says whether the work is done; in the deployment it may be written. Only the register pays."""
    cid = cm.CID(
        [("task", "work"), ("work", "done"), ("done", "register"), ("register", "pay")],
        decisions=["work"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        task=cm.Uniform("one", "other"),
        work=["idle", "work", "write"],
        done=lambda work: int(work == "work"),
        register=cm.Function(lambda done: done, domain=[0, 1]),
        pay=lambda register: 10 * register,
    )
    written = cm.Deployment(
        {"register": lambda done, work: max(done, int(work == "write"))}, edges=[("work", "register")]
    )
    return cm.TrainingSetup(model, {"writable": written}, intended="done")


def test_both_regrets_stand_in_every_table_of_a_derivation() -> None:
    setup = office()
    family = cm.derive_mesa_optimizers(setup, prior=cm.SimplicityPrior())
    register = family["register"]
    assert register.row()["intended regret in training"] == (0.0, 0.0)
    assert register.row()["intended regret in writable"] == (0.0, 1.0)
    assert str(family).count("intended ") >= 2
    assert set(family.to_dict()["candidates"][0]) >= {"intended regret in training", "intended regret in writable"}
    assert {"intended regret in training", "regret in writable"} <= set(family.to_frame().columns)
    assert family.ranking.expected_regret("writable", intended=True).high > 0
    text = cm.report(family, title="office").text()
    assert "training, by done" in text
    assert "writable, by done" in text
    assert "[0, 1] (0)" in text  # who believes to be in training writes nothing
    assert "Expected regret by done, which is intended: training 0, writable" in " ".join(text.split())
    plain = data.family_data(family)["candidates"][1]
    assert plain["intended_regret"]["writable"] == [0.0, 1.0]
    assert plain["stale_intended_regret"]["writable"] == [0.0, 0.0]


def test_cures_and_tampering_say_the_intended_regret() -> None:
    from cidmesa.mesa.candidates.tampering import tampering

    setup = office()
    found = tampering(cm.derive_mesa_optimizers(setup)["register"], "writable")
    assert (found.steered, found.regret, found.intended) == ({"register"}, (0.0, 0.0), (0.0, 1.0))
    cures = cm.distinguishing_training(setup, "register", weights=(0.5,))
    assert all(row.intended is not None for row in cures)
    assert all("intended regret" in row for row in cures._rows())
    plain = cm.distinguishing_training(cm.TrainingSetup(setup.base, setup.deployments), "register", weights=(0.5,))
    assert all(row.intended is None for row in plain)
    assert all("intended regret" not in row for row in plain._rows())
    assert len(plain) == len(cures) > 0


def test_a_report_says_what_agents_lose_by_both() -> None:
    pytest.importorskip("torch")
    setup = office()
    family = cm.derive_mesa_optimizers(setup)
    agents = cm.train(setup, family=family, learner="exact", agents=3, steps=300, seed=2, progress=False)
    report = cm.validate(family, agents, retrain=False, progress=False)
    base, meant = report.regrets["writable"]
    assert report.intended == "done"
    assert base == pytest.approx(meant * 10, abs=0.2)  # they work, and writing would pay as well
    assert max(report.regrets["training"][1]) < 0.05
    text = report.to_text()
    assert "What agents lose" in text
    assert "done, mean" in text
    found = json.loads(report.to_json())
    assert len(found["regrets"]["training"]["intended"]) == 3
    silent = cm.TrainingSetup(setup.base, setup.deployments)
    quiet = cm.validate(
        cm.derive_mesa_optimizers(silent),
        cm.train(silent, learner="exact", agents=2, steps=5, progress=False),
        retrain=False,
        progress=False,
    )
    assert dict(quiet.regrets) == {}
    assert "What agents lose" not in quiet.to_text()


def test_the_inside_of_a_learned_algorithm_is_drawn_where_there_is_one() -> None:
    inside = cm.CID(
        [("test", "guess"), ("guess", "worth"), ("guess", "predict")], decisions=["guess"], utilities=["worth"]
    )
    for learned, drawn in ((None, 0), ({"predict": inside}, 1)):
        setup = cm.TrainingSetup(GRADES, learned=learned)
        assert len(documents.inside_figures(setup)) == drawn
        words = cm.report(cm.derive_mesa_optimizers(setup)).markdown
        assert words.count("The learned algorithm in the place of the decision") == drawn
