"""A box in which everything of the window is found by typing a few letters of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QHeaderView,
    QLineEdit,
    QMenuBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.help.entries import (
    Entry,
    bundled_model_entries,
    command_entries,
    control_entries,
    found,
    guide_entries,
    own_model_entries,
    plot_entries,
)
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.memory import models_folder
from dnf_studio.gui.workspace.workspace import Workspace

WIDTH, HEIGHT, ABOVE = 680, 420, 60
"""Size of the box and its distance from the top of the window, pixels."""
MOST = 200
"""Entries shown at once; more than anybody reads."""
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class Palette(QDialog):
    """Type, choose with the arrows, press Enter; Esc or a click elsewhere closes it."""

    def __init__(self, entries: Sequence[Entry], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Search everything")
        self.setStyleSheet(f"Palette {{ background: {theme.raised}; border: 1px solid {theme.border}; }}")
        self._window, self._theme, self._entries = parent, theme, list(entries)
        self._shown: list[Entry] = []
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search commands, settings, models and help")
        self.search.setAccessibleName("Search")
        self.search.textChanged.connect(self._search)
        self.search.returnPressed.connect(self._choose)
        self.search.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setAccessibleName("Found")
        self.list.setColumnCount(3)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.list.header()
        header.setStretchLastSection(False)
        for column, mode in enumerate(("Stretch", "ResizeToContents", "ResizeToContents")):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode[mode])
        self.list.currentItemChanged.connect(self._explain)
        self.list.itemClicked.connect(lambda _item, _column: self._choose())
        self.meaning = caption()
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(10, 10, 10, 10)
        for part in (self.search, self.list, self.meaning):
            column_.addWidget(part)
        self._place(parent)
        self._search("")
        self.search.setFocus()

    def add(self, entries: Sequence[Entry]) -> None:
        """More that can be found, which took a moment to look up; what was chosen stays chosen."""
        chosen = self._current()
        self._entries.extend(entries)
        self._search(self.search.text())
        if chosen is not None and chosen in self._shown:
            self.list.setCurrentIndex(self.list.model().index(self._shown.index(chosen), 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys that move in the list, while the letters go into the field."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in MOVES:
            QApplication.sendEvent(self.list, event)
            return True
        return super().eventFilter(watched, event)

    def _place(self, window: QWidget) -> None:
        width, height = min(WIDTH, window.width() - 20), min(HEIGHT, window.height() - 2 * ABOVE)
        self.resize(max(width, 300), max(height, 200))
        self.move(window.mapToGlobal(QPoint((window.width() - self.width()) // 2, ABOVE)))

    @Slot(str)
    def _search(self, wanted: str) -> None:
        self._shown = found(self._entries, wanted)[:MOST]
        items = [QTreeWidgetItem([entry.title, entry.where, entry.keys]) for entry in self._shown]
        self.list.clear()
        self.list.addTopLevelItems(items)
        possible = [item for item, entry in zip(items, self._shown, strict=True) if entry.enabled]
        for item in items:
            if item not in possible:
                # Grey, but not disabled: one can go to it and read what it would do
                for column in range(3):
                    item.setForeground(column, QColor(self._theme.muted))
        if items:
            self.list.setCurrentItem((possible or items)[0])
        else:
            self.meaning.setText("Nothing has these words.")

    @Slot()
    def _explain(self) -> None:
        entry = self._current()
        if entry is not None:
            self.meaning.setText(entry.meaning if entry.enabled else f"Not possible now. {entry.meaning}")

    def _current(self) -> Entry | None:
        row = self.list.currentIndex().row()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @Slot()
    def _choose(self) -> None:
        entry = self._current()
        if entry is not None and entry.enabled:
            self.close()
            # Once the box is gone, so that what is opened gets the focus
            QTimer.singleShot(0, self._window, entry.act)


def open_palette(workspace: Workspace) -> Palette:
    """Open the box over the window; the names of the user's own models come when their folder has been read."""
    parent, folder = workspace.parent, models_folder(workspace.memory)
    bar = parent.findChild(QMenuBar)
    palette = Palette(
        [
            *(() if bar is None else command_entries(bar)),
            *control_entries(parent),
            *plot_entries(workspace.plots),
            *bundled_model_entries(workspace.files.show),
            *guide_entries(parent),
        ],
        workspace.appearance.theme,
        parent,
    )
    palette.show()

    def own() -> list[str]:
        return sorted(str(path) for path in folder.glob("*.safetensors"))[:MOST]

    def add(paths: list[str]) -> None:
        if isValid(palette):
            palette.add([*own_model_entries(paths, workspace.files.show)])

    workspace.studio.background.run(own, add, workspace.tell)
    return palette
