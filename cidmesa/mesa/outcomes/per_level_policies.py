r"""What each policy of several decisions costs the base level by level, for trainers that select by the worst level.

As for one decision (:mod:`.per_level`), with whole policies in the place of actions (:mod:`.normal_form`): in a level
:math:`\lambda` a policy :math:`\pi` has the regret

.. math:: Reg_\lambda(\pi) = \max_{\pi'} E[U_b \mid \lambda, \pi'] - E[U_b \mid \lambda, \pi],

against the best policy for that level on what the decisions observe. A policy is chosen for all levels at once, so that
one number says what it loses,

.. math:: Reg(\pi) = \max_\lambda Reg_\lambda(\pi),

and the table has one context, as on average: all that is optimal for an objective has to have a small :math:`Reg`.
Deterministic policies are all that need a look: each expectation is linear in each rule, so that a policy that mixes
and is optimal for an objective mixes optimal ones, and in no level is it worse than the worst of these.

The least regret :math:`\rho^*` that is possible in the worst level may take a mixture, though. Agents that remember
what they saw and did can follow any mixture of whole policies [1]_; others cannot, and where only a mixture would do,
nothing is claimed. Every information link is kept: what is idle on average may tell of the level.

>>> import cidmesa as cm
>>> cid = cm.CID([("coin", "call"), ("coin", "pay"), ("call", "bet"), ("bet", "pay")], decisions=["call", "bet"],
...              utilities=["pay"])
>>> model = cid.parameterise(coin=cm.Bernoulli(0.1), call=[0, 1], bet=[0, 1], pay=lambda coin, bet: int(coin == bet))
>>> told = PolicyLevels(NormalForm(cm.TrainingSetup(model, selects="minimax regret")))
>>> told.levels, told.floor                                     # who calls what the coin shows loses nothing
(((0,), (1,)), Fraction(0, 1))
>>> sorted(set(told.table(["pay"]).regret[0].tolist()))         # all others lose everything in some level
[0.0, 1.0]

References
----------
.. [1] H. W. Kuhn, "Extensive games and the problem of information", 1953, Theorem 4 (mixtures under perfect recall).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.diagram import CID
from cidmesa.diagram.recall import forgotten_links
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.outcome_table import ExactBase, OutcomeTable, error_of, integers
from cidmesa.mesa.outcomes.per_level import known_for_sure, least_mixture, telling
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve.tables.exact_numbers import numbers_meant

MOST_ENTRIES = 2**22
"""Policies times values of the level nodes and of a utility that are written out at most."""


@dataclass(frozen=True, eq=False, slots=True)
class PolicyRows:
    """What each policy loses in each level, shape (levels, policies), and whether agents can follow mixtures of them.

    One context: `level` is of no row but of all, and the regrets that are asked about are the table's own.
    """

    by_level: Sequence[Sequence[Fraction]]
    mixes: bool
    level: None = None

    def largest(self, regrets: Sequence[Sequence[Fraction]], may: Mask) -> Fraction:
        """Return the largest regret, in its worst level, of any policy in `may`, shape (1, policies)."""
        return max(regrets[0][i] for i in np.flatnonzero(may[0]).tolist())

    def least(self, regrets: Sequence[Sequence[Fraction]], may: Mask) -> Fraction:
        """Return the least regret in its worst level that a policy or a mixture of policies in `may` has.

        Raises
        ------
        NotApplicableError
            It is a mixture, and the linear program is too large to be solved in fractions, or agents forget.
        """
        chosen = np.flatnonzero(may[0]).tolist()
        pure = min(regrets[0][i] for i in chosen)
        columns = [{level: row[i] for level, row in enumerate(self.by_level)} for i in chosen]
        if any(min(c[level] for c in columns) == pure for level in columns[0]):  # no mixture is better there
            return pure
        mixed = least_mixture([Fraction(0)] * len(self.by_level), [columns])
        if mixed < pure and not self.mixes:
            raise NotApplicableError(
                "the least regret in the worst level is that of a mixture of whole policies, and these decisions "
                "forget what was seen and done before, so that no rules of theirs mix them: let later decisions "
                "observe it (.with_recall())."
            )
        return mixed


class PolicyLevels:
    """The training distribution of a setup with several decisions, level by level.

    Parameters
    ----------
    tables
        Of a setup that selects by minimax regret, with all its information links.

    Raises
    ------
    NotApplicableError
        There are too many levels, or too many policies, to be written out.
    """

    def __init__(self, tables: NormalForm) -> None:
        self.tables = tables
        self.nodes = telling(tables.setup)
        setup = tables.setup
        model = setup.require_model("regret level by level")
        below = {node for decision in setup.cid.decisions for node in setup.cid.descendants(decision)}
        self._paid = [utility for utility in setup.training_score if utility in below]
        self._values = math.prod(model.card(node) for node in self.nodes)
        widest = max((len(tables.domain(utility)) for utility in self._paid), default=1)
        if len(tables.reduced) * self._values * widest > MOST_ENTRIES:
            raise NotApplicableError(
                f"{len(tables.reduced):,} policies in {self._values:,} levels are more than the {MOST_ENTRIES:,} "
                "entries that are written out for minimax regret: name fewer nodes, "
                "TrainingSetup(.., level_nodes=[..]), or let the decisions observe less."
            )

    @cached_property
    def _law(self) -> OutcomeTable:
        """The law of the level nodes: the same under every policy."""
        return self.tables.table(TRAINING, self.nodes)

    @cached_property
    def _at(self) -> Ints:
        """The positions of the levels that training shows."""
        return np.flatnonzero(self._law.outcome[0, 0] > 0)

    @cached_property
    def levels(self) -> tuple[tuple[Hashable, ...], ...]:
        """The levels that training shows, as values of :attr:`nodes`."""
        domains = [self.tables.domain(node) for node in self.nodes]
        places = np.unravel_index(self._at, [len(domain) for domain in domains]) if self.nodes else ()
        return tuple(
            tuple(domain[column[i]] for domain, column in zip(domains, places, strict=True))
            for i in range(len(self._at))
        )

    @cached_property
    def rows(self) -> PolicyRows:
        """What each policy loses in each level."""
        exact = self._exact_worth
        if exact is not None:
            return PolicyRows(exact.regret, remembers(self.tables.setup.cid))
        value = self._worth[0]
        lost = (value.max(axis=1, keepdims=True) - value).tolist()
        return PolicyRows([list(map(Fraction, row)) for row in lost], remembers(self.tables.setup.cid))

    @cached_property
    def _by_utility(self) -> list[tuple[str, OutcomeTable]]:
        return [(utility, self.tables.table(TRAINING, (*self.nodes, utility))) for utility in self._paid]

    @cached_property
    def _worth(self) -> tuple[Floats, Floats]:
        """E[score | level, policy] and how far each entry may be off, both of shape (levels, policies)."""
        value = np.zeros((len(self._at), len(self.tables.reduced)))
        error = np.zeros_like(value)
        chance = self._law.outcome[0, 0, self._at][:, None]
        for utility, table in self._by_utility:
            levels = self.tables.domain(utility)
            law = self._split(table.outcome[0], utility)
            value += law @ np.array(levels, dtype=float) / chance
            error += 2 * error_of(law, levels, table.rounding) / chance  # of the law, and of what it is divided by
        return value, error

    def _split(self, law: Array, utility: str) -> Array:
        """Return a law of (levels, utility) by policy as an array (levels, policies, utility)."""
        shape = len(law), self._values, len(self.tables.domain(utility))
        return law.reshape(shape)[:, self._at].transpose(1, 0, 2)

    @cached_property
    def _exact_worth(self) -> ExactBase | None:
        """The same without rounding; ``None`` where that is out of reach."""
        total = np.full((len(self._at), len(self.tables.reduced)), Fraction(0), dtype=object)
        for utility, table in self._by_utility:
            if table.whole is None:
                return None
            law = self._split(table.whole[0], utility)
            numbers, unit = integers(numbers_meant(np.array(self.tables.domain(utility), dtype=float)).tolist())
            chance = law[:, 0].sum(axis=1)
            total = total + [
                [x * unit / n for x in row] for row, n in zip((law @ numbers).tolist(), chance, strict=True)
            ]
        rows = [integers(row.tolist()) for row in total]
        whole = np.array([row for row, _ in rows], dtype=object).reshape(total.shape)
        return ExactBase([Fraction(1)] * len(rows), whole, [unit for _, unit in rows])

    @cached_property
    def _lost(self) -> tuple[Floats, Floats]:
        """What each policy loses in its worst level, and how far that may be off, both of shape (policies,)."""
        value, error = self._worth
        lost = value.max(axis=1, keepdims=True) - value
        return lost.max(axis=0), (error + error.max(axis=1, keepdims=True)).max(axis=0)

    @cached_property
    def _exactly_lost(self) -> tuple[Array, Fraction] | None:
        """The same as integers and their unit; ``None`` where that is out of reach."""
        return (
            None if self._exact_worth is None else integers([max(row) for row in zip(*self.rows.by_level, strict=True)])
        )

    def table(self, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table of `targets` (in node order), each policy with the regret of its worst level."""
        there, (lost, error), exactly = self.tables.table(TRAINING, targets), self._lost, self._exactly_lost
        base = None if exactly is None else ExactBase([Fraction(1)], -exactly[0][None], [exactly[1]])
        best = Fraction(lost.min()) if exactly is None else exactly[0].min() * exactly[1]
        return OutcomeTable(
            np.ones(1),
            there.outcome,
            -lost[None],
            lambda: there.whole,
            lambda: base,
            there.rounding,
            error[None],
            best,
        )

    @cached_property
    def floor(self) -> Fraction:
        r"""The least that a policy's largest regret can be, :math:`\rho^*`.

        Raises
        ------
        NotApplicableError
            It is not 0, and exact numbers are out of reach; or only a mixture of policies attains it, and the decisions
            forget.
        """
        table = self.table([])
        return known_for_sure(self.rows.least(table.exact_regret, np.ones(table.shape, dtype=bool)), table)


def remembers(cid: CID) -> bool:
    """Say whether later decisions observe all that earlier ones saw and did, so that policies can be mixed.

    >>> chain = CID([("x", "a"), ("a", "b")], decisions=["a", "b"])
    >>> remembers(chain), remembers(chain.with_recall())
    (False, True)
    """
    try:
        return not forgotten_links(cid)
    except NotApplicableError:  # no order of the decisions
        return False
