r"""Reading agents from a folder, with care: whatever is in it, agents come of it or a :class:`~cidmesa.CidmesaError`.

Nothing in the files is run. Everything is counted before it is made, and memory is bounded by how long the files are:
tables have as many numbers as the file of arrays says, nets no more than it holds, inputs at most :data:`MOST_INPUTS`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from cidmesa.agents.block import Trained, from_arrays
from cidmesa.agents.encoders import Written
from cidmesa.agents.population import Agents
from cidmesa.agents.recipe import Recipe
from cidmesa.agents.saving import ARRAYS, NAME, VERSION, WORKED, seal
from cidmesa.agents.tensor_file import loads
from cidmesa.agents.tensors import Encoder, one_hot, parity
from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.disk import read_bytes
from cidmesa.errors import CidmesaError, FileFormatError, shortened
from cidmesa.identity import Identity
from cidmesa.mechanisms import Choice, Table
from cidmesa.model import CIM

MOST_TEXT: Final = 4 * 2**20
MOST_ARRAYS: Final = 2**34
MOST_INPUTS: Final = 2**24
"""How many numbers the inputs of a rule may have, written out."""
MOST_DEPTH: Final = 64
MOST_LAYERS: Final = 64
MOST_WORDS: Final = 600
"""How long an error about a file gets: what it quotes may be the whole of it."""
MOST_BITS: Final = 12
"""By how many bits a file may ask to code one."""

_FITS_NOT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, RecursionError)


def load(path: str | os.PathLike[str]) -> Agents:
    """Read agents that :meth:`cidmesa.Agents.save` wrote.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Agents
        Equal to those that were saved, with their recipe, learning curves, checkpoints and what was registered.

    Raises
    ------
    FileFormatError
        The folder has no agents, or they are damaged; agents of a learner or a policy that is registered by name need
        it registered first.
    CidmesaError
        What the files say of the agents cannot be.

    Examples
    --------
    >>> load("no such folder")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: no such folder: no agents here (agents.json is missing): agents.save(folder) ...
    """
    folder = Path(path)
    if folder.name == NAME:
        folder = folder.parent
    file = folder / NAME
    if not file.exists():
        raise FileFormatError(f"{folder}: no agents here ({NAME} is missing): agents.save(folder) writes them.")
    plain = _plain(read_bytes(file, MOST_TEXT, instead="it is no description of agents"), str(file))
    try:
        return _agents(plain, folder)
    except CidmesaError as error:
        if len(str(error)) <= MOST_WORDS:
            raise
        raise type(error)(f"{str(error)[:MOST_WORDS]}...") from error
    except _FITS_NOT as error:
        said = shortened(str(error), 200)
        raise FileFormatError(
            f"{file}: what it says does not fit together ({type(error).__name__}: {said})."
        ) from error


def _plain(data: bytes, name: str) -> dict[str, Any]:
    """Read JSON without what JSON has no word for."""

    def nothing(text: str) -> NoReturn:
        raise ValueError(f"{text} is no number")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    try:
        found = json.loads(data, parse_constant=nothing, object_pairs_hook=unique)
        deep = _deeper(found, MOST_DEPTH)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{name}: not JSON ({shortened(str(error), 200)}).") from error
    if deep or not isinstance(found, dict) or "cidmesa agents" not in found:
        raise FileFormatError(f"{name}: not a description of agents.")
    if found["cidmesa agents"] != VERSION:
        raise FileFormatError(
            f"{name}: of version {shortened(found['cidmesa agents'])}, and {VERSION} is read: update cidmesa."
        )
    return found


def _deeper(data: Any, levels: int) -> bool:
    """Say whether lists and mappings stand in each other more than so many times."""
    layer = [data]
    for _ in range(levels):
        layer = [
            part
            for whole in layer
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
    return bool(layer)


def _agents(plain: dict[str, Any], folder: Path) -> Agents:
    if plain.pop("sha256") != seal(plain):
        raise FileFormatError(f"{folder / NAME}: it was damaged since it was written: save the agents again.")
    file = str(plain["arrays"]["file"])
    if not ARRAYS.fullmatch(file) or not (folder / file).exists():
        raise FileFormatError(f"{folder / NAME}: its file of arrays, {shortened(file)}, is not beside it.")
    data = read_bytes(folder / file, MOST_ARRAYS, instead="save fewer agents")
    if hashlib.sha256(data).hexdigest() != plain["arrays"]["sha256"]:
        raise FileFormatError(f"{folder / file}: its numbers are not those that were saved: save the agents again.")
    arrays, _ = loads(data, str(folder / file))
    trained = from_arrays(arrays, str(folder / file))
    recipe = _recipe(plain["recipe"], _model(plain["model"], arrays), arrays, trained)
    _require_fit(recipe, trained, folder)
    registered = plain["registered"]
    if registered is not None:
        registered = Identity(**{name: str(value) for name, value in registered.items()})
    predictions = plain["predictions"]
    if recipe.digest != plain["digest"]:
        raise FileFormatError(f"{folder / NAME}: its recipe is not the one that was saved: save the agents again.")
    return Agents(
        recipe,
        trained.learned,
        None if predictions is None else str(predictions),
        trained.earned,
        registered,
        trained.stopped,
        trained.curve,
        trained.kept,
    )


def _model(plain: Mapping[str, Any], arrays: Mapping[str, Array]) -> CIM:
    nodes = _names(plain["nodes"])
    if len(set(nodes)) != len(nodes):
        raise FileFormatError(f"a node is there twice among {shortened(nodes)}.")
    agent = _value(plain["agent"])
    cid = CID(
        [(tail, head) for tail, head in map(_names, plain["edges"])],
        nodes=nodes,
        decisions={agent: _names(plain["decisions"])},
        utilities={agent: _names(plain["utilities"])},
        latent=_names(plain["latent"]),
    )
    domains = {node: [_value(value) for value in values] for node, values in plain["domains"].items()}
    for node in cid.nodes:
        if cid.kind(node) != "utility" and node not in domains:
            raise FileFormatError(f"`{node}` has no domain.")
    mechanisms: dict[str, Any] = {}
    for number, node in enumerate(cid.nodes):
        table = arrays.get(f"model/{number}")
        if cid.kind(node) == "decision":
            mechanisms[node] = domains[node] if table is None else _choice(cid, node, domains, table)
        elif table is None or table.dtype.kind != "f":
            raise FileFormatError(f"`{node}` has no table.")
        else:
            mechanisms[node] = Table(table.copy(), domain=domains.get(node))
    return cid.parameterise(mechanisms)


def _choice(cid: CID, decision: str, domains: Mapping[str, list[Any]], may: Array) -> Choice:
    """Return a decision of which not every action is allowed everywhere."""
    cards = [len(domains[parent]) for parent in cid.parents(decision)]
    if may.dtype.kind != "b" or may.shape != (*cards, len(domains[decision])):
        raise FileFormatError(f"what is allowed at `{decision}` is an array of truth values over what it observes.")
    places = [{value: i for i, value in enumerate(domains[parent])} for parent in cid.parents(decision)]

    def allowed(**seen: Any) -> list[Any]:
        where = tuple(place[seen[p]] for p, place in zip(cid.parents(decision), places, strict=True))
        return [action for action, yes in zip(domains[decision], may[where].tolist(), strict=True) if yes]

    return Choice(domains[decision], allowed=allowed)


def _recipe(plain: Mapping[str, Any], model: CIM, arrays: Mapping[str, Array], trained: Trained) -> Recipe:
    plain = {"device": "cpu", "dtype": None, **plain}  # files from before agents were trained elsewhere
    given = {field.name: plain[field.name] for field in fields(Recipe) if field.name not in WORKED}
    if given["agents"] != len(next(iter(trained.learned.values()))):
        raise FileFormatError(f"it says of {shortened(given['agents'])} agents, and has parameters of others.")
    if given["agents"] and isinstance(given["examples"], int) and given["examples"] > 2**48:
        raise FileFormatError(f"examples= is {shortened(given['examples'])}.")
    given["hidden"] = tuple(given["hidden"])
    if len(given["hidden"]) > MOST_LAYERS:
        raise FileFormatError(f"nets of at most {MOST_LAYERS} layers are read; got {len(given['hidden']):,}.")
    given["shared_rules"] = tuple(_group(model, group) for group in given["shared_rules"])
    given["without"] = _names(given["without"])
    if given["score"] is not None:
        given["score"] = _names(given["score"])
        for name in given["score"]:
            model.cid.id(name)
    encoders = {node: _encoder(model, node, entry, arrays) for node, entry in plain["encoders"].items()}
    for decision in model.cid.decisions:
        _require_moderate(model, decision, encoders)
    return Recipe(model, encoders=encoders, **given)


def _group(model: CIM, plain: Any) -> tuple[str, ...]:
    """Read decisions that share a rule: they observe and do as many things."""
    group = _names(plain)
    forms = {(*map(model.card, model.cid.parents(d)), model.card(d)) for d in map(model.cid.only_decision, group)}
    if len(group) < 2 or len(forms) != 1:
        raise FileFormatError(f"{shortened(group)} cannot share a rule.")
    return group


def _encoder(model: CIM, node: str, entry: Any, arrays: Mapping[str, Array]) -> Encoder:
    number = model.cid.id(node)
    if entry == "one hot":
        return one_hot
    if entry == "codes":
        return Written(np.asarray(arrays[f"codes/{model.cid.nodes.index(node)}"], dtype=np.float64))
    if isinstance(entry, dict) and set(entry) == {"parity"} and type(entry["parity"]) is int:
        if not 1 <= entry["parity"] <= MOST_BITS:
            raise FileFormatError(f"`{node}` is coded by the parity of 1 to {MOST_BITS} bits; got {entry['parity']}.")
        return parity(entry["parity"])
    raise FileFormatError(f"how `{node}` (node {number}) is coded is told in words that are not known.")


def _require_moderate(model: CIM, decision: str, encoders: Mapping[str, Encoder]) -> None:
    """Raise where the inputs of a rule, written out, would have too many numbers."""
    rows, width = 1, 1
    for node in model.cid.parents(decision):
        card, encoder = model.card(node), encoders.get(node, one_hot)
        digits = max(1, (card - 1).bit_length())
        if isinstance(encoder, parity):
            rows, width = rows * card << (encoder.k - 1) * digits, width + encoder.k * digits
        elif isinstance(encoder, Written):
            rows, width = rows * encoder.codes[0].size, width + encoder.codes[0].size
        else:
            rows, width = rows * card, width + card
    if rows * width > MOST_INPUTS:
        raise FileFormatError(
            f"the rule of `{decision}` has inputs of {rows * width:.3g} numbers, and a file may ask for "
            f"{MOST_INPUTS:,}."
        )


def _require_fit(recipe: Recipe, trained: Trained, folder: Path) -> None:
    """Raise where the parameters are not those of such rules."""
    of_one = sum(math.prod(tensor.shape[1:]) for tensor in trained.learned.values())
    first = max(rule.inputs.table.shape[-1] for rule in recipe.rules.values())
    if sum(a * b for a, b in pairwise((first, *recipe.hidden))) > of_one + MOST_INPUTS:
        raise FileFormatError(f"{folder / NAME}: hidden={shortened(recipe.hidden)} is more than there are parameters.")
    wanted = {name: tensor.shape[1:] for name, tensor in recipe.task_of(0, 1).start().items()}
    if wanted != {name: tensor.shape[1:] for name, tensor in trained.learned.items()}:
        raise FileFormatError(
            f"{folder / NAME}: its parameters are not those of {recipe.policy} rules in this model: save them again."
        )


def _names(plain: Any) -> tuple[str, ...]:
    """Read a list of names."""
    if not isinstance(plain, list) or not all(isinstance(name, str) for name in plain):
        raise FileFormatError(f"a list of names is expected; got {shortened(plain)}.")
    return tuple(plain)


def _value(plain: Any) -> Any:
    """Read a value of a domain; a list is a tuple."""
    if isinstance(plain, list):
        return tuple(_value(part) for part in plain)
    if isinstance(plain, dict):
        raise FileFormatError(f"a value of a domain is no mapping; got {shortened(plain)}.")
    return plain
