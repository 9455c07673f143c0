"""Files on disk, with care: what is no plain file of a moderate size is not read, and what is written is whole.

A link that leads out of its folder, a device or a pipe, an archive: none of them is a diagram, and each can do harm
where a reader is pointed at files that others wrote. A file that is written takes the place of the old one once it is
complete: a reader sees the old one or the new one, whatever happens in between.
"""

from __future__ import annotations

import os
import stat
import tempfile
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


def read_bytes(path: Path, most: int = MOST_BYTES, *, instead: str = "split the diagram") -> bytes:
    """Return a file's bytes.

    Raises
    ------
    FileFormatError
        It is no plain file, a link out of its folder, longer than `most`, or compressed.
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
        raise FileFormatError(f"{path}: {status.st_size:,} bytes, and a file has at most {most:,}: {instead}.")
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FileFormatError(f"{path}: a file has at most {most:,} bytes: {instead}.")
    for magic, kind in _ARCHIVES.items():
        if data.startswith(magic):
            raise FileFormatError(f"{path}: compressed ({kind}): unpack it first.")
    return data


def write_text(path: Path, text: str) -> None:
    """Write a text file all or nothing, in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file all or nothing: under another name first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
