"""The choice of data: names, and a small picture of each built-in set in the list that opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dnf_studio.errors import Check
from dnf_studio.gui.drawing.thumbnail import SIDE, coverage, image_of, sheet, tinted
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.workers.background import Background, Newest

POINTS = 2000
SHOWN = SIDE // 3
"""Pixels of a picture in the list."""


class DataBox(ChoiceBox):
    """The names of the data sets; their pictures are drawn in the background when the list is opened first."""

    def __init__(self, background: Background, failed: Callable[[Exception], object]) -> None:
        super().__init__({})
        self.pictures: dict[str, QImage] = {}
        """By name, those that are drawn."""
        self._failed, self._drawing = failed, Newest(background)
        self._delegate = _Pictured(self.pictures, self)
        self.setItemDelegate(self._delegate)

    def showPopup(self) -> None:
        """Open the list; draw its pictures where that was not done."""
        if not self.pictures and not self._drawing.running:
            self._drawing.start(_drawn, self._take, self._failed)
        # Qt makes the list as wide as the box, which has no pictures
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + bar)
        super().showPopup()

    def _take(self, made: tuple[str, QImage]) -> None:
        name, self.pictures[name] = made[0], made[1]
        self.view().viewport().update()


class _Pictured(QStyledItemDelegate):
    """Draws the picture of a data set left of its name, and leaves the place free as long as there is none."""

    def __init__(self, pictures: Mapping[str, QImage], parent: QWidget) -> None:
        super().__init__(parent)
        self._pictures = pictures

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Add the picture, in the colour of the text."""
        super().initStyleOption(option, index)
        image = self._pictures.get(index.data(Qt.ItemDataRole.UserRole))
        if image is None:
            pixmap = QPixmap(SHOWN, SHOWN)
            pixmap.fill(Qt.GlobalColor.transparent)
        else:
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            colour = option.palette.highlightedText() if selected else option.palette.text()
            pixmap = tinted(image, colour.color().name())
        option.icon = QIcon(pixmap)
        option.decorationSize = QSize(SHOWN, SHOWN)
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration


def _drawn(check: Check) -> Iterator[tuple[str, QImage]]:
    """Name and picture of every built-in set: its first two components, the main two of a table, images as images."""
    import torch

    from dnf_studio.core.data.catalogue import dataset_infos, open_dataset
    from dnf_studio.core.data.image_shape import PixelMap
    from dnf_studio.core.exploration.projection import principal_components

    for info in dataset_infos():
        check()
        dataset = open_dataset(info.name)
        points = dataset.draw(POINTS, torch.Generator().manual_seed(0)).numpy()
        if dataset.image is not None:
            grey = sheet(PixelMap(dataset.image, dataset.standardisation)(points[:SIDE]))
        else:
            grey = coverage(points if info.splits is None else principal_components(points).project(points))
        yield info.name, image_of(grey)
