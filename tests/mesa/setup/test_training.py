"""Training setups: what they hold, and what they refuse."""

from __future__ import annotations

import pickle

import pytest

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, MechanismError, NotApplicableError, UnknownNodeError
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import Deployment, Feedback, Phases, TrainingSetup
from tests.mesa.systems import red_door


def two_calls() -> cm.CID:
    return cm.CID(
        [("x", "first"), ("y", "second"), ("first", "u"), ("second", "u"), ("first", "theta2"), ("theta2", "y")],
        decisions=["first", "second"],
        utilities=["u"],
    )


def test_deployed_models_have_the_shift_and_leave_the_base_alone() -> None:
    model = red_door()
    setup = TrainingSetup(model, deployments={"repainted": {"red": cm.Uniform("left", "right")}})
    assert setup.model is model
    assert setup.cid is model.cid
    assert setup.deployed("repainted").cpd("red").tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert setup.deployed(TRAINING) is model
    assert setup.shifted("repainted") == {"red"}
    assert setup.shifted(TRAINING) == frozenset()
    assert setup.distributions == ("training", "repainted")
    assert setup.score == ("reward",)


def test_edges_of_a_deployment_exist_only_there() -> None:
    tampering = Deployment({"red": lambda door, weather: "left" if weather == "rain" else door}, [("weather", "red")])
    setup = TrainingSetup(red_door(), deployments={"tampering": tampering})
    assert not setup.cid.has_edge("weather", "red")
    assert setup.deployed_cid("tampering").has_edge("weather", "red")
    assert setup.deployed("tampering").cid == setup.deployed_cid("tampering")
    assert setup.deployed_cid(TRAINING) is setup.cid


