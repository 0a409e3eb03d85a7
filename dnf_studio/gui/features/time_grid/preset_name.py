"""Asks for the name of a preset, and says at once what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.widgets.controls import caption, label_of

__all__ = ["PresetNameDialog"]


class PresetNameDialog(QDialog):
    """`named` comes with a name that `check` lets pass; `check` says what it means for older presets.

    `check` raises `StudioError` for a name that cannot be, and returns a sentence or nothing.
    """

    named = Signal(str)

    def __init__(self, title: str, name: str, check: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._check = check
        self.name = QLineEdit(name)
        self.name.selectAll()
        self.said = caption(warning=True)
        # Room for two lines, so that nothing jumps while a name is typed
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing() + 4)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        rows = QFormLayout()
        rows.addRow(label_of(self.name, "&Name", "What the preset is called; its file is called so too"), self.name)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save = buttons.addButton("&Save", QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setToolTip("Keep it under this name")
        self.save.setDefault(True)
        column = QVBoxLayout(self)
        column.addLayout(rows)
        column.addWidget(self.said)
        column.addStretch(1)
        column.addWidget(buttons)
        self.setMinimumWidth(400)
        self.name.textChanged.connect(self._judge)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        self._judge(name)

    def _judge(self, name: str) -> None:
        sentence, good = "", bool(name.strip())
        if good:
            try:
                sentence = self._check(name)
            except StudioError as problem:
                sentence, good = str(problem), False
        self.said.setText(sentence)
        self.save.setEnabled(good)

    def _accept(self) -> None:
        self.named.emit(self.name.text())
        self.accept()
