"""Nets that think: their mazes by hand, claims that can fail, and trained nets judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import thinking_time as system
from cidmesa.gallery.worlds import grids
from cidmesa.gallery.worlds.judged import judged
from tests.strategies import FULL

torch = pytest.importorskip("torch")
world: Any = pytest.importorskip("cidmesa.gallery.worlds.thinking")


@pytest.fixture(scope="module")
def family() -> Any:
    return gallery.load("thinking-time").family()


def untrained(agents: int, clock: int | None = None) -> Any:
    return replace(world.untrained("warm-up", agents, torch.Generator().manual_seed(3)), clock=clock)


def test_mazes_are_spanning_trees() -> None:
    given = world.mazes(40, np.random.default_rng(1))
    open_cells = ~given.walls
    assert (open_cells.sum(axis=1) == 25 + 24).all()
    assert (given.far[open_cells] < grids.FAR).all()
    assert ((given.way >= 0).sum(axis=1) == 48).all()
    around = grids.beside(world.CELLS)
    rows, cells = np.nonzero(given.way >= 0)
    to = around[cells, given.way[rows, cells]]
    assert (given.far[rows, to] == given.far[rows, cells] - 1).all()
    first = given.first_open
    assert ((first >= 0) == open_cells).all()
    assert open_cells[rows, around[cells, first[rows, cells]]].all()


def test_thinking_on_is_thinking_longer() -> None:
    nets, given = untrained(2), world.mazes(5, np.random.default_rng(4))
    seen = given.seen[:, None].expand(-1, 2, -1, -1)
    at_once = nets.think(nets.begin(given.seen), seen, 7)
    in_turns = nets.think(nets.think(nets.begin(given.seen), seen, 3), seen, 4)
    assert torch.equal(at_once, in_turns)


def test_what_is_known_travels_one_cell_a_tick() -> None:
    nets, given = untrained(1), world.mazes(1, np.random.default_rng(5))
    moved = world.Mazes(given.walls, np.array([80 if given.goal[0] != 80 else 78]), given.far)
    for ticks in (1, 2, 3):
        states = [nets.think(nets.begin(g.seen), g.seen[:, None], ticks)[0, 0] for g in (given, moved)]
        touched = np.flatnonzero((states[0] != states[1]).any(0).numpy())
        marked = (int(given.goal[0]), int(moved.goal[0]))
        assert max(min(_king(cell, goal) for goal in marked) for cell in touched.tolist()) <= ticks


def _king(cell: int, other: int) -> int:
    """Return in how many steps a king walks from one cell to another."""
    return max(abs(cell // world.SIDE - other // world.SIDE), abs(cell % world.SIDE - other % world.SIDE))


def test_states_can_be_changed_where_the_diagram_draws_them(family: Any) -> None:
    asked = world.ask(untrained(2), many=12, seed=1)
    agents = judged(asked.play, 2, nets=asked.nets, inside=("state",))
    seen = {"way": np.array(["north", "south"] * 30), "ticks": np.array([6, 30] * 30)}
    states = agents.inner("state", seen, seed=2)
    assert states.shape == (2, 60, world.CHANNELS)
    same = agents.do({"state": lambda value: value[:, :1] + 0 * value}).act(seen, seed=2)["move"]
    assert all(len(set(row)) == 1 for row in same.tolist())
    assert family.setup.spliced.parents("move") == ("state",)
    assert family.by_design == ()


def test_feed_forward_nets_are_level_and_untrained_ones_do_not_rise(family: Any) -> None:
    level = untrained(2, clock=6)
    same = judged(world.ask(level).play, 2, nets=level, inside=("state",))
    agents: Any = {("training", "feed-forward"): same, ("training", "warm-up"): same}
    found = {claim.judge: claim.judge(Evidence({"training": family}, agents)) for claim in system.claims()}
    assert "change from 6 to 30 ticks 0 (0 to 0)" in found[system._level].because
    for claim in (system._rises, system._exchanged, system._recovers):
        assert found[claim].verdict == "contradicted"


def test_what_the_derivation_says(family: Any) -> None:
    assert [m.targets for m in family if m.consistency.name == "CONSISTENT"] == [{"right"}, {"score"}]
    assert family["right"].stale_regret["30 ticks"][0] == 0
    perfect = cm.agents.from_rules([{"move": lambda way, ticks: way}] * 20, family.setup.model)
    report = cm.validate(family, perfect, progress=False)
    assert report.in_scope == 20
    assert not [row.id for row in report.rows if row.verdict == "contradicted"]


@pytest.mark.skipif(not FULL, reason="trains nets: full profile")
def test_a_fast_run_judges_every_claim() -> None:
    done = run(gallery.load("thinking-time"), progress=False, **gallery.load("thinking-time").fast)
    assert all(report.registered for report in done.reports.values())
    reactive = next(row for row in done.reports["training", "reactive"].rows if row.subject == "state")
    assert reactive.verdict == "supported"
    assert all(finding.because for _, finding in done.claims)
