"""One export: what it is of, the file made for it, and a smaller one where less was found than was wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.modes import mode_names
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.partials import partial_name, process_mark
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan, Selection, asked_of
from dnf_studio.core.storage.provenance import attributes_of, column_names, provenance_of
from dnf_studio.core.storage.sample_file import Contents, create_contents
from dnf_studio.core.storage.sample_writer import Hdf5Output, SampleWriter
from dnf_studio.core.storage.shards import Shard, listed
from dnf_studio.errors import Check, DataError, check_interrupt


@dataclass(frozen=True)
class Order:
    """All that an export is made of."""

    flow: GenerativeModel
    target: Path
    plan: ExportPlan
    checkpoint: Checkpoint
    selection: Selection | None
    data: Dataset | None
    sha256: str
    steps: int
    check: Check = check_interrupt
    """Called at every step of drawing."""

    @property
    def asked(self) -> dict[str, object]:
        """What has to agree where it is gone on with."""
        return asked_of(self.flow, self.plan, self.steps, self.sha256, self.data)

    def create(self, partial: Path, contents: Contents, names: tuple[str, ...], shards: Sequence[Shard] = ()) -> None:
        """Make the file, in which the rows have their places, or that shows those of `shards`."""
        flow, plan, selection = self.flow, replace(self.plan, count=contents.count), self.selection
        times = flow.grid_of(plan.settings).t.flip(0).cpu().numpy()
        attributes = attributes_of(flow, plan, self.steps, self.sha256, selection, self.data is not None)
        provenance = provenance_of(flow, plan, self.steps, self.checkpoint, selection)
        if shards:
            provenance["shards"] = listed(shards)
        with Hdf5Output(partial, self.target, new=True) as output, output.disk():
            columns = column_names(flow, self.checkpoint)
            create_contents(output.file, contents, attributes, times, columns, provenance, names, shards)


def shorten(order: Order, partial: Path, writer: SampleWriter, names: tuple[str, ...]) -> Contents:
    """Make a file of the rows that were found, fewer than were wanted, of the partial one."""
    import h5py

    short = partial.with_name(partial_name(f"short-{order.target.name}", process_mark()))
    contents = replace(writer.contents, count=writer.rows)
    try:
        order.create(short, contents, names)
        with Hdf5Output(short, order.target, new=False) as output, h5py.File(partial, "r") as whole:
            fewer = SampleWriter(output, order.target, contents)
            fewer.copy(whole, writer)
            fewer.finish()
        os.replace(short, partial)
    finally:
        short.unlink(missing_ok=True)
    return contents


def label_names(plan: ExportPlan, data: Dataset | None) -> tuple[str, ...]:
    """What the labels are called, where they are wanted; raises `DataError` where there are none."""
    if not plan.labels:
        return ()
    if data is None:
        raise DataError(
            "The labels of samples are those of the data, which is not here as it was; export without them."
        )
    if not (names := mode_names(data)):
        raise DataError(f"The data '{data.name}' has no labels; export without them.")
    return names
