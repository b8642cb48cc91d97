"""The energy balance: along a flow the loss falls by what the flow dissipates, through every extinction."""

import numpy as np
import pytest

from simulations import energy
from simulations.energy import energy_balance
from simulations.flow import flow
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression

# The solver's tolerance; the worst defect of these cases is 6e-12, and 1.4e-10 over 200 random ones of up to nine
# outputs and inputs, condition numbers to 1e7 and starts over four decades.
DEFECT = 1e-10


def general(shape, spectrum, seed, rank=None):
    """A regression in general position, its error at the zero start of the given rank."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((shape[1], shape[1])))[0]
    covariance = (basis * spectrum) @ basis.T
    target = rng.standard_normal(shape)
    if rank is not None:
        target = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    return Regression((covariance + covariance.T) / 2, target)


def twice(model, seed):
    """Two copies of a model side by side in directions of no meaning: every extinction coincides with another."""
    rng = np.random.default_rng(seed)
    c, d = model.shape
    left, right = (np.linalg.qr(rng.standard_normal((2 * n, 2 * n)))[0] for n in (c, d))
    covariance = right.T @ np.kron(np.eye(2), model.curvature) @ right
    return Regression((covariance + covariance.T) / 2, left @ np.kron(np.eye(2), model.target) @ right)


def balanced(model, ranks):
    balance = energy_balance(model, "egd", np.zeros(model.shape))
    assert balance.trajectory.ranks == ranks
    assert balance.trajectory.stop_reason == "at rest"
    assert balance.defect < DEFECT
    assert balance.dissipated[-1] == pytest.approx(balance.losses[0], rel=DEFECT)
    assert balance.losses[-1] < 1e-15 * balance.losses[0]
    return balance


@pytest.mark.parametrize("kappa", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (5, 3)])
def test_the_polar_flow_loses_what_the_nuclear_norm_dissipates(shape, kappa):
    seed = int(kappa) + shape[0]
    balanced(general(shape, np.geomspace(1, 1 / kappa, 3), seed), tuple(range(min(shape), -1, -1)))


@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_repeated_eigenvalues_of_the_curvature(outputs):
    balanced(general((outputs, 4), [1, 0.3, 0.3, 0.05], outputs), tuple(range(min(outputs, 4), -1, -1)))


@pytest.mark.parametrize("outputs", [2, 3, 5])
def test_singular_values_of_the_gradient_that_are_all_equal(outputs):
    """The gradient at the start is an isometry: G₀ = Q, which EGD loses by one singular value after another."""
    model = general((outputs, 3), [1, 0.5, 0.2], outputs)
    left, _, right = np.linalg.svd(model.target, full_matrices=False)
    even = Regression(model.curvature, left @ right @ np.linalg.inv(model.curvature))
    np.testing.assert_allclose(np.linalg.svd(even.cross, compute_uv=False), 1, rtol=1e-14)
    balanced(even, tuple(range(min(outputs, 3), -1, -1)))


@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_starts_of_low_rank(outputs):
    balanced(general((outputs, 4), [1, 0.5, 0.2, 0.1], outputs, rank=2), (2, 1, 0))
    balanced(general((outputs, 4), [1, 0.5, 0.2, 0.1], outputs, rank=1), (1, 0))


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_extinctions_that_coincide(outputs):
    model = general((outputs, 2), [1, 0.3], outputs)
    single = flow(model, "egd", np.zeros(model.shape))
    double = balanced(twice(model, outputs), tuple(2 * rank for rank in single.ranks)).trajectory
    # located where 1e-9 of the elapsed time is left, by a solver of tolerance 1e-10
    np.testing.assert_allclose(double.restarts, single.restarts, rtol=1e-9)


@pytest.mark.parametrize("name", ["gd", "power:0.5", "damped:0.1", "newton", "frobenius"])
def test_other_rules_balance_too(name):
    model = general((3, 4), [1, 0.5, 0.2, 0.1], 3)
    balance = energy_balance(model, name, np.zeros(model.shape))
    assert balance.defect < DEFECT


def test_the_dissipation_is_integrated_exactly_on_a_line():
    """One output and one input: the loss λe²/2 at distance e from rest, dissipated at the rate λe."""
    model = Regression(np.array([[0.5]]), np.array([[2.0]]))
    balance = energy_balance(model, "egd", np.zeros((1, 1)))
    expected = 0.25 * (2.0**2 - (2.0 - balance.times) ** 2)
    np.testing.assert_allclose(balance.dissipated, expected, rtol=0, atol=4e-15)  # a few roundings of 1


def test_a_piece_left_out_is_seen(monkeypatch):
    model = general((3, 3), [1, 0.5, 0.2], 0)
    kept = energy._Pieces.__call__

    def skip(pieces, path):
        kept(pieces, path)
        if len(pieces.times) == 5:
            pieces.dissipated[-1] = 0.0

    monkeypatch.setattr(energy._Pieces, "__call__", skip)
    assert energy_balance(model, "egd", np.zeros((3, 3))).defect > 1e-6


def test_a_start_at_rest_dissipates_nothing():
    model = Regression.from_spectrum([1, 0.5], start=[0, 0])
    assert energy_balance(model, "egd").defect == 0


def test_rules_whose_dissipation_jumps_are_refused():
    with pytest.raises(ArgumentError, match="`rule` must dissipate nothing where a singular value vanishes"):
        energy_balance(Folded(), "ngd")
