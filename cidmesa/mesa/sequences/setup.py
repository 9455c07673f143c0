r"""Sequences: a step that is taken over and over, the horizon, and where the result is deployed.

A :class:`SequenceSetup` is for sequences what :class:`cidmesa.TrainingSetup` is for diagrams. It is made from

* a **step**, a model for :func:`cidmesa.unroll` whose one decision observes the state; or
* **tables** of states, actions and successors (:meth:`SequenceSetup.of_tables`); or
* an **environment** of gymnasium that shows its tables (:meth:`SequenceSetup.of_gymnasium`).

Training and every deployment begin somewhere, go on by some law, and pay in every step; the base utility is the sum.
Every step has a rule of its own, which observes the state: such a learner is as good as one that remembers all.
An objective is *additive*: a number for each value of its targets, summed over the steps.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [1.0, 0.0, 0.0], "act": ["stay", "go"], "pay": lambda at: int(at == 2),
...                          "at'": lambda at, act: min(2, at + (act == "go"))})
>>> setup = SequenceSetup(step, 4, {"at the end": {"at": [0.0, 0.0, 1.0]}})
>>> setup.optimum("training").value, setup.optimum("at the end").value
(Fraction(2, 1), Fraction(4, 1))
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Ints, Mask
from cidmesa.errors import NotApplicableError, shortened, unknown
from cidmesa.mesa.graphical.unrolled import NEXT, unroll
from cidmesa.mesa.objectives.declared import domain_of
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.as_diagram import as_training_setup
from cidmesa.mesa.sequences.levels import StartLevels, levels_of
from cidmesa.mesa.sequences.tables import StepTables, of_step
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.selection import EXPECTED, MINIMAX, require_expected, require_selects
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown
from cidmesa.solve.policies.step_model import StepModel
from cidmesa.solve.tables.exact_numbers import fractions

REWARD = "reward"
"""What the score of tables is called."""

ACT = "act"
"""What the decision of tables is called."""

OVER = "over"
"""The value of every target of an environment whose episode is over."""


@dataclass(frozen=True, eq=False, slots=True)
class Optimum:
    """What is best for the base in one distribution: its optimal actions, shape (T, S, A), and what they earn."""

    may: Mask
    value: Fraction


class SequenceSetup(Shown):
    r"""A step that is taken so many times, how its learner is trained and where it is deployed.

    Parameters
    ----------
    step
        A model of one step (:func:`cidmesa.unroll`): some chance nodes ``x`` become ``x'``; one decision observes all
        of these ``x`` and nothing else; utilities are paid in every step.
    horizon
        How many steps an episode has, T.
    deployments
        Name → ``{node of the step: mechanism}`` or :class:`cidmesa.Deployment`. The mechanisms of ``x`` say how a
        sequence begins, those of ``x'`` how it goes on.
    selects
        What training selects rules by. ``"expected"``: the base utility on average over all that training shows.
        ``"minimax regret"``: the base regret in the worst *level* that it shows, however rare; see
        :mod:`cidmesa.mesa.sequences.levels`.
    level_nodes
        The nodes of the state that a level consists of, as they are when a sequence begins; by default all of them.
        What else is drawn at random is averaged over, within a level.
    clock
        Whether a rule may depend on how many moves are left. ``False``: one stationary rule serves all moves, and
        answers are two-sided; see :mod:`cidmesa.mesa.sequences.without_clock`.

    Attributes
    ----------
    tables
        ``"training"`` and the deployments → their :class:`~cidmesa.mesa.sequences.tables.StepTables`.
    horizon
        T.
    step
        The step as a training setup, a diagram of one step; ``None`` where tables were given.
    levels
        How a sequence begins in each level; ``None`` where training selects by the expected score.

    Raises
    ------
    NotApplicableError
        A horizon that is no whole number of at least 1; a decision that observes other things than the state, whose
        actions are restricted, or that is not the only one: :func:`cidmesa.unroll` and a diagram serve then.
    DiagramError, MechanismError, UnknownNodeError
        As for :class:`cidmesa.TrainingSetup`; a level node that is no part of the state.

    Examples
    --------
    See the module.
    """

    def __init__(
        self,
        step: CIM,
        horizon: int,
        deployments: Mapping[str, Any] | None = None,
        *,
        selects: str = EXPECTED,
        level_nodes: Iterable[str] | None = None,
        clock: bool = True,
    ) -> None:
        require_count(horizon, "horizon")
        if selects == MINIMAX and not clock:
            raise NotApplicableError(
                "the worst level of one rule for all moves is not known: clock=True, or selects='expected'."
            )
        require_selects(selects, level_nodes)
        if not isinstance(step, CIM):
            raise NotApplicableError(
                f"a sequence is made of a step, a model: cid.parameterise(..); got {shortened(step)}. From arrays: "
                "SequenceSetup.of_tables(..)."
            )
        setup = TrainingSetup(step, deployments)
        setup.require_model("a sequence")
        paid = {utility: domain_of(setup, utility) for utility in setup.score}
        made = {name: of_step(setup.deployed(name), paid) for name in setup.distributions}
        levels = levels_of(made[TRAINING], step.cid, level_nodes) if selects == MINIMAX else None
        self._fill(made, int(horizon), setup, levels, clock)

    def _fill(
        self,
        tables: Mapping[str, StepTables],
        horizon: int,
        step: TrainingSetup | None,
        levels: StartLevels | None,
        clock: bool,
    ) -> None:
        self.tables: Mapping[str, StepTables] = ReadOnly(tables)
        self.horizon = horizon
        self.step = step
        self.levels = levels
        self.clock = clock
        self._optima: dict[str, Optimum] = {}

    @classmethod
    def of_tables(
        cls,
        model: StepModel,
        reward: Any,
        horizon: int,
        *,
        targets: Mapping[str, Any],
        deployments: Mapping[str, StepModel | tuple[StepModel, Any]] | None = None,
        clock: bool = True,
    ) -> SequenceSetup:
        """Return the setup of a step that is given as arrays.

        Parameters
        ----------
        model
            States, actions and successors.
        reward
            What the base is paid: numbers by the state that is arrived at, shape (S,), or by state and action, (S, A).
        horizon
            How many steps an episode has.
        targets
            Name → what it is: a value for each state that is arrived at, S of them, or for each state and each action.
        deployments
            Name → another model with the same states and actions, or a pair of a model and a reward.
        clock
            Whether a rule may depend on how many moves are left.

        Raises
        ------
        NotApplicableError
            Shapes that do not fit.

        Examples
        --------
        >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
        >>> from dataclasses import replace
        >>> there = replace(corridor, start=np.array([0, 1, 0], dtype=object))
        >>> setup = SequenceSetup.of_tables(corridor, [0, 0, 1], 2, targets={"in": ["a", "b", "c"]},
        ...                                 deployments={"half-way": there})
        >>> setup.optimum("training").value, setup.optimum("half-way").value
        (Fraction(1, 1), Fraction(2, 1))
        """
        require_count(horizon, "horizon")
        for one in (model, *((deployments or {}).values())):
            if not isinstance(one[0] if isinstance(one, tuple) else one, StepModel):
                raise NotApplicableError(
                    f"tables are those of a StepModel, cidmesa.solve.policies.step_model; got {shortened(one)}."
                )
        given = {TRAINING: (model, reward)}
        for name, what in (deployments or {}).items():
            given[name] = what if isinstance(what, tuple) else (what, reward)
        shape = model.successors.shape[:2]
        numbers = {}
        for name, (there, paid) in given.items():
            if there.successors.shape[:2] != shape:
                raise NotApplicableError(
                    f"deployment '{name}' has {there.successors.shape[:2]} states and actions and training {shape}: "
                    "the same for all, since the rule is the same."
                )
            numbers[name] = np.asarray(paid, dtype=np.float64)
        domain = tuple(sorted({x for table in numbers.values() for x in table.ravel().tolist()}))
        if not all(math.isfinite(x) for x in domain):
            raise NotApplicableError(f"a reward is a finite number; got {domain[0]} to {domain[-1]}.")
        if REWARD in targets:
            raise NotApplicableError(f"`{REWARD}` is the score's own name: call the target something else.")
        read = {name: _numbered(name, what, shape) for name, what in targets.items()}
        domains = {**{name: values for name, (_, values) in read.items()}, REWARD: domain}
        made = {}
        for name, (there, _) in given.items():
            labels = {**{target: found for target, (found, _) in read.items()}}
            labels[REWARD] = np.searchsorted(np.array(domain), numbers[name])
            outcomes = {target: _by_branch(there, found, target) for target, found in labels.items()}
            made[name] = StepTables(there, outcomes, domains, (REWARD,), ACT)
        return cls.of_worlds(made, horizon, clock=clock)

    @classmethod
    def of_gymnasium(
        cls,
        env: Any,
        horizon: int,
        *,
        targets: Mapping[str, Any] | None = None,
        deployments: Mapping[str, Any] | None = None,
        clock: bool = True,
    ) -> SequenceSetup:
        """Return the setup of an environment of gymnasium that shows its tables, as FrozenLake, CliffWalking, Taxi do.

        Parameters
        ----------
        env
            With ``P[s][a]``, a list of (probability, next state, reward, done), and ``initial_state_distrib``.
        horizon
            How many steps an episode has.
        targets
            Name → a function of the state that a step arrives at. ``arrives``, that state itself, is always one; where
            an episode is over it is ``"over"``, and the functions are not asked: a target is ``"over"`` too.
        deployments
            Name → another such environment with the same states and actions.
        clock
            Whether a rule may depend on how many moves are left.

        Notes
        -----
        A transition that is *done* arrives at the state that is listed, once; from then on the episode is over.

        Examples
        --------
        >>> class Door:
        ...     P = {0: {0: [(0.9, 0, 0.0, False), (0.1, 1, 1.0, True)]}, 1: {0: [(1.0, 1, 0.0, True)]}}
        ...     initial_state_distrib = [1.0, 0.0]
        >>> setup = SequenceSetup.of_gymnasium(Door(), 2, targets={"through": lambda state: state == 1})
        >>> setup.optimum("training").value, setup.tables["training"].domains["through"]
        (Fraction(19, 100), (False, True, 'over'))
        """
        require_count(horizon, "horizon")
        worlds = {TRAINING: env, **(deployments or {})}
        branches = {name: _transitions(world) for name, world in worlds.items()}
        count, actions = branches[TRAINING].model.successors.shape[:2]
        for name, found in branches.items():
            if found.model.successors.shape[:2] != (count, actions):
                raise NotApplicableError(f"deployment '{name}' has other states or actions than training.")
        domain = tuple(sorted({x for found in branches.values() for x in found.paid.ravel().tolist()}))
        values: dict[str, list[Any]] = {"arrives": [*range(count - 1), OVER]}
        for target, function in (targets or {}).items():
            if target in {*values, REWARD}:
                raise NotApplicableError(f"`{target}` is taken: call the target something else.")
            values[target] = [*(function(state) for state in range(count - 1)), OVER]
        made = {}
        for name, found in branches.items():
            outcomes, domains = {}, {}
            for target, by_state in values.items():
                domains[target] = tuple(dict.fromkeys(by_state))
                outcomes[target] = np.array([domains[target].index(x) for x in by_state])[found.arrives]
            outcomes[REWARD] = np.searchsorted(np.array(domain), found.paid)
            made[name] = StepTables(found.model, outcomes, {**domains, REWARD: domain}, (REWARD,), ACT)
        return cls.of_worlds(made, horizon, clock=clock)

    @classmethod
    def of_worlds(
        cls,
        tables: Mapping[str, StepTables],
        horizon: int,
        step: TrainingSetup | None = None,
        levels: StartLevels | None = None,
        *,
        clock: bool = True,
    ) -> SequenceSetup:
        """Return the setup of tables that fit together, ``"training"`` and the deployments.

        `step` draws them; where there are `levels`, training selects by the worst of them; `clock` is whether a rule
        may depend on how many moves are left.
        """
        made = cls.__new__(cls)
        made._fill(tables, int(horizon), step, levels, clock)
        return made

    # What is in it ----------------------------------------------------------------------------------------------------

    @property
    def deployments(self) -> tuple[str, ...]:
        """The names of the deployments."""
        return tuple(name for name in self.tables if name != TRAINING)

    @property
    def training(self) -> StepTables:
        """The tables of training."""
        return self.tables[TRAINING]

    @property
    def score(self) -> tuple[str, ...]:
        """What training adds up."""
        return self.training.score

    @property
    def decision(self) -> str:
        """The decision of the step."""
        return self.training.decision

    @property
    def nodes(self) -> tuple[str, ...]:
        """What objectives can be about, in order."""
        return tuple(self.training.outcomes)

    @property
    def selects(self) -> str:
        """What training selects rules by."""
        return EXPECTED if self.levels is None else MINIMAX

    @property
    def level_nodes(self) -> tuple[str, ...]:
        """What a level consists of; nothing where training selects by the expected score."""
        return () if self.levels is None else self.levels.nodes

    @property
    def unrolled(self) -> CIM:
        """The diagram of the whole sequence in training, :func:`cidmesa.unroll`."""
        if self.step is None or self.step.model is None:
            raise NotApplicableError("a sequence of tables has no diagram: StepModel arrays are all there is.")
        return unroll(self.step.model, self.horizon)

    def as_training_setup(self) -> TrainingSetup:
        """Return the same with all moves drawn, on which agents are trained and judged while that is small.

        ``drawn = setup.as_training_setup()``, and then what is done with any other setup: `derive_mesa_optimizers`,
        `train`, `validate`, `report`. The nodes are called ``x@t``; see :mod:`cidmesa.mesa.sequences.as_diagram`.
        """
        return as_training_setup(self)

    def at(self, name: str) -> StepTables:
        """Return the tables of training or of a deployment; raise if there is none of this name."""
        if name not in self.tables:
            raise unknown(name, self.tables, what="a deployment of this setup")
        return self.tables[name]

    def optimum(self, name: str) -> Optimum:
        """Return what is best for the base in training or in a deployment."""
        tables = self.at(name)
        if name not in self._optima:
            self._optima[name] = Optimum(*sweeps.optimal(tables.model, tables.base, self.horizon))
        return self._optima[name]

    def require_model(self, question: str) -> CIM:
        """Raise: what needs a model of all decisions at once has to be asked of the unrolled diagram."""
        raise NotApplicableError(
            f"{question} needs a diagram, and a sequence is swept state by state. While it is small, draw all moves: "
            "drawn = setup.as_training_setup(), family = cm.derive_mesa_optimizers(drawn, ..), and cm.train(drawn, ..)."
        )

    def require_expected(self, question: str) -> None:
        """Raise where training selects by anything but the expected score, and an answer is about that alone."""
        require_expected(self, question)

    def controls(self, names: Sequence[str]) -> bool:
        """Say whether a decision influences one of these within the horizon (C1); of tables it is taken to."""
        if self.step is None:
            return True
        steps = min(self.horizon, len(self.step.cid.nodes) + 1)  # more of them bring nothing new below a decision
        cid = unroll(self.step.cid, steps)
        below = frozenset().union(*(cid.descendants(decision) for decision in cid.decisions))
        copies = (f"{name.removesuffix(NEXT)}@{t + name.endswith(NEXT)}" for name in names for t in range(steps))
        return any(copy in below for copy in copies)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "distribution": name,
                "states it begins in": int(tables.model.start.astype(bool).sum()),
                "best return" if self.clock else "best return with a clock": float(self.optimum(name).value),
            }
            for name, tables in self.tables.items()
        ]

    def _caption(self) -> str:
        return repr(self)

    def _note(self) -> str:
        return "" if self.levels is None else f"selects by {MINIMAX}, over {self.levels.said()}"

    def __repr__(self) -> str:
        states, actions = self.training.model.successors.shape[:2]
        how = "" if self.levels is None else f"; selects: {MINIMAX}"
        how += "" if self.clock else "; one rule for all moves"
        return f"SequenceSetup({states} states, {actions} actions, {self.horizon} steps; {', '.join(self.tables)}{how})"


# Tables that are given ------------------------------------------------------------------------------------------------


def _numbered(name: str, what: Any, shape: tuple[int, int]) -> tuple[Ints, tuple[Hashable, ...]]:
    """Return the numbers of a target's values by state, or by state and action, and the values."""
    rows = what.tolist() if isinstance(what, np.ndarray) else list(what)
    by_action = bool(rows) and all(isinstance(row, list) for row in rows)
    flat = [value for row in rows for value in row] if by_action else rows
    if len(rows) != shape[0] or (by_action and any(len(row) != shape[1] for row in rows)):
        raise NotApplicableError(
            f"target `{name}` has a value for each of {shape[0]} states, or for each state a list of one for each of "
            f"{shape[1]} actions; got {len(rows)} entries."
        )
    domain = tuple(dict.fromkeys(flat))
    number = {value: i for i, value in enumerate(domain)}
    found: Ints = np.array([number[value] for value in flat], dtype=np.intp)
    return (found.reshape(shape) if by_action else found), domain


