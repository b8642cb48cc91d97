"""The command line: what it refuses and how, what it writes, and what its JSON promises."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evenflow as ef
from evenflow.cli import main
from evenflow.errors import one_line
from theory.rule_ids import RULE_IDS

ROOT = Path(__file__).parents[1]
ARRAYS = (
    "times",
    "weights",
    "amplitudes",
    "train_error",
    "test_error",
    "singular_values",
    "arrivals",
    "extinctions",
)
RECORD = ("rule", "model", "view", "step", "plateaus", "ranks", "evaluations", "censored", "stop_reason")


@pytest.fixture
def run(capsys, monkeypatch):
    """The command line in this process: exit code, standard output, standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evenflow", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def document(run):
    """The JSON document of an accepted command."""

    def call(*arguments):
        out = accepted(run(*arguments, "--json"))
        assert out.count("\n") == 1
        return json.loads(out, parse_constant=lambda name: pytest.fail(f"JSON holds {name}"))

    return call


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of the user's own that Python can find, under a name used once."""

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def accepted(result):
    code, out, err = result
    assert (code, err.strip()) == (0, "")
    return out


def refused(result, *fragments):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.endswith("\n") and err.count("\n") == 1, err
    assert err.startswith("Argument ")
    assert err.endswith(".\n") and not err.endswith(("..\n", "?.\n"))
    for fragment in fragments:
        assert fragment in err


def named(document, rule, view):
    (found,) = [run for run in document["runs"] if (run["rule"], run["view"]) == (rule, view)]
    return found


def arrivals(run, kind="measured"):
    return [direction["arrival"][kind] for direction in run["directions"]]


def same_numbers(run, relative=0.0):
    """What is predicted is measured: plateaus called exact, arrivals, extinctions."""
    pairs = [(p["definition"], p["predicted"], p["measured"]) for p in run["plateaus"] if p["kind"] == "exact"]
    for index, direction in enumerate(run["directions"]):
        pairs += [(f"{name} {index}", *direction[name].values()) for name in ("arrival", "extinction")]
    for name, predicted, measured in pairs:
        if predicted is not None:
            assert measured is not None, name
            whole = 1e-14 if predicted > 2**53 else 0.0  # beyond which floats cannot count steps
            assert measured == pytest.approx(predicted, rel=max(relative, whole), abs=relative), name


# --- refusals -------------------------------------------------------------------------------------------------------

