"""Step: noise given what is seen as well."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph


@dataclass(frozen=True, slots=True)
class Ordering:
    r"""All links from `noise` :math:`R` to `decisions` :math:`\mathcal D` go, by an order of what matters.

    `order` has :math:`\mathcal D`, :math:`R` and the *context* :math:`C`, all others in it: chance nodes or decisions
    whose rules stay. All parents of :math:`\mathcal D` are in the order, and

    (a) :math:`D \in \mathcal D` comes after its parents and before all its descendants;
    (b) each :math:`c \in C` is independent of the noise before it and of the rules :math:`\Pi_{\mathcal D}`, given the
        context and :math:`\mathcal D` before it;
    (c) so is each utility, given all of :math:`C \cup \mathcal D`;
    (d) each :math:`r \in R` is independent of all before it given :math:`W(r)`, those before it that every
        :math:`D \in \mathcal D` sees which sees :math:`r`.

    *Proof.* Let :math:`\pi` be optimal and deterministic. Along the order, :math:`EU(\pi) = \sum E[u \mid c, d]
    \prod_c P(c \mid c_\prec, d_\prec) \prod_D \pi_D(d \mid pa_D) \prod_r P_\pi(r \mid w(r))`; by (b) and (c) the first
    two factors depend neither on the rules of :math:`\mathcal D` nor on :math:`r`. Write :math:`r = f_r(w(r),
    \varepsilon_r)` with independent :math:`\varepsilon`. Then :math:`EU(\pi) = E_\varepsilon EU(\pi^\varepsilon)`:
    in :math:`\pi^\varepsilon` each :math:`D` computes the :math:`r` that it used to see from :math:`W(r)`, which it
    sees, one after the other along the order. Some :math:`\varepsilon` is as good as the mean, and
    :math:`\pi^\varepsilon` sees no :math:`r`. ∎

    With :math:`C` all other nodes: noise that is independent of what matters given what all see who see it. The
    condition of Lee and Bareinboim (NeurIPS 2020) on optimal scopes is of this kind; statement and proof are our own.

    Attributes
    ----------
    decisions, noise
        :math:`\mathcal D` and :math:`R`.
    order
        The order of :math:`\mathcal D \cup C \cup R`.

    Examples
    --------
    >>> from cidmesa import CID
    >>> edges = [("s", "r"), ("s", "d"), ("r", "d"), ("s", "e"), ("r", "e"), ("s", "u"), ("d", "u"), ("e", "u")]
    >>> graph = Graph.of(CID(edges, decisions=["d", "e"], utilities=["u"]))
    >>> step = Ordering(("d", "e"), ("r",), ("s", "r", "d", "e"))
    >>> sorted(step.applied(graph).parents["e"])
    ['s']
    >>> step.applied(graph.without([("s", "e")])) is None
    True
    """

    decisions: tuple[str, ...]
    noise: tuple[str, ...]
    order: tuple[str, ...]

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph without the links, or None where the order does not show it."""
        ours, noise = frozenset(self.decisions), frozenset(self.noise)
        parents = graph.parents
        fits = (
            graph.all_are(self.decisions, "decision")
            and graph.all_are(self.order, "chance", "decision")
            and len(set(self.order)) == len(self.order)
            and ours | noise <= set(self.order)
            and not ours & noise
            and all(parents[d] <= set(self.order) for d in ours)
        )
        if not fits:
            return None
        context = frozenset(self.order) - noise
        if not all(graph.separated([u], noise, context, ours) for u in graph.utilities):
            return None
        before: frozenset[str] = frozenset()
        for v in self.order:
            if v in ours:
                allowed = parents[v] <= before and not before & graph.below(v)
            elif v in noise:
                seers = [d for d in ours if v in parents[d]]
                shown = before.intersection(*(parents[d] for d in seers)) if seers else frozenset[str]()
                allowed = graph.separated([v], before - shown, shown)
            else:
                allowed = graph.separated([v], before & noise, before - noise, ours)
            if not allowed:
                return None
            before |= {v}
        return graph.having({d: parents[d] - noise for d in ours})

    def __str__(self) -> str:
        return (
            f"{', '.join(self.decisions)} may draw {', '.join(self.noise)} as noise of their own "
            f"(in the order {', '.join(self.order)})"
        )
