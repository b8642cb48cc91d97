"""Every rule as a step, against the definition on a gradient whose singular directions are known by construction."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from simulations.descent import descend
from simulations.directions import direction
from simulations.population import population
from simulations.steps import steps
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.newton_schulz import PRESETS
from theory.rule_ids import FORMS, rule
from theory.rules import SIGMA, Rule

SHAPES = [(2, 5), (3, 3), (5, 2), (1, 4), (4, 1)]


@dataclass(frozen=True)
class Known:
    """A gradient (m, p) made of its factors (m, r), (r,), (p, r); r may be zero."""

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray

    @classmethod
    def draw(cls, shape: tuple[int, int], rank: int, seed: int = 0) -> Known:
        rng = np.random.default_rng([seed, *shape, rank])
        left, right = (np.linalg.qr(rng.standard_normal((size, size)))[0][:, :rank] for size in shape)
        return cls(left, np.sort(rng.uniform(0.3, 2.0, rank))[::-1], right)

    @property
    def gradient(self) -> np.ndarray:
        return (self.left * self.values) @ self.right.T

    def sum(self, speeds: np.ndarray) -> np.ndarray:
        """Σ hᵢ uᵢ vᵢᵀ, one pair after the other."""
        total = np.zeros((len(self.left), len(self.right)))
        for u, h, v in zip(self.left.T, speeds, self.right.T, strict=True):
            total += h * np.outer(u, v)
        return total


def curvature(inputs: int) -> np.ndarray:
    root = np.random.default_rng(inputs).standard_normal((inputs, inputs))
    return root @ root.T + np.eye(inputs)


def by_law(law: Callable[[np.ndarray], np.ndarray]) -> Callable[[Known], np.ndarray]:
    return lambda known: known.sum(law(known.values))


def iterated(known: Known, count: int, triples: list[tuple[float, float, float]], scale: float = 1.0) -> np.ndarray:
    """Newton–Schulz as it is run: on the matrix itself."""
    x = known.gradient
    if not x.any():
        return x
    x = x / (scale * np.linalg.norm(x))
    for step in range(count):
        a, b, c = triples[min(step, len(triples) - 1)]
        square = x @ x.T
        x = a * x + b * square @ x + c * square @ square @ x
    return x


JORDAN = [(3.4445, -4.7750, 2.0315)]
EXPRESS = [  # as the authors' code has it: safety factor 1.01 on all but the last
    (a / 1.01, b / 1.01**3, c / 1.01**5)
    for a, b, c in [
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
        (3.3184196573706015, -2.488488024314874, 0.51004894012372),
        (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
        (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
        (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    ]
] + [(1.875, -1.25, 0.375)]


def turned(known: Known) -> np.ndarray:
    """Unit columns along a random orthonormal basis, drawn as the rule draws it, with EGD's size."""
    gradient = known.gradient
    m, p = gradient.shape
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((p, p)))[0]
    total = np.zeros((m, p))
    for b in basis.T:
        length = np.linalg.norm(gradient @ b)
        total += np.outer(gradient @ b / length, b) if length > 0 else 0
    return np.sqrt(min(m, p) / p) * total


DEFINITIONS: dict[str, Callable[[Known], np.ndarray]] = {
    "gd": by_law(lambda s: s),
    "egd": by_law(np.ones_like),
    "egd:refresh=4": by_law(np.ones_like),
    "ngd": by_law(lambda s: 1 / s),
    "newton": lambda known: known.gradient @ np.linalg.inv(curvature(len(known.right))),
    "power:0.5": by_law(np.sqrt),
    "power:0.5:refresh=2": by_law(np.sqrt),
    "power:-1": by_law(np.square),
    "damped:0.1": by_law(lambda s: s / np.hypot(s, 0.1)),
    "truncated:2": by_law(lambda s: np.where(np.arange(len(s)) < 2, 1.0, 0.0)),
    "truncated:9": by_law(np.ones_like),  # more than any rank here: EGD
    "newton-schulz": lambda known: iterated(known, 5, JORDAN),
    "newton-schulz:3": lambda known: iterated(known, 3, JORDAN),
    "newton-schulz:4:cubic": lambda known: iterated(known, 4, [(1.5, -0.5, 0.0)]),
    "newton-schulz:5:quintic": lambda known: iterated(known, 5, [(1.875, -1.25, 0.375)]),
    "newton-schulz:6:polar-express": lambda known: iterated(known, 6, EXPRESS, 1.01),
    "frobenius": by_law(lambda s: s / np.linalg.norm(s)),
    "random-basis": turned,
    "column-norm": lambda known: np.array([row / max(np.linalg.norm(row), 0.01) for row in known.gradient]),
    "momentum:0.9": by_law(lambda s: s),  # at the first step
    "grokfast": by_law(lambda s: 3 * s),
    "grokfast:0.5:4": by_law(lambda s: 5 * s),
}
# A sketch of the largest possible rank is exact, so that the rank follows from the shape.
SKETCHES = ["rsvd:{}", "rsvd:{}:0", "rsvd:{}:3:refresh=2"]
CASES = [(shape, rank) for shape in SHAPES for rank in range(min(shape) + 1)]


