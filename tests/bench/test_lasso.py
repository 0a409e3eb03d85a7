"""From the end of a lasso around half of 50,000 points to their lineage on the screen.

Needs an idle machine: ``pytest -m bench -s tests/bench/test_lasso.py``, under ``xvfb-run`` with
``DNF_REAL_WINDOW=1`` for a real display.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.core.sampling.region import inside_polygon
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from tests.gui.mouse import drag, place_of, send
from tests.gui.scenes import frame_of

pytestmark = pytest.mark.bench
POINTS = 50_000
LEFT = Qt.MouseButton.LeftButton


class Paints(QObject):
    """When each of several widgets was painted last."""

    def __init__(self, *widgets: QObject) -> None:
        super().__init__()
        self.times = dict.fromkeys(widgets, 0.0)
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.times[watched] = perf_counter()
        return False


def test_a_lasso_of_50_000_points_lights_up_within_50_ms(qtbot: QtBot, qapp: QApplication) -> None:
    window = MainWindow(Appearance(qapp))
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.fill()
    window.show()
    qtbot.waitExposed(window)
    window.live.show(frame_of(points=POINTS, steps=30))
    window.parts["selection"].tools.set_tool("lasso")
    view = window.plots["forward"]
    viewports = [plot.plot.viewport() for plot in (view, window.plots["backward"], window.plots["time"])]
    waits, chosen = [], 0
    for turn in range(12):
        window.session.apply({"selection": (0,)})
        window.session.cursor.jump(10)
        QTest.qWait(120)
        angles = np.linspace(0, 2 * np.pi, 200)
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (0.9 + 0.02 * turn) + [0.6, 0]
        paints = Paints(*viewports)
        drag(view, ring.tolist(), release=False)
        QTest.qWait(30)
        before = perf_counter()
        send(view, QEvent.Type.MouseButtonRelease, place_of(view, *ring[-1]), Qt.KeyboardModifier.NoModifier, LEFT)
        picked = perf_counter()
        while min(paints.times.values()) < picked:
            qapp.processEvents()
            assert perf_counter() - before < 5
        waits.append((1e3 * (picked - before), 1e3 * (perf_counter() - before)))
        chosen = len(window.session.state.selection)
        assert chosen > POINTS / 5
    to_state, whole = np.median(waits, axis=0)
    print(f"lasso of {chosen:,} of {POINTS:,}: {to_state:.1f} ms to the session, {whole:.1f} ms to the screen")
    assert whole <= 50


def test_the_lineage_of_many_is_painted_within_20_ms(qtbot: QtBot, qapp: QApplication) -> None:
    window = MainWindow(Appearance(qapp))
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    window.live.show(frame_of(points=POINTS, steps=30))
    window.parts["selection"].choose_all()
    window.session.apply({"selection": tuple(range(0, POINTS, 2))})
    times = []
    for turn in range(40):
        started = perf_counter()
        window.plots["forward"].set_cursor(turn / 2)
        window.plots["forward"].plot.grab()
        times.append(1e3 * (perf_counter() - started))
    print(f"half of {POINTS:,} chosen: {np.median(times):.1f} ms for one view at a new time")
    assert np.median(times) <= 20


def test_the_region_test_takes_a_few_ms() -> None:
    points = np.random.default_rng(0).standard_normal((POINTS, 2)).astype(np.float32)
    angles = np.linspace(0, 2 * np.pi, 400)
    lasso = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (1 + 0.3 * np.sin(7 * angles))[:, None]
    times = []
    for _ in range(20):
        started = perf_counter()
        inside_polygon(points, lasso)
        times.append(1e3 * (perf_counter() - started))
    print(f"{POINTS:,} points in a lasso of 400 corners: {np.median(times):.1f} ms")
    assert np.median(times) <= 10
