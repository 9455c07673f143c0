"""Budgets and progress: what a call may take, what it shows, and what it leaves behind when it is cut short."""

from __future__ import annotations

import math
import multiprocessing
import sys
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import clock
from cidmesa.clock import (
    PATIENCE,
    UNLIMITED,
    Budget,
    Watch,
    check_time,
    progress_bar,
    shows_progress,
    somebody_waits,
    within_budget,
)
from cidmesa.errors import NotApplicableError, OutOfTimeError
from cidmesa.solve import mixed_equilibria, pure_equilibria, subgame_perfect_equilibria
from tests.clocks import Terminal, Ticking, after_looks
from tests.mesa.systems import red_door, red_door_deployments

# The budget -----------------------------------------------------------------------------------------------------------


def test_a_clock_runs_from_the_outermost_call_on() -> None:
    budget = Budget(10.0, clock=Ticking())
    assert budget.left == math.inf  # nobody has asked for anything
    with budget:
        first = budget.left
        with budget:
            second = budget.left
        assert (first, second, budget.left) == (9.0, 8.0, 7.0)
    assert budget.left == math.inf
    with budget:
        assert budget.left == 9.0  # each call has it anew


def test_what_is_cut_short_says_how_far_it_came_and_what_to_type() -> None:
    budget = after_looks(3)
    done = []
    with (
        budget,
        pytest.raises(OutOfTimeError, match=r"reading was at 3 of 5 when budget=3.5 seconds were over: read") as told,
    ):
        done.extend(budget.each(range(5), "reading", "read less"))
    assert "budget=.., None for no limit" in str(told.value)
    assert isinstance(told.value, TimeoutError)
    assert not isinstance(told.value, NotApplicableError)  # what may not be known is not what takes too long
    assert list(Budget(None, clock=Ticking(1e9)).each(range(5), "reading", "read less")) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("given", [0, -1.5, "long", True, math.nan, [3]])
def test_no_budget(given: Any) -> None:
    model = cm.CID([("a", "u")], decisions=["a"], utilities=["u"]).parameterise(a=[0, 1], u=lambda a: a)
    with pytest.raises(NotApplicableError, match="budget= is a number of seconds above 0, or None"):
        model.solve(budget=given)


def test_only_somebody_who_waits_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Budget.of("default").seconds is None
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert somebody_waits()
    assert Budget.of("default").seconds == PATIENCE
    monkeypatch.setattr(multiprocessing, "parent_process", object)  # a worker of a prompt
    assert Budget.of("default").seconds is None


def test_a_notebook_is_somebody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class IPython:
        shell: object = None

        @classmethod
        def get_ipython(cls) -> object:
            return cls.shell

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert not somebody_waits()
    IPython.shell = object()
    assert somebody_waits()


def test_an_answer_that_was_cut_short_is_not_kept() -> None:
    class Asked:
        budget = after_looks(2)
        asked = 0

        @within_budget
        def answer(self, steps: int) -> int:
            self.asked += 1
            return sum(self.budget.each(range(steps), "adding", "add less"))

    one = Asked()
    with pytest.raises(OutOfTimeError):
        one.answer(5)
    assert one.answer(2) == 1
    assert one.asked == 2


def test_a_loop_far_below_is_cut_by_the_call_that_it_is_part_of() -> None:
    """It was handed no budget, or one of its own that has more time."""
    for inner in (UNLIMITED, Budget(100.0, clock=Ticking(0.0))):
        done: list[int] = []
        with after_looks(2), inner, pytest.raises(OutOfTimeError, match=r"adding was at 2 of 5 when budget=2.5 sec"):
            done.extend(inner.each(range(5), "adding", "add less"))
        assert done == [0, 1]
    with after_looks(1):
        check_time("adding", "add less")
        with pytest.raises(OutOfTimeError, match=r"adding was not done when budget=1.5 seconds were over: add less"):
            check_time("adding", "add less")
    check_time("adding", "add less")  # nothing runs any more


# Progress -------------------------------------------------------------------------------------------------------------


