"""Files of arrays: the same bytes for the same arrays, and nothing but arrays comes of any bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cidmesa.agents.tensor_file import dumps, loads
from cidmesa.errors import FileFormatError
from tests.strategies import examples

ARRAYS = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "__metadata__"),
    st.one_of(
        hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        for dtype in (np.float64, np.float32, np.int64, np.bool_)
    ),
    max_size=4,
)


def made(header: Any, numbers: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


@settings(max_examples=examples(quick=50, full=300), deadline=None)
@given(ARRAYS, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_what_is_written_is_read(arrays: dict[str, Any], words: dict[str, str]) -> None:
    data = dumps(arrays, words)
    again, said = loads(data, "file")
    assert said == words
    assert list(again) == list(arrays)
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert again[name].tobytes() == array.tobytes()
    assert dumps(again, said) == data


@settings(max_examples=examples(quick=100, full=1000), deadline=None)
@given(ARRAYS, st.data())
def test_damaged_bytes_are_arrays_or_an_error(arrays: dict[str, Any], draw: st.DataObject) -> None:
    data = bytearray(dumps(arrays, {"a": "b"}))
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data) - 1))
        if draw.draw(st.booleans()):
            data[place] = draw.draw(st.integers(0, 255))
        else:
            del data[place : place + draw.draw(st.integers(1, 8))]
        if not data:
            break
    found: dict[str, Any] = {}
    said = "file: "
    try:
        found, _ = loads(bytes(data), "file")
    except FileFormatError as error:
        said = str(error)
    assert said.startswith("file: ")
    assert len(said) < 300
    assert sum(array.nbytes for array in found.values()) <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (2**63).to_bytes(8, "little") + b"{}",
        made(b"[" * 100_000),
        made(b'{"x": ' + b"9" * 10_000 + b"}"),
        made([]),
        made({"__metadata__": {"a": 1}}),
        made({"x": 1}),
        made({"x": {"dtype": "F64", "shape": [2**47], "data_offsets": [0, 2**47]}}),
        made({"x": {"dtype": "F64", "shape": [2**47] * 50, "data_offsets": [0, 8]}}, bytes(8)),
        made({"x": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}, bytes(8)),
        made({"x": {"dtype": "F64", "shape": [True], "data_offsets": [0, 8]}}, bytes(8)),
        made({"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        made({"x": {"dtype": ["F64"], "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        made({"x": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}}, bytes(16)),
        made({"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, bytes(16)),
        made({"x": {"dtype": "BOOL", "shape": [1], "data_offsets": [0, 1]}}, b"\x07"),
    ],
)  # fmt: skip
def test_bytes_that_say_of_themselves_what_is_not_so_are_refused(data: bytes) -> None:
    with pytest.raises(FileFormatError, match="cut off, or not a file of arrays"):
        loads(data, "file")


def test_other_numbers_are_not_kept() -> None:
    with pytest.raises(FileFormatError, match="`x` is of complex128"):
        dumps({"x": np.zeros(2, dtype=complex)})


def test_the_package_of_that_name_reads_them() -> None:
    package = pytest.importorskip("safetensors.numpy")
    arrays = {"x": np.arange(6.0).reshape(2, 3), "y": np.array([True])}
    again = package.load(dumps(arrays, {"a": "b"}))
    assert all((again[name] == array).all() for name, array in arrays.items())
