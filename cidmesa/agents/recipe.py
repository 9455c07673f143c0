r"""The recipe of a population: everything that determines its agents, and how they are trained from it.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          pay=lambda door, go: int(door == go))
>>> Recipe(model, learner="exact", agents=3)
Recipe(exact, mlp, 3 agents, seed 0, 500 steps)
"""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cidmesa.agents.devices import placed, read_device, read_dtype, require_device, working_on
from cidmesa.agents.encoders import portable
from cidmesa.agents.feedback import Course, Returns, course_of
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.registry import LEARNERS, Learner
from cidmesa.agents.learners.task import Schedule, Task, scored_below
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.policies.rule import MaskedRule, Place, Rule, reached
from cidmesa.agents.population import Agents
from cidmesa.agents.runs import Executor, run
from cidmesa.agents.store import Store
from cidmesa.agents.tensors import Encoder, agent_keys, inputs
from cidmesa.arguments import require_count
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.identity import Identity, digest_of, model_digest
from cidmesa.mechanisms import is_number
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly


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
    returns
        What is met in deployment and returns to training; ``None``: a frozen learner.
    block
        How many agents are trained in one batch; ``None``: all of them. Rounding depends on it, and nothing else does.
    device, dtype
        Where agents are trained, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, and the precision of their parameters,
        ``"float32"`` or ``"float64"``; ``None``: nets in single, all else in double.
    until
        After how many of the steps training stops; ``None``: after all. What is left to come counts for step sizes.
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
    returns: Returns | None = None
    block: int | None = None
    until: int | None = None
    device: str = "cpu"
    dtype: str | None = None

    def __post_init__(self) -> None:
        for what, value, known in (("learner", self.learner, LEARNERS), ("policy", self.policy, POLICIES)):
            if value not in known:
                raise unknown(value, known, what=f"a {what} ({', '.join(known)})")
        self._read_numbers()
        object.__setattr__(self, "device", read_device(self.device))
        object.__setattr__(self, "dtype", read_dtype(self.dtype))
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
        if self.returns is not None and (self.learner == "supervised" or POLICIES[self.policy].predicts):
            which = "learner='supervised'" if self.learner == "supervised" else f"policy={self.policy!r}"
            raise NotApplicableError(
                f"{which} does not learn from what returns from deployment: learner='exact' or 'reinforce' with a "
                "table or a net, or a setup without feedback=."
            )
        if POLICIES[self.policy].predicts and not self._learner.predicts:
            able = " or ".join(f"learner={name!r}" for name, learner in LEARNERS.items() if learner.predicts)
            raise NotApplicableError(
                f"policy={self.policy!r} learns the world from the episodes that its learner plays, and "
                f"learner={self.learner!r} fits no rule to them: {able}."
            )
        object.__setattr__(self, "encoders", ReadOnly(self.encoders))

    def _read_numbers(self) -> None:
        """Refuse what is no number of its kind, and keep whole numbers as such."""
        for what in ("agents", "steps", "batch", "examples", "block"):
            value = getattr(self, what)
            if value is not None or what in {"agents", "batch"}:
                require_count(value, what)
                object.__setattr__(self, what, int(value))
        if self.until is not None:
            require_count(self.until, "until", least=0)
            object.__setattr__(self, "until", int(self.until))
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
        return as_usual and self.examples is None and not self.without and self.until is None

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
        return self.task_of(0, self.agents)

    def task_of(self, first: int, last: int) -> Task:
        """Return what the learner is given for the agents from `first` to before `last`."""
        schedule = Schedule(self.steps or 1, self.batch, self.rate or 0.0, self.entropy or 0.0, self.examples)
        keys = agent_keys(self.seed, last)[first:]
        own = (self.policy, self.hidden, self.policy_options)
        if self.returns is None:
            return Task(self.model, self.rules, keys, schedule, self.score, self.options, *own)
        course = self._course
        rules = {copy: self.rules[decision] for copy, decision in course.copy_of.items()}
        return Task(
            course.model, rules, keys, schedule, course.score, self.options, *own, course.uncredited, self.model
        )

    @cached_property
    def _course(self) -> Course:
        """Training that meets deployments, as one model."""
        if self.returns is None:
            raise NotApplicableError("nothing returns to this training: TrainingSetup(.., feedback=[(V, W)]).")
        return course_of(self.model, self.returns, self.score)

    def learns(self, task: Task) -> Program:
        """Return its learner at work on a task, after checking that it fits.

        Raises
        ------
        NotApplicableError
            It does not fit, or is not known here.
        """
        for name, known in ((self.learner, LEARNERS), (self.policy, POLICIES)):
            if name not in known:
                raise NotApplicableError(
                    f"{name!r} is not known where these agents are to be trained: register it in a module that is "
                    "imported there."
                )
        self._learner.check(task)
        program = self._learner.program(task)
        if self.device == "cpu" and self.dtype is None:
            return program
        return program._replace(start=placed(program.start, self.device, self.dtype))

    @cached_property
    def course(self) -> str:
        """A hash of all that determines an agent; how many there are does not."""
        apart = ["model", "encoders", "agents", "block", "returns"]
        apart += [name for name, usual in (("device", "cpu"), ("dtype", None)) if getattr(self, name) == usual]
        parts = [(field.name, getattr(self, field.name)) for field in fields(self) if field.name not in apart]
        parts.append(("edges", self.model.cid.edges))
        if self.returns is not None:
            parts.append(("returns", (self.returns.pairs, self.returns.credit)))
            parts += [(name, model_digest(model)) for name, model in self.returns.deployed.items()]
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

    @cached_property
    def digest(self) -> str:
        """A hash of everything above; checkpoints of another recipe are refused by it."""
        several = self.block is not None and self.block < self.agents
        return digest_of([self.course, self.agents, self.block if several else None])

    def __eq__(self, other: object) -> bool:
        """Compare by what comes out: two recipes are one if they give the same agents on the same model."""
        if not isinstance(other, Recipe):
            return NotImplemented
        return self is other or (self.digest == other.digest and self.model == other.model)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __getstate__(self) -> dict[str, Any]:
        """Return what it was made of, without what was computed; encoders that are functions as the codes they give."""
        encoders = {node: portable(encoder, self.model.card(node)) for node, encoder in self.encoders.items()}
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"encoders": ReadOnly(encoders)}

    def train(
        self,
        *,
        predictions: str | None = None,
        registered: Identity | None = None,
        progress: bool = True,
        checkpoint: str | Path | None = None,
        keep: Sequence[int] = (),
        executor: Executor | None = None,
        store: Store | str | os.PathLike[str] | None = None,
    ) -> Agents:
        """Train the population; see :func:`cidmesa.train`."""
        require_device(self.device)
        with working_on(self.device):
            self.learns(self.task_of(0, 1))
        found = run(
            self,
            keep=keep,
            executor=executor,
            store=store,
            checkpoint=Path(checkpoint) if checkpoint is not None else None,
            progress=progress,
        )
        if found.stopped:
            who = "; ".join(f"agent {agent} at step {step:,}" for agent, step in found.stopped)
            warnings.warn(
                f"training stopped where numbers were no longer finite, {who}: they stay as they were before; "
                f"a smaller rate= than {self.rate:g} may help.",
                RuntimeWarning,
                stacklevel=3,
            )
        return Agents(
            self, found.learned, predictions, found.earned, registered, found.stopped, found.curve, found.kept
        )

    def retrain(
        self,
        *,
        model: CIM | None = None,
        without: Iterable[str] = (),
        progress: bool = False,
        executor: Executor | None = None,
        store: Store | str | os.PathLike[str] | None = None,
    ) -> Agents:
        """Train the same agents, with the same seeds and noise streams, in a changed world or without an observation.

        Parameters
        ----------
        model
            The world instead; its decisions, their parents and their domains are the same.
        without
            Observations that the rules are not shown.
        progress, executor, store
            As for :func:`cidmesa.train`.
        """
        less = (*one_or_more(self.without), *one_or_more(without))
        changed = replace(self, model=model or self.model, without=less)
        return changed.train(progress=progress, executor=executor, store=store)

    def __repr__(self) -> str:
        return f"Recipe({self.learner}, {self.policy}, {self.agents} agents, seed {self.seed}, {self.steps} steps)"


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
