"""The chain of a regression from an aligned start: from the loss to the time between its arrivals."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, known
from theory.clock import PATH, RATE2, clock
from theory.derivation import VIEWS, Derivation, Step
from theory.models.regression import (
    CONTRACTION,
    ERROR,
    ERROR0,
    ETA,
    FAST,
    KAPPA,
    RATE,
    SLOW,
    STEP,
    THRESHOLD,
    TIME,
)
from theory.rules import SIGMA, Rule


@functools.cache
def _opening() -> tuple[Step, ...]:
    """From the loss to the gradient in its singular directions, shared by all rules."""
    c, d = sp.symbols("c d", integer=True, positive=True)
    decay = sp.Symbol("lambda", nonnegative=True)
    weights, cross, star = (sp.MatrixSymbol(name, c, d) for name in ("W", "C", "W^*"))
    covariance, error = sp.MatrixSymbol("Sigma", d, d), sp.MatrixSymbol("E", c, d)
    curvature = covariance + decay * sp.Identity(d)
    loss = (
        sp.Trace(weights * covariance * weights.T) / 2
        - sp.Trace(weights * cross.T)
        + decay * sp.Trace(weights * weights.T) / 2
    )
    gradient = weights * curvature - cross
    return (
        Step(
            "loss",
            sp.Eq(sp.Function("L")(weights), loss, evaluate=False),
            "½ E‖W x − y‖² + ½ λ‖W‖² with Σ = E x xᵀ and C = E y xᵀ, up to the constant ½ E‖y‖².",
            _loss_residual,
            origin="definition",
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G"), gradient, evaluate=False),
            "Differentiate; Σ is symmetric.",
            _gradient_residual,
        ),
        Step(
            "error",
            sp.Eq(sp.Symbol("G"), error * curvature, evaluate=False),
            "Write W = W* + E with W*(Σ + λI) = C, the minimiser.",
            lambda: _error_residual(gradient, weights, cross, star, error, curvature),
        ),
        Step(
            "directions",
            sp.Eq(
                sp.Symbol("G"),
                sp.Sum(
                    sp.Indexed("lambda", sp.Symbol("i")) * sp.Indexed("e", sp.Symbol("i")) * sp.Symbol("u_iv_i^T"),
                    (sp.Symbol("i"), 1, d),
                ),
                evaluate=False,
            ),
            "Aligned start: Σ + λI = Σᵢ λᵢ vᵢvᵢᵀ and E = Σᵢ eᵢ uᵢvᵢᵀ, so the singular values of G are λᵢ|eᵢ|. "
            "Checked for two directions at any angles; more add terms of the same form.",
            _direction_residual,
        ),
    )


def _explicit() -> tuple[sp.Matrix, sp.Matrix, sp.Matrix, sp.Expr, sp.Expr]:
    """A 2×2 instance with general entries: W, Σ, C, λ and the loss written as sums."""
    w = sp.Matrix(2, 2, sp.symbols("w11 w12 w21 w22"))
    a, b, d = sp.symbols("a b d")
    covariance = sp.Matrix([[a, b], [b, d]])
    cross = sp.Matrix(2, 2, sp.symbols("c11 c12 c21 c22"))
    decay = sp.Symbol("lambda")
    loss = sum(
        (w[i, :] * covariance * w[i, :].T)[0] / 2 - (w[i, :] * cross[i, :].T)[0] + decay * w[i, :].dot(w[i, :]) / 2
        for i in range(2)
    )
    return w, covariance, cross, decay, loss


def _loss_residual() -> sp.Expr:
    """The loss against ½ E‖W x − y‖², expanded with the moments in place of the monomials."""
    w, covariance, cross, decay, loss = _explicit()
    x, y = sp.Matrix(sp.symbols("x1 x2")), sp.Matrix(sp.symbols("y1 y2"))
    moments = {x[i] * x[j]: covariance[i, j] for i in range(2) for j in range(2)}
    moments |= {y[i] * x[j]: cross[i, j] for i in range(2) for j in range(2)}
    square = sp.Poly(sp.expand((w * x - y).dot(w * x - y)), *x, *y)
    mean = 0
    for powers, coefficient in square.terms():
        monomial = sp.prod(v**p for v, p in zip((*x, *y), powers, strict=True))
        if any(powers[:2]):
            mean += coefficient * moments[monomial]
    return mean / 2 + decay * sum(entry**2 for entry in w) / 2 - loss


def _gradient_residual() -> list[sp.Expr]:
    w, covariance, cross, decay, loss = _explicit()
    stated = w * (covariance + decay * sp.eye(2)) - cross
    return [sp.diff(loss, w[i, j]) - stated[i, j] for i in range(2) for j in range(2)]


def _error_residual(gradient: Any, weights: Any, cross: Any, star: Any, error: Any, curvature: Any) -> sp.Expr:
    shifted = gradient.subs({weights: star + error}).subs({cross: star * curvature})
    difference = sp.expand(shifted.doit() - (error * curvature).doit()).doit()
    return sp.Integer(0) if difference.is_ZeroMatrix else sp.Integer(1)


COSINES = sp.symbols("c_u c_v", real=True)
SINES = sp.symbols("s_u s_v", real=True)


def _rotations() -> tuple[sp.Matrix, sp.Matrix]:
    """Two rotations by any angles, u and v, written with cosines and sines as symbols."""
    u, v = (sp.Matrix([[c, -s], [s, c]]) for c, s in zip(COSINES, SINES, strict=True))
    return u, v


def _on_circle(matrix: sp.Matrix) -> list[sp.Expr]:
    """The entries, reduced by cos² + sin² = 1."""

    def reduce(entry: sp.Expr) -> sp.Expr:
        for c, s in zip(COSINES, SINES, strict=True):
            entry = sp.rem(sp.expand(entry), s**2 + c**2 - 1, s)
        return sp.expand(entry)

    return [reduce(entry) for entry in matrix]


def _direction_residual() -> list[sp.Expr]:
    rates, errors = sp.symbols("lambda_1 lambda_2", positive=True), sp.symbols("e_1 e_2", real=True)
    u, v = _rotations()
    gradient = (u * sp.diag(*errors) * v.T) * (v * sp.diag(*rates) * v.T)
    squares = sp.diag(*[(rate * e) ** 2 for rate, e in zip(rates, errors, strict=True)])
    return _on_circle(gradient * gradient.T - u * squares * u.T)


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of a regression from an aligned start.

    Parameters
    ----------
    rule
        An elementwise spectral rule, or ``newton``.
    view
        ``flow`` for each of them; ``descent`` for ``gd``, ``newton`` and ``egd``.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    known("view", view, VIEWS)
    if rule.kind == "newton" or (rule.kind == "spectral" and rule.elementwise):
        if view == "flow":
            steps, laws = _flow(rule)
            return Derivation("regression", rule.name, view, [*_opening(), *steps], laws)
        if rule.kind == "newton" or rule.power in (0, 1):
            steps, laws = _descent(rule)
            return Derivation("regression", rule.name, view, [*_opening(), *steps], laws)
    if rule.isotropic and view == "flow":
        steps, laws = _by_clock(rule)
        return Derivation("regression", rule.name, view, [*_opening(), *steps], laws)
    raise ArgumentError("rule", f"have a derivation in closed form as a {view}", f"is {rule.name}")


def _by_clock(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """A rule that scales all singular values alike: gradient descent's path with another clock."""
    found = clock(rule)
    arrival = -sp.log(THRESHOLD) / RATE2
    step = Step(
        "arrival",
        sp.Eq(sp.Symbol("tau_i"), arrival.subs(RATE2, RATE), evaluate=False),
        "The time τ along the path at which |eᵢ| = q|e₀|, which the clock turns into flow time; written for two "
        "directions, more add terms to the norm.",
        lambda: found.left[1].subs(PATH, arrival) - THRESHOLD,
    )
    return [*found.steps, step], {"clock": found.speed}


