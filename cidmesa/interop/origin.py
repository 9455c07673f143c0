"""Where a model that was read from a file comes from, and what the file said beyond the model.

A reader may have had to decide something: what the decisions remember, that rounded rows were divided by their sums.
That is kept beside the model and shown with it. Positions, labels and units are attributes of the diagram
(:attr:`cidmesa.CID.attributes`), under the names ``position``, ``label`` and ``unit``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cidmesa.model import CIM


@dataclass(frozen=True)
class Origin:
    """What a file said beyond the model.

    Attributes
    ----------
    format
        The format's name, such as ``"GeNIe XDSL"``.
    title
        What the file calls the diagram.
    recall
        ``"as written"``: decisions observe their parents in the file. ``"no forgetting"``: also all earlier decisions,
        and what those observed.
    notes
        What the reader decided, in words.
    corrections
        Node → the largest distance of a row's sum from one, where rows were divided by their sums.
    """

    format: str
    title: str = ""
    recall: str = "as written"
    notes: tuple[str, ...] = ()
    corrections: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "corrections", MappingProxyType(dict(self.corrections)))

    def __hash__(self) -> int:
        return hash((self.format, self.title, self.recall, self.notes))

    def __reduce__(self) -> tuple[Any, ...]:
        return Origin, (self.format, self.title, self.recall, self.notes, dict(self.corrections))


class ReadModel(CIM):
    """A :class:`~cidmesa.CIM` that was read from a file, with its :class:`Origin`.

    It equals every model with the same diagram, domains and tables. Models made from it (``shift``, ``with_policy``)
    are plain ones.
    """

    __slots__ = ("_origin",)

    _origin: Origin

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self._origin

    @classmethod
    def of(cls, model: CIM, origin: Origin) -> ReadModel:
        """Return `model` with an origin; tables are shared."""
        new = object.__new__(cls)
        new._set(model._cid, model._mechanisms, model._compiled, {}, model._rules)
        object.__setattr__(new, "_origin", origin)
        return new

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}; from {self._origin.format}, {self._origin.recall})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (*super().__reduce__(), self._origin)


def _restored(rebuild: Any, arguments: tuple[Any, ...], origin: Origin) -> ReadModel:
    return ReadModel.of(rebuild(*arguments), origin)


def origin_of(model: CIM) -> Origin | None:
    """Return the origin of a model, ``None`` if it was not read from a file."""
    return model.origin if isinstance(model, ReadModel) else None
