"""Trials of W6, W7 and W8: when the wedge has a plateau, how long it lasts, and what makes it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.cause import TRIED
from simulations.descent import descend
from simulations.examiners.settings import Mask, against, derived, descents, last_true, rounded, slope, stated
from simulations.examiners.trial import Examiner, Trial
from simulations.examiners.wedge_points import Points, at, points
from simulations.plateaus import LONGEST_RUN
from simulations.population import population
from theory.claims.claim import Claim
from theory.contractions import ETA
from theory.geometry import EPSILON, THETA, U1, U2
from theory.models.folded import Folded
from theory.models.wedge import Wedge

Array = NDArray[np.float64]
SYMBOLS = (EPSILON, THETA, ETA, U1, U2)
TOWARD = np.geomspace(1e-4, 1e-8, 9)  # ε toward the limit
EARLY = 64  # steps taken one by one, before the propagator
SETTINGS, STARTS, CAUSES = 60, 2000, 12
APART = 0.25  # radians from a right angle, so that √ε tan² θ is small where ε is largest
FAR = 1e12  # steps, by which every path has come to rest
GRIDS, GRID = 6, 200  # grids of numbers of steps, each within a gap of the one before
NEXT = 2.0  # how far the next order may grow beyond √ε times what it is at the largest ε


def _settings(rng: np.random.Generator, count: int, *, inside: float) -> Iterator[dict[str, float]]:
    """Angles on both sides of the right one, η, and starts of which this share misclassifies everything."""
    for index in range(count):
        low, high = ((0.05, np.pi / 2 - APART), (np.pi / 2 + APART, 3.09))[index % 2]
        theta, share, size = rng.uniform(low, high), rng.uniform(0.1, 0.9), math.exp(rng.uniform(-2, 2))
        turn = theta + share * (np.pi - theta) if rng.random() < inside else theta - share * (np.pi + theta)
        u1, u2, eta = size * np.cos(turn), size * np.sin(turn), math.exp(rng.uniform(math.log(0.002), math.log(0.05)))
        names = ("theta", "step", "u1", "u2")
        yield dict(zip(names, map(float, rounded(np.array([theta, eta, u1, u2]))), strict=True))


def _toward(where: dict[str, float]) -> Points:
    """One setting with ε toward the limit."""
    given = {name: np.full(len(TOWARD), value) for name, value in where.items()}
    return at(epsilon=TOWARD, **given)


def _arguments(found: Points) -> tuple[Array, ...]:
    return found.epsilon, found.theta, found.step, found.u1, found.u2


def length(one: dict[str, float], epsilon: float) -> float:
    """Steps at 100 % test error: some steps one by one, then the exact propagator and bisection."""
    model = Wedge(epsilon, one["theta"])
    start = model.start((one["u1"], one["u2"]))
    return float(descend(model, "gd", 2 * one["step"], start, max_steps=EARLY).plateaus[LONGEST_RUN] or 0)


def _limits(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W6: the first step with ν_k ≤ T, and the steps at 100 %, toward ε = 0."""
    for where in _settings(rng, SETTINGS, inside=0.75):
        found = _toward(where)
        yield from _approached(claim, "plateau", found, np.array([length(where, float(e)) for e in TOWARD]))
        threshold = float(np.max(found.minimiser[:, 0] * np.abs(np.tan(found.theta))))
        high = float(rounded(np.array([threshold * rng.uniform(1.5, 15)]))[0])
        found = _toward(where | {"u2": max(high, 0.3)})
        yield from _approached(claim, "crossing", found, np.array([_first_below(found, i) for i in range(len(found))]))


