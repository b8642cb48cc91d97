"""The chain of a factorised model: from the loss to the order in which its modes arrive."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, known
from theory.derivation import VIEWS, Derivation, Step
from theory.models.factorized import DECAY, TARGET, factors, layer_gradients
from theory.rules import SIGMA, Rule

TIME = sp.Symbol("t", nonnegative=True)
ETA = sp.Symbol("eta", positive=True)
THRESHOLD = sp.Symbol("q", positive=True)
FACTOR = sp.Symbol("w", positive=True)  # of a balanced mode, the same in every layer
AMPLITUDE = sp.Symbol("a", positive=True)
START, END = sp.symbols("a_0 a_1", positive=True)  # amplitude at the start, and at the arrival
IMBALANCE = sp.Symbol("c", real=True)  # w₁² − w₂²
DISTANCE = sp.Symbol("delta", real=True)  # of the least factor from where it ends
ENDS = sp.symbols("z_1:9", positive=True)  # factors at the end, the least one first
FAST, SLOW = sp.symbols("s_1 s_n", positive=True)
EXPLICIT = 3  # layers written out in a check; more add factors of the same form


@functools.cache
def derive(rule: Rule, view: str = "flow", depth: int = 2) -> Derivation:
    """The chain from the loss to the arrivals of a factorised model's modes.

    Parameters
    ----------
    rule
        An elementwise spectral rule, or ``newton``, which stands for Newton's rule layer by layer.
    view
        ``flow`` or ``descent``.
    depth
        Number of layers.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    from theory.models.factorized_descent import recursion
    from theory.models.factorized_newton import newton

    known("view", view, VIEWS)
    if rule.kind == "newton":
        return Derivation("factorized", rule.name, view, [*_opening(depth), *newton(depth, view)])
    if rule.kind != "spectral" or not rule.elementwise:
        raise ArgumentError("rule", f"have a derivation for a factorised model as a {view}", f"is {rule.name}")
    if view == "descent" and rule.power != 1:
        steps, laws = recursion(rule, depth)
    else:
        steps, laws = _flow(rule, depth) if view == "flow" else _descent(depth)
        kept = [_conserved(rule, depth)] if rule.power is not None else []
        steps = [_modes(rule, depth), *kept, *steps]
    if rule.power == 0:
        steps = [*steps, _sharpness(depth)]
    return Derivation("factorized", rule.name, view, [*_opening(depth), *steps], laws)


@functools.cache
def _opening(depth: int) -> tuple[Step, ...]:
    """From the loss to the gradient in each layer, and to its modes."""
    c, d, inner, outer = sp.symbols("c d n_l n_{l+1}", integer=True, positive=True)
    product, target = sp.MatrixSymbol("P", c, d), sp.MatrixSymbol("M", c, d)
    above, below = sp.MatrixSymbol("A_l", c, outer), sp.MatrixSymbol("B_l", inner, d)
    weights = sp.MatrixSymbol("W_l", outer, inner)
    error = product - target
    names = factors(depth)
    mode = sp.prod(names)
    return (
        Step(
            "loss",
            sp.Eq(
                sp.Symbol("L"),
                sp.Trace(error * error.T) / 2
                + DECAY * sp.Sum(sp.Function("N")(sp.Symbol("l")), (sp.Symbol("l"), 1, depth)) / 2,
                evaluate=False,
            ),
            f"½ ‖P − M‖² + ½ λ Σ N_l, P the product of the {depth} layers, N_l = ‖W_l‖²: inputs of unit covariance.",
            _loss_residual,
            origin="definition",
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G_l"), above.T * error * below.T + DECAY * weights, evaluate=False),
            "Differentiate; A_l is the product of the layers above layer l, B_l that of the layers below it. "
            f"Checked for {min(depth, EXPLICIT)} layers of 2×2 weights.",
            lambda: _gradient_residual(min(depth, EXPLICIT)),
        ),
        Step(
            "directions",
            sp.Eq(
                sp.Symbol("g_l"),
                sp.Mul(mode / names[0], mode - TARGET, evaluate=False) + DECAY * names[0],
                evaluate=False,
            ),
            "Aligned start: every layer shares singular directions with the target, W_l = R_{l+1} diag(w_l) R_lᵀ. Then "
            "G_l = R_{l+1} diag(g_l) R_lᵀ, and the layers stay aligned; written for l = 1, "
            "checked for two layers at any angles.",
            lambda: _direction_residual(2),
        ),
    )


