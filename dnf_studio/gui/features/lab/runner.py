"""Runs the studies of the discretisation lab away from the window, one at a time, and keeps what they found."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.lab import DisplayPaths, Study, StudyContext

KEPT = 24
"""Studies whose results stay in memory."""
BUSY = (Phase.STARTING, Phase.RUNNING)


class LabRunner(QObject):
    """`ask` runs a study from where it ended; another one that runs ends and goes on when it is asked for again."""

    changed = Signal(object)
    """A study has more results, begins or ends."""
    failed = Signal(str)
    """What is wrong, in one sentence; nothing once a study begins again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio = workspace, workspace.studio
        self._results: OrderedDict[Study, list[object]] = OrderedDict()
        self._totals: dict[Study, int] = {}
        self._running: Study | None = None
        self._context: StudyContext | None = None
        self._noise = DisplayPaths()
        self._task = Newest(self._studio.background)
        self._studio.opened.connect(self._forget)
        self._studio.training.phase_changed.connect(self._share)

    @property
    def running(self) -> Study | None:
        """What is computed now."""
        return self._running

    def results(self, study: Study | None) -> list[object]:
        """What there is of it so far."""
        return self._results.get(study, []) if study is not None else []

    def total(self, study: Study) -> int:
        """How many results it will have, as far as that is known: it has been asked."""
        return self._totals.get(study, 1)

    def complete(self, study: Study) -> bool:
        """Whether nothing is missing."""
        return study in self._totals and len(self.results(study)) >= self._totals[study]

    def context(self) -> StudyContext | None:
        """The newest model with its points and data; None where there is none."""
        opened = self._studio.current
        if opened is None:
            return None
        wanted = self._studio.explorer.newest
        if not wanted.ready or wanted.snapshot is None or wanted.data is None:
            return None
        threads = 1 if self._studio.training.phase in BUSY else None
        return StudyContext(wanted.snapshot, wanted.data, opened.dataset, threads, self._noise)

    def ask(self, study: Study, context: StudyContext) -> None:
        """Compute what is missing of `study` with the model `context`, whose weights are those of the study."""
        if self.complete(study) or study == self._running:
            return
        before, self._running, self._context = self._running, study, context
        self._results.setdefault(study, [])
        self._results.move_to_end(study)
        while len(self._results) > KEPT:
            self._totals.pop(self._results.popitem(last=False)[0], None)
        self._totals[study] = study.total(context)
        have = len(self._results[study])

        self._task.start(lambda check: study.run(context, have, check), self._take, self._fail, self._end)
        self.failed.emit("")
        for each in (before, study):
            if each is not None:
                self.changed.emit(each)

    def cancel(self) -> None:
        """End what runs; its results stay."""
        self._task.cancel()

    def _take(self, result: object) -> None:
        study = self._running
        if study is not None:
            self._results[study].append(result)
            self.changed.emit(study)

    def _end(self, whole: bool) -> None:
        study, self._running = self._running, None
        if study is not None:
            if whole:
                self._totals[study] = len(self._results[study])
            self.changed.emit(study)

    def _fail(self, error: Exception) -> None:
        """A sentence in the panel, or the window's dialog for what nobody has thought of."""
        if isinstance(error, StudioError):
            self.failed.emit(str(error))
        else:
            self._workspace.tell(error)

    @Slot(object)
    def _forget(self, _opened: object) -> None:
        """Another model: nothing of the one before is compared with it."""
        self.cancel()
        self._results.clear()
        self._totals.clear()
        self._context, self._noise = None, DisplayPaths()

    @Slot(object)
    def _share(self, phase: Phase) -> None:
        """What runs on every core goes on with one while a model trains."""
        study, context = self._running, self._context
        if study is not None and context is not None and phase in BUSY and context.threads != 1:
            self.cancel()
            self.ask(study, replace(context, threads=1))
