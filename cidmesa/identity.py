r"""What a setup, a model, a recipe and a list of predictions are, whatever the order in which they were written down.

Two models are one if their nodes, parents and domains have the same names and values and their tables agree: the order
of edges, of parents and of a domain is spelling. So a population trained on one spelling is judged by the predictions
of another, and a population trained on anything else is not.

>>> import cidmesa as cm
>>> def game(first, second, places):
...     cid = cm.CID([(first, "go"), (second, "go"), ("a", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
...     return cid.parameterise(a=cm.Uniform(*places), b=cm.Bernoulli(0.5), go=["l", "r"],
...                             pay=lambda a, go: int(a == go))
>>> model_digest(game("a", "b", ["l", "r"])) == model_digest(game("b", "a", ["r", "l"]))
True
>>> model_digest(game("a", "b", ["l", "r"])) == model_digest(game("a", "b", ["l", "other"]))
False
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cidmesa.arrays import Array
    from cidmesa.model import CIM

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verdict rests on, as hashes; two are equal iff all four are.

    Attributes
    ----------
    setup
        Of the training setup: its models in training and in every deployment, phases, shared rules, feedback.
    model
        Of the model that agents were trained on.
    predictions
        Of the rows.
    recipe
        Of how they were trained; empty where that is not known.
    """

    setup: str
    model: str
    predictions: str
    recipe: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the hashes by name."""
        return {name: getattr(self, name) for name in ("setup", "model", "predictions", "recipe")}


def model_digest(model: CIM) -> str:
    """Return a hash of a model, the same for every order of nodes, edges, parents and domains."""
    text = hashlib.sha256()
    for node in sorted(model.cid.nodes):
        parents = sorted(model.cid.parents(node))
        kind = model.cid.kind(node)
        text.update(repr((node, kind, parents)).encode())
        if kind == "decision":
            text.update(repr([_spelled(value) for value in in_order(model.domain(node))]).encode())
            may = model.allowed(node)
            text.update(b"" if may is None else canonical(model, node, may).tobytes())
        else:
            if kind == "chance":
                text.update(repr([_spelled(value) for value in in_order(model.domain(node))]).encode())
            table = canonical(model, node, np.asarray(model.cpd(node), dtype=np.float64))
            text.update((np.round(table, _DIGITS) + 0.0).tobytes())
    return text.hexdigest()


def digest_of(parts: Iterable[object]) -> str:
    """Return a hash of the text of some parts.

    >>> digest_of(["a", 1]) == digest_of(["a", 1]), digest_of(["a"]) == digest_of(["b"])
    (True, False)
    """
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


def canonical(model: CIM, node: str, table: Array) -> Array:
    """Return a table over the parents of `node` (and its own values) with axes by name and values in their order."""
    parents = model.cid.parents(node)
    axes = sorted(range(len(parents)), key=parents.__getitem__)
    own = [len(parents)] if table.ndim > len(parents) else []
    names = [parents[i] for i in axes] + [node] * len(own)
    moved = table.transpose([*axes, *own])
    for axis, name in enumerate(names):
        moved = np.take(moved, order_of(model.domain(name)), axis=axis)
    return np.ascontiguousarray(moved)


def order_of(domain: Sequence[Any]) -> list[int]:
    """Return the positions of a domain's values in an order that does not depend on how it was written.

    >>> order_of(["right", "left"]), order_of([2, 1, 3])
    ([1, 0], [1, 0, 2])
    """
    return sorted(range(len(domain)), key=lambda i: _spelled(domain[i]))


def in_order(domain: Sequence[Any]) -> list[Any]:
    """Return the values of a domain in that order."""
    return [domain[i] for i in order_of(domain)]


def setup_digest(setup: Any) -> str:
    """Return a hash of a training setup (of anything with its attributes): models, shared rules, phases, feedback.

    What training selects by is part of it, where that is not the expected score.
    """
    names = setup.distributions
    if setup.model is None:
        cids = {name: setup.deployed_cid(name) for name in names}
        models = [(name, digest_of([sorted(cid.edges), sorted(cid.nodes)])) for name, cid in cids.items()]
    else:
        models = [(name, model_digest(setup.deployed(name))) for name in names]
    shifted = sorted((name, sorted(setup.shifted(name))) for name in names)
    shared = sorted(sorted(group) for group in setup.shared_rules)
    selects = [] if setup.selects == "expected" else [setup.selects, sorted(setup.level_nodes)]
    parts = [sorted(models), shifted, shared, setup.phases, sorted(setup.feedback), sorted(setup.world), *selects]
    return digest_of(parts)


def rows_digest(predictions: Any, model: CIM) -> str:
    """Return a hash of predictions, whatever the order of their rows, of nodes, of parents and of domains."""
    rows = [_row(row, model) for row in (*predictions, *predictions.structural, *predictions.undecidable)]
    return digest_of(sorted(rows))


def _row(row: Any, model: CIM) -> str:
    expected = row.expected
    if row.kind == "actions" and row.decision is not None and not isinstance(expected, bool):
        parents = model.cid.parents(row.decision)
        expected = sorted(
            (sorted(zip(parents, map(_spelled, context), strict=True)), sorted(map(_spelled, actions)))
            for context, actions in expected
        )
    elif not isinstance(expected, bool):
        expected = [f"{number + 0.0:.9f}" for number in expected]
    name = "/".join(", ".join(sorted(part.split(", "))) for part in row.id.split("/"))
    return repr((name, row.modality, expected, row.inert, row.retrained, getattr(row, "reading", "")))


def _spelled(value: Any) -> str:
    """Spell a value; numbers that are equal are spelled alike."""
    if isinstance(value, bool | np.bool_):
        return f"{float(value)!r}"
    if isinstance(value, int | float | np.number):
        return f"{float(value)!r}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_spelled, value))})"
    return repr(value)