def _explicit(depth: int) -> tuple[list[sp.Matrix], sp.Matrix, sp.Matrix]:
    """Layers of 2×2 symbols, their product, and a target."""
    layers = [sp.Matrix(2, 2, sp.symbols(f"x{layer}_:4")) for layer in range(depth)]
    return layers, functools.reduce(lambda below, layer: layer * below, layers), sp.Matrix(2, 2, sp.symbols("m:4"))


def _loss_of(layers: list[sp.Matrix], target: sp.Matrix) -> sp.Expr:
    product = functools.reduce(lambda below, layer: layer * below, layers)
    decay = sum(entry**2 for layer in layers for entry in layer)
    return sum(entry**2 for entry in product - target) / 2 + DECAY * decay / 2


def _loss_residual() -> sp.Expr:
    """The loss against ½ E‖P x − M x‖² for inputs of unit covariance."""
    layers, product, target = _explicit(2)
    x = sp.Matrix(sp.symbols("x1 x2"))
    square = sp.Poly(sp.expand(((product - target) * x).dot((product - target) * x)), *x)
    mean = square.coeff_monomial(x[0] ** 2) + square.coeff_monomial(x[1] ** 2)
    return sp.expand(mean / 2 - _loss_of(layers, target).subs(DECAY, 0))


def _stated_gradient(layers: list[sp.Matrix], target: sp.Matrix, place: int) -> sp.Matrix:
    above = functools.reduce(lambda below, layer: layer * below, layers[place + 1 :], sp.eye(2))
    below = functools.reduce(lambda under, layer: layer * under, layers[:place], sp.eye(2))
    return above.T * (above * layers[place] * below - target) * below.T + DECAY * layers[place]


def _gradient_residual(depth: int) -> list[sp.Expr]:
    layers, _, target = _explicit(depth)
    loss = _loss_of(layers, target)
    return [
        sp.expand(sp.diff(loss, layer[i]) - _stated_gradient(layers, target, place)[i])
        for place, layer in enumerate(layers)
        for i in range(4)
    ]


def _turn(index: int) -> sp.Matrix:
    """A rotation, of any angle."""
    cosine, sine = sp.symbols(f"c{index} s{index}", real=True)
    return sp.Matrix([[cosine, -sine], [sine, cosine]])


def _turned(entry: sp.Expr, count: int) -> sp.Expr:
    """A polynomial of the entries of that many rotations, with c² + s² = 1."""
    circles = [sum(entry**2 for entry in _turn(index)[:, 0]) - 1 for index in range(count)]
    return sp.reduced(sp.expand(entry), circles)[1]


@functools.cache
def _direction_residual(depth: int) -> list[sp.Expr]:
    turns = [_turn(index) for index in range(depth + 1)]
    modes = [sp.symbols(f"w{layer}_:2", real=True) for layer in range(depth)]
    targets = sp.symbols("s:2", positive=True)
    layers = [turns[i + 1] * sp.diag(*modes[i]) * turns[i].T for i in range(depth)]
    target = turns[-1] * sp.diag(*targets) * turns[0].T
    residuals: list[sp.Expr] = []
    for place in range(depth):
        found = turns[place + 1].T * _stated_gradient(layers, target, place) * turns[place]
        for i in range(2):
            own = {name: modes[layer][i] for layer, name in enumerate(factors(depth))} | {TARGET: targets[i]}
            found[i, i] -= layer_gradients(depth, DECAY)[place].subs(own, simultaneous=True)
        residuals += [_turned(entry, depth + 1) for entry in found]
    return residuals


