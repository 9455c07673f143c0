"""The text of a file: UTF-8, or what other programs write.

Its bytes are read by :func:`cidmesa.disk.read_bytes`.
"""

from __future__ import annotations

from cidmesa.errors import FileFormatError


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
