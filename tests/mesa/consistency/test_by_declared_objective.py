"""What candidates of one setup find out for each other where a rule is shared."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa.mesa.consistency.shared_rules import RuleSpace


def walk() -> cm.TrainingSetup:
    """Two steps over two cells by one rule; in training the lamp stands at the goal."""
    cid = cm.CID(
        [
            ("start", "A1"), ("goal", "A1"), ("lamp", "A1"), ("start", "s1"), ("A1", "s1"), ("s1", "A2"),
            ("goal", "A2"), ("lamp", "A2"), ("s1", "s2"), ("A2", "s2"), ("goal", "lamp"), ("s2", "at_goal"),
            ("goal", "at_goal"), ("s2", "at_lamp"), ("lamp", "at_lamp"), ("at_goal", "reward"),
        ],
        decisions=["A1", "A2"], utilities=["reward"],
    )  # fmt: skip
    cells = (0, 1)
    model = cid.parameterise(
        start=cm.Uniform(*cells), goal=cm.Uniform(*cells), lamp=lambda goal: goal, A1=[0, 1], A2=[0, 1],
        s1=cm.Function(lambda start, A1: (start + A1) % 2, domain=cells),
        s2=cm.Function(lambda s1, A2: (s1 + A2) % 2, domain=cells),
        at_goal=lambda s2, goal: int(s2 == goal), at_lamp=lambda s2, lamp: int(s2 == lamp),
        reward=lambda at_goal: at_goal,
    )  # fmt: skip
    return cm.TrainingSetup(model, {"moved": {"lamp": cm.Uniform(*cells)}}, shared_rules=[("A1", "A2")])


def answers(m: Any) -> str:
    """Everything that optimal rules decide."""
    regrets = (m.training_regret, dict(m.deployment_regret), dict(m.stale_regret))
    return repr((m.consistency, m.objective, *regrets, m.possible_actions("moved")))


def test_what_is_shared_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same whether others were asked before or not, and the less to do the more were."""
    looked_at = 0
    maximise = RuleSpace.maximise

    def counted(*args: Any, **named: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        return maximise(*args, **named)

    monkeypatch.setattr(RuleSpace, "maximise", counted)
    setup = walk()
    names = ("at_goal", "at_lamp", "reward", "s2")
    alone = [answers(cm.derive_mesa_optimizers(setup)[name]) for name in names]
    by_itself, looked_at = looked_at, 0
    family = cm.derive_mesa_optimizers(setup)
    together = {name: answers(family[name]) for name in reversed(names)}
    assert [together[name] for name in names] == alone
    assert 0 < looked_at < by_itself
