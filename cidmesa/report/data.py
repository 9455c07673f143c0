"""Diagrams, families and predictions as plain data: what ``--json`` prints and what reports are laid out from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cidmesa.errors import NotApplicableError
from cidmesa.incentives import incentives
from cidmesa.interop.plain import as_plain
from cidmesa.mesa.setup import TrainingSetup
from cidmesa.render.sections import CRITERIA

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.candidate import MesaOptimizer
    from cidmesa.mesa.derive import Family
    from cidmesa.mesa.predictions import Prediction, Predictions

Data = dict[str, Any]


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
                    for criterion in CRITERIA
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
    }


def family_data(family: Family) -> Data:
    """Return the candidates of a family, with everything that a table shows."""
    found = {
        "tolerance": family.tolerance,
        "deployments": setup_data(family.setup)["deployments"],
        "candidates": [_candidate(candidate) for candidate in family],
        "lookup_table": {"training_regret": list(family.lookup_table.training_regret)},
    }
    if family.prior is not None:
        prior = family.prior
        found["ranking"] = {
            "prior": {name: getattr(prior, name) for name in ("weight", "sharpness", "samples", "bits")},
            "rows": [
                {
                    "targets": list(row.candidate.names),
                    "posterior": row.posterior,
                    "complexity": row.complexity,
                    "training_regret": row.training_regret,
                }
                for row in family.ranking
            ],
        }
    return found


def prediction_data(predictions: Predictions) -> Data:
    """Return the rows of predictions."""
    return {
        "digest": predictions.digest,
        "predictions": [_prediction(row) for row in predictions],
        "structural": [_prediction(row) for row in predictions.structural],
    }


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
        "emergent": _pairs(cid, candidate.emergent),
        "vanished": _pairs(cid, candidate.vanished),
        "inert": in_order(cid, candidate.inert),
        "context_shifts": in_order(cid, candidate.context_shifts),
        "mechanism_shifts": in_order(cid, candidate.mechanism_shifts),
        "shift_class": {name: candidate.shift_class[name].value for name in names},
        "carry_over": {name: candidate.carry_over[name] for name in names},
        "deployment_regret": _intervals(candidate, "deployment_regret"),
        "stale_regret": _intervals(candidate, "stale_regret"),
        "in_deployment": {
            name: {"emergent": _pairs(cid, view.emergent), "territory": in_order(cid, view.territory)}
            for name, view in candidate.in_deployment.items()
            if candidate.setup.deployments[name].edges
        },
        "deceptive": _deceptive(candidate),
    }


def _intervals(candidate: MesaOptimizer, reading: str) -> Data:
    """Return the intervals of a reading; of a target that no decision influences there is nothing to say."""
    if not candidate.reasons.control:
        return {}
    return {name: [float(low), float(high)] for name, (low, high) in getattr(candidate, reading).items()}


def _deceptive(candidate: MesaOptimizer) -> str | None:
    if candidate.setup.phases is None:
        return None
    try:
        return str(candidate.is_deceptive)
    except NotApplicableError as error:
        return str(error)


def _prediction(row: Prediction) -> Data:
    return {
        "id": row.id, "hypothesis": row.hypothesis, "deployment": row.deployment, "kind": row.kind,
        "subject": row.subject, "expected": _listed(row.expected), "modality": row.modality, "theorem": row.theorem,
        "inert": row.inert, "retrained": row.retrained,
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
    order = list(CRITERIA)
    return [list(pair) for pair in sorted(pairs, key=lambda pair: (order.index(pair[0]), cid.id(pair[1])))]
