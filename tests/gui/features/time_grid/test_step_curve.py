"""The curve of steps under a real pointer and real keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.axes import log_ticks
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.time_grid.step_curve import NoiseCurve, StepCurve
from tests.gui.scenes import pixels, share_near

LEFT = Qt.MouseButton.LeftButton
LENGTHS = np.array([0.1, 0.2, 0.3, 0.4])
FrameRequest = list[tuple[int, float, bool, object]]


@pytest.fixture
def curve(qtbot: QtBot) -> StepCurve:
    made = StepCurve()
    qtbot.addWidget(made)
    made.resize(500, 320)
    with qtbot.waitExposed(made):
        made.show()
    made.step_chosen.connect(made.choose)
    made.set_steps(LENGTHS, np.array([0.5, 0.5]))
    return made


@pytest.fixture
def wanted(curve: StepCurve) -> FrameRequest:
    told: FrameRequest = []
    curve.length_wanted.connect(lambda *values: told.append(values))
    return told


def at(curve: StepCurve, step: float, height: float) -> QPoint:
    return curve.plot.mapFromScene(curve.box.mapViewToScene(QPointF(step, height)))


def drag(qtbot: QtBot, curve: StepCurve, step: int, to: float, shift: bool = False) -> None:
    port = curve.plot.viewport()
    begin, end = at(curve, step, float(curve.heights(curve.values)[step])), at(curve, step, to)
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(port, LEFT, keys, begin)
    for part in (0.3, 0.6, 1.0):
        qtbot.mouseMove(port, begin + (end - begin) * part)
    qtbot.mouseRelease(port, LEFT, keys, end)


def test_a_drag_asks_for_the_length_under_the_pointer(curve: StepCurve, wanted: FrameRequest, qtbot: QtBot) -> None:
    drag(qtbot, curve, 1, 0.45)
    assert curve.chosen == 1 and curve.plot.hasFocus()
    step, length, everywhere, gesture = wanted[-1]
    assert (step, everywhere) == (1, False) and length == pytest.approx(0.45, abs=0.01)
    assert all(other[3] is gesture for other in wanted)
    assert 2 <= len(wanted) <= 4, "quick moves are told together, the last one always"
    told = len(wanted)
    drag(qtbot, curve, 2, 0.1)
    assert wanted[told][3] is not gesture and wanted[-1][:2] == (2, pytest.approx(0.1, abs=0.01))


def test_a_press_beside_the_nodes_chooses_and_drags_nothing(
    curve: StepCurve, wanted: FrameRequest, qtbot: QtBot
) -> None:
    qtbot.mouseClick(curve.plot.viewport(), LEFT, pos=at(curve, 3, 0.1))
    qtbot.waitUntil(lambda: curve.chosen == 3, timeout=5_000)
    assert not wanted


def test_a_node_is_taken_where_it_is(curve: StepCurve, wanted: FrameRequest, qtbot: QtBot) -> None:
    """Five pixels beside its centre, it does not jump."""
    port, spot = curve.plot.viewport(), at(curve, 2, 0.3) + QPoint(0, 5)
    qtbot.mousePress(port, LEFT, pos=spot)
    qtbot.mouseMove(port, spot + QPoint(1, 0))
    qtbot.mouseRelease(port, LEFT, pos=spot)
    assert wanted[-1][1] == pytest.approx(0.3, abs=0.003)


def test_powers_of_ten_can_be_dragged_too(curve: StepCurve, wanted: FrameRequest, qtbot: QtBot) -> None:
    curve.set_log(True)
    drag(qtbot, curve, 0, float(np.log10(0.2)))
    assert wanted[-1][:2] == (0, pytest.approx(0.2, rel=0.02))
    low, high = curve.box.viewRange()[1]
    assert low < np.log10(0.1) and high > np.log10(0.4)
    assert [words for _, words in log_ticks(-1.1, 0.1)] == ["0.1", "0.2", "0.5", "1"]
    assert [words for _, words in log_ticks(-6.1, -2.9)] == ["1e−06", "1e−05", "0.0001", "0.001"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [0.1, 0.0, 0.4], [1.0, 1.0]], ids=["none", "some", "ones"])
@pytest.mark.parametrize("log", [False, True])
def test_steps_without_noise_have_their_places_too(qtbot: QtBot, values: list[float], log: bool) -> None:
    noise = NoiseCurve()
    qtbot.addWidget(noise)
    noise.set_log(log)
    noise.show_values(np.array(values))
    noise.reset_view()
    noise.show()
    pixels(noise.plot)
    low, high = noise.box.viewRange()[1]
    seen = noise.heights(np.array(values))
    assert low < high and all(low <= height < high for height in seen[np.isfinite(seen)])
    assert not log or all(low < height for height in seen[np.isfinite(seen)])


def test_keys_choose_and_change_and_are_the_plots(curve: StepCurve, wanted: FrameRequest, qtbot: QtBot) -> None:
    curve.plot.setFocus()
    for key, step in ((Qt.Key.Key_End, 3), (Qt.Key.Key_Left, 2), (Qt.Key.Key_Home, 0), (Qt.Key.Key_Left, 0)):
        qtbot.keyClick(curve.plot, key)
        assert curve.chosen == step
    qtbot.keyClick(curve.plot, Qt.Key.Key_Up)
    qtbot.keyClick(curve.plot, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert [told[:3] for told in wanted] == [(0, pytest.approx(0.105), False), (0, pytest.approx(0.1 / 1.05), True)]
    assert wanted[0][3] is not wanted[1][3]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_nodes_the_chosen_one_and_the_models_own_are_drawn(curve: StepCurve, theme: Theme) -> None:
    curve.set_theme(theme)
    curve.choose(2)
    spot, node = at(curve, 2, 0.3), at(curve, 1, 0.2)
    image = pixels(curve.plot)
    assert share_near(image[spot.y() - 1 : spot.y() + 2, spot.x() - 1 : spot.x() + 2], theme.accent, 20) == 1
    assert share_near(image[node.y() - 1 : node.y() + 2, node.x() - 1 : node.x() + 2], theme.text, 20) == 1
    assert curve._outline.getData()[1].tolist() == pytest.approx([0.25, 0.25]), "as four steps would share them"
    assert curve.note.text() == "Δt = 0.3"


def test_without_steps_there_is_a_sentence_and_one_step_is_possible(qtbot: QtBot) -> None:
    for plot in (StepCurve(), NoiseCurve()):
        qtbot.addWidget(plot)
        plot.show()
        plot.show_values(np.empty(0))
        qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=QPoint(90, 50))
        assert plot._empty.isVisibleTo(plot) and plot.note.text() == ""
        plot.show_values(np.array([0.049]))
        plot.reset_view()
        assert not plot._empty.isVisibleTo(plot)
