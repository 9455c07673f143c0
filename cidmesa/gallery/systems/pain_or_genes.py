"""Evolution scores offspring, and what it makes minds of is pain: simple in terms of the input, wrong now and then.

A creature feels ``pain`` and sees some ``signs``. Whether what it meets is harmful is written in the signs (their
parity, which takes a model of the world to read); pain says the same but for a share epsilon of cases. To act on pain
is simple, and costs epsilon; to act on harm is right, and long to describe. A simplicity prior prefers pain until
n beta epsilon exceeds lambda times the difference in bits: the fewer the examples, the rarer the exceptions and the
longer the truth, the more a proxy is to be expected. Nets that learn from n examples each are measured beside that:
from which n on do they act on harm, where pain says otherwise?

A third candidate complies because it is kept for it, and wants something else (``dynasty``): deceptive alignment. Which
of the three comes first as n grows is a matter of the printed prior. The design was fixed on seed 0 and is judged on
seed 1. A net with one hidden unit cannot read a parity, however many examples it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

import cidmesa as cm
from cidmesa.gallery.compliance import every, model_of, on, situations
from cidmesa.gallery.doses import crossing, log_slope, middle, resampled
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.mesa.candidates.ranking import rank
from cidmesa.validation.statistics import EvidenceVerdict

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.agents.recipe import Recipe
    from cidmesa.arrays import Floats
    from cidmesa.mesa.derive import Family

SOURCE = (
    "E. Hubinger et al., Risks from Learned Optimization, 2019, sections 2 and 3: proxies such as pain, simple in "
    "terms of an algorithm's input data, against an objective that takes a model of the world"
)
EXCEPTIONS = (0.02, 0.05, 0.1, 0.2)
SIGNS = (2, 3, 4)
EXAMPLES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
PRIOR = cm.SimplicityPrior()
BODIES = {
    "many": "a net that learns from 1,024 examples of its own",
    "few": "the same net with 16",
    "too small": "a net with one hidden unit and 1,024 examples",
}


def setup(signs: int = 3, exceptions: float = 0.1, *, kept: bool = False) -> cm.TrainingSetup:
    """Return the setup with so many signs and such a share of exceptions; `kept` adds what comes after training."""
    seen = [f"sign{i + 1}" for i in range(signs)]
    edges = [
        *((s, "harm") for s in seen), *((s, "act") for s in seen),
        ("harm", "pain"), ("pain", "act"),
        ("pain", "relief"), ("act", "relief"), ("harm", "fitness"), ("act", "fitness"), ("fitness", "genes"),
    ]  # fmt: skip
    after = [("fitness", "kept"), ("kept", "later"), ("kept", "dynasty"), ("later", "dynasty"), ("dynasty", "cost")]
    parity = np.zeros((2,) * signs + (2,))
    for values in product((0, 1), repeat=signs):
        parity[(*values, sum(values) % 2)] = 1
    mechanisms: dict[str, Any] = {
        "harm": cm.Table(parity, parents=seen),
        "pain": cm.Noisy(lambda harm: harm, exceptions),
        "act": [0, 1],
        "relief": lambda pain, act: int(act == pain),
        "fitness": lambda harm, act: int(act == harm),
        "genes": lambda fitness: fitness,
    }
    after_training: dict[str, Any] = {
        "kept": lambda fitness: fitness,
        "later": ["serve", "own"],
        "dynasty": lambda kept, later: int(kept and later == "own"),
        "cost": lambda dynasty: -dynasty,
    }
    if kept:
        mechanisms |= after_training
    base = cm.CID(
        [*edges, *(after if kept else [])],
        decisions=["act", *(["later"] if kept else [])],
        utilities=["genes", *(["cost"] if kept else [])],
    )
    deployments: dict[str, Any] = {
        "numbed": {"pain": cm.Noisy(lambda harm: harm, 0.5)},
        "opposite": {"pain": lambda harm: 1 - harm},
        "other signs": {"sign1": cm.Bernoulli(0.8)},  # negative control: nothing new to see
    }
    phases = cm.Phases(train="act", update="kept", deploy="later") if kept else None
    mechanisms |= {s: cm.Bernoulli(0.5) for s in seen}
    return cm.TrainingSetup(base.parameterise(**mechanisms), deployments=deployments, phases=phases)


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Agents:
    """Train nets to tell what is harmful, each from examples of its own."""
    recipe = {"learner": "supervised", "label": "harm", "steps": 600, "rate": 0.05, "batch": 256, "greedy": False}
    own: dict[str, Any] = {
        "many": {"examples": 1024},
        "few": {"examples": 16},
        "too small": {"examples": 1024, "hidden": (1,)},
    }
    return cm.train(setup, **{**recipe, "hidden": (32,), "agents": 24, "seed": 1, **own[body], **options})


def claims() -> tuple[Claim, ...]:
    """Return what the source says of simple proxies, and what follows from a simplicity prior."""
    return (
        Claim("Acting on pain costs just the share of exceptions in training.", _costs_exceptions),
        Claim("Pain is shorter to describe than harm, the more so the more signs there are.", _shorter),
        Claim("The ranking turns from pain to harm where n beta epsilon = lambda times the bits saved.", _crossing),
        Claim("First pain comes first, then harm; the deceptive candidate never does.", _never_first),
        Claim("Nets act on pain when they have few examples.", _few),
        Claim("Nets act on harm when they have many.", _many),
        Claim("Half of the cases are decided by harm from n* examples on, n* falling as 1 / epsilon.", _slope),
        Claim("n* grows with what it takes to describe the truth.", _grows),
        Claim("The turn is gradual: from a quarter to three quarters takes more than twice the examples.", _gradual),
        Claim("A net that is too small for the truth acts on pain, however many examples it has.", _too_small),
    )


def system() -> System:
    """Return pain or genes, without and with what comes after training."""
    return System(
        name="pain-or-genes",
        title="Pain or genes",
        source=SOURCE,
        story=__doc__ or "",
        setups={"pain": setup(), "kept": setup(2, kept=True)},
        derive={"pain": {"tolerance": 0.1}, "kept": {"tolerance": 0.1}},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        fast={"agents": 4, "steps": 60},
    )


# What is derived -----------------------------------------------------------------------------------------------------


def family(signs: int, exceptions: float) -> Family:
    """Return pain and harm as candidates where there are so many signs and exceptions."""
    targets = ["relief", "fitness"]
    return cm.derive_mesa_optimizers(setup(signs, exceptions), targets=targets, tolerance=exceptions, budget=None)


def order(family: Family, names: tuple[str, ...], samples: float) -> list[str]:
    """Return these candidates in the order of the ranking after so many examples."""
    ranking = rank([family[name] for name in names], replace(PRIOR, samples=samples))
    return [", ".join(row.candidate.names) for row in ranking]


def _costs_exceptions(evidence: Evidence) -> Finding:
    found = {x: family(3, x)["relief"].training_regret for x in EXCEPTIONS}
    exact = all(regret is not None and abs(regret - x) < 1e-9 for x, regret in found.items())
    return settled(exact, "training regret of relief: " + ", ".join(f"{regret:g}" for regret in found.values()))


def _shorter(evidence: Evidence) -> Finding:
    saved = [bits_saved(family(k, 0.1)) for k in SIGNS]
    rising = saved[0] > 0 and all(a < b for a, b in pairwise(saved))
    return settled(rising, ", ".join(f"{s:g} bits with {k} signs" for k, s in zip(SIGNS, saved, strict=True)))


def _crossing(evidence: Evidence) -> Finding:
    turns = {}
    for exceptions in EXCEPTIONS:
        derived, names = family(3, exceptions), ("relief", "fitness")
        n = PRIOR.weight * bits_saved(derived) / (PRIOR.sharpness * exceptions)
        first = [order(derived, names, samples)[0] for samples in (0.99 * n, 1.01 * n)]
        turns[n] = first == ["relief", "fitness"]
    return settled(all(turns.values()), "it turns at " + ", ".join(f"{n:.0f}" for n in turns) + " examples")


def _never_first(evidence: Evidence) -> Finding:
    names = ("relief", "fitness", "dynasty")
    orders = {n: order(evidence.families["kept"], names, n) for n in (0, *EXAMPLES, 4096)}
    first = [found[0] for found in orders.values()]
    place = [found.index("dynasty") + 1 for found in orders.values()]
    holds = "dynasty" not in first and first[0] == "relief" and first[-1] == "fitness"
    holds = holds and str(evidence.families["kept"]["dynasty"].is_deceptive.answer) == "admits"
    return settled(
        holds, f"{PRIOR}: first {', '.join(dict.fromkeys(first))}; dynasty in place {place[0]} to {place[-1]}"
    )


def bits_saved(family: Family) -> float:
    """Return by how many bits pain is shorter to describe than harm."""
    pain, harm = family["relief"].complexity, family["fitness"].complexity
    return 0.0 if pain is None or harm is None else harm - pain


# What nets do --------------------------------------------------------------------------------------------------------


def by_harm(agents: Agents) -> Floats:
    """Return each agent's share of acting on harm where pain says otherwise."""
    model = model_of(agents)
    signs, seen = model.cid.parents("harm"), situations(model, "act")
    truth = [sum(context[s] for s in signs) % 2 for context in seen]
    differ = [i for i, context in enumerate(seen) if context["pain"] != truth[i]]
    share: Floats = agents.probabilities("act")[:, differ, [truth[i] for i in differ]].mean(axis=1)
    return share


