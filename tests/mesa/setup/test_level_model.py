"""Tables of levels: the law of what comes, selections as deployments, and when they are shifts of roots."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, UnknownNodeError
from cidmesa.solve import joint
from tests.strategies import examples

Row = tuple[int, ...]


def made(
    rows: Mapping[Row, float], observed: int = 1, shown: set[Row] | None = None, *, root: bool = False
) -> cm.Levels:
    """Levels with the features f0, f1, … of which the first are observed; the base wants the last one guessed."""
    width = len(next(iter(rows)))
    names = [f"f{i}" for i in range(width)]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    first, last = names[0], names[-1]
    return cm.levels(
        columns,
        decision={"go": [0, 1]},
        observed=names[:observed],
        outcomes={
            "right": _hit(last),
            "like_first": _hit(first),
        },
        score={"pay": lambda right: right},
        weights=list(rows.values()),
        training=None if shown is None else [float(row in shown) for row in rows],
        root=root,
    )


def _hit(feature: str) -> cm.Table:
    """Whether the action is the value of a feature with the values 0 and 1 (or one of them)."""
    return cm.Table([[[0, 1], [1, 0]], [[1, 0], [0, 1]]], domain=[0, 1], parents=["go", feature])


@st.composite
def tables(draw: Callable[..., Any]) -> tuple[dict[Row, int], int]:
    """Two to eight levels of two or three features, each with both of its values, and how many are observed."""
    width = draw(st.integers(2, 3))
    every = list(product((0, 1), repeat=width))
    rows = draw(st.lists(st.sampled_from(every), min_size=1, max_size=len(every), unique=True))
    rows = [(0,) * width, (1,) * width, *[row for row in rows if len(set(row)) > 1]]
    weights = draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows)))
    return dict(zip(rows, weights, strict=True)), draw(st.integers(1, width))


@st.composite
def chosen(draw: Callable[..., Any], rows: Mapping[Row, int]) -> set[Row]:
    """Some of the levels, at least one."""
    return set(draw(st.lists(st.sampled_from(sorted(rows)), min_size=1, unique=True)))


def picks(among: set[Row]) -> Callable[..., bool]:
    return lambda **features: tuple(features.values()) in among


def law(model: cm.CIM, features: tuple[str, ...]) -> dict[Row, float]:
    table = np.asarray(joint(model, list(features)))
    found = {}
    for at in np.argwhere(table > 0).tolist():
        values = tuple(model.domain(name)[i] for name, i in zip(features, at, strict=True))
        found[values] = float(table[tuple(at)])
    return found  # type: ignore[return-value]


@settings(max_examples=examples(40, 400))
@given(st.data())
def test_in_training_and_in_a_selection_the_levels_come_as_often_as_in_the_table(data: st.DataObject) -> None:
    rows, observed = data.draw(tables())
    shown, there = data.draw(chosen(rows)), data.draw(chosen(rows))
    for root in (False, True):
        model = made(rows, observed, shown, root=root)
        setup = cm.TrainingSetup(model, {"there": model.select(picks(there))})
        alike = {row: 1 / len(shown) for row in shown}
        assert law(model, model.features) == pytest.approx(alike)
        total = sum(rows[row] for row in there)
        assert law(setup.deployed("there"), model.features) == pytest.approx({r: rows[r] / total for r in there})


@settings(max_examples=examples(25, 200))
@given(st.data())
def test_every_parent_of_the_chain_is_needed(data: st.DataObject) -> None:
    rows, _ = data.draw(tables())
    model = made(rows)
    for i, name in enumerate(model.features):
        parents = [model.features.index(parent) for parent in model.cid.parents(name)]
        for fewer in combinations(parents, max(len(parents) - 1, 0)):
            if len(fewer) == len(parents):
                continue
            apart: dict[Row, dict[Row, Fraction]] = {}
            for row, weight in rows.items():
                here = apart.setdefault(row[:i], {}).setdefault((row[i],), Fraction(0))
                apart[row[:i]][row[i],] = here + weight
            shares = {
                context: tuple(counts.get((v,), Fraction(0)) / sum(counts.values()) for v in (0, 1))
                for context, counts in apart.items()
            }
            known: dict[Row, set[tuple[Fraction, ...]]] = {}
            for context, share in shares.items():
                known.setdefault(tuple(context[j] for j in fewer), set()).add(share)
            assert any(len(kinds) > 1 for kinds in known.values())


@settings(max_examples=examples(10, 100), deadline=None)
@given(st.data())
def test_the_level_as_a_root_leads_to_the_same_regrets_and_actions_as_the_chain(data: st.DataObject) -> None:
    rows, observed = data.draw(tables())
    shown, there = data.draw(chosen(rows)), data.draw(chosen(rows))
    found = []
    seen = {row[:observed] for row in shown}
    known = all(row[:observed] in seen for row in there)
    for root in (False, True):
        model = made(rows, observed, shown, root=root)
        setup = cm.TrainingSetup(model, {"there": model.select(picks(there))})
        family = cm.derive_mesa_optimizers(setup, targets=["right", "like_first"])
        found.append([
            (
                m.consistency, m.training_regret, m.deployment_regret["there"], m.stale_regret["there"],
                m.possible_actions("there"), m.possible_actions("training"),
            )
            for m in family
        ])  # fmt: skip
    for one, other in zip(*found, strict=True):
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], abs=1e-12)
        assert one[2] == pytest.approx(other[2], abs=1e-12)
        if known:  # of a new context, beliefs from training say nothing that both models agree on
            assert one[3] == pytest.approx(other[3], abs=1e-12)
        assert one[4:] == other[4:]


def test_of_a_new_context_that_levels_share_a_frozen_optimizer_believes_what_the_model_has_for_it() -> None:
    """Training shows f0 = 0 alone. Of f0 = 1 the chain has the table's rows for what is hidden, the root has none."""
    rows = {(0, 0, 0): 1, (1, 1, 1): 2, (1, 0, 0): 1}
    found = {}
    for root in (False, True):
        model = made(rows, 1, {(0, 0, 0)}, root=root)
        setup = cm.TrainingSetup(model, {"there": model.select(picks({(1, 0, 0)}))})
        m = cm.derive_mesa_optimizers(setup, targets=["right"])["right"]
        assert m.deployment_regret["there"] == (0.0, 0.0)
        found[root] = m.stale_regret["there"]
    assert found[False] == (1.0, 1.0)  # two of three levels with f0 = 1 have f2 = 1
    assert found[True] != found[False]


