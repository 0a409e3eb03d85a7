"""A user's table as a data set: split, checked and standardised."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.readers import Table, read_table
from dnf_studio.errors import DataError

__all__ = ["TableDataset", "open_table"]

DROP = "--drop-constant, or in the window with 'Drop constant columns'"
SPLIT_SEED = 20_211
HELD_OUT = 0.1
"""The share of rows that training never sees; at least one row."""
FLOAT32 = np.finfo(np.float32)


class TableDataset(Dataset):
    """Rows of a file: training rows are drawn with replacement, held-out rows are what is fresh.

    `train` (n, D) and `held_out` (m, D) are float32 in model units.
    """

    entropy = None

    def __init__(
        self, name: str, columns: tuple[str, ...], standardisation: Standardisation, train: Tensor, held_out: Tensor
    ) -> None:
        self.name = name
        self.columns = columns
        self.dim = len(columns)
        self.standardisation = standardisation
        self.train = train
        self.held_out = held_out
        digest = hashlib.sha256(json.dumps([list(columns), list(train.shape)]).encode())
        digest.update(train.numpy().data)
        self.fingerprint = digest.hexdigest()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` rows of the training split, with replacement: (count, D), float32, model units."""
        return self.train[torch.randint(len(self.train), (count,), generator=generator)]

    def fresh(self, count: int, seed: int) -> Tensor:
        """Held-out rows without repetition, (min(count, m), D), float32, model units; `seed` chooses which."""
        if count >= len(self.held_out):
            return self.held_out.clone()
        return self.held_out[torch.randperm(len(self.held_out), generator=torch.Generator().manual_seed(seed))[:count]]


def open_table(source: str, drop_constant: bool = False) -> TableDataset:
    """Open FILE or `FILE::column,column` and standardise it with its training split's constants.

    A tenth of the rows, chosen by a fixed seed, is held out. Raises `DataError` where a value is not
    finite, where there are too few rows, and where a column is constant (unless `drop_constant`), a
    copy of another, or beyond single precision.
    """
    table = read_table(source)
    if len(table) < 3:
        rows = ("no rows", "one row", "two rows")[len(table)]
        raise DataError(f"'{table.path}' holds {rows}; at least three are needed, two to train on and one held out.")
    _check_values(table)
    held_out = np.zeros(len(table), dtype=bool)
    # RandomState's stream is frozen for good, so a file is split alike by every version of NumPy.
    held_out[np.random.RandomState(SPLIT_SEED).permutation(len(table))[: max(1, int(len(table) * HELD_OUT))]] = True
    keep, mean, scale = _constants(table, ~held_out, drop_constant)
    columns = tuple(table.columns[i] for i in keep)
    values = _standardised(table, keep, mean, scale)
    _refuse_copies(table, columns, values)
    return TableDataset(
        table.path.name,
        columns,
        Standardisation(tuple(mean.tolist()), tuple(scale.tolist())),
        torch.from_numpy(values[~held_out]),
        torch.from_numpy(values[held_out]),
    )


def _check_values(table: Table) -> None:
    """Refuse NaN, infinities and what single precision cannot hold, saying where the first one is."""
    bad, first, huge = 0, "", ""
    for rows, block in table.blocks():
        finite = np.isfinite(block)
        if not finite.all():
            bad += int(finite.size - finite.sum())
            first = first or _where(table, rows.start, ~finite)
        elif not huge and np.abs(block).max() > FLOAT32.max:
            huge = _where(table, rows.start, np.abs(block) > FLOAT32.max)
    if bad:
        count = "a value that is" if bad == 1 else f"{bad:,} values that are"
        order = "" if bad == 1 else "the first "
        raise DataError(f"'{table.path}' holds {count} not finite (NaN or infinity), {order}in {first}; remove them.")
    if huge:
        raise DataError(f"'{table.path}' holds a value beyond ±3.4e38, the range of single precision, in {huge}.")


def _where(table: Table, start: int, wrong: NDArray[np.bool_]) -> str:
    """Row and column of the first wrong value of a block that starts at row `start`."""
    row, column = np.argwhere(wrong)[0]
    return f"{table.place(start + int(row))}, column '{table.columns[column]}'"


def _constants(
    table: Table, train: NDArray[np.bool_], drop_constant: bool
) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """Which columns to keep, and their mean and standard deviation over the training rows."""
    dim, count = len(table.columns), int(train.sum())
    total, square = np.zeros(dim), np.zeros(dim)
    low, high = np.full(dim, np.inf), np.full(dim, -np.inf)
    for rows, block in table.blocks():
        part = block[train[rows]]
        total += part.sum(0)
        low, high = np.minimum(low, part.min(0, initial=np.inf)), np.maximum(high, part.max(0, initial=-np.inf))
    mean = total / count
    for rows, block in table.blocks():
        square += ((block[train[rows]] - mean) ** 2).sum(0)
    scale = np.sqrt(square / count)
    constant = low == high
    if constant.any() and not drop_constant:
        _refuse_constant(table, constant)
    keep = np.flatnonzero(~constant)
    if not len(keep):
        raise DataError(f"Every column of '{table.path}' is constant, so there is nothing to learn.")
    for i in keep:
        largest = max(-low[i], high[i])
        if scale[i] <= max(4 * FLOAT32.eps * largest, FLOAT32.tiny):
            raise DataError(
                f"Column '{table.columns[i]}' of '{table.path}' varies by {scale[i]:.1e} about {mean[i]:.6g}, "
                "too little for single precision; subtract an offset or change its unit."
            )
    return keep.tolist(), mean[keep], scale[keep]


def _refuse_constant(table: Table, constant: NDArray[np.bool_]) -> None:
    """Name the constant columns and what to do about them."""
    names = [f"'{table.columns[i]}'" for i in np.flatnonzero(constant)]
    if len(names) == len(table.columns):
        raise DataError(f"Every column of '{table.path}' is constant, so there is nothing to learn.")
    if len(names) == 1:
        raise DataError(f"Column {names[0]} of '{table.path}' is constant; drop it with {DROP}.")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise DataError(f"The columns {shown} of '{table.path}' are constant; drop them with {DROP}.")


def _standardised(
    table: Table, keep: list[int], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """All rows in model units, computed in float64 and kept in float32."""
    values = np.empty((len(table), len(keep)), dtype=np.float32)
    for rows, block in table.blocks():
        model = (block[:, keep] - mean) / scale
        if np.abs(model).max() > FLOAT32.max:
            raise DataError(f"'{table.path}' has a held-out row immeasurably far from all others; remove it.")
        values[rows] = model
    return values


def _refuse_copies(table: Table, columns: tuple[str, ...], values: NDArray[np.float32]) -> None:
    """Refuse a column that repeats another: such data has no density, and its likelihood no bound."""
    seen: dict[bytes, int] = {}
    for i, name in enumerate(columns):
        digest = hashlib.sha256(values[:, i].tobytes()).digest()
        if digest in seen:
            raise DataError(
                f"Column '{name}' of '{table.path}' repeats column '{columns[seen[digest]]}', so the data has no "
                "density; choose columns with FILE::column,column."
            )
        seen[digest] = i
