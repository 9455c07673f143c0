r"""Why a decision maker in a game has any reason to prefer one action to another: the four reasoning patterns.

Pfeffer and Gal show that in a multi-agent diagram every decision that is motivated at all (by agents whose rules do
not distinguish what makes no difference) is motivated by one of four patterns [1]_. Write :math:`D` for a decision of
agent :math:`A`, :math:`E` for another decision, of agent :math:`B`, that :math:`D` has a directed path to on which
there is no other decision, and that has an effective directed path to :math:`U_A`.

=================== ==============================================================================================
direct effect       a directed path from :math:`D` to :math:`U_A` without another decision on it
manipulation        an effective directed path from :math:`D` to :math:`U_B` that avoids :math:`E`: change what is
                    good for :math:`B`, and let :math:`B` see it
signaling           an effective back-door path from :math:`D` to :math:`U_B` that is active given :math:`E` and the
                    parents of :math:`E` not below :math:`D`, and from its first fork :math:`C` an effective path to
                    :math:`U_A` that is active given :math:`D` and the parents of :math:`D` not below :math:`C`: tell
                    :math:`B` what only :math:`A` knows
revealing, denying  an effective front-door path from :math:`D` to :math:`U_B`, not directed, that is active given the
                    same as in signaling: change how well :math:`B` knows what :math:`A` need not know
=================== ==============================================================================================

A path is *effective* if the decisions on it, except the first node and forks, are motivated themselves; so the
motivated decisions are the greatest fixpoint, found by starting from all and dropping the unmotivated.

Nothing here lists paths. Each condition is reachability in a state graph, which finds *walks*: a walk turns back at an
observed node, as in a Bayes ball, and may touch a node twice.

References
----------
.. [1] A. Pfeffer and Y. Gal, "On the reasoning patterns of agents in games", AAAI 2007.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cidmesa.diagram import CID
from cidmesa.graph.index import Index, index_of

PATTERNS = ("direct_effect", "manipulation", "signaling", "revealing_denying")
"""The four patterns."""


def reasoning_patterns(cid: CID) -> Mapping[str, frozenset[str]]:
    """Return the reasoning patterns of every decision.

    Parameters
    ----------
    cid
        The diagram, mostly of several agents.

    Returns
    -------
    mapping
        Decision → frozenset of ``"direct_effect"``, ``"manipulation"``, ``"signaling"``, ``"revealing_denying"``; an
        empty set where nothing motivates the decision.

    Notes
    -----
    A few reaches for each pair of decisions and each round of the fixpoint; no path is listed.

    References
    ----------
    Pfeffer and Gal 2007, Defs. 4-7 and Thm 1.

    Examples
    --------
    >>> game = CID([("truth", "tell"), ("tell", "act"), ("truth", "ua"), ("truth", "ub"), ("act", "ua"), ("act", "ub")],
    ...            decisions={"A": ["tell"], "B": ["act"]}, utilities={"A": ["ua"], "B": ["ub"]})
    >>> for decision, patterns in reasoning_patterns(game).items():
    ...     print(decision, sorted(patterns))
    tell ['signaling']
    act ['direct_effect']
    >>> blind = game.without_edges(("truth", "tell"))
    >>> sorted(reasoning_patterns(blind)["tell"])
    []
    """
    game = _Game.of(cid)
    effective = frozenset(game.decisions)
    while True:
        found = {d: game.patterns(d, effective) for d in game.decisions}
        left = frozenset(d for d in effective if found[d])
        if left == effective:
            return {cid.nodes[d]: found[d] if d in effective else frozenset() for d in game.decisions}
        effective = left


@dataclass(frozen=True, slots=True)
class _Game:
    """A diagram by positions; the utilities that count for each decision are its agent's."""

    index: Index
    decisions: tuple[int, ...]
    utilities: Mapping[int, tuple[int, ...]]

    @classmethod
    def of(cls, cid: CID) -> _Game:
        owned = {cid.id(d): tuple(map(cid.id, cid.utilities_of(cid.agent_of(d)))) for d in cid.decisions}
        return cls(index_of(cid), tuple(owned), owned)

    def patterns(self, d: int, effective: frozenset[int]) -> frozenset[str]:
        """Return the patterns of `d` when the decisions in `effective` are taken to be motivated."""
        mine = set(self.utilities[d])
        ineffective = set(self.decisions) - effective
        near = self.onwards(d, stop=self.decisions)
        found = {"direct_effect"} if near & mine else set()
        others = [e for e in self.decisions if e != d and e in near and e in effective]
        below = self.onwards(d)
        for e in others:
            if not self.onwards(e, stop=ineffective) & mine:
                continue
            theirs = self.utilities[e]
            if self.onwards(d, stop=ineffective, avoid=e).intersection(theirs):
                found.add("manipulation")
            known = {e, *(p for p in self.index.parents(e) if p not in below and p != d)}
            if "signaling" not in found and self.signals(d, theirs, known, ineffective):
                found.add("signaling")
            if "revealing_denying" not in found and self.reveals(d, theirs, known, ineffective):
                found.add("revealing_denying")
        return frozenset(found)

    def onwards(self, source: int, stop: Collection[int] = (), avoid: int = -1) -> set[int]:
        """Return what directed paths from `source` reach; nodes in `stop` are reached and not passed."""
        halts = set(stop)
        seen: set[int] = set()
        todo = [source]
        while todo:
            v = todo.pop()
            if v in halts and v != source:
                continue
            for c in self.index.children(v):
                if c not in seen and c != avoid:
                    seen.add(c)
                    todo.append(c)
        return seen

    def trail(
        self, starts: Iterable[int], known: Collection[int], ineffective: Collection[int], avoid: int
    ) -> tuple[set[int], set[int]]:
        """Return the nodes that effective active walks reach from below and from above; `starts` count as from below.

        A decision in `dumb` may only be a fork: come from a child, leave to another. Nothing passes `avoid`.
        """
        up: set[int] = set()
        down: set[int] = set()
        todo = [(v, True) for v in starts]
        while todo:
            v, from_below = todo.pop()
            seen = up if from_below else down
            if v in seen or v == avoid:
                continue
            seen.add(v)
            if from_below and v not in known:
                todo += [(c, False) for c in self.index.children(v)]
            if v not in ineffective:
                if from_below != (v in known):  # a chain upwards, or a bounce
                    todo += [(p, True) for p in self.index.parents(v)]
                elif not from_below:
                    todo += [(c, False) for c in self.index.children(v)]
        return up, down

    def signals(self, d: int, theirs: tuple[int, ...], known: set[int], ineffective: set[int]) -> bool:
        """Look for a first fork that `d` knows of, the other's utility hangs on, and the own one too."""
        chain: set[int] = set()
        todo = list(self.index.parents(d))
        while todo:
            v = todo.pop()
            if v not in chain and v not in known:
                chain.add(v)
                if v not in ineffective:
                    todo += self.index.parents(v)
        from_below, _ = self.trail(theirs, known, ineffective, d)
        forks = chain & from_below
        if not forks:
            return False
        parents = self.index.parents(d)
        above = {p: self.index.ancestors([p]) for p in parents}
        groups: dict[frozenset[int], set[int]] = {}
        for c in forks:
            groups.setdefault(frozenset(p for p in parents if p != c and above[p][c]), set()).add(c)
        for told, cs in groups.items():
            up, down = self.trail(self.utilities[d], {d, *parents} - told, ineffective, -1)
            if cs & (up | down):
                return True
        return False

    def reveals(self, d: int, theirs: tuple[int, ...], known: set[int], ineffective: set[int]) -> bool:
        """Look for a way forwards to an open collider, out of it by another parent, and on to the other's utility."""
        opens = self.index.ancestors(sorted(known))
        passed = {d}
        todo = [d]
        arrivals: dict[int, set[int]] = {}
        while todo:
            v = todo.pop()
            for c in self.index.children(v):
                arrivals.setdefault(c, set()).add(v)
                if c not in passed and c not in known and c not in ineffective:
                    passed.add(c)
                    todo.append(c)
        out = {
            q
            for c, froms in arrivals.items()
            if opens[c] and c not in ineffective
            for q in self.index.parents(c)
            if q != d and froms != {q}
        }
        _, down = self.trail(out, known, ineffective, d)
        return not down.isdisjoint(theirs)
