"""An error as one sentence; what is behind it unfolds and can be copied for a report."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.log import private

__all__ = ["ErrorDialog"]


class ErrorDialog(QMessageBox):
    """Tells `error` and leaves the window usable.

    A `StudioError` is the sentence itself; anything else is a defect of the studio, and says so.
    `report` makes the text that its button copies.
    """

    def __init__(
        self, error: BaseException, parent: QWidget | None = None, report: Callable[[], str] | None = None
    ) -> None:
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
            self.setInformativeText("Save your run, and send the copied report with a description of what you did.")
        if not known or error.__cause__ is not None:
            self.setDetailedText(private("".join(traceback.format_exception(error))))
        self.setStandardButtons(QMessageBox.StandardButton.Ok)
        if report is not None:
            self._add_copy(report)
        self.setMinimumWidth(420)

    def offer(self, text: str, tip: str, act: Callable[[], object]) -> None:
        """Another way to what was wanted, as a button that closes the dialog."""
        self.way = self.addButton(text, QMessageBox.ButtonRole.AcceptRole)
        self.way.setToolTip(tip)
        self.way.clicked.connect(lambda: act())

    def _add_copy(self, report: Callable[[], str]) -> None:
        self.copy = self.addButton("&Copy report", QMessageBox.ButtonRole.ActionRole)
        self.copy.setToolTip("Copy versions, settings, the error and the end of the log; no personal paths")
        # A button of a message box closes it, which is no use here
        self.copy.clicked.disconnect()

        def copy() -> None:
            QGuiApplication.clipboard().setText(report())
            self.copy.setText("Copied")

        self.copy.clicked.connect(copy)
        self.setDefaultButton(QMessageBox.StandardButton.Ok)
        self.setEscapeButton(QMessageBox.StandardButton.Ok)
