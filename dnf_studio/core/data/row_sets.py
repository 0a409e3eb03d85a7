"""Rows of a file as a data set, held in memory or left in the file; both give the same rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.content_split import HELD_OUT, TEST, VALIDATION, SplitRule
from dnf_studio.core.data.dataset import LabelledDataset, SplitName, Standardisation
from dnf_studio.core.data.missing import NOTHING, LeftOut
from dnf_studio.core.data.neighbours import nearest_rows
from dnf_studio.core.data.passes import Passes
from dnf_studio.core.data.table import Table

if TYPE_CHECKING:
    from hashlib import _Hash

    from scipy.spatial import cKDTree

SPLIT_SEED = 20_211
MOST_COMPARED = 100_000
"""Rows of a split among which the nearest is looked for, evenly over all of them."""
FEW_COLUMNS = 8
"""Columns up to which a tree finds the nearest row sooner than comparing all."""


def held_out_rows(count: int) -> NDArray[np.int64]:
    """The rows of `count` that training never sees where they are split by their place, at least one, ascending."""
    # RandomState's stream is frozen for good, so a file is split alike by every version of NumPy; it
    # shuffles numbers of any width alike, and narrow ones take half the memory.
    order = np.arange(count, dtype=np.uint32 if count <= 2**32 else np.uint64)
    np.random.RandomState(SPLIT_SEED).shuffle(order)
    return np.sort(order[: max(1, int(count * HELD_OUT))]).astype(np.int64)


def numbers_of(chosen: NDArray[np.bool_]) -> NDArray[np.integer]:
    """The numbers of the rows that are chosen, ascending; narrow ones take half the memory of the widest."""
    found = np.flatnonzero(chosen)
    return found.astype(np.uint32) if len(chosen) <= 2**32 else found


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows are to test and to validate on; all others, in order, are those to train on."""

    count: int
    held_out: NDArray[np.integer]
    """The rows to test on, ascending."""
    validation: NDArray[np.integer] = field(default_factory=lambda: np.empty(0, np.int64))
    """The rows to validate on, ascending."""

    @classmethod
    def of_sides(cls, sides: NDArray[np.uint8]) -> Self:
        """The split that has each row on its side."""
        test, validation = (numbers_of(sides == side) for side in (TEST, VALIDATION))
        return cls(len(sides), test, validation)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many rows there are to train, to validate and to test on."""
        return self.train_count, len(self.validation), len(self.held_out)

    @property
    def train_count(self) -> int:
        """How many rows there are to train on."""
        return self.count - len(self._others)

    def trains(self, rows: slice) -> NDArray[np.bool_]:
        """Which of the rows start … stop − 1 are to train on."""
        others = self._others
        first, last = np.searchsorted(others, np.array([rows.start, rows.stop], others.dtype))
        train = np.ones(rows.stop - rows.start, dtype=bool)
        train[others[first:last].astype(np.int64) - rows.start] = False
        return train

    def train_rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that stand at these places among those to train on."""
        return places + np.searchsorted(self._before, places.astype(self._before.dtype), side="right")

    @cached_property
    def _others(self) -> NDArray[np.integer]:
        """The rows that are not to train on, ascending."""
        if not len(self.validation):
            return self.held_out
        return np.sort(np.concatenate([self.held_out, self.validation]))

    @cached_property
    def _before(self) -> NDArray[np.integer]:
        """How many rows to train on stand before each other one."""
        return self._others - np.arange(len(self._others), dtype=self._others.dtype)