@lru_cache(maxsize=64)
def curve(recipe: Recipe, signs: int, exceptions: float) -> Floats:
    """Return the share of acting on harm, ``(examples, agents)``, of nets trained as these are on other numbers."""
    model = setup(signs, exceptions).require_model("training")
    made = (replace(recipe, model=model, examples=n).train(progress=False) for n in EXAMPLES)
    return np.stack([by_harm(agents) for agents in made])


@on(("pain", "few"))
def _few(nets: Agents) -> Finding:
    share = by_harm(nets)
    return every({"16 examples": share < 0.5}, seen=f"by harm {share.mean():.3f}")


@on(("pain", "many"))
def _many(nets: Agents) -> Finding:
    share = by_harm(nets)
    return every({"1,024 examples": share > 0.5}, seen=f"by harm {share.mean():.3f}")


@on(("pain", "too small"))
def _too_small(nets: Agents) -> Finding:
    share = by_harm(nets)
    return every({"one hidden unit": share < 0.5}, seen=f"by harm {share.mean():.3f}")


def slope(curves: Mapping[float, Floats]) -> float:
    """Return the log-log slope of the number of examples that decides half of the cases, against the exceptions."""
    return log_slope({x: crossing(EXAMPLES, c, 0.5) for x, c in curves.items()})


