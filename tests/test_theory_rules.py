"""Rule ids and speed laws: values against plain Python, vanished directions, and every refusal's message."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.directions import spectral
from theory.checks import ArgumentError, ArgumentTypeError
from theory.rule_ids import RULE_IDS, rule
from theory.rules import NORM, SIGMA, Rule

EXACT = settings(derandomize=True, deadline=None, max_examples=60)


def schulz(steps: int) -> Callable[[float, float, int], float]:
    def iterate(s: float, n: float, i: int) -> float:
        x = s / n
        for _ in range(steps):
            x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
        return x

    return iterate


LAWS: dict[str, Callable[[float, float, int], float]] = {
    "gd": lambda s, n, i: s,
    "egd": lambda s, n, i: 1.0,
    "ngd": lambda s, n, i: 1 / s,
    "power:0.5": lambda s, n, i: math.sqrt(s),
    "power:0": lambda s, n, i: s,
    "power:0.3": lambda s, n, i: s**0.7,
    "power:1.7": lambda s, n, i: s**-0.7,
    "power:2": lambda s, n, i: 1 / s,
    "damped:0.1": lambda s, n, i: s / math.hypot(s, 0.1),
    "damped:2.5": lambda s, n, i: s / math.hypot(s, 2.5),
    "truncated:1": lambda s, n, i: float(i <= 1),
    "truncated:2": lambda s, n, i: float(i <= 2),
    "newton-schulz": schulz(5),
    "newton-schulz:5": schulz(5),
    "newton-schulz:1": schulz(1),
    "newton-schulz:3": schulz(3),
    "frobenius": lambda s, n, i: s / n,
}
ROUTINES = {
    "newton": ("newton", {}),
    "random-basis": ("random_basis", {}),
    "column-norm": ("column_norm", {"floor": 0.01}),
    "grokfast": ("grokfast", {"memory": 0.98, "gain": 2.0}),
    "momentum:0.9": ("momentum", {"beta": 0.9}),
    "momentum:0": ("momentum", {"beta": 0.0}),
    "rsvd:4": ("rsvd", {"rank": 4, "iterations": 2}),
}


def test_every_id_is_covered_here():
    heads = {name.partition(":")[0].partition("[")[0] for name in RULE_IDS}
    assert heads == {name.partition(":")[0] for name in [*LAWS, *ROUTINES]}


@pytest.mark.parametrize("name", LAWS)
def test_speed_law(name):
    found = rule(name)
    assert found.kind == "spectral"
    for s in (1e-4, 0.03, 0.7, 1.0, 2.9):
        for i in (1, 2, 3):
            # Cancellation in the Newton–Schulz polynomial amplifies rounding about a thousandfold.
            assert float(found.speed(s, 3.0, i)) == pytest.approx(LAWS[name](s, 3.0, i), rel=1e-12)


@pytest.mark.parametrize("name", ROUTINES)
def test_rules_without_a_law(name):
    found = rule(name)
    kind, options = ROUTINES[name]
    assert (found.name, found.kind, found.options, found.law) == (name, kind, options, None)
    assert (found.power, found.vanishing_power, found.elementwise) == (None, 0, False)
    with pytest.raises(ArgumentError, match=f"must be a spectral rule, but is {name}"):
        _ = found.speed


@pytest.mark.parametrize("name", [*LAWS, *ROUTINES])
def test_name_is_an_id_of_the_same_rule(name):
    assert rule(rule(name).name) == rule(name)
    assert rule(rule(name)) == rule(name)


def test_names_tell_rules_apart():
    """Results are keyed by name: two different laws may not share one."""
    for left, right in [("power:0.1234567", "power:0.1234568"), ("damped:0.1234567", "damped:0.1234568")]:
        assert rule(left).name != rule(right).name


@pytest.mark.parametrize(
    ("name", "power", "vanishing"),
    [
        ("gd", 0, 0),
        ("egd", 1, 1),
        ("ngd", 2, 2),
        ("power:0.5", sp.Rational(1, 2), sp.Rational(1, 2)),
        ("power:1.7", sp.Rational(17, 10), sp.Rational(17, 10)),
        ("power:-0.5", -sp.Rational(1, 2), -sp.Rational(1, 2)),
        ("damped:0.1", None, 0),
        ("truncated:1", None, 1),
        ("newton-schulz", None, 1),  # the norm shrinks with the singular values, the speed does not
        ("frobenius", None, 1),
    ],
)
def test_powers(name, power, vanishing):
    assert rule(name).power == power
    assert rule(name).vanishing_power == vanishing


def test_powers_of_own_laws():
    assert Rule("twice", 2 * SIGMA).power is None  # not h(1) = 1
    assert Rule("soft", SIGMA / (1 + SIGMA)).vanishing_power == 0
    assert Rule("root", sp.sqrt(SIGMA) / (1 + SIGMA)).vanishing_power == sp.Rational(1, 2)
    assert Rule("own", SIGMA).elementwise and not Rule("own", SIGMA / NORM).elementwise


def test_newton_schulz_values():
    h = rule("newton-schulz").speed
    for s, value in [(1e-4, 0.048473), (1e-3, 0.470544), (0.1, 0.712120), (0.3, 1.079592), (1, 0.696436)]:
        assert round(float(h(s, 1.0, 1)), 6) == value
    slope = float(h(1e-12, 1.0, 1)) / 1e-12  # the next term is of relative size σ² · 1e5
    assert slope == pytest.approx(484.876, abs=5e-4)
    assert slope == pytest.approx(3.4445**5, rel=1e-12)
    speeds = h(np.linspace(0.01, 1, 200_001), 1.0, 1)
    # Both bounds are reached, to the digits that are printed.
    assert (round(speeds.min(), 4), round(speeds.max(), 4)) == (0.6818, 1.1344)


def orthonormal(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, k)))[0]


@pytest.mark.parametrize("name", [name for name in LAWS if name not in ("power:0", "power:2", "newton-schulz:5")])
@EXACT
@given(m=st.integers(1, 5), p=st.integers(1, 5), data=st.data(), seed=st.integers(0, 99))
def test_vanished_directions_rest(name, m, p, data, seed):
    rng = np.random.default_rng(seed)
    rank = data.draw(st.integers(0, min(m, p)))
    values = np.sort(rng.uniform(0.2, 3, rank))[::-1]
    left, right = orthonormal(rng, m, rank), orthonormal(rng, p, rank)
    gradient = (left * values) @ right.T
    norm = math.sqrt((values**2).sum())
    speeds = np.array([LAWS[name](s, norm, i) for i, s in enumerate(values, 1)])
    # Of size 1/0.2 at most, spoilt by the rounding of an SVD; Newton–Schulz has slopes up to 485.
    np.testing.assert_allclose(spectral(rule(name), gradient), (left * speeds) @ right.T, atol=1e-11)


@pytest.mark.parametrize("name", LAWS)
def test_zero_gradient_in_a_stack(name):
    rng = np.random.default_rng(3)
    for shape in [(2, 3, 4), (2, 1, 4), (2, 4, 1)]:
        stack = rng.standard_normal(shape)
        stack[1] = 0
        found = spectral(rule(name), stack)
        assert (found[1] == 0).all()
        np.testing.assert_allclose(found[0], spectral(rule(name), stack[0]), rtol=1e-12)


REFUSED = {
    "": "be one of gd",
    "egdd": "did you mean egd?",
    "newtn": "did you mean newton?",
    "colum-norm": "did you mean column-norm?",
    "pwoer:0.5": "did you mean power:ALPHA?",
    "  egd": "did you mean egd?",
    "gd:1": "'gd:1'",
    "gd:": "'gd:'",
    "frobenius:2": "'frobenius:2'",
    "power": "power:0.5",
    "power:": "power:ALPHA with a number",
    "power:abc": "power:ALPHA with a number",
    "power:nan": "finite",
    "power:1e400": "finite",
    "momentum": "momentum:0.9",
    "momentum:1": "[0, 1)",
    "momentum:-0.1": "[0, 1)",
    "truncated:0": "at least 1",
    "truncated:1.5": "whole number",
    "truncated:inf": "finite",
    "rsvd:-3": "at least 1",
    "newton-schulz:0": "at least 1",
    "damped:-1": "positive",
    "damped:0": "positive",
    "nosuchmodule:RULE": "nosuchmodule",
    "math:nosuch": "nosuch",
    "math:pi": "3.14159",
    ":NAME": "':NAME'",
    "math:": "'math:'",
    ".relative:NAME": "'.relative:NAME'",
    "..:NAME": "'..:NAME'",
    "two\nlines": "must",
    "two\nlines:NAME": "must",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    with pytest.raises(ArgumentError) as caught:
        rule(name)
    message = str(caught.value)
    assert message.startswith("Argument `rules` must ") and message.endswith(".") and "\n" not in message
    assert REFUSED[name] in message


@pytest.mark.parametrize("name", ["", "egdd", "nosuchmodule:RULE"])
def test_an_unknown_rule_lists_the_known_ones(name):
    with pytest.raises(ArgumentError) as caught:
        rule(name)
    assert ", ".join(RULE_IDS) in str(caught.value)


@pytest.mark.parametrize("name", [None, 3, b"egd", ["egd"], 0.5])
def test_ids_that_are_not_strings(name):
    with pytest.raises(ArgumentTypeError, match=r"^Argument `rules` must .*\.$"):
        rule(name)


@EXACT
@given(
    st.text(max_size=12) | st.from_regex(r"(gd|power|damped|truncated|rsvd|momentum|x):[-0-9.e]{0,4}", fullmatch=True)
)
def test_any_text_gives_a_rule_or_one_line(name):
    try:
        found = rule(name)
    except ArgumentError as error:
        assert str(error).startswith("Argument `rules` must ") and len(str(error).splitlines()) == 1
    else:
        assert isinstance(found, Rule)


OWN = """
import sympy as sp
from theory.rules import NORM, SIGMA, Rule
SOFT = SIGMA / (1 + SIGMA)
HALF = Rule("half", SIGMA / 2)
FOREIGN = SIGMA * sp.Symbol("q")
NUMBER = 0.5
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_theory_laws.py").write_text(OWN)
    (tmp_path / "own_broken_syntax.py").write_text("LAW = = 1\n")
    (tmp_path / "own_broken_run.py").write_text("raise RuntimeError('two\\nlines')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "own_theory_laws"


def test_own_laws(own):
    soft = rule(f"{own}:SOFT")
    assert float(soft.speed(3.0, 1.0, 1)) == 0.75
    assert soft.kind == "spectral" and soft.name == "SOFT"
    assert rule(f"{own}:HALF").name == "half"
    found = spectral(rule(f"{own}:HALF"), np.array([[3.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1.5, 0], [0, 0]], atol=1e-15)


@pytest.mark.parametrize(
    "name",
    [
        "own_theory_laws:FOREIGN",
        "own_theory_laws:NUMBER",
        "own_theory_laws:sp",
        "own_theory_laws:MISSING",
        "own_broken_syntax:LAW",
        "own_broken_run:LAW",
    ],
)
def test_own_laws_that_cannot_be_used(own, name):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"\AArgument `\w+` must .*\.\Z"):
        rule(name)


def test_own_rules_by_hand():
    with pytest.raises(ArgumentTypeError, match="`law`"):
        Rule("none")
    with pytest.raises(ArgumentError, match="uses q, r"):
        Rule("foreign", SIGMA * sp.Symbol("q") + sp.Symbol("r"))


def test_a_nested_elementwise_law_is_understood_at_once():
    law = SIGMA
    for _ in range(5):
        law = law * (3 - law**2) / 2
    own = Rule("own", law)
    assert own.power is None
    assert own.vanishing_power == 0
    assert not own.isotropic