def _modes(rule: Rule, depth: int) -> Step:
    """The rule on the gradient of each layer, for a mode that grows towards its target from positive factors."""
    assert rule.law is not None
    names = factors(depth)
    gradient = sp.Symbol("g_l", real=True)
    speed = rule.law.subs(SIGMA, sp.Abs(gradient)) * sp.sign(gradient)
    return Step(
        "mode equations",
        sp.Eq(sp.Derivative(sp.Function("w_l")(TIME), TIME), -speed, evaluate=False),
        "The rule gives each singular value |g_l| of a layer's gradient the speed h(|g_l|); its sign is kept until "
        "g_l vanishes: with the residual (extinction), with another layer's factor (crossing), or with two (saddle).",
        lambda: _mode_residual(rule, names),
        origin="definition",
    )


def _mode_residual(rule: Rule, names: tuple[sp.Symbol, ...]) -> list[sp.Expr]:
    """The rule put on a layer's gradient R diag(−g) Rᵀ, with two modes below their targets."""
    assert rule.law is not None
    after, before = _turn(1), _turn(0)
    pulls = sp.symbols("p1 p2", positive=True)
    update = after * sp.diag(*[rule.law.subs(SIGMA, p) for p in pulls]) * before.T
    along = after.T * update * before
    speeds = sp.diag(*[rule.law.subs(SIGMA, pull) for pull in pulls])
    return [_turned(entry, 2) for entry in along - speeds]


def _conserved(rule: Rule, depth: int) -> Step:
    """w_l^(2−α) − w_m^(2−α), or log w_l − log w_m for α = 2."""
    exponent = 2 - sp.sympify(rule.power)
    first, second = sp.symbols("w_l w_m", positive=True)

    def kept(w: sp.Expr) -> sp.Expr:
        return w**exponent if exponent != 0 else sp.log(w)

    others = sp.Symbol("p", positive=True)  # product of the other factors
    pull = sp.Symbol("r", positive=True)  # s − a
    assert rule.law is not None
    speeds = [rule.law.subs(SIGMA, others * w * pull) for w in (second, first)]
    rate = sp.diff(kept(first), first) * speeds[0] - sp.diff(kept(second), second) * speeds[1]
    return Step(
        "conserved quantity",
        sp.Eq(sp.Derivative(kept(first) - kept(second), TIME), 0, evaluate=False),
        "For a power law and no decay; of the layers as matrices once they are aligned, W_l W_lᵀ − W_mᵀ W_m under "
        "gradient descent (from any start), and the difference of their square roots under EGD.",
        lambda: sp.powsimp(sp.powdenest(sp.expand_power_base(sp.simplify(rate), force=True), force=True), force=True),
    )


def _pull(depth: int) -> sp.Expr:
    """−g of a balanced mode without decay."""
    return FACTOR ** (depth - 1) * (TARGET - FACTOR**depth)


def balanced_gradient(depth: int) -> sp.Expr:
    """The gradient g of each layer, for factors of equal size w."""
    return -_pull(depth) + DECAY * FACTOR


def _settling(depth: int) -> sp.Expr:
    """−g of a balanced mode at distance δ from the factor z where its gradient vanishes, without cancellation."""
    end = ENDS[0]
    terms = [
        (depth - 1, TARGET * end ** (depth - 1)),
        (2 * depth - 1, -(end ** (2 * depth - 1))),
        (1, -DECAY * end),
    ]
    return sp.Add(*(term * _expm1(power * _log1p(-DISTANCE / end)) for power, term in terms))


def _settling_residual(settling: sp.Expr, gradient: sp.Expr) -> sp.Expr:
    """The stated pull against the gradient, which vanishes at z."""
    end = ENDS[0]
    exact = _plain(settling).subs(DISTANCE, end - FACTOR)
    return sp.expand(sp.simplify(exact) + gradient - gradient.subs(FACTOR, end))


