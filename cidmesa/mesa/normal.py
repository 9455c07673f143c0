r"""Several decisions: the same problem in normal form, policy by policy.

With several decisions a :class:`~cidmesa.mesa.law.Law` has one context, and its actions are the deterministic
policies :math:`\pi`, each with :math:`P(t \mid \pi)` and :math:`E[U_b \mid \pi]`. Nothing else changes: an objective is
strongly consistent iff all policies that are optimal for it are (nearly) optimal for the base.

Deterministic policies are enough where every decision has a rule of its own: an expectation is then linear in each
rule, so a stochastic policy is optimal only if every deterministic one in its support is, and the worst of these is no
better than it. This needs no recall and no order of the decisions, unlike a test decision by decision, which can call
an objective inconsistent for what it would do in contexts that its optimal policies never enter. A rule that several
decisions share is no exception as long as it acts only once on each utility and on the targets
(:func:`cidmesa.mesa.answers.needs_stochastic_rules`).

A **stale** optimizer in a deployment believes in training's model with the mechanisms of what is observed as in the
deployment; it cannot be stale in one context and not in another when one decision leads to the next.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup import TrainingSetup
>>> cid = cm.CID([("a", "b"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: 2 * a * b)
>>> law = NormalForm(TrainingSetup(model)).law("training", ["u"])
>>> law.value.tolist()  # b is told a: rules for b are (0, 0), (0, 1), (1, 0), (1, 1)
[[0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 2.0]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mesa.exact import exact_joint
from cidmesa.mesa.law import Law
from cidmesa.mesa.objectives import Values, domain_of
from cidmesa.mesa.setup import TRAINING
from cidmesa.mesa.shifts import reached_contexts, uniform_policy
from cidmesa.mesa.stale import stale_model
from cidmesa.solve import joint

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from cidmesa.mesa.cones import Floats
    from cidmesa.mesa.setup import TrainingSetup
    from cidmesa.model import CIM

POLICIES = 4096
"""Up to so many deterministic policies are listed."""


@dataclass(frozen=True, eq=False, slots=True)
class Families:
    """The values of all decisions and of what they observe, and which policies are in keeping with them.

    Attributes
    ----------
    names
        Parents of decisions and decisions, in node order.
    follows
        Booleans (policies, values of `names` in C order).
    """

    names: tuple[str, ...]
    follows: NDArray[np.bool_]


class NormalForm:
    """The laws of a setup with several decisions, policy by policy.

    Parameters
    ----------
    setup
        A setup with numbers.

    Raises
    ------
    NotApplicableError
        More than :data:`POLICIES` deterministic policies on contexts that some distribution reaches.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self.setup = setup
        self.model = setup.require_model("consistency")
        self.leaders = tuple(dict.fromkeys(setup.rule_of(d)[0] for d in setup.cid.decisions))
        self._domains: dict[str, Values] = {}
        self._live = {leader: self._live_contexts(leader) for leader in self.leaders}
        count = math.prod(self.model.card(leader) ** len(live) for leader, live in self._live.items())
        if count > POLICIES:
            raise NotApplicableError(
                f"several decisions are compared policy by policy, and this setup has {count:,} deterministic policies "
                f"(at most {POLICIES:,}): give the decisions fewer observations or values."
            )

    @property
    def is_complete(self) -> bool:
        """Policies are listed, and deterministic ones decide."""
        return True

    def domain(self, node: str) -> Values:
        """Return the values of a target."""
        if node not in self._domains:
            self._domains[node] = domain_of(self.setup, node)
        return self._domains[node]

    @cached_property
    def rules(self) -> Mapping[str, NDArray[np.intp]]:
        """Decision → the action of every policy in every context, shape (policies, contexts).

        In contexts that no distribution reaches under any policy all take the first action.
        """
        slots = [(leader, context) for leader in self.leaders for context in self._live[leader]]
        shape = [self.model.card(leader) for leader, _ in slots]
        listed = np.indices(shape, dtype=np.intp).reshape(len(slots), -1)
        found: dict[str, NDArray[np.intp]] = {}
        for leader in self.leaders:
            table = np.zeros((listed.shape[1], len(self.model.contexts(leader))), dtype=np.intp)
            for slot, (owner, context) in enumerate(slots):
                if owner == leader:
                    table[:, context] = listed[slot]
            found.update(dict.fromkeys(self.setup.rule_of(leader), table))
        return found

    def law(self, name: str, targets: Sequence[str]) -> Law:
        """Return the law of `targets` in a distribution, as it is: the competent reading."""
        model = self.setup.deployed(name)
        outcome = self._outcome(model, targets)
        return Law(np.ones(1), outcome[None], self.value(name)[None], self._exact(model, targets))

    def stale(self, name: str, targets: Sequence[str]) -> Law:
        """Return the law of `targets` as an optimizer believes it that never left training; the values are real."""
        outcome = self._outcome(stale_model(self.setup, name), targets)
        return Law(np.ones(1), outcome[None], self.value(name)[None])

    def value(self, name: str) -> Floats:
        """Return the expected base utility of every policy in a distribution; with phases, what training scores."""
        known: dict[str, Floats] = self.__dict__.setdefault("_values", {})
        if name not in known:
            model = self.setup.deployed(name)
            total = np.zeros(len(self._families.follows))
            for utility in self.setup.training_score if name == TRAINING else self.setup.score:
                total += self._outcome(model, [utility]) @ np.array(self.domain(utility), dtype=float)
            known[name] = total
        return known[name]

    def by_context(
        self, name: str, possible: NDArray[np.bool_], law: Law
    ) -> Mapping[str, Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]]:
        """Return the actions that possible policies take in the contexts that they themselves reach."""
        model = self.setup.deployed(name)
        chosen = np.flatnonzero(possible[0])
        found: dict[str, dict[tuple[Hashable, ...], tuple[Hashable, ...]]] = {}
        for decision in self.setup.cid.decisions:
            reached = self._outcome(model, self.setup.cid.parents(decision), own=False)[chosen] > 0
            rule = self.rules[decision][chosen]
            domain = model.domain(decision)
            found[decision] = {
                context: tuple(a for k, a in enumerate(domain) if (reached[:, i] & (rule[:, i] == k)).any())
                for i, context in enumerate(model.contexts(decision))
                if reached[:, i].any()
            }
        return found

    # How laws come about -------------------------------------------------------------------------------------------

    def _live_contexts(self, leader: str) -> tuple[int, ...]:
        """Return the contexts of a rule that some distribution reaches under some policy."""
        live = np.zeros(len(self.model.contexts(leader)), dtype=bool)
        for name in self.setup.distributions:
            for decision in self.setup.rule_of(leader):
                live |= reached_contexts(self.setup.deployed(name), decision).ravel()
        return tuple(np.flatnonzero(live).tolist())

    @cached_property
    def _families(self) -> Families:
        cid, model = self.setup.cid, self.model
        members = {node for decision in cid.decisions for node in (*cid.parents(decision), decision)}
        names = tuple(node for node in cid.nodes if node in members)
        shape = [model.card(node) for node in names]
        at = dict(zip(names, np.indices(shape).reshape(len(names), -1), strict=True))
        follows = np.ones((len(self.rules[cid.decisions[0]]), math.prod(shape)), dtype=bool)
        for decision in cid.decisions:
            parents = cid.parents(decision)
            context = np.zeros(math.prod(shape), dtype=np.intp)
            if parents:
                context = np.ravel_multi_index([at[p] for p in parents], [model.card(p) for p in parents])
            follows &= self.rules[decision][:, context] == at[decision]
        return Families(names, follows)

    def _outcome(self, model: CIM, targets: Sequence[str], own: bool = True) -> Floats:
        """Return the law of `targets` under every policy, shape (policies, values)."""
        names = self._axes(targets)
        scale = math.prod(model.card(decision) for decision in model.cid.decisions)
        law = joint(model, names, policy=uniform_policy(model)) * scale
        by_family: Floats = self._by_family(model, law, names, targets, own)
        return self._families.follows.astype(float) @ by_family

    def _exact(self, model: CIM, targets: Sequence[str]) -> Callable[[], NDArray[Any] | None]:
        known: list[NDArray[Any] | None] = []

        def compute() -> NDArray[Any] | None:
            if not known:
                names = self._axes(targets)
                law = exact_joint(model, names)
                if law is not None:
                    follows = self._families.follows.astype(np.int64).astype(object)
                    law = (follows @ self._by_family(model, law, names, targets, own=True))[None]
                known.append(law)
            return known[0]

        return compute

    def _axes(self, targets: Sequence[str]) -> list[str]:
        return list(dict.fromkeys((*self._families.names, *targets)))

    def _by_family(
        self, model: CIM, law: NDArray[Any], names: Sequence[str], targets: Sequence[str], own: bool
    ) -> NDArray[Any]:
        """Sum a joint law into an array (values of the families, values of the targets)."""
        at = dict(zip(names, np.indices(law.shape).reshape(len(names), -1), strict=True))
        families = self._families.names
        row = np.ravel_multi_index([at[n] for n in families], [model.card(n) for n in families])
        column = np.zeros(law.size, dtype=np.intp)
        width = 1
        for node in targets:
            position = at[node]
            size = len(self.domain(node)) if own else model.card(node)
            if model.cid.kind(node) == "utility":
                paid = np.unique(model.cpd(node)).tolist()
                position = np.array([self.domain(node).index(v) for v in paid])[position]
            column = column * size + position
            width *= size
        found = np.zeros((self._families.follows.shape[1], width), dtype=law.dtype)
        np.add.at(found, (row, column), law.ravel())
        return found
