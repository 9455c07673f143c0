"""Training a population on a setup, and registering what was predicted of it before."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cidmesa.agents import premise
from cidmesa.agents.feedback import returns_of
from cidmesa.agents.population import Agents
from cidmesa.agents.recipe import Recipe, option_fields
from cidmesa.agents.runs import Executor
from cidmesa.agents.store import Store
from cidmesa.arguments import options_by_name
from cidmesa.clock import quietly
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.identity import Identity, model_digest, rows_digest, setup_digest
from cidmesa.mechanisms import is_number
from cidmesa.model import CIM

BLOCK = 32
"""How many agents are one block, where blocks are sent to an executor or kept in a store."""


class Setup(Protocol):
    """What training needs to know of a training setup."""

    @property
    def model(self) -> CIM | None:
        """The model in training."""
        ...

    @property
    def shared_rules(self) -> tuple[tuple[str, ...], ...]:
        """Decisions that follow one rule."""
        ...


class Predicting(Protocol):
    """Anything that states its predictions: a family of candidates."""

    def predictions(self) -> Any:
        """Return them, with a ``digest``."""
        ...


@options_by_name
def train(
    setup: Setup | CIM,
    *,
    family: Predicting | None = None,
    learner: str = "reinforce",
    policy: str = "mlp",
    agents: int = 32,
    seed: int = 0,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoints: Sequence[float] = (),
    executor: Executor | None = None,
    store: Store | str | os.PathLike[str] | None = None,
    block: int | None = None,
    **schedule: Any,
) -> Agents:
    """Train a population of agents on a setup, all at once.

    Parameters
    ----------
    setup
        A training setup with numbers, or a model. Deployments play a part only with ``online=True``, where they return
        to training (``feedback=``): then each training episode comes with a deployed one and with the one that it
        returns to, :mod:`cidmesa.agents.feedback`. With phases, training follows the utilities that it scores, and a
        rule that none of these depends on stays where it started. A candidate's own model, ``family["x"].model``, makes
        a *model organism*: agents that pursue what the candidate does.
    family
        Candidates whose predictions are registered: hashes of them, of their setup, of the model trained on and of
        the recipe are kept in the agents, so that a report can say that they were made before training.
    learner
        ``"reinforce"``: each agent plays its own episodes. ``"exact"``: gradient of the expected utility itself.
        ``"ppo"``: with a critic and clipped steps. ``"dqn"``: values of actions, acting on the largest.
        ``"supervised"``: cross-entropy with the node ``label=``. ``"evolution"``: selection in populations.
    policy
        ``"mlp"``, a small net, or ``"tabular"``; ``"rnn"``, which reads one observation after another; ``"vin"``, value
        iteration in a small world of its own; ``"attention"``; ``"planner"``, which learns the mechanisms from its
        episodes and plans in them.
    agents, seed
        How many; the number that all noise comes from.
    progress
        Show a bar once training takes more than two seconds, where there is a terminal.
    checkpoint
        A file in which the state is kept every few seconds and when training is stopped; the same call goes on from
        there, and the result is that of an undisturbed run.
    checkpoints
        Points of training at which the agents are kept as they are then, as ``agents.checkpoints``: numbers of steps,
        or shares of training from 0.0 to 1.0.
    executor
        Any :class:`concurrent.futures.Executor`: blocks of agents are trained where it says. ``None``: here.
    store
        A folder in which every block is kept once it is finished; the same call takes it from there, and a killed run
        goes on where it was, byte for byte.
    block
        How many agents are one block. With an executor or a store 32, else all of them, in one batch. The last digits
        depend on it, so it is part of the recipe; they depend on no executor.
    **schedule
        ``steps``, ``batch``, ``rate``, ``entropy``, ``hidden``, ``encoders``, ``examples``, ``without``, ``device``,
        ``dtype``; for a model alone ``shared_rules`` too: see :class:`Recipe`. And the learner's own: ``epochs``,
        ``clip``, ``kl``, ``discount`` (:class:`~.learners.ppo.PPO`); ``targets``, ``explore``, ``discount``
        (:class:`~.learners.dqn.DQN`); ``label``, ``greedy`` (:class:`~.learners.supervised.Supervised`);
        ``population``, ``swap`` (:class:`~.learners.evolution.Evolution`). And the policy's own: ``ticks``
        (:class:`~.policies.rnn.RNN`), ``kind`` (:class:`~.policies.attention.Attention`), ``states``, ``sweeps``,
        ``at``, ``moves`` (:class:`~.policies.vin.VIN`).

    Returns
    -------
    Agents

    Raises
    ------
    NotApplicableError
        The setup is a bare diagram, has symbols, or the learner does not fit it; the family is of another setup.

    Warns
    -----
    RuntimeWarning
        Numbers of an agent were no longer finite: it stops there, the others go on; ``agents.stopped`` says which.
        Agents trained with the learner's own number of steps do not meet the premise of a verdict: the message says how
        many, and what to change.

    See Also
    --------
    Agents.save : keep them; :func:`cidmesa.agents.load` reads them.

    Notes
    -----
    32 nets on a model of seven binary nodes take a few seconds on one core. Everything but the wall clock is
    reproducible from the arguments.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda x, act: int(x == act))
    >>> seeing = train(model, agents=2, steps=200, progress=False)
    >>> bool((seeing.probabilities("act")[:, [0, 1], [0, 1]] > 0.9).all())
    True
    >>> blind = seeing.recipe.retrain(without=["x"])
    >>> bool((blind.probabilities("act")[:, [0, 1], [0, 1]] > 0.9).all())
    False
    """
    model = _model_of(setup)
    known = {"steps", "batch", "rate", "entropy", "hidden", "encoders", "examples", "without", "device", "dtype"}
    if isinstance(setup, CIM):
        known.add("shared_rules")
    online = bool(schedule.pop("online", False))
    own = {option.name for option in option_fields("learner", learner)}
    of_policy = {option.name for option in option_fields("policy", policy)}
    for name in schedule:
        if name not in known | own | of_policy:
            what = f"an argument of train with learner={learner!r}, policy={policy!r}"
            raise unknown(name, known | own | of_policy, what=what)
    schedule["options"] = {name: schedule.pop(name) for name in own & set(schedule)} or None
    schedule["policy_options"] = {name: schedule.pop(name) for name in of_policy & set(schedule)} or None
    if not isinstance(setup, CIM):
        require_expected = getattr(setup, "require_expected", None)
        if require_expected is not None:
            require_expected("agents to train, whose learners follow the score")
        schedule["shared_rules"] = tuple(setup.shared_rules)
        scored = getattr(setup, "training_score", None)
        if scored is not None and set(scored) != set(model.cid.utilities):
            schedule["score"] = tuple(scored)
        if online:
            schedule["returns"] = returns_of(setup)
    if block is None and (executor is not None or store is not None):
        block = BLOCK
    recipe = Recipe(model, learner=learner, policy=policy, agents=agents, seed=seed, block=block, **schedule)
    if not recipe.trained:
        raise NotApplicableError("no utility that training scores depends on a decision: there is nothing to learn.")
    rows, identity = (None, None) if family is None else _registered(family, setup, recipe, progress=progress)
    found = recipe.train(
        predictions=rows,
        registered=identity,
        progress=progress,
        checkpoint=checkpoint,
        keep=read_points(checkpoints, recipe.steps or 1),
        executor=executor,
        store=store,
    )
    if recipe.usual:
        missed = premise.outside(recipe, {d: found.probabilities(d) for d in model.cid.decisions})
        if missed is not None and missed.any():
            warnings.warn(premise.advice(recipe, missed), RuntimeWarning, stacklevel=3)
    return found


def read_points(points: Sequence[float], steps: int) -> tuple[int, ...]:
    """Return points of training as numbers of steps, the earliest first.

    >>> read_points((0.5, 10, 1.0), 300)
    (10, 150, 300)
    """
    if not isinstance(points, tuple | list):
        raise NotApplicableError(f"checkpoints= is a list of steps or shares; got {points!r}: checkpoints=(0.1, 0.5).")
    found = set()
    for point in points:
        whole = isinstance(point, int) and not isinstance(point, bool)
        if isinstance(point, bool) or not is_number(point) or not 0 <= point <= (steps if whole else 1):
            raise NotApplicableError(
                f"a checkpoint is a number of steps from 0 to {steps:,}, or a share of training from 0.0 to 1.0; got "
                f"{point!r}."
            )
        found.add(int(point) if whole else round(float(point) * steps))
    return tuple(sorted(found))


def _model_of(setup: Any) -> CIM:
    """Return the model to train on, or say what to pass instead."""
    if not isinstance(setup, CIM) and not (hasattr(setup, "model") and hasattr(setup, "shared_rules")):
        instead = "train(family.setup, family=family)" if hasattr(setup, "predictions") else "TrainingSetup(model)"
        if hasattr(setup, "as_training_setup"):
            instead = "setup.as_training_setup(), a diagram of all moves"
        raise NotApplicableError(
            f"agents are trained on a training setup or a model; got a {type(setup).__name__}: {instead}."
        )
    model: CIM | None = setup if isinstance(setup, CIM) else setup.model
    if model is None:
        raise NotApplicableError(
            "training needs numbers, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
        )
    model.require_numeric("training", instead="")
    return model


def _registered(family: Any, setup: Setup | CIM, recipe: Recipe, *, progress: bool) -> tuple[str, Identity]:
    """Return the hash of a family's predictions, and of all that they are about.

    Raises
    ------
    NotApplicableError
        It is no family, or one of another setup.
    """
    of = getattr(family, "setup", None)
    if of is None or not hasattr(family, "predictions"):
        raise NotApplicableError(
            f"family= is what derive_mesa_optimizers(setup) returns; got {family!r}: its predictions are registered."
        )
    if not (_is_of(family, setup) if isinstance(setup, CIM) else same_setup(setup, of)):
        raise NotApplicableError(
            "the family was derived from another setup than the one to train on (models, deployments, phases or "
            "shared rules differ): train(family.setup, family=family), or derive one from this setup."
        )
    with quietly(not progress):
        rows = family.predictions()
    identity = Identity(setup_digest(of), model_digest(recipe.model), rows_digest(rows, of.model), recipe.digest)
    return rows.digest, identity


def _is_of(family: Any, model: CIM) -> bool:
    """Say whether a model is the family's own, or that of one of its candidates."""
    wanted = model_digest(model)
    if wanted == model_digest(family.setup.model):
        return True
    pursued = {p for utility in model.cid.utilities for p in model.cid.parents(utility)}
    candidates = [m for m in family if set(getattr(m, "targets", ())) == pursued and m.model is not None]
    return any(model_digest(m.model) == wanted for m in candidates)


def same_setup(one: Any, other: Any) -> bool:
    """Say whether two setups are one, whatever the order in which nodes, parents and domains were written down."""
    return one is other or (hasattr(one, "distributions") and setup_digest(one) == setup_digest(other))
