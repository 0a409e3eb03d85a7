"""What the pages of the left dock share: a column that scrolls, headings, notes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QLabel, QLayout, QScrollArea, QVBoxLayout, QWidget

from dnf_studio.gui.widgets.controls import caption, heading
from dnf_studio.gui.widgets.form import SettingsForm
from dnf_studio.gui.workspace.session import Session

__all__ = ["Page"]


NARROWEST = 290


class Page(QScrollArea):
    """A column of forms and captions that scrolls when the window is low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        # Tab goes on to its first control, which scrolls into sight
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(10, 10, 10, 10)
        self.column.setSpacing(8)
        self.column.addStretch(1)
        self.setWidget(body)
        self._body = body
        self._note = caption()
        self._note.setParent(body)
        self._note.hide()

    def minimumSizeHint(self) -> QSize:
        """Wide enough for its widest row: it scrolls up and down only."""
        bar = self.verticalScrollBar().sizeHint().width()
        width = max(NARROWEST, self._body.minimumSizeHint().width() + bar)
        return QSize(width, super().minimumSizeHint().height())

    def add(self, part: QWidget | QLayout) -> None:
        """Append `part` above the empty rest."""
        place = self.column.count() - 1
        if isinstance(part, QWidget):
            self.column.insertWidget(place, part)
        else:
            self.column.insertLayout(place, part)

    def add_heading(self, text: str) -> None:
        """A bold line."""
        self.add(heading(text))

    def add_caption(self, text: str) -> QLabel:
        """A quiet line of explanation."""
        label = caption(text)
        self.add(label)
        return label

    def add_form(self, session: Session, names: Sequence[str]) -> SettingsForm:
        """Rows for the settings `names`."""
        form = SettingsForm(session, names)
        self.add(form)
        return form

    def add_note(self) -> None:
        """Give the line of `set_note` its place."""
        self.add(self._note)

    def set_note(self, text: str) -> None:
        """Say when these settings take effect; an empty text says nothing."""
        self._note.setText(text)
        self._note.setVisible(bool(text))
