"""Rows of a file as a data set, held in memory or left in the file; both give the same rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.table import Table

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["MappedDataset", "Split", "TableDataset", "fingerprint_start", "held_out_rows", "standardise"]

SPLIT_SEED = 20_211
HELD_OUT = 0.1
"""The share of rows that training never sees; at least one row."""


def held_out_rows(count: int) -> NDArray[np.int64]:
    """The rows of `count` that training never sees, ascending."""
    # RandomState's stream is frozen for good, so a file is split alike by every version of NumPy; it
    # shuffles numbers of any width alike, and narrow ones take half the memory.
    order = np.arange(count, dtype=np.uint32 if count <= 2**32 else np.uint64)
    np.random.RandomState(SPLIT_SEED).shuffle(order)
    return np.sort(order[: max(1, int(count * HELD_OUT))]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows are held out; all others, in order, are those to train on."""

    count: int
    held_out: NDArray[np.int64]
    """Ascending."""

    @property
    def train_count(self) -> int:
        """How many rows there are to train on."""
        return self.count - len(self.held_out)

    def trains(self, rows: slice) -> NDArray[np.bool_]:
        """Which of the rows start … stop − 1 are to train on."""
        first, last = np.searchsorted(self.held_out, (rows.start, rows.stop))
        train = np.ones(rows.stop - rows.start, dtype=bool)
        train[self.held_out[first:last] - rows.start] = False
        return train

    def train_rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that stand at these places among those to train on."""
        return places + np.searchsorted(self._before, places, side="right")

    @cached_property
    def _before(self) -> NDArray[np.int64]:
        """How many rows to train on stand before each held-out one."""
        return self.held_out - np.arange(len(self.held_out))


def standardise(
    block: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Rows (n, D) in model units, computed in float64; infinite where single precision cannot hold one."""
    with np.errstate(over="ignore", invalid="ignore"):
        return ((block - mean) / scale).astype(np.float32)


def fingerprint_start(columns: tuple[str, ...], train_count: int) -> _Hash:
    """A digest of what a table is, to be fed its training rows in order, float32, model units."""
    return hashlib.sha256(json.dumps([list(columns), [train_count, len(columns)]]).encode())


class TableDataset(Dataset):
    """Rows of a file: training rows are drawn with replacement, held-out rows are what is fresh.

    `train` (n, D) and `held_out` (m, D) are float32 in model units.
    """

    entropy = None

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...],
        standardisation: Standardisation,
        train: Tensor,
        held_out: Tensor,
        about: str = "",
    ) -> None:
        self.name, self.about = name, about
        self.columns = columns
        self.dim = len(columns)
        self.standardisation = standardisation
        self.train = train
        self.held_out = held_out
        digest = fingerprint_start(columns, len(train))
        digest.update(train.numpy().data)
        self.fingerprint = digest.hexdigest()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` rows of the training split, with replacement: (count, D), float32, model units."""
        return self.train[torch.randint(len(self.train), (count,), generator=generator)]

    def fresh(self, count: int, seed: int) -> Tensor:
        """Held-out rows without repetition, (min(count, m), D), float32, model units; `seed` chooses which."""
        if count >= len(self.held_out):
            return self.held_out.clone()
        return self.held_out[_some_of(len(self.held_out), count, seed)]


class MappedDataset(Dataset):
    """As `TableDataset`, but the rows stay in the file and are standardised when they are drawn."""

    entropy = None

    def __init__(
        self,
        table: Table,
        keep: list[int],
        standardisation: Standardisation,
        split: Split,
        fingerprint: str,
        about: str = "",
    ) -> None:
        self.name, self.about = table.name, about
        self.columns = tuple(table.columns[i] for i in keep)
        self.dim = len(keep)
        self.standardisation = standardisation
        self.fingerprint = fingerprint
        self._table, self._keep, self._split = table, keep, split
        self._mean, self._scale = np.array(standardisation.mean), np.array(standardisation.scale)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` rows of the training split, with replacement: (count, D), float32, model units."""
        places = torch.randint(self._split.train_count, (count,), generator=generator)
        return self._rows(self._split.train_rows(places.numpy()))

    def fresh(self, count: int, seed: int) -> Tensor:
        """Held-out rows without repetition, (min(count, m), D), float32, model units; `seed` chooses which."""
        held_out = self._split.held_out
        return self._rows(
            held_out if count >= len(held_out) else held_out[_some_of(len(held_out), count, seed).numpy()]
        )

    def _rows(self, rows: NDArray[np.int64]) -> Tensor:
        """These rows, (n, D), float32, model units; read in the order of the file."""
        order = np.argsort(rows, kind="stable")
        model = np.empty((len(rows), self.dim), np.float32)
        model[order] = standardise(self._table.read(rows[order])[:, self._keep], self._mean, self._scale)
        return torch.from_numpy(model)


def _some_of(total: int, count: int, seed: int) -> Tensor:
    """`count` different numbers below `total`, chosen by `seed`."""
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count]
