"""One set of single-colour pictures, drawn in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import Theme, mix

__all__ = ["icon"]

SIZES = (16, 20)
"""Of menus and bars; a screen of finer pixels needs them twice as large too."""


@lru_cache(maxsize=256)
def icon(name: str, theme: Theme) -> QIcon:
    """The picture `name` of resources/icons in the text colour of `theme`, faded where disabled."""
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    faded = mix(theme.muted, theme.window, 0.55)
    finest = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    sizes = SIZES if finest <= 1 else (*SIZES, *(2 * size for size in SIZES))
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
