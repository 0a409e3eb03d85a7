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
    """Shows two plots side by side, or one with tabs to choose which.

    Of more than two, the first has its side and tabs choose which of the others has the second.
    """

    def __init__(self, plots: tuple[Plot, ...], names: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plots = plots
        self.tabs = QTabBar(self)
        self.tabs.setDocumentMode(True)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        # Cut names are better than tabs out of sight
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
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
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._splitter, 1)
        column.addWidget(self.tabs)
        self._wide = False
        self._held = 0
        self._refresh()

    @property
    def wide(self) -> bool:
        """Whether two are seen."""
        return self._wide

    def set_wide(self, wide: bool) -> None:
        """Side by side, or one behind the other."""
        if wide != self._wide:
            self._wide = wide
            if len(self._plots) > 2:
                chosen = self.tabs.currentIndex()
                self.tabs.setTabVisible(0, not wide)
                self._held, chosen = (chosen, max(1, chosen)) if wide else (0, chosen if self._held else self._held)
                self.tabs.setCurrentIndex(chosen)
            self._refresh()

    @Slot()
    def _refresh(self) -> None:
        self.tabs.setVisible(not self._wide or len(self._plots) > 2)
        chosen = max(1, self.tabs.currentIndex()) if self._wide else self.tabs.currentIndex()
        for place, plot in enumerate(self._plots):
            plot.setVisible(place == chosen or (self._wide and place == 0))
        side = Qt.AlignmentFlag.AlignRight if self._wide else Qt.AlignmentFlag.AlignLeft
        self._column.setAlignment(self.tabs, side)
        if self._wide:
            self._splitter.setSizes([1000] * len(self._plots))


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
