"""All incentives of a diagram in one report.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
...              decisions=["go"], utilities=["reward"])
>>> report = incentives(cid)
>>> sorted(report.voi), sorted(report.ici), sorted(report.requisite)
(['door'], ['at_door', 'reward'], ['door'])
>>> report.verdicts["voi"]["go"]["red"].answer
<Answer.EXCLUDES: 'excludes'>
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arguments import read_names, require_cid
from cidmesa.arrays import Mask
from cidmesa.clock import UNLIMITED, Budget, Seconds, within_budget
from cidmesa.criteria.analysis import Analysis, analysis_of
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.others import require_others
from cidmesa.criteria.question import TITLES, Answer, Others
from cidmesa.criteria.verdict import Verdict
from cidmesa.criteria.witness.games import SHRINK
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.errors import NotApplicableError, quoted, unknown
from cidmesa.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

REPORTED = ("voi", "voc", "ri", "ici", "requisite", "relevance")
"""The criteria of a report, in the order of its columns."""

_MOST_DRAWN = 60
"""With more nodes than that a picture in a notebook could not be read."""
_SIGNS = {Answer.ADMITS: "yes", Answer.EXCLUDES: "·", Answer.UNKNOWN: "?"}

Rules: TypeAlias = tuple[tuple[str, ...], ...]
Overlay: TypeAlias = dict[str, dict[str, frozenset[str]] | dict[str, tuple[Edge, ...]]]


def incentives(
    cid: CID,
    *,
    search: bool = True,
    budget: Seconds = "default",
    others: Others = "fixed",
    shared_rules: Iterable[Iterable[str]] = (),
) -> IncentiveReport:
    """Report value of information, value of control, response and instrumental control incentives, requisite
    observations and relevance, for every node and every decision.

    Parameters
    ----------
    cid
        The diagram.
    search
        Whether what no theorem or chain of steps settles is searched for a witness, mostly a few hundredths of a second
        for each such node, a few seconds where none is found, and only when it is looked at. Without the search it
        stays UNKNOWN. A diagram with one decision leaves nothing to search for.
    budget
        The seconds that each question to the report may take; ``None`` for no limit. Left out, a minute at a prompt or
        in a notebook and no limit elsewhere. What was searched by then is kept.
    others
        What is assumed of the other agents, as for :func:`admits_voi`. What is requisite and relevant does not depend
        on it.

    Returns
    -------
    IncentiveReport

    Raises
    ------
    OutOfTimeError
        When the report is asked something and does not find all witnesses, or that there are none, within the budget.

    Notes
    -----
    For one decision everything comes from one pass, linear in the edges. With several decisions the reduction is
    shared; value of information costs a reduction more for each node that only a link of another decision could make
    worth seeing, and what no theorem settles costs a bounded search for a witness, when it is looked at.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    >>> print(incentives(cid))
          VoI  VoC  RI   ICI  req  rel
    door  yes  yes  yes  ·    yes  ·
    go
    pay        yes  ·    yes       yes
    """
    return IncentiveReport(cid, search=search, budget=budget, others=others, shared_rules=shared_rules)


@dataclass(frozen=True)
class DecisionIncentives:
    """The incentives of one decision: frozensets of the nodes with ADMITS."""

    cid: CID
    decision: str
    search: bool = True
    budget: Budget = field(default=UNLIMITED, repr=False, compare=False)
    others: Others = "fixed"
    shared_rules: Rules = ()

    @cached_property
    def voi(self) -> frozenset[str]:
        """Nodes whose observation can be worth something."""
        return self._admitted("voi")

    @property
    def voc(self) -> frozenset[str]:
        """Nodes whose control can be worth something to the decision's agent."""
        return self._admitted("voc")

    @cached_property
    def ri(self) -> frozenset[str]:
        """Nodes that optimal rules may have to respond to."""
        return self._admitted("ri")

    @cached_property
    def ici(self) -> frozenset[str]:
        """Nodes that influencing may be a way to utility."""
        return self._admitted("ici")

    @cached_property
    def requisite(self) -> frozenset[str]:
        """Observations that the downstream utilities touch, the other decisions' links being as they are."""
        return self._admitted("requisite")

    @cached_property
    def relevance(self) -> frozenset[str]:
        """Nodes whose mechanism matters to what is best."""
        return self._admitted("relevance")

    @property
    def nonrequisite(self) -> frozenset[str]:
        """Observations that are not requisite."""
        return frozenset(self.cid.parents(self.decision)) - self.requisite

    def overlay(self) -> Overlay:
        """Return what a picture marks, as :meth:`IncentiveReport.overlay` does."""
        return _overlay(self.cid, [self])

    @cached_property
    def _analysis(self) -> Analysis:
        return analysis_of(self.cid, self.cid.agent_of(self.decision))

    @within_budget
    def _admitted(self, criterion: str) -> frozenset[str]:
        cid, d = self.cid, self.cid.id(self.decision)
        names = cid.nodes
        reasons = self.others != "fixed" and self._analysis.others
        if criterion in {"requisite", "relevance"} or (self._analysis.single and not reasons):
            found = self._mask(criterion, d)
            return frozenset([names[v] for v in found])
        asked = _Nodes(cid, criterion, self.decision, self.search, self.others, self.shared_rules)
        answers = _answered(asked, self.budget)
        return frozenset(node for node, answer in answers if answer is Answer.ADMITS)

    def _mask(self, criterion: str, d: int) -> list[int]:
        """Read a criterion that needs no search off the pass for this decision."""
        analysis = self._analysis
        seen = analysis.whole(d)
        if criterion == "requisite":
            return list(seen.requisite)
        if criterion == "voi":
            ids = seen.voi.nonzero()[0].tolist()
            utilities = {self.cid.id(u) for u in self.cid.utilities}
            return [v for v in ids if v not in utilities]
        mask: Mask = {"ri": seen.ri, "voc": seen.voc, "ici": seen.ici, "relevance": seen.d_connected}[criterion]
        ids = mask.nonzero()[0].tolist()
        if criterion != "voc":
            return ids
        return [v for v in ids if v != d and not analysis.pays_all_it_can[v]]