def _speed(rule: Rule) -> sp.Expr:
    """Speed of a direction with error e > 0."""
    return ERROR if rule.law is None else sp.powdenest(rule.law.subs(SIGMA, RATE * ERROR), force=True)


def _solve(rule: Rule, speed: sp.Expr) -> tuple[sp.Expr | None, str]:
    """e(t) from e₀ > 0: by dsolve where it finds the solution, as an ansatz for the power family."""
    e = sp.Function("e")
    if rule.kind == "newton" or rule.power == 0 or rule.power == 1:
        equation = sp.Eq(e(TIME).diff(TIME), -speed.subs(ERROR, e(TIME)))
        return sp.dsolve(equation, e(TIME), ics={e(0): ERROR0}).rhs, "derived"
    if rule.power is None:
        return None, "ansatz"
    alpha = rule.power
    return (ERROR0**alpha - alpha * RATE ** (1 - alpha) * TIME) ** (1 / alpha), "ansatz"


def _flow(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    speed = _speed(rule)
    e = sp.Function("e")(TIME)
    mode = Step(
        "mode equations",
        sp.Eq(e.diff(TIME), -speed.subs(ERROR, e), evaluate=False),
        "The rule gives each singular value σ = λᵢ|eᵢ| the speed h(σ) and leaves uᵢ and vᵢ; written for eᵢ > 0, "
        "the sign of eᵢ is kept until it vanishes. Newton's rule multiplies by (Σ + λI)⁻¹ instead.",
        lambda: _mode_residual(rule, speed),
        origin="definition",
    )
    solution, origin = _solve(rule, speed)
    laws: dict[str, sp.Expr] = {"slowness": 1 / speed}
    if solution is None:
        arrival: sp.Expr = sp.Integral(1 / speed, (ERROR, THRESHOLD * ERROR0, ERROR0))
        integral = Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "Separate the variables: the time from e₀ to q e₀.",
            lambda: sp.diff(arrival, THRESHOLD) + ERROR0 / speed.subs(ERROR, THRESHOLD * ERROR0),
        )
        return [mode, integral], laws
    arrival = sp.solve(sp.Eq(solution, THRESHOLD * ERROR0), TIME)[0] if origin == "derived" else _power_arrival(rule)
    arrival = sp.simplify(arrival)
    steps = [
        mode,
        Step(
            "solution",
            sp.Eq(e, solution, evaluate=False),
            "Found by dsolve." if origin == "derived" else "Separated by hand, stated, and put into the mode equation.",
            lambda: [
                _flow_residual(solution, speed),
                sp.powdenest(solution.subs(TIME, 0), force=True) - ERROR0,
            ],
            origin=origin,
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time at which |eᵢ| = q|e₀|, for every rule the same threshold q.",
            lambda: _arrival_residual(solution, arrival),
        ),
    ]
    laws["arrival"] = arrival
    if rule.power is not None and rule.power > 0:
        extinction = sp.limit(arrival, THRESHOLD, 0, "+")
        laws["extinction"] = extinction
        steps.append(
            Step(
                "extinction",
                sp.Eq(sp.Symbol("t_i^0"), extinction, evaluate=False),
                "q → 0: this direction reaches zero in finite time and rests there.",
                lambda: _arrival_residual(solution, extinction, at=0),
            )
        )
    return [*steps, *_plateau(arrival)], laws


