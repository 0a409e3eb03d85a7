"""Asks for a file, measures what is open in a thread, of a comparison both models, and writes the report there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QProgressDialog

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import Check
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.threads import stand_back

if TYPE_CHECKING:
    from dnf_studio.api.reporting import OpenModel
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.gui.workspace.opening import Opened

NOTHING = "There is nothing to report on yet: open a model, or press Train."
Given = tuple["GenerativeModel", "Checkpoint | None"]


class ReportController(QObject):
    """Joins the command to the dialogs; one report at a time, which can be cancelled and then leaves no file."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace = workspace
        self._measuring = Newest(workspace.studio.background)
        self.dialog: QProgressDialog | None = None
        """How far it is, as long as it is measured."""
        workspace.commands.connect_to("write-report", self.ask)
        workspace.closing.now.connect(self._measuring.cancel)

    def ask(self) -> None:
        """Ask for the file, then measure the model as it is now."""
        opened = self._workspace.studio.current
        if opened is None:
            self._workspace.say(NOTHING)
            return
        stem = Path(opened.shown.title).stem or "report"
        name, _ = QFileDialog.getSaveFileName(
            self._workspace.parent, "Write report", f"{stem}.html", "Web page (*.html *.htm)"
        )
        if name:
            path = Path(name) if Path(name).suffix.lower() == ".htm" else with_suffix(name, ".html")
            self._workspace.studio.take_model(partial(self._begin, path), self._workspace.tell)

    def _begin(self, path: Path, model: Given) -> None:
        from dnf_studio.api.reporting import OpenModel

        opened, second = self._workspace.studio.current, self._workspace.comparison.second
        if opened is None:
            return
        flow, checkpoint = model
        file = _file(opened) if checkpoint is opened.checkpoint else ""
        models = [OpenModel(flow, checkpoint, opened.dataset, opened.shown.title, file)]
        if second is not None:
            other = second.opened
            known = other.snapshot.flow, other.checkpoint, other.dataset
            models.append(OpenModel(*known, other.shown.title, _file(other)))
        self._show(path)
        self._measuring.start(partial(_measured, path, models), self._tell, self._failed, partial(self._ended, path))

    def _show(self, path: Path) -> None:
        dialog = QProgressDialog("Measuring…", "Cancel", 0, 100, self._workspace.parent)
        dialog.setWindowTitle(f"Report: {path.name}")
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setMinimumDuration(0)
        dialog.setMinimumWidth(420)
        dialog.setAutoClose(False)
        dialog.setAutoReset(False)
        dialog.canceled.connect(self._cancel)
        self.dialog = dialog
        dialog.show()

    @Slot()
    def _cancel(self) -> None:
        self._measuring.cancel()
        self._workspace.say("The report was cancelled; nothing was written.")

    def _tell(self, told: tuple[float, str]) -> None:
        done, words = told
        if self.dialog is not None:
            self.dialog.setLabelText(words)
            self.dialog.setValue(int(100 * done))

    def _failed(self, error: Exception) -> None:
        self._workspace.tell(error)

    def _ended(self, path: Path, whole: bool) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.canceled.disconnect(self._cancel)
            dialog.close()
        if whole:
            self._workspace.say(f"Wrote the report {path}; any browser opens it.")


def _file(opened: Opened) -> str:
    return "" if opened.path is None else str(opened.path)


def _measured(path: Path, models: Sequence[OpenModel], check: Check) -> Iterator[tuple[float, str]]:
    """The share that is done and what is measured now; the file is there at the end. For a thread, after the others."""
    from dnf_studio.api.reporting import report_on

    stand_back()
    return report_on(path, models, check)
