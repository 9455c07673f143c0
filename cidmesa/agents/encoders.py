"""Encoders as data: what a net is shown of a node, written down so that it can be kept and sent elsewhere.

>>> import numpy as np
>>> written = portable(lambda card: np.eye(card)[:, None, ::-1], 2)
>>> written(2)[:, 0].tolist(), portable(parity(3), 2)
([[0.0, 1.0], [1.0, 0.0]], parity(k=3))
"""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.agents.tensors import Encoder, codes_of, one_hot, parity
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Codes that are written down, ``(values, codes, width)``; those of a node with as many values."""

    codes: Floats

    def __call__(self, card: int) -> Floats:
        """Return the codes."""
        if card != len(self.codes):
            raise NotApplicableError(f"these codes are of {len(self.codes)} values; the node has {card}.")
        return self.codes


def portable(encoder: Encoder, card: int) -> Encoder:
    """Return an encoder that can be pickled: the library's own as they are, any other as the codes that it gives."""
    if encoder is one_hot or isinstance(encoder, parity | Written):
        return encoder
    return Written(codes_of("a node", card, {"a node": encoder}))
