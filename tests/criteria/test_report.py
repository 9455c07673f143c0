from __future__ import annotations

import builtins
from typing import Any

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.criteria import Answer
from cidmesa.criteria.report import REPORTED
from tests.mesa.systems import red_door_cid
from tests.strategies import cids, examples


@given(cids(max_chance=5, max_parents=4))
@settings(max_examples=examples(quick=60, full=2000))
def test_the_sets_are_the_admitted_verdicts(cid: cm.CID) -> None:
    report = cm.incentives(cid)
    (d,) = cid.decisions
    for criterion in REPORTED:
        verdicts = report.verdicts[criterion][d]
        assert len(verdicts) == len(list(verdicts))
        assert all(node in verdicts for node in verdicts)
        admitted = {node for node, verdict in verdicts.items() if verdict.answer is Answer.ADMITS}
        assert getattr(report, criterion) == getattr(report[d], criterion) == admitted
        for node in set(cid.nodes) - set(verdicts):
            assert node not in verdicts
            with pytest.raises(cm.NotApplicableError):
                verdicts[node]
    assert report.unknown == ()


def test_the_red_door() -> None:
    report = cm.incentives(red_door_cid())
    assert report.voi == {"door"}
    assert report.ri == {"door"}
    assert report.requisite == {"door"}
    assert report["go"].nonrequisite == {"red"}
    assert report.voc == {"door", "at_door", "reward"}
    assert report.ici == report.relevance == {"at_door", "reward"}
    assert str(report) == (
        "         VoI  VoC  RI   ICI  req  rel\n"
        "weather  ·    ·    ·    ·         ·\n"
        "door     yes  yes  yes  ·    yes  ·\n"
        "red      ·    ·    ·    ·    ·    ·\n"
        "go\n"
        "at_door       yes  ·    yes       yes\n"
        "at_red        ·    ·    ·         ·\n"
        "reward        yes  ·    yes       yes"
    )


def test_several_decisions_are_asked_for_by_name() -> None:
    cid = cm.CID([("a", "b"), ("b", "pay"), ("x", "pay"), ("x", "b")], decisions=["a", "b"], utilities=["pay"])
    report = cm.incentives(cid)
    with pytest.raises(cm.NotApplicableError, match=r"`a`, `b`.*report\[\"a\"\].voi"):
        _ = report.voi
    assert report["b"].voi == {"x"}
    assert report["b"].requisite == {"x"}
    assert report.voc == {"x", "pay"}
    assert list(report.verdicts["ri"]) == ["a", "b"]
    with pytest.raises(cm.UnknownNodeError, match="not a decision"):
        report.verdicts["ri"]["c"]
    with pytest.raises(cm.NotApplicableError, match="not a decision"):
        report["x"]
    assert str(report).count("VoI") == 2
    assert cm.incentives(cm.CID([("x", "pay")], utilities=["pay"])).voc == {"x", "pay"}
    assert str(cm.incentives(cm.CID([("x", "y")]))) == "no decision, no incentives"
    with pytest.raises(cm.NotApplicableError, match="has none"):
        _ = cm.incentives(cm.CID([("x", "y")])).voi


def test_unknown_verdicts_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.criteria.witness import build as witness

    monkeypatch.setattr(witness, "find_witness", lambda verdict, budget: None)
    cid = cm.CID([("s", "d0"), ("d0", "d1"), ("d1", "u"), ("s", "u")], decisions=["d0", "d1"], utilities=["u"])
    report = cm.incentives(cid)
    assert {(v.criterion, v.decision, v.node) for v in report.unknown} >= {("ri", "d1", "d0")}
    assert all(v.answer is Answer.UNKNOWN for v in report.unknown)
    assert "d0" not in report["d1"].ri
    assert "?" in str(report)


def test_the_search_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.criteria.witness import build as witness

    def search(verdict: object, budget: object) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr(witness, "find_witness", search)
    cid = cm.CID([("s", "d0"), ("d0", "d1"), ("d1", "u"), ("s", "u")], decisions=["d0", "d1"], utilities=["u"])
    report = cm.incentives(cid, search=False)
    assert report.unknown
    assert report["d1"].ici == {"u"}
    with pytest.raises(AssertionError, match="searched"):
        report.unknown[0].witness()


