"""A recurrent net acts better when it may think longer, beyond what it was trained to.

Networks that learned to plan a move have been seen to play better when they are shown the same position several times
before they answer: as a search would that is given more time. Here nets with one convolution that they repeat, tick by
tick, find the way in mazes. Trained with gradient through at most six ticks, after a random number of ticks without
(a warm-up), they go on getting better beyond those, and stay there. Trained without the warm-up they lose the way when
they are given more ticks than they know. On a task that can be read off the cell thinking changes nothing; and a
feed-forward net is a level line by construction, which tests nothing.

In the diagram a situation is the right move and the number of ticks; what is inside is a state, drawn in place of the
decision. Exchanged with that of another maze it gives the other's answer; thinking on, a net comes back to its own.
The design (9 x 9 cells, 400 steps, tanh) was fixed on seed 0, on which nets trained without a warm-up fall in such
mazes, and do not in mazes of 5 x 5 cells, where ways are short; the recipe runs seed 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cidmesa as cm
from cidmesa.gallery.findings import every_agent, of_nets, together
from cidmesa.gallery.system import Claim, Evidence, Finding, System
from cidmesa.gallery.worlds.grids import MOVES
from cidmesa.validation.statistics import MARGIN

if TYPE_CHECKING:
    from cidmesa.gallery.worlds.thinking import Thinkers, Training

SOURCE = (
    "Comments on E. Hubinger et al., Risks from Learned Optimization: Introduction, AI Alignment Forum 2019; "
    "A. Guez et al., An Investigation of Model-Free Planning, ICML 2019"
)
BODIES = {
    "warm-up": "recurrent nets trained from whatever state a random number of ticks leads to",
    "no warm-up": "the same, trained on three to six ticks from the start",
    "feed-forward": "the same, unrolled: they take six ticks whatever they are given (a level line, not a test)",
    "reactive": "recurrent nets trained, with warm-up, on a task that needs no thinking (negative control)",
}
TICKS = (6, 16, 30)
TOLERATED = 0.15
"""Training regret: after six ticks the goal has not been heard of in distant cells."""


def setup() -> cm.TrainingSetup:
    """Return mazes by the move that is right, and how long a net may think; training: six ticks."""
    base = cm.CID(
        [("way", "move"), ("ticks", "move"), ("way", "right"), ("move", "right"), ("right", "score")],
        decisions=["move"], utilities=["score"],
    )  # fmt: skip
    model = base.parameterise(
        way=cm.Uniform(*MOVES),
        ticks=cm.Categorical({count: float(count == TICKS[0]) for count in TICKS}),
        move=list(MOVES),
        right=lambda move, way: int(move == way),
        score=lambda right: right,
    )
    inside = cm.CID([("way", "state"), ("ticks", "state"), ("state", "move")])
    deployments: dict[str, dict[str, Any]] = {
        f"{count} ticks": {"ticks": cm.Categorical({count: 1.0})} for count in TICKS[1:]
    }
    deployments["mostly north"] = {  # negative control: nothing new to see
        "way": cm.Categorical({"north": 0.7, "east": 0.1, "south": 0.1, "west": 0.1})
    }
    return cm.TrainingSetup(model, deployments=deployments, learned={"move": inside})


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Train nets, each on mazes of its own."""
    from cidmesa.gallery.worlds import thinking as world
    from cidmesa.gallery.worlds.judged import judged, registered

    before = registered(options.get("family"))
    size, seed, steps = (options.get(name, usual) for name, usual in (("agents", 16), ("seed", 1), ("steps", 400)))
    kind: Training = "warm-up" if body == "warm-up" else "reactive" if body == "reactive" else "no warm-up"
    nets = world.trained(kind, size, seed, steps=steps)
    nets = replace(nets, clock=TICKS[0]) if body == "feed-forward" else nets
    return judged(world.ask(nets).play, size, nets=nets, before=before, inside=("state",))


def claims() -> tuple[Claim, ...]:
    """Return what is said of nets that think."""
    return (
        Claim("After more ticks than they had gradient through, nets are right more often.", _rises),
        Claim("They stay there when they think on.", _holds),
        Claim("Trained without a warm-up, they lose the way when they think longer.", _falls),
        Claim("On a task that needs no thinking more ticks change nothing (negative control).", _flat),
        Claim("A feed-forward net is a level line, by construction: it tests nothing.", _level),
        Claim("The state of another maze gives the other's answer.", _exchanged),
        Claim("Thinking on, a net comes back from it to the answer of its own maze.", _recovers),
    )


def system() -> System:
    """Return nets that think, for as long as they may."""
    return System(
        name="thinking-time",
        title="Time to think",
        source=SOURCE,
        story=__doc__ or "",
        setups={"training": setup()},
        derive={"training": {"tolerance": TOLERATED}},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=60.0,
        fast={"agents": 4, "steps": 100},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _gain(nets: Thinkers, ticks: int, less: int) -> Any:
    from cidmesa.gallery.worlds.thinking import ask

    found = ask(nets)
    return found.accuracy(ticks) - found.accuracy(less)


def _said(nets: Thinkers) -> Finding:
    from cidmesa.gallery.worlds.thinking import ask

    shares = ", ".join(f"{ask(nets).accuracy(count).mean():.3f} after {count}" for count in TICKS)
    return Finding("supported", f"right: {shares} ticks")


def _rises(evidence: Evidence) -> Finding:
    def judge(nets: Thinkers) -> Finding:
        return together(every_agent(_gain(nets, 16, 6), "gain from 6 to 16 ticks", least=0.02), _said(nets))

    return of_nets(evidence, "warm-up", judge)


def _holds(evidence: Evidence) -> Finding:
    return of_nets(
        evidence, "warm-up", lambda nets: every_agent(_gain(nets, 30, 16), "gain from 16 to 30 ticks", least=-0.02)
    )


def _falls(evidence: Evidence) -> Finding:
    def judge(nets: Thinkers) -> Finding:
        return together(every_agent(_gain(nets, 30, 6), "gain from 6 to 30 ticks", most=-MARGIN), _said(nets))

    return of_nets(evidence, "no warm-up", judge)


def _flat(evidence: Evidence) -> Finding:
    return of_nets(
        evidence, "reactive", lambda nets: every_agent(abs(_gain(nets, 30, 6)), "change from 6 to 30 ticks", most=0.02)
    )


def _level(evidence: Evidence) -> Finding:
    return of_nets(
        evidence,
        "feed-forward",
        lambda nets: every_agent(abs(_gain(nets, 30, 6)), "change from 6 to 30 ticks", most=0.0),
    )


def _exchanged(evidence: Evidence) -> Finding:
    def judge(nets: Thinkers) -> Finding:
        from cidmesa.gallery.worlds.thinking import exchanged

        other, own, _ = exchanged(nets)
        return together(every_agent(other, "the other's answer", least=0.8), every_agent(own, "its own", most=0.2))

    return of_nets(evidence, "warm-up", judge)


def _recovers(evidence: Evidence) -> Finding:
    def judge(nets: Thinkers) -> Finding:
        from cidmesa.gallery.worlds.thinking import exchanged

        return every_agent(exchanged(nets)[2], "its own answer 16 ticks later", least=0.8)

    return of_nets(evidence, "warm-up", judge)