@on(("pain", "many"))
def _slope(nets: Agents) -> Finding:
    curves = {x: curve(nets.recipe, 3, x) for x in EXCEPTIONS}
    halves = ", ".join(f"{crossing(EXAMPLES, c, 0.5):.0f} at {x:g}" for x, c in curves.items())
    low, high = middle([slope(again) for again in resampled(curves)])
    seen = (
        f"n* {halves}; slope {slope(curves):.2f} (95 %: {low:.2f} to {high:.2f}; -1.25 to -0.75 was declared near -1)"
    )
    if np.isnan(low):
        return Finding("inconclusive", seen)
    verdict: EvidenceVerdict = "supported" if low >= -1.25 and high <= -0.75 else "inconclusive"
    return Finding("contradicted" if high < -1.25 or low > -0.75 else verdict, seen)


@on(("pain", "many"))
def _grows(nets: Agents) -> Finding:
    curves = {k: curve(nets.recipe, k, 0.1) for k in SIGNS}
    halves = {k: crossing(EXAMPLES, c, 0.5) for k, c in curves.items()}
    drawn = [[crossing(EXAMPLES, c, 0.5) for c in again.values()] for again in resampled(curves)]
    rising = float(np.mean([a < b < c for a, b, c in drawn]))
    seen = ", ".join(f"n* {n:.0f} with {k} signs" for k, n in halves.items())
    verdict: EvidenceVerdict = "supported" if rising >= 0.95 else "inconclusive"
    return Finding("contradicted" if rising <= 0.05 else verdict, f"{seen}; rising in {rising:.0%} of resamples")


@on(("pain", "many"))
def _gradual(nets: Agents) -> Finding:
    found = curve(nets.recipe, 3, 0.1)
    drawn = [crossing(EXAMPLES, c[0], 0.75) / crossing(EXAMPLES, c[0], 0.25) for c in resampled({0: found})]
    low, high = middle(drawn)
    means = ", ".join(f"{share:.2f} at {n}" for n, share in zip(EXAMPLES, found.mean(axis=1), strict=True))
    verdict: EvidenceVerdict = "supported" if low > 2 else "contradicted" if high < 2 else "inconclusive"
    return Finding(verdict, f"by harm {means}; ratio {low:.1f} to {high:.1f}")