def _flow(rule: Rule, depth: int) -> tuple[list[Step], dict[str, sp.Expr]]:
    assert rule.law is not None
    gradient = balanced_gradient(depth)
    settling = _settling(depth)
    steps = [
        Step(
            "balanced mode",
            sp.Eq(sp.Symbol("g"), gradient, evaluate=False),
            "From factors of equal size w, a = w^L, every layer has the same gradient and they stay equal.",
            lambda: [
                *(g.subs(dict.fromkeys(factors(depth), FACTOR)) - gradient for g in layer_gradients(depth, DECAY)),
                _settling_residual(settling, gradient),
            ],
        )
    ]
    slowness = 1 / rule.law.subs(SIGMA, sp.Symbol("g", positive=True))
    laws = {"gradient": gradient, "settling": settling, "slowness": slowness}
    if rule.power is not None:
        steps.append(_unbalanced(rule, depth, laws))
    if rule.power == 1:
        steps += _equal_speeds(depth, laws)
    if rule.power == 0 and depth == 2:
        steps += _logistic(laws)
    return steps, laws


def _unbalanced(rule: Rule, depth: int, laws: dict[str, sp.Expr]) -> Step:
    """The time as an integral over the least factor, which the conserved quantities leave as the only unknown."""
    assert rule.law is not None and rule.power is not None
    exponent = 2 - sp.sympify(rule.power)
    ends = ENDS[:depth]
    if exponent == 0:
        logs = [_log1p(-DISTANCE / ends[0])] * depth
    else:
        lost = -(ends[0] ** exponent) * _expm1(exponent * _log1p(-DISTANCE / ends[0]))
        logs = [_log1p(-lost / end**exponent) / exponent for end in ends]
    residual = -sp.prod(ends) * _expm1(sp.Add(*logs))  # s − a
    others = sp.prod(ends[1:]) * sp.exp(sp.Add(*logs[1:]))
    laws |= {"residual": residual, "least_pull": others * residual, "others": others}
    time = sp.Symbol("t")
    return Step(
        "time",
        sp.Eq(sp.Derivative(time, DISTANCE), 1 / rule.law.subs(SIGMA, sp.Symbol("g_1", positive=True)), evaluate=False),
        "The least factor, at distance δ from where it ends, decides the others by the conserved quantities; the time "
        "is the integral of 1/h(|g₁|) over δ.",
        lambda: _unbalanced_residual(exponent, ends, logs, residual),
    )


def _expm1(x: sp.Expr) -> sp.Expr:
    """exp(x) − 1, which NumPy has without cancellation."""
    return sp.Function("expm1")(x)


def _log1p(x: sp.Expr) -> sp.Expr:
    """log(1 + x), likewise."""
    return sp.Function("log1p")(x)


def _plain(expression: sp.Expr) -> sp.Expr:
    """The same in functions that SymPy simplifies."""
    return expression.replace(sp.Function("expm1"), lambda x: sp.exp(x) - 1).replace(
        sp.Function("log1p"), lambda x: sp.log(1 + x)
    )


def _unbalanced_residual(
    exponent: sp.Expr, ends: tuple[sp.Symbol, ...], logs: list[sp.Expr], residual: sp.Expr
) -> list[sp.Expr]:
    """The stated factors against the conserved quantities, and the residual against the product."""
    part = sp.Symbol("u", positive=True)  # of the least factor, that is 1 − δ/z₁

    def value(expression: sp.Expr) -> sp.Expr:
        return _plain(expression).subs(DISTANCE, ends[0] * (1 - part))

    def forced(expression: sp.Expr) -> sp.Expr:
        return sp.powdenest(sp.expand_power_base(sp.expand_log(expression, force=True), force=True), force=True)

    gained = [value(log) for log in logs]  # log w − log z
    now = [end * sp.exp(gain) for end, gain in zip(ends, gained, strict=True)]
    if exponent == 0:
        kept = [forced(sp.log(w)) for w in now]
    else:
        kept = [forced(end**exponent * sp.exp(exponent * gain)) for end, gain in zip(ends, gained, strict=True)]
    drift = [sp.expand(sp.diff(entry - kept[0], part)) for entry in kept]
    return [sp.simplify(now[0] - ends[0] * part), *drift, sp.simplify(value(residual) - sp.prod(ends) + sp.prod(now))]


