"""Claims about all agents of some populations: counts decide, and several populations are one family."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.gallery.compliance import every, model_of, on
from cidmesa.gallery.system import Evidence


def some(k: int, n: int = 24) -> Any:
    return np.arange(n) < k


@pytest.mark.parametrize(
    ("complying", "verdict"),
    [
        ({"a": some(24)}, "supported"),
        ({"a": some(23)}, "supported"),
        ({"a": some(22)}, "inconclusive"),  # P(Bin(24, .8) ≥ 22) = .11
        ({"a": some(13, 13)}, "inconclusive"),  # .8 ** 13 = .055: too few agents to support anything
        ({"a": some(14, 14)}, "supported"),
        ({"a": some(14, 14), "b": some(14, 14)}, "inconclusive"),  # twice the chance, corrected by Holm's method
        ({"a": some(24), "b": some(0)}, "contradicted"),
        ({"a": some(24), "b": some(15)}, "inconclusive"),
    ],
)
def test_the_share_of_compliers_decides(complying: Any, verdict: str) -> None:
    assert every(complying).verdict == verdict


def test_a_judge_gets_the_populations_that_it_asks_for_in_its_order() -> None:
    @on(("arm", "b"), ("arm", "a"))
    def judge(b: Any, a: Any) -> Any:
        return every({f"{b} before {a}": some(24)}, seen="told")

    agents: Any = {("arm", "a"): "a", ("arm", "b"): "b"}
    assert judge(Evidence({}, agents)).because == "b before a: 24 of 24 agents (told)"
    del agents["arm", "a"]
    assert judge(Evidence({}, agents)).because == "not run: body `a` on the arm `arm`"


def test_the_model_of_brought_agents_is_the_one_they_were_brought_for() -> None:
    cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(act=[0, 1], pay=lambda act: act)
    assert model_of(cm.agents.from_rules([{"act": lambda: 1}], model)) is model
