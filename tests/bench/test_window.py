"""The open window while it trains: event-loop gaps, frames, and what training keeps of its speed.

Needs a real display and an idle machine: ``xvfb-run -a -s "-screen 0 1920x1080x24" pytest -m bench -s
tests/bench/test_window.py`` with ``DNF_REAL_WINDOW=1``.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.training.run import Run
from dnf_studio.gui.drawing.layers import scale
from dnf_studio.gui.features.processes import process_view, time_view
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.cursor import TimeCursor
from dnf_studio.workers.frames import Frame

pytestmark = [pytest.mark.bench, pytest.mark.xvfb]
SECONDS = 20
WINDOW_THREADS = 1
HEAVY_POINTS, HEAVY_PATHS = 50_000, 2000


CONFIG = Config().changed({"data": "rings", "training.progressive": False})
"""One stage, so that what is compared is the same work."""


def headless(seconds: float) -> float:
    """Iterations a second of the same run without a window, on the threads a window leaves it."""
    run = Run(CONFIG, threads=WINDOW_THREADS)
    for report in run:
        if report.seconds > seconds:
            break
    return report.iteration / report.seconds


def say(name: str, gaps: list[float]) -> None:
    p95, p99 = np.percentile(gaps, [95, 99])
    print(f"{name:34} gaps p95 {p95:5.1f}  p99 {p99:5.1f}  max {max(gaps):5.1f} ms")


@pytest.fixture
def window(live_window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Playing the bundled rings."""
    live_window.session.cursor.set_playing(True)
    with qtbot.waitSignal(live_window.live.frame_shown, timeout=30_000):
        live_window.studio.open("rings")
    return live_window


def test_gaps_frames_and_speed(window: MainWindow, qtbot: QtBot) -> None:
    ticks: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(perf_counter()))
    frames: list[Frame] = []
    window.live.frame_shown.connect(frames.append)

    def gaps() -> list[float]:
        return [1000 * (b - a) for a, b in itertools.pairwise(ticks)]

    timer.start(1)
    qtbot.wait(5000)
    say("playing, not training", gaps())
    before = headless(8)
    window.session.apply({"config.training.progressive": False})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.run is not None, timeout=20_000)
    run = window.studio.training.run
    assert run is not None
    qtbot.waitUntil(lambda: run.iteration > 3, timeout=20_000)
    ticks.clear()
    qtbot.wait(1000 * SECONDS)
    say("playing and training", gaps())
    # A tick a millisecond takes a seventh of the training: the speed is another measurement
    timer.stop()
    frames.clear()
    first, started = run.iteration, perf_counter()
    qtbot.wait(1000 * SECONDS)
    iterations, seconds = run.iteration - first, perf_counter() - started
    complete = sum(frame.complete for frame in frames)
    print(f"model frames a second              {complete / seconds:5.2f}")
    window.studio.training.stop()
    qtbot.waitUntil(lambda: not window.studio.training.active, timeout=20_000)
    window.session.cursor.set_playing(False)
    after = headless(8)
    rate, alone = iterations / seconds, max(before, after)
    print(f"iterations a second                {rate:5.1f} of {alone:5.1f} headless: {100 * rate / alone:.0f}%")


@pytest.fixture
def heavy(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """The same window with 25 points for every one of the model and 2,000 paths, their steps coloured."""
    for module in (process_view, time_view, scale):
        monkeypatch.setattr(module, "MAX_PATHS", HEAVY_PATHS)
    noise = 0.05 * np.random.default_rng(0).standard_normal((1, HEAVY_POINTS, 2)).astype(np.float32)
    mailbox = window.studio.explorer.mailbox
    put = mailbox.put

    def put_many(frame: Frame) -> None:
        """In the explorer's thread, where a frame of so many points would have been computed."""
        times = HEAVY_POINTS // frame.forward.shape[1]
        ahead, back = (np.tile(paths, (1, times, 1)) for paths in (frame.forward, frame.backward))
        ahead += noise[:, : ahead.shape[1]]
        back += noise[:, : back.shape[1]]
        many = np.tile(frame.contributions, (1, times))
        put(replace(frame, forward=ahead, backward=back, contributions=many))

    monkeypatch.setattr(mailbox, "put", put_many)
    window.session.apply({"layers": frozenset({"points", "paths", "disagreement"})})
    return window


class Paints(QObject):
    """When a plot was painted, and with the cursor where."""

    def __init__(self, viewport: QObject, cursor: TimeCursor) -> None:
        super().__init__()
        self._cursor = cursor
        self._seen: list[tuple[float, float]] = []
        viewport.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._seen.append((perf_counter(), self._cursor.fraction))
        return False

    def gaps(self) -> list[float]:
        """Milliseconds from paint to paint; not those of the rest that a played cursor takes at either end."""
        return [1000 * (b - a) for (a, at), (b, then) in itertools.pairwise(self._seen) if at != then or 0 < at < 1]


def test_heavy_scene_while_it_trains(heavy: MainWindow, qtbot: QtBot) -> None:
    before = headless(8)
    heavy.session.apply({"config.training.progressive": False})
    heavy.commands["train"].trigger()
    qtbot.waitUntil(lambda: heavy.studio.training.run is not None, timeout=20_000)
    run = heavy.studio.training.run
    assert run is not None
    qtbot.waitUntil(lambda: run.iteration > 3, timeout=20_000)
    # Until the run is in its own process
    qtbot.wait(10_000)
    paints = Paints(heavy.plots["forward"].plot.viewport(), heavy.session.cursor)
    first, started = run.iteration, perf_counter()
    qtbot.wait(1000 * SECONDS)
    rate = (run.iteration - first) / (perf_counter() - started)
    say("heavy scene, from paint to paint", paints.gaps())
    heavy.studio.training.stop()
    qtbot.waitUntil(lambda: not heavy.studio.training.active, timeout=20_000)
    heavy.session.cursor.set_playing(False)
    alone = max(before, headless(8))
    print(f"heavy scene, iterations a second   {rate:5.1f} of {alone:5.1f} headless: {100 * rate / alone:.0f}%")


def test_latency_of_view_changes(window: MainWindow, qtbot: QtBot) -> None:
    """From the change of a setting to the first and the complete frame in the views."""
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=20_000)
    window.session.cursor.set_playing(False)
    for name, change in (
        ("N 30 to 10", {"steps": 10}),
        ("N 10 to 100", {"steps": 100}),
        ("N 100 to 30", {"steps": 30}),
        ("λ 1 to 0, N = 30", {"lam": 0.0}),
        ("λ 0 to 1, N = 30", {"lam": 1.0}),
        ("seed, N = 30", {"seed": 1}),
        ("N 30 to 100", {"steps": 100}),
        ("seed, N = 100", {"seed": 2}),
    ):
        seen: list[tuple[float, Frame]] = []
        window.live.frame_shown.connect(lambda frame, seen=seen: seen.append((perf_counter(), frame)))
        started = perf_counter()
        window.session.apply(change)
        qtbot.waitUntil(lambda seen=seen: bool(seen) and seen[-1][1].complete, timeout=20_000)
        whole = next(at for at, frame in seen if frame.forward.shape[1] == seen[-1][1].forward.shape[1])
        first, last = (1000 * (at - started) for at in (seen[0][0], whole))
        print(f"{name:34} first {first:6.1f} ms ({seen[0][1].forward.shape[1]} paths), all {last:6.1f} ms")
