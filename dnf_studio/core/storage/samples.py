"""Samples written to HDF5 in constant memory, as an iterable of progress.

What a file holds is `sample_file`'s matter; reading one back is `sample_reader`'s.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial as bound
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.hdf5_reading import note_own
from dnf_studio.core.data.modes import modes_of
from dnf_studio.core.evaluation.fresh import Reach
from dnf_studio.core.files import atomic_file, check_target
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sampling.blocks import SUB_BLOCK, SampleBlock, sample_blocks
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.export_order import Order, label_names, shorten
from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress, Selection, difference
from dnf_studio.core.storage.journal import Journal, Unfinished, unfinished_exports
from dnf_studio.core.storage.layout import digest
from dnf_studio.core.storage.sample_file import Contents
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.core.storage.sample_writer import Hdf5Output, SampleWriter
from dnf_studio.errors import Check, DataError, ExportError, SettingError, StudioError, check_interrupt


def export_samples(
    flow: GenerativeModel,
    path: Path,
    plan: ExportPlan,
    checkpoint: Checkpoint | None = None,
    selection: Selection | None = None,
    data: Dataset | None = None,
    *,
    keep: Callable[[], bool] | None = None,
    resume: Unfinished | None = None,
    check: Check = check_interrupt,
) -> Generator[ExportProgress, None, None]:
    """Draw samples and write them to `path`, whole or not at all.

    The target and the free space are checked at once; the work is done while the result is iterated. The last
    progress comes after the file is in place; closing the iterator earlier leaves no file and an older one untouched;
    `check` is called at every step. `checkpoint` is what `flow` was built from, None for a model as it stands. With a
    `selection` its rows are written, of which there must be `plan.count`, and the file says so. With the `data` of
    the model the samples far from it are counted, as `Reach` says, into the root attribute `far_samples`, and where
    labels are wanted it is from there that they come; `DataError` where it has none. Raises `ExportError`, and
    `DivergenceError` for samples that are not finite.

    Where `keep()` says so when it is interrupted by anything but what would come again, or where the process is killed,
    a partial file stays with which `unfinished_export` finds it. Given as `resume` it is gone on with: the bytes are
    those of an export that was never interrupted, and `ExportError` names what is asked otherwise. New samples alone
    are kept so, not compressed. Without `resume` what is left of the same target is removed.
    """
    # Long by its docstring, which tells each parameter
    if plan.forward and selection is None:
        raise SettingError("New samples have no forward paths; only points of a view have.")
    target = Path(path)
    folder = check_target(target, ExportError).parent
    grid = flow.grid_of(plan.settings)
    source = checkpoint or Checkpoint.of_model(flow)
    sha256 = source.sha256 or digest(source.tensors)
    order = Order(flow, target, plan, source, selection, data, sha256, grid.steps, check)
    if resume is not None and (what := difference(order.asked, resume.asked)):
        raise ExportError(
            f"The interrupted export of '{target}' cannot be gone on with, for {what}; ask for the same, or begin anew."
        )
    needed, free = plan.predicted_bytes(flow.dim, grid.steps), shutil.disk_usage(folder).free
    if resume is not None:
        free += resume.partial.stat().st_blocks * 512 if hasattr(os.stat_result, "st_blocks") else needed
    if needed > free:
        raise ExportError(
            f"The export needs {in_words(needed)}, and only {in_words(free)} are free in '{folder}'; "
            "export fewer samples or without trajectories."
        )
    return _export(order, keep if selection is None and not plan.compress else None, resume)


def _export(
    order: Order, keep: Callable[[], bool] | None, resume: Unfinished | None
) -> Generator[ExportProgress, None, None]:
    flow, plan, target, data = order.flow, order.plan, order.target, order.data
    reach = None if data is None else Reach.of(flow, data)
    names = label_names(plan, data)
    contents = plan.contents(flow.dim, order.steps, len(names))
    clock = _Clock(plan)
    yield ExportProgress(0, plan.count, 0.0, None)
    goes_on = _Keeping(keep, resume is not None)
    with atomic_file(target, ExportError, goes_on) as partial, BlockPool(worker_threads(flow.device)) as pool:
        journal = _begin(order, partial, contents, names, resume, keep is not None)
        with Hdf5Output(partial, target, new=False) as output, goes_on.through():
            writer = SampleWriter(output, target, contents, reach)
            if resume is not None:
                journal.cut(writer.go_on(resume.entries))
                clock.first = writer.rows
                goes_on.whole = writer.rows > 0
                yield clock.progress(writer)
            for block, drawn in _wanted(order, writer):
                log_prob = _log_prob(flow, block, pool) if plan.log_prob else None
                labels = _labels(data, block) if plan.labels and data is not None else None
                writer.write(block, drawn, log_prob, labels)
                if keep is not None:
                    output.flush(to_disk := journal.due)
                    journal.add(writer.entry(), to_disk)
                    goes_on.whole = True
                if writer.rows < plan.count:
                    yield clock.progress(writer)
            goes_on.whole = False
            if writer.rows == plan.count:
                writer.finish()
        if writer.rows < plan.count:
            contents = shorten(order, partial, writer, names)
        check_written(partial, target, contents)
    yield replace(clock.progress(writer), total=contents.count)


def _begin(
    order: Order,
    partial: Path,
    contents: Contents,
    names: tuple[str, ...],
    resume: Unfinished | None,
    keeps: bool,
) -> Journal:
    """Make the partial file and its journal, or take those of an interrupted export."""
    journal = Journal(partial, order.target)
    if resume is not None:
        resume.take(partial)
        return journal
    final = check_target(order.target, ExportError)
    for one in unfinished_exports(final.parent):
        if one.target == final:
            one.remove()
    order.create(partial, contents, names)
    if keeps:
        journal.begin(final.name, order.asked)
    return journal


class _Keeping:
    """Whether what is written so far can be gone on with, should it be interrupted now."""

    def __init__(self, wanted: Callable[[], bool] | None, resumed: bool) -> None:
        self._wanted, self.whole = wanted, resumed
        """Whether there are rows to go on from."""

    def __call__(self) -> bool:
        return self.whole and self._wanted is not None and self._wanted()

    @contextmanager
    def through(self) -> Iterator[None]:
        """Within it a failure that would come again, such as samples that are not finite, leaves nothing to keep."""
        try:
            yield
        except StudioError as error:
            self.whole = self.whole and isinstance(error, ExportError)
            raise


class _Clock:
    """Tells how far an export is, and how long the rest takes if it goes on so."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan, self._began, self.first = plan, time.monotonic(), 0

    def progress(self, writer: SampleWriter) -> ExportProgress:
        """What is done by now."""
        plan, seconds, done = self._plan, time.monotonic() - self._began, writer.rows
        new, left = done - self.first, None
        if new:
            left = seconds * (plan.count - done) / new
        drawn = None if plan.region is None else writer.drawn
        return ExportProgress(done, plan.count, seconds, left, writer.far, drawn, self.first)


