r"""Which one does training pick? Only a declared prior says, and it is printed with everything that rests on it.

The diagram and the training signal leave a set of hypotheses. A *simplicity prior* ranks them: "simple, fast, easy to
specify in terms of their input data" (Hubinger et al. 2019), with

.. math:: \log w(T) = -\lambda\, c(T) - \beta\, n\, R_{train}(O), \qquad
          c(T) = \log_2 \tbinom{N}{|T|} + B\,|dom\,T| + B \sum_{V \in Rel_T} |dom\,Pa(V)|\,(|dom\,V| - 1):

bits to name the targets among :math:`N` admissible nodes, to write the objective down, and to model what an optimizer
of it must model; :math:`B` bits a number. A proxy that costs regret :math:`R` and saves :math:`\Delta c` bits leads
until :math:`n \beta R = \lambda \Delta c`.

>>> SimplicityPrior(samples=10)
SimplicityPrior(weight=1.0, sharpness=1.0, samples=10, bits=8)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cidmesa.diagram import CID
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.regret_interval import Interval


@dataclass(frozen=True, slots=True)
class SimplicityPrior:
    r"""The parameters :math:`\lambda, \beta, n, B` of the simplicity prior.

    Parameters
    ----------
    weight
        :math:`\lambda`, what a bit of complexity costs.
    sharpness
        :math:`\beta`, what a unit of training regret costs per sample.
    samples
        :math:`n`, the number of training samples.
    bits
        :math:`B`, bits per number.
    """

    weight: float = 1.0
    sharpness: float = 1.0
    samples: float = 1000
    bits: float = 8

    def __post_init__(self) -> None:
        for name in ("weight", "sharpness", "samples", "bits"):
            value = getattr(self, name)
            if not (is_number(value) and math.isfinite(value) and value >= 0):
                raise NotApplicableError(f"a prior's {name}= is a finite number that is not negative; got {value!r}.")

    def log_weight(self, complexity: float, regret: float) -> float:
        """Return the log-weight of a hypothesis.

        >>> SimplicityPrior(samples=10).log_weight(complexity=3.0, regret=0.5)
        -8.0
        """
        return -self.weight * complexity - self.sharpness * self.samples * regret


@dataclass(frozen=True, slots=True)
class Ranked:
    """One hypothesis in a ranking."""

    candidate: MesaOptimizer
    log_weight: float
    posterior: float
    complexity: float
    training_regret: float


@dataclass(frozen=True)
class Ranking:
    """Hypotheses by their weight under a declared prior, the likeliest first.

    Attributes
    ----------
    prior
        The prior: without it the order means nothing.
    rows
        One per candidate that controls its targets (C1); the others pursue nothing.
    """

    prior: SimplicityPrior
    rows: tuple[Ranked, ...]

    def __iter__(self) -> Iterator[Ranked]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Ranked:
        return self.rows[position]

    @property
    def posterior(self) -> Mapping[tuple[str, ...], float]:
        """Targets → posterior probability."""
        return {row.candidate.names: row.posterior for row in self.rows}

    def expected_regret(self, deployment: str) -> Interval:
        """Return the posterior mean of the ends of the regret interval in a deployment."""
        from cidmesa.mesa.consistency.regret_interval import Interval

        ends = [(row.posterior, row.candidate.deployment_regret[deployment]) for row in self.rows if row.posterior]
        return Interval(
            math.fsum(p * found.low for p, found in ends),
            math.fsum(p * found.high for p, found in ends),
            max((found.gap for _, found in ends), default=0.0),
        )

    def sensitivity(self, factor: float = 2.0) -> Mapping[str, Ranking]:
        """Rank again with each parameter divided and multiplied by `factor`.

        Returns
        -------
        mapping
            ``"weight / 2"``, ``"weight × 2"``, … → ranking. Where the first row changes, the data do not decide.
        """
        found: dict[str, Ranking] = {}
        for name in ("weight", "sharpness", "samples", "bits"):
            for sign, by in (("/", 1 / factor), ("×", factor)):
                other = replace(self.prior, **{name: getattr(self.prior, name) * by})
                found[f"{name} {sign} {factor:g}"] = rank([row.candidate for row in self.rows], other)
        return found

    def __str__(self) -> str:
        lines = [f"under {self.prior}:"]
        lines += [
            f"  {row.posterior:8.2%}  {', '.join(row.candidate.names)}"
            f"  ({row.complexity:.1f} bits, training regret {row.training_regret:g})"
            for row in self.rows
        ]
        changed = self.contenders()
        stable = "the first stays first with every parameter halved or doubled"
        lines.append(f"  another comes first with {', '.join(changed)}" if changed else f"  {stable}")
        return "\n".join(lines)

    def contenders(self, factor: float = 2.0) -> Mapping[str, MesaOptimizer]:
        """Return the changes of one parameter after which another candidate comes first, and which."""
        return {
            name: other[0].candidate
            for name, other in self.sensitivity(factor).items()
            if other.rows and other[0].candidate.names != self[0].candidate.names
        }


def rank(candidates: Iterable[MesaOptimizer], prior: SimplicityPrior) -> Ranking:
    """Rank candidates under a prior; those that control none of their targets are left out."""
    scored = []
    for candidate in candidates:
        if not candidate.reasons.control:
            continue
        regret = candidate.training_regret
        if regret is None:
            raise candidate.without_numbers(
                f"a ranking weighs training regret, and that of {', '.join(candidate.names)}"
            )
        bits = candidate.bits(prior.bits)
        scored.append((prior.log_weight(bits, regret), candidate, bits, regret))
    if not scored:
        return Ranking(prior, ())
    top = max(log_weight for log_weight, _, _, _ in scored)
    total = math.fsum(math.exp(log_weight - top) for log_weight, _, _, _ in scored)
    rows = [
        Ranked(candidate, log_weight, math.exp(log_weight - top) / total, bits, regret)
        for log_weight, candidate, bits, regret in scored
    ]
    return Ranking(prior, tuple(sorted(rows, key=lambda row: -row.log_weight)))


def complexity(
    cid: CID, cards: Mapping[str, int], targets: Sequence[str], relevant: frozenset[str], admissible: int, bits: float
) -> float:
    r"""Return :math:`c(T)` in bits.

    Parameters
    ----------
    cid
        The base diagram.
    cards
        The number of values of every node (of a utility, those it pays).
    targets
        The targets; the base utilities together count as one name.
    relevant
        :math:`Rel_T`.
    admissible
        :math:`N`, the number of admissible target nodes.
    bits
        :math:`B`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> complexity(cid, {"act": 2, "y": 2, "pay": 2}, ["y"], frozenset({"y"}), admissible=2, bits=8)
    33.0
    """
    score = set(cid.utilities)
    named = len(set(targets) - score) + bool(set(targets) & score)
    written = math.prod(cards[target] for target in targets)
    modelled = sum(math.prod(cards[parent] for parent in cid.parents(node)) * (cards[node] - 1) for node in relevant)
    return math.log2(math.comb(admissible, named)) + bits * written + bits * modelled
