"""Joins the training cursor to its bar and keys, plays it, and saves the model as it was."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QFileDialog

from dnf_studio.core.files import with_suffix
from dnf_studio.gui.features.history.bar import TrainingBar
from dnf_studio.gui.workspace.look_back import Past
from dnf_studio.gui.workspace.shown import data_stem
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

LOOK_MS = 20
"""Between two looks at whether the next snapshot can be played."""
LEAST_SECONDS = 0.12
"""Between two snapshots that play; they come slower where the views take longer to show each whole."""
LEAST_CALM = 0.5
"""The same where motion is reduced."""


class HistoryController(QObject):
    """The second clock in the window."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio = workspace, workspace.studio
        self._cursor, self._look_back = workspace.studio.past, workspace.studio.look_back
        self._since, self._resting = 0.0, LEAST_SECONDS
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._play)
        self.bar = TrainingBar(self._cursor, workspace.commands)
        workspace.add_clock(self.bar)
        cursor, commands = self._cursor, workspace.commands
        for name, act in (
            ("past-play", lambda: cursor.set_playing(not cursor.playing)),
            ("past-earlier", lambda: cursor.step(-1)),
            ("past-later", lambda: cursor.step(1)),
            ("past-first", lambda: cursor.jump(0)),
            ("past-now", cursor.to_now),
            ("past-save", self._save),
        ):
            commands.connect_to(name, act)
        cursor.playing_changed.connect(self._show_playing)
        cursor.listed.connect(self._enable)
        cursor.moved.connect(self._enable)
        self._studio.past_changed.connect(self._show)
        workspace.appearance.calm_changed.connect(self._set_calm)
        self._set_calm(workspace.appearance.calm)
        self._enable()

    @Slot()
    def _enable(self) -> None:
        """Let keys and buttons do what they can: nothing where nothing is kept, and some only at an earlier model."""
        cursor, commands = self._cursor, self._workspace.commands
        for name in ("past-play", "past-earlier", "past-first"):
            commands[name].setEnabled(cursor.usable)
        for name in ("past-later", "past-now", "past-save"):
            commands[name].setEnabled(cursor.shown is not None)

    @Slot(object)
    def _show(self, past: Past | None) -> None:
        self._enable()
        self._since = perf_counter()
        if past is None:
            self._workspace.say("Shown is the model as it is now.")
        elif not self._cursor.playing:
            iteration = past.kept.iteration
            self._workspace.say(
                f"Shown is the model as it was after iteration {iteration:,}; so are studies and exports."
            )

    @Slot(bool)
    def _show_playing(self, playing: bool) -> None:
        commands = self._workspace.commands
        commands["past-play"].setChecked(playing)
        commands.set_icon("past-play", "pause" if playing else "play")
        (self._timer.start if playing else self._timer.stop)()

    @Slot()
    def _play(self) -> None:
        """Go on once the snapshot at hand has been seen whole, as a film does."""
        past, frame = self._look_back.shown, self._workspace.live.frame
        if past is None or frame is None or past.kept is not self._cursor.shown:
            return
        whole = frame.weights == past.snapshot.version and frame.all_points
        if whole and perf_counter() >= self._since + self._resting:
            self._cursor.advance()

    @Slot(bool)
    def _set_calm(self, calm: bool) -> None:
        self._resting = LEAST_CALM if calm else LEAST_SECONDS

    def _save(self) -> None:
        """Ask for a file and write the earlier model that is shown as one to sample with."""
        past, workspace = self._look_back.shown, self._workspace
        if past is None:
            return
        config = past.checkpoint.config
        stem = f"{config.model}-{data_stem(config.data)}-{past.kept.iteration}.safetensors"
        name, _ = QFileDialog.getSaveFileName(
            workspace.parent,
            f"Save the model as it was after iteration {past.kept.iteration:,}",
            str(workspace.files.folder() / stem),
            "Model (*.safetensors)",
        )
        if name:
            self.save_to(with_suffix(name, ".safetensors"), past)

    def save_to(self, path: Path, past: Past) -> None:
        """Write the model to `path` in the background; the run goes on meanwhile."""
        from dnf_studio.core.storage.checkpoint import save_checkpoint

        def done(_written: object) -> None:
            said = f"Saved the model as it was after iteration {past.kept.iteration:,} as {path.name}."
            self._workspace.say(said)
            self._workspace.files.saved.emit(path)

        self._studio.background.run(lambda: save_checkpoint(path, past.checkpoint), done, self._workspace.tell)
