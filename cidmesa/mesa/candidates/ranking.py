"""Hypotheses ranked by their weight under a declared prior."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "targets": row.candidate.names,
                "posterior": row.posterior,
                "bits": row.complexity,
                "training regret": row.training_regret,
            }
            for row in self.rows
        ]

    def _caption(self) -> str:
        return f"under {self.prior}"

    def __repr__(self) -> str:
        first = f"; first: {', '.join(self[0].candidate.names)} ({self[0].posterior:.2%})" if self.rows else ""
        return f"Ranking({len(self)} candidates{first})"

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
