r"""How fast agents learn again where they are deployed: `adaptation`, a curve over steps of training.

What agents get in a deployment is put on one scale, 0 for even play and 1 for the best there is,

.. math:: adapt_\sigma(\pi) = \frac{E_\sigma U(\pi) - E_\sigma U(even)}{\max E_\sigma U - E_\sigma U(even)},

first as they are (0 steps), then trained in the deployment by their recipe, from the start and with the same seeds, for
more and more steps. Beside the curve stand how new the deployment is, the probability of contexts that training never
showed (under even play), and what the agents gain in those as they are (:func:`.off_support`): a table that falls back
on anything gains nothing there, a net that generalises does, and one that generalises wrongly loses. Being an optimizer
is such a curve, not a bit.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("l", "r"), go=["l", "r"], pay=lambda door, go: int(door == go))
>>> setup = cm.TrainingSetup(model, {"crossed": {"pay": lambda door, go: int(door != go)}})
>>> family = cm.derive_mesa_optimizers(setup)
>>> wrong = cm.agents.from_rules([{"go": lambda door: door}], model)
>>> print(adaptation(wrong, family))
What agents gain, from 0 (even play) to 1 (the best there is)
deployment  new contexts  steps  mean  least  most  why
──────────  ────────────  ─────  ────  ─────  ────  ────────────────
crossed                0      0    -1     -1    -1
crossed                0  –      –     –      –     needs retraining
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Floats
from cidmesa.clock import Budget
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.mesa.derive import Family
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.plots import Chart, draw
from cidmesa.shown import Shown
from cidmesa.solve.queries.payoffs import reached_contexts, uniform_policy
from cidmesa.validation.adapting import watched
from cidmesa.validation.goals import off_support

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cidmesa.model import CIM

NEEDS = "needs retraining"
"""Why agents without a recipe have no curve."""

_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """What agents gain in a deployment after some training there.

    Attributes
    ----------
    deployment
        Its name.
    steps
        Of training in it; 0: the agents as they are; ``None``: as many as their recipe takes, which does not say.
    gained
        Of each agent, 0 for even play and 1 for the best there is; empty where `why` says so.
    why
        Why it is not known.
    """

    deployment: str
    steps: int | None
    gained: tuple[float, ...]
    why: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Adaptation(Shown):
    """How fast agents learn again in each deployment.

    Attributes
    ----------
    points
        Deployment by deployment, fewest steps first.
    new
        Deployment → the probability of contexts that training never showed.
    off_support
        Deployment → what each agent gains in those as it is; NaN where there are none. Of one decision only.
    """

    points: tuple[Point, ...]
    new: Mapping[str, float]
    off_support: Mapping[str, tuple[float, ...]]

    def curve(self, deployment: str) -> tuple[tuple[int, ...], Floats]:
        """Return the steps and what was gained, ``(points, agents)``."""
        if deployment not in self.new:
            raise unknown(deployment, self.new, what="a deployment of this curve")
        known = [p for p in self.points if p.deployment == deployment and p.gained and p.steps is not None]
        return tuple(p.steps or 0 for p in known), np.array([p.gained for p in known])

    def steps_to(self, level: float = 0.9, share: float = 0.5) -> dict[str, int | None]:
        """Return for each deployment the fewest steps after which a share of the agents gains so much; else ``None``.

        >>> curve = Adaptation((Point("d", 0, (0.0, 0.1)), Point("d", 8, (0.95, 0.3))), {"d": 0.0}, {})
        >>> curve.steps_to(), curve.steps_to(share=1.0)
        ({'d': 8}, {'d': None})
        """
        found: dict[str, int | None] = {}
        for deployment in self.new:
            steps, gained = self.curve(deployment)
            enough = (gained >= level).mean(axis=1) >= share if len(steps) else np.zeros(0, dtype=bool)
            found[deployment] = next((s for s, ok in zip(steps, enough.tolist(), strict=True) if ok), None)
        return found

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what agents gain against the steps that they trained again, a line a deployment; shaded: 80 % of them.

        Parameters
        ----------
        ax
            Where; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        NotApplicableError
            No point is known: agents without a recipe cannot be trained again.
        MissingDependencyError
            matplotlib is not installed.
        """
        lines: dict[str, list[dict[str, Any]]] = {}
        for deployment in self.new:
            for at, gained in zip(*self.curve(deployment), strict=True):
                point = {"at": at, "mean": float(gained.mean()), "agents": gained.tolist()}
                lines.setdefault(deployment, []).append(point)
        if not lines:
            raise NotApplicableError("no point of these curves is known, so there is nothing to draw: print them.")
        data = {"across": "steps of training in the deployment", "up": "gained", "lines": lines}
        return draw(Chart("lines", data, self._caption()), ax)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "deployment": point.deployment,
                "new contexts": self.new[point.deployment],
                "steps": point.steps,
                "mean": float(np.mean(point.gained)) if point.gained else None,
                "least": min(point.gained, default=None),
                "most": max(point.gained, default=None),
                "why": point.why,
            }
            for point in self.points
        ]

    def _caption(self) -> str:
        return "What agents gain, from 0 (even play) to 1 (the best there is)"

    def to_dict(self) -> dict[str, Any]:
        """Return every point, agent by agent, as plain data."""
        kept = {d: [None if math.isnan(x) else x for x in gained] for d, gained in self.off_support.items()}
        points = [
            {"deployment": p.deployment, "steps": p.steps, "gained": list(p.gained), "why": p.why} for p in self.points
        ]
        return {"points": points, "new": dict(self.new), "off_support": kept}

    def __repr__(self) -> str:
        agents = max((len(p.gained) for p in self.points), default=0)
        return f"Adaptation({agents} agents; {', '.join(self.new)})"


