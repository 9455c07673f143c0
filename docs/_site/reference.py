"""Writes the pages of the reference: one for each room of the public surface, from the lists of the package itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import GenericAlias
from typing import NamedTuple

import cidmesa as cm
from cidmesa import types


class Page(NamedTuple):
    """A page of the reference: its file, its title, what it is about, the module of its names, and the names."""

    file: str
    title: str
    about: str
    module: str
    names: tuple[str, ...]


ABOUT = {
    "cidmesa.diagram": ("diagrams", "Diagrams and models", "What one writes down: nodes, links, and how each behaves."),
    "cidmesa.criteria": ("incentives", "Incentives", "What a diagram says of what its agents want, with the proof."),
    "cidmesa.graph": ("graphs", "Graphs of a diagram", "Reduction, relevance, and the graph of mechanisms."),
    "cidmesa.solve": ("numbers", "Exact numbers", "Optimal policies and effects in a model, computed exactly."),
    "cidmesa.mesa": ("derivation", "The derivation", "From a training setup to the mesa-optimizers it could produce."),
    "cidmesa.agents": ("agents", "Agents", "Training agents, bringing your own, environments."),
    "cidmesa.validation": ("evidence", "Evidence", "What trained agents do, beside what was predicted."),
    "cidmesa.reports": ("reports", "Reports", "One document of everything."),
    "cidmesa.interop": ("neighbours", "Files and other programs", "Reading and writing diagrams."),
}
"""Room → file, title and subject of its page."""

ROOMS = {
    "cidmesa.agents": (
        "from_rules", "from_callable", "from_rollouts", "from_log", "from_sb3", "load", "parity", "one_hot",
        "register_learner", "register_policy", "check_learner", "check_policy", "Compiled", "Store", "Recipe",
    ),
    "cidmesa.solve": ("best_response", "pure_equilibria", "mixed_equilibria", "subgame_perfect_equilibria"),
    "cidmesa.gallery": ("names", "load"),
    "cidmesa.literature": ("examples", "load"),
}  # fmt: skip
"""Names that are reached through their room, such as ``cidmesa.agents.from_rules``."""


def pages() -> list[Page]:
    """Return the pages, every public name on one of them."""
    homes: dict[str, list[str]] = {room: [] for room in ABOUT}
    errors: list[str] = []
    for name in public():
        value = getattr(cm, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            errors.append(name)
        else:
            homes[_room(name)].append(name)
    made = [Page(*ABOUT[room], "cidmesa", tuple(names)) for room, names in homes.items()]
    made.append(Page("errors", "Errors", "What is raised, and when.", "cidmesa", tuple(errors)))
    results = tuple(name for name in _listed(types) if name not in public())
    made.append(
        Page("results", "Result types", "What the functions return; for annotations.", "cidmesa.types", results)
    )
    return made


def public() -> tuple[str, ...]:
    """Return every public name of the package that is no room."""
    return tuple(n for n in sorted(dir(cm)) if not n.startswith("_") and not inspect.ismodule(getattr(cm, n)))


def write(folder: Path) -> None:
    """Write the pages; a page that is as it was is left alone, so that it is not built again."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{page.file}.rst": "\n".join(_lines(page)) for page in pages()}
    for old in folder.glob("*.rst"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _lines(page: Page) -> Iterator[str]:
    yield from (page.title, "=" * len(page.title), "", page.about, "")
    for name in sorted(page.names, key=str.lower):
        yield from _entry(page.module, name)
    for room, names in ROOMS.items():
        if ABOUT.get(room, ("",))[0] == page.file or (page.file == "neighbours" and room not in ABOUT):
            for name in names:
                yield from _entry(room, name)


def _entry(module: str, name: str) -> Iterator[str]:
    value = getattr(import_module(module), name)
    if isinstance(value, GenericAlias):
        yield from (f".. py:data:: {module}.{name}", "", f"   Short for ``{value}``.", "")
    elif isinstance(value, type):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield from (f".. auto{kind}:: {module}.{name}", "   :members:", "")
    elif inspect.isroutine(value):
        yield from (f".. autofunction:: {module}.{name}", "")
    else:
        yield from (f".. autodata:: {module}.{name}", "   :no-value:", "")


def _room(name: str) -> str:
    home = cm._HOME.get(name)
    return home if home in ABOUT else "cidmesa.diagram"


def _listed(module: object) -> list[str]:
    return [n for n in sorted(vars(module)) if not n.startswith("_") and n != "annotations"]
