"""An image beside the training images nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from dnf_studio.gui.widgets.controls import caption

NEAREST = 3
"""Training images shown."""
SIDE = 64
"""Most pixels of the screen along the longer side of an image."""


class NeighbourStrip(QWidget):
    """Hidden while there is nothing to show."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = [QLabel() for _ in range(NEAREST + 1)]
        self.words = [caption() for _ in self.pictures]
        self.sentence = caption()
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, (picture, word) in enumerate(zip(self.pictures, self.words, strict=True)):
            word.setWordWrap(False)
            for row, label in enumerate((picture, word)):
                label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                grid.addWidget(label, row, place)
        grid.setColumnStretch(len(self.pictures), 1)
        # The image itself stands a little apart
        self.pictures[0].setContentsMargins(0, 0, 8, 0)
        self.words[0].setContentsMargins(0, 0, 8, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(grid)
        column.addWidget(self.sentence)
        self.hide()

    def show_image(self, image: NDArray[np.uint8], word: str) -> None:
        """The image (height, width, channels) and what it is; its neighbours are not known yet."""
        self._put(0, image, word)
        for place in range(1, NEAREST + 1):
            self._put(place, None, "")
        self.say("")
        self.show()

    def show_neighbours(self, images: NDArray[np.uint8], words: Sequence[str]) -> None:
        """The training images (k, height, width, channels) and the lines below each, no wider than it."""
        for place in range(NEAREST):
            there = place < len(images)
            self._put(place + 1, images[place] if there else None, words[place] if there else "")
            label = self.words[place + 1]
            cut = [
                label.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, SIDE)
                for line in label.text().split("\n")
            ]
            label.setText("\n".join(cut))

    def say(self, sentence: str) -> None:
        """What stands below the images."""
        self.sentence.setText(sentence)

    def _put(self, place: int, image: NDArray[np.uint8] | None, word: str) -> None:
        picture = self.pictures[place]
        picture.setPixmap(QPixmap() if image is None else pixmap_of(image, SIDE, self.devicePixelRatioF()))
        picture.setVisible(image is not None)
        picture.setAccessibleName(word.replace("\n", ", "))
        picture.setToolTip(word)
        self.words[place].setText(word)


def pixmap_of(image: NDArray[np.uint8], side: int, ratio: float = 1.0) -> QPixmap:
    """`image` (height, width, channels), every pixel as many of the screen's as fit into `side` by `side`."""
    high, wide, channels = image.shape
    form = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    data = np.ascontiguousarray(image)
    small = QImage(data.data, wide, high, wide * channels, form).copy()
    scale = side * ratio / max(high, wide)
    zoom = int(scale) if scale >= 1 else scale
    smooth = Qt.TransformationMode.FastTransformation if scale >= 1 else Qt.TransformationMode.SmoothTransformation
    large = small.scaled(
        max(1, round(wide * zoom)), max(1, round(high * zoom)), Qt.AspectRatioMode.IgnoreAspectRatio, smooth
    )
    pixmap = QPixmap.fromImage(large)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
