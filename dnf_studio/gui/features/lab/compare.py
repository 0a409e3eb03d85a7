"""Quality curves of several models, solvers and settings in one plot, kept while other models are opened."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.distances import AXES, MARKS, Axis, cost_of
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.curves import Curves, KeptCurve

if TYPE_CHECKING:
    from dnf_studio.core.exploration.variants import Variant


class CompareRow(QWidget):
    """Buttons that keep and forget a curve, the choice of the axis, and the names of the curves in their colours.

    What is kept stands in the curves of the dock Runs, too, and models that are measured there stand here.
    """

    changed = Signal()
    """Other curves are to be drawn, or over another axis."""

    def __init__(self, curves: Curves, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves = curves
        self._offered: KeptCurve | None = None
        self._data: object = None
        self._theme = LIGHT
        self.keep, self.forget = QPushButton("&Keep curve"), QPushButton("F&orget kept")
        self.keep.setToolTip(
            "Leave this curve in the plot, to compare another model, solver or setting with it; Runs has it too"
        )
        self.forget.setToolTip("Take the kept curves, and models that are compared in Runs, out of the plots")
        self.keep.clicked.connect(self._keep)
        self.forget.clicked.connect(self._curves.clear)
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
        self._curves.changed.connect(self._follow)
        self._show()

    @property
    def curves(self) -> list[KeptCurve]:
        """Those kept of the data at hand, for other distances cannot be compared, without what is shown anyway."""
        return [one for one in self._curves.kept if one.rows and one.data == self._data and not self._is_offered(one)]

    @property
    def across(self) -> Axis:
        """What the axis is of."""
        chosen: Axis = self.axis.currentData()
        return chosen

    def offer(self, name: str, data: object, rows: Sequence[Variant]) -> None:
        """What `keep` would keep: the rows so far of `name`, with `data` as in `KeptCurve` or None without data."""
        found = tuple((cost_of(row), row.to_data) for row in rows if row.to_data is not None)
        self._data, self._offered = data, KeptCurve(name, data, found) if found else None
        self._show()

    def set_theme(self, theme: Theme) -> None:
        """Colours of the names."""
        self._theme = theme
        self._show()

    @Slot()
    def _keep(self) -> None:
        if self._offered is not None:
            self._curves.keep(self._offered)

    @Slot()
    def _follow(self) -> None:
        self._show()
        self.changed.emit()

    def _is_offered(self, curve: KeptCurve) -> bool:
        own = self._offered
        return own is not None and (curve.name, curve.data, curve.rows) == (own.name, own.data, own.rows)

    def _show(self) -> None:
        kept = self._curves.kept
        self.keep.setEnabled(self._offered is not None and not any(map(self._is_offered, kept)))
        self.forget.setEnabled(bool(kept))
        named = [(self._theme.curves[one.slot], MARKS[one.slot][0], one.name) for one in self.curves]
        if named and self._offered is not None:
            named.insert(0, (self._theme.backward, "●", self._offered.name))
        marks = (f'<span style="color:{c}">{m}</span>&nbsp;{escape(n).replace(" ", "&nbsp;")}' for c, m, n in named)
        self.names.setText("&nbsp; ".join(marks))
        self.names.setVisible(bool(named))