def _mode_residual(rule: Rule, speed: sp.Expr) -> list[sp.Expr]:
    """The rule put on a 2×2 gradient U diag(λe) Vᵀ, against the speeds stated for the two directions."""
    rates, errors = sp.symbols("lambda_1 lambda_2", positive=True), sp.symbols("e_1 e_2", positive=True)
    u, v = _rotations()
    stated = u * sp.diag(*[speed.subs({RATE: r, ERROR: e}) for r, e in zip(rates, errors, strict=True)]) * v.T
    values = [r * e for r, e in zip(rates, errors, strict=True)]
    if rule.law is None:  # Newton: the update times the curvature is the gradient
        return _on_circle(stated * v * sp.diag(*rates) * v.T - u * sp.diag(*values) * v.T)
    update = u * sp.diag(*[rule.law.subs(SIGMA, value) for value in values]) * v.T
    return [sp.powdenest(entry, force=True) for entry in update - stated]


def _flow_residual(solution: sp.Expr, speed: sp.Expr) -> sp.Expr:
    """ė + h(λe), put in terms of b = e^(its power) > 0, that is before the extinction."""
    base = sp.Symbol("b", positive=True)
    residual = solution.diff(TIME) + speed.subs(ERROR, solution)
    powers = [p.base for p in solution.atoms(sp.Pow) if p.base.has(TIME) and p.base.is_Add]
    if powers:
        residual = residual.subs(TIME, sp.solve(sp.Eq(powers[0], base), TIME)[0])
        residual = sp.simplify(residual)
    return sp.powsimp(sp.powdenest(sp.expand_power_base(residual, force=True), force=True), force=True)


def _power_arrival(rule: Rule) -> sp.Expr:
    """|e|^α is linear in t: solve for the time at which it is (q e₀)^α."""
    alpha = sp.sympify(rule.power)
    line = ERROR0**alpha - alpha * RATE ** (1 - alpha) * TIME
    return sp.solve(sp.Eq(line, (THRESHOLD * ERROR0) ** alpha), TIME)[0]


