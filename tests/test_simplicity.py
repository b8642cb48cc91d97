"""Lost simplicity: the risk of factorised models on the way to a noisy target, derived and integrated."""

import numpy as np
import pytest

from simulations.descent import descend
from simulations.simplicity import measured_risk_along, planted
from theory import simplicity
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.rule_ids import rule
from theory.simplicity import EXTRA, KEPT, NOISE, SIGNAL, START, NoisyTarget, order_of_learning

GD, EGD = (order_of_learning(rule(name)) for name in ("gd", "egd"))
VALUES, TRUTH = (3.0, 2.0, 1.0, 0.5, 0.5), (3.0, 2.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("step", [*GD.steps, *EGD.steps], ids=lambda step: step.name)
def test_sympy_confirms_each_step(step):
    assert step.holds


def test_a_wrong_path_is_not_confirmed(monkeypatch):
    chain = simplicity.factorized_chain

    class Wrong:
        def __init__(self, *given):
            self.laws = {name: law**2 for name, law in chain(*given).laws.items() if name == "solution"}

    monkeypatch.setattr(simplicity, "factorized_chain", Wrong)
    for name, step in (("gd", "leading order"), ("egd", "path")):
        broken = order_of_learning.__wrapped__(rule(name))
        assert [one.name for one in broken.steps if not one.holds] == [step]


@pytest.mark.parametrize(("name", "depth"), [("gd", 2), ("egd", 2), ("egd", 3)])
def test_the_risk_along_the_way_is_that_of_the_layers(name, depth):
    case = NoisyTarget(VALUES, TRUTH, 1e-3, depth)
    times = case.best_stop("egd").time * np.array([0.2, 0.5, 0.9, 1.2, 1.7])
    # straight between 32 points of each step of the solver
    np.testing.assert_allclose(measured_risk_along(case, name, times), case.risk(name, times), atol=2e-5)


@pytest.mark.parametrize("name", ["gd", "egd"])
def test_steps_have_the_order_they_should(name):
    """Gradient descent's steps are of order one; EGD's lie on its path, up to its end."""
    case, time = NoisyTarget((3.0, 1.0), (3.0, 0.0), 1e-2), 0.8
    model = Factorized.from_spectrum(case.values, start=case.start)
    wrong = []
    for step in (2e-3, 1e-3, 5e-4):
        run = descend(model, name, step, max_steps=round(time / step))
        risk = ((run.weights[-1] - np.diag(case.truth)) ** 2).sum() / 2
        wrong.append(abs(risk - case.risk(name, time)[0]))
    if name == "egd":
        assert max(wrong) < 1e-12
    else:
        assert np.polyfit(np.log([2e-3, 1e-3, 5e-4]), np.log(wrong), 1)[0] == pytest.approx(1, abs=0.05)


def test_the_least_risk_of_gradient_descent_goes_with_the_start():
    law = GD.function("least_risk", (SIGNAL, NOISE, KEPT, EXTRA, START))
    starts, ratios, risks = (1e-4, 1e-6, 1e-8), [], []
    for start in starts:
        stop = NoisyTarget((3, 3, 1, 1, 1), (3, 3, 0, 0, 0), start).best_stop("gd")
        ratios.append(float(law(3, 1, 2, 3, start)) / stop.risk - 1)
        risks.append(stop.risk)
        time = float(GD.function("best_time", (SIGNAL, NOISE, KEPT, EXTRA, START))(3, 1, 2, 3, start))
        assert time == pytest.approx(stop.time, rel=0.01)
    assert ratios[0] > 5 * ratios[1] > 25 * ratios[2] > 0
    slope = np.polyfit(np.log(starts), np.log(risks), 1)[0]
    assert slope == pytest.approx(float(GD.function("exponent", (SIGNAL, NOISE))(3, 1)), abs=0.01)  # one, here


@pytest.mark.parametrize("depth", [2, 3])
def test_egd_stops_no_better_than_at_the_end_unless_noise_is_large(depth):
    floor = EGD.function("floor", (SIGNAL, KEPT, EXTRA))
    for noise, extra, level in ((1.0, 3, None), (1.9, 4, floor), (1.4, 1, None)):
        for start in (1e-2, 1e-6):
            case = NoisyTarget((3, 3, *[noise] * extra), (3, 3, *[0] * extra), start, depth)
            stop = case.best_stop("egd")
            wanted = case.fitted if level is None else float(level(3, 2, extra))
            assert stop.risk == pytest.approx(wanted, rel=1e-9)
            assert level is None or stop.risk < case.fitted


def test_the_best_approximation_of_a_rank_is_a_truth():
    values = np.array(VALUES)
    for rank in (1, 2, 3):
        case = NoisyTarget(values, np.where(np.arange(5) < rank, values, 0), 1e-6)
        assert case.best_stop("gd").risk < 0.1 * case.fitted
        assert case.best_stop("egd").risk == pytest.approx(case.fitted)


def test_nothing_need_be_aligned():
    """Gaussian noise on a target of rank 2, from small random layers: EGD stays near the whole fit's risk."""
    given = {"size": 16, "rank": 2, "signal": 3.0, "noise": 1.0, "scale": 1e-3}
    for seed in range(2):
        found = {name: planted(name, step, seed=seed, **given) for name, step in (("gd", 0.05), ("egd", 0.01))}
        assert found["gd"].least < 1.05 * found["gd"].truncated < 0.4 * found["gd"].fitted
        assert found["egd"].least > 0.9 * found["egd"].fitted


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: NoisyTarget([1, 0], [1, 0]), "`values` must be positive"),
        (lambda: NoisyTarget([1], [-1]), "`truth` must be zero or positive"),
        (lambda: NoisyTarget([1, 2], [1, 2, 3]), "`truth` must hold 1 or 2 numbers"),
        (lambda: NoisyTarget([1, 0.5], [1, 0], 0.5), "`start` must be below all values"),
        (lambda: NoisyTarget([1], [1], depth=3).risk("gd", 1), "`rule` must be egd, or gd with two layers"),
        (lambda: NoisyTarget([1], [1]).risk("ngd", 1), "`rule` must be egd, or gd"),
        (lambda: order_of_learning(rule("ngd")), "`rule` must be gd or egd"),
        (lambda: measured_risk_along(NoisyTarget([1], [1]), "gd", [2, 1]), "`times` must ascend"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()
