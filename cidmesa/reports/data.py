"""Diagrams, families and predictions as plain data: what ``--json`` prints and what reports are laid out from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from cidmesa.criteria import Answer, incentives
from cidmesa.documents.sections.words import CRITERION_TITLES
from cidmesa.errors import CidmesaError, NotApplicableError
from cidmesa.interop.plain import as_plain
from cidmesa.mesa.candidates.tampering import tampering
from cidmesa.mesa.setup.learned_algorithm import by_design
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.mesa.setup.training import TRAINING, TrainingSetup
from cidmesa.shown import plain
from cidmesa.solve.policies.stakes import attainable_range, paying_only

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.candidates.prior import SimplicityPrior
    from cidmesa.mesa.comparison.cure import Cure
    from cidmesa.mesa.derive import Family
    from cidmesa.mesa.predictions.predictions import Prediction, Predictions

Data = dict[str, Any]

_NOTHING = 1e-9
"""A regret up to which nothing is lost."""


def incentive_data(cid: CID) -> Data:
    """Return every criterion's answer for every node and decision.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "d"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
    >>> incentive_data(cid)["decisions"]["d"]["x"]["voi"]
    'admits'
    """
    verdicts = incentives(cid).verdicts
    return {
        "decisions": {
            decision: {
                node: {
                    criterion: str(verdicts[criterion][decision][node].answer)
                    for criterion in CRITERION_TITLES
                    if node in verdicts[criterion][decision]
                }
                for node in cid.nodes
                if node != decision
            }
            for decision in cid.decisions
        }
    }


def setup_data(setup: TrainingSetup) -> Data:
    """Return what a setup is, in short: its diagram and what each deployment changes."""
    return {
        "diagram": as_plain(setup.cid),
        "deployments": {
            name: {
                "shifts": in_order(setup.cid, setup.shifted(name)),
                "edges": [list(edge) for edge in setup.deployments[name].edges],
            }
            for name in setup.deployments
        },
        "intended": setup.intended,
        "selects": setup.selects,
        "level_nodes": list(setup.level_nodes),
        "learned": {
            decision: {
                "edges": [list(edge) for edge in inside.edges],
                "agents": [
                    {
                        "decisions": list(agent.decisions),
                        "utilities": list(agent.utilities),
                        "territory": in_order(agent.cid, agent.territory),
                    }
                    for agent in by_design(setup.cid, setup.learned, setup.world)
                    if agent.decision == decision
                ],
            }
            for decision, inside in setup.learned.items()
        },
    }


def family_data(family: Family) -> Data:
    """Return the candidates of a family, with everything that a table shows."""
    found = {
        "tolerance": family.tolerance,
        "least_worst": family.least_worst,
        **{key: value for key, value in setup_data(family.setup).items() if key != "diagram"},
        "ranges": _ranges(family),
        "candidates": [_candidate(candidate) for candidate in family],
        "lookup_table": {"training_regret": [family.lookup_table.training_regret, family.tolerance]},
    }
    if family.prior is not None:
        found["ranking"] = _ranking(family, family.prior)
    return found


def _ranges(family: Family) -> dict[str, float]:
    """Return what can be lost in each distribution, where known: what the best policy earns less the worst's."""
    setup, found = family.setup, {}
    for name in setup.distributions if setup.model is not None else ():
        model = setup.deployed(name)
        scored = setup.training_score if name == TRAINING else setup.score
        try:
            low, high = attainable_range(paying_only(model, scored), setup.shared_rules, budget=family.budget)
        except CidmesaError:  # symbols, or more than the budget: the regrets stand without it
            continue
        found[name] = high - low
    return found


def _ranking(family: Family, prior: SimplicityPrior) -> Data:
    found: Data = {"prior": {name: getattr(prior, name) for name in ("weight", "sharpness", "samples", "bits")}}
    try:
        ranking = family.ranking
    except NotApplicableError as reason:
        return {**found, "rows": [], "why": str(reason)}
    rows = [
        {
            "targets": list(row.candidate.names),
            "posterior": row.posterior,
            "range": list(ranking.posterior_range[row.candidate.names]),
            "complexity": row.complexity,
            "training_regret": row.training_regret,
        }
        for row in ranking
    ]
    known = all(row.candidate.deployment_regret for row in ranking)
    expected = {name: list(map(_finite, ranking.expected_regret(name))) for name in family.setup.deployments if known}
    contenders = {change: list(other.names) for change, other in ranking.contenders().items()}
    caveats = list(ranking.caveats)
    if family.setup.intended is not None and all(row.candidate.intended_regret for row in ranking):
        found["expected_intended_regret"] = {
            name: list(map(_finite, ranking.expected_regret(name, intended=True)))
            for name in family.setup.distributions
        }
    return {**found, "rows": rows, "expected_regret": expected, "contenders": contenders, "caveats": caveats}


