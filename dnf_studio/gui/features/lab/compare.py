"""Quality curves of several models, solvers and settings in one plot, kept while other models are opened."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.features.lab.distance_plot import AXES, MARKS, Axis, Cost, KeptCurve
from dnf_studio.gui.widgets.controls import ChoiceBox

if TYPE_CHECKING:
    from dnf_studio.core.exploration.variants import Variant

MOST = len(MARKS)


class CompareRow(QWidget):
    """Buttons that keep and forget a curve, the choice of the axis, and the names of the curves in their colours."""

    changed = Signal()
    """Other curves are to be drawn, or over another axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept: list[KeptCurve] = []
        self._offered: KeptCurve | None = None
        self._data: object = None
        self._theme = LIGHT
        self.keep, self.forget = QPushButton("&Keep curve"), QPushButton("F&orget kept")
        self.keep.setToolTip("Leave this curve in the plot, to compare another model, solver or setting with it")
        self.forget.setToolTip("Take the kept curves out of the plot")
        self.keep.clicked.connect(self._keep)
        self.forget.clicked.connect(self._forget)
        self.axis = ChoiceBox({f"over {short}": axis for axis, (short, _) in AXES.items()})
        self.axis.setToolTip(
            "Draw the distance over steps, or over what samples cost: network evaluations, or the multiply-adds of "
            "these, which are fewer where networks are smaller"
        )
        self.axis.setAccessibleName("Axis of the quality")
        self.axis.chosen.connect(lambda _by: self.changed.emit())
        self.names = QLabel()
        self.names.setTextFormat(Qt.TextFormat.RichText)
        self.names.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.keep)
        buttons.addWidget(self.forget)
        buttons.addStretch(1)
        buttons.addWidget(self.axis)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        column.addWidget(self.names)
        self._show()

    @property
    def curves(self) -> list[KeptCurve]:
        """Those kept of the data at hand, for other distances cannot be compared, without what is shown anyway."""
        return [curve for curve in self._kept if curve.data == self._data and curve != self._offered]

    @property
    def across(self) -> Axis:
        """What the axis is of."""
        chosen: Axis = self.axis.currentData()
        return chosen

    def offer(self, name: str, data: object, rows: Sequence[Variant]) -> None:
        """What `keep` would keep: the rows so far of `name`, with `data` as in `KeptCurve` or None without data."""
        found = tuple(
            (Cost(row.settings.steps or 1, row.evaluations, row.multiply_adds), row.to_data)
            for row in rows
            if row.to_data is not None
        )
        self._data, self._offered = data, KeptCurve(name, data, found) if found else None
        self._show()

    def set_theme(self, theme: Theme) -> None:
        """Colours of the names."""
        self._theme = theme
        self._show()

    @Slot()
    def _keep(self) -> None:
        """One of the same name gives way; of more than can be told apart the first one does."""
        if self._offered is not None:
            others = [c for c in self._kept if (c.name, c.data) != (self._offered.name, self._data)]
            self._kept = [*others, self._offered][-MOST:]
            self._show()
            self.changed.emit()

    @Slot()
    def _forget(self) -> None:
        self._kept = []
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        self.keep.setEnabled(self._offered is not None and self._offered not in self._kept)
        self.forget.setEnabled(bool(self._kept))
        named = [(self._theme.modes[k], MARKS[k][0], curve.name) for k, curve in enumerate(self.curves)]
        if named and self._offered is not None:
            named.insert(0, (self._theme.backward, "●", self._offered.name))
        marks = (f'<span style="color:{c}">{m}</span>&nbsp;{escape(n).replace(" ", "&nbsp;")}' for c, m, n in named)
        self.names.setText("&nbsp; ".join(marks))
        self.names.setVisible(bool(named))
