"""Flows and steps of factorised models: aligned ones against predictions, others against balance, steps and limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp
from numpy.polynomial import legendre

from simulations.comparison import compare
from simulations.layered_descent import layered_descend
from simulations.layered_flow import layered_flow
from simulations.layered_trajectory import LayeredTrajectory
from simulations.sensitivity import warnings
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.plateaus import ARRIVAL_SPREAD
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import NORM, SIGMA, Rule

CLOSE = 3e-8  # at a tolerance of 1e-10 the worst of these is 1.7e-8, where a step is interpolated


def random(shape, depth, seed=1, **options):
    """A target with Gaussian entries."""
    return Factorized.from_target(np.random.default_rng(seed).standard_normal(shape), depth=depth, **options)


def kinds(run):
    return [(event.kind, event.layers) for event in run.events]


def polar(gradient):
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    return left @ right


def stepped(model, layers, end, count):
    """EGD's layers after so many steps to a flow time, written out."""
    for _ in range(count):
        pulls = [polar(gradient) for gradient in model.gradients(layers)]
        layers = tuple(layer - end / count * pull for layer, pull in zip(layers, pulls, strict=True))
    return layers


def distance(one, other):
    return np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(one, other, strict=True)))


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "ngd", "damped:0.1"])
@pytest.mark.parametrize(("depth", "hidden", "seed"), [(2, None, 3), (2, 5, None), (3, 4, 3), (4, None, None)])
def test_a_balanced_flow_is_as_predicted(name, depth, hidden, seed):
    model = Factorized.from_spectrum([3.0, 1.0, 1.0, 0.3], depth=depth, hidden=hidden, seed=seed, start=0.01)
    run, found = layered_flow(model, name), predict(model, rule(name), "flow", model.start())
    np.testing.assert_allclose(run.arrivals, found.arrivals, rtol=CLOSE)
    if found.extinctions[0] is not None:
        np.testing.assert_allclose(run.extinctions, found.extinctions, rtol=CLOSE)
        assert [event.count for event in run.events] == [1, 2, 1]  # equal singular values vanish together
    assert run.misalignment.max() < 1e-13


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "ngd"])
@pytest.mark.parametrize("depth", [2, 3])
def test_an_unbalanced_flow_is_as_predicted(name, depth):
    model = Factorized.from_spectrum([3.0, 1.0, 0.3], depth=depth, seed=2)
    start = model.aligned_start(np.random.default_rng(depth).uniform(0.05, 0.6, (depth, 3)))
    run, found = layered_flow(model, name, start), predict(model, rule(name), "flow", start)
    np.testing.assert_allclose(run.arrivals, found.arrivals, rtol=CLOSE)
    if name != "ngd":
        assert run.drift.max() < 1e-8


def test_a_factor_that_crosses_zero():
    """From (0.5, −0.2) both factors rise at unit speed once 0.2 has gone by; before, the first falls: 0.3, 0."""
    model = Factorized.from_spectrum([1.0])
    run = layered_flow(model, "egd", model.aligned_start([[0.5], [-0.2]]))
    assert kinds(run) == [("crossing", (1,)), ("extinction", (1, 2))]
    assert run.events[0].time == pytest.approx(0.2, rel=1e-9)
    # then (0.3 + t)(t) = 1
    assert run.events[1].time == pytest.approx(0.2 + (np.sqrt(0.09 + 4) - 0.3) / 2, rel=1e-9)


def test_factors_that_vanish_together_rest_at_a_saddle():
    """One direction crosses at 0.2 and goes on; the other has both factors at zero at 0.4."""
    model = Factorized.from_spectrum([2.0, 1.0], seed=1)
    run = layered_flow(model, "egd", model.aligned_start([[0.5, 0.4], [-0.2, -0.4]]))
    assert [kind for kind, _ in kinds(run)] == ["crossing", "saddle", "extinction"]
    assert [event.time for event in run.events[:2]] == pytest.approx([0.2, 0.4], rel=1e-9)
    assert run.stop_reason == "at rest, 1 of 2 directions at a saddle"


def dissipated(model, name, start):
    """Loss at the start and lost in the end, beside the integral of Σ ‖G_l‖_* along the path."""
    nodes, weights = legendre.leggauss(16)
    basis = legendre.legvander(nodes, 15)
    slopes = np.stack([legendre.legval(nodes, legendre.legder(row)) for row in np.eye(16)], axis=-1)
    slope, pieces = slopes @ np.linalg.inv(basis), []

    def observe(path):
        points = [path((1 + x) / 2) for x in nodes]
        rates = [sum(np.linalg.norm(g, "nuc") for g in model.gradients(layers)) for _, layers in points]
        pieces.append(weights @ (rates * (slope @ np.array([time for time, _ in points]))))

    run = layered_flow(model, name, start, observe=observe)
    return run, abs(run.train_error[0] - run.train_error[-1] - sum(pieces)) / run.train_error[0]


