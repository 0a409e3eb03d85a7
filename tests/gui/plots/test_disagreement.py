"""The bars: split into their parts, explained, and a way to the worst points."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.space_time import worst_points
from dnf_studio.gui.main_window import MainWindow
from dnf_studio.gui.plots.disagreement import DisagreementPlot
from dnf_studio.gui.plots.explain import about_prior, about_step, largest_part
from dnf_studio.gui.plots.layers.prior_bar import tail_of
from dnf_studio.gui.theme import DARK, LIGHT, Theme
from tests.gui.plots.scenes import frame_of, pixels, share_near

LEFT = Qt.MouseButton.LeftButton
FRAME = frame_of(steps=10)


def shown(qtbot: QtBot, width: int = 700) -> DisagreementPlot:
    plot = DisagreementPlot()
    qtbot.addWidget(plot)
    plot.resize(width, 320)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.set_frame(FRAME)
    return plot


def at(plot: DisagreementPlot, x: float, y: float = 0.05) -> QPoint:
    return plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))


def near(plot: DisagreementPlot, x: float, y: float, colour: str) -> bool:
    """Whether `colour` is drawn at plot coordinates."""
    spot = at(plot, x, y)
    return share_near(pixels(plot.plot)[spot.y() : spot.y() + 1, spot.x() : spot.x() + 1], colour, 12) == 1


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_parts_are_stacked_on_both_sides_of_zero(qtbot: QtBot, theme: Theme) -> None:
    """Step 0 costs 0.5: drift 0.75 up, noise ratio and score 0.125 each down."""
    plot = shown(qtbot)
    plot.set_theme(theme)
    plot.set_cursor(5)
    assert not plot.legend.names.isVisible()
    assert near(plot, 0.5, 0.1, plot._bars._colours[plot._bars._shades[0]].name())
    plain = plot.limits
    plot.legend.switch.click()
    assert plot.legend.names.isVisible() and all(colour in plot.legend.names.text() for colour in theme.parts)
    assert plot.limits is not None and plain is not None and plot.limits[1] > plain[1]
    noise, drift, score = theme.parts
    assert near(plot, 0.5, 0.6, drift) and near(plot, 0.5, 0.1, drift)
    assert near(plot, 0.5, -0.06, noise) and near(plot, 0.5, -0.19, score)
    assert near(plot, 0.5, 0.5, theme.text)
    plot.legend.switch.click()
    assert plot.limits == plain and not plot.legend.names.isVisible()


@pytest.mark.parametrize("width", [150, 220, 700])
def test_step_numbers_do_not_run_into_each_other(qtbot: QtBot, width: int) -> None:
    plot = shown(qtbot, 700)
    plot.set_frame(frame_of(steps=30))
    font = plot.font()
    font.setPointSizeF(1.5 * font.pointSizeF())
    plot.setFont(font)
    plot.resize(width, 320)
    *numbers, (_, last) = plot.plot.getAxis("bottom")._tickLevels[0]
    assert last == "prior" and len(numbers) >= 2
    apart = plot.plot.width() * (numbers[1][0] - numbers[0][0]) / plot.box.viewRect().width()
    assert apart > 1.3 * plot.fontMetrics().horizontalAdvance("30")


def test_a_frame_without_parts_has_plain_bars_and_no_prior(qtbot: QtBot) -> None:
    plot = shown(qtbot)
    plot.legend.switch.click()
    plot.set_frame(dataclasses.replace(FRAME, parts=np.empty((3, 0), np.float32), prior=None))
    assert all(share_near(pixels(plot.plot), colour, 8) < 1e-3 for colour in LIGHT.parts[1:])
    assert plot.box.viewRange()[0][1] == pytest.approx(10.2) and plot.explain(10) == ""
    assert plot.explain(0) == "Step 0 → 1 costs 0.500 nats (13)."


@pytest.mark.parametrize("prior", [(2.9, 0.1), (0.1, 0.05), (1.0, -30.0)])
def test_the_prior_stands_behind_the_steps_and_is_broken_where_too_high(
    qtbot: QtBot, prior: tuple[float, float]
) -> None:
    plot = shown(qtbot)
    plot.set_frame(dataclasses.replace(FRAME, prior=prior))
    x, (low, high) = sum(tail_of(10)) / 2, plot.box.viewRange()[1]
    bar, value = plot._end._fill.name(), sum(prior)
    assert near(plot, x, 0.03 if value > 0 else -0.03, bar)
    whole = low <= value <= high
    assert whole == (abs(value) < 0.2)
    beyond = value + 0.05 if whole else (0.98 * high if value > 0 else 0.96 * low)
    assert near(plot, x, beyond, bar) != whole
    column = pixels(plot.plot)[:, at(plot, x).x()]
    edges = (np.abs(np.diff((np.abs(column - np.array(plot._end._fill.getRgb()[:3])) < 12).all(-1).astype(int)))).sum()
    assert edges >= (2 if whole else 4)
    assert not near(plot, 10.2, 0.03, bar)


def test_sentences() -> None:
    assert about_step(3, 0.021, np.array([0.001, 0.03, -0.01])) == (
        "Step 3 → 4 costs 0.021 nats, mostly drift change (15): noise ratio +0.001, drift change +0.030, score −0.010."
    )
    assert about_step(0, -0.5, np.array([0.2, -0.1, -0.6])).startswith("Step 0 → 1 gains 0.500 nats, mostly the score")
    assert largest_part(np.zeros(3)) is None and largest_part(np.empty(0)) is None
    # A score half as strong again, measured: the notch is the score's, the sign of the rest the drift's
    undone = np.array([0.0, 0.076, -0.071])
    assert about_step(8, 0.005, undone).startswith("Step 8 → 9 costs 0.005 nats, the rest of parts that undo each")
    assert largest_part(undone) is largest_part(-undone) is None
    assert "is +2.900, where exactly normal noise has +2.838" in about_prior((2.9, 0.1), 2)
    assert "adds +3.000 nats" in about_prior((2.9, 0.1), 2)


def test_hovering_explains_the_bar_under_the_pointer(qtbot: QtBot) -> None:
    plot = shown(qtbot)
    viewport = plot.plot.viewport()
    for x, words in ((3.4, "Step 3 → 4 costs 0.267 nats, mostly drift change (15)"), (sum(tail_of(10)) / 2, "The end")):
        spot = at(plot, x)
        QApplication.sendEvent(viewport, QHelpEvent(QHelpEvent.Type.ToolTip, spot, viewport.mapToGlobal(spot)))
        assert QToolTip.text().startswith(f"<qt>{words}")
    QToolTip.hideText()


def test_a_first_click_goes_and_a_second_chooses(qtbot: QtBot) -> None:
    plot = shown(qtbot)
    plot.step_clicked.connect(plot.set_cursor)
    viewport, wanted = plot.plot.viewport(), []
    plot.worst_wanted.connect(lambda step, adds: wanted.append((step, adds)))
    qtbot.mouseClick(viewport, LEFT, pos=at(plot, 4.5))
    assert plot._current() == 4 and not wanted
    qtbot.mouseClick(viewport, LEFT, Qt.KeyboardModifier.ControlModifier, at(plot, 7.5))
    assert plot._current() == 7 and wanted == [(7, True)]
    qtbot.mouseClick(viewport, LEFT, pos=at(plot, 7.3))
    assert wanted[1:] == [(7, False)]
    qtbot.mouseDClick(viewport, LEFT, pos=at(plot, sum(tail_of(10)) / 2))
    assert len(wanted) == 2


def test_the_worst_points_of_a_step_are_chosen_in_the_window(still_window: MainWindow, qtbot: QtBot) -> None:
    window = still_window
    plot, session = window.views.disagreement, window.session
    window.views.show_frame(FRAME)
    session.apply({"selection": (1, 2)})
    spot = at(plot, 6.5)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=spot)
    assert session.cursor.node == 6 and session.state.selection == (1, 2)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=spot + QPoint(2, 0))
    worst = worst_points(FRAME.step_disagreement, 6)
    assert session.state.selection == worst and len(worst) == 5 and session.state.direction == "forward"
    assert worst[-1] == int(np.argmax(FRAME.step_disagreement[6]))
    session.undo()
    assert session.state.selection == (1, 2)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, Qt.KeyboardModifier.ShiftModifier, spot + QPoint(0, 3))
    assert session.state.selection == (*(p for p in (1, 2) if p not in worst), *worst)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=at(plot, sum(tail_of(10)) / 2))
    assert session.cursor.node == 10
