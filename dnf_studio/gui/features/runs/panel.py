"""The dock of runs: the table in one tab, the curves of those taken from it in the other."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.runs.page import RunsPage
from dnf_studio.gui.workspace.workspace import Workspace

__all__ = ["RunsPanel", "make_panel"]


class RunsPanel(QWidget):
    """Both tabs."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.table = RunsPage(workspace)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.table, "Table")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)

    def set_theme(self, theme: Theme) -> None:
        """Recolour both."""
        self.table.set_theme(theme)


def make_panel(workspace: Workspace) -> RunsPanel:
    """The dock's page."""
    return RunsPanel(workspace)
