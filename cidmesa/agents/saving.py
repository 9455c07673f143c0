r"""Writing agents into a folder: their recipe as JSON, all numbers in one file of arrays beside it.

===========================  =======================================================================================
``agents.json``              the recipe, the diagram and its domains, hashes of what was registered, the name of the
                             other file and a hash of it
``agents-….safetensors``     the model's tables; parameters, learning curves, checkpoints
===========================  =======================================================================================

The arrays are written first, under a name that is a hash of what they are; then ``agents.json`` takes the place of the
old one. So whoever reads the folder finds the old agents or the new ones, whole. :mod:`.loading` reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cidmesa._version import __version__
from cidmesa.agents.block import as_arrays
from cidmesa.agents.encoders import portable
from cidmesa.agents.tensor_file import dumps
from cidmesa.agents.tensors import one_hot, parity
from cidmesa.arrays import Array
from cidmesa.disk import write_bytes, write_text
from cidmesa.errors import FileFormatError
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.agents.population import Agents
    from cidmesa.agents.recipe import Recipe

VERSION: Final = 1
NAME: Final = "agents.json"
ARRAYS: Final = re.compile(r"agents-[0-9a-f]{16}\.safetensors")
WORKED: Final = ("model", "encoders", "returns")
"""The fields of a recipe that are written in ways of their own, or not; all others are plain data, or options."""


def save(agents: Agents, folder: Path) -> Path:
    """Write agents into a folder; see :meth:`cidmesa.Agents.save`."""
    arrays: dict[str, Array] = {}
    plain: dict[str, Any] = {
        "cidmesa agents": VERSION,
        "version": __version__,
        "model": _model(agents.recipe.model, arrays),
        "recipe": _recipe(agents.recipe, arrays),
        "digest": agents.recipe.digest,
        "predictions": agents.predictions,
        "registered": None if agents.registered is None else agents.registered.to_dict(),
    }
    data = dumps({**arrays, **as_arrays(agents.trained)})
    digest = hashlib.sha256(data).hexdigest()
    file = f"agents-{digest[:16]}.safetensors"
    plain["arrays"] = {"file": file, "sha256": digest}
    text = json.dumps({**plain, "sha256": seal(plain)}, indent=1, ensure_ascii=False)
    write_bytes(folder / file, data)
    write_text(folder / NAME, text + "\n")
    for old in folder.iterdir():
        if ARRAYS.fullmatch(old.name) and old.name != file:
            old.unlink(missing_ok=True)
    return folder


def seal(plain: Mapping[str, Any]) -> str:
    """Return a hash of a description, by which damage is seen; whoever means to change one can make it anew."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _model(model: CIM, arrays: dict[str, Array]) -> dict[str, Any]:
    """Write a model: the diagram and the domains as plain data, a table for each node that has one."""
    cid = model.cid
    (agent,) = cid.agents
    domains = {}
    for number, node in enumerate(cid.nodes):
        if cid.kind(node) != "utility":
            domains[node] = [_value(value, node) for value in model.domain(node)]
        if cid.kind(node) != "decision":
            arrays[f"model/{number}"] = np.asarray(model.cpd(node), dtype=np.float64)
        elif (may := model.allowed(node)) is not None:
            arrays[f"model/{number}"] = np.asarray(may, dtype=np.bool_)
    return {
        "nodes": list(cid.nodes),
        "edges": [list(edge) for edge in cid.edges],
        "agent": _value(agent, "the agent"),
        "decisions": list(cid.decisions),
        "utilities": list(cid.utilities),
        "latent": list(cid.latent),
        "domains": domains,
    }


def _recipe(recipe: Recipe, arrays: dict[str, Array]) -> dict[str, Any]:
    """Write a recipe but for its model."""
    encoders: dict[str, Any] = {}
    for node, encoder in recipe.encoders.items():
        written = portable(encoder, recipe.model.card(node))
        if isinstance(written, parity):
            encoders[node] = {"parity": written.k}
        elif written is one_hot:
            encoders[node] = "one hot"
        else:
            encoders[node] = "codes"
            number = recipe.model.cid.nodes.index(node)
            arrays[f"codes/{number}"] = np.asarray(written(recipe.model.card(node)), dtype=np.float64)
    if recipe.returns is not None:
        raise FileFormatError("agents that learn from what returns from deployment are kept by pickling them.")
    found = {field.name: getattr(recipe, field.name) for field in fields(recipe) if field.name not in WORKED}
    return {name: _option(name, value) for name, value in found.items()} | {"encoders": encoders}


def _option(name: str, value: Any) -> Any:
    """Write a field of a recipe; options are written by name."""
    if is_dataclass(value) and not isinstance(value, type):
        return {option: _option(option, own) for option, own in asdict(value).items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [_option(name, part) for part in value]
    raise FileFormatError(f"{name}={value!r} is no plain data: pickle the agents instead.")


def _value(value: Any, node: str) -> Any:
    """Write a value of a domain: texts, numbers, true, false and nothing as they are, tuples as lists."""
    if isinstance(value, tuple):
        return [_value(part, node) for part in value]
    if value is None or (type(value) in {str, bool, int, float} and value == value):  # noqa: PLR0124 - but for nan
        return value
    raise FileFormatError(
        f"agents are kept with texts, numbers, true, false, nothing and tuples of them; `{node}` has the value "
        f"{value!r} of type {type(value).__name__}: pickle the agents, or rename the values."
    )
