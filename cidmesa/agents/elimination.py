"""Summing nodes out of a product of tables, of which some are the same for all agents and some each agent's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.arrays import Floats

FOLDED = 2**22
"""How many numbers may be multiplied out beforehand, of what is the same for all agents."""

LETTERS = 50
"""How many axes torch can name in one contraction, besides the agents."""

Scope: TypeAlias = tuple[str, ...]


class Elimination:
    """Sums nodes out of a product of tables, in a greedy order that is found once.

    Tables that depend on no rule are multiplied and summed when this is made, as far as that stays small.
    """

    def __init__(
        self,
        constants: Sequence[tuple[Scope, Floats]],
        rules: Sequence[tuple[Scope, str]],
        keep: Scope,
        cards: Mapping[str, int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._keep = keep
        self._rules = [decision for _, decision in rules]
        ready: list[tuple[Scope, Tensor | None]] = [
            (scope, torch.as_tensor(np.array(table), device=device, dtype=dtype)) for scope, table in constants
        ]
        ready += [(scope, None) for scope, _ in rules]
        self._start = [table for _, table in ready]
        scopes = {slot: frozenset(scope) for slot, (scope, _) in enumerate(ready)}
        self._scopes = [scope for scope, _ in ready]
        fixed = set(range(len(constants)))
        self._steps: list[tuple[tuple[int, ...], Scope]] = []
        self.widest = 1.0
        left = set(cards) - set(keep)
        while left:
            node = min(sorted(left), key=lambda n: self._price(n, scopes, fixed, cards))
            left.discard(node)
            joined = tuple(slot for slot, scope in scopes.items() if node in scope)
            self._join(joined, node, scopes, fixed, cards)
        self._join(tuple(scopes), None, scopes, fixed, cards)
        self._folded: dict[int, Tensor] = {}

    def _price(self, node: str, scopes: Mapping[int, frozenset[str]], fixed: set[int], cards: Mapping[str, int]) -> Any:
        joined = [slot for slot, scope in scopes.items() if node in scope]
        size = math.prod(float(cards[n]) for n in frozenset().union(*(scopes[slot] for slot in joined)))
        return size > FOLDED or not all(slot in fixed for slot in joined), size

    def _join(
        self,
        joined: tuple[int, ...],
        node: str | None,
        scopes: dict[int, frozenset[str]],
        fixed: set[int],
        cards: Mapping[str, int],
    ) -> None:
        """Note down one step: multiply `joined`, sum `node` out (at the end: nothing, in the order asked for)."""
        union = frozenset().union(*(scopes[slot] for slot in joined))
        self.widest = max(self.widest, math.prod(float(cards[n]) for n in union))
        if len(union) > LETTERS:
            self.widest = math.inf
        known = self._keep if node is None else tuple(sorted(union - {node}))
        slot = len(self._scopes)
        self._scopes.append(known)
        self._steps.append((joined, known))
        if all(j in fixed for j in joined):
            fixed.add(slot)
        for j in joined:
            del scopes[j]
        scopes[slot] = frozenset(known)

    def __call__(self, rules: Mapping[str, Tensor]) -> Tensor:
        """Return the sum, ``(agents, cards of keep...)``; one agent where no rule takes part."""
        tables: dict[int, tuple[Tensor, bool]] = {}
        queue = iter(self._rules)
        for slot, table in enumerate(self._start):
            tables[slot] = (rules[next(queue)], True) if table is None else (table, False)
        for number, (joined, known) in enumerate(self._steps):
            slot = len(self._start) + number
            if slot in self._folded:
                tables[slot] = self._folded[slot], False
                continue
            found, batched = self._product([(self._scopes[j], *tables[j]) for j in joined], known)
            tables[slot] = found, batched
            if not batched:
                self._folded[slot] = found
        whole, batched = tables[len(self._start) + len(self._steps) - 1]
        return whole if batched else whole[None]

    @staticmethod
    def _product(parts: Sequence[tuple[Scope, Tensor, bool]], known: Scope) -> tuple[Tensor, bool]:
        """Multiply tables two by two (searching for a better order costs more), and keep what is `known`."""
        letters = {name: i + 1 for i, name in enumerate(dict.fromkeys(n for scope, _, _ in parts for n in scope))}
        scope, table, batched = parts[0]
        for number, (more, other, has) in enumerate(parts[1:], 2):
            both = known if number == len(parts) else tuple(dict.fromkeys((*scope, *more)))
            table = torch.einsum(
                table, [0] * batched + [letters[n] for n in scope],
                other, [0] * has + [letters[n] for n in more],
                [0] * (batched or has) + [letters[n] for n in both],
            )  # fmt: skip
            scope, batched = both, batched or has
        if len(parts) == 1:
            table = torch.einsum(table, [0] * batched + [letters[n] for n in scope],
                                 [0] * batched + [letters[n] for n in known])  # fmt: skip
        return table, batched
