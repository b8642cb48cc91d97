"""Data to learn from: bundled sets and the user's files."""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from theory.checks import LARGEST, ArgumentError, ArgumentTypeError
from theory.models.regression import Regression

Array = npt.NDArray[np.float64]
Place = Callable[[int, int], str]  # words a row and a column, both counted from 0
BUNDLED = ("digits", "diabetes")


@dataclass(frozen=True, eq=False)
class DataSet:
    """Inputs and outputs of a regression, one sample per row.

    Parameters
    ----------
    name
        The bundled set's name, or the file's name without its ending.
    inputs
        Of every sample (samples, features).
    outputs
        Of every sample (samples, outputs).
    feature_names, output_names
        One name per column of `inputs` and of `outputs`.
    test_inputs, test_outputs
        Held out samples, laid out like `inputs` and `outputs`, or both None.
    """

    name: str
    inputs: Array
    outputs: Array
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    test_inputs: Array | None = None
    test_outputs: Array | None = None

    def regression(self, weight_decay: float = 0.0) -> Regression:
        """The regression of the outputs on the inputs, from W = 0, with this weight decay λ."""
        held_out = None
        if self.test_inputs is not None and self.test_outputs is not None:
            held_out = (self.test_inputs, self.test_outputs)
        return Regression.from_data(
            self.inputs,
            self.outputs,
            weight_decay=weight_decay,
            test=held_out,
            name=self.name,
            features=self.feature_names,
        )