def adaptation(
    agents: Any,
    family: Family,
    *,
    deployments: Iterable[str] | None = None,
    steps: Sequence[int] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Adaptation:
    """Return how much of what a deployment has to give agents gain there, as they are and trained there again.

    Parameters
    ----------
    agents
        Any population. Those without a recipe are judged as they are, and their curve *needs retraining*.
    family
        What was derived: its setup says what the deployments are.
    deployments
        Which; all, if left out.
    steps
        After how many steps of training; left out, a sixteenth, an eighth, a quarter, half and all of the recipe's own.
        Recipes of your own that have no number of steps are followed once.
    seed
        Of the draws, where agents tell no probabilities.
    progress
        Show a bar once it takes more than two seconds, where there is a terminal.

    Returns
    -------
    Adaptation

    Raises
    ------
    NotApplicableError
        No family; a bare diagram; no deployment; the agents are none for this setup.
    UnknownNodeError
        A deployment that the setup does not have.

    Notes
    -----
    Training again starts from the start, with the agents' own seeds and noise: how fast a *population* learns a world,
    not how fast trained weights bend. A deployment in which all policies are worth the same has no scale, and one in
    which no context is new has nothing off the support: both are marked. Cost: one training for each number of steps
    and deployment.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> model = cid.parameterise(door=cm.Uniform("l", "r"), go=["l", "r"], pay=lambda door, go: int(door == go))
    >>> family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, {"crossed": {"pay": lambda door, go: door != go}}))
    >>> agents = cm.train(model, learner="exact", policy="tabular", agents=4, steps=128, progress=False)
    >>> curve = adaptation(agents, family, steps=[8, 128], progress=False)
    >>> steps, gained = curve.curve("crossed")
    >>> steps, gained.mean(axis=1).round(1).tolist()          # far below chance as they are, and soon right again
    ((0, 8, 128), [-1.0, 0.3, 1.0])
    """
    if not isinstance(family, Family):
        raise NotApplicableError(
            f"deployments are those of a family, derive_mesa_optimizers(setup); got {type(family).__name__}."
        )
    setup = family.setup
    setup.require_model("adaptation")
    known = [name for name in setup.distributions if name != TRAINING]
    wanted = known if deployments is None else list(deployments)
    for name in wanted:
        if name not in known:
            raise unknown(name, known, what="a deployment of this setup")
    if not wanted:
        raise NotApplicableError(
            "this setup has no deployment to adapt to: TrainingSetup(model, deployments={name: {node: mechanism}})."
        )
    for number in steps or ():
        require_count(number, "steps")
    recipe = getattr(agents, "recipe", None)
    points: list[Point] = []
    new: dict[str, float] = {}
    outside: dict[str, tuple[float, ...]] = {}
    lengths = _lengths(recipe, steps)
    with Budget(None) as budget:
        jobs: list[tuple[str, int | None]] = [(name, count) for name in wanted for count in (0, *lengths)]
        for name, count in budget.each(jobs, "training again", "fewer steps= or deployments=", shown=progress):
            world = setup.deployed(name)
            scale = _scale(world)
            if count == 0:
                new[name] = _new(setup.deployed(TRAINING), world)
                subjects = watched(agents, world, seed)
                points.append(_point(world, scale, name, 0, subjects.rules))
                outside[name] = tuple(
                    off_support(subjects.policy(i, world), setup, name) if len(setup.cid.decisions) == 1 else math.nan
                    for i in range(subjects.size)
                )
                if recipe is None:
                    points.append(Point(name, None, (), NEEDS))
                continue
            trained = _recipe_of(recipe, count).retrain(model=world)
            rules = {d: np.asarray(trained.probabilities(d), dtype=np.float64) for d in world.cid.decisions}
            points.append(_point(world, scale, name, count, rules))
    return Adaptation(tuple(points), new, outside)


def _lengths(recipe: Any, steps: Sequence[int] | None) -> list[int | None]:
    """Return for how many steps agents are trained again; ``None`` for as many as their recipe takes."""
    if recipe is None:
        return []
    own = getattr(recipe, "steps", None)
    if own is None or not hasattr(recipe, "__dataclass_fields__"):
        return [None]
    found = {max(1, round(share * own)) for share in _SHARES} if steps is None else set(steps)
    return [*sorted(found)]


def _recipe_of(recipe: Any, steps: int | None) -> Any:
    """Return the recipe with another number of steps."""
    return recipe if steps is None else replace(recipe, steps=steps)


def _scale(world: CIM) -> tuple[float, float]:
    """Return what even play and the best policy are worth."""
    return world.expected_utility(uniform_policy(world)), float(world.solve().value)


def _point(world: CIM, scale: tuple[float, float], name: str, steps: int | None, rules: Mapping[str, Floats]) -> Point:
    even, best = scale
    if best - even <= 1e-9 * max(1.0, abs(best), abs(even)):
        return Point(name, steps, (), "every policy is worth the same there")
    worth = _worth(world, rules)
    return Point(name, steps, tuple(((worth - even) / (best - even)).tolist()))


def _worth(world: CIM, rules: Mapping[str, Floats]) -> Floats:
    """Return what each agent's rules are worth."""
    found = []
    for agent in range(len(next(iter(rules.values())))):
        policy = {
            d: rule[agent].reshape(*map(world.card, world.cid.parents(d)), world.card(d)) for d, rule in rules.items()
        }
        found.append(world.expected_utility(policy))
    return np.array(found, dtype=np.float64)


def _new(training: CIM, world: CIM) -> float:
    """Return the probability, under even play, that some decision comes to a context that training never showed."""
    most = 0.0
    for decision in world.cid.decisions:
        law = world.query(world.cid.parents(decision), policy=uniform_policy(world)).probabilities
        shown = np.asarray(reached_contexts(training, decision))
        most = max(most, float(np.where(shown, 0.0, law).sum()))
    return most