def _overlay(cid: CID, parts: Sequence[DecisionIncentives]) -> Overlay:
    """Collect what a picture marks over some decisions."""
    marks: dict[str, set[str]] = {}
    for part in parts:
        for criterion in ("voi", "voc", "ri", "ici"):
            for node in getattr(part, criterion):
                marks.setdefault(node, set()).add(criterion)
    links = [(part, (p, part.decision)) for part in parts for p in cid.parents(part.decision)]
    return {
        "nodes": {node: frozenset(marks[node]) for node in cid.nodes if node in marks},
        "edges": {
            "requisite": tuple(link for part, link in links if link[0] in part.requisite),
            "nonrequisite": tuple(link for part, link in links if link[0] not in part.requisite),
        },
    }


class IncentiveReport(Shown):
    """What :func:`incentives` found; see there.

    ``report.voi``, ``.ri``, ``.ici``, ``.requisite`` and ``.relevance`` are frozensets of the nodes with ADMITS for
    the only decision; with several, ``report[decision].voi`` and so on. ``report.voc`` is of the diagram.

    Attributes
    ----------
    cid
        The diagram.
    budget
        How long each question may take.
    others
        What is assumed of the other agents.
    shared_rules
        Groups of decisions that share one rule.
    """

    def __init__(
        self,
        cid: CID,
        *,
        search: bool = True,
        budget: Seconds = "default",
        others: Others = "fixed",
        shared_rules: Iterable[Iterable[str]] = (),
    ) -> None:
        self.cid = require_cid(cid, "an incentive report")
        self.shared_rules: Rules = tuple(read_names(group, "a group of shared_rules=") for group in shared_rules)
        self.budget = Budget.of(budget)
        require_others(others)
        self.others = others
        self._search = search
        self._of: dict[str, DecisionIncentives] = {}
        if len(cid.decisions) == 1:
            d = cid.decisions[0]
            analysis_of(cid, cid.agent_of(d)).alone(cid.id(d))

    def __getitem__(self, decision: str) -> DecisionIncentives:
        found = self._of.get(decision) if isinstance(decision, str) else None
        if found is None:
            name = self.cid.only_decision(decision, question="an incentive report")
            found = self._of[name] = DecisionIncentives(
                self.cid, name, self._search, self.budget, self.others, self.shared_rules
            )
        return found

    def _only(self, criterion: str) -> DecisionIncentives:
        decisions = self.cid.decisions
        if len(decisions) > 1:
            names = ", ".join(f"`{d}`" for d in decisions)
            raise NotApplicableError(
                f"`.{criterion}` is about one decision, and this diagram has {len(decisions)} ({names}): "
                f"report[{quoted(decisions[0])}].{criterion}."
            )
        return self[self.cid.only_decision(question=f"`.{criterion}`")]

    @property
    def voi(self) -> frozenset[str]:
        """Nodes whose observation can be worth something to the only decision."""
        return self._only("voi").voi

    @property
    def ri(self) -> frozenset[str]:
        """Nodes that optimal rules of the only decision may have to respond to."""
        return self._only("ri").ri

    @property
    def ici(self) -> frozenset[str]:
        """Nodes that the only decision may influence as a way to utility."""
        return self._only("ici").ici

    @property
    def requisite(self) -> frozenset[str]:
        """The requisite observations of the only decision."""
        return self._only("requisite").requisite

    @property
    def relevance(self) -> frozenset[str]:
        """Nodes whose mechanism matters to what is best at the only decision."""
        return self._only("relevance").relevance

    @cached_property
    @within_budget
    def voc(self) -> frozenset[str]:
        """Nodes whose control can be worth something; of the diagram.

        With several agents value of control is an agent's: ``report[decision].voc``, which may be left out where there
        is only one decision.
        """
        if len(self.cid.decisions) == 1:
            return self[self.cid.decisions[0]].voc
        if len(self.cid.agents) > 1:
            raise NotApplicableError(
                f"control is worth something to an agent, and this diagram has {len(self.cid.agents)}: "
                'report["a decision of the agent"].voc.'
            )
        asked = _Nodes(self.cid, "voc", None, self._search, self.others, self.shared_rules)
        answers = _answered(asked, self.budget)
        return frozenset(node for node, answer in answers if answer is Answer.ADMITS)

    @property
    def verdicts(self) -> Mapping[str, Mapping[str, Mapping[str, Verdict]]]:
        """``verdicts[criterion][decision][node]``, for the nodes that the criterion can be asked about.

        A verdict is made when it is looked up. Value of control has an entry under each decision.
        """
        return _Criteria({c: _Decisions(self.cid, c, self._search, self.others, self.shared_rules) for c in REPORTED})

    @cached_property
    @within_budget
    def unknown(self) -> tuple[Verdict, ...]:
        """The verdicts that are neither proved nor excluded."""
        found = {}
        for criterion, by_decision in self.verdicts.items():
            for decision, by_node in by_decision.items():
                if self.others == "fixed" and analysis_of(self.cid, self.cid.agent_of(decision)).single:
                    continue
                for node, answer in _answered(by_node, self.budget):
                    if answer is Answer.UNKNOWN:
                        found[criterion, by_node[node].decision, node] = by_node[node]
        return tuple(found.values())

    @within_budget
    def overlay(self, decision: str | None = None) -> Overlay:
        """Return what a picture marks, as plain data.

        Returns
        -------
        dict
            ``"nodes"``: node → frozenset of ``"voi"``, ``"voc"``, ``"ri"``, ``"ici"`` (over all decisions, or for
            `decision`); ``"edges"``: ``"requisite"`` and ``"nonrequisite"`` → tuple of information links.
        """
        chosen = self.cid.decisions if decision is None else (self.cid.only_decision(decision),)
        return _overlay(self.cid, [self[d] for d in chosen])

    def diff(self, other: IncentiveReport | CID) -> ReportDiff:
        """Compare with the report of another design.

        Nodes and decisions are matched by name; those that only one design has count as ``"absent"`` in the other.

        Examples
        --------
        >>> cid = CID([("post", "opinion"), ("post", "clicks")], decisions=["post"], utilities=["clicks"])
        >>> print(incentives(cid).diff(cid.with_edges(("opinion", "clicks"))))
        VoC of opinion: excludes -> admits
        VoC of clicks: excludes -> admits
        ICI of opinion for post: excludes -> admits
        relevance of opinion for post: excludes -> admits
        """
        then = other
        if not isinstance(then, IncentiveReport):
            then = IncentiveReport(
                require_cid(then, "a comparison with another design"),
                search=self._search,
                budget=self.budget,
                others=self.others,
                shared_rules=self.shared_rules,
            )
        return ReportDiff(_changes(self._answers(), then._answers()))

    @within_budget
    def _answers(self) -> dict[tuple[str, str | None, str], str]:
        return {
            (criterion, by_node[node].decision, node): str(answer)
            for criterion, by_decision in self.verdicts.items()
            for by_node in by_decision.values()
            for node, answer in _answered(by_node, self.budget)
        }

    def _cells(self, decision: str) -> Iterator[tuple[str, list[str]]]:
        answers = self._by_criterion(decision)
        for node in self.cid.nodes:
            yield node, [_SIGNS[answers[c][node]] if node in answers[c] else "" for c in REPORTED]

    def _by_criterion(self, decision: str) -> dict[str, dict[str, Answer]]:
        return {c: dict(_answered(self.verdicts[c][decision], self.budget)) for c in REPORTED}

    @within_budget
    def __str__(self) -> str:
        titles = ("VoI", "VoC", "RI", "ICI", "req", "rel")
        blocks = []
        for decision in self.cid.decisions:
            rows = list(self._cells(decision))
            width = max(len(node) for node in self.cid.nodes) + 2
            head = decision if len(self.cid.decisions) > 1 else ""
            lines = [f"{head:<{width}}" + "  ".join(f"{t:<3}" for t in titles)]
            lines += [f"{node:<{width}}" + "  ".join(f"{cell:<3}" for cell in row) for node, row in rows]
            blocks.append("\n".join(line.rstrip() for line in lines))
        return "\n\n".join(blocks) or "no decision, no incentives"

    def __repr__(self) -> str:
        return f"<IncentiveReport of {self.cid!r}>"

    def _repr_html_(self) -> str:
        """Show the diagram with a ring for each incentive, as far as it can be read, above the table."""
        table = super()._repr_html_()
        if not self.cid.decisions or len(self.cid) > _MOST_DRAWN:
            return table
        name = hashlib.sha256(repr(self.cid.edges).encode()).hexdigest()[:8]
        picture: str = self.cid.render(rings=self).inline(f"i{name}")
        return f"<div>{picture}</div>\n{table}"

    def __eq__(self, other: object) -> bool:
        """Compare by diagram and arguments: equal reports give equal answers."""
        if not isinstance(other, IncentiveReport):
            return NotImplemented
        return self._asked == other._asked

    def __hash__(self) -> int:
        return hash(self._asked)

    @property
    def _asked(self) -> tuple[CID, bool, Others, Rules]:
        return self.cid, self._search, self.others, self.shared_rules

    @within_budget
    def _rows(self) -> list[dict[str, Any]]:
        answers = {decision: self._by_criterion(decision) for decision in self.cid.decisions}
        return [
            {
                "decision": decision,
                "node": node,
                **{c: str(found[c][node]) if node in found[c] else None for c in REPORTED},
            }
            for decision, found in answers.items()
            for node in self.cid.nodes
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each decision and node, one column for each criterion, entries as in the verdicts.

        Raises
        ------
        MissingDependencyError
            pandas is not installed.
        """
        return super().to_frame().set_index(["decision", "node"])


@dataclass(frozen=True, slots=True)
class ReportDiff:
    """What differs between two reports.

    Attributes
    ----------
    changes
        Rows ``(criterion, decision, node, before, after)``.
    """

    changes: tuple[tuple[str, str | None, str, str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        short = {"voi": "VoI", "voc": "VoC", "ri": "RI", "ici": "ICI"}
        return "\n".join(
            f"{short.get(criterion, TITLES[criterion])} of {node}{f' for {d}' if d else ''}: {before} -> {after}"
            for criterion, d, node, before, after in self.changes
        )


def _changes(
    before: dict[tuple[str, str | None, str], str], after: dict[tuple[str, str | None, str], str]
) -> tuple[tuple[str, str | None, str, str, str], ...]:
    keys = dict.fromkeys([*before, *after])
    order = {criterion: i for i, criterion in enumerate(REPORTED)}
    return tuple(
        (*key, before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted(keys, key=lambda key: order[key[0]])
        if before.get(key) != after.get(key)
    )


class _Criteria(dict[str, "_Decisions"]):
    """The verdicts by criterion; a name that is none is told from a typing slip."""

    def __missing__(self, criterion: str) -> _Decisions:
        raise unknown(criterion, REPORTED, what=f"a criterion of a report ({', '.join(REPORTED)})")


class _Decisions(Mapping[str, "_Nodes"]):
    def __init__(self, cid: CID, criterion: str, search: bool, others: Others, shared_rules: Rules) -> None:
        self._cid = cid
        self._criterion = criterion
        self._search = search
        self._others: Others = others
        self._shared_rules = shared_rules

    def __getitem__(self, decision: str) -> _Nodes:
        if decision not in self._cid.decisions:
            raise unknown(decision, self._cid.decisions, what="a decision of this diagram")
        return _Nodes(self._cid, self._criterion, decision, self._search, self._others, self._shared_rules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cid.decisions)

    def __len__(self) -> int:
        return len(self._cid.decisions)


def _answered(verdicts: Mapping[str, Verdict], budget: Budget) -> Iterator[tuple[str, Answer]]:
    """Yield the answer about every node, searching for witnesses while there is time."""
    for node in budget.each(verdicts, "the search for witnesses", SHRINK):
        yield node, verdicts[node].answer_within(budget)


class _Nodes(Mapping[str, Verdict]):
    """The verdicts of one criterion at one decision, made when they are looked up and kept with the diagram."""

    def __init__(
        self, cid: CID, criterion: str, decision: str | None, search: bool, others: Others, shared_rules: Rules
    ) -> None:
        self._cid = cid
        self._criterion = criterion
        self._decision = decision
        self._search = search
        self._others: Others = others if criterion in {"voi", "voc", "ri", "ici"} else "fixed"
        self._shared_rules = shared_rules
        key = ("verdicts", criterion, decision, search, self._others, shared_rules)
        self._kept: dict[str, Verdict] = cached(cid, key, dict)

    def __getitem__(self, node: str) -> Verdict:
        found = self._kept.get(node)
        if found is None:
            found = self._kept[node] = judge(
                self._cid,
                self._criterion,
                node,
                self._decision,
                search=self._search,
                others=self._others,
                shared_rules=self._shared_rules,
            )
        return found

    def __contains__(self, node: object) -> bool:
        return isinstance(node, str) and node in self._cid and bool(self._applies[self._cid.id(node)])

    def __iter__(self) -> Iterator[str]:
        return (node for node, applies in zip(self._cid.nodes, self._applies.tolist(), strict=True) if applies)

    def __len__(self) -> int:
        return int(self._applies.sum())

    @cached_property
    def _applies(self) -> Mask:
        """Mark the nodes that the criterion can be asked about."""
        cid = self._cid
        mask = np.ones(len(cid), dtype=np.bool_)
        agent: Hashable = cid.agent_of(self._decision) if self._decision else next(iter(cid.agents), 0)
        analysis = analysis_of(cid, agent)
        if self._criterion == "voc":
            mask[list(analysis.decisions)] = False
            return mask
        d = cid.id(self._decision) if self._decision else -1
        mask[d] = False
        if self._criterion == "requisite":
            mask[:] = False
            mask[analysis.index.parents(d)] = True
        elif self._criterion == "voi":
            mask[[cid.id(u) for u in cid.utilities]] = False
            mask &= ~analysis.whole(d).below
        return mask
