r"""Outer, inner and reward-result gaps of a derivation, in training and in every deployment, from one call.

A gap is how far two objectives are apart in what they want done (:func:`.alignment_gap`), in [0, 1]:

=============  ========================================================================================
outer          intended and base: what training scores against what the designers want
inner          base and mesa: what training scores against what a mesa-optimizer may pursue
reward-result  base and behavioural: what training scores against what agents act as if they wanted
=============  ========================================================================================

Training selects no single objective but a set (:mod:`.consistent_set`), a union of open cones, so the inner gap is an
interval: the least and the largest over all consistent objectives on the targets. On one cone the angle between
:math:`A_O` and :math:`A_U` is smallest where :math:`A_U` is projected onto the image of the cone, a non-negative least
squares problem in its extreme rays, and largest where :math:`-A_U` is; where that projection is zero, at a ray.

>>> import cidmesa as cm
>>> base = cm.CID([("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
...                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"],
...                           at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
...                           reward=lambda at_door: at_door)
>>> opposite = {"red": lambda door: "right" if door == "left" else "left"}
>>> setup = cm.TrainingSetup(model, deployments={"opposite": opposite}, intended="at_door")
>>> print(gaps(cm.derive_mesa_optimizers(setup)))
Gaps in what is wanted, 0 (the same) to 1 (the opposite)
gap    of       in training  in opposite
─────  ───────  ───────────  ───────────
outer  at_door  0            0
inner  at_red   [0, 0]       [1, 1]
inner  reward   [0, 0]       [0, 0]
Inner: the least and the largest over all objectives that training can have
selected on these targets.

References
----------
J. Skalse et al., "STARC: a general framework for quantifying differences between reward functions", ICLR 2024;
E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019, §1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.choices import LISTED_CHOICES, Choice, Choices
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.derive import Family
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown, plain
from cidmesa.validation.goals import alignment_gap, behavioural_objective

if TYPE_CHECKING:
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.consistent_set import ConsistentSet

FLAT = 1e-12
"""Advantages up to this share of the values that they are taken from are rounding."""

NOTHING = 1e-9
"""Lengths of projections onto a cone up to here are rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class Gaps(Shown):
    """The gaps of one family, by distribution.

    Attributes
    ----------
    distributions
        ``"training"`` and the deployments.
    intended
        What the designers want, if the setup says it.
    outer
        Distribution → gap of intended and base; empty where nothing is intended.
    inner
        Targets, as in ``"at_red"`` or ``"a, b"`` → distribution → least and largest gap of base and mesa-objective.
    reward_result
        Distribution → the gap of base and behavioural objective, of each agent; empty without agents.
    targets
        What behavioural objectives are functions of.
    """

    distributions: tuple[str, ...]
    intended: str | None
    outer: Mapping[str, float]
    inner: Mapping[str, Mapping[str, Interval]]
    reward_result: Mapping[str, tuple[float, ...]]
    targets: tuple[str, ...]

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []

        def add(gap: str, of: Any, by: Mapping[str, Any]) -> None:
            rows.append({"gap": gap, "of": of, **{f"in {name}": by[name] for name in self.distributions}})

        if self.outer:
            add("outer", self.intended, self.outer)
        for names, by in self.inner.items():
            add("inner", names, by)
        if self.reward_result:
            count = len(next(iter(self.reward_result.values())))
            ends = {name: Interval(min(found), max(found)) for name, found in self.reward_result.items()}
            add("reward-result", f"{count} agent{'s' * (count != 1)}", ends)
        return rows

    def _caption(self) -> str:
        return "Gaps in what is wanted, 0 (the same) to 1 (the opposite)"

    def _note(self) -> str:
        words = "Inner: the least and the largest over all objectives that training can have selected on these targets."
        if self.reward_result:
            words += (
                f" Reward-result: the least and the largest over the agents, by what they act as if they wanted of "
                f"{', '.join(f'`{name}`' for name in self.targets)}."
            )
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return all gaps as plain data, those of behaviour agent by agent."""
        return {
            "intended": self.intended,
            "outer": plain(self.outer),
            "inner": plain(self.inner),
            "reward_result": plain(self.reward_result),
            "targets": list(self.targets),
        }

    def __repr__(self) -> str:
        kinds = ["outer"] * bool(self.outer) + [f"inner of {names}" for names in self.inner]
        kinds += ["reward-result"] * bool(self.reward_result)
        return f"Gaps({', '.join(kinds)}; in {', '.join(self.distributions)})"


def gaps(family: Family, agents: Any = None, *, targets: Sequence[str] | None = None) -> Gaps:
    """Return the outer, inner and reward-result gaps in training and in every deployment.

    Parameters
    ----------
    family
        What was derived. The outer gap needs a setup with ``intended=``.
    agents
        With ``probabilities(decision)``, for the reward-result gap.
    targets
        What their behavioural objective is a function of; left out, all targets of the hypotheses together.

    Returns
    -------
    Gaps

    Raises
    ------
    NotApplicableError
        No family; decisions that matter to each other in a circle; a bare diagram; agents without probabilities.

    Notes
    -----
    Outer and inner gaps are exact, but for rounding of about 1e-7. ``Interval.gap`` of an inner one is not 0 where the
    set has more cones or rays than are listed (64 cones, 2,000 sets of rows): the interval is then that of the listed
    ones. With several decisions it is that of the objectives that were tried and are consistent, and never 0 wide for
    all of the set. In a deployment agents are watched there, and the gap is taken there.

    Examples
    --------
    >>> import cidmesa as cm
    >>> family = cm.derive_mesa_optimizers(cm.gallery.load("red-door").setup)
    >>> found = gaps(family)
    >>> found.inner["at_red"]["opposite"], found.outer
    ([1, 1], {})

    References
    ----------
    Skalse et al. 2024; Hubinger et al. 2019, §1.
    """
    if not isinstance(family, Family):
        raise NotApplicableError(
            f"gaps are those of a family, derive_mesa_optimizers(setup); got {type(family).__name__}."
        )
    setup = family.setup
    setup.require_model("a gap")
    names, intended = setup.distributions, setup.intended
    outer = {}
    if intended is not None:
        outer = {name: float(alignment_gap(intended, None, setup.deployed(name))) for name in names}  # type: ignore[arg-type]
    hypotheses = family.hypotheses
    if len(setup.cid.decisions) == 1:
        tables = OneDecision(setup)
        inner = {", ".join(m.names): ReadOnly(dict(_inner(m, tables, names))) for m in hypotheses}
    else:
        inner = {", ".join(m.names): ReadOnly(dict(_inner_of_several(m, names))) for m in hypotheses}
    wanted = tuple(dict.fromkeys(n for m in hypotheses for n in m.names)) if targets is None else tuple(targets)
    behaviour: dict[str, tuple[float, ...]] = {}
    if agents is not None:
        for name in names:
            world = setup.deployed(name)
            found = behavioural_objective(agents, wanted, model=world)
            behaviour[name] = tuple(float(alignment_gap(None, b.representative, world)) for b in found)  # type: ignore[arg-type]
    return Gaps(names, intended, ReadOnly(outer), ReadOnly(inner), ReadOnly(behaviour), wanted)


def _inner(m: MesaOptimizer, tables: OneDecision, names: Sequence[str]) -> Iterator[tuple[str, Interval]]:
    """Yield the inner gap of one candidate in each distribution."""
    listed, every = _cones(m.consistent_set)
    for name in names:
        table, may = tables.table(name, m.names), tables.limit(name)
        free = np.ones(table.shape, dtype=bool) if may is None else may
        weight = np.sqrt(table.weight)[:, None]
        mean = table.outcome.mean(axis=1, keepdims=True, where=free[..., None])
        wants = np.where(free[..., None], weight[..., None] * (table.outcome - mean), 0.0)
        paid = table.value - table.value.mean(axis=1, keepdims=True, where=free)
        base = np.where(free, weight * paid, 0.0).ravel()
        length = float(np.linalg.norm(base))
        scale = float(np.abs(table.value).max(initial=0.0))
        unit = base / length if length > FLAT * max(scale, 1e-300) else np.zeros_like(base)
        ends = [gap_range(rows, rays, wants.reshape(-1, wants.shape[-1]), unit) for rows, rays in listed]
        low, high = min((e[0] for e in ends), default=math.nan), max((e[1] for e in ends), default=math.nan)
        yield name, Interval(low, high, 0.0 if every else max(low, 1.0 - high))


def _inner_of_several(m: MesaOptimizer, names: Sequence[str]) -> Iterator[tuple[str, Interval]]:
    """Yield the inner gap over the objectives that stand for a candidate of several decisions."""
    wanted = list(m.consistent_objectives)
    for name in names:
        if not wanted:
            yield name, Interval(math.nan, math.nan)
            continue
        low, high = alignment_gap(None, wanted, m.setup.deployed(name))  # type: ignore[misc]
        yield name, Interval(low, high, max(low, 1.0 - high))


def _cones(objectives: ConsistentSet) -> tuple[list[tuple[Floats, Floats]], bool]:
    """Return the cones of the set, strict rows and generators, and whether these are all of it."""
    choices = objectives.choices
    looked_at = list(islice(choices.cheapest_first(), LISTED_CHOICES + 1))
    every = len(looked_at) <= LISTED_CHOICES and objectives.is_empty is not None
    taken = [choice for _, choice in looked_at[:LISTED_CHOICES] if _is_met(choices, choice)]
    if not taken and objectives.best is not None:
        taken = [objectives.best[1]]
    found = []
    for choice in taken:
        rows = choices.inequalities(choice)
        rays, whole = generators(rows)
        every = every and whole
        found.append((rows, rays))
    return found, every


def _is_met(choices: Choices, choice: Choice) -> bool:
    """Say whether some objective satisfies the rows of a choice."""
    wide = cones.margin(choices.inequalities(choice))[0] > cones.SETTLED
    return wide or cones.feasible_exactly(choices.exact_inequalities(choice))


def generators(rows: Floats) -> tuple[Floats, bool]:
    """Return directions whose non-negative sums are the closed cone of some rows, and whether all were found.

    Examples
    --------
    >>> found, whole = generators(np.array([[0.5, -0.5]]))    # likes the first value better; any constant is free
    >>> found.round(3).tolist(), whole
    ([[1.0, -1.0], [0.707, 0.707], [-0.707, -0.707]], True)
    """
    _, sizes, directions = np.linalg.svd(rows) if len(rows) else (None, np.zeros(0), np.eye(rows.shape[1]))
    rank = int((sizes > cones.NOISE).sum())
    lines = directions[rank:]
    rays = cones.rays(rows)
    whole = len(rays) > 0 or rank == 0
    if not whole:
        rays = cones.vertices(rows, 8 * rows.shape[1], np.random.default_rng(0))
    return np.vstack([rays, lines, -lines]), whole


def gap_range(rows: Floats, rays: Floats, wants: Floats, base: Floats) -> tuple[float, float]:
    r"""Return the least and the largest gap to a base over an open cone of objectives.

    Parameters
    ----------
    rows
        The strict rows of the cone, shape (k, T).
    rays
        Directions whose non-negative sums are its closure, shape (n, T).
    wants
        Objective → weighted advantages, a matrix of shape (contexts × actions, T).
    base
        The base's, of length one; zero where it is indifferent.
    """
    images = (wants @ rays.T).T
    lengths = np.linalg.norm(images, axis=1)
    moved = lengths > FLAT * np.abs(rays).max(axis=1, initial=0.0)
    units = images[moved] / lengths[moved, None]
    ends = []
    if _indifferent(rows, wants):
        ends.append(0.5 if base.any() else 0.0)
    if len(units) and not base.any():
        ends.append(0.5)
    elif len(units):
        cosines = units @ base
        for way in (1.0, -1.0):
            near = _projected(units, way * base)
            cosine = way * near if near > NOTHING else way * float((way * cosines).max())
            ends.append(math.sqrt(max(0.0, 1.0 - cosine) / 2.0))
    small = [0.0 if end < 1e-7 else min(end, 1.0) for end in ends]
    return min(small), max(small)


def _indifferent(rows: Floats, wants: Floats) -> bool:
    """Say whether some objective of the open cone does not care what is done."""
    if not len(rows):
        return True
    still = cones.scaled(np.vstack([wants, -wants]))
    return cones.margin(rows, still[np.abs(still).any(axis=1)])[0] > cones.SETTLED


def _projected(units: Floats, direction: Floats) -> float:
    """Return the length of the projection of a direction of length one onto the cone of some others."""
    from scipy.optimize import nnls

    weights, _ = nnls(units.T, direction)
    return float(np.linalg.norm(units.T @ weights))
