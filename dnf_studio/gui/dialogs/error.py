"""An error as one sentence; what is behind it unfolds."""

from __future__ import annotations

import traceback

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from dnf_studio.errors import StudioError

__all__ = ["ErrorDialog"]


class ErrorDialog(QMessageBox):
    """Tells `error` and leaves the window usable.

    A `StudioError` is the sentence itself; anything else is a defect of the studio, and says so.
    """

    def __init__(self, error: BaseException, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        known = isinstance(error, StudioError)
        self.setIcon(QMessageBox.Icon.Warning if known else QMessageBox.Icon.Critical)
        self.setWindowTitle("DNF Studio")
        self.setTextFormat(Qt.TextFormat.PlainText)
        if known:
            self.setText(str(error))
        else:
            self.setText("Something went wrong in DNF Studio that should not; your work is still there.")
            self.setInformativeText("Save your run, and send the details below with a report.")
        if not known or error.__cause__ is not None:
            self.setDetailedText("".join(traceback.format_exception(error)))
        self.setStandardButtons(QMessageBox.StandardButton.Ok)
        self.setMinimumWidth(420)
