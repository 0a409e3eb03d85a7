"""What is looked at before rows of numbers are a data set: values, ranges and columns that repeat another."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.table import Table
from dnf_studio.errors import DataError

__all__ = ["FLOAT32", "CopyFinder", "check_values", "varies_too_little"]

FLOAT32 = np.finfo(np.float32)


def check_values(table: Table) -> NDArray[np.bool_]:
    """Refuse NaN, infinities and what single precision cannot hold, saying where the first one is.

    Returns which columns (D,) hold one value only.
    """
    bad, first, huge = 0, "", ""
    low, high = np.full(len(table.columns), np.inf), np.full(len(table.columns), -np.inf)
    for rows, block in table.blocks():
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
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
    return np.asarray(low == high)


def _where(table: Table, start: int, wrong: NDArray[np.bool_]) -> str:
    """Row and column of the first wrong value of a block that starts at row `start`."""
    row, column = np.argwhere(wrong)[0]
    return f"{table.place(start + int(row))}, column '{table.columns[column]}'"


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
