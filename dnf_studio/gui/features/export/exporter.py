"""The one export that may run at a time, whatever panel is in front, and how long one will take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from dnf_studio.errors import Check, ExportError, StudioError
from dnf_studio.gui.drawing.words import percent
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.workers.background import Task

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress
    from dnf_studio.core.storage.journal import Unfinished
    from dnf_studio.gui.features.export.list import ExportRecord

WAIT_SECONDS = 60.0
"""For the block that an export is at when the window closes."""
TRIAL_STEPS = 500_000


@dataclass(frozen=True)
class ExportOrder:
    """What to write, and where to."""

    plan: ExportPlan
    path: Path
    indices: tuple[int, ...] | None = None
    """Points of the display set to write instead of new samples; the plan's settings are then the view's. Round trips
    where `plan.forward`, else backward paths from latents of their own."""
    resume: Unfinished | None = None
    """An interrupted export to go on with, which says what it is of."""


class Exporter(QObject):
    """Writes in the background while the window and a run go on.

    Cancel leaves no file. What the disk or the end of the window interrupts can be gone on with, as long as nobody
    said `leaves_nothing`.
    """

    running_changed = Signal(bool)
    progressed = Signal(object)
    """The newest `ExportProgress`."""
    written = Signal(object)
    """The `ExportRecord` of the file that is in place."""
    failed = Signal(str)
    """One sentence."""
    cancelled = Signal()

    def __init__(self, studio: Studio, tell: Callable[[Exception], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio, self._tell = studio, tell
        self._task = Task()
        self._number = 0
        self._preparing = self._unwanted = self._in_place = False
        self.wanted = self.limit = 0
        """How many samples are to be written, and how many may be drawn for them."""
        self.leaves_nothing = False
        """Whether an export that the end of the window interrupts is cancelled."""
        self._record: ExportRecord | None = None
        """Record of the export being written; None once it has failed."""

    @property
    def running(self) -> bool:
        """Whether a file is being written."""
        return self._preparing or self._task.running

    def start(self, order: ExportOrder) -> None:
        """Begin to write what is ordered with the model as it is now; nothing while another export runs."""
        if self.running:
            return
        self._preparing, self._unwanted, self.leaves_nothing = True, False, False
        self._number += 1
        current = self._studio.current
        data = (current.points, current.dataset) if current is not None else (None, None)
        self.running_changed.emit(True)
        number = self._number
        self._studio.take_model(partial(self._write, number, order, data), partial(self._refuse, number))

    def cancel(self) -> None:
        """Stop what runs, at its next step; a file that is in place by then stays."""
        self._unwanted = True
        self._task.cancel()

    def shut(self) -> None:
        """Interrupt what runs and wait for it; nothing is told of it any more."""
        self._number += 1
        self._task.cancel()
        self._task.wait(WAIT_SECONDS)
        if self.running:
            self._preparing, self._task = False, Task()
            self.running_changed.emit(False)

    def share(self, progress: ExportProgress) -> str:
        """How many of those drawn end in the region, and how many are drawn at most; empty without one."""
        if not progress.drawn:
            return ""
        share = percent(progress.done / progress.drawn)
        return f" in the region, {share} of {progress.drawn:,} drawn, at most {self.limit:,}"

    def doubt(self, record: ExportRecord) -> tuple[str, str] | None:
        """What to say of a file that is in place in few words and in a sentence, where it is not all that was hoped."""
        if record.count < self.wanted:
            few = f"{record.count:,} of {self.wanted:,} samples"
            return few, f"Written with {few}: no more of the {self.limit:,} drawn end in the region."
        if not record.far:
            return None
        far = f"{record.far:,} of {record.count:,} points ({percent(record.far / record.count)}) far from the data"
        advice = "train longer, or try another N or solver"
        return far, f"Written with {far}, beyond 1.5 times its bounding box; {advice}."

    def _write(
        self,
        number: int,
        order: ExportOrder,
        data: tuple[Tensor | None, Dataset | None],
        model: tuple[GenerativeModel, Checkpoint | None],
    ) -> None:
        from dnf_studio.gui.features.export.list import ExportRecord

        if number != self._number:
            return
        self._preparing = False
        if self._unwanted:
            self.cancelled.emit()
            self.running_changed.emit(False)
            return
        (flow, checkpoint), plan = model, order.plan
        try:
            solver = flow.checked_solver(plan.settings.solver).label
        except StudioError as error:  # another model has come since the form was filled in
            self._refuse(number, error)
            return
        count = plan.count if order.indices is None else len(set(order.indices))
        self.wanted, self.limit = count, plan.limit
        steps = plan.settings.steps or len(flow.timestamps) - 1
        self._record = ExportRecord(
            str(order.path), count, steps, plan.settings.level, selected=order.indices is not None, solver=solver
        )
        self._in_place = False

        def own(tell: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda what: tell(what) if number == self._number else None

        keep, places = self._may_be_kept, self._studio.places()
        self._task = self._studio.background.start(
            lambda check: _export(order, *data, flow, checkpoint, keep, places, check),
            own(self._take),
            own(self._fail),
            own(self._end),
        )

    def _may_be_kept(self) -> bool:
        """Whether what is written so far is kept; asked in the thread of the export, once it is interrupted."""
        return not (self._unwanted or self.leaves_nothing)

    def _refuse(self, number: int, error: Exception) -> None:
        if number == self._number:
            self._preparing = False
            self.failed.emit(str(error))
            self.running_changed.emit(False)

    def _take(self, progress: ExportProgress) -> None:
        self._in_place = progress.done >= progress.total
        if self._record is not None:
            count = progress.total if self._in_place else self._record.count
            self._record = replace(self._record, far=progress.far or 0, count=count)
        # What was done before a cancel is no news after it
        if self._in_place or not self._unwanted:
            self.progressed.emit(progress)

    def _fail(self, error: Exception) -> None:
        self._record = None
        if isinstance(error, StudioError):
            self.failed.emit(str(error))
        else:
            self._tell(error)

    def _end(self, _whole: bool) -> None:
        record = self._record
        if record is not None and self._in_place:
            self.written.emit(record.in_place(_size(Path(record.path)), datetime.now().astimezone()))
        elif record is not None:
            self.cancelled.emit()
        self.running_changed.emit(False)


def _export(
    order: ExportOrder,
    data: Tensor | None,
    dataset: Dataset | None,
    flow: GenerativeModel,
    checkpoint: Checkpoint | None,
    keep: Callable[[], bool],
    places: Sequence[Path],
    check: Check,
) -> Generator[ExportProgress, None, None]:
    """Called in the thread of the export."""
    from dnf_studio.core.storage.samples import export_samples

    left = order.resume
    if left is not None:
        flow, checkpoint, dataset = _as_asked(left, flow, checkpoint, dataset, places)
    if order.indices is None:
        return export_samples(
            flow, order.path, order.plan, checkpoint, data=dataset, keep=keep, resume=left, check=check
        )
    from dnf_studio.workers.selection import export_selection

    points, starts = len(data) if data is not None else 0, data if order.plan.forward else None
    return export_selection(flow, order.path, order.plan, order.indices, points, checkpoint, starts, dataset)


def _as_asked(
    left: Unfinished,
    flow: GenerativeModel,
    checkpoint: Checkpoint | None,
    dataset: Dataset | None,
    places: Sequence[Path],
) -> tuple[GenerativeModel, Checkpoint | None, Dataset | None]:
    """The model and the data of an interrupted export: those that are shown, or of a file among bundled ones and
    `places`. Raises `ExportError` where the model is nowhere."""
    from dnf_studio import api, assets
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.layout import digest
    from dnf_studio.core.storage.library import find_checkpoint

    wanted, shown = left.asked.get("checkpoint"), checkpoint or Checkpoint.of_model(flow)
    if (shown.sha256 or digest(shown.tensors)) != wanted:
        bundled = [path for path in map(assets.checkpoint_path, assets.checkpoint_names()) if path is not None]
        found = find_checkpoint(str(wanted), 0, [*bundled, *places])
        if found is None:
            raise ExportError(
                f"The model that the interrupted export of '{left.target.name}' is of is not here; open it, then go on."
            )
        checkpoint = found[1]
        flow, dataset = checkpoint.build(), api.data_of(checkpoint)
    return flow, checkpoint, None if left.asked.get("data") is None else dataset


def _size(path: Path) -> int:
    """Bytes, 0 for a file that somebody has taken away already."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def trial_seconds(flow: GenerativeModel, plan: ExportPlan, check: Check) -> float:
    """Seconds that `plan` will take, from a small part of it; imports torch, for a thread in the background.

    Every thread gets as much to do, in blocks as whole as those of the export. `check` is called at every step.
    """
    from time import perf_counter

    from dnf_studio.core.networks.autograd_kernel import VALUE_ROWS
    from dnf_studio.core.parallel import worker_threads
    from dnf_studio.core.sampling.blocks import SUB_BLOCK, sample_blocks
    from dnf_studio.core.sampling.likelihood import BLOCK, log_prob

    steps, threads = plan.settings.steps or len(flow.timestamps) - 1, worker_threads(flow.device)
    if flow.config.network.kind == "mlp":
        together, few = threads * SUB_BLOCK, threads * BLOCK
        count = max(1, min(16_384, TRIAL_STEPS // steps) // together) * together
    else:
        # Images take thousands of times as long
        count = few = threads * VALUE_ROWS
    began = perf_counter()
    samples = [block.samples for block in sample_blocks(flow, count, plan.settings, check=check)]
    each = (perf_counter() - began) / count
    if plan.log_prob:
        import numpy as np
        import torch

        some = torch.from_numpy(np.concatenate(samples)[:few])
        check()
        began = perf_counter()
        log_prob(flow, some, "ode")
        each += (perf_counter() - began) / len(some)
    return each * plan.count
