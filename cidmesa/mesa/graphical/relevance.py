"""Which mechanisms a decision can notice, and which matter to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cidmesa.graph import relevant_mechanisms

if TYPE_CHECKING:
    from cidmesa.diagram import CID


def observed(cid: CID) -> frozenset[str]:
    r"""Return the union over the decisions of :math:`Obs(D) = Pa(D) \cup Anc(Pa(D))`.

    These are the nodes whose mechanism can show in what a frozen learner sees: strict ancestors of decisions.

    >>> import cidmesa as cm
    >>> sorted(observed(cm.CID([("a", "b"), ("b", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])))
    ['a', 'b']
    """
    found: frozenset[str] = frozenset()
    for decision in cid.decisions:
        found |= cid.ancestors(decision)
    return found


def relevant(
    cid: CID,
    targets: Iterable[str] | None = None,
    utilities: Iterable[str] | None = None,
    *,
    given: Iterable[str] = (),
) -> frozenset[str]:
    r"""Return :math:`Rel_T` for `targets`, or :math:`Rel_b` for the base `utilities` if there are none.

    Parameters
    ----------
    cid
        The diagram; the deployment's own edges included, where one is meant.
    targets
        Nodes that the mesa-utility is a child of.
    utilities
        Base utilities that count, by default all.
    given
        Nodes whose value every context tells, beside what is observed.

    Returns
    -------
    frozenset of str
        Nodes whose mechanism is relevant to some decision; decisions are among them where one's rule matters to
        another.

    Notes
    -----
    One Bayes ball a decision.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> sorted(relevant(cid)), sorted(relevant(cid, ["y"])), relevant(cid, ["x"])
    (['pay', 'y'], ['y'], frozenset())
    """
    found: frozenset[str] = frozenset()
    for decision in cid.decisions:
        if targets is None:
            found |= relevant_mechanisms(cid, decision, utilities, given=given)
        else:
            found |= relevant_mechanisms(cid, decision, targets=targets, given=given)
    return found
