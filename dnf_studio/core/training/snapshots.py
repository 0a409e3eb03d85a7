"""The weights of a run at some of its iterations: which are kept, so that they are few and evenly spread.

The rule knows only how many iterations there were. Whoever follows it anywhere, from any iteration on, keeps the
same ones, and a longer run keeps some of those that a shorter one does.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isqrt
from typing import TYPE_CHECKING

from dnf_studio.core.data.dataset import DataSummary
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.snapshots import KeptWeights

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel

MOST = 200
"""Snapshots of a run at any time, however long it is."""
MOST_BYTES = 180_000_000
"""The most that all snapshots of a run take in memory: 200 of the usual networks, fewer of larger ones."""
SAVED_BYTES = 64_000_000
"""The most that those take which are kept on the disk."""
FINEST = -10
"""Binary logarithm of the least spacing: every iteration is kept up to the 262,144th, were there room."""


def spacing(iterations: int, most: int) -> int:
    """How far apart snapshots are in √iteration, as a binary logarithm, for at most `most` of 0 … `iterations`.

    The least for which √iterations has room for no more than `most` − 1 of them beside that of iteration 0: with one
    more doubling of it every second one goes, and those that stay are at the same places as if it had been so from
    the beginning.
    """
    exponent = FINEST
    while _cell(iterations, exponent) >= most:
        exponent += 1
    return exponent


def is_kept(iteration: int, exponent: int) -> bool:
    """Whether √iteration is the first at or beyond another multiple of 2 to the `exponent`; iteration 0 always is."""
    return iteration == 0 or _cell(iteration, exponent) > _cell(iteration - 1, exponent)


def thinned(kept: Iterable[KeptWeights], iterations: int, most_bytes: int) -> tuple[KeptWeights, ...]:
    """Those of `kept` that a run of so many `iterations` keeps in `most_bytes`; none where two have no room."""
    known = tuple(kept)
    most = _most_of(max((each.bytes for each in known), default=1), most_bytes)
    if most < 2:
        return ()
    exponent = spacing(iterations, most)
    return tuple(each for each in known if each.iteration <= iterations and is_kept(each.iteration, exponent))


def _most_of(size: int, most_bytes: int) -> int:
    """How many snapshots of `size` bytes are kept."""
    return min(MOST, most_bytes // max(1, size))


class Snapshots:
    """The snapshots of one run in the order of their iterations, at most `MOST` and `most_bytes` of them.

    `all` is replaced as a whole and never changed, so that another thread may look at it at any time.
    """

    def __init__(self, size: int, most_bytes: int = MOST_BYTES) -> None:
        self.all: tuple[KeptWeights, ...] = ()
        self._size, self._most_bytes = size, most_bytes

    @property
    def most(self) -> int:
        """How many there are at most; fewer than two are none."""
        return _most_of(self._size, self._most_bytes)

    def keep(self, wanted: bool) -> None:
        """Keep none from now on, where they are not `wanted`."""
        if not wanted:
            self.all, self._most_bytes = (), 0

    def wants(self, iteration: int) -> bool:
        """Whether the weights after this `iteration`, the newest, are to be kept."""
        return self.most > 1 and is_kept(iteration, spacing(iteration, self.most))

    def note(self, flow: GenerativeModel, dataset: Dataset, iteration: int, seconds: float) -> None:
        """Keep a copy of `flow`, the model of the run that sampling uses, if it is the turn of this iteration."""
        if self.wants(iteration):
            self.add(copy_of(flow, DataSummary.of(dataset), iteration, seconds))

    def add(self, kept: KeptWeights) -> None:
        """Take up newer weights, in place of those that are there of the same iteration or a later one."""
        before = [each for each in self.all if each.iteration < kept.iteration]
        self.all = thinned([*before, kept], kept.iteration, self._most_bytes)

    def take(self) -> tuple[KeptWeights, ...]:
        """All of them, which are then the caller's and no longer here."""
        found, self.all = self.all, ()
        return found

    def load(self, kept: Iterable[KeptWeights] | None, iteration: int) -> None:
        """Have `kept`, or with None what there is, of a run that stands at `iteration`."""
        self.all = thinned(self.all if kept is None else kept, iteration, self._most_bytes)

    def go_back(self, iteration: int) -> None:
        """Forget what was after `iteration`."""
        self.all = tuple(each for each in self.all if each.iteration <= iteration)


def _cell(iteration: int, exponent: int) -> int:
    """⌊√iteration / 2^exponent⌋, exactly."""
    return isqrt(iteration << -2 * exponent) if exponent < 0 else isqrt(iteration) >> exponent


def copy_of(flow: GenerativeModel, data: DataSummary, iteration: int, seconds: float) -> KeptWeights:
    """Copies of the weights of `flow`, which is that of a run after `iteration`; nobody writes to them."""
    tensors = {f"model.{name}": own.detach().to("cpu", copy=True) for name, own in flow.state_dict().items()}
    found = Checkpoint(
        kind="weights",
        config=flow.config,
        dim=flow.dim,
        standardisation=flow.standardisation,
        data=data,
        iteration=iteration,
        seconds=seconds,
        history={},
        metrics={},
        tensors=tensors,
        unsaved=flow.unsaved,
    )
    return KeptWeights(iteration, sum(tensor.nbytes for tensor in tensors.values()), found)
