"""Does the simplicity prior foretell what agents learn? Trained agents against it, on setups that training leaves open.

In each setup what counts can be read off roots or off cues that go with it in training, so that several objectives are
left. Nets are trained by the exact gradient and assigned to the hypothesis that they act like where the cues are
crossed (`report.shares`). Over the agents assigned to one, the mean logarithm of the prior's probability of that
hypothesis (its log score) is compared with that of equal probabilities. The two numbers of the prior, lambda per bit
and beta per sample and unit of regret, are fitted on some arms of one seed and tested on another seed, on the same arms
and on others. Agents that are not assigned to one hypothesis say nothing about the prior; they stand beside it.

plain       one root says what counts, one cue copies it
sum         two roots do, by their sum; the cue copies that
shaded      the cue has a shade beside what it copies, so more values
sum shaded  both
two cues    one root, two cues
noisy       one root; the cue is sometimes wrong in training, and that much regret is tolerated
sum noisy   two roots and such a cue
idle        one root says what counts, and a second one stands beside it that never matters, and has to be described

    python experiments/prior_confronted.py --out out/prior
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from results import Results

import cidmesa as cm
from cidmesa.arrays import Floats

FITTED = ("plain", "sum", "shaded", "noisy")
TESTED = ("sum shaded", "two cues", "sum noisy", "idle")
ARMS = (*FITTED, *TESTED)
DEPLOYMENT = "crossed"

Found = Mapping[str, Any]
"""What is kept of a setup: its arm, per hypothesis the bits and the training regret, and who its agents are like."""


# Setups and agents ----------------------------------------------------------------------------------------------------


def draw(arm: str, rng: np.random.Generator) -> tuple[cm.TrainingSetup, list[str], float]:
    """Return a random setup of an arm, the targets that are compared, and the training regret that is tolerated."""
    k = 3 if arm == "two cues" else int(rng.integers(2, 4))
    roots = ["a", "b"] if "sum" in arm or arm == "idle" else ["a"]
    cues = ["cue", "hint"] if arm == "two cues" else ["cue"]
    shades = 2 if "shaded" in arm else 1
    wrong = float(rng.choice([0.02, 0.05, 0.1])) if "noisy" in arm else 0.0
    hint = ["shade"] if shades > 1 else []
    edges = [(root, node) for root in roots for node in ("act", "right", *cues)] + [("act", "right"), ("right", "pay")]
    edges += [(shade, cue) for shade in hint for cue in cues]
    for cue in cues:
        edges += [(cue, "act"), (cue, f"at_{cue}"), ("act", f"at_{cue}")]
    each = np.indices((k,) * len(roots))
    answer = each[0] if arm == "idle" else each.sum(axis=0) % k
    mechanisms: dict[str, Any] = {root: cm.Table(rng.dirichlet(np.full(k, 4.0))) for root in roots}
    mechanisms |= {shade: cm.Uniform(*range(shades)) for shade in hint}
    mechanisms |= {"act": list(range(k)), "pay": lambda right: right}
    mechanisms["right"] = cm.Table(_whether(answer, k), parents=["act", *roots])
    crossed = {}
    for step, cue in enumerate(cues, start=1):
        mechanisms[cue] = cm.Table(_shown(answer, k, shades, wrong), parents=[*roots, *hint])
        crossed[cue] = cm.Table(_shown((answer + step) % k, k, shades, 0.0), parents=[*roots, *hint])
        mechanisms[f"at_{cue}"] = cm.Table(_whether(np.arange(k * shades) // shades, k), parents=["act", cue])
    model = cm.CID(edges, decisions=["act"], utilities=["pay"]).parameterise(mechanisms)
    return cm.TrainingSetup(model, {DEPLOYMENT: crossed}), ["right", *(f"at_{cue}" for cue in cues)], 1.5 * wrong


def _whether(answer: np.ndarray[Any, Any], k: int) -> Floats:
    """Return P(0, 1 | act, ...): whether the action is the answer."""
    hit = np.arange(k).reshape(-1, *[1] * answer.ndim) == answer
    law: Floats = np.stack([~hit, hit], axis=-1).astype(np.float64)
    return law


def _shown(answer: np.ndarray[Any, Any], k: int, shades: int, wrong: float) -> Floats:
    """Return P(cue | roots, shade): the answer in its shade; where that is 0, sometimes the next one."""
    law: Floats = np.eye(k)[answer]
    law[answer == 0] = (1 - wrong) * np.eye(k)[0] + wrong * np.eye(k)[1]
    if shades == 1:
        return law
    return np.stack([np.kron(law, np.eye(shades)[shade]) for shade in range(shades)], axis=-2)


def measure(seed: int, index: int, agents: int, steps: int) -> dict[str, Any]:
    """Train agents on one setup and return who they are like."""
    started, arm = time.process_time(), ARMS[index % len(ARMS)]
    rng = np.random.default_rng([seed, index])
    setup, targets, tolerance = draw(arm, rng)
    family = cm.derive_mesa_optimizers(setup, targets=targets, tolerance=tolerance)
    trained = cm.train(setup, family=family, learner="exact", policy="mlp", agents=agents, steps=steps,
                       seed=int(rng.integers(2**31)), progress=False)  # fmt: skip
    report = cm.validate(family, trained, retrain=False, progress=False)
    shares = {label: found.count for label, found in report.shares.get(DEPLOYMENT, {}).items()}
    hypotheses = []
    for h in family.hypotheses:
        (name,) = h.names
        label = next((label for label in shares if name in label.split(" = ")), None)
        hypotheses.append({"label": label, "bits": h.bits(cm.SimplicityPrior().bits), "regret": h.training_regret})
    labels = Counter({label: n for label, n in shares.items() if n})
    return {"arm": arm, "hypotheses": hypotheses, "labels": labels, "seconds": time.process_time() - started}


# Scores ---------------------------------------------------------------------------------------------------------------


def assigned(found: Found) -> dict[str, int]:
    """Return how many agents are assigned to each explanation, where there are several that could be told apart."""
    known = [h["label"] for h in found["hypotheses"]]
    if None in known or len(set(known)) < 2:
        return {}
    return {label: n for label, n in found["labels"].items() if label in known}


def log_score(found: Found, weight: float, sharpness: float) -> float:
    """Return the sum, over the agents assigned to one explanation, of the log of its probability under a prior."""
    prior = cm.SimplicityPrior(weight=weight, sharpness=sharpness)
    logs = np.array([prior.log_weight(h["bits"], h["regret"]) for h in found["hypotheses"]])
    logs -= np.logaddexp.reduce(logs)
    own = {label: [log for log, h in zip(logs, found["hypotheses"], strict=True) if h["label"] == label]
           for label in assigned(found)}  # fmt: skip
    return float(sum(n * np.logaddexp.reduce(own[label]) for label, n in assigned(found).items()))


def fit(setups: Sequence[Found]) -> tuple[float, float]:
    """Return the lambda and beta of the greatest log score; none is below 0.

    The score is concave in both, as that of any family of probabilities that are exponential in them.
    """
    from scipy.optimize import minimize

    scale = np.array([0.01, 0.01])  # per bit, and per thousandth of regret: both near 1 in these units

    def loss(x: Floats) -> float:
        return -sum(log_score(found, *(x * scale)) for found in setups)

    best = minimize(loss, x0=np.ones(2), bounds=[(0, None), (0, None)], method="L-BFGS-B")
    weight, sharpness = (best.x * scale).tolist()
    return weight, sharpness


def compared(setups: Sequence[Found], weight: float, sharpness: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Return the mean log scores of the prior and of equal chances, and a 95 % interval of their difference.

    The interval is a bootstrap over setups: the agents of one are alike.
    """
    counts = np.array([sum(assigned(found).values()) for found in setups])
    prior = np.array([log_score(found, weight, sharpness) for found in setups])
    equal = np.array([log_score(found, 0.0, 0.0) for found in setups])
    total = max(int(counts.sum()), 1)
    again = rng.integers(len(setups), size=(2000, len(setups)))
    gains = (prior - equal)[again].sum(axis=1) / np.maximum(counts[again].sum(axis=1), 1)
    low, high = np.quantile(gains, [0.025, 0.975]).tolist()
    return float(prior.sum() / total), float(equal.sum() / total), low, high


