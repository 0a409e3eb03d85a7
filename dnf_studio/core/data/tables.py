"""A user's table as a data set: split, checked and standardised."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.config import Missing
from dnf_studio.core.data.content_split import HELD_OUT, SplitRule, divided, fitted, row_positions
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.missing import DO, LeftOut, checked_table
from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.data.own_rows import LARGE, read_part
from dnf_studio.core.data.readers import read_table
from dnf_studio.core.data.row_sets import (
    MappedRows,
    Part,
    PartLabels,
    Split,
    TableDataset,
    fingerprint_start,
    held_out_rows,
    standardise,
    told_sizes,
)
from dnf_studio.core.data.table import CopyFinder, Table, varies_too_little
from dnf_studio.errors import DataError

MOST_COMPONENTS = 10_000
"""As many as a checkpoint may have."""
DROP = "--drop-constant, or in the window with 'Drop constant columns'"
COARSE = 0.003
"""Share of a column's spread that sharp models resolve. Samples, which are in single precision, come in wider steps
where a column lies so far from 0."""


def open_table(
    source: str,
    drop_constant: bool = False,
    rule: SplitRule | None = None,
    validation: str | None = None,
    test: str | None = None,
    missing: Missing = "error",
    label: str | None = None,
    do: str = DO,
) -> TableDataset:
    """Open FILE, ``FILE::column,column`` or ``FILE::path/inside`` and standardise it with its training split's
    constants.

    A tenth of the rows is to test on and a tenth to validate on, as `fitted` says, decided by what each row has in the
    columns that the model learns: those chosen, without the constant ones that are dropped. So equal rows are on one
    side, and a row stays there when others come, go or change places. With a `rule` of before, that one is used.
    A file `validation` or `test` of the same columns, all of whose rows are used, stands for the side of its name.

    Of values that are missing or not finite `missing` says whether their rows or columns are left out. `label` names a
    column that says what each row is called, no component. Dates are left out, or days since 1970 if chosen.

    A table too large for memory stays in its file, which changes nothing but where rows come from. Raises `DataError`
    where a value is missing and `missing` does not say what to leave out (but what to `do`), where there are too few
    rows, and where a column is constant (unless `drop_constant`), a copy of another, or beyond single precision.
    """
    table, constant, left = _checked(source, validation, test, missing, label, do)
    if rule is not None and rule.name == "order-1":
        split = Split(len(table), held_out_rows(len(table)))
        return _dataset(_scaled(table, np.arange(len(table.columns)), split, drop_constant), split, rule, left)
    if constant.any() and not drop_constant:
        _refuse_constant(table, constant)
    keep = np.flatnonzero(~constant)
    while True:
        split, chosen = _by_content(table, keep, rule, validation is None, test is None)
        scaled = _scaled(table, keep, split, drop_constant)
        if len(scaled.keep) == len(keep):
            break
        # A column that is constant where training looks is none of the model's, and does not split its rows
        keep = np.array(scaled.keep)
    return _dataset(scaled, split, chosen, left, (validation, test), missing)


def _checked(
    source: str, validation: str | None, test: str | None, missing: Missing, label: str | None, do: str
) -> tuple[Table, NDArray[np.bool_], LeftOut]:
    """The table at `source` as `checked_table` gives it; long enough to train on and narrow enough for a model."""
    table = read_table(source, label)
    _refuse_shared({"train": source, "validation": validation, "test": test})
    if len(table) < 3:
        few = ("no rows", "one row", "two rows")[len(table)]
        raise DataError(f"'{table.path}' holds {few}; at least three are needed, two to train on and one held out.")
    if missing != "drop-columns":
        _refuse_wide(table)
    found = checked_table(table, missing, do)
    _refuse_wide(found[0])
    return found


def _refuse_wide(table: Table) -> None:
    """Raise `DataError` where a model could not have as many components."""
    if (wide := len(table.columns)) > MOST_COMPONENTS:
        raise DataError(
            f"'{table.path}' has {wide:,} columns, and a model at most {MOST_COMPONENTS:,}; choose some "
            "with FILE::column,column."
        )


def _refuse_shared(files: Mapping[str, str | None]) -> None:
    """Raise `DataError` where one file is to serve two purposes: rows that were trained on would be tested on."""
    named = [(role, split_selection(name)[0]) for role, name in files.items() if name is not None]
    for (one, first), (other, second) in combinations(named, 2):
        if os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second):
            raise DataError(f"--{one} and --{other} name the same file, '{second}'; leave one out, or divide its rows.")


def _by_content(
    table: Table, keep: NDArray[np.intp], rule: SplitRule | None, validation: bool, test: bool
) -> tuple[Split, SplitRule]:
    """The split by the columns `keep`, and the rule it follows; what rows of another file are for has none here."""
    if not len(keep):
        raise _nothing_to_learn(table)

    def positions() -> Iterator[NDArray[np.float64]]:
        return (row_positions(_of(block, keep)) for _, block in table.blocks())

    found = rule or fitted(positions, len(table), HELD_OUT * validation, HELD_OUT * test)
    if found is None:
        raise DataError(
            f"'{table.path}' holds fewer than three different rows; two are needed to train on and one held out."
        )
    split = Split.of_sides(divided(positions, len(table), found))
    if not (split.train_count and (len(split.held_out) or not test)):
        raise DataError(f"'{table.path}' no longer holds both rows that were trained on and rows that were held out.")
    return split, found


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

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """All rows in model units; refuses, at the end, a column that repeats another."""
        copies = CopyFinder(len(self.keep))
        for rows, block in self.table.blocks():
            model = standardise(_of(block, self.keep), self.mean, self.scale)
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


def _dataset(
    scaled: _Scaled,
    split: Split,
    rule: SplitRule,
    left: LeftOut,
    files: tuple[str | None, str | None] = (None, None),
    missing: Missing = "error",
) -> TableDataset:
    """The data set of these rows; `files` of their own have the rows to validate and to test on, where they are."""
    large = scaled.table.mapped and 4 * split.count * len(scaled.keep) > LARGE
    (train, *others), fingerprint = (_left_in_file if large else _held)(scaled, split)
    columns, constants = scaled.columns, scaled.standardisation
    validation, test = (
        part if file is None else read_part(file, columns, constants, role=role, missing=missing)
        for file, part, role in zip(files, others, ("validation", "test"), strict=True)
    )
    parts = train, validation if len(validation) else None, test
    sizes = told_sizes(len(train), len(validation), len(test), files)
    labels = _part_labels(scaled.table, split, files)
    by = f"labels from column '{scaled.table.labels.column}'" if scaled.table.labels is not None else ""
    about = "; ".join(filter(None, (sizes, left.words, by, scaled.about)))
    return TableDataset(scaled.table.name, columns, constants, parts, fingerprint, about, rule, labels, left)


def _part_labels(table: Table, split: Split, files: tuple[str | None, str | None]) -> PartLabels | None:
    """The labels of the rows for each purpose; those of other files are not known."""
    if table.labels is None:
        return None
    codes = table.labels.codes if table.kept is None else table.labels.codes[table.kept]
    validation, test = (
        np.empty(0, np.int32) if file is not None else codes[rows]
        for file, rows in zip(files, (split.validation, split.held_out), strict=True)
    )
    return PartLabels(table.labels.names, (codes[split.trains(slice(0, split.count))], validation, test))


def _held(scaled: _Scaled, split: Split) -> tuple[tuple[Part, Part, Part], str]:
    """All rows in memory, float32, model units, and the fingerprint."""
    values = np.empty((split.count, len(scaled.keep)), dtype=np.float32)
    for rows, model in scaled.blocks():
        values[rows] = model
    train = values[split.trains(slice(0, split.count))]
    digest = fingerprint_start(scaled.columns, len(train))
    digest.update(train.data)
    others = torch.from_numpy(values[split.validation]), torch.from_numpy(values[split.held_out])
    return (torch.from_numpy(train), *others), digest.hexdigest()


def _left_in_file(scaled: _Scaled, split: Split) -> tuple[tuple[Part, Part, Part], str]:
    """Rows that are read when they are drawn; here they are only looked at once, for the fingerprint."""
    digest = fingerprint_start(scaled.columns, split.train_count)
    for rows, model in scaled.blocks():
        digest.update(model[split.trains(rows)].tobytes())

    def part(count: int, rows_at: Callable[[NDArray[np.int64]], NDArray[Any]]) -> MappedRows:
        return MappedRows(scaled.table, scaled.keep, scaled.standardisation, count, rows_at)

    parts = (
        part(split.train_count, split.train_rows),
        part(len(split.validation), lambda places: split.validation[places]),
        part(len(split.held_out), lambda places: split.held_out[places]),
    )
    return parts, digest.hexdigest()


def _of(block: NDArray[np.float64], columns: NDArray[np.intp] | list[int]) -> NDArray[np.float64]:
    """Take these columns of a block, ascending; all of them need no copy."""
    return block if len(columns) == block.shape[1] else block[:, columns]


def _scaled(table: Table, columns: NDArray[np.intp], split: Split, drop_constant: bool) -> _Scaled:
    """Which of these columns to keep, their mean and deviation over the training rows, and what to know of them."""
    dim, count = len(columns), split.train_count
    total, square = np.zeros(dim), np.zeros(dim)
    low, high = np.full(dim, np.inf), np.full(dim, -np.inf)
    for rows, block in table.blocks():
        part = _of(block, columns)[split.trains(rows)]
        total += part.sum(0)
        low, high = np.minimum(low, part.min(0, initial=np.inf)), np.maximum(high, part.max(0, initial=-np.inf))
    mean = total / count
    for rows, block in table.blocks():
        square += ((_of(block, columns)[split.trains(rows)] - mean) ** 2).sum(0)
    scale = np.sqrt(square / count)
    constant = low == high
    if constant.any() and not drop_constant:
        _refuse_constant(table, np.isin(np.arange(len(table.columns)), columns[constant]))
    kept = np.flatnonzero(~constant)
    if not len(kept):
        raise _nothing_to_learn(table)
    for i in kept:
        if varies_too_little(scale[i], low[i], high[i]):
            raise DataError(
                f"Column '{table.columns[columns[i]]}' of '{table.path}' varies by {scale[i]:.1e} about {mean[i]:.6g}, "
                "too little for single precision; subtract an offset or change its unit."
            )
    keep, steps = columns[kept], np.spacing(np.maximum(-low, high)[kept].astype(np.float32)).astype(np.float64)
    return _Scaled(table, keep.tolist(), mean[kept], scale[kept], _about(table, keep, steps, scale[kept]))


def _about(table: Table, keep: NDArray[np.intp], steps: NDArray[np.float64], scale: NDArray[np.float64]) -> str:
    """A sentence on the columns whose samples come in steps that a sharp model would resolve."""
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
        raise _nothing_to_learn(table)
    if len(names) == 1:
        raise DataError(f"Column {names[0]} of '{table.path}' is constant; drop it with {DROP}.")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise DataError(f"The columns {shown} of '{table.path}' are constant; drop them with {DROP}.")


def _nothing_to_learn(table: Table) -> DataError:
    return DataError(f"Every column of '{table.path}' is constant, so there is nothing to learn.")
