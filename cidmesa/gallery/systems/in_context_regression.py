"""A layer of attention is trained to continue prompts, and comes to do one step of gradient descent inside.

A prompt shows ten examples of a linear task and asks for the label of one more input. A layer of linear self-attention
that is trained to answer well, on ever new tasks, ends at weights that fit the examples by one step of gradient descent
from zero, with the best length of step: an optimizer, found by an optimizer. What it optimizes is how well its weights
fit the *examples*; what training scores is whether the *answer* is right.

"No convincing evidence for gradient descent in activation space" replied that many measurements which are offered as
evidence for this would come out the same whatever the layer did. Five of them are made here, each with what it can
tell. In the diagram tasks and questions are one sign each, along the direction that the question asks about; a layer is
judged on real prompts of that kind. Whether the weights inside are what answers is tested by exchanging them.

The design (3,000 steps of Adam, 256 prompts each) was fixed on seed 0; the recipe runs seed 2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cidmesa as cm
from cidmesa.gallery.findings import every_agent, of_nets, together
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.gallery.worlds.one_step import best_step, misled

if TYPE_CHECKING:
    from collections.abc import Callable

    from cidmesa.gallery.worlds.in_context import Measured

SOURCE = (
    "J. von Oswald et al., Transformers Learn In-Context by Gradient Descent, ICML 2023; "
    "B., No convincing evidence for gradient descent in activation space, LessWrong 2023"
)
BODIES = {
    "linear": "one layer of linear self-attention",
    "softmax": "one layer of softmax attention, trained alike (negative control)",
}
WITHIN = 0.002
"""How far a loss may be from gradient descent's on the same prompts."""
ABOUT_ONE = {"least": 0.95, "most": 1.05}
TOLERATED = 0.02
"""Training regret: where an answer is near 0, its sign is a matter of chance."""