@pytest.mark.parametrize(
    ("shape", "depth", "hidden", "scale"),
    [((3, 3), 2, None, 0.01), ((3, 3), 2, 5, 0.5), ((2, 2), 3, None, 0.5), ((2, 4), 2, None, 0.01)],
)
def test_the_polar_flow_loses_what_the_nuclear_norms_dissipate(shape, depth, hidden, scale):
    """To rest, by extinctions, crossings and sliding; two layers or three, not aligned."""
    model = random(shape, depth, hidden=hidden)
    run, defect = dissipated(model, "egd", model.random_start(scale, 3))
    assert run.stop_reason == "at rest"
    assert defect < 1e-7
    assert run.train_error[-1] < 1e-15 * run.train_error[0]


@pytest.mark.parametrize(("shape", "depth"), [((2, 2), 2), ((2, 2), 3)])
def test_small_steps_tend_to_the_flow_behind_its_events(shape, depth):
    """EGD's error falls with the step, 16 times smaller here: in proportion for two layers, slower for three."""
    model = random(shape, depth)
    start = model.random_start(0.5, 3)
    run = layered_flow(model, "egd", start)
    end = float(run.times[-1])
    assert run.stop_reason == "at rest"
    assert len(run.events) > 1
    there = [layer[-1] for layer in run.layers]
    far, near = (distance(stepped(model, start, end, count), there) for count in (400, 6400))
    assert near < far / (12 if depth == 2 else 4)


def test_a_start_at_rest_stays():
    model = Factorized.from_spectrum([1.0, 0.5])
    run = layered_flow(model, "egd", model.start([1.0, 0.5]))
    assert run.stop_reason == "at rest: the gradient is zero at the start"


def test_gradient_flow_conserves_and_goes_from_saddle_to_saddle():
    """From small random layers: W₁W₁ᵀ − W₂ᵀW₂ stays, and large modes are learned first, one after another."""
    model = Factorized.from_spectrum([3.0, 1.0, 0.3], seed=1)
    run = layered_flow(model, "gd", model.random_start(1e-3, 2))
    first, second = run.layers
    kept = first @ first.swapaxes(1, 2) - second.swapaxes(1, 2) @ second
    np.testing.assert_allclose(kept, np.broadcast_to(kept[0], kept.shape), atol=1e-8)
    assert (np.diff(run.arrivals) > 0).all()
    halves = [np.interp(0.5, 1 - amplitude / amplitude[0], run.times) for amplitude in run.amplitudes.T]
    assert halves[1] / halves[0] == pytest.approx(3.0, rel=0.2)  # 1/s, up to what the start adds to a logarithm


def test_the_polar_flow_from_small_layers_as_in_rhee2026():
    """Muon's claims: all modes grow alike, small ones arrive first, roots are conserved once the layers are aligned."""
    model = Factorized.from_spectrum([3.0, 1.0, 0.3], seed=1)
    scale = 1e-3
    run = layered_flow(model, "egd", model.random_start(scale, 2))
    assert [event.kind for event in run.events if event.kind != "crossing"] == ["extinction"] * 3
    ends = [event.time for event in run.events if event.kind == "extinction"]
    # small modes first, at √s each: unit speed in both layers, up to a time of the order of the first layers
    np.testing.assert_allclose(ends, np.sqrt(model.values[::-1]), atol=10 * scale)
    early = np.searchsorted(run.times, 0.2)
    grown = model.left.T @ run.weights[early] @ model.right
    np.testing.assert_allclose(np.diagonal(grown), run.times[early] ** 2, rtol=0.05)
    late = run.times > 0.1
    assert run.misalignment[late].max() < 0.02 < run.misalignment[0].max()
    roots = [np.linalg.svd(layer) for layer in (run.layers[0][-1], run.layers[1][-1].T)]
    assert all(values.min() > 0.5 for _, values, _ in roots)
    assert run.drift[late].max() < 1e-2


