"""What is computed of a diagram once and kept with it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


def cached(cid: object, key: Hashable, make: Callable[[], T]) -> T:
    """Return what is kept with a diagram under `key`, made on first use.

    It lives as long as the diagram: diagrams are frozen, so nothing can go stale.

    Parameters
    ----------
    cid
        The diagram.
    key
        A name, or a tuple that begins with one.
    make
        Makes the value.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("a", "b")])
    >>> cached(cid, "answer", lambda: []) is cached(cid, "answer", lambda: [])
    True
    """
    kept: dict[Hashable, Any] = cid.__dict__.setdefault("_kept", {})
    if key not in kept:
        kept[key] = make()
    found: T = kept[key]
    return found
