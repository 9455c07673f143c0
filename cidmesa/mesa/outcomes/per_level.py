r"""What each action costs the base level by level, for trainers that select by the worst level.

A *level* :math:`\lambda` is what is drawn before anything is decided: a value of the setup's level nodes that training
shows. In it a rule :math:`\pi` has the regret

.. math:: Reg_\lambda(\pi) = \sum_{pa} P(pa \mid \lambda) \sum_a \pi(a \mid pa)
          \Big[ \max_b Q_\lambda(pa, b) - Q_\lambda(pa, a) \Big],

against the best rule for that level on what the decision observes. A trainer by **minimax regret** selects rules whose
largest regret :math:`\max_\lambda Reg_\lambda` is least. That least one, :math:`\rho^*`, is 0 where the observations
reveal all of the level that matters; where they do not it may take a mixed rule to reach it.

An outcome table *level by level* has a row per level and context. What actions lead to is training's, the mixture of
all levels that look alike, as an optimizer of an objective sees it; what they are worth to the base is the level's own.
Several decisions have one context, whose actions are whole policies (:mod:`.per_level_policies`).

>>> import cidmesa as cm
>>> cid = cm.CID([("coin", "pay"), ("bet", "pay")], decisions=["bet"], utilities=["pay"])
>>> model = cid.parameterise(coin=cm.Bernoulli(0.1), bet=[0, 1], pay=lambda coin, bet: int(coin == bet))
>>> hidden = PerLevel(OneDecision(cm.TrainingSetup(model, selects="minimax regret")))
>>> hidden.nodes, hidden.levels, hidden.floor  # no bet is good in both; betting evenly loses half in each
(('coin',), ((0,), (1,)), Fraction(1, 2))

References
----------
L. J. Savage, "The theory of statistical decision", 1951 (minimax regret); M. Dennis et al., "Emergent complexity and
zero-shot transfer via unsupervised environment design", NeurIPS 2020 (levels, and trainers that select so).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.graph import d_separated
from cidmesa.graph.reduction import with_information_link
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import ExactBase, OutcomeTable
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.policies.pruning import Work, undominated
from cidmesa.solve.tables.linear_programs import balance

if TYPE_CHECKING:
    from cidmesa.mesa.outcomes.one_decision import Reached

MOST_ROWS = 2**18
"""Levels times contexts that are written out at most."""

LARGEST_PROGRAM = 2**14
"""Entries of the largest linear program that is solved in fractions."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Which level and which context of training each row of a table level by level is of, both of shape (R,)."""

    level: Ints
    context: Ints

    def largest(self, regrets: Sequence[Sequence[Fraction]], may: Mask) -> Fraction:
        """Return the largest regret over levels of the worst rule that takes actions of `may`, shape (R, A), only."""
        worst = [Fraction(0)] * (int(self.level.max(initial=-1)) + 1)
        for level, row, can in zip(self.level.tolist(), regrets, may, strict=True):
            worst[level] += max(row[a] for a in np.flatnonzero(can).tolist())
        return max(worst, default=Fraction(0))

    def least(self, regrets: Sequence[Sequence[Fraction]], may: Mask) -> Fraction:
        r"""Return the least that a rule's largest regret over levels can be, the rule taking actions of `may` only.

        A rule may mix its actions, and does the same in all rows of one context.

        Raises
        ------
        NotApplicableError
            Mixing may pay, and the linear program is too large to be solved in fractions.

        Notes
        -----
        In a context in which one action is the best of all in every level, that one is taken. For the others a linear
        program in fractions: minimise :math:`\rho` over :math:`\pi \ge 0`, :math:`\sum_a \pi(a \mid c) = 1`,
        :math:`\sum_{c,a} regret_\lambda(c, a)\, \pi(a \mid c) \le \rho`.
        """
        levels = int(self.level.max(initial=-1)) + 1
        sure = [Fraction(0)] * levels
        open_: list[list[dict[int, Fraction]]] = []
        for context in range(int(self.context.max(initial=-1)) + 1):
            here = np.flatnonzero(self.context == context).tolist()
            if not here:
                continue
            options = np.flatnonzero(may[here[0]]).tolist()
            columns = [{int(self.level[row]): regrets[row][a] for row in here} for a in options]
            best = {level: min(column[level] for column in columns) for level in columns[0]}
            if best in columns:
                for level, regret in best.items():
                    sure[level] += regret
            else:
                open_.append([column for i, column in enumerate(columns) if column not in columns[:i]])
        return least_mixture(sure, open_) if open_ else max(sure, default=Fraction(0))


