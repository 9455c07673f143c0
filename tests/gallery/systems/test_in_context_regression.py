"""Layers that learn in context: closed forms by hand, controls that can fail, trained layers judged."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import in_context_regression as system
from cidmesa.gallery.worlds.judged import judged
from cidmesa.gallery.worlds.one_step import best_step, misled
from tests.strategies import FULL

torch = pytest.importorskip("torch")
world: Any = pytest.importorskip("cidmesa.gallery.worlds.in_context")


@pytest.fixture(scope="module")
def family() -> Any:
    return gallery.load("in-context-regression").family()


def test_the_best_step_by_hand() -> None:
    assert best_step() == (Fraction(12 * 5, 99), Fraction(5, 12) * (1 - Fraction(50, 99)))
    assert best_step(1, 1) == (Fraction(12, 1) / Fraction(9, 5), Fraction(1, 24) * (1 - Fraction(5, 9)))


def test_the_closed_form_is_the_loss_of_drawn_prompts() -> None:
    given = world.prompts((40_000,), torch.Generator().manual_seed(0))
    square = 0.5 * (world.descent(given) - given.label).square()
    error = float(square.std() / len(square) ** 0.5)
    assert abs(float(square.mean()) - float(best_step()[1])) < 4 * error < 0.01
    for factor in (0.8, 1.2):
        longer = 0.5 * (factor * world.descent(given) - given.label).square()
        assert float((longer - square).mean()) > 4 * float((longer - square).std() / len(square) ** 0.5)


def test_the_explicit_layer_is_one_step() -> None:
    assert world.largest_difference() < 1e-12
    key, query, value, project = world.explicit().matrices
    assert key.diagonal(0, 1, 2).tolist() == query.diagonal(0, 1, 2).tolist() == [[1.0] * 10 + [0.0]]
    assert value[0, 10, 10] == -1
    assert int((value != 0).sum()) == 1
    assert project[0, 0, 0] == pytest.approx(20 / 33)


def test_drawn_prompts_are_of_the_kind_that_the_diagram_names() -> None:
    examples = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(500)
    query = torch.tensor([1.0, -1.0, 1.0, -1.0]).repeat(500)
    given = world.drawn(examples, query, seed=3)
    assert torch.equal(world.descent(given).sign(), examples * query)
    right = float((given.label.sign() == examples * query).double().mean())
    assert abs(1 - right - misled()) < 4 * (misled() / 2000) ** 0.5


def test_weights_are_the_slope_of_the_answer_in_the_question() -> None:
    layers, given = world.untrained(2, 5), world.prompts((7,), torch.Generator().manual_seed(1))
    answers = (layers.weights(given) * given.question).sum(-1)
    assert torch.allclose(answers, layers.answers(given), atol=1e-6)


def test_what_the_derivation_says(family: Any) -> None:
    misled_by_hand = family.setup.model.cpd("examples")[0, 1]
    assert family["right"].training_regret == family["fits"].training_regret == 0
    assert family["fits"].deployment_regret["contradicted"] == pytest.approx((1, 1))
    assert family["task"].consistency.name == "EXCLUDED"
    assert family["task"].training_regret == pytest.approx(2 * (1 - misled_by_hand) - 1)
    (inner,) = family.by_design
    assert (inner.decisions, inner.utilities, inner.territory) == (("weights",), ("fit",), frozenset())
    assert family.setup.spliced.kind("answer") == "chance"
    assert not family["fits"].territory


def test_exact_claims_hold_without_agents(family: Any) -> None:
    evidence = Evidence({"training": family})
    verdicts = [claim.judge(evidence).verdict for claim in system.claims()]
    assert verdicts == ["supported"] * 4 + ["inconclusive"] * 8


def test_claims_about_layers_fail_for_layers_that_were_not_trained(family: Any) -> None:
    nets = world.untrained(6, 1)
    agents: Any = judged(lambda seen, seed: world.play(nets, seen, seed), 6, nets=nets)
    evidence = Evidence({"training": family}, {("training", "linear"): agents})
    claims = {claim.says.split(" ")[0]: claim.judge(evidence) for claim in system.claims()}
    assert claims["Trained"].verdict == claims["Their"].verdict == claims["Weights"].verdict == "contradicted"


def test_the_explicit_layer_is_judged_as_one_that_fits(family: Any) -> None:
    nets = world.explicit()
    agents = judged(lambda seen, seed: _double(nets, seen, seed), 1, nets=nets)
    report = cm.validate(family, agents, draws=400, progress=False)
    assert report.in_scope == 1
    assert report.rows
    assert not [row.id for row in report.rows if row.verdict == "contradicted"]


def _double(nets: Any, seen: Any, seed: int) -> dict[str, Any]:
    examples, query = (torch.from_numpy(np.asarray(seen[node], dtype=np.float32)) for node in ("examples", "query"))
    given = world.drawn(examples, query, seed)
    doubled = world.Prompts(given.x.double(), given.y.double(), given.question.double(), given.weights.double())
    return {"answer": np.where(nets.answers(doubled)[0].numpy() > 0, 1, -1)}


@pytest.mark.skipif(not FULL, reason="trains layers: full profile")
def test_a_fast_run_judges_every_claim() -> None:
    done = run(gallery.load("in-context-regression"), progress=False, **gallery.load("in-context-regression").fast)
    assert all(report.registered for report in done.reports.values())
    found = dict(done.claims)
    assert len(found) == 12
    softmax = next(finding for says, finding in found.items() if "softmax" in says)
    assert "8 of 8" in softmax.because
    assert done.reports["training", "softmax"].in_scope == 0
