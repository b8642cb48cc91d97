"""Whether there is a plateau at all: the derived boundary against exact lengths and runs, on either side of it."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.descent import descend
from simulations.flow import flow
from theory.existence import existence, greatest_angle, least_slow_start
from theory.grids import longest_runs
from theory.members import Members
from theory.models.folded import Folded
from theory.plateaus import LONGEST_RUN

COUNT = 600
BESIDE = 1e-9  # relative distance from the boundary: far above rounding, far below any step's effect


def parameters(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {
        "epsilon": 10 ** rng.uniform(-4, -0.05, COUNT),
        "theta": rng.uniform(0.05, 1.5, COUNT),
        "margin": rng.choice([0.0, 1.0, 2.0], COUNT),
        "weight_decay": rng.choice([0.0, 0.1], COUNT),
    }
    models = [Folded(*(float(values[i]) for values in found.values())) for i in range(COUNT)]
    limits = np.array([2 / model.sharpness for model in models])
    return {**found, "start_fast": rng.normal(1, 2, COUNT), "step": limits * rng.uniform(0.01, 0.999, COUNT)}


def test_the_chain_holds() -> None:
    assert [step.name for step in existence().steps if step.holds] == ["condition", "least", "boundary"]


@pytest.mark.parametrize("view", ["flow", "descent"])
@pytest.mark.parametrize("name", ["gd", "newton"])
def test_the_boundary_parts_plateaus_from_none(name: str, view: str) -> None:
    at = parameters(3)
    at["step"] = np.minimum(at["step"], 1.99)  # Newton's limit is 2
    least = least_slow_start(name, view, Members(start_slow=np.zeros(COUNT), **at))
    above, below = (longest_runs(name, view, Members(start_slow=least * f, **at)) for f in (1 + BESIDE, 1 - BESIDE))
    inside = (least > 0) & np.isfinite(above)
    assert inside.sum() > 300
    assert (above[inside] > 0).all() and (below[inside] == 0).all()
    never = least == 0  # u₁ ≤ 0, or a first step far enough across: any start above zero has a plateau
    some = longest_runs(name, view, Members(start_slow=np.where(never, 1e-6, -1e-6), **at))[np.isfinite(above)]
    assert (some[never[np.isfinite(above)]] > 0).all()


@pytest.mark.parametrize("view", ["flow", "descent"])
def test_the_greatest_angle_parts_plateaus_from_none(view: str) -> None:
    at = parameters(4)
    start = np.random.default_rng(4).uniform(-1, 4, COUNT)
    angle = greatest_angle("gd", view, Members(start_slow=start, **at))
    assert (angle[start < 0] == 0).all()
    inside = (angle > 0) & (angle < 1.5)
    assert inside.sum() > 200
    for factor, there in ((1 - BESIDE, True), (1 + BESIDE, False)):
        found = longest_runs("gd", view, Members(start_slow=start, **(at | {"theta": angle * factor})))
        assert ((found > 0) == there)[inside].all()


@pytest.mark.parametrize("name", ["egd", "power:0.5", "ngd"])
def test_every_spectral_flow_has_the_boundary_of_gradient_descent(name: str) -> None:
    one = np.ones(1)
    at = {"epsilon": 0.05 * one, "theta": 0.9 * one, "margin": one, "weight_decay": 0 * one, "step": 0.1 * one}
    found = Members(start_fast=4 * one, start_slow=0 * one, **at)  # a fast start that hides the plateau at first
    least = float(least_slow_start(name, "flow", found)[0])
    assert least == least_slow_start("gd", "flow", found)[0] < 4 * np.tan(0.9)
    model = Folded(0.05, 0.9)
    for share, there in ((1.001, True), (0.999, False)):  # the flow's tolerance is 1e-10
        measured = flow(model, name, np.array([[4.0, share * least]])).plateaus[LONGEST_RUN]
        assert measured is not None and (measured > 0) is there


def test_steps_of_egd_tend_to_the_boundary_of_its_flow() -> None:
    one = np.ones(1)
    at = {"epsilon": 0.1 * one, "theta": 0.9 * one, "margin": one, "weight_decay": 0 * one, "step": one}
    least = float(least_slow_start("egd", "descent", Members(start_fast=4 * one, start_slow=0 * one, **at))[0])
    distances = []
    for step in (0.04, 0.01):
        low, high = 0.5 * least, 2 * least  # bisection on runs
        for _ in range(12):
            middle = (low + high) / 2
            run = descend(Folded(0.1, 0.9), "egd", step, np.array([[4.0, middle]]), max_steps=int(20 / step))
            low, high = (low, middle) if run.test_error.max() >= 1 else (middle, high)
        distances.append(abs(high - least))
    assert distances[1] < 0.4 * distances[0]  # order 1 in η would be a quarter
