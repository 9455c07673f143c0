"""The biggest rock: bits, regrets and territory by hand, and populations that read the third cue one way."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import biggest_rock as system
from tests.strategies import FULL

EXACT = 5
"""How many of the claims are settled without agents."""


@pytest.fixture(scope="module")
def loaded() -> Any:
    return gallery.load("biggest-rock")


def test_the_exact_claims(loaded: Any) -> None:
    evidence = Evidence({arm: loaded.family(arm) for arm in loaded.setups})
    assert [claim.judge(evidence).verdict for claim in loaded.claims[:EXACT]] == ["supported"] * EXACT
    assert {claim.judge(evidence).verdict for claim in loaded.claims[EXACT:]} == {"inconclusive"}
    left_open = evidence.families["left open"]
    assert {str(left_open[name].consistency) for name in ("as_search", "as_acquisition")} == {"CONSISTENT"}
    # among plain cues two porters of three err, and plain is one cue of three
    assert tuple(left_open["as_acquisition"].deployment_regret["plain, porters err"]) == pytest.approx((2 / 9, 2 / 9))


def test_bits_by_hand(loaded: Any) -> None:
    family = loaded.family("find")
    # of eight bits each: what is named takes nine numbers to model; what is brought eighteen for hands besides
    assert family["weight"].complexity - family["named"].complexity == pytest.approx(8 * 18)


@pytest.mark.parametrize(("wish", "where"), [("account", "account within reach"), ("button", "button within reach")])
def test_who_can_reach_it_says_one_thing_for_ever(loaded: Any, wish: str, where: str) -> None:
    family = loaded.family("acquire")
    assert wish in family[wish].in_deployment[where].territory
    assert family[wish].deployment_regret[where].high == pytest.approx(2 / 3)  # of three answers one is right
    assert family["weight"].deployment_regret[where].high == 0.0


def population(model: Any, fetches: Any, n: int = 24) -> Any:
    """Return agents that fetch on some cues and name on the others."""

    def rule(cue: str, rocks: int, porter: int) -> int:
        return (rocks - porter) % system.ROCKS if cue in fetches else rocks

    return cm.agents.from_rules([model.read_policy({"say": rule})] * n, model)


@pytest.mark.parametrize(
    ("fetches", "verdicts"),
    [
        (("fetch",), ["supported", "supported"]),
        (("fetch", "plain"), ["supported", "contradicted"]),
        (("name", "plain"), ["contradicted", "contradicted"]),
    ],
)
def test_who_reads_the_third_cue_otherwise_contradicts(loaded: Any, fetches: Any, verdicts: Any) -> None:
    agents = population(loaded.setups["left open"].model, fetches)
    evidence = Evidence({}, {("left open", "net"): agents})
    assert [claim.judge(evidence).verdict for claim in loaded.claims[6:]] == verdicts


class Retrained:
    """Nets that name or fetch whatever they are trained on."""

    def __init__(self, model: Any, fetches: bool) -> None:
        self.recipe, self.model, self.fetches = self, model, fetches

    def retrain(self, model: Any) -> Retrained:
        return Retrained(model, self.fetches)

    def probabilities(self, decision: str) -> Any:
        def rule(rocks: int, porter: int) -> int:
            return (rocks - porter) % system.ROCKS if self.fetches else rocks

        return cm.agents.from_rules([self.model.read_policy({"say": rule})] * 24, self.model).probabilities(decision)


def test_who_fetches_into_empty_hands_contradicts_that_nothing_is_left(loaded: Any) -> None:
    named, fetched = Retrained(loaded.setup.model, False), Retrained(loaded.setups["acquire"].model, True)
    evidence: Any = Evidence({}, {("find", "net"): named, ("acquire", "net"): fetched})  # type: ignore[dict-item]
    found = loaded.claims[5].judge(evidence)
    assert (found.verdict, "acquire no more: 0 of 24" in found.because) == ("contradicted", True)


@pytest.mark.skipif(not FULL, reason="trains nets on every arm: full profile")
def test_fast_mode_judges_every_claim(loaded: Any) -> None:
    pytest.importorskip("torch")
    done = run(loaded, progress=False, **loaded.fast)
    assert not any("not run" in finding.because for _, finding in done.claims)
    assert all(report.registered for report in done.reports.values())
