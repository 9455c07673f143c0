r"""A population of trained agents: what they do, how they came about, keeping them.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          pay=lambda door, go: int(door == go))
>>> agents = cm.train(model, learner="exact", policy="tabular", agents=3, progress=False)
>>> len(agents), agents.probabilities("go").shape
(3, (3, 2, 2))
>>> agents.act({"door": ["left", "right", "left"]}, seed=0)["go"][0].tolist()
['left', 'right', 'left']
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa.agents import saving
from cidmesa.agents.acting import act_by_tables
from cidmesa.agents.block import Trained, as_bytes
from cidmesa.agents.inside import Changes, InnerNode, read_changes
from cidmesa.agents.learners.task import probabilities
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import agent_keys
from cidmesa.agents.thinking import Intervened, nodes_of, read
from cidmesa.arrays import Array, Floats
from cidmesa.errors import NotApplicableError
from cidmesa.identity import Identity
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown, said

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cidmesa.agents.recipe import Recipe


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
    curve
        Pairs (steps taken, expected score of each agent's rules then): the learning curve, exactly, without exploration
        and without luck. Empty where the model is too large for that; `earned` is what there is then.
    """

    recipe: Recipe
    _params: Params = field(repr=False)
    predictions: str | None = None
    earned: tuple[tuple[int, Floats], ...] = field(default=(), repr=False)
    registered: Identity | None = field(default=None, repr=False)
    stopped: tuple[tuple[int, int], ...] = ()
    curve: tuple[tuple[int, Floats], ...] = field(default=(), repr=False)
    _kept: tuple[tuple[int, Params], ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return self.recipe.agents

    def __eq__(self, other: object) -> bool:
        """Compare recipe, numbers (bit for bit), learning curves and what was registered."""
        if not isinstance(other, Agents):
            return NotImplemented
        return self is other or (
            (self.predictions, self.registered) == (other.predictions, other.registered)
            and self.recipe == other.recipe
            and as_bytes(self.trained, {}) == as_bytes(other.trained, {})
        )

    def __hash__(self) -> int:
        return hash((self.recipe, self.predictions))

    def __getstate__(self) -> dict[str, Any]:
        """Return what it was made of, without what was computed."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def trained(self) -> Trained:
        """What training left, as numbers."""
        return Trained(self._params, self.earned, self.curve, self._kept, self.stopped)

    @cached_property
    def checkpoints(self) -> Mapping[int, Agents]:
        """The agents as they were at ``checkpoints=``: steps taken → agents, the earliest first.

        Each is a population of its own: it acts, is judged, saved and trained again, up to that step.
        """
        found = {}
        for step, params in self._kept:
            recipe = replace(self.recipe, until=step)
            registered = None if self.registered is None else replace(self.registered, recipe=recipe.digest)
            found[step] = Agents(
                recipe,
                params,
                self.predictions,
                tuple((at, earned) for at, earned in self.earned if at < step),
                registered,
                tuple((agent, at) for agent, at in self.stopped if at < step),
                tuple((at, value) for at, value in self.curve if at <= step),
            )
        return ReadOnly(found)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the learning curve: the median agent's expected score along training, and the middle 80 % of agents.

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
            No curve was kept: the agents did not come from a training of steps.
        MissingDependencyError
            matplotlib is not installed.
        """
        from cidmesa.plots import curve, draw

        kept = self.curve or self.earned
        if not kept:
            raise NotApplicableError("these agents have no learning curve: train them with steps=, or print them.")
        steps, values = zip(*kept, strict=True)
        return draw(curve(steps, [row.tolist() for row in values], "expected score", "Learning curves"), ax)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the agents into a folder, as data that never runs; :func:`cidmesa.agents.load` reads them.

        Parameters
        ----------
        path
            The folder; what is in it stays until the new agents are whole.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        FileFormatError
            A value of a domain is no text, number, true, false, nothing or a tuple of these.

        Examples
        --------
        >>> import tempfile, cidmesa as cm
        >>> model = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"]).parameterise(
        ...     act=[0, 1], pay=lambda act: act)
        >>> agents = cm.train(model, learner="exact", agents=2, steps=5, progress=False)
        >>> cm.agents.load(agents.save(tempfile.mkdtemp())) == agents
        True
        """
        return saving.save(self, Path(path))

    def retrain(self, **change: Any) -> Agents:
        """Train the same agents again, in a changed world or without an observation; see :meth:`Recipe.retrain`."""
        return self.recipe.retrain(**change)

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

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """The inner nodes of the agents' body, by name; none of a table or an MLP. See :mod:`cidmesa.agents.inside`."""
        return nodes_of(self.recipe)

    def inner(self, node: str, observations: Mapping[str, Any] | None = None) -> Array:
        """Return the value of an inner node.

        Parameters
        ----------
        node
            Its name; ``"decision.name"`` where several decisions have one of that name.
        observations
            What its decision observes, by name, arrays ``(n,)``; every context if left out.

        Returns
        -------
        numpy.ndarray
            Shape ``(agents, contexts, *shape)``, contexts in C order over what the decision observes; where an encoder
            has several codes for a value, their average.

        Raises
        ------
        NotApplicableError
            The body has no such node.
        """
        return read(self.recipe, self._params, {}, node, observations)

    def do(self, changes: Changes) -> Intervened:
        """Return the agents as they act where inner nodes are changed.

        Parameters
        ----------
        changes
            Inner node → what takes its value's place: a constant that fits into ``(agents, n, *shape)``, or a function
            of the value, ``f(value)`` or ``f(value, seen)`` with ``seen`` what is observed, by name. Functions are
            asked in all contexts at once (n = contexts × codes), and of several each is one of the value that a node
            has of itself. :func:`cidmesa.agents.swap` makes one that exchanges two entries.

        Returns
        -------
        Intervened
            A population: it tells probabilities, acts, and is judged by :func:`cidmesa.validate`.

        Raises
        ------
        NotApplicableError
            The body has no such node, or what takes its value's place has another shape.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
        >>> model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda x, act: int(x == act))
        >>> agents = cm.train(model, policy="rnn", learner="exact", agents=2, steps=200, progress=False)
        >>> remembers_1 = agents.do({"memory": agents.inner("memory")[:, [1]]})
        >>> (remembers_1.probabilities("act")[:, 0] == agents.probabilities("act")[:, 1]).all()
        np.True_
        >>> agents.do({"plan": 0})
        Traceback (most recent call last):
            ...
        cidmesa.errors.NotApplicableError: undefined: this body has no node `plan`; it has `memory`.
        """
        return Intervened(self.recipe, self._params, read_changes(self.inside, changes))

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
