"""Six pairs of the table in docs/learners.md: with every default, at least 30 of 32 agents are in scope."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.strategies import FULL

TABLE = runpy.run_path(str(Path(__file__).parents[3] / "experiments" / "learners.py"))
PAIRS = (
    ("20 doors", "exact", "tabular"),
    ("red door", "reinforce", "tabular"),
    ("red door", "ppo", "tabular"),
    ("penalty of 1,000", "dqn", "tabular"),
    ("three doors", "supervised", "tabular"),
    ("red door", "evolution", "tabular"),
)
NETS = (
    ("20 doors", "exact", "mlp"),
    ("red door", "reinforce", "mlp"),
    ("utilities of -5,000", "dqn", "mlp"),
    ("luck", "supervised", "mlp"),
    ("rare", "evolution", "mlp"),
)


@pytest.mark.parametrize("pair", PAIRS)
def test_with_every_default_nearly_all_agents_are_in_scope(pair: tuple[str, str, str]) -> None:
    setup, learner, policy = pair
    found = TABLE["cell"](setup, TABLE["cases"]()[setup], learner, policy)
    assert found.in_scope >= 30
    assert (found.in_scope < 32) == bool(found.said)  # it says so where an agent is not


@pytest.mark.skipif(not FULL, reason="nets take longer: full profile")
@pytest.mark.parametrize("pair", NETS)
def test_nets_do_as_well(pair: tuple[str, str, str]) -> None:
    test_with_every_default_nearly_all_agents_are_in_scope(pair)


def test_what_is_advised_outside_the_premise_cures() -> None:
    """Two who have to agree on a code settle on half of one now and then; a bonus for trying keeps them from it."""
    case = TABLE["cases"]()["recall"]
    before = TABLE["cell"]("recall", case, "exact", "tabular")
    assert before.in_scope < 30
    change = TABLE["advised"](case, "exact", "tabular")[-1]
    assert TABLE["written"](change) in before.said
    after = TABLE["cell"]("recall", case, "exact", "tabular", change=change)
    assert after.in_scope >= 30
    row = TABLE["cures"]([before, after]).splitlines()[-1]
    assert row.startswith(f"| recall, exact, tabular | {before.in_scope} | `entropy=0.3` | {after.in_scope} (")


def test_there_are_23_setups_and_what_does_not_apply_is_refused() -> None:
    cases = TABLE["cases"]()
    assert len(cases) == 23
    refused = TABLE["cell"]("shared rules", cases["shared rules"], "dqn", "tabular")
    assert refused.in_scope is None
    assert "share a rule" in refused.said
    written = TABLE["table"]([refused])
    assert written.splitlines()[-1] == "| shared rules | – |"
