"""Writing what is shown as a session, and what is asked before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.files import with_suffix
from dnf_studio.core.storage.session_file import (
    FORMAT,
    SUFFIX,
    VERSION,
    Layout,
    ModelPlace,
    SessionFile,
    TimeAt,
    write_session,
)
from dnf_studio.core.storage.session_places import file_name, model_sum, place_name
from dnf_studio.errors import StudioError
from dnf_studio.gui.features.sessions.notes import Notes
from dnf_studio.gui.features.sessions.record import data_files, place_at, place_of, view_of, with_files
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.dialogs import Answer
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.shown import data_stem
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint

FILTER = f"Session (*{SUFFIX})"


class SessionSaver(QObject):
    """File, Save session."""

    def __init__(self, workspace: Workspace, notes: Notes) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._studio, self._session = workspace, workspace.studio, workspace.session
        self._parent, self._files, self._notes = workspace.parent, workspace.files, notes
        self.path: Path | None = None
        """The session that was saved or opened last."""
        self._saved: Path | None = None
        workspace.files.saved.connect(self._note_saved)

    def save(self) -> None:
        """Ask for a name and write the session; a run or model that is in no file is offered to be saved first."""
        opened = self._studio.current
        if opened is None:
            self._workspace.say("There is nothing to keep yet; open a model first.")
            return
        if self._studio.training.unsaved or place_of(opened, Path()) is None:
            answer = dialogs.ask_save_for_session(self._parent, self._studio.training.run is not None)
            if answer is Answer.SAVE:
                self._saved = None
                self._files.save(lambda: self._ask_name(self._saved))
            elif answer is Answer.DISCARD:
                self._ask_name(None, untrained=True)
        else:
            self._ask_name(None)

    @property
    def folder(self) -> str:
        """Where the dialogs begin: beside the last session, else beside one's own model."""
        opened = self._studio.current
        if self.path is not None:
            return str(self.path.parent)
        if opened is not None and opened.source and opened.path is not None:
            return str(opened.path.parent)
        return ""

    def _note_saved(self, path: object) -> None:
        self._saved = Path(str(path))

    def _ask_name(self, saved: Path | None, untrained: bool = False) -> None:
        proposed = self.path or Path(self.folder) / f"{data_stem(self._session.state.config.data)}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self._parent, "Save session", str(proposed), FILTER)
        if not name:
            return
        path = with_suffix(name, SUFFIX).absolute()
        try:
            if path.suffix.lower() != SUFFIX:
                raise StudioError(f"The name of a session ends in {SUFFIX}, and '{path.name}' does not.")
            place = None
            if untrained:
                place = ModelPlace(kind="untrained")
            elif saved is not None:
                place = place_at(saved, path.parent, model_sum(saved))
            self.write(path, place)
        except StudioError as error:
            self._workspace.tell(error)

    def write(self, path: Path, place: ModelPlace | None = None) -> None:
        """Write what is shown as a session, in the background; the model is at `place`, by default where it is from."""
        opened, folder = self._studio.current, path.parent
        place = place or (None if opened is None else place_of(opened, folder))
        if opened is None or place is None:
            raise StudioError("The model shown is in no file; save it first.")
        sources = (*([opened.path] if opened.path else []), split_selection(opened.source)[0])
        try:
            session, lost = self._record(opened, place, folder)
        except ValidationError as error:
            raise StudioError("What is shown is more than a session holds; choose fewer points.") from error

        def done(session: SessionFile) -> None:
            self.path = path
            self._files.kept.emit(path)
            self._notes.kept(session.notes)
            made = "; its untrained model is made again from the settings" if place.kind == "untrained" else ""
            self._workspace.say(f"Saved the session as {path.name}{made}{lost}{_along(session)}.")

        # Of a run in memory the model that was opened is an older one than that in the file it was saved to
        fresh = opened.path if place.kind == "file" and self._studio.training.run is not None else None

        beside = self._beside

        def work() -> SessionFile:
            known = place if fresh is None else place.model_copy(update={"sha256": model_sum(fresh)})
            whole = session.model_copy(update={"model": known})
            if beside is not None:
                whole = whole.model_copy(update={"compared": _save_beside(path, beside)})
            write_session(path, whole, sources)
            return whole

        self._studio.background.run(work, done, self._workspace.tell)

    def _record(self, opened: Opened, place: ModelPlace, folder: Path) -> tuple[SessionFile, str]:
        """What a session in `folder` holds, and what it cannot, to be said."""
        state, cursor, notes = self._session.state, self._session.cursor, self._notes.text
        files = data_files(state.config, folder)
        compared, lost = self._compared(folder)
        known = self._workspace.arrangement.read()
        session = SessionFile(
            format=FORMAT,
            format_version=VERSION,
            model=place,
            export=place_name(Path(opened.source), folder) if opened.export is not None else "",
            config=with_files(state.config, {name: file.rstrip("/") for name, file in files.items()}).model_dump(
                mode="json"
            ),
            files=files,
            fingerprint="" if opened.dataset is None else opened.dataset.fingerprint,
            view=view_of(state),
            cursor=TimeAt(
                fraction=float(cursor.fraction),
                playing=cursor.playing,
                loop=cursor.loop,
                iteration=self._studio.past.iteration,
            ),
            layout=Layout.of(**known) if known else None,
            compared=compared,
            curves=tuple(
                place_at(one.path, folder, one.sha256) for one in self._workspace.curves.models if one.path is not None
            ),
            notes=notes,
        )
        return session, lost

    def _compared(self, folder: Path) -> tuple[ModelPlace | None, str]:
        """The second model, and what is to be said where it is in no file."""
        second = self._workspace.comparison.second
        if second is None:
            return None, ""
        place = place_of(second.opened, folder)
        if place is not None and place.kind != "untrained":
            return place, ""
        lost = f", without the second model, {second.name}, which is in no file"
        return None, lost if self._beside is None else ""

    @property
    def _beside(self) -> Checkpoint | None:
        """The second model where it is in no file, as a twin is, and can be written into one."""
        second = self._workspace.comparison.second
        checkpoint = None if second is None or second.opened.path is not None else second.opened.checkpoint
        return None if checkpoint is None or checkpoint.unsaved else checkpoint


def _save_beside(session: Path, checkpoint: Checkpoint) -> ModelPlace:
    """Write a model that is in no file, such as a twin, beside its session; the same one has the same name again."""
    from dnf_studio.core.storage.checkpoint import save_checkpoint
    from dnf_studio.core.storage.layout import digest

    path = session.with_name(f"{session.stem}-b-{digest(checkpoint.tensors)[:8]}.safetensors")
    sha256 = model_sum(path) if path.exists() else save_checkpoint(path, checkpoint).sha256
    return place_at(path, session.parent, sha256)


def _along(session: SessionFile) -> str:
    """Which files a session needs wherever it is opened."""
    places = (session.model, session.compared, *session.curves)
    models = [place.name for place in places if place is not None and place.kind == "file"]
    names = dict.fromkeys(file_name(name) for name in (*models, session.export, *session.files.values()) if name)
    return f"; who opens it elsewhere needs {' and '.join(names)}, too" if names else ""
