from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.solve.magnitudes.explain import explain
from tests.strategies import examples, models


def corridor() -> cm.CIM:
    cid = cm.CID(
        [("door", "go"), ("door", "win"), ("go", "win"), ("go", "cost")],
        decisions=["go"],
        utilities=["win", "cost"],
    )
    return cid.parameterise(
        door=cm.Categorical({"left": 0.25, "right": 0.75}),
        go=["left", "right"],
        win=lambda door, go: 4 * (door == go),
        cost=lambda go: -1 if go == "left" else 0,
    )


def test_the_table_is_sorted_and_adds_up() -> None:
    table = explain(corridor(), "win")
    assert [(row.context, row.probability, row.value, row.contribution) for row in table] == [
        (("right", "right"), 0.75, 4.0, 3.0),
        (("left", "left"), 0.25, 4.0, 1.0),
    ]
    assert table.total == 4.0
    assert table.policy == "the optimal policy"
    assert str(table).splitlines()[:3] == [
        "win = 4 under the optimal policy",
        "door   go     probability  value  contribution",
        "right  right         0.75      4             3",
    ]


def test_a_given_policy_is_the_one_explained() -> None:
    table = explain(corridor(), "cost", policy={"go": lambda door: "left"})
    assert (table.total, table.policy, len(table)) == (-1.0, "the given policy", 1)
    assert corridor().explain("cost", policy={"go": lambda door: "left"}) == table


def test_the_frame_has_a_column_per_parent() -> None:
    pytest.importorskip("pandas")
    frame = explain(corridor(), "win").to_frame()
    assert list(frame.columns) == ["door", "go", "probability", "value", "contribution"]
    assert frame["contribution"].sum() == 4


@settings(max_examples=examples(quick=60, full=1000))
@given(st.data())
def test_contributions_sum_to_the_expected_utility(data: st.DataObject) -> None:
    model = data.draw(models(max_card=3, decisions=(0, 2), max_parents=2))
    solution = model.solve()
    total = sum(explain(model, u, policy=solution).total for u in model.cid.utilities)
    assert total == pytest.approx(solution.value, abs=1e-9)
    for u in model.cid.utilities:
        table = explain(model, u, policy=solution)
        assert sum(row.probability for row in table) == pytest.approx(1)
        sizes = [abs(row.contribution) for row in table]
        assert sizes == sorted(sizes, reverse=True)


def test_refusals() -> None:
    with pytest.raises(NotApplicableError, match="`go` is a decision node, and what is explained is a utility; those"):
        explain(corridor(), "go")
    with pytest.raises(UnknownNodeError, match="did you mean `win`"):
        explain(corridor(), "wins")