def _approached(claim: Claim, law: str, found: Points, measured: Array) -> Iterator[Trial]:
    """A law up to factors 1 + O(√ε) and one step; the constant in O is read off at the largest ε, and at least 1."""
    claimed, predicted = stated(claim, law, SYMBOLS, *_arguments(found))
    begin = max(0.0, abs(predicted[0] - measured[0]) - 1) / max(measured[0], 1.0)
    scale = NEXT * max(begin, math.sqrt(TOWARD[0])) * np.sqrt(found.epsilon / TOWARD[0])
    for i in range(len(found)):
        where = found.row(i, quantity=QUANTITIES[law])
        yield against(where, (claimed[i], predicted[i]), measured[i], scale[i] * measured[i] + 1 * (measured[i] > 0))


QUANTITIES = {"plateau": "steps at 100 %", "crossing": "first step with nu_k below T", "length": "steps at 100 %"}


def _propagated(found: Points, i: int, count: Array) -> Array:
    """Weights (n, 2) after these numbers of steps (n,), by the eigenvectors of Σ."""
    values, basis = np.linalg.eigh(found.covariance[i])
    error = (found.start[i] - found.minimiser[i]) @ basis
    left = np.exp(np.asarray(count)[:, None] * np.log1p(-2 * found.step[i] * values))
    weights: Array = found.minimiser[i] + (error * left) @ basis.T
    return weights


def _first_below(found: Points, i: int) -> float:
    """The first step with ν_k ≤ T from a start above T, by doubling and bisection."""
    threshold = float(found.minimiser[i, 0] * abs(math.tan(found.theta[i])))

    def above(count: int) -> bool:
        return bool(_propagated(found, i, np.array([float(count)]))[0, 1] > threshold)

    yes, no = 0, 1
    while above(no):
        yes, no = no, 2 * no
    while no - yes > 1:
        middle = (yes + no) // 2
        yes, no = (middle, no) if above(middle) else (yes, middle)
    return float(no)


