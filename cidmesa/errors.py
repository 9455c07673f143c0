"""What goes wrong, said so that the next keystroke is clear.

Every error the library raises on purpose is a :class:`CidmesaError`, and each leaf is also the standard-library
error that a caller would expect (`ValueError`, `KeyError`, `ImportError`, `TimeoutError`), so existing ``except``
clauses keep working. A text names the rule that was broken, the value that broke it, where, and what to type instead:

>>> from cidmesa import CID
>>> CID([("door", "go"), ("go", "reward")], decisions=["go"], utilities=["reward"]).parents("rewrad")
Traceback (most recent call last):
    ...
cidmesa.errors.UnknownNodeError: `rewrad` is not a node of this diagram (did you mean `reward`?).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CidmesaError(Exception):
    """Base class of every error that cidmesa raises on purpose."""


class DiagramError(CidmesaError, ValueError):
    """The nodes and edges do not form a causal influence diagram."""


class MechanismError(CidmesaError, ValueError):
    """A mechanism does not fit its node: wrong parents, shape, domain or probabilities."""


class UnknownNodeError(CidmesaError, KeyError):
    """A name that is not a node of the diagram asked about."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put the text in quotes and escape it.
        return str(self.args[0]) if self.args else ""


class NotApplicableError(CidmesaError, ValueError):
    """The question has no answer for this diagram or model, and the text says which one would."""


class OutOfTimeError(CidmesaError, TimeoutError):
    """A call took longer than its ``budget=``; the text says what is too large and what would shrink it."""


class FileFormatError(CidmesaError, ValueError):
    """A file is not what its format promises; the text names the line."""


class MissingDependencyError(CidmesaError, ImportError):
    """An optional package is needed; the text names the extra that installs it."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ``" (did you mean `x`?)"`` for the known name closest to `name`, or an empty string.

    >>> did_you_mean("rewrad", ["reward", "door"])
    ' (did you mean `reward`?)'
    >>> did_you_mean("weather", ["reward", "door"])
    ''
    """
    folded = {str(k).casefold(): str(k) for k in known}
    close = get_close_matches(str(name).casefold(), folded, n=1)
    return f" (did you mean `{folded[close[0]]}`?)" if close else ""


def unknown(name: object, known: Iterable[str], *, what: str = "a node of this diagram") -> UnknownNodeError:
    """Build the error for a `name` that is not among the `known` ones.

    Parameters
    ----------
    name
        What the caller wrote.
    known
        The names that would have been right.
    what
        How to call them, with an article.
    """
    return UnknownNodeError(f"`{name}` is not {what}{did_you_mean(name, known)}.")


def missing(package: str, extra: str, purpose: str) -> MissingDependencyError:
    """Build the error for an optional `package` that is not installed.

    >>> print(missing("torch", "torch", "training agents"))
    training agents needs `torch`, which is not installed: pip install "cidmesa[torch]".
    """
    return MissingDependencyError(
        f'{purpose} needs `{package}`, which is not installed: pip install "cidmesa[{extra}]".'
    )
