r"""The expressions of files: a small language, parsed here and never evaluated as Python.

==========================  =========================================================================================
numbers, texts              ``3``, ``.5``, ``1e-3``, ``"left"`` or ``'left'``, ``true``, ``false``, ``null``
names                       a parent of the node, or a symbol
arithmetic                  ``+ - * / // % **`` and brackets
comparison                  ``== != < <= > >=``, also in a chain
conditional                 ``a if condition else b``, ``and``, ``or``, ``not``
functions                   ``min max abs exp log sqrt`` (``Min``, ``Max`` and ``Abs``, as sympy prints them, mean the
same) ==========================
=========================================================================================

What is not in it is refused. Sizes are bounded before anything is computed: 10,000 characters, brackets 50 deep, whole
numbers of 1,200 digits, powers of expressions up to 64, sums of at most 2,000 terms when multiplied out.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final, NoReturn, TypeAlias

from cidmesa.errors import FileFormatError, did_you_mean

FUNCTIONS: Final = ("abs", "min", "max", "exp", "log", "sqrt")
LONGEST: Final = 10_000
"""Characters of an expression."""
DEEPEST: Final = 50
"""How deep brackets, functions and signs may be nested."""
MOST_TERMS: Final = 2_000
"""Terms of an expression with symbols when it is multiplied out."""
MOST_BITS: Final = 4_096
"""Binary digits of a whole number."""
HIGHEST: Final = 64
"""The highest power of an expression with symbols."""

_TOKEN: Final = re.compile(
    r"\s*+(?:(?P<number>(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)|(?P<name>[^\W0-9]\w*+)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+')|(?P<mark>\*\*|//|==|!=|<=|>=|[-+*/%()<>,])|(?P<bad>\S))"
)
_SPELLED: Final = {"Abs": "abs", "Min": "min", "Max": "max"}
_CONSTANTS: Final[dict[str, Any]] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_KEYWORDS: Final = ("if", "else", "and", "or", "not")
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_COMPARISON: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Tree: TypeAlias = tuple[Any, ...]
"""An operation and its operands: ``("+", left, right)``, ``("number", 3)``, ``("name", "delta")``, …"""


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes
    ----------
    text
        As written.
    tree
        Its operations.
    names
        The names in it, in order of first mention.
    """

    text: str
    tree: Tree
    names: tuple[str, ...]

    def value(self, values: Mapping[str, Any]) -> Any:
        """Compute the expression.

        Parameters
        ----------
        values
            Name → text, number, boolean, ``None`` or sympy expression.

        Raises
        ------
        FileFormatError
            A name without a value, a calculation that is not defined (a sum with a text, a division by zero, an order
            of symbols), a number that is too large.

        Examples
        --------
        >>> read("1 if go == door else -.5").value({"go": "left", "door": "right"})
        -0.5
        """
        return _Evaluation(self.text, values).of(self.tree)

    @cached_property
    def size(self) -> int:
        """How many operations and operands it has."""
        return _size(self.tree)

    def in_every(
        self, names: Sequence[str], axes: Sequence[Sequence[Any]], symbols: Mapping[str, Any], *, exact: bool = False
    ) -> list[Any]:
        """Compute the expression in every context, in the order of a table's axes.

        Parameters
        ----------
        names, axes
            The axes' names, and their values.
        symbols
            The other names.
        exact
            Whether numbers are sympy's, so that 1/3 stays a third.

        Notes
        -----
        Contexts that differ only in what the expression does not mention are computed once.

        Examples
        --------
        >>> read("a + 1").in_every(["a", "b"], [(0, 1), ("x", "y")], {})
        [1, 1, 2, 2]
        """
        used = [i for i, name in enumerate(names) if name in self.names]
        known: dict[tuple[int, ...], Any] = {}
        found = []
        for context in product(*(range(len(axis)) for axis in axes)):
            key = tuple(context[i] for i in used)
            if key not in known:
                values = {**symbols, **{names[i]: axes[i][context[i]] for i in used}}
                known[key] = _Evaluation(self.text, values, exact=exact).of(self.tree)
            found.append(known[key])
        return found


def read(text: str) -> Expression:
    """Parse an expression.

    >>> read("max(x, 0) + y").names
    ('x', 'y')
    >>> read("__import__('os').system('true')")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: "__import__('os').system('true')" is not an expression: ...
    """
    return _Parser(text).expression()


