r"""The declared simplicity prior: what it makes of bits to describe and of training regret.

The diagram and the training signal leave a set of hypotheses. A *simplicity prior* ranks them: "simple, fast, easy to
specify in terms of their input data" (Hubinger et al. 2019), with

.. math:: \log w(T) = -\lambda\, c(T) - \beta\, n\, R_{train}(O), \qquad
          c(T) = \log_2 \tbinom{N}{|T|} + B\,|dom\,T| + B \sum_{V \in Rel_T} |dom\,Pa(V)|\,(|dom\,V| - 1):

bits to name the targets among :math:`N` admissible nodes, to write the objective down, and to model what an optimizer
of it must model; :math:`B` bits a number. A proxy that costs regret :math:`R` and saves :math:`\Delta c` bits leads
until :math:`n \beta R = \lambda \Delta c`.

>>> SimplicityPrior(samples=10)
SimplicityPrior(weight=1.0, sharpness=1.0, samples=10, bits=8)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cidmesa.diagram import CID


@dataclass(frozen=True, slots=True)
class SimplicityPrior:
    r"""The parameters :math:`\lambda, \beta, n, B` of the simplicity prior.

    Parameters
    ----------
    weight
        :math:`\lambda`, what a bit of complexity costs.
    sharpness
        :math:`\beta`, what a unit of training regret costs per sample.
    samples
        :math:`n`, the number of training samples.
    bits
        :math:`B`, bits per number.
    """

    weight: float = 1.0
    sharpness: float = 1.0
    samples: float = 1000
    bits: float = 8

    def __post_init__(self) -> None:
        for name in ("weight", "sharpness", "samples", "bits"):
            value = getattr(self, name)
            if not (is_number(value) and math.isfinite(value) and value >= 0):
                raise NotApplicableError(f"a prior's {name}= is a finite number that is not negative; got {value!r}.")

    def log_weight(self, complexity: float, regret: float) -> float:
        """Return the log-weight of a hypothesis.

        >>> SimplicityPrior(samples=10).log_weight(complexity=3.0, regret=0.5)
        -8.0
        """
        return -self.weight * complexity - self.sharpness * self.samples * regret


def complexity(
    cid: CID, cards: Mapping[str, int], targets: Sequence[str], relevant: frozenset[str], admissible: int, bits: float
) -> float:
    r"""Return :math:`c(T)` in bits.

    Parameters
    ----------
    cid
        The base diagram.
    cards
        The number of values of every node (of a utility, those it pays).
    targets
        The targets; the base utilities together count as one name.
    relevant
        :math:`Rel_T`.
    admissible
        :math:`N`, the number of admissible target nodes.
    bits
        :math:`B`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> complexity(cid, {"act": 2, "y": 2, "pay": 2}, ["y"], frozenset({"y"}), admissible=2, bits=8)
    33.0
    """
    score = set(cid.utilities)
    named = len(set(targets) - score) + bool(set(targets) & score)
    written = math.prod(cards[target] for target in targets)
    modelled = sum(math.prod(cards[parent] for parent in cid.parents(node)) * (cards[node] - 1) for node in relevant)
    return math.log2(math.comb(admissible, named)) + bits * written + bits * modelled
