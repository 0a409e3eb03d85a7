"""The guide "How to find what is wrong" as a window to read beside the views."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QUrl
from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextFrameFormat, QTextTable
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from dnf_studio.assets import resource

__all__ = ["GuideDialog", "show_guide"]

FILE = "guide", "how-to-find-what-is-wrong.md"
WIDTH, HEIGHT = 860, 700
PICTURE = "\ufffc"
"""Stands in the text for a picture."""
CELL = 5
MARGIN = 18
APART = 22
"""Pixels above a heading."""
LINE = 116
"""Height of a line of text, per cent."""


class GuideDialog(QDialog):
    """Text and pictures of the bundled markdown file; arrows and Page keys scroll, Esc closes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("How to find what is wrong")
        self.resize(WIDTH, HEIGHT)
        self.browser = QTextBrowser(self)
        self.browser.setAccessibleName(self.windowTitle())
        self.browser.setOpenLinks(False)
        self.browser.setSource(QUrl.fromLocalFile(str(resource(*FILE))))
        self._furnish()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.browser)
        column.addWidget(buttons)
        self.browser.setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Lines of tables have no colour of the palette by themselves."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "browser"):
            self._furnish()

    def _furnish(self) -> None:
        """What markdown cannot say: margins, room between lines, and thin lines in tables."""
        self._space()
        root = self.browser.document().rootFrame()
        around = QTextFrameFormat(root.frameFormat())
        around.setMargin(MARGIN)
        root.setFrameFormat(around)
        line = self.palette().mid()
        for frame in root.childFrames():
            if isinstance(frame, QTextTable):
                form = frame.format()
                form.setCellPadding(CELL)
                form.setCellSpacing(0)
                form.setBorderCollapse(True)
                form.setBorder(1)
                form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
                form.setBorderBrush(line)
                frame.setFormat(form)

    def _space(self) -> None:
        """Room above headings and between lines; a line with a picture is as high as that."""
        block = self.browser.document().begin()
        while block.isValid():
            form = QTextBlockFormat()
            if block.blockFormat().headingLevel() > 1:
                form.setTopMargin(APART)
            if PICTURE not in block.text():
                form.setLineHeight(LINE, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            QTextCursor(block).mergeBlockFormat(form)
            block = block.next()


def show_guide(parent: QWidget) -> None:
    """Open the guide beside `parent`, or bring it to the front where it is open."""
    known = parent.findChildren(GuideDialog)
    dialog = known[0] if known else GuideDialog(parent)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
