"""The cache of derivations: what it may be trusted with, and that nothing depends on it."""

import json
import os
import stat

import pytest
from typer.testing import CliRunner

from evenflow import cache
from evenflow.cli import app
from evenflow.commands import derive
from theory.checks import ArgumentError
from theory.rule_ids import rule

REQUEST = "regression", "egd", "flow", None
ENTRY = {"text": "é", "section": "", "document": {"holds": True}}


@pytest.fixture
def kept():
    cache.store(ENTRY, *REQUEST)
    (place,) = cache.folder().rglob("*.json")
    return place


def printed(*options):
    done = CliRunner().invoke(app, ["derive", "regression", "--rule", "egd", *options])
    assert done.exit_code == 0
    return done.stdout


def test_what_is_kept_comes_back_for_the_same_request_only(kept):
    assert cache.load(*REQUEST) == ENTRY
    assert cache.load("regression", "egd", "descent", None) is None
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == stat.S_IMODE(kept.parent.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("form", ["text", "json", "latex"])
def test_the_second_time_is_the_same_without_deriving(form, monkeypatch):
    first = printed("--format", form)
    monkeypatch.setattr(derive, "chain_of", lambda *given: pytest.fail("derived again"))
    assert printed("--format", form) == first


def test_anew_means_anew(monkeypatch):
    printed()
    monkeypatch.setattr(cache, "load", lambda *given: pytest.fail("read"))
    printed("--fresh")


def test_without_the_cache_nothing_changes(kept):
    real = printed("--fresh")
    for path in sorted(cache.folder().rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    cache.folder().rmdir()
    assert printed() == real
    assert printed() == real


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"entry"',
        "{}",
        json.dumps({"digest": "", "entry": ENTRY}),
        json.dumps({"entry": ENTRY}),
        "\udcff".encode("utf-8", "surrogateescape"),
    ],
)
def test_a_corrupted_entry_is_ignored_and_mended(kept, text):
    kept.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert cache.load(*REQUEST) is None
    assert "NOT CONFIRMED" not in printed()
    assert cache.load(*REQUEST)["document"]["holds"]


def test_one_changed_letter_is_noticed(kept):
    kept.write_text(kept.read_text().replace('"holds": true', '"holds": false'))
    assert cache.load(*REQUEST) is None


@pytest.mark.parametrize("mode", [0o770, 0o702])
@pytest.mark.parametrize("which", ["file", "directory", "folder"])
def test_what_others_can_write_is_not_read(kept, which, mode):
    {"file": kept, "directory": kept.parent, "folder": kept.parent.parent}[which].chmod(mode)
    assert cache.load(*REQUEST) is None


@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_belongs_to_another_is_not_read(kept, monkeypatch, level):
    """The owner of the file, its directory or the folder is made out to be someone else."""
    other = [kept, kept.parent, kept.parent.parent][level].stat()
    lstat, fstat = os.lstat, os.fstat

    def owned(status):
        values = list(status)
        if (status.st_ino, status.st_dev) == (other.st_ino, other.st_dev):
            values[stat.ST_UID] += 1
        return os.stat_result(values)

    monkeypatch.setattr(os, "lstat", lambda path: owned(lstat(path)))
    monkeypatch.setattr(os, "fstat", lambda handle: owned(fstat(handle)))
    assert cache.load(*REQUEST) is None


def test_links_are_not_followed(kept, tmp_path):
    aside = tmp_path / "entry.json"
    kept.rename(aside)
    kept.symlink_to(aside)
    assert cache.load(*REQUEST) is None
    kept.unlink()
    aside.rename(kept)
    assert cache.load(*REQUEST) == ENTRY
    kept.parent.rename(tmp_path / "entries")
    kept.parent.symlink_to(tmp_path / "entries")
    assert cache.load(*REQUEST) is None


def test_nothing_is_written_where_others_can(kept):
    kept.unlink()
    kept.parent.parent.chmod(0o777)
    cache.store(ENTRY, *REQUEST)
    assert not kept.exists()


def test_the_key_goes_with_the_sources_and_the_versions(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    source = tmp_path / "models" / "one.py"
    source.write_text("x = 1\n")
    keys = [cache.key.__wrapped__(tmp_path)]
    source.write_text("x = 2\n")
    keys.append(cache.key.__wrapped__(tmp_path))
    source.rename(tmp_path / "models" / "two.py")
    keys.append(cache.key.__wrapped__(tmp_path))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    keys.append(cache.key.__wrapped__(tmp_path))
    monkeypatch.setattr("sys.version", "4")
    keys.append(cache.key.__wrapped__(tmp_path))
    assert len(set(keys)) == len(keys)
    assert keys[-1] == cache.key.__wrapped__(tmp_path)


def test_other_sources_find_nothing_and_clear_up(kept, monkeypatch):
    monkeypatch.setattr(cache, "key", lambda: "0" * 64)
    assert cache.load(*REQUEST) is None
    cache.store(ENTRY, *REQUEST)
    assert cache.load(*REQUEST) == ENTRY
    assert not kept.exists()


def test_a_place_that_cannot_be_written_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert printed() == printed()


def test_a_rule_of_ones_own_and_a_chain_that_fails_are_not_kept(tmp_path, monkeypatch):
    (tmp_path / "cached_rules.py").write_text("from theory.rules import SIGMA\nhalf = SIGMA / 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "half" in printed("--rule", "cached_rules:half")
    chain = derive.chain_of("regression", __import__("theory.rule_ids").rule_ids.rule("gd"), "flow", None)
    wrong = type(chain.steps[0])("wrong", chain.steps[0].equation, "", lambda: 1)
    broken = type(chain)(chain.model, chain.rule, chain.view, [wrong])
    monkeypatch.setattr(derive, "chain_of", lambda *given: broken)
    assert CliRunner().invoke(app, ["derive", "regression"]).exit_code == 1
    assert not list(cache.folder().rglob("*.json"))


def test_all_is_every_model_rule_and_view(monkeypatch):
    asked = []

    def rendered(*request):
        asked.append(request[:4])
        return ENTRY

    monkeypatch.setattr(derive, "rendered", rendered)
    done = CliRunner().invoke(app, ["derive", "--all", "--json"])
    each = 2 * len(derive.RULES) + len(derive.FLOWS)
    assert len(json.loads(done.stdout)) == len(set(asked)) == len(derive.MODELS) * each
    assert ("factorized", "frobenius", "flow", None) in asked
    assert CliRunner().invoke(app, ["derive", "--all"]).stdout.count("é") == len(asked) // 2


@pytest.mark.parametrize("model", derive.MODELS)
def test_all_has_every_kind_of_rule_with_a_derivation_for_every_model(model):
    both = set(derive.RULES)
    for name in (*derive.RULES, *derive.FLOWS, "grokfast"):
        views = [view for view in derive.VIEWS if has_chain(model, name, view)]
        assert views == ["flow", "descent"] if name in both else ("flow" in views) == (name in derive.FLOWS)


def has_chain(model, name, view):
    try:
        return bool(derive.chain_of(model, rule(name), view, None).steps)
    except ArgumentError:
        return False