def _equal_speeds(depth: int, laws: dict[str, sp.Expr]) -> list[Step]:
    """EGD: every factor moves at unit speed."""
    solution = (START ** sp.Rational(1, depth) + TIME) ** depth
    growth, whole = (end ** sp.Rational(1, depth) - START ** sp.Rational(1, depth) for end in (END, TARGET))
    arrival, extinction = sp.Abs(growth), sp.Abs(whole)
    laws |= {"solution": solution, "arrival": arrival, "extinction": extinction}
    late = extinction.subs(START, 0)
    return [
        Step(
            "solution",
            sp.Eq(sp.Function("a")(TIME), solution, evaluate=False),
            "Balanced, below the target: a^(1/L) grows at unit speed.",
            lambda: sp.diff(solution ** sp.Rational(1, depth), TIME) - 1,
            origin="ansatz",
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time to the amplitude a₁ = s + q(a₀ − s) of the common threshold q, from either side.",
            lambda: sp.powdenest(solution.subs(TIME, growth), force=True) - END,
        ),
        Step(
            "extinction",
            sp.Eq(sp.Symbol("t_i^0"), extinction, evaluate=False),
            "The residual vanishes in finite time; the mode rests there.",
            lambda: sp.powdenest(solution.subs(TIME, whole), force=True) - TARGET,
        ),
        Step(
            "order of learning",
            sp.Eq(
                sp.Symbol("t_1^0") / sp.Symbol("t_n^0"),
                late.subs(TARGET, FAST) / late.subs(TARGET, SLOW),
                evaluate=False,
            ),
            "From vanishing starts small modes arrive first: the ratio of the extinctions is κ^(1/L).",
            lambda: sp.simplify(
                (late.subs(TARGET, FAST) / late.subs(TARGET, SLOW)) ** depth - FAST / SLOW,
            ),
        ),
    ]


def _logistic(laws: dict[str, sp.Expr]) -> list[Step]:
    """Gradient descent on two layers: the logistic equation, and its unbalanced generalisation."""
    pull = sp.Symbol("sigma_d", positive=True)  # s − λ
    e = sp.Function("a")
    solution = pull / (1 + (pull / START - 1) * sp.exp(-2 * pull * TIME))
    arrival = sp.log(END / (THRESHOLD * START)) / (2 * pull)
    wide = sp.sqrt(IMBALANCE**2 + 4 * TARGET**2)
    root = sp.sqrt(IMBALANCE**2 + 4 * AMPLITUDE**2)
    lift = IMBALANCE**2 + 4 * TARGET * AMPLITUDE + wide * root
    below = 4 * IMBALANCE**2 * (TARGET - AMPLITUDE) ** 2 / (wide * root - IMBALANCE**2 - 4 * TARGET * AMPLITUDE)
    elapsed = (sp.log(lift) - sp.log(TARGET - AMPLITUDE)) / wide
    laws |= {
        "arrival": arrival.subs(pull, TARGET - DECAY),
        "solution": solution.subs(pull, TARGET - DECAY),
        "wide": wide,
        "lift": lift,
        "lift_below": below,
    }
    late = sp.log(1 / (THRESHOLD * START)) / (2 * TARGET)
    return [
        Step(
            "solution",
            sp.Eq(e(TIME), solution, evaluate=False),
            "Balanced: da/dt = 2a(σ − a) with σ = s − λ, the logistic equation.",
            lambda: [
                sp.simplify(solution.diff(TIME) - 2 * solution * (pull - solution)),
                sp.simplify(solution.subs(TIME, 0) - START),
                sp.expand(2 * FACTOR * (_pull(2) - DECAY * FACTOR))
                - sp.expand(2 * FACTOR**2 * (TARGET - DECAY - FACTOR**2)),
            ],
            origin="ansatz",
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time to the amplitude a₁ = σ + q(a₀ − σ) of the common threshold q.",
            lambda: sp.simplify(
                (solution.subs(TIME, sp.log(END / (THRESHOLD * START)) / (2 * pull)) - END)
                .subs(END, pull + THRESHOLD * (START - pull))
                .subs({pull: START + sp.Symbol("x", positive=True)})
            ),
        ),
        Step(
            "unbalanced",
            sp.Eq(sp.Symbol("t") + sp.Symbol("const"), elapsed, evaluate=False),
            "From factors of any size, c = w₁² − w₂² is conserved and da/dt = (s − a) √(c² + 4a²); the last logarithm "
            "is that of |s − a|.",
            lambda: [
                sp.simplify(sp.diff(elapsed, AMPLITUDE) * (TARGET - AMPLITUDE) * root - 1),
                sp.expand(lift * (wide * root - IMBALANCE**2 - 4 * TARGET * AMPLITUDE))
                - sp.expand(4 * IMBALANCE**2 * (TARGET - AMPLITUDE) ** 2),
                _imbalance_residual(),
            ],
        ),
        Step(
            "order of learning",
            sp.Eq(
                sp.Symbol("t_1") / sp.Symbol("t_n"),
                sp.simplify(late.subs(TARGET, FAST) / late.subs(TARGET, SLOW)),
                evaluate=False,
            ),
            "From vanishing starts large modes arrive first: to leading order in log 1/a₀ the ratio of the arrivals is "
            "1/κ.",
            lambda: (
                sp.limit(
                    (arrival / late).subs(END, pull + THRESHOLD * (START - pull)).subs({TARGET: pull}), START, 0, "+"
                )
                - 1
            ),
        ),
    ]


