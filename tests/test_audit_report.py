"""The report of an audit: what it holds, and that it is whole or absent."""

import dataclasses
import json
import re
import shutil
import sys
import xml.dom.minidom

import pytest

import figures.audit_report.writing as report
from evenflow.cli import main
from figures.audit import figure
from figures.audit_report.page import page
from simulations.audit import examine
from simulations.examiners.trial import compared
from theory.checks import ArgumentError
from theory.claims import claim


@pytest.fixture(scope="module")
def findings():
    return [examine(claim(name)) for name in ("E1", "E2")]


def line(axes, kind):
    return next(line for line in axes.lines if line.get_gid() == kind)


def test_a_figure_has_a_panel_for_every_law_with_a_counterexample(findings):
    panels = figure(findings[1]).axes
    assert [panel.get_title(loc="left").partition(":")[0] for panel in panels] == ["norm", "fisher", "change"]
    assert panels[0].get_xlabel() == "rank by rows"
    x, y = line(panels[0], "measured").get_data()
    assert y == pytest.approx(x)  # r/m over r/m
    assert set(line(panels[0], "claimed").get_ydata()) == {1.0}


def test_a_figure_shows_trials_that_differ_in_one_parameter_and_no_others(findings):
    loose = [compared({"a": a / 7, "b": a}, 1.0, a, a, 1e-9) for a in range(1, 200)]
    swept = [compared({"a": 0.05, "b": 1000 + b}, 1.0, b, b, 1e-9) for b in range(10)]
    finding = dataclasses.replace(findings[1], trials=(*loose, *swept))
    (panel,) = figure(finding).axes
    assert panel.get_xlabel() == "b"
    assert list(line(panel, "measured").get_xdata()) == [1000 + b for b in range(10)]


def test_zeros_do_not_make_room_for_negative_values(findings):
    trials = [compared({"a": 10.0**-a}, 10.0**a, 0.0, 0.0, 1e-9) for a in range(1, 9)]
    (panel,) = figure(dataclasses.replace(findings[1], trials=tuple(trials))).axes
    low, high = panel.get_ylim()
    assert panel.get_yscale() == "symlog" and high > 1e8
    assert not [tick for tick in panel.get_yticks() if low <= tick < 0]


def test_a_claim_without_counterexample_has_no_figure(findings):
    with pytest.raises(ArgumentError, match="Argument `finding` must hold a trial against its claim"):
        figure(findings[0])


def test_the_page_needs_nothing_else(findings):
    text = page(findings, "0.1.0", {"E2": "data:image/svg+xml;base64,"})
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"https?:|@import|<script|<link", text)
    xml.dom.minidom.parseString(text.partition("<body>")[2].join(("<body>", "")).replace("</html>", ""))


def test_the_page_says_what_was_found(findings):
    text = page(findings, "0.1.0")
    assert '<h2 id="E2">E2: <span class="verdict corrected">corrected</span></h2>' in text
    assert "1 holds, 1 corrected" in text
    assert text.count("<b>Instead:</b>") == 1


def test_a_report_is_written_whole(findings, tmp_path, monkeypatch):
    monkeypatch.setattr(report.shutil, "which", lambda name: None)
    assert report.write(findings, tmp_path / "new" / "out", "0.1.0") == "pdflatex is not installed"
    found = sorted(str(path.relative_to(tmp_path / "new" / "out")) for path in (tmp_path / "new").rglob("*.*"))
    assert found == ["audit.json", "figures/E2.pdf", "figures/E2.png", "report.html", "report.tex"]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    document = json.loads((tmp_path / "new" / "out" / "audit.json").read_text())
    assert [one["verdict"] for one in document["claims"]] == ["holds", "corrected"]


def test_a_directory_that_is_there_keeps_its_other_files(findings, tmp_path, monkeypatch):
    monkeypatch.setattr(report.shutil, "which", lambda name: None)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "report.html").write_text("old")
    (tmp_path / "report.pdf").write_text("of another audit")
    report.write(findings, tmp_path, "0.1.0")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not (tmp_path / "report.pdf").exists()  # this audit has none
    assert "E2" in (tmp_path / "report.html").read_text()
    assert not list(tmp_path.glob(".evenflow*"))


@pytest.mark.parametrize("there", [False, True])
def test_an_interrupted_report_leaves_nothing(findings, tmp_path, monkeypatch, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()
    monkeypatch.setattr(report, "tex", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        report.write(findings, out, "0.1.0")
    assert list(tmp_path.rglob("*")) == ([out] if there else [])


def test_latex_that_does_not_compile_is_told_of(findings, tmp_path, monkeypatch):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    monkeypatch.setattr(report, "tex", lambda *_: r"\documentclass{article}\begin{document}\nothing\end{document}")
    assert report.write(findings[:1], tmp_path, "0.1.0") == "pdflatex says ! Undefined control sequence."
    assert (tmp_path / "report.tex").exists()
    assert not (tmp_path / "report.pdf").exists()


def test_the_latex_compiles(findings, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    assert report.write(findings, tmp_path / "out", "0.1.0") == ""
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_command_writes_the_report_and_says_where(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["evenflow", "audit", "E3", "--out", str(tmp_path / "out")])
    monkeypatch.setattr(report.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert f"Written to {tmp_path / 'out'}, without report.pdf: pdflatex is not installed." in said
    assert "EGD = F^(1/2) NGD" in said
    assert "\\" not in said.partition("Written to")[0]


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", ["evenflow", "audit", "--out", str(tmp_path / "file")])
    monkeypatch.setattr("simulations.audit.examine", lambda *_: pytest.fail("work was done"))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert re.fullmatch(r"Argument `out` must be a directory that can be written, but .*\n", capsys.readouterr().err)


def test_the_same_seed_gives_the_same_files(findings, tmp_path, monkeypatch):
    monkeypatch.setattr(report.shutil, "which", lambda name: None)
    for name in ("one", "two"):
        report.write(findings, tmp_path / name, "0.1.0")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert all((tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes() for path in files)


def test_a_figure_shows_negative_numbers_of_many_sizes(findings):
    trials = tuple(compared({"a": a}, -1e-6, -(2.0**a), -(2.0**a), 1e-9) for a in range(20))
    (panel,) = figure(dataclasses.replace(findings[1], trials=trials)).axes
    assert panel.get_yscale() == "symlog"
    assert list(line(panel, "measured").get_ydata()) == [-(2.0**a) for a in range(20)]
