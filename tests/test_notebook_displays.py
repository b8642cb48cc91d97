"""What a notebook shows of a derivation, a comparison, a cause and an audit: computed, and set as mathematics."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
import sympy as sp
from matplotlib import image
from matplotlib.figure import Figure

import evenflow as ef
from simulations.audit import Findings, examine
from theory import markdown
from theory.claims import claim, claims
from theory.derivation import Derivation, Step

FALSE = Step("false", sp.Eq(sp.Symbol("x"), 1, evaluate=False), "A step that does not hold.", lambda: 1)
MODELS = [ef.Folded(), ef.Regression.from_spectrum((1, 0.1)), ef.Factorized.from_spectrum((3, 0.3))]


def cells(table: str) -> list[list[str]]:
    """The cells of a Markdown table, row by row, without the rule below its heads."""
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set(": -")]


@pytest.fixture(scope="module")
def findings() -> Findings:
    return ef.audit(["e1", "E2", "F6"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("name", ["gd", "egd"])
def test_a_chain_is_shown_line_by_line(model, name):
    chain = ef.derive(model, name)
    text = chain._repr_markdown_()
    assert text.count("$$") == 2 * len(chain.steps)
    assert [line.partition("*(")[0] for line in text.splitlines() if line.startswith("**")] == [
        f"**{number}. {step.name}** " for number, step in enumerate(chain.steps, 1)
    ]
    assert text.count(", checked)*") == len(chain.steps)
    words = "".join(text.replace("$$", "$").split("$")[::2])
    assert set(words) <= {*map(chr, range(32, 127)), "\n"}  # no sign of a formula is left among the words


def test_a_step_that_is_not_confirmed_says_so():
    chain = Derivation("folded", "gd", "flow", [FALSE])
    assert "**1. false** *(derived, **NOT CONFIRMED**)*" in chain._repr_markdown_()
    assert FALSE._repr_markdown_().startswith("**false** *(derived, **NOT CONFIRMED**)*")


def test_a_step_is_found_by_its_name():
    chain = ef.derive(MODELS[1], ef.rule("egd"))
    assert chain.step("ratio") is chain.steps[-1]
    assert chain.step("ratio").equation.rhs == 1
    with pytest.raises(ef.ArgumentError, match="did you mean ratio"):
        chain.step("ration")


def test_only_models_have_a_derivation():
    with pytest.raises(ef.ArgumentTypeError, match="Argument `model` must be a model with a derivation, but is of"):
        ef.derive("folded", "gd")
    with pytest.raises(ef.ArgumentError, match="Argument `rule` must have a derivation"):
        ef.derive(MODELS[0], "random-basis")


def test_words_and_bars_do_not_end_a_cell():
    assert markdown.escaped("a*b_c [d] <e> $f | `g\\") == r"a\*b\_c \[d\] \<e\> \$f \| \`g" + "\\\\"
    assert markdown.cell(r"if $|x| = \|y\|$ -- or a|b") == r"if $\vert x\vert  = \Vert y\Vert $ – or a\|b"
    assert markdown.cell(r"100\,\% of $x$") == "100\N{NO-BREAK SPACE}% of $x$"
    assert markdown.table(("a", "b"), [("1", "2")], right=[1]) == "| a | b |\n| :-- | --: |\n| 1 | 2 |"
    assert list(map(markdown.number, (None, float("inf"), -1234, 0.5, 1e-9))) == ["–", "–", "−1,234", "0.5", "1e−09"]


@pytest.mark.parametrize("name", sorted(claims()))
def test_the_words_of_every_claim_are_free_of_latex(name):
    for text in (claim(name).statement, claim(name).corrected):
        parts = markdown.cell(text).split("$")
        assert len(parts) % 2 == 1
        assert not re.search(r"\\\\|[{}^]|\\[a-z]", "".join(parts[::2]))
        assert not re.search(r"\||\\(?:text|mathrm|operatorname)\b(?!{)", "".join(parts[1::2]))


def test_a_comparison_is_a_table_of_predicted_and_measured():
    comparison = ef.compare(MODELS[0], ["gd"], step=0.1, start=(1, 3))
    heads, flow, descent = cells(comparison._repr_markdown_())
    assert heads[2:4] == ["predicted", "measured"]
    assert descent[:6] == ["gd", "descent", "1,603", "1,603", "steps", "exact"]
    assert flow[2] == markdown.number(comparison.run("gd").plateaus()[0]["predicted"])
    assert comparison._repr_markdown_().startswith("Plateau: longest run at 100 % test error\n")


def test_a_run_shows_every_definition_of_its_plateau():
    run = ef.compare(MODELS[0], ["gd"], step=0.1, start=(1, 3)).run("gd", "descent")
    heads, *rows = cells(run._repr_markdown_())
    assert [row[0] for row in rows] == [found["definition"] for found in run.plateaus()]
    assert rows[0][1:] == ["1,603", "exact", "1,603", "steps"]
    assert "asymptotic" in {row[heads.index("prediction")] for row in rows}


def test_a_design_is_one_line_with_what_was_found():
    found = ef.design(ef.spectrum_family("two-level", directions=2), 200)
    heads, row = cells(found._repr_markdown_())
    assert heads == ["curvatures", "condition", "wanted", "predicted", "measured", "unit"]
    assert row[1:] == [markdown.number(found.value), "200", "200", "200", "steps"]
    assert row[0] == f"1, {markdown.number(1 / found.value)}"


def test_findings_are_a_table_with_what_was_found(findings):
    heads, *rows = cells(findings._repr_markdown_())
    assert [len(row) for row in rows] == [len(heads)] * 3
    assert [row[:2] for row in rows] == [["E1", "**holds**"], ["E2", "**corrected**"], ["F6", "**corrected**"]]
    assert findings._repr_markdown_().startswith("1 holds, 2 corrected.\n")
    assert rows[0][3] == "" and r"r/m" in rows[1][3]
    assert [row[4] for row in rows] == [
        "0 of 3,000",
        *(f"{one.against:,} of {len(one.trials):,}" for one in findings[1:]),
    ]
    assert findings.find("E2") is findings[1]
    with pytest.raises(ef.ArgumentError, match="Argument `name` must be one of E1, E2, F6, but is 'E3'"):
        findings.find("E3")


def test_a_finding_shows_its_evidence(findings):
    heads, *rows = cells(findings[1]._repr_markdown_().partition("\n\n| where")[2].join(("| where", "")))
    assert heads[:4] == ["where", "claimed", "derived", "measured"]
    assert [row[5] for row in rows] == ["" if trial.stands else "against" for trial in findings[1].evidence]
    assert any(row[5] for row in rows) and rows[0][3] == markdown.number(findings[1].evidence[0].measured)


def test_a_finding_without_a_verdict_says_what_is_missing(findings):
    one = claim("E1")
    symbol = sp.Symbol("c_1")
    finding = examine(one.with_printed(speed=one.printed["speed"] * symbol / symbol + 0 * symbol))
    assert finding.verdict == "holds" and finding.instead == ""
    unknown = dataclasses.replace(finding, claim=one.with_printed(speed=symbol), verdict="undetermined")
    assert r"| Not defined: c\_1. |" in unknown._repr_markdown_()
    answered = dataclasses.replace(unknown.claim, corrected="$h = 1$.")
    answer = r"| Not defined: c\_1. To the nearest precise question: $h = 1$. |"
    assert answer in dataclasses.replace(unknown, claim=answered)._repr_markdown_()


def test_a_cause_is_a_table_of_rules_and_one_of_parts():
    found = ef.cause(MODELS[0], 0.1)
    heads, *rows = cells(found._repr_markdown_())
    assert heads == ["rule", "flow time", "length of path", "steps"]
    shown = {row[0]: row[1:] for row in rows}
    assert shown["gd"][2] == "1,603" and shown["column-norm"][:2] == ["–", "–"]
    assert shown["flow"][1] == markdown.number(found.flow.scale, 4)
    assert "EGD is a rescaling here" in found._repr_markdown_()
    assert "a rescaling can be told apart" in ef.cause(MODELS[1], 0.1)._repr_markdown_()


def test_a_figure_shows_itself_without_pyplot(findings):
    for drawn in (ef.figure(ef.compare(MODELS[0], ["gd"])), ef.figure(findings.find("E2"))):
        assert isinstance(drawn, Figure)
        content, size = drawn._repr_png_()
        pixels = image.imread(io.BytesIO(content))
        assert pixels.shape[:2] == pytest.approx((2 * size["height"], 2 * size["width"]), abs=1)
        assert size["width"] > size["height"] / 2 and pixels.min() < 0.5


def test_only_what_has_a_picture_is_drawn():
    with pytest.raises(ef.ArgumentTypeError, match="Argument `shown` must be a Comparison or a Finding"):
        ef.figure(MODELS[0])


def test_a_data_set_becomes_a_regression():
    data = ef.load("diabetes")
    model = data.regression(weight_decay=0.5)
    assert model.parameters() == {"data": "diabetes", "samples": 442, "outputs": 1, "inputs": 10, "weight_decay": 0.5}
    assert model.features == data.feature_names and model.test is None
    held_out = dataclasses.replace(data, test_inputs=data.inputs[:9], test_outputs=data.outputs[:9])
    covariance, cross, size = held_out.regression().test
    assert covariance == pytest.approx(data.inputs[:9].T @ data.inputs[:9] / 9)
    assert cross.shape == (1, 10) and size == pytest.approx((data.outputs[:9] ** 2).mean())