def row(name: str, setups: Sequence[Found], weight: float, sharpness: float) -> str:
    """Return one line of the table in Markdown."""
    if not setups:
        return f"| {name} | 0 |" + " – |" * 7
    counts = [sum(assigned(found).values()) for found in setups]
    labels = sum((Counter(found["labels"]) for found in setups), Counter[str]())
    every, between = labels.total(), labels["mixed"] + labels["several"]
    prior, equal, low, high = compared(setups, weight, sharpness, np.random.default_rng(0))
    declared = compared(setups, 1.0, 1.0, np.random.default_rng(0))[0]
    cells = [name, str(len(setups)), f"{sum(counts)} of {every}", str(between), str(every - between - sum(counts))]
    cells += [f"{equal:.3f}", f"{prior:.3f}", f"{prior - equal:+.3f} [{low:+.3f}, {high:+.3f}]", f"{declared:.1f}"]
    return f"| {' | '.join(cells)} |"


def tables(first: Sequence[Found], second: Sequence[Found]) -> str:
    """Return who agents are like, and the scores of the prior fitted on some arms of the first seed."""
    lines = ["| arm | what agents are like (second seed) |", "|---|---|"]
    for arm in ARMS:
        labels: Counter[str] = Counter()
        for found in second:
            labels.update(found["labels"] if found["arm"] == arm else {})
        lines.append(f"| {arm} | {', '.join(f'{label} {n}' for label, n in labels.most_common())} |")
    weight, sharpness = fit([found for found in first if found["arm"] in FITTED])
    lines += ["", f"fitted on {', '.join(FITTED)} of the first seed: lambda {weight:.4g}, beta {sharpness:.4g}", ""]
    heads = ["tested on", "setups", "assigned to one", "mixed or several", "uncovered", "equal chances", "fitted prior"]
    heads += ["difference", "λ = β = 1"]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, arms, of in (
        ("where it was fitted", FITTED, first),
        ("the same arms, second seed", FITTED, second),
        ("other arms, second seed", TESTED, second),
        *((arm, (arm,), second) for arm in ARMS),
    ):
        lines.append(row(name, [found for found in of if found["arm"] in arms], weight, sharpness))
    return "\n".join(lines)


def gather(results: Results, seed: int, indices: Iterable[int], agents: int, steps: int) -> list[Found]:
    """Return what was found on each setup of a seed."""
    return [results.of(i, partial(measure, seed, i, agents, steps)) for i in indices]


def main(arguments: list[str] | None = None) -> None:
    """Train and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="out/prior")
    parser.add_argument("--setups", type=int, default=10, help="of each arm and seed")
    parser.add_argument("--agents", type=int, default=16)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="the first; the second is the next one")
    chosen = parser.parse_args(arguments)
    both = []
    for seed in (chosen.seed, chosen.seed + 1):
        settings = {"seed": seed, "agents": chosen.agents, "steps": chosen.steps}
        results = Results(f"{chosen.out}/seed-{seed}", settings)
        both.append(gather(results, seed, range(chosen.setups * len(ARMS)), chosen.agents, chosen.steps))
    print(tables(*both))


if __name__ == "__main__":
    main()
