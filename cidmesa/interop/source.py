"""Reading a file's bytes with care: what is no plain file of a moderate size is refused before it is read.

A link that leads out of its folder, a device or a pipe, an archive, a file with NUL bytes: none of them is a diagram,
and each can do harm where a reader is pointed at files that others wrote.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cidmesa.errors import FileFormatError

MOST_BYTES: Final = 32 * 2**20
"""How long a file of another program may be."""

_ARCHIVES: Final = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    FileFormatError
        It is no plain file, a link out of its folder, longer than `most`, compressed, or has NUL bytes.
    OSError
        There is no such file, or it cannot be read.
    """
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(os.path.realpath(path.parent)):
            raise FileFormatError(f"{path}: a link out of its folder is not followed: read the file that it leads to.")
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise FileFormatError(f"{path}: a folder, not a file.")
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"{path}: a device or a pipe, not a plain file.")
    if status.st_size > most:
        raise FileFormatError(f"{path}: {status.st_size:,} bytes, and a file has at most {most:,}: split the diagram.")
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FileFormatError(f"{path}: a file has at most {most:,} bytes: split the diagram.")
    for magic, kind in _ARCHIVES.items():
        if data.startswith(magic):
            raise FileFormatError(f"{path}: compressed ({kind}): unpack it first.")
    return data


def as_text(data: bytes, name: str, *, foreign: bool = False) -> str:
    """Return bytes as text: UTF-8 with or without a mark.

    Other programs' files may be in Latin-1, and end their lines in the three ways that there are.
    """
    if b"\0" in data:
        raise FileFormatError(f"{name}: not a text file: it has a NUL byte (at byte {data.index(0)}).")
    if foreign and b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if foreign:
            return data.decode("latin-1")
        raise FileFormatError(f"{name}: not a text file in UTF-8 (byte {error.start}).") from None
