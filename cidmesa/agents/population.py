r"""A population of trained agents, and the recipe it was trained by.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          pay=lambda door, go: int(door == go))
>>> agents = train(model, learner="exact", policy="tabular", agents=3, progress=False)
>>> len(agents), agents.probabilities("go").shape
(3, (3, 2, 2))
>>> agents.act({"door": ["left", "right", "left"]}, seed=0)["go"][0].tolist()
['left', 'right', 'left']
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cidmesa.agents import premise
from cidmesa.agents.acting import act_by_tables
from cidmesa.agents.learners.loop import learn
from cidmesa.agents.learners.registry import LEARNERS, Learner
from cidmesa.agents.learners.task import Schedule, Task, probabilities, scored_below
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.policies.rule import MaskedRule, Params, Place, Rule, reached
from cidmesa.agents.tensors import Encoder, agent_keys, inputs
from cidmesa.arguments import options_by_name, require_count
from cidmesa.arrays import Array, Floats
from cidmesa.clock import quietly
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.identity import Identity, model_digest, rows_digest, setup_digest
from cidmesa.mechanisms import is_number
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown, said


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


def one_or_more(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return names as a tuple; one name may stand alone.

    >>> one_or_more("door"), one_or_more(["door", "red"])
    (('door',), ('door', 'red'))
    """
    return (names,) if isinstance(names, str) else tuple(names)