def least_mixture(sure: Sequence[Fraction], contexts: Sequence[Sequence[dict[int, Fraction]]]) -> Fraction:
    """Return the least largest regret, where some is sure in each level and rules are open in some contexts.

    Parameters
    ----------
    sure
        By level.
    contexts
        Per context what each action adds, level → regret.

    Raises
    ------
    NotApplicableError
        The linear program is too large to be solved in fractions.
    """
    contexts = [_not_beaten(columns) for columns in contexts]
    height, levels = len(sure) + len(contexts), len(sure)
    columns: list[list[Fraction]] = []
    for c, options in enumerate(contexts):
        for option in options:
            column = [Fraction(0)] * height
            for level, regret in option.items():
                column[level] = -regret
            column[levels + c] = Fraction(1)
            columns.append(column)
    mixed = len(columns)
    columns.append([*[Fraction(1)] * levels, *[Fraction(0)] * len(contexts)])  # the largest regret itself
    columns += [[Fraction(-int(i == level)) for i in range(height)] for level in range(levels)]
    if height * len(columns) > LARGEST_PROGRAM:
        raise NotApplicableError(
            f"the least regret in the worst of {levels:,} levels needs rules that mix actions, a linear program of "
            f"{height:,} × {len(columns):,} fractions: let the decision observe more, or name fewer nodes, "
            "TrainingSetup(.., level_nodes=[..])."
        )
    found = balance(
        columns, [*sure, *[Fraction(1)] * len(contexts)], [Fraction(int(j == mixed)) for j in range(len(columns))]
    )
    return Fraction(0) if found.weights is None else found.weights.get(mixed, Fraction(0))


def _not_beaten(columns: Sequence[dict[int, Fraction]]) -> list[dict[int, Fraction]]:
    """Leave out actions that another one is as good as in every level."""
    regret = np.array([[column[level] for level in columns[0]] for column in columns], dtype=object)
    ranks = np.stack([np.unique(row, return_inverse=True)[1].reshape(-1) for row in regret.T], axis=1)
    return [columns[i] for i in undominated(-ranks, Work()).tolist()]


