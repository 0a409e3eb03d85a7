"""The window: composes the features, and shows in its title and status bar what the studio does."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from dnf_studio.gui.frame.docks import FeatureDock
from dnf_studio.gui.frame.drop import FileDrop
from dnf_studio.gui.frame.features import COMMANDS, FEATURES, MENUS, SUBMENUS
from dnf_studio.gui.frame.status_bar import StatusUpdater, StudioStatusBar
from dnf_studio.gui.frame.toolbar import StudioToolBar
from dnf_studio.gui.frame.views import Views
from dnf_studio.gui.frame.window_layout import NarrowScreen, WindowLayout
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.files import Files
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.plots import Plots
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.workspace import Closing, Workspace

LEFT_WIDTH = 290


class MainWindow(QMainWindow):
    """Menus, toolbar, the dock of pages, the plots, the docks at the right and the status bar, filled by `FEATURES`."""

    def __init__(self, appearance: Appearance, memory: Memory | None = None) -> None:
        super().__init__()
        self.session = Session(parent=self)
        self.studio = Studio(self.session, self)
        self.files = Files(self, self.session, self.studio)
        records = (*COMMANDS, *(command for feature in FEATURES for command in feature.commands))
        self.commands, self.plots = Commands(self, records), Plots(appearance, self)
        self.live = Live(self.session, self.studio, self)
        self.views = Views(self.session, self.live, self.plots, self.commands)
        self.status = StudioStatusBar()
        self.toolbar = StudioToolBar(self.session, self.commands, self.files.choose_data)
        self.tabs = QTabWidget()
        self.dock = QDockWidget("Settings")
        self._pages = [page for feature in FEATURES for page in feature.pages]
        self._agreed = False
        self._filled = set[str]()
        self.workspace = Workspace(
            session=self.session,
            studio=self.studio,
            live=self.live,
            comparison=Comparison(self.session, self.studio, self),
            plots=self.plots,
            commands=self.commands,
            appearance=appearance,
            memory=memory or Memory(),
            files=self.files,
            say=self.status.say,
            tell=self.files.tell,
            closing=Closing(self),
            add_bar=self.views.add_bar,
            add_clock=self.views.add_clock,
            add_strip=self.views.add_strip,
            add_status=self.status.add,
            show_page=self.show_page,
            parent=self,
        )
        self.appearance, self.parts = appearance, self.workspace.parts
        self._compose()
        self._start()

    def fill(self) -> None:
        """Make the pages, plots and docks behind the first ones, which nobody sees before the window is there."""
        from dnf_studio.gui.frame.notification import Notification

        workspace, current = self.workspace, self.tabs.currentIndex()
        self.views.make_tabs(workspace, [plot for feature in FEATURES for plot in feature.plots])
        for place, page in enumerate(self._pages):
            if not self._is_made(place):
                self._put_page(place, page.make(workspace))
        self.tabs.setCurrentIndex(current)
        for dock in self.docks.values():
            if dock.opens_itself:
                dock.fill()
        for feature in FEATURES:
            if feature.fill is not None and feature.name not in self._filled:
                workspace.parts.setdefault(feature.name, feature.fill(workspace))
        for dock in self.docks.values():
            dock.begin()
        Notification(self, workspace)

    def fill_first(self, name: str) -> Any:  # noqa: ANN401 - whatever the feature has
        """Make what the feature of this name has behind the first panels, before `fill` makes the rest."""
        (fill,) = (feature.fill for feature in FEATURES if feature.name == name and feature.fill is not None)
        self._filled.add(name)
        found = self.workspace.parts[name] = fill(self.workspace)
        return found

    def page(self, title: str) -> QWidget | None:
        """The page of this title in the left dock; None before it is made."""
        place = [page.title for page in self._pages].index(title)
        return self.tabs.widget(place) if self._is_made(place) else None

    def show_page(self, title: str) -> QWidget | None:
        """Bring the page of this title to the front; it is returned, None before it is made."""
        page = self.page(title)
        if page is not None:
            self.dock.show()
            self.dock.raise_()
            self.tabs.setCurrentWidget(page)
        return page

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close once nobody objects and it is known what becomes of an unsaved run."""
        workspace = self.workspace
        if not self._agreed and not workspace.closing.may_close():
            event.ignore()
            return
        if workspace.studio.training.unsaved:
            event.ignore()
            # Qt ignores a close within a close
            workspace.files.when_safe(lambda: QTimer.singleShot(0, self._close_as_agreed))
            return
        workspace.live.stop()
        workspace.comparison.stop()
        workspace.session.cursor.set_playing(False)
        workspace.studio.close()
        workspace.closing.now.emit()
        event.accept()

    def _compose(self) -> None:
        workspace = self.workspace
        self.setDockNestingEnabled(True)
        # The order of Tab: toolbar, bar, views, panels
        self.addToolBar(self.toolbar)
        self.views.make_rows(workspace, [plot for feature in FEATURES for plot in feature.plots])
        self.setCentralWidget(self.views)
        # Not on Train, which the space bar would press
        workspace.plots["forward"].plot.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        self.setStatusBar(self.status)
        workspace.commands.fill(self.menuBar(), MENUS, SUBMENUS)
        self.tabs.setDocumentMode(True)
        self.dock.setObjectName("settings")
        self.dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.dock)
        self.resizeDocks([self.dock], [LEFT_WIDTH], Qt.Orientation.Horizontal)
        pages = [page for feature in FEATURES for page in feature.dock_pages]
        self.docks = {
            place.name: FeatureDock(self, self.dock, place, [page for page in pages if page.dock == place.name])
            for feature in FEATURES
            for place in feature.docks
        }
        workspace.docks.update(self.docks)
        first = next(iter(self.docks.values()))
        for dock in self.docks.values():
            dock.connect_to(workspace, first)

    def _start(self) -> None:
        """Start the features, then what the window itself has."""
        workspace = self.workspace
        for feature in FEATURES:
            if feature.start is not None:
                workspace.parts[feature.name] = feature.start(workspace)
        self.views.set_tab_order(self.toolbar.dice)
        # After all that the features put beside the plots, so that Tab comes to the pages last
        self.dock.setWidget(self.tabs)
        for place, page in enumerate(self._pages):
            self.tabs.addTab(page.make(workspace) if place == 0 else QWidget(), page.title)
        self.window_layout = WindowLayout(
            workspace.memory, self, self.tabs, tuple(self.docks.values()), self.views.tabs, workspace.session
        )
        self.window_layout.note_first()
        workspace.arrangement.read, workspace.arrangement.apply = (
            self.window_layout.arrangement,
            self.window_layout.take,
        )
        NarrowScreen(self, self.dock, tuple(self.docks.values()), self.window_layout, workspace.closing)
        workspace.closing.now.connect(self.window_layout.store)
        workspace.closing.now.connect(self.appearance.finish)
        self._connect()
        self.title = StatusUpdater(self, workspace, self.status, self.toolbar)
        # After the title: what was left out goes before what is said of the one that was opened
        self.dropping = FileDrop(self, workspace, self.status.message.text)

    def _connect(self) -> None:
        workspace, session, commands = self.workspace, self.workspace.session, self.workspace.commands
        commands.connect_to("picture", workspace.files.picture)
        commands.connect_to("quit", self.close)
        commands.connect_to("undo", session.undo)
        commands.connect_to("redo", session.redo)
        commands.connect_to("reset-view", workspace.plots.reset_ranges)
        commands.connect_to("reset-layout", self.window_layout.reset)
        commands.connect_to(
            "full-screen", lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        )
        for layer in (layer for feature in FEATURES for layer in feature.layers):
            commands.connect_to(layer, partial(self._turn_layer, layer))
        session.undo_changed.connect(self._show_undo)
        session.changed.connect(self._show_layers)
        self._show_undo(session.can_undo, session.can_redo)
        self._show_layers(frozenset({"layers"}))
        workspace.appearance.changed.connect(self._set_theme)
        workspace.appearance.calm_changed.connect(session.cursor.set_calm)
        session.cursor.set_calm(workspace.appearance.calm)
        self._set_theme(workspace.appearance.theme)

    def _turn_layer(self, layer: str) -> None:
        session = self.workspace.session
        session.apply({"layers": session.state.layers ^ {layer}})

    def _show_undo(self, undo: bool, redo: bool) -> None:
        self.workspace.commands["undo"].setEnabled(undo)
        self.workspace.commands["redo"].setEnabled(redo)

    def _show_layers(self, names: frozenset[str]) -> None:
        if "layers" in names:
            shown = self.workspace.session.state.layers
            for layer in (layer for feature in FEATURES for layer in feature.layers):
                self.workspace.commands[layer].setChecked(layer in shown)

    @Slot(object)
    def _set_theme(self, theme: object) -> None:
        self.workspace.commands.set_theme(self.workspace.appearance.theme)
        self.toolbar.set_theme(self.workspace.appearance.theme)

    @Slot()
    def _close_as_agreed(self) -> None:
        """Close without asking about an export again."""
        self._agreed = True
        self.close()
        self._agreed = False

    def _is_made(self, place: int) -> bool:
        return type(self.tabs.widget(place)) is not QWidget

    def _put_page(self, place: int, page: QWidget) -> None:
        title = self.tabs.tabText(place)
        self.tabs.removeTab(place)
        self.tabs.insertTab(place, page, title)
