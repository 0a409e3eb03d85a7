"""The buttons that keep, rename and delete time grids, and the list of those that are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.config.grids import GridKind, Nodes
from dnf_studio.core.files import is_taken
from dnf_studio.core.storage.grid_presets import (
    GridPreset,
    delete_preset,
    list_presets,
    preset_path,
    rename_preset,
    save_preset,
)
from dnf_studio.errors import StudioError
from dnf_studio.gui.widgets.controls import caption, label_of
from dnf_studio.gui.workspace import dialogs


class PresetButtons(QWidget):
    """Save what the editor holds, rename and delete the preset that is in it."""

    changed = Signal()
    """The list is another."""
    said = Signal(str)
    """What went wrong, or nothing."""

    def __init__(self, folder: Path, nodes: Callable[[], Nodes], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder, self._nodes = folder, nodes
        self.presets: tuple[GridPreset, ...] = ()
        self._chosen: GridPreset | None = None
        self.save = self._button("&Save as preset…", "Keep this grid under a name, for any number of steps", self._save)
        self.rename = self._button("Ed&it name…", "Give the preset another name", self._rename)
        self.delete = self._button("&Delete", "Delete the file of the preset", self._delete)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.save, 1)
        row.addWidget(self.rename)
        row.addWidget(self.delete)

    def read(self) -> None:
        """Look what is in the folder; what is no preset there is told and left out."""
        try:
            self.presets, faults = list_presets(self._folder)
        except StudioError as problem:
            self.presets, faults = (), (str(problem),)
        self.said.emit(faults[0] if faults else "")
        self.changed.emit()

    def show_grid(self, kind: GridKind | None) -> None:
        """The preset that is `kind`, if there is one, is what rename and delete act on."""
        self._chosen = next((preset for preset in self.presets if preset.nodes == kind), None)
        self.save.setEnabled(bool(self._nodes()))
        for button in (self.rename, self.delete):
            button.setEnabled(self._chosen is not None)

    def _save(self) -> None:
        def check(name: str) -> str:
            path = preset_path(self._folder, name)
            return f"There is a preset '{path.stem}' already; saving replaces it." if is_taken(path) else ""

        self._ask("Save the grid as a preset", "", check, lambda name: save_preset(self._folder, name, self._nodes()))

    def _rename(self) -> None:
        preset = self._chosen
        if preset is None:
            return

        def check(name: str) -> str:
            path = preset_path(self._folder, name)
            if path.stem.casefold() != preset.name.casefold() and is_taken(path):
                raise StudioError(f"There is a preset named '{path.stem}' already; choose another name.")
            return ""

        self._ask("Rename the preset", preset.name, check, lambda name: rename_preset(preset.path, name))

    def _delete(self) -> None:
        preset = self._chosen
        if preset is not None and dialogs.ask_delete_preset(self, preset.name) is dialogs.Answer.DISCARD:
            self._do(lambda: delete_preset(preset.path))

    def _ask(self, title: str, name: str, check: Callable[[str], str], act: Callable[[str], object]) -> None:
        dialog = PresetNameDialog(title, name, check, self)
        dialog.named.connect(lambda chosen: self._do(lambda: act(chosen)))
        dialog.open()

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except StudioError as problem:
            self.said.emit(str(problem))
        else:
            self.read()

    def _button(self, text: str, tip: str, act: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda _checked=False: act())
        return button


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
        # Two lines high, so that nothing jumps while a name is typed
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