class Stopped(Watch):
    """A watch that looks when it is told to, at a time that it is told."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)

    def _look_on(self) -> None:
        pass


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    found = Stopped()
    monkeypatch.setattr(clock, "WATCH", found)
    return found


def test_one_long_step_says_what_it_is_and_for_how_long(monkeypatch: pytest.MonkeyPatch, watch: Stopped) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with Budget(None) as call:
        call.check("multiplying", "multiply less")
        watch.now = 1.9
        watch.look()
        assert shown.getvalue() == ""
        watch.now = 7.2
        watch.look()
        assert "multiplying, 7 s" in shown.getvalue()
        with Budget(None) as inner:
            inner.check("adding", "add less")
            watch.now = 8.2
            watch.look()
            assert "adding, 8 s" in shown.getvalue()  # the outermost call's time, what is done now
    last = shown.getvalue().rsplit("\r", 2)[-2:]
    assert [line.strip() for line in last] == ["", ""]  # the line has gone
    watch.look()
    assert shown.getvalue().rsplit("\r", 2)[-2:] == last


def test_a_bar_tells_the_time_while_its_item_takes_long(monkeypatch: pytest.MonkeyPatch, watch: Stopped) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with Budget(None) as call:
        for item in call.each(["a", "b"], "reading", "read less"):
            watch.now = {"a": 0.0, "b": 9.0}[item]
            watch.look()
            assert ("reading" in shown.getvalue()) == (item == "b")
    assert "9 s" not in shown.getvalue()  # there is no line beside it
    assert watch.bars == []


def test_functions_without_a_budget_show_themselves_too(monkeypatch: pytest.MonkeyPatch, watch: Stopped) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)

    @shows_progress
    def slow() -> int:
        watch.now += 5.0
        watch.look()
        return 3

    assert slow() == 3
    assert "working, 5 s" in shown.getvalue()


def test_nobody_watches_where_there_is_no_terminal(watch: Stopped) -> None:
    with Budget(None):
        watch.now = 100.0
        assert watch._calls == {}
        watch.look()


def test_a_large_product_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.solve.policies import problem
    from cidmesa.solve.tables import elimination

    monkeypatch.setattr(elimination, "LARGE", 4)
    monkeypatch.setattr(problem, "LARGE", 4)
    model = insoluble().with_policy({"a": lambda x0, x1, x2, x3: 0})
    whole = model.solve()
    with pytest.raises(OutOfTimeError, match=r"multiplying tables of up to .* was not done .*: let nodes have fewer"):
        model.solve(budget=after_looks(0))
    assert model.solve(budget=1e9).value == whole.value


def test_a_bar_is_for_terminals_and_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert list(progress_bar(range(3), "counting")) == [0, 1, 2]
    assert shown.getvalue() == ""  # it took no two seconds
    monkeypatch.setattr(clock, "QUIET", 0.0)
    assert list(progress_bar(range(3), "counting")) == [0, 1, 2]
    assert "counting" in shown.getvalue()
    silent = Terminal()
    monkeypatch.setattr(sys, "stderr", silent)
    assert list(progress_bar(range(3), "counting", shown=False)) == [0, 1, 2]
    assert silent.getvalue() == ""


def test_nothing_is_shown_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clock, "QUIET", 0.0)
    assert list(progress_bar(range(3), "counting")) == [0, 1, 2]
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress_bar(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_many_calls_of_a_function_show_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.mechanisms import functions

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(clock, "QUIET", 0.0)
    monkeypatch.setattr(functions, "MANY", 2**9)
    names = [f"x{i}" for i in range(10)]
    cid = cm.CID([(name, "y") for name in names])
    bits = dict.fromkeys(names, cm.Bernoulli(0.5))
    cid.parameterise(bits, y=lambda **parents: sum(parents.values()) % 2)
    assert "calling the function of y" in shown.getvalue()
    assert "/1024" in shown.getvalue()


# What takes a budget --------------------------------------------------------------------------------------------------


def insoluble() -> cm.CIM:
    """Two decisions that matter to each other and see four bits each: 65,536 rules of one are listed."""
    bits = [f"x{i}" for i in range(4)]
    cid = cm.CID(
        [*((x, d) for x in bits for d in ("a", "b")), ("a", "u"), ("b", "u"), *((x, "u") for x in bits)],
        decisions=["a", "b"], utilities=["u"],
    ).without_edges([("x0", "b")])  # fmt: skip
    pays = np.random.default_rng(0).integers(0, 9, (2,) * 6).astype(float)
    return cid.parameterise(dict.fromkeys(bits, cm.Bernoulli(0.5)), a=[0, 1], b=[0, 1], u=pays)


def test_a_listing_of_rules_ends_with_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.solve.policies import search

    model = insoluble()
    monkeypatch.setattr(search, "BLOCK", 2**10)
    whole = model.solve(method="exhaustive")
    with pytest.raises(OutOfTimeError, match=r"listing rules was at [\d,]+ of 256, of which the best earns") as told:
        model.solve(method="exhaustive", budget=after_looks(2))
    earned = float(str(told.value).split("the best earns ")[1].split(",")[0])
    assert earned <= float(whole.value)
    again = model.solve(method="exhaustive", budget=1e9)
    assert (again.value, again.exact) == (whole.value, whole.exact)


def test_a_search_for_witnesses_that_is_cut_short_leaves_nothing_behind() -> None:
    cid = cm.CID([("d0", "d1"), ("d1", "x"), ("x", "u"), ("d0", "u")], decisions=["d0", "d1"], utilities=["u"])
    whole = str(cm.incentives(cid.renamed({})))
    with pytest.raises(OutOfTimeError, match=r"search for .*witness.*search=False"):
        str(cm.incentives(cid, budget=after_looks(3)))
    assert str(cm.incentives(cid, budget=1e9)) == whole


def test_a_family_is_cut_short_and_asked_again() -> None:
    setup = cm.TrainingSetup(red_door(), red_door_deployments())
    whole = cm.derive_mesa_optimizers(setup)
    ticks = Ticking()
    family = cm.derive_mesa_optimizers(setup, budget=Budget(4.5, clock=ticks))
    with pytest.raises(OutOfTimeError, match=r"comparison of candidates was at \d of 6 .*targets="):
        family.hypotheses  # noqa: B018
    ticks.step = 0.0
    assert [m.names for m in family.hypotheses] == [m.names for m in whole.hypotheses]


def test_predictions_are_whole_or_none() -> None:
    setup = cm.TrainingSetup(red_door(), red_door_deployments())
    whole = cm.derive_mesa_optimizers(setup)
    count = len(whole)
    family = cm.derive_mesa_optimizers(setup, budget=after_looks(count + 2))
    with pytest.raises(OutOfTimeError, match=r"stating predictions was at \d of"):
        family.predictions()
    assert family.predictions(budget=None).digest == whole.predictions().digest  # nothing was left behind
    with pytest.raises(OutOfTimeError):
        cm.derive_mesa_optimizers(setup, budget=Budget(None, clock=Ticking())).predictions(budget=1.5)


def test_separating_shifts_are_whole_or_none() -> None:
    setup = cm.TrainingSetup(red_door(), red_door_deployments())
    with pytest.raises(OutOfTimeError, match=r"separating shifts was at \d of 10 .*size=1"):
        cm.separating_shifts(setup, "at_door", "at_red", budget=after_looks(3))
    assert cm.separating_shifts(setup, "at_door", "at_red", budget=1e9) == cm.separating_shifts(
        setup, "at_door", "at_red"
    )


def test_cures_are_whole_or_none() -> None:
    setup = cm.TrainingSetup(red_door(), red_door_deployments())
    with pytest.raises(OutOfTimeError, match=r"distinguishing training was at \d of \d+ .*weights="):
        cm.distinguishing_training(setup, "at_red", budget=after_looks(3))
    assert cm.distinguishing_training(setup, "at_red", budget=1e9) == cm.distinguishing_training(setup, "at_red")


def driver(actions: int = 2) -> cm.CIM:
    """Go on twice for 1, turn at the second exit for 4; with more actions, more exits of the same kind."""
    cid = cm.CID([("first", "pay"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"])
    pays = lambda first, second: 0 if first else 4 if second else 1  # noqa: E731
    return cid.parameterise(first=range(actions), second=range(actions), pay=pays)


def test_the_search_for_a_shared_rule_is_cut_short() -> None:
    shared = [("first", "second")]
    with pytest.raises(OutOfTimeError, match=r"shared rule .*: let the decisions observe less"):
        driver(3).solve(shared_rules=shared, budget=after_looks(0))
    assert driver().solve(shared_rules=shared, budget=1e9).value == pytest.approx(4 / 3)
    setup = cm.TrainingSetup(driver(3), shared_rules=shared)
    whole = str(cm.derive_mesa_optimizers(setup))
    ticks = Ticking()
    family = cm.derive_mesa_optimizers(setup, budget=Budget(3.5, clock=ticks))
    with pytest.raises(OutOfTimeError):
        str(family)
    ticks.step = 0.0
    assert str(family) == whole  # nothing was left behind


def meeting() -> cm.CIM:
    """Two who want to meet, and do not see each other."""
    cid = cm.CID(
        [("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )  # fmt: skip
    return cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: int(a == b))


@pytest.mark.parametrize("equilibria", [pure_equilibria, mixed_equilibria, subgame_perfect_equilibria])
def test_equilibria_are_whole_or_none(equilibria: Any) -> None:
    game = meeting()
    with pytest.raises(OutOfTimeError, match="let decisions observe less"):
        equilibria(game, budget=after_looks(0))
    assert len(equilibria(game, budget=1e9)) == len(equilibria(game)) >= 2
