"""The dock of the Inspector: when it shows, and which numbers it asks the explorer for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QTabWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.state import CHOICE
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame, Inspection, InspectRequest

if TYPE_CHECKING:
    from dnf_studio.core.exploration.lineage import LineageTable
    from dnf_studio.gui.features.inspector.panel import InspectorPanel
    from dnf_studio.gui.features.selection.panel import SelectionPanel
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["InspectorDock"]

WIDE = 1600
"""From this width of the window on the dock is there from the beginning."""
WIDTH = 400
SHARE = 0.26
"""Most of the window's width that the dock takes when it opens."""


class InspectorDock(QDockWidget):
    """Shown from the beginning in a wide window, else with the first point that is chosen.

    Once a person has decided it comes and goes by its command only, after the next start too; whoever brings
    the layout back calls `settle`.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__("Inspector")
        self.setObjectName("inspector")
        self._window = window
        self._settled = False
        self._theme: Theme | None = None
        self.panel: InspectorPanel | None = None
        self.selection: SelectionPanel | None = None
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.setVisible(False)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        window.installEventFilter(self)
        window.session.changed.connect(self._follow)
        window.live.frame_shown.connect(self._show_frame)
        window.live.inspected.connect(self._show_numbers)
        window.live.excess_found.connect(self._show_excess)
        self.visibilityChanged.connect(self._shown)
        window.commands.connect_to(Key.INSPECTOR, self._toggle)
        self.toggleViewAction().toggled.connect(window.commands[Key.INSPECTOR].setChecked)

    @property
    def settled(self) -> bool:
        """Whether it stays as it is until its command is given."""
        return self._settled

    def settle(self) -> None:
        """Leave it from now on as it is until its command is given."""
        self._settled = True

    def fill(self) -> None:
        """Make what is in it, which nobody sees before the window is there."""
        if self.panel is None:
            from dnf_studio.gui.features.inspector.panel import InspectorPanel
            from dnf_studio.gui.features.selection.panel import SelectionPanel

            self.panel, self.selection = InspectorPanel(self._window.session), SelectionPanel(self._window.session)
            if self._theme is not None:
                self.set_theme(self._theme)
            for page, title, tip in (
                (self.panel, "Point", "The numbers of the current point, step by step"),
                (self.selection, "Selection", "All chosen points, and how they differ from the rest"),
            ):
                page.set_frame(self._window.views.frame)
                if self._window.views.excess is not None:
                    page.set_excess(self._window.views.excess)
                self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
            self.selection.save_wanted.connect(self._save)
            self.selection.export_wanted.connect(self._export)
            self._count()
            self.setWidget(self.tabs)

    def set_theme(self, theme: Theme) -> None:
        """Recolour the panels."""
        self._theme = theme
        for panel in (self.panel, self.selection):
            if panel is not None:
                panel.set_theme(theme)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closed by a person, it does not open by itself again."""
        self._settled = True
        super().closeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Before the window is first shown, see whether there is room."""
        if event.type() == QEvent.Type.Show and watched is self._window:
            self._window.removeEventFilter(self)
            if not self._settled and self._window.width() >= WIDE:
                self._open()
        return False

    def _open(self) -> None:
        others = self._window.dock.width()
        self.show()
        sizes = [others, min(WIDTH, round(SHARE * self._window.width()))]
        self._window.resizeDocks([self._window.dock, self], sizes, Qt.Orientation.Horizontal)

    def _toggle(self) -> None:
        self._settled = True
        if self.isHidden():
            self.fill()
            self._open()
            self.raise_()
        else:
            self.hide()

    def _follow(self, names: frozenset[str]) -> None:
        chosen = self._window.session.state.selection
        if "selection" in names and chosen and not self._settled and self.isHidden():
            self._settled = True
            self.fill()
            self._open()
        if names & CHOICE:
            self._ask()
        if "selection" in names:
            self._count()

    def _count(self) -> None:
        """How many points are chosen, at the tab that lists them."""
        if self.tabs.count() > 1:
            count = len(self._window.session.state.selection)
            self.tabs.setTabText(1, f"Selection ({count:,})" if count > 1 else "Selection")

    @Slot(object, object)
    def _save(self, path: Path, table: LineageTable) -> None:
        from dnf_studio.core.exploration.lineage import write_csv

        window = self._window
        window.studio.background.run(
            partial(write_csv, path, table),
            lambda _done: window.status.say(f"Saved {path.name}."),
            window.files.tell,
        )

    @Slot()
    def _export(self) -> None:
        """The Export panel, set to the chosen points."""
        command, panel = self._window.commands[Key.EXPORT], self._window.export_panel
        if command.isEnabled() and panel is not None:
            command.trigger()
            panel.form.selected.click()

    @Slot(bool)
    def _shown(self, _visible: bool) -> None:
        self._ask()

    def _ask(self) -> None:
        """Ask for the numbers of the current point while somebody sees them."""
        state = self._window.session.state
        wanted = bool(state.selection) and not self.isHidden()
        self._window.live.inspect(InspectRequest(state.selection[-1], state.listed) if wanted else None)

    @Slot(object)
    def _show_frame(self, frame: Frame) -> None:
        for panel in (self.panel, self.selection):
            if panel is not None:
                panel.set_frame(frame)

    @Slot(object)
    def _show_excess(self, found: ExcessFrame | None) -> None:
        for panel in (self.panel, self.selection):
            if panel is not None:
                panel.set_excess(found)

    @Slot(object)
    def _show_numbers(self, found: Inspection) -> None:
        for panel in (self.panel, self.selection):
            if panel is not None:
                panel.set_inspection(found)
