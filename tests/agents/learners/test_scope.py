"""Six pairs of the table in docs/learners.md: with every default, at least 30 of 32 agents are in scope."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TABLE = runpy.run_path(str(Path(__file__).parents[3] / "experiments" / "learners.py"))
PAIRS = (
    ("20 doors", "exact", "tabular"),
    ("red door", "reinforce", "tabular"),
    ("red door", "ppo", "tabular"),
    ("penalty of 1,000", "dqn", "tabular"),
    ("three doors", "supervised", "tabular"),
    ("red door", "evolution", "tabular"),
)


@pytest.mark.parametrize("pair", PAIRS)
def test_with_every_default_nearly_all_agents_are_in_scope(pair: tuple[str, str, str]) -> None:
    setup, learner, policy = pair
    found = TABLE["cell"](setup, TABLE["cases"]()[setup], learner, policy)
    assert found.in_scope >= 30
    assert (found.in_scope < 32) == bool(found.said)  # it says so where an agent is not


def test_there_are_23_setups_and_what_does_not_apply_is_refused() -> None:
    cases = TABLE["cases"]()
    assert len(cases) == 23
    refused = TABLE["cell"]("shared rules", cases["shared rules"], "dqn", "tabular")
    assert refused.in_scope is None
    assert "share a rule" in refused.said
    written = TABLE["table"]([refused])
    assert written.splitlines()[-1] == "| shared rules | – |"