def follow(name: str, shape: tuple[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    start = direction(rule(name.format(min(shape))), curvature(shape[1]))
    return lambda gradient: start(gradient, None)[0]


def test_every_rule_is_in_the_table():
    assert {name.partition(":")[0] for name in [*DEFINITIONS, *SKETCHES]} == set(FORMS)
    assert {name.split(":")[2] for name in DEFINITIONS if name.count(":") == 2 and "schulz" in name} | {
        "jordan2024"
    } == set(PRESETS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_step_is_what_the_definition_says(name):
    for shape, rank in CASES:
        known = Known.draw(shape, rank)
        # Newton–Schulz has slopes up to 485, or 2200 with polar-express; the others lose a few digits.
        np.testing.assert_allclose(follow(name, shape)(known.gradient), DEFINITIONS[name](known), atol=1e-11)


@pytest.mark.parametrize("name", SKETCHES)
def test_a_sketch_of_the_whole_rank_is_egd(name):
    for shape, rank in CASES:
        known = Known.draw(shape, rank)
        expected = known.sum(np.ones(rank))
        np.testing.assert_allclose(follow(name, shape)(known.gradient), expected, atol=1e-12)


@pytest.mark.parametrize("name", [*DEFINITIONS, *SKETCHES])
def test_a_stack_goes_as_its_gradients_do_one_by_one(name):
    for shape in SHAPES:
        stack = np.array([[Known.draw(shape, rank, seed).gradient for rank in (0, 1, min(shape))] for seed in (1, 2)])
        found = follow(name, shape)(stack)
        alone = np.array([[follow(name, shape)(gradient) for gradient in row] for row in stack])
        np.testing.assert_allclose(found, alone, atol=1e-13)
        assert not found[:, 0].any()  # a zero gradient rests, whatever is beside it


@pytest.mark.parametrize("name", [*DEFINITIONS, *SKETCHES])
def test_what_is_not_a_number_stays_so_and_stops_nothing(name):
    for shape in [(2, 5), (1, 4), (30, 40)]:
        for bad in (np.nan, np.inf):
            gradient = Known.draw(shape, min(shape)).gradient
            gradient[0, 0] = bad
            with np.errstate(invalid="ignore", over="ignore"):
                assert not np.isfinite(follow(name, shape)(gradient)).all()


def run(name: str, gradients: np.ndarray) -> np.ndarray:
    """Directions for a sequence of gradients (n, …, m, p), each with the state left by the one before."""
    step, state, ways = direction(rule(name), curvature(gradients.shape[-1])), None, []
    for gradient in gradients:
        way, state = step(gradient, state)
        ways.append(way)
    return np.array(ways)


@pytest.mark.parametrize("stack", [(), (3,)])
def test_momentum_is_a_sum_over_the_past(stack):
    gradients = np.random.default_rng(1).standard_normal((10, *stack, 2, 3))
    expected = [sum(0.7 ** (k - j) * gradients[j] for j in range(k + 1)) for k in range(10)]
    np.testing.assert_allclose(run("momentum:0.7", gradients), expected, rtol=1e-12)


@pytest.mark.parametrize("stack", [(), (3,)])
@pytest.mark.parametrize(("name", "memory", "gain"), [("grokfast", 0.98, 2.0), ("grokfast:0.6:5", 0.6, 5.0)])
def test_grokfast_adds_the_moving_average(stack, name, memory, gain):
    gradients = np.random.default_rng(2).standard_normal((10, *stack, 2, 3))
    for k, way in enumerate(run(name, gradients)):
        average = memory**k * gradients[0]
        for j in range(1, k + 1):
            average = average + (1 - memory) * memory ** (k - j) * gradients[j]
        np.testing.assert_allclose(way, gradients[k] + gain * average, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("head", ["egd", "power:0.5", "damped:0.1", "truncated:2", "newton-schulz"])
def test_old_directions_are_followed_by_what_the_gradient_has_along_them(head):
    gradients = np.random.default_rng(3).standard_normal((7, 3, 4))
    ways = run(f"{head}:refresh=3", gradients)
    law = rule(head).speed
    for k, (way, gradient) in enumerate(zip(ways, gradients, strict=True)):
        u, _, vt = np.linalg.svd(gradients[k - k % 3], full_matrices=False)
        pairs = sorted(zip(u.T, vt, strict=True), key=lambda pair: -abs(pair[0] @ gradient @ pair[1]))
        along = np.array([u @ gradient @ v for u, v in pairs])
        norm = np.linalg.norm(along)
        expected = sum(
            np.sign(a) * float(law(abs(a), norm, i)) * np.outer(*pair)
            for i, (a, pair) in enumerate(zip(along, pairs, strict=True), 1)
        )
        np.testing.assert_allclose(way, expected, atol=1e-11)
        assert (way * gradient).sum() > 0  # it descends


@pytest.mark.parametrize("name", ["egd", "power:0.5", "damped:0.1", "rsvd:2"])
def test_refreshed_at_every_step_is_the_rule_itself(name):
    gradients = np.random.default_rng(4).standard_normal((5, 3, 4))
    np.testing.assert_array_equal(run(f"{name}:refresh=1", gradients), run(name, gradients))
    assert rule(f"{name}:refresh=1") == rule(name)


def test_directions_that_do_not_turn_need_no_refresh():
    """From an aligned start, through extinctions and overshooting, as long as no two singular values meet."""
    model = Regression.from_spectrum([1, 0.4, 0.1], start=[1.03, 0.77, 0.52], seed=5)
    for head in ("egd", "power:0.5"):
        one, kept = (
            np.concatenate(list(steps(population(model), rule(name), 0.05, model.start(), 60)))
            for name in (head, f"{head}:refresh=13")
        )
        np.testing.assert_allclose(kept, one, atol=1e-11)


def test_pairs_that_were_cut_rest_until_the_refresh():
    first, later = Known.draw((3, 4), 1).gradient, Known.draw((3, 4), 3, seed=8).gradient
    ways = run("egd:refresh=2", np.array([first, later, later]))
    assert np.linalg.matrix_rank(ways[1]) == 1
    assert np.linalg.matrix_rank(ways[2]) == 3


def test_a_zero_gradient_rests_at_every_step():
    ways = run("egd:refresh=3", np.zeros((4, 2, 3)))
    assert not ways.any()


def misses(iterations: int) -> float:
    """Mean distance of a rank-4 sketch from the factor of the four largest values, over ten seeds."""
    rng = np.random.default_rng(6)
    left, right = (np.linalg.qr(rng.standard_normal((size, 20)))[0] for size in (20, 30))
    values = 0.8 ** np.arange(20)
    gradient = (left * values) @ right.T
    best = left[:, :4] @ right[:, :4].T
    found = [direction(rule(f"rsvd:4:{iterations}"), seed=seed)(gradient, None)[0] for seed in range(10)]
    return float(np.mean([np.linalg.norm(way - best) for way in found]))


def test_power_iterations_bring_a_sketch_to_the_best_factor():
    errors = [misses(iterations) for iterations in (0, 1, 2, 4, 8)]
    assert (np.diff(errors) < 0).all()
    # each iteration gains (σ₅/σ₄)² = 0.64; from two to eight are six
    assert errors[-1] / errors[2] == pytest.approx(0.64**6, rel=0.5)


def test_random_rules_are_reproducible_by_seed():
    gradient = np.random.default_rng(7).standard_normal((4, 6))
    for name in ("rsvd:2:1", "random-basis"):
        again, same, other = (direction(rule(name), seed=seed)(gradient, None)[0] for seed in (1, 1, 2))
        np.testing.assert_array_equal(again, same)
        assert not np.allclose(again, other)


def test_a_sketch_draws_anew_at_every_step():
    gradient = np.random.default_rng(7).standard_normal((4, 6))
    ways = run("rsvd:2:0", np.array([gradient, gradient]))
    assert not np.allclose(*ways)


def test_a_rank_above_that_of_the_gradient_is_refused():
    for name in ("rsvd:3", "rsvd:3:refresh=2"):
        with pytest.raises(ArgumentError, match="must ask rsvd for a rank of at most 2, but asks for 3"):
            run(name, np.ones((1, 2, 5)))


def test_presets_converge_as_their_sources_say():
    values = np.linspace(0.05, 1, 400)
    law = functools.partial(lambda name, s: np.asarray(rule(name).speed(s, 1.0, 1), float))
    # order 2 and 3: the error at 1 − ε is (3/2) ε² and (5/2) ε³ to leading order
    for preset, order, constant in (("cubic", 2, 1.5), ("quintic", 3, 2.5)):
        for gap in (1e-2, 1e-3):
            missed = 1 - float(law(f"newton-schulz:1:{preset}", 1 - gap))
            assert missed == pytest.approx(constant * gap**order, rel=2 * gap)
    # six steps of the minimax sequence come within 0.6 % on [0.001, 1], the cubic nowhere near
    far = np.geomspace(1.01e-3, 1, 400)
    assert np.abs(law("newton-schulz:6:polar-express", far) - 1).max() < 6e-3
    assert np.abs(law("newton-schulz:6:cubic", far) - 1).max() > 0.98
    # the constant quintic of 2024 hovers around one and never converges
    assert 0.3 < np.abs(law("newton-schulz:6", values) - 1).max() < 0.4


@pytest.mark.parametrize(
    "name", ["egd:refresh=3", "rsvd:4:1", "rsvd:4:0:refresh=7", "newton-schulz:6:cubic", "grokfast:0.9:5"]
)
def test_long_ids_read_back(name):
    assert rule(name).name == name
    assert rule(rule(name).name) == rule(name)
    assert pickle.loads(pickle.dumps(rule(name))) == rule(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("egd:refresh=0", "must give `refresh` a whole number of at least 1, but has 0"),
        ("egd:refresh=2.5", "whole number"),
        ("egd:refresh=", "read refresh=STEPS with a number"),
        ("egd:refresh=2:refresh=3", "read refresh=STEPS with a number"),
        ("gd:refresh=2", "refresh a rule that has singular directions, but asks it of gd"),
        ("frobenius:refresh=2", "asks it of frobenius"),
        ("newton:refresh=2", "asks it of newton"),
        ("rsvd", "read rsvd:RANK, as in rsvd:3"),
        ("rsvd:2:-1", "whole number of at least 0"),
        ("rsvd:2:x", "read rsvd:RANK:ITERATIONS with a number"),
        ("rsvd:2:1:1", "give `rsvd` no values but RANK:ITERATIONS"),
        ("newton-schulz:5:nonsense", "one of jordan2024, cubic, quintic, polar-express, but has 'nonsense'"),
        ("grokfast:1", "memory in [0, 1)"),
        ("grokfast:0.5:-1", "gain of zero or more"),
    ],
)
def test_refusals_say_what_would_be_right(name, message):
    with pytest.raises(ArgumentError) as caught:
        rule(name)
    assert str(caught.value).startswith("Argument `rules` must ") and message in str(caught.value)


def test_a_rule_of_ones_own_can_be_refreshed():
    soft = Rule("soft", SIGMA / (1 + SIGMA), refresh=2)
    way, state = direction(soft)(np.diag([3.0, 1.0]), None)
    np.testing.assert_allclose(way, np.diag([0.75, 0.5]), atol=1e-15)
    way, _ = direction(soft)(np.array([[-3.0, 9.0], [9.0, 1.0]]), state)
    np.testing.assert_allclose(way, np.diag([-0.75, 0.5]), atol=1e-15)
    with pytest.raises(ArgumentError, match="`refresh` must be 1 for a rule without singular directions"):
        Rule("mine", SIGMA, refresh=2)
    with pytest.raises(ArgumentError, match="`refresh` must be a whole number of at least 1"):
        Rule("mine", SIGMA**0, refresh=0)


@pytest.mark.parametrize("name", ["gd", "egd", "newton", "momentum:0.5", "grokfast", "rsvd:1", "column-norm"])
def test_a_start_at_the_minimiser_is_at_rest(name):
    model = Folded()
    found = descend(model, name, 0.1, model.minimiser)
    assert found.stop_reason == "at rest: the gradient is zero at the start"
    assert not found.censored


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_starts_that_are_not_finite_are_refused(bad):
    model = Folded()
    with pytest.raises(ArgumentError, match="`start` must be finite, but holds NaN or Inf"):
        descend(model, "egd", 0.1, np.array([[1.0, bad]]))
    with pytest.raises(ArgumentError, match="`start` must be finite, but holds NaN or Inf"):
        steps(population(model), rule("egd"), 0.1, np.array([[1.0, bad]]), 3)


def test_numbers_of_steps_are_refused_at_once():
    model = Folded()
    for step in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match="`step` must be"):
            steps(population(model), rule("gd"), step, model.start((1, 1)), 3)
    with pytest.raises(ArgumentError, match="`count` must be a whole number"):
        steps(population(model), rule("gd"), 0.1, model.start((1, 1)), 2.5)
    with pytest.raises(ArgumentError, match="`max_steps` must be a whole number of at least 1"):
        descend(model, "gd", 0.1, max_steps=0)
    with pytest.raises(ArgumentError, match=r"`start` must have the shape \(1, 2\), but has \(2, 1\)"):
        steps(population(model), rule("gd"), 0.1, np.ones((2, 1)), 3)


@pytest.mark.parametrize("name", ["power:-2", "power:-2:refresh=2"])
def test_a_run_beyond_all_numbers_says_that_it_diverged(name):
    model = Regression.from_spectrum([1.0, 0.5], start=[9.0, 8.0], seed=1)
    found = descend(model, name, 1.0)
    assert found.stop_reason == "diverged"
    assert np.isfinite(found.weights).all()
