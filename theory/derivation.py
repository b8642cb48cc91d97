"""A derivation: an ordered chain of equations, each with its reason and a check that SymPy carries out."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from theory import latex, markdown
from theory.checks import known

Residual = Callable[[], Any]
VIEWS = ("flow", "descent")
MOST_DIGITS = 2000


@dataclass(frozen=True)
class Step:
    """One equation of a chain.

    Parameters
    ----------
    name
        What the equation states, in a word or two.
    equation
        The statement, as SymPy sees it.
    reason
        Why it follows from the steps before it.
    residual
        Computes, by another way than the one that gave the equation, what must vanish if it is right.
    origin
        ``derived`` where SymPy found it, ``ansatz`` where it was stated and its residual is the proof,
        ``definition`` where it introduces a name.
    """

    name: str
    equation: sp.Basic
    reason: str
    residual: Residual
    origin: str = "derived"

    @functools.cached_property
    def holds(self) -> bool:
        """Whether every entry of the residual simplifies to zero."""
        residual = self.residual()
        entries = list(residual) if isinstance(residual, (list, tuple, sp.MatrixBase)) else [residual]
        return all(_vanishes(entry) for entry in entries)

    def _repr_markdown_(self) -> str:
        return markdown.step(self)


def _vanishes(entry: Any) -> bool:
    expression = sp.sympify(entry)
    return expression == 0 or sp.simplify(sp.powsimp(sp.expand(expression), force=True)) == 0


@dataclass(frozen=True)
class Derivation:
    """The chain from the loss of a model to its plateau length under one rule.

    Parameters
    ----------
    model, rule
        Ids, such as ``folded`` and ``egd``.
    view
        ``flow`` (continuous time t) or ``descent`` (steps k of size η).
    steps
        The chain, in order.
    laws
        Named right-hand sides that `function` compiles: what the chain predicts.
    """

    model: str
    rule: str
    view: str
    steps: Sequence[Step]
    laws: dict[str, sp.Expr] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether SymPy confirms every step."""
        return all(step.holds for step in self.steps)

    def function(self, law: str, arguments: Sequence[sp.Symbol]) -> Callable[..., Any]:
        """A law as a function of NumPy arrays, in the order of `arguments`; compiled once."""
        return compiled(self.laws[law], tuple(arguments))

    def latex(self) -> str:
        """The chain as a LaTeX document that compiles as it is: a description list, one item a step."""
        return latex.document(self)

    def _repr_markdown_(self) -> str:
        return markdown.chain(self)

    def step(self, name: str) -> Step:
        """The step of that name.

        Raises
        ------
        ArgumentError
            If the chain has none; the message names the nearest.
        """
        known("name", name, tuple(step.name for step in self.steps))
        return next(step for step in self.steps if step.name == name)

    def text(self) -> str:
        """The chain as plain text, with the outcome of each check."""
        lines = [f"{self.model} under {self.rule}, {self.view}"]
        for number, step in enumerate(self.steps, 1):
            mark = "checked" if step.holds else "NOT CONFIRMED"
            lines += ["", f"{number}. {step.name}  [{step.origin}, {mark}]", f"   {step.reason}"]
            lines += [f"      {line}" for line in _pretty(step.equation).splitlines()]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """The chain as a JSON-ready dictionary."""
        return {
            "model": self.model,
            "rule": self.rule,
            "view": self.view,
            "holds": self.holds,
            "steps": [
                {
                    "name": step.name,
                    "reason": step.reason,
                    "equation": latex.formula(step.equation),
                    "sympy": sp.sstr(step.equation),
                    "origin": step.origin,
                    "holds": step.holds,
                }
                for step in self.steps
            ],
            "laws": {name: sp.sstr(law) for name, law in self.laws.items()},
        }


def _pretty(equation: sp.Basic) -> str:
    """The equation over several lines; SymPy would print a least or greatest value, and all in it, as code."""
    if equation.has(sp.Min, sp.Max):
        equation = equation.replace(sp.Min, sp.Function("min")).replace(sp.Max, sp.Function("max"))
    return str(sp.pretty(equation, wrap_line=False))


@functools.lru_cache(maxsize=256)
def compiled(expression: sp.Expr, arguments: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    """Compile an expression for NumPy arrays and SciPy's special functions, once."""
    return sp.lambdify(arguments, accurate(expression), ["scipy", "numpy"], cse=True)


def precise(laws: dict[str, sp.Expr], arguments: tuple[sp.Symbol, ...], values: Sequence[float]) -> dict[str, float]:
    """Laws at these values, each right to its last digit however much cancels: digits are doubled until they agree.

    The first try has room for what is lost in a difference of fourth order in the largest or smallest of the values.
    """
    import mpmath

    function = _arbitrary(tuple(laws.values()), arguments)
    digits = 40 + 4 * math.ceil(max((abs(math.log10(abs(value))) for value in values if value), default=0.0))
    with mpmath.workdps(digits):
        fine = _rounded(function, values)
    while digits < MOST_DIGITS:
        coarse, digits = fine, 2 * digits
        with mpmath.workdps(digits):
            fine = _rounded(function, values)
        if fine == coarse:
            break
    return dict(zip(laws, fine, strict=True))


@functools.lru_cache(maxsize=64)
def _arbitrary(laws: tuple[sp.Expr, ...], arguments: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    """Laws for mpmath numbers, compiled once."""
    return sp.lambdify(arguments, laws, "mpmath", cse=True)


def _rounded(function: Callable[..., Any], values: Sequence[float]) -> list[float]:
    import mpmath

    return [float(found) for found in function(*map(mpmath.mpf, values))]


def accurate(expression: sp.Expr) -> sp.Expr:
    """The same expression with log(1 + x) written so that a small x is not rounded away."""
    from sympy.codegen.cfunctions import log1p

    def small(argument: sp.Expr) -> sp.Expr:
        return log1p(argument - 1) if argument.is_Add and sp.Integer(1) in argument.args else sp.log(argument)

    return expression.replace(sp.log, small)