BAD = {
    "start": [[np.zeros((2, 2))], [np.zeros((2, 2)), np.full((2, 2), np.nan)], [np.zeros((3, 2)), np.zeros((2, 3))]],
    "rule": ["newton", "truncated:1"],
    "threshold": [0.0, 2.0],
    "rtol": [1.0],
    "max_evaluations": [0, 2.5],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_input_of_a_flow_is_refused_in_one_line(name, value):
    model = Factorized.from_spectrum([1.0, 0.5])
    how = value if name == "rule" else "egd"
    with pytest.raises(ArgumentError, match=rf"^Argument `{name}` must [^\n]*, but [^\n]*\.$"):
        layered_flow(model, how, **({} if name == "rule" else {name: value}))


def test_saved_and_loaded(tmp_path):
    model = Factorized.from_spectrum([1.0, 0.5])
    run = layered_flow(model, "egd")
    run.save(tmp_path / "run.npz")
    again = LayeredTrajectory.load(tmp_path / "run.npz")
    assert again.events == run.events
    for one, other in itertools.chain(zip(again.layers, run.layers, strict=True), [(again.drift, run.drift)]):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["gd", "egd", "momentum:0.9"])
def test_steps_are_those_written_out(name):
    model = random((3, 3), 3)
    start = model.random_start(0.4, 1)
    run = layered_descend(model, name, 0.01, start, max_steps=20)
    layers, velocity = start, [np.zeros(layer.shape) for layer in start]
    for _ in range(20):
        for place, gradient in enumerate(model.gradients(layers)):
            kept = 0.9 * velocity[place] if name.startswith("momentum") else 0
            velocity[place] = kept + (polar(gradient) if name == "egd" else gradient)
        layers = tuple(layer - 0.01 * way for layer, way in zip(layers, velocity, strict=True))
    assert distance([layer[-1] for layer in run.layers], layers) < 1e-12


@pytest.mark.parametrize("start", [0.0, -0.1])
def test_where_no_direction_learns_none_is_said_to_arrive(start):
    model = Factorized.from_spectrum((3.0, 0.3), start=start)
    for found in (layered_descend(model, "gd", 0.1), layered_flow(model, "gd")):
        assert "every direction has arrived" not in found.stop_reason


@pytest.mark.parametrize("seed", [None, 2])
@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "power:1.5"])
@pytest.mark.parametrize("start", [(7.0, 0.1, 0.13), (0.1, 0.7, 0.2)])
def test_directions_that_start_at_their_end_rest_there_and_the_others_arrive(start, name, seed):
    """With bases drawn at random such a direction is at its end to rounding alone."""
    model = Factorized.from_spectrum([7.0, 0.7, 0.13], start=start, depth=3, seed=seed)
    run, found = layered_flow(model, name), predict(model, name, "flow", model.start())
    assert (model.directions(model.start()).amplitudes == 0).tolist() == (np.array(start) == model.values).tolist()
    # within the tolerance of the flow, 1e-10, and what its interpolation adds
    np.testing.assert_allclose(run.arrivals, found.arrivals, rtol=1e-8)
    if sum(run.arrivals > 0) > 1:
        assert run.plateaus[ARRIVAL_SPREAD] == pytest.approx(found.plateaus[ARRIVAL_SPREAD][0], rel=1e-8)
    else:
        assert run.plateaus[ARRIVAL_SPREAD] is None and ARRIVAL_SPREAD not in found.plateaus


@pytest.mark.parametrize(("depth", "seed"), [(3, None), (4, None), (4, 3), (2, 3)])
def test_a_direction_at_its_end_to_rounding_is_predicted_there_and_is_no_arrival_to_wait_for(depth, seed):
    """The product of the factors 3^(1/L) misses 3 in the last digit."""
    model = Factorized.from_spectrum([3.0, 0.3], start=(3.0, 0.1), depth=depth, seed=seed)
    found = compare(model, ["gd", "egd", "power:0.5"])
    for run in found.runs:
        assert run.prediction.arrivals[0] in (0, None) and run.trajectory.arrivals[0] == 0, run.rule
        if run.view == "flow":
            # within the tolerance of the flow, 1e-10, and what its interpolation adds
            assert run.prediction.arrivals[1] == pytest.approx(run.trajectory.arrivals[1], rel=1e-8)
    assert not warnings(found)


@pytest.mark.parametrize("how", [rule("frobenius"), Rule("rooted", SIGMA / sp.sqrt(NORM))], ids=lambda how: how.name)
@pytest.mark.parametrize("seed", [None, 2])
def test_rules_that_rescale_arrive_as_predicted(seed, how):
    """The norm grows at first, and some modes stay small: neither is the end of the gradient."""
    model = Factorized.from_spectrum([3.0, 1.2, 0.3], start=[1e-4, 2.5, 1e-3], seed=seed)
    expected, found = predict(model, how, "flow", model.start()), layered_flow(model, how)
    np.testing.assert_allclose(found.arrivals, expected.arrivals, rtol=1e-8)  # the solver's 1e-10 a step
    # extrapolated from 1e-9 of the gradient, which the solver knows to a tenth: of the time (1e-9)^½/10
    np.testing.assert_allclose(found.extinctions, expected.extinctions, rtol=3e-6)
    assert found.stop_reason == "at rest"
