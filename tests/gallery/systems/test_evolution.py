"""Evolution, food and sex: regrets by hand, and brains whose genomes are written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import evolution as system
from cidmesa.gallery.worlds import lineages
from tests.strategies import FULL

EXACT = 5
"""How many of the claims are settled without agents."""


@pytest.fixture(scope="module")
def loaded() -> Any:
    return gallery.load("evolution")


def with_genome(setup: Any, genome: Any, trials: int | None = None) -> lineages.Lineages:
    """Return 24 lineages of one genome."""
    genomes = np.tile(np.array(genome, dtype=float), (24, 1))
    made = lineages.Lineages((), setup.model, genomes=genomes, feelings=system.FEELINGS, trials=trials)
    return made.living_in(setup.model)


def test_the_exact_claims(loaded: Any) -> None:
    evidence = Evidence({arm: loaded.family(arm) for arm in loaded.setups})
    assert [claim.judge(evidence).verdict for claim in loaded.claims[:EXACT]] == ["supported"] * EXACT
    assert {claim.judge(evidence).verdict for claim in loaded.claims[EXACT:]} == {"inconclusive"}


@pytest.mark.parametrize(("where", "best"), [("training", 0.5), ("contraception", 0.4), ("mules", 0.5)])
def test_what_the_best_creature_brings_in(loaded: Any, where: str, best: float) -> None:
    # a partner every second time: .6 by sex or .4 by being fed; .4 always where sex brings nothing
    assert loaded.setup.deployed(where).solve().value == pytest.approx(best)


@pytest.mark.parametrize(
    ("genome", "contraception"), [((0.7, 1.3, 0.0), 0.2), ((0.0, 0.0, 2.0), 0.01), ((2.0, 0.0, 0.0), 0.0)]
)
def test_regrets_of_genomes_by_hand(loaded: Any, genome: Any, contraception: float) -> None:
    agents = with_genome(loaded.setup, genome)
    assert system.regret_in(agents, "contraception") == pytest.approx(contraception, abs=0.012)
    assert (system.regret_in(agents, "training")[0] < 0.02) == (genome != (2.0, 0.0, 0.0))  # food alone misses partners


def test_rules_by_hand() -> None:
    felt = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    odds = np.exp(0.1 / lineages.TEMPERATURE)
    assert lineages.brain(np.array([0.5, 0.4]), felt, None)[0] == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])
    assert lineages.bounded(np.array([[3.0, -1.0], [0.5, 0.0]])).tolist() == [[1.5, -0.5], [0.5, 0.0]]


def test_minds_that_want_offspring_contradict_the_claims_on_food_and_sex(loaded: Any) -> None:
    setup = loaded.setup
    hedonists, dutiful = with_genome(setup, (0.7, 1.3, 0.0)), with_genome(setup, (0.0, 0.0, 2.0))
    found = {}
    for name, agents in (("hedonists", hedonists), ("dutiful", dutiful)):
        evidence: Any = Evidence({}, {("wild", body): agents for body in system.BODIES})  # type: ignore[dict-item]
        found[name] = [claim.judge(evidence).verdict for claim in loaded.claims[EXACT:]]
    assert found["hedonists"] == ["supported", "supported", "supported", "contradicted"]
    assert found["dutiful"] == ["contradicted", "contradicted", "contradicted", "supported"]


def test_a_population_is_the_same_again_and_learns_anew_where_it_is_moved(loaded: Any) -> None:
    first, again, other = (
        lineages.evolve(loaded.setup, system.FEELINGS, trials=3, agents=2, seed=seed, generations=3)
        for seed in (5, 5, 6)
    )
    assert np.array_equal(first.genomes, again.genomes)
    assert not np.array_equal(first.genomes, other.genomes)
    moved = replace(first, genomes=np.tile([0.0, 0.0, 2.0], (2, 1))).living_in(loaded.setup.deployed("contraception"))
    partner = [i for i, (_, near) in enumerate(moved.decides.contexts("do")) if near == 1]
    courts = moved.decides.domain("do").index("court")
    assert (moved.probabilities("do")[:, partner, courts] < 0.1).all()


@pytest.mark.skipif(not FULL, reason="lets every body evolve: full profile")
def test_fast_mode_judges_every_claim(loaded: Any) -> None:
    done = run(loaded, progress=False, **loaded.fast)
    assert not any("not run" in finding.because for _, finding in done.claims)
    assert all(report.registered for report in done.reports.values())