def load(source: str | Path) -> DataSet:
    """Load a bundled data set by its name, or a csv, npy or npz file by its path.

    Parameters
    ----------
    source
        `digits` (8×8 images, raw pixels 0 to 16, one-hot outputs), `diabetes` (features as scikit-learn
        scales them, target centred and divided by its standard deviation), or the path of a file:
        csv, whose outputs are the columns headed `y`, `y1`, `y_…`, or else the last column;
        npy, one array (samples, features + 1) whose last column is the output;
        npz, `X` (samples, features), `Y` (samples, outputs) or (samples,), and maybe `X_test`, `Y_test`.

    Raises
    ------
    ArgumentTypeError
        If `source` is neither a string nor a path.
    ArgumentError
        If there is no such data, or it is not a table of finite numbers (|x| ≤ 1e100) with at least two samples and
        one feature. Rows and columns are counted from 1; a csv row is its line in the file.
    """
    if not isinstance(source, (str, Path)):
        raise ArgumentTypeError("data", "be a name or a path", f"is of type {type(source).__name__}")
    if str(source) in BUNDLED:
        return _digits() if str(source) == "digits" else _diabetes()
    path = Path(source)
    if os.path.isdir(path):
        _refuse("name a file", f"{_quoted(path)} is a directory")
    reader = {".csv": _from_csv, ".npy": _from_npy, ".npz": _from_npz}.get(path.suffix.lower())
    if reader is None:
        near = difflib.get_close_matches(str(source).lower(), BUNDLED, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        must = f"be {', '.join(BUNDLED)} or a path ending in .csv, .npy or .npz"
        _refuse(must, f"is {_quoted(source)}{hint}")
    return reader(path, _read(path))


def _refuse(must: str, but: str) -> NoReturn:
    raise ArgumentError("data", must, but) from None


def _quoted(text: object, limit: int = 300) -> str:
    """Quote on one line, long text cut."""
    return repr(str(text) if len(str(text)) <= limit else f"{str(text)[:limit]}…")


def _digits() -> DataSet:
    from sklearn.datasets import load_digits  # takes seconds to import

    bunch = load_digits()
    names = tuple(f"digit {number}" for number in bunch.target_names)
    return DataSet("digits", bunch.data, np.eye(10)[bunch.target], tuple(bunch.feature_names), names)


def _diabetes() -> DataSet:
    from sklearn.datasets import load_diabetes  # takes seconds to import

    bunch = load_diabetes()
    target = ((bunch.target - bunch.target.mean()) / bunch.target.std())[:, None]
    return DataSet("diabetes", bunch.data, target, tuple(bunch.feature_names), ("progression",))


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        _refuse("name an existing file", f"there is no {_quoted(path)}")
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        _refuse("name a readable file", f"{_quoted(path)} gives {_quoted(getattr(error, 'strerror', error))}")
    if not content:
        _refuse("hold samples", f"{_quoted(path)} is empty")
    return content


def _from_csv(path: Path, content: bytes) -> DataSet:
    lines, rows = _fields(path, content)
    header = not any(map(_is_number, rows[0]))
    names = [field.strip() for field in rows[0]] if header else [*_names("x", len(rows[0]) - 1), "y"]

    def place(row: int, column: int) -> str:
        title = f" ({_quoted(names[column], 40)})" if header and names[column] else ""
        return f"row {lines[row]}, column {column + 1}{title} of {_quoted(path)}"

    for row, fields in enumerate(rows):
        if len(fields) != len(names):
            but = f"row {lines[row]} of {_quoted(path)} has {len(fields)} and should have {len(names)}"
            _refuse("have the same number of fields in every row", but)
        for column, field in enumerate(fields):
            _check_field(field, place, row, column, text_allowed=row < header)
    table = np.array(rows[header:], dtype=np.float64).reshape(-1, len(names))
    _check_range(table, lambda row, column: place(row + header, column))
    is_output = [re.match(r"y([\d_]|$)", name) is not None for name in names]
    if not any(is_output):
        is_output[-1] = True
    features, outputs = ([k for k, flag in enumerate(is_output) if flag == kind] for kind in (False, True))
    titles = tuple(names[k] for k in features), tuple(names[k] for k in outputs)
    return _data_set(path, table[:, features], table[:, outputs], *titles)


def _fields(path: Path, content: bytes) -> tuple[list[int], list[list[str]]]:
    """Split a csv file into rows of fields; the first list holds the line on which each row ends."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        _refuse("be UTF-8 text", f"byte {error.start + 1} of {_quoted(path)} is not")
    except csv.Error as error:
        but = f"line {reader.line_num} of {_quoted(path)} gives {_quoted(error)}"
        _refuse("be comma-separated text", but)
    while rows and len(rows[-1][1]) < 2 and not "".join(rows[-1][1]).strip():
        rows.pop()
    if not rows:
        _refuse("hold samples", f"{_quoted(path)} is empty")
    return [line for line, _ in rows], [row for _, row in rows]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field and field.isascii()  # float reads 1_000 and other scripts' digits


def _check_field(field: str, place: Place, row: int, column: int, text_allowed: bool) -> None:
    if not field.strip():
        _refuse("have no empty cell", f"{place(row, column)} is empty")
    if not text_allowed and not _is_number(field):
        _refuse("hold numbers only", f"{place(row, column)} holds the text {_quoted(field, 40)}")


def _from_npy(path: Path, content: bytes) -> DataSet:
    loaded = _loaded(path, partial(np.load, io.BytesIO(content), allow_pickle=False))
    if not isinstance(loaded, np.ndarray):
        _refuse("hold one array when its ending is .npy", f"{_quoted(path)} is an npz archive")
    table = _numeric(loaded, _quoted(path), (2,))
    features = max(table.shape[1] - 1, 0)
    return _data_set(path, table[:, :features], table[:, features:], _names("x", features), ("y",))


def _from_npz(path: Path, content: bytes) -> DataSet:
    archive = _loaded(path, partial(np.load, io.BytesIO(content), allow_pickle=False))
    held = set() if isinstance(archive, np.ndarray) else set(archive.files)
    wanted = {"X", "Y"} | ({"X_test", "Y_test"} if held & {"X_test", "Y_test"} else set())
    if wanted - held:
        holds = ", ".join(sorted(held)) or "no named array"
        _refuse(f"hold {' and '.join(sorted(wanted))}", f"{_quoted(path)} holds {_quoted(holds)[1:-1]}")
    arrays = {}
    for key in sorted(wanted):
        member = np.asarray(_loaded(path, partial(archive.__getitem__, key)))
        array = _numeric(member, f"{key} of {_quoted(path)}", (2,) if key.startswith("X") else (1, 2))
        arrays[key] = array[:, None] if array.ndim == 1 else array
    names = _names("x", arrays["X"].shape[1]), _names("y", arrays["Y"].shape[1])
    return _data_set(path, arrays["X"], arrays["Y"], *names, arrays.get("X_test"), arrays.get("Y_test"))


def _loaded(path: Path, read: Callable[[], Any]) -> Any:
    """Turn whatever NumPy raises while it reads a file into one line."""
    try:
        return read()
    except Exception as error:  # zip, zlib, header, memory and end-of-file errors among others
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        if "pickle" in reason:  # NumPy's guess about any content that it does not know
            _refuse("be arrays of numbers", f"{_quoted(path)} holds pickled objects or no array")
        _refuse("be a file that NumPy can read", f"{_quoted(path)} is corrupt: {_quoted(reason)}")


def _numeric(array: npt.NDArray[Any], label: str, dimensions: tuple[int, ...]) -> Array:
    """Return a real array of an allowed number of dimensions as finite float64."""
    if array.dtype.kind not in "biuf":
        _refuse("hold real numbers", f"{label} has dtype {array.dtype}")
    if array.ndim not in dimensions:
        _refuse(f"have {' or '.join(map(str, dimensions))} dimensions", f"{label} has {array.ndim}")
    with np.errstate(over="ignore"):  # long double beyond float64: refused as infinite
        numbers = np.ascontiguousarray(array, dtype=np.float64)
    _check_range(
        numbers.reshape(len(numbers), -1) if numbers.size else numbers,
        lambda row, column: f"row {row + 1}, column {column + 1} of {label}",
    )
    return numbers


def _check_range(table: Array, place: Place) -> None:
    bad = np.argwhere(~(np.abs(table) <= LARGEST))  # true of NaN as well
    if len(bad):
        row, column = (int(k) for k in bad[0])
        must = "hold finite numbers" if not np.isfinite(table[row, column]) else f"lie within ±{LARGEST:g}"
        _refuse(must, f"{place(row, column)} is {table[row, column]:g}")


def _names(letter: str, count: int) -> tuple[str, ...]:
    return (letter,) if letter == "y" and count == 1 else tuple(f"{letter}{k + 1}" for k in range(count))


def _data_set(
    path: Path,
    inputs: Array,
    outputs: Array,
    features: tuple[str, ...],
    targets: tuple[str, ...],
    test_inputs: Array | None = None,
    test_outputs: Array | None = None,
) -> DataSet:
    """Check that the shapes agree and build the data set."""
    where = _quoted(path)
    if inputs.shape[1] == 0 or outputs.shape[1] == 0:
        columns = f"{inputs.shape[1]} feature and {outputs.shape[1]} output columns"
        _refuse("have a feature column and an output column", f"{where} has {columns}")
    if len(inputs) != len(outputs):
        _refuse("have as many samples in X as in Y", f"{where} has {len(inputs)} and {len(outputs)}")
    if len(inputs) < 2:
        _refuse("hold at least two samples", f"{where} holds {len(inputs)}")
    if test_inputs is not None and test_outputs is not None:
        shapes = test_inputs.shape, test_outputs.shape
        samples = max(len(test_inputs), 1)
        if shapes != ((samples, inputs.shape[1]), (samples, outputs.shape[1])):
            wanted = f"(n, {inputs.shape[1]}) and Y_test of shape (n, {outputs.shape[1]})"
            _refuse(f"have X_test of shape {wanted}, n ≥ 1", f"{where} has {shapes[0]} and {shapes[1]}")
    return DataSet(path.stem, inputs, outputs, features, targets, test_inputs, test_outputs)
