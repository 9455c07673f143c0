"""Symbolic entries of a file: a grammar of numbers, symbols, sums, products, powers and a few functions.

The text is parsed, never evaluated: what is not in the grammar is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from cidmesa.errors import FileFormatError

FUNCTIONS: Final = ("Abs", "Max", "Min", "exp", "log", "sqrt")

_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


def parse(text: str, symbols: Mapping[str, Any]) -> Any:
    """Read an expression such as ``1 - delta`` as sympy's.

    `symbols` holds the symbols that are declared; any other name is a symbol of which nothing is assumed.

    >>> parse("1 - 2*delta/3", {})
    1 - 2*delta/3
    >>> parse("__import__('os')", {})
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: "__import__('os')" is not an expression of numbers, symbols, ...
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FileFormatError(f"{text!r} is not an expression.") from None
    try:
        return _read(tree, text, symbols)
    except RecursionError:
        raise FileFormatError(f"{text[:40]!r}… is nested too deeply.") from None


def _read(node: ast.expr, text: str, symbols: Mapping[str, Any]) -> Any:
    import sympy

    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
        case ast.Name(id=name):
            return symbols[name] if name in symbols else sympy.Symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, text, symbols)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_read(left, text, symbols), _read(right, text, symbols))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return getattr(sympy, name)(*(_read(argument, text, symbols) for argument in arguments))
    raise FileFormatError(f"{text!r} is not an expression of numbers, symbols, + - * / ** and {', '.join(FUNCTIONS)}.")
