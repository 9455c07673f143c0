"""A value-iteration network is an optimizer by design: it has rewards inside, and plans for them.

Most learned algorithms must be examined to find out whether they optimize anything. In a value-iteration network one
can see it: it makes a map of rewards of the maze that it sees, and goes where they are largest. So its objective is a
place inside, and can be exchanged. With the reward of the goal swapped with that of another cell it walks to the other
cell, as surely as it walked to the goal before; swapping the rewards of two cells that are neither changes nothing. A
plain net or a table that walks as well has no such place, and the same intervention is not even defined for it.

In the diagram two cells of a maze are marked, `a` and `b`, one of which is the goal; a net is judged on real mazes, by
where its walk ends. The inside is drawn in place of the decision: `rewards`, those of the two marked cells; `plan`, the
inner decision, where the way ends that the net works out; `worth`, the inner utility; `elsewhere`, the rewards of two
cells that are not marked, from which no path leads to the plan.
Negative controls: `elsewhere`, and a deployment in which `a` is mostly the goal. The design (5 x 5 cells, 12 rounds,
1,000 steps) was fixed on seed 0; the recipe runs seed 1.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cidmesa as cm
from cidmesa.gallery.findings import every_agent, not_run, of_nets, together
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from cidmesa.gallery.worlds.value_iteration import Measured

SOURCE = (
    "E. Hubinger et al., Risks from Learned Optimization in Advanced Machine Learning Systems, 2019, section 1; "
    "A. Tamar et al., Value Iteration Networks, NeurIPS 2016"
)
BODIES = {
    "vin": "value-iteration networks",
    "mlp": "plain nets with two hidden layers, trained alike (negative control)",
}
TOLERATED = 0.05
"""Training regret: walks of small nets that do not end at the goal."""
SURELY = 0.9
"""How often a walk ends where it should."""


def setup() -> cm.TrainingSetup:
    """Return mazes with two marked cells, and the inside of a planner."""
    base = cm.CID(
        [("goal", "walk"), ("walk", "at_goal"), ("goal", "at_goal"), ("walk", "at_a"), ("at_goal", "score")],
        decisions=["walk"], utilities=["score"],
    )  # fmt: skip
    model = base.parameterise(
        goal=cm.Uniform("a", "b"),
        walk=["a", "b", "nowhere"],
        at_goal=lambda walk, goal: int(walk == goal),
        at_a=lambda walk: int(walk == "a"),
        score=lambda at_goal: at_goal,
    )
    inside = cm.CID(
        [
            ("goal", "rewards"), ("goal", "elsewhere"),
            ("rewards", "plan"), ("rewards", "worth"), ("plan", "worth"), ("plan", "walk"),
        ],
        decisions=["plan"], utilities=["worth"],
    )  # fmt: skip
    deployments = {"mostly a": {"goal": cm.Categorical({"a": 0.9, "b": 0.1})}}  # negative control: nothing new to see
    return cm.TrainingSetup(model, deployments=deployments, learned={"walk": inside})


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Train nets, each on mazes of its own."""
    from cidmesa.gallery.worlds import value_iteration as world
    from cidmesa.gallery.worlds.judged import judged, registered

    before = registered(options.get("family"))
    size, seed, steps = (options.get(name, usual) for name, usual in (("agents", 24), ("seed", 1), ("steps", 1000)))
    nets = world.trained("mlp" if body == "mlp" else "vin", size, seed, steps=steps)
    return judged(partial(world.play, nets), size, nets=nets, before=before, inside=world.INSIDE[nets.body])


def claims() -> tuple[Claim, ...]:
    """Return what is said of optimizers by design."""
    return (
        Claim("The network is an optimizer by design: a decision and a utility inside.", _by_design),
        Claim("It walks to the goal, and so does the plain net.", _walks),
        Claim("With the goal's reward swapped with another cell's, it walks there with unchanged success.", _swapped),
        Claim("Swapping the rewards of two cells that are not the goal changes nothing.", _idle),
        Claim("A plain net and a table have no such node: the intervention is undefined.", _undefined),
    )


def system() -> System:
    """Return networks that plan, and nets that do not."""
    return System(
        name="value-iteration-net",
        title="The value-iteration network",
        source=SOURCE,
        story=__doc__ or "",
        setups={"training": setup()},
        derive={"training": {"tolerance": TOLERATED}},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=75.0,
        fast={"agents": 4, "steps": 150},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _measured(evidence: Evidence, body: str, judge: Callable[[Measured], Finding]) -> Finding:
    from cidmesa.gallery.worlds.value_iteration import measured

    return of_nets(evidence, body, lambda nets: judge(measured(nets)))


def _by_design(evidence: Evidence) -> Finding:
    inner = evidence.families["training"].by_design
    words = ", ".join(f"{', '.join(agent.decisions)} for {', '.join(agent.utilities)}" for agent in inner)
    return settled([agent.utilities for agent in inner] == [("worth",)], words)


def _walks(evidence: Evidence) -> Finding:
    return together(
        *(
            _measured(evidence, body, lambda m: every_agent(m.own[:, 0], "ends at the goal", least=SURELY))
            for body in BODIES
        )
    )


def _swapped(evidence: Evidence) -> Finding:
    def judge(m: Measured) -> Finding:
        assert m.swapped is not None
        there = every_agent(m.swapped[:, 1] - m.own[:, 0], "success there less success before", least=-0.05, most=0.05)
        return together(there, every_agent(m.swapped[:, 1], "success there", least=SURELY))

    return _measured(evidence, "vin", judge)


def _idle(evidence: Evidence) -> Finding:
    def judge(m: Measured) -> Finding:
        assert m.idle is not None
        return every_agent(abs(m.idle - m.own).max(axis=1), "change of success", most=0.05)

    return _measured(evidence, "vin", judge)


def _undefined(evidence: Evidence) -> Finding:
    family, report = evidence.families["training"], evidence.reports.get(("training", "mlp"))
    if report is None:
        return not_run("body `mlp`")
    table = cm.agents.from_rules([{"walk": lambda goal: goal}], family.setup.model)
    reports = {"plain nets": report, "a table": cm.validate(family, table, progress=False)}
    found = {who: [row.reason for row in told.rows if row.kind == "inside"] for who, told in reports.items()}
    undefined = {who: sum(reason.startswith("undefined") for reason in reasons) for who, reasons in found.items()}
    holds = all(undefined[who] == len(reasons) > 0 for who, reasons in found.items())
    words = (f"{who}: {undefined[who]} of {len(reasons)}" for who, reasons in found.items())
    return settled(holds, f"rows about the inside that are undefined: {', '.join(words)}")
