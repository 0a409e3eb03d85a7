"""One export of shards that are whole: a file that holds all their rows, or one that shows them where they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.hdf5_reading import Hdf5File, note_own
from dnf_studio.core.files import atomic_file, writing
from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.core.storage.export_header import ExportInfo
from dnf_studio.core.storage.export_order import Order
from dnf_studio.core.storage.sample_reader import Sums, checksums_of, opened_shard, read_export, rows_of
from dnf_studio.core.storage.sample_writer import VIEW, Hdf5Output, SampleWriter, slices
from dnf_studio.core.storage.samples import check_written
from dnf_studio.core.storage.shard_place import ShardPlace, appears
from dnf_studio.core.storage.shards import Shard
from dnf_studio.errors import ExportError


def merge(order: Order, place: ShardPlace, shards: Sequence[Shard], names: tuple[str, ...]) -> Iterator[int]:
    """Write the export of `order` with the rows of all `shards`, whole or not at all; how many rows it has by now.

    Each row is read as its sums say it was written. Raises `ExportError` where it is not: that shard is removed, so
    that it is drawn again where the export is gone on with.
    """
    target = order.target
    contents = order.plan.contents(order.flow.dim, order.steps, len(names))
    with atomic_file(target, ExportError) as partial:
        order.create(partial, contents, names)
        with Hdf5Output(partial, target, new=False) as output:
            writer, far = SampleWriter(output, target, contents), list[int | None]()
            for shard, file, info in _opened(place, shards):
                if shard.first == 0:
                    writer.put_view(_view(file, contents.view))
                for start, stop in slices(contents, shard.rows):
                    writer.put({name: rows_of(file, name, start, stop) for name in contents.axes})
                    yield writer.rows
                far.append(info.far_samples)
                _check_sums(file, info, shard, writer)
            writer.far = _sum(far)
            writer.finish()
        check_written(partial, target, contents)


def show(order: Order, place: ShardPlace, shards: Sequence[Shard], names: tuple[str, ...]) -> None:
    """Write the export of `order` as a file that shows the rows of `shards`, which are moved beside it."""
    target = order.target
    contents = order.plan.contents(order.flow.dim, order.steps, len(names))
    tables, far, view, found = list[Sums](), list[int | None](), dict[str, NDArray[Any]](), list[Shard]()
    for shard, file, info in _opened(place, shards):
        view = view or _view(file, contents.view)
        tables.append(checksums_of(file, info) or {})
        far.append(info.far_samples)
        found.append(replace(shard, bytes=file.path.stat().st_size))
    with atomic_file(target, ExportError) as partial:
        order.create(partial, contents, names, found)
        with Hdf5Output(partial, target, new=False) as output:
            writer = SampleWriter(output, target, contents)
            writer.put_view(view)
            writer.far = _sum(far)
            writer.finish({name: np.concatenate([table[name] for table in tables]) for name in contents.axes})
        _move(place, shards, target)
        check_written(partial, target, contents)


def _opened(place: ShardPlace, shards: Sequence[Shard]) -> Iterator[tuple[Shard, Hdf5File, ExportInfo]]:
    """Each shard, open for reading; raises `ExportError` for one that is gone, or of another export than the first."""
    whole: ExportInfo | None = None
    for shard in shards:
        path = place.path(shard) or place.folder / shard.name
        if not appears(path):
            raise ExportError(f"The shard '{shard.name}' of '{place.target.name}' is gone; go on with --resume.")
        whole = whole or read_export(path)
        with opened_shard(path, whole, shard) as (file, info):
            yield shard, file, info


def _move(place: ShardPlace, shards: Sequence[Shard], shown: Path) -> None:
    """Move shards out of the hidden folder; those of an interrupted export may be beside it already."""
    with writing(shown, ExportError):
        for shard in shards:
            if (hidden := place.folder / shard.name).exists():
                os.replace(hidden, place.beside(shard))


def _view(file: Hdf5File, count: int) -> dict[str, NDArray[Any]]:
    """The first `count` points as a viewer shows them, who is shown no more than the first shard has."""
    return {name: rows_of(file, f"view/{name}", 0, count) for name in VIEW}


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum of what all shards know; None where one does not."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _check_sums(file: Hdf5File, info: ExportInfo, shard: Shard, writer: SampleWriter) -> None:
    """Raise `ExportError` unless the rows of a shard that were just written are those it was written with."""
    sums = checksums_of(file, info)
    for name in writer.contents.axes:
        if sums is None or not np.array_equal(writer.sums.table(name)[shard.first // BLOCK :], sums[name]):
            with suppress(OSError):
                file.path.unlink()
            raise ExportError(
                f"The rows of {name} in the shard '{shard.name}' are not what was written: their SHA-256 sums are "
                "others. It was removed; the same command with --resume draws it again."
            )


def trust(place: ShardPlace, shards: Sequence[Shard], ranks: Sequence[int]) -> None:
    """Take shards for our own that are as the ranks which wrote them left them, so that no process need look at them.

    The ranks are of this very export; what is another file by now is read as a stranger's.
    """
    states = filter(None, map(place.told, ranks))
    written = {name: identity for state in states for name, identity in state.written.items()}
    for shard in shards:
        path = place.folder / shard.name
        if shard.name in written and path.is_file():
            note_own(path, written[shard.name])
