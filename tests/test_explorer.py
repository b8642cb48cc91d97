"""The explorer's page: its numbers are NumPy's, it keeps to itself, and it refuses what it cannot show."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp

from figures.explorer.compiler import function
from figures.explorer.laws import page_laws
from figures.explorer.page import numbers_script
from theory import plateaus
from theory.boundary import boundary
from theory.checks import ArgumentError
from theory.derivation import compiled
from theory.families import ALPHA, POWERS
from theory.grids import plateau_lengths
from theory.models import folded, regression
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.predictions import predict
from theory.rules import rule

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's functions cannot be run")
POINTS = 10_000
REPLY = """
const plain = (value) => typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
process.stdout.write(JSON.stringify(CALL, (key, value) => plain(value)));
"""


def node(call: str, data: object = None, script: str | None = None) -> object:
    """The value of a JavaScript expression in which `data` is known; numbers that are not finite come as text."""
    text = (numbers_script() if script is None else script) + f"\nconst data = {json.dumps(data)};"
    run = subprocess.run(
        [NODE, "-"], input=text + REPLY.replace("CALL", call), capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def parameters(count: int, seed: int) -> dict[str, np.ndarray]:
    """Points of the folded model and of a regression's direction (count,), ε from 1e-8 to 0.9."""
    rng = np.random.default_rng(seed)
    return {
        "epsilon": 10 ** rng.uniform(-8, np.log10(0.9), count),
        "theta": rng.uniform(1e-3, np.pi / 2 - 1e-3, count),
        "s": rng.uniform(0, 6, count),
        "lambda": rng.choice([0, 0.01, 0.5], count),
        "u_1": rng.normal(0, 5, count),
        "u_2": rng.normal(0, 20, count),
        "w_1": rng.normal(0, 3, count),
        "w_2": rng.normal(0, 3, count),
        "lambda_i": 10 ** rng.uniform(-8, 2, count),
        "lambda_1": 10 ** rng.uniform(-1, 1, count),
        "lambda_2": 10 ** rng.uniform(-8, -1, count),
        "e_0": 10 ** rng.uniform(-2, 2, count),
        "e_1": rng.normal(0, 3, count),
        "e_2": rng.normal(0, 3, count),
        "q": 10 ** rng.uniform(-6, -0.3, count),
        "eta": 10 ** rng.uniform(-4, 0.5, count),
        "alpha": rng.uniform(0.01, 2, count),
        "rho": -(10 ** rng.uniform(-9, 1, count)),
        "tau": 10 ** rng.uniform(-3, 3, count),
        "k": rng.integers(0, 1000, count),
        "p": 10 ** rng.uniform(-12, 0.3, count),
        "x": 10 ** rng.uniform(-2, 6, count),
        "A": rng.normal(0, 5, count),
        "B": rng.normal(0, 5, count),
        "C": -(10 ** rng.uniform(-2, 1, count)),
        "b": -(10 ** rng.uniform(-9, -1, count)),
        "a": -(10 ** rng.uniform(-1, 1, count)),
    }


@needs_node
def test_every_law_gives_the_numbers_of_numpy():
    at, laws = parameters(POINTS, 1), page_laws()
    columns = {name: [at[symbol.name].tolist() for symbol in symbols] for name, (_, symbols) in laws.items()}
    call = "Object.fromEntries(Object.entries(data).map(([name, columns]) => " + (
        "[name, columns[0].map((_, i) => laws[name](...columns.map((column) => column[i])))]))"
    )
    found = node(call, columns)
    assert set(found) == set(laws)
    for name, (expression, symbols) in laws.items():
        with np.errstate(invalid="ignore"):
            expected = np.broadcast_to(compiled(expression, symbols)(*(at[s.name] for s in symbols)), POINTS)
        there = np.array(found[name], float)
        scale = cancelled(name, at)
        # 1e-11 of the value, or near a zero of the terms whose difference it is; measured: at most 2e-13
        assert (np.isnan(expected) == np.isnan(there)).all(), name
        ends = np.isinf(expected)
        assert (expected[ends] == there[ends]).all(), name
        error = np.abs(there - expected)[~ends & ~np.isnan(expected)]
        size = np.maximum(np.abs(expected), scale)[~ends & ~np.isnan(expected)]
        assert (error <= 1e-11 * size + 1e-300).all(), f"{name}: {(error / (size + 1e-300)).max():.1e}"


def cancelled(name: str, at: dict[str, np.ndarray]) -> np.ndarray | float:
    """The size of the terms of a law that is a difference, near whose zeros no relative error can be kept (n,)."""
    if name in ("fast", "initial", "error_fast", "edge", "left_egd"):
        parts = {"fast": ("u_1",), "initial": ("u_1", "u_2"), "error_fast": ("u_1",), "edge": ("C",)}
        terms = [np.abs(at[part]) for part in parts.get(name, ("e_0",))]
        return np.maximum.reduce([np.ones(POINTS) if name != "edge" else terms[0], *terms])
    return 0.0


@needs_node
@pytest.mark.parametrize("name", ["gd", "newton"])
def test_steps_of_the_folded_model_are_those_of_numpy(name):
    at = parameters(POINTS, 2)
    keys = {"epsilon": "epsilon", "theta": "theta", "margin": "s", "decay": "lambda", "u1": "u_1", "u2": "u_2"}
    rows = [dict(zip(keys, map(float, row), strict=True)) for row in zip(*(at[k] for k in keys.values()), strict=True)]
    limits = np.array(
        node(f"data.map((row) => largestStep({{id: '{name}', alpha: 0}}, foldedParts(row).rate_fast))", rows)
    )
    steps = limits * np.random.default_rng(3).uniform(0, 0.999, POINTS)
    for row, step in zip(rows, steps, strict=True):
        row["step"] = float(step)
    found = node(f"data.map((row) => foldedPlateau({{id: '{name}', alpha: 0}}, row, 'descent').length)", rows)
    expected = plateau_lengths(
        name,
        epsilon=at["epsilon"],
        theta=at["theta"],
        margin=at["s"],
        weight_decay=at["lambda"],
        start=(at["u_1"], at["u_2"]),
        step=steps,
    )
    assert (np.array(found) == expected).sum() >= POINTS - 2
    assert (expected > 0).sum() > POINTS / 5
