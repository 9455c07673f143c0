"""Running every system of the gallery, one after the other, and counting what became of their claims.

What came of a system is kept as plain data as soon as it is finished: a run that was killed goes on with the next one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cidmesa._version import __version__
from cidmesa.disk import write_text
from cidmesa.documents.blocks import Block, Heading, Points
from cidmesa.documents.document import Document
from cidmesa.documents.sections.words import VERDICTS
from cidmesa.gallery.page import FAST
from cidmesa.gallery.run import Run, Say, Show, run
from cidmesa.gallery.system import System
from cidmesa.shown import Cell, Table


@dataclass(frozen=True)
class Everything:
    """What became of the claims of every system.

    Attributes
    ----------
    folder
        Where the reports are; the table is ``summary.html``, ``.md`` and ``.json`` in it.
    asked
        What was said of the training: whether the run was fast, how many agents, which seed.
    rows
        One for each system: its name and title, its claims with verdicts, how many of each verdict there are, the
        joint predictions that were contradicted, and the seconds it took.
    """

    folder: Path
    asked: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def path(self) -> Path:
        """The table as a page."""
        return self.folder / "summary.html"

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The joint predictions that some population contradicted, with the system before each."""
        return tuple(f"{row['system']}: {name}" for row in self.rows for name in row["contradicted_predictions"])

    @property
    def plain(self) -> dict[str, Any]:
        """Everything as plain data."""
        systems = {row["system"]: dict(row) for row in self.rows}
        return {"cidmesa": __version__, "asked": dict(self.asked), "systems": systems}

    @property
    def document(self) -> Document:
        """One table, and beneath it the claims that were not supported, each with the numbers that decided it."""
        said = [f"{name} {value}" for name, value in self.asked.items() if name != "fast"]
        subtitle = " · ".join([FAST] * bool(self.asked.get("fast")) + said)
        return Document("What became of the claims", (_table(self.rows), *_not_supported(self.rows)), subtitle)

    def save(self) -> None:
        """Write the table, whole or not at all."""
        write_text(self.folder / "summary.json", json.dumps(self.plain, indent=1, ensure_ascii=False) + "\n")
        for ending in (".md", ".html"):
            self.document.save(self.folder / f"summary{ending}")


def run_all(
    systems: Sequence[System],
    folder: str | Path,
    *,
    training: Callable[[Path], AbstractContextManager[Mapping[str, Any]]],
    asked: Mapping[str, Any],
    resume: bool = False,
    say: Say = lambda words: None,
    show: Show = lambda blocks: None,
) -> Everything:
    """Run systems, and keep what became of them.

    Parameters
    ----------
    systems
        Which, in order.
    folder
        Each system's report goes into a folder of its name in here; the table lies beside them.
    training
        From the folder of a system to further options of its training, for as long as that lasts.
    asked
        What is said of the training, such as ``fast``; passed on to :func:`~cidmesa.gallery.run.run`.
    resume
        Whether to take systems that are finished from the table in the folder, where this version was asked the same.
    say
        Told what is being done.
    show
        Given a line on each system as soon as it is finished.
    """
    where = Path(folder)
    kept = _kept(where / "summary.json", asked) if resume else {}
    rows = {system.name: kept[system.name] for system in systems if system.name in kept}
    done = Everything(where, asked, ())
    for system in systems:
        if system.name not in rows:
            rows[system.name] = _row(system, where / system.name, training, asked, say)
        done = Everything(where, asked, tuple(rows[other.name] for other in systems if other.name in rows))
        done.save()
        show([Points((f"{system.name}: {_counts(rows[system.name])} ({rows[system.name]['seconds']:.0f} s)",))])
    return done


def _row(
    system: System,
    folder: Path,
    training: Callable[[Path], AbstractContextManager[Mapping[str, Any]]],
    asked: Mapping[str, Any],
    say: Say,
) -> Mapping[str, Any]:
    """Run one system, write its report, and return what the table says of it."""

    def named(words: str) -> None:
        say(f"{system.name}: {words}")

    began = time.perf_counter()
    with training(folder) as options:
        done: Run = run(system, say=named, **{**asked, **options})
    done.save(folder)
    claims = done.plain["claims"]
    return {
        "system": system.name,
        "title": system.title,
        "claims": claims,
        **{verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in VERDICTS},
        "contradicted_predictions": list(done.contradicted),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    counted = [_table_row(Cell(row["system"]), [row]) for row in rows]
    return Table(("system", "claims", *VERDICTS, "time"), (*counted, _table_row(Cell("all", "strong"), rows)), "lrrrrr")


def _table_row(name: Cell, rows: Sequence[Mapping[str, Any]]) -> tuple[Cell | str, ...]:
    counts = {verdict: sum(row[verdict] for row in rows) for verdict in VERDICTS}
    cells = [Cell(str(counts[verdict]), tone if counts[verdict] else "muted") for verdict, tone in VERDICTS.items()]
    return (name, str(sum(counts.values())), *cells, f"{sum(row['seconds'] for row in rows):.0f} s")


def _not_supported(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    blocks: list[Block] = []
    for verdict in ("contradicted", "inconclusive"):
        lines = tuple(
            f"`{row['system']}`: {claim['says']} ({claim['because']})"
            for row in rows
            for claim in row["claims"]
            if claim["verdict"] == verdict
        )
        blocks += [Heading(verdict.capitalize(), 2), Points(lines)] if lines else []
    return blocks


def _counts(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{row[verdict]} {verdict}" for verdict in VERDICTS if row[verdict]) or "no claims"


def _kept(path: Path, asked: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what an earlier run left, where the same was asked of the same version; nothing if it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        same = found["cidmesa"] == __version__ and found["asked"] == dict(asked)
        return dict(found["systems"]) if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