def _by_branch(model: StepModel, labels: Ints, name: str) -> Ints:
    """Return labels by the state that is arrived at, or by state and action, for every branch."""
    if labels.shape == model.successors.shape[:1]:
        return np.asarray(labels[model.successors])
    if labels.shape == model.successors.shape[:2]:
        return np.array(np.broadcast_to(labels[..., None], model.successors.shape))
    raise NotApplicableError(
        f"`{name}` is given by state, shape {model.successors.shape[:1]}, or by state and action, shape "
        f"{model.successors.shape[:2]}; got {labels.shape}."
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Transitions:
    """The transitions of an environment: where they lead, what they pay, and which state they arrive at."""

    model: StepModel
    paid: Array
    arrives: Ints


def _transitions(env: Any) -> _Transitions:
    """Read an environment's tables branch by branch; one more state, the last, is where an episode is over."""
    inner = getattr(env, "unwrapped", env)
    StepModel.of_gymnasium(inner)  # raises where there are no tables, or no laws
    table, over = inner.P, len(inner.P)
    actions, most = len(table[0]), max(len(rows) for by_action in table.values() for rows in by_action.values())
    shape = over + 1, actions, most
    successors, arrives = np.full(shape, over, dtype=np.intp), np.full(shape, over, dtype=np.intp)
    chances, paid = np.zeros(shape, dtype=object), np.zeros(shape)
    chances[over, :, 0] = Fraction(1)
    for state in range(over):
        for action in range(actions):
            rows = table[state][action]
            laws = fractions([float(p) for p, *_ in rows])
            for b, (p, (_, following, reward, done)) in enumerate(zip(laws, rows, strict=True)):
                chances[state, action, b], paid[state, action, b] = p, float(reward)
                arrives[state, action, b] = int(following)
                successors[state, action, b] = over if done else int(following)
    unit = math.lcm(*(Fraction(p).denominator for p in chances.ravel()))
    weights = np.array([int(p * unit) for p in chances.ravel()], dtype=object).reshape(shape)
    begins = fractions([*map(float, inner.initial_state_distrib), 0.0])
    whole = math.lcm(*(p.denominator for p in begins))
    start = np.array([int(p * whole) for p in begins], dtype=object)
    model = StepModel(successors, weights, unit, start, (*range(over), OVER), tuple(range(actions)))
    return _Transitions(model, paid, arrives)
