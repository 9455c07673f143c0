"""The page for those who come from pycid: its code runs, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cidmesa as cm
from cidmesa import solve
from tests.interop.pycid_examples import needs_pycid

PAGE = (Path(__file__).parents[2] / "docs" / "from-pycid.md").read_text(encoding="utf-8")


@needs_pycid
def test_the_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "from-pycid.md", "exec"), {})
    assert [float(number) for number in capsys.readouterr().out.split()] == pytest.approx([0.6, 0.6, 0.6])


@pytest.mark.parametrize("room", ["cm", "cidmesa.solve", "cid", "model"])
def test_what_it_names_is_there(room: str) -> None:
    rows = [row.split(" | ")[1] for row in PAGE.splitlines() if row.startswith("| `")]
    names = {name for row in rows for name in re.findall(rf"(?<![\w.]){re.escape(room)}\.(\w+)", row)}
    assert names
    home = {"cm": cm, "cidmesa.solve": solve, "cid": cm.CID, "model": cm.CIM}[room]
    assert {name for name in names if not hasattr(home, name)} == set()


@needs_pycid
def test_what_it_says_of_pycid_is_there() -> None:
    """The left column names functions and methods that the installed pycid has."""
    import importlib

    from cidmesa.interop.pycid import enable

    pycid = enable()
    rooms = [pycid, pycid.CID, pycid.MACID, importlib.import_module("pycid.core.get_paths")]
    rooms += [importlib.import_module(f"pycid.core.{name}") for name in ("cpd", "macid_base", "relevance_graph")]
    rows = [row.split(" | ")[0] for row in PAGE.splitlines() if row.startswith("| `")]
    names = {name for row in rows for name in re.findall(r"`(?:\w+\.)?(\w+)\(", row)}
    assert len(names) > 30
    assert {name for name in names if not any(hasattr(room, name) for room in rooms)} == set()
