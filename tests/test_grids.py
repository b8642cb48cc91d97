"""Exact plateau lengths over arrays: the scalar law, member by member."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.descent import descend
from theory import grids
from theory.checks import ArgumentError
from theory.grids import plateau_lengths
from theory.models.folded import Folded
from theory.predictions import predict
from theory.rule_ids import rule


def points(count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {
        "epsilon": 10 ** rng.uniform(-8, np.log10(0.9), count),
        "theta": rng.uniform(1e-3, np.pi / 2 - 1e-3, count),
        "margin": rng.uniform(0, 6, count),
        "weight_decay": rng.choice([0, 0.01, 0.5], count),
        "u1": rng.normal(0, 5, count),
        "u2": rng.normal(0, 20, count),
    }
    limits = [2 / model(found, i).sharpness for i in range(count)]
    return {**found, "step": rng.uniform(0, 0.999, count) * limits}


def model(at: dict[str, np.ndarray], i: int) -> Folded:
    return Folded(*(float(at[name][i]) for name in ("epsilon", "theta", "margin", "weight_decay")))


def lengths(name: str, view: str, at: dict[str, np.ndarray]) -> np.ndarray:
    known = {key: at[key] for key in ("epsilon", "theta", "margin", "weight_decay", "step")}
    return plateau_lengths(name, view, start=(at["u1"], at["u2"]), **known)


@pytest.mark.parametrize("name", ["gd", "newton"])
@pytest.mark.parametrize("view", ["descent", "flow"])
def test_every_member_has_the_length_of_the_scalar_law(name, view):
    at = points(250, 1)
    if name == "newton":
        at["step"] = np.minimum(at["step"], 1.99)
    found = lengths(name, view, at)
    for i in range(len(found)):
        start = model(at, i).start((at["u1"][i], at["u2"][i]))
        expected = predict(model(at, i), rule(name), view, start, step=float(at["step"][i])).plateaus
        # steps are whole numbers; flow times end at the last digit of each end
        assert found[i] == pytest.approx(
            next(iter(expected.values()))[0], rel=1e-12 if view == "flow" else 0, abs=1e-14
        )
    assert (found > 0).sum() > 50


def test_lengths_are_those_of_the_steps():
    at = points(40, 2)
    at["epsilon"] = np.maximum(at["epsilon"], 1e-3)
    found = lengths("gd", "descent", at)
    for i in range(len(found)):
        run = descend(model(at, i), "gd", float(at["step"][i]), np.array([[at["u1"][i], at["u2"][i]]]), max_steps=4000)
        assert found[i] == next(iter(run.plateaus.values()))


def test_blocks_make_no_difference(monkeypatch):
    at = points(60, 3)
    whole = lengths("gd", "descent", at)
    monkeypatch.setattr(grids, "BLOCK", 7)
    assert (lengths("gd", "descent", at) == whole).all()


def test_arrays_broadcast_and_what_lies_outside_is_nan():
    found = plateau_lengths("gd", epsilon=np.array([[0.01], [2.0]]), theta=0.8, step=np.array([0.1, 0.7, 0.9]))
    assert found.shape == (2, 3)
    assert np.isfinite(found[0, :2]).all()
    assert np.isnan(found[0, 2])  # 0.9 is above 2/m₂ = 0.79
    assert np.isnan(found[1]).all()


def test_other_rules_are_refused():
    with pytest.raises(ArgumentError, match="`how` must be gd or newton"):
        plateau_lengths("egd", epsilon=0.01, theta=0.8)
    with pytest.raises(ArgumentError, match="`view` must be one of flow, descent"):
        plateau_lengths("gd", "sideways", epsilon=0.01, theta=0.8)


def test_a_run_of_one_step_behind_the_peak_is_found():
    one = np.ones(1)
    fast = -0.5 * np.exp(0.5 * 2.9)  # the peak of exp(−x/2) + fast·exp(−x) lies at 2.9
    high = np.exp(-1.5) + fast * np.exp(-3.0)  # its value at 3; lower at 2 and 4
    edge = grids.Boundary(one, fast * one, -(1 - 1e-9) * high * one, -0.5 * one, -one, -one)
    assert [int(end[0]) for end in grids._whole_run(edge)] == [3, 3]
