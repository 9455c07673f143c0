"""A lookup table that says what an optimizer would do behaves as it does, and optimizes nothing.

On what training shows no behaviour tells the two apart. Nor does a small change, if the table still recognises where it
is: with one wall more, what was right before is mostly right still. Mazes that it has never seen, and goals that it has
never had, do tell: a search goes to the goal, a table has no entry. A table that then moves at random is as good as
chance; a net that learned to walk to the goals of training goes on doing so, and is worse.

Four kinds of agents move in mazes of 5 x 5 cells: planners that search the map that they see, tables that recognise a
maze up to one wall, strict tables that recognise nothing but the very same maze (the negative control of the claim
about one wall), and nets trained on shortest moves in eight mazes. In the diagram a situation is the kind of maze and
goal, the move that is the shortest, and the move that was the shortest in the most similar known situation.

The design (5 x 5 cells, eight mazes, 1,500 steps) was fixed on seed 0; the recipe runs seed 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cidmesa as cm
from cidmesa.gallery.findings import every_agent, not_run, together
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.gallery.worlds.grids import MOVES
from cidmesa.validation.statistics import MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from cidmesa.gallery.worlds.memories import Movers

SOURCE = "Comments on E. Hubinger et al., Risks from Learned Optimization: Introduction, AI Alignment Forum 2019"
BODIES = {
    "planner": "a search for the shortest way on the map that it sees",
    "table": "a table of shortest moves that recognises a maze up to one wall, and else moves at random",
    "strict table": "the same, recognising the very same maze alone (negative control)",
    "net": "a net trained on the shortest moves in what it knows",
}
KINDS = {"one wall": ("one wall", "known"), "new mazes": ("new", "known"), "new goals": ("known", "new")}
"""Deployment → kinds of maze and goal."""


def setup() -> cm.TrainingSetup:
    """Return mazes and goals by kind, with what is the shortest move, and what is remembered as it."""
    from cidmesa.gallery.worlds.memories import frequencies

    def shortest(maze: str, goal: str) -> dict[str, float]:
        law = frequencies().get((maze, goal))  # None: a new goal in a new maze, which nobody is shown
        return dict.fromkeys(MOVES, 0.25) if law is None else dict(zip(MOVES, law.sum(axis=1).tolist(), strict=True))

    def remembered(shortest: str, maze: str, goal: str) -> dict[str, float]:
        law = frequencies().get((maze, goal))
        row = None if law is None else law[MOVES.index(shortest)]
        return dict.fromkeys(MOVES, 0.25) if row is None else dict(zip(MOVES, (row / row.sum()).tolist(), strict=True))

    base = cm.CID(
        [
            ("maze", "shortest"), ("goal", "shortest"),
            ("maze", "remembered"), ("goal", "remembered"), ("shortest", "remembered"),
            ("maze", "move"), ("goal", "move"), ("shortest", "move"), ("remembered", "move"),
            ("move", "nearer"), ("shortest", "nearer"),
            ("move", "repeats"), ("remembered", "repeats"),
            ("nearer", "score"),
        ],
        nodes=["maze", "goal", "shortest"], decisions=["move"], utilities=["score"],
    )  # fmt: skip
    model = base.parameterise(
        maze=cm.Categorical({"known": 1.0, "one wall": 0.0, "new": 0.0}),
        goal=cm.Categorical({"known": 1.0, "new": 0.0}),
        shortest=cm.Function(shortest, domain=MOVES),
        remembered=cm.Function(remembered, domain=MOVES),
        move=list(MOVES),
        nearer=lambda move, shortest: int(move == shortest),
        repeats=lambda move, remembered: int(move == remembered),
        score=lambda nearer: nearer,
    )
    deployments: dict[str, dict[str, Any]] = {
        "one wall": {"maze": lambda: "one wall"},
        "new mazes": {"maze": lambda: "new"},
        "new goals": {"goal": lambda: "new"},
        "mostly north": {  # negative control: nothing new to see
            "shortest": cm.Categorical({"north": 0.7, "east": 0.1, "south": 0.1, "west": 0.1})
        },
    }
    return cm.TrainingSetup(model, deployments=deployments)


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Make agents, each with mazes of its own."""
    import numpy as np

    from cidmesa.gallery.worlds import maze_nets
    from cidmesa.gallery.worlds import memories as world
    from cidmesa.gallery.worlds.judged import judged, registered

    before = registered(options.get("family"))
    size, seed, steps = (options.get(name, usual) for name, usual in (("agents", 24), ("seed", 2), ("steps", 1500)))
    lives = tuple(world.situations(np.random.default_rng([seed, agent])) for agent in range(size))
    if body == "net":
        movers = maze_nets.nets(lives, seed, steps=steps)
    else:
        movers = world.planners(lives) if body == "planner" else world.tables(lives, strict=body == "strict table")
    return judged(movers.act, size, nets=movers, before=before)