def _wanted(order: Order, writer: SampleWriter) -> Iterator[tuple[SampleBlock, int]]:
    """The rows that are still missing, and how many samples were drawn until then."""
    flow, plan = order.flow, order.plan
    if order.selection is not None:
        for block in order.selection.blocks:
            yield block, block.start + len(block.samples)
        return
    if writer.rows == plan.count:
        return
    for one in _drawn(order, plan.first + writer.drawn):
        block = replace(one, start=one.start - plan.first)
        end = block.start + len(block.samples)
        if plan.region is None:
            yield block, end
            continue
        inside = np.flatnonzero(plan.region.contains(block.samples, flow.standardisation))
        chosen = inside[: plan.count - writer.rows]
        # Of what was drawn beyond the last one that was wanted nothing is told
        enough = len(chosen) == plan.count - writer.rows
        yield _chosen(block, chosen, writer.rows), block.start + int(chosen[-1]) + 1 if enough else end
        if enough:
            return
    if plan.region is not None and not writer.rows:
        raise DataError(
            f"None of the {plan.limit:,} samples that were drawn ends in the region; choose a larger one, or let more "
            "be drawn."
        )


def _chosen(block: SampleBlock, rows: NDArray[np.intp], start: int) -> SampleBlock:
    """Some rows of a block, which are those from `start` on in the file."""
    paths, noise = (None if values is None else values[rows] for values in (block.trajectories, block.noise))
    numbers = block.start + rows.astype(np.int64)
    return SampleBlock(start, block.samples[rows], block.latents[rows], paths, noise, rows=numbers)


def _drawn(order: Order, start: int) -> Iterable[SampleBlock]:
    """New samples of the model from row `start` on."""
    flow, plan = order.flow, order.plan
    draw = bound(sample_blocks, trajectories=plan.trajectories, noise=plan.noise, start=start, check=order.check)
    if not plan.log_prob:
        return draw(flow, plan.limit, plan.settings)
    # log p comes from an adaptive solver, whose steps depend on all rows it is given: whole sub-blocks only. It takes
    # seconds for each, and so no more come at once than are computed at once: a cancel waits no longer
    count, rows = -(-plan.limit // SUB_BLOCK) * SUB_BLOCK, SUB_BLOCK * worker_threads(flow.device)
    return draw(flow, count, plan.settings, rows=rows)


def _labels(data: Dataset, block: SampleBlock) -> NDArray[np.intp] | None:
    """The label (n,) of each sample of a block."""
    return modes_of(data, block.samples) if len(block.samples) else np.empty(0, np.intp)


def _log_prob(flow: GenerativeModel, block: SampleBlock, pool: BlockPool) -> NDArray[np.float32]:
    """Log density (n,) of the samples of a block, sub-block by sub-block, nats, data units."""

    def one(rows: NDArray[np.float32]) -> torch.Tensor:
        return flow.log_prob(torch.from_numpy(rows).to(flow.timestamps), "ode").detach().cpu().float()

    if not len(block.samples):
        return np.empty(0, np.float32)
    numbers = block.rows if block.rows is not None else np.arange(block.start, block.start + len(block.samples))
    parts = np.split(block.samples, np.flatnonzero(np.diff(numbers // SUB_BLOCK)) + 1)
    values: NDArray[np.float32] = torch.cat(pool.map(one, parts)).numpy()
    return values


def check_written(partial: Path, target: Path, contents: Contents) -> None:
    """Open what was written once more, as a reader will; raises `ExportError` where it is something else."""
    note_own(partial)
    found = read_export(partial)
    if (found.count, found.dim, found.steps) != (contents.count, contents.dim, contents.steps) or not found.complete:
        raise ExportError(f"Cannot write '{target}': the disk gave back something else than was written.")


def in_words(count: int) -> str:
    """So many bytes for a person to read."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    # 999.5 would be written 1e+03
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.3g} {units[0]}"
