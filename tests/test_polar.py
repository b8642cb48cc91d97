"""The polar factor: as accurate as the SVD allows, by whichever route, at every condition, rank and shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from simulations.directions import spectral
from simulations.polar import SAFETY, _measured_error, polar
from theory.checks import ArgumentError
from theory.rule_ids import rule

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


def single(matrix):
    """A matrix as float32, with the factor, the singular values and the rank of what is then stored."""
    stored = matrix.astype(np.float32)
    left, values, right = np.linalg.svd(stored.astype(float), full_matrices=False)
    rank = int((values > max(matrix.shape) * np.finfo(np.float32).eps * values[0]).sum())
    return stored, left[:, :rank] @ right[:rank], values, rank


def check_single(matrix):
    """The bounds of float32: the rounding of the factor, 6e-8 of each entry, and 1e-7 for the Gram matrix."""
    stored, true, values, rank = single(matrix)
    found = polar(stored)
    assert found.factor.dtype == np.float32
    assert found.factor.shape == matrix.shape
    assert found.rank == rank
    factor, stored = found.factor.astype(float), stored.astype(float)
    singular = np.linalg.svd(factor, compute_uv=False)
    assert np.abs(singular[:rank] - 1).max() <= 1e-6
    assert singular[rank:].max(initial=0.0) <= 1e-6
    assert np.linalg.norm(factor - true, 2) <= 1e-6
    wide, p = (stored, factor) if len(stored) <= stored.shape[1] else (stored.T, factor.T)
    symmetric = (wide @ p.T + p @ wide.T) / 2
    size = np.linalg.norm(wide)
    assert np.linalg.norm(p @ wide.T - wide @ p.T) <= 4e-6 * size
    assert np.linalg.eigvalsh(symmetric).min() >= -1e-6 * size
    assert np.linalg.norm(symmetric @ p - wide) <= 1e-6 * size + 2 * np.linalg.norm(values[rank:])
    return found


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
@pytest.mark.parametrize("kappa", [1, 3, 30, 100, 300, 600, 1e3, 3e3, 1e4, 1e6, 1e10, 1e13])
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


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("kappa", [1, 30, 600, 3e3, 1e4, 1e8])
@pytest.mark.parametrize("shape", [(30, 80), (60, 60), (90, 40), (5, 9), (1, 7)])
def test_every_condition_and_shape_in_single_precision(spectrum, kappa, shape):
    rng = np.random.default_rng(int(kappa) + sum(shape))
    count = min(shape)
    values = SPECTRA[spectrum](count, kappa if count > 1 else 1)
    if spectrum == "geometric" and kappa == 1e8:
        values = np.where(values > 1e-3, values, 1e-8 * values)  # a gap at the cut
    left, right = orthonormal(rng, shape[0], count), orthonormal(rng, shape[1], count)
    if spectrum == "linear" and kappa > 1e4:
        values = values[:-1] if count > 1 else values  # its smallest value would lie near the cut
        left, right = left[:, : len(values)], right[:, : len(values)]
    check_single(10.0 ** rng.uniform(-25, 25) * (left * values) @ right.T)


def test_single_precision_takes_the_gram_matrix_as_far_as_it_holds():
    rng = np.random.default_rng(0)
    left, right = orthonormal(rng, 100, 100), orthonormal(rng, 250, 100)
    routes = {k: check_single((left * np.geomspace(1, 1 / k, 100)) @ right.T).route for k in (3, 600, 3e3, 1e6)}
    assert routes == {3: "gram", 600: "gram", 3e3: "gram", 1e6: "svd"}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("rank", [1, 17, 60])
@pytest.mark.parametrize("shape", [(60, 450), (450, 60)])
def test_large_matrices_of_single_precision_need_no_svd_at_any_rank(shape, rank, spectrum):
    """Condition 1e4 of what is kept; the rest is what rounding leaves, 1e-8, far below the cut at 5e-5."""
    rng = np.random.default_rng(rank)
    values = SPECTRA[spectrum](rank, 1e4 if rank > 1 else 1)
    left, right = orthonormal(rng, shape[0], rank), orthonormal(rng, shape[1], rank)
    found = check_single((left * values) @ right.T)
    assert (found.rank, found.route) == (rank, "gram")


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("turned", ["rows", "columns", "both"])
@pytest.mark.parametrize("kappa", [30, 100, 300])
def test_the_measured_error_is_that_of_the_factor(spectrum, turned, kappa):
    """What decides the route, against the factor that is known: at most `SAFETY` too small where it matters."""
    for shape in ((30, 80), (60, 60), (120, 300)):
        rng = np.random.default_rng(kappa + sum(shape))
        values = np.sort(SPECTRA[spectrum](shape[0], kappa))[::-1]
        left, right = orthonormal(rng, shape[0], shape[0]), orthonormal(rng, shape[1], shape[0])
        left = np.eye(shape[0]) if turned == "columns" else left
        right = np.eye(*shape[::-1]) if turned == "rows" else right
        matrix = (left * values) @ right.T
        squares, basis = np.linalg.eigh(matrix @ matrix.T)
        error = np.linalg.norm((basis / np.sqrt(squares)) @ basis.T @ matrix - left @ right.T, 2)
        allowed = max(1e-12, 100 * EPS * kappa)
        if error > allowed / 3:
            assert error <= SAFETY * _measured_error(matrix, np.sqrt(squares), basis)


@pytest.mark.parametrize("kappa", [10, 600, 1e6])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_threads_do_not_change_either_precision(kappa, kind):
    rng = np.random.default_rng(3)
    left, right = orthonormal(rng, 150, 150), orthonormal(rng, 300, 150)
    matrix = ((left * np.geomspace(1, 1 / kappa, 150)) @ right.T).astype(kind)
    results = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            results.append(polar(matrix).factor)
    np.testing.assert_array_equal(*results)


def test_other_real_types_are_taken_as_double():
    for kind in (np.float16, np.int8, np.uint64, bool):
        found = polar(np.eye(3, 4, dtype=kind))
        assert found.factor.dtype == np.float64
        np.testing.assert_allclose(found.factor, np.eye(3, 4), atol=4 * EPS)


def test_a_zero_matrix_rests_and_bad_ones_are_refused():
    assert polar(np.zeros((30, 40))).route == "zero"
    assert not polar(np.zeros((30, 40))).factor.any()
    assert polar(np.zeros((2, 3), np.float32)).factor.dtype == np.float32
    for bad, message in (
        (np.array([[1.0, np.nan]]), "be finite, but holds NaN or Inf"),
        (np.array([[np.nan, 1.0]], np.float32), "be finite, but holds NaN or Inf"),
        (np.array([[np.inf]]), "be finite, but holds NaN or Inf"),
        (np.array([[-np.inf, 0.0]]), "be finite, but holds NaN or Inf"),
        (np.zeros((0, 3)), "not empty, but has the shape (0, 3)"),
        (np.zeros((3, 0), np.float32), "not empty, but has the shape (3, 0)"),
        (np.zeros(3), "be two-dimensional and not empty, but has the shape (3,)"),
        (np.zeros((2, 2, 2)), "but has the shape (2, 2, 2)"),
        (np.ones((2, 2), complex), "hold real numbers, but is of type complex128"),
        (np.ones((2, 2), object), "hold real numbers, but is of type object"),
        ([["a", "b"]], "hold real numbers, but is of type <U1"),
        ([[1.0], [1.0, 2.0]], "be two-dimensional, but has rows of different lengths"),
    ):
        with pytest.raises(ArgumentError) as refused:
            polar(bad)
        assert str(refused.value).startswith("Argument `matrix` must ")
        assert str(refused.value).endswith(f"{message}.")
