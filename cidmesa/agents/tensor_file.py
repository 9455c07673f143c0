r"""Named arrays as bytes, in the format *safetensors* [1]_: numbers that never run, the same bytes for the same arrays.

Eight bytes say how long the header is; the header is JSON and says of each array its type, shape and place; the rest
are the numbers, without a gap. Nothing is compressed, so a file makes no more arrays than it has bytes, and nothing is
read before it is counted.

>>> import numpy as np
>>> data = dumps({"x": np.arange(3.0)}, {"of": "an example"})
>>> arrays, words = loads(data, "example")
>>> arrays["x"].tolist(), words
([0.0, 1.0, 2.0], {'of': 'an example'})
>>> loads(data[:-1], "example")
Traceback (most recent call last):
    ...
cidmesa.errors.FileFormatError: example: cut off, or not a file of arrays: it has 23 bytes of numbers, not 24.

References
----------
.. [1] https://huggingface.co/docs/safetensors: the Python package of that name reads these files, and is not needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import FileFormatError, shortened

MOST_HEADER: Final = 4 * 2**20
"""How many bytes a header may have."""

_TYPES: Final = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "BOOL": "|b1"}
_CODES: Final = {np.dtype(text): code for code, text in _TYPES.items()}
_WORDS: Final = "__metadata__"


def dumps(arrays: Mapping[str, Array], words: Mapping[str, str] | None = None) -> bytes:
    """Write arrays of floats, whole numbers or truth values, and words about them.

    Raises
    ------
    FileFormatError
        An array has numbers of another type.
    """
    header: dict[str, Any] = {_WORDS: dict(words)} if words else {}
    parts = []
    place = 0
    for name, array in arrays.items():
        own = np.ascontiguousarray(array).reshape(np.shape(array))
        code = _CODES.get(own.dtype.newbyteorder("<"))
        if code is None:
            raise FileFormatError(f"arrays of {', '.join(map(str, _CODES))} are kept; `{name}` is of {own.dtype}.")
        data = own.astype(_TYPES[code], copy=False).tobytes()
        header[name] = {"dtype": code, "shape": list(own.shape), "data_offsets": [place, place + len(data)]}
        parts.append(data)
        place += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def loads(data: bytes, name: str) -> tuple[dict[str, Array], dict[str, str]]:
    """Read arrays and the words about them; the arrays cannot be written to.

    Parameters
    ----------
    data
        The bytes.
    name
        Of the file, for errors.

    Raises
    ------
    FileFormatError
        They are cut off, or say of themselves what is not so.
    """

    def fail(why: str) -> NoReturn:
        raise FileFormatError(f"{name}: cut off, or not a file of arrays: {why}.")

    if len(data) < 8:
        fail("it has no header")
    length = int.from_bytes(data[:8], "little")
    if length > min(MOST_HEADER, len(data) - 8):
        fail(f"its header is said to have {length:,} bytes")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        fail("its header is not JSON")
    if not isinstance(header, dict):
        fail("its header is not a mapping")
    words = header.pop(_WORDS, {})
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        fail("its header has words that are none")
    found: dict[str, Array] = {}
    place = 0
    for key, entry in header.items():
        kind, shape, first, last = _entry(entry) or fail(f"`{shortened(key)}` has no type, shape and place")
        size = math.prod(shape) * kind.itemsize
        if first != place or last != place + size or 8 + length + last > len(data):
            fail(f"it has {len(data) - 8 - length:,} bytes of numbers, not {last:,}")
        array = np.frombuffer(data, kind, math.prod(shape), 8 + length + first)
        if kind.kind == "b" and (array.view(np.uint8) > 1).any():
            fail(f"`{shortened(key)}` has truth values that are none")
        found[key] = array.reshape(shape)
        place = last
    if 8 + length + place != len(data):
        fail(f"it has {len(data) - 8 - length:,} bytes of numbers, not {place:,}")
    return found, words


def _entry(entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int] | None:
    """Return type, shape and place of an array; ``None`` where they are not told."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str) or entry["dtype"] not in _TYPES:
        return None
    shape, place = entry.get("shape"), entry.get("data_offsets")
    if not (isinstance(shape, list) and isinstance(place, list) and len(place) == 2 and len(shape) <= 60):
        return None
    if not all(type(number) is int and 0 <= number < 2**48 for number in (*shape, *place)):
        return None
    return np.dtype(_TYPES[entry["dtype"]]), tuple(shape), place[0], place[1]
