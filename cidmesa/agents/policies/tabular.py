"""Tables: one row of logits for each context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Params, Place, alike, uniform
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arrays import Ints


@dataclass(frozen=True, slots=True, eq=False)
class TabularRule:
    """One row of logits for each context the rule can tell apart; it starts near uniform, each agent elsewhere."""

    name: str
    inputs: Inputs
    actions: int

    @classmethod
    def at(cls, place: Place) -> TabularRule:
        """Return the rule of a place."""
        return cls(place.name, place.inputs, place.actions)

    def start(self, keys: Keys) -> Params:
        """Draw logits uniformly from (-1/2, 1/2)."""
        shape = (int(self.inputs.cells.max()) + 1, self.actions)
        return {self.name: uniform(keys, self.name, shape, 0.5)}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Look the rows up; a table does not see how its input is coded."""
        cells = self.inputs.cells[contexts]
        table = params[self.name].double()
        if alike(contexts):
            every = np.array_equal(cells[0], np.arange(table.shape[1]))
            return table if every else table.index_select(1, torch.from_numpy(cells[0]))
        return torch.take_along_dim(table, torch.from_numpy(cells)[..., None], dim=1)
