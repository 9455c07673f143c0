"""Optima of agents that forget: how time grows with months, decisions, tree-width and states, beside peers and bounds.

Run ``python -m tests.benchmarks.bench_limited_memory [--large]``. Times are seconds of CPU for ``solve``, all optimal
actions included. The peers: *listing* all rules, while they are no more than 2**18, and *single policy updating* (the
library's coordinate ascent, from one start, up to fifty decisions), as in Lauritzen and Nilsson 2001, which gives no
bound. A gap is the distance of the policy found from the bound, as a share of the bound; "trivial" is how much larger
the sum of the largest utilities is than the bound. "rules" is the number of deterministic policies. The last table is a
derivation whose decisions forget: its training regret, and the largest in a deployment, beside listing all policies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from math import log10, prod

import cidmesa as cm
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.by_elimination import ByElimination
from cidmesa.mesa.objectives.declared import declared
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.solve import Solution, solve
from tests.solve.limids import pigs, random_limid

HEAD = (
    f"{'model':<40} {'rules':<8} {'seconds':>8} {'value':>11} {'':<11} {'trivial':>8} {'listing':>9} "
    f"{'updating':>9} {'worse':>7}"
)


def timed(function: Callable[[], Solution]) -> tuple[float, Solution]:
    """Return the seconds of CPU that a solution takes, and the solution."""
    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def row(name: str, make: Callable[[], cm.CIM], budget: float | None = None) -> str:
    """Solve one model, and write the line of the table."""
    model = make()
    digits = 0.0
    for d in model.cid.decisions:
        digits += prod(model.card(p) for p in model.cid.parents(d)) * log10(model.card(d))
    spent, found = timed(lambda: solve(model, progress=False, budget=budget))
    assert found.upper_bound is not None
    gap = (found.upper_bound - found.value) / abs(found.upper_bound)
    most = sum(float(model.cpd(u).max()) for u in model.cid.utilities)
    trivial = (most - found.upper_bound) / abs(found.upper_bound)
    listing = ""
    if digits <= 18 * log10(2):
        there = make()
        listing = f"{timed(lambda: solve(there, method='exhaustive', progress=False))[0]:.3f}"
    updating = ""
    if len(model.cid.decisions) <= 50:
        again = make()
        seconds, climbed = timed(lambda: solve(again, method="coordinate ascent", starts=1, progress=False))
        updating = f"{seconds:9.3f} {(found.value - climbed.value) / abs(found.value):7.3%}"
    how = "exact" if found.exact else f"gap {gap:.3%}"
    start = f"{name:<40} 10^{digits:<5.0f} {spent:8.3f} {found.value:11.6f}"
    return f"{start} {how:<11} {trivial:8.1%} {listing:>9} {updating}"


def derived(months: int) -> str:
    """Derive who wants healthy pigs at the end: one objective after the other, beside all policies, listed."""
    setup = cm.TrainingSetup(pigs(months), {"ill at first": {"ill1": [0.1, 0.9]}})
    target = (f"ill{months}",)
    named = declared(target, [(0, 1)])

    def seconds(make: Callable[[], ByElimination | ByCone]) -> tuple[float, float, float]:
        start = time.process_time()
        found = make()
        regrets = found.least_regret, found.regret("ill at first").high
        return time.process_time() - start, *regrets

    spent, least, there = seconds(lambda: ByElimination(setup, target, 0.0, named, ""))
    listing = ""
    if months <= LISTED_MONTHS:
        listing = "{:9.3f} {:11.6f} {:11.6f}".format(*seconds(lambda: ByCone(NormalForm(setup), target, 0.0, named)))
    return f"{f'derivation, {months} months':<40} {spent:17.3f} {least:11.6f} {there:11.6f} {listing}"


LISTED_MONTHS = 7
"""Up to so many months policies are few enough to be listed."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="tree-width 4 and 5, and three states, too (minutes)")
    large = parser.parse_args().large
    print(HEAD)
    for months in (4, 6, 10, 30, 100, 200):
        print(row(f"pigs, {months} months", partial(pigs, months)), flush=True)
    for size in (12, 30, 75, 150, 300):
        for seed in range(3):
            name = f"{size} variables, width 3, seed {seed}"
            print(row(name, partial(random_limid, size, size // 3, width=3, parents=2, seed=seed)), flush=True)
    for states in (2, 3, 4):
        for seed in range(2):
            name = f"60 variables, width 2, {states} states, seed {seed}"
            print(row(name, partial(random_limid, 60, 20, width=2, parents=1, states=states, seed=seed)), flush=True)
    print(f"{'':<40} {'seconds':>17} {'regret':>11} {'elsewhere':>11} {'listing':>9} {'regret':>11} {'elsewhere':>11}")
    for months in (4, 7, 20, 40, 80):
        print(derived(months), flush=True)
    if large:
        for width, states, parents in ((4, 2, 2), (5, 2, 2), (3, 3, 1)):
            for seed in range(5):
                name = f"150 variables, width {width}, {states} states, seed {seed}"
                make = partial(random_limid, 150, 50, width=width, parents=parents, states=states, seed=seed)
                print(row(name, make, budget=60), flush=True)


if __name__ == "__main__":
    main()
