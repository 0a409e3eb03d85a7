"""Arrows of 32×32 places with their divergence, from the move of the cursor to the answer, while a model trains.

60 ms are asked for. Needs an idle machine:
``pytest -m bench -s tests/bench/test_arrows.py``, under ``xvfb-run`` with ``DNF_REAL_WINDOW=1`` for a real display.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.fields import FieldAnswer

pytestmark = pytest.mark.bench
TURNS = 40


@pytest.mark.parametrize("training", [False, True])
def test_arrows_with_divergence_at_a_new_time(live_window: MainWindow, qtbot: QtBot, training: bool) -> None:
    window = live_window
    window.studio.open("diffflow-rings")
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=30_000)
    if training:
        window.studio.train()
        qtbot.waitUntil(lambda: window.studio.training.phase is Phase.RUNNING, timeout=30_000)
        qtbot.wait(4000)
    answers: list[FieldAnswer] = []
    window.live.field_found.connect(answers.append)
    window.session.apply({"layers": frozenset({"points", "field"}), "heat": "divergence"})
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    taken = []
    for turn in range(TURNS):
        node = 1 + (7 * turn) % 29
        qtbot.wait(200)
        answers.clear()
        began = perf_counter()
        window.session.cursor.jump(node)
        qtbot.waitUntil(lambda node=node: any(a.asked.node == node for a in answers), timeout=20_000)
        taken.append(1e3 * (perf_counter() - began))
    print(f"arrows 32², training {training}: median {np.median(taken):.0f} ms, 90% {np.quantile(taken, 0.9):.0f} ms")
    assert np.median(taken) < 60
