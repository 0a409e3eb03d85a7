"""One set of single-colour pictures, drawn in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import Theme, letter_scale, mix

__all__ = ["icon", "icon_size"]

SIZES = (16, 20)
"""Pixels of menus and bars, which grow with the letters; a screen of finer pixels needs them twice as large too."""


def icon(name: str, theme: Theme) -> QIcon:
    """The picture `name` of resources/icons in the text colour of `theme`, faded where disabled."""
    finest = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    sizes = tuple(round(letter_scale() * size) for size in SIZES)
    return _icon(name, theme, sizes if finest <= 1 else (*sizes, *(2 * size for size in sizes)))


def icon_size(pixels: int) -> QSize:
    """The size of a picture of so many `pixels` across, as the letters are now."""
    return QSize(1, 1) * round(letter_scale() * pixels)


@lru_cache(maxsize=256)
def _icon(name: str, theme: Theme, sizes: tuple[int, ...]) -> QIcon:
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    faded = mix(theme.muted, theme.window, 0.55)
    result = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, theme.text), (QIcon.Mode.Disabled, faded)):
        drawing = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
        for size in sizes:
            result.addPixmap(_picture(drawing, size), mode)
    return result


def _picture(drawing: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    drawing.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