def arm_data(family: Family, *, compare: bool) -> Data:
    """Return the derivation of one training distribution; `compare` adds what would tell hypotheses apart."""
    return {
        "setup": setup_data(family.setup),
        "family": family_data(family),
        "comparisons": comparison_data(family) if compare else [],
        "predictions": family_predictions(family),
    }


def recipe_data(agents: Any) -> Data:
    """Return how agents came about, option → value; nothing of agents that were brought without a recipe."""
    recipe = getattr(agents, "recipe", None)
    if recipe is None or not is_dataclass(recipe):
        return {}
    found = {one.name: getattr(recipe, one.name) for one in fields(recipe) if one.repr and not one.name.startswith("_")}
    return {name: plain(value) for name, value in found.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is not None and isinstance(value, bool | int | float | str)


def prediction_data(predictions: Predictions) -> Data:
    """Return the rows of predictions."""
    return {
        "digest": predictions.digest,
        "predictions": [_prediction(row) for row in predictions],
        "structural": [_prediction(row) for row in predictions.structural],
        "undecidable": [_prediction(row) for row in predictions.undecidable],
    }


def family_predictions(family: Family) -> Data:
    """Return what a family predicts of trained agents; nothing, and why, where it is asked of the worst level."""
    nothing: Data = {"digest": None, "predictions": [], "structural": [], "undecidable": []}
    if family.setup.model is None:
        return nothing
    if family.setup.selects == EXPECTED:
        stated = family.predictions()
        observed = {decision: list(family.setup.cid.parents(decision)) for decision in family.setup.cid.decisions}
        return {**prediction_data(stated), "reading": stated.reading, "observed": observed}
    try:
        family.predictions()
    except NotApplicableError as reason:
        nothing["why"] = str(reason)
    return nothing


def _candidate(candidate: MesaOptimizer) -> Data:
    cid = candidate.setup.cid
    names = tuple(candidate.setup.deployments)
    reasons = candidate.reasons
    return {
        "targets": list(candidate.names),
        "consistency": candidate.consistency.value,
        "controls": reasons.control,
        "reasons": list(reasons.text),
        "minimal": candidate.minimal,
        "training_regret": candidate.training_regret,
        "objective": None if candidate.objective is None else candidate.objective.name,
        "positions": sorted(candidate.positions),
        "territory": in_order(cid, candidate.territory),
        "undecided": in_order(cid, candidate.undecided),
        "emergent": _pairs(cid, candidate.emergent),
        "vanished": _pairs(cid, candidate.vanished),
        "inert": in_order(cid, candidate.inert),
        "context_shifts": in_order(cid, candidate.context_shifts),
        "mechanism_shifts": in_order(cid, candidate.mechanism_shifts),
        "shift_class": {name: candidate.shift_class[name].value for name in names},
        "carry_over": {name: candidate.carry_over[name] for name in names},
        "deployment_regret": _intervals(candidate, "deployment_regret"),
        "stale_regret": _intervals(candidate, "stale_regret"),
        "intended_regret": _intervals(candidate, "intended_regret"),
        "stale_intended_regret": _intervals(candidate, "stale_intended_regret"),
        "in_deployment": {
            name: {
                "emergent": _pairs(cid, view.emergent),
                "vanished": _pairs(cid, view.vanished),
                "territory": in_order(cid, view.territory),
                "undecided": in_order(cid, view.undecided),
                "tampering": _tampering(candidate, name),
            }
            for name, view in candidate.in_deployment.items()
            if candidate.setup.deployments[name].edges
        },
        "deceptive": _deceptive(candidate),
    }


def _tampering(candidate: MesaOptimizer, name: str) -> Data:
    found = tampering(candidate, name)
    cid = candidate.setup.cid
    return {
        "reachable": in_order(cid, found.reachable),
        "steered": in_order(cid, found.steered),
        "intended": None if found.intended is None else list(map(_finite, found.intended)),
    }


def _intervals(candidate: MesaOptimizer, reading: str) -> Data:
    """Return the intervals of a reading; of a target that no decision influences there is nothing to say."""
    if not candidate.reasons.control:
        return {}
    return {name: [_finite(low), _finite(high)] for name, (low, high) in getattr(candidate, reading).items()}


def _finite(number: float) -> float | None:
    """Return a number as plain data know it: none where it is not known."""
    return float(number) if math.isfinite(number) else None


def _deceptive(candidate: MesaOptimizer) -> Data | None:
    if candidate.setup.phases is None:
        return None
    try:
        found = candidate.is_deceptive
    except NotApplicableError as error:
        return {"answer": str(Answer.UNKNOWN), "interval": None, "regrets": None, "reason": str(error)}
    return {
        "answer": str(found.answer),
        "interval": None if found.interval is None else list(found.interval),
        "regrets": None if found.regrets is None else found.regrets._asdict(),
        "reason": found.reason,
    }


def _prediction(row: Prediction) -> Data:
    return {
        "id": row.id, "hypothesis": row.hypothesis, "deployment": row.deployment, "kind": row.kind,
        "subject": row.subject, "expected": _listed(row.expected), "modality": row.modality, "theorem": row.theorem,
        "decision": row.decision, "inert": row.inert, "retrained": row.retrained,
    }  # fmt: skip


def _listed(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_listed(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def in_order(cid: CID, nodes: Iterable[str]) -> list[str]:
    """Return nodes in the diagram's order."""
    chosen = set(nodes)
    return [node for node in cid.nodes if node in chosen]


def _pairs(cid: CID, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    order = list(CRITERION_TITLES)
    return [list(pair) for pair in sorted(pairs, key=lambda pair: (order.index(pair[0]), cid.id(pair[1])))]


_SMALL = 10
"""Nodes up to which a report also looks for what would tell hypotheses apart, which lists many shifts."""


def comparison_data(family: Family) -> list[Data]:
    """Return, for each hypothesis beside the base objective, what would tell it apart and what would cure it.

    Only for small setups with numbers; cures only where the hypothesis does harm. ``"why"`` says why there is nothing
    where policies are too many to compare.
    """
    setup, found = family.setup, []
    base = next((h for h in family.hypotheses if "identical" in h.positions), None)
    if setup.model is None or base is None or len(setup.cid) > _SMALL:
        return []
    for other in family.hypotheses:
        if "identical" in other.positions:
            continue
        pair: Data = {"base": list(base.names), "targets": list(other.names), "separations": [], "cures": []}
        try:
            pair |= _compared(family, base, other)
        except NotApplicableError as reason:
            pair["why"] = str(reason)
        found.append(pair)
    return found


def _compared(family: Family, base: MesaOptimizer, other: MesaOptimizer) -> Data:
    from cidmesa.mesa import distinguishing_training, separating_shifts

    setup = family.setup
    how: dict[str, Any] = {"tolerance": family.tolerance, "budget": family.budget}
    separations = separating_shifts(setup, base.names, other.names, **how)
    lost = {name: [found] for name, found in other.deployment_regret.items()}
    for name in lost:
        lost[name] += [other.intended_regret[name]] if name in other.intended_regret else []
    harmed = [name for name, found in lost.items() if any(ends.high > _NOTHING for ends in found)]
    cures = distinguishing_training(setup, other.names, **how) if harmed else ()
    return {
        "separations": [
            {
                "nodes": in_order(setup.cid, row.nodes), "deployment": row.deployment, "certain": row.certain,
                "possible": row.possible, "frozen_certain": row.frozen_certain, "frozen_possible": row.frozen_possible,
                "visible": row.visible, "lower_bound": row.lower_bound, "declared_only": row.declared_only,
            }
            for row in separations
        ],
        "cures": [
            {
                "change": _change(row), "deployment": row.deployment, "removed": row.removed,
                "regret": _finite(row.regret), "interval": list(map(_finite, row.interval)), "harmless": row.harmless,
                "intended": None if row.intended is None else list(map(_finite, row.intended)),
                "score_input": row.score_input, "declared_only": row.declared_only,
            }
            for row in cures
            if row.deployment in harmed
        ],
    }  # fmt: skip


def _change(row: Cure) -> str:
    """Spell a change of training without what becomes of the hypothesis."""
    return str(row).split(":", 1)[0]
