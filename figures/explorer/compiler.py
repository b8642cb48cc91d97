"""SymPy expressions as JavaScript: the laws of a derivation, for a page as lambdify has them for NumPy."""

from __future__ import annotations

import json
import keyword
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.jscode import JavascriptCodePrinter

from theory.checks import ArgumentError
from theory.derivation import accurate

RESERVED = {*keyword.kwlist, "function", "var", "let", "const", "new", "this", "typeof", "void", "delete", "switch"}
Law = tuple[sp.Expr, Sequence[sp.Symbol]]


class _Printer(JavascriptCodePrinter):
    """SymPy's printer, with what it lacks; refuses whatever neither Math nor special.js knows."""

    def _print_log1p(self, expression: Any) -> str:
        return f"Math.log1p({self._print(expression.args[0])})"

    def _print_helper(self, expression: Any) -> str:
        return f"{expression.func.__name__}({self._print(expression.args[0])})"

    _print_erf = _print_erfc = _print_helper

    def _print_Symbol(self, expression: Any) -> str:
        name = super()._print_Symbol(expression)
        return f"{name}_" if name in RESERVED else name

    def _print_Pow(self, expression: Any) -> str:
        if expression.exp == 2:  # Math.pow takes ten times as long
            return f"square({self._print(expression.base)})"
        return str(super()._print_Pow(expression))

    def _print_Infinity(self, expression: Any) -> str:
        return "Infinity"


def javascript(laws: Mapping[str, Law]) -> str:
    """An object literal of functions, one for each law.

    Parameters
    ----------
    laws
        Expression and arguments of each, by a name that JavaScript accepts.

    Raises
    ------
    ArgumentError
        If an expression has a symbol that is not an argument, or a function that JavaScript has not.
    """
    return "{\n" + "".join(f"{json.dumps(name)}: {function(*law)},\n" for name, law in laws.items()) + "}"


def function(expression: sp.Expr, arguments: Sequence[sp.Symbol]) -> str:
    """One expression as an arrow function of numbers; log(1 + x) and common subexpressions as for NumPy.

    Raises
    ------
    ArgumentError
        As for `javascript`.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> function(sp.log(1 + x) + 2 * sp.log(1 + x) ** 2, [x])
    '(x) => { const c0 = Math.log1p(x); return 2*square(c0) + c0; }'
    """
    printer = _Printer({"strict": True})
    names = [printer.doprint(symbol) for symbol in arguments]
    if len(set(names)) < len(names):
        raise ArgumentError("arguments", "have names that differ", f"are {', '.join(names)}")
    if strange := expression.free_symbols - set(arguments):
        raise ArgumentError("expression", f"use {', '.join(names)} alone", f"uses {strange}")
    common, (result,) = sp.cse([accurate(expression)], sp.numbered_symbols("c"))
    try:
        parts = [f"const {symbol} = {printer.doprint(part)};" for symbol, part in common]
        parts.append(f"return {printer.doprint(result)};")
    except PrintMethodNotImplementedError as error:
        raise ArgumentError("expression", "consist of what JavaScript can compute", f"is {expression}") from error
    return f"({', '.join(names)}) => {{ {' '.join(' '.join(parts).split())} }}"
