"""The data that a script hands to its window: checked rows there, a data set here."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.errors import DataError

__all__ = ["GivenRows", "rows_of"]

MOST_NUMBERS = 1 << 22
"""Numbers of the rows that go to the window, 32 MiB; of more rows so many as have no more, chosen by a fixed seed."""
SEED = 0


def rows_of(data: object, dim: int) -> NDArray[np.float64]:
    """Rows (n, D) in data units of an array, list, tensor or DataFrame; raises `DataError` for anything else."""
    given = data.detach().cpu() if isinstance(data, Tensor) else data
    if isinstance(given, Tensor) and given.dtype == torch.bfloat16:
        given = given.float()
    if isinstance(given, np.ma.MaskedArray) and np.ma.getmaskarray(given).any():
        raise DataError("The data for the window has masked values; fill them or leave such rows out.")
    try:
        found = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        found = np.empty(0, object)
    if found.dtype.kind not in "fiub":
        raise DataError(f"The data for the window is rows of real numbers, (n, {dim}), not {type(data).__name__}.")
    rows = found[:, None] if found.ndim == 1 and dim == 1 else found
    if rows.ndim != 2 or rows.shape[1] != dim or not len(rows):
        raise DataError(f"The data for the window must be of shape (n, {dim}), as the model has it, not {found.shape}.")
    most = max(1, MOST_NUMBERS // dim)
    if len(rows) > most:
        rows = rows[np.sort(np.random.default_rng(SEED).choice(len(rows), most, replace=False))]
    rows = rows.astype(np.float64)
    if not np.isfinite(rows).all():
        raise DataError("The data for the window holds values that are missing or not finite; leave such rows out.")
    return rows


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
        order: NDArray[Any] = np.random.default_rng(seed).permutation(len(self._rows))[:count]
        return self._rows[torch.from_numpy(order)]
