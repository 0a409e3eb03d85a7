"""Opening a session, with the questions that it brings."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from dnf_studio.config import DATA_SETTINGS
from dnf_studio.core.storage.session_file import SUFFIX, ModelPlace, SessionFile
from dnf_studio.core.storage.session_places import file_name
from dnf_studio.errors import StudioError, continued
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.features.sessions import finding
from dnf_studio.gui.features.sessions.finding import Found
from dnf_studio.gui.features.sessions.notes import Notes
from dnf_studio.gui.features.sessions.record import config_of, state_of
from dnf_studio.gui.features.sessions.saving import FILTER, SessionSaver
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.curves import MOST
from dnf_studio.gui.workspace.dialogs import Answer
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

WHAT = {"model": "the model", "export": "the samples", "data": "the data", "validation": "the validation data"}
WHAT |= {"test": "the test data", "second": "the model it was compared with"}


class SessionController(QObject):
    """Save and open of File, sessions that are dropped or given at the start, and the notes."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio, self._session = workspace, workspace.studio, workspace.session
        self._parent, self._files = workspace.parent, workspace.files
        self.notes = Notes(self)
        self.saver = SessionSaver(workspace, self.notes)
        self._reading = Newest(self._studio.background)
        self._wanted: int | None = None
        """The iteration of training to look back at, once there is something to look at."""
        self._studio.past.listed.connect(self._look_back)
        self._studio.opened.connect(self._forget)
        workspace.commands.connect_to("save-session", self.saver.save)
        workspace.commands.connect_to("open-session", self.choose)
        workspace.files.openers[SUFFIX] = self.open
        workspace.closing.ask_first(self._may_close)

    def choose(self) -> None:
        """Ask for a session and open it."""
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open session", self.saver.folder, f"{FILTER};;All files (*)"
        )
        if name:
            self.open(name)

    def open(self, name: str, asks: bool = True) -> None:
        """Open a session: nothing of the window changes before it has been read and its model is there.

        With `asks` off, for a picture, files that moved are left out without a question.
        """

        def begin() -> None:
            self._files.opening.emit(name)
            self._reading.run(
                partial(finding.read, Path(name).absolute()), partial(self._look, asks), self._studio.failed.emit
            )

        if not self.notes.unsaved:
            begin()
            return
        answer = dialogs.ask_about_notes(self._parent)
        if answer is Answer.DISCARD:
            begin()
        elif answer is Answer.SAVE:
            self.saver.save()

    @Slot()
    def _forget(self) -> None:
        self._wanted = None

    def _may_close(self) -> bool:
        answer = dialogs.ask_about_notes(self._parent) if self.notes.unsaved else Answer.DISCARD
        if answer is Answer.SAVE:
            self.saver.save()
        return answer is Answer.DISCARD

    def _look(self, asks: bool, found: Found) -> None:
        """Ask where files are that moved, then open the model."""
        for what in found.missing:
            # One may have been found beside another one
            if what not in found.missing:
                continue
            path = self._ask_where(found, what) if asks else None
            gone = f"{WHAT[what]}, as {file_name(found.named[what])} was not found"
            found = found.without(what, gone) if path is None else found.at(what, path)
        self._load(asks, found)

    def _ask_where(self, found: Found, what: str) -> Path | None:
        name = found.named[what]
        title, folder = f"Where is {file_name(name)} now?", str(found.path.parent)
        if name.endswith("/"):
            chosen = QFileDialog.getExistingDirectory(self._parent, title, folder)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self._parent, title, folder)
        return Path(chosen) if chosen else None

    def _load(self, asks: bool, found: Found) -> None:
        work = partial(finding.open_all, found, tuple(self._studio.places()))
        self._studio.loading.run(work, lambda both: self._check(asks, *both), partial(self._fall_back, asks, found))

    def _fall_back(self, asks: bool, found: Found, error: Exception) -> None:
        """Open what can be: without the samples, then without the model."""
        session = found.session
        if not isinstance(error, StudioError) or (session.model.kind == "untrained" and not session.export):
            self._studio.failed.emit(error)
        elif session.export:
            rest = found.without("export", f"its samples: {continued(str(error)).rstrip('.')}")
            self._load(asks, replace(rest, session=session.model_copy(update={"export": ""})))
        else:
            self._load(asks, _without_model(found, f"its model: {continued(str(error)).rstrip('.')}"))

    def _check(self, asks: bool, found: Found, opened: Opened) -> None:
        """See that the model is the one that the session was saved with, or ask what to do."""
        place, now = found.session.model, opened.checkpoint
        if place.kind == "untrained" or now is None or place.sha256 in ("", now.sha256):
            self._show(found, opened)
            return
        name = found.files["model"].name if "model" in found.files else place.name
        answer = dialogs.ask_about_other_model(self._parent, name) if asks else Answer.KEEP
        if answer is Answer.KEEP:
            other = (*found.lost, f"its own model: {name} holds another one")
            self._show(replace(found, lost=other), opened)
        elif answer is Answer.DISCARD:
            self._load(asks, _without_model(found, f"its model: {name} holds another one"))
        elif answer is Answer.OTHER_NAME:
            path, _ = QFileDialog.getOpenFileName(self._parent, f"Where is the model of {found.path.name} now?")
            if not path:
                self._leave(found)
            else:
                place = place.model_copy(update={"kind": "file", "name": path})
                moved = replace(found, session=found.session.model_copy(update={"model": place}))
                self._load(asks, moved.at("model", Path(path)))
        else:
            self._leave(found)

    def _show(self, found: Found, opened: Opened) -> None:
        """Show it once no unsaved run would be lost by it."""
        self._leave(found)
        self._files.when_safe(lambda: self._take(found, opened))

    def _leave(self, found: Found) -> None:
        """Say how it stands until more is decided."""
        self._workspace.say(f"{found.path.name} is not opened.")

    def _take(self, found: Found, opened: Opened) -> None:
        session, lost = found.session, list(found.lost)
        config = opened.config
        try:
            config, unknown = config_of(session)
            own = {name: getattr(opened.config, name) for name in DATA_SETTINGS}
            config = config.changed(own)
            lost += [f"settings that a newer version wrote ({', '.join(unknown[:3])})"] if unknown else []
        except StudioError:
            lost.append("its settings, which this version cannot have")
        if opened.dataset is not None and session.fingerprint not in ("", opened.dataset.fingerprint):
            lost.append("its own data, which is other data now")
        self._studio.take(opened)
        self._wanted = session.cursor.iteration
        self._look_back()
        state, more = state_of(session, config, opened)
        self._session.reset(state)
        cursor = self._session.cursor
        cursor.set_playing(False)
        cursor.set_loop(session.cursor.loop)
        cursor.place(session.cursor.fraction)
        cursor.set_playing(session.cursor.playing and not self._workspace.appearance.calm)
        lost += [*more, *self._arrange(session), *self._compare(found)]
        self.saver.path = found.path
        self._files.kept.emit(found.path)
        self.notes.kept(session.notes)
        self.notes.write(session.notes)
        rest = f", but without {'; '.join(lost)}" if lost else ""
        self._workspace.say(f"Opened {found.path.name}{rest}.{f' {opened.note}' if opened.note else ''}")

    def _arrange(self, session: SessionFile) -> list[str]:
        layout = session.layout
        if layout is None:
            return []
        known = {"splitters": layout.splitters, "tab": layout.tab, "plot": layout.plot}
        if layout.sound:
            known["docks"] = layout.docks
        self._workspace.arrangement.apply(known)
        return [] if layout.sound else ["the places of its docks, which are damaged"]

    def _compare(self, found: Found) -> list[str]:
        """Compare with the second model again, and by curves, as far as their files are there."""
        second, workspace = found.session.compared, self._workspace
        if second is not None and (second.kind == "bundled" or "second" in found.files):
            workspace.comparison.open(second.name if second.kind == "bundled" else str(found.files["second"]))
        curves = found.curves
        workspace.curves.begin(curves[:MOST])
        gone = len(found.session.curves) - len(curves[:MOST])
        return [f"{counted(gone, 'model')} of its curves"] if gone else []

    @Slot()
    def _look_back(self) -> None:
        """Show the model as it was then, once the snapshots of its run are listed."""
        if self._wanted is not None and self._studio.past.usable:
            wanted, self._wanted = self._wanted, None
            self._studio.past.go_to(wanted)


def _without_model(found: Found, why: str) -> Found:
    """The session with an untrained model of its settings."""
    place = ModelPlace(kind="untrained")
    session = found.session.model_copy(update={"model": place, "export": ""})
    return replace(found.without("model", why), session=session)