class PerLevel:
    """The training distribution of a setup with one decision, level by level.

    Parameters
    ----------
    tables
        Of a setup that selects by minimax regret.

    Raises
    ------
    NotApplicableError
        There are too many levels to be written out.
    """

    def __init__(self, tables: OneDecision) -> None:
        self.tables = tables
        self.nodes = telling(tables.setup)
        setup, decision = tables.setup, tables.decision
        model = setup.require_model("regret level by level")
        seen = model.cid.parents(decision)
        self._hidden = tuple(node for node in self.nodes if node not in seen)
        size = math.prod(model.card(node) for node in (*seen, *self._hidden))
        if size > MOST_ROWS:
            raise NotApplicableError(
                f"levels by what `{decision}` observes are {size:,}, more than the {MOST_ROWS:,} that are written out "
                "for minimax regret: name fewer nodes, TrainingSetup(.., level_nodes=[..])."
            )
        self._told = OneDecision(TrainingSetup(_shown(model, decision, self._hidden)))
        self._cards = [model.card(node) for node in (*seen, *self._hidden)]
        self._axes = [(*seen, *self._hidden).index(node) for node in self.nodes]

    @cached_property
    def _reached(self) -> Reached:
        return self._told.reached(TRAINING)

    @cached_property
    def _values(self) -> Ints:
        """The values of the level nodes in each row, as positions, shape (R, nodes)."""
        at = np.array(np.unravel_index(self._reached.at, self._cards)) if self._cards else np.zeros((0, 1), np.intp)
        return np.asarray(at[self._axes].T.reshape(len(self._reached.at), len(self.nodes)))

    @cached_property
    def _levels(self) -> tuple[Ints, Ints]:
        found, level = np.unique(self._values, axis=0, return_inverse=True)
        return found, np.asarray(level).ravel()

    @cached_property
    def levels(self) -> tuple[tuple[Hashable, ...], ...]:
        """The levels that training shows, as values of :attr:`nodes`."""
        domains = [self._told.setup.deployed(TRAINING).domain(node) for node in self.nodes]
        return tuple(
            tuple(domain[i] for domain, i in zip(domains, row, strict=True)) for row in self._levels[0].tolist()
        )

    @cached_property
    def rows(self) -> Rows:
        """The level and the context of each row."""
        hidden = math.prod(self._cards[len(self._cards) - len(self._hidden) :])
        context = np.searchsorted(self.tables.reached(TRAINING).at, self._reached.at // hidden)
        return Rows(self._levels[1], context)

    @cached_property
    def _share(self) -> Floats:
        """P(context given level), shape (R,)."""
        weight = self._reached.weight
        total = np.zeros(len(self.levels))
        np.add.at(total, self.rows.level, weight)
        return np.asarray(weight / total[self.rows.level])

    def _exact_base(self) -> ExactBase | None:
        found = self._reached.exact_base()
        if found is None:
            return None
        total = [Fraction(0)] * len(self.levels)
        level = self.rows.level.tolist()
        for i, weight in zip(level, found.weight, strict=True):
            total[i] += weight
        share = [weight / total[i] for i, weight in zip(level, found.weight, strict=True)]
        return ExactBase(share, found.value, found.unit)

    def table(self, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table of `targets` (in node order) level by level."""
        there, here = self.tables.table(TRAINING, targets), self._reached
        at = self.rows.context
        return OutcomeTable(
            self._share,
            there.outcome[at],
            here.value,
            lambda: None if there.whole is None else there.whole[at],
            self._exact_base,
            max(here.rounding, there.rounding),
            here.error,
        )

    @cached_property
    def floor(self) -> Fraction:
        r"""The least that a rule's largest regret can be, :math:`\rho^*`.

        Raises
        ------
        NotApplicableError
            It is not 0, and exact numbers are out of reach.
        """
        table = self.table([])
        may = self.tables.limit(TRAINING)
        allowed = np.ones(table.shape, dtype=bool) if may is None else may[self.rows.context]
        return known_for_sure(self.rows.least(table.exact_regret, allowed), table)


def known_for_sure(least: Fraction, table: OutcomeTable) -> Fraction:
    """Return the least regret in the worst level, if rounding does not hide it.

    Raises
    ------
    NotApplicableError
        It is not 0, and exact numbers are out of reach.
    """
    if not table.is_ranked or (least and table.base is None):
        raise NotApplicableError(
            "the least regret in the worst level is not known: rounding hides it and exact numbers are out of "
            "reach; give probabilities and utilities that are fractions, or name fewer level_nodes=."
        )
    return least


def telling(setup: TrainingSetup) -> tuple[str, ...]:
    """Return the level nodes that what is seen, or what actions are worth, depends on; levels alike in them are one.

    >>> import cidmesa as cm
    >>> door = cm.gallery.load("red-door").setup
    >>> telling(cm.TrainingSetup(door.base, selects="minimax regret"))  # the weather is idle
    ('door', 'red')
    """
    cid, decisions = setup.cid, setup.cid.decisions
    links = [(parent, decision) for decision in decisions for parent in cid.parents(decision)]
    seen = dict.fromkeys(parent for parent, _ in links if parent not in decisions)
    below = frozenset[str]().union(*(cid.descendants(decision) for decision in decisions))
    paid = [utility for utility in setup.training_score if utility in below]
    alone = cid.without_edges(links)
    kept = list(setup.level_nodes)
    for node in setup.level_nodes:
        others = [other for other in kept if other != node]
        if node not in seen and d_separated(alone, node, [*paid, *seen], [*others, *decisions]):
            kept = others
    return tuple(kept)


def _shown(model: CIM, decision: str, nodes: Sequence[str]) -> CIM:
    """Return the model in which the decision also sees some nodes, after all that it sees."""
    cid = model.cid
    for node in nodes:
        cid = with_information_link(cid, node, decision)
    return model if cid is model.cid else CIM(cid, {node: own_mechanism(model, node) for node in cid.nodes})
