"""The other clock of a film: the weights that a run kept, as frames that come while the film is painted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from threading import Semaphore
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from dnf_studio.errors import Check
from dnf_studio.gui.features.films.script import Moment, Script
from dnf_studio.gui.features.films.stage import Reading, Stage
from dnf_studio.gui.workspace.look_back import past_of
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Background, Task
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.through_training import blend, frames_of

if TYPE_CHECKING:
    from dnf_studio.core.storage.snapshots import KeptWeights
    from dnf_studio.workers.snapshot import Snapshot

AHEAD = 4
"""Frames that are computed and not painted yet, at most."""
PATIENCE = 0.2


class TrainingReel:
    """The frames of the snapshots from one to another, of which those that are needed are held."""

    def __init__(self, workspace: Workspace, script: Script) -> None:
        cursor, newest = workspace.studio.past, workspace.studio.explorer.newest
        kept, step = cursor.kept, 1 if script.last >= script.first else -1
        self._kept = [kept[k] for k in range(script.first, script.last + step, step)]
        self._now = cursor.now
        self._request, self._data = newest.request, newest.data
        self._room = Semaphore(AHEAD)
        self._frames: dict[int, Frame] = {}
        self._came = 0
        self._task = Task()

    def start(self, background: Background, failed: Callable[[Exception], object]) -> None:
        """Begin to compute, in a thread."""
        self._task = background.start(self._work, self._take, failed)

    def cancel(self) -> None:
        """Compute no more."""
        self._task.cancel()

    def frame(self, place: float) -> Frame | None:
        """The frame at `place`, 0 for the first snapshot, between two of them a blend; None while it is to come.

        Places are asked for in order; what is behind is let go.
        """
        first = min(int(place), len(self._kept) - 1)
        for old in [k for k in self._frames if k < first]:
            del self._frames[old]
            self._room.release()
        needed = {first, min(first + 1, len(self._kept) - 1)} if place > first else {first}
        if not needed <= self._frames.keys():
            return None
        return blend(self._frames[first], self._frames[max(needed)], place - first)

    def reading(self, place: float) -> Reading:
        """How far the training is at `place`, in words."""
        iterations = [each.iteration for each in self._kept]
        here = iterations[min(round(place), len(iterations) - 1)]
        widest = f"iteration {max(iterations):,} of {self._now:,}"
        share = place / max(1, len(iterations) - 1)
        return Reading(share, ("begin", "end"), f"iteration {here:,} of {self._now:,}", widest, here)

    def _work(self, check: Check) -> Iterator[Frame]:
        assert self._data is not None
        for frame in frames_of([partial(_weights, each) for each in self._kept], self._request, self._data, check):
            while not self._room.acquire(timeout=PATIENCE):
                check()
            yield frame

    def _take(self, frame: Frame) -> None:
        self._frames[self._came] = frame
        self._came += 1


class Peek:
    """One picture of a film over training, for which one frame is computed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._number = -1
        self._reel: TrainingReel | None = None

    def painting(self, stage: Stage, script: Script, moment: Moment) -> Iterator[QImage | None] | None:
        """The picture of `script` at `moment`, of the nearest snapshot, as a stage paints it; None while that is to
        come."""
        way = 1 if script.last >= script.first else -1
        number = script.first + way * round(moment.place or 0.0)
        if self._reel is None or number != self._number:
            self.forget()
            self._number, self._reel = number, TrainingReel(self._workspace, replace(script, first=number, last=number))
            self._reel.start(self._workspace.studio.background, self._workspace.tell)
        frame = self._reel.frame(0)
        if frame is None:
            return None
        reading = TrainingReel(self._workspace, script).reading(moment.place or 0.0)
        return stage.painting(moment.position, reading, frame)

    def forget(self) -> None:
        """Look no more."""
        if self._reel is not None:
            self._reel.cancel()
            self._reel = None


def _weights(kept: KeptWeights) -> Snapshot:
    return past_of(kept).snapshot
