r"""Hypotheses ranked by their weight under a declared prior, and what their order rests on.

A posterior of "100.0 %" is no finding where the order hangs on numbers that nobody knows so well. So every posterior
comes with the range that it takes when

* each parameter of the prior is halved, kept or doubled, together with the others;
* only those values are counted in :math:`c(T)` that training shows with positive probability under some policy: what
  it costs to describe values that never came up is a convention of the model, not a trait of what was trained;
* the hypothesis takes one number of :math:`B` bits more or fewer to describe: finer than a number the prior cannot
  tell, it measures descriptions in numbers.

Where the first place does not survive all that, :attr:`Ranking.caveats` says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cidmesa.arrays import Floats
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.regret_interval import Interval


@dataclass(frozen=True, slots=True)
class Ranked:
    """One hypothesis in a ranking."""

    candidate: MesaOptimizer
    log_weight: float
    posterior: float
    complexity: float
    training_regret: float


@dataclass(frozen=True, repr=False)
class Ranking(Shown):
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

    @cached_property
    def posterior_range(self) -> Mapping[tuple[str, ...], tuple[float, float]]:
        """Targets → the least and the largest posterior within the prior's own uncertainty (see the module)."""
        every = []
        for prior, shown in self._variants():
            weights = self._log_weights(prior, shown)
            every.append(_normalised(weights))
            number = prior.weight * prior.bits
            for i in range(len(weights)):
                for step in (-number, number):
                    moved = weights.copy()
                    moved[i] += step
                    every.append(_normalised(moved))
        low, high = np.min(every, axis=0), np.max(every, axis=0)
        return {row.candidate.names: (float(a), float(b)) for row, a, b in zip(self.rows, low, high, strict=True)}

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """Why the first place is no finding; empty where it survives the prior's own uncertainty."""
        if len(self.rows) < 2:
            return ()
        found: list[str] = []
        first, second = self[0], self[1]
        name = _named(first)
        without = self._log_weights(self.prior, shown=True)
        level = without[0] - _ROUNDING * max(1.0, abs(without[0]))
        rivals = [row for row, weight in zip(self.rows[1:], without[1:], strict=True) if weight >= level]
        lead = first.log_weight - second.log_weight
        if rivals and lead > _ROUNDING * max(1.0, abs(first.log_weight)):
            unseen = self._unseen([first, *rivals])
            found.append(
                f"{name} comes first only by values that training never shows ({unseen}): without them "
                f"{' and '.join(map(_named, rivals))} {'weighs' if len(rivals) == 1 else 'weigh'} as much or more"
            )
        number = self.prior.weight * self.prior.bits
        if lead < number:
            found.append(
                f"the lead of {name} over {_named(second)}, {lead:.3g} nats, is less than one number of "
                f"{self.prior.bits:g} bits more or fewer would make, {number:.3g}"
            )
        others: dict[str, None] = {}
        for prior, shown in self._variants():
            if not shown:
                weights = self._log_weights(prior, shown)
                if weights.argmax() > 0:
                    others[_named(self[int(weights.argmax())])] = None
        if others:
            found.append(f"{' or '.join(others)} comes first with parameters of the prior halved or doubled")
        return tuple(found)

    def _variants(self) -> Iterator[tuple[SimplicityPrior, bool]]:
        """Yield the priors that are as good as the declared one, counting all values or those that training shows."""
        names = ("weight", "sharpness", "samples", "bits")
        for factors in product((0.5, 1.0, 2.0), repeat=len(names)):
            changed = {name: getattr(self.prior, name) * by for name, by in zip(names, factors, strict=True)}
            for shown in (False, True):
                yield replace(self.prior, **changed), shown

    def _log_weights(self, prior: SimplicityPrior, shown: bool) -> Floats:
        """Return the log-weights of the rows under another prior, counting all values or those that training shows."""
        return np.array(
            [prior.log_weight(self._bits(row.candidate, prior.bits, shown), row.training_regret) for row in self.rows]
        )

    def _bits(self, candidate: MesaOptimizer, bits: float, shown: bool) -> float:
        key = candidate.names, bits, shown
        if key not in self._known_bits:
            self._known_bits[key] = candidate.bits(bits, shown=shown)
        return self._known_bits[key]

    @cached_property
    def _known_bits(self) -> dict[tuple[tuple[str, ...], float, bool], float]:
        return {}

    def _unseen(self, rows: Iterable[Ranked]) -> str:
        """Name the values that training never shows, of the nodes that some hypotheses have to describe."""
        found: dict[str, None] = {}
        for row in rows:
            for node, values in row.candidate.unseen.items():
                found[f"{node} = {', '.join(map(str, values))}"] = None
        return "; ".join(found) or "of combinations"

    def expected_regret(self, deployment: str, *, intended: bool = False) -> Interval:
        """Return the posterior mean of the ends of the regret interval in a deployment, by the base or as intended."""
        from cidmesa.mesa.consistency.regret_interval import Interval

        of = "intended_regret" if intended else "deployment_regret"
        ends = [(row.posterior, getattr(row.candidate, of)[deployment]) for row in self.rows if row.posterior]
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

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "targets": row.candidate.names,
                "posterior": row.posterior,
                "within": self.posterior_range[row.candidate.names],
                "bits": row.complexity,
                "training regret": row.training_regret,
            }
            for row in self.rows
        ]

    def _caption(self) -> str:
        return f"under {self.prior}"

    def _note(self) -> str:
        return "; ".join(self.caveats)

    def __repr__(self) -> str:
        if not self.rows:
            return "Ranking(0 candidates)"
        settled = "" if not self.caveats else ", not settled"
        return f"Ranking({len(self)} candidates; first: {_named(self[0])} ({self.share(self[0])}{settled})"

    def share(self, row: Ranked) -> str:
        """Write a posterior with the range that it has within the prior's own uncertainty.

        One number where that is the same to a tenth of a percent.
        """
        low, high = map(percent, self.posterior_range[row.candidate.names])
        return low if low == high else f"{low} to {high}"

    def __str__(self) -> str:
        lines = [f"under {self.prior}:"]
        lines += [
            f"  {self.share(row):>16}  {', '.join(row.candidate.names)}"
            f"  ({row.complexity:.1f} bits, training regret {row.training_regret:g})"
            for row in self.rows
        ]
        lines += [f"  not settled: {caveat}" for caveat in self.caveats]
        changed = self.contenders()
        if changed:
            lines.append(f"  another comes first with {', '.join(changed)}")
        elif not self.caveats:
            lines.append(f"  {STABLE}")
        return "\n".join(lines)

    def contenders(self, factor: float = 2.0) -> Mapping[str, MesaOptimizer]:
        """Return the changes of one parameter after which another candidate comes first, and which."""
        return {
            name: other[0].candidate
            for name, other in self.sensitivity(factor).items()
            if other.rows and other[0].candidate.names != self[0].candidate.names
        }


STABLE = (
    "the first stays first with every parameter halved or doubled, without values that training never shows, and with "
    "a number more"
)
"""What is said of a ranking without caveats."""

_ROUNDING = 1e-12


def percent(share: float) -> str:
    """Write a posterior in percent, never as certain.

    >>> percent(0.5), percent(0.99999), percent(1e-9)
    ('50.0 %', '>99.9 %', '<0.1 %')
    """
    if share > 0.9995:
        return ">99.9 %"
    return "<0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"


def _named(row: Ranked) -> str:
    return ", ".join(row.candidate.names)


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    found: Floats = weights / weights.sum()
    return found


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