def test_of_a_new_context_that_identifies_the_level_a_root_that_never_came_says_nothing() -> None:
    """Training shows the level (0, 0) alone. Of f0 = 1 the chain has the row f1 = 1, and the root has no belief."""
    found = {}
    for root in (False, True):
        model = made({(0, 0): 1, (1, 1): 1}, 1, {(0, 0)}, root=root)
        setup = cm.TrainingSetup(model, {"there": model.select(picks({(0, 0), (1, 1)}))})
        found[root] = cm.derive_mesa_optimizers(setup, targets=["right"])["right"].stale_regret["there"]
    assert found == {False: (0.0, 0.0), True: (0.0, 0.5)}


def _is_a_product(weights: Mapping[Row, float]) -> bool:
    """Whether numbers on a full grid of levels are a product of one number for each feature's value."""
    first = next(row for row, weight in weights.items() if weight)
    return all(
        weight * weights[first] ** (len(row) - 1)
        == np.prod([weights[(*first[:i], value, *first[i + 1 :])] for i, value in enumerate(row)])
        for row, weight in weights.items()
    )


@settings(max_examples=examples(60, 800))
@given(st.data())
def test_a_selection_of_independent_roots_shifts_roots_alone_iff_it_is_a_product_of_conditions(
    data: st.DataObject,
) -> None:
    width = data.draw(st.integers(2, 3))
    shares = [{0: 1, 1: data.draw(st.integers(1, 3))} for _ in range(width)]
    rows = {row: int(np.prod([shares[i][v] for i, v in enumerate(row)])) for row in product((0, 1), repeat=width)}
    model = made(rows)
    assert all(model.cid.parents(name) == () for name in model.features)
    if data.draw(st.booleans()):
        own = [{v: data.draw(st.integers(0, 2)) for v in (0, 1)} for _ in range(width)]
        says = {row: int(np.prod([own[i][v] for i, v in enumerate(row)])) for row in rows}
    else:
        says = {row: data.draw(st.integers(0, 2)) for row in rows}
    if not any(says.values()):
        with pytest.raises(NotApplicableError, match="no level is left"):
            model.select(lambda **f: says[tuple(f.values())])
        return
    found = model.select(lambda **f: says[tuple(f.values())])
    assert (not found.edges) == _is_a_product(says)
    if not found.edges:
        for i, name in enumerate(model.features):
            kept = [sum(rows[row] * says[row] for row in rows if row[i] == value) for value in model.domain(name)]
            alone = cm.CIM.shift(model, dict(found)).cpd(name)
            assert alone.tolist() == pytest.approx([k / sum(kept) for k in kept])
            assert (name in found) == (not np.allclose(np.array(kept) / sum(kept), model.cpd(name), atol=1e-12))


def door_and_red(**options: Any) -> cm.Levels:
    table = {"door": ["left", "left", "right", "right"], "red": ["left", "right", "left", "right"]}
    return cm.levels(
        table,
        decision={"go": ["left", "right"]},
        observed=["door", "red"],
        outcomes={"at_door": lambda go, door: int(go == door), "at_red": lambda go, red: int(go == red)},
        score={"reward": lambda at_door: at_door},
        **options,
    )