def _there(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W7: whether any step is at 100 %, from every kind of start; and the order of a plateau."""
    found = points(rng, STARTS, fraction=(1e-4, 0.5))
    seen: Mask = np.any(found.whole(descents(found, EARLY)), axis=0)
    late = np.array([found.where([i]).whole(_propagated(found, i, LATE)[:, None]).any() for i in range(len(found))])
    predicted = derived(claim, "there", SYMBOLS, *_arguments(found))
    for i in np.flatnonzero(_off_edges(found)).tolist():
        measured = float(seen[i] or late[i])
        where = found.row(i, quantity="whether there is a plateau")
        yield Trial(where, None, float(predicted[i]), measured, 0.0, True, bool(predicted[i] == measured))
    for where in _settings(rng, SETTINGS, inside=1.0):
        yield from _order(claim, where)


LATE = np.geomspace(EARLY, FAR, 400)


def _off_edges(found: Points) -> Mask:
    """Where rounding does not decide whether the start lies on an edge."""
    front = found.u2 * np.cos(found.theta) - found.u1 * np.sin(found.theta)
    return np.abs(front) > 1e-9 * np.hypot(found.u1, found.u2)


def _order(claim: Claim, where: dict[str, float]) -> Iterator[Trial]:
    """Lengths toward ε = 0 by the law that is derived, and their exponent."""
    found, lengths = _toward(where), np.array([length(where, float(e)) for e in TOWARD])
    predicted = derived(claim, "length", SYMBOLS, *_arguments(found))
    begin = max(0.0, abs(predicted[0] - lengths[0]) - 1) / lengths[0]
    for i, measured in enumerate(lengths.tolist()):
        tolerance = 1 + NEXT * max(begin, math.sqrt(TOWARD[0])) * math.sqrt(TOWARD[i] / TOWARD[0]) * measured
        stands = bool(abs(predicted[i] - measured) <= tolerance)
        row = found.row(i, quantity=QUANTITIES["length"])
        yield Trial(row, None, float(predicted[i]), measured, tolerance, True, stands)
    laws = stated(claim, "exponent", SYMBOLS, 0.0, where["theta"], where["step"], where["u1"], where["u2"])
    yield against({**where, "quantity": "exponent of epsilon"}, laws, slope(TOWARD, lengths), _bend(lengths))


def _bend(lengths: Array) -> float:
    """What the next order, and whole numbers, do to a fitted exponent: twice its change from the first half on."""
    halves = [slope(TOWARD[part], lengths[part]) for part in (slice(0, 5), slice(4, 9))]
    return 2 * abs(halves[1] - halves[0]) + 2 / float(lengths.min()) / math.log(TOWARD[0] / TOWARD[-1])


def _cause(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W8: exponents of the length, and of what is left of it at the best step size, on both models."""
    found = 0
    while found < CAUSES:
        theta, turn, size, eta = rounded(rng.uniform((0.3, 0.0, 1.0, 0.005), (1.3, 1.0, 3.0, 0.1)))
        turn = theta + (np.pi - theta) * (0.1 + 0.8 * turn)
        u1, u2 = map(float, rounded(np.array([size * np.cos(turn), size * np.sin(turn)])))
        where = {"theta": float(theta), "step": float(eta), "u1": u1, "u2": u2}
        # well above m₁ tan θ/m₂, at the margin 1
        if u2 / math.tan(theta) < 1.5 * float(Folded(theta=float(theta)).minimiser[0, 0]):
            continue
        found += 1
        for name in ("folded", "wedge"):
            yield from _parts(claim, name, where)


def _parts(claim: Claim, name: str, where: dict[str, float]) -> Iterator[Trial]:
    few = TOWARD[::4]
    whole, best = [], []
    for epsilon in few.tolist():
        model = (Folded if name == "folded" else Wedge)(epsilon, where["theta"])
        start = model.start((where["u1"], where["u2"]))
        run = descend(model, "gd", 2 * where["step"], start, max_steps=EARLY)
        whole.append(float(run.plateaus[LONGEST_RUN] or 0))
        best.append(float(_for_good(model, start, TRIED / model.sharpness).min()))
    for law, lengths in ((name, whole), (f"{name}_asymmetry", best)):
        kind = "at the best step" if law.endswith("asymmetry") else "at a fixed step"
        laws = stated(claim, law, SYMBOLS, 0.0, where["theta"], where["step"], where["u1"], where["u2"])
        # the next order is √ε of the first, and lengths are whole numbers
        tolerance = 0.02 + 1 / min(lengths) / math.log(few[0] / few[-1])
        shown = {"model": name, "quantity": f"exponent {kind}", **where}
        yield against(shown, laws, slope(few, np.array(lengths)), tolerance)


def _for_good(model: Folded | Wedge, start: Array, steps: Array) -> Array:
    """Steps to the last one at 100 % test error at each step size (n,), found on ever finer grids of both parities.

    At a large step the fast weight alternates, and the error may leave 100 % at every other step long before it does
    so for good.
    """
    numbers = population(model)
    values, basis = np.linalg.eigh(numbers.curvature)
    error, left = (start - numbers.minimiser)[0] @ basis, 1 - steps[:, None] * values
    rows, shares = np.arange(len(steps)), np.linspace(0, 1, GRID)
    low, ahead = np.zeros(len(steps)), np.tile(FAR**shares, (len(steps), 1)) - 1
    for _ in range(GRIDS):
        counts = np.floor(low[:, None] + ahead)
        counts = np.sort(np.concatenate([counts, counts + 1], axis=1), axis=1)
        weights = numbers.minimiser[0] + (error * left[:, None] ** counts[..., None]) @ basis.T
        whole = numbers.test_error(weights[..., None, :]) >= 1
        last = np.maximum(last_true(whole.T), 0)
        low, high = counts[rows, last], counts[rows, np.minimum(last + 2, counts.shape[1] - 1)]
        ahead = (high - low)[:, None] * shares
    return low + 1


EXAMINERS: dict[str, Examiner] = {"W6": _limits, "W7": _there, "W8": _cause}
