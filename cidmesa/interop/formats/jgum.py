"""jgum: influence diagrams and Bayesian networks of aGrUM as JSON.

The grammar is that of aGrUM's reader [1]_::

    {"type": "ID", "chance": [variable, ..], "utility": [..], "decision": [..],
     "parents": {node: [parent, ..]}, "cpt": {node: [number, ..]}, "reward": {node: [number, ..]}, "properties": {..}}

where a variable is written as aGrUM's *fast* syntax has it [2]_: ``A[3]`` has the values 0, 1, 2; ``A[2,5]`` those from
2 to 5; ``A{low|high}`` the two named; ``A{1:9:5}`` five from 1 to 9; ``A[0,1.5,3]`` the intervals between these; alone,
``A`` has 0 and 1. A Bayesian network has the type ``"BN"`` and one list, ``"nodes"``. In a table the node itself varies
fastest, then the first of its parents. aGrUM solves with limited memory, as written.

References
----------
.. [1] aGrUM, ``src/agrum/ID/io/GUM/GumIDReader_tpl.h`` and ``src/agrum/BN/io/GUM/``, https://gitlab.com/agrumery/aGrUM.
.. [2] aGrUM, ``src/agrum/base/variables/allDiscreteVariables_tpl.h``.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from cidmesa.errors import FileFormatError
from cidmesa.interop.formats.network import Entry, Kind, Network, grid, turned
from cidmesa.interop.formats.tokens import MOST_JSON_PARTS, as_number, json_parts

FORMAT = "jgum"
MOST_STATES = 100_000
_KINDS: dict[str, tuple[tuple[str, Kind], ...]] = {
    "ID": (("chance", "chance"), ("utility", "utility"), ("decision", "decision")),
    "BN": (("nodes", "chance"),),
}
"""For each type of network the lists of its nodes."""


def read(text: str, name: str) -> Network:
    """Read jgum; `name` is what errors call the file."""
    data = parse_json(text, name)
    type_ = data.get("type", "ID") if isinstance(data, dict) else None
    if not isinstance(type_, str) or type_ not in _KINDS:
        raise FileFormatError(
            f'{name}: an influence diagram of aGrUM says "type": "ID", a Bayesian network "BN"; others are not read.'
        )
    found = Network(FORMAT, name)
    kinds = _KINDS[type_]
    for key, kind in kinds:
        for variable in _texts(data.get(key, []), key, name):
            label, states = fast_variable(variable, f"{name}, `{key}`", 1 if kind == "utility" else 2)
            found.add(Entry(label, kind, f"{name}, `{key}`", () if kind == "utility" else states))
    for node, parents in _mapping(data.get("parents", {}), "parents", name).items():
        found.entry(node, f"{name}, `parents`").parents = _texts(parents, f"parents.{node}", name)
    for key, kinds_of in (("cpt", "chance"), ("reward", "utility")):
        for node, numbers in _mapping(data.get(key, {}), key, name).items():
            entry = found.entry(node, f"{name}, `{key}`")
            if entry.kind != kinds_of:
                entry.fail(f"`{key}` has a table for it, and it is a {entry.kind}.")
            if not isinstance(numbers, list) or not all(type(x) in {int, float} for x in numbers):
                entry.fail(f"`{key}` holds a list of numbers for it.")
            entry.numbers = turned(numbers, grid(entry, found), len(entry.parents))
    properties = data.get("properties", {})
    if isinstance(properties, dict) and isinstance(properties.get("name"), str):
        found.title = properties["name"]
    return found


def fast_variable(text: str, where: str, default: int = 2) -> tuple[str, tuple[str, ...]]:
    """Return the name and the values of a variable in aGrUM's fast syntax.

    >>> fast_variable("A[3]", ""), fast_variable("B{low|high}", ""), fast_variable("C[2,4]", "")
    (('A', ('0', '1', '2')), ('B', ('low', 'high')), ('C', ('2', '3', '4')))
    """
    text = text.strip()
    at = min((i for i in (text.find("["), text.find("{")) if i >= 0), default=-1)
    if at < 0:
        return text, tuple(map(str, range(default)))
    name, inside, closing = text[:at].strip(), text[at + 1 : -1], text[-1]
    if closing != {"[": "]", "{": "}"}[text[at]]:
        raise FileFormatError(f"{where}: `{text[:60]}` is not a variable such as A[3], A[2,5] or A{{low|high}}.")
    name = name.removesuffix("+")
    if closing == "}" and ":" not in inside:
        return name, tuple(part.strip() for part in inside.split("|"))
    numbers = [as_number(part.strip()) for part in inside.replace(":", ",").split(",")]
    read = [x for x in numbers if x is not None]
    if len(read) < len(numbers):
        raise FileFormatError(f"{where}: `{text[:60]}` is not a variable such as A[3], A[2,5] or A{{low|high}}.")
    return name, _range(read, closing == "}", ":" in inside, f"{where}: `{text[:60]}`")


def _range(read: list[float], listed: bool, stepped: bool, where: str) -> tuple[str, ...]:
    whole = all(x == math.floor(x) for x in read)
    size = read[0] if len(read) == 1 else read[1] - read[0] + 1 if len(read) == 2 else read[2] if stepped else len(read)
    if not 1 <= size <= MOST_STATES or (len(read) < 3 and not whole) or (stepped and len(read) != 3):
        raise FileFormatError(f"{where} has no values, or more than {MOST_STATES:,}.")
    if len(read) == 1:
        return tuple(map(str, range(int(read[0]))))
    if len(read) == 2 and not stepped:
        return tuple(map(str, range(int(read[0]), int(read[1]) + 1)))
    if listed:
        values = np.linspace(read[0], read[1], int(read[2])).tolist()
        return tuple(str(int(v)) if all(u == int(u) for u in values) else f"{v:g}" for v in values)
    ticks = np.linspace(read[0], read[1], int(read[2]) + 1).tolist() if stepped else read
    last = len(ticks) - 2
    return tuple(f"[{ticks[i]:g};{ticks[i + 1]:g}{']' if i == last else '['}" for i in range(last + 1))


def parse_json(text: str, name: str) -> Any:
    """Read JSON; deep nesting, very long numbers and what is not JSON are refused with line and column."""
    if json_parts(text) > MOST_JSON_PARTS:
        raise FileFormatError(f"{name}: more than {MOST_JSON_PARTS:,} entries: split the diagram.")
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from None
    except RecursionError:
        raise FileFormatError(f"{name}: nested too deeply.") from None
    except ValueError as error:
        raise FileFormatError(f"{name}: {str(error)[:120]}.") from None


def _whole(text: str) -> int:
    """Read a whole number that a float can hold."""
    if len(text) > 300:
        raise ValueError(f"a number of {len(text)} digits is too large")
    return int(text)


def _no_constant(text: str) -> Any:
    raise ValueError(f"JSON has no {text}")


def _texts(data: Any, key: str, name: str) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(part, str) for part in data):
        raise FileFormatError(f"{name}: `{key[:80]}` is a list of texts.")
    return tuple(data)


def _mapping(data: Any, key: str, name: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise FileFormatError(f"{name}: `{key}` is a mapping from nodes.")
    return data
