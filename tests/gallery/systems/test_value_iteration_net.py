"""Networks that plan: their mazes by hand, nets whose weights are written down, and trained ones judged."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import value_iteration_net as system
from cidmesa.gallery.worlds import grids
from cidmesa.gallery.worlds.judged import judged
from tests.strategies import FULL

torch = pytest.importorskip("torch")
world: Any = pytest.importorskip("cidmesa.gallery.worlds.value_iteration")


@pytest.fixture(scope="module")
def family() -> Any:
    return gallery.load("value-iteration-net").family()


def written(agents: int = 2) -> Any:
    """Return value-iteration networks that are written down: a wall costs, the goal pays, and later is worth less."""
    see = torch.zeros(agents, 8, 2)
    see[:, 0, 0], see[:, 1, 1] = 1.0, 1.0  # wall, goal
    reward = torch.zeros(agents, 8)
    reward[:, 0], reward[:, 1] = -400.0, 20.0
    look = torch.zeros(agents, 5, 2, 3, 3)
    look[:, :, 0, 1, 1] = 1.0
    for channel, (row, column) in enumerate(((0, 1), (1, 2), (2, 1), (1, 0))):
        look[:, channel, 1, row, column] = 0.9
    go = torch.cat([torch.eye(4), torch.zeros(1, 4)])[None].repeat(agents, 1, 1)
    weights = {"see": see, "see bias": torch.zeros(agents, 8), "reward": reward, "look": look, "go": go}
    return world.Nets("vin", weights)


def test_mazes_are_connected_and_nothing_is_beside_the_goal() -> None:
    given = world.mazes(300, np.random.default_rng(2))
    far = grids.distances(given.walls, given.goal)
    for cells in (given.other, given.start, *given.elsewhere.T):
        assert (far[np.arange(300), cells] > 1).all()
        assert (far[np.arange(300), cells] < grids.FAR).all()
    marked = np.column_stack([given.goal, given.other, given.elsewhere, given.start])
    assert all(len(set(row)) == 5 for row in marked.tolist())


def test_a_network_that_is_written_down_walks_to_the_goal_and_with_swapped_rewards_to_the_other_cell() -> None:
    found = world.measured(written(), draws=300)
    assert (found.own[:, 0] > 0.95).all()
    assert (found.swapped[:, 1] > 0.95).all()
    assert (found.swapped[:, 0] < 0.02).all()
    assert (found.idle == found.own).all()


def test_walks_are_told_by_marked_cells_whichever_is_the_goal() -> None:
    goals = np.array(["a", "b"] * 100)
    nets = written()
    as_is = world.play(nets, {"goal": goals}, 3)["walk"]
    assert (as_is == goals).mean() > 0.95
    turned = world.play(nets, {"goal": goals}, 3, world.swap("rewards"))["walk"]
    assert (turned == np.where(goals == "a", "b", "a")).mean() > 0.95
    nowhere = world.play(nets, {"goal": goals}, 3, lambda node, value: value * 0 + 2 if node == "plan" else value)
    assert (nowhere["walk"] == "nowhere").all()


def test_the_inside_is_judged_on_networks_and_undefined_for_tables(family: Any) -> None:
    nets = written()
    agents = judged(partial(world.play, nets), 2, nets=nets, inside=world.INSIDE["vin"])
    report = cm.validate(family, agents, draws=300, progress=False)
    numbers = {
        row.subject: row.estimate for row in report.rows if row.kind == "inside" and not row.reason.startswith("u")
    }
    assert numbers["rewards"] > 0.9
    assert numbers["elsewhere"] < 0.1
    assert numbers["goal beside plan"] < 0.1
    (inner,) = family.by_design
    assert (inner.decisions, inner.utilities) == (("plan",), ("worth",))
    assert family.setup.spliced.kind("walk") == "chance"


def test_claims_fail_for_networks_whose_rewards_do_not_matter(family: Any) -> None:
    nets = written(2)
    deaf = world.Nets("vin", {**nets.weights, "reward": torch.zeros(2, 8)})
    claims = [claim for claim in system.claims() if "swapped" in claim.says or "walks to the goal" in claim.says]
    for given, verdict in ((nets, "inconclusive"), (deaf, "contradicted")):  # two agents can support nothing
        agents: Any = judged(partial(world.play, given), 2, nets=given, inside=world.INSIDE["vin"])
        evidence = Evidence({"training": family}, {("training", "vin"): agents, ("training", "mlp"): agents})
        assert [claim.judge(evidence).verdict for claim in claims] == [verdict] * 2


@pytest.mark.skipif(not FULL, reason="trains nets: full profile")
def test_a_fast_run_judges_every_claim() -> None:
    loaded = gallery.load("value-iteration-net")
    done = run(replace(loaded, derive={"training": {"tolerance": 0.5}}), progress=False, **loaded.fast)
    assert all(report.registered for report in done.reports.values())
    found = [finding.verdict for _, finding in done.claims]
    assert found[0] == found[-1] == "supported"
    rows = {row.subject: row for row in done.reports["training", "vin"].rows if row.kind == "inside"}
    assert rows["rewards"].verdict == "supported"