@dataclass(frozen=True, eq=False, repr=False)
class Recipe:
    """Everything that determines a population: the same recipe gives the same agents.

    Attributes
    ----------
    model
        The world they train in.
    learner, policy
        ``"reinforce"``, ``"exact"``, ``"ppo"``, ``"dqn"``, ``"supervised"``, ``"evolution"``, or one that was
        registered; ``"mlp"``, ``"tabular"``, ``"rnn"``, ``"vin"``, ``"attention"``, ``"planner"``, or one that was
        registered.
    agents, seed
        How many, and the number that all their noise comes from; agent i is the same however many there are.
    steps, batch, rate, entropy
        Steps, episodes per agent and step, first step size, first weight of the entropy bonus.
    hidden
        Widths of the net's layers.
    encoders
        How the net's input codes a node, by name; one-hot where left out.
    shared_rules
        Tuples of decisions that follow one rule.
    without
        Observations that the rules are not shown (an ablation).
    examples
        Each agent meets only this many draws of the world, its own, again and again; ``None``: always fresh ones.
    score
        The utilities that training follows; ``None``: all. Rules that none of them depends on are not trained.
    options
        The learner's own options: an instance of its class of options, a mapping, or nothing for its defaults.
    policy_options
        The same of the kind of policy.
    """

    model: CIM
    learner: str = "reinforce"
    policy: str = "mlp"
    agents: int = 32
    seed: int = 0
    steps: int | None = None
    batch: int = 64
    rate: float | None = None
    entropy: float | None = None
    hidden: tuple[int, ...] = (32,)
    encoders: Mapping[str, Encoder] = field(default_factory=dict)
    shared_rules: tuple[tuple[str, ...], ...] = ()
    without: str | Iterable[str] = ()
    examples: int | None = None
    score: tuple[str, ...] | None = None
    options: Any = None
    policy_options: Any = None

    def __post_init__(self) -> None:
        for what, value, known in (("learner", self.learner, LEARNERS), ("policy", self.policy, POLICIES)):
            if value not in known:
                raise unknown(value, known, what=f"a {what} ({', '.join(known)})")
        self._read_numbers()
        if not self.model.cid.decisions:
            raise NotApplicableError("agents learn decisions, and this diagram has none: CID(decisions=[..]).")
        if len(self.model.cid.agents) > 1:
            raise NotApplicableError(
                f"a population learns the decisions of one agent, and this diagram has {self.model.cid.agents}: "
                "demote the others' decisions and utilities."
            )
        if self.examples is not None and self.learner == "exact":
            raise NotApplicableError("the exact gradient needs no examples: learner='reinforce', or no examples=.")
        object.__setattr__(self, "without", one_or_more(self.without))
        for node in (*self.encoders, *self.without):
            self.model.cid.id(node)
        for name, usual in self._learner.usual(self.policy).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, usual)
        object.__setattr__(self, "options", read_options("learner", self.learner, self.options))
        object.__setattr__(self, "policy_options", read_options("policy", self.policy, self.policy_options))
        if POLICIES[self.policy].predicts and not self._learner.predicts:
            able = " or ".join(f"learner={name!r}" for name, learner in LEARNERS.items() if learner.predicts)
            raise NotApplicableError(
                f"policy={self.policy!r} learns the world from the episodes that its learner plays, and "
                f"learner={self.learner!r} fits no rule to them: {able}."
            )
        object.__setattr__(self, "encoders", ReadOnly(self.encoders))

    def _read_numbers(self) -> None:
        """Refuse what is no number of its kind, and keep whole numbers as such."""
        for what in ("agents", "steps", "batch", "examples"):
            value = getattr(self, what)
            if value is not None or what in {"agents", "batch"}:
                require_count(value, what)
                object.__setattr__(self, what, int(value))
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer):
            raise NotApplicableError(f"seed= is a whole number, from which all noise comes; got {self.seed!r}: seed=0.")
        object.__setattr__(self, "seed", int(self.seed))
        for what, least in (("rate", "above 0"), ("entropy", "of at least 0")):
            value = getattr(self, what)
            if value is None:
                continue
            number = float(value) if is_number(value) else math.nan
            if not math.isfinite(number) or number < 0 or (what == "rate" and number == 0):
                raise NotApplicableError(f"{what}= is a finite number {least}; got {value!r}.")
            object.__setattr__(self, what, number)
        if not isinstance(self.hidden, tuple | list):
            raise NotApplicableError(
                f"hidden= is the widths of the net's layers; got {self.hidden!r}: hidden=({self.hidden!r},)."
            )
        for width in self.hidden:
            require_count(width, "hidden")
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))

    @property
    def _learner(self) -> Learner:
        return LEARNERS[self.learner]

    @property
    def greedy(self) -> bool:
        """Whether the agents take the action of the largest logit; ``False``: they draw by softmax."""
        return self._learner.greedy(self.options)

    @property
    def usual(self) -> bool:
        """Whether it trains in the whole world, with all that rules see, as long and hard as its learner does."""
        usual = self._learner.usual(self.policy)
        as_usual = all(getattr(self, name) == number for name, number in usual.items())
        return as_usual and self.examples is None and not self.without

    @cached_property
    def trained(self) -> frozenset[str]:
        """The decisions whose rule some scored utility depends on, or that share it with such a one."""
        below = scored_below(self.model, self.score)
        own = {d for d, found in below.items() if found}
        return frozenset(own.union(*(group for group in self.shared_rules if own & set(group))))

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The rule of each decision; one object where several share it."""
        cid = self.model.cid
        groups = {decision: group for group in self.shared_rules for decision in group}
        made: dict[str, Rule] = {}
        found: dict[str, Rule] = {}
        for decision in cid.decisions:
            name = groups.get(decision, (decision,))[0]
            if name not in made:
                parents = cid.parents(name)
                cards = tuple(self.model.card(p) for p in parents)
                met = reached(self.model, groups.get(decision, (decision,)))
                shown = inputs(cards, parents, self.encoders, frozenset(one_or_more(self.without)), met)
                place = Place(
                    name, shown, self.model.card(name), self.hidden, self.policy_options, self._seen, self.score
                )
                made[name] = POLICIES[self.policy].make(place)
                may = self.model.allowed(name)
                if may is not None:
                    made[name] = MaskedRule(made[name], may.reshape(-1, may.shape[-1]))
            found[decision] = made[name]
        return ReadOnly(found)

    @cached_property
    def _seen(self) -> CIM:
        """The model without the information links that the rules are not shown."""
        seen, hidden = self.model, set(one_or_more(self.without))
        for decision in seen.cid.decisions:
            parents = seen.cid.parents(decision)
            if hidden & set(parents):
                seen = seen.observing(decision, [parent for parent in parents if parent not in hidden])
        return seen

    @cached_property
    def task(self) -> Task:
        """What the learner is given."""
        schedule = Schedule(self.steps or 1, self.batch, self.rate or 0.0, self.entropy or 0.0, self.examples)
        keys = agent_keys(self.seed, self.agents)
        return Task(
            self.model, self.rules, keys, schedule, self.score, self.options, self.policy, self.hidden,
            self.policy_options,
        )  # fmt: skip

    @cached_property
    def digest(self) -> str:
        """A hash of everything above; checkpoints of another recipe are refused by it."""
        parts = [self.learner, self.policy, self.agents, self.seed, self.steps, self.batch, self.rate, self.entropy]
        parts += [self.hidden, self.shared_rules, self.without, self.examples, self.model.cid.edges]
        parts += [] if self.score is None else [self.score]
        parts += [own for own in (self.options, self.policy_options) if own is not None]
        text = hashlib.sha256(repr(parts).encode())
        for node in self.model.cid.nodes:
            text.update(node.encode())
            if self.model.cid.kind(node) == "decision":
                text.update(repr(self.model.domain(node)).encode())
                text.update(np.ascontiguousarray(self.rules[node].inputs.table).tobytes())
                may = self.model.allowed(node)
                text.update(b"" if may is None else np.ascontiguousarray(may).tobytes())
            else:
                text.update(np.ascontiguousarray(self.model.cpd(node), dtype=np.float64).tobytes())
        return text.hexdigest()

    def train(
        self,
        *,
        predictions: str | None = None,
        registered: Identity | None = None,
        progress: bool = True,
        checkpoint: str | Path | None = None,
    ) -> Agents:
        """Train the population; see :func:`train`."""
        self._learner.check(self.task)
        state = learn(
            self._learner.program(self.task),
            self.task.schedule.steps,
            recipe=self.digest,
            checkpoint=Path(checkpoint) if checkpoint is not None else None,
            progress=progress,
        )
        if state.stopped:
            who = "; ".join(f"agent {agent} at step {step:,}" for agent, step in state.stopped)
            warnings.warn(
                f"training stopped where numbers were no longer finite, {who}: they stay as they were before; "
                f"a smaller rate= than {self.rate:g} may help.",
                RuntimeWarning,
                stacklevel=3,
            )
        names = self.task.start()
        learned = {name: value for name, value in state.memory["learned"].items() if name in names}
        return Agents(self, learned, predictions, state.earned, registered, state.stopped)

    def retrain(self, *, model: CIM | None = None, without: Iterable[str] = (), progress: bool = False) -> Agents:
        """Train the same agents, with the same seeds and noise streams, in a changed world or without an observation.

        Parameters
        ----------
        model
            The world instead; its decisions, their parents and their domains are the same.
        without
            Observations that the rules are not shown.
        progress
            As for :func:`train`.
        """
        less = (*one_or_more(self.without), *one_or_more(without))
        return replace(self, model=model or self.model, without=less).train(progress=progress)

    def __repr__(self) -> str:
        return f"Recipe({self.learner}, {self.policy}, {self.agents} agents, seed {self.seed}, {self.steps} steps)"


@dataclass(frozen=True, eq=False)
class Agents(Shown):
    """Trained agents, all of one recipe.

    Attributes
    ----------
    recipe
        How they came about; retrains them under a change.
    predictions
        Hash of the predictions that were registered before training, ``None`` if none were.
    earned
        Pairs (step, mean sum of scored utilities of each agent at that step) along the training.
    registered
        What the registered predictions were about: setup, training model, rows and recipe, as hashes.
    stopped
        Pairs (agent, step): from there on its numbers were not finite, and it stays as it was before.
    """

    recipe: Recipe
    _params: Params = field(repr=False)
    predictions: str | None = None
    earned: tuple[tuple[int, Floats], ...] = field(default=(), repr=False)
    registered: Identity | None = field(default=None, repr=False)
    stopped: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return self.recipe.agents

    def probabilities(self, decision: str) -> Floats:
        """Return the probability of each action in each context.

        Parameters
        ----------
        decision
            Its name.

        Returns
        -------
        numpy.ndarray
            Shape ``(agents, contexts, actions)``: contexts in C order over ``cid.parents(decision)``, actions in
            domain order; where an encoder has several codes for a value, their average.
        """
        self.recipe.model.cid.only_decision(decision)
        return self._tables[decision]

    @cached_property
    def _tables(self) -> Mapping[str, Floats]:
        tables = {}
        for decision, rule in self.recipe.rules.items():
            table: Floats = probabilities(rule, self._params, self.recipe.greedy).numpy()
            table.setflags(write=False)
            tables[decision] = table
        return tables

    def _rows(self) -> list[dict[str, Any]]:
        model = self.recipe.model
        rows = []
        for decision in self._tables:
            parents = model.cid.parents(decision)
            for i, context in enumerate(model.contexts(decision)):
                when = ", ".join(f"{n}={said(v)}" for n, v in zip(parents, context, strict=True)) or "always"
                for k, action in enumerate(model.domain(decision)):
                    share = self._tables[decision][:, i, k]
                    rows.append(
                        {
                            "decision": decision,
                            "context": when,
                            "action": said(action),
                            "mean": float(share.mean()),
                            "least": float(share.min()),
                            "most": float(share.max()),
                        }
                    )
        return rows

    def _caption(self) -> str:
        return f"Probabilities of actions, over {len(self)} agents"

    def __repr__(self) -> str:
        registered = "predictions registered" if self.predictions else "no predictions registered"
        return (
            f"Agents({len(self)}, {self.recipe.learner}, {self.recipe.policy}, seed {self.recipe.seed}; {registered})"
        )

    def policy(self, agent: int) -> dict[str, Floats]:
        """Return the rules of one agent as tables ``(cards of parents..., actions)``, as any ``policy=`` takes them."""
        model = self.recipe.model
        return {
            d: self._tables[d][agent].reshape(*map(model.card, model.cid.parents(d)), model.card(d))
            for d in model.cid.decisions
        }

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Array]:
        """Choose actions.

        Parameters
        ----------
        observations
            Values of observed nodes, by name: an array of n values for all agents alike, or of shape (agents, n).
        seed
            Of the actions; the codes of an encoder are averaged out.

        Returns
        -------
        dict
            For each decision whose parents are all given, or chosen before it, an array of actions, ``(agents, n)``.

        Raises
        ------
        UnknownNodeError
            An observation is not a node.
        NotApplicableError
            No decision has all its parents among the observations, or a value is not in its node's domain.
        """
        keys = agent_keys(self.recipe.seed, len(self))
        return act_by_tables(self.recipe.model, self._tables, keys, observations, seed)


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
    **schedule: Any,
) -> Agents:
    """Train a population of agents on a setup, all at once.

    Parameters
    ----------
    setup
        A training setup with numbers, or a model; deployments play no part. With phases, training follows the
        utilities that it scores, and a rule that none of these depends on stays where it started. A candidate's own
        model, ``family["x"].model``, makes a *model organism*: agents that pursue what the candidate does.
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
    **schedule
        ``steps``, ``batch``, ``rate``, ``entropy``, ``hidden``, ``encoders``, ``examples``, ``without``; for a model
        alone ``shared_rules`` too: see :class:`Recipe`. And the learner's own: ``epochs``, ``clip``, ``kl``,
        ``discount`` (:class:`~.learners.ppo.PPO`); ``targets``, ``explore``, ``discount``
        (:class:`~.learners.dqn.DQN`); ``label``, ``greedy`` (:class:`~.learners.supervised.Supervised`);
        ``population``, ``swap`` (:class:`~.learners.evolution.Evolution`). And the policy's own: ``ticks``
        (:class:`~.policies.rnn.RNN`), ``kind`` (:class:`~.policies.attention.Attention`), ``states``, ``sweeps``
        (:class:`~.policies.vin.VIN`).

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
    known = {"steps", "batch", "rate", "entropy", "hidden", "encoders", "examples", "without"}
    if isinstance(setup, CIM):
        known.add("shared_rules")
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
    recipe = Recipe(model, learner=learner, policy=policy, agents=agents, seed=seed, **schedule)
    if not recipe.trained:
        raise NotApplicableError("no utility that training scores depends on a decision: there is nothing to learn.")
    rows, identity = (None, None) if family is None else _registered(family, setup, recipe, progress=progress)
    found = recipe.train(predictions=rows, registered=identity, progress=progress, checkpoint=checkpoint)
    if recipe.usual:
        missed = premise.outside(recipe, {d: found.probabilities(d) for d in model.cid.decisions})
        if missed is not None and missed.any():
            warnings.warn(premise.advice(recipe, missed), RuntimeWarning, stacklevel=3)
    return found


