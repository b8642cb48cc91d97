"""EGD's flow from starts that are not aligned, up to condition numbers at which the gradient's rank is rounding."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import LSODA

from simulations.flow import flow
from simulations.graded_svd import graded_svd
from simulations.solvers import advance
from theory.models.regression import Regression
from theory.rule_ids import rule

THRESHOLD = mp.mpf("1e-3")


def regression(rates, outputs):
    return Regression(np.diag(rates), np.zeros((outputs, len(rates))))


def first_line(error, rates):
    """The straight line from E (c, 2), to 80 digits: its direction, and its end det(H − tΛ) = 0 for E Λ = Q H."""
    gradient = error * mp.diag(rates)
    gram = gradient.T * gradient
    root = mp.sqrt(mp.det(gram))
    h = (gram + root * mp.eye(2)) / mp.sqrt(gram[0, 0] + gram[1, 1] + 2 * root)  # the square root of a 2×2 matrix
    half = h[0, 0] * rates[1] + h[1, 1] * rates[0]
    return gradient * h**-1, 2 * mp.det(h) / (half + mp.sqrt(half**2 - 4 * rates[0] * rates[1] * mp.det(h)))


def second_row(error, rates):
    """What is left of an error of rank one: the length of its columns with the sign of their common direction (2,)."""
    longest = max((error[:, j] for j in range(2)), key=mp.norm)
    return [mp.fdot(longest, error[:, j]) / mp.norm(longest) for j in range(2)]


def time_along(row, rates, end):
    """∫ of ‖G‖ along gradient descent's path up to `end`, for one row of errors."""
    cuts = {mp.mpf(0), end} | {cut for rate in rates for n in range(90) if (cut := mp.mpf(2) ** n / 8 / rate) < end}
    with mp.workdps(25):
        return mp.quad(
            lambda tau: mp.sqrt(sum((r * e * mp.exp(-r * tau)) ** 2 for r, e in zip(rates, row, strict=True))),
            sorted(cuts),
        )


def reference(error, rates):
    """Arrivals (2,), first extinction and rest of EGD's flow from E (c, 2)."""
    with mp.workdps(80):
        error, rates = mp.matrix(error.tolist()), [mp.mpf(float(rate)) for rate in rates]
        way, line = first_line(error, rates)
        row = second_row(error - line * way, rates)
        arrivals = []
        for j in range(2):
            e, w, level = error[:, j], way[:, j], THRESHOLD * mp.norm(error[:, j])
            square, cross = mp.fdot(w, w), mp.fdot(e, w)
            inner = cross**2 - square * (mp.fdot(e, e) - level**2)
            on_line = (cross - mp.sqrt(inner)) / square if inner >= 0 else mp.inf
            later = mp.log(abs(row[j]) / level) / rates[j]
            arrivals.append(on_line if on_line <= line else line + time_along(row, rates, later))
        rest = line + time_along(row, rates, 60 / rates[1])
    return np.array([float(time) for time in arrivals]), float(line), float(rest)


@pytest.mark.parametrize("condition", [1e3, 1e10, 1e13, 1e16])
@pytest.mark.parametrize(("outputs", "seed"), [(2, 0), (2, 1), (3, 2)])
def test_two_directions_follow_the_exact_flow_whatever_the_condition_number(condition, outputs, seed):
    """A slow direction behind a small singular value is not lost, nor one that the gradient's rank has no room for."""
    rates, error = (1.0, 1 / condition), np.random.default_rng(seed).standard_normal((outputs, 2))
    arrivals, line, rest = reference(error, rates)
    found = flow(regression(rates, outputs), "egd", error)
    assert found.ranks == (2, 1, 0) and found.stop_reason == "at rest"
    assert found.restarts[0] == pytest.approx(line, rel=4e-15)  # a root, to some roundings
    # 1e-9: a column of which a line leaves less is dropped, and the solver's 1e-10
    np.testing.assert_allclose(found.arrivals, arrivals, rtol=1e-9)
    assert found.times[-1] == pytest.approx(rest, rel=1e-9)