REFUSED = [
    # the parameters of the folded model
    ("compare --epsilon 0", "Argument `epsilon` must lie in (0, 1), but is 0."),
    ("compare --epsilon 1", "Argument `epsilon` must lie in (0, 1), but is 1."),
    ("compare --epsilon -0.5", "Argument `epsilon` must lie in (0, 1), but is -0.5."),
    ("compare --epsilon nan", "Argument `epsilon` must be finite, but is nan."),
    ("compare --epsilon abc", "Argument `epsilon` must be a number, but is 'abc'."),
    ("compare --epsilon=", "Argument `epsilon` must be a number, but is ''."),
    ("compare --theta 0", "Argument `theta` must lie in (0, π/2) radians, but is 0."),
    ("compare --theta -1", "Argument `theta` must lie in (0, π/2) radians, but is -1."),
    ("compare --theta 1.5707963267948966", "must lie in (0, π/2) radians, but is 1.5707963267948966."),
    ("compare --theta 1.6", "Argument `theta` must lie in (0, π/2) radians, but is 1.6."),
    ("compare --angle 45", "Argument `theta` must lie in (0, π/2) radians, but is 45."),
    ("compare --theta pi/4", "Argument `theta` must be a number, but is 'pi/4'."),
    ("compare --margin -1", "Argument `margin` must be zero or positive, but is -1."),
    ("compare --margin 31", "Argument `margin` must be at most 30, but is 31."),
    # the parameters of the wedge
    ("compare wedge --epsilon 1", "Argument `epsilon` must lie in (0, 1), but is 1."),
    ("compare wedge --theta 0", "Argument `theta` must lie in (0, π) radians, but is 0."),
    ("compare wedge --theta 3.141592653589793", "must lie in (0, π) radians, but is 3.141592653589793."),
    ("compare wedge --weight-decay -1", "Argument `weight_decay` must be zero or positive, but is -1."),
    ("compare wedge --start 1", "Argument `start` must hold 2 numbers, but holds 1."),
    ("derive wedge --rule damped:0.1 --view descent", "must have a derivation as a descent, but is damped:0.1."),
    # the parameters of every run
    ("compare --step -0.1", "Argument `step` must be positive, but is -0.1."),
    ("compare --step 0", "Argument `step` must be positive, but is 0."),
    ("compare --step nan", "Argument `step` must be finite, but is nan."),
    ("compare --step inf", "Argument `step` must be finite, but is inf."),
    ("compare --step fast", "Argument `step` must be a number, but is 'fast'."),
    ("compare --weight-decay -1", "Argument `weight_decay` must be zero or positive, but is -1."),
    ("compare --weight-decay nan", "Argument `weight_decay` must be finite, but is nan."),
    ("compare --weight-decay=", "Argument `weight_decay` must be a number, but is ''."),
    ("compare --threshold 0", "Argument `threshold` must lie in (0, 1), but is 0."),
    ("compare --threshold 1", "Argument `threshold` must lie in (0, 1), but is 1."),
    ("compare --threshold 2", "Argument `threshold` must lie in (0, 1), but is 2."),
    ("compare --seed -1", "Argument `seed` must be zero or positive, but is -1."),
    ("compare --seed 1.5", "Argument `seed` must be a whole number, but is 1.5."),
    ("compare --seed abc", "Argument `seed` must be a number, but is 'abc'."),
    # starts
    ("compare --start 1", "Argument `start` must hold 2 numbers, but holds 1."),
    ("compare --start 1,2,3", "Argument `start` must hold 2 numbers, but holds 3."),
    ("compare --start 1,", "Argument `start` must hold numbers separated by commas, but is '1,'."),
    ("compare --start a,b", "Argument `start` must hold numbers separated by commas, but is 'a,b'."),
    ("compare --start nan,1", "Argument `start` must be finite, but is nan."),
    ("compare --start=", "Argument `start` must hold at least one number, but is empty."),
    ("compare regression --start 1,2", "Argument `start` must hold 1 or 3 numbers, but holds 2."),
    ("compare regression --spectrum 1 --start 1,2", "Argument `start` must hold 1 number, but holds 2."),
    ("compare regression --data diabetes --start 1", "Argument `start` must be left out with `data`, but is given"),
    # spectra
    ("compare regression --spectrum=", "Argument `spectrum` must hold at least one number, but is empty."),
    ("compare regression --spectrum ,", "Argument `spectrum` must hold numbers separated by commas, but is ','."),
    ("compare regression --spectrum 1,b", "must hold numbers separated by commas, but is '1,b'."),
    ("compare regression --spectrum 1,-0.1", "Argument `spectrum` must hold no negative number, but holds -0.1."),
    ("compare regression --spectrum 1,nan", "Argument `spectrum` must be finite, but is nan."),
    ("compare regression --spectrum 1,inf", "Argument `spectrum` must be finite, but is inf."),
    ("compare regression --spectrum 0,0", "Argument `spectrum` must hold a positive number, but holds zeros only."),
    ("compare regression --data digits --spectrum 1", "Argument `spectrum` must be left out with `data`"),
    # options of the other model
    ("compare --spectrum 1,2", "Argument `spectrum` must go with the model it belongs to (regression or factorized)"),
    ("compare --data digits", "Argument `data` must go with the model it belongs to (regression)"),
    ("compare regression --epsilon 0.1", "Argument `epsilon` must go with the model it belongs to (folded or wedge)"),
    ("compare wedge --margin 1", "Argument `margin` must go with the model it belongs to (folded)"),
    ("compare regression --margin 1", "Argument `margin` must go with the model it belongs to (folded)"),
    ("compare --depth 3", "Argument `depth` must go with the model it belongs to (factorized)"),
    ("compare factorized --depth 1", "Argument `depth` must be a whole number of at least 2, but is 1."),
    ("compare factorized --depth 2.5", "Argument `depth` must be a whole number of at least 2, but is 2.5."),
    ("compare factorized --depth 9", "Argument `depth` must be at most 8, but is 9."),
    ("compare factorized --spectrum 1,0", "Argument `spectrum` must hold positive numbers, but holds 0."),
    (
        "compare factorized --rules newton",
        "Argument `rules` must leave out newton for a factorised model, but its steps divide by a constant curvature, "
        "and a layer's changes with the others (`derive` has its flow).",
    ),
    ("compare factorized --data digits", "Argument `data` must go with the model it belongs to (regression)"),
    ("derive --all --rule egd", "Argument `all` must go without a model, rule, view or depth, but one is given."),
    ("derive --depth 3", "Argument `depth` must go with the model it belongs to (factorized)"),
    ("derive factorized --rule grokfast", "must have a derivation for a factorised model as a flow, but is grokfast."),
    # rules
    ("compare --rules nonsense", f"Argument `rules` must be one of {', '.join(RULE_IDS)}, but is 'nonsense'"),
    ("compare --rules edg", "but is 'edg' (did you mean egd?)."),
    ("compare --rules frobenios", "but is 'frobenios' (did you mean frobenius?)."),
    ("compare --rules EGD", "but is 'EGD' (did you mean egd?)."),
    ("compare --rules=", "Argument `rules` must be one of"),
    ("compare --rules gd,,egd", "Argument `rules` must be one of"),
    ("compare --rules power", "Argument `rules` must read power:ALPHA, as in power:0.5, but holds 'power'."),
    ("compare --rules power:x", "Argument `rules` must read power:ALPHA with a number, but holds 'power:x'."),
    ("compare --rules power:nan", "Argument `rules` must be finite, but is nan."),
    ("compare --rules damped:0", "Argument `rules` must give `damped` a positive δ, as in damped:0.01, but has 0."),
    ("compare --rules truncated:0", "must give `truncated` a whole number of at least 1, but has 0."),
    ("compare --rules truncated:1.5", "must give `truncated` a whole number of at least 1, but has 1.5."),
    ("compare --rules momentum:1", "Argument `rules` must give `momentum` a β in [0, 1), but has 1."),
    ("compare --rules rsvd:5", "Argument `rules` must ask rsvd for a rank of at most 1, but asks for 5."),
    ("compare --rules gd:3", "but is 'gd:3' (did you mean gd?)."),
    ("compare --rules no_such_module:NAME", "No module named 'no_such_module'"),
    ("compare --rules evenflow:NAME", "module 'evenflow' has no attribute 'NAME'"),
    ("compare --rules .relative:NAME", "Argument `rules` must"),
    # data
    ("compare regression --data digit", "must be digits, diabetes or a path ending in .csv, .npy or .npz"),
    ("compare regression --data digit", "but is 'digit' (did you mean digits?)."),
    ("compare regression --data /no/such.csv", "must name an existing file, but there is no '/no/such.csv'."),
    # the parser's own
    ("compare wedgie", "Argument `model` must be one of folded, wedge, regression, factorized, but is 'wedgie'"),
    ("compare folde", "(did you mean folded?)."),
    ("compare folded regression", "Argument list must fit the command, but got unexpected extra argument(s)"),
    ("compare --epsilom 1", "Argument `--epsilom` must be an option of this command, but is not known"),
    ("compare --epsilom 1", "(did you mean --epsilon?)."),
    ("compare --epsilon", "Argument `--epsilon` must be given a value"),
    ("comp", "no such command 'comp'"),
    ("nonsense", "but there is no such command 'nonsense'. `evenflow --help` lists them."),
    # derive
    ("derive wedgie", "Argument `model` must be one of folded, wedge, regression, factorized, but is 'wedgie'"),
    ("derive --view sideways", "Argument `view` must be one of flow, descent, but is 'sideways'"),
    ("derive --format pdf", "Argument `format` must be one of text, latex, json, but is 'pdf'"),
    ("derive --rule nonsense", "Argument `rule` must be one of gd, "),
    ("derive --rule power:x", "Argument `rule` must read power:ALPHA with a number, but holds 'power:x'."),
    ("sweep --seeds 0", "Argument `seeds` must be a whole number of at least 1, but is 0."),
    ("sweep --seeds -1", "Argument `seeds` must be a whole number of at least 1, but is -1."),
    ("sweep --draw -1", "Argument `draw` must be a whole number of at least 0, but is -1."),
    ("compare --epsilon 1e-300", "Argument `epsilon` must be at least 1e-100 in size, but is 1e-300."),
    ("compare --step 1e-300", "Argument `step` must be at least 1e-100 in size, but is 1e-300."),
    ("compare --start 1e-300,1", "Argument `start` must be zero or at least 1e-100 in size, but is 1e-300."),
    ("sweep --draw 3", "Argument `draw` must go with a random design, but is given with a grid."),
    ("audit foo", "E8, but is 'foo'."),
    ("audit f13", "E8, but is 'f13' (did you mean F3?)."),
    ("design --plateau 100 --rule nonsense", "Argument `rule` must be one of gd, "),
    ("design --ratio 100 --over nonsense", "Argument `over` must be one of gd, "),
    ("derive --rule damped:1 --view descent", "must have a derivation as a descent, but is damped:1."),
    ("derive --rule momentum:0.5", "must have a derivation as a flow, but is momentum:0.5."),
    ("derive regression --rule truncated:1", "must have a derivation as a flow, but is truncated:1."),
    ("derive --epsilon 0.1", "Argument `--epsilon` must be an option of this command"),
]


