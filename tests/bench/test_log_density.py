"""The log-density in a window whose model trains: the first picture, all of it, and the gaps of the event loop.

Needs an idle machine: ``pytest -m bench -s tests/bench/test_log_density.py``, under ``xvfb-run`` with
``DNF_REAL_WINDOW=1`` for a real display.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter, thread_time

import numpy as np
import pytest
import torch
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.exploration.log_density import SIZES, LogDensity, log_densities
from dnf_studio.core.hardware import choose_hidden_type
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.errors import Check
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase

pytestmark = pytest.mark.bench
WHOLE = (-5.0, -3.5, 5.0, 3.5)
MODELS = ("diffflow-rings", "diffflow-checkerboard", "diffflow-8gaussian")
SAMPLE = 512
"""Points of the reference in one turn; as many turns as there are points cost minutes."""


def drive(window: MainWindow, name: str, qtbot: QtBot) -> None:
    window.studio.open(name)
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=30_000)
    window.studio.train()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.RUNNING, timeout=30_000)
    qtbot.wait(4000)


@pytest.mark.parametrize("name", MODELS)
def test_first_and_whole_picture_while_a_model_trains(live_window: MainWindow, qtbot: QtBot, name: str) -> None:
    """All grids of the weights of one moment, with one kernel thread; the reference on the same points in turn."""
    drive(live_window, name, qtbot)
    assert live_window.studio.current is not None
    flow, data = live_window.studio.current.snapshot.build(), open_dataset(name.removeprefix("diffflow-"))
    task, ticks = live_window.parts["log_density"].task, QTimer()
    found: list[tuple[float, LogDensity]] = []
    beats: list[float] = []
    spent: list[float] = []

    def work(check: Check) -> Iterator[LogDensity]:
        started = thread_time()
        for each in log_densities(flow, WHOLE, check, data, hidden=choose_hidden_type("auto", torch.device("cpu"))):
            spent.append(thread_time() - started)
            yield each

    ticks.timeout.connect(lambda: beats.append(perf_counter()))
    ticks.start(5)
    began = perf_counter()
    task.start(work, lambda each: found.append((perf_counter(), each)), live_window.workspace.tell)
    qtbot.waitUntil(lambda: bool(found) and found[-1][1].complete, timeout=240_000)
    ticks.stop()
    gaps = 1e3 * np.diff(beats)
    first, whole = found[0][0] - began, found[-1][0] - began
    reference = plain(flow, found[-1][1])
    print(
        f"{name}, training: {SIZES[0]}² after {1e3 * first:.0f} ms, {SIZES[-1]}² after {whole:.2f} s "
        f"({spent[-1]:.2f} s of processor); ode_nll on as many {reference:.1f} s, {reference / whole:.1f}x; "
        f"event loop 99% {np.quantile(gaps, 0.99):.0f} ms, most {gaps.max():.0f} ms"
    )


def plain(flow: DiffFlow, found: LogDensity) -> float:
    """Seconds that `ode_nll` takes for all places of a grid, from a sample of them; it has both cores."""
    places = np.stack(np.meshgrid(found.x, found.y), -1).reshape(-1, 2)
    some = places[:: len(places) // SAMPLE]
    began = perf_counter()
    ode_nll(flow, torch.from_numpy(some).float())
    return (perf_counter() - began) * len(places) / len(some)


@pytest.mark.parametrize("training_too", [False, True])
def test_from_the_key_to_the_first_picture(live_window: MainWindow, qtbot: QtBot, training_too: bool) -> None:
    window = live_window
    if training_too:
        drive(window, "diffflow-8gaussian", qtbot)
    else:
        window.studio.open("diffflow-8gaussian")
        qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=30_000)
    times = []
    for turn in range(6):
        window.session.apply({"layers": frozenset({"points"})})
        qtbot.wait(300)
        window.parts["log_density"]._kept.clear()
        began = perf_counter()
        window.session.apply({"layers": frozenset({"points", "contours"})})
        qtbot.waitUntil(lambda: window.parts["log_density"].overlays["forward"].found is not None, timeout=20_000)
        if turn:
            times.append(1e3 * (perf_counter() - began))
    print(f"key to first picture, training {training_too}: median {np.median(times):.0f} ms, most {max(times):.0f} ms")
    if not training_too:
        qtbot.waitUntil(
            lambda: bool((f := window.parts["log_density"].overlays["forward"].found) and f.complete),
            timeout=60_000,
        )
        print(f"all of it after {perf_counter() - began:.2f} s")
    assert np.median(times) < 300
