"""Making a system of a study: what a file says is trained, and its claims are judged, as those of the gallery are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cidmesa.gallery.findings import not_run
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.interop.study import Body, ClaimText, Study

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.mesa import TrainingSetup
    from cidmesa.validation.statistics import EvidenceVerdict

PLAIN = {"mlp": Body("small nets trained by policy gradient", {"policy": "mlp"})}
"""What agents are made of where a file says nothing of it."""


def system_of_study(study: Study, name: str, **derive: Any) -> System:
    """Make a system of a study.

    Parameters
    ----------
    study
        What was read from a file.
    name
        What the system is called; the title of the study is shown if it has one.
    **derive
        Options of the derivation that come before those of the file.

    Returns
    -------
    System
        Ready to be run.
    """
    bodies = dict(study.bodies) or PLAIN

    def trained(setup: TrainingSetup, body: str, **options: Any) -> Agents:
        from cidmesa.agents import train

        return train(setup, **{**_recipe(bodies[body]), **options})

    return System(
        name,
        study.title or name,
        study.source,
        study.setups,
        tuple(_claim(claim, study) for claim in study.claims),
        trained,
        {key: body.description or key for key, body in bodies.items()},
        study.story,
        {arm: {**study.derive.get(arm, {}), **derive} for arm in study.setups},
    )


def _recipe(body: Body) -> dict[str, Any]:
    """Return the options of :func:`cidmesa.train` that a body stands for."""
    found = dict(body.recipe)
    if "hidden" in found:
        found["hidden"] = tuple(found["hidden"])
    if "encoders" in found:
        from cidmesa.agents import parity

        found["encoders"] = {node: parity(code["parity"]) for node, code in found["encoders"].items()}
    return found


# Claims ---------------------------------------------------------------------------------------------------------------


def _claim(claim: ClaimText, study: Study) -> Claim:
    return Claim(claim.says, lambda evidence: judge(claim.holds, study, evidence))


def judge(holds: Mapping[str, Any], study: Study, evidence: Evidence) -> Finding:
    """Look at each thing that a claim says; one that fails contradicts it, one that was not run leaves it open."""
    arm = holds.get("arm", next(iter(study.setups)))
    findings = [*_derived(holds, arm, evidence)]
    if "share" in holds:
        findings.append(_shared(holds, arm, study, evidence))
    verdicts = {finding.verdict for finding in findings}
    verdict: EvidenceVerdict = "contradicted" if "contradicted" in verdicts else "supported"
    if verdict == "supported" and "inconclusive" in verdicts:
        verdict = "inconclusive"
    return Finding(verdict, "; ".join(finding.because for finding in findings))


DERIVED = frozenset(
    {
        "consistency",
        "minimal",
        "training_regret",
        "deployment_regret",
        "intended_regret",
        "robustly_aligned",
        "shift_class",
    }
)
"""The keys of a claim about what is derived."""


def _derived(holds: Mapping[str, Any], arm: str, evidence: Evidence) -> list[Finding]:
    """Compare what is claimed of a candidate with what the derivation says."""
    if not DERIVED & set(holds):
        return []
    targets = tuple(holds["targets"])
    candidate = evidence.families[arm][targets if len(targets) > 1 else targets[0]]
    found = []
    if "consistency" in holds:
        is_ = candidate.consistency.name.lower()
        found.append(settled(is_ == holds["consistency"], f"{', '.join(targets)}: {is_}"))
    if "minimal" in holds:
        minimal = bool(candidate.minimal)
        found.append(settled(minimal == holds["minimal"], f"{', '.join(targets)}: {'' if minimal else 'not '}minimal"))
    if "training_regret" in holds:
        regret = candidate.training_regret
        found.append(_within(None if regret is None else (regret, regret), holds["training_regret"], "training regret"))
    for name, claimed in holds.get("deployment_regret", {}).items():
        interval = candidate.deployment_regret.get(name)
        found.append(_within(interval, claimed, f"regret in `{name}`"))
    for name, claimed in holds.get("intended_regret", {}).items():
        interval = candidate.intended_regret.get(name)
        found.append(_within(interval, claimed, f"regret in `{name}` by what is intended"))
    for name, claimed in holds.get("robustly_aligned", {}).items():
        aligned = candidate.robustly_aligned.get(name)
        found.append(settled(aligned == claimed, f"robustly aligned in `{name}`: {aligned}"))
    for name, claimed in holds.get("shift_class", {}).items():
        kind = candidate.shift_class.get(name)
        found.append(settled(str(kind) == claimed, f"`{name}` is a shift of the class {kind}"))
    return found


def _within(interval: Any, claimed: Any, what: str) -> Finding:
    """Compare an interval with a number or a range."""
    if interval is None:
        return Finding("inconclusive", f"{what} is not known")
    low, high = (float(interval[0]), float(interval[1]))
    least, most = claimed if isinstance(claimed, list) else (claimed, claimed)
    slack = 1e-9 * max(1.0, abs(least), abs(most))
    shown = f"{low:.6g}" if low == high else f"[{low:.6g}, {high:.6g}]"
    return settled(least - slack <= low and high <= most + slack, f"{what}: {shown}")


def _shared(holds: Mapping[str, Any], arm: str, study: Study, evidence: Evidence) -> Finding:
    """Compare the share of agents that follow a hypothesis with what is claimed, by its Wilson interval."""
    body = holds.get("body", next(iter(study.bodies or PLAIN)))
    report = evidence.reports.get((arm, body))
    name, where = ", ".join(holds["targets"]), holds["share"]["in"]
    if report is None:
        return not_run(f"body `{body}` on the arm {arm}")
    groups = report.shares.get(where, {})
    share = next((share for label, share in groups.items() if name in label.split(" = ")), None)
    if share is None:
        return Finding("inconclusive", f"`{where}` does not tell agents that follow {name} from others")
    side = "above" if "above" in holds["share"] else "below"
    bound, (low, high) = holds["share"][side], share.interval
    above, below = low > bound, high < bound
    verdict: EvidenceVerdict = "inconclusive"
    if above or below:
        verdict = "supported" if above == (side == "above") else "contradicted"
    return Finding(verdict, f"{share.count} of {share.of} agents follow {name} (95 %: {low:.0%} to {high:.0%})")
