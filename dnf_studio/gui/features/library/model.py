"""The rows of the Library: headings, cards, what to say where there are none, and how they are drawn."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QDateTime, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dnf_studio import assets
from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.drawing.thumbnail import SIDE
from dnf_studio.gui.drawing.words import in_bytes
from dnf_studio.gui.features.library.recent import RecentFile
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.thumbnails import Thumbnails

if TYPE_CHECKING:
    from dnf_studio.core.storage.library import ModelFile

ROW = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class Section(Enum):
    """Where a card comes from."""

    BUNDLED = "Bundled"
    OWN = "My models"
    RECENT = "Recent"


@dataclass(frozen=True)
class Card:
    """One model or other file."""

    section: Section
    source: str
    """What opens it."""
    kind: str
    """checkpoint, data, export or session."""
    file: ModelFile

    @property
    def title(self) -> str:
        """A model by its name, another file with its suffix."""
        return self.file.name if self.kind == "checkpoint" else data_label(self.source)

    @property
    def facts(self) -> str:
        """Data, bound and N of a model."""
        if self.file.fault:
            return "cannot be opened"
        if self.kind != "checkpoint":
            return {"data": "data", "export": "exported samples", "session": "session", "run": "run folder"}[self.kind]
        nll = [] if self.file.nll is None else [f"NLL {self.file.nll:.3f}".replace("-", "−")]
        run = ["run"] if self.file.kind == "run" else []
        steps = [f"N {self.file.steps}"] if self.file.steps else []
        return " · ".join([data_label(self.file.data), *nll, *steps, *run]) if self.file.data else "model"

    @property
    def when(self) -> str:
        """Which kind of model, date and size."""
        if not self.file.bytes:
            return ""
        day = QDateTime.fromSecsSinceEpoch(int(self.file.modified)).date().toString(Qt.DateFormat.ISODate)
        return " · ".join([*([self.file.model] if self.file.model else []), day, in_bytes(self.file.bytes)])

    @property
    def tip(self) -> str:
        """All there is to say."""
        if self.file.fault:
            return self.file.fault
        trained = f", {self.file.iteration:,} iterations" if self.file.iteration else ""
        components = f", {self.file.dim} components" if self.file.dim else ""
        kind = f"{self.file.model}, " if self.file.model else ""
        return f"{self.title}: {kind}{self.facts}{components}{trained}\n{self.file.path}"


@dataclass(frozen=True)
class Row:
    """A heading, a card, or a line of text."""

    text: str = ""
    heading: bool = False
    card: Card | None = None


class LibraryModel(QAbstractListModel):
    """Rows as they were read last; a card of one's own can be renamed in place."""

    def __init__(self, rename: Callable[[Card, str], object]) -> None:
        super().__init__()
        self._rename = rename
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return self._rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        if tuple(rows) != self._rows:
            self.beginResetModel()
            self._rows = tuple(rows)
            self.endResetModel()

    def card(self, index: Index) -> Card | None:
        """The card at `index`."""
        return self._rows[index.row()].card if index.isValid() else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """As many as there are."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt takes anything
        """Text, tooltip, and the row itself for the delegate."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.text if row.card is None else row.card.title
        if row.card is not None and role == Qt.ItemDataRole.ToolTipRole:
            return row.card.tip
        if row.card is not None and role == Qt.ItemDataRole.AccessibleTextRole:
            words = row.card.title, row.card.file.model, row.card.facts, row.card.section.value
            return ", ".join(word for word in words if word)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Only cards can be chosen, only one's own be renamed."""
        card = self.card(index)
        if card is None:
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsEditable if card.section is Section.OWN else flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Ask for another name; the row changes once the file has it."""
        card = self.card(index)
        if card is None or role != Qt.ItemDataRole.EditRole or not isinstance(value, str):
            return False
        if value.strip() != card.title:
            self._rename(card, value)
        return False


def read_rows(folder: Path, recent: Sequence[RecentFile]) -> tuple[Row, ...]:
    """Everything the Library shows, from the headers of the files. For a background thread: it imports torch.

    Raises `StudioError` where the folder cannot be read.
    """
    from dnf_studio.core.storage.library import list_models, model_file

    rows = [Row(Section.BUNDLED.value, heading=True)]
    for name in assets.checkpoint_names():
        if path := assets.checkpoint_path(name):
            rows.append(Row(card=Card(Section.BUNDLED, name, "checkpoint", model_file(path))))
    own = [Card(Section.OWN, str(file.path), "checkpoint", file) for file in list_models(folder)]
    rows.append(Row(Section.OWN.value, heading=True))
    rows += [Row(card=card) for card in own] or [Row("None yet: File, Save puts them here.")]
    shown = {card.file.path for card in own}
    others = [_recent(file) for file in recent if file.path not in shown and os.path.exists(file.path)]
    rows.append(Row(Section.RECENT.value, heading=True))
    rows += [Row(card=card) for card in others] or [Row("Files that you open are listed here.")]
    return tuple(rows)


def _recent(file: RecentFile) -> Card:
    """Only the header of a checkpoint is read; of another file its size and date."""
    from dnf_studio.core.storage.library import ModelFile, model_file

    if file.kind == "checkpoint" and file.path.suffix.lower() == ".safetensors":
        return Card(Section.RECENT, file.source, file.kind, model_file(file.path))
    if file.kind == "run":
        return Card(Section.RECENT, file.source, file.kind, ModelFile(file.path))
    try:
        state = file.path.stat()
    except OSError:
        return Card(Section.RECENT, file.source, file.kind, ModelFile(file.path))
    return Card(Section.RECENT, file.source, file.kind, ModelFile(file.path, state.st_size, state.st_mtime))


PICTURE = SIDE // 2
MARGIN = 6


class CardDelegate(QStyledItemDelegate):
    """A picture at the left; name, facts, date and size in three lines."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self.theme: Theme = LIGHT

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Size of a card: as high as three lines or the picture."""
        row: Row = index.data(ROW)
        line = option.fontMetrics.height()
        if row.card is None:
            return QSize(100, line + (12 if row.heading else 8))
        return QSize(100, _side(option) + 2 * MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        row: Row = index.data(ROW)
        painter.save()
        if row.card is None:
            self._paint_text(painter, option, row)
        else:
            self._paint_card(painter, option, row.card)
        painter.restore()

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """The name is written where it is read."""
        lines = _lines(option)
        height = max(lines.height() // 3, editor.sizeHint().height())
        editor.setGeometry(QRect(lines.left() - 4, lines.top() - 3, lines.width() + 4, height))

    def _paint_text(self, painter: QPainter, option: QStyleOptionViewItem, row: Row) -> None:
        font = QFont(option.font)
        font.setBold(row.heading)
        painter.setFont(font)
        painter.setPen(QColor(self.theme.text if row.heading else self.theme.muted))
        area = option.rect.adjusted(MARGIN, 0, -MARGIN, -2 if row.heading else 0)
        where = Qt.AlignmentFlag.AlignBottom if row.heading else Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, int(where), _elided(painter, row.text, area.width()))

    def _paint_card(self, painter: QPainter, option: QStyleOptionViewItem, card: Card) -> None:
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        self._paint_picture(painter, picture_place(option), card)
        text = self.theme.on_accent if chosen else self.theme.text
        quiet = mix(text, self.theme.accent, 0.15) if chosen else self.theme.muted
        if card.file.fault and not chosen:
            text = quiet = option.palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text).name()
        lines = _lines(option)
        height = lines.height() // 3
        for number, (words, colour) in enumerate(((card.title, text), (card.facts, quiet), (card.when, quiet))):
            font = QFont(option.font)
            font.setBold(number == 0)
            painter.setFont(font)
            painter.setPen(QColor(colour))
            area = QRect(lines.left(), lines.top() + number * height, lines.width(), height)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), _elided(painter, words, area.width()))

    def _paint_picture(self, painter: QPainter, area: QRect, card: Card) -> None:
        painter.fillRect(area, QColor(self.theme.base))
        painter.setPen(QColor(self.theme.border))
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        pixmap = self._thumbnails.pixmap(card.file.sha256, self.theme.backward)
        if pixmap is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(area.adjusted(1, 1, -1, -1), pixmap)
            return
        painter.setPen(QColor(self.theme.muted))
        signs = {"data": "data", "export": ".h5", "session": "view", "run": "run"}
        sign = "!" if card.file.fault else signs.get(card.kind, "")
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), sign)


def _side(option: QStyleOptionViewItem) -> int:
    """How large a picture is, pixels: as high as the three lines where letters are large."""
    return max(PICTURE, 3 * option.fontMetrics.height())


def picture_place(option: QStyleOptionViewItem) -> QRect:
    """The rectangle of a row's picture."""
    area, side = option.rect, _side(option)
    return QRect(area.left() + MARGIN, area.center().y() - side // 2, side, side)


def _lines(option: QStyleOptionViewItem) -> QRect:
    """The rectangles of a row's three lines."""
    left = MARGIN + _side(option) + 8
    height = 3 * option.fontMetrics.height()
    area = option.rect.adjusted(left, 0, -MARGIN, 0)
    return QRect(area.left(), area.center().y() - height // 2, area.width(), height)


def _elided(painter: QPainter, text: str, width: int) -> str:
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
