"""An export whose shards are drawn by several ranks, each on its own, and joined by one of them.

Ranks speak once before the first block, to see that they are asked for the same; after that the files they leave in a
folder that all of them see say enough. The rows are those of one process, and so are all bytes of a merged file but the
time of its making.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.files import check_target
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.ranks import ALONE, RankError, Ranks
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.export_order import Order, label_names
from dnf_studio.core.storage.export_plan import WORDS, ExportPlan, ExportProgress
from dnf_studio.core.storage.journal import Unfinished
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.core.storage.samples import export_samples, in_words
from dnf_studio.core.storage.shard_join import merge, show, trust
from dnf_studio.core.storage.shard_place import ShardPlace, note_written, reported
from dnf_studio.core.storage.shards import Shard, export_id, shards_of
from dnf_studio.errors import ExportError, SettingError, check_interrupt

LOOK_EVERY = 1.0
"""Seconds between two looks at what the other ranks have written."""
WAIT = 0.1
SLOWER = 10.0
"""How many times as long as the longest wait for rows of its own rank 0 waits for those of another, at least."""


@dataclass(frozen=True)
class _Work:
    """An export in shards, as one rank sees it."""

    order: Order
    place: ShardPlace
    shards: tuple[Shard, ...]
    ranks: Ranks

    def of(self, rank: int, missing: Sequence[Shard]) -> Sequence[Shard]:
        """Those of the `missing` shards that a rank draws: every one at its distance, so that all end together."""
        return missing[rank :: self.ranks.count]


def export_by_ranks(
    flow: GenerativeModel,
    path: Path,
    plan: ExportPlan,
    checkpoint: Checkpoint | None = None,
    data: Dataset | None = None,
    *,
    ranks: Ranks = ALONE,
    shards: bool = False,
    resume: bool = False,
    keep: Callable[[], bool] = lambda: True,
) -> Generator[ExportProgress, None, None]:
    """Draw samples and write them to `path`, whole or not at all, together with the other `ranks`.

    All of them call this with the same arguments and see the folder of `path`. Each draws shards of its own there, in
    a hidden folder; rank 0 makes one file of them, or with `shards` moves them beside a file that shows them by HDF5
    virtual data sets. It alone tells how far all are. What is whole when it is interrupted stays, and `resume` goes
    on with it, by any number of ranks. Raises what `export_samples` raises, `RanksDiffer` where ranks are asked for
    another thing, and `RankError` with the number of a rank that has ended or has written nothing for as long as the
    `ranks` are patient.
    """
    if plan.compress or plan.region is not None or plan.first or plan.forward:
        raise SettingError("Shards are of new samples, all that are drawn, and not compressed; export in one file.")
    target = Path(path)
    final = check_target(target, ExportError)
    grid, source = flow.grid_of(plan.settings), checkpoint or Checkpoint.of_model(flow)
    order = Order(flow, target, plan, source, None, data, source.sha256 or digest(source.tensors), grid.steps)
    asked = order.asked | ({"shards": True} if shards else {})
    facts = {WORDS.get(name, name): value for name, value in asked.items()} | {"file": str(final)}
    ranks.require_same(facts, check_interrupt)
    work = _Work(order, ShardPlace(final, target), shards_of(final, plan.count, export_id(asked)), ranks)
    _meet(work, _claimed(work, asked, resume) if ranks.writes else None)
    missing = [shard for shard in work.shards if not _is_whole(work.place, shard, shards and resume)]
    left = work.place.unfinished()
    # Before the first of them is drawn all have looked what is there
    ranks.barrier()
    return _by_ranks(work, missing, left, keep, shards)


def _meet(work: _Work, refused: str | None) -> None:
    """Raise `ExportError` on all ranks where rank 0 has `refused`, or one of them does not see what it made."""
    if (refused := work.ranks.first(refused)) is not None:
        raise ExportError(refused)
    if blind := [rank for rank, sees in enumerate(work.ranks.gather(work.place.appears())) if not sees]:
        raise ExportError(
            f"Rank {blind[0]} does not see '{work.place.folder}', which rank 0 made; put '{work.order.target}' on a "
            "file system that the machines of all ranks share."
        )


def _claimed(work: _Work, asked: Mapping[str, object], resume: bool) -> str | None:
    """Take the folder of the shards; the sentence that says why that cannot be, None where it can."""
    order, folder = work.order, work.place.folder.parent
    size = order.plan.predicted_bytes(order.flow.dim, order.steps)
    # Beside the shards, what is made of them
    needed, free = size if "shards" in asked else 2 * size, shutil.disk_usage(folder).free
    try:
        work.place.claim(asked, resume)
    except ExportError as error:
        return str(error)
    free += sum(path.stat().st_size for shard in work.shards if (path := work.place.path(shard)) is not None)
    if needed > free:
        if not resume:
            work.place.remove()
        return (
            f"The export needs {in_words(needed)}, its shards included, and only {in_words(free)} are free in "
            f"'{folder}'; export fewer samples or without trajectories."
        )
    return None


def _is_whole(place: ShardPlace, shard: Shard, beside: bool) -> bool:
    """Whether a shard is there, where `beside` says so also among those that were moved beside the export already."""
    return (place.folder / shard.name).is_file() or (beside and place.beside(shard).is_file())


def _by_ranks(
    work: _Work, missing: Sequence[Shard], left: Mapping[str, Unfinished], keep: Callable[[], bool], shards: bool
) -> Generator[ExportProgress, None, None]:
    """Draw this rank's part of the `missing` shards; rank 0 then waits for the others' and joins all."""
    ranks, place, plan = work.ranks, work.place, work.order.plan
    watch = _Watch(work, missing)
    with place.held() if ranks.writes else nullcontext():
        yield watch.progress()
        with reported(place, ranks.rank) as written:
            for shard in work.of(ranks.rank, missing):
                for _ in _draw(work, shard, left.get(shard.name), keep):
                    yield watch.progress()
                note_written(place.folder, shard, written)
        if not ranks.writes:
            return
        while not watch.all_done():
            yield watch.progress()
            time.sleep(WAIT)
        trust(place, work.shards, range(ranks.count))
        names = label_names(plan, work.order.data)
        if shards:
            show(work.order, place, work.shards, names)
        else:
            for _ in merge(work.order, place, work.shards, names):
                yield watch.progress()
    place.remove()
    found = watch.progress()
    yield replace(found, done=found.total, seconds_left=0.0, far=read_export(work.order.target).far_samples)


def _draw(work: _Work, shard: Shard, left: Unfinished | None, keep: Callable[[], bool]) -> Iterator[object]:
    """Draw one shard, or the rest of one."""
    order = work.order
    plan = replace(order.plan, count=shard.rows, first=shard.first)
    path = work.place.folder / shard.name
    drawing = export_samples(order.flow, path, plan, order.checkpoint, data=order.data, keep=keep, resume=left)
    with closing(drawing):
        yield from drawing


class _Watch:
    """Looks now and then at what all ranks have written, and says which of them does nothing any more."""

    def __init__(self, work: _Work, missing: Sequence[Shard]) -> None:
        self._work, self._missing = work, missing
        self._began = self._looked = time.monotonic()
        self._rows = work.place.rows(missing)
        self._whole = work.order.plan.count - sum(shard.rows for shard in missing)
        self.first = self._whole + sum(self._rows.values())
        """How many rows were there already."""
        self._moved = {rank: (self._began, -1) for rank in range(work.ranks.count)}
        self._last, self._longest = self._began, 0.0

    def progress(self) -> ExportProgress:
        """How far all ranks are; on rank 0 also whether one is missing."""
        now = time.monotonic()
        self._last, self._longest = now, max(self._longest, now - self._last)
        if self._work.ranks.writes and now - self._looked >= LOOK_EVERY:
            self._look()
        total, seconds = self._work.order.plan.count, now - self._began
        # The last one is told of when the file is there
        done = min(total - 1, self._whole + sum(self._rows.values()))
        new = done - self.first
        rest = seconds * (total - done) / new if new > 0 else None
        return ExportProgress(done, total, seconds, rest, first=self.first)

    def all_done(self) -> bool:
        """Whether every rank has said that its shards are whole."""
        ranks, place = self._work.ranks, self._work.place
        return all((state := place.told(rank)) is not None and state.done for rank in range(ranks.count))

    def _look(self) -> None:
        """Count rows; raise `RankError` or `ExportError` for a rank that has ended, failed or hangs."""
        work, now = self._work, time.monotonic()
        self._looked, self._rows = now, work.place.rows(self._missing)
        for rank in range(1, work.ranks.count):
            state = work.place.told(rank)
            if state is not None and state.done:
                continue
            if state is not None and state.failed is not None:
                raise RankError(f"Rank {rank} has ended: {state.failed}")
            # It may have said so in the meantime
            if state is not None and work.place.is_gone(state) and work.place.told(rank) == state:
                raise RankError(
                    f"Rank {rank} has ended before its shards were whole; the same command with --resume goes on."
                )
            rows = sum(self._rows[shard.name] for shard in work.of(rank, self._missing))
            since, before = self._moved[rank]
            if rows != before:
                self._moved[rank] = now, rows
            # Where rows take long, as their densities may, they do on all ranks
            elif now - since > max(work.ranks.patience, SLOWER * self._longest):
                raise RankError(
                    f"Rank {rank} of {work.ranks.count} has written nothing for {now - since:.3g} s; look at what it "
                    "does, end it, and go on with the same command and --resume."
                )
