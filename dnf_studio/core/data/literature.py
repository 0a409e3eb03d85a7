"""The five tables that density estimation is compared on, prepared as in the literature.

``FILE::as=NAME`` reads a file as MAF's program does (Papamakarios, Pavlakou and Murray 2017,
arXiv:1705.07057, whose archive of files is zenodo.org/record/1161203), which everybody since has
followed; its standardisation too, so that NLLs are those of the published tables:

- ``power``: ``power/data.npy``, 8 columns. Shuffled by RandomState(42); global reactive power and
  intensity dropped; the rest dequantised by 0.001 (active power), 0.01 (voltage) and 1 (sub-meters).
- ``gas``: the table of ``ethylene_CO`` saved as `.csv`, `.npy` or `.parquet`, for a pickle is never
  opened. Time, Meth and Eth dropped, then the first column that correlates by more than 0.98 with
  another until none does; standardised by all rows.
- ``hepmass``: ``1000_train.csv`` with ``1000_test.csv`` beside it. Label 1 only; columns dropped whose
  smallest value comes more than five times; standardised by the training file.
- ``miniboone``: ``miniboone/data.npy``, whose columns are dropped already.
- ``bsds300``: ``BSDS300.hdf5`` with its arrays train, validation and test. Standardised by the
  training rows, which MAF does not do: published NLLs are ours plus Σ log σ.

The last tenth of the rows is the test split, the last tenth of what is left before it the
validation split; hepmass and bsds300 bring the former or both as files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.missing import checked_table
from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.data.readers import read_table
from dnf_studio.core.data.row_sets import TableDataset, fingerprint_start, standardise, told_sizes
from dnf_studio.core.data.table import varies_too_little
from dnf_studio.errors import DataError

MARK = "as="
CORRELATED = 0.98
MOST_REPEATED = 5
POWER_COLUMNS = ("active power", "voltage", "sub-meter 1", "sub-meter 2", "sub-meter 3", "time")
Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Three splits in data units, and the rows whose mean and deviation, with `ddof`, standardise them."""

    columns: tuple[str, ...]
    parts: tuple[Rows, Rows, Rows]
    constants: Rows
    ddof: int = 0


def is_literature(source: str) -> bool:
    """Whether `source` ends in ``::as=NAME``."""
    return (split_selection(source)[1] or "").strip().startswith(MARK)


def open_literature(source: str) -> TableDataset:
    """Open ``FILE::as=NAME``; raises `DataError` where the file is not of the form that this table has."""
    path, selection = split_selection(source)
    name = (selection or "").strip().removeprefix(MARK).strip().lower()
    if name not in LITERATURE:
        raise DataError(f"'{path}' cannot be read as '{name}'; known are {', '.join(LITERATURE)}.")
    made = LITERATURE[name](path)
    if any(len(part) < 1 for part in made.parts) or len(made.parts[0]) < 2:
        raise DataError(f"'{path}' has too few rows to train, validate and test on.")
    mean, scale = made.constants.mean(0), made.constants.std(0, ddof=made.ddof)
    for column, one, low, high in zip(made.columns, scale, made.constants.min(0), made.constants.max(0), strict=True):
        if varies_too_little(one, low, high):
            raise DataError(f"Column '{column}' of '{path}' is constant, or nearly so, in what is read as {name}.")
    parts = [np.ascontiguousarray(standardise(part, mean, scale)) for part in made.parts]
    if not all(np.isfinite(part).all() for part in parts):
        raise DataError(f"'{path}' has a held-out row immeasurably far from all others; remove it.")
    train, validation, test = (torch.from_numpy(part) for part in parts)
    standardisation = Standardisation(tuple(mean.tolist()), tuple(scale.tolist()))
    digest = fingerprint_start(made.columns, len(train))
    digest.update(train.numpy().data)
    volume = f"Σ log σ {standardisation.log_scale:.4f}".replace("-", "−")
    about = f"{told_sizes(len(train), len(validation), len(test))}; {volume}"
    fixed = train, validation, test
    return TableDataset(path.name, made.columns, standardisation, fixed, digest.hexdigest(), about)


