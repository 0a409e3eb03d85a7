"""How a picture becomes data: threshold and blur, with points drawn at once from what they make of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from dnf_studio.core.data.naming import MOST_BLUR, PictureSettings, picture_source
from dnf_studio.errors import DataError
from dnf_studio.gui.features.data.reading import ReadingDialog
from dnf_studio.gui.widgets.controls import caption, heading
from dnf_studio.gui.widgets.slider import NumberSlider
from dnf_studio.workers.background import Background

if TYPE_CHECKING:
    from dnf_studio.core.data.picture import PictureDensity
    from dnf_studio.core.data.picture_file import Picture

POINTS = 6000
READING = "Reading…"
EXPLAINED = "Dark is dense: points are drawn in proportion to darkness, uniformly within each pixel."


class PictureDialog(ReadingDialog):
    """Reads a picture in the background and asks how it is to be used.

    `chosen` comes once at most: with the picture and its settings, or with the file as it is where it
    cannot be read, so that opening it tells why.
    """

    def __init__(self, path: Path, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(path, background, parent)
        self.setWindowTitle("Choose how a picture becomes data")
        self._picture: Picture | None = None
        self._drawing = self._stale = self._ended = False
        own = PictureSettings()
        self.preview = PointsPreview()
        self.threshold = NumberSlider("&Threshold", 0, 0.99, 0.01)
        self.threshold.setToolTip("Pixels of less darkness carry no points; 0 is white, 1 black")
        self.threshold.set_name("Threshold")
        self.threshold.set_value(own.threshold)
        self.blur = NumberSlider("&Blur", 0, 20, 0.5, limit=MOST_BLUR)
        self.blur.setToolTip("Standard deviation of a Gaussian blur in pixels, before the threshold; 0 is none")
        self.blur.set_name("Blur")
        self.blur.set_value(own.blur)
        self.blur.label.setMinimumWidth(self.threshold.label.sizeHint().width())
        self.facts, self.problem = caption(READING), caption(warning=True)
        self._arrange()
        for slider in (self.threshold, self.blur):
            slider.value_changed.connect(self._draw)
        self._read()

    @property
    def settings(self) -> PictureSettings:
        """What is set."""
        return PictureSettings(round(self.threshold.value(), 10), round(self.blur.value(), 10))

    def accept(self) -> None:
        """Open the picture with these settings."""
        if self.ok.isEnabled():
            self._finish(picture_source(self._path, self.settings))

    def _arrange(self) -> None:
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.buttons)
        self.ok.setToolTip("Show an untrained model of the picture, ready to train")
        self.ok.setEnabled(False)
        # Two lines high, so that nothing jumps while a slider moves
        self.facts.setMinimumHeight(2 * self.facts.fontMetrics().lineSpacing() + 4)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.problem.hide()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(heading(self._path.name))
        column.addWidget(caption(EXPLAINED))
        column.addWidget(self.preview, 1)
        for part in (self.threshold, self.blur, self.facts, self.problem):
            part.setEnabled(part in (self.facts, self.problem))
            column.addWidget(part)
        column.addLayout(foot)
        self.resize(560, 640)

    def _read(self) -> None:
        path = self._path

        def work() -> Picture:
            from dnf_studio.core.data.picture_file import read_picture

            return read_picture(path)

        self._background.run(work, self._take, self._failed)

    def _take(self, picture: Picture) -> None:
        if not self._here():
            return
        self._picture = picture
        for part in (self.threshold, self.blur):
            part.setEnabled(True)
        self._come_up()
        self.threshold.slider.setFocus()
        self._draw()

    def _failed(self, _error: Exception) -> None:
        if self._here():
            self._finish(str(self._path))

    def _draw(self, _value: float = 0.0) -> None:
        """Draw points in the background, one set at a time; the newest settings win."""
        picture, settings = self._picture, self.settings
        if self._drawing or picture is None:
            self._stale = True
            return
        self._drawing, self._stale = True, False

        def work() -> tuple[PictureDensity, NDArray[np.float64]]:
            from dnf_studio.core.data.picture import make_density

            density = make_density(picture, settings)
            return density, density.standardisation.to_data(density.fresh(POINTS, 0).double()).numpy()

        self._background.run(work, self._show, self._refused)

    def _show(self, found: tuple[PictureDensity, NDArray[np.float64]]) -> None:
        if not self._here():
            return
        density, points = found
        entropy = f"{density.entropy or 0.0:.4f}".replace("-", "−")
        self.facts.setText(f"{density.about}.\nExact entropy of the standardised data {entropy} nats.")
        self._drawn(points, density.size, "")

    def _refused(self, error: Exception) -> None:
        if not self._here():
            return
        if not isinstance(error, DataError):
            raise error
        self.facts.setText("")
        self._drawn(np.empty((0, 2)), (1, 1) if self._picture is None else self._picture.size, str(error))

    def _drawn(self, points: NDArray[np.float64], size: tuple[int, int], problem: str) -> None:
        self._drawing = False
        self.preview.show_points(points, size)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.ok.setEnabled(not problem)
        if self._stale:
            self._draw()

    def _here(self) -> bool:
        """Whether anybody still waits for an answer."""
        return isValid(self) and not self._ended

    def _end(self) -> None:
        """No answer counts any more."""
        self._ended = True
        super()._end()


class PointsPreview(QWidget):
    """Points within the rectangle of a picture, aspect kept, y up."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Points drawn from the picture")
        self.setMinimumHeight(160)
        self._points, self._size = QPolygonF(), QSize(1, 1)

    @property
    def count(self) -> int:
        """How many points are shown."""
        return int(self._points.size())

    def show_points(self, points: NDArray[np.float64], size: tuple[int, int]) -> None:
        """Show `points` (n, 2), pixels of a picture of `size`, width and height."""
        self._points = QPolygonF([QPointF(x, y) for x, y in points.tolist()])
        self._size = QSize(*size)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground, the rectangle and the points."""
        painter = QPainter(self)
        shown = QSize(self._size).scaled(self.size() - QSize(2, 2), Qt.AspectRatioMode.KeepAspectRatio)
        shown = shown.expandedTo(QSize(1, 1))
        area = QRectF((self.width() - shown.width()) / 2, (self.height() - shown.height()) / 2, *shown.toTuple())
        painter.fillRect(area, self.palette().base())
        painter.setPen(QPen(self.palette().mid().color(), 1))
        painter.drawRect(area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.palette().text().color()
        colour.setAlphaF(0.6)
        pen = QPen(colour, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setTransform(
            QTransform(
                area.width() / self._size.width(),
                0,
                0,
                -area.height() / self._size.height(),
                area.left(),
                area.bottom(),
            )
        )
        painter.drawPoints(self._points)