def _arrival_residual(solution: sp.Expr, arrival: sp.Expr, at: Any = THRESHOLD) -> sp.Expr:
    reached = sp.simplify(solution.subs(TIME, arrival))
    return sp.powdenest(reached, force=True) - at * ERROR0


def _plateau(arrival: sp.Expr) -> list[Step]:
    length = sp.simplify(arrival.subs(RATE, SLOW) - arrival.subs(RATE, FAST))
    ratio = sp.powdenest(
        sp.simplify((arrival.subs(RATE, SLOW) / arrival.subs(RATE, FAST)).subs(FAST, KAPPA * SLOW)),
        force=True,
    )
    return [
        Step(
            "plateau",
            sp.Eq(sp.Symbol("T"), length, evaluate=False),
            "From the arrival of the fastest direction to that of the slowest, both from the same e₀.",
            lambda: length - arrival.subs(RATE, SLOW) + arrival.subs(RATE, FAST),
        ),
        Step(
            "ratio",
            sp.Eq(sp.Symbol("t_d") / sp.Symbol("t_1"), sp.simplify(ratio), evaluate=False),
            "The ratio of the two arrivals, for the condition number κ = λ₁/λ_d.",
            lambda: sp.simplify(ratio * arrival.subs(RATE, KAPPA * SLOW) - arrival.subs(RATE, SLOW)),
        ),
    ]


def _descent(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    e = sp.Function("e")
    speed = _speed(rule)
    following = ERROR - ETA * speed
    solution = sp.rsolve(e(STEP + 1) - following.subs(ERROR, e(STEP)), e(STEP), {e(0): ERROR0})
    real = sp.Symbol("k", nonnegative=True)
    if rule.power == 1:
        arrival = sp.solve(sp.Eq(solution.subs(STEP, real), THRESHOLD * ERROR0), real)[0]
    else:
        arrival = sp.solve(sp.Eq(sp.exp(CONTRACTION * real), THRESHOLD), real)[0]
    until = ", until the first step at which the sign changes" if rule.power == 1 else ""
    steps = [
        Step(
            "mode equations",
            sp.Eq(e(STEP + 1), following.subs(ERROR, e(STEP)), evaluate=False),
            "One step of size η along each direction, written for eᵢ > 0.",
            lambda: [*_mode_residual(rule, speed), following - ERROR + ETA * speed],
            origin="definition",
        ),
        Step(
            "solution",
            sp.Eq(e(STEP), solution, evaluate=False),
            f"Found by rsolve{until}.",
            lambda: [
                solution.subs(STEP, STEP + 1) - following.subs(ERROR, solution),
                solution.subs(STEP, 0) - ERROR0,
            ],
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("k_i"), sp.ceiling(arrival), evaluate=False),
            "The first whole step at which |eᵢ| ≤ q|e₀|"
            + (
                "; a step that jumps over this band leaves a cycle |eᵢ| ≤ η, and the direction never arrives."
                if rule.power == 1
                else ", for a contraction |1 − ηλᵢ| = exp ρ < 1 a step."
            ),
            lambda: _descent_residual(rule, solution, arrival, real),
        ),
        Step(
            "plateau",
            sp.Eq(
                sp.Symbol("K"),
                sp.ceiling(_of(arrival, SLOW, rule)) - sp.ceiling(_of(arrival, FAST, rule)),
                evaluate=False,
            ),
            "From the arrival of the fastest direction to that of the slowest.",
            lambda: _of(arrival, SLOW, rule).subs(SLOW, FAST) - _of(arrival, FAST, rule),
        ),
    ]
    return steps, {"arrival": arrival, "solution": solution, "product": sp.simplify(ETA * speed / ERROR)}


def _of(arrival: sp.Expr, rate: sp.Symbol, rule: Rule) -> sp.Expr:
    """The arrival of the direction with this curvature."""
    product = sp.simplify(ETA * _speed(rule) / ERROR).subs(RATE, rate)
    return arrival.subs(CONTRACTION, sp.log(sp.Abs(1 - product)))


def _descent_residual(rule: Rule, solution: sp.Expr, arrival: sp.Expr, real: sp.Symbol) -> Any:
    if rule.power == 1:
        return solution.subs(STEP, real).subs(real, arrival) - THRESHOLD * ERROR0
    base = sp.Symbol("b", positive=True)  # |1 − ηλ|
    contracts = solution.subs(STEP, 1) / ERROR0 - (1 - sp.simplify(ETA * _speed(rule) / ERROR))
    return [base ** arrival.subs(CONTRACTION, sp.log(base)) - THRESHOLD, contracts]
