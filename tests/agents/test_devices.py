"""Devices and precisions: agents come out alike, wherever and however precisely they are trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import cidmesa as cm
from cidmesa.agents.compiled import Compiled
from cidmesa.agents.devices import placed, working_on
from cidmesa.agents.learners.registry import LEARNERS
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.recipe import Recipe
from cidmesa.agents.runs import run
from cidmesa.agents.store import address
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.mesa.systems import red_door
from tests.strategies import FULL

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no device of CUDA")


@pytest.mark.parametrize("policy", ["tabular", "mlp", "rnn", "vin", "attention"])
def test_single_and_double_precision_agree_and_results_are_in_double(policy: str) -> None:
    found = []
    for dtype in ("float32", torch.float64):
        agents = cm.train(
            red_door(), learner="exact", policy=policy, agents=3, steps=60, dtype=dtype, progress=False
        )  # fmt: skip
        name = str(dtype).removeprefix("torch.")
        assert {str(value.dtype) for value in agents._params.values()} == {f"torch.{name}"}
        assert agents.recipe.dtype == name
        found.append(agents.probabilities("go"))
        assert found[-1].dtype == np.float64
        assert np.allclose(found[-1].sum(axis=-1), 1, atol=1e-12)
    assert np.allclose(*found, atol=2e-3)
    assert not np.array_equal(*found)


def test_left_out_it_is_each_kinds_own() -> None:
    usual = cm.train(red_door(), learner="exact", policy="mlp", agents=2, steps=5, progress=False)
    said = cm.train(red_door(), learner="exact", policy="mlp", agents=2, steps=5, dtype="float32", progress=False)
    assert np.array_equal(usual.probabilities("go"), said.probabilities("go"))


def test_a_planner_believes_in_single_precision_too() -> None:
    agents = cm.train(red_door(), policy="planner", agents=2, steps=3, batch=8, dtype="float32", progress=False)
    other = cm.train(red_door(), policy="planner", agents=2, steps=3, batch=8, progress=False)
    assert np.allclose(agents.probabilities("go"), other.probabilities("go"), atol=1e-4)


def test_recipes_addresses_and_files_tell_precision_and_device(tmp_path: Path) -> None:
    usual = Recipe(red_door(), learner="exact", agents=2, steps=2)
    double, elsewhere = replace(usual, dtype="float64"), replace(usual, device="cuda")
    assert replace(usual, device=torch.device("cpu"), dtype=None) == usual  # type: ignore[arg-type]
    assert len({usual.course, double.course, elsewhere.course}) == 3
    assert address(usual, 0, 2) != address(double, 0, 2)
    agents = double.train(progress=False)
    again = cm.agents.load(agents.save(tmp_path / "agents"))
    assert again == agents
    assert again.recipe.dtype == "float64"
    assert again.retrain() == agents.retrain()
    stored = run(double, store=tmp_path / "blocks")
    assert all(torch.equal(value, agents._params[name]) for name, value in stored.learned.items())
    assert len(list((tmp_path / "blocks").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"device": "meta"}, NotApplicableError, "device= is 'cpu', 'cuda'"),
        ({"device": "gpu"}, NotApplicableError, "device= is 'cpu', 'cuda'"),
        ({"device": None}, NotApplicableError, "device= is 'cpu', 'cuda'"),
        ({"device": 0}, NotApplicableError, "device= is 'cpu', 'cuda'"),
        ({"device": "cuda:99"}, NotApplicableError, "'cuda:99' is not there, torch finds"),
        ({"dtype": "float16"}, UnknownNodeError, r"dtype= of agents \(float32, float64\)"),
        ({"dtype": torch.int64}, UnknownNodeError, "`int64` is not a dtype="),
    ],
)
def test_what_is_no_device_and_no_precision_is_told_in_one_line(options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        cm.train(red_door(), learner="exact", agents=1, steps=1, progress=False, **options)
    assert "\n" not in str(raised.value)
    if options != {"device": None}:
        with pytest.raises(error, match=said):
            Compiled(red_door(), **options)


def test_compiled_models_take_a_precision_by_name() -> None:
    rules = {"go": torch.full((1, 2, 2, 2), 0.5, dtype=torch.float64)}
    assert Compiled(red_door(), dtype="float32").value(rules).dtype == torch.float32
    assert Compiled(red_door()).value(rules).dtype == torch.float64


# Elsewhere ------------------------------------------------------------------------------------------------------------


class Blank(TorchFunctionMode):
    """Lets programs run on the device ``meta``, which has shapes and no numbers: what is asked of them is nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        blank = bool(args) and isinstance(args[0], Tensor) and args[0].is_meta
        if blank and func in {Tensor.numpy, Tensor.cpu}:
            zeros = torch.zeros(args[0].shape, dtype=args[0].dtype, device="cpu")
            return zeros.numpy() if func is Tensor.numpy else zeros
        if blank and func is Tensor.__bool__:
            return True
        if blank and func is Tensor.quantile:  # of one dimension, which is kept; on ``meta`` it takes seconds
            return args[0][:, :1]
        return func(*args, **(kwargs or {}))


