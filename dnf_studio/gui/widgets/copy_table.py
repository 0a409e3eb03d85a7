"""A table of numbers whose rows are copied as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QPushButton, QTableView

from dnf_studio.gui.widgets.controls import say_for_a_moment

if TYPE_CHECKING:
    from dnf_studio.gui.features.inspector.point_model import PointModel
    from dnf_studio.gui.features.outliers.model import OutlierModel
    from dnf_studio.gui.features.selection.lineage_model import LineageModel

__all__ = ["CopyTable"]


class CopyTable(QTableView):
    """Whole rows are chosen and copied: by Ctrl+C, the context menu or `button`, which says so for a moment."""

    def __init__(
        self,
        model: LineageModel | OutlierModel | PointModel,
        button: QPushButton,
        otherwise: Callable[[], list[int] | None] = lambda: None,
    ) -> None:
        """`otherwise` tells which rows Ctrl+C copies while none is chosen, None for all."""
        super().__init__()
        self._rows, self._button, self._otherwise = model, button, otherwise
        self.setModel(model)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for words, act in (("Copy chosen &rows", self._copy_chosen), ("Copy &whole table", self._copy)):
            action = QAction(words, self)
            action.triggered.connect(lambda _checked=False, act=act: act())
            self.addAction(action)
        button.clicked.connect(lambda: self._copy())

    def chosen_rows(self) -> list[int]:
        """From top to bottom."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def event(self, event: QEvent) -> bool:
        """Copy takes whole rows; left to itself the table would copy one cell."""
        if event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) and isinstance(event, QKeyEvent):
            if not event.matches(QKeySequence.StandardKey.Copy):
                return super().event(event)
            if event.type() == QEvent.Type.KeyPress:
                self._copy_chosen()
            event.accept()
            return True
        return super().event(event)

    def fit_rows(self, metrics: QFontMetrics) -> None:
        """As high as the letters need."""
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 4)

    def _copy_chosen(self) -> None:
        self._copy(self.chosen_rows() or self._otherwise())

    def _copy(self, rows: list[int] | None = None) -> None:
        QGuiApplication.clipboard().setText(self._rows.as_text(rows))
        say_for_a_moment(self._button, "Copied")