def standardise(
    block: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Rows (n, D) in model units, computed in float64; infinite where single precision cannot hold one."""
    with np.errstate(over="ignore", invalid="ignore"):
        return ((block - mean) / scale).astype(np.float32)


def fingerprint_start(columns: tuple[str, ...], train_count: int) -> _Hash:
    """A digest of what a table is, to be fed its training rows in order, float32, model units."""
    return hashlib.sha256(json.dumps([list(columns), [train_count, len(columns)]]).encode())


def told_sizes(train: int, validation: int, test: int, files: tuple[str | None, str | None] = (None, None)) -> str:
    """How many rows there are for what, in words; `files` are those that the latter two are from, if not the same."""
    places = ["" if file is None else f" ({Path(file).name})" for file in files]
    validating = f", {validation:,} to validate{places[0]}" if validation else ""
    return f"{train:,} rows to train{validating} and {test:,} to test on{places[1]}"


class MappedRows:
    """Rows that stay in their file and are standardised when they are taken, by their places as from a tensor."""

    def __init__(
        self,
        table: Table,
        keep: list[int],
        standardisation: Standardisation,
        count: int,
        rows_at: Callable[[NDArray[np.int64]], NDArray[np.integer]],
    ) -> None:
        """`rows_at` says which rows of the table stand at these of the `count` places."""
        self._table, self._keep, self._count, self._rows_at = table, keep, count, rows_at
        self._mean, self._scale = np.array(standardisation.mean), np.array(standardisation.scale)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, places: Tensor) -> Tensor:
        """The rows at these places, (n, D), float32, model units; read in the order of the file."""
        rows = self._rows_at(places.numpy()).astype(np.int64)
        order = np.argsort(rows, kind="stable")
        model = np.empty((len(rows), len(self._keep)), np.float32)
        model[order] = standardise(self._table.read(rows[order])[:, self._keep], self._mean, self._scale)
        return torch.from_numpy(model)

    def stretch(self, places: slice) -> Tensor:
        """The rows at places that follow each other, as by their places; read as a whole, with what lies between."""
        rows = self._rows_at(np.arange(places.start, places.stop)).astype(np.int64)
        first, last = int(rows[0]), int(rows[-1])
        near = last - first <= 4 * len(rows)
        block = self._table.read(slice(first, last + 1))[rows - first] if near else self._table.read(rows)
        return torch.from_numpy(standardise(block[:, self._keep], self._mean, self._scale))


Part = Tensor | MappedRows
"""Rows (n, D) of one side of a split, float32, model units, held or left in their file."""


@dataclass(frozen=True, eq=False)
class PartLabels:
    """What the rows of each part of a table are called."""

    names: tuple[str, ...]
    codes: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    """The number of the name of each row to train, to validate and to test on; −1 where that is not known."""


class TableDataset(LabelledDataset):
    """Rows of a file: those to train on are drawn with replacement or gone through in passes; those to test on are
    what is fresh."""

    entropy = None

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...],
        standardisation: Standardisation,
        parts: tuple[Part, Part | None, Part],
        fingerprint: str,
        about: str = "",
        rule: SplitRule | None = None,
        labels: PartLabels | None = None,
        left_out: LeftOut = NOTHING,
    ) -> None:
        """`parts` are the rows to train, to validate (None: there are none) and to test on."""
        self.name, self.about, self.rule = name, about, rule
        self.columns = columns
        self.dim = len(columns)
        self.standardisation = standardisation
        self.train, self._validation, self.held_out = parts
        self.rows: tuple[int, int, int] = (
            len(self.train),
            0 if self._validation is None else len(self._validation),
            len(self.held_out),
        )
        self.fingerprint = fingerprint
        self._labels, self.left_out = labels, left_out
        self.class_names = self.labels = () if labels is None else labels.names

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` rows of the training split, with replacement: (count, D), float32, model units."""
        return self.train[torch.randint(len(self.train), (count,), generator=generator)]

    def passes(self, seed: int) -> Passes | None:
        """Passes over rows that stay in their file; of rows in memory any is as near as the other."""
        return Passes(self.train, self.dim, seed) if isinstance(self.train, MappedRows) else None

    def fresh(self, count: int, seed: int) -> Tensor:
        """Rows to test on without repetition, (min(count, m), D), float32, model units; `seed` chooses which."""
        total = len(self.held_out)
        return self.held_out[torch.arange(total) if count >= total else _some_of(total, count, seed)]

    def validation(self, count: int, seed: int) -> Tensor | None:
        """Rows to validate on without repetition, (min(count, m), D), float32, model units; `seed` chooses which."""
        rows = self._validation
        return None if rows is None else rows[_some_of(len(rows), count, seed)]

    def split(self, which: SplitName, seed: int, most: int | None = None) -> tuple[Tensor, NDArray[np.intp]]:
        """The labelled rows of a split, or `most` of them evenly over it, (m, D), model units, and labels (m,)."""
        number = get_args(SplitName).index(which)
        part = (self.train, self._validation, self.held_out)[number]
        codes = np.empty(0, np.int32) if self._labels is None else self._labels.codes[number]
        known = np.flatnonzero(codes >= 0)
        if part is None or not len(known):
            return torch.empty(0, self.dim), np.empty(0, np.intp)
        if most is not None and len(known) > most:
            # Rows often stand in the order of their labels
            known = known[np.arange(most) * len(known) // most]
        return part[torch.from_numpy(known)], codes[known].astype(np.intp)

    def nearest_class(self, x: NDArray[np.float64]) -> NDArray[np.intp]:
        """The label (n,) of the row that is nearest to each of `x` (n, D), data units; nearest in model units."""
        rows, codes = self._compared
        points = (x - np.array(self.standardisation.mean)) / np.array(self.standardisation.scale)
        if self.dim > FEW_COLUMNS:
            return codes[nearest_rows(points, rows).rows[:, 0]]
        found: NDArray[np.intp] = codes[self._tree.query(points)[1]]
        return found

    @property
    def labelled_rows(self) -> int:
        """How many rows `nearest_class` compares with."""
        return sum(min(count, MOST_COMPARED) for count in self.rows)

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self._compared[0])

    @cached_property
    def _compared(self) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        parts = [self.split(name, 0, MOST_COMPARED) for name in get_args(SplitName)]
        return torch.cat([rows for rows, _ in parts]).numpy(), np.concatenate([codes for _, codes in parts])


def _some_of(total: int, count: int, seed: int) -> Tensor:
    """`count` different numbers below `total`, or all of them, chosen by `seed`."""
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count]
