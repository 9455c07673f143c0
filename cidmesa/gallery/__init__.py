"""The systems the theory of mesa-optimizers was told with, each as a runnable setup.

>>> from cidmesa import gallery
>>> "red-door" in gallery.names()
True
>>> system = gallery.load("red-door")
>>> system.title, list(system.setups)
('The red door', ['delta=0', 'delta=0.02', 'delta=0.1'])
>>> system.setup.cid.decisions
('go',)

===============  =====================================================================
module           what it holds
===============  =====================================================================
``system``       what a system is: setups, claims, agents
``systems``      the systems, one a file
``worlds``       nets, mazes, prompts and processes that are no diagram
``run``          drawing, deriving, training and judging a system
``everything``   the same for every system, and a table of what became of the claims
``populations``  the same side by side on an executor
``page``         what a run prints as it goes
``compliance``   claims that every agent of some populations complies with
``doses``        shares of agents along a dose, and where they cross a level
``findings``     closed forms beside agents, and other findings of several systems
``study``        a system made of a study, as a file holds one
===============  =====================================================================
"""

from __future__ import annotations

from importlib import import_module

from cidmesa.errors import unknown
from cidmesa.gallery.system import Claim as Claim
from cidmesa.gallery.system import Evidence as Evidence
from cidmesa.gallery.system import Finding as Finding
from cidmesa.gallery.system import System as System

_NAMES = (
    "red-door",
    "biggest-rock",
    "deceptive-alignment",
    "dqn-or-ppo",
    "evolution",
    "in-context-regression",
    "lookup-table",
    "loss-register",
    "myopia",
    "pain-or-genes",
    "thinking-time",
    "trained-oracle",
    "value-iteration-net",
)


def names() -> tuple[str, ...]:
    """Return the names of all systems."""
    return _NAMES


def load(name: str) -> System:
    """Return the system called `name`.

    Raises
    ------
    UnknownNodeError
        There is none; the text suggests the nearest name.

    Examples
    --------
    >>> load("red-dor")
    Traceback (most recent call last):
        ...
    cidmesa.errors.UnknownNodeError: `red-dor` is not a system of the gallery (did you mean `red-door`?).
    """
    if name not in _NAMES:
        raise unknown(name, _NAMES, what="a system of the gallery")
    module = import_module(f"cidmesa.gallery.systems.{name.replace('-', '_')}")
    system: System = module.system()
    return system
