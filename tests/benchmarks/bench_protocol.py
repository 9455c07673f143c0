"""How often the protocol errs, and what it finds: exact rates of its verdicts by the true share of compliers.

Each line is a population of n agents judged by one row of a family of so many (Holm at its strictest). Run:
python tests/benchmarks/bench_protocol.py
"""

from __future__ import annotations

from scipy.stats import binom

from cidmesa.validation.statistics import KAPPA, PValues, most_rows, share_test


def rates(n: int, share: float, rows: int) -> dict[str, float]:
    """Return the probability of each verdict."""
    found = {"supported": 0.0, "contradicted": 0.0, "inconclusive": 0.0}
    for complying in range(n + 1):
        p = share_test(complying, n - complying, n)
        verdict = PValues(min(1.0, rows * p.support), min(1.0, rows * p.contradict)).verdict()
        found[verdict] += float(binom.pmf(complying, n, share))
    return found


def main() -> None:
    """Print the table."""
    print("agents  rows  share of compliers: supported / contradicted")
    shares = (1.0, 0.95, 0.9, 1 - KAPPA, 0.65, 0.5, 0.0)
    print(" " * 14 + "".join(f"{share:>14.2f}" for share in shares))
    for n in (14, 24, 32, 64, 128):
        for rows in dict.fromkeys((1, 10, most_rows(n))):
            if rows > 10**4:
                continue
            cells = [rates(n, share, rows) for share in shares]
            print(f"{n:6}{rows:6}  " + "".join(f"{c['supported']:7.3f}/{c['contradicted']:.3f} " for c in cells))


if __name__ == "__main__":
    main()
