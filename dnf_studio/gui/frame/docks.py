"""The docks at the right: each shown, raised and hidden by its command, its pages made when somebody first looks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QTabWidget, QWidget

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Workspace

WIDE = 1600
"""Width of the window in pixels from which a dock that opens itself is there from the beginning."""
WIDTH, SHARE = 420, 0.33
"""Width in pixels, and greatest share of the window's width, that a dock takes when it opens."""
WIDTH_OF_FIRST, SHARE_OF_FIRST = 400, 0.26
"""Width in pixels, and greatest share of the window's width, of a dock that opens itself."""


class Themed(Protocol):
    """Protocol of the pages of a dock."""

    def set_theme(self, theme: Theme) -> None:
        """Use the colours of this theme."""


class FeatureDock(QDockWidget):
    """A dock of one or several pages, hidden at first; all docks share one place.

    One that opens itself is shown from the beginning in a wide window, else when its feature offers it. Once a person
    has decided it comes and goes by its command only, after the next start too; whoever brings the layout back calls
    `settle`.
    """

    def __init__(self, window: QMainWindow, left: QDockWidget, place: DockPlace, pages: Sequence[DockPage]) -> None:
        super().__init__(place.title)
        self.setObjectName(place.name)
        self._window, self._left, self._place, self._pages = window, left, place, tuple(pages)
        self._settled, self._ready = not place.opens_itself, False
        self._workspace: Workspace | None = None
        self._first: FeatureDock | None = None
        self.tabs = QTabWidget(self) if len(self._pages) > 1 else None
        """The pages as tabs, where there are several."""
        self.pages: dict[str, QWidget] = {}
        self.setVisible(False)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        if place.opens_itself:
            window.installEventFilter(self)

    def connect_to(self, workspace: Workspace, first: FeatureDock) -> None:
        """Follow the command and the theme; share the place of the `first` of all docks."""
        self._workspace, self._first = workspace, first
        name, command = self._place.name, workspace.commands[self._place.name]
        if self is not first:
            self._window.tabifyDockWidget(first, self)
        workspace.commands.connect_to(name, self._toggle)
        self.toggleViewAction().toggled.connect(command.setChecked)
        workspace.appearance.changed.connect(self._set_theme)
        # Also where a layout of an earlier session brings it back
        self.visibilityChanged.connect(self._shown)
        self._mind_bars()

    @property
    def opens_itself(self) -> bool:
        """Whether it may open without its command."""
        return self._place.opens_itself

    @property
    def panel(self) -> QWidget | None:
        """The first page, once it is made."""
        return next(iter(self.pages.values()), None)

    @property
    def settled(self) -> bool:
        """Whether the dock stays as it is until its command is given."""
        return self._settled

    def settle(self) -> None:
        """Keep the dock as it is until its command is given."""
        self._settled = True

    def offer(self) -> None:
        """Open by itself, unless a person has opened or closed it before."""
        if not self._settled and self.isHidden():
            self._settled = True
            self.fill()
            self._open()

    def begin(self) -> None:
        """From now on, as all features are there, it is filled when it is seen, as one that a layout brought back is
        by now."""
        self._ready = True
        self._shown(self.isVisible())

    def fill(self) -> bool:
        """Make the pages, once; whether they were made now."""
        if self.pages or self._workspace is None:
            return False
        for page in self._pages:
            widget = page.make(self._workspace)
            self.pages[page.title] = widget
            cast(Themed, widget).set_theme(self._workspace.appearance.theme)
            if self.tabs is not None:
                index = self.tabs.addTab(widget, widget.windowTitle() or page.title)
                self.tabs.setTabToolTip(index, page.tip)
                widget.windowTitleChanged.connect(partial(self.tabs.setTabText, index))
        if self.tabs is not None:
            self.tabs.setDocumentMode(True)
        self.setWidget(self.tabs or next(iter(self.pages.values())))
        return True

    def closeEvent(self, event: QCloseEvent) -> None:
        """Note that a person closed the dock: it does not open by itself again."""
        self._settled = True
        super().closeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Before the window is first shown, decide whether it is wide enough for the dock."""
        if event.type() == QEvent.Type.Show and watched is self._window:
            self._window.removeEventFilter(self)
            if not self._settled and self._window.width() >= WIDE:
                self._open()
        return False

    @Slot(object)
    def _set_theme(self, theme: Theme) -> None:
        for page in self.pages.values():
            cast(Themed, page).set_theme(theme)

    @Slot(bool)
    def _shown(self, visible: bool) -> None:
        if visible and self._ready and not self._place.opens_itself:
            self.fill()
        self._mind_bars_soon()

    @Slot()
    def _mind_bars_soon(self) -> None:
        # Qt fills the bar after it has told
        QTimer.singleShot(0, self, self._mind_bars)

    def _mind_bars(self) -> None:
        """Take tab bars with nothing to choose, which Qt moves out of sight, out of the Tab order, too."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setFocusPolicy(Qt.FocusPolicy.TabFocus if bar.count() > 1 else Qt.FocusPolicy.NoFocus)

    def _toggle(self) -> None:
        """Hide the dock where it is seen; where it is hidden or behind another one, bring it to the front."""
        self._settled = True
        if not self.isHidden() and (self._place.opens_itself or not self.visibleRegion().isEmpty()):
            self.hide()
        elif self.fill():
            # To make the pages takes as long as to make room for them, for which all plots change their sizes
            QTimer.singleShot(0, self, self._come)
        else:
            self._come()

    @Slot()
    def _come(self) -> None:
        """Show the dock in front of those that share its place."""
        alone = self.isHidden() and (self._first is self or self._first is None or self._first.isHidden())
        if alone:
            self._open()
        else:
            self.show()
        self.raise_()
        if self._workspace is not None:
            self._workspace.commands[self._place.name].setChecked(True)

    def _open(self) -> None:
        own = self._place.opens_itself
        width, share = (WIDTH_OF_FIRST, SHARE_OF_FIRST) if own else (WIDTH, SHARE)
        others = self._left.width()
        self.show()
        sizes = [others, min(width, round(share * self._window.width()))]
        self._window.resizeDocks([self._left, self], sizes, Qt.Orientation.Horizontal)
