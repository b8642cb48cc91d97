"""Loading of data sets, every refusal's message, and exactness of the folded model's samples."""

from __future__ import annotations

import io
import math
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_ndtr

from simulations.classifier_samples import sample_folded_test, sample_folded_training, sample_wedge
from simulations.datasets import load
from theory.checks import ArgumentError, ArgumentTypeError

SIGMAS = 5  # bound of every sampling check: a correct sampler fails one in 1.7 million such checks


def npy(array: Any, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_one(value: float) -> np.ndarray:
    table = np.ones((3, 2))
    table[1, 0] = value
    return table


X, Y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
HUGE_HEADER = npy(X).replace(b"(3, 2), }" + b" " * 12, b"(3000000000000, 2), }")
BROKEN_CRC = npz(X=X, Y=Y).replace(X.tobytes(), (X + 1).tobytes())

REFUSED = {
    # csv
    "text": ("a.csv", b"1,2\n3,abc\n", "hold numbers only, but row 2, column 2 of 'a.csv' holds the text 'abc'"),
    "text below header": ("a.csv", b"u,y\n1,2\nx,4\n", "row 3, column 1 ('u') of 'a.csv' holds the text 'x'"),
    "text beside number in row 1": ("a.csv", b"u,2\n1,2\n", "row 1, column 1 of 'a.csv' holds the text 'u'"),
    "underscore": ("a.csv", b"1,2\n1_0,2\n", "row 2, column 1 of 'a.csv' holds the text '1_0'"),
    "other digits": ("a.csv", "1,2\n٣,2\n".encode(), "row 2, column 1 of 'a.csv' holds the text '٣'"),
    "long text": ("a.csv", b"1,2\n" + b"q" * 999 + b",1\n", f"holds the text '{'q' * 40}…'"),
    "quoted line breaks": ("a.csv", b'1,2\n"a\nb",2\n', r"row 3, column 1 of 'a.csv' holds the text 'a\nb'"),
    "line break in header": ("a.csv", b'"a\nb",y\nk,2\n', r"row 3, column 1 ('a\nb') of 'a.csv' holds the text 'k'"),
    "empty cell": ("a.csv", b"1,2\n3, \n", "have no empty cell, but row 2, column 2 of 'a.csv' is empty"),
    "empty cell below header": ("a.csv", b"u,y\n,2\n", "row 2, column 1 ('u') of 'a.csv' is empty"),
    "last row of empty cells": ("a.csv", b"1,2\n3,4\n,\n", "row 3, column 1 of 'a.csv' is empty"),
    "empty title": ("a.csv", b",y\n1,2\n3,4\n", "row 1, column 1 of 'a.csv' is empty"),
    "ragged short": ("a.csv", b"1,2,3\n1,2\n", "in every row, but row 2 of 'a.csv' has 2 and should have 3"),
    "ragged long": ("a.csv", b"u,y\n1,2\n1,2,3\n", "in every row, but row 3 of 'a.csv' has 3 and should have 2"),
    "blank line inside": ("a.csv", b"1,2\n\n3,4\n", "row 2 of 'a.csv' has 0 and should have 2"),
    "nan": ("a.csv", b"1,2\n3,4\nnan,6\n", "hold finite numbers, but row 3, column 1 of 'a.csv' is nan"),
    "nan in row 1": ("a.csv", b"nan,nan\n3,4\n", "hold finite numbers, but row 1, column 1 of 'a.csv' is nan"),
    "inf below header": ("a.csv", b"u,y\n1,2\n3,-inf\n", "but row 3, column 2 ('y') of 'a.csv' is -inf"),
    "overflow": ("a.csv", b"1,2\n1e400,2\n", "hold finite numbers, but row 2, column 1 of 'a.csv' is inf"),
    "huge": ("a.csv", b"1,2\n3,-1e101\n", "lie within ±1e+100, but row 2, column 2 of 'a.csv' is -1e+101"),
    "one sample": ("a.csv", b"1,2\n", "hold at least two samples, but 'a.csv' holds 1"),
    "header alone": ("a.csv", b"u,y\n", "hold at least two samples, but 'a.csv' holds 0"),
    "no feature": ("a.csv", b"1\n2\n", "have a feature column and an output column, but 'a.csv' has 0 feature and 1"),
    "outputs alone": ("a.csv", b"y_a,y_b\n1,2\n3,4\n", "but 'a.csv' has 0 feature and 2 output columns"),
    "empty csv": ("a.csv", b"", "hold samples, but 'a.csv' is empty"),
    "blank csv": ("a.csv", b"\xef\xbb\xbf\r\n  \r\n", "hold samples, but 'a.csv' is empty"),
    "utf-16": ("a.csv", "1,2\n3,4\n".encode("utf-16"), "be UTF-8 text, but byte 1 of 'a.csv' is not"),
    "latin-1": ("a.csv", b"u,y\n1,\xe9\n", "be UTF-8 text, but byte 7 of 'a.csv' is not"),
    "open quote": ("a.csv", b'1,2\n3,"4\n', "be comma-separated text, but line 2 of 'a.csv' gives"),
    # npy
    "npy 1-D": ("a.npy", npy(Y), "have 2 dimensions, but 'a.npy' has 1"),
    "npy 3-D": ("a.npy", npy(np.ones((2, 2, 2))), "have 2 dimensions, but 'a.npy' has 3"),
    "npy 0-D": ("a.npy", npy(1.0), "have 2 dimensions, but 'a.npy' has 0"),
    "npy nan": ("a.npy", npy(with_one(np.nan)), "hold finite numbers, but row 2, column 1 of 'a.npy' is nan"),
    "npy inf": ("a.npy", npy(with_one(-np.inf)), "hold finite numbers, but row 2, column 1 of 'a.npy' is -inf"),
    "npy long double": (
        "a.npy",
        npy(with_one(1).astype("g") * np.longdouble("1e400")),
        "row 1, column 1 of 'a.npy' is inf",
    ),
    "npy huge": ("a.npy", npy(with_one(1.1e100)), "within ±1e+100, but row 2, column 1 of 'a.npy' is 1.1e+100"),
    "npy one sample": ("a.npy", npy(np.ones((1, 3))), "hold at least two samples, but 'a.npy' holds 1"),
    "npy no sample": ("a.npy", npy(np.ones((0, 3))), "hold at least two samples, but 'a.npy' holds 0"),
    "npy no feature": ("a.npy", npy(np.ones((3, 1))), "but 'a.npy' has 0 feature and 1 output columns"),
    "npy no column": ("a.npy", npy(np.ones((3, 0))), "but 'a.npy' has 0 feature and 0 output columns"),
    "npy complex": ("a.npy", npy(X * 1j), "hold real numbers, but 'a.npy' has dtype complex128"),
    "npy text": ("a.npy", npy(np.array([["a", "b"]])), "hold real numbers, but 'a.npy' has dtype <U1"),
    "npy dates": ("a.npy", npy(np.zeros((2, 2), "m8[s]")), "hold real numbers, but 'a.npy' has dtype timedelta64"),
    "npy objects": ("a.npy", npy(X.astype(object), True), "but 'a.npy' holds pickled objects or no array"),
    "npy pickle": ("a.npy", pickle.dumps([1, 2]), "be arrays of numbers, but 'a.npy' holds pickled objects"),
    "npy garbage": ("a.npy", b"garbage", "be arrays of numbers, but 'a.npy' holds pickled objects or no array"),
    "npy cut": ("a.npy", npy(X)[:-8], "be a file that NumPy can read, but 'a.npy' is corrupt: "),
    "npy cut header": ("a.npy", npy(X)[:20], "be a file that NumPy can read, but 'a.npy' is corrupt: "),
    "npy huge header": ("a.npy", HUGE_HEADER, "be a file that NumPy can read, but 'a.npy' is corrupt: "),
    "npy long header": ("a.npy", npy(np.zeros((2, 2), [("n" * 20_000, "f8")])), "is corrupt: 'Header info length"),
    "npy empty": ("a.npy", b"", "hold samples, but 'a.npy' is empty"),
    "npz as npy": ("a.npy", npz(X=X, Y=Y), "but 'a.npy' is an npz archive"),
    # npz
    "npz no Y": ("a.npz", npz(X=X, Z=Y), "hold X and Y, but 'a.npz' holds X, Z"),
    "npz no X": ("a.npz", npz(Y=Y), "hold X and Y, but 'a.npz' holds Y"),
    "npz nothing": ("a.npz", zipped(), "hold X and Y, but 'a.npz' holds no named array"),
    "npy as npz": ("a.npz", npy(X), "hold X and Y, but 'a.npz' holds no named array"),
    "npz X_test alone": ("a.npz", npz(X=X, Y=Y, X_test=X), "hold X and X_test and Y and Y_test, but 'a.npz' holds"),
    "npz samples": ("a.npz", npz(X=X, Y=Y[:2]), "have as many samples in X as in Y, but 'a.npz' has 3 and 2"),
    "npz one sample": ("a.npz", npz(X=X[:1], Y=Y[:1]), "hold at least two samples, but 'a.npz' holds 1"),
    "npz no feature": ("a.npz", npz(X=X[:, :0], Y=Y), "but 'a.npz' has 0 feature and 1 output columns"),
    "npz no output": ("a.npz", npz(X=X, Y=X[:, :0]), "but 'a.npz' has 2 feature and 0 output columns"),
    "npz 1-D X": ("a.npz", npz(X=Y, Y=Y), "have 2 dimensions, but X of 'a.npz' has 1"),
    "npz 3-D Y": ("a.npz", npz(X=X, Y=np.ones((3, 1, 1))), "have 1 or 2 dimensions, but Y of 'a.npz' has 3"),
    "npz nan": ("a.npz", npz(X=with_one(np.nan), Y=Y), "but row 2, column 1 of X of 'a.npz' is nan"),
    "npz inf in 1-D Y": ("a.npz", npz(X=X, Y=[0, 1, np.inf]), "but row 3, column 1 of Y of 'a.npz' is inf"),
    "npz nan in test": ("a.npz", npz(X=X, Y=Y, X_test=with_one(np.nan), Y_test=Y), "column 1 of X_test of 'a.npz'"),
    "npz complex": ("a.npz", npz(X=X, Y=Y * 1j), "hold real numbers, but Y of 'a.npz' has dtype complex128"),
    "npz objects": ("a.npz", npz(X=X, Y=Y.astype(object)), "but 'a.npz' holds pickled objects or no array"),
    "npz not arrays": ("a.npz", zipped(X=b"1", Y=b"2"), "hold real numbers, but X of 'a.npz' has dtype |S1"),
    "npz test features": ("a.npz", npz(X=X, Y=Y, X_test=X[:, :1], Y_test=Y), "X_test of shape (n, 2) and Y_test"),
    "npz test outputs": ("a.npz", npz(X=X, Y=Y, X_test=X, Y_test=X), "'a.npz' has (3, 2) and (3, 2)"),
    "npz test samples": ("a.npz", npz(X=X, Y=Y, X_test=X, Y_test=Y[:2]), "'a.npz' has (3, 2) and (2, 1)"),
    "npz no test sample": ("a.npz", npz(X=X, Y=Y, X_test=X[:0], Y_test=Y[:0]), "'a.npz' has (0, 2) and (0, 1)"),
    "npz cut": ("a.npz", npz(X=X, Y=Y)[:-30], "be a file that NumPy can read, but 'a.npz' is corrupt: "),
    "npz checksum": ("a.npz", BROKEN_CRC, "be a file that NumPy can read, but 'a.npz' is corrupt: \"Bad CRC-32"),
    "npz garbage": ("a.npz", b"garbage", "be arrays of numbers, but 'a.npz' holds pickled objects or no array"),
    "npz empty": ("a.npz", b"", "hold samples, but 'a.npz' is empty"),
    # other endings
    "unknown ending": (
        "a.txt",
        b"1,2\n",
        "be digits, diabetes or a path ending in .csv, .npy or .npz, but is 'a.txt'.",
    ),
}


def assert_refused(source: Any, part: str, error: type[Exception] = ArgumentError) -> None:
    with pytest.raises(error) as caught:
        load(source)
    message = str(caught.value)
    assert message.startswith("Argument `data` must ")
    assert message.endswith(".") and not message.endswith("..") and len(message.splitlines()) == 1
    assert part in message
    assert "allow_pickle" not in message


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "content", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_file_is_refused_in_one_line(
    name: str, content: bytes, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    assert_refused(name, part)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("missing.csv", "name an existing file, but there is no 'missing.csv'."),
        ("missing\n.npz", r"there is no 'missing\n.npz'."),
        ("digit", "ending in .csv, .npy or .npz, but is 'digit' (did you mean digits?)."),
        ("Diabetis", "but is 'Diabetis' (did you mean diabetes?)."),
        ("unlike", "but is 'unlike'."),
        ("folder.csv", "name a file, but 'folder.csv' is a directory."),
        ("folder.csv/none/a.npy", "there is no 'folder.csv/none/a.npy'."),
        ("", "name a file, but '.' is a directory."),
        ("n" * 5000 + ".csv", "name a readable file, but 'nnn"),
        ("a\0.csv", r"name a readable file, but 'a\x00.csv' gives"),
    ],
)
def test_bad_path_is_refused_in_one_line(
    source: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    assert_refused(source, part)


def test_unreadable_file_and_wrong_type_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert_refused(tmp_path / "a.csv", "a.csv' gives 'Permission denied'.")
    assert_refused(3, "be a name or a path, but is of type int.", ArgumentTypeError)


def test_pickle_is_never_run(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    objects = np.array([[Touch(), Touch()]], dtype=object)
    files = {"a.npy": npy(objects, True), "b.npy": pickle.dumps(Touch()), "c.npz": npz(X=objects, Y=Y)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert_refused(tmp_path / name, "holds pickled objects")
    assert not (tmp_path / "ran").exists()


TABLE = np.array([[1.5, -2.0, 3e-7, 1.0], [0.1, 5.0, 3e-7, 0.0], [7.25, 1e100, 3e-7, -1.0]])
BODY = "\n".join(",".join(map(repr, row)) for row in TABLE.tolist())


@pytest.mark.parametrize("header", ["", "a,b,c,d\n", "a,y,c,year\n", "y_1,b,y2,d\n", ' "a" , b,yes,"y"\n'])
@pytest.mark.parametrize("break_", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n \n"])
def test_csv_round_trip(header: str, break_: str, start: str, end: str, tmp_path: Path) -> None:
    outputs, names = {
        "": ([3], ("x1", "x2", "x3", "y")),
        "a,b,c,d\n": ([3], ("a", "b", "c", "d")),
        "a,y,c,year\n": ([1], ("a", "y", "c", "year")),
        "y_1,b,y2,d\n": ([0, 2], ("y_1", "b", "y2", "d")),
        ' "a" , b,yes,"y"\n': ([3], ('"a"', "b", "yes", "y")),
    }[header]
    features = [k for k in range(4) if k not in outputs]
    path = tmp_path / "own data.csv"
    path.write_bytes((start + header + BODY + end).replace("\n", break_).encode())
    data = load(str(path))
    np.testing.assert_array_equal(data.inputs, TABLE[:, features])
    np.testing.assert_array_equal(data.outputs, TABLE[:, outputs])
    assert data.feature_names == tuple(names[k] for k in features)
    assert data.output_names == tuple(names[k] for k in outputs)
    assert data.name == "own data" and data.test_inputs is None and data.test_outputs is None


def test_endings_are_read_in_either_case(tmp_path: Path) -> None:
    (tmp_path / "A.CSV").write_text(BODY)
    np.testing.assert_array_equal(load(tmp_path / "A.CSV").inputs, TABLE[:, :3])


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i1", "u8", "?", "g"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_round_trip(dtype: str, order: Any, tmp_path: Path) -> None:
    table = np.array([[1, 0, 1], [0, 0, 1]]).astype(dtype, order=order)
    np.save(tmp_path / "a.npy", table)
    data = load(tmp_path / "a.npy")
    assert data.inputs.dtype == data.outputs.dtype == np.dtype("float64")  # native byte order too
    np.testing.assert_array_equal(data.inputs, [[1, 0], [0, 0]])
    np.testing.assert_array_equal(data.outputs, [[1], [1]])
    assert (data.name, data.feature_names, data.output_names) == ("a", ("x1", "x2"), ("y",))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("outputs", [Y, Y[:, None], np.column_stack((Y, -Y))])
@pytest.mark.parametrize("tested", [False, True])
def test_npz_round_trip(save: Callable[..., None], outputs: np.ndarray, tested: bool, tmp_path: Path) -> None:
    extra = {"X_test": X[1:] + 1, "Y_test": outputs[1:] + 1} if tested else {}
    save(tmp_path / "a.npz", X=X, Y=outputs, other=np.array("text"), **extra)
    data = load(tmp_path / "a.npz")
    expected = outputs.reshape(3, -1)
    np.testing.assert_array_equal(data.inputs, X)
    np.testing.assert_array_equal(data.outputs, expected)
    assert data.feature_names == ("x1", "x2")
    assert data.output_names == (("y",) if expected.shape[1] == 1 else ("y1", "y2"))
    if not tested:
        assert data.test_inputs is None and data.test_outputs is None
    else:
        np.testing.assert_array_equal(data.test_inputs, X[1:] + 1)
        np.testing.assert_array_equal(data.test_outputs, expected[1:] + 1)


def test_digits() -> None:
    data = load("digits")
    assert data.inputs.shape == (1797, 64) and data.outputs.shape == (1797, 10)
    assert data.inputs.dtype == data.outputs.dtype == np.float64
    assert data.inputs.min() == 0 and data.inputs.max() == 16
    assert np.sum(np.ptp(data.inputs, axis=0) == 0) == 3
    np.testing.assert_array_equal(np.sort(data.outputs, axis=1), np.tile([0.0] * 9 + [1.0], (1797, 1)))
    np.testing.assert_array_equal(np.argmax(data.outputs[:10], axis=1), np.arange(10))
    assert (data.name, len(data.feature_names), data.output_names[3]) == ("digits", 64, "digit 3")


def test_diabetes() -> None:
    data = load("diabetes")
    assert data.inputs.shape == (442, 10) and data.outputs.shape == (442, 1)
    assert abs(data.outputs.mean()) < 1e-14 and abs(data.outputs.std() - 1) < 1e-14  # rounding of 442 terms
    assert data.outputs[0, 0] == pytest.approx((151 - 152.133484) / 77.005746, abs=1e-7)  # printed moments
    assert (data.name, data.feature_names[0], data.output_names) == ("diabetes", "age", ("progression",))


def assert_mean(values: np.ndarray, expected: float) -> None:
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - expected) < SIGMAS * error, (values.mean(), expected, error)


def assert_uniform(values: np.ndarray) -> None:
    assert stats.kstest(values, "uniform").pvalue > 1e-6


def mean_excess(margin: float) -> float:
    """Return E|z₁| − s = φ(s)/Q(s) − s."""
    if margin >= 1e4:  # the series is exact to rounding, the difference is not
        return 1 / margin - 2 / margin**3
    log_density = -(margin**2) / 2 - math.log(2 * math.pi) / 2
    return float(np.exp(log_density - log_ndtr(-margin))) - margin


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0, 5.0, 30.0, 1e4])
def test_training_sample_has_the_truncated_moments_and_law(margin: float) -> None:
    inputs, labels = sample_folded_training(0.3, margin, 100_000, 1)
    distance = np.abs(inputs[:, 0])
    excess = mean_excess(margin)
    assert distance.min() >= margin
    assert np.all(inputs[:, 0] * labels > 0)
    assert_mean(distance - margin, excess)
    assert_mean(distance**2 - margin**2, 1 + margin * excess)
    assert_mean(labels, 0)
    assert_mean(inputs[:, 1], 0)
    assert_mean(inputs[:, 1] ** 2, 0.3)
    assert_mean(inputs[:, 1] * labels, 0)
    assert_mean(inputs[:, 1] ** 2 * (distance - margin), 0.3 * excess)
    if margin < 1e4:  # log_ndtr's own rounding, s²/2 times 1e-16, would be visible beyond
        assert_uniform(np.exp(log_ndtr(-distance) - log_ndtr(-margin)))
    assert_uniform(stats.norm.cdf(inputs[:, 1] / math.sqrt(0.3)))


def monomials(z: np.ndarray) -> np.ndarray:
    a, b = z.T
    c, d = np.abs(z.T)
    return np.array([a, b, c, d, a**2, b**2, a * b, c * b, a * d, c**3, a**2 * b**2])


def compare_with_rejection(drawn: np.ndarray, accepted: np.ndarray) -> None:
    """Compare moments within `SIGMAS` joint standard errors, and marginals by ks_2samp."""
    left, right = monomials(drawn), monomials(accepted)
    error = np.hypot(left.std(axis=1) / math.sqrt(len(drawn)), right.std(axis=1) / math.sqrt(len(accepted)))
    assert np.all(np.abs(left.mean(axis=1) - right.mean(axis=1)) < SIGMAS * error)
    for column in range(2):
        assert stats.ks_2samp(drawn[:, column], accepted[:, column]).pvalue > 1e-6


def test_training_sample_agrees_with_rejection() -> None:
    z = np.random.default_rng(2).standard_normal((1_000_000, 2)) * [1, math.sqrt(0.3)]
    accepted = z[np.abs(z[:, 0]) >= 0.7]
    compare_with_rejection(sample_folded_training(0.3, 0.7, 200_000, 3)[0], accepted)


@pytest.mark.parametrize("theta", [0.1, math.pi / 4, 1.4])
def test_test_sample_agrees_with_rejection(theta: float) -> None:
    z = np.random.default_rng(4).standard_normal((2_000_000, 2)) * [1, math.sqrt(0.3)]
    accepted = z[(z @ [math.cos(theta), math.sin(theta)]) * z[:, 0] <= 0]
    compare_with_rejection(sample_folded_test(0.3, theta, 200_000, 5)[0], accepted)


@pytest.mark.parametrize("theta", [0.1, math.pi / 2, 2.5, 3.1])
def test_wedge_sample_agrees_with_rejection(theta: float) -> None:
    z = np.random.default_rng(8).standard_normal((2_000_000, 2)) * [1, math.sqrt(0.3)]
    accepted = z[(z @ [math.cos(theta), math.sin(theta)]) * z[:, 0] <= 0]
    inputs, labels = sample_wedge(0.3, theta, 200_000, 9)
    assert np.all(inputs[:, 0] * labels > 0)
    compare_with_rejection(inputs, accepted)


@pytest.mark.parametrize("epsilon", [1e-8, 0.01, 0.3, 1 - 1e-9])
@pytest.mark.parametrize("theta", [1e-6, 0.3, math.pi / 4, 1.5, math.pi / 2 - 1e-9])
def test_test_sample_has_the_sector_moments(epsilon: float, theta: float) -> None:
    inputs, labels = sample_folded_test(epsilon, theta, 100_000, 6)
    z1, z2 = inputs.T
    width = math.atan(math.sqrt(epsilon) * math.tan(theta))
    scale = math.sin(width)  # z₁ is at most of this order
    assert np.all(z1 * labels > 0) and set(np.unique(labels)) == {-1.0, 1.0}
    assert np.all((z1 * math.cos(theta) + z2 * math.sin(theta)) * labels <= 1e-14 * np.abs(z1))  # rounding
    assert_mean(labels, 0)
    assert_mean(np.abs(z1) / scale, math.sqrt(math.pi / 2) * 2 * math.sin(width / 2) ** 2 / width / scale)
    assert_mean(-z1 * z2 / math.sqrt(epsilon) / scale, scale / width)
    assert_mean(z2**2 / epsilon, 1 + math.sin(2 * width) / (2 * width))
    assert_mean(-z2 * labels / math.sqrt(epsilon), math.sqrt(math.pi / 2) * math.sin(width) / width)
    assert_uniform(np.arctan2(z1 * labels, -z2 * labels / math.sqrt(epsilon)) / width)
    assert_uniform(np.exp(-(z1**2 + z2**2 / epsilon) / 2))


@pytest.mark.parametrize("draw", [sample_folded_training, sample_folded_test, sample_wedge])
def test_samples_depend_on_the_generator_alone(draw: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    first, labels = draw(0.3, 1.0, 50, 7)
    again, _ = draw(0.3, 1.0, 50, np.random.default_rng(7))
    np.testing.assert_array_equal(first, again)
    generator = np.random.default_rng(7)
    assert not np.array_equal(draw(0.3, 1.0, 50, generator)[0], draw(0.3, 1.0, 50, generator)[0])
    assert first.shape == (50, 2) and labels.shape == (50,) and first.dtype == labels.dtype == np.float64
    assert draw(0.3, 1.0, np.int64(1), np.int64(0))[0].shape == (1, 2)


class ZeroUniform(np.random.Generator):
    """A generator whose uniform numbers are all 0, the end that `random` may reach."""

    def random(self, *args: Any, **kwargs: Any) -> Any:
        return np.zeros(args[0])


def test_ends_of_the_uniform_law_stay_in_the_domain() -> None:
    for margin in np.linspace(0, 30, 61):
        inputs, _ = sample_folded_training(0.3, margin, 1, ZeroUniform(np.random.PCG64(0)))
        assert margin <= abs(inputs[0, 0]) <= margin + 1e-14  # a few units in the last place of 30
    inputs, _ = sample_folded_test(0.3, 1.0, 3, ZeroUniform(np.random.PCG64(0)))
    assert np.all(inputs[:, 0] != 0)


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (sample_folded_training, (0.0, 1, 5, 0), "Argument `epsilon` must lie in (0, 1), but is 0."),
        (sample_folded_training, (1, 1, 5, 0), "Argument `epsilon` must lie in (0, 1), but is 1."),
        (sample_folded_training, (0.5, -1, 5, 0), "Argument `margin` must be zero or positive, but is -1."),
        (sample_folded_training, (0.5, math.nan, 5, 0), "Argument `margin` must be finite, but is nan."),
        (sample_folded_training, (0.5, 1e200, 5, 0), "Argument `margin` must be at most 1e+100 in size, but is "),
        (sample_folded_training, (0.5, 1, 0, 0), "Argument `size` must be positive, but is 0."),
        (sample_folded_training, (0.5, 1, 2.0, 0), "Argument `size` must be an integer, but is 2.0."),
        (sample_folded_training, (0.5, 1, True, 0), "Argument `size` must be an integer, but is True."),
        (sample_folded_training, (0.5, 1, 5, -1), "Argument `rng` must be a Generator or a seed of at least 0"),
        (sample_folded_training, (0.5, 1, 5, None), "Argument `rng` must be a numpy.random.Generator or an integer"),
        (sample_folded_test, (2, 1, 5, 0), "Argument `epsilon` must lie in (0, 1), but is 2."),
        (sample_folded_test, (0.5, 0, 5, 0), "Argument `theta` must lie in (0, π/2), but is 0."),
        (sample_folded_test, (0.5, math.pi / 2, 5, 0), "Argument `theta` must lie in (0, π/2), but is 1.57"),
        (sample_wedge, (1, 1, 5, 0), "Argument `epsilon` must lie in (0, 1), but is 1."),
        (sample_wedge, (0.5, 0, 5, 0), "Argument `theta` must lie in (0, π), but is 0."),
        (sample_wedge, (0.5, math.pi, 5, 0), "Argument `theta` must lie in (0, π), but is 3.14159"),
        (sample_wedge, (0.5, 1, 0, 0), "Argument `size` must be positive, but is 0."),
        (sample_folded_test, (0.5, 1, -2, 0), "Argument `size` must be positive, but is -2."),
        (sample_folded_test, (0.5, 1, 5, 1.5), "Argument `rng` must be a numpy.random.Generator or an integer"),
    ],
)
def test_bad_sampling_argument_is_refused(draw: Callable[..., Any], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        draw(*arguments)
    assert str(caught.value).startswith(message)
