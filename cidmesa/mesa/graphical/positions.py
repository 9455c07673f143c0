r"""Where targets stand to the base objective, and whether the observations cover them (C2).

**Position** of targets :math:`T` (Hubinger et al. 2019, § 4.1, made graphical). Let :math:`S = Desc(D)`,
:math:`Y_b = Pa(U_b)`, :math:`Y = (Y_b \setminus \text{decisions}) \cap S` and :math:`T' = T \cap S \ne \emptyset`.

============  ==========================================================================================
identical     T is the score, or T = Y_b
contains      T strictly contains the score, or Y_b where no decision is in it
part          T′ meets Y, and neither of these
side-effect   some t in T′ outside Y and the score leads to a y in Y outside T
instrumental  some y in Y outside T leads to such a t
common cause  neither of the two, and some node of S leads to both such a t and such a y
spurious      some observation is a surrogate (below)
referent      none of the above, and some chance x outside S in Pa(T′) leads to, or is, a chance l outside S that the
              score reads, l in Pa(Y ∪ U_b): the score reads a label of what T reads (Cohen et al. 2022). A decision is
              no label: if it were, whatever is observed would be one's referent
message       the reverse: such an l leads to such an x
other         none of all these
============  ==========================================================================================

**Information cover.** Each observation Z that is requisite for the base is *covered* (requisite for T too), a
*surrogate* (not requisite for T, but dependent in training on what is) or *severed* (neither). No objective on T is
strongly consistent in any model where the best the base can do with the covered observations alone falls short; so
"surrogate" and "severed" both say: inconsistent wherever Z is material given the others. A surrogate (or a Z that never
varies) is how it can fail to be.

>>> import cidmesa as cm
>>> base = cm.gallery.load("red-door").setup.cid
>>> [*map(str, positions(base, ["at_red"])), *map(str, positions(base, ["at_door"]))]
['spurious', 'identical']
>>> cover(base, ["at_red"])["go"]
{'door': <Cover.SURROGATE: 'surrogate'>}

References
----------
E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019; M. Cohen, M. Hutter
and M. Osborne, "Advanced artificial agents intervene in the provision of reward", 2022.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cidmesa.graph import d_separated, requisite_observations, requisites_by_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cidmesa.diagram import CID


class Cover(StrEnum):
    """What becomes of an observation that the base needs."""

    COVERED = "covered"
    SURROGATE = "surrogate"
    SEVERED = "severed"


class Position(StrEnum):
    """Where targets stand to the base objective; see the table of the module."""

    IDENTICAL = "identical"
    CONTAINS = "contains"
    PART = "part"
    SIDE_EFFECT = "side-effect"
    INSTRUMENTAL = "instrumental"
    COMMON_CAUSE = "common cause"
    SPURIOUS = "spurious"
    REFERENT = "referent"
    MESSAGE = "message"
    OTHER = "other"


class Reading:
    """What consistency asks of one diagram for every set of targets: computed once, then read off.

    Attributes
    ----------
    cid
        The base diagram.
    score
        The utilities that training scores, by default all.
    below
        The strict descendants of the decisions.
    form
        Per decision the observations on which it depends what it may do: any rule reads them, whatever its targets.
    dependent
        Whether two observations depend in training, where numbers say more than the diagram.
    """

    def __init__(
        self,
        cid: CID,
        score: Iterable[str] | None = None,
        form: Mapping[str, frozenset[str]] | None = None,
        dependent: Callable[[str, str], bool] | None = None,
    ) -> None:
        self.cid = cid
        self._told = dependent
        self.form = form or {}
        self.score = frozenset(cid.utilities if score is None else score)
        self.below = frozenset().union(*(cid.descendants(decision) for decision in cid.decisions))
        self._reach = {decision: cid.descendants(decision) for decision in cid.decisions}
        self._needed = {d: requisite_observations(cid, d, sorted(self.score)) for d in cid.decisions}
        self._by_target = {decision: requisites_by_target(cid, decision) for decision in cid.decisions}
        self._joined: dict[tuple[str, str], bool] = {}

    def controls(self, targets: Iterable[str]) -> bool:
        """Say whether some target descends from a decision."""
        return any(target in self.below for target in targets)

    def requisite(self, decision: str, targets: Collection[str]) -> frozenset[str]:
        """Return the observations that a utility which is a child of all `targets` makes requisite, and the form's."""
        form = self.form.get(decision, frozenset())
        if not any(target in self._reach[decision] for target in targets):
            return form
        return form.union(*(self._by_target[decision][target] for target in targets))

    def cover(self, targets: Collection[str]) -> dict[str, dict[str, Cover]]:
        """Sort, per decision, the observations that are requisite for the base."""
        found: dict[str, dict[str, Cover]] = {}
        for decision, needed in self._needed.items():
            kept = self.requisite(decision, targets)
            found[decision] = {
                node: Cover.COVERED
                if node in kept
                else Cover.SURROGATE
                if any(self._dependent(node, other) for other in kept)
                else Cover.SEVERED
                for node in self.cid.parents(decision)
                if node in needed
            }
        return found

    def _dependent(self, one: str, other: str) -> bool:
        """Say whether two observations may depend in training; unconditionally, sets do iff two members do."""
        pair = (one, other) if one < other else (other, one)
        if pair not in self._joined:
            joined = not d_separated(self.cid, [one], [other], [])
            self._joined[pair] = joined and (self._told is None or self._told(*pair))
        return self._joined[pair]


