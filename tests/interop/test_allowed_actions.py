"""Forbidden actions in files: what is written is read again, what is wrong is named with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.errors import FileFormatError, NotApplicableError
from cidmesa.interop.plain import as_plain
from cidmesa.interop.study_reader import from_plain
from tests.strategies import examples, models, restricted


def gate() -> cm.CIM:
    cid = cm.CID([("gate", "go"), ("sky", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    go = cm.Choice(["stay", "out", ("far", 2)], allowed=lambda gate: ["stay"] if gate == "shut" else ["stay", "out"])
    return cid.parameterise(
        gate=cm.Uniform("shut", "open"), sky=cm.Bernoulli(0.5), go=go, pay=lambda go: int(go != "stay")
    )


@given(restricted(models(max_card=3, decisions=2, max_chance=2, max_parents=2)))
@settings(max_examples=examples(20, 500), deadline=None)
def test_what_is_written_is_read_again(model: cm.CIM) -> None:
    again = from_plain(as_plain(model))
    assert again == model
    for decision in model.cid.decisions:
        assert again.allowed_reads(decision) == model.allowed_reads(decision)


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_files(tmp_path: Path, ending: str) -> None:
    model = gate()
    cm.write(model, tmp_path / f"gate.cid.{ending}")
    assert cm.read(tmp_path / f"gate.cid.{ending}") == model
    setup = cm.TrainingSetup(model, {"often open": {"gate": cm.Categorical({"shut": 0.1, "open": 0.9})}})
    cm.write(setup, tmp_path / f"setup.cid.{ending}")
    assert cm.read(tmp_path / f"setup.cid.{ending}") == setup


def test_it_is_written_by_what_it_depends_on() -> None:
    written = as_plain(gate())["mechanisms"]["go"]
    assert written["allowed"] == {"parents": ["gate"], "actions": [["stay"], ["stay", "out"]]}
    everywhere = gate().cid.parameterise(
        {**gate().mechanisms, "go": cm.Choice(["a", "b"], lambda: ["b"]), "pay": lambda go: 0}
    )
    assert as_plain(everywhere)["mechanisms"]["go"]["allowed"] == {"actions": ["b"]}
    assert "allowed" not in as_plain(gate().unrestricted())["mechanisms"]["go"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parents": ["pay"]}, "`go` does not observe `pay`"),
        ({"actions": [["stay"]]}, "2 entries are expected for the values of gate"),
        ({"actions": [["stay"], "out"]}, "a list of actions is expected; got 'out'"),
        ({"actions": [["stay"], ["fly"]]}, "allowed= gives 'fly' at gate='open', .*not in the domain"),
        ({"actions": [["stay"], []]}, "`go` may do nothing at gate='open', sky=0, and that can come up"),
        ({"action": []}, "`action` is none of parents, actions"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    plain = as_plain(gate())
    plain["mechanisms"]["go"]["allowed"] |= change
    with pytest.raises(FileFormatError, match=said):
        from_plain(plain)


def test_programs_without_forbidden_actions_are_not_written_for() -> None:
    pytest.importorskip("pyagrum")
    with pytest.raises(NotApplicableError, match=r"forbidden actions \(`go`\)"):
        cm.to_pyagrum(gate())