def test_the_red_door_as_a_table_of_levels() -> None:
    mazes = door_and_red(training=lambda door, red: door == red)
    assert mazes.cid.edges[:1] == (("door", "red"),)
    setup = cm.TrainingSetup(mazes, {"swapped": mazes.select(lambda door, red: door != red)})
    assert setup.shifted("swapped") == {"red"}
    m = cm.derive_mesa_optimizers(setup)["at_red"]
    assert (m.deployment_regret["swapped"], str(m.shift_class["swapped"])) == ((1.0, 1.0), "context")
    assert {str(p) for p in m.positions} == {"spurious"}


def test_levels_that_the_table_weighs_nothing_come_alike_when_they_alone_are_selected() -> None:
    mazes = door_and_red(weights=[1, 0, 0, 3])
    assert mazes.cpd("door").tolist() == [0.25, 0.75]
    setup = cm.TrainingSetup(mazes, {"swapped": mazes.select(lambda door, red: door != red)})
    there = setup.deployed("swapped")
    assert law(there, ("door", "red")) == {("left", "right"): 0.5, ("right", "left"): 0.5}
    assert mazes.select(lambda door: door == "left").kept == 1  # beside others they never come


def test_a_selection_is_a_deployment_and_a_mapping() -> None:
    mazes = door_and_red()
    tied = mazes.select(lambda door, red: door != red)
    assert isinstance(tied, cm.Deployment)
    assert (list(tied), len(tied), tied.edges, tied.nodes) == (["red"], 1, (("door", "red"),), {"red"})
    assert repr(tied) == "Selection(2 of 4 levels; shifts red; edges door → red)"
    again = pickle.loads(pickle.dumps(tied))
    assert again == tied
    assert dict(mazes.select(lambda **_: True)) == {}
    half = mazes.select(lambda door: 0.5 if door == "left" else 1)
    assert half["door"].values.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_frame_and_a_mapping_say_the_same() -> None:
    pandas = pytest.importorskip("pandas")
    table = {"door": ["left", "right", "left"], "size": [1, 2, 1], "n": [1, 2, 3]}
    options: dict[str, Any] = {
        "decision": {"go": ["left", "right"]},
        "observed": ["door"],
        "outcomes": {"hit": lambda go, door, size: size * (go == door)},
        "score": {"pay": lambda hit: hit},
        "weights": "n",
    }
    one, other = cm.levels(table, **options), cm.levels(pandas.DataFrame(table), **options)
    assert one == other
    assert one.table.features["size"] == (1, 2)  # alike levels are one
    assert [float(w) for w in one.table.weights] == [4.0, 2.0]
    assert type(one.domain("size")[0]) is type(other.domain("size")[0]) is int


