"""The lower row of plots, in which two share the place of one where the window is narrow."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabBar, QVBoxLayout, QWidget

from dnf_studio.gui.plots.base import Plot

__all__ = ["LowerRow", "PlotPair"]

WIDE = 1250
"""Pixels from which on there is room for four plots."""


class PlotPair(QWidget):
    """Shows both plots side by side, or one of them with tabs to choose which."""

    def __init__(self, first: Plot, second: Plot, names: tuple[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plots = first, second
        self.tabs = QTabBar(self)
        self.tabs.setDocumentMode(True)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName(" or ".join(names))
        for place, name in enumerate(names):
            self.tabs.addTab(name)
            self.tabs.setTabToolTip(place, self._plots[place].caption)
        self.tabs.currentChanged.connect(self._refresh)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        for plot in self._plots:
            self._splitter.addWidget(plot)
            self._splitter.setStretchFactor(self._splitter.count() - 1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._splitter, 1)
        column.addWidget(self.tabs)
        self._wide = False
        self._refresh()

    @property
    def wide(self) -> bool:
        """Whether both are seen."""
        return self._wide

    def set_wide(self, wide: bool) -> None:
        """Side by side, or one behind the other."""
        if wide != self._wide:
            self._wide = wide
            self._refresh()

    @Slot()
    def _refresh(self) -> None:
        self.tabs.setVisible(not self._wide)
        for place, plot in enumerate(self._plots):
            plot.setVisible(self._wide or place == self.tabs.currentIndex())
        if self._wide:
            self._splitter.setSizes([1000, 1000])


class LowerRow(QSplitter):
    """Two plots and a pair, in equal shares: four where there is room for them, else three."""

    def __init__(self, first: Plot, second: Plot, pair: PlotPair, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setChildrenCollapsible(False)
        self._pair = pair
        for place, part in enumerate((first, second, pair)):
            self.addWidget(part)
            self.setStretchFactor(place, 1)
        self.setSizes([1000, 1000, 1000])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shares that a person has dragged stay until the number of plots changes."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE
        if wide != self._pair.wide:
            self._pair.set_wide(wide)
            self.setSizes([1000, 1000, 2000 if wide else 1000])