def option_fields(kind: str, name: str) -> tuple[Field[Any], ...]:
    """Return the fields of the own options of a learner or a policy; none for one that is not known."""
    known: Any = LEARNERS.get(name) if kind == "learner" else POLICIES.get(name)
    return () if known is None or known.options is None else fields(known.options)


def read_options(kind: str, name: str, given: Any) -> Any:
    """Return the own options of a learner or a policy as an instance of its class of options.

    Raises
    ------
    UnknownNodeError
        It has no option of a name.
    NotApplicableError
        They are options of another one.
    """
    made: Any = (LEARNERS[name] if kind == "learner" else POLICIES[name]).options
    if made is not None and isinstance(given, made):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise NotApplicableError(f"options= of {kind}={name!r} is a mapping; got {given!r}.")
    names = [field.name for field in option_fields(kind, name)]
    for option in given or {}:
        if option not in names:
            raise unknown(option, names, what=f"an option of {kind}={name!r}")
    return None if made is None else made(**(given or {}))


def _model_of(setup: Any) -> CIM:
    """Return the model to train on, or say what to pass instead."""
    if not isinstance(setup, CIM) and not (hasattr(setup, "model") and hasattr(setup, "shared_rules")):
        instead = "train(family.setup, family=family)" if hasattr(setup, "predictions") else "TrainingSetup(model)"
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
