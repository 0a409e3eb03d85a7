"""The bar that says where the model is and how old what is shown is, and what becomes of the script's news."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio.core.files import atomic_file
from dnf_studio.core.sde.solvers import SOLVERS
from dnf_studio.errors import ExportError, StudioError
from dnf_studio.gui.drawing.words import duration
from dnf_studio.gui.features.script.following import First, Joined, News, arrived
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability
    from dnf_studio.link.program import Arrival

STALE_SECONDS = 2.0
"""After which a script that says nothing new is not in its loop."""
SLOW_SECONDS = 3.0
"""After which it is said that a script does not answer."""
MINUTE = 60.0
REFRESH_MS = 500
PICTURE_MS = 1500
"""How long the window waits at most for the script's first picture to be seen before it loads torch."""
PAINTED_MS = 30
"""Until the second row of a picture is painted, too."""
FORMATS = "Arrays (*.npz);;Table of the samples (*.csv)"


class ScriptController(QObject):
    """Shows what a script holds and trains; it is idle in every other window."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio = workspace, workspace.studio
        self._following = Newest(self._studio.background)
        self._joined: Joined | None = None
        self._trained = self._ended = False
        self._told = 0
        self._step, self._moment = 0, monotonic()
        self._first = First()
        self._may_go_on = Event()
        self._versions: dict[int, tuple[int, int]] = {}
        """By the weights of frames, the step after which they were so, and what the script calls them."""
        self.bar = ScriptBar()
        workspace.add_bar(self.bar)
        self.bar.save.clicked.connect(self._save)
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        workspace.live.frame_shown.connect(self._framed)
        self._studio.opened.connect(self._opened)

    def follow(self, arrival: Arrival, ready: Callable[[], object]) -> None:
        """Show the model of the script that is arrived at, and follow it.

        `ready` is called as soon as its first picture is seen, or when none comes soon; `go_on` lets the model be made.
        """
        work = partial(arrived, arrival, self._may_go_on)
        self._following.start(work, self._take, self._failed, self._end)
        self._timer.start()
        self._ready = QTimer(self, singleShot=True, interval=PICTURE_MS)
        self._ready.timeout.connect(ready)
        self._ready.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first row of the picture to be painted."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            self._ready.setInterval(PAINTED_MS)
        return False

    def go_on(self) -> None:
        """Load torch and make the model, which may be one of a plug-in: these are there now."""
        self._may_go_on.set()

    @property
    def shown(self) -> bool:
        """Whether the views show the script's model."""
        current = self._studio.current
        return self._joined is not None and current is not None and bool(current.held)

    @property
    def follows(self) -> bool:
        """Whether the script trains its model."""
        return self._joined is not None and self._joined.follows

    def _take(self, what: First | Joined | News) -> None:
        if isinstance(what, First):
            self._show_first(what)
        elif isinstance(what, Joined):
            self._joined = what
            self._versions[what.opened.snapshot.version] = 0, 1
            self._set_training(what.follows)
            self._studio.take(what.opened)
        elif self.shown:
            self._note(what)
        self._refresh()

    def _show_first(self, first: First) -> None:
        """Show the picture of the script, unless somebody has opened something else, or moved a setting, before."""
        facts, frame, session = first.facts, first.frame, self._workspace.session
        if (
            facts is None
            or frame is None
            or self._studio.current is not None
            or session.state.sampling != frame.request
        ):
            self._ready.setInterval(0)
            return
        known = {(one.name, one.needs): one for one in SOLVERS if one.needs != "fitted"}
        solvers = tuple(known[one] for one in facts.solvers if one in known)
        session.set_lacks(
            cast("Mapping[Ability, str]", facts.lacks), solvers or session.solvers, frame.forward.shape[2]
        )
        self._first = first
        self._workspace.live.following = facts.follows
        next(self._workspace.plots.first).plot.viewport().installEventFilter(self)
        self._workspace.live.show(replace(frame, request=session.effective.sampling))

    def _set_training(self, training: bool) -> None:
        """Let the window leave the processor to a script that trains."""
        self._studio.explorer.set_training(training)
        self._workspace.live.following = training

    def _note(self, news: News) -> None:
        moved = (news.step, news.trained) != (self._step, self._trained)
        self._step, self._trained = news.step, news.trained
        if moved:
            self._moment = monotonic()
            self._set_training(True)
        opened = self._studio.current
        if news.snapshot is not None and opened is not None:
            self._versions[news.snapshot.version] = news.snapshot_step, news.version
            self._studio.renew(replace(opened, snapshot=news.snapshot))
        if news.reports:
            self._workspace.live.reported.emit(news.reports)

    def _failed(self, error: Exception) -> None:
        """A script that is gone is said in the bar; before it came to a model there is nothing else to show."""
        if self._joined is None or not isinstance(error, StudioError):
            self._workspace.tell(error)

    def _end(self, _whole: bool) -> None:
        self._ended = True
        joined, live = self._joined, self._workspace.live
        live.following = False
        if joined is not None and not joined.remote:
            self._studio.explorer.set_training(False)
        elif self.shown and live.excess is None:
            # It will not come any more
            live.excess_known.emit(False)
        self._refresh()

    @Slot(object)
    def _framed(self, frame: Frame) -> None:
        self._refresh()
        joined, (_, version) = self._joined, self._versions.get(frame.weights, (0, 0))
        if joined is not None and frame.all_points and version > self._told:
            self._told, facts = version, {"version": version}
            self._studio.background.run(lambda: joined.ask("shown", facts), lambda _: None, lambda _: None)

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        if self._joined is not None and not opened.held:
            self._studio.explorer.set_training(self._studio.training.busy)
            self._workspace.live.following = False
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        joined = self._joined
        first = self._first.facts if joined is None and self._studio.current is None else None
        self.bar.setVisible(self.shown or first is not None)
        self.bar.save.setEnabled(self.shown)
        if first is not None:
            name = f"{first.title} ({first.pid})"
            loading = f"Live: {name} · the first picture; the window is being loaded"
            over = f"{name} has ended: what is shown stays; nothing new can be computed."
            self.bar.say(over if self._ended else loading, self._ended)
        if joined is None or not self.shown:
            return
        age = monotonic() - self._moment
        if self._trained and not self._ended and age > STALE_SECONDS:
            self._set_training(False)
        self.bar.say(self._sentence(joined, age), self._ended)

    def _sentence(self, joined: Joined, age: float) -> str:
        frame = self._workspace.live.frame
        at = None if frame is None else self._versions.get(frame.weights, (None,))[0]
        step = f", step {self._step:,}" if self._trained else ""
        if self._ended:
            after = "what is shown stays; nothing new can be computed" if joined.remote else "the model is here"
            return f"{joined.name} has ended{f' at{step[1:]}' if step else ''}: {after}."
        parts = [f"Live: {joined.name}{step}"]
        if self._trained and age > STALE_SECONDS:
            parts.append(f"{_long(age)} ago")
        if at is None:
            parts.append("the first picture is being computed")
        elif self._trained and at != self._step:
            parts.append(f"shown is step {at:,}")
        if (waiting := joined.ask.waiting) > SLOW_SECONDS:
            parts.append(f"it has not answered for {_long(waiting)}")
        return " · ".join(parts)

    def _save(self) -> None:
        """Ask for a file and write there what the views show, which needs no model."""
        frame, opened = self._workspace.live.frame, self._studio.current
        if frame is None or opened is None:
            return
        name, _ = QFileDialog.getSaveFileName(self._workspace.parent, "Save what is shown", "shown.npz", FORMATS)
        if name:
            work = partial(save_frame, Path(name), frame, opened)
            self._studio.background.run(
                work, lambda _: self._workspace.say(f"What is shown is saved as {name}."), self._workspace.tell
            )


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < MINUTE else duration(seconds)