@pytest.mark.parametrize(("line", "fragment"), REFUSED, ids=[f"{i}: {line}" for i, (line, _) in enumerate(REFUSED)])
def test_bad_input_is_one_line_and_exit_code_2(run, line, fragment):
    refused(run(*line.split(" ")), fragment)
    if line.startswith(("compare ", "derive ")) and not line.endswith("--epsilon"):
        refused(run(*line.split(" "), "--json"), fragment)


@pytest.mark.parametrize(
    ("name", "text", "fragments"),
    [
        ("text.csv", "a,b,y\n1,2,3\n4,x,6\n", ["hold numbers only", "row 3, column 2 ('b')", "the text 'x'"]),
        ("ragged.csv", "a,b,y\n1,2,3\n4,5\n", ["the same number of fields", "row 3", "has 2 and should have 3"]),
        ("one.csv", "a,y\n1,2\n", ["hold at least two samples", "holds 1"]),
        ("header.csv", "a,y\n", ["hold at least two samples", "holds 0"]),
        ("gap.csv", "a,b,y\n1,,3\n2,3,4\n", ["have no empty cell", "row 2, column 2 ('b')"]),
        ("nan.csv", "a,y\n1,nan\n2,3\n", ["hold finite numbers", "row 2, column 2 ('y')"]),
        ("empty.csv", "", ["hold samples", "is empty"]),
        ("zeros.csv", "a,b,y\n0,0,3\n0,0,4\n", ["have a feature that is not zero throughout"]),
        ("data.txt", "1,2\n3,4\n", ["or a path ending in .csv, .npy or .npz"]),
        ("junk.npz", "junk", ["must be arrays of numbers"]),
    ],
)
def test_bad_data_is_refused_and_its_place_named(run, tmp_path, name, text, fragments):
    path = tmp_path / name
    path.write_text(text)
    refused(run("compare", "regression", "--data", path), "Argument `data` must", *fragments)


def test_missing_file_and_directory_are_refused(run, tmp_path):
    refused(run("compare", "regression", "--data", tmp_path / "none.csv"), "must name an existing file")
    refused(run("compare", "regression", "--data", tmp_path), "must name a file", "is a directory")


