"""The notes of a session: plain text, held where there is no dock yet, and the page that it is written on."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from dnf_studio.core.storage.session_file import MOST_NOTES
from dnf_studio.gui.drawing.theme import Theme


class Notes(QObject):
    """What somebody has written, and whether a session has it."""

    changed = Signal(str)
    """Another text, from the page or from a session."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._text = self._kept = ""

    @property
    def text(self) -> str:
        """The notes as they are now."""
        return self._text

    @property
    def unsaved(self) -> bool:
        """Whether there is something that no session has."""
        return self._text != self._kept and bool(self._text.strip())

    def write(self, text: str) -> None:
        """Have `text` in place of what was there, of which a session takes the first `MOST_NOTES` letters."""
        kept = text[:MOST_NOTES]
        if kept != self._text or kept != text:
            self._text = kept
            self.changed.emit(kept)

    def kept(self, text: str) -> None:
        """Note that a session has this text."""
        self._kept = text


class NotesPanel(QWidget):
    """The page of the dock: one field."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes
        self.field = QPlainTextEdit(notes.text)
        self.field.setAccessibleName("Notes")
        self.field.setToolTip("Plain text; File, Save session keeps it with what is shown")
        self.field.setPlaceholderText("What do you see? File, Save session keeps it.")
        self.field.setTabChangesFocus(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        self.field.textChanged.connect(self._written)
        notes.changed.connect(self._show)

    def set_theme(self, theme: Theme) -> None:
        """The field has the colours of the window."""

    @Slot()
    def _written(self) -> None:
        self._notes.write(self.field.toPlainText())

    @Slot(str)
    def _show(self, text: str) -> None:
        # What was typed is there already; set again it would lose cursor and undo
        if text != self.field.toPlainText():
            self.field.setPlainText(text)
