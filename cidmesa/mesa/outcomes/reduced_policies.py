r"""Deterministic policies of several decisions, told apart only where they act differently.

A deterministic policy gives every decision an action in every context. Two policies that differ only in contexts that
neither of them ever enters act alike, whatever the world does; a **reduced policy** is a class of such policies (the
*reduced normal form* of game theory [1]_). Where one decision is told what an earlier one did, reduced policies are far
fewer than policies: a rule for what follows the action not taken is never needed.

Reduced policies are listed decision by decision, in topological order. Each reduced policy so far knows which contexts
of the next decision it can enter, in any distribution, and branches into one reduced policy per action there, and
nowhere else. Decisions that share one rule branch only in contexts that no earlier use of the rule has settled.

Where even reduced policies are too many, those that ignore **idle links** are enough: information links that are
nonrequisite for the targets and for every base utility, in training's diagram and in every deployment's
(:func:`requisite_links`). Given the rest of what a decision sees and does, such an observation is independent of all
that is pursued or scored. A rule that uses it brings about what a mixture of rules without it does, in every
distribution, so regrets, consistent objectives and possible actions are the same. Decisions that share a rule keep all
their links.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "b"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: 2 * a * b)
>>> reduced = list_reduced_policies(model, [np.ones((2, 2), dtype=bool)])
>>> reduced.rules["a"].ravel().tolist(), reduced.rules["b"].tolist()  # -1: never comes up
([0, 0, 1, 1], [[0, -1], [1, -1], [-1, 0], [-1, 1]])

References
----------
.. [1] R. B. Myerson, *Game Theory: Analysis of Conflict*, 1991, § 2.2 (reduced normal representations).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Ints, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.graph import requisite_observations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


ENTRIES = 2**27
"""The most entries of the array that says which reduced policy is in keeping with what."""

FEW = 2**20
"""So few entries are made in no time; where there are more, whatever needs no list comes first."""

CHUNK = 2048
"""So many reduced policies at a time are multiplied into an outcome table."""


@dataclass(frozen=True, eq=False, slots=True)
class ReducedPolicies:
    """The reduced policies of a model, in the order in which their actions are chosen.

    Attributes
    ----------
    names
        Parents of decisions and decisions, in node order: their values together are a *run*.
    runs
        The runs that come up under some policy in some distribution, as positions in C order, shape (R,).
    rules
        Decision → the action of every reduced policy in every context, shape (P, contexts); -1 where a reduced policy
        never comes.
    follows
        Whether a run is in keeping with a reduced policy, shape (P, R).
    contexts
        Decision → its context in every run, shape (R,).
    parts
        Decision → per context the position of the part of it that rules use, shape (contexts,).
    """

    names: tuple[str, ...]
    runs: Ints
    rules: Mapping[str, Ints]
    follows: Mask
    contexts: Mapping[str, Ints]
    parts: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(self.follows)

    def total(self, by_run: Array) -> Array:
        """Sum rows by run, shape (R, k), over the runs of each reduced policy: shape (P, k).

        Integers that are not negative are summed without rounding.
        """
        if by_run.dtype == object:
            return _total_of_integers(self.follows, by_run)
        parts = [
            self.follows[start : start + CHUNK].astype(by_run.dtype) @ by_run for start in range(0, len(self), CHUNK)
        ]
        return np.concatenate(parts)

    def enters(self, decision: str, reached: Mask) -> Mask:
        """Say which contexts of `decision` each policy enters, given which runs come up: shape (P, contexts)."""
        here = np.zeros((len(self.runs), self.rules[decision].shape[1]), dtype=np.float32)
        here[np.arange(len(self.runs)), self.contexts[decision]] = reached
        return self.total(here) > 0

    def alike(self, decision: str, taken: Mask) -> Mask:
        """Return actions by context, shape (contexts, actions), as taken in any context with the same part."""
        part = self.parts[decision]
        found = np.zeros((int(part.max(initial=0)) + 1, taken.shape[1]), dtype=bool)
        np.logical_or.at(found, part, taken)
        return np.asarray(found[part])


def _total_of_integers(follows: Mask, by_run: Array) -> Array:
    """Sum rows of integers by run, some bits at a time: so few that floating point holds each sum exactly."""
    width = 53 - len(by_run).bit_length()
    longest = max((int(x).bit_length() for x in by_run.ravel()), default=0)
    total = np.zeros((len(follows), by_run.shape[1]), dtype=object)
    for shift in range(0, max(longest, 1), width):
        some = np.array([(int(x) >> shift) & ((1 << width) - 1) for x in by_run.ravel()], dtype=np.float64)
        some = some.reshape(by_run.shape)
        for start in range(0, len(follows), CHUNK):
            part = follows[start : start + CHUNK].astype(np.float64) @ some
            total[start : start + CHUNK] += part.astype(np.int64).astype(object) << shift
    return total


def names_of(cid: CID) -> tuple[str, ...]:
    """Return the parents of decisions and the decisions, in node order.

    >>> import cidmesa as cm
    >>> names_of(cm.CID([("x", "a"), ("a", "y")], decisions=["a"]))
    ('x', 'a')
    """
    members = {node for decision in cid.decisions for node in (*cid.parents(decision), decision)}
    return tuple(node for node in cid.nodes if node in members)


def contexts_of_runs(model: CIM) -> dict[str, Ints]:
    """Return decision → its context in every run, possible or not.

    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "a")], decisions=["a"]).parameterise(x=cm.Bernoulli(0.5), a=[0, 1])
    >>> contexts_of_runs(model)["a"].tolist()
    [0, 0, 1, 1]
    """
    names = names_of(model.cid)
    cards = [model.card(n) for n in names]
    at = dict(zip(names, np.indices(cards).reshape(len(names), -1), strict=True))
    return {d: _position(model, model.cid.parents(d), at, math.prod(cards)) for d in model.cid.decisions}


def requisite_links(setup: TrainingSetup, targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what each decision observes without its idle links.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "a"), ("z", "a"), ("a", "y"), ("x", "y"), ("y", "u"), ("a", "b"), ("z", "b"), ("b", "v")],
    ...              decisions=["a", "b"], utilities=["u", "v"])
    >>> requisite_links(cm.TrainingSetup(cid), ["y"])
    {'a': ('x',), 'b': ()}
    """
    cid = setup.cid
    read = [t for t in targets if cid.kind(t) != "utility"]
    read += [parent for t in targets if cid.kind(t) == "utility" for parent in cid.parents(t)]
    pursued = "mesa_utility"
    while pursued in cid.nodes:
        pursued += "_"
    free = setup.unshared
    diagrams = list(dict.fromkeys(setup.deployed_cid(name) for name in setup.distributions))
    # One utility that reads all of them, so that a decision among them counts as what its own observations tell of.
    diagrams = [g.with_utility(pursued, dict.fromkeys(read)) for g in diagrams]
    while True:
        needed = {d: setup.reads(d).union(*(requisite_observations(g, d) for g in diagrams)) for d in free}
        idle = [(p, d) for d in free for p in diagrams[0].parents(d) if p not in needed[d]]
        if not idle:
            return {d: diagrams[0].parents(d) for d in cid.decisions}
        diagrams = [g.without_edges(idle) for g in diagrams]


