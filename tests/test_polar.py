"""The polar factor: as accurate as the SVD allows, by whichever route, at every condition, rank and shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from simulations.directions import spectral
from simulations.polar import polar
from theory.checks import ArgumentError
from theory.rules import rule

EPS = np.finfo(float).eps
SPECTRA = {
    "geometric": lambda count, kappa: np.geomspace(1, 1 / kappa, count),
    "linear": lambda count, kappa: np.linspace(1, 1 / kappa, count),
    "two levels": lambda count, kappa: np.where(np.arange(count) < count // 2, 1.0, 1 / kappa),
    "one small": lambda count, kappa: np.where(np.arange(count) < count - 1, 1.0, 1 / kappa),
    "one large": lambda count, kappa: np.where(np.arange(count) > 0, 1 / kappa, 1.0),
}


def orthonormal(rng, rows, columns):
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]


def check(matrix, true, values, rank):
    found = polar(matrix)
    kappa = values[0] / values[rank - 1]
    singular = np.linalg.svd(found.factor, compute_uv=False)
    assert found.rank == rank
    assert np.abs(singular[:rank] - 1).max() <= 1e-10
    assert singular[rank:].max(initial=0.0) <= 1e-10
    # the SVD's own factor errs by a few ε κ against the true one, so the distance to either is bounded alike
    assert np.linalg.norm(found.factor - true, 2) <= max(1e-12, 100 * EPS * kappa)
    tall = found.factor.T @ matrix if len(matrix) >= matrix.shape[1] else matrix @ found.factor.T
    size = np.linalg.norm(matrix)
    symmetric = (tall + tall.T) / 2
    assert np.linalg.norm(tall - tall.T) <= 4e-12 * size
    assert np.linalg.eigvalsh(symmetric).min() >= -1e-12 * size
    back = found.factor @ symmetric if len(matrix) >= matrix.shape[1] else symmetric @ found.factor
    assert np.linalg.norm(back - matrix) <= 1e-12 * size
    return found


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("kappa", [1, 3, 30, 100, 300, 600, 1e3, 3e3, 1e4, 1e6, 1e10])
@pytest.mark.parametrize("shape", [(30, 80), (60, 60), (90, 40), (5, 9), (1, 7)])
def test_every_condition_and_shape(spectrum, kappa, shape):
    rng = np.random.default_rng(int(kappa) + sum(shape))
    count = min(shape)
    values = np.sort(SPECTRA[spectrum](count, kappa if count > 1 else 1))[::-1]
    left, right = orthonormal(rng, shape[0], count), orthonormal(rng, shape[1], count)
    scale = 10.0 ** rng.uniform(-80, 80)
    check(scale * (left * values) @ right.T, left @ right.T, values, count)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(24, 60), st.integers(24, 60), st.data())
def test_every_rank_with_a_gap_at_the_cut(rows, columns, data):
    rank = data.draw(st.integers(1, min(rows, columns)))
    rng = np.random.default_rng(rows * columns + rank)
    values = np.sort(10.0 ** rng.uniform(-6, 0, rank))[::-1]
    left, right = orthonormal(rng, rows, rank), orthonormal(rng, columns, rank)
    check((left * values) @ right.T, left @ right.T, values, rank)


def test_the_routes_are_taken_where_they_are_safe():
    rng = np.random.default_rng(0)
    left, right = orthonormal(rng, 100, 100), orthonormal(rng, 250, 100)
    routes = {kappa: polar((left * np.geomspace(1, 1 / kappa, 100)) @ right.T).route for kappa in (3, 600, 1e7)}
    assert routes == {3: "gram", 600: "gram, corrected", 1e7: "svd"}


def test_threads_do_not_change_the_factor():
    matrix = np.random.default_rng(1).standard_normal((150, 300))
    results = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            results.append(polar(matrix).factor)
    np.testing.assert_array_equal(*results)


def test_egd_takes_its_step_by_this_factor():
    matrix = np.random.default_rng(2).standard_normal((40, 60))
    np.testing.assert_array_equal(spectral(rule("egd"), matrix), polar(matrix).factor)
    np.testing.assert_allclose(spectral(rule("egd"), matrix[:9]), polar(matrix[:9]).factor, atol=1e-13)


def test_a_zero_matrix_rests_and_bad_ones_are_refused():
    assert polar(np.zeros((30, 40))).route == "zero"
    assert not polar(np.zeros((30, 40))).factor.any()
    for bad, message in (
        (np.array([[1.0, np.nan]]), "be finite"),
        (np.array([[np.inf]]), "be finite"),
        (np.zeros((0, 3)), "not empty"),
        (np.zeros(3), "two-dimensional"),
    ):
        with pytest.raises(ArgumentError, match=f"`matrix` must .*{message}"):
            polar(bad)
