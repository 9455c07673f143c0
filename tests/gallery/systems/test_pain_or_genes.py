"""Pain or genes: bits, regrets and turning points by hand, and curves that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import pain_or_genes as system
from tests.strategies import FULL

EXACT = 4
"""How many of the claims are settled without agents."""


@pytest.mark.parametrize(("signs", "saved"), [(2, 48), (3, 80), (4, 144)])
def test_bits_by_hand(signs: int, saved: int) -> None:
    # to act on harm is to model harm (2^k numbers) and pain (2), eight bits each; the rest is alike for both
    assert system.bits_saved(system.family(signs, 0.1)) == pytest.approx(saved) == 8 * (2**signs + 2)


@pytest.mark.parametrize("exceptions", system.EXCEPTIONS)
def test_acting_on_pain_costs_the_exceptions(exceptions: float) -> None:
    model = system.setup(3, exceptions).model
    assert model is not None
    assert model.solve().value == pytest.approx(1.0)
    earned = model.expected_utility({"act": lambda sign1, sign2, sign3, pain: pain})
    assert earned == pytest.approx(1 - exceptions)


def test_the_exact_claims() -> None:
    loaded = gallery.load("pain-or-genes")
    evidence = Evidence({arm: loaded.family(arm) for arm in loaded.setups})
    assert [claim.judge(evidence).verdict for claim in loaded.claims[:EXACT]] == ["supported"] * EXACT
    assert {claim.judge(evidence).verdict for claim in loaded.claims[EXACT:]} == {"inconclusive"}
    kept, names = evidence.families["kept"], ("relief", "fitness", "dynasty")
    firsts = [system.order(kept, names, n) for n in (479, 481, 1119, 1121)]  # 48 and 112 bits over a tenth
    assert [first[0] for first in firsts] == ["relief", "fitness", "fitness", "fitness"]
    assert [first[1] for first in firsts] == ["fitness", "relief", "relief", "dynasty"]


def test_who_acts_on_harm_contradicts_that_few_examples_make_a_proxy() -> None:
    model = system.setup().model
    assert model is not None
    pain = model.read_policy({"act": lambda sign1, sign2, sign3, pain: pain})
    harm = model.read_policy({"act": lambda sign1, sign2, sign3, pain: (sign1 + sign2 + sign3) % 2})
    few, many = system.claims()[4], system.claims()[5]
    for rule, verdicts in ((pain, ("supported", "contradicted")), (harm, ("contradicted", "supported"))):
        agents: Any = cm.agents.from_rules([rule] * 24, model)
        evidence = Evidence({}, {("pain", "few"): agents, ("pain", "many"): agents})
        assert (few.judge(evidence).verdict, many.judge(evidence).verdict) == verdicts
        assert system.by_harm(agents).tolist() == [float(rule is harm)] * 24


class Nets:
    """Stands for nets whose curves are made up."""

    recipe = None


def test_curves_that_fall_as_one_over_epsilon_and_others(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence: Any = Evidence({}, {("pain", "many"): Nets()})  # type: ignore[dict-item]
    slopes, grows, gradual = system.claims()[6:9]
    doses = np.array(system.EXAMPLES, dtype=float)

    def sigmoid(half: float, steep: float = 2.0) -> Any:
        return np.repeat((1 / (1 + (half / doses) ** steep))[:, None], 24, axis=1)

    def made(power: float, steep: float = 2.0) -> Any:
        return lambda recipe, signs, x: sigmoid(60 * 2 ** (signs - 3) * (0.1 / x) ** power, steep)

    for curves, verdicts in (
        (made(1.0), ["supported", "supported", "supported"]),
        (made(0.5), ["contradicted", "supported", "supported"]),
        (made(1.0, steep=12.0), ["supported", "supported", "contradicted"]),
        (lambda recipe, signs, x: sigmoid(60 * 0.1 / x), ["supported", "contradicted", "supported"]),
        (lambda recipe, signs, x: sigmoid(1e9), ["inconclusive", "contradicted", "inconclusive"]),
    ):
        monkeypatch.setattr(system, "curve", curves)
        assert [claim.judge(evidence).verdict for claim in (slopes, grows, gradual)] == verdicts


@pytest.mark.skipif(not FULL, reason="trains every body on every arm: full profile")
def test_fast_mode_judges_every_claim() -> None:
    pytest.importorskip("torch")
    loaded = gallery.load("pain-or-genes")
    done = run(loaded, progress=False, **loaded.fast)
    assert not any("not run" in finding.because for _, finding in done.claims)
    assert all(report.registered for report in done.reports.values())
    many, few = (system.by_harm(done.agents["pain", body]).mean() for body in ("many", "few"))
    assert many > few