def list_reduced_policies(
    model: CIM,
    supports: Sequence[Array],
    shared: Iterable[Sequence[str]] = (),
    most: int = 4096,
    kept: Mapping[str, Sequence[str]] | None = None,
    entries: int = ENTRIES,
) -> ReducedPolicies:
    """List the reduced policies of a model.

    Parameters
    ----------
    model
        Whose decisions, observations and domains count.
    supports
        Per distribution whether a run can come up, given that the policy is in keeping with it: booleans with one axis
        per name of :func:`names_of`.
    shared
        Tuples of decisions that have one rule.
    most
        How many reduced policies are listed.
    kept
        Decision → the observations that its rule uses, by default all.
    entries
        How large the array may be that says which reduced policy is in keeping with what.

    Raises
    ------
    NotApplicableError
        There are more; the message counts the policies on contexts that some policy enters.
    """
    cid = model.cid
    names = names_of(cid)
    possible = np.any([np.asarray(support, dtype=bool) for support in supports], axis=0)
    at = dict(zip(names, (positions.ravel() for positions in np.nonzero(possible)), strict=True))
    runs = np.flatnonzero(possible.ravel())
    leader = {decision: decision for decision in cid.decisions}
    for group in shared:
        leader.update(dict.fromkeys(group, group[0]))
    used = {d: tuple(kept[d]) if kept is not None else cid.parents(d) for d in cid.decisions}
    contexts = {d: _position(model, used[d], at, len(runs)) for d in cid.decisions}
    tables = {
        first: np.full((1, math.prod(model.card(p) for p in used[first])), -1, dtype=np.intp)
        for first in leader.values()
    }
    follows = np.ones((1, 1), dtype=bool)
    before = np.zeros(len(runs), dtype=np.intp)  # every run begins alike
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in leader]
    for decision in order:
        # So far a policy is told apart by how runs begin: by what is seen and done up to this decision.
        begins, first_run = _beginnings(cid, names, at, decision, len(runs))
        follows = follows[:, before[first_run]]
        before = begins
        first, met = leader[decision], contexts[decision][first_run]
        may = _allowed(model, decision, used[decision])
        for context in np.unique(met).tolist():
            open_ = (tables[first][:, context] < 0) & follows[:, met == context].any(axis=1)
            options = np.flatnonzero(may[context])
            copies = np.where(open_, len(options), 1)
            count = int(copies.sum())
            if count > most or count * len(runs) > entries:
                raise _too_many(model, contexts, leader, min(most, entries // max(len(runs), 1)))
            if count == len(copies):
                tables[first][open_, context] = options[0]
                continue
            tables = {name: np.repeat(table, copies, axis=0) for name, table in tables.items()}
            follows = np.repeat(follows, copies, axis=0)
            branched = np.repeat(open_, copies)
            tables[first][branched, context] = np.tile(options, int(open_.sum()))
        follows = follows & (tables[first][:, met] == at[decision][first_run])
    follows = follows[:, before]
    rules, seen, parts = {}, {}, {}
    for decision in cid.decisions:
        parents = cid.parents(decision)
        shape = [model.card(p) for p in parents]
        every = dict(zip(parents, np.indices(shape).reshape(len(parents), math.prod(shape)), strict=True))
        narrow = _position(model, used[decision], every, math.prod(shape))
        rules[decision] = tables[leader[decision]][:, narrow]
        parts[decision] = narrow
        seen[decision] = _position(model, parents, at, len(runs))
    return ReducedPolicies(names, runs, rules, follows, seen, parts)


def _beginnings(cid: CID, names: Sequence[str], at: Mapping[str, Ints], decision: str, runs: int) -> tuple[Ints, Ints]:
    """Return how each run begins, up to what a decision does, and of each beginning the first run that has it."""
    place = {cid.nodes[v]: i for i, v in enumerate(cid.topological)}
    known = [at[name] for name in names if place[name] <= place[decision]]
    code = np.zeros(runs, dtype=np.intp)
    for column in known:
        code = code * (int(column.max(initial=0)) + 1) + column
    _, first, begins = np.unique(code, return_index=True, return_inverse=True)
    return begins.reshape(-1), first


def _allowed(model: CIM, decision: str, used: Sequence[str]) -> Mask:
    """Return the allowed actions of a decision by what its rule uses, shape (contexts, actions)."""
    may = model.allowed(decision)
    shape = [model.card(node) for node in used]
    if may is None:
        return np.ones((math.prod(shape), model.card(decision)), dtype=bool)
    ignored = tuple([0 if p not in used else slice(None) for p in model.cid.parents(decision)])
    kept = [p for p in model.cid.parents(decision) if p in used]
    return np.asarray(may[ignored].transpose([*map(kept.index, used), len(kept)]).reshape(-1, may.shape[-1]))


def _position(model: CIM, nodes: Sequence[str], at: Mapping[str, Ints], size: int) -> Ints:
    """Return positions of the values of some nodes together, in C order."""
    if not nodes:
        return np.zeros(size, dtype=np.intp)
    return np.asarray(np.ravel_multi_index([at[n] for n in nodes], [model.card(n) for n in nodes]), dtype=np.intp)


def _too_many(model: CIM, contexts: Mapping[str, Ints], leader: Mapping[str, str], most: int) -> NotApplicableError:
    live: dict[str, set[int]] = {first: set() for first in leader.values()}
    for decision, met in contexts.items():
        live[leader[decision]] |= set(met.tolist())
    digits = sum(len(here) * math.log10(model.card(first)) for first, here in live.items())
    if digits < 15:
        policies = f"{math.prod(model.card(first) ** len(here) for first, here in live.items()):,}"
    else:
        policies = f"about 10^{digits:.0f}"
    return NotApplicableError(
        f"several decisions are compared policy by policy, and this setup has {policies} deterministic policies, of "
        f"which more than {most:,} act differently somewhere: give the decisions fewer observations or values."
    )