def test_edges_of_different_deployments_may_run_against_each_other() -> None:
    """A pipe that runs one way here and the other way there: no diagram holds both, and every answer is there."""
    cid = cm.CID([("act", "p"), ("p", "pay")], nodes=["q", "r"], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(q=cm.Bernoulli(0.5), r=cm.Bernoulli(0.5), act=[0, 1], p=lambda act: act, pay=lambda p: p)
    there, back = Deployment({"r": lambda q: q}, [("q", "r")]), Deployment({"q": lambda r: r}, [("r", "q")])
    setup = TrainingSetup(model, deployments={"there": there, "back": back})
    assert setup.ever_above(["q"]) == {"q", "r"}
    assert setup.ever_below(["q", "act"]) == {"q", "r", "p", "pay"}
    family = cm.derive_mesa_optimizers(setup)
    assert {c.names[0] for c in family.where("CONSISTENT")} == {"p", "pay"}
    assert family["p"].deployment_regret["back"] == (0.0, 0.0)
    assert [row.subject for row in family.predictions().structural if row.kind == "control"] == ["q", "r"]


def test_the_world_is_the_chance_nodes_unless_said() -> None:
    assert TrainingSetup(red_door()).world == set(red_door().cid.chance)
    assert TrainingSetup(red_door(), world=["door"]).world == {"door"}


def test_a_bare_diagram_has_shifted_names_and_no_model() -> None:
    setup = TrainingSetup(red_door().cid, deployments={"repainted": {"red"}})
    assert setup.model is None
    assert setup.shifted("repainted") == {"red"}
    with pytest.raises(NotApplicableError, match="bare diagram"):
        setup.deployed("repainted")
    with pytest.raises(NotApplicableError, match="regrets needs numbers"):
        setup.require_model("regrets")


def test_rule_of() -> None:
    setup = TrainingSetup(two_calls(), shared_rules=[("first", "second")])
    assert setup.rule_of("second") == ("first", "second")
    assert TrainingSetup(two_calls()).rule_of("second") == ("second",)


def test_equality_is_by_table_not_by_spelling() -> None:
    def make(shift: object) -> TrainingSetup:
        return TrainingSetup(red_door(), deployments={"opposite": {"red": shift}})

    by_function = make(lambda door: "right" if door == "left" else "left")
    by_table = make([[0, 1], [1, 0]])
    assert by_function == by_table
    assert hash(by_function) == hash(by_table)
    assert by_function != make([[0.5, 0.5], [1, 0]])
    assert by_function != TrainingSetup(red_door())
    assert TrainingSetup(red_door(), feedback=[("at_red", "door")]) != TrainingSetup(red_door())


def test_a_setup_can_be_pickled() -> None:
    setup = TrainingSetup(
        two_calls(),
        deployments={"late": ["x"]},
        feedback=[("y", "x", False)],
        shared_rules=[("first", "second")],
        phases=Phases("first", "theta2", "second"),
    )
    assert pickle.loads(pickle.dumps(setup)) == setup
    model = TrainingSetup(red_door(), deployments={"repainted": {"red": cm.Uniform("left", "right")}})
    assert TrainingSetup(pickle.loads(pickle.dumps(model.model)), dict(model.deployments)) == model


def test_feedback_is_read_with_credit_by_default() -> None:
    setup = TrainingSetup(red_door().cid, feedback=[("at_red", "door"), ("red", "red", False)])
    assert setup.feedback == (Feedback("at_red", "door", True), Feedback("red", "red", False))


def test_it_does_not_change() -> None:
    setup = TrainingSetup(red_door())
    with pytest.raises(AttributeError):
        setup.world = frozenset()  # type: ignore[misc]
    with pytest.raises(TypeError):
        setup.deployments["x"] = Deployment({})  # type: ignore[index]


INSIDE = cm.CID([("door", "plan"), ("plan", "go")], decisions=["plan"])


@pytest.mark.parametrize(
    ("error", "text", "arguments"),
    [
        (
            UnknownNodeError,
            "deployment 'x' names it .*`red`",
            {"deployments": {"x": {"redd": cm.Uniform(1, 2)}}},
        ),
        (DiagramError, "shifts the decision `go`", {"deployments": {"x": {"go": cm.Uniform("left", "right")}}}),
        (DiagramError, "other than 'training'", {"deployments": {"training": {}}}),
        (MechanismError, "needs a mechanism for each", {"deployments": {"x": {"red"}}}),
        (MechanismError, "red", {"deployments": {"x": {"red": cm.Uniform("left", "up")}}}),
        (UnknownNodeError, "an edge of deployment", {"deployments": {"x": Deployment({}, [("moon", "red")])}}),
        (DiagramError, "leads into a decision", {"deployments": {"x": Deployment({}, [("weather", "go")])}}),
        (DiagramError, "list `red` among the shifts", {"deployments": {"x": Deployment({}, [("weather", "red")])}}),
        (DiagramError, "exists in training already", {"deployments": {"x": Deployment({}, [("door", "red")])}}),
        (DiagramError, "cycle", {"deployments": {"x": Deployment({"door": 1}, [("red", "door")])}}),
        (DiagramError, "set of names; got 'red'", {"deployments": {"x": "red"}}),
        (UnknownNodeError, "feedback= names it", {"feedback": [("at_rad", "door")]}),
        (DiagramError, "a pair", {"feedback": ["ab"]}),
        (UnknownNodeError, "world= names it", {"world": ["mars"]}),
        (DiagramError, "at least two decisions", {"shared_rules": [("go",)]}),
        (NotApplicableError, "not a decision", {"shared_rules": [("go", "red")]}),
        (DiagramError, "twice", {"shared_rules": [("go", "go")]}),
        (UnknownNodeError, "phases=", {"phases": Phases("go", "red", "goo")}),
        (DiagramError, "train= is a decision node", {"phases": Phases("red", "red", "go")}),
        (DiagramError, "two decisions", {"phases": Phases("go", "red", "go")}),
        (NotApplicableError, "not a decision", {"learned": {"red": INSIDE}}),
        (DiagramError, "no node `go`", {"learned": {"go": cm.CID([("door", "plan")])}}),
        (DiagramError, "nothing inside leads into it", {"learned": {"go": cm.CID([("a", "door"), ("door", "go")])}}),
        (DiagramError, "at_red_hat", {"learned": {"go": cm.CID([("at_red", "go")])}}),
        (DiagramError, "output", {"learned": {"go": cm.CID([("go", "next")])}}),
    ],
)
def test_what_does_not_fit_is_refused(error: type[CidmesaError], text: str, arguments: dict[str, object]) -> None:
    with pytest.raises(error, match=text) as caught:
        TrainingSetup(red_door(), **arguments)  # type: ignore[arg-type]
    assert isinstance(caught.value, CidmesaError)


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        (r"deployments= is a mapping, \{name: .*got \['a'\]", {"deployments": ["a"]}),
        ("the shifted nodes of a deployment are a set of names; got None", {"deployments": {"a": None}}),
        (r"phases= is Phases\(train=", {"phases": ("first", "theta2", "second")}),
        (r"learned= is a mapping, \{decision: CID", {"learned": ["first"]}),
        ("the inside of `first` is a diagram, a CID; got 'x'", {"learned": {"first": "x"}}),
        ("world= is a set of names; got 'x'", {"world": "x"}),
        ("feedback is a pair", {"feedback": ["xy"]}),
        ("feedback is a pair", {"feedback": [3]}),
        ("a tuple of shared_rules= is a list of names", {"shared_rules": [3]}),
    ],
)
def test_a_slip_is_told_from_a_setup(match: str, arguments: dict[str, object]) -> None:
    with pytest.raises(CidmesaError, match=match):
        TrainingSetup(two_calls(), **arguments)  # type: ignore[arg-type]


