"""Draw data by hand: a canvas with brush, dots, eraser and mirrors, whose picture is data at once."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.core.data.naming import is_drawing
from dnf_studio.errors import DataError
from dnf_studio.gui.features.data.canvas import Canvas
from dnf_studio.gui.widgets.controls import ChoiceBox, caption, label_of
from dnf_studio.gui.widgets.slider import NumberSlider
from dnf_studio.gui.workspace.dialogs import Answer, ask_discard_drawing

TOOLS = {
    "brush": ("&Brush", "Draw lines as wide as the brush"),
    "dots": ("D&ots", "Draw dots of the size of the brush: one for a click, a row of them for a drag"),
    "eraser": ("&Eraser", "Wipe away what is under the brush"),
}
MIRROR_WORDS = {"none": "none", "left and right": "across", "top and bottom": "up", "both": "both"}
EXPLAINED = "Where you draw, points are dense, and equally so everywhere. A run that is saved keeps the drawing."


class DrawDataDialog(QDialog):
    """A canvas and its tools; `drawn` brings the name of the data that was drawn, once."""

    drawn = Signal(str)

    def __init__(self, before: str = "", parent: QWidget | None = None) -> None:
        """`before` is the data of the window: where that is a drawing, the canvas begins with it."""
        super().__init__(parent)
        self.setWindowTitle("Draw data")
        self.canvas = Canvas()
        self.tools = {name: self._tool(*words) for name, words in TOOLS.items()}
        self.brush = NumberSlider("Brush si&ze", 2, 80, 1)
        self.brush.setToolTip("Diameter of brush, dots and eraser, in pixels of a canvas of 400 by 400")
        self.brush.set_name("Brush size")
        self.brush.set_value(self.canvas.size_of_brush)
        self.mirror = ChoiceBox(MIRROR_WORDS)
        self.mirror.show_value(self.canvas.mirror)
        self.undo, self.redo = (
            self._button("&Undo", "Take the last stroke back"),
            self._button("&Redo", "Draw it again"),
        )
        self.clear = self._button("&Clear", "Wipe the canvas; Undo brings it back")
        self.facts, self.problem = caption(), caption(warning=True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.use = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.use.setText("U&se")
        self.use.setToolTip("Show an untrained model of the drawing, ready to train")
        self._arrange()
        self._connect()
        if is_drawing(before):
            self._begin_with(before)
        self._known = self.canvas.dark
        self._refresh()

    def accept(self) -> None:
        """Use what is drawn as data."""
        from dnf_studio.core.data.picture import encode_drawing

        dark = self.canvas.dark
        if dark.any():
            super().accept()
            self.drawn.emit(encode_drawing(dark))

    def reject(self) -> None:
        """Close, once it is clear that nothing drawn here is wanted."""
        dark = self.canvas.dark
        new = bool(dark.any()) and not np.array_equal(dark, self._known)
        if not new or ask_discard_drawing(self) is Answer.DISCARD:
            super().reject()

    def _begin_with(self, source: str) -> None:
        from dnf_studio.core.data.picture import decode_drawing

        try:
            self.canvas.show_drawing(decode_drawing(source))
        except DataError as problem:
            self.problem.setText(str(problem))

    def _arrange(self) -> None:
        top = QHBoxLayout()
        for tool in self.tools.values():
            top.addWidget(tool)
        top.addSpacing(12)
        top.addWidget(label_of(self.mirror, "&Mirror", "Draw the same on the other side of the dashed line too"))
        top.addWidget(self.mirror)
        top.addStretch(1)
        foot = QHBoxLayout()
        for button in (self.undo, self.redo, self.clear):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(self.buttons)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(caption(EXPLAINED))
        column.addLayout(top)
        column.addWidget(self.brush)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.facts)
        column.addWidget(self.problem)
        column.addLayout(foot)
        self.problem.hide()
        self.canvas.setFocus()
        self.resize(520, 680)

    def _connect(self) -> None:
        for name, button in self.tools.items():
            button.clicked.connect(partial(self._choose_tool, name))
        self.tools["brush"].setChecked(True)
        self.brush.value_changed.connect(self._choose_size)
        self.mirror.chosen.connect(self._choose_mirror)
        self.undo.clicked.connect(self.canvas.undo)
        self.redo.clicked.connect(self.canvas.redo)
        self.clear.clicked.connect(lambda: self.canvas.add(None))
        for keys, act in ((QKeySequence.StandardKey.Undo, self.canvas.undo), ("Ctrl+Shift+Z", self.canvas.redo)):
            QShortcut(QKeySequence(keys), self, act)
        self.canvas.changed.connect(self._refresh)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.use.setDefault(True)

    @staticmethod
    def _tool(text: str, tip: str) -> QRadioButton:
        button = QRadioButton(text)
        button.setToolTip(tip)
        return button

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        # Return uses the drawing
        button.setAutoDefault(False)
        return button

    def _choose_tool(self, name: str, _checked: bool = False) -> None:
        self.canvas.tool = name

    def _choose_size(self, value: float) -> None:
        self.canvas.size_of_brush = value
        self.canvas.update()

    def _choose_mirror(self, mirror: str) -> None:
        self.canvas.mirror = mirror
        self.canvas.update()

    def _refresh(self) -> None:
        share = float(self.canvas.dark.mean())
        self.facts.setText(f"{100 * share:.3g}% of the canvas is drawn on." if share else "Nothing is drawn yet.")
        self.problem.setVisible(bool(self.problem.text()))
        self.use.setEnabled(share > 0)
        self.undo.setEnabled(self.canvas.can_undo)
        self.redo.setEnabled(self.canvas.can_redo)
        self.clear.setEnabled(share > 0)
