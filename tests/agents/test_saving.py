"""Agents that are saved come back equal; whatever else a folder holds ends in agents or in an error with words."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.agents import Agents, Recipe, load, one_hot, parity, train
from cidmesa.agents.contract import small_world
from cidmesa.agents.saving import seal
from cidmesa.agents.tensor_file import dumps, loads
from cidmesa.errors import CidmesaError, FileFormatError
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples, models, restricted

QUICK: dict[str, Any] = {"agents": 3, "steps": 6, "progress": False}


def saved(folder: Path, **options: Any) -> Agents:
    agents = train(red_door(0.3), **{**QUICK, "checkpoints": (2, 4), "encoders": {"door": parity(2)}, **options})
    agents.save(folder)
    return agents


@pytest.mark.parametrize(
    "options",
    [
        {"learner": "exact", "policy": "tabular"},
        {"learner": "ppo", "clip": 0.1},
        {"learner": "dqn", "encoders": {"red": lambda card: np.eye(card)[:, None, ::-1] * 2, "door": one_hot}},
        {"learner": "evolution", "policy": "tabular", "population": 4},
        {"examples": 5, "without": "red", "hidden": (4, 3), "block": 2},
    ],
)
def test_what_is_saved_is_read(options: dict[str, Any], tmp_path: Path) -> None:
    agents = saved(tmp_path, **options)
    again = load(tmp_path)
    assert again == agents
    assert hash(again) == hash(agents)
    assert again.recipe == agents.recipe
    assert again.recipe.model == agents.recipe.model
    assert dict(again.checkpoints) == dict(agents.checkpoints)
    assert (again.probabilities("go") == agents.probabilities("go")).all()
    assert again.retrain() == agents.retrain() != agents  # without the checkpoints, and the same agents
    assert pickle.loads(pickle.dumps(again)) == agents


def test_what_was_registered_is_kept_and_judged_as_before(tmp_path: Path) -> None:
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    family = cm.derive_mesa_optimizers(setup)
    agents = train(setup, family=family, learner="exact", agents=4, steps=200, checkpoints=(0.5,), progress=False)
    again = load(agents.save(tmp_path))
    assert again == agents
    report = cm.validate(family, again, retrain=False, progress=False)
    assert report.registered
    assert report.to_dict() == cm.validate(family, agents, retrain=False, progress=False).to_dict()
    assert cm.validate(family, again.checkpoints[100], retrain=False, progress=False).registered


def test_allowed_actions_shared_rules_and_scores_are_kept(tmp_path: Path) -> None:
    from tests.agents.test_population import phased

    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    twins = cm.TrainingSetup(
        cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b)), shared_rules=[("a", "b")]
    )
    for number, setup in enumerate((small_world(), phased(), twins)):
        agents = train(setup, learner="exact", **QUICK)
        again = load(agents.save(tmp_path / str(number)))
        assert again == agents
        assert again.recipe.model == agents.recipe.model


@settings(max_examples=examples(quick=15, full=80), deadline=None)
@given(restricted(models(max_card=3)))
def test_any_model_comes_back(model: cm.CIM) -> None:
    import tempfile

    recipe = Recipe(model, learner="exact", policy="tabular", agents=2, steps=1)
    if recipe.trained:
        agents = recipe.train(progress=False)
        with tempfile.TemporaryDirectory() as folder:
            assert load(agents.save(folder)) == agents


def test_values_of_every_plain_kind_come_back_as_they_were(tmp_path: Path) -> None:
    cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    domain = ["text", 1, 0.5, None, ("a", (1, 2.5)), False]
    model = cid.parameterise(x=cm.Uniform(*domain), act=domain[::-1], pay=lambda x, act: int(x == act))
    agents = train(model, **QUICK)
    again = load(agents.save(tmp_path))
    assert again.recipe.model.domain("x") == tuple(domain)
    assert list(map(type, again.recipe.model.domain("act"))) == list(map(type, domain[::-1]))
    strange = cid.parameterise(x=cm.Uniform(frozenset({1}), 2), act=[0, 1], pay=lambda x, act: act)
    with pytest.raises(FileFormatError, match="`x` has the value frozenset"):
        train(strange, **QUICK).save(tmp_path / "strange")


def test_agents_differ_by_a_bit_or_by_what_was_registered() -> None:
    agents = train(red_door(), **QUICK)
    assert agents == train(red_door(), **QUICK)
    assert agents != train(red_door(), **QUICK, checkpoints=(1,))
    assert agents != train(red_door(0.1), **QUICK)
    assert agents != Agents(agents.recipe, agents._params, "other", agents.earned, None, (), agents.curve)
    assert agents != "agents"


def test_new_agents_take_the_place_of_old_ones(tmp_path: Path) -> None:
    saved(tmp_path)
    second = saved(tmp_path, seed=1)
    assert load(tmp_path) == second == load(tmp_path / "agents.json")
    assert len(list(tmp_path.iterdir())) == 2


# Learning curves and checkpoints --------------------------------------------------------------------------------------


def test_learning_curves_are_the_value_of_the_rules_along_training() -> None:
    model = red_door(0.3)
    for learner in ("exact", "reinforce", "dqn"):
        agents = train(model, learner=learner, agents=3, steps=40, checkpoints=(0, 0.5, 1.0), progress=False)
        assert [step for step, _ in agents.curve] == list(range(0, 41, 2))
        curve = dict(agents.curve)
        for step, then in agents.checkpoints.items():
            value = [model.expected_utility(then.policy(i)) for i in range(3)]
            assert curve[step] == pytest.approx(value)
            assert then.curve == tuple(point for point in agents.curve if point[0] <= step) or len(then.curve)
        assert list(agents.checkpoints) == [0, 20, 40]
        assert (agents.checkpoints[40].probabilities("go") == agents.probabilities("go")).all()


def test_a_checkpoint_is_trained_again_up_to_its_step() -> None:
    agents = train(red_door(0.3), **QUICK, checkpoints=(3,))
    then = agents.checkpoints[3]
    assert then.recipe.until == 3
    again = then.retrain()
    assert (again.probabilities("go") == then.probabilities("go")).all()
    assert not np.allclose(then.probabilities("go"), agents.probabilities("go"), atol=1e-6)


def test_checkpoints_survive_a_stop_inside_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.agents.learners import loop

    whole = train(red_door(), **QUICK, checkpoints=(2, 5))
    real = loop.advance

    def stops(state: Any, *rest: Any) -> Any:
        if state.step == 4:
            raise KeyboardInterrupt
        return real(state, *rest)

    monkeypatch.setattr(loop, "advance", stops)
    with pytest.raises(KeyboardInterrupt):
        train(red_door(), **QUICK, checkpoints=(2, 5), checkpoint=tmp_path / "state")
    monkeypatch.setattr(loop, "advance", real)
    assert train(red_door(), **QUICK, checkpoints=(2, 5), checkpoint=tmp_path / "state") == whole


@pytest.mark.parametrize("points", [(-1,), (7,), (1.5,), ("half",), (True,), "half", 3])
def test_points_that_are_none_are_refused(points: Any) -> None:
    with pytest.raises(CidmesaError, match="checkpoint"):
        train(red_door(), **QUICK, checkpoints=points)


def test_a_model_too_large_has_no_curve() -> None:
    cid = cm.CID([(f"x{i}", "act") for i in range(17)] + [("act", "pay")], decisions=["act"], utilities=["pay"])
    mechanisms: dict[str, Any] = {f"x{i}": cm.Bernoulli(0.5) for i in range(17)}
    model = cid.parameterise({**mechanisms, "act": [0, 1], "pay": lambda act: act})
    agents = train(model, policy="tabular", agents=1, steps=1, progress=False)
    assert agents.curve == ()
    assert len(agents.earned) == 1


# Folders that want to do harm -----------------------------------------------------------------------------------------


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    plain = json.loads((folder / "agents.json").read_text())
    change(plain)
    (folder / "agents.json").write_text(json.dumps(sealed(plain)))


def sealed(plain: dict[str, Any]) -> dict[str, Any]:
    """Return a description that hides that it was changed."""
    bare = {key: value for key, value in plain.items() if key != "sha256"}
    return {**bare, "sha256": seal(bare)}


def with_arrays(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the arrays, and what is said of them, so that nothing but their content is wrong."""
    import hashlib

    plain = json.loads((folder / "agents.json").read_text())
    arrays, _ = loads((folder / plain["arrays"]["file"]).read_bytes(), "")
    changed = dict(arrays)
    change(changed)
    data = dumps(changed)
    digest = hashlib.sha256(data).hexdigest()
    (folder / f"agents-{digest[:16]}.safetensors").write_bytes(data)
    plain["arrays"] = {"file": f"agents-{digest[:16]}.safetensors", "sha256": digest}
    (folder / "agents.json").write_text(json.dumps(sealed(plain)))


