"""Questions before something would be lost, and before a run is begun anew."""

from __future__ import annotations

from enum import Enum

from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from dnf_studio.gui.drawing.words import counted

__all__ = [
    "Answer",
    "ask_about_export",
    "ask_about_older_file",
    "ask_about_run",
    "ask_delete_preset",
    "ask_discard",
    "ask_discard_drawing",
    "ask_resume",
]

Role = QMessageBox.ButtonRole


class Answer(Enum):
    """What the person decided."""

    SAVE = "save"
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
        "Save it to go on with it later? What is discarded cannot be brought back.",
        {Answer.SAVE: ("&Save…", Role.AcceptRole), Answer.DISCARD: ("&Discard", Role.DestructiveRole)},
    )


def ask_discard(parent: QWidget, iterations: int) -> Answer:
    """Ask once more whether to discard a long run."""
    return _ask(
        parent,
        f"Discard the run of {counted(iterations, 'iteration')}?",
        "What is discarded cannot be brought back.",
        {Answer.DISCARD: ("&Discard", Role.DestructiveRole)},
    )


def ask_discard_drawing(parent: QWidget) -> Answer:
    """Ask whether to discard a drawing that no model uses."""
    return _ask(
        parent,
        "Discard what is drawn?",
        "It is used nowhere yet, and cannot be brought back.",
        {Answer.DISCARD: ("&Discard", Role.DestructiveRole)},
    )


def ask_about_export(parent: QWidget) -> Answer:
    """Ask whether to cancel a running export."""
    return _ask(
        parent,
        "An export is still being written.",
        "Closing the window cancels it and leaves no file.",
        {Answer.DISCARD: ("Cancel &export and close", Role.DestructiveRole)},
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
