"""Which laws the page computes with: those of the chains, and nothing written for it."""

from __future__ import annotations

import functools

import sympy as sp

from figures.explorer.compiler import Law
from figures.explorer.parameters import NAMED
from theory.boundary import CONSTANT, FAST, FAST_RATE, PLACE, PRODUCT, SLOW, SLOW_RATE, boundary
from theory.clock import E1, E2, PATH, RATE1, RATE2, clock
from theory.cycles import cycle
from theory.discretisation import stability
from theory.families import ALPHA, POWERS
from theory.folded_noise import derive as folded_noise
from theory.geometry import error_law
from theory.models import folded, folded_chain, regression, regression_chain
from theory.models.folded import X1, X2, Y
from theory.models.regression import CONTRACTION, ERROR, ERROR0, ETA, RATE, THRESHOLD
from theory.noise import BATCH
from theory.rule_ids import rule
from theory.rules import SIGMA

EXAMPLES = sp.Symbol("n", positive=True)  # of a minibatch: `b` is taken on the page
PARAMETERS = (folded.EPSILON, folded.THETA, folded.MARGIN, folded.DECAY, folded.U1, folded.U2)


@functools.cache
def page_laws() -> dict[str, Law]:
    """Every law of the page, by its name there."""
    return {**_regression(), **_steps(), **_folded(), **_edge(), **_dynamics(), **_noise()}


def _regression() -> dict[str, Law]:
    """Arrivals of one direction in flow time, its error, and its part ½λe² of the training loss, whose slope is λe."""
    symbols = (RATE, ERROR0, THRESHOLD)
    found: dict[str, Law] = {
        f"arrival_{name}": (regression_chain.derive(rule(name)).laws["arrival"], symbols) for name in NAMED
    }
    found |= {"arrival_power": (regression_chain.derive(POWERS).laws["arrival"], (*symbols, ALPHA))}
    return found | _errors() | {"train_term": (sp.integrate(RATE * ERROR, ERROR), (RATE, ERROR))}


def _errors() -> dict[str, Law]:
    """Error of one direction at a flow time, and the time from which on there is none."""
    found: dict[str, Law] = {}
    for name in (*NAMED, "power"):
        chain = regression_chain.derive(POWERS if name == "power" else rule(name))
        symbols = (RATE, ERROR0, ALPHA) if name == "power" else (RATE, ERROR0)
        solution = next(step.equation for step in chain.steps if step.name == "solution").rhs
        found[f"error_{name}"] = (solution, (regression.TIME, *symbols))
        found[f"extinction_{name}"] = (chain.laws.get("extinction", sp.oo), symbols)
    return found


def _steps() -> dict[str, Law]:
    """What a finite step does along one direction."""
    linear, straight = (regression_chain.derive(rule(name), "descent").laws for name in ("gd", "egd"))
    newton = regression_chain.derive(rule("newton"), "descent").laws
    return {
        "product_gd": (linear["product"], (ETA, RATE)),
        "product_newton": (newton["product"], (ETA, RATE)),
        "steps_linear": (linear["arrival"], (THRESHOLD, CONTRACTION)),
        "steps_egd": (straight["arrival"], (ERROR0, THRESHOLD, ETA)),
        "left_egd": (straight["solution"], (ERROR0, ETA, regression.STEP)),
        "largest_step_gd": (stability(rule("gd")).laws["largest_step"], (RATE,)),
        "largest_step_newton": (stability(rule("newton")).laws["largest_step"], (RATE,)),
    }


def _folded() -> dict[str, Law]:
    """Boundary, rates and errors of the folded model, its path and the clock on it."""
    chain = folded_chain.derive(rule("gd"), "flow").laws
    names = ("slow", "fast", "constant", "initial", "rate_fast", "rate_slow", "error_fast", "error_slow")
    newton = folded_chain.derive(rule("newton"), "flow").laws
    path = clock(POWERS)
    return {
        **{name: (chain[name], PARAMETERS) for name in names},
        "newton_fast": (newton["contraction_fast"], PARAMETERS),
        "newton_slow": (newton["contraction_slow"], PARAMETERS),
        "clock": (path.speed, (ALPHA, RATE1, RATE2, E1, E2, PATH)),
        "left": (path.left[1], (RATE2, PATH)),
        "test_error": (error_law(), (folded.W1, folded.W2, folded.EPSILON, folded.THETA)),
    }


def _dynamics() -> dict[str, Law]:
    """What steps are taken with: speeds, the folded model's moments and gradient, and its boundary."""
    speeds: dict[str, Law] = {f"speed_{name}": (rule(name).law, (SIGMA,)) for name in NAMED if rule(name).law}
    moments = folded.moment_formulas()
    gradient = next(step.equation for step in folded_chain.derive(rule("gd")).steps if step.name == "gradient").rhs
    symbols = (folded.W1, folded.W2, folded.M1, folded.M2, folded.EPSILON, folded.DECAY)
    return speeds | {
        "speed_power": (POWERS.law, (SIGMA, ALPHA)),
        "cycle_multiplier": (cycle(POWERS).laws["multiplier"], (ALPHA,)),
        "moment_first": (moments[folded.M1], (folded.MARGIN,)),
        "moment_second": (moments[folded.M2], (folded.MARGIN,)),
        "gradient_fast": (gradient[0], symbols),
        "gradient_slow": (gradient[1], symbols),
        "boundary": (folded.boundary(), (folded.W1, folded.W2, folded.THETA)),
    }


def _noise() -> dict[str, Law]:
    """What examples of the folded model do: gradient of one example's loss, and what minibatches of n end in."""
    loss = (folded.W1 * X1 + folded.W2 * X2 - Y) ** 2 / 2
    sample = (folded.W1, folded.W2, X1, X2, Y)
    found: dict[str, Law] = {
        "sample_fast": (sp.diff(loss, folded.W1), sample),
        "sample_slow": (sp.diff(loss, folded.W2), sample),
    }
    values = {**folded.moment_formulas(), BATCH: EXAMPLES}
    laws = {name: law.subs(values) for name, law in folded_noise().laws.items() if name != "fourth"}
    symbols = (folded.EPSILON, folded.MARGIN, folded.DECAY, EXAMPLES)
    return found | {
        "noise_limit": (laws["limit"], symbols),
        "noise_fast": (laws["stationary_fast"], (*symbols, ETA)),
        "noise_slow": (laws["stationary_slow"], (*symbols, ETA)),
    }


def _edge() -> dict[str, Law]:
    """The boundary function of the plateau, and what finds its ends."""
    laws = boundary().laws
    return {
        "contraction": (laws["contraction"], (PRODUCT,)),
        "edge": (laws["edge"], (SLOW, FAST, CONSTANT, SLOW_RATE, FAST_RATE, PLACE)),
        "stationary": (laws["stationary"], (SLOW, FAST, SLOW_RATE, FAST_RATE)),
    }