@pytest.mark.parametrize(("outputs", "seed"), [(3, 1), (2, 1)])
def test_three_directions_tend_to_a_limit_as_the_condition_number_grows(outputs, seed):
    """Once the scales lie apart, times change by the ratio of neighbouring scales, κ^(−½), and its logarithm."""
    error = np.random.default_rng(seed).standard_normal((outputs, 3))
    runs = [flow(regression(k ** -np.array([0, 0.5, 1]), outputs), "egd", error) for k in (1e11, 1e12, 1e13)]
    assert {run.ranks for run in runs} == {tuple(range(outputs, -1, -1))}
    for name in ("arrivals", "restarts"):
        before, middle, after = (np.array(getattr(run, name)) for run in runs)
        np.testing.assert_allclose(middle, before, atol=100 * 1e11**-0.5)
        np.testing.assert_allclose(after, middle, atol=100 * 1e12**-0.5)


@pytest.mark.parametrize("name", ["egd", "power:0.5"])
@pytest.mark.parametrize("condition", [1e8, 1e12, 1e14])
def test_aligned_directions_keep_their_closed_form(name, condition):
    rates, starts = (1.0, condition**-0.5, 1 / condition), np.array([1.0, 1.5, 0.3])
    found = flow(Regression.from_spectrum(rates, start=starts), name)
    power = float(rule(name).power)
    extinctions = starts**power * np.array(rates) ** (power - 1) / power
    np.testing.assert_allclose(found.extinctions, extinctions, rtol=1e-7)  # extrapolated from 1e-9 of the way


def test_dependent_outputs_are_two_rows_though_slow_directions_are_known_less_well():
    """W* is rounded by eps·λ₁/λ in a slow direction of a dense covariance: no further rows."""
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    covariance = (basis * np.geomspace(1, 1e-8, 8)) @ basis.T
    target = rng.standard_normal((10, 2)) @ rng.standard_normal((2, 8))
    model = Regression((covariance + covariance.T) / 2, target)
    assert flow(model, "egd", np.zeros((10, 8))).ranks == (2, 1, 0)


def test_nearly_dependent_outputs_arrive_like_dependent_ones():
    """Rows that are lost in rounding before they are extinct are lost, and not the one row that is left to learn."""
    rates, rng = (1.0, 1e-3, 1e-6, 1e-8, 1e-13), np.random.default_rng(1)
    left, row = np.linalg.qr(rng.standard_normal((6, 6)))[0][:, :1], rng.standard_normal((1, 5))
    nearly = flow(regression(rates, 6), "power:0.5", left * row + 1e-9 * rng.standard_normal((6, 5)))
    single = flow(regression(rates, 1), "power:0.5", row)
    assert nearly.stop_reason == "at rest" and list(nearly.restarts) == sorted(nearly.restarts)
    np.testing.assert_allclose(nearly.arrivals, single.arrivals, rtol=1e-6)  # errors differ by a few 1e-9 of the row


def test_a_solver_that_gives_up_says_so_in_its_status_alone():
    rng = np.random.default_rng(0)
    solver = LSODA(lambda *_: 1e3 * rng.standard_normal(1), 0.0, np.ones(1), np.inf, rtol=1e-10, atol=1e-14)
    said = advance(solver)  # what it warns of would be raised here
    assert solver.status == "failed" and said


