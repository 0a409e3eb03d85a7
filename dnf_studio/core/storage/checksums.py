"""Checksums of the rows of an export: what tells whether a file, or a part of one, is still what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.sampling.blocks import BLOCK

SUM_BYTES = 32
"""How long a SHA-256 is."""


class BlockSums:
    """SHA-256 of the rows of some datasets as they are stored, one for each `BLOCK` rows of each dataset.

    Rows come in order, in parts of any length, those of all datasets together.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.rows = 0
        """How many rows were added so far."""
        self._running = {name: hashlib.sha256() for name in names}
        self._whole: dict[str, list[bytes]] = {name: [] for name in self._running}
        self._all = hashlib.sha256()

    def add(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Add the next rows (n, …) of every dataset, in the types they are stored in."""
        count, at = len(next(iter(values.values()))), 0
        while at < count:
            stop = min(count, at + BLOCK - self.rows % BLOCK)
            for name, running in self._running.items():
                part = values[name][at:stop]
                running.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data.cast("B"))
            self.rows += stop - at
            at = stop
            if self.rows % BLOCK == 0:
                self._close_block()

    def state(self) -> str:
        """One sum (hex) over all rows so far."""
        found = self._all.copy()
        for running in self._running.values():
            found.update(running.digest())
        return found.hexdigest()

    def table(self, name: str) -> NDArray[np.uint8]:
        """The sums (K, 32) of the blocks of a dataset, that of a last block which is not full among them."""
        last = [self._running[name].digest()] if self.rows % BLOCK else []
        return np.frombuffer(b"".join([*self._whole[name], *last]), np.uint8).reshape(-1, SUM_BYTES)

    def _close_block(self) -> None:
        for name, running in self._running.items():
            self._whole[name].append(running.digest())
            self._all.update(self._whole[name][-1])
            self._running[name] = hashlib.sha256()
