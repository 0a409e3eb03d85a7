"""The guide, the list of shortcuts, and what this program is, as windows beside the views."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version

import PySide6
from PySide6.QtCore import QEvent, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QKeySequence, QTextBlockFormat, QTextCursor, QTextFrameFormat, QTextTable
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

import dnf_studio
from dnf_studio.assets import resource
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.commands import Command, Commands

FILE = "guide", "how-to-find-what-is-wrong.md"
PAGES = {
    "First steps": ("guide", "first-steps.md"),
    "How to find what is wrong": FILE,
    "Glossary": ("guide", "glossary.md"),
}
"""Titles and files of what the window shows of the guide."""
EXAMPLES = "Examples"
"""Title of the page that shows the scripts of resources/examples."""
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
    """Text and pictures of one of the `PAGES`, or the examples; arrows and Page keys scroll, Esc closes."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # The pictures of a page that is closed took 7 MB for as long as the window
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.resize(WIDTH, HEIGHT)
        self.browser = QTextBrowser(self)
        self.browser.setAccessibleName(self.windowTitle())
        self.browser.setOpenLinks(False)
        self.browser.anchorClicked.connect(self._follow)
        if title == EXAMPLES:
            self.browser.setMarkdown(_examples())
        else:
            self.browser.setSource(QUrl.fromLocalFile(str(resource(*PAGES[title]))))
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
            self._rule()

    @Slot(QUrl)
    def _follow(self, link: QUrl) -> None:
        """Open another of the pages; files for readers elsewhere are not shown."""
        titles = {file[-1]: title for title, file in PAGES.items()}
        if (title := titles.get(link.fileName())) is not None:
            show_guide(title, self.parentWidget() or self)

    def _furnish(self) -> None:
        """Set what markdown cannot say: margins, space between lines, and thin lines in tables."""
        self._space()
        root = self.browser.document().rootFrame()
        around = QTextFrameFormat(root.frameFormat())
        around.setMargin(MARGIN)
        root.setFrameFormat(around)
        self._rule()

    def _rule(self) -> None:
        """Set the lines in tables."""
        line = self.palette().mid()
        for frame in self.browser.document().rootFrame().childFrames():
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
        """Set the space above headings and between lines; a line with a picture is as high as that."""
        block = self.browser.document().begin()
        cursor = QTextCursor(block)
        # Laid out once, not after each line
        cursor.beginEditBlock()
        while block.isValid():
            form = QTextBlockFormat()
            if block.blockFormat().headingLevel() > 1:
                form.setTopMargin(APART)
            if PICTURE not in block.text():
                form.setLineHeight(LINE, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            cursor.setPosition(block.position())
            cursor.mergeBlockFormat(form)
            block = block.next()
        cursor.endEditBlock()


def _examples() -> str:
    """What every script of the examples does, how it is run, and the whole of it, to read and to copy: markdown."""
    parts = [f"# {EXAMPLES}\n\nEach is one file of `{resource('examples')}`."]
    for file in sorted(resource("examples").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        said, script = text.removeprefix('"""').split('"""', 1)
        about, _, run = said.partition("\n\n")
        parts.append(f"## {file.name}\n\n{about}\n\n```\n{run.strip()}\n```\n\n```python\n{script.strip()}\n```")
    return "\n\n".join(parts)


def show_guide(title: str, parent: QWidget, words: str = "") -> None:
    """Open the page `title` of the guide beside `parent`, or bring it to the front, at the first of these `words`."""
    known = [one for one in parent.findChildren(GuideDialog) if one.windowTitle() == title and one.isVisible()]
    dialog = known[0] if known else GuideDialog(title, parent)
    dialog.show()
    if words:
        dialog.browser.moveCursor(QTextCursor.MoveOperation.Start)
        dialog.browser.find(words)
    dialog.raise_()
    dialog.activateWindow()


def about_box(parent: QWidget) -> QMessageBox:
    """Name, purpose, versions."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About DNF Studio")
    box.setText(f"DNF Studio {dnf_studio.__version__}")
    box.setInformativeText(
        "Trains diffusion normalizing flows, shows their two SDEs while they learn, and exports what they generate.\n\n"
        "After Zhang and Chen, “Diffusion Normalizing Flow”, NeurIPS 2021.\n\n"
        f"Python {platform.python_version()}, torch {version('torch')}, PySide6 {PySide6.__version__}, "
        f"pyqtgraph {version('pyqtgraph')}, h5py {version('h5py')}"
    )
    return box


class ShortcutsDialog(QDialog):
    """Every command with its shortcut and what it does, or those that have all the words of the search."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(720, 560)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search commands, keys and what they do")
        self.search.setAccessibleName("Search")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.table = self._make_table(commands.in_menus())
        self.nothing = caption("No command has these words.")
        self.nothing.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for part in (self.search, self.nothing, self.table, buttons):
            column.addWidget(part)
        self.search.setFocus()

    def _make_table(self, records: Sequence[Command]) -> QTableWidget:
        table = QTableWidget(len(records), 3, self)
        table.setAccessibleName(self.windowTitle())
        table.setHorizontalHeaderLabels(["Command", "Keys", "What it does"])
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setWordWrap(True)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollMode(QTableWidget.ScrollMode.ScrollPerPixel)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        for row, info in enumerate(records):
            shown = QKeySequence(info.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
            for column, text in enumerate((info.text.replace("&", "").rstrip("…"), shown, info.tooltip)):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                table.setItem(row, column, item)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        # Rows as high as their texts are long, for the width that the last column comes to
        header.sectionResized.connect(lambda *_: QTimer.singleShot(0, table, table.resizeRowsToContents))
        return table

    @Slot(str)
    def _filter(self, wanted: str) -> None:
        words, table = wanted.casefold().split(), self.table
        for row in range(table.rowCount()):
            items = [table.item(row, column) for column in range(3)]
            text = " ".join(item.text() for item in items if item is not None).casefold()
            table.setRowHidden(row, not all(word in text for word in words))
        self.nothing.setVisible(all(table.isRowHidden(row) for row in range(table.rowCount())))
