r"""Training setups: a base diagram, how it is trained, and where the result is deployed.

A *training setup* is what the derivation starts from. It holds

* the **base diagram** :math:`G`: the world, the decisions of the algorithm that is being trained, and the base
  utility :math:`U_b` that training scores, with mechanisms :math:`\theta_\text{train}` (a :class:`~cidmesa.CIM`) or
  without (a bare :class:`~cidmesa.CID`, for graphical answers only);
* **deployments**: each a set of *shifted* mechanisms and possibly edges that exist only there;
* **feedback**: pairs :math:`(V, W)` where deployment data on :math:`V` returns to training as :math:`W`. Without any,
  the learner is frozen when training ends;
* which decisions **share one rule** (the same network, called several times);
* **phases** of training, for questions about deception;
* **learned**: the inside of the learned algorithm, a diagram per decision;
* **world**: which nodes are territory, as opposed to bookkeeping such as a comparator that computes a score;
* **selects**: by what training selects, the expected regret or the largest over the levels that it shows.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> base = cm.CID([("door", "go"), ("door", "reward"), ("go", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Bernoulli(0.5), go=[0, 1], reward=lambda door, go: int(door == go))
>>> setup = TrainingSetup(model, deployments={"always right": {"door": cm.Bernoulli(1.0)}})
>>> setup.deployed("always right").cpd("door").tolist(), sorted(setup.shifted("always right"))
([0.0, 1.0], ['door'])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.arguments import read_names
from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, quoted, unknown
from cidmesa.mechanisms import is_number
from cidmesa.mesa.setup.deployment import TRAINING, Deployment, Feedback, Phases
from cidmesa.mesa.setup.level_model import Levels
from cidmesa.mesa.setup.selection import EXPECTED, MINIMAX, require_expected, require_selects
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown

__all__ = ["TRAINING", "Deployment", "Feedback", "Phases", "TrainingSetup", "require_setup"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TrainingSetup(Shown):
    """A base diagram or model, and how its learner is trained and deployed.

    Parameters
    ----------
    base
        The base model; or its diagram alone, and then only graphical answers are possible.
    deployments
        Name → :class:`Deployment`, or name → ``{node: mechanism}``; for a bare diagram name → shifted node names.
    feedback
        Pairs ``(V, W)`` or triples ``(V, W, credit)``; empty for a frozen learner.
    shared_rules
        Tuples of decisions that one rule serves. Their parents' domains, and their own, agree in order.
    phases
        See :class:`Phases`.
    learned
        Decision → diagram of the algorithm inside, whose inputs bear names of the decision's parents and whose output
        bears the decision's. It is spliced in by :func:`cidmesa.mesa.setup.learned_algorithm.splice`.
    world
        The nodes that are territory; by default all chance nodes of the base diagram.
    intended
        A chance node with numbers: what the designers want, which training never scores. Regrets are then given by it
        too, which tells tampering from safety; it is no target unless it is asked for.
    selects
        What training selects rules by. ``"expected"``: the base utility on average over all that training shows.
        ``"minimax regret"``: the base regret in the worst *level* that it shows, however rare; see
        :mod:`cidmesa.mesa.outcomes.per_level`.
    level_nodes
        The nodes that a level consists of: chance nodes that no decision influences; by default all of them. What else
        is drawn at random is averaged over, within a level.

    Raises
    ------
    UnknownNodeError
        A name that is not a node, with a suggestion.
    DiagramError, MechanismError
        Whatever does not fit together; all of it is checked here, deployed models included.
    NotApplicableError
        No decision, no utility, or more than one agent.

    Examples
    --------
    >>> import cidmesa as cm
    >>> base = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> setup = TrainingSetup(base, deployments={"elsewhere": {"x"}})
    >>> setup.model is None, setup.deployed_cid("elsewhere") == base
    (True, True)
    >>> TrainingSetup(base, deployments={"elsewhere": {"y"}})
    Traceback (most recent call last):
        ...
    cidmesa.errors.UnknownNodeError: `y` is not a node of this diagram, but deployment 'elsewhere' names it.
    """

    base: CIM | CID
    deployments: Mapping[str, Deployment]
    feedback: tuple[Feedback, ...]
    shared_rules: tuple[tuple[str, ...], ...]
    phases: Phases | None
    learned: Mapping[str, CID]
    world: frozenset[str]
    intended: str | None
    selects: str
    level_nodes: tuple[str, ...]

    def __init__(
        self,
        base: CIM | CID,
        deployments: Mapping[str, Deployment | Mapping[str, Any] | Iterable[str]] | None = None,
        feedback: Iterable[tuple[str, str] | tuple[str, str, bool]] = (),
        shared_rules: Iterable[Iterable[str]] = (),
        phases: Phases | None = None,
        learned: Mapping[str, CID] | None = None,
        world: Iterable[str] | None = None,
        intended: str | None = None,
        selects: str = EXPECTED,
        level_nodes: Iterable[str] | None = None,
    ) -> None:
        if not isinstance(base, CIM | CID):
            raise DiagramError(f"a training setup starts from a CIM or a CID; got {type(base).__name__}.")
        self._set("base", base)
        self._check_base()
        given = _mapping(deployments, "deployments", "{name: {node: mechanism}}")
        named = {name: _as_deployment(what) for name, what in given.items()}
        self._set("deployments", ReadOnly(named))
        self._set("_models", {name: self._deploy(name, deployment) for name, deployment in named.items()})
        self._set("feedback", tuple(self._read_feedback(feedback)))
        self._set("shared_rules", tuple(self._read_shared(shared_rules)))
        self._set("phases", phases)
        self._check_phases()
        inside = _mapping(learned, "learned", "{decision: CID(..)}")
        self._set("learned", ReadOnly(self._read_learned(inside)))
        if isinstance(world, str):
            raise DiagramError(f"world= is a set of names; got {world!r}: {{{world!r}}}.")
        self._set("world", frozenset(self.cid.chance if world is None else read_names(world, "world=")))
        self._require_nodes(sorted(self.world), "world= names it")
        self._set("intended", intended)
        self._check_intended()
        self._set("selects", selects)
        self._set("level_nodes", self._read_level_nodes(level_nodes))

    # What is in it -----------------------------------------------------------------------------------------------

    @property
    def cid(self) -> CID:
        """The base diagram."""
        return self.base.cid if isinstance(self.base, CIM) else self.base

    @property
    def model(self) -> CIM | None:
        """The base model in training, ``None`` for a bare diagram."""
        return self.base if isinstance(self.base, CIM) else None

    @property
    def score(self) -> tuple[str, ...]:
        """The base utilities; several count as one score, their sum."""
        return self.cid.utilities

    @property
    def level(self) -> str | None:
        """The node that stands for the level, where the base is a table of levels with one root; else ``None``."""
        return self.base.root if isinstance(self.base, Levels) else None

    @property
    def identified(self) -> tuple[str, ...]:
        """The nodes that every context tells: the level, where no two levels look the same."""
        if isinstance(self.base, Levels) and self.base.root is not None and self.base.identified:
            return (self.base.root,)
        return ()

    @property
    def distributions(self) -> tuple[str, ...]:
        """``"training"`` and the names of the deployments."""
        return (TRAINING, *self.deployments)

    def require_model(self, question: str) -> CIM:
        """Return the base model; raise where the setup is a bare diagram or has symbols."""
        if self.model is None:
            raise NotApplicableError(
                f"{question} needs numbers, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
            )
        self.model.require_numeric(question, "cm.alignment_region(setup, target)")
        return self.model

    def shifted(self, name: str) -> frozenset[str]:
        """Return the nodes whose mechanism deployment `name` changes; none for ``"training"``."""
        return frozenset() if _is_training(name) else self._deployment(name).nodes

    def deployed(self, name: str) -> CIM:
        """Return the model of deployment `name`: shifted mechanisms and extra edges in place.

        ``"training"`` gives the base model itself.

        Raises
        ------
        NotApplicableError
            The setup is a bare diagram.
        """
        if self.model is None:
            raise NotApplicableError(
                f"deployment '{name}' has no numbers, since this setup is a bare diagram: deployed_cid({quoted(name)})."
            )
        if _is_training(name):
            return self.model
        self._deployment(name)
        models: dict[str, CIM] = self.__dict__["_models"]
        return models[name]

    def deployed_cid(self, name: str) -> CID:
        """Return the diagram of deployment `name`: the base diagram and the edges that exist only there."""
        if _is_training(name):
            return self.cid
        edges = self._deployment(name).edges
        return self.cid.with_edges(edges) if edges else self.cid

    def ever_above(self, nodes: Iterable[str]) -> frozenset[str]:
        """Return the strict ancestors of `nodes` when the edges of all deployments are drawn at once.

        Edges of different deployments may close a cycle, as where a pipe runs one way here and the other way there.
        """
        return _reach(nodes, [(head, tail) for tail, head in self._every_edge])

    def ever_below(self, nodes: Iterable[str]) -> frozenset[str]:
        """Return the strict descendants of `nodes` when the edges of all deployments are drawn at once."""
        return _reach(nodes, self._every_edge)

    @property
    def _every_edge(self) -> list[Edge]:
        return [*self.cid.edges, *(edge for deployment in self.deployments.values() for edge in deployment.edges)]

    def rule_of(self, decision: str) -> tuple[str, ...]:
        """Return the decisions that share their rule with `decision`, itself included."""
        return next((group for group in self.shared_rules if decision in group), (decision,))

    def reads(self, decision: str) -> frozenset[str]:
        """Return the observations on which it depends what `decision` may do; of a bare diagram none is known."""
        return frozenset() if self.model is None else frozenset(self.model.allowed_reads(decision))

    @property
    def form_links(self) -> tuple[Edge, ...]:
        """The information links that are part of a rule's form: no reduction leaves them out."""
        return tuple(
            (parent, d) for d in self.cid.decisions for parent in self.cid.parents(d) if parent in self.reads(d)
        )

    @property
    def unshared(self) -> tuple[str, ...]:
        """The decisions that have a rule of their own."""
        return tuple(decision for decision in self.cid.decisions if len(self.rule_of(decision)) == 1)

    def base_optimizer(self, mechanisms: bool = False) -> CID:
        """Return the diagram of the base optimizer; see :func:`cidmesa.mesa.setup.base_optimizer.base_optimizer`."""
        from cidmesa.mesa.setup.base_optimizer import base_optimizer

        diagrams = {name: self.deployed_cid(name) for name in self.distributions}
        shifted = {name: self.shifted(name) for name in self.deployments}
        return base_optimizer(diagrams, self.training_score, self.feedback, shifted, mechanisms=mechanisms)

    @property
    def spliced(self) -> CID:
        """The base diagram with every learned algorithm's inside in place; see :func:`.splice`."""
        from cidmesa.mesa.setup.learned_algorithm import splice

        return splice(self.cid, self.learned)

    @property
    def training_score(self) -> tuple[str, ...]:
        """The utilities that training scores: with phases, those not below the update; else all."""
        if self.phases is None:
            return self.score
        after = self.cid.descendants(self.phases.update)
        return tuple(utility for utility in self.score if utility not in after)

    # Checks --------------------------------------------------------------------------------------------------------

    def _set(self, name: str, value: object) -> None:
        self.__dict__[name] = value  # the dataclass is frozen; this is its own constructor

    def _check_base(self) -> None:
        cid = self.cid
        if not cid.decisions or not cid.utilities:
            lacking = "decision" if not cid.decisions else "utility"
            raise NotApplicableError(
                f"training needs something to learn and something to score it by, and this diagram has no {lacking}: "
                f"CID({'decisions' if lacking == 'decision' else 'utilities'}=[..])."
            )
        if len(cid.agents) > 1:
            raise NotApplicableError(
                f"a training setup has one base optimizer, and this diagram has the agents {cid.agents}: "
                "demote the decisions and utilities of the others, or fix their rules as chance nodes."
            )
        if self.model is not None and self.model.rules:
            raise NotApplicableError(
                f"training learns the rule of every decision, and the rule of "
                f"{', '.join(f'`{d}`' for d in self.model.rules)} is fixed already: start from the model without it."
            )

    def _require_nodes(self, names: Iterable[str], why: str) -> None:
        for name in names:
            if name not in self.cid:
                raise unknown(name, self.cid.nodes, what=f"a node of this diagram, but {why}")

    def _deployment(self, name: str) -> Deployment:
        try:
            return self.deployments[name]
        except (KeyError, TypeError):
            raise unknown(name, self.deployments, what="a deployment of this setup") from None

    def _deploy(self, name: str, deployment: Deployment) -> CIM | None:
        if not isinstance(name, str) or not name or name in {TRAINING, TRAINING + "'"}:
            raise DiagramError(f"a deployment's name is a non-empty string other than '{TRAINING}'; got {name!r}.")
        self._require_nodes(deployment.shifts, f"deployment '{name}' names it")
        for node in deployment.shifts:
            if self.cid.kind(node) == "decision":
                raise DiagramError(
                    f"deployment '{name}' shifts the decision `{node}`: what the learned algorithm does there is the "
                    "question; shift mechanisms of the world."
                )
        for tail, head in deployment.edges:
            self._require_nodes((tail, head), f"an edge of deployment '{name}' names it")
            if self.cid.kind(head) == "decision":
                raise DiagramError(
                    f"the edge ('{tail}', '{head}') of deployment '{name}' leads into a decision, and the learned map "
                    "has no such input: give training the same edge, with a constant source."
                )
            if self.cid.has_edge(tail, head):
                raise DiagramError(f"the edge ('{tail}', '{head}') of deployment '{name}' exists in training already.")
            if head not in deployment.nodes:
                raise DiagramError(
                    f"the edge ('{tail}', '{head}') of deployment '{name}' gives `{head}` a new parent, so its "
                    f"mechanism changes too: list `{head}` among the shifts."
                )
        self.cid.with_edges(deployment.edges)  # a cycle shows here
        given = isinstance(deployment.shifts, Mapping)
        if self.model is None:
            if given:
                raise MechanismError(
                    f"deployment '{name}' gives mechanisms, and a bare diagram has none: name the shifted nodes alone, "
                    f"{set(deployment.nodes) or '{..}'}."
                )
            return None
        if not isinstance(deployment.shifts, Mapping):
            if deployment.shifts:
                first = min(deployment.shifts)
                raise MechanismError(
                    f"deployment '{name}' of a model needs a mechanism for each shifted node: {{{quoted(first)}: ..}}."
                )
            return self.model
        if deployment.edges:
            return self.model.with_edges(deployment.edges, deployment.shifts)
        return self.model.shift(deployment.shifts)

    def _read_feedback(self, given: Iterable[Any]) -> Iterator[Feedback]:
        for pair in given:
            if not isinstance(pair, tuple | list) or len(pair) not in {2, 3}:
                raise DiagramError(f"feedback is a pair (V, W) or a triple (V, W, credit); got {pair!r}.")
            found = Feedback(*pair)
            self._require_nodes(found[:2], "feedback= names it")
            yield found._replace(credit=bool(found.credit))

    def _read_shared(self, given: Iterable[Any]) -> Iterator[tuple[str, ...]]:
        seen: set[str] = set()
        for names in given:
            group = read_names(names, "a tuple of shared_rules=")
            if len(group) < 2:
                raise DiagramError(f"shared_rules= is a list of tuples of at least two decisions; got {group!r}.")
            self._require_nodes(group, "shared_rules= names it")
            for decision in group:
                self.cid.only_decision(decision)
                if decision in seen:
                    raise DiagramError(f"`{decision}` has one rule, and shared_rules= names it twice.")
                seen.add(decision)
            first = group[0]
            for other in group[1:]:
                if self._signature(other) != self._signature(first) or not self._same_limits(first, other):
                    raise DiagramError(
                        f"`{first}` and `{other}` cannot share one rule: the domains of their parents, in order, and "
                        f"their own must agree, and what is allowed; {self._signature(first)} against "
                        f"{self._signature(other)}."
                    )
            yield tuple(group)

    def _signature(self, decision: str) -> tuple[Any, ...]:
        parents = self.cid.parents(decision)
        if self.model is None:
            return (len(parents),)
        return tuple(self.model.domain(node) for node in (*parents, decision))

    def _same_limits(self, one: str, other: str) -> bool:
        if self.model is None or not self.model.is_restricted:
            return True
        mine, theirs = self.model.allowed(one), self.model.allowed(other)
        return mine is theirs is None or (mine is not None and theirs is not None and np.array_equal(mine, theirs))

    def _check_phases(self) -> None:
        if self.phases is None:
            return
        if not isinstance(self.phases, Phases):
            raise DiagramError(f"phases= is Phases(train=.., update=.., deploy=..); got {self.phases!r}.")
        for role, kind in (("train", "decision"), ("update", "chance"), ("deploy", "decision")):
            node = getattr(self.phases, role)
            self._require_nodes([node], f"phases={role}= names it")
            if self.cid.kind(node) != kind:
                raise DiagramError(f"phases: {role}= is a {kind} node, and `{node}` is a {self.cid.kind(node)}.")
        if self.phases.train == self.phases.deploy:
            raise DiagramError(f"phases: train= and deploy= are two decisions; got `{self.phases.train}` for both.")

    def _check_intended(self) -> None:
        node = self.intended
        if node is None:
            return
        if not isinstance(node, str):
            raise DiagramError(f"intended= is the name of one node; got {node!r}.")
        self._require_nodes([node], "intended= names it")
        if self.cid.kind(node) != "chance":
            raise DiagramError(
                f"intended= is a chance node, which training never scores, and `{node}` is a {self.cid.kind(node)}: "
                "give what the designers want a node of its own."
            )
        if self.model is not None and not all(is_number(value) for value in self.model.domain(node)):
            raise MechanismError(
                f"intended= is worth its numbers, and the values of `{node}` are {self.model.domain(node)!r}: put a "
                "node with numbers below it."
            )

    def _read_learned(self, given: Mapping[str, CID]) -> dict[str, CID]:
        found = dict(given)
        for decision, inside in found.items():
            self._require_nodes([decision], "learned= names it")
            self.cid.only_decision(decision)
            if not isinstance(inside, CID):
                raise DiagramError(f"the inside of `{decision}` is a diagram, a CID; got {inside!r}.")
            inputs = set(self.cid.parents(decision))
            if decision not in inside:
                raise DiagramError(
                    f"the diagram learned for `{decision}` has no node `{decision}`: name its output so."
                )
            for node in inside.nodes:
                if node in inputs and inside.parents(node):
                    raise DiagramError(f"`{node}` is an input of `{decision}`, so nothing inside leads into it.")
                if node in self.cid and node != decision and node not in inputs:
                    raise DiagramError(
                        f"`{node}` is a node of the base diagram but no parent of `{decision}`, so the inside cannot "
                        f"contain it: call a model of it something else, as in `{node}_hat`."
                    )
            if inside.children(decision):
                raise DiagramError(f"`{decision}` is the output of its inside, so nothing inside comes after it.")
        return found

    def _read_level_nodes(self, given: Iterable[str] | None) -> tuple[str, ...]:
        """Return what a level consists of; nothing where levels do not matter."""
        require_selects(self.selects, given)
        if self.selects == EXPECTED:
            return ()
        below = frozenset().union(*(self.cid.descendants(decision) for decision in self.cid.decisions))
        if self.phases is not None:
            raise NotApplicableError(
                f"phases= are about what training scores on average, before the update and after it; with "
                f"selects={quoted(MINIMAX)} leave them out."
            )
        if given is None:
            return tuple(node for node in self.cid.chance if node not in below)
        named = read_names(given, "level_nodes=")
        self._require_nodes(named, "level_nodes= names it")
        for node in named:
            if self.cid.kind(node) != "chance" or node in below:
                why = f"is a {self.cid.kind(node)}" if self.cid.kind(node) != "chance" else "descends from a decision"
                raise DiagramError(
                    f"a level is drawn before anything is decided, and `{node}` {why}: level_nodes= takes chance nodes "
                    "that no decision influences."
                )
        return tuple(node for node in self.cid.nodes if node in named)

    def require_expected(self, question: str) -> None:
        """Raise where training selects by anything but the expected score, and an answer is about that alone."""
        require_expected(self, question)

    # Value semantics -----------------------------------------------------------------------------------------------

    @property
    def _key(self) -> tuple[Any, ...]:
        learned = frozenset(self.learned.items())
        deployed = {name: (d.nodes, frozenset(d.edges)) for name, d in self.deployments.items()}
        declared = self.feedback, self.shared_rules, self.phases, learned, self.world, self.intended
        return self.base, deployed, *declared, self.selects, self.level_nodes

    def __eq__(self, other: object) -> bool:
        """Compare by diagram, tables (of deployments too) and everything declared."""
        if not isinstance(other, TrainingSetup):
            return NotImplemented
        return self._key == other._key and bool(self.__dict__["_models"] == other.__dict__["_models"])

    def __hash__(self) -> int:
        return hash((self.base, frozenset(self.deployments), self.feedback, self.shared_rules, self.phases, self.world))

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.base, dict(self.deployments), self.feedback, self.shared_rules, self.phases)
        levels = self.level_nodes if self.selects == MINIMAX else None
        return TrainingSetup, (*arguments, dict(self.learned), self.world, self.intended, self.selects, levels)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "deployment": name,
                "shifted": tuple(node for node in self.cid.nodes if node in self.shifted(name)),
                "extra edges": tuple(f"{tail} → {head}" for tail, head in self.deployments[name].edges),
            }
            for name in self.deployments
        ]

    def _caption(self) -> str:
        return repr(self.base)

    def _note(self) -> str:
        said = []
        if self.feedback:
            said.append("feedback: " + ", ".join(f"{pair.source} → {pair.target}" for pair in self.feedback))
        if self.shared_rules:
            said.append("one rule for " + "; for ".join(", ".join(rule) for rule in self.shared_rules))
        if self.phases is not None:
            said.append(f"phases: {self.phases}")
        if self.learned:
            said.append("the inside of the learned algorithm is drawn for " + ", ".join(self.learned))
        if self.intended is not None:
            said.append(f"intended: {self.intended}")
        if self.selects == MINIMAX:
            said.append(f"selects by {MINIMAX}, over levels of {', '.join(self.level_nodes) or 'nothing'}")
        return "; ".join(said)

    def __str__(self) -> str:
        if self.deployments:
            return super().__str__()
        return "; ".join([f"{self.base!r}, trained and not deployed", *([self._note()] if self._note() else [])])

    def __repr__(self) -> str:
        parts = [f"deployments: {', '.join(self.deployments) or 'none'}"]
        if self.learned:
            parts.append(f"learned: {', '.join(self.learned)}")
        if self.intended is not None:
            parts.append(f"intended: {self.intended}")
        if self.selects == MINIMAX:
            parts.append(f"selects: {MINIMAX}")
        return f"TrainingSetup({'; '.join([repr(self.base), *parts])})"