PAIRS = [
    (learner, policy)
    for learner in sorted(LEARNERS)
    for policy in sorted({*POLICIES} - {"planner"})
    if FULL or learner == "exact" or policy == "mlp"
]


@pytest.mark.parametrize(("learner", "policy"), PAIRS)
def test_every_learner_stays_on_the_device_where_it_starts(learner: str, policy: str) -> None:
    """A tensor that is left behind would meet one of there, and torch refuses that."""
    options = {"label": "door"} if learner == "supervised" else None
    recipe = Recipe(
        red_door(), learner=learner, policy=policy, agents=2, steps=4, batch=8, hidden=(4,), options=options
    )
    with working_on("meta"), Blank():
        program = LEARNERS[learner].program(recipe.task)
        start = {
            group: {name: value.to("meta") for name, value in values.items()} for group, values in program.start.items()
        }
        memory, earned = program.step(start, 0)
    assert earned.shape == (2,)
    assert {value.device.type for values in memory.values() for value in values.values()} == {"meta"}


def test_what_is_changed_in_place_is_never_a_copy() -> None:
    with working_on("meta"):
        there, here = torch.ones(2), torch.from_numpy(np.ones(2))
        assert (there + here).is_meta
        assert torch.cat([there, here]).is_meta
        assert here[there.long()].is_meta
        assert here.add_(there) is here
    assert torch.ones(2).device.type == "cpu"


def test_what_is_carried_is_placed() -> None:
    memory = {"learned": {"x": torch.zeros(2, 1), "n": torch.zeros(2, 1, dtype=torch.int64)}}
    found = placed(memory, "cpu", "float64")["learned"]
    assert (found["x"].dtype, found["n"].dtype) == (torch.float64, torch.int64)


@CUDA
@pytest.mark.parametrize("policy", ["tabular", "mlp"])
def test_a_hundred_thousand_agents_in_one_batch_are_those_of_the_cpu(policy: str) -> None:
    found = []
    for device in ("cuda", "cpu"):
        agents = cm.train(
            red_door(), learner="exact", policy=policy, hidden=(8,), agents=100_000, steps=20, dtype="float64",
            device=device, progress=False,
        )  # fmt: skip
        assert {value.device.type for value in agents._params.values()} == {"cpu"}
        found.append(agents.probabilities("go"))
    assert np.allclose(*found, atol=1e-6)


@CUDA
@pytest.mark.parametrize("learner", ["reinforce", "ppo", "dqn", "supervised", "evolution"])
def test_every_learner_trains_on_cuda_as_on_the_cpu(learner: str) -> None:
    options = {"label": "door"} if learner == "supervised" else {}
    found = [
        cm.train(
            red_door(), learner=learner, policy="tabular", agents=4, steps=5, device=device, progress=False, **options
        )
        for device in ("cuda", "cpu")
    ]
    assert np.allclose(found[0].probabilities("go"), found[1].probabilities("go"), atol=1e-5)


def test_a_file_from_before_devices_is_read(tmp_path: Path) -> None:
    import json

    from cidmesa.agents.saving import NAME, seal

    agents = cm.train(red_door(), learner="exact", agents=2, steps=2, progress=False)
    place = agents.save(tmp_path) / NAME
    plain = json.loads(place.read_text())
    for name in ("device", "dtype"):
        del plain["recipe"][name]
    plain.pop("sha256")
    place.write_text(json.dumps({**plain, "sha256": seal(plain)}))
    assert cm.agents.load(tmp_path) == agents
    plain["recipe"]["device"] = "meta"
    place.write_text(json.dumps({**plain, "sha256": seal(plain)}))
    with pytest.raises(NotApplicableError, match="device= is"):
        cm.agents.load(tmp_path)
