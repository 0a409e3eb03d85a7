"""How the window looks and moves, for this and every later start."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from dnf_studio.gui.widgets.controls import ChoiceBox, IntBox, caption, label_of
from dnf_studio.gui.workspace.appearance import CHOICES, SCALES, Appearance
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace

COLOURS = {"as the desktop": "system", "light": "light", "dark": "dark"}


class PreferencesDialog(QDialog):
    """Colours, size of letters and motion; each acts at once and is kept."""

    def __init__(self, appearance: Appearance, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Preferences")
        self._appearance = appearance
        self.colours = ChoiceBox(dict(COLOURS))
        self.scale = IntBox(SCALES[0], SCALES[-1])
        self.scale.setSuffix(" %")
        self.scale.setSingleStep(10)
        self.calm = QCheckBox("Reduce &motion")
        rows = QFormLayout()
        rows.addRow(label_of(self.colours, "&Colours", "Light or dark, or as the desktop is set"), self.colours)
        rows.addRow(label_of(self.scale, "&Size of letters", "Percent of the desktop's letters, 80 to 200"), self.scale)
        tip = "Nothing plays by itself at the start, and playing goes in whole steps, at most five a second"
        self.calm.setToolTip(tip)
        rows.addRow(self.calm)
        buttons = QDialogButtonBox()
        reset = buttons.addButton("&Restore defaults", QDialogButtonBox.ButtonRole.ResetRole)
        reset.setToolTip("Colours as the desktop, letters at 100 %, motion on")
        close = buttons.addButton(QDialogButtonBox.StandardButton.Close)
        # Enter after typing a size must not undo it
        reset.setAutoDefault(False)
        close.setDefault(True)
        column = QVBoxLayout(self)
        column.addLayout(rows)
        column.addWidget(caption("These act at once and are kept for the next start."))
        column.addStretch(1)
        column.addWidget(buttons)
        self.colours.chosen.connect(appearance.choose)
        self.scale.valueChanged.connect(appearance.set_scale)
        self.calm.clicked.connect(appearance.set_calm)
        reset.clicked.connect(self._reset)
        buttons.rejected.connect(self.reject)
        for signal in (appearance.choice_changed, appearance.scale_changed, appearance.calm_changed):
            signal.connect(self._refresh)
        self._refresh()

    def _reset(self) -> None:
        self._appearance.choose("system")
        self._appearance.set_scale(100)
        self._appearance.set_calm(False)

    def _refresh(self, _value: object = None) -> None:
        self.colours.show_value(self._appearance.choice)
        with QSignalBlocker(self.scale):
            self.scale.setValue(self._appearance.scale)
        self.calm.setChecked(self._appearance.calm)
        self.adjustSize()


def _start(workspace: Workspace) -> None:
    appearance, commands = workspace.appearance, workspace.commands

    def show() -> None:
        PreferencesDialog(appearance, workspace.parent).show()

    commands.connect_to("preferences", show)
    for choice in CHOICES:
        commands.connect_to(f"theme-{choice}", partial(appearance.choose, choice))
    appearance.choice_changed.connect(lambda choice: commands[f"theme-{choice}"].setChecked(True))
    commands[f"theme-{appearance.choice}"].setChecked(True)


COMMANDS = (
    Command("preferences", "Pre&ferences…", "Ctrl+,", "Colours, size of letters and motion, kept for every start",
            menu="Edit", section="preferences"),
    Command("theme-system", "Colours of the s&ystem", "Ctrl+Shift+Y", "Light or dark as the desktop is", menu="View",
            section="colours", checkable=True, group="theme"),
    Command("theme-light", "Li&ght colours", "Ctrl+Shift+L", "Dark on light", menu="View", section="colours",
            checkable=True, group="theme"),
    Command("theme-dark", "Dar&k colours", "Ctrl+Shift+D", "Light on dark", menu="View", section="colours",
            checkable=True, group="theme"),
)  # fmt: skip

FEATURE = Feature(
    "preferences",
    commands=COMMANDS,
    start=_start,
)
