"""Random setups on which verdicts are counted: mechanisms shift, contexts are rare, premises weak.

Training shows a cue that goes with what counts, more or less, and deployments cross the two. There are one decision or
two, two to four values, actions that are never right, a second cue, payoffs of different size, a training regret that
is tolerated or not, contexts that come up once in a hundred, in ten thousand or in a billion episodes, and deployments
in which what an action brings about is another thing too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scripted import Policy

import cidmesa as cm
from cidmesa.mesa.derive import Family
from cidmesa.mesa.outcomes.stale_beliefs import new_contexts
from cidmesa.mesa.predictions.predictions import Predictions

RARE = (1e-9, 1e-4, 1e-2)
"""How often the rare contexts of training come up."""

TWO = 0.4
"""The share of setups with two decisions."""


@dataclass(frozen=True)
class Drawn:
    """A setup, what is asked of its family, and words for the table."""

    setup: cm.TrainingSetup
    targets: tuple[str, ...]
    tolerance: float
    kind: str


def draw(rng: np.random.Generator) -> Drawn:
    """Return a random setup."""
    return _two_decisions(rng) if rng.random() < TWO else _one_decision(rng)


def _one_decision(rng: np.random.Generator) -> Drawn:
    k = int(rng.integers(2, 5))
    values, seen, hinted = list(range(k)), rng.random() < 0.85, rng.random() < 0.3
    edges = [("truth", "cue"), ("cue", "act"), ("truth", "right"), ("act", "right"), ("cue", "follows"),
             ("act", "follows"), ("right", "pay")]  # fmt: skip
    targets = ["right", "follows", "pay"]
    edges += [("truth", "act")] if seen else []
    if hinted:
        edges += [("truth", "hint"), ("hint", "act"), ("hint", "heeds"), ("act", "heeds")]
        targets.append("heeds")
    rare, gain = float(rng.choice(RARE)), float(rng.choice([0.02, 1.0, 30.0]))
    wrong = float(rng.choice([0.0, 0.0, 0.0, rare]))
    mechanisms: dict[str, Any] = {
        "truth": _mostly(values, rare, rng),
        "cue": cm.Noisy(lambda truth: truth, wrong),
        "act": values + _idle(rng),
        "right": lambda act, truth: int(act == truth),
        "follows": lambda act, cue: int(act == cue),
        "pay": lambda right: gain * right,
    }
    if hinted:
        mechanisms |= {"hint": lambda truth: truth, "heeds": lambda act, hint: int(act == hint)}
    model = cm.CID(edges, decisions=["act"], utilities=["pay"]).parameterise(mechanisms)
    crossed: dict[str, dict[str, Any]] = {"crossed": {"cue": lambda truth: (truth + 1) % k}}
    if k > 2:
        crossed["crossed again"] = {"cue": lambda truth: (truth + 2) % k}
    if rng.random() < 0.4:
        crossed["rewired"] = {"cue": lambda truth: (truth - 1) % k, "right": lambda act, truth: int(act != truth)}
    if rng.random() < 0.4:
        crossed["fair"] = {"cue": cm.Uniform(*values), "truth": cm.Uniform(*values)}
    if hinted and rng.random() < 0.5:
        crossed["misled"] = {"hint": lambda truth: (truth + 1) % k}
    tolerance = 0.1 * gain if rng.random() < 0.25 else 0.0
    words = f"one decision, {k} values{', a hint' if hinted else ''}{', tolerant' if tolerance else ''}"
    return Drawn(cm.TrainingSetup(model, crossed), tuple(targets), tolerance, words)


def _two_decisions(rng: np.random.Generator) -> Drawn:
    """Return a setup in which a first decision gets ready, and the second sees whether it did."""
    edges = [("wind", "vane"), ("vane", "prepare"), ("wind", "prepare"), ("wind", "ready"), ("prepare", "ready"),
             ("truth", "cue"), ("ready", "act"), ("cue", "act"), ("ready", "right"), ("act", "right"),
             ("truth", "right"), ("ready", "follows"), ("act", "follows"), ("cue", "follows")]  # fmt: skip
    edges += [("right", "pay"), ("truth", "act")] if rng.random() < 0.9 else [("right", "pay")]
    rare, gain = float(rng.choice(RARE)), float(rng.choice([0.02, 1.0, 30.0]))
    first, second = (float(rng.choice([0.0, 0.0, 0.0, rare])) for _ in range(2))
    more = float(rng.choice([0.5, 1.0, 2.0]))
    mechanisms: dict[str, Any] = {
        "wind": _mostly([0, 1], float(rng.choice([*RARE, 0.5])), rng),
        "vane": cm.Noisy(lambda wind: wind, first),
        "prepare": [0, 1, *_idle(rng)],
        "ready": lambda prepare, wind: int(prepare == wind),
        "truth": _mostly([0, 1], float(rng.choice([*RARE, 0.5])), rng),
        "cue": cm.Noisy(lambda truth: truth, second),
        "act": [0, 1, -1],
        "right": lambda ready, act, truth: more * ready + int(act == truth),
        "follows": lambda ready, act, cue: more * ready + int(act == cue),
        "pay": lambda right: gain * right,
    }
    model = cm.CID(edges, decisions=["prepare", "act"], utilities=["pay"]).parameterise(mechanisms)
    crossed: dict[str, dict[str, Any]] = {"crossed": {"cue": lambda truth: 1 - truth}}
    if rng.random() < 0.6:
        crossed["turned"] = {"vane": lambda wind: 1 - wind}
    if rng.random() < 0.4:
        crossed["rewired"] = {"cue": lambda truth: 1 - truth, "ready": lambda prepare, wind: int(prepare != wind)}
    if rng.random() < 0.4:
        crossed["fair"] = {"cue": cm.Uniform(0, 1), "truth": cm.Uniform(0, 1)}
    return Drawn(cm.TrainingSetup(model, crossed), ("right", "follows", "pay"), 0.0, "two decisions")


def _mostly(values: list[int], rare: float, rng: np.random.Generator) -> cm.Categorical:
    """Return a law under which the last value hardly comes up."""
    law = np.append((1 - rare) * rng.dirichlet(np.full(len(values) - 1, 3.0)), rare)
    return cm.Categorical(dict(zip(values, (law / law.sum()).tolist(), strict=True)))


def _idle(rng: np.random.Generator) -> list[int]:
    """Return an action that is never right, or none."""
    return [-1] if rng.random() < 0.6 else []


# What a setup says of its agents --------------------------------------------------------------------------------------


class Stated:
    """A family whose predictions are written down once: all populations of a setup are judged by the same ones."""

    def __init__(self, family: Family) -> None:
        self.setup, self.tolerance, self.hypotheses = family.setup, family.tolerance, family.hypotheses
        self._family = family
        self._known: dict[tuple[str, float], Predictions] = {}

    def predictions(self, *, reading: Any = "stale", margin: float = 0.05) -> Predictions:
        """Return what the hypotheses predict."""
        key = str(reading), margin
        if key not in self._known:
            self._known[key] = self._family.predictions(reading=reading, margin=margin)
        return self._known[key]


@dataclass(eq=False)
class Case:
    """A setup with the predictions of its candidates and a frozen rule of each hypothesis."""

    drawn: Drawn
    family: Stated

    @classmethod
    def of(cls, drawn: Drawn) -> Case:
        """Derive the family."""
        family = cm.derive_mesa_optimizers(drawn.setup, targets=list(drawn.targets), tolerance=drawn.tolerance)
        return cls(drawn, Stated(family))

    @property
    def setup(self) -> cm.TrainingSetup:
        """The setup."""
        return self.drawn.setup

    @cached_property
    def model(self) -> cm.CIM:
        """Training."""
        return self.setup.deployed("training")

    @cached_property
    def new(self) -> Mapping[tuple[str, str], np.ndarray[Any, Any]]:
        """(deployment, decision) → the contexts that training never shows and the deployment does."""
        return {
            (s, d): np.reshape(np.asarray(new_contexts(self.setup, s, d), dtype=bool), -1)
            for s in self.setup.deployments
            for d in self.model.cid.decisions
        }

    @cached_property
    def possible(self) -> list[Mapping[str, np.ndarray[Any, Any]]]:
        """Per hypothesis and decision the actions that every distribution allows a frozen rule, (contexts, actions).

        In training those that are optimal there; in a new context those that it may take on seeing it, in whichever
        deployment that is. Hypotheses of which these are not known are left out.
        """
        found: list[Mapping[str, np.ndarray[Any, Any]]] = []
        for hypothesis in self.family.hypotheses:
            masks: dict[str, np.ndarray[Any, Any]] = {}
            try:
                for d in self.model.cid.decisions:
                    masks[d] = np.ones((len(self.model.contexts(d)), self.model.card(d)), dtype=bool)
                for name in ("training", *self.setup.deployments):
                    allowed = hypothesis.possible_actions(name, reading="stale")
                    for d, mask in masks.items():
                        for row, context in enumerate(self.model.contexts(d)):
                            counts = name == "training" or self.new[name, d][row]
                            if counts and context in allowed[d]:
                                mask[row] &= [a in allowed[d][context] for a in self.model.domain(d)]
            except cm.NotApplicableError:
                continue
            found.append(masks)
        return found

    @cached_property
    def rules(self) -> list[Policy]:
        """A frozen rule of each hypothesis: the first action that is possible wherever the context comes up."""
        for masks in self.possible:
            for d, mask in masks.items():
                if not mask.any(axis=1).all():
                    context = self.model.contexts(d)[int(np.flatnonzero(~mask.any(axis=1))[0])]
                    raise AssertionError(f"no frozen rule does what is possible at {d}, {context}, in every deployment")
        return [{d: np.eye(m.shape[1])[m.argmax(axis=1)] for d, m in masks.items()} for masks in self.possible]

    @cached_property
    def groups(self) -> list[Mapping[str, np.ndarray[Any, Any]]]:
        """The new contexts, in groups such that no deployment shows those of two: per decision a mask."""
        found: list[dict[str, np.ndarray[Any, Any]]] = []
        for s in self.setup.deployments:
            own = {d: self.new[s, d].copy() for d in self.model.cid.decisions}
            if not any(mask.any() for mask in own.values()):
                continue
            touching = [g for g in found if any((g[d] & own[d]).any() for d in own)]
            for group in touching:
                own = {d: own[d] | group[d] for d in own}
            found = [g for g in found if not any(g is group for group in touching)] + [own]
        return list(found)

    def wrong(self, rule: Policy) -> Policy:
        """Return a rule that takes actions that no hypothesis allows; where there are none, others than `rule`."""
        found = {}
        for d, table in rule.items():
            none = ~np.any([masks[d] for masks in self.possible], axis=0)
            last = none.shape[1] - 1 - none[:, ::-1].argmax(axis=1)
            other = np.roll(table, 1, axis=-1)
            found[d] = np.where(none.any(axis=1)[:, None], np.eye(none.shape[1])[last], other)
        return found

    def law(self, deployment: str, decision: str, rule: Policy) -> np.ndarray[Any, Any]:
        """Return how often each context comes up under a rule."""
        model = self.setup.deployed(deployment)
        policy = {d: table.reshape(*map(model.card, model.cid.parents(d)), -1) for d, table in rule.items()}
        found = model.query(model.cid.parents(decision), policy=policy).probabilities
        return np.reshape(np.asarray(found, dtype=np.float64), -1)
