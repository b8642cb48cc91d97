"""The benchmarks: each can still be loaded with what the tests install; their peers are imported when they run."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_loads(script):
    assert callable(runpy.run_path(str(script))["main"])