def parse(text: str, symbols: Mapping[str, Any]) -> Any:
    """Read an expression such as ``1 - delta`` as sympy's.

    `symbols` holds the symbols that are declared; any other name is a symbol of which nothing is assumed.

    >>> parse("1 - 2*delta/3", {})
    1 - 2*delta/3
    """
    import sympy

    expression = read(text)
    if _terms(expression.tree) > MOST_TERMS:
        raise FileFormatError(f"{_short(text)} has more than {MOST_TERMS:,} terms when it is multiplied out.")
    known = {name: symbols.get(name) or sympy.Symbol(name) for name in expression.names}
    found = _Evaluation(text, known, exact=True).of(expression.tree)
    if found is None or isinstance(found, str | bool):
        raise FileFormatError(f"{_short(text)} is not a number or an expression in symbols.")
    return found


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}…"


class _Parser:
    """Recursive descent; every rule below is one line of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise FileFormatError(
                f"{_short(text)} has {len(text):,} characters, and an expression has at most {LONGEST:,}."
            )
        self.tokens = [(match.lastgroup or "", match.group().strip(), match.end()) for match in _TOKEN.finditer(text)]
        self.at = 0
        self.depth = 0
        self.names: dict[str, None] = {}

    def fail(self, words: str) -> NoReturn:
        raise FileFormatError(f"{_short(self.text)} is not an expression: {words}.")

    def expression(self) -> Expression:
        """The whole text."""
        tree = self.conditional()
        if self.at < len(self.tokens):
            self.fail(f"`{self.tokens[self.at][1][:20]}` is not expected at position {self.place()}")
        return Expression(self.text, tree, tuple(self.names))

    def place(self) -> int:
        """The position of the next token in the text, from 1."""
        return (
            self.tokens[self.at][2] - len(self.tokens[self.at][1]) + 1 if self.at < len(self.tokens) else len(self.text)
        )

    def skip(self, *marks: str) -> str | None:
        """Take one of some marks or keywords if it comes next."""
        if self.at < len(self.tokens):
            kind, text, _ = self.tokens[self.at]
            if text in marks and kind in {"mark", "name"}:
                self.at += 1
                return text
        return None

    def deeper(self, rule: Callable[[], Tree]) -> Tree:
        """Follow a rule one level further down."""
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail("it is nested too deeply")
        tree = rule()
        self.depth -= 1
        return tree

    def conditional(self) -> Tree:
        """Return ``a if b else c``, or a disjunction."""
        yes = self.disjunction()
        if not self.skip("if"):
            return yes
        condition = self.disjunction()
        if not self.skip("else"):
            self.fail("`if` needs an `else`")
        return ("if", condition, yes, self.deeper(self.conditional))

    def disjunction(self) -> Tree:
        """Return ``a or b or ..``."""
        return self.chain("or", self.conjunction)

    def conjunction(self) -> Tree:
        """Return ``a and b and ..``."""
        return self.chain("and", self.negation)

    def chain(self, word: str, rule: Callable[[], Tree]) -> Tree:
        """Return ``a word b word ..`` as one operation."""
        parts = [rule()]
        while self.skip(word):
            parts.append(rule())
        return parts[0] if len(parts) == 1 else (word, *parts)

    def negation(self) -> Tree:
        """Return ``not a``, or a comparison."""
        return ("not", self.deeper(self.negation)) if self.skip("not") else self.comparison()

    def comparison(self) -> Tree:
        """Return ``a < b <= c ..``: operands with the marks between them."""
        parts: list[Any] = [self.sum()]
        while mark := self.skip(*_COMPARISON):
            parts += [mark, self.sum()]
        return parts[0] if len(parts) == 1 else ("compare", *parts)

    def sum(self) -> Tree:
        """Return ``a + b - ..``."""
        return self.left(("+", "-"), self.product)

    def product(self) -> Tree:
        """Return ``a * b / ..``."""
        return self.left(("*", "/", "//", "%"), self.sign)

    def left(self, marks: tuple[str, ...], rule: Callable[[], Tree]) -> Tree:
        """Return operands and marks from left to right, as one flat operation."""
        parts: list[Any] = [rule()]
        while mark := self.skip(*marks):
            parts += [mark, rule()]
        return parts[0] if len(parts) == 1 else ("left", *parts)

    def sign(self) -> Tree:
        """Return ``-a``, ``+a``, or a power."""
        if mark := self.skip("-", "+"):
            inner = self.deeper(self.sign)
            return ("-", inner) if mark == "-" else inner
        return self.power()

    def power(self) -> Tree:
        """Return ``a ** b``."""
        base = self.atom()
        return ("**", base, self.deeper(self.sign)) if self.skip("**") else base

    def atom(self) -> Tree:
        """Return a number, a text, a name, a call, or something in brackets."""
        if self.at >= len(self.tokens):
            self.fail("it ends too early")
        kind, text, _ = self.tokens[self.at]
        where = self.place()
        self.at += 1
        if kind == "number":
            if len(text) > 320:
                self.fail("a number in it has too many digits")
            return ("number", int(text) if text.isdigit() else float(text))
        if kind == "text":
            return ("value", re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL))
        if text == "(" and kind == "mark":
            inner = self.deeper(self.conditional)
            if not self.skip(")"):
                self.fail("a bracket is not closed")
            return inner
        if kind != "name" or text in _KEYWORDS:
            self.fail(f"`{text[:20]}` is not expected at position {where}")
        if self.skip("("):
            return self.call(_SPELLED.get(text, text))
        if text in _CONSTANTS:
            return ("value", _CONSTANTS[text])
        self.names[text] = None
        return ("name", text)

    def call(self, name: str) -> Tree:
        """Return a function with its arguments."""
        if name not in FUNCTIONS:
            self.fail(f"`{name[:40]}` is none of {', '.join(FUNCTIONS)}{did_you_mean(name, FUNCTIONS)}")
        arguments = [self.deeper(self.conditional)]
        while self.skip(","):
            arguments.append(self.deeper(self.conditional))
        if not self.skip(")"):
            self.fail("a bracket is not closed")
        if len(arguments) > 1 and name not in {"min", "max"}:
            self.fail(f"{name} takes one argument")
        return ("call", name, *arguments)


def _terms(tree: Tree) -> int:
    """Return an upper bound of the number of terms that a tree has when it is multiplied out."""
    kind = tree[0]
    if kind in {"number", "value", "name"}:
        return 1
    if kind == "left":
        count = _terms(tree[1])
        for mark, part in zip(tree[2::2], tree[3::2], strict=True):
            count = count + _terms(part) if mark in "+-" else count * _terms(part)
        return min(count, 10**9)
    if kind == "**":
        base, power = _terms(tree[1]), _whole(tree[2])
        return (
            min(math.comb(base + power - 1, power), 10**9)
            if base > 1 and 1 < power <= HIGHEST
            else max(base, _terms(tree[2]))
        )
    if kind == "call":  # not multiplied out itself, its arguments each
        return max(_terms(part) for part in tree[2:])
    return max(_terms(part) for part in tree[1:] if isinstance(part, tuple))


def _size(tree: Tree) -> int:
    return 1 + sum(_size(part) for part in tree[1:] if isinstance(part, tuple))


def _whole(tree: Tree) -> int:
    """Return a whole number that stands in a tree, else 0."""
    return int(tree[1]) if tree[0] == "number" and isinstance(tree[1], int) else 0


class _Evaluation:
    """Computes trees; `exact` makes numbers sympy's, so that 1/3 stays a third."""

    def __init__(self, text: str, values: Mapping[str, Any], *, exact: bool = False) -> None:
        self.text, self.values, self.exact = text, values, exact

    def fail(self, words: str) -> NoReturn:
        raise FileFormatError(f"{_short(self.text)}: {words}.")

    def of(self, tree: Tree) -> Any:
        """Return the value of a tree."""
        kind = tree[0]
        if kind == "number":
            return self.number(tree[1])
        if kind == "value":
            return tree[1]
        if kind == "name":
            if tree[1] not in self.values:
                self.fail(f"`{tree[1][:60]}` is neither a parent nor a symbol{did_you_mean(tree[1], self.values)}")
            return self.values[tree[1]]
        if kind == "if":
            return self.of(tree[2] if self.truth(tree[1]) else tree[3])
        if kind == "and":
            return all(self.truth(part) for part in tree[1:])
        if kind == "or":
            return any(self.truth(part) for part in tree[1:])
        if kind == "not":
            return not self.truth(tree[1])
        if kind == "compare":
            return self.compared(tree)
        if kind == "left":
            found = self.of(tree[1])
            for mark, part in zip(tree[2::2], tree[3::2], strict=True):
                found = self.operated(mark, found, self.of(part))
            return found
        if kind == "-":
            return self.bounded(-self.counted(self.of(tree[1])))
        if kind == "**":
            return self.power(self.of(tree[1]), self.of(tree[2]))
        return self.called(tree[1], [self.counted(self.of(part)) for part in tree[2:]])

    def number(self, value: int | float) -> Any:
        """Return a number of the text, sympy's if the evaluation is exact."""
        if not self.exact:
            return self.bounded(value)
        import sympy

        return sympy.Integer(value) if isinstance(value, int) else sympy.Float(self.bounded(value))

    def truth(self, tree: Tree) -> bool:
        """Return a condition; only true and false are conditions."""
        found = self.of(tree)
        if not isinstance(found, bool):
            self.fail("a condition is a comparison, and this one is no true or false")
        return found

    def compared(self, tree: Tree) -> bool:
        """Return whether a chain of comparisons holds."""
        left = self.of(tree[1])
        for mark, part in zip(tree[2::2], tree[3::2], strict=True):
            right = self.of(part)
            symbolic = any(getattr(side, "free_symbols", None) for side in (left, right))
            alike = isinstance(left, str) == isinstance(right, str)
            if symbolic or (mark not in {"==", "!="} and (not alike or left is None or right is None)):
                self.fail(f"`{mark}` does not compare these values")
            if not bool(_COMPARISON[mark](left, right)):
                return False
            left = right
        return True

    def counted(self, value: Any) -> Any:
        """Return a value after checking that one can calculate with it."""
        if isinstance(value, str | tuple) or value is None:
            self.fail(f"one cannot calculate with {_short(str(value))}")
        return int(value) if isinstance(value, bool) else value

    def bounded(self, value: Any) -> Any:
        """Return a value after checking that it is no huge number and no infinity."""
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            self.fail("a number in it is too large")
        if isinstance(value, float) and not math.isfinite(value):
            self.fail("a number in it is not finite")
        if (
            getattr(value, "is_Rational", False)
            and max(int(value.p).bit_length(), int(value.q).bit_length()) > MOST_BITS
        ):
            self.fail("a number in it is too large")
        if getattr(value, "is_number", False) and getattr(value, "is_finite", True) is False:
            self.fail("a number in it is not finite")
        return value

    def operated(self, mark: str, left: Any, right: Any) -> Any:
        """Return the result of an arithmetic operation."""
        left, right = self.counted(left), self.counted(right)
        if mark in {"/", "//", "%"} and right == 0:
            self.fail("it divides by zero")
        if mark in {"//", "%"} and any(getattr(side, "free_symbols", None) for side in (left, right)):
            self.fail(f"`{mark}` is for numbers, not symbols")
        try:
            return self.bounded(_ARITHMETIC[mark](left, right))
        except FileFormatError:
            raise
        except (OverflowError, ZeroDivisionError, TypeError, ValueError):
            self.fail(f"`{mark}` has no finite result")

    def power(self, base: Any, power: Any) -> Any:
        """Return a power, of a size that is checked before it is computed."""
        base, power = self.counted(base), self.counted(power)
        plain = not getattr(base, "free_symbols", None) and not getattr(power, "free_symbols", None)
        try:
            size = float(power) if not getattr(power, "free_symbols", None) else 0.0
            if abs(size) > (MOST_BITS if plain else HIGHEST):
                self.fail("a power in it is too high")
            if plain:
                if base == 0 and size < 0:
                    self.fail("it divides by zero")
                width = max(1.0, abs(math.log2(abs(float(base))))) if base != 0 else 1.0
                if width * abs(size) > MOST_BITS:
                    self.fail("a power in it is too high")
            found = base**power
        except FileFormatError:
            raise
        except (OverflowError, ZeroDivisionError, TypeError, ValueError):
            self.fail("a power in it has no finite value")
        if isinstance(found, complex) or getattr(found, "is_real", True) is False:
            self.fail("a power in it is not a real number")
        return self.bounded(found)

    def called(self, name: str, arguments: list[Any]) -> Any:
        """Return a function's value; of symbols sympy's function."""
        if self.exact or any(hasattr(argument, "free_symbols") for argument in arguments):
            return self.called_exactly(name, arguments)
        functions: dict[str, Callable[..., Any]] = {
            "abs": abs, "min": min, "max": max, "exp": math.exp, "log": math.log, "sqrt": math.sqrt
        }  # fmt: skip
        try:
            return self.bounded(
                functions[name](*(arguments if len(arguments) > 1 or name not in {"min", "max"} else [arguments]))
            )
        except FileFormatError:
            raise
        except (OverflowError, ValueError):
            self.fail(f"{name} has no finite real value there")

    def called_exactly(self, name: str, arguments: list[Any]) -> Any:
        import sympy

        for argument in arguments:
            number = not getattr(argument, "free_symbols", None)
            if name == "exp" and number and abs(float(argument)) > 700:
                self.fail("exp has no finite value there")
            if (name == "log" and number and not float(argument) > 0) or (
                name == "sqrt" and number and float(argument) < 0
            ):
                self.fail(f"{name} has no finite real value there")
        function = {"abs": sympy.Abs, "min": sympy.Min, "max": sympy.Max}.get(name) or getattr(sympy, name)
        return self.bounded(function(*arguments))
