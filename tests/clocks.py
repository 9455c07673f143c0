"""Clocks that do not tell the time, and a terminal that is none."""

from __future__ import annotations

import io
from dataclasses import dataclass

from cidmesa.clock import Budget


@dataclass
class Ticking:
    """A clock that is later by `step` seconds whenever it is looked at."""

    step: float = 1.0
    now: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def after_looks(looks: int) -> Budget:
    """Return a budget that is over when it has been looked at so often."""
    return Budget(looks + 0.5, clock=Ticking())


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True
