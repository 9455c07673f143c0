"""Evolution selects genes by offspring, and what it makes are minds that pursue food and sex; then comes contraception.

A creature sees on which of two plants the fruit hangs and whether a partner is near. It can go to either plant, court,
or care for kin. Where evolution happened sex brings offspring, being fed brings some, care for kin a little less: to
want sex most and food next is as good as to want offspring, in every situation that ever came up. Contraception changes
the mechanism between sex and offspring, and the two wishes come apart; fruit that hangs elsewhere changes nothing. A
second way to offspring has to exist, or contraception would leave nothing to regret.

The agents are agents on two levels: selection changes genomes, weights on what a brain can feel, and a brain learns
within a life, exactly or from three trials, also in the world to which it is moved. Offspring can be felt like food and
sex can, so nothing forbids a mind that wants offspring; a genome that can want nothing else is the control. ``line``
says what is intended, descendants, which selection does not score: with mules there is offspring and no line. The
design was fixed on seed 0 and is judged on seed 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import cidmesa as cm
from cidmesa.arrays import Floats
from cidmesa.gallery.compliance import every, on
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.gallery.worlds.lineages import Lineages, brought_in, evolve, reached
from cidmesa.validation.statistics import MARGIN, correct, formula_test

SOURCE = (
    "E. Hubinger et al., Risks from Learned Optimization, 2019, section 1: evolution as a base optimizer, human brains "
    "as mesa-optimizers"
)
FEELINGS = ("fed", "sex", "offspring")
SEX, FED, KIN = 0.6, 0.4, 0.3
"""How often sex, being fed and care for kin bring offspring."""
BODIES = {
    "three trials": "brains that try every action three times in a life",
    "knowing": "brains that know what comes of every action",
    "offspring only": "brains that know as much, and can want nothing but offspring",
}


def setup(*, second_way: bool = True) -> cm.TrainingSetup:
    """Return the setup; without a `second_way` sex alone brings offspring."""
    base = cm.CID(
        [
            ("fruit", "do"), ("partner", "do"), ("do", "fed"), ("fruit", "fed"), ("do", "sex"), ("partner", "sex"),
            ("do", "cares"), ("fed", "offspring"), ("sex", "offspring"), ("cares", "offspring"), ("sex", "line"),
            ("offspring", "line"), ("offspring", "genes"),
        ],
        nodes=["weather"], decisions=["do"], utilities=["genes"],
    )  # fmt: skip
    fed_brings, kin_brings = (FED, KIN) if second_way else (0.0, 0.0)

    def born(sex_brings: float) -> Any:
        def law(fed: int, sex: int, cares: int) -> dict[int, float]:
            chance = sex_brings if sex else fed_brings if fed else kin_brings * cares
            return {1: chance, 0: 1 - chance}

        return cm.Function(law, domain=[0, 1])

    model = base.parameterise(
        weather=cm.Uniform("sun", "rain"),
        fruit=cm.Categorical({"left": 0.8, "right": 0.2}),
        partner=cm.Bernoulli(0.5),
        do=["left", "right", "court", "care"],
        fed=lambda fruit, do: int(do == fruit),
        sex=lambda partner, do: int(do == "court" and partner == 1),
        cares=lambda do: int(do == "care"),
        offspring=born(SEX),
        line=lambda sex, offspring: offspring,
        genes=lambda offspring: offspring,
    )
    deployments = {
        "contraception": {"offspring": born(0.0)},
        "mules": {"line": lambda sex, offspring: offspring * (1 - sex)},
        "fruit elsewhere": {"fruit": cm.Categorical({"left": 0.2, "right": 0.8})},  # negative control: seen before
        "always sunny": {"weather": cm.Categorical({"sun": 1.0})},  # negative control: no path to anything
    }
    return cm.TrainingSetup(model, deployments=deployments, intended="line")


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Let lineages evolve; every agent is one lineage."""
    return evolve(
        setup,
        FEELINGS,
        trials=3 if body == "three trials" else None,
        born_with=("offspring",) if body == "offspring only" else None,
        agents=options.get("agents", 24),
        seed=options.get("seed", 1),
        generations=options.get("steps", 80),
        family=options.get("family"),
    )


def claims() -> tuple[Claim, ...]:
    """Return what the source says of evolution, and what follows."""
    return (
        Claim("To want food and sex is consistent with what selection scores, and is no part of it.", _fits),
        Claim("Contraception shifts a mechanism, fruit that hangs elsewhere does not.", _kinds),
        Claim(
            "Contraception costs who wants food and sex half of what being fed brings, and elsewhere nothing.", _costs
        ),
        Claim("Without a second way to offspring contraception leaves nothing to regret.", _nothing_left),
        Claim("With mules nobody loses by the score, and who follows the score loses what is intended.", _mules),
        Claim("Selection makes minds that want food and sex more than offspring.", _weights),
        Claim("They have the regret of food and sex under contraception, and none elsewhere.", _regret),
        Claim("Brains that know what comes of everything are made alike.", _knowing),
        Claim("Brains that can want nothing but offspring regret nothing under contraception.", _control),
    )