def put(*keys: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(plain: dict[str, Any]) -> None:
        for key in keys[:-1]:
            plain = plain[key]
        plain[keys[-1]] = to

    return change


WIDE = {"nodes": [f"n{i}" for i in range(40)], "edges": [[f"n{i}", "n39"] for i in range(39)]}
HARM: dict[str, Callable[[dict[str, Any]], None]] = {
    "another version": put("cidmesa agents", to=2),
    "an unknown learner": put("recipe", "learner", to="os.system"),
    "an unknown policy": put("recipe", "policy", to="__import__"),
    "a learner that is a list": put("recipe", "learner", to=["exact"]),
    "other agents": put("recipe", "agents", to=10**12),
    "no agents": put("recipe", "agents", to=0),
    "a wide net": put("recipe", "hidden", to=[10**9, 10**9]),
    "a net of many layers": put("recipe", "hidden", to=[2] * 100_000),
    "hidden that is a mapping": put("recipe", "hidden", to={"a": 1}),
    "steps that are a text": put("recipe", "steps", to="many"),
    "a large seed": put("recipe", "seed", to=10**400),
    "another seed": put("recipe", "seed", to=7),
    "a rate of null": put("recipe", "rate", to=[1]),
    "another rate": put("recipe", "rate", to=0.5),
    "a score that is no node": put("recipe", "score", to=["x"]),
    "shared rules of others": put("recipe", "shared_rules", to=[["go", "door"]]),
    "options of another learner": put("recipe", "options", to={"targets": "step"}),
    "options that are a text": put("recipe", "options", to="x"),
    "without what is no node": put("recipe", "without", to=["x"]),
    "many parity bits": put("recipe", "encoders", "door", to={"parity": 60}),
    "many codes": put("recipe", "encoders", to={"door": {"parity": 12}, "red": {"parity": 12}}),
    "no codes": put("recipe", "encoders", "door", to="codes"),
    "codes as code": put("recipe", "encoders", "door", to="lambda card: 1"),
    "an encoder of no node": put("recipe", "encoders", "x", to="one hot"),
    "a long domain": put("model", "domains", "door", to=list(range(10**5))),
    "a domain of mappings": put("model", "domains", "door", to=[{"a": 1}, {"b": 2}]),
    "no domain": put("model", "domains", to={}),
    "a node twice": put("model", "nodes", to=["door"] * 8),
    "a cycle": put("model", "edges", to=[["door", "red"], ["red", "door"]]),
    "a long cycle": put("model", "edges", to=[[f"n{i}", f"n{(i + 1) % 5000}"] for i in range(5000)]),
    "edges of three": put("model", "edges", to=[["door", "red", "go"]]),
    "no decisions": put("model", "decisions", to=[]),
    "an agent that is a mapping": put("model", "agent", to={}),
    "a table of 2^40 entries": put("model", to={**WIDE, "agent": 0, "decisions": ["n39"], "utilities": [], "latent": [],
                                                "domains": {f"n{i}": [0, 1] for i in range(40)}}),
    "arrays elsewhere": put("arrays", "file", to="../../etc/passwd"),
    "arrays that are missing": put("arrays", "file", to="agents-0123456789abcdef.safetensors"),
    "arrays that are a number": put("arrays", to=3),
    "another hash": put("arrays", "sha256", to="0" * 64),
    "registered as a text": put("registered", to="yes"),
    "registered as something else": put("registered", to={"a": "b"}),
    "no recipe": put("recipe", to=None),
    "no model": put("model", to=[]),
}  # fmt: skip


@pytest.mark.parametrize("name", HARM)
def test_a_description_that_wants_to_do_harm_is_refused(name: str, tmp_path: Path) -> None:
    saved(tmp_path)
    rewritten(tmp_path, HARM[name])
    with pytest.raises(CidmesaError) as error:
        load(tmp_path)
    assert len(str(error.value)) < 1200


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "nul", "[" * 200_000, '{"cidmesa agents": ' + "[" * 500 + "]" * 500 + "}",
        '{"cidmesa agents": ' + "9" * 10_000 + "}", '{"cidmesa agents": 1, "cidmesa agents": 1}',
        '{"cidmesa agents": NaN}', '{"cidmesa agents": 1}', " " * (5 * 2**20), "\x1f\x8b", "PK\x03\x04",
    ],
)  # fmt: skip
def test_what_is_no_description_is_refused(text: str, tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "agents.json").write_text(text)
    with pytest.raises(FileFormatError):
        load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.clear(),
        lambda arrays: arrays.pop("model/1"),
        lambda arrays: arrays.update({"model/1": np.ones((2, 2))}),
        lambda arrays: arrays.update({"model/1": np.full(arrays["model/1"].shape, np.nan)}),
        lambda arrays: arrays.update({"model/1": np.zeros((1,) * 40)}),
        lambda arrays: arrays.update({"learned/go.0.weight": np.zeros((3, 1, 1))}),
        lambda arrays: arrays.update({"learned/x": np.zeros((3, 1))}),
        lambda arrays: arrays.update({"learned/go.0.bias": np.zeros(3, dtype=np.int64)}),
        lambda arrays: arrays.update({"learned/go.0.bias": np.zeros(())}),
        lambda arrays: arrays.update({"kept/2/x": np.zeros((3, 1))}),
        lambda arrays: arrays.update({"kept/²/x": np.zeros((3, 1))}),
        lambda arrays: arrays.update({"curve/values": np.zeros((2, 2))}),
        lambda arrays: arrays.pop("earned/steps"),
        lambda arrays: arrays.update({"stopped": np.zeros((9, 2), dtype=np.int64)}),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: Any, tmp_path: Path) -> None:
    saved(tmp_path)
    with_arrays(tmp_path, change)
    with pytest.raises(CidmesaError):
        load(tmp_path)


