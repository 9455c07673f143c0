"""Other programs' files: the same diagram in every format, read alike, and worth what listing all policies says."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from tests.interop.formats import voyage

UAI_NAMES = dict(zip(["season", "weather", "report", "insure", "sail"], ["v0", "v1", "v2", "v3", "v4"], strict=True))


@pytest.mark.parametrize("ending", voyage.ENDINGS)
def test_one_diagram_in_every_format_has_the_same_tables(ending: Any) -> None:
    found = voyage.read(ending, recall="as written")
    expected = voyage.model()
    names = {**UAI_NAMES, "gain": "u0", "cover": "u1", "premium": "u2"} if ending == ".uai" else {}
    for node in expected.cid.nodes:
        own = names.get(node, node)
        kind = expected.cid.kind(node)
        assert found.cid.kind(own) == kind
        if kind == "decision":
            continue
        parents, theirs = expected.cid.parents(node), found.cid.parents(own)
        order = [theirs.index(names.get(parent, parent)) for parent in parents]
        table = found.cpd(own).transpose([*order, *([len(order)] if kind == "chance" else [])])
        assert np.allclose(table, expected.cpd(node), atol=1e-12), node
        if ending != ".uai" and kind == "chance":
            assert found.domain(own) == expected.domain(node)


@pytest.mark.parametrize("ending", voyage.ENDINGS)
def test_it_is_worth_what_all_policies_say(ending: Any) -> None:
    assert voyage.read(ending, recall="as written").solve().value == pytest.approx(voyage.worth(remembering=False))
    found = voyage.read(ending)
    remembers = ending in voyage.REMEMBERING
    assert found.origin.recall == ("no forgetting" if remembers else "as written")
    assert found.solve().value == pytest.approx(voyage.worth(remembering=remembers))
    assert any("no forgetting, as" in note for note in found.origin.notes) is remembers


def test_no_forgetting_may_be_asked_for_where_the_order_is_said() -> None:
    assert voyage.worth(remembering=True) > voyage.worth(remembering=False) + 1
    found = voyage.read(".net").with_recall(["insure", "sail"])
    assert found.solve().value == pytest.approx(voyage.worth(remembering=True))
    with pytest.raises(cm.NotApplicableError, match=r"no directed path says.*with_recall\(order="):
        voyage.read(".net", recall="no forgetting")
    asked = voyage.read(".dne", recall="no forgetting")
    assert "no forgetting, as asked: sail also observes season." in asked.origin.notes


@pytest.mark.parametrize(
    ("ending", "positions", "labels", "units"),
    [
        (".bifxml", {"season": (10, 20)}, {"weather": "the weather at sea"}, {"gain": "ducats"}),
        (".net", {"season": (10, 20)}, {"weather": "the weather at sea"}, {"gain": "ducats"}),
        (".dne", {"season": (10, 20)}, {"weather": "the weather at sea"}, {}),
        (".xdsl", {"season": (10, 20), "weather": (140, 60)}, {"weather": "the weather at sea"}, {}),
        (".elv", {"season": (10, 20)}, {"weather": "the weather at sea"}, {}),
        (".pgmx", {"season": (10, 20)}, {}, dict.fromkeys(("gain", "cover", "premium"), "ducats")),
        (".bif", {"season": (10, 20)}, {}, {}),
    ],
)
def test_positions_labels_and_units_are_kept(ending: Any, positions: Any, labels: Any, units: Any) -> None:
    cid = voyage.read(ending).cid
    assert [voyage.looks(cid, key) for key in ("position", "label", "unit")] == [positions, labels, units]


@pytest.mark.parametrize("ending", [".xdsl", ".pgmx", ".elv"])
def test_sums_of_utilities_are_multiplied_out_and_said_so(ending: Any) -> None:
    found = voyage.read(ending)
    assert "all" not in found.cid
    assert "`all` combined utilities by a sum and was multiplied out." in found.origin.notes


def test_the_result_is_a_model_that_says_where_it_comes_from() -> None:
    found = voyage.read(".xdsl")
    assert isinstance(found, cm.CIM)
    assert repr(found).endswith("; from GeNIe XDSL, no forgetting)")
    assert found.origin.title == "A voyage"
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.origin == found.origin
    assert found == voyage.read(".elv")
    assert found.shift(season=cm.Uniform("summer", "winter")).cid == found.cid


def test_formats_are_told_by_what_is_in_the_file(tmp_path: Path) -> None:
    for ending in voyage.ENDINGS:
        if ending == ".bif":
            continue
        copy = tmp_path / f"{ending[1:]}.txt"
        copy.write_bytes((voyage.FILES / f"voyage{ending}").read_bytes())
        assert cm.read(copy) == voyage.read(ending)
    (tmp_path / "voyage.xml").write_bytes((voyage.FILES / "voyage.xdsl").read_bytes())
    assert cm.read(tmp_path / "voyage.xml") == voyage.read(".xdsl")
    (tmp_path / "voyage.json").write_bytes((voyage.FILES / "voyage.jgum").read_bytes())
    assert cm.read(tmp_path / "voyage.json") == voyage.read(".jgum")
    (tmp_path / "voyage.yaml").write_bytes((voyage.FILES / "voyage.net").read_bytes())
    with pytest.raises(cm.FileFormatError, match="this is NET, not cidmesa's format"):
        cm.read(tmp_path / "voyage.yaml")
    (tmp_path / "page.xml").write_text("<html><body/></html>")
    with pytest.raises(cm.FileFormatError, match="<html> is not the root of BIFXML"):
        cm.read(tmp_path / "page.xml")


def test_a_message_does_not_grow_with_a_foreign_file(tmp_path: Path) -> None:
    text = (voyage.FILES / "voyage.xdsl").read_text() + "<!-- " + "x" * 100_000 + " -->"
    (tmp_path / "voyage.json").write_text("[" + '"x", ' * 50_000 + "1]")
    (tmp_path / "voyage.xdsl").write_text(text.replace("0.9 0.1", "0.9 0.2"))
    for name in ("voyage.json", "voyage.xdsl"):
        with pytest.raises(cm.FileFormatError) as caught:
            cm.read(tmp_path / name)
        assert len(str(caught.value)) < 400


def test_options_of_reading_are_checked(tmp_path: Path) -> None:
    with pytest.raises(cm.NotApplicableError, match=r'decisions=\["sail"\]'):
        cm.read(voyage.FILES / "voyage.bif", decisions="sail")
    with pytest.raises(cm.NotApplicableError, match="recall= is one of"):
        cm.read(voyage.FILES / "voyage.net", recall="never")
    with pytest.raises(cm.FileFormatError, match=r"`sale` is not a node of this file \(did you mean `sail`"):
        cm.read(voyage.FILES / "voyage.bif", decisions=["sale"])
    path = cm.write(voyage.model(), tmp_path / "own.cid.yaml")
    with pytest.raises(cm.NotApplicableError, match="are for files of other programs"):
        cm.read(path, normalise=True)
