"""The one export that may run at a time, in the status bar and at the end of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QToolButton

from dnf_studio.gui.features.export.exporter import Exporter
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.storage.export_plan import ExportProgress
    from dnf_studio.gui.features.export.list import ExportRecord
    from dnf_studio.gui.features.export.panel import ExportPanel

TITLE = "Export"


class ExportController(QObject):
    """Holds the exporter, tells of it whatever page is in front, and asks before the window takes its file away."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._files = workspace, workspace.files
        self.exporter = Exporter(workspace.studio, workspace.tell, self)
        self.button = _status_button()
        self.button.clicked.connect(workspace.commands["export"].trigger)
        workspace.add_status(self.button)
        self.exporter.running_changed.connect(self._show_running)
        self.exporter.progressed.connect(self._show_progress)
        self.exporter.written.connect(self._tell_written)
        workspace.commands.connect_to("export", self._show_page)
        workspace.commands.connect_to("export-selection", self._show_selection)
        workspace.commands["export"].setEnabled(False)
        workspace.studio.opened.connect(lambda _opened: workspace.commands["export"].setEnabled(True))
        workspace.closing.ask_first(self._may_end)
        workspace.closing.now.connect(self.exporter.shut)

    def _show_page(self) -> ExportPanel | None:
        from dnf_studio.gui.features.export.panel import ExportPanel

        page = self._workspace.show_page(TITLE)
        if not isinstance(page, ExportPanel):
            return None
        page.begin()
        return page

    def _show_selection(self) -> None:
        """Show the page, set to the chosen points."""
        page = self._show_page() if self._workspace.commands["export"].isEnabled() else None
        if page is not None:
            page.form.selected.click()

    def _may_end(self) -> bool:
        """Whether an export that runs may be cancelled."""
        window = self._workspace.parent
        if not (window.isVisible() and self.exporter.running):
            return True
        answer = dialogs.ask_about_export(window)
        self.exporter.leaves_nothing = answer is dialogs.Answer.DISCARD
        return answer is not dialogs.Answer.CANCEL

    @Slot(object)
    def _tell_written(self, record: ExportRecord) -> None:
        self._files.exported.emit(record.path)

    @Slot(bool)
    def _show_running(self, running: bool) -> None:
        self._tell("Export…" if running else "")

    @Slot(object)
    def _show_progress(self, now: ExportProgress) -> None:
        self._tell(f"Export {100 * now.done // now.total}%")

    def _tell(self, text: str) -> None:
        """Show how far the export is; an empty text when there is none."""
        self.button.setText(text or TITLE)
        self.button.setAccessibleName(text)
        self.button.setVisible(bool(text))


def _status_button() -> QToolButton:
    """A button for the status bar that keeps its place while it is hidden, so that nothing above it moves."""
    button = QToolButton()
    button.setAutoRaise(True)
    button.setToolTip("An export is being written; click to go to it")
    policy = button.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    button.setSizePolicy(policy)
    button.setText(TITLE)
    button.hide()
    return button
