"""How the rows of the Library are drawn."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.drawing.thumbnail import SIDE
from dnf_studio.gui.features.library.model import ROW, Card, Row
from dnf_studio.gui.features.library.thumbnails import Thumbnails

__all__ = ["CardDelegate", "picture_place"]

PICTURE = SIDE // 2
MARGIN = 6
Index = QModelIndex | QPersistentModelIndex


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
        sign = "!" if card.file.fault else {"data": "data", "export": ".h5"}.get(card.kind, "")
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
