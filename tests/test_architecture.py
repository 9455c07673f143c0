"""The house: every module is found under its name, every package lists its modules, nothing hides a module."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import pydoc
from pathlib import Path
from types import ModuleType

import pytest

import cidmesa

MODULES = sorted(m.name for m in pkgutil.walk_packages(cidmesa.__path__, "cidmesa.") if m.name != "cidmesa.__main__")
PACKAGES = [name for name in MODULES if hasattr(importlib.import_module(name), "__path__")]
ROOT = Path(cidmesa.__file__).parent


def modules_of(package: str) -> list[str]:
    """Return the last names of the modules directly in a package."""
    return [m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__)]


def test_a_dotted_path_leads_to_the_module() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        assert isinstance(module, ModuleType)
        assert pydoc.locate(name) is module, name
        parent, _, last = name.rpartition(".")
        assert getattr(importlib.import_module(parent), last) is module, name


def test_a_path_to_a_name_in_a_module_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MODULES:
        monkeypatch.setattr(f"{name}.__doc__", "replaced")
        assert importlib.import_module(name).__doc__ == "replaced", name


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_its_modules(name: str) -> None:
    words = importlib.import_module(name).__doc__ or ""
    missing = [m for m in modules_of(name) if not m.startswith("_") and f"`{m}`" not in words and f".{m}`" not in words]
    assert not missing


@pytest.mark.parametrize("name", [name for name in PACKAGES if name.count(".") > 1])
def test_an_inner_package_exports_nothing(name: str) -> None:
    if name == "cidmesa.solve.symbolic":
        pytest.skip("the namespace of the symbolic twins, whose names users type")
    tree = ast.parse(Path(importlib.import_module(name).__file__ or "").read_text(encoding="utf-8"))
    assert [type(node).__name__ for node in tree.body] == ["Expr"]


def test_every_module_says_first_what_it_is() -> None:
    for name in MODULES:
        first = (importlib.import_module(name).__doc__ or "").splitlines()
        assert len(" ".join(first[:1]).split()) >= 3, name


def test_nothing_at_the_top_bears_the_name_of_a_function_to_come() -> None:
    assert not {"report", "levels", "harm", "unroll", "adaptation"} & {
        name.rpartition(".")[2] for name in MODULES if name.count(".") == 1
    }
