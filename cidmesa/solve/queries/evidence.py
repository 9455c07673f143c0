r"""A model once something has been observed: the same diagram of influence, with evidence taken in.

What was observed changes the probabilities of what may have led to it, and nothing else. :func:`conditioned` writes
that down as a model: the nodes above the evidence get the mechanisms :math:`P(v \mid \text{earlier}, e)`, in their
order, the evidence itself is a constant, and all other nodes keep theirs. Under every policy the new model's
distribution is :math:`P(\cdot \mid e)` of the old one, so what is optimal in it is optimal given the evidence.

>>> import cidmesa as cm
>>> cid = cm.CID([("sky", "forecast"), ("sky", "wet"), ("umbrella", "wet")], decisions=["umbrella"], utilities=["wet"])
>>> model = cid.parameterise(sky=cm.Categorical({"rain": 0.25, "sun": 0.75}), forecast=cm.Noisy(lambda sky: sky, 0.25),
...                          umbrella=["take", "leave"],
...                          wet=lambda sky, umbrella: -1 if umbrella == "take" else -3 * (sky == "rain"))
>>> told = conditioned(model, {"forecast": "rain"})
>>> told.cpd("sky").tolist(), told.solve().policy["umbrella"][()], model.solve().policy["umbrella"][()]
([0.5, 0.5], 'take', 'leave')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError, as_lambda, quoted
from cidmesa.graph import d_separated
from cidmesa.mechanisms import Categorical, Mechanism, Table
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import uniform_rule
from cidmesa.solve.queries.query import joint
from cidmesa.solve.tables.model_tables import MAX_TABLE, view_of
from cidmesa.solve.tables.query_plan import cancelling, impossible, read_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def conditioned(
    model: CIM, given: Mapping[str, Any], utilities: Iterable[str] | None = None, *, max_table: int = MAX_TABLE
) -> CIM:
    r"""Return the model given evidence that does not depend on a decision still to be made.

    Parameters
    ----------
    model
        The model.
    given
        ``{node: value}`` observed; a utility's value is one of the numbers in its table. A decision without a rule may
        be among it where its rule cancels: where the evidence has all that its action could tell of what is paid.
    utilities
        Whose payment the evidence is about; all of them, if left out.
    max_table
        How many entries a table may have.

    Returns
    -------
    CIM
        Observed nodes are constants without parents; of the other nodes above them those that the evidence connects
        have new links. Information links stay as they are.

    Raises
    ------
    NotApplicableError
        Evidence of probability zero; evidence that depends on what a decision without a rule does; a table too large.

    Notes
    -----
    Given what comes earlier, a node keeps as parents only those nodes that d-separation does not make idle. Where the
    earlier nodes have values that contradict the evidence, any distribution would do; it is uniform.
    """
    cid = model.cid
    view = view_of(model, "solving")
    seen, _ = read_conditions(view, given, None)
    names = [cid.nodes[v] for v in seen]
    paid = view.index.ids(cid.utilities if utilities is None else utilities)
    done = {cid.nodes[d] for d in cancelling(view, paid, seen, ())} & set(names)
    for d in cid.decisions:
        below = [n for n in names if n in cid.descendants(d, strict=False)]
        if d not in model.rules and d not in done and below:
            raise NotApplicableError(_depends(cid, d, below[0]))
    alike = {d: uniform_rule(model, d) for d in done}
    played = model.with_policy(alike)
    if not joint(played, [], given=given) > 0:
        raise impossible(given)
    above = set(names).union(*(cid.ancestors(n) for n in names))
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in above and cid.kind(cid.nodes[i]) != "utility"]
    hidden = [n for n in order if n not in names]
    parents = {n: _left(cid, n, hidden[: hidden.index(n)], names) for n in hidden}
    mechanisms: dict[str, Mechanism] = {}
    for n in cid.nodes:
        kind = cid.kind(n)
        domain = None if kind == "utility" else model.domain(n)
        mechanisms[n] = model.choice(n) if kind == "decision" else Table(model.cpd(n), domain=domain)
    for n in names:
        if cid.kind(n) != "utility":
            mechanisms[n] = Categorical({v: float(v == given[n]) for v in model.domain(n)})
    for n in hidden:
        law = joint(played, [*parents[n], n], given=given, max_table=max_table)
        mechanisms[n] = Table(_rows(law), domain=model.domain(n))
    heads = {n: () if n in names and n in order else parents.get(n, cid.parents(n)) for n in cid.nodes}
    chosen = {a: [d for d in cid.decisions_of(a) if d not in order] for a in cid.agents}
    told = CIM(
        CID(
            [(tail, head) for head, tails in heads.items() for tail in tails],
            nodes=cid.nodes,
            decisions=chosen,
            utilities={a: cid.utilities_of(a) for a in cid.agents},
            latent=cid.latent,
        ),
        mechanisms,
    )
    return told.with_policy({d: rule for d, rule in model.rules.items() if d not in order})


def _left(cid: CID, node: str, earlier: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the earlier nodes that say something of a node beyond the evidence and the other earlier ones."""
    return tuple(n for n in earlier if not d_separated(cid, node, n, [*names, *(m for m in earlier if m != n)]))


def _rows(law: Array) -> Array:
    """Return a joint distribution as that of its last axis given the others."""
    total = law.sum(axis=-1, keepdims=True)
    rows: Array = np.where(total > 0, law / np.where(total > 0, total, 1.0), 1.0 / law.shape[-1])
    return rows


def _depends(cid: CID, decision: str, node: str) -> str:
    """Say why evidence that depends on a decision says nothing by itself, and what does."""
    if decision == node:
        return (
            f"`{decision}` in given= tells of what its rule saw, and no rule says how: give what it observes too, or "
            f"its rule, model.with_policy({{{quoted(decision)}: {as_lambda(cid.parents(decision))}}})."
        )
    return (
        f"`{node}` in given= depends on what `{decision}` does, which is still to be chosen: give what is known before "
        f"it, or let it observe `{node}` by a link, or fix its rule with model.with_policy({{{quoted(decision)}: ..}})."
    )
