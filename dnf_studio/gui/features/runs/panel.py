"""The dock of runs: the table in one tab, the curves of those taken from it in the other."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.runs.columns import Run
from dnf_studio.gui.features.runs.controller import RunsController
from dnf_studio.gui.features.runs.curves import CurvesPage
from dnf_studio.gui.features.runs.page import RunsPage
from dnf_studio.gui.workspace.workspace import Workspace


class RunsPanel(QWidget):
    """Both tabs."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.table, self.curves = RunsPage(workspace), CurvesPage(workspace)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.table, "Table")
        self.tabs.addTab(self.curves, "Curves")
        self.tabs.setTabToolTip(0, "All runs with their settings, notes and tags")
        self.tabs.setTabToolTip(1, "Curves and numbers of up to six models")
        self.table.wanted.connect(self._take)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)

    def set_theme(self, theme: Theme) -> None:
        """Recolour both."""
        self.table.set_theme(theme)
        self.curves.set_theme(theme)

    def _take(self, runs: list[Run]) -> None:
        """Compare these, too, and show the curves."""
        try:
            self._workspace.curves.add([(run.facts.file.name, run.path, run.facts.file.sha256) for run in runs])
        except StudioError as error:
            self._workspace.tell(error)
        else:
            self.tabs.setCurrentWidget(self.curves)


def make_panel(workspace: Workspace) -> RunsPanel:
    """The dock's page, which reads files only once the first frame is there."""
    panel = RunsPanel(workspace)
    controller: RunsController = workspace.parts["runs"]
    controller.taken.connect(lambda: panel.tabs.setCurrentWidget(panel.curves))
    if workspace.live.frame is not None:
        panel.table.start()
    workspace.live.frame_shown.connect(panel.table.start)
    return panel