def _power(path: Path) -> _Prepared:
    columns, rows = _read(str(path))
    if len(columns) != 8:
        raise DataError(f"'{path}' has {len(columns)} columns, and the table of power has 8.")
    random = np.random.RandomState(42)
    order = np.arange(len(rows))
    random.shuffle(order)
    voltage, active = 0.01 * random.rand(len(rows), 1), 0.001 * random.rand(len(rows), 1)
    noise = np.hstack((active, voltage, random.rand(len(rows), 3), np.zeros((len(rows), 1))))
    rows = rows[order][:, [0, 2, 4, 5, 6, 7]] + noise
    parts = _split(rows)
    return _Prepared(POWER_COLUMNS, parts, np.vstack(parts[:2]))


def _gas(path: Path) -> _Prepared:
    if path.suffix.lower() in (".pickle", ".pkl"):
        raise DataError(f"'{path}' is a pickle, which is never opened; save its table as .csv or .parquet first.")
    columns, rows = _read(str(path))
    kept = [i for i, name in enumerate(columns) if name not in ("Time", "Meth", "Eth")]
    if len(kept) == len(columns) == 19:
        kept = kept[3:]
    if len(kept) != 16:
        raise DataError(f"'{path}' has {len(kept)} columns besides Time, Meth and Eth, and the table of gas has 16.")
    while True:
        with np.errstate(invalid="ignore", divide="ignore"):
            related = (np.corrcoef(rows[:, kept], rowvar=False).reshape(len(kept), -1) > CORRELATED).sum(1) > 1
        if not related.any():
            break
        del kept[int(np.flatnonzero(related)[0])]
    rows = rows[:, kept]
    return _Prepared(tuple(columns[i] for i in kept), _split(rows), rows, ddof=1)


def _hepmass(path: Path) -> _Prepared:
    beside = path.with_name(path.name.replace("train", "test"))
    if beside == path:
        raise DataError(f"'{path}' must be the training file of hepmass, such as 1000_train.csv.")
    (columns, train), (_, test) = _signal(path), _signal(beside)
    if test.shape[1] == len(columns) + 1:
        test = test[:, :-1]
    if test.shape[1] != len(columns):
        raise DataError(f"'{beside}' has {test.shape[1] + 1} columns, and '{path}' has {len(columns) + 1}.")
    kept = [i for i in range(len(columns)) if len(train) and (train[:, i] == train[:, i].min()).sum() <= MOST_REPEATED]
    if not kept:
        raise DataError(f"'{path}' has no column of label 1 whose smallest value is not repeated.")
    train, test = train[:, kept], test[:, kept]
    held = int(0.1 * len(train))
    parts = (train[: len(train) - held], train[len(train) - held :], test)
    return _Prepared(tuple(columns[i] for i in kept), parts, train, ddof=1)


def _signal(path: Path) -> tuple[tuple[str, ...], Rows]:
    """The rows of label 1, the first column, without it."""
    columns, rows = _read(str(path))
    return columns[1:], rows[rows[:, 0] == 1, 1:]


def _miniboone(path: Path) -> _Prepared:
    columns, rows = _read(str(path))
    parts = _split(rows)
    return _Prepared(columns, parts, np.vstack(parts[:2]))


def _bsds300(path: Path) -> _Prepared:
    tables = [_read(f"{path}::{inside}") for inside in ("train", "validation", "test")]
    if len({len(columns) for columns, _ in tables}) > 1:
        raise DataError(f"The arrays train, validation and test of '{path}' have different numbers of columns.")
    train, validation, test = (rows for _, rows in tables)
    return _Prepared(tables[0][0], (train, validation, test), train)


def _read(source: str) -> tuple[tuple[str, ...], Rows]:
    """All rows of a table, float64, finite."""
    table = read_table(source)
    checked_table(table)
    return table.columns, table.read(slice(0, len(table)))


def _split(rows: Rows) -> tuple[Rows, Rows, Rows]:
    """Rows to train, validate and test on, in order."""
    test = int(0.1 * len(rows))
    validation = int(0.1 * (len(rows) - test))
    train = len(rows) - test - validation
    return rows[:train], rows[train : train + validation], rows[train + validation :]


LITERATURE: dict[str, Callable[[Path], _Prepared]] = {
    "power": _power,
    "gas": _gas,
    "hepmass": _hepmass,
    "miniboone": _miniboone,
    "bsds300": _bsds300,
}
"""How each table is read."""
