"""The explorer's page: its numbers are NumPy's, it keeps to itself, and it refuses what it cannot show."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy import special

from evenflow.cli import main
from figures.explorer.compiler import function
from figures.explorer.laws import page_laws
from figures.explorer.page import page
from figures.explorer.parameters import NAMED
from figures.explorer.script import logic_script
from figures.explorer.script import settings as page_settings
from simulations.descent import descend
from simulations.families import spectrum_family
from theory.boundary import boundary
from theory.checks import ArgumentError
from theory.cycles import cycle
from theory.derivation import compiled
from theory.families import ALPHA, POWERS
from theory.grids import plateau_lengths
from theory.models import folded_chain, regression_chain
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.plateaus import ARRIVAL_SPREAD, LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule

POINTS = 10_000


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
        "sigma": 10 ** rng.uniform(-8, 2, count),
        "m_1": rng.uniform(0.5, 6, count),
        "m_2": rng.uniform(1, 40, count),
        "rho": -(10 ** rng.uniform(-9, 1, count)),
        "t": 10 ** rng.uniform(-3, 1, count),
        "e": rng.normal(0, 5, count),
        "tau": 10 ** rng.uniform(-3, 3, count),
        "k": rng.integers(0, 1000, count),
        "p": 10 ** rng.uniform(-12, 0.3, count),
        "x_1": rng.normal(0, 2, count),
        "x_2": rng.normal(0, 0.1, count),
        "y": rng.choice([-1, 1], count),
        "n": rng.integers(1, 1000, count),
        "x": 10 ** rng.uniform(-2, 6, count),
        "A": rng.normal(0, 5, count),
        "B": rng.normal(0, 5, count),
        "C": -(10 ** rng.uniform(-2, 1, count)),
        "b": -(10 ** rng.uniform(-9, -1, count)),
        "a": -(10 ** rng.uniform(-1, 1, count)),
    }


def test_every_law_gives_the_numbers_of_numpy(value_of):
    at, laws = parameters(POINTS, 1), page_laws()
    names = {name: [symbol.name for symbol in symbols] for name, (_, symbols) in laws.items()}
    columns = {name: column.tolist() for name, column in at.items()}
    call = """Object.fromEntries(Object.entries(data[0]).map(([law, names]) =>
        [law, data[1].tau.map((_, i) => laws[law](...names.map((name) => data[1][name][i])))]))"""
    found = value_of(call, [names, columns])
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
        usual = ~ends & ~np.isnan(expected)
        error = np.abs(there[usual] - expected[usual])
        size = np.maximum(np.abs(expected), scale)[usual]
        assert (error <= 1e-11 * size + 1e-300).all(), f"{name}: {(error / (size + 1e-300)).max():.1e}"


def cancelled(name: str, at: dict[str, np.ndarray]) -> np.ndarray | float:
    """The size of the terms of a law that is a difference, near whose zeros no relative error can be kept (n,)."""
    if name in (
        "fast",
        "initial",
        "error_fast",
        "edge",
        "left_egd",
        "boundary",
        "gradient_fast",
        "cycle_multiplier",
        "error_egd",
    ):
        parts = {"fast": ("u_1",), "initial": ("u_1", "u_2"), "error_fast": ("u_1",), "edge": ("C",)}
        parts |= {"boundary": ("w_1", "w_2"), "gradient_fast": ("m_1",), "cycle_multiplier": ("alpha",)}
        parts |= {"error_egd": ("e_0", "t")}
        terms = [np.abs(at[part]) for part in parts.get(name, ("e_0",))]
        return np.maximum.reduce([np.ones(POINTS) if name != "edge" else terms[0], *terms])
    if name in ("noise_fast", "noise_slow"):  # E r² of residuals near 1/s², from terms near 1
        expression, symbols = page_laws()[name]
        return np.maximum(at["s"] ** 4, 1) * np.abs(compiled(expression, symbols)(*(at[s.name] for s in symbols)))
    if name in ("error_ngd", "error_power"):  # a root of a difference, which changes by its slope times the terms
        alpha = 2 if name == "error_ngd" else at["alpha"]
        whole, gone = at["e_0"] ** alpha, alpha * at["lambda_i"] ** (1 - alpha) * at["t"]
        left = np.maximum(whole - gone, 0)
        return np.nan_to_num(left ** (1 / alpha) * (whole + gone) / (alpha * np.where(left > 0, left, np.inf)))
    return 0.0


@pytest.mark.parametrize("name", ["gd", "newton"])
def test_steps_of_the_folded_model_are_those_of_numpy(value_of, name):
    at = parameters(POINTS, 2)
    rows = folded_rows(at)
    limits = np.array(value_of(f"data.map((row) => largestStep({{id: '{name}'}}, foldedParts(row).rate_fast))", rows))
    at["eta"] = limits * np.random.default_rng(3).uniform(0, 0.999, POINTS)
    call = f"data.map((row) => foldedSteps({{id: '{name}', alpha: 0}}, row).length)"
    found = np.array(value_of(call, folded_rows(at)))
    known = {"epsilon": at["epsilon"], "theta": at["theta"], "margin": at["s"], "weight_decay": at["lambda"]}
    expected = plateau_lengths(name, **known, start=(at["u_1"], at["u_2"]), step=at["eta"])
    assert (found == expected).all()
    assert (expected > 0).sum() > POINTS / 5


def folded_rows(at: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """The points as states of the page."""
    keys = {"epsilon": "epsilon", "theta": "theta", "margin": "s", "weight_decay": "lambda", "u1": "u_1", "u2": "u_2"}
    columns = [at[name].tolist() for name in (*keys.values(), "eta")]
    return [dict(zip((*keys, "step"), row, strict=True)) for row in zip(*columns, strict=True)]


ALPHAS = {"gd": 0, "power:0.3": 0.3, "egd": 1, "ngd": 2, "newton": None}


def test_flow_times_of_the_folded_model_are_those_predicted(value_of):
    rules = [{"id": name.partition(":")[0], "alpha": alpha} for name, alpha in ALPHAS.items()]
    rows = folded_rows(parameters(400, 11))
    call = """["EXACT", "DRAWN"].map((name) => { const tolerance = name === "EXACT" ? EXACT : DRAWN;
        return data[1].map((row) => foldedFlows(data[0], row, tolerance).map((flow) => flow.length)); })"""
    exact, drawn = map(np.array, value_of(call, [rules, rows]))
    assert (exact > 0).sum() > 400
    np.testing.assert_allclose(drawn, exact, rtol=1e-5)  # a line's pixel is 1e-2
    hardest = np.argsort(-np.max(np.abs(drawn - exact) / np.maximum(exact, 1e-300), axis=1))
    for i in (*hardest[:12], *range(12)):
        row = rows[i]
        model = Folded(row["epsilon"], row["theta"], row["margin"], row["weight_decay"])
        start = model.start((row["u1"], row["u2"]))
        predicted = [predict(model, rule(name), "flow", start).plateaus[LONGEST_RUN][0] for name in ALPHAS]
        # both quadratures keep 1e-12 of each part
        np.testing.assert_allclose(exact[i], predicted, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "view"),
    [(name, "flow") for name in ("gd", "power:0.3", "egd", "ngd", "newton")]
    + [(name, "descent") for name in ("gd", "egd", "newton")],
)
def test_plateaus_of_a_regression_are_those_predicted(value_of, name, view):
    rng = np.random.default_rng(5)
    states = [
        {
            "spectrum": (10 ** rng.uniform(-6, 0, rng.integers(1, 9))).tolist(),
            "start": float(10 ** rng.uniform(-1, 1)),
            "threshold": float(10 ** rng.uniform(-5, -0.3)),
            "step": float(rng.choice([10 ** rng.uniform(-3, 0.6), 0.125, 1.0])),
        }
        for _ in range(60)
    ]
    chosen = {"id": name.partition(":")[0], "alpha": {"power:0.3": 0.3}.get(name, 0)}
    law = "regressionFlow" if view == "flow" else "regressionSteps"
    for state, found in zip(
        states, value_of(f"data[1].map((state) => {law}(data[0], state))", [chosen, states]), strict=True
    ):
        model = Regression.from_spectrum(state["spectrum"], start=state["start"])
        predicted = predict(model, rule(name), view, model.start(), step=state["step"], threshold=state["threshold"])
        if "diverges" in found:
            assert state["step"] >= predicted.largest_stable_step
            continue
        arrivals = predicted.arrivals
        assert float(found["last"]) == pytest.approx(max(arrivals), rel=1e-11)
        assert float(found["first"]) == pytest.approx(min(arrivals), rel=1e-11)
        if len(arrivals) == 1 and arrivals[0] < np.inf:  # alone it has no fastest and slowest
            assert ARRIVAL_SPREAD not in predicted.plateaus
            assert found["length"] is None
            continue
        length = predicted.plateaus[ARRIVAL_SPREAD][0] if max(arrivals) < np.inf else np.inf
        assert float(found["length"]) == pytest.approx(length, rel=1e-11, abs=1e-11 * min(max(arrivals), 1e300))


@pytest.mark.parametrize("step", [1e-2, 1e-3, 1e-4, 1e-6])
def test_steps_that_end_on_the_threshold_arrive(value_of, step):
    state = {"spectrum": [1e9, 1e-9], "start": 1, "threshold": 1e-3, "step": step}
    call = "[regressionSteps, (...given) => finished(measuredRegression(...given))].map((f) => f({id: 'egd'}, data))"
    predicted, measured = value_of(call, state)
    assert predicted["length"] == measured["length"] == 0
    assert predicted["last"] == pytest.approx(measured["arrivals"][0][1], abs=1)  # rounding decides on the last step


def test_steps_taken_one_by_one_are_those_predicted(value_of):
    at = parameters(60, 9)
    at["epsilon"] = np.maximum(at["epsilon"], 1e-3)
    at["eta"] = np.random.default_rng(10).uniform(0.05, 0.3, 60)
    call = """data.map((row) => ["gd", "newton"].map((id) => {
        const rule = { id, alpha: id === "gd" ? 0 : null };
        return [foldedSteps(rule, row), finished(measuredFolded(rule, row))];
    }))"""
    pairs = [pair for row in value_of(call, folded_rows(at)) for pair in row if "diverges" not in pair[0]]
    assert len(pairs) > 80
    assert sum(predicted["length"] > 10 for predicted, _ in pairs) > 20
    assert all(predicted == measured for predicted, measured in pairs)


@pytest.mark.parametrize(("u1", "step"), [(10, 0.001), (3.5, 0.0005), (10, 1e-4)])
def test_a_plateau_that_begins_late_is_waited_for(value_of, u1, step):
    state = {"epsilon": 0.1, "theta": 0.8, "margin": 0, "weight_decay": 0.1, "u1": u1, "u2": 3, "step": step}
    call = "[foldedSteps, (...given) => finished(measuredFolded(...given))].map((f) => f({ id: 'gd', alpha: 0 }, data))"
    predicted, measured = value_of(call, state)
    assert predicted == measured
    assert predicted["length"] > 1000
    outside = "finished(measuredFolded({ id: 'gd', alpha: 0 }, data))"  # on its way to the boundary, but never there
    assert value_of(outside, {**state, "u2": 0}) == {"length": 0}


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "newton"])
def test_steps_of_the_folded_model_taken_one_by_one_are_those_of_descend(value_of, name):
    state = {"epsilon": 0.01, "theta": 0.8, "margin": 1, "weight_decay": 0, "u1": 1, "u2": 3, "step": 0.1}
    chosen = {"id": name.partition(":")[0], "alpha": ALPHAS.get(name, 0.5)}
    found = value_of("finished(measuredFolded(data[0], data[1]))", [chosen, state])
    run = descend(Folded(epsilon=0.01, theta=0.8), name, 0.1)
    assert found["length"] == run.plateaus[LONGEST_RUN]


@pytest.mark.parametrize("name", ["gd", "egd", "newton", "power:0.5"])
def test_steps_of_a_regression_taken_one_by_one_are_those_of_descend(value_of, name):
    state = {"spectrum": [1, 0.3, 0.01], "start": 1.5, "threshold": 1e-2, "step": 0.0625}
    chosen = {"id": name.partition(":")[0], "alpha": 0.5}
    found = value_of("finished(measuredRegression(data[0], data[1]))", [chosen, state])
    model = Regression.from_spectrum(state["spectrum"], start=state["start"])
    run = descend(model, name, state["step"], threshold=state["threshold"])
    assert float(found["length"]) == max(run.arrivals) - min(run.arrivals)


# ---- the derivations and the compiler


def test_the_power_laws_are_derived_as_one():
    for chain in (regression_chain.derive(POWERS), folded_chain.derive(POWERS), cycle(POWERS), boundary()):
        assert chain.holds
    for name, alpha in (("egd", 1), ("ngd", 2), ("power:0.5", sp.Rational(1, 2))):
        for law, expression in regression_chain.derive(rule(name)).laws.items():
            assert sp.simplify(regression_chain.derive(POWERS).laws[law].subs(ALPHA, alpha) - expression) == 0


X, Y = sp.symbols("x y", positive=True)


@pytest.mark.parametrize(
    "expression",
    [
        sp.log(1 + X) * sp.log(1 + X) + sp.log(Y),
        sp.erfc(3 * X) / sp.erf(Y),
        sp.Piecewise((sp.sqrt(X), X < Y), (sp.exp(-X), X < 2 * Y), (Y**X, True)),
        sp.Min(X, Y, 1) + sp.Max(X, Y) - sp.Abs(X - Y),
        sp.ceiling(10 * X) + sp.floor(7 * Y) + sp.sign(X - Y),
        sp.atan2(X - 1, Y - 2) * sp.tan(X) + sp.sin(Y) ** 3 + sp.cosh(X) ** sp.Rational(-1, 3),
        sp.pi * X + sp.E * Y + sp.Rational(1, 3) + (X + Y) ** 2,
    ],
)
def test_an_expression_has_the_same_value_in_both_languages(value_of, expression):
    rng = np.random.default_rng(6)
    x, y = 10 ** rng.uniform(-12, 0.8, 500), 10 ** rng.uniform(-3, 0.8, 500)
    call = f"data[0].map((x, i) => ({function(expression, (X, Y))})(x, data[1][i]))"
    np.testing.assert_allclose(
        value_of(call, [x.tolist(), y.tolist()]), compiled(expression, (X, Y))(x, y), rtol=1e-12, atol=1e-15
    )


def test_the_complementary_error_function_keeps_its_digits_in_the_tail(value_of):
    x = np.linspace(-6, 26, 4001)
    # erfc's own condition number is 2x²: at x = 26 a rounding of exp(−x²) is 1e-13
    np.testing.assert_allclose(value_of("data.map(erfc)", x.tolist()), special.erfc(x), rtol=3e-13)


@pytest.mark.parametrize(
    ("expression", "arguments", "message"),
    [
        (sp.gamma(X), [X], "what JavaScript can compute"),
        (sp.Integral(sp.exp(-(X**2)), (X, 0, Y)), [Y], "what JavaScript can compute"),
        (X + Y, [X], "use x alone"),
        (X, [X, sp.Symbol("x")], "names that differ"),
    ],
)
def test_what_cannot_be_compiled_is_refused(expression, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        function(expression, arguments)


# ---- addresses and words


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("alpha=3", "`alpha` must lie between 0 and 2, but is 3"),
        ("alpha=", "`alpha` must lie between 0 and 2, but is empty"),
        ("step=NaN", "`step` must lie"),
        ("directions=2.5", "`directions` must be a whole number, but is 2.5"),
        ("model=rose", "`model` must be one of regression, folded, but is rose"),
        ("spectrum=1,,2", "`spectrum` must hold positive numbers separated by commas, but holds empty"),
        ("spectrum=1,-2", "but holds -2"),
        ("spectrum=" + ",".join(["1"] * 1001), "`spectrum` must hold at most 1000 numbers, but holds 1001"),
        ("batch=0", "`batch` must be all or a whole number from 1 to 1,000, but is 0"),
        ("batch=1001", "`batch` must be all or a whole number from 1 to 1,000, but is 1001"),
        ("batch=", "`batch` must be all or a whole number from 1 to 1,000, but is empty"),
        ("seed=1.5", "`seed` must be a whole number, but is 1.5"),
        ("rules=", "`rules` must be one of gd, egd, ngd, newton, but is empty"),
        ("rules=gd,rose", "`rules` must be one of gd, egd, ngd, newton, but is rose"),
        ("%00", "`%00` must be a parameter of this page"),
        ("__proto__=1", "must be a parameter of this page"),
        ("constructor=1", "must be a parameter of this page"),
        ("epsilon", "`epsilon` must lie"),
    ],
)
def test_a_damaged_address_is_refused_with_its_reason(value_of, address, complaint):
    call = "(() => { try { return parsed(data); } catch (error) { return error.message; } })()"
    assert complaint in value_of(call, address, logic_script(page_settings()))


@pytest.mark.parametrize("start", [None, [2.0, 1.0, 1e-3]])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "alpha=1.25&step=0.3",
        "rules=none",
        "model=folded&batch=30&seed=7",
        "rules=newton,egd,newton&model=folded",
        "model=folded&epsilon=1e-8&theta=0.1&u1=-2",
        "spectrum=3,0.25,1e-7&start=2",
        "shape=marchenko-pastur&directions=12&condition=50",
    ],
)
def test_an_address_gives_back_the_state_that_wrote_it(value_of, address, start):
    once, twice = value_of(
        "[parsed(data), parsed(fragment(parsed(data)))]", address, logic_script(page_settings(start))
    )
    assert once == twice


@pytest.mark.parametrize("shape", ["two-level", "geometric", "power-law"])
def test_shapes_are_those_of_design(value_of, shape):
    found = value_of(
        f"shaped({{shape: '{shape}', directions: 7, condition: 400}})", None, logic_script(page_settings())
    )
    expected = np.sort(spectrum_family(shape, directions=7).build(400.0).covariance.diagonal())[::-1]
    np.testing.assert_allclose(found, expected, rtol=1e-11)  # the page keeps twelve digits


def test_marchenko_pastur_has_its_edges_and_its_quantiles(value_of):
    found = np.array(
        value_of(
            "shaped({shape: 'marchenko-pastur', directions: 201, condition: 9})", None, logic_script(page_settings())
        )
    )
    assert (found[0], found[-1]) == (1, pytest.approx(1 / 9))
    aspect = 0.25  # edges (1 ± 1/2)²
    rng = np.random.default_rng(7)
    sample = np.linalg.eigvalsh(np.cov(rng.standard_normal((400, 1600)), bias=True)) / (1 + np.sqrt(aspect)) ** 2
    # 400 eigenvalues, which repel each other, lie within a few hundredths of their quantiles
    np.testing.assert_allclose(np.quantile(sample, np.linspace(0.05, 0.95, 19)), found[::-1][10:191:10], rtol=0.03)


@pytest.mark.parametrize(
    ("address", "rules"),
    [
        ("spectrum=1,0.5&step=0.5&threshold=0.1&rules=gd,egd,ngd,newton", ["gd", "power:0.5", "egd", "ngd", "newton"]),
        ("model=folded&epsilon=0.5&alpha=1", ["gd", "power:1", "egd"]),
        ("rules=none", ["power:0.5"]),
    ],
)
def test_the_python_cell_computes_what_the_page_shows(value_of, address, rules):
    call = """[pythonCell(parsed(data), new Map()),
        found(parsed(data)).runs.map(({ flow, steps }) => [flow.length, steps?.length])]"""
    cell, lengths = value_of(call, address, logic_script(page_settings()))
    exec(cell.replace("ef.figure(", "comparison = ("), names := {})
    assert {run.rule.name for run in names["comparison"].runs} == set(rules)
    for name, (flow, steps) in zip(rules, lengths, strict=True):
        plateaus = names["comparison"].run(name).prediction.plateaus
        assert flow == pytest.approx(next(iter(plateaus.values()))[0], rel=1e-11)
        if name in ("gd", "newton"):
            assert steps == next(iter(names["comparison"].run(name, "descent").prediction.plateaus.values()))[0]


def test_a_start_on_the_boundary_is_no_plateau_by_rounding(value_of):
    call = """(() => {
        const all = found(parsed(data));
        return [all.runs.map(({ flow }) => flow.length), headline(all, new Map())];
    })()"""
    lengths, said = value_of(call, "model=folded&u1=0&u2=0&rules=gd,egd,ngd,newton", logic_script(page_settings()))
    assert lengths == [0] * 5
    assert said == "Gradient descent’s flow is never at 100 % test error; its steps of 0.1 are, for 1."
    _, said = value_of(call, "model=folded&step=0.5&epsilon=0.2&u1=0.5&u2=0.7", logic_script(page_settings()))
    assert "for 1 step;" in said


NOISY = "model=folded&epsilon=0.05&u1=10&batch=40&seed=2&rules=gd,egd,ngd"


@pytest.mark.parametrize("known", [True, False])
def test_the_python_cell_runs_with_noise_as_long_as_the_page(value_of, capsys, known):
    call = """(() => {
        const state = parsed(data[0]), rules = rulesOf(state);
        const found = new Map(rules.map((rule) => [rule.id, finished(measuredNoisy(rule, state))]));
        return [pythonCell(state, data[1] ? found : new Map()), rules.map((rule) => [idOf(rule), found.get(rule.id)])];
    })()"""
    cell, measured = value_of(call, [NOISY, known], logic_script(page_settings()))
    exec(cell, names := {})
    printed = capsys.readouterr().out.splitlines()
    shown = {name: found for name, found in measured if "band" in found}
    assert [line.split()[0] for line in printed] == list(shown) == ["gd", "power:0.5", "egd"]  # natural gradient cycles
    for line, found in zip(printed, shown.values(), strict=True):
        median, low, high = (float(number.strip("(),")) for number in line.split()[1:])
        # medians of 25 runs differ by less than both bands are wide, and none is censored
        assert abs(median - found["length"]) < high - low + found["band"][1] - found["band"][0]
        assert high < np.inf
    assert not names["lengths"].censored.any()


def test_the_python_cell_leaves_out_runs_that_the_page_has_no_time_for(value_of):
    call = "pythonCell(parsed(data), new Map([['egd', { stopped: true }]]))"
    cell = value_of(call, "model=folded&epsilon=1e-6&batch=10", logic_script(page_settings()))
    assert 'for rule in ["power:0.5"]:' in cell
    none = value_of(call, "model=folded&epsilon=1e-6&batch=1000", logic_script(page_settings()))
    assert none.endswith("\n# a run with noise would take over 400,000 examples\n")


def test_one_direction_alone_has_no_plateau(value_of):
    call = """data.map((address) => { const all = found(parsed(address)), rules = all.runs.map(({ rule }) => rule);
        const taken = new Map(rules.map((rule) => [rule.id, finished(measuredRegression(rule, all.state))]));
        const cells = tableRows(all, taken).flatMap((row) => row.cells);
        return [headline(all, taken), limits(all), csvText(all, taken), ...cells]; })"""
    alone, two = value_of(call, ["spectrum=0.5", "spectrum=0.5,0.5"], logic_script(page_settings()))
    said = "One direction alone is waited for: there is no fastest and slowest to tell apart."
    assert alone[0] == said
    assert alone[1].endswith(said)
    assert set(alone[3:]) == {"–"}
    assert not re.search(r",\d", alone[2])  # no length in the file, either
    assert two[0] == "Gradient descent waits for none; EGD waits for none."
    assert two[3] == "0"


def test_the_page_has_words_for_every_state(value_of):
    rng = np.random.default_rng(12)
    addresses = []
    for _ in range(300):
        spectrum = ",".join(map(str, 10 ** rng.uniform(-20, 20, rng.integers(1, 6))))
        folded_start = f"model=folded&u1={rng.integers(-5, 6)}&u2={rng.integers(-5, 6)}&margin={rng.integers(0, 7)}"
        rules = ",".join(rng.choice(NAMED, rng.integers(0, 5))) or "none"
        common = f"alpha={rng.choice([0, 0.01, 1, 1.7, 2])}&step={10 ** rng.uniform(-6, 1)}&rules={rules}"
        model = (
            f"epsilon={10 ** rng.uniform(-8, -0.05)}&theta={rng.uniform(0.01, 1.56)}&weight_decay={rng.choice([0, 1])}"
        )
        addresses += [f"spectrum={spectrum}&{common}&threshold={10 ** rng.uniform(-6, -0.31)}"]
        addresses += [f"{folded_start}&{model}&{common}&batch={rng.choice(['all', 1, 30])}"]
    call = """data.map((address) => { const all = found(parsed(address)), none = new Map();
        const rows = tableRows(all, none).map(({ cells }) => cells.join());
        const words = [headline(all, none), limits(all), lawNumbers(all), csvText(all, none)];
        return [...words, ...Object.values(titles(all)), ...stops(all, none), ...rows].join(); })"""
    for address, words in zip(addresses, value_of(call, addresses, logic_script(page_settings())), strict=True):
        assert not re.search("NaN|undefined|null|object", words), (address, words)


# ---- the file


def test_the_page_holds_everything_and_asks_for_nothing():
    text = page([1.0, 0.1], name="a < b </script><script>alert(1)</script>", version="1")
    assert len(text.encode()) < 1.5e6
    assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1998/Math/MathML",
    }
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert text.count("</script>") == 1
    assert "{{" not in text
    (script,), (style,) = (re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S) for tag in ("script", "style"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    for part in (script, style):
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spectrum": []}, "hold at least one number"),
        ({"spectrum": np.ones(1001)}, "hold at most 1,000 numbers, but holds 1,001"),
        ({"spectrum": [1, 0]}, "hold positive numbers, but holds 0"),
        ({"step": 11}, "lie between 1e-06 and 10"),
    ],
)
def test_what_the_page_cannot_show_is_refused(given, message):
    with pytest.raises(ArgumentError, match=message):
        page(**given)


def test_a_thousand_values_are_shown():
    assert page(np.ones(1000))


# ---- the command


@pytest.fixture
def command(capsys, monkeypatch):
    """`evenflow explore` in this process: exit code, standard output, standard error."""
    monkeypatch.setattr("evenflow.explorer.has_display", lambda: False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evenflow", "explore", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return call


def settings(path: Path) -> dict[str, object]:
    """What the page at a path starts from."""
    line = next(line for line in path.read_text("utf-8").splitlines() if line.startswith("const explored = "))
    return json.loads(line.removeprefix("const explored = explorer(document, ").removesuffix(");"))["start"]


def test_export_writes_the_page_where_it_is_wanted(command, tmp_path):
    code, out, err = command("--export", tmp_path / "a.html", "--spectrum", "0.01,2", "--step", "0.3", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["bytes"] == (tmp_path / "a.html").stat().st_size
    assert (document["page"], document["opened"]) == (str(tmp_path / "a.html"), False)
    assert settings(tmp_path / "a.html") == {"spectrum": [2, 0.01], "step": 0.3, "name": None}


def test_without_a_display_the_place_of_the_page_is_said(command, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, _ = command()
    (file,) = tmp_path.iterdir()
    assert code == 0
    assert str(file) in out
    assert file.read_text("utf-8").startswith("<!doctype html>")


def test_with_a_display_the_page_is_opened(command, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("evenflow.explorer.has_display", lambda: True)
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    opened: list[str] = []
    assert "is open in the browser" in command()[1]
    (file,) = tmp_path.iterdir()
    assert opened == [file.as_uri()]


def test_a_data_set_gives_the_spectrum(command, tmp_path):
    rng = np.random.default_rng(8)
    table = np.c_[rng.normal(size=(50, 3)), np.zeros(50), rng.normal(size=50)]
    np.save(tmp_path / "own.npy", table)
    code, *_ = command("--data", tmp_path / "own.npy", "--export", tmp_path / "a.html")
    assert code == 0
    start = settings(tmp_path / "a.html")
    expected = np.sort(np.linalg.svd(table[:, :3], compute_uv=False) ** 2 / 50)[::-1]
    np.testing.assert_allclose(start["spectrum"], expected, rtol=1e-12)
    assert "own" in start["name"]
    assert "3 of 4 directions learn" in (tmp_path / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--export", "missing/a.html"], "`export` must be a file that can be written, but is missing/a.html"),
        (["--export", "."], "`export` must be a file that can be written, but is . (Is a directory)"),
        (["--spectrum", ""], "`spectrum` must hold at least one number"),
        (["--spectrum", "1,0"], "`spectrum` must hold positive numbers, but holds 0"),
        (["--spectrum", ",".join(["1"] * 1001)], "`spectrum` must hold at most 1,000 numbers, but holds 1,001"),
        (["--spectrum", "1,x"], "`spectrum` must hold numbers separated by commas"),
        (["--spectrum", "1", "--data", "digits"], "`spectrum` must be left out with `data`"),
        (["--data", "nowhere.csv"], "`data` must"),
        (["--step", "11"], "`step` must lie between"),
    ],
)
def test_what_cannot_be_explored_is_one_line_and_leaves_no_file(command, tmp_path, monkeypatch, arguments, fragment):
    monkeypatch.chdir(tmp_path)
    export = [] if "--export" in arguments else ["--export", "a.html"]
    code, out, err = command(*arguments, *export)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert fragment in err
    assert not any(tmp_path.iterdir())