@pytest.mark.parametrize("name", ["power:0.3", "power:0.5", "power:1.7", "ngd"])
@pytest.mark.parametrize("off", [1e-11, 5e-10, 1e-9])
def test_directions_aligned_but_for_little_are_extinct_when_aligned_ones_are(name, off):
    """|e|^α = |e₀|^α − αλ^(1−α) t: what two directions have in common is left behind, as small as it was."""
    alpha, rates = float(rule(name).power), np.array([1.0, 0.25])
    run = flow(regression(rates, 2), name, np.array([[1.0, 0.0], [off, 1.0]]))
    # the path departs from the aligned one by about `off`; ten times the solver's tolerance
    np.testing.assert_allclose(run.extinctions, rates ** (alpha - 1) / alpha, rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_the_polar_factor_is_exact_whatever_the_condition_number(shape):
    """Columns over ten decades in any order, against a factor to 60 digits."""
    rng = np.random.default_rng(sum(shape))
    matrix = rng.standard_normal(shape) * 10.0 ** -rng.permutation(np.linspace(0, 10, shape[1]))
    with mp.workdps(60):
        left, values, right = mp.svd_r(mp.matrix(matrix.tolist()))
        polar, exact = np.array((left * right).tolist(), float), np.array(values.T.tolist()[0], float)
    left, values, right = graded_svd(matrix)
    # a few roundings, times the condition number of the columns at their own scales
    np.testing.assert_allclose(left @ right, polar, atol=1e-13)
    np.testing.assert_allclose(values, exact, rtol=1e-13)


@pytest.mark.parametrize(("rank_one", "seed"), [(False, 4), (False, 24), (False, 25), (True, 8), (True, 25)])
def test_random_bases_and_condition_numbers_up_to_1e10_are_no_obstacle(rank_one, seed):
    """Starts at random or nearly of rank one; the rounding of the polar factor held these runs up for ever."""
    rng = np.random.default_rng(seed)
    condition = 10.0 ** rng.uniform(8, 10)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    curvature = (basis * np.geomspace(1, 1 / condition, 4)) @ basis.T
    start = np.outer(rng.standard_normal(4), rng.standard_normal(4)) if rank_one else np.zeros((4, 4))
    start += (1e-5 if rank_one else 1.0) * rng.standard_normal((4, 4))
    run = flow(Regression((curvature + curvature.T) / 2, np.zeros((4, 4))), "egd", start, max_evaluations=20_000)
    assert run.stop_reason == "at rest"
    assert np.isfinite(run.arrivals).all()


@pytest.mark.parametrize(("shared", "threshold"), [(1e-12, 1e-12), (1e-10, 1e-12), (1e-10, 1e-8), (1e-9, 0.5)])
def test_what_a_vanishing_direction_has_in_common_with_others_arrives_with_these(shared, threshold):
    """Under ngd d(EᵀE)/dt = −2 Λ⁻¹ until the first extinction, and what is left follows gradient descent's path."""
    error, rates = np.array([[1.0, shared], [0.0, 1.0]]), np.array([1.0, 0.2])
    own, left = rates[1] / 2, 1 - rates[1]  # time at which the second loses what is its own; square of the first then
    second = own * (1 - threshold**2)
    if shared / np.sqrt(left) > threshold:
        second = own + left / 2 * (1 - (threshold * np.sqrt(left) / shared) ** (2 / rates[1]))
    found = flow(regression(rates, 2), "ngd", error, threshold=threshold)
    # 1e-8: the solver's 1e-10 of a part that is as small as its threshold
    np.testing.assert_allclose(found.arrivals, [(1 - threshold**2) / 2, second], rtol=1e-8)


@pytest.mark.parametrize("threshold", [1e-10, 1e-12, 1e-14])
def test_small_thresholds_keep_their_digits_under_the_implicit_solver(threshold):
    """Orthogonal errors decay by themselves: λ dt = −√(σ² + δ²) dσ/σ."""
    rates, error = np.array([1.0, 0.1, 0.01]), np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    ends = np.multiply.outer([1.0, threshold], rates)
    elapsed = np.sqrt(ends**2 + 0.01) - 0.1 * np.arcsinh(0.1 / ends)
    found = flow(regression(rates, 3), "damped:0.1", error, threshold=threshold)
    # 1e-8: a hundred times the solver's tolerance; at 1e-14 its floor is a ten-thousandth of the error: 1e-6
    near = 1e-6 if threshold == 1e-14 else 1e-8
    np.testing.assert_allclose(found.arrivals, (elapsed[0] - elapsed[1]) / rates, rtol=near)
