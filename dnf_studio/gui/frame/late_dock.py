"""A dock at the right whose content is made when somebody first wants to see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QDockWidget, QTabBar, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.workspace.actions import Key

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["LateDock"]

WIDTH = 420
SHARE = 0.33
"""Most of the window's width that the dock takes when it opens."""


class Themed(Protocol):
    """What every panel of such a dock can do."""

    def set_theme(self, theme: Theme) -> None:
        """Recolour it."""


class LateDock(QDockWidget):
    """Shares the place of the Inspector, hidden at first; its command shows, raises and hides it.

    `make(window)` returns the panel, a QWidget that is `Themed`. The panel wires itself to the window
    (`session`, `studio`, `views`, `live`) and, while it is hidden, asks for nothing that costs time.
    """

    def __init__(self, window: MainWindow, key: Key, title: str, make: Callable[[MainWindow], QWidget]) -> None:
        super().__init__(title)
        self.setObjectName(key)
        self._window, self._make = window, make
        self.panel: QWidget | None = None
        self.setVisible(False)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        window.tabifyDockWidget(window.inspector, self)
        window.commands.connect_to(key, self._toggle)
        self.toggleViewAction().toggled.connect(window.commands[key].setChecked)
        # Also where a layout of an earlier session brings it back
        self.visibilityChanged.connect(self._shown)
        window.inspector.visibilityChanged.connect(self._mind_bars_soon)
        self._mind_bars()

    def fill(self) -> None:
        """Make the panel, once."""
        if self.panel is None:
            self.panel = self._make(self._window)
            self.setWidget(self.panel)
            self.set_theme(self._window.appearance.theme)

    def set_theme(self, theme: Theme) -> None:
        """Recolour the panel."""
        if self.panel is not None:
            cast(Themed, self.panel).set_theme(theme)

    @Slot(bool)
    def _shown(self, visible: bool) -> None:
        if visible:
            self.fill()
        self._mind_bars_soon()

    @Slot()
    def _mind_bars_soon(self) -> None:
        # Qt fills the bar after it has told
        QTimer.singleShot(0, self, self._mind_bars)

    def _mind_bars(self) -> None:
        """Qt moves a tab bar with nothing to choose out of sight, but leaves it among the stops of Tab."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setFocusPolicy(Qt.FocusPolicy.TabFocus if bar.count() > 1 else Qt.FocusPolicy.NoFocus)

    def _toggle(self) -> None:
        """Seen, it goes; behind another one or hidden, it comes to the front."""
        if not self.isHidden() and not self.visibleRegion().isEmpty():
            self.hide()
            return
        self.fill()
        alone = self.isHidden() and self._window.inspector.isHidden()
        self.show()
        self.raise_()
        if alone:
            sizes = [self._window.dock.width(), min(WIDTH, round(SHARE * self._window.width()))]
            self._window.resizeDocks([self._window.dock, self], sizes, Qt.Orientation.Horizontal)
        self._window.commands[Key(self.objectName())].setChecked(True)