class ScriptBar(QFrame):
    """``Live: script.py (4711) · step 1,200 · 3 s ago   Save what is shown…``."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("script")
        self.setAccessibleName("Script that holds the model")
        self.text = QLabel()
        self.save = QToolButton()
        self.save.setText("Save what is shown…")
        self.save.setToolTip("Write the paths that the views show, in data units, without asking the script for more")
        self.save.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 8, 2)
        row.addWidget(self.text, 1)
        row.addWidget(self.save)
        self.hide()

    def say(self, sentence: str, ended: bool) -> None:
        """Show how the script stands."""
        if sentence != self.text.text():
            self.text.setText(sentence)
            self.setAccessibleDescription(sentence)
        self.text.setEnabled(not ended)


def save_frame(path: Path, frame: Frame, opened: Opened) -> None:
    """Write the paths of a frame in data units: arrays as .npz, as .csv the samples alone.

    Raises `ExportError` where it cannot be written.
    """
    to_data = opened.snapshot.standardisation.array_to_data
    with atomic_file(path, ExportError) as partial_path, partial_path.open("wb") as file:
        if path.suffix.lower() == ".csv":
            header = ",".join(opened.shown.columns)
            np.savetxt(file, to_data(frame.backward[0]), "%.9g", ",", header=header, comments="")
        else:
            forward, backward = to_data(frame.forward), to_data(frame.backward)
            np.savez(file, t=frame.t, g=frame.g, forward=forward, backward=backward)
