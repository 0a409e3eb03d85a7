"""A user's table as a data set: split, checked and standardised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.readers import Table, read_table
from dnf_studio.core.data.row_sets import (
    MappedDataset,
    Split,
    TableDataset,
    fingerprint_start,
    held_out_rows,
    standardise,
)
from dnf_studio.errors import DataError

__all__ = ["TableDataset", "check_values", "open_table"]

DROP = "--drop-constant, or in the window with 'Drop constant columns'"
LARGE = 256 << 20
"""Bytes of float32 above which rows that can be read from their file are left there."""
FLOAT32 = np.finfo(np.float32)
COARSE = 0.003
"""Of a column's spread: what sharp models resolve. Samples, which are in single precision, come in wider steps where a
column lies so far from 0."""


def open_table(source: str, drop_constant: bool = False) -> TableDataset | MappedDataset:
    """Open FILE, ``FILE::column,column`` or ``FILE::path/inside`` and standardise it with its training split's
    constants.

    A tenth of the rows, chosen by a fixed seed, is held out. A table too large for memory stays in
    its file, which changes nothing but where rows come from. Raises `DataError` where a value is not
    finite, where there are too few rows, and where a column is constant (unless `drop_constant`), a
    copy of another, or beyond single precision.
    """
    table = read_table(source)
    if len(table) < 3:
        few = ("no rows", "one row", "two rows")[len(table)]
        raise DataError(f"'{table.path}' holds {few}; at least three are needed, two to train on and one held out.")
    check_values(table)
    split = Split(len(table), held_out_rows(len(table)))
    scaled = _scaled(table, split, drop_constant)
    if table.mapped and 4 * len(table) * len(scaled.keep) > LARGE:
        return _left_in_file(scaled, split)
    return _held(scaled, split)


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A checked table with the columns to keep and their constants."""

    table: Table
    keep: list[int]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    about: str
    """Which columns single precision resolves but coarsely; nothing where none."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.columns[i] for i in self.keep)

    @property
    def standardisation(self) -> Standardisation:
        return Standardisation(tuple(self.mean.tolist()), tuple(self.scale.tolist()))

    def about_rows(self, split: Split) -> str:
        """How many rows there are for what, and what to know of the columns."""
        rows = f"{split.train_count:,} rows to train, {split.count - split.train_count:,} held out"
        return f"{rows}; {self.about}" if self.about else rows

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """All rows in model units; refuses, at the end, a column that repeats another."""
        copies = CopyFinder(len(self.keep))
        for rows, block in self.table.blocks():
            model = standardise(block[:, self.keep], self.mean, self.scale)
            if not np.isfinite(model).all():
                raise DataError(f"'{self.table.path}' has a held-out row immeasurably far from all others; remove it.")
            copies.note(model)
            yield rows, model
        # Such data has no density, and its likelihood no bound.
        for copy, original in copies.found().items():
            raise DataError(
                f"Column '{self.columns[copy]}' of '{self.table.path}' repeats column '{self.columns[original]}', "
                "so the data has no density; choose columns with FILE::column,column."
            )


def _held(scaled: _Scaled, split: Split) -> TableDataset:
    """All rows in memory, float32, model units."""
    values = np.empty((split.count, len(scaled.keep)), dtype=np.float32)
    for rows, model in scaled.blocks():
        values[rows] = model
    train = split.trains(slice(0, split.count))
    own, rest = torch.from_numpy(values[train]), torch.from_numpy(values[~train])
    about = scaled.about_rows(split)
    return TableDataset(scaled.table.name, scaled.columns, scaled.standardisation, own, rest, about)


def _left_in_file(scaled: _Scaled, split: Split) -> MappedDataset:
    """Rows that are read when they are drawn; here they are only looked at once."""
    digest = fingerprint_start(scaled.columns, split.train_count)
    for rows, model in scaled.blocks():
        digest.update(model[split.trains(rows)].tobytes())
    about = scaled.about_rows(split)
    return MappedDataset(scaled.table, scaled.keep, scaled.standardisation, split, digest.hexdigest(), about)


def check_values(table: Table) -> None:
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
        order, them = ("", "it") if bad == 1 else ("the first ", "them")
        raise DataError(f"'{table.path}' holds {count} not finite (NaN or infinity), {order}in {first}; remove {them}.")
    if huge:
        raise DataError(f"'{table.path}' holds a value beyond ±3.4e38, the range of single precision, in {huge}.")


def _where(table: Table, start: int, wrong: NDArray[np.bool_]) -> str:
    """Row and column of the first wrong value of a block that starts at row `start`."""
    row, column = np.argwhere(wrong)[0]
    return f"{table.place(start + int(row))}, column '{table.columns[column]}'"


def _scaled(table: Table, split: Split, drop_constant: bool) -> _Scaled:
    """Which columns to keep, their mean and standard deviation over the training rows, and what to know of them."""
    dim, count = len(table.columns), split.train_count
    total, square = np.zeros(dim), np.zeros(dim)
    low, high = np.full(dim, np.inf), np.full(dim, -np.inf)
    for rows, block in table.blocks():
        part = block[split.trains(rows)]
        total += part.sum(0)
        low, high = np.minimum(low, part.min(0, initial=np.inf)), np.maximum(high, part.max(0, initial=-np.inf))
    mean = total / count
    for rows, block in table.blocks():
        square += ((block[split.trains(rows)] - mean) ** 2).sum(0)
    scale = np.sqrt(square / count)
    constant = low == high
    if constant.any() and not drop_constant:
        _refuse_constant(table, constant)
    keep = np.flatnonzero(~constant)
    if not len(keep):
        raise DataError(f"Every column of '{table.path}' is constant, so there is nothing to learn.")
    for i in keep:
        if varies_too_little(scale[i], low[i], high[i]):
            raise DataError(
                f"Column '{table.columns[i]}' of '{table.path}' varies by {scale[i]:.1e} about {mean[i]:.6g}, "
                "too little for single precision; subtract an offset or change its unit."
            )
    steps = np.spacing(np.maximum(-low, high)[keep].astype(np.float32)).astype(np.float64)
    return _Scaled(table, keep.tolist(), mean[keep], scale[keep], _about(table, keep, steps, scale[keep]))


def _about(table: Table, keep: NDArray[np.intp], steps: NDArray[np.float64], scale: NDArray[np.float64]) -> str:
    """Of which columns samples come in steps that a sharp model would resolve."""
    coarse = [
        f"'{table.columns[i]}' in steps of {step:g}, 1/{spread / step:.0f} of its spread"
        for i, step, spread in zip(keep, steps, scale, strict=True)
        if step > COARSE * spread
    ]
    return f"Samples are in single precision: {', '.join(coarse)}; subtract an offset for finer ones" if coarse else ""


def _refuse_constant(table: Table, constant: NDArray[np.bool_]) -> None:
    """Name the constant columns and what to do about them."""
    names = [f"'{table.columns[i]}'" for i in np.flatnonzero(constant)]
    if len(names) == len(table.columns):
        raise DataError(f"Every column of '{table.path}' is constant, so there is nothing to learn.")
    if len(names) == 1:
        raise DataError(f"Column {names[0]} of '{table.path}' is constant; drop it with {DROP}.")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise DataError(f"The columns {shown} of '{table.path}' are constant; drop them with {DROP}.")


def varies_too_little(scale: float, low: float, high: float) -> bool:
    """Whether single precision loses what a column of this spread and range varies by."""
    return bool(scale <= max(4 * FLOAT32.eps * max(-low, high), FLOAT32.tiny))


class CopyFinder:
    """Finds columns that repeat another, from blocks of rows: of each column a digest is enough."""

    def __init__(self, dim: int) -> None:
        self._digests = [hashlib.sha256() for _ in range(dim)]

    def note(self, block: NDArray[np.float32]) -> None:
        """Take the next rows (n, D)."""
        for digest, column in zip(self._digests, block.T, strict=True):
            digest.update(column.tobytes())

    def found(self) -> dict[int, int]:
        """Each column that repeats an earlier one, and the first of those."""
        first: dict[bytes, int] = {}
        originals = (first.setdefault(digest.digest(), i) for i, digest in enumerate(self._digests))
        return {i: original for i, original in enumerate(originals) if original != i}
