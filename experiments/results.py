"""What an experiment found, kept setup by setup: one small file each, written whole or not at all, so that it resumes.

>>> import tempfile
>>> kept = Results(tempfile.mkdtemp(), {"seed": 1})
>>> [kept.of(0, lambda: {"reports": 3}), kept.of(0, lambda: {"reports": 4})]    # the second time it is read
[{'reports': 3}, {'reports': 3}]
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cidmesa.errors import NotApplicableError


class Results:
    """A folder with one file a setup, all measured with the same settings.

    Parameters
    ----------
    folder
        Made where it is missing.
    settings
        What the numbers depend on; a folder with other settings is refused.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = json.loads(json.dumps(settings))
        known = self.folder / "settings.json"
        if not known.exists():
            _write(known, wanted)
        found = _read(known)
        if found != wanted:
            raise NotApplicableError(
                f"{self.folder} holds results of {found}, and these would be of {wanted}: take another --out."
            )

    def of(self, index: int, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was found on one setup, measuring it only if that is not known."""
        file = self.folder / f"setup-{index:05}.json"
        if not file.exists():
            _write(file, measure())
        return _read(file)

    def all(self) -> list[dict[str, Any]]:
        """Return what was found on every setup so far, by whichever process."""
        return [_read(file) for file in sorted(self.folder.glob("setup-*.json"))]


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _write(file: Path, found: Any) -> None:
    """Write a file beside its place and move it there: a stopped run leaves no half of one."""
    beside = file.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(found), encoding="utf-8")
    beside.replace(file)