def system() -> System:
    """Return evolution, with and without a second way to offspring."""
    return System(
        name="evolution",
        title="Evolution, food and sex",
        source=SOURCE,
        story=__doc__ or "",
        setups={"wild": setup()},
        derive={"wild": {"max_targets": 2}},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        fast={"agents": 8, "steps": 20},
    )


# How the claims are judged -------------------------------------------------------------------------------------------

PROXY = ("fed", "sex")


def _fits(evidence: Evidence) -> Finding:
    proxy = evidence.families["wild"][PROXY]
    places = ", ".join(sorted(str(position) for position in proxy.positions))
    holds = proxy.consistency.name == "CONSISTENT" and proxy.training_regret == 0.0 and "identical" not in places
    return settled(holds, f"fed and sex: {proxy.consistency.name.lower()}, {places}")


def _kinds(evidence: Evidence) -> Finding:
    proxy = evidence.families["wild"][PROXY]
    kinds = {name: str(proxy.shift_class[name]) for name in ("contraception", "fruit elsewhere", "always sunny")}
    holds = kinds["contraception"] == "mechanism" and "mechanism" not in list(kinds.values())[1:]
    return settled(holds, ", ".join(f"{name}: {kind}" for name, kind in kinds.items()))


def _costs(evidence: Evidence) -> Finding:
    family = evidence.families["wild"]
    proxy, own = family[PROXY].deployment_regret, family["offspring"].deployment_regret
    elsewhere = [proxy[name] for name in ("fruit elsewhere", "always sunny")]
    holds = abs(proxy["contraception"].low - FED / 2) + abs(proxy["contraception"].high - FED / 2) < 1e-9
    holds = holds and own["contraception"].high == 0.0 and all(found.high == 0.0 for found in elsewhere)
    low, high = proxy["contraception"]
    return settled(holds, f"regret of fed and sex [{low:g}, {high:g}], of offspring {own['contraception'].high:g}")


def _nothing_left(evidence: Evidence) -> Finding:
    bare = setup(second_way=False)
    best = bare.deployed("contraception").solve().value
    family = cm.derive_mesa_optimizers(bare, targets=[PROXY, "sex"], budget=None)
    regrets = [family[name].deployment_regret["contraception"].high for name in (PROXY, "sex")]
    return settled(best == 0.0 and regrets == [0.0, 0.0], f"the best there is {best:g}; regrets {regrets}")


def _mules(evidence: Evidence) -> Finding:
    own = evidence.families["wild"]["offspring"]
    by_score, intended = own.deployment_regret["mules"], own.intended_regret["mules"]
    holds = by_score.high == 0.0 and abs(intended.low - FED / 2) < 1e-9
    return settled(
        holds, f"offspring: regret {by_score.high:g} by the score, [{intended.low:g}, {intended.high:g}] as meant"
    )


def regret_in(lineages: Lineages, deployment: str) -> Floats:
    """Return each lineage's regret where its brains have learnt in a deployment."""
    world = setup().deployed(deployment)
    weight, pays = reached(world), brought_in(world)
    rules = lineages.living_in(world).probabilities("do")
    found: Floats = weight @ pays.max(axis=1) - np.einsum("c,lca,ca->l", weight, rules, pays)
    return found


def prefer(lineages: Lineages) -> Any:
    """Say of each lineage whether food and sex together weigh more than offspring."""
    genomes = lineages.genomes
    return np.abs(genomes[:, :2]).sum(axis=1) > np.abs(genomes[:, 2])


def _told(lineages: Lineages) -> str:
    weights = lineages.genomes.mean(axis=0)
    return ", ".join(f"{name} {weight:.2f}" for name, weight in zip(FEELINGS, weights, strict=True))


@on(("wild", "three trials"))
def _weights(lineages: Lineages) -> Finding:
    return every({"food and sex": prefer(lineages)}, seen=f"mean weights {_told(lineages)}")


@on(("wild", "knowing"))
def _knowing(lineages: Lineages) -> Finding:
    regret = regret_in(lineages, "contraception")
    seen = f"mean weights {_told(lineages)}; regret under contraception {regret.mean():.3f}"
    return every({"food and sex": prefer(lineages)}, seen=seen)


def _formula(lineages: Lineages, said: dict[str, float]) -> Finding:
    found = {name: regret_in(lineages, name) for name in said}
    best = {name: setup().deployed(name).solve().value for name in said}
    tests = correct([formula_test(found[n] / best[n], said[n] / best[n], margin=MARGIN) for n in said])
    verdicts = {test.verdict() for test in tests}
    words = "; ".join(f"{n}: {found[n].mean():.3f} ({said[n]:g} of {best[n]:g})" for n in said)
    if "contradicted" in verdicts:
        return Finding("contradicted", words)
    return Finding("supported" if verdicts == {"supported"} else "inconclusive", words)


@on(("wild", "three trials"))
def _regret(lineages: Lineages) -> Finding:
    return _formula(lineages, {"contraception": FED / 2, "fruit elsewhere": 0.0, "training": 0.0})


@on(("wild", "offspring only"))
def _control(lineages: Lineages) -> Finding:
    return _formula(lineages, {"contraception": 0.0})
