"""The list of exports so far in the Export panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from os.path import isfile
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import in_bytes
from dnf_studio.gui.widgets.controls import caption, heading
from dnf_studio.gui.workspace.memory import Memory, show_folder
from dnf_studio.workers.background import Background, Newest

PATH, MISSING = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
LEAST_HEIGHT = 84
"""Pixels; in a window of 1280 × 800 the buttons below stay in sight without scrolling."""


class ExportList(QWidget):
    """Lists the last exports, greys those whose file is gone, and opens them or their folder."""

    open_asked = Signal(str)
    """A file to show in the views."""
    failed = Signal(str)
    """One sentence."""

    def __init__(self, memory: Memory, background: Background) -> None:
        super().__init__()
        self.history = ExportHistory(memory)
        self._looking = Newest(background)
        self.list = QListWidget()
        self.list.setItemDelegate(_Faded(self.list))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAlternatingRowColors(True)
        self.list.setMinimumHeight(LEAST_HEIGHT)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setToolTip("The last 20 exports; Enter opens one, Delete takes it off the list")
        self.list.setAccessibleName("Exports so far")
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.empty = caption("None yet. What you export is listed here.")
        self.open_here = self._action("Open here", "Show the exported file in the views", self._open_here)
        self.open_folder = self._action("Open folder", "Show the folder of the file in the file manager", self._folder)
        self.remove = self._action("Remove from list", "Forget this export; the file stays", self._remove)
        self.remove.setIconText("Remove")
        self.remove.setShortcut(QKeySequence(Qt.Key.Key_Delete))
        self.remove.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._arrange()
        self.list.currentItemChanged.connect(lambda _now, _before: self._enable())
        self.list.itemActivated.connect(lambda _item: self.open_here.trigger())
        self._fill()

    def add(self, record: ExportRecord) -> None:
        """Put a new export first, chosen: it is the one that somebody wants to see now."""
        self.history.add(record)
        self._fill()
        self.list.setCurrentRow(0)

    def look(self) -> None:
        """Find out in the background which files are gone: a folder may be far away."""
        paths = [record.path for record in self.history.records]
        if paths:
            self._looking.run(lambda: {path for path in paths if not isfile(path)}, self._fade, lambda _error: None)

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        title = heading("Exports so far")
        title.setBuddy(self.list)
        self._buttons = QWidget()
        buttons = QHBoxLayout(self._buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        for action in (self.open_here, self.open_folder, self.remove):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            buttons.addWidget(button)
        buttons.addStretch(1)
        for part in (title, self.empty):
            column.addWidget(part)
        column.addWidget(self.list, 1)
        column.addWidget(self._buttons)
        column.addStretch(0)

    def _action(self, text: str, tip: str, act: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.setToolTip(tip)
        action.triggered.connect(act)
        self.list.addAction(action)
        return action

    def _fill(self) -> None:
        chosen = self._path()
        self.list.clear()
        records = self.history.records
        for record in records:
            item = QListWidgetItem(_words(record))
            item.setData(PATH, record.path)
            item.setData(MISSING, False)
            item.setToolTip(record.path)
            self.list.addItem(item)
            if record.path == chosen:
                self.list.setCurrentItem(item)
        self.empty.setVisible(not records)
        for part in (self.list, self._buttons):
            part.setVisible(bool(records))
        self._enable()
        self.look()

    def _fade(self, missing: set[str]) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            gone = item.data(PATH) in missing
            item.setData(MISSING, gone)
            item.setToolTip(f"{item.data(PATH)}\nThis file is no longer there." if gone else item.data(PATH))
        self._enable()

    def _path(self) -> str | None:
        item = self.list.currentItem()
        return None if item is None else str(item.data(PATH))

    def _enable(self) -> None:
        item = self.list.currentItem()
        self.remove.setEnabled(item is not None)
        for action in (self.open_here, self.open_folder):
            action.setEnabled(item is not None and not item.data(MISSING))

    def _open_here(self) -> None:
        path = self._path()
        if path is not None:
            self.open_asked.emit(path)

    def _folder(self) -> None:
        path = self._path()
        if path is not None:
            try:
                show_folder(Path(path).parent)
            except StudioError as error:
                self.failed.emit(str(error))

    def _remove(self) -> None:
        path = self._path()
        if path is not None:
            self.history.remove(path)
            self._fill()


class _Faded(QStyledItemDelegate):
    """Draws the items of missing files as disabled ones, which can still be chosen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        if index.data(MISSING):
            option.state &= ~QStyle.StateFlag.State_Enabled

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Some air between two exports."""
        return super().sizeHint(option, index) + QSize(0, 6)


def _words(record: ExportRecord) -> str:
    """Three lines."""
    what = " selected" if record.selected else ""
    way = f"λ {record.lam:g}" if record.solver == "SDE" else record.solver
    far = f", {record.far:,} far off" if record.far else ""
    return (
        f"{Path(record.path).name}\n{record.count:,}{what}{far}, N {record.steps}, {way}\n"
        f"{in_bytes(record.size)}, {_date(record.created)}"
    )


def _date(created: str) -> str:
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return "date not known"
    return f"{when:%Y-%m-%d %H:%M}"


KEPT = 20
NAME = "exports"
MOST = 10**18
"""Greatest number that a record can hold."""


@dataclass(frozen=True)
class ExportRecord:
    """One file that was written."""

    path: str
    count: int
    steps: int
    lam: float
    size: int = 0
    """Bytes."""
    created: str = ""
    """ISO 8601."""
    selected: bool = False
    """Whether it holds selected points rather than new samples."""
    solver: str = "SDE"
    """Its name; λ belongs to the SDE alone."""
    far: int = 0
    """Samples far from the data; 0 also where that is not known."""

    def in_place(self, size: int, now: datetime) -> ExportRecord:
        """The record of the file once it is there."""
        return replace(self, size=size, created=now.isoformat(timespec="seconds"))


class ExportHistory:
    """The last 20 exports in the memory of the window; what cannot be read of them is left out."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def records(self) -> tuple[ExportRecord, ...]:
        """The newest first, each file once."""
        return self._memory.get(NAME, _records, ())

    def add(self, record: ExportRecord) -> None:
        """Put `record` first, in the place of an older one of the same file."""
        self._keep((record, *(other for other in self.records if other.path != record.path)))

    def remove(self, path: str) -> None:
        """Forget the file at `path`, which stays where it is."""
        self._keep(tuple(record for record in self.records if record.path != path))

    def _keep(self, records: tuple[ExportRecord, ...]) -> None:
        self._memory.put(NAME, [asdict(record) for record in records[:KEPT]])


def _records(found: list[Any]) -> tuple[ExportRecord, ...]:
    return tuple(ExportRecord(**item) for item in found if _is_record(item))[:KEPT]


def _is_record(item: Any) -> bool:  # noqa: ANN401 - whatever the memory holds
    # An older program wrote neither of these
    later = {"solver", "far"}
    if not isinstance(item, dict) or item.keys() | later != {field.name for field in fields(ExportRecord)}:
        return False
    texts = item["path"], item["created"], item.get("solver", "")
    numbers = item["count"], item["steps"], item["lam"], item["size"], item.get("far", 0)
    return all(isinstance(text, str) for text in texts) and all(map(_is_number, numbers))


def _is_number(value: object) -> bool:
    """A number that can be shown: JSON also has NaN, infinity and integers of any length."""
    return isinstance(value, int | float) and -MOST <= value <= MOST