def controls(cid: CID, targets: Iterable[str]) -> bool:
    """Say whether some target descends from a decision (C1); else every policy is optimal for any objective.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "y"), ("y", "pay")], nodes=["x"], decisions=["act"], utilities=["pay"])
    >>> controls(cid, ["x", "y"]), controls(cid, ["x"])
    (True, False)
    """
    return Reading(cid).controls(targets)


def cover(cid: CID, targets: Collection[str]) -> dict[str, dict[str, Cover]]:
    """Sort, per decision, the observations that are requisite for the base (C2, graph only).

    Parameters
    ----------
    cid
        The base diagram.
    targets
        The targets, to which a utility would be a child of all.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay"), ("act", "z")],
    ...              decisions=["act"], utilities=["pay"])
    >>> cover(cid, ["y"])["act"]["x"].value, cover(cid, ["z"])["act"]["x"].value
    ('covered', 'severed')
    """
    return Reading(cid).cover(targets)


def positions(cid: CID, targets: Collection[str], reading: Reading | None = None) -> frozenset[Position]:
    """Return the positions of `targets`, as the table of the module defines them; none where C1 fails.

    Parameters
    ----------
    cid
        The base diagram.
    targets
        Chance nodes and base utilities.
    reading
        What is known of the diagram already.

    Examples
    --------
    >>> import cidmesa as cm
    >>> evolution = cm.CID([("act", "sex"), ("sex", "young"), ("young", "pay"), ("young", "care")],
    ...                    decisions=["act"], utilities=["pay"])
    >>> [*map(str, positions(evolution, ["sex"])), *map(str, positions(evolution, ["care"]))]
    ['side-effect', 'instrumental']
    """
    known = Reading(cid) if reading is None else reading
    goals, score, reach = set(targets), set(known.score), known.below
    mine = goals & reach
    if not mine:
        return frozenset()
    reads = {parent for utility in score for parent in cid.parents(utility)}
    decided = bool(reads & set(cid.decisions))
    steered = {node for node in reads if cid.kind(node) != "decision"} & reach
    if goals == score or (goals == reads and not decided):
        found = {Position.IDENTICAL}
    elif goals > score or (goals > reads and not decided):
        found = {Position.CONTAINS}
    else:
        found = {Position.PART} if mine & steered else set()
    means = mine - steered - score
    ends = steered - goals
    if any(cid.descendants(t) & ends for t in means):
        found.add(Position.SIDE_EFFECT)
    if any(cid.descendants(y) & means for y in ends):
        found.add(Position.INSTRUMENTAL)
    if not found & {Position.SIDE_EFFECT, Position.INSTRUMENTAL} and _common_cause(cid, means, ends, reach):
        found.add(Position.COMMON_CAUSE)
    if any(kind is Cover.SURROGATE for here in known.cover(targets).values() for kind in here.values()):
        found.add(Position.SPURIOUS)
    return frozenset(found or {_by_what_is_read(cid, mine, steered | score, reach)})


def _common_cause(cid: CID, means: set[str], ends: set[str], reach: frozenset[str]) -> bool:
    above_means = {a for t in means for a in cid.ancestors(t)} & reach
    above_ends = {a for y in ends for a in cid.ancestors(y)} & reach
    return bool(above_means & above_ends)


def _by_what_is_read(cid: CID, mine: set[str], scored: set[str], reach: frozenset[str]) -> Position:
    """Return referent, message or other: how what the targets read from outside stands to what the score reads."""

    def outside(nodes: set[str]) -> set[str]:
        parents = {parent for node in nodes for parent in cid.parents(node)}
        return {parent for parent in parents - reach if cid.kind(parent) == "chance"}

    read, labels = outside(mine), outside(scored)
    if any(cid.descendants(x, strict=False) & labels for x in read):
        return Position.REFERENT
    if any(cid.descendants(label) & read for label in labels):
        return Position.MESSAGE
    return Position.OTHER
