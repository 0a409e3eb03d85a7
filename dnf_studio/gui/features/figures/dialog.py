"""The dialog of a figure: what it shows and how it looks at the left, at the right as it will be printed."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.figure_file import SUFFIXES, filters, preview, write_figure
from dnf_studio.gui.features.figures.form import FigureForm
from dnf_studio.gui.features.figures.subjects import Subject, Subjects
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.workspace import Workspace

SOON_MS, LATER_MS = 120, 1000
"""After a change of settings, and after one of what the window shows."""
MARGIN, SQUARE = 12, 8
"""Pixels around the preview, and of the chequers that stand for no ground."""


class FigureDialog(QDialog):
    """Settings and preview; Save asks for a name. It stays open beside the window and follows it.

    A figure is of one moment, the one that the preview shows: playing pauses when the dialog opens, and before it asks
    for the name.
    """

    def __init__(self, workspace: Workspace, subjects: Subjects, chosen: object = None) -> None:
        super().__init__(workspace.parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export figure")
        self._workspace, self._subjects = workspace, subjects
        self.form, self.preview = FigureForm(workspace.memory), Preview()
        self.problem, self.note = caption(warning=True), caption()
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._later = QTimer(self, singleShot=True, interval=LATER_MS)
        for timer in (self._soon, self._later):
            timer.timeout.connect(self.refresh)
        self._compose()
        self.choose(chosen)
        self.form.changed.connect(self._soon.start)
        self.form.refused.connect(self._say)
        self.preview.resized.connect(self._soon.start)
        workspace.live.frame_shown.connect(self._follow)
        workspace.session.cursor.moved.connect(self._follow)
        workspace.session.changed.connect(self._follow)
        self.finished.connect(self._end)

    def choose(self, chosen: object = None) -> None:
        """Show a plot, or one of the other subjects, from now on."""
        self._workspace.session.cursor.set_playing(False)
        self.form.offer(self._subjects.offered(), chosen)
        self.form.offer_second(self._subjects.two)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Draw the preview anew."""
        self._later.stop()
        style = self.form.style_chosen
        try:
            subject = self._subject()
            self.preview.show_image(preview(style, subject.paint(style), self.preview.dots(style.width, style.height)))
        except StudioError as error:
            self.preview.show_image(QImage())
            self._say(str(error))
        else:
            self._say("")
        self._save.setEnabled(not self.problem.text())
        self.note.setText(
            f"{style.width:g} × {style.height:g} mm, letters of {style.letters:g} pt: LaTeX includes it as it is, "
            "without a width."
        )

    def save(self, path: Path) -> None:
        """Write the figure; raises `ExportError` where it cannot be."""
        style, subject = self.form.style_chosen, self._subject()
        write_figure(path, style, subject.paint(style), subject.title)
        self.form.keep()
        self._workspace.say(f"Saved the figure as {path.name}.")

    def _subject(self) -> Subject:
        return self._subjects.subject(self.form.subject.currentData(), self.form.timing)

    def _compose(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.form)
        left.addStretch(1)
        for line in (self.problem, self.note):
            left.addWidget(line)
        body = QHBoxLayout()
        body.addLayout(left)
        body.addWidget(self.preview, 1)
        buttons = QDialogButtonBox()
        self._save = buttons.addButton("&Save as…", QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setToolTip("Write it as PDF, SVG or PNG, by the end of its name")
        reset = buttons.addButton("&Restore defaults", QDialogButtonBox.ButtonRole.ResetRole)
        reset.setToolTip("85 × 60 mm, letters of 8 pt, light, with title, caption and legend")
        buttons.addButton(QDialogButtonBox.StandardButton.Close)
        self._save.setDefault(True)
        reset.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.addLayout(body, 1)
        column.addWidget(buttons)
        buttons.accepted.connect(self._ask_and_save)
        buttons.rejected.connect(self.reject)
        reset.clicked.connect(self.form.reset)
        self.resize(820, 520)

    @Slot(str)
    def _say(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    @Slot()
    def _follow(self, _what: object = None) -> None:
        if not self._later.isActive():
            self._later.start()

    @Slot()
    def _ask_and_save(self) -> None:
        self._workspace.session.cursor.set_playing(False)
        last = self._workspace.memory.get("figure-kind", str, SUFFIXES[0])
        kinds = sorted(SUFFIXES, key=lambda suffix: suffix != last)
        try:
            stem = re.sub(r"\W+", "-", self._subject().title.lower()).strip("-") or "figure"
            name, kind = QFileDialog.getSaveFileName(self, "Save figure", f"{stem}{kinds[0]}", filters(kinds))
            if name:
                chosen = next((suffix for suffix in SUFFIXES if f"*{suffix}" in kind), kinds[0])
                path = with_suffix(name, chosen)
                self.save(path)
                self._workspace.memory.put("figure-kind", path.suffix.lower())
        except StudioError as error:
            self._workspace.tell(error)

    @Slot()
    def _end(self, _result: object = None) -> None:
        self.form.keep()
        self._subjects.close()


class Preview(QWidget):
    """The figure in its true proportions, as large as fits."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._room = QTimer(self, singleShot=True, interval=0)
        self.resized = self._room.timeout
        self.setMinimumSize(320, 260)
        self.setAccessibleName("Preview of the figure")

    def sizeHint(self) -> QSize:
        """Room for a column of a paper."""
        return QSize(500, 400)

    def dots(self, width: float, height: float) -> float:
        """Pixels an inch with which a figure of so many millimetres fills the widget."""
        ratio = self.devicePixelRatioF()
        room = (self.width() - 2 * MARGIN) * ratio, (self.height() - 2 * MARGIN) * ratio
        return max(8.0, 25.4 * min(room[0] / width, room[1] / height))

    def show_image(self, image: QImage) -> None:
        """Show this."""
        image.setDevicePixelRatio(self.devicePixelRatioF())
        self._image = image
        self.update()

    @property
    def image(self) -> QImage:
        """What is shown."""
        return self._image

    def resizeEvent(self, event: QResizeEvent) -> None:
        """There is more room, or less."""
        super().resizeEvent(event)
        self._room.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The figure in the middle, on chequers where it has no ground."""
        if self._image.isNull():
            return
        painter = QPainter(self)
        size = self._image.deviceIndependentSize().toSize()
        room = self.size() - QSize(2 * MARGIN, 2 * MARGIN)
        if size.width() > room.width() or size.height() > room.height():
            # Drawn for more room than there is now, until it is drawn anew
            size = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect((self.width() - size.width()) // 2, (self.height() - size.height()) // 2, *size.toTuple())
        if self._image.hasAlphaChannel():
            for y in range(place.top(), place.bottom() + 1, SQUARE):
                for x in range(place.left(), place.right() + 1, SQUARE):
                    even = (x - place.left() + y - place.top()) // SQUARE % 2
                    square = QRect(x, y, SQUARE, SQUARE) & place
                    painter.fillRect(square, QColor("#b8bcc2") if even else QColor("#d8dbe0"))
        painter.drawImage(place, self._image)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRect(place.adjusted(-1, -1, 0, 0))
        painter.end()
