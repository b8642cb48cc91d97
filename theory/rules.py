"""Update rules as speed laws on the singular values of a gradient.

A spectral rule replaces every singular value σ of a gradient G = U S Vᵀ by a speed h(σ), so that the
update is U h(S) Vᵀ; h(0) = 0 for each of them (a vanished direction rests). The law is a SymPy expression
in `SIGMA` and, where a rule needs them, in `NORM` (the Frobenius norm of G) and `INDEX` (1 for the largest
singular value). The remaining rules answer the same question, "which direction for this gradient?", by
other means; `simulations.directions` carries them out.
"""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath
import sympy as sp

from theory.checks import SMALLEST, ArgumentError, ArgumentTypeError, known, number, plain
from theory.derivation import accurate

SIGMA = sp.Symbol("sigma", positive=True)
NORM = sp.Symbol("n", positive=True)
INDEX = sp.Symbol("i", positive=True, integer=True)

NEWTON_SCHULZ = (sp.Float("3.4445"), sp.Float("-4.7750"), sp.Float("2.0315"))
MOST_STEPS, MOST_POWER = 8, 10


@dataclass(frozen=True)
class Rule:
    """A named update rule.

    Parameters
    ----------
    name
        The id by which the command line knows it, such as ``egd`` or ``power:0.5``.
    law
        The speed h as an expression in `SIGMA` (and `NORM`, `INDEX`); None for a rule that is not spectral.
    kind
        ``spectral``, or the name of the routine in `simulations.directions` that gives the direction.
    options
        Parameters of that routine.

    Examples
    --------
    >>> Rule("softened", SIGMA / (1 + SIGMA)).vanishing_power
    0
    """

    name: str
    law: sp.Expr | None = None
    kind: str = "spectral"
    options: dict[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.kind != "spectral":
            return
        if not isinstance(self.law, sp.Expr):
            raise ArgumentTypeError("law", "be a SymPy expression in SIGMA", f"is {self.law!r}")
        strange = self.law.free_symbols - {SIGMA, NORM, INDEX}
        if strange:
            names = ", ".join(sorted(str(symbol) for symbol in strange))
            raise ArgumentError("law", "use no symbols but SIGMA, NORM and INDEX", f"uses {names}")
        _check_speed(self.law)

    def __reduce__(self) -> tuple[Any, ...]:
        return Rule, (self.name, self.law, self.kind, self.options)

    @property
    def elementwise(self) -> bool:
        """Whether the speed of a direction depends on its own singular value alone."""
        return self.law is not None and self.law.free_symbols <= {SIGMA}

    @functools.cached_property
    def isotropic(self) -> bool:
        """Whether all singular values are scaled alike, so that the gradient keeps its shape."""
        return self.law is not None and not (self.law / SIGMA).free_symbols & {SIGMA, INDEX}

    @functools.cached_property
    def power(self) -> sp.Expr | None:
        """The α of a power law h = σ^(1−α), or None where the law is not one."""
        if self.law is None:
            return None
        base, exponent = self.law.as_base_exp()
        if self.law == 1:
            return sp.Integer(1)
        return 1 - exponent if base == SIGMA and exponent.is_number else None

    @functools.cached_property
    def vanishing_power(self) -> sp.Expr:
        """The α of h ~ σ^(1−α) as the gradient vanishes: extinction takes finite time where it is positive.

        All singular values and the norm shrink together, as they do at the end of a run. The slope of log h is
        taken far below any number that double precision holds.
        """
        if self.law is None:
            return sp.Integer(0)
        if self.power is not None:
            return self.power
        law = sp.lambdify(SIGMA, self.law.subs({NORM: SIGMA, INDEX: 1}), "mpmath")
        with mpmath.workdps(900):
            high, low = (abs(law(mpmath.mpf(10) ** power)) for power in (-400, -410))
            slope = mpmath.log10(high / low) / 10
        return 1 - sp.nsimplify(round(float(slope), 9), rational=True)

    @functools.cached_property
    def speed(self) -> Callable[..., object]:
        """The law compiled for NumPy arrays: ``speed(σ, n, i)``."""
        if self.law is None:
            raise ArgumentError("rule", "be a spectral rule", f"is {self.name}")
        return sp.lambdify((SIGMA, NORM, INDEX), accurate(self.law), "numpy", cse=True)


def newton_schulz(steps: int = 5, coefficients: tuple[sp.Expr, ...] = NEWTON_SCHULZ) -> sp.Expr:
    """The polynomial that Newton–Schulz iteration makes of one singular value, on σ/‖G‖_F.

    Coefficients (a, b, c) of a x + b x³ + c x⁵ after Jordan et al. 2024 (key ``jordan2024``).
    """
    a, b, c = coefficients
    x = SIGMA / NORM
    for _ in range(steps):
        x = x * (a + x**2 * (b + c * x**2))
    return x


def _power(alpha: float) -> Rule:
    if abs(alpha) > MOST_POWER:
        raise ArgumentError("rules", f"give `power` an α from -{MOST_POWER} to {MOST_POWER}", f"has {plain(alpha)}")
    return Rule(f"power:{plain(alpha)}", SIGMA ** (1 - sp.nsimplify(alpha, rational=True)))


def _damped(delta: float) -> Rule:
    if delta < SMALLEST:
        raise ArgumentError("rules", "give `damped` a positive δ, as in damped:0.01", f"has {delta:g}")
    return Rule(f"damped:{plain(delta)}", SIGMA / sp.sqrt(SIGMA**2 + sp.nsimplify(delta, rational=True) ** 2))


def _count(rule: str, value: float) -> int:
    if value != int(value) or value < 1:
        raise ArgumentError("rules", f"give `{rule}` a whole number of at least 1", f"has {value:g}")
    return int(value)


def _truncated(rank: float) -> Rule:
    rank = _count("truncated", rank)
    return Rule(f"truncated:{rank}", sp.Piecewise((1, rank >= INDEX), (0, True)))


def _schulz(steps: float = 5) -> Rule:
    steps = _count("newton-schulz", steps)
    if steps > MOST_STEPS:
        raise ArgumentError("rules", f"give `newton-schulz` at most {MOST_STEPS} steps", f"has {steps}")
    return Rule(f"newton-schulz:{steps}" if steps != 5 else "newton-schulz", newton_schulz(steps))


def _momentum(beta: float) -> Rule:
    if not 0 <= beta < 1:
        raise ArgumentError("rules", "give `momentum` a β in [0, 1)", f"has {beta:g}")
    return Rule(f"momentum:{plain(beta)}", kind="momentum", options={"beta": beta})


def _rsvd(rank: float) -> Rule:
    rank = _count("rsvd", rank)
    return Rule(f"rsvd:{rank}", kind="rsvd", options={"rank": rank, "iterations": 2})


PLAIN: dict[str, Callable[[], Rule]] = {
    "gd": lambda: Rule("gd", SIGMA),
    "egd": lambda: Rule("egd", sp.Integer(1)),
    "ngd": lambda: Rule("ngd", 1 / SIGMA),
    "newton": lambda: Rule("newton", kind="newton"),
    "newton-schulz": _schulz,
    "frobenius": lambda: Rule("frobenius", SIGMA / NORM),
    "random-basis": lambda: Rule("random-basis", kind="random_basis"),
    "column-norm": lambda: Rule("column-norm", kind="column_norm", options={"floor": 0.01}),
    "grokfast": lambda: Rule("grokfast", kind="grokfast", options={"memory": 0.98, "gain": 2.0}),
}
WITH_VALUE: dict[str, tuple[str, Callable[[float], Rule]]] = {
    "power": ("ALPHA", _power),
    "damped": ("DELTA", _damped),
    "truncated": ("RANK", _truncated),
    "newton-schulz": ("STEPS", _schulz),
    "momentum": ("BETA", _momentum),
    "rsvd": ("RANK", _rsvd),
}
RULE_IDS = (
    "gd",
    "egd",
    "ngd",
    "newton",
    "power:ALPHA",
    "damped:DELTA",
    "truncated:RANK",
    "newton-schulz[:STEPS]",
    "frobenius",
    "random-basis",
    "column-norm",
    "momentum:BETA",
    "grokfast",
    "rsvd:RANK",
)


def rule(name: str | Rule) -> Rule:
    """The rule of that id, such as ``egd``, ``power:0.5`` or a user's own ``module:NAME``.

    Raises
    ------
    ArgumentError
        If no rule has this id; the message lists the known ones and names the nearest.

    Examples
    --------
    >>> rule("power:0.5").law
    sqrt(sigma)
    """
    if isinstance(name, Rule):
        return name
    if not isinstance(name, str):
        raise ArgumentTypeError("rules", "name rules by their ids", f"holds {name!r}")
    head, colon, value = name.partition(":")
    if not colon and head in PLAIN:
        return PLAIN[head]()
    if colon and head in WITH_VALUE:
        wanted, make = WITH_VALUE[head]
        try:
            return make(number("rules", value))
        except ArgumentTypeError:
            raise ArgumentError("rules", f"read {head}:{wanted} with a number", f"holds {name!r}") from None
    if not colon and head in WITH_VALUE:
        wanted, _ = WITH_VALUE[head]
        raise ArgumentError("rules", f"read {head}:{wanted}, as in {head}:{_example(head)}", f"holds {name!r}")
    if colon and head not in PLAIN:
        return _own(head, value)
    known("rules", name, RULE_IDS)
    raise ArgumentError("rules", f"give `{head}` no value", f"holds {name!r}")


def _example(head: str) -> str:
    return {"power": "0.5", "damped": "0.01", "momentum": "0.9"}.get(head, "3")


def _own(module: str, attribute: str) -> Rule:
    """A user's own rule: a Rule, or a SymPy expression in SIGMA, found in a module."""
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the user's module raises
        why = " ".join(str(error).split())
        near = difflib.get_close_matches(module, WITH_VALUE, n=1, cutoff=0.7)
        hint = f" (did you mean {near[0]}:{WITH_VALUE[near[0]][0]}?)" if near else f", which cannot be imported: {why}"
        raise ArgumentError(
            "rules", f"be one of {', '.join(RULE_IDS)}, or module:NAME", f"is {f'{module}:{attribute}'!r}{hint}"
        ) from None
    if isinstance(found, sp.Expr):
        strange = found.free_symbols - {SIGMA, NORM, INDEX}
        if strange:
            names = ", ".join(sorted(map(str, strange)))
            raise ArgumentError(
                "rules", "name a law with no symbols but SIGMA, NORM and INDEX", f"{attribute} uses {names}"
            )
        found = Rule(attribute, found)
    if not isinstance(found, Rule):
        raise ArgumentError("rules", f"name a Rule or an expression in {module}", f"{attribute} is {found!r}")
    return found


def _check_speed(law: sp.Expr) -> None:
    """Refuse a law whose speed is negative or no number, tried at three singular values."""
    if NORM in law.free_symbols:
        return
    speed = sp.lambdify((SIGMA, INDEX), law, "mpmath")
    for sigma in ("1e-3", "0.1", "1"):
        value = speed(mpmath.mpf(sigma), 1)
        if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value) or value < 0:
            raise ArgumentError("law", "give a speed that is finite and not negative", f"gives {value} at σ = {sigma}")
