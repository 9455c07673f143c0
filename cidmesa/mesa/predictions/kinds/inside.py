r"""The inside as drawn: what changes of inner nodes do to the action, where ``learned=`` draws a learned algorithm.

A learned-algorithm diagram says how the map from observations to the action works, and so what interventions on it do.
Bodies are asked whose nodes bear the same names (:mod:`cidmesa.agents.inside`); of others a row is *undefined*.

===========================  =========================================================================================
subject                      claim
===========================  =========================================================================================
``X``                        where X has, in one situation, the value that it has in another, the action's law changes:
                             some agents show it iff X ⇝ D by links that inner decisions have use for; else none does.
                             The same is said of how X comes about, if there is no row of its own for that
``mechanism of X``           of X that is not above D: where it comes about otherwise, or pays otherwise, the law
                             changes, since M_X is relevant to an inner decision above D
``observations beside S``    where the inner parents S of D, all at once, have the values of another situation, the
                             action's law is that of the other situation: beside S, what is seen matters to none
===========================  =========================================================================================

Every *no*, the last row among them, is a ``must``, by the Markov property of the diagram and, at inner decisions, since
an optimizer has no use for what is not requisite; a *yes* is ``can``: no diagram says how strong a link is. A link is
of use to an inner decision that is an optimizer by design, with a utility of its own inside, iff it is requisite; to
any other, always. A change may make up a situation that never comes: an optimizer that does something odd there, or
breaks ties by what is idle, contradicts a *no*, and is not the one that was drawn.

>>> import cidmesa as cm
>>> base = cm.CID([("goal", "go"), ("goal", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = base.parameterise(goal=cm.Bernoulli(0.5), go=[0, 1], pay=lambda goal, go: int(goal == go))
>>> inside = cm.CID([("goal", "map"), ("goal", "doodle"), ("map", "plan"), ("map", "worth"), ("plan", "worth"),
...                  ("plan", "go")], decisions=["plan"], utilities=["worth"])
>>> for row in rows(cm.TrainingSetup(model, learned={"go": inside})):
...     print(row.subject, row.claim.expected, row.claim.modality)
map True can
doodle False must
plan True can
mechanism of worth True can
goal beside plan False must

References
----------
Z. Kenton et al., "Discovering agents", 2022; D. Koller and B. Milch, GEB 45, 2003 (relevance); A. Geiger et al.,
"Causal abstractions of neural networks", NeurIPS 2021 (interchange interventions).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cidmesa.graph import relevant_mechanisms
from cidmesa.mesa.predictions.claims import Claim
from cidmesa.mesa.predictions.kinds.stated import INSIDE, Stated
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.learned_algorithm import by_design, inner_nodes

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup

MECHANISM = "mechanism of "
"""What the subject of a row about a mechanism begins with."""

BESIDE = " beside "
"""What stands between observations and inner nodes in the subject of a row."""


def rows(setup: TrainingSetup) -> Iterator[Stated]:
    """State what changes of inner nodes do to each decision whose inside is drawn."""
    agents = by_design(setup.cid, setup.learned, setup.world)
    for decision, inside in setup.learned.items():
        idle, relevant = [], {}
        for agent in agents:
            for inner in agent.decisions if agent.decision == decision else ():
                needed = agent.incentives[inner].requisite
                idle += [(parent, inner) for parent in inside.parents(inner) if parent not in needed]
                relevant[inner] = relevant_mechanisms(agent.cid, inner)
        used = inside.without_edges(idle)
        above = used.ancestors(decision)
        own = inner_nodes(setup.cid, inside)
        for node in (n for n in inside.nodes if n in own):
            at = [inner for inner, found in relevant.items() if node in found and inner in above]
            if inside.kind(node) != "utility" or not at:
                yield _row(decision, node, node in above, _why(node, decision, inside, node in above))
            if at and node not in above:
                why = f"its mechanism is relevant to `{at[0]}` (Koller & Milch 2003)"
                yield _row(decision, MECHANISM + node, True, why)
        through = [parent for parent in inside.parents(decision) if parent in own]
        seen = [parent for parent in setup.cid.parents(decision) if parent not in inside.parents(decision)]
        if through and seen:
            names = ", ".join(f"`{parent}`" for parent in through)
            why = f"`{decision}` responds to what is seen through {names} alone (Markov property of the inside)"
            subject = f"{', '.join(seen)}{BESIDE}{', '.join(through)}"
            yield Stated("inside", TRAINING, subject, Claim(False, "must", why), decision, INSIDE, retrained=False)


def _row(decision: str, subject: str, matters: bool, why: str) -> Stated:
    claim = Claim(matters, "can" if matters else "must", why)
    return Stated("inside", TRAINING, subject, claim, decision, INSIDE, retrained=False)


def _why(node: str, decision: str, inside: CID, matters: bool) -> str:
    if matters:
        return f"`{node}` ⇝ `{decision}` inside"
    if node in inside.ancestors(decision):
        return f"every path from `{node}` to `{decision}` inside is one that an inner decision has no use for"
    return f"no path from `{node}` to `{decision}` inside"
