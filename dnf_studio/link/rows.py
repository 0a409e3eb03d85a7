"""The data that a script hands to its window: checked rows there, a data set here."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.memory import InMemory
from dnf_studio.core.data.missing import DO_ALONE, checked_table
from dnf_studio.core.sde.sample_settings import DISPLAY_SEED
from dnf_studio.errors import DataError

MOST_NUMBERS = 1 << 22
"""Numbers of the rows that go to the window, 32 MiB; of more rows so many as have no more, chosen by a fixed seed."""
SEED = 0


def rows_of(data: object, dim: int) -> NDArray[np.float64]:
    """Rows (n, D) in data units of whatever `train` takes in memory.

    Raises `DataError` for what is no table of `dim` columns without gaps.
    """
    table, _, _ = checked_table(InMemory.of(data, DO_ALONE).table(), do=DO_ALONE)
    if len(table.columns) != dim:
        raise DataError(f"The data for the window has {len(table.columns)} columns, and the model has {dim}.")
    count, most = len(table), max(1, MOST_NUMBERS // dim)
    if count <= most:
        return table.read(slice(0, count))
    return table.read(np.sort(np.random.default_rng(SEED).choice(count, most, replace=False)))


class GivenRows(Dataset):
    """Rows (n, D) in data units; which of them a training saw is not known."""

    def __init__(self, rows: NDArray[np.float64], columns: tuple[str, ...], units: Standardisation) -> None:
        self.name, self.dim, self.columns = "given rows", rows.shape[1], columns
        self.standardisation, self.entropy = units, None
        self.fingerprint = hashlib.sha256(rows.tobytes()).hexdigest()
        self.about = f"{len(rows):,} rows from the script"
        self._rows: Tensor = units.to_model(torch.from_numpy(np.array(rows))).float()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` of the rows, with replacement, (count, D), float32, model units."""
        return self._rows[torch.randint(len(self._rows), (count,), generator=generator)]

    def fresh(self, count: int, seed: int) -> Tensor:
        """Rows without repetition, (min(count, n), D), float32, model units."""
        return self._rows[torch.from_numpy(_chosen(len(self._rows), count, seed))]


def displayed_rows(rows: NDArray[np.float64], units: Standardisation, count: int) -> Tensor:
    """The first `count` of the `GivenRows` that views show, at most; (P, D), float32, model units."""
    return units.to_model(torch.from_numpy(rows[_chosen(len(rows), count, DISPLAY_SEED)])).float()


def _chosen(rows: int, count: int, seed: int) -> NDArray[np.intp]:
    return np.random.default_rng(seed).permutation(rows)[:count]
