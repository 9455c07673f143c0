"""Tables and optimizers: what parts them by hand, and agents judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import lookup_table as system
from cidmesa.gallery.worlds import grids, memories
from cidmesa.gallery.worlds.judged import judged
from tests.strategies import FULL


@pytest.fixture(scope="module")
def family() -> Any:
    return gallery.load("lookup-table").family()


@pytest.fixture(scope="module")
def lives() -> Any:
    return tuple(memories.situations(np.random.default_rng([7, agent])) for agent in range(6))


def walk(walls: Any, goal: int, cell: int) -> int:
    """Return the length of a shortest way, by breadth-first search on single cells."""
    around, edge, far = grids.beside(len(walls)), {cell}, 0
    seen = set(edge)
    while goal not in edge:
        edge = {int(to) for at in edge for to in around[at] if not walls[to]} - seen
        if not edge:
            return grids.FAR
        seen |= edge
        far += 1
    return far


def test_distances_are_those_of_a_breadth_first_search() -> None:
    random = np.random.default_rng(3)
    walls, goals = random.random((12, 16)) < 0.3, random.integers(16, size=12)
    found = grids.distances(walls, goals)
    for maze, goal, far in zip(walls, goals.tolist(), found, strict=True):
        if not maze[goal]:
            assert [walk(maze, goal, cell) for cell in range(16) if not maze[cell]] == far[~maze].tolist()
    assert (found[np.arange(12), goals][walls[np.arange(12), goals]] == grids.FAR).all()


def test_a_shortest_move_is_one_step_nearer(lives: Any) -> None:
    life = lives[0]
    around = grids.beside(memories.CELLS)
    for row in range(0, len(life.cells), 97):
        here = walk(life.walls[row], life.goals[row], life.cells[row])
        for move in range(4):
            to = int(around[life.cells[row], move])
            nearer = not life.walls[row, to] and walk(life.walls[row], life.goals[row], to) == here - 1
            assert nearer == life.good[row, move]


def test_what_is_remembered_is_right_where_nothing_is_new(lives: Any) -> None:
    for life in lives:
        known = life.are("known", "known")
        assert (life.shortest[known] == life.remembered[known]).all()
        assert not set(life.goals[life.are("known", "new")]) & set(memories.NORTH.tolist())


def test_what_the_derivation_says(family: Any) -> None:
    rates = {name: 1 - memories.frequencies()[kinds].trace() for name, kinds in system.KINDS.items()}
    for name, rate in rates.items():
        assert system.parting(family.setup, name) == pytest.approx(rate)
        assert family["repeats"].deployment_regret[name] == pytest.approx((rate, rate))
        assert family["repeats"].shift_class[name] == "context"
    assert np.diag(memories.frequencies()["known", "known"]).sum() == pytest.approx(1)
    assert family["repeats"].deployment_regret["mostly north"] == (0, 0)


def test_who_gains_what_by_hand(lives: Any) -> None:
    planner, table, strict = memories.planners(lives), memories.tables(lives), memories.tables(lives, strict=True)
    for kinds in memories.KINDS:
        assert planner.gain(*kinds) == pytest.approx(1)
    for kinds in (("new", "known"), ("known", "new")):
        assert table.gain(*kinds) == pytest.approx(0)
    assert table.gain("known", "known") == pytest.approx(1)
    assert strict.gain("one wall", "known") == pytest.approx(0)
    assert (table.gain("one wall", "known") > 0.8).all()


def test_claims_of_tables_and_planners(family: Any, lives: Any) -> None:
    bodies = {
        "planner": memories.planners(lives),
        "table": memories.tables(lives),
        "strict table": memories.tables(lives, strict=True),
    }
    agents: Any = {("training", body): judged(m.act, len(lives), nets=m) for body, m in bodies.items()}
    sabotaged: Any = dict(agents) | {("training", "table"): agents["training", "strict table"]}
    sabotaged["training", "net"] = agents["training", "strict table"]
    one_wall = next(claim for claim in system.claims() if claim.says.startswith("One wall"))
    assert one_wall.judge(Evidence({"training": family}, sabotaged)).verdict == "contradicted"
    exact = [claim.judge(Evidence({"training": family}, agents)).verdict for claim in system.claims()]
    assert exact.count("contradicted") == 0
    assert exact[1:3] == ["supported", "supported"]


def test_moves_are_drawn_in_situations_of_the_kind_asked_for(lives: Any) -> None:
    table = memories.tables(lives)
    asked = {"maze": "one wall", "goal": "known", "shortest": "east", "remembered": "north"}
    moved = table.act({node: np.array([value] * 40) for node, value in asked.items()}, seed=1)["move"]
    assert moved.shape == (6, 40)
    assert (moved == "north").all()


@pytest.mark.skipif(not FULL, reason="trains nets: full profile")
def test_a_fast_run_judges_every_claim() -> None:
    pytest.importorskip("torch")
    done = run(gallery.load("lookup-table"), progress=False, **gallery.load("lookup-table").fast)
    assert all(report.registered for report in done.reports.values())
    assert done.reports["training", "planner"].in_scope == 8
    assert all(finding.because for _, finding in done.claims)
    assert dict(done.claims)["Training leaves open whether the shortest move is sought or the remembered one repeated."]
    strict = done.reports["training", "strict table"]
    assert [row.id for row in strict.rows if row.verdict == "contradicted"]
