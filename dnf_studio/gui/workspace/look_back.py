"""Lets the views show a model as it was at an earlier iteration of its training, where the training cursor stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from dnf_studio.core.training.record import Mark, Marks
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.snapshots import KeptWeights
    from dnf_studio.gui.workspace.runs import StudioRuns
    from dnf_studio.workers.snapshot import Snapshot

MOST_KNOWN = 8
"""Models that are shown again without being read again, with what was computed of them."""


@dataclass(frozen=True, eq=False)
class Past:
    """A model as it was after one iteration."""

    kept: KeptWeights
    checkpoint: Checkpoint
    """What was kept of it, a checkpoint of the kind ``weights``."""
    snapshot: Snapshot
    """The same for the views."""


def past_of(kept: KeptWeights) -> Past:
    """The model of a snapshot. For a thread; raises `CheckpointError` as `KeptWeights.read` does."""
    from dnf_studio.workers.snapshot import Snapshot

    checkpoint = kept.read()
    return Past(kept, checkpoint, Snapshot.of_checkpoint(checkpoint))


class LookBack(QObject):
    """Gives the training cursor the snapshots of the run that is shown, and the views the weights it stands at.

    Those are read in a thread, one at a time and then the newest that is wanted. A snapshot that cannot be read is
    told of, and the cursor goes back to now. Everything that asks for the weights that are shown (studies, fields,
    exports) then gets the earlier ones; only saving a run saves it as it is now.
    """

    def __init__(self, studio: StudioRuns) -> None:
        super().__init__(studio)
        self._studio, self._cursor = studio, studio.past
        self._reading, self._listing = Newest(studio.background), Newest(studio.background)
        self._shown: Past | None = None
        self._known: deque[Past] = deque(maxlen=MOST_KNOWN)
        self._saved: tuple[KeptWeights, ...] = ()
        self._elsewhere: tuple[int, tuple[Mark, ...]] | None = None
        studio.opened.connect(self._begin)
        studio.progressed.connect(self._list)
        studio.training.phase_changed.connect(self._list)
        self._cursor.moved.connect(self._show)
        self._cursor.playing_changed.connect(self._rest)
        if studio.current is not None:
            self._begin(studio.current)

    @property
    def shown(self) -> Past | None:
        """The earlier model that is shown; None for the model as it is now."""
        return self._shown

    @Slot(object)
    def _begin(self, opened: Opened) -> None:
        """Another model is shown: as it is now, with the snapshots of its own run."""
        self._saved, self._elsewhere = (), None
        self._known.clear()
        self._listing.cancel()
        self._cursor.clear()
        self.look(opened)
        self._list()

    def follow(self, kept: Sequence[KeptWeights], iteration: int, marks: Sequence[Mark]) -> None:
        """Have the snapshots of a run that is shown and trained elsewhere, which stands at `iteration`."""
        self._saved, self._elsewhere = tuple(kept), (iteration, tuple(marks))
        self._list()

    def look(self, opened: Opened | None) -> None:
        """Look for the snapshots beside the file of the run that is shown, which may have been moved."""
        if opened is None or opened.checkpoint is None or opened.path is None or opened.held:
            return
        if opened.checkpoint.kind == "run":
            from dnf_studio.core.storage.snapshots import listed_snapshots

            self._listing.run(partial(listed_snapshots, opened.checkpoint, opened.path), self._take, self._tell)

    def _tell(self, error: Exception) -> None:
        """In the status bar: the run itself is shown, and can go on."""
        if isinstance(error, StudioError):
            self._studio.said.emit(str(error))
        else:
            self._studio.failed.emit(error)

    def _take(self, saved: tuple[KeptWeights, ...]) -> None:
        self._saved = saved
        self._list()

    @Slot()
    def _list(self) -> None:
        """Follow the run in memory, or that of the file that is shown."""
        run, opened = self._studio.training.run, self._studio.current
        if run is not None:
            self._cursor.set_kept(run.snapshots.all, run.iteration, run.marks.all)
        elif self._elsewhere is not None:
            self._cursor.set_kept(self._saved, *self._elsewhere)
        elif opened is None or opened.checkpoint is None or not self._saved:
            self._cursor.clear()
        else:
            saved = opened.checkpoint
            self._cursor.set_kept(self._saved, saved.iteration, Marks.from_dict(saved.history.get("marks")).all)

    @Slot(object)
    def _show(self, kept: KeptWeights | None) -> None:
        if kept is None:
            self._reading.cancel()
            self._become(None)
        elif (known := next((past for past in self._known if past.kept is kept), None)) is not None:
            self._reading.cancel()
            self._become(known)
        elif not self._reading.running:
            self._reading.run(partial(past_of, kept), self._found, partial(self._fail, kept))

    def _found(self, past: Past) -> None:
        """Show what was read, or read what the cursor has gone to meanwhile."""
        self._known.append(past)
        if past.kept is self._cursor.shown or not self._cursor.playing:
            self._become(past)
        if past.kept is not self._cursor.shown:
            self._show(self._cursor.shown)

    def _fail(self, kept: KeptWeights, error: Exception) -> None:
        if kept is self._cursor.shown:
            self._cursor.to_now()
            # One of a run elsewhere may have been thinned out there meanwhile
            (self._tell if self._elsewhere else self._studio.failed.emit)(error)
        else:
            self._show(self._cursor.shown)

    @Slot(bool)
    def _rest(self, playing: bool) -> None:
        """Show what a film was held at with all digits."""
        if not playing and self._shown is not None and self._shown.kept is self._cursor.shown:
            self._studio.explorer.look_back(self._shown.snapshot, at_once=False)

    def _become(self, past: Past | None) -> None:
        if past is not self._shown:
            self._shown = past
            snapshot, playing = None if past is None else past.snapshot, self._cursor.playing
            self._studio.explorer.look_back(snapshot, at_once=not playing, hurried=playing)
            self._studio.past_changed.emit(past)
