"""Policies: rules of decisions, as users write them and as tables.

A rule is read as a chance mechanism is, at a place where the decision's domain is fixed. Rules that were found for
another diagram with the same parents and values are brought into this one's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.errors import MechanismError, quoted, shortened
from cidmesa.mechanisms.allowed import Allowed
from cidmesa.mechanisms.numbers import frozen
from cidmesa.mechanisms.place import Domain, Place
from cidmesa.mechanisms.reading import as_rule


def read_rules(cid: CID, domains: Mapping[str, Domain], policy: Any) -> dict[str, Array]:
    """Return a user's policy as checked tables ``(cards of parents..., card)``, read-only; ``None`` is the empty one.

    >>> cid = CID([("door", "go")], decisions=["go"])
    >>> read_rules(cid, {"door": ("l", "r"), "go": ("l", "r")}, {"go": lambda door: door})["go"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if not isinstance(policy, Mapping | None):
        raise MechanismError(
            f"a policy is a mapping from decision to rule, {{{quoted(next(iter(cid.decisions), 'd'))}: ..}}; got "
            f"{shortened(policy)}."
        )
    tables: dict[str, Array] = {}
    for decision, rule in (policy or {}).items():
        cid.only_decision(decision)
        parents = cid.parents(decision)
        bare = [key for key in rule if not isinstance(key, tuple)] if isinstance(rule, Mapping) else []
        if parents and bare:
            raise MechanismError(
                f"the policy of `{decision}` has the key {bare[0]!r}, which could be a context or an action: write "
                f"contexts as tuples, {{({bare[0]!r},): action}}, or one distribution for all of them as "
                "Categorical({action: probability})."
            )
        place = Place(decision, "decision", parents, tuple(domains[p] for p in parents), domains[decision])
        mechanism = as_rule(rule, node=decision)
        mechanism.check(place)
        tables[decision] = frozen(mechanism.compile(place)).table
    return tables


def require_allowed(
    cid: CID, domains: Mapping[str, Domain], allowed: Mapping[str, Allowed], rules: Mapping[str, Array]
) -> None:
    """Raise if a rule takes an action that its decision may not take.

    >>> from cidmesa.mechanisms.allowed import Allowed
    >>> cid, domains = CID(nodes=["go"], decisions=["go"]), {"go": ("l", "r")}
    >>> require_allowed(cid, domains, {"go": Allowed((), (), np.array([True, False]))}, {"go": np.array([0.0, 1.0])})
    Traceback (most recent call last):
        ...
    cidmesa.errors.MechanismError: the policy of `go` takes 'r', which is forbidden there: allowed are 'l'.
    """
    for decision, rule in rules.items():
        if decision not in allowed:
            continue
        parents = cid.parents(decision)
        may = np.broadcast_to(allowed[decision].over(parents), rule.shape)
        wrong = np.argwhere((rule != 0) & ~may)
        if not len(wrong):
            continue
        *at, action = wrong[0].tolist()
        where = ", ".join(f"{p}={domains[p][i]!r}" for p, i in zip(parents, at, strict=True))
        taken = f"{domains[decision][action]!r}" + (f" at {where}" if where else "")
        instead = ", ".join(repr(a) for a, ok in zip(domains[decision], may[tuple(at)], strict=True) if ok)
        raise MechanismError(
            f"the policy of `{decision}` takes {taken}, which is forbidden there: allowed are {instead}."
        )


def aligned_rules(
    cid: CID,
    domains: Mapping[str, Domain],
    their_cid: CID,
    their_domains: Mapping[str, Domain],
    tables: Mapping[str, Array],
) -> dict[str, Array]:
    """Return rules that were found for another diagram in this one's order of parents and values, read-only.

    >>> one, other = (CID([(a, "go"), (b, "go")], decisions=["go"]) for a, b in ("xy", "yx"))
    >>> domains = {"x": (0, 1), "y": (0, 1), "go": (0, 1)}
    >>> table = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
    >>> aligned_rules(other, domains, one, domains, {"go": table})["go"][1, 0].tolist()
    [0.0, 1.0]
    """
    found: dict[str, Array] = {}
    for decision, table in tables.items():
        cid.only_decision(decision)
        mine, theirs = cid.parents(decision), their_cid.parents(decision)
        nodes = (*mine, decision)
        if set(mine) != set(theirs) or any(set(domains[n]) != set(their_domains[n]) for n in nodes):
            raise MechanismError(
                f"the solution's rule of `{decision}` is for other parents or values than it has here "
                f"({', '.join(theirs) or 'none'} there, {', '.join(mine) or 'none'} here): solve this model."
            )
        picks = [[their_domains[n].index(v) for v in domains[n]] for n in nodes]
        aligned = table.transpose([theirs.index(parent) for parent in mine] + [len(mine)])
        found[decision] = np.ascontiguousarray(aligned[np.ix_(*picks)])
        found[decision].setflags(write=False)
    return found
