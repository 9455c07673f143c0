"""Answers per deployment that are computed when they are looked up.

>>> found = PerDeployment(("here", "there"), len)
>>> found["there"], list(found)
(5, ['here', 'there'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from cidmesa.errors import UnknownNodeError, unknown

T = TypeVar("T")


class PerDeployment(Mapping[str, T], Generic[T]):
    """A mapping from deployment to an answer that is computed when it is looked up, once.

    Empty, where `without` says why nothing is known.
    """

    def __init__(self, names: tuple[str, ...], compute: Callable[[str], T], without: str = "") -> None:
        self._names = names
        self._compute = compute
        self._without = without
        self._known: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._known:
            if self._without:
                raise UnknownNodeError(self._without)
            if name not in self._names:
                raise unknown(name, self._names, what="a deployment of this setup")
            self._known[name] = self._compute(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))