def _imbalance_residual() -> sp.Expr:
    """w₁² + w₂² = √((w₁² − w₂²)² + 4 w₁² w₂²)."""
    first, second = factors(2)
    return sp.expand((first**2 + second**2) ** 2 - (first**2 - second**2) ** 2 - 4 * first**2 * second**2)


def _descent(depth: int) -> tuple[list[Step], dict[str, sp.Expr]]:
    """EGD in steps: every factor grows by η a step, exactly."""
    root = sp.Rational(1, depth)
    growth = END**root - START**root
    arrival = sp.Abs(growth) / ETA
    count = sp.Symbol("k", nonnegative=True)
    solution = (START**root + count * ETA) ** depth
    return [
        Step(
            "solution",
            sp.Eq(sp.Function("a")(count), solution, evaluate=False),
            "Balanced, below the target: each step adds η to every factor.",
            lambda: sp.simplify(solution.subs(count, count + 1) ** root - solution**root - ETA),
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("k_i"), sp.ceiling(arrival), evaluate=False),
            "The first step at or past the amplitude a₁ of the common threshold, if it lands within it.",
            lambda: sp.powdenest(solution.subs(count, growth / ETA), force=True) - END,
        ),
    ], {"arrival": arrival, "solution": solution.subs(count, TIME)}


def sharpness(depth: int) -> sp.Expr:
    """The largest eigenvalue of the Hessian at the balanced minimum, from the factor w* of the largest mode."""
    return depth * FACTOR ** (2 * depth - 2) - (depth - 2) * DECAY


def _sharpness(depth: int) -> Step:
    return Step(
        "largest stable step",
        sp.Eq(sp.Symbol("eta_max"), 2 / sharpness(depth), evaluate=False),
        "Gradient descent, near the balanced minimum w* of the largest mode: 2 over the largest eigenvalue of the "
        "Hessian, whose eigenvector moves all layers alike.",
        lambda: _hessian_residual(depth, sharpness(depth)),
    )


def _hessian_residual(depth: int, curvature: sp.Expr) -> list[sp.Expr]:
    """The Hessian of one mode times (1, …, 1), at the factor where decay balances the pull."""
    names = factors(depth)
    rows = [sum(sp.diff(g, name) for name in names) for g in layer_gradients(depth, DECAY)]
    balanced = TARGET - FACTOR**depth  # the decay that holds w there, times w^(2−L)
    at: dict[Any, Any] = dict.fromkeys(names, FACTOR)
    held = {DECAY: FACTOR ** (depth - 2) * balanced}
    return [sp.simplify(row.subs(at).subs(held) - curvature.subs(held)) for row in rows]