def test_levels_show_themselves_and_can_be_pickled() -> None:
    mazes = door_and_red(training=lambda door, red: door == red)
    assert repr(mazes) == "Levels(4 of door, red; a chain; observed: door, red)"
    assert str(mazes).splitlines()[0] == "4 levels, 2 of them in training"
    assert list(mazes.to_frame()["depends on"]) == [(), ("door",)]
    assert mazes.to_dict()["training"] == [1.0, 0.0, 0.0, 1.0]
    assert "<table" in mazes._repr_html_()
    again = pickle.loads(pickle.dumps(mazes))
    assert (again, again.table) == (mazes, mazes.table)
    assert again.select(lambda door, red: door != red).nodes == {"red"}
    rooted = door_and_red(root=True)
    assert (rooted.root, rooted.identified, rooted.cid.parents("red")) == ("level", True, ("level",))
    assert repr(rooted) == "Levels(4 of door, red; one root `level`; observed: door, red)"
    assert pickle.loads(pickle.dumps(rooted)) == rooted
    assert set(rooted.select(lambda door: door == "left")) == {"level"}
    assert not rooted.select(lambda **_: True)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"table": {"door": [1, 2], "red": [1]}}, DiagramError, "one value a level"),
        ({"table": {}}, DiagramError, "a mapping from column to values"),
        ({"table": {"door": "ab"}}, DiagramError, "is a list, one value a level"),
        ({"table": {"door": [[1], [2]]}}, DiagramError, "can be told apart"),
        ({"table": {1: [1, 2]}}, DiagramError, "called by a text"),
        ({"observed": ["dor"]}, UnknownNodeError, "did you mean `door`"),
        ({"weights": "n"}, UnknownNodeError, "a column of the table, but weights= names it"),
        ({"weights": [1]}, MechanismError, "one number a level, 2; got 1"),
        ({"weights": [1, -1]}, MechanismError, "finite and not negative; got -1"),
        ({"weights": [0, 0]}, MechanismError, "leaves no level"),
        ({"training": lambda door: False}, NotApplicableError, "no level is left"),
        ({"training": lambda dor: True}, UnknownNodeError, "a feature of the levels"),
        ({"training": lambda door: "yes"}, MechanismError, "says yes or no of a level"),
        ({"training": [1, 2, 3]}, MechanismError, "training= has one number a level"),
        ({"decision": ["go"]}, DiagramError, "decision= is a mapping"),
        ({"decision": {}}, NotApplicableError, "for one decision"),
        ({"outcomes": {"hit": lambda go, dor: 1}}, UnknownNodeError, "`hit` reads it"),
        ({"outcomes": {"hit": cm.Table([1.0])}}, MechanismError, "the parents of `hit` cannot be told"),
        ({"outcomes": {"go": lambda door: 1}}, DiagramError, "`go` is the name of two things"),
        ({"table": {"level": [1, 2]}, "observed": ["level"], "root": True}, DiagramError, "rename the column"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(change: dict[str, Any], error: type[Exception], words: str) -> None:
    options: dict[str, Any] = {
        "table": {"door": [1, 2]},
        "decision": {"go": [1, 2]},
        "observed": ["door"],
        "outcomes": {"hit": lambda go, door: int(go == door)},
        "score": {"pay": lambda hit: hit},
    }
    with pytest.raises(error, match=words):
        cm.levels(**{**options, **change})


def test_a_chain_that_is_too_large_says_to_take_the_level_as_the_root() -> None:
    rng = np.random.default_rng(0)
    table = {f"f{i}": rng.integers(0, 200, 700).tolist() for i in range(3)}
    options: dict[str, Any] = {
        "decision": {"go": [0, 1]},
        "observed": ["f0"],
        "outcomes": {"hit": lambda go, f2: int(go == f2 % 2)},
        "score": {"pay": lambda hit: hit},
    }
    with pytest.raises(NotApplicableError, match=r"cm\.levels\(\.\., root=True\)"):
        cm.levels(table, **options)
    assert cm.levels(table, **options, root=True).card("level") == 700


# The level as the one root ------------------------------------------------------------------------------------------


def test_a_root_that_contexts_identify_is_a_context_shift_like_the_chain() -> None:
    kinds = []
    for root in (False, True):
        mazes = door_and_red(training=lambda door, red: door == red, root=root)
        setup = cm.TrainingSetup(mazes, {"swapped": mazes.select(lambda door, red: door != red)})
        family = cm.derive_mesa_optimizers(setup)
        kinds.append(str(family["at_red"].shift_class["swapped"]))
        rows = family.predictions()
        assert any(row.kind == "response" for row in rows) != root
        assert {str(p) for p in family["at_red"].positions} == {"spurious"}
    assert kinds == ["context", "context"]
    hidden = made({(0, 0): 1, (0, 1): 1, (1, 1): 1}, observed=1, root=True)
    setup = cm.TrainingSetup(hidden, {"there": hidden.select(lambda f1: f1 == 1)})
    assert (setup.level, setup.identified) == ("level", ())
    assert str(cm.derive_mesa_optimizers(setup)["right"].shift_class["there"]) == "mechanism"


def test_with_a_root_what_is_spurious_is_what_depends_in_training() -> None:
    for shown, expected in ((None, "other"), (lambda door, red: door == red, "spurious")):
        mazes = door_and_red(training=shown, root=True)
        m = cm.derive_mesa_optimizers(cm.TrainingSetup(mazes))["at_red"]
        assert {str(p) for p in m.positions} == {expected}
    chain = door_and_red()
    assert {str(p) for p in cm.derive_mesa_optimizers(cm.TrainingSetup(chain))["at_red"].positions} == {"other"}


@settings(max_examples=examples(10, 100), deadline=None)
@given(st.data())
def test_the_classes_of_a_root_are_context_or_mechanism_and_carry_over_holds(data: st.DataObject) -> None:
    rows, observed = data.draw(tables())
    shown, there = data.draw(chosen(rows)), data.draw(chosen(rows))
    model = made(rows, observed, shown, root=True)
    setup = cm.TrainingSetup(model, {"there": model.select(picks(there))})
    for m in cm.derive_mesa_optimizers(setup, targets=["right", "like_first"]):
        if not setup.shifted("there"):
            assert m.shift_class["there"].strength == 0
            continue
        assert str(m.shift_class["there"]) in {"context", "mechanism"}
        if str(m.shift_class["there"]) == "context":
            assert model.identified  # the base wants the last feature, which is hidden otherwise
        if m.carry_over["there"]:
            assert m.deployment_regret["there"] == (0.0, 0.0)
