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
from keyword import iskeyword
from reprlib import Repr


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


class WorkerLostError(CidmesaError, RuntimeError):
    """Workers of an executor were lost; what they had finished is kept, and the same call goes on from there."""


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


def as_lambda(arguments: Iterable[str]) -> str:
    """Return how to type a function of some nodes, for a hint; any name of a node is spelled so that Python reads it.

    >>> as_lambda(["door", "go"])
    'lambda door, go: ...'
    >>> as_lambda(["the cause", "C"])
    'lambda **pa: f(pa["the cause"], pa["C"])'
    >>> as_lambda(["the cause"])
    'lambda **pa: pa["the cause"]'
    """
    names = list(arguments)
    if all(map(_is_argument, names)):
        return f"lambda {', '.join(names)}: ..." if names else "lambda: ..."
    values = ", ".join(f"pa[{quoted(name)}]" for name in names)
    return f"lambda **pa: {values if len(names) == 1 else f'f({values})'}"


def as_keyword(name: str, value: str) -> str:
    """Return how to type an argument that bears the name of a node, for a hint.

    >>> as_keyword("go", "['left', 'right']"), as_keyword("the cause", "Bernoulli(0.5)")
    ("go=['left', 'right']", '**{"the cause": Bernoulli(0.5)}')
    """
    return f"{name}={value}" if _is_argument(name) else f"**{{{quoted(name)}: {value}}}"


def quoted(name: str) -> str:
    """Return a string as Python reads it, in double quotes where it can be."""
    plain = repr(name)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in name else plain


def shortened(value: object, width: int = 80) -> str:
    """Return the repr of what a caller wrote, cut in the middle where it is long: it may be a whole file.

    >>> shortened("a" * 1000, width=20)
    "'aaaaaaa...aaaaaaaa'"
    """
    short = Repr()
    short.maxstring = short.maxother = short.maxlong = width
    text = short.repr(value).replace("\n", " ")
    return text if len(text) <= width else f"{text[: width // 2 - 2]}...{text[-(width - width // 2 - 1) :]}"


def _is_argument(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


def missing(package: str, extra: str, purpose: str) -> MissingDependencyError:
    """Build the error for an optional `package` that is not installed.

    >>> print(missing("torch", "torch", "training agents"))
    training agents needs `torch`, which is not installed: pip install "cidmesa[torch]".
    """
    return MissingDependencyError(
        f'{purpose} needs `{package}`, which is not installed: pip install "cidmesa[{extra}]".'
    )
