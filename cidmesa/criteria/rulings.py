r"""How each criterion is decided on an analysis, and what that rests on.

A *ruling* is an answer with its reason. For one decision it quotes a theorem. With several, a yes that holds with
every other decision given a single action is a theorem too, since giving them one action leaves a diagram with one
decision; a no is a proof in any diagram; what is left is ``None``, for a witness to settle.
"""

from __future__ import annotations

from collections.abc import Callable

from cidmesa.criteria.analysis import Analysis
from cidmesa.criteria.question import Answer
from cidmesa.errors import NotApplicableError

Settled = tuple[Answer | None, str]

THEOREMS = {
    "voi": "Everitt et al. 2021, Thm 9",
    "voc": "Everitt et al. 2021, Thm 16",
    "direct_voc": "Everitt et al. 2021, Thm 16",
    "indirect_voc": "Everitt et al. 2021, Thm 16",
    "ri": "Everitt et al. 2021, Thm 12",
    "ici": "Everitt et al. 2021, Thm 18",
    "path_specific_ici": "Farquhar et al. 2022",
    "impact": "Carey et al. 2020",
    "intention": "Ward et al. 2024",
    "deception": "Ward et al. 2023",
    "unfairness": "Everitt et al. 2021, Thm 14",
    "introduced_unfairness": "Ashurst et al. 2022",
    "requisite": "Fagiuoli & Zaffalon 1998",
    "relevance": "Koller & Milch 2003; Hammond et al. 2023",
}


def rule(analysis: Analysis, criterion: str, xs: list[int], d: int) -> Settled:
    """Rule on a set of nodes: one that admits carries it; all must be excluded; observing a set is one question."""
    if criterion == "voi" and len(xs) > 1:
        return _voi_of_set(analysis, tuple(xs), d)
    rulings = [_RULES[criterion](analysis, x, d) for x in xs]
    for wanted in (Answer.ADMITS, None):
        for ruling in rulings:
            if ruling[0] is wanted:
                return ruling
    return rulings[0]


def _observable(analysis: Analysis, x: int, d: int) -> None:
    cid = analysis.cid
    node, decision = cid.nodes[x], cid.nodes[d]
    if cid.kind(node) == "utility":
        raise NotApplicableError(f"value of information is of what can be observed, and `{node}` is a utility.")
    if analysis.whole(d).below[x]:
        what = "the decision itself" if x == d else f"a descendant of `{decision}`"
        raise NotApplicableError(f"`{decision}` cannot observe `{node}` before it is made: it is {what}.")


def _voi(analysis: Analysis, x: int, d: int) -> Settled:
    _observable(analysis, x, d)
    if analysis.alone(d).voi[x]:
        return Answer.ADMITS, THEOREMS["voi"]
    if analysis.single or not analysis.whole(d).voi[x]:
        return Answer.EXCLUDES, THEOREMS["voi"]
    return _voi_of_set(analysis, (x,), d)


def _voi_of_set(analysis: Analysis, xs: tuple[int, ...], d: int) -> Settled:
    for x in xs:
        _observable(analysis, x, d)
    reduction, cyclic_group = analysis.with_links(d, xs)
    left = set(reduction.index.parents(d))
    if not left.intersection(xs):
        return Answer.EXCLUDES, THEOREMS["voi"]
    if analysis.single:
        return Answer.ADMITS, THEOREMS["voi"]
    if cyclic_group:
        return None, f"not soluble: {', '.join(cyclic_group)} are relevant to each other in a circle"
    kept = [analysis.cid.nodes[x] for x in xs if x in left]
    if all(analysis.cid.kind(node) == "decision" for node in kept):
        return None, f"the link from the decision {kept[0]} is one between decisions"
    return Answer.ADMITS, "van Merwijk et al. 2022, Thm 7"


def _ri(analysis: Analysis, x: int, d: int) -> Settled:
    _not_itself(analysis, x, d, "a response incentive")
    if analysis.alone(d).ri[x]:
        return Answer.ADMITS, THEOREMS["ri"]
    if analysis.single or not analysis.above(d)[x]:
        return Answer.EXCLUDES, THEOREMS["ri"]
    return None, _between_decisions(analysis)


def _voc(analysis: Analysis, x: int, d: int) -> Settled:
    _controllable(analysis, x)
    if x in analysis.utilities:
        return _voc_of_utility(analysis, x)
    if analysis.controls_for_sure[x]:
        return Answer.ADMITS, THEOREMS["voc"]
    return (None, _between_decisions(analysis)) if analysis.controls[x] else (Answer.EXCLUDES, THEOREMS["voc"])


def _voc_of_utility(analysis: Analysis, x: int) -> Settled:
    """Rule on a utility, whose control sets it to the largest number that it can pay."""
    if analysis.pays_all_it_can[x]:
        return Answer.EXCLUDES, "it pays the most it can anyway: its parents are decisions that serve nothing else"
    if analysis.torn_for_sure[x]:
        return Answer.ADMITS, THEOREMS["voc"]
    return None, _between_decisions(analysis)


def _direct_voc(analysis: Analysis, x: int, d: int) -> Settled:
    _controllable(analysis, x)
    if x in analysis.utilities:
        return _voc_of_utility(analysis, x)
    return (Answer.ADMITS if analysis.pays_directly[x] else Answer.EXCLUDES), THEOREMS["direct_voc"]