def test_an_edge_of_a_deployment_is_a_pair() -> None:
    assert Deployment({"x"}, ("first", "x")).edges == (("first", "x"),)  # type: ignore[arg-type]
    with pytest.raises(DiagramError, match="an edge is a pair"):
        Deployment({"x"}, ["fx"])  # type: ignore[list-item]


def test_bases_that_cannot_be_trained_are_refused() -> None:
    with pytest.raises(NotApplicableError, match="no decision"):
        TrainingSetup(cm.CID([("x", "u")], utilities=["u"]))
    with pytest.raises(NotApplicableError, match="no utility"):
        TrainingSetup(cm.CID([("x", "d")], decisions=["d"]))
    with pytest.raises(NotApplicableError, match="the agents"):
        TrainingSetup(cm.CID([("d", "u"), ("e", "v")], decisions={1: ["d"], 2: ["e"]}, utilities={1: ["u"], 2: ["v"]}))
    with pytest.raises(NotApplicableError, match="is fixed already"):
        TrainingSetup(red_door().with_policy({"go": lambda door, red: door}))
    with pytest.raises(DiagramError, match="starts from a CIM or a CID"):
        TrainingSetup({"door": 1})  # type: ignore[arg-type]


def test_shared_rules_need_equal_domains() -> None:
    cid = cm.CID([("a", "d"), ("b", "e"), ("d", "u"), ("e", "u")], decisions=["d", "e"], utilities=["u"])
    same = cid.parameterise(a=cm.Bernoulli(0.5), b=cm.Bernoulli(0.1), d=[0, 1], e=[0, 1], u=lambda d, e: d - e)
    assert TrainingSetup(same, shared_rules=[("d", "e")]).rule_of("d") == ("d", "e")
    other = cid.parameterise(a=cm.Bernoulli(0.5), b=cm.Uniform(2, 3), d=[0, 1], e=[0, 1], u=lambda d, e: d - e)
    with pytest.raises(DiagramError, match="cannot share one rule"):
        TrainingSetup(other, shared_rules=[("d", "e")])
    assert TrainingSetup(cid, shared_rules=[("d", "e")]).model is None


# What is intended ----------------------------------------------------------------------------------------------------


def test_what_is_intended_is_a_chance_node_with_numbers() -> None:
    cid = cm.CID([("act", "x"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    words = cid.parameterise(act=[0, 1], x=lambda act: "ab"[act], pay=lambda x: int(x == "a"))
    with pytest.raises(MechanismError, match=r"worth its numbers, and the values of `x` are \('a', 'b'\)"):
        cm.TrainingSetup(words, intended="x")
    assert cm.TrainingSetup(cid, intended="x").intended == "x"
    for wrong, error, text in (
        ("pay", DiagramError, "is a chance node, which training never scores, and `pay` is a utility"),
        ("act", DiagramError, "`act` is a decision"),
        ("nope", UnknownNodeError, "intended= names it"),
        (["x"], DiagramError, "the name of one node"),
    ):
        with pytest.raises(error, match=text):
            cm.TrainingSetup(cid, intended=wrong)  # type: ignore[arg-type]


def test_setups_with_different_intentions_differ() -> None:
    cid = cm.CID([("act", "x"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    one, other = cm.TrainingSetup(cid, intended="x"), cm.TrainingSetup(cid)
    assert one != other
    assert pickle.loads(pickle.dumps(one)) == one
    assert "intended: x" in repr(one)