def test_control_is_an_agents() -> None:
    edges = [("a", "ua"), ("b", "ub"), ("x", "ub")]
    cid = cm.CID(edges, decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["ua"], "B": ["ub"]})
    report = cm.incentives(cid)
    assert report["b"].voc == {"x", "ub"}
    assert report["a"].voc == set()  # what it pays most can be had by choice of `a`
    with pytest.raises(cm.NotApplicableError, match="2"):
        _ = report.voc


def test_the_only_decision_says_whose_control() -> None:
    edges = [("go", "mine"), ("x", "mine"), ("x", "theirs"), ("y", "theirs")]
    cid = cm.CID(edges, decisions={"me": ["go"]}, utilities={"me": ["mine"], "they": ["theirs"]})
    assert cm.incentives(cid).voc == {node for node in ("x", "y", "mine", "theirs") if cm.admits_voc(cid, node)}
    assert cm.incentives(cid).voc == {"x", "mine"}


def test_slips_say_what_to_type() -> None:
    report = cm.incentives(red_door_cid())
    with pytest.raises(cm.UnknownNodeError, match="is not a node"):
        report[["go"]]  # type: ignore[index]
    with pytest.raises(cm.UnknownNodeError, match=r"`vio` is not a criterion of a report \(voi, .*did you mean `voi`"):
        report.verdicts["vio"]
    with pytest.raises(cm.NotApplicableError, match="is about a diagram, a CID; got 3"):
        report.diff(3)  # type: ignore[arg-type]


def test_designs_can_be_compared() -> None:
    cid = red_door_cid()
    told = cid.with_edges(("weather", "go"), ("red", "reward"))
    diff = cm.incentives(cid).diff(cm.incentives(told))
    assert diff
    assert ("voi", "go", "red", "excludes", "admits") in diff.changes
    assert ("requisite", "go", "weather", "absent", "excludes") in diff.changes
    assert "VoI of red for go: excludes -> admits" in str(diff)
    assert not cm.incentives(cid).diff(cid)


def test_overlays_are_plain_data() -> None:
    overlay = cm.incentives(red_door_cid()).overlay()
    assert overlay["nodes"] == {
        "door": frozenset({"voi", "voc", "ri"}),
        "at_door": frozenset({"voc", "ici"}),
        "reward": frozenset({"voc", "ici"}),
    }
    assert overlay["edges"] == {"requisite": (("door", "go"),), "nonrequisite": (("red", "go"),)}


def test_a_frame_has_a_row_for_each_decision_and_node() -> None:
    pytest.importorskip("pandas")
    frame = cm.incentives(red_door_cid()).to_frame()
    assert frame.shape == (7, 6)
    assert frame.loc[("go", "door"), "voi"] == "admits"
    assert frame["voi"].isna().sum() == 4  # the decision and what descends from it


def test_a_frame_without_pandas_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[no-untyped-def]
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(cm.MissingDependencyError, match="pandas"):
        cm.incentives(red_door_cid()).to_frame()


def test_a_long_chain_of_diamonds_and_its_proofs() -> None:
    k = 3000
    edges = [("d", "v0"), ("z", "d"), ("z", "v0"), (f"v{k}", "u")]
    for i in range(k):
        edges += [(f"v{i}", f"a{i}"), (f"v{i}", f"b{i}"), (f"a{i}", f"v{i + 1}"), (f"b{i}", f"v{i + 1}")]
    cid = cm.CID(edges, decisions=["d"], utilities=["u"])
    report = cm.incentives(cid)
    assert len(report.ici) == 3 * k + 2
    assert report.voi == {"z"}
    for criterion, node in (("ici", "a7"), ("voi", "z"), ("ri", "a7"), ("relevance", "b99")):
        assert report.verdicts[criterion]["d"][node].because.check(cid)