def test_a_store_that_cannot_be_written_is_refused(run, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = run("sweep", "--epsilon", "0.1", "--out", f"{tmp_path}/file/sweep.zarr")
    assert (code, out) == (2, "")
    assert (
        err.startswith("Argument `out` must lie in a directory that can be written, but is ") and err.count("\n") == 1
    )


def test_without_a_command_the_line_says_where_they_are_listed(run):
    refused(run(), "Argument list must begin with a command, but is empty; `evenflow --help` lists them.")


def test_a_number_is_never_cut_off(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = run("compare", "regression", "--spectrum", "1,0.000123456")
    assert not any(digit + "…" in out for digit in "0123456789.")


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_numbers_and_names_stay_whole_in_every_table(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    rules = "gd,egd,newton-schulz,damped:0.1,power:0.5,column-norm"
    _, out, _ = run("compare", "--cause", "--rules", rules)
    assert "…" not in out
    cells = [cell.strip() for line in out.splitlines() if line.startswith("│") for cell in line.split("│")]
    assert {*rules.split(","), "160.282", "1603", "= 690.776", "= 6905"} <= {*cells}


def test_steps_too_many_for_an_integer_are_counted(run):
    out = accepted(run("compare", "--step", "1e-90", "--rules", "gd,egd"))
    assert "1.60282e+92" in out


def test_help_says_whole_what_each_command_does(run):
    _, out, _ = run("--help")
    assert "..." not in out.partition("Commands:")[2]


def test_unwritable_output_is_refused_before_any_work(run, tmp_path):
    file = tmp_path / "file"
    file.touch()
    refused(run("compare", "--out", file), "Argument `out` must be a directory that can be written", "File exists")
    refused(run("compare", "--out", file / "below"), "must be a directory that can be written", "Not a directory")


def test_refused_run_leaves_no_directory(run, tmp_path):
    refused(run("compare", "--threshold", "2", "--out", tmp_path / "new"), "Argument `threshold`")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "text", "attribute", "fragment"),
    [
        ("own_three", "LAW = 3", "LAW", "must name a Rule or an expression in own_three, but LAW is 3."),
        ("own_empty", "", "LAW", "module 'own_empty' has no attribute 'LAW'"),
        ("own_strange", "import sympy\nLAW = sympy.Symbol('x')", "LAW", "no symbols but SIGMA, NORM and INDEX"),
        ("own_import", "import no_such_module_either", "LAW", "No module named 'no_such_module_either'"),
        ("own_error", "raise RuntimeError('boom')", "LAW", "boom"),
        ("own_syntax", "this is not Python", "LAW", "own_syntax"),
        ("own_negative", "from evenflow import SIGMA\nLAW = -SIGMA", "LAW", "Argument `"),
    ],
)
def test_bad_law_of_ones_own_is_one_line(run, module, name, text, attribute, fragment):
    refused(run("compare", "--rules", f"gd,{module(name, text)}:{attribute}"), fragment)


@pytest.mark.parametrize(
    "line",
    [
        "compare --rules gd,egd --start 1e308,1e308",
        "compare --rules gd,egd --weight-decay 1e308",
        "compare --rules gd,egd --step 1e90",
        "compare --rules gd --step 1e-300",
        "compare --rules gd --epsilon 1e-15",
        "compare --rules gd --epsilon 1e-300",
        "compare --rules gd,egd --start 1,1e-300",
        "compare regression --rules gd,egd,frobenius --spectrum 1e300,1e-300",
        "compare regression --rules gd --start 1e300",
        "compare regression --rules gd --start 1e-300",
        "compare --rules damped:1e-300",
        "compare --rules power:1e300",
        "compare --rules newton-schulz:6",
        "compare --rules rsvd:1 --seed 4294967296",
    ],
)
def test_extreme_numbers_are_refused_or_agree(run, line):
    code, out, err = run(*line.split(), "--json")
    if code:
        refused((code, out, err))
        return
    assert err == ""
    for found in json.loads(out, parse_constant=lambda name: pytest.fail(f"JSON holds {name}"))["runs"]:
        same_numbers(found, 0.0 if found["view"] == "descent" else 1e-6)


def test_an_interrupted_command_says_that_it_stopped(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simulations.comparison.compare", interrupted)
    assert run("compare") == (130, "", "Stopped.\n")


def test_only_errors_of_the_parser_are_put_in_one_line():
    assert one_line(RuntimeError("a bug")) is None


# --- accepted runs --------------------------------------------------------------------------------------------------


def process(*arguments):
    command = [sys.executable, "-W", "error", "-m", "evenflow", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_help_in_a_process_of_its_own():
    done = process("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(word in done.stdout for word in ("compare", "derive", "--version"))


def test_version_in_a_process_of_its_own():
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"evenflow {ef.__version__}\n", "")


def test_refusal_in_a_process_of_its_own():
    done = process("compare", "--step", "-0.1", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Argument `step` must be positive, but is -0.1.\n"


def test_help_names_every_option(run):
    out = accepted(run("compare", "--help"))
    options = "epsilon theta angle margin step start weight-decay rules spectrum data threshold seed out json"
    assert all(f"--{name}" in out for name in options.split())
    out = accepted(run("derive", "-h"))
    assert all(f"--{name}" in out for name in ("rule", "view", "format", "json"))


def test_table_shows_predicted_beside_measured(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = accepted(run("compare", "--rules", "gd"))
    assert out.count("1603") == 2
    assert "longest run at 100 % test error" in out
    assert "Largest stable step: gd 0.792037." in out
    assert "nan" not in out.lower()


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        ("factorized --spectrum 3,0.3 --start 3,0.001", True),
        ("regression --spectrum 1,0.1 --start 0,1", True),
        ("regression --spectrum 1", True),
        ("regression --spectrum 1,0.1", False),
        ("folded --start 0,0", False),  # its plateau is another
    ],
)
def test_one_direction_alone_has_no_fastest_and_slowest(run, document, line, waits):
    out = accepted(run("compare", *line.split(), "--rules", "gd,egd"))
    assert ("One direction alone is waited for" in out) == waits
    if waits:
        for one in document("compare", *line.split(), "--rules", "gd,egd")["runs"]:
            assert one["plateau"]["definition"] == "fastest to slowest arrival"
            assert (one["plateau"]["predicted"], one["plateau"]["measured"]) == (None, None)


def test_where_no_direction_learns_there_is_no_table_of_arrivals(run):
    out = accepted(run("compare", "factorized", "--start", "0", "--rules", "gd"))
    assert "2 of 2 directions never learn" in out
    assert "Arrival of each direction" not in out


@pytest.mark.parametrize("line", ["folded --start 0,0", "folded --start 2,2 --rules newton", "wedge --start 0,0"])
def test_a_start_on_the_edge_leaves_it_at_once(document, line):
    """Rounding is no length: neither of the weights, nor of a bisection down to the least positive number."""
    for one in document("compare", *line.split())["runs"]:
        if one["view"] == "flow":
            assert (one["plateau"]["predicted"], one["plateau"]["measured"]) == (0, 0)


@pytest.mark.parametrize(("step", "text"), [("2.0000001", "2.0000001"), ("0.1", "0.1"), ("0.123456789", "0.123457")])
def test_the_header_tells_the_step_from_its_limit(run, step, text):
    out = accepted(run("compare", "regression", "--spectrum", "1", "--rules", "gd,newton", "--step", step))
    assert f" step = {text}, " in out


def test_progress_leaves_nothing_where_there_is_no_terminal(run, monkeypatch):
    monkeypatch.setattr("evenflow.display.PATIENCE", -1.0)
    code, out, err = run("compare", "--rules", "gd", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["model"] == "folded"


def test_names_with_brackets_are_printed_as_they_are(run, tmp_path):
    path = tmp_path / "bracketed[red].csv"
    path.write_text("x[/b],b[i],y\n0,2,3\n0,3,4\n")
    out = accepted(run("compare", "regression", "--data", path, "--rules", "gd"))
    assert "inputs that are always zero: x[/b]" in out
    assert "data = bracketed[red]" in out


# --- the contract of the JSON ---------------------------------------------------------------------------------------

NUMBER = (int, float)
CONTRACT = {
    "default": "compare",
    "regression": "compare regression --rules gd,egd,power:0.5,newton,momentum:0.9",
    "random": "compare --rules random-basis,column-norm,grokfast,truncated:1,damped:0.1 --seed 3",
    "too long a step": "compare --rules gd,newton --step 3",
    "turned": "compare regression --spectrum 1,0.3,0 --seed 5 --rules gd,egd,frobenius",
    "at the minimiser": "compare regression --start 0 --rules gd,egd",
    "one feature at rest": "compare --start 1,0 --rules gd,egd",
    "data": "compare regression --data diabetes --rules gd",
}


@pytest.mark.parametrize("name", CONTRACT)
def test_json_keeps_its_contract(document, name):
    found = document(*CONTRACT[name].split())
    assert list(found) == ["version", "model", "parameters", "runs"]
    assert found["version"] == ef.__version__
    assert found["model"] == ("regression" if "regression" in CONTRACT[name] else "folded")
    assert {"start", "step", "threshold", "seed", "rules", "weight_decay"} <= set(found["parameters"])
    for run in found["runs"]:
        assert set(run) == {
            *("rule", "view", "plateau", "plateaus", "directions", "evaluations"),
            *("largest_stable_step", "censored", "stop_reason"),
        }
        assert run["view"] in ("flow", "descent")
        assert run["plateau"] == run["plateaus"][0]
        default = "longest run at 100 % test error" if found["model"] == "folded" else "fastest to slowest arrival"
        assert run["plateau"]["definition"] == default
        for plateau in run["plateaus"]:
            assert set(plateau) == {"definition", "predicted", "kind", "measured", "unit"}
            assert plateau["kind"] in ("exact", "asymptotic", None)
            assert (plateau["kind"] is None) == (plateau["predicted"] is None)
            assert plateau["unit"] == {"flow": "time", "descent": "steps"}[run["view"]]
            assert all(plateau[key] is None or isinstance(plateau[key], NUMBER) for key in ("predicted", "measured"))
        for direction in run["directions"]:
            assert set(direction) == {"singular_value", "start", "learns", "arrival", "extinction"}
            assert isinstance(direction["learns"], bool)
            assert isinstance(direction["singular_value"], NUMBER) and isinstance(direction["start"], NUMBER)
            for key in ("arrival", "extinction"):
                assert set(direction[key]) == {"predicted", "measured"}
                assert all(value is None or value >= 0 for value in direction[key].values())
                assert direction["learns"] or direction[key] == {"predicted": None, "measured": None}
        assert type(run["evaluations"]) is int and type(run["censored"]) is bool
        assert isinstance(run["stop_reason"], str) and run["stop_reason"]
        assert run["largest_stable_step"] is None or run["largest_stable_step"] > 0
        if run["view"] == "flow" or run["rule"] in ("gd", "newton"):
            same_numbers(run, 1e-7 if run["view"] == "flow" else 0.0)


def test_defaults_are_those_of_the_frozen_options(document):
    found = document("compare")
    assert found["parameters"] == {
        **{"epsilon": 0.01, "theta": math.pi / 4, "margin": 1.0, "weight_decay": 0.0, "start": [1.0, 3.0]},
        **{"step": 0.1, "threshold": 1e-3, "seed": found["parameters"]["seed"]},
        "rules": ["gd", "egd", "frobenius", "newton"],
    }
    plateau = named(found, "gd", "descent")["plateau"]
    assert (plateau["predicted"], plateau["measured"], plateau["kind"]) == (1603, 1603, "exact")


def test_angle_is_theta_and_rules_given_twice_run_once(document):
    found = document("compare", "--angle", "1", "--rules", " gd , gd ", "--start", "1, 3")
    assert found["parameters"]["theta"] == 1.0
    assert [(run["rule"], run["view"]) for run in found["runs"]] == [("gd", "flow"), ("gd", "descent")]


def test_parameters_of_a_regression_are_those_of_the_run(document):
    found = document("compare", "regression", "--spectrum", "2", "--start", "3", "--rules", "gd")
    assert found["parameters"]["start"] == [3.0]
    axes = document("compare", "regression", "--rules", "gd")["parameters"]
    turned = document("compare", "regression", "--rules", "gd", "--seed", "0")["parameters"]
    assert turned["seed"] == 0
    assert axes["seed"] is None  # the directions are the axes: not what --seed 0 gives


def brute_force(epsilon, theta, margin, decay, start, step, threshold=1e-3):
    """Longest run at 100 % and both arrivals by plain iteration, from the density of the Gaussian tail."""
    m1 = math.exp(-(margin**2) / 2) / math.sqrt(2 * math.pi) / (math.erfc(margin / math.sqrt(2)) / 2)
    rates = 1 + margin * m1 + decay, epsilon + decay
    star = m1 / rates[0], 0.0
    errors = [start[i] - star[i] for i in range(2)]
    first, found, run, longest, k = [abs(e) for e in errors], [None, None], 0, 0, 0
    while None in found or run:
        w1, w2 = (star[i] + errors[i] for i in range(2))
        run = run + 1 if w2 >= 0 and w2 * math.cos(theta) >= w1 * math.sin(theta) else 0
        longest = max(longest, run)
        for i in range(2):
            if found[i] is None and abs(errors[i]) <= threshold * first[i]:
                found[i] = k
            errors[i] *= 1 - step * rates[i]
        k += 1
    return longest, found


OFF_CENTRE = [  # ε, θ, margin, weight decay, start, step
    (0.01, 0.3, 1.0, 0.0, (1.0, 3.0), 0.1),
    (0.01, 1.2, 0.0, 0.0, (-1.0, 3.0), 0.37),
    (0.02, 1e-4, 2.0, 0.0, (0.5, 7.0), 0.05),
    (0.9, 1.57, 0.0, 0.0, (1.0, 3000.0), 1.7),  # both directions change sign at every step
    (0.9, 0.4, 0.0, 0.0, (-5.0, 400.0), 1.3),
    (0.05, 0.7, 30.0, 0.0, (1.0, 3.0), 0.0022),  # just below the stable limit
    (0.003, 0.9, 0.5, 0.02, (-2.0, 5.0), 0.3),
    (0.01, 0.9, 0.0, 1.0, (3.0, 50.0), 0.5),  # one step removes the fast error
    (0.2, 0.6, 1.5, 0.0, (4.0, -3.0), 0.2),
    (0.3, 1.0, 1.0, 0.0, (-20.0, -5.0), 0.7),  # beyond the boundary, on the other side: half right
    (0.9, 0.8, 0.0, 0.0, (-30.0, -400.0), 1.9),  # negative start that turns positive every other step
    (0.01, 0.8, 1.0, 10.0, (1.0, 3.0), 0.01),
    (0.01, 0.8, 1.0, 1e-8, (0.1, 0.2), 0.5),
]


@pytest.mark.parametrize("case", OFF_CENTRE, ids=str)
def test_descent_measures_what_is_predicted_to_the_step(document, case):
    epsilon, theta, margin, decay, start, step = case
    found = document(
        *("compare", "--rules", "gd", "--epsilon", epsilon, "--theta", theta, "--margin", margin),
        *("--weight-decay", decay, "--step", step, f"--start={start[0]},{start[1]}"),
    )
    run = named(found, "gd", "descent")
    longest, expected = brute_force(*case)
    assert run["plateau"]["kind"] == "exact"
    assert (run["plateau"]["predicted"], run["plateau"]["measured"]) == (longest, longest)
    assert arrivals(run) == arrivals(run, "predicted") == expected
    same_numbers(named(found, "gd", "flow"), 1e-6)


@pytest.mark.parametrize(
    "case", [(0.01, 0.8, 0.0, "1,3", 0.1), (1e-6, 2.5, 0.01, "-3,1", 1.2), (0.5, 1.2, 0, "-3,1", 0.9)]
)
def test_wedge_measures_what_is_predicted_to_the_step(document, case):
    epsilon, theta, decay, start, step = case
    arguments = ("--epsilon", epsilon, "--theta", theta, "--weight-decay", decay, f"--start={start}", "--step", step)
    found = document("compare", "wedge", "--rules", "gd,egd,newton", *arguments)
    assert found["parameters"]["start"] == [float(number) for number in start.split(",")]
    for name in ("gd", "newton"):
        run = named(found, name, "descent")
        assert run["plateau"]["definition"] == "longest run at 100 % test error"
        assert run["plateau"]["predicted"] == run["plateau"]["measured"] > 0
        same_numbers(run)
    for name in ("gd", "egd", "newton"):
        same_numbers(named(found, name, "flow"), 1e-6)


def test_negative_slow_weight_is_never_wholly_misclassified(document):
    """Far into the run w₁ is negative at every other step and w₂ a negative number too small for an angle."""
    line = "compare --rules gd --epsilon 0.3 --theta 0.3 --margin 0 --start 20,-1 --step 1.9995"
    run = named(document(*line.split()), "gd", "descent")
    assert run["plateau"]["measured"] == 0
    same_numbers(run)


@pytest.mark.parametrize(("theta", "margin", "step"), [(1.2, 0, 0.9), (1e-6, 2, 0.16), (0.8, 1, 0.1)])
def test_zero_start_has_the_predicted_plateau(document, theta, margin, step):
    arguments = ("--start", "0,0", "--epsilon", 0.5, "--theta", theta, "--margin", margin, "--step", step)
    plateau = named(document("compare", "--rules", "gd", *arguments), "gd", "descent")["plateau"]
    assert plateau["predicted"] == plateau["measured"]


def test_plateau_too_long_to_iterate_is_measured_to_the_step(document):
    found = document("compare", "--epsilon", "1e-8", "--rules", "gd", "--start", "-1,3", "--theta", "0.5")
    run = named(found, "gd", "descent")
    assert run["plateau"]["predicted"] == run["plateau"]["measured"] > 1e9
    assert arrivals(run) == arrivals(run, "predicted")
    assert run["evaluations"] <= 100_000 and "exact propagator" in run["stop_reason"]
    assert not run["censored"]


@pytest.mark.parametrize("threshold", ["0.5", "0.9", "1e-6"])
def test_threshold_moves_arrivals_and_not_the_plateau(document, threshold):
    run = named(document("compare", "--rules", "gd", "--threshold", threshold), "gd", "descent")
    assert run["plateau"]["predicted"] == run["plateau"]["measured"] == 1603
    assert arrivals(run) == brute_force(0.01, math.pi / 4, 1.0, 0.0, (1.0, 3.0), 0.1, float(threshold))[1]


def test_weight_decay_shifts_every_prediction_and_measurement_alike(document):
    plain, shifted = (document("compare", "--weight-decay", decay) for decay in ("0", "0.02"))
    for before, after in zip(plain["runs"], shifted["runs"], strict=True):
        if after["rule"] == "gd" or after["view"] == "flow":
            same_numbers(after, 1e-7 if after["view"] == "flow" else 0.0)
        assert after["plateau"]["measured"] < before["plateau"]["measured"] or after["rule"] == "newton"
        for one, other in zip(before["directions"], after["directions"], strict=True):
            assert other["singular_value"] == pytest.approx(one["singular_value"] + 0.02, rel=1e-14)


@pytest.mark.parametrize("decay", [0.3, 10.0])
def test_weight_decay_of_a_regression_adds_to_each_eigenvalue(document, decay):
    found = document("compare", "regression", "--weight-decay", decay, "--step", 0.05, "--rules", "gd,egd")
    descent, flow = named(found, "gd", "descent"), named(found, "gd", "flow")
    rates = [value + decay for value in (1, 0.1, 0.01)]
    assert arrivals(descent) == [math.ceil(math.log(1e-3) / math.log1p(-0.05 * rate)) for rate in rates]
    assert arrivals(descent) == arrivals(descent, "predicted")
    np.testing.assert_allclose(arrivals(flow), [math.log(1e3) / rate for rate in rates], rtol=1e-8)
    same_numbers(named(found, "egd", "flow"), 1e-8)
    assert descent["largest_stable_step"] == pytest.approx(2 / rates[0], rel=1e-14)


def test_unsorted_spectrum_is_accepted_and_sorted(document):
    line = "compare regression --rules gd,egd --spectrum"
    sorted_, unsorted = (document(*line.split(), spectrum) for spectrum in ("1,0.1,0.01", "0.01,1,0.1"))
    assert sorted_ == unsorted
    assert [d["singular_value"] for d in unsorted["runs"][0]["directions"]] == [1, 0.1, 0.01]
    starts = document(*line.split(), "0.01,1,0.1", "--start", "1,2,3")["runs"][0]["directions"]
    assert [d["start"] for d in starts] == [2, 3, 1]  # each with its own eigenvalue


def test_directions_that_never_learn_are_named(document, run):
    line = ("compare", "regression", "--spectrum", "1,0,0.1", "--rules", "gd,egd")
    found = document(*line)
    for one in found["runs"]:
        assert [d["learns"] for d in one["directions"]] == [True, True, False]
        assert one["plateau"]["measured"] is not None
    out = accepted(run(*line))
    assert "1 of 3 directions never learn, their singular value is zero: 3" in out


def test_constant_and_dependent_features_are_accepted(document, run, tmp_path):
    path = tmp_path / "dependent.csv"
    path.write_text("one,a,twice,none,y\n1,2,4,0,1\n1,1,2,0,3\n1,5,10,0,2\n1,0,0,0,5\n")
    line = ("compare", "regression", "--data", path, "--rules", "gd")
    found = document(*line)
    assert [d["learns"] for d in found["runs"][0]["directions"]] == [True, True, False, False]
    same_numbers(named(found, "gd", "descent"))
    out = accepted(run(*line))
    assert (
        "2 of 4 directions never learn, their singular value is zero: 3, 4 (inputs that are always zero: none)" in out
    )


def test_one_input_that_learns_beside_one_that_is_zero(document, tmp_path):
    path = tmp_path / "zero.csv"
    path.write_text("none,a,y\n0,2,3\n0,3,4\n")
    found = document("compare", "regression", "--data", path)
    for one in found["runs"]:
        assert one["directions"][1]["arrival"] == {"predicted": None, "measured": None}
        assert one["view"] == "descent" or one["directions"][0]["arrival"]["measured"] > 0


def test_npz_with_a_test_set_measures_the_error_on_it(document, tmp_path):
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((40, 3)) * [2, 1, 0.5]
    outputs = inputs @ rng.standard_normal((3, 2))
    for name, test in (("own", inputs), ("other", inputs[:, ::-1])):
        arrays = {"X": inputs, "Y": outputs, "X_test": test, "Y_test": outputs}
        np.savez(tmp_path / f"{name}.npz", **arrays)
    np.savez(tmp_path / "none.npz", X=inputs, Y=outputs)
    curves = {}
    for name in ("own", "other", "none"):
        path = tmp_path / f"{name}.npz"
        run = named(document("compare", "regression", "--data", path, "--rules", "gd"), "gd", "descent")
        curves[name] = {p["definition"]: p["measured"] for p in run["plateaus"]}
    crossing = "test error at 5 % of its initial level"
    assert curves["own"]["train-to-test lag at 5 %"] == 0  # the test set is the training set
    assert curves["other"][crossing] is None  # the features change places: the error stays
    assert curves["none"][crossing] not in (None, curves["own"][crossing])


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("compare --rules gd --step 0.8", 0.792037),
        ("compare --rules gd --step 1e90", 0.792037),
        ("compare --rules newton --step 2.5", 2),
        ("compare --rules momentum:0.9 --step 1.6", 1.50487),
        ("compare factorized --rules gd --step 100", 1 / 3),
        ("compare regression --rules gd --step 2", 2),
        ("compare regression --rules gd --step 1 --weight-decay 3", 0.5),
    ],
)
def test_step_above_the_limit_ends_with_a_reason_that_names_it(document, line, limit):
    run = document(*line.split())["runs"][-1]
    step = float(line.split("--step ")[1].split()[0])
    assert f"step {step:.6g} is not below the largest stable step {limit:.6g}" in run["stop_reason"]
    assert run["largest_stable_step"] == pytest.approx(limit, rel=1e-5)
    assert run["censored"]
    assert all(plateau["predicted"] is None for plateau in run["plateaus"])
    assert run["directions"][0]["arrival"] == {"predicted": None, "measured": None}


@pytest.mark.parametrize(("step", "settles"), [("0.7920367", True), ("0.7920369", False)])
def test_stable_limit_is_sharp(document, step, settles):
    run = named(document("compare", "--rules", "gd", "--step", step), "gd", "descent")
    assert (run["stop_reason"].startswith("every direction has arrived")) is settles
    assert ("largest stable step" in run["stop_reason"]) is not settles
    if settles:
        same_numbers(run)


def test_arrival_ratio_follows_the_condition_number(document):
    found = document("compare", "regression", "--spectrum", "1,0.01", "--rules", "gd,egd,power:0.5,newton")
    for rule, power in (("gd", 1), ("egd", 0), ("power:0.5", 0.5), ("newton", 0)):
        for kind in ("predicted", "measured"):
            fast, slow = arrivals(named(found, rule, "flow"), kind)
            assert slow / fast == pytest.approx(100**power, rel=1e-7)


def test_direction_at_rest_has_neither_arrival_nor_extinction_to_wait_for(document):
    run = named(document("compare", "--rules", "egd", "--start", "1,0"), "egd", "flow")
    moving, resting = run["directions"]
    assert moving["extinction"]["predicted"] == pytest.approx(moving["extinction"]["measured"], rel=1e-8)
    assert resting["arrival"] == {"predicted": 0, "measured": 0}
    assert resting["extinction"]["predicted"] == resting["extinction"]["measured"]


# --- files ----------------------------------------------------------------------------------------------------------


def test_out_holds_the_picture_the_parameters_and_every_run(run, tmp_path):
    out = tmp_path / "deep" / "er"
    printed = accepted(run("compare", "--rules", "gd,power:0.5", "--start", "0.5,2", "--out", out, "--json"))
    runs = [("gd", "flow"), ("gd", "descent"), ("power:0.5", "flow"), ("power:0.5", "descent")]
    files = {f"{rule.replace(':', '-')}-{view}.npz" for rule, view in runs}
    assert {path.name for path in out.iterdir()} == files | {f"compare.{end}" for end in ("pdf", "svg", "png", "json")}
    assert (out / "compare.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "compare.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "compare.svg").read_text()
    assert json.loads((out / "compare.json").read_text()) == json.loads(printed)
    again = ef.compare(ef.Folded(), ["gd", "power:0.5"], start=(0.5, 2))
    for rule, view in runs:
        loaded = ef.Trajectory.load(out / f"{rule.replace(':', '-')}-{view}.npz")
        expected = again.run(rule, view).trajectory
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(loaded, name), getattr(expected, name))
        assert all(getattr(loaded, name) == getattr(expected, name) for name in RECORD)


def test_out_keeps_what_a_directory_holds_and_says_where_it_wrote(run, tmp_path, module):
    text = "from evenflow import SIGMA, Rule\nLAW = Rule('a/b [c]', SIGMA)"
    (tmp_path / "keep").touch()
    out = accepted(run("compare", "regression", "--rules", f"{module('own_slash', text)}:LAW", "--out", tmp_path))
    assert "Written to" in out
    assert (tmp_path / "keep").exists() and not (tmp_path / ".evenflow").exists()
    assert len(list(tmp_path.rglob("*.npz"))) == 2


# --- laws of one's own ----------------------------------------------------------------------------------------------

OWN = """
import sympy as sp
from evenflow import SIGMA, Rule
SOFTENED = Rule("softened", SIGMA / (1 + SIGMA))
ROOT = sp.sqrt(SIGMA)
TWICE = Rule("twice", 2 * SIGMA)
GENTLE = Rule("gentle", sp.log(1 + SIGMA))
SQUARE = Rule("gd", SIGMA**2)
"""


@pytest.mark.parametrize("model", ["folded", "regression"])
def test_own_law_runs_and_is_predicted(document, module, model):
    found = document("compare", model, "--rules", f"{module('own_laws', OWN)}:SOFTENED,own_laws:ROOT,power:0.5")
    assert [run["rule"] for run in found["runs"][::2]] == ["softened", "ROOT", "power:0.5"]
    assert [run["view"] for run in found["runs"]] == ["flow", "descent"] * 3
    for run in found["runs"][::2]:
        assert None not in arrivals(run, "predicted")
        same_numbers(run, 1e-7)
    assert arrivals(named(found, "ROOT", "flow")) == arrivals(named(found, "power:0.5", "flow"))


@pytest.mark.parametrize("model", ["folded", "regression"])
def test_own_multiple_of_the_gradient_is_gradient_descent_on_another_clock(document, module, model):
    found = document("compare", model, "--rules", f"gd,{module('own_laws', OWN)}:TWICE")
    flows = named(found, "gd", "flow"), named(found, "twice", "flow")
    np.testing.assert_allclose(arrivals(flows[1]), np.array(arrivals(flows[0])) / 2, rtol=1e-8)
    same_numbers(flows[1], 1e-7)


def test_own_law_whose_speed_is_a_rounded_zero_near_rest(document, module):
    same_numbers(named(document("compare", "--rules", f"{module('own_laws', OWN)}:GENTLE"), "gentle", "flow"), 1e-7)


@pytest.mark.parametrize("model", ["folded", "regression"])
def test_own_law_with_the_name_of_another_is_not_predicted_as_that_one(document, module, model):
    found = document("compare", model, "--rules", f"{module('own_laws', OWN)}:SQUARE", "--threshold", "0.5")
    for run in found["runs"]:
        same_numbers(run, 1e-7 if run["view"] == "flow" else 0.0)


# --- derive ---------------------------------------------------------------------------------------------------------

CHAINS = [
    *((model, rule, "flow") for model in ("folded", "regression") for rule in ("gd", "egd", "ngd", "newton")),
    *((model, rule, "flow") for model in ("folded", "regression") for rule in ("power:0.5", "power:3", "damped:0.1")),
    *(("folded", rule, "flow") for rule in ("frobenius", "newton-schulz", "truncated:1")),
    ("regression", "frobenius", "flow"),
    *((model, rule, "flow") for model in ("wedge", "factorized") for rule in ("egd", "newton")),
    *(
        (model, rule, "descent")
        for model in ("folded", "wedge", "regression", "factorized")
        for rule in ("egd", "newton", "ngd")
    ),
]


@pytest.mark.parametrize(("model", "rule", "view"), CHAINS)
def test_derive_prints_a_checked_chain_in_every_format(run, model, rule, view):
    line = ("derive", model, "--rule", rule, "--view", view)
    text = accepted(run(*line))
    assert text.startswith(f"{model} under {rule}, {view}\n")
    assert "NOT CONFIRMED" not in text
    latex = accepted(run(*line, "--format", "latex"))
    assert latex.startswith("\\documentclass") and latex.endswith("\\end{document}\n")
    out = accepted(run(*line, "--format", "json"))
    assert accepted(run(*line, "--json")) == out
    found = json.loads(out)
    assert set(found) == {"version", "model", "rule", "view", "holds", "steps", "laws"}
    assert (found["model"], found["rule"], found["view"], found["holds"]) == (model, rule, view, True)
    names = [step["name"] for step in found["steps"]]
    assert names[names.index("loss") : names.index("loss") + 2] == ["loss", "gradient"]
    assert {"directions", "mode equations"} <= set(names)
    assert latex.count("\\item[") == len(names) == text.count(", checked]")
    for step in found["steps"]:
        assert set(step) == {"name", "reason", "equation", "sympy", "origin", "holds"}
        assert step["holds"] is True and step["reason"] and step["equation"]
        assert step["origin"] in ("derived", "ansatz", "definition")


def test_derive_takes_a_law_of_ones_own(run, module):
    out = accepted(run("derive", "regression", "--rule", f"{module('own_laws', OWN)}:SOFTENED", "--json"))
    assert json.loads(out)["rule"] == "softened"


def test_derive_with_a_step_that_does_not_hold_says_so_and_fails(run, monkeypatch):
    from theory.models import folded_chain

    chain = folded_chain.derive(ef.rule("gd"), "flow")
    broken = type(chain.steps[0])("wrong", chain.steps[0].equation, "Because.", lambda: 1)
    monkeypatch.setattr(folded_chain, "derive", lambda *_: type(chain)("folded", "gd", "flow", [broken]))
    code, out, _ = run("derive")
    assert code == 1
    assert "NOT CONFIRMED" in out