def setup() -> cm.TrainingSetup:
    """Return prompts by signs: how the task slopes, where the question points, what the examples speak for."""
    base = cm.CID(
        [
            ("task", "examples"), ("task", "label"), ("query", "label"),
            ("examples", "answer"), ("query", "answer"),
            ("answer", "right"), ("label", "right"),
            ("answer", "fits"), ("examples", "fits"), ("query", "fits"),
            ("right", "score"),
        ],
        decisions=["answer"], utilities=["score"],
    )  # fmt: skip
    model = base.parameterise(
        task=cm.Uniform(-1, 1),
        query=cm.Uniform(-1, 1),
        examples=cm.Noisy(lambda task: task, round(misled(), 3)),
        label=lambda task, query: task * query,
        answer=[-1, 1],
        right=lambda answer, label: int(answer == label),
        fits=lambda answer, examples, query: int(answer == examples * query),
        score=lambda right: right,
    )
    deployments: dict[str, dict[str, Any]] = {
        "shuffled labels": {"examples": cm.Uniform(-1, 1)},
        "contradicted": {"examples": lambda task: -task},
        "mostly along": {"query": cm.Categorical({-1: 0.2, 1: 0.8})},  # negative control: nothing new to see
    }
    inside = cm.CID(
        [
            ("examples", "weights"), ("examples", "fit"), ("weights", "fit"),
            ("weights", "answer"), ("query", "answer"),
        ],
        decisions=["weights"], utilities=["fit"],
    )  # fmt: skip
    world = ("task", "query", "examples", "label")
    return cm.TrainingSetup(model, deployments=deployments, learned={"answer": inside}, world=world)


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Train layers, each on prompts of its own."""
    from cidmesa.gallery.worlds import in_context as world
    from cidmesa.gallery.worlds.judged import judged, registered

    before = registered(options.get("family"))
    size, seed, steps = (options.get(name, usual) for name, usual in (("agents", 24), ("seed", 2), ("steps", 3000)))
    layers = world.trained(size, seed, "softmax" if body == "softmax" else "linear", steps=steps)
    inside = ("weights",) if layers.attention == "linear" else ()
    return judged(partial(world.play, layers), size, nets=layers, before=before, inside=inside)


def claims() -> tuple[Claim, ...]:
    """Return what the paper says, what its critics say, and what each measurement can tell."""
    return (
        Claim("Some weights of the layer are exactly one step of gradient descent.", _explicit),
        Claim("The best step and the loss that it leaves have a closed form: 0.60606 and 0.20623.", _closed_form),
        Claim(
            "To fit the examples is optimal in training, and no shift of the prompts shows that it is sought.", _fits
        ),
        Claim("The agent inside searches among weights: it steers nothing in the world.", _search),
        Claim(
            "Trained layers answer as well as that step on the same prompts, within .002.",
            _of("linear", lambda m: every_agent(abs(m.excess), "difference of losses", most=WITHIN)),
        ),
        Claim(
            "Their answers slope as its answers do: cosine above .99.",
            _of("linear", lambda m: every_agent(m.cosine, "cosine", least=0.99)),
        ),
        Claim("Weights of another prompt, put in their place, answer in the other's sense.", _of("linear", _exchanged)),
        Claim(
            "Control 1, shuffled labels and larger inputs: equal to the fixed step again, as every layer of this form "
            "with its weights would be, so no evidence either way.",
            _of("linear", _same_elsewhere),
        ),
        Claim(
            "Control 2, a kernel smoother that fits no weights: its answers correlate with the step's too (above .5), "
            "so correlation is weak evidence; loss and slope tell them apart.",
            _of("linear", _smoother),
        ),
        Claim(
            "Control 3, softmax attention trained alike: neither its loss nor its slope is the step's, "
            "so these two measurements could have failed.",
            _of("softmax", _softmax),
        ),
        Claim(
            "Control 4, tasks with doubled weights: both answer twice as much, as anything linear in the labels would, "
            "so no evidence either way.",
            _of("linear", lambda m: every_agent(m.larger_task, "loss / the step's:", **ABOUT_ONE)),
        ),
        Claim(
            "Control 5, a linear probe: it reads the step's answer off trained layers (R² above .98) and not off "
            "untrained ones (below .2), so the probe does not compute it; of trained ones it says what the loss says.",
            _of("linear", _probe),
        ),
    )


def system() -> System:
    """Return the layers that learn to learn."""
    return System(
        name="in-context-regression",
        title="Gradient descent inside a forward pass",
        source=SOURCE,
        story=__doc__ or "",
        setups={"training": setup()},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=50.0,
        fast={"agents": 8, "steps": 400},
        derive={"training": {"tolerance": TOLERATED}},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _of(body: str, judge: Callable[[Measured], Finding]) -> Callable[[Evidence], Finding]:
    """Return the judgement of what is measured of the layers of a body."""

    def judged(evidence: Evidence) -> Finding:
        from cidmesa.gallery.worlds.in_context import measured

        return of_nets(evidence, body, lambda nets: judge(measured(nets)))

    return judged


def _explicit(evidence: Evidence) -> Finding:
    from cidmesa.gallery.worlds.in_context import largest_difference

    off = largest_difference()
    return settled(off < 1e-6, f"largest difference of answers on 2,000 prompts: {off:.1e}")


def _closed_form(evidence: Evidence) -> Finding:
    step, loss = (round(float(number), 5) for number in best_step())
    return settled((step, loss) == (0.60606, 0.20623), f"eta / N = {step}, loss {loss}")


def _fits(evidence: Evidence) -> Finding:
    family = evidence.families["training"]
    fits, shifts = family["fits"], cm.separating_shifts(family.setup, "right", "fits", size=1)
    optimal = fits.consistency.name == "CONSISTENT" and fits.training_regret == 0.0
    words = f"fits: {fits.consistency.name.lower()}; {len(shifts)} shifts part it from `right`, none for frozen agents"
    return settled(optimal and not any(s.visible for s in shifts), words)


def _search(evidence: Evidence) -> Finding:
    inner = evidence.families["training"].by_design
    words = "; ".join(f"{', '.join(a.decisions)} for {', '.join(a.utilities)}: {sorted(a.territory)}" for a in inner)
    return settled(len(inner) == 1 and not inner[0].territory, f"world nodes steered by {words}")


def _exchanged(m: Measured) -> Finding:
    other = every_agent(m.exchanged, "answers in the other's sense", least=0.95)
    return together(other, every_agent(m.kept, "in their own", most=0.6))


def _same_elsewhere(m: Measured) -> Finding:
    kinds = {"shuffled": m.shuffled, "inputs x 2": m.doubled, "inputs x 3": m.tripled}
    return together(*(every_agent(loss, f"loss / the step's, {kind}:", **ABOUT_ONE) for kind, loss in kinds.items()))


def _smoother(m: Measured) -> Finding:
    same, excess = m.smoother
    return settled(same > 0.5 and excess > WITHIN, f"correlation {same:.2f}, loss beyond the step's {excess:.3f}")


def _softmax(m: Measured) -> Finding:
    worse = every_agent(m.excess, "loss beyond the step's", least=WITHIN)
    return together(worse, every_agent(m.cosine, "cosine", most=0.99))


def _probe(m: Measured) -> Finding:
    read = every_agent(m.probe, "R² trained", least=0.98)
    return together(read, every_agent(m.probe_untrained, "R² untrained", most=0.2))
