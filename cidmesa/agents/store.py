r"""Finished blocks on disk, each under an address that says all that its bytes depend on.

An address is a hash of the recipe (but for how many agents there are), which agents are in the block, what is noted
along the way, and the machine: version of the library, of torch and of numpy, kind of processor, threads a worker, and
the device if it is another one. So a block that is there is the one that would be trained, byte for byte, and a
population of 64 goes on from that of 32. Code that was registered is known by its name alone: give a changed learner
another name, or another store.

>>> import tempfile
>>> store = Store(tempfile.mkdtemp())
>>> store.get("ab" * 32) is None
True
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from cidmesa._version import __version__
from cidmesa.agents.block import Trained, as_bytes, from_bytes
from cidmesa.agents.devices import described
from cidmesa.disk import read_bytes, write_bytes
from cidmesa.errors import FileFormatError
from cidmesa.identity import digest_of

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe

ENDING = ".safetensors"
MOST_BYTES = 2**34
THREADS = 1
"""Of torch, while a block is trained: a population's tensors are small, and threads only wait for each other."""


def address(recipe: Recipe, first: int, last: int, keep: Sequence[int] = ()) -> str:
    """Return the address of a block: a hash of all that its bytes depend on."""
    return digest_of([recipe.course, first, last, sorted(keep), machine() + described(recipe.device)])


def machine() -> tuple[str, ...]:
    """Say what the last bits of a result depend on besides the recipe."""
    return (
        f"cidmesa {__version__}",
        f"torch {torch.__version__}",
        f"numpy {np.__version__}",
        platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
        f"{THREADS} thread",
    )


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of finished blocks.

    Attributes
    ----------
    folder
        Where they are.
    fresh
        Take none of those that are there: everything is trained again and takes their place.
    """

    folder: str | os.PathLike[str]
    fresh: bool = False

    def path(self, name: str) -> Path:
        """Return where the block of an address is."""
        return Path(self.folder) / f"{name}{ENDING}"

    def get(self, name: str) -> bytes | None:
        """Return the bytes of a block; ``None``: it is not there, or not to be taken."""
        path = self.path(name)
        if self.fresh or not path.exists():
            return None
        return read_bytes(path, MOST_BYTES, instead="train smaller blocks")

    def put(self, name: str, data: bytes) -> None:
        """Write a block; a reader sees all of it or nothing."""
        write_bytes(self.path(name), data)

    def read(self, name: str) -> Trained | None:
        """Return a block after checking that it is whole and the one of its address.

        Raises
        ------
        FileFormatError
            It is not: the message says which file to delete.
        """
        data = self.get(name)
        return None if data is None else unpacked(data, name, str(self.path(name)))


def packed(trained: Trained, name: str) -> bytes:
    """Write a block with its address, and a hash of its numbers."""
    bare = as_bytes(trained, {"address": name})
    return as_bytes(trained, {"address": name, "sha256": hashlib.sha256(bare).hexdigest()})


def unpacked(data: bytes, name: str, place: str) -> Trained:
    """Read a block after checking that it is whole and the one of its address."""
    instead = "delete it, and it is trained again"
    try:
        trained, words = from_bytes(data, place)
    except FileFormatError as error:
        raise FileFormatError(f"{error} {instead[0].upper()}{instead[1:]}.") from error
    if words.get("address") != name:
        raise FileFormatError(f"{place}: the block of another run: {instead}.")
    if packed(trained, name) != data:
        raise FileFormatError(f"{place}: its numbers were changed since it was written: {instead}.")
    return trained
