r"""Whether all that base-optimal policies bring, however many they are, is an average of what others bring.

Let :math:`\mu(\pi)` say how often each value of the targets comes up under a policy, B be the base-optimal policies
and N all others. Some additive objective w is consistent iff some base-optimal policy brings what is no average of what
policies in N bring (:mod:`.existence`), that is

.. math:: \text{none is} \iff \mu(B) \subseteq \operatorname{conv} \mu(N).

There may be too many base-optimal policies to ask this of one after the other: with ties at 300 states there are
:math:`2^{300}`. They need not be listed. Let :math:`\mu_1, \dots, \mu_n` be what some policies in N bring, and

.. math:: K = \{(w, \beta) : w \cdot \mu_i \le \beta \text{ for all } i\}, \qquad
          f(w, \beta) = \max_{\pi \in B} w \cdot \mu(\pi) - \beta .

Then :math:`\mu(B) \subseteq \operatorname{conv}\{\mu_i\}` iff f is positive nowhere in K (separation). As f is convex
and grows in proportion, it is positive somewhere in K iff it is at one of finitely many **generators** of K
(:mod:`cidmesa.mesa.objectives.generators`). At one generator f is a sweep over states, within base-optimal actions: the
sweep breaks all ties at once, each for the best. So

1. where f is positive at no generator, *no* objective is consistent, and those policies in N prove it;
2. where it is, w is tried. If all policies that are optimal for w are base-optimal, w is the answer. If not, one of
   them is in N and brings :math:`w \cdot \mu \ge \max_B w \cdot \mu > \beta`: it is one more row of K, which cuts that
   generator off.

There are finitely many deterministic policies, so this ends, and everything is in whole numbers. *Cost:* one or two
sweeps a generator. K has one dimension for each value of the targets, less those in which all policies agree. In few
dimensions there are few generators; in a dozen there may be too many (:data:`MOST`), and then there is no answer.

References
----------
R. M. Freund and J. B. Orlin, "On the complexity of four polyhedral set containment problems", *Mathematical
Programming* 33, 1985: whether what is given by inequalities lies within the hull of given points is as hard as any
problem in coNP. An integer program over ties, with a binary for each of them, is not spared that; besides it sees no
margin below its tolerance, so that nothing would prove its *no*.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cidmesa.arrays import Ints
from cidmesa.clock import check_time
from cidmesa.mesa.objectives.generators import Vector, whole_space
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.deployment import TRAINING

MOST = 1000
"""So many generators are asked; where there are more, there is no answer."""

GRID = 2**16
"""An objective whose numbers are long is rounded to this fraction, if the result is consistent as well."""


@dataclass(frozen=True, slots=True)
class Surrounded:
    """What came of it; neither where there were too many generators.

    Attributes
    ----------
    objective
        A consistent objective, if there is one: its numbers.
    policies
        If there is none: policies that are not base-optimal, and that on average bring whatever base-optimal ones do.
    """

    objective: tuple[Fraction, ...] | None = None
    policies: tuple[Ints, ...] | None = None


def surrounded(setup: SequenceSetup, names: tuple[str, ...]) -> Surrounded:
    """Find a consistent additive objective on these targets, or policies that leave room for none.

    Parameters
    ----------
    setup
        The sequence.
    names
        The targets.

    Examples
    --------
    The base is paid in the last of three cells, and starts in the middle: to like the last cell is consistent. Of which
    side of the board it is on nothing is to be learnt, if that is the other way round every other time.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("at", "act"), ("side", "act"), ("side", "side'"), ("at", "at'"), ("act", "at'"), ("at", "pay"),
    ...               ("side", "pay")], decisions=["act"], utilities=["pay"])
    >>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": [-1, 1], "side": [1.0, 0.0], "side'": lambda side: side,
    ...                          "at'": lambda at, act: max(0, min(2, at + act)),
    ...                          "pay": lambda at, side: int(at == (0 if side else 2))})
    >>> surrounded(SequenceSetup(step, 2), ("at",)).objective is not None
    True
    >>> both = SequenceSetup(step.shift({"side": [0.5, 0.5]}), 2)
    >>> found = surrounded(both, ("at",))
    >>> found.objective, len(found.policies)
    (None, 1)
    """
    tables, may = setup.training, setup.optimum(TRAINING).may
    label, size = tables.label(names), int(np.prod([len(tables.domains[name]) for name in names]))
    unit = int(tables.model.start.sum()) * int(tables.model.unit) ** setup.horizon
    policies: list[Ints] = []
    cone, harmless = whole_space(size + 1), set[Vector]()
    while max(len(cone.rays), len(harmless), len(policies)) <= MOST:
        reaches: tuple[Fraction, ...] | None = None
        for generator in reversed(cone.generators):
            if generator in harmless:
                continue
            check_time("the search for an additive objective", "fewer values of the targets, or a shorter horizon")
            wants = tuple(map(Fraction, generator[:-1]))
            if sweeps.extreme(tables.model, tables.paid_exactly(names, wants), may, 1)[0] * unit > generator[-1]:
                reaches = wants
                break
            harmless.add(generator)
        if reaches is None:
            return Surrounded(policies=tuple(policies))
        found = Additive(setup, names, reaches)
        if _is_consistent(found):
            return Surrounded(_short(found).values)
        policies.append(found.worst())
        brings = sweeps.brought(tables.model, label, size, policies[-1])[0]
        cone = cone.cut([*map(int, brings), -1])
    return Surrounded()


def _is_consistent(found: Additive) -> bool:
    return found.regret(TRAINING)[1] == 0


def _short(found: Additive) -> Additive:
    """Return the objective with numbers between -1 and 1, and short ones if that is consistent as well."""
    top = max(map(abs, found.values)) or Fraction(1)
    whole = tuple(x / top for x in found.values)
    rounded = Additive(found.setup, found.names, tuple(Fraction(round(x * GRID), GRID) for x in whole))
    return rounded if _is_consistent(rounded) else Additive(found.setup, found.names, whole)
