from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.trails import staircase
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.time_grid.plot import GridPlot
from tests.gui.scenes import frame_of, pixels, share_near


@pytest.fixture
def plot(qtbot: QtBot) -> GridPlot:
    made = GridPlot()
    qtbot.addWidget(made)
    made.resize(500, 300)
    with qtbot.waitExposed(made):
        made.show()
    return made


UNEVEN = dataclasses.replace(
    frame_of(steps=4), t=np.array([0, 0.1, 0.3, 0.6, 1.0], np.float32), g=np.linspace(0.2, 0.6, 5, dtype=np.float32)
)


def test_the_note_says_time_step_and_g(plot: GridPlot) -> None:
    plot.set_frame(UNEVEN)
    plot.set_cursor(2.5)
    assert plot.note.text() == "t = 0.45   Δt = 0.3   g = 0.45"
    plot.set_cursor(4.0)
    assert plot.note.text() == "t = 1   Δt = 0.4   g = 0.6"
    plot.set_frame(dataclasses.replace(UNEVEN, ratio=np.array([0.7, 0.8, 0.9, 1.1], np.float32)))
    plot.set_cursor(2.5)
    assert plot.note.text() == "t = 0.45   Δt = 0.3   g = 0.45   r = 0.9"
    shortest = "Step 0 is the shortest. The longest is 4 times as long."
    # 0.7 · 0.3 · √0.1
    assert plot.caption_line.meaning == f"{shortest} The last step to the data has noise of 0.066 of its deviations."
    plot.set_frame(None)
    assert plot.note.text() == "" and not plot.plot.getAxis("right").isVisible()


def test_a_click_moves_the_cursor_to_that_time(plot: GridPlot, qtbot: QtBot) -> None:
    plot.set_frame(UNEVEN)
    place = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(0.8, 0.05)))
    with qtbot.waitSignal(plot.cursor_moved, timeout=1000) as clicked:
        qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert clicked.args[0] == pytest.approx(3.5, abs=0.05)


def test_the_current_step_is_marked_and_g_has_a_scale_of_its_own(plot: GridPlot) -> None:
    plot.set_frame(UNEVEN)
    plot.set_cursor(1.0)
    early = share_near(pixels(plot.plot), LIGHT.accent, 20)
    plot.set_cursor(3.5)
    assert share_near(pixels(plot.plot), LIGHT.accent, 20) > 3 * early > 0
    low, high = plot.plot.getAxis("right").range
    assert low == 0 and 0.6 < high < 0.8
    assert plot.box.viewRange()[1][1] == pytest.approx(0.4 * 1.5, rel=1e-3)
    x, y = plot._curve.getData()
    assert y[0] / y[-1] == pytest.approx(1 / 3, rel=1e-3) and x[-1] == 1
    plot.set_theme(DARK)
    assert share_near(pixels(plot.plot), DARK.text, 30) > 0.002


def test_another_grid_than_the_models_has_its_outline(plot: GridPlot) -> None:
    plot.set_frame(UNEVEN)
    without = pixels(plot.plot)
    plot.set_frame(dataclasses.replace(UNEVEN, own=np.linspace(0, 1, 9, dtype=np.float32)))
    assert (pixels(plot.plot) != without).any()
    plot.set_frame(UNEVEN)
    assert np.array_equal(pixels(plot.plot), without)


def test_a_single_step_and_many(plot: GridPlot) -> None:
    for steps in (1, 10_000):
        plot.set_frame(frame_of(points=2, steps=steps))
        plot.set_cursor(0.5 * steps)
        assert share_near(pixels(plot.plot), LIGHT.accent, 20) > 0


def test_a_staircase_has_the_length_of_each_step_as_its_height() -> None:
    assert staircase(np.array([0.0, 1.0, 3.0])) == [(0, 0), (0, 1), (1, 1), (1, 2), (3, 2), (3, 0)]
    many = staircase(np.linspace(0, 1, 5003))
    assert len(many) <= 2 * 402 and np.allclose([y for _, y in many[1:-1]], 1 / 5002)
    assert many[0] == (0, 0) and many[-1][0] == 1
