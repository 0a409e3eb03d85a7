"""From a click on a point to its numbers on the screen, and what its highlight costs to paint.

Needs an idle machine: ``pytest -m bench -s tests/bench/test_inspector.py``, under ``xvfb-run`` with
``DNF_REAL_WINDOW=1`` for a real display.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QTransform
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.selection import SelectionLayer
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.frames import Frame

pytestmark = pytest.mark.bench
CLICKS = 30


class Paints(QObject):
    """When a widget was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.times.append(perf_counter())
        return False


@pytest.mark.parametrize("steps", [30, 100])
def test_numbers_are_there_within_50_ms_of_a_click(
    live_window: MainWindow, qtbot: QtBot, qapp: QApplication, steps: int
) -> None:
    window = live_window
    frames: list[Frame] = []
    window.live.frame_shown.connect(frames.append)
    window.studio.open("diffflow-rings")
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].complete, timeout=30_000)
    window.session.apply({"steps": steps})
    qtbot.waitUntil(lambda: frames[-1].complete and len(frames[-1].t) == steps + 1, timeout=30_000)
    shown, paints, view = [], Paints(), window.plots["forward"]
    window.live.inspected.connect(lambda _found: shown.append(perf_counter()))
    assert window.docks["inspector"].panel is not None
    window.docks["inspector"].panel.table.viewport().installEventFilter(paints)
    waits = []
    for point in range(0, 20 * CLICKS, 20):
        x, y = map(float, frames[-1].forward[0, point])
        at = view.plot.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))
        count, clicked = len(shown), perf_counter()
        QTest.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
        while len(shown) == count or not paints.times or paints.times[-1] < shown[-1]:
            qapp.processEvents()
            assert perf_counter() - clicked < 20
        waits.append(1e3 * (next(t for t in paints.times if t > shown[-1]) - clicked))
        QTest.qWait(60)
    print(f"N = {steps}: click to numbers {np.median(waits):.1f} ms, 90% {np.quantile(waits, 0.9):.1f} ms")
    assert np.median(waits) < 50


@pytest.mark.parametrize("count", [1, 5])
def test_the_highlight_is_painted_within_a_millisecond(qapp: QApplication, count: int) -> None:
    random = np.random.default_rng(0)
    paths = np.cumsum(random.standard_normal((31, count, 2)) * 0.3, axis=0).astype(np.float32)
    layer, image = SelectionLayer("#00755a", "#ffffff"), QImage(800, 600, QImage.Format.Format_RGB32)
    layer.set_paths(paths)
    layer.set_points(paths[12])
    painter, times = QPainter(image), []
    for _ in range(100):
        started = perf_counter()
        layer.draw(painter, QTransform(90, 0, 0, -90, 400, 300), QRectF(0, 0, 800, 600))
        times.append(1e3 * (perf_counter() - started))
    painter.end()
    print(f"highlight of {count}: {np.median(times):.2f} ms")
    assert np.median(times) < 1
