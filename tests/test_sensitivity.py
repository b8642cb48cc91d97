"""What a plateau says may depend on how it is read: which conclusions change, and that nothing else is flagged."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from simulations import sensitivity as module
from simulations.comparison import compare
from simulations.sensitivity import EXISTENCE, MAGNITUDE, ORDER, sensitivity, warnings
from simulations.sweep_runs import run_sweep
from simulations.sweep_store import open_sweep
from simulations.sweeps import sweep
from theory.families import ALPHA
from theory.models.factorized import Factorized
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.plateaus import ARRIVAL_SPREAD, CROSSING, FIRST_DEPARTURE, LAG, LEADING_ORDER, LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule
from theory.sensitivity import SHARE, TURN, threshold_chain


def spread(model: Regression, name: str, threshold: float) -> float:
    return predict(model, rule(name), "flow", model.start(), threshold=threshold).plateaus[ARRIVAL_SPREAD][0]


def test_the_chain_holds() -> None:
    assert [step.name for step in threshold_chain().steps if step.holds] == [
        "gradient descent",
        "power law",
        "equal spreads",
    ]


@pytest.mark.parametrize(("name", "power"), [("gd", 0), ("power:0.5", 0.5), ("egd", 1), ("ngd", 2)])
def test_the_spread_grows_with_the_threshold_as_derived(name: str, power: float) -> None:
    model, q, small = Regression.from_spectrum((1, 0.3), start=(1, 4)), 1e-2, 1e-4
    chain = threshold_chain()
    law = chain.function("power", (SHARE, ALPHA))(q, power) if power else chain.function("gd", (SHARE,))(q)
    low, high = (spread(model, name, q * math.exp(shift)) for shift in (-small, small))
    assert math.log(low / high) / (2 * small) == pytest.approx(float(law), rel=1e-6)  # a central difference


def test_gd_and_egd_change_places_at_the_derived_threshold() -> None:
    model, c = Regression.from_spectrum((1, 0.5), start=(1, 4)), 3.0  # Δe = 3, Δ(1/λ) = 1
    turn = complex(threshold_chain().function("turn", (TURN,))(c)).real
    assert spread(model, "gd", turn) == pytest.approx(spread(model, "egd", turn), rel=1e-12)
    for threshold, there in ((0.02, True), (0.001, False)):  # 0.2 and 0.002 lie on either side of it
        found = compare(model, ["gd", "egd"], threshold=threshold)
        readings = module._readings(found, [found.run("gd"), found.run("egd")])
        spreads = np.array([lengths for name, lengths in readings.items() if name.startswith(ARRIVAL_SPREAD)])
        assert spreads.shape == (3, 2)
        assert bool(module.order(spreads[:, :1], spreads[:, 1:])[0]) is there
        assert (0.1 * threshold < turn < 10 * threshold) is there


def test_conclusions_of_made_up_lengths() -> None:
    nan = np.nan
    lengths = np.array([[5.0, 0.0, nan, 2.0, 1.0], [60.0, 7.0, 3.0, 20.0, 0.5], [nan, nan, nan, 20.1, 0.2]])
    read = module.plateaus(lengths, 1.0)
    assert module.existence(read).tolist() == [False, True, False, False, False]
    assert module.magnitude(read).tolist() == [True, False, False, True, False]
    one, other = (
        np.array([[5.0, 5.0, nan, 5.0], [3.0, 9.0, 2.0, 5.2]]),
        np.array([[2.0, 9.0, 1.0, 9.0], [9.0, 5.0, 9.0, 5.0]]),
    )
    assert module.order(one, other).tolist() == [True, True, False, False]  # 5.2 is not clearly more than 5


def test_what_changes_is_found_with_the_readings_that_disagree() -> None:
    found = compare(Folded(0.1, 1.45), ["gd", "egd"])
    changes = [change for change in sensitivity(found) if change.view == "descent"]
    assert {(change.conclusion, change.rules) for change in changes} == {(EXISTENCE, ("gd",)), (EXISTENCE, ("egd",))}
    gd = changes[0]
    assert gd.readings == (f"{ARRIVAL_SPREAD} at 0.0001", LONGEST_RUN)
    assert gd.lengths == ((885.0,), (0.0,))  # by the exact law; the run at 100 % is missing
    assert found.run("gd", "descent").trajectory.plateaus[LONGEST_RUN] == 0
    (line,) = [line for line in warnings(found) if line.startswith("Descent")]
    assert line == (
        "Descent: whether there is a plateau depends on its definition for gd, egd "
        "(gd 885 by fastest to slowest arrival at 0.0001, gd none by longest run at 100 % test error)."
    )


def test_a_conclusion_that_every_reading_shares_is_not_flagged() -> None:
    assert not sensitivity(compare(Folded(), ["gd", "egd"]))
    assert {change.conclusion for change in sensitivity(compare(Folded(), ["egd", "newton"]))} == {EXISTENCE, ORDER}


@pytest.mark.parametrize(
    "model",
    [Regression.from_spectrum((1, 0.1, 0.01)), Wedge(), Factorized.from_spectrum((3, 0.3))],
    ids=lambda model: model.name,
)
def test_what_no_reading_contradicts_is_not_warned_of(model) -> None:
    """Definitions give other lengths, or none for any rule: no rule changes places, and no plateau is overlooked."""
    rules = ["gd", "egd", "frobenius"] + ["newton"] * (model.name != "factorized")
    found = compare(model, rules)
    assert sensitivity(found) and not warnings(found)


def test_a_warning_sets_the_table_against_what_contradicts_it() -> None:
    (line,) = warnings(compare(Folded(), ["gd", "egd", "newton"]))
    assert line.startswith("Flow: which of two rules has the longer plateau depends on its definition for egd/newton (")
    assert line.endswith(
        "by longest run at 100 % test error, egd 1.4953 and newton 3.0891 by train-to-test lag at 5 %)."
    )


def test_contradictions_of_made_up_lengths() -> None:
    readings = [ARRIVAL_SPREAD, FIRST_DEPARTURE, CROSSING, LAG, f"{ARRIVAL_SPREAD} at 0.01"]

    def found(*lengths: tuple[float, ...]) -> list[tuple[str, tuple[str, ...], tuple[str, str]]]:
        changes = module._contradictions("flow", ["gd", "egd"], readings, np.array(lengths, float).T)
        return [(change.conclusion, change.rules, change.readings) for change in changes]

    nan, more = np.nan, readings[-1]
    assert found((100, 0, 9, 0, 90), (5, 0, 8, 0, 5)) == []
    # times that pass in any run show no plateau, and one that is not shown elsewhere is still there
    assert found((100, 7, 9, nan, 90), (0, 7, 8, 0, nan)) == []
    assert found((100, 0, 9, 50, 90), (0, 0, 8, 3, 2)) == [(EXISTENCE, ("egd",), (LAG, ARRIVAL_SPREAD))]
    assert found((100, 0, 1, 1, 9), (5, 0, 0.4, 0, 5)) == [(MAGNITUDE, ("gd",), (ARRIVAL_SPREAD, more))]
    assert found((10, 0, 8, 8, 10), (5, 0, 9, 10, 5)) == [(ORDER, ("gd", "egd"), (ARRIVAL_SPREAD, LAG))]
    assert found((10, 0, 8, 8, 10), (9.5, 0, 20, 20, 20)) == []  # the table says that they are alike


def test_layers_are_read_too() -> None:
    found = sensitivity(compare(Factorized.from_spectrum((3.0, 0.3), start=1e-3), ["gd", "egd"]))
    assert MAGNITUDE in {change.conclusion for change in found}


def test_a_sweep_counts_the_members_whose_conclusions_change(tmp_path: Path) -> None:
    what = sweep("folded", {"epsilon": "2e-2:0.5:6:log", "theta": "0.3:1.5:7"}, ["gd", "egd"], block=16)
    first = run_sweep(what, tmp_path / "a", version="1", workers=1)
    with open_sweep(tmp_path / "a") as found:
        lengths = found.measured.drop_sel(definition=LEADING_ORDER).values.reshape(5, 2, -1)
    counts = dict.fromkeys((EXISTENCE, MAGNITUDE, ORDER), 0)
    for member in np.moveaxis(lengths, -1, 0):
        there = [[x > 1 for x in one if not np.isnan(x)] for one in member.T]
        long = [[x for x in one if x > 1] for one in member.T]
        counts[EXISTENCE] += any(any(one) and not all(one) for one in there)
        counts[MAGNITUDE] += any(len(one) > 0 and max(one) > 10 * min(one) for one in long)
        gd, egd = np.where(member <= 1, 0, member).T
        counts[ORDER] += bool((gd > 1.1 * egd).any() and (egd > 1.1 * gd).any())
    assert first.sensitive == counts and min(counts.values()) > 0
    assert run_sweep(what, tmp_path / "a", version="1", workers=1).sensitive == counts  # of blocks that are read


def test_the_command_warns_in_words_and_keeps_its_document() -> None:
    asked = ["compare", "folded", "--epsilon", "0.1", "--theta", "1.45", "--rules", "gd,egd"]
    assert "whether there is a plateau depends on its definition" in CliRunner().invoke(app, asked).stdout
    document = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert set(document) == {"version", "model", "parameters", "runs"}
