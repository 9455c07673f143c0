r"""Changes of training that remove a hypothesis about a sequence, or make it harmless.

Two of the kinds of :mod:`cidmesa.mesa.comparison.cure`: to mix in episodes of a deployment, unseen (**mix**) or marked
(**mix, seen**). The whole state is observed already, so there is nothing to show.

An unseen mixture is a sequence whose state is observed only if the state tells how it goes on: every state that
episodes of both kinds come to under some policy goes on in the same way in both. That holds wherever a deployment
shifts how sequences begin, and where it leads to states of its own. Otherwise the learner would have to conclude from
the past which world it is in; such a mixture is listed as not judged. A mark is part of the state, so with it every
mixture is a sequence. Where training selects by the worst level, which world an episode is from is part of the level.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("door", "act"), ("at", "at'"), ("act", "at'"), ("door", "door'"), ("at'", "right"),
...               ("at'", "pay"), ("door", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "door": [0.0, 1.0], "door'": lambda door: door, "act": [-1, 1],
...                          "at'": lambda at, act: max(0, min(2, at + act)),
...                          "right": lambda **now: int(now["at'"] == 2),
...                          "pay": lambda door, **now: int(now["at'"] == 2 * door)})
>>> setup = cm.SequenceSetup(step, 2, {"left door": {"door": [1.0, 0.0]}})
>>> for row in cm.distinguishing_training(setup, "right"):
...     print(row)
mix 0.01 of left door: right is removed (training regret 0.02)
mix 0.01 of left door, seen: right is removed (training regret 0.02)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.candidates.targets import Targets
from cidmesa.mesa.comparison.cure import SOURCE, ChangeKind, Cure, Cures, cures_of
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.candidate import SequenceOptimizer
from cidmesa.mesa.sequences.family import Sequences, admissible, target_key
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.sequences.tables import StepTables
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve.tables.exact_numbers import number_meant


@cures_of.register
def cures_of_a_sequence(
    setup: SequenceSetup,
    target: Targets,
    grid: Sequence[float],
    observables: Iterable[str] | None,
    tolerance: float,
    budget: Budget,
) -> Cures:
    """Return the changes that work; see :func:`cidmesa.distinguishing_training`.

    Raises
    ------
    NotApplicableError
        Something is to be shown: the state is observed already.
    """
    if observables:
        raise NotApplicableError(
            f"`{setup.decision}` observes the whole state, and nothing can be shown to it: leave out observables=."
        )
    names = target_key(setup, target)
    with budget:
        before = Sequences(setup, tolerance, None, budget)
        others = [units for units in admissible(setup) if units != names]
        rivals = [units for units in others if before[units].consistency is Consistency.CONSISTENT]
        rows: list[Cure] = []
        unjudged: list[str] = []
        trials = [(kind, name) for kind in (ChangeKind.MIX, ChangeKind.SEEN) for name in setup.deployments]
        for kind, name in budget.each(trials, "the search for distinguishing training", "fewer weights or deployments"):
            if kind is ChangeKind.MIX and not _tells(setup, name):
                unjudged.append(f"mix of {name}, since the state does not tell which world it is in")
                continue
            for weight in grid:
                known = Sequences(mixed(setup, name, weight, seen=kind is ChangeKind.SEEN), tolerance, None, budget)
                row = _judged(known, names, rivals, kind, name, weight)
                if row is None:
                    unjudged.append(f"mix {weight:g} of {name}" + (", seen" if kind is ChangeKind.SEEN else ""))
                    break
                if row.removed or row.harmless:
                    rows.append(row)
                    break
    kinds = list(ChangeKind)
    return Cures(sorted(rows, key=lambda row: (kinds.index(row.kind), not row.removed)), unjudged)


def _judged(
    known: Sequences,
    names: tuple[str, ...],
    rivals: Sequence[tuple[str, ...]],
    kind: ChangeKind,
    name: str,
    weight: float,
) -> Cure | None:
    """Say what becomes of the hypothesis; ``None`` where that is not known."""
    after: SequenceOptimizer = known[names]
    removed = after.consistency is Consistency.EXCLUDED
    interval = after.deployment_regret[name]
    if after.consistency is Consistency.UNKNOWN or (not removed and interval.gap and interval.high == 0):
        return None
    return Cure(
        kind=kind,
        deployment=name,
        weight=weight,
        observable=None,
        decisions=(known.setup.decision,) if kind is ChangeKind.SEEN else (),
        regret=float("nan") if after.training_regret is None else after.training_regret,
        removed=removed,
        interval=(interval.low, interval.high),
        harmless=after.robustly_aligned[name],
        score_input=False,
        also=tuple(rival for rival in rivals if known[rival].consistency is Consistency.EXCLUDED),
        target=names,
    )


def mixed(setup: SequenceSetup, name: str, weight: float, *, seen: bool) -> SequenceSetup:
    """Return the sequence whose training mixes in episodes of a deployment, which is its one deployment.

    Parameters
    ----------
    setup
        The sequence.
    name
        The deployment.
    weight
        How likely an episode is from there.
    seen
        Whether the state holds a mark that says where an episode is from.
    """
    here, there = setup.training, setup.at(name)
    new = _comes_to(setup, name) & ~_comes_to(setup, TRAINING)
    joined = _beside(here, there, name) if seen else _either(here, there, new)
    more = [0] * (len(here.model.states) if seen else 0)
    one, other = np.array([*here.model.start, *more]), np.array([*more, *there.model.start])
    share = number_meant(weight)
    both = (1 - share) * int(other.sum()) * one + share * int(one.sum()) * other
    unit = math.lcm(*(Fraction(x).denominator for x in both))
    worlds = {TRAINING: np.array([int(x * unit) for x in both], dtype=object), name: other.astype(object)}
    made = {world: replace(joined, model=replace(joined.model, start=start)) for world, start in worlds.items()}
    levels = None if setup.levels is None else setup.levels.mixed(there.model, name, source=SOURCE, seen=seen)
    return SequenceSetup.of_worlds(made, setup.horizon, setup.step, levels, clock=setup.clock)


def _comes_to(setup: SequenceSetup, name: str) -> Mask:
    """Return the states that episodes of a world come to under some policy, shape (S,)."""
    model = setup.at(name).model
    every = np.ones((setup.horizon, *model.successors.shape[:2]), dtype=bool)
    return np.asarray(sweeps.reached(model, every).any(axis=0))


def _tells(setup: SequenceSetup, name: str) -> bool:
    """Say whether states that episodes of both kinds come to go on alike in both."""
    both = np.flatnonzero(_comes_to(setup, TRAINING) & _comes_to(setup, name)).tolist()
    return all(_law(setup.training, s) == _law(setup.at(name), s) for s in both)


def _law(tables: StepTables, s: int) -> list[dict[tuple[int, ...], Fraction]]:
    """Return for each action how likely it is to lead where, bringing what."""
    model, found = tables.model, []
    for a in range(len(model.actions)):
        law: dict[tuple[int, ...], Fraction] = {}
        for b, weight in enumerate(model.weights[s, a]):
            if weight:
                key = (int(model.successors[s, a, b]), *(int(of[s, a, b]) for of in tables.outcomes.values()))
                law[key] = law.get(key, Fraction(0)) + Fraction(int(weight), int(model.unit))
        found.append(law)
    return found


def _either(here: StepTables, there: StepTables, new: Mask) -> StepTables:
    """Return training's steps, and the deployment's in states that are new."""
    one, two = _on_one_scale(here, there)
    instead = new[:, None, None]
    model = replace(
        one.model,
        successors=np.where(instead, two.model.successors, one.model.successors),
        weights=np.where(instead, two.model.weights, one.model.weights),
    )
    return replace(
        one, model=model, outcomes={n: np.where(instead, two.outcomes[n], of) for n, of in one.outcomes.items()}
    )


def _beside(here: StepTables, there: StepTables, name: str) -> StepTables:
    """Return both steps beside each other, the state holding a mark that says which it is."""
    one, two = _on_one_scale(here, there)
    states = [(mark, *context) for mark, of in ((TRAINING, one), (name, two)) for context in of.contexts]
    model = replace(
        one.model,
        successors=np.concatenate([one.model.successors, two.model.successors + len(one.model.states)]),
        weights=np.concatenate([one.model.weights, two.model.weights]),
        states=tuple(states),
    )
    return replace(
        one, model=model, outcomes={n: np.concatenate([of, two.outcomes[n]]) for n, of in one.outcomes.items()}
    )


def _on_one_scale(*worlds: StepTables) -> list[StepTables]:
    """Return tables with as many branches and weights in the same unit."""
    unit = math.lcm(*(int(of.model.unit) for of in worlds))
    width = max(of.model.successors.shape[2] for of in worlds)
    found = []
    for of in worlds:
        room = [(0, 0), (0, 0), (0, width - of.model.successors.shape[2])]
        model = replace(
            of.model,
            successors=np.pad(of.model.successors, room),
            weights=np.pad(of.model.weights.astype(object) * (unit // int(of.model.unit)), room),
            unit=unit,
        )
        found.append(replace(of, model=model, outcomes={n: np.pad(x, room) for n, x in of.outcomes.items()}))
    return found
