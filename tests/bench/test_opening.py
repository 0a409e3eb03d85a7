"""From the wish to see a bundled model to its first paths on the screen, once torch is loaded.

Needs an idle machine: ``pytest -m bench -s tests/bench/test_opening.py``, under ``xvfb-run`` with
``DNF_REAL_WINDOW=1`` for a real display.
"""

from __future__ import annotations

from time import perf_counter

import pytest
from pyqtgraph import PlotWidget
from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtTest import QTest

from dnf_studio.assets import checkpoint_names
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.frames import Frame

pytestmark = pytest.mark.bench
FIRST = "diffflow-rings"
"""With which torch is loaded and the first kernels run."""
FORWARD = "forward", "forward images"
"""The plots that share the upper left place."""


class FirstPaint(QObject):
    """Ends an event loop with the first paint of a widget. A loop waits without Python's lock, as the real one does."""

    def __init__(self, loop: QEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            # Once it is painted
            QTimer.singleShot(0, self._loop.quit)
        return False


def test_first_paths_are_there_within_150_ms(live_window: MainWindow) -> None:
    window, loop = live_window, QEventLoop()
    paint, late = FirstPaint(loop), QTimer(interval=20_000)
    late.timeout.connect(loop.quit)

    def seen() -> PlotWidget:
        """The forward process, as points or as images."""
        return next(plot.plot for name in FORWARD if (plot := window.plots[name]).isVisible())

    def opened(name: str) -> tuple[float, float]:
        """Milliseconds until paths of this model are in the views, and until all that changed is painted."""
        before, asked, came = window.studio.current, perf_counter(), list[float]()

        def shown(frame: Frame) -> None:
            now = window.studio.current
            if not came and now is not before and frame.weights == now.snapshot.version:
                came.append(1e3 * (perf_counter() - asked))
                seen().viewport().installEventFilter(paint)

        window.live.frame_shown.connect(shown)
        window.studio.open(name)
        late.start()
        loop.exec()
        late.stop()
        painted = 1e3 * (perf_counter() - asked)
        window.live.frame_shown.disconnect(shown)
        seen().viewport().removeEventFilter(paint)
        QTest.qWait(1500)
        return came[0], painted

    opened(FIRST)
    names = sorted(set(checkpoint_names()) - {FIRST})
    first, second = ({name: opened(name) for name in names} for _ in range(2))
    for name in names:
        (shown, painted), (again, anew) = first[name], second[name]
        print(f"{name}: first paths after {shown:.0f} ms, painted {painted:.0f}; again {again:.0f}, {anew:.0f}")
    assert max(shown for shown, _ in (*first.values(), *second.values())) <= 150
