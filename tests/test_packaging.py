"""What is installed: the wheel alone runs diagrams, incentives, derivation, pictures and files, and is typed.

Environments of their own take minutes to install, so all of this belongs to the full profile.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FULL = os.environ.get("CIDMESA_PROFILE") in {"full", "long"}

PLAIN = """
import cidmesa as cm
base = cm.CID([("door", "go"), ("door", "at_door"), ("go", "at_door"), ("at_door", "reward")],
              decisions=["go"], utilities=["reward"])
assert cm.incentives(base).voi == {"door"}
model = base.parameterise(door=cm.Uniform(0, 1), go=[0, 1], at_door=lambda go, door: int(go == door),
                          reward=lambda at_door: at_door)
family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, deployments={"later": {"door": cm.Bernoulli(0.9)}}))
assert str(family["at_door"].consistency) == "CONSISTENT"
assert cm.admits_voi(base, "door").witness().is_structural
base.render("picture.svg", engine="own")
cm.write(model, "model.cid.yaml")
assert cm.read("model.cid.yaml") == model
assert cm.read(cm.write(model, "model.net")).cid == model.cid
from cidmesa.interop.formats.own import schema
assert schema()["properties"]["cidmesa"]["const"] == 1
try:
    cm.train(cm.TrainingSetup(model))
except cm.MissingDependencyError as error:
    assert 'pip install "cidmesa[torch]"' in str(error)
else:
    raise AssertionError("torch is not installed here")
"""

TYPED = """
import cidmesa as cm
from cidmesa.types import Family

cid: cm.CID = cm.CID([("a", "b")])
names: tuple[str, ...] = cid.nodes


def derive(setup: cm.TrainingSetup) -> Family:
    return cm.derive_mesa_optimizers(setup)


reveal_type(cid.parents("b"))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and return what it prints."""
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "CIDMESA_PROFILE"}}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel and what it requires."""
    if not FULL:
        pytest.skip("installs an environment: full profile")
    folder = tmp_path_factory.mktemp("plain")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    venv.create(folder / "venv", with_pip=True)
    (wheel,) = folder.glob("*.whl")
    run(
        folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=folder
    )
    return folder


def test_the_plain_installation_runs_everything_but_agents(plain: Path) -> None:
    run(plain / "venv/bin/python", "-W", "error", "-c", PLAIN, cwd=plain)
    assert (plain / "picture.svg").stat().st_size > 1000


def test_a_users_file_is_type_checked_against_the_wheel(plain: Path) -> None:
    (plain / "theirs.py").write_text(TYPED, encoding="utf-8")
    found = run(
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        plain / "venv/bin/python",
        "theirs.py",
        cwd=plain,
    )
    assert 'Revealed type is "tuple[str, ...]"' in found.replace("builtins.", "")


def test_the_plain_installation_is_small(plain: Path) -> None:
    size = sum(f.stat().st_size for f in (plain / "venv").rglob("*") if f.is_file() and not f.is_symlink())
    assert size < 450e6  # docs/architecture.md names the figure


@pytest.mark.skipif(not FULL, reason="installs an environment: full profile")
def test_the_lowest_versions_run(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    lowest = ["-c", str(ROOT / "constraints-lowest.txt")]
    run(python, "-m", "pip", "install", "--quiet", *lowest, f"{ROOT}[games,plot]", "pytest", "hypothesis", cwd=tmp_path)
    rooms = ["graph", "diagram", "mechanisms", "solve/policies", "mesa/test_derive.py"]
    rooms = [str(ROOT / "tests" / room) for room in rooms]
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *rooms, cwd=ROOT)


def version(text: str) -> tuple[int, ...]:
    """Return a version as numbers, at least three of them."""
    numbers = tuple(map(int, text.split(".")))
    return numbers + (0,) * (3 - len(numbers))


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    lowest = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", lowest, re.MULTILINE))
    declared = dict(re.findall(r"([\w.-]+)>=([\d.]+)", "\n".join(PROJECT["project"]["dependencies"])))
    assert declared
    for name, least in declared.items():
        assert version(pinned[name]) == version(least), name


def test_every_requirement_is_imported_somewhere() -> None:
    """So no extra that nothing imports, and no dependency either."""
    extras = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[<>=\[; ]", line)[0] for line in [*PROJECT["project"]["dependencies"], *extras]} - {"cidmesa"}
    names -= {"myst-parser"}  # reads Markdown for Sphinx, which loads it
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cidmesa").rglob("*.py"))
    for name in names:
        module = {"PyYAML": "yaml", "stable-baselines3": "stable_baselines3"}.get(name, name)
        assert re.search(rf"^\s*(import|from) {module}\b", code, re.MULTILINE), name


def test_the_marker_of_a_typed_package_is_there() -> None:
    assert (ROOT / "cidmesa" / "py.typed").exists()
