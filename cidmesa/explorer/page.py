"""The writer of the page: modules, style and data go into one HTML file that needs nothing else.

The JavaScript under ``web/`` is written as plain modules, which browsers and node run as they are. A file opened from
a disk may not import others, so here each module becomes a function in one script: its imports turn into reads of what
earlier functions returned, its exports into what it returns. Nothing else of it is touched, and nothing is minified.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cidmesa._version import __version__
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.explorer.drop_ins import fragments
from cidmesa.render import theme
from cidmesa.render.metrics import text_width

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENTRY: Final = "app/main.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function (\w+)|class (\w+)|const (\w+|\{[^}]*\}))", re.MULTILINE)


def explore(obj: Any = None, path: str | os.PathLike[str] | None = None, *, title: str = "") -> str | Path:
    """Write the explorer: one static page to draw diagrams on and see what follows.

    Parameters
    ----------
    obj
        The diagram to start with, or anything that has one as ``.cid``; ``None`` starts with the red door.
    path
        The file to write; ``None`` returns the page's text instead.
    title
        What the page is called beside its own name.

    Returns
    -------
    str or Path
        The text, or the file written.

    Raises
    ------
    NotApplicableError
        `obj` has no diagram.
    OSError
        The file cannot be written.

    Notes
    -----
    The page works offline and sends nothing anywhere. Its engine, in JavaScript, decides what a bare diagram decides:
    the incentive criteria with their proofs, the minimal reduction, solubility, and of mesa-optimizers control,
    information cover, positions and kinds of shifts. A verdict that needs a found model or numbers is shown as open.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    >>> page = explore(cid)
    >>> page.startswith("<!DOCTYPE html>"), "https://" in page.split("<script>")[0]
    (True, False)
    """
    cid = None if obj is None else obj if isinstance(obj, CID) else getattr(obj, "cid", None)
    if obj is not None and not isinstance(cid, CID):
        raise NotApplicableError(
            f"the explorer starts with a diagram, or what has one as `.cid`; got {type(obj).__name__}: explore(cid)."
        )
    page = _page(as_data(cid) if isinstance(cid, CID) else None, title)
    if path is None:
        return page
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


def as_data(cid: CID) -> dict[str, Any]:
    """Return a diagram as the page's own data: agents, nodes without places, links.

    >>> as_data(CID([("a", "d")], decisions=["d"]))["nodes"][1]
    {'name': 'd', 'kind': 'decision', 'agent': 0, 'latent': False}
    """
    agents = list(cid.agents) or [0]
    return {
        "agents": [agent if isinstance(agent, int | str) else str(agent) for agent in agents],
        "nodes": [
            {
                "name": name,
                "kind": cid.kind(name),
                "agent": agents.index(cid.agent_of(name)) if cid.kind(name) != "chance" else 0,
                "latent": name in cid.latent,
            }
            for name in cid.nodes
        ],
        "links": [list(edge) for edge in cid.edges],
    }


def _page(start: dict[str, Any] | None, title: str) -> str:
    web = files("cidmesa.explorer") / "web"
    key = hashlib.sha256(json.dumps(start).encode()).hexdigest()[:12] if start else "own"
    data = {**_shared_data(), "start": start, "title": title, "key": key}  # edits of one page are kept under one key
    replacements = {
        "TITLE": escape(f"{title} · cidmesa explorer" if title else "cidmesa explorer"),
        "STYLE": _style(web),
        "DATA": _json_in_script(data),
        "SCRIPT": script(),
    }
    template = (web / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: replacements[found[1]], template)


def _json_in_script(data: Any) -> str:
    """Write JSON so that no ``</script>`` and no ``<!--`` can occur in it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _style(web: Traversable) -> str:
    """Return the style sheet, with the theme's colours as variables."""
    agents = "".join(f"  --agent{i}: {colour};\n" for i, colour in enumerate(theme.AGENTS, start=1))
    rings = "".join(f"  --{criterion}: {colour};\n" for criterion, (colour, _, _) in theme.RINGS.items())
    own = f"  --ink: {theme.INK}; --paper: {theme.PAPER}; --chance: {theme.CHANCE}; --added: {theme.ADDED};\n"
    return f":root {{\n{own}{agents}{rings}}}\n" + (web / "style.css").read_text(encoding="utf-8")


def theme_data() -> dict[str, Any]:
    """Return the library's theme and letter widths as the page's picture modules read them."""
    constants = {name: getattr(theme, name) for name in theme.__annotations__ if name.isupper()}
    letters = [chr(code) for code in range(32, 127)]
    return {"theme": constants, "widths": {letter: round(text_width(letter, 1000)) for letter in letters}}


@cache
def _shared_data() -> dict[str, Any]:
    from cidmesa import literature

    return {
        **theme_data(),
        "version": __version__,
        "fragments": [{"title": words, **as_data(cid)} for words, cid in fragments().items()],
        "literature": [
            {"name": e.name, "title": e.title, "source": e.source, **as_data(e.cid)} for e in literature.examples()
        ],
    }


@cache
def script() -> str:
    """Return all modules that the page's entry needs as one script, in an order in which each finds what it imports."""
    web = files("cidmesa.explorer") / "web"
    done: dict[str, str] = {}
    _add_module(web, ENTRY, done, ())
    return "\n".join(["(() => {", '"use strict";', *done.values(), "})();"])


def _add_module(web: Traversable, name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise RuntimeError(f"modules of the explorer import each other in a circle: {' -> '.join((*above, name))}")
    text = (web / name).read_text(encoding="utf-8")
    for found in _IMPORT.finditer(text):
        _add_module(web, _resolved(name, found[2]), done, (*above, name))
    body = _IMPORT.sub(lambda f: f"const {{{f[1]}}} = {_variable(_resolved(name, f[2]))};\n", text)
    exported = [part.strip() for f in _EXPORT.finditer(body) for part in (f[1] or f[2] or f[3]).strip("{} ").split(",")]
    body = _EXPORT.sub("", body)
    done[name] = f"const {_variable(name)} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();"


def _resolved(name: str, relative: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(name), relative)).replace(os.sep, "/")


def _variable(name: str) -> str:
    return "$" + name.removesuffix(".js").replace("/", "_")
