"""The public surface: every name is there, and importing the package loads nothing heavy.

How long the import takes is measured by ``tests/benchmarks/bench_import.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cidmesa as cm

HEAVY = ["torch", "pgmpy", "sympy", "matplotlib", "pandas", "scipy", "networkx"]


def run(code: str) -> object:
    """Run `code` in a fresh interpreter and read what it prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_loads_nothing_heavy() -> None:
    loaded = run(f"import json, sys, cidmesa; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))")
    assert loaded == []


@pytest.mark.parametrize("name", [name for name in dir(cm) if not name.startswith("_")])
def test_every_public_name_loads(name: str) -> None:
    assert getattr(cm, name) is not None


def test_incentives_is_the_function_whatever_was_imported_before() -> None:
    code = "import json, cidmesa.criteria, cidmesa.mesa, cidmesa as cm; print(json.dumps(callable(cm.incentives)))"
    assert run(code) is True


def test_an_unknown_name_comes_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="did you mean `incentives`"):
        cm.incentivs  # noqa: B018
