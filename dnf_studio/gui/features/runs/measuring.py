"""What is known of the models that are compared: read from their files at once, measured when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.gui.drawing.distances import Cost, cost_of
from dnf_studio.gui.features.runs.verdict import Standing
from dnf_studio.gui.workspace.curves import KeptCurve
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.compared import Excess, Job, Likelihood, Measured, Record, jobs_of, measure, read_record

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance

BUSY = (Phase.STARTING, Phase.RUNNING)


class Measuring(QObject):
    """Keeps records and results by the sum of the weights, so that nothing is measured twice while the window is open.

    The quality of samples goes to `workspace.curves`, where the lab shows it, too.
    """

    changed = Signal()
    """Something is known that was not, or the work begins or ends."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._studio, self._curves, self._tell = workspace.studio, workspace.curves, workspace.tell
        self._reading, self._work = Newest(self._studio.background), Newest(self._studio.background)
        self.records: dict[str, Record] = {}
        self.results: dict[Job, Measured] = {}
        self.faults: dict[str, str] = {}
        """Why a model has no record, by its sum."""
        self.now: Job | None = None
        """What is measured now."""
        self.done, self.total = 0, 0
        self._asked: tuple[Sequence[str], Sequence[int], int | None] = (), (), None
        self._studio.training.phase_changed.connect(self._share_cores)
        self._curves.changed.connect(self._follow)
        # Models may have been taken before the page of the curves was made, which makes this
        self._follow()

    @property
    def running(self) -> bool:
        """Whether something is measured."""
        return self._work.running

    def wanted(self, what: Sequence[str], steps: Sequence[int]) -> list[Job]:
        """What is not known yet of the models compared, of the kinds `what`, the quality at `steps`."""
        jobs = jobs_of([one.sha256 for one in self._curves.models], steps)
        return [job for job in jobs if job.what in what and job not in self.results]

    def start(self, what: Sequence[str], steps: Sequence[int]) -> None:
        """Measure all that is `wanted`; what else runs ends, and what it found stays."""
        jobs = self.wanted(what, steps)
        files = {one.sha256: one.path for one in self._curves.models if one.path is not None}
        if not jobs:
            return
        threads = 1 if self._studio.training.phase in BUSY else None
        self.done, self.total, self._asked = 0, len(jobs), (what, steps, threads)
        self._work.start(lambda check: measure(files, jobs, threads, check), self._take, self._tell, self._end)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; what was found stays."""
        self._work.cancel()

    def likelihood(self, sha256: str, what: str) -> Likelihood | None:
        """The bound or the ODE's NLL: as measured, else as the file has it, without an error; None where unknown."""
        found = next(
            (self.results[job].value for job in self.results if (job.sha256, job.what) == (sha256, what)), None
        )
        if isinstance(found, Likelihood):
            return found
        record = self.records.get(sha256)
        kept = None if record is None else record.metrics.get("nll_bound" if what == "bound" else "nll_ode")
        return None if kept is None else Likelihood(kept, None)

    def excess(self, sha256: str) -> Excess | None:
        """The excess of each step, once measured."""
        found = self.results.get(Job(sha256, "excess"))
        return found.value if found is not None and isinstance(found.value, Excess) else None

    def standing(self, curve: KeptCurve) -> Standing:
        """What is known of a model that is compared."""
        kinds: tuple[Literal["bound", "ode"], ...] = ("bound", "ode")
        known = {what: one for what in kinds if (one := self.likelihood(curve.sha256, what)) is not None}
        record = self.records.get(curve.sha256)
        data = curve.data if record is None else record.data
        return Standing(curve.name, curve.sha256, data, curve.rows, known, record)

    def missing(self, curve: KeptCurve, what: Sequence[str]) -> str:
        """Why something could not be measured of a model, as a sentence; empty where it could."""
        if curve.sha256 in self.faults:
            return self.faults[curve.sha256]
        told = [one.missing for job, one in self.results.items() if job.sha256 == curve.sha256 and job.what in what]
        return next(filter(None, told), "")

    @Slot(object)
    def _share_cores(self, phase: Phase) -> None:
        """What runs on every core goes on with one while a model trains."""
        what, steps, threads = self._asked
        if self.running and phase in BUSY and threads != 1:
            self.cancel()
            self.start(what, steps)

    @Slot()
    def _follow(self) -> None:
        """Read the files of models that are new here."""
        unknown = {
            one.sha256: one.path
            for one in self._curves.models
            if one.path is not None and one.sha256 not in self.records and one.sha256 not in self.faults
        }
        if unknown and not self._reading.running:
            self._reading.run(lambda: _read(unknown), self._know, self._tell)
        for one in self._curves.models:
            # It was measured before, was taken out, and is back
            if not one.rows:
                self._share(one.sha256)
        self.changed.emit()

    def _know(self, found: dict[str, Record | str]) -> None:
        for sha256, one in found.items():
            if isinstance(one, Record):
                self.records[sha256] = one
            else:
                self.faults[sha256] = one
        self._follow()

    def _take(self, found: Measured | tuple[Job, None]) -> None:
        if isinstance(found, Measured):
            self.done += 1
            self.results[found.job] = found
            if found.job.what == "quality":
                self._share(found.job.sha256)
        else:
            self.now = found[0]
        self.changed.emit()

    def _end(self, _whole: bool) -> None:
        self.now = None
        self.changed.emit()

    def _quality(self, sha256: str) -> tuple[tuple[Cost, Distance], ...]:
        """By rising N."""
        from dnf_studio.core.exploration.variants import Variant

        found = [one.value for job, one in self.results.items() if (job.sha256, job.what) == (sha256, "quality")]
        rows = [(cost_of(one), one.to_data) for one in found if isinstance(one, Variant) and one.to_data is not None]
        return tuple(sorted(rows, key=lambda row: row[0]))

    def _share(self, sha256: str) -> None:
        """Let the lab and all curves see the quality that is known."""
        record = self.records.get(sha256)
        if record is not None and (rows := self._quality(sha256)):
            self._curves.measured(sha256, record.data, rows)


def _read(files: dict[str, Path]) -> dict[str, Record | str]:
    from dnf_studio.errors import StudioError

    found: dict[str, Record | str] = {}
    for sha256, path in files.items():
        try:
            record = read_record(path)
            changed = f"The file '{path}' has changed since it was listed; take it out and look at the table again."
            found[sha256] = record if record.sha256 == sha256 else changed
        except StudioError as problem:
            found[sha256] = str(problem)
    return found
