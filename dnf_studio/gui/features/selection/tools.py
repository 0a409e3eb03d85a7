"""With what points are chosen, and what becomes of those already chosen; and the buttons for it beside the views."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QToolBar, QToolButton, QWidget

from dnf_studio.core.exploration.lineage import Mode
from dnf_studio.gui.workspace.commands import Commands

__all__ = ["MODES", "TOOLS", "ToolStrip", "Tools", "mode_for"]

TOOLS = {"tool-pointer": "", "tool-rectangle": "rectangle", "tool-lasso": "lasso"}
MODES: dict[str, Mode] = {"mode-replace": "replace", "mode-add": "add", "mode-subtract": "subtract"}


class Tools(QObject):
    """The tool and the mode of choosing; like the time cursor they are not part of the state and not undone."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = ""
        """``rectangle``, ``lasso``, or nothing: the pointer, which chooses by clicks and moves the view."""
        self.mode: Mode = "replace"

    def set_tool(self, tool: str) -> None:
        """Choose with this tool from now on."""
        self.tool = tool
        self.changed.emit()

    def set_mode(self, mode: Mode) -> None:
        """Let what is chosen replace, join or leave what was."""
        self.mode = mode
        self.changed.emit()


class ToolStrip(QToolBar):
    """The buttons of tools and modes, one below the other."""

    def __init__(self, tools: Tools, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__("Choosing points", parent)
        self.setObjectName("tools")
        self.setOrientation(Qt.Orientation.Vertical)
        self.setAccessibleName("Choosing points")
        self._tools, self._commands = tools, commands
        for key in (*TOOLS, None, *MODES):
            if key is None:
                self.addSeparator()
                continue
            self.addAction(commands[key])
            button = self.widgetForAction(commands[key])
            if isinstance(button, QToolButton):
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setAccessibleName(commands[key].text().replace("&", ""))
        for key, tool in TOOLS.items():
            commands.connect_to(key, partial(tools.set_tool, tool))
        for key, mode in MODES.items():
            commands.connect_to(key, partial(tools.set_mode, mode))
        tools.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        for key, tool in TOOLS.items():
            self._commands[key].setChecked(tool == self._tools.tool)
        for key, mode in MODES.items():
            self._commands[key].setChecked(mode == self._tools.mode)


def mode_for(mode: Mode, modifiers: Qt.KeyboardModifier) -> Mode:
    """The mode of a drag: Shift adds, Ctrl or Alt subtracts, else that of the buttons."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return "add"
    if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return "subtract"
    return mode
