"""Batches of rows that stay in their file: each pass over them sees every row once, in an order shuffled by blocks.

The rows are parted into lanes that lie one after the other in the file, and every batch has about as many rows of each,
in the order of the lanes. A lane is gone through in pools of a few blocks of rows, which lie at random places of it;
a block is read as a whole, and the rows of a pool are shuffled. So a batch has rows of hundreds of places, one pool of
each lane is in memory, and of several processes that need a part of each batch each reads a part of the file.

Where a batch lies follows from its number and a seed: nothing need be kept to go on.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import stream_of

LANES = 64
BLOCK_BYTES = 1 << 17
"""Bytes of the rows of a block, float32."""
POOL = 8
"""Blocks of a pool."""


class Stretches(Protocol):
    """Rows that are read by their places."""

    def __len__(self) -> int: ...

    def stretch(self, places: slice) -> Tensor:
        """The rows (n, D) at consecutive places."""
        ...


class _Pool(NamedTuple):
    """The shuffled rows that one lane gives next."""

    of: tuple[int, int]
    """The pass and the number of the pool."""
    rows: Tensor


class Passes:
    """Passes over `rows`, each in an order of its own, which `seed` decides."""

    def __init__(self, rows: Stretches, dim: int, seed: int) -> None:
        self._rows, self._dim, self._seed = rows, dim, seed
        self._lanes = min(LANES, len(rows))
        self._block = max(1, BLOCK_BYTES // (4 * dim))
        self._pools: dict[int, _Pool] = {}
        self._edges: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def batch(self, number: int, count: int, part: slice) -> Tensor:
        """The rows `part` of the batch with this `number`, of `count` rows: (n, D), float32, model units.

        Batches follow each other, so that passes do.
        """
        passes, places = np.divmod(np.arange(number * count, (number + 1) * count), len(self._rows))
        lanes = places % self._lanes
        chosen = np.argsort(lanes, kind="stable")[part]
        found = [torch.empty(0, self._dim)]
        for lane in np.unique(lanes[chosen]):
            own = chosen[lanes[chosen] == lane]
            for turn in np.unique(passes[own]):
                found.append(self._of_lane(int(lane), int(turn), places[own[passes[own] == turn]] // self._lanes))
        return torch.cat(found)

    def _of_lane(self, lane: int, turn: int, places: NDArray[np.int64]) -> Tensor:
        """What the pass `turn` has at these ascending places of a lane."""
        order, ends = self._order(lane, turn)
        last = np.minimum(np.arange(POOL - 1, len(order) + POOL - 1, POOL), len(order) - 1)
        numbers = np.searchsorted(ends[last], places, side="right")
        parts = []
        for number in np.unique(numbers):
            begin = int(ends[number * POOL - 1]) if number else 0
            rows = self._pool(lane, turn, int(number), order[number * POOL : (number + 1) * POOL])
            parts.append(rows[torch.from_numpy(places[numbers == number] - begin)])
        return torch.cat(parts)

    def _order(self, lane: int, turn: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The blocks of a lane in the order of a pass, and how many rows there are up to the end of each."""
        if (lane, turn) not in self._edges:
            # That of the pass before is needed no more
            self._edges = {known: value for known, value in self._edges.items() if known[0] != lane}
            size, generator = self._size(lane), stream_of(f"blocks {self._seed} {turn} {lane}")
            order = torch.randperm(-(-size // self._block), generator=generator).numpy()
            self._edges[lane, turn] = order, np.cumsum(np.minimum(size - order * self._block, self._block))
        return self._edges[lane, turn]

    def _pool(self, lane: int, turn: int, number: int, blocks: NDArray[np.int64]) -> Tensor:
        """The rows of these `blocks` of a lane, shuffled; the last ones that were asked for are kept."""
        known = self._pools.get(lane)
        if known is not None and known.of == (turn, number):
            return known.rows
        self._pools.pop(lane, None)
        size, first = self._size(lane), self._first(lane)
        starts = (blocks * self._block).tolist()
        read = {
            start: self._rows.stretch(slice(first + start, first + min(start + self._block, size)))
            for start in sorted(starts)  # as they lie in the file
        }
        rows = torch.cat([read[start] for start in starts])
        generator = stream_of(f"rows {self._seed} {turn} {lane} {number}")
        self._pools[lane] = _Pool((turn, number), rows[torch.randperm(len(rows), generator=generator)])
        return self._pools[lane].rows

    def _size(self, lane: int) -> int:
        """Rows of a lane; the first ones have one more where they cannot be equal."""
        return len(self._rows) // self._lanes + (lane < len(self._rows) % self._lanes)

    def _first(self, lane: int) -> int:
        """The place of the first row of a lane."""
        return lane * (len(self._rows) // self._lanes) + min(lane, len(self._rows) % self._lanes)
