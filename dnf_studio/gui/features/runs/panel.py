"""The dock of runs: the table in one tab, the curves of those taken from it in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.features.runs.columns import Run
from dnf_studio.gui.features.runs.controller import RunsController
from dnf_studio.gui.features.runs.page import RunsPage
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.runs.curves import CurvesPage


class RunsPanel(QWidget):
    """Both tabs, of which the second is made when it is first seen."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._theme = workspace, LIGHT
        self.table, self._place = RunsPage(workspace), QWidget()
        self.curves: CurvesPage | None = None
        """Four plots, for which a dock that opens with its table need not wait."""
        self._column = QVBoxLayout(self._place)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.table, "Table")
        self.tabs.addTab(self._place, "Curves")
        self.tabs.setTabToolTip(0, "All runs with their settings, notes and tags")
        self.tabs.setTabToolTip(1, "Curves and numbers of up to six models")
        self.tabs.currentChanged.connect(self._chosen)
        self.table.wanted.connect(self._take)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)

    def set_theme(self, theme: Theme) -> None:
        """Recolour both."""
        self._theme = theme
        self.table.set_theme(theme)
        if self.curves is not None:
            self.curves.set_theme(theme)

    def show_curves(self) -> None:
        """Bring the curves to the front."""
        self.tabs.setCurrentWidget(self._place)

    @Slot(int)
    def _chosen(self, tab: int) -> None:
        """Make the curves when they are first seen, in a turn of their own: the dock may have come with this one."""
        if self.curves is None and self.tabs.widget(tab) is self._place:
            QTimer.singleShot(0, self, self._make_curves)

    @Slot()
    def _make_curves(self) -> None:
        from dnf_studio.gui.features.runs.curves import CurvesPage

        if self.curves is None:
            self.curves = CurvesPage(self._workspace)
            self.curves.set_theme(self._theme)
            self._column.addWidget(self.curves)

    def _take(self, runs: list[Run]) -> None:
        """Compare these, too, and show the curves."""
        try:
            self._workspace.curves.add([(run.facts.file.name, run.path, run.facts.file.sha256) for run in runs])
        except StudioError as error:
            self._workspace.tell(error)
        else:
            self.show_curves()


def make_panel(workspace: Workspace) -> RunsPanel:
    """The dock's page, which reads files only once the first frame is there."""
    panel = RunsPanel(workspace)
    controller: RunsController = workspace.parts["runs"]
    controller.taken.connect(panel.show_curves)
    if workspace.live.frame is not None:
        panel.table.start()
    workspace.live.frame_shown.connect(panel.table.start)
    return panel
