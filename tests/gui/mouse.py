"""Drags of the mouse in a plot, event by event: QTest moves the mouse without its buttons."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.plot import Plot

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def place_of(plot: Plot, x: float, y: float) -> QPoint:
    """The pixel of the plot's viewport at these plot units."""
    return plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))


def send(plot: Plot, kind: QEvent.Type, at: QPoint, modifier: Qt.KeyboardModifier, button: Qt.MouseButton) -> None:
    """One mouse event to the plot's viewport."""
    viewport = plot.plot.viewport()
    moved, released = kind is QEvent.Type.MouseMove, kind is QEvent.Type.MouseButtonRelease
    own, held = (Qt.MouseButton.NoButton if moved else button), (Qt.MouseButton.NoButton if released else button)
    event = QMouseEvent(kind, QPointF(at), QPointF(viewport.mapToGlobal(at)), own, held, modifier)
    QApplication.sendEvent(viewport, event)


def drag(
    plot: Plot,
    places: Iterable[tuple[float, float]],
    modifier: Qt.KeyboardModifier = NONE,
    button: Qt.MouseButton = LEFT,
    release: bool = True,
) -> None:
    """Press at the first of `places` (plot units), go through the others, and let go at the last."""
    pixels = [place_of(plot, x, y) for x, y in places]
    limit, pg.CONFIG_OPTIONS["mouseRateLimit"] = pg.CONFIG_OPTIONS["mouseRateLimit"], 0
    try:
        send(plot, QEvent.Type.MouseButtonPress, pixels[0], modifier, button)
        for pixel in pixels[1:]:
            send(plot, QEvent.Type.MouseMove, pixel, modifier, button)
    finally:
        pg.CONFIG_OPTIONS["mouseRateLimit"] = limit
    if release:
        send(plot, QEvent.Type.MouseButtonRelease, pixels[-1], modifier, button)
