"""What the window asks and tells in dialogs: questions before something would be lost, and errors as one sentence."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.log import private


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


Role = QMessageBox.ButtonRole


class Answer(Enum):
    """What the person decided."""

    SAVE = "save"
    KEEP = "keep"
    DISCARD = "discard"
    CANCEL = "cancel"
    RESUME = "resume"
    NEW = "new"
    REPLACE = "replace"
    OTHER_NAME = "other name"


def ask_about_run(parent: QWidget, training: bool) -> Answer:
    """Ask whether to save the run, discard it, or cancel."""
    state = "is not finished and not saved" if training else "is not saved"
    return _ask(
        parent,
        f"The run {state}.",
        "Save it to go on with it later? Run, Bring back is there for what is discarded, until the window closes.",
        {Answer.SAVE: ("&Save…", Role.AcceptRole), Answer.DISCARD: ("&Discard", Role.DestructiveRole)},
    )


def offer_run(parent: QWidget, run: str, recover: Callable[[], object], discard: Callable[[], object]) -> QMessageBox:
    """Offer the `run`, in words, that a window left which closed before it was saved; the window stays usable."""
    box = QMessageBox(QMessageBox.Icon.Question, "DNF Studio", f"Recover {run}?", parent=parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowModality(Qt.WindowModality.NonModal)
    box.setInformativeText("It was not saved when the studio ended. Later asks again at the next start.")
    box.addButton("&Recover", Role.AcceptRole).clicked.connect(lambda: recover())
    box.addButton("&Discard", Role.DestructiveRole).clicked.connect(lambda: discard())
    box.setEscapeButton(box.addButton("&Later", Role.RejectRole))
    box.show()
    return box


def ask_discard_drawing(parent: QWidget) -> Answer:
    """Ask whether to discard a drawing that no model uses."""
    return _ask(
        parent,
        "Discard what is drawn?",
        "It is used nowhere yet, and cannot be brought back.",
        {Answer.DISCARD: ("&Discard", Role.DestructiveRole)},
    )


def ask_about_export(parent: QWidget) -> Answer:
    """Ask whether to interrupt a running export, to go on with it later, or to cancel it."""
    return _ask(
        parent,
        "An export is still being written.",
        "Closing the window interrupts it. The Export panel offers to go on with it when its folder is used again.",
        {
            Answer.KEEP: ("&Interrupt and close", Role.AcceptRole),
            Answer.DISCARD: ("Cancel &export and close", Role.DestructiveRole),
        },
    )


def ask_about_older_file(parent: QWidget, name: str) -> Answer:
    """Ask whether to write in the place of a file that is there."""
    return _ask(
        parent,
        f"There is a file '{name}' already.",
        "What is in it is lost once the new file is whole.",
        {Answer.OTHER_NAME: ("Other &name…", Role.AcceptRole), Answer.REPLACE: ("&Replace", Role.DestructiveRole)},
    )


def ask_delete_preset(parent: QWidget, name: str) -> Answer:
    """Ask whether to delete a time grid."""
    return _ask(
        parent,
        f"Delete the preset '{name}'?",
        "What is deleted cannot be brought back.",
        {Answer.DISCARD: ("&Delete", Role.DestructiveRole)},
    )


def ask_resume(parent: QWidget, iterations: int, end: str = "", kinds: tuple[str, str] | None = None) -> Answer:
    """Ask whether to go on with a run or begin a new one.

    `end` says why the run would end at once: then it is not gone on with. `kinds` names its model and that of the
    settings where they differ: then a new one is what was meant.
    """
    resume, new = (Answer.RESUME, ("&Go on", Role.AcceptRole)), (Answer.NEW, ("Begin &new", Role.ActionRole))
    more, answers = "Go on with it, or begin a new one with the settings at the left?", [resume, new]
    if end:
        more, answers = f"{end} Begin a new one with the settings at the left?", [new]
    elif kinds is not None:
        more = f"It trains a {kinds[0]}; the settings at the left are for a {kinds[1]}, which begins anew."
        answers = [new, resume]
    return _ask(parent, f"There is a run of {counted(iterations, 'iteration')}.", more, dict(answers))


def _ask(parent: QWidget, text: str, more: str, answers: dict[Answer, tuple[str, Role]]) -> Answer:
    box = QMessageBox(QMessageBox.Icon.Question, "DNF Studio", text, QMessageBox.StandardButton.NoButton, parent)
    box.setInformativeText(more)
    buttons: dict[QPushButton, Answer] = {}
    for answer, (label, role) in answers.items():
        buttons[box.addButton(label, role)] = answer
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(next(iter(buttons)))
    box.setEscapeButton(cancel)
    box.exec()
    clicked = box.clickedButton()
    # The window would keep it
    box.deleteLater()
    return next((answer for button, answer in buttons.items() if button is clicked), Answer.CANCEL)
