"""Alignment of a gradient's directions with those that carry the solution: exact cases, and the random one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from simulations.networks.alignment import SEVERAL, carriers, gradient_alignment, unit_alignment
from simulations.networks.moments import kept, moment
from simulations.networks.settings import PRESETS
from simulations.networks.tasks import Modular, Parity
from simulations.networks.training import train
from simulations.networks.transition import QUANTITIES, Course, courses, transition
from theory.checks import ArgumentError
from theory.concentration import best_share

ADD = replace(PRESETS["modular-37-add"], task=Modular(23), width=48)
PARITY = replace(PRESETS["parity-4"], task=Parity(20, 3, 200, 100), width=12)
TASKS = {
    "add": Modular(23),
    "multiply": Modular(23, "multiply"),
    "small": Modular(5, "multiply"),
    "parity": Parity(20, 3),
}
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def wave(p: int, frequency: float, phase: float = 0.0):
    return np.cos(2 * np.pi * frequency * np.arange(p) / p + phase)


def column(first, second):
    """A direction (2p, 1) with these values on its two blocks."""
    return np.concatenate([first, second])[:, None]


def gradient(directions, hidden: int, rng):
    """A gradient (inputs, hidden) with these input-side singular directions (inputs, k) and values k, …, 2, 1."""
    left = np.linalg.qr(rng.standard_normal((hidden, directions.shape[1])))[0]
    unit = directions / np.linalg.norm(directions, axis=0)
    return (unit * np.arange(directions.shape[1], 0, -1)) @ left.T


def leading(matrix):
    found = np.linalg.svd(matrix, full_matrices=False)
    return found.S, found.U


@each_task
def test_carriers_are_orthonormal(task):
    basis = carriers(task).basis
    assert basis.shape[0] == task.features
    assert basis.T @ basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-14)  # sums of 23 terms


def test_a_wave_is_aligned_and_a_mixture_by_its_share():
    found, zero, angle = carriers(Modular(23)), np.zeros(23), 0.3
    for phase in (0.0, 0.7, 2.0):
        for both in ((1, 0), (0, 1), (0.6, 0.8)):
            one = column(both[0] * wave(23, 4, phase), both[1] * wave(23, 4, phase + 1))
            assert found.alignment(one)[0] == pytest.approx(1, abs=1e-14)
    mixed = column(np.cos(angle) * wave(23, 4), np.sin(angle) * wave(23, 9))  # equal lengths, two frequencies
    assert found.alignment(mixed)[0] == pytest.approx(np.cos(angle) ** 2, abs=1e-14)
    assert found.alignment(column(np.ones(23), zero))[0] == pytest.approx(0, abs=1e-14)
    assert found.alignment(column(zero, zero))[0] == 0


def test_the_characters_of_multiplication_are_aligned_in_any_order_of_its_residues():
    found, zero = carriers(Modular(23, "multiply")), np.zeros(23)
    squares = {a * a % 23 for a in range(1, 23)}
    legendre = np.array([0] + [1 if a in squares else -1 for a in range(1, 23)])  # the frequency N/2, without any root
    assert found.alignment(column(legendre, -2 * legendre))[0] == pytest.approx(1, abs=1e-14)
    assert found.alignment(column(np.eye(23)[0], zero))[0] == pytest.approx(0, abs=1e-14)  # what happens to 0
    assert found.alignment(column(wave(23, 4), zero))[0] < 0.5  # a wave of addition is none of multiplication
    anything = np.random.default_rng(0).standard_normal(23)
    turned = np.array([anything[3 * a % 23] for a in range(23)])  # what another factor sees
    before, after = (found.energies(column(one, zero)) for one in (anything, turned))
    assert before == pytest.approx(after, abs=1e-12)


def test_parity_is_aligned_by_the_share_of_its_relevant_bits():
    direction = np.zeros((20, 2))
    direction[[0, 2, 7], 0] = 0.6, 0.0, 0.8
    direction[[1, 2], 1] = 3.0, 4.0
    assert carriers(Parity(20, 3)).alignment(direction) == pytest.approx([0.36, 1], abs=1e-15)


def test_gradients_made_by_hand():
    rng, zero = np.random.default_rng(1), np.zeros(23)
    waves = [column(wave(23, f), zero) for f in range(1, SEVERAL + 1)]
    flat = [column(np.ones(23), zero), column(zero, np.ones(23))]
    values, directions = leading(gradient(np.concatenate(waves, axis=1), 48, rng))
    assert gradient_alignment(ADD, values, directions) == pytest.approx(1, abs=1e-12)
    values, directions = leading(gradient(np.concatenate([*flat, *waves], axis=1), 48, rng))
    assert gradient_alignment(ADD, values, directions) == pytest.approx(1 - 2 / SEVERAL, abs=1e-12)
    first = np.concatenate([waves[0], waves[0] + waves[1], flat[0]], axis=1)
    assert unit_alignment(ADD, first) == pytest.approx((1 + 0.5 + 0) / 3, abs=1e-14)


def test_directions_below_the_rank_cut_do_not_count():
    rng, bits = np.random.default_rng(2), np.eye(20)
    values, directions = leading(gradient(bits[:, :2], 12, rng))  # rank 2, with three bits to look for
    assert gradient_alignment(PARITY, values, directions) == pytest.approx(1, abs=1e-14)
    assert np.isnan(gradient_alignment(PARITY, np.zeros(12), directions))


@each_task
def test_a_random_direction_has_what_is_expected(task):
    found = carriers(task)
    sample = found.alignment(np.random.default_rng(3).standard_normal((task.features, 40_000)))
    # five standard errors, some 2e-3 of the value; without the frequency N/2 the value would be 1e-2 of it lower
    assert sample.mean() == pytest.approx(found.expected, abs=5 * sample.std() / 200)


def test_the_expected_share_is_the_integral():
    x = sp.Symbol("x", positive=True)
    for four, two in ((1, 0), (3, 0), (2, 1), (1, 2)):
        below = (1 - (1 + x) * sp.exp(-x)) ** four * (1 - sp.exp(-x)) ** two
        exact = 2 * sp.integrate(sp.expand(1 - below), (x, 0, sp.oo)) / 10
        assert sp.Rational(best_share(four, two, 10)) == exact
    assert best_share(0, 0, 10) == 0


def test_a_run_looked_at_again_is_what_was_measured():
    run = train(replace(ADD, epochs=12, arrival=0.999), "egd", seed=4)
    again = moment(run, 10)
    index = list(run.measured_epochs).index(10)
    assert np.array_equal(again.factors[0], run.measures["singular_values"][index])
    assert np.array_equal(again.factors[1][:, :32], run.measures["singular_directions"][index])
    with pytest.raises(ArgumentError, match="be one whose weights are kept"):
        kept(run, 11)


def test_what_moves_is_read_off_at_memorisation_halfway_and_arrival():
    run = train(replace(ADD, epochs=20), "egd")
    with pytest.raises(ArgumentError, match="have memorised before it arrived"):
        transition(run)
    found = courses(run)
    assert tuple(found) == QUANTITIES
    assert found["distance"].values[0] == 0
    # at the start units are random directions: 48 of them, whose mean has five standard errors of some 0.04
    assert found["units"].values[0] == pytest.approx(carriers(ADD.task).expected, abs=0.04)
    arrived = transition(replace(run, memorised=2, arrival=18))
    assert arrived.epochs.tolist() == [2, 6, 18]
    assert arrived.values["distance"].tolist() == run.curves["distance_first"][[2, 6, 18]].tolist()
    assert (found["largest"].values >= found["smallest"].values).all()


def test_nearest_means_nearest_in_logarithm():
    one = Course(np.array([0, 1, 10, 100]), np.array([5.0, 6.0, 7.0, 8.0]))
    assert [one.at(epoch) for epoch in (0, 3, 4, 31, 32)] == [5, 6, 7, 7, 8]
