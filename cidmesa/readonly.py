"""A mapping that cannot be changed, prints as a dict and can be pickled: what frozen values hold.

>>> rules = ReadOnly({"go": 1})
>>> rules, rules["go"], rules == {"go": 1}
({'go': 1}, 1, True)
>>> rules["go"] = 2
Traceback (most recent call last):
    ...
TypeError: 'ReadOnly' object does not support item assignment
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ReadOnly(Mapping[K, V]):
    """A copy of a mapping, for reading only.

    Parameters
    ----------
    entries
        The mapping to copy.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[K, V]) -> None:
        self._entries = dict(entries)

    @classmethod
    def over(cls, entries: dict[K, V]) -> ReadOnly[K, V]:
        """Return a view of a private dict, without a copy."""
        made = cls.__new__(cls)
        made._entries = entries
        return made

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __repr__(self) -> str:
        return repr(self._entries)

    def __reduce__(self) -> tuple[type[ReadOnly[K, V]], tuple[dict[K, V]]]:
        return ReadOnly, (self._entries,)