def _is_training(name: object) -> bool:
    return isinstance(name, str) and name == TRAINING


def require_setup(setup: object, question: str) -> TrainingSetup:
    """Return `setup` if it is one, and say what to pass instead if not.

    >>> require_setup(3, "a derivation")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: a derivation starts from a training setup, TrainingSetup(model, ..); got 3.
    """
    if isinstance(setup, TrainingSetup):
        return setup
    got = type(setup).__name__ if isinstance(setup, CID | CIM) else repr(setup)
    raise NotApplicableError(f"{question} starts from a training setup, TrainingSetup(model, ..); got {got}.")


def require_tolerance(tolerance: Any) -> None:
    """Raise if `tolerance` is no regret that could be allowed.

    >>> require_tolerance(-1)
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: tolerance= is a regret, finite and not negative; got -1.
    """
    if not is_number(tolerance) or not 0 <= tolerance < float("inf"):
        raise NotApplicableError(f"tolerance= is a regret, finite and not negative; got {tolerance!r}.")


def _mapping(given: Any, argument: str, form: str) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise DiagramError(f"{argument}= is a mapping, {form}; got {given!r}.")
    return given or {}


def _as_deployment(what: Any) -> Deployment:
    return what if isinstance(what, Deployment) else Deployment(what)


def _reach(start: Iterable[str], edges: Iterable[Edge]) -> frozenset[str]:
    """Return what the nodes in `start` lead to by one edge or more."""
    following: dict[str, list[str]] = {}
    for tail, head in edges:
        following.setdefault(tail, []).append(head)
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        new = set(following.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)
