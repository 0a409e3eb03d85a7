"""The lower row of plots, in which several share one place where the window is narrow."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabBar, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.plot import Plot

WIDE = 1250
"""Width of the row in pixels from which it shows four plots."""
SHORT, KEPT = 5, 2
"""Letters of a name that is never cut, and those that are left of a longer one."""


class PlotTabBar(QTabBar):
    """Tabs that keep their names: where not all of them fit, long ones end in an ellipsis."""

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        # No tab out of sight
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setAccessibleName(" or ".join(names))
        for place, name in enumerate(names):
            self.addTab(name)
            self.setAccessibleTabName(place, name)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Width of a short name, or of the first letters of a long one."""
        hint, width, name = self.tabSizeHint(index), self.fontMetrics().horizontalAdvance, self.tabText(index)
        least = name if len(name) <= SHORT else f"{name[:KEPT]}…"
        return QSize(hint.width() - width(name) + width(least), hint.height())


class PlotTabs(QWidget):
    """Shows the first plot beside one of the others, or one of them all, with tabs to choose which.

    The `others`, by name, come with `fill`, once the window is there.
    """

    def __init__(self, name: str, first: Plot, others: Sequence[str]) -> None:
        super().__init__()
        self._first = first
        self._others: tuple[Plot, ...] = ()
        self.tabs, self.other_tabs = PlotTabBar((name, *others), self), PlotTabBar(others, self)
        self.tabs.setTabToolTip(0, first.caption)
        self.tabs.currentChanged.connect(self._chosen)
        self.other_tabs.currentChanged.connect(self._other_chosen)
        self._side = QWidget(self)
        self._side_column = _column(self._side)
        self._side_column.addStretch()
        self._side_column.addWidget(self.other_tabs)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        for part in (self._first, self._side):
            self._splitter.addWidget(part)
            self._splitter.setStretchFactor(self._splitter.count() - 1, 1)
        column = _column(self)
        column.addWidget(self._splitter, 1)
        column.addWidget(self.tabs)
        self._wide = False
        self._refresh()

    def offer(self, plot: Plot, offered: bool) -> None:
        """Show or hide the tab of one of the other plots; where it was in front the next one comes."""
        self.show_tab(self._others.index(plot), offered)

    def show_tab(self, place: int, shown: bool) -> None:
        """Show or hide the tab of the other plot at this `place`."""
        self.tabs.setTabVisible(place + 1, shown)
        self.other_tabs.setTabVisible(place, shown)
        for bar in (self.tabs, self.other_tabs):
            # One more than the least width has room for: arrows lead to it where it is out of sight
            bar.setUsesScrollButtons(shown)

    def fill(self, others: Sequence[Plot]) -> None:
        """Add the plots behind the first one, in the order of their names."""
        self._others = tuple(others)
        for place, plot in enumerate(others):
            self._side_column.insertWidget(place, plot, 1)
            tip = f"{self.other_tabs.accessibleTabName(place)}: {plot.caption}"
            self.tabs.setTabToolTip(place + 1, tip)
            self.other_tabs.setTabToolTip(place, tip)
        self._refresh()

    @property
    def wide(self) -> bool:
        """Whether two plots are shown side by side."""
        return self._wide

    def set_wide(self, wide: bool) -> None:
        """Show two plots side by side, or one behind the other."""
        if wide != self._wide:
            self._wide = wide
            self._refresh()

    @property
    def shown(self) -> str:
        """Name of the plot in front, or of the one beside the first."""
        bar = self.other_tabs if self._wide else self.tabs
        return bar.accessibleTabName(bar.currentIndex())

    def show_named(self, name: str) -> None:
        """Bring the plot of this name to the front; nothing where there is none."""
        for place in range(self.tabs.count()):
            if self.tabs.accessibleTabName(place) == name:
                self.tabs.setCurrentIndex(place)

    @Slot(int)
    def _chosen(self, place: int) -> None:
        if place > 0:
            self.other_tabs.setCurrentIndex(place - 1)
        self._refresh()

    @Slot(int)
    def _other_chosen(self, place: int) -> None:
        # What was chosen beside the first one stays in sight where only one fits
        if self._wide or self.tabs.currentIndex() > 0:
            self.tabs.setCurrentIndex(place + 1)
        self._refresh()

    def _refresh(self) -> None:
        first = self.tabs.currentIndex() == 0
        self.tabs.setVisible(not self._wide)
        self.other_tabs.setVisible(self._wide and self.other_tabs.count() > 1)
        self._first.setVisible(self._wide or first)
        self._side.setVisible(self._wide or not first)
        for place, plot in enumerate(self._others):
            plot.setVisible(place == self.other_tabs.currentIndex())
        if self._wide:
            self._splitter.setSizes([1000, 1000])


def _column(parent: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(parent)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    return column


class LowerRow(QSplitter):
    """Plots in equal shares, the last of which has tabs; the tabs show two plots at once where these fit."""

    def __init__(self, plots: Sequence[Plot], tabs: PlotTabs) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setChildrenCollapsible(False)
        self._tabs = tabs
        for place, part in enumerate((*plots, tabs)):
            self.addWidget(part)
            self.setStretchFactor(place, 1)
        self.setSizes([1000] * self.count())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width equally; shares that a person has dragged stay until the number of plots changes."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE
        if wide != self._tabs.wide:
            self._tabs.set_wide(wide)
            self.setSizes([*[1000] * (self.count() - 1), 2000 if wide else 1000])