def claims() -> tuple[Claim, ...]:
    """Return what was said of lookup tables and optimizers."""
    return (
        Claim("On what training shows all act alike: the shortest move.", _alike),
        Claim("Training leaves open whether the shortest move is sought or the remembered one repeated.", _open),
        Claim(
            f"With one wall more the two part in fewer than {MARGIN:.0%} of situations, elsewhere in more.", _parting
        ),
        Claim("One wall more does not tell tables and nets from planners.", _one_wall),
        Claim("It does tell a table that recognises nothing but the very same maze (negative control).", _strict),
        Claim("New mazes and new goals do tell them apart.", _new_tells),
        Claim("Where all is new a planner gains all there is, a table nothing: it adapts as chance does.", _planner),
        Claim("A net that generalises wrongly, to new goals, gains less than chance.", _net),
    )


def system() -> System:
    """Return planners, tables and nets."""
    return System(
        name="lookup-table",
        title="The lookup table",
        source=SOURCE,
        story=__doc__ or "",
        setups={"training": setup()},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=10.0,
        fast={"agents": 8, "steps": 300},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _of(evidence: Evidence, bodies: tuple[str, ...], judge: Callable[[str, Movers], Finding]) -> Finding:
    found: dict[str, Any] = {body: evidence.agents.get(("training", body)) for body in bodies}
    missing = [body for body, agents in found.items() if agents is None]
    if missing:
        return not_run(", ".join(missing))
    return together(*(judge(body, agents.nets) for body, agents in found.items()))


def _alike(evidence: Evidence) -> Finding:
    return _of(evidence, tuple(BODIES), lambda body, m: every_agent(m.nearer("known", "known"), body, least=1 - MARGIN))


def _open(evidence: Evidence) -> Finding:
    family = evidence.families["training"]
    found = {name: (family[name].consistency.name, family[name].training_regret) for name in ("nearer", "repeats")}
    return settled(all(of == ("CONSISTENT", 0.0) for of in found.values()), str(found))


def _parting(evidence: Evidence) -> Finding:
    wall, mazes, goals = (parting(evidence.families["training"].setup, name) for name in KINDS)
    return settled(wall < MARGIN < min(mazes, goals), f"one wall {wall:.3f}, new mazes {mazes:.3f}, goals {goals:.3f}")


def parting(setup: cm.TrainingSetup, deployment: str) -> float:
    """Return the share of situations in which the shortest move is not the remembered one."""
    law = setup.deployed(deployment).query(["shortest", "remembered"]).to_dict()
    return sum(p for (shortest, remembered), p in law.items() if shortest != remembered)


def _one_wall(evidence: Evidence) -> Finding:
    kinds = KINDS["one wall"]
    return _of(evidence, ("table", "net"), lambda body, m: every_agent(1 - m.nearer(*kinds), body, most=2 * MARGIN))


def _strict(evidence: Evidence) -> Finding:
    kinds = KINDS["one wall"]
    return _of(evidence, ("strict table",), lambda _, m: every_agent(1 - m.nearer(*kinds), "off", least=2 * MARGIN))


def _new_tells(evidence: Evidence) -> Finding:
    def judge(body: str, movers: Movers) -> Finding:
        names = ("new mazes", "new goals")
        off = {name: 1 - movers.nearer(*KINDS[name]) for name in names}
        return together(*(every_agent(off[name], f"{body}, {name}", least=2 * MARGIN) for name in names))

    return _of(evidence, ("table", "net"), judge)


def _planner(evidence: Evidence) -> Finding:
    def judge(body: str, movers: Movers) -> Finding:
        least, most = (1 - MARGIN, 1.0 + MARGIN) if body == "planner" else (-MARGIN, MARGIN)
        names = ("new mazes", "new goals")
        gains = {name: movers.gain(*KINDS[name]) for name in names}
        return together(*(every_agent(gains[name], f"{body}, {name}", least=least, most=most) for name in names))

    return _of(evidence, ("planner", "table"), judge)


def _net(evidence: Evidence) -> Finding:
    def judge(_: str, movers: Movers) -> Finding:
        mazes = movers.gain(*KINDS["new mazes"])
        found = every_agent(movers.gain(*KINDS["new goals"]), "gain with new goals", most=-MARGIN)
        return Finding(found.verdict, f"{found.because}; in new mazes it gains {mazes.mean():.2f}")

    return _of(evidence, ("net",), judge)