def test_damage_to_a_description_is_seen(tmp_path: Path) -> None:
    saved(tmp_path)
    text = (tmp_path / "agents.json").read_text()
    (tmp_path / "agents.json").write_text(text.replace('"sun"', '"son"'))  # a value that nothing is computed from
    with pytest.raises(FileFormatError, match="damaged since it was written"):
        load(tmp_path)


def test_links_pipes_and_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"agents\.save"):
        load(tmp_path)
    saved(tmp_path / "real")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "agents.json").symlink_to(tmp_path / "real" / "agents.json")
    with pytest.raises(FileFormatError, match="a link out of its folder"):
        load(tmp_path / "link")
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "agents.json")
    with pytest.raises(FileFormatError, match="a device or a pipe"):
        load(tmp_path / "pipe")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agents")
    saved(folder)
    return folder


@settings(max_examples=examples(quick=60, full=500), deadline=None)
@given(st.data())
def test_damaged_folders_are_agents_or_an_error(originals: Path, draw: st.DataObject) -> None:
    """One of the two files is damaged at some places; what is read anyhow is the agents that were saved."""
    import tempfile

    name = draw.draw(st.sampled_from(sorted(path.name for path in originals.iterdir())))
    data = bytearray((originals / name).read_bytes())
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data) - 1))
        piece = draw.draw(st.sampled_from([b"", b"0", b"9" * 30, b"null", b"[", b'"', b"-1", b"{}", b"\0", b"\xff"]))
        data[place : place + draw.draw(st.integers(0, 12))] = piece
    with tempfile.TemporaryDirectory() as folder:
        for path in originals.iterdir():
            (Path(folder) / path.name).write_bytes(path.read_bytes())
        (Path(folder) / name).write_bytes(bytes(data))
        said = ""
        try:
            again = load(folder)
        except CidmesaError as error:
            again, said = None, str(error)
        assert len(said) < 1200
        assert again is None or again.recipe == load(originals).recipe
