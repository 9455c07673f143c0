"""One diagram of the literature with the answers that its source, or a theorem, gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.diagram import CID
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.solve.policies.step_model import StepModel

Criterion: TypeAlias = Literal[
    "voi",
    "voc",
    "ri",
    "ici",
    "requisite",
    "relevance",
    "unfairness",
    "introduced_unfairness",
    "impact",
    "intention",
    "deception",
]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a source says about one criterion.

    Attributes
    ----------
    criterion
        ``"voi"``, ``"ri"``, …: the part after ``admits_`` in the name of the function that decides it.
    admits, excludes
        Nodes that have it and nodes that do not; nodes in neither are not spoken of.
    decision
        Whose; left out where the diagram has one decision, and for value of control.
    where
        The theorem that gives the answer, and the figure or test in which it was published.
    published
        Whether the source prints this answer. Otherwise it was worked out by hand from the theorem named.
    label
        The label that introduced unfairness compares with, or the decision of who is deceived.
    """

    criterion: Criterion
    admits: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    decision: str | None = None
    where: str = ""
    published: bool = False
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A figure of a source, and how the library comes to it.

    Attributes
    ----------
    what
        In words.
    value
        The figure.
    found
        Computes it from the example's model, or step model.
    where
        The theorem, definition or example that gives it.
    published
        Whether the source prints it. Otherwise it was worked out by hand.
    """

    what: str
    value: float
    found: Callable[[Any], float]
    where: str = ""
    published: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A diagram of the literature: the graph, where it is from, and the expected answers.

    Attributes
    ----------
    name
        What :func:`cidmesa.literature.load` takes.
    title
        One line.
    cid
        The diagram.
    source
        Paper and figure.
    expected
        The answers.
    soluble
        Whether the relevance graph is acyclic (every agent's decisions together).
    figure_checked
        Whether the edges were compared with the authors' own: their published companion code counts. ``False``: drawn
        from the definitions in the text, and details of the figure may differ.
    note
        What a reader should know: simplifications, spellings, doubts.
    model
        Makes the model whose figures are known; ``None`` where the source is about the diagram alone.
    steps
        Makes the step model whose figures are known, where that is too large to be drawn.
    numbers
        Those figures.
    """

    name: str
    title: str
    cid: CID
    source: str
    expected: tuple[Expected, ...]
    soluble: bool = True
    figure_checked: bool = False
    note: str = ""
    model: Callable[[], CIM] | None = None
    steps: Callable[[], StepModel] | None = None
    numbers: tuple[Number, ...] = ()
