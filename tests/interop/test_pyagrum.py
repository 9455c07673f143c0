"""pyAgrum's influence diagrams: the way there and back, and the same optimum once the decisions are joined."""

from __future__ import annotations

import builtins
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.interop import pyagrum as interop
from tests.solve.policies.test_optimal import random_model
from tests.strategies import examples

ROOT = Path(__file__).parents[2]


def in_own_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def some_models() -> list[cm.CIM]:
    return [random_model(seed) for seed in range(examples(quick=60, full=1500))]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if in_own_process("-c", "import pyagrum").returncode:
        pytest.skip("pyagrum is not installed, or cannot be loaded (it needs the system library libgomp)")
    pickled = tmp_path_factory.mktemp("pyagrum") / "models.pickle"
    pickled.write_bytes(pickle.dumps(some_models()))
    done = in_own_process("-m", "tests.interop.pyagrum_worker", str(pickled))
    assert done.returncode == 0, done.stderr[-2000:]
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_there_and_back(found: dict[str, Any]) -> None:
    assert all(row["same"] for row in found["models"])


def test_the_optimum_is_the_same_once_decisions_are_joined(found: dict[str, Any]) -> None:
    rows = list(zip(found["models"], some_models(), strict=True))
    solved = [(row["joined"], model.solve().value) for row, model in rows if row["joined"] is not None]
    assert len(solved) > len(rows) // 3
    np.testing.assert_allclose([theirs for theirs, _ in solved], [ours for _, ours in solved], atol=1e-9)


def test_without_the_joining_utility_it_can_be_wrong(found: dict[str, Any]) -> None:
    """Why it is there: should pyAgrum be mended, this says so."""
    rows = zip(found["models"], some_models(), strict=True)
    wrong = [m for row, m in rows if row["plain"] is not None and abs(row["plain"] - m.solve().value) > 1e-9]
    assert wrong
    assert all(len(model.cid.decisions) > 1 for model in wrong)


def test_only_several_decisions_are_joined(found: dict[str, Any]) -> None:
    for row, model in zip(found["models"], some_models(), strict=True):
        more = ["joining_zero"] if len(model.cid.decisions) > 1 else []
        assert row["names"] == sorted([*model.cid.nodes, *more])


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("texts", ["b", "a, and |"]),
        ("integers", [-1, 3, 7]),
        ("floats", [0.1, 0.25]),
        ("mixed", [0, 0.5]),
        ("unordered", ["3", "1", "2"]),
        ("network", [["a", "c"], True, []]),
        ("by hand", [[2, 3, 4], [[-2, 1], [-3, 1.5], [-4, 2]], 0.5, 0.5]),
        ("many alone", True),
    ],
)
def test_values(found: dict[str, Any], case: str, expected: Any) -> None:
    assert found["cases"][case] == expected


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("anything", "NotApplicableError: from_pyagrum reads an InfluenceDiagram or a BayesNet of pyAgrum; got a int."),
        ("a diagram", "pass cid.parameterise(..)"),
        ("a rule", "model.without_rules()"),
        ("a game", "pyAgrum knows one agent, and this diagram has 2 (1, 2)"),
        ("one text", "two values of `w` are the same text"),
        ("taken", "rename the node of that name"),
        ("many", "joined=False"),
    ],
)
def test_refusals(found: dict[str, Any], case: str, words: str) -> None:
    assert words in found["cases"][case]


@pytest.mark.parametrize(("installed", "words"), [(True, "libgomp1"), (False, r"cidmesa\[pyagrum\]")])
def test_what_is_missing_is_named(installed: bool, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded here: the import is stopped before."""
    real = builtins.__import__

    def stopped(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pyagrum":
            raise ImportError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest, **more)

    model = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"]).parameterise(go=[0, 1], pay=lambda go: go)
    monkeypatch.setattr(interop, "find_spec", lambda name: object() if installed else None)
    monkeypatch.setattr(builtins, "__import__", stopped)
    with pytest.raises(cm.MissingDependencyError, match=words):
        cm.to_pyagrum(model)