def _indirect_voc(analysis: Analysis, x: int, d: int) -> Settled:
    _controllable(analysis, x)
    if any(analysis.alone(e).ri[x] for e in analysis.decisions):
        return Answer.ADMITS, THEOREMS["indirect_voc"]
    if analysis.single or not analysis.informs[x]:
        return Answer.EXCLUDES, THEOREMS["indirect_voc"]
    return None, _between_decisions(analysis)


def _controllable(analysis: Analysis, x: int) -> None:
    if x in analysis.decisions:
        raise NotApplicableError(f"`{analysis.cid.nodes[x]}` is a decision of the agent, which controls it anyway.")


def _ici(analysis: Analysis, x: int, d: int) -> Settled:
    _not_itself(analysis, x, d, "an instrumental control incentive")
    if analysis.alone(d).ici[x]:
        return Answer.ADMITS, THEOREMS["ici"]
    if analysis.single or not (analysis.controls[x] and analysis.beneath(d)[x]):
        return Answer.EXCLUDES, THEOREMS["ici"]
    return None, _between_decisions(analysis)


def _path_specific_ici(analysis: Analysis, x: int, d: int) -> Settled:
    answer, reason = _ici(analysis, x, d)
    return answer, THEOREMS["path_specific_ici"] if answer else reason


def _impact(analysis: Analysis, x: int, d: int) -> Settled:
    return _downstream(analysis, x, d, "impact", lambda below, _: bool(below[x]))


def _intention(analysis: Analysis, x: int, d: int) -> Settled:
    return _downstream(analysis, x, d, "intention", lambda below, above: bool(below[x] and above[x]))


def _downstream(analysis: Analysis, x: int, d: int, criterion: str, holds: Callable[..., bool]) -> Settled:
    """Rule by directed paths alone: some utility below the decision, and `holds` of what is below and above."""
    _not_itself(analysis, x, d, "impact" if criterion == "impact" else "intention")
    others = [e for e in analysis.decisions if e != d]
    alone = analysis.index.edited(isolate=others) if others else analysis.index
    for index, answer in ((alone, Answer.ADMITS), (analysis.index, None)):
        below = index.descendants([d])
        goals = [u for u in analysis.utilities if below[u]]
        if goals and holds(below, index.ancestors(goals)):
            return answer, THEOREMS[criterion] if answer else _between_decisions(analysis)
    return Answer.EXCLUDES, THEOREMS[criterion]


def _unfairness(analysis: Analysis, x: int, d: int) -> Settled:
    answer, reason = _ri(analysis, x, d)
    return answer, THEOREMS["unfairness"] if answer else reason


def _introduced_unfairness(analysis: Analysis, x: int, d: int) -> Settled:
    _not_itself(analysis, x, d, "introduced unfairness")
    others = [e for e in analysis.decisions if e != d]
    alone = analysis.index.edited(isolate=others) if others else analysis.index
    touched = alone.connected([x], ())
    if any(touched[w] for w in analysis.alone(d).requisite):
        return Answer.ADMITS, THEOREMS["introduced_unfairness"]
    index = analysis.reduction.index
    if analysis.single or not any(index.connected([x], ())[index.parents(d)]):
        return Answer.EXCLUDES, THEOREMS["introduced_unfairness"]
    return None, _between_decisions(analysis)


def _requisite(analysis: Analysis, x: int, d: int) -> Settled:
    if x not in analysis.index.parents(d):
        raise NotApplicableError(
            f"`{analysis.cid.nodes[d]}` does not observe `{analysis.cid.nodes[x]}`; admits_voi asks what if it did."
        )
    return (Answer.ADMITS if x in analysis.whole(d).requisite else Answer.EXCLUDES), THEOREMS["requisite"]


def _relevance(analysis: Analysis, x: int, d: int) -> Settled:
    _not_itself(analysis, x, d, "relevance")
    return (Answer.ADMITS if analysis.whole(d).d_connected[x] else Answer.EXCLUDES), THEOREMS["relevance"]


def _not_itself(analysis: Analysis, x: int, d: int, what: str) -> None:
    if x == d:
        raise NotApplicableError(f"{what} is about another node than the decision `{analysis.cid.nodes[d]}` itself.")


def _between_decisions(analysis: Analysis) -> str:
    """Say why the criterion's yes is no theorem: a cyclic_group, or the answer hangs on the other decisions' rules."""
    cyclic_group = analysis.cyclic_group
    if cyclic_group:
        return f"not soluble: {', '.join(cyclic_group)} are relevant to each other in a circle"
    return "it hangs on a link between decisions: an optimal rule of one may leave the other nothing to respond to"


_RULES: dict[str, Callable[[Analysis, int, int], Settled]] = {
    "voi": _voi,
    "voc": _voc,
    "direct_voc": _direct_voc,
    "indirect_voc": _indirect_voc,
    "ri": _ri,
    "ici": _ici,
    "path_specific_ici": _path_specific_ici,
    "impact": _impact,
    "intention": _intention,
    "unfairness": _unfairness,
    "introduced_unfairness": _introduced_unfairness,
    "requisite": _requisite,
    "relevance": _relevance,
}
