"""The bars: excess or contribution, their errors and parts, explained, and a way to the worst points."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.by_step import worst_points
from dnf_studio.core.exploration.excess import StepMeans
from dnf_studio.gui.drawing.layers.bars import tail_of
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.drawing.words import WAITING
from dnf_studio.gui.features.disagreement import FEATURE, UNTRAINED
from dnf_studio.gui.features.disagreement.bars import (
    Shown,
    about_excess,
    about_prior,
    about_prior_excess,
    about_step,
    excess_bars,
    largest_part,
)
from dnf_studio.gui.features.disagreement.plot import DisagreementPlot
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import excess_of, frame_of, pixels, share_near
from tests.gui.trees import show, trees
from tests.views import viewed

LEFT = Qt.MouseButton.LeftButton
FRAME = frame_of(steps=10)


def shown(qtbot: QtBot, width: int = 700, kind: Shown = "contribution") -> DisagreementPlot:
    plot = DisagreementPlot()
    qtbot.addWidget(plot)
    plot.resize(width, 320)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.set_shown(kind)
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
    assert plot.explain(0) == "Step 0 → 1 adds +0.500 nats to the bound (13)."


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
        "Step 3 → 4 adds +0.021 nats to the bound, mostly drift change (15): noise ratio +0.001, drift change +0.030, "
        "score −0.010."
    )
    assert about_step(0, -0.5, np.array([0.2, -0.1, -0.6])).startswith(
        "Step 0 → 1 adds −0.500 nats to the bound, mostly the score"
    )
    assert largest_part(np.zeros(3)) is None and largest_part(np.empty(0)) is None
    # A score half as strong again, measured: the notch is the score's, the sign of the rest the drift's
    undone = np.array([0.0, 0.076, -0.071])
    assert about_step(8, 0.005, undone).startswith(
        "Step 8 → 9 adds +0.005 nats to the bound, the rest of parts that undo each"
    )
    assert largest_part(undone) is largest_part(-undone) is None
    assert "is +2.900, where exactly normal noise has +2.838" in about_prior((2.9, 0.1), 2)
    assert "adds +3.000 nats" in about_prior((2.9, 0.1), 2)


def test_hovering_explains_the_bar_under_the_pointer(qtbot: QtBot) -> None:
    plot = shown(qtbot)
    viewport = plot.plot.viewport()
    what = "Step 3 → 4 adds +0.267 nats to the bound, mostly drift change (15)"
    for x, words in ((3.4, what), (sum(tail_of(10)) / 2, "The end")):
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


@pytest.mark.parametrize("kind", ["excess", "contribution"])
def test_the_worst_points_of_a_step_are_chosen_in_the_window(
    still_window: MainWindow, qtbot: QtBot, kind: Shown
) -> None:
    """By what the bars show: the log-ratios that are known, or what each point adds to the bound."""
    window = still_window
    plot, session = window.plots["disagreement"], window.session
    plot.set_shown(kind)
    window.live.show(FRAME)
    found = excess_of(FRAME, FRAME.contributions[:, 60::-1], neighbours=told(10, 0.1))
    assert np.argmax(FRAME.contributions[6]) != np.argmax(found.forward[6])
    window.live.show_excess(found)
    rows = found.forward if kind == "excess" else FRAME.contributions
    session.apply({"selection": (1, 2)})
    spot = at(plot, 6.5)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=spot)
    assert session.cursor.node == 6 and session.state.selection == (1, 2)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=spot + QPoint(2, 0))
    worst = worst_points(rows, 6)
    assert session.state.selection == worst and len(worst) == 5 and session.state.direction == "forward"
    assert worst[-1] == int(np.argmax(rows[6]))
    session.undo()
    assert session.state.selection == (1, 2)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, Qt.KeyboardModifier.ShiftModifier, spot + QPoint(0, 3))
    assert session.state.selection == (*(p for p in (1, 2) if p not in worst), *worst)
    qtbot.mouseClick(plot.plot.viewport(), LEFT, pos=at(plot, sum(tail_of(10)) / 2))
    assert session.cursor.node == 10


def told(steps: int, *values: float) -> StepMeans:
    """The excess by nearest neighbours, ±0.05 each: `values`, the last of them for all other rows too."""
    rows = np.array([*values, *[values[-1]] * (steps + 1 - len(values))])
    return StepMeans(rows, np.full(steps + 1, 0.05), 300)


def test_bars_wait_with_a_sentence_until_the_excess_is_known(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    blank = pixels(plot.plot)
    assert plot._empty.text() == WAITING and plot._empty.isVisible() and plot.limits is None
    assert plot.note.text() == "" and plot.explain(0) == ""
    assert not plot.legend.isVisible() and plot.chooser.isVisible()
    plot.set_excess(excess_of(FRAME))
    assert not plot._empty.isVisible() and not np.array_equal(pixels(plot.plot), blank)
    assert plot._bars._values == pytest.approx(0.1 * np.arange(1, 11))
    plot.set_shown("contribution")
    assert plot.legend.isVisible() and plot._bars._values == pytest.approx(FRAME.mean_contributions)
    plot.set_shown("excess")
    plot.set_frame(None)
    assert plot._empty.isVisible() and plot._empty.text().startswith("Open a model")


def test_the_chooser_is_what_is_shown(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    assert [plot.chooser.itemText(k) for k in range(2)] == ["excess", "contribution to the bound"]
    plot.set_excess(excess_of(FRAME))
    for index, kind in ((1, "contribution"), (0, "excess")):
        plot.chooser.setCurrentIndex(index)
        plot.chooser.activated.emit(index)
        assert plot.shown == kind and plot.legend.isVisible() == (kind == "contribution")
        # No smoothing from the one axis to the other
        assert plot.limits is not None and (plot.limits[0] < 0) == (kind == "contribution")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_bars_have_whiskers_and_diamonds_that_are_filled_where_they_are_apart(qtbot: QtBot, theme: Theme) -> None:
    """Step 9 has 1.00 ± 0.05; neighbours say the same there, 0.25 at step 5 and nothing at step 7."""
    plot = shown(qtbot, 1000, kind="excess")
    plot.set_theme(theme)
    means = told(10, 0.1, 0.2, 0.3, 0.4, 0.5, 0.25, 0.7, np.nan, 0.9, 1.0)
    plot.set_excess(excess_of(FRAME, neighbours=means))
    plot.set_cursor(0)
    error = plot._bars_shown.errors[9]
    assert error == pytest.approx(0.05, abs=1e-3)
    # At 0.35 of a bar its whisker, at 0.68 the diamond
    assert line_at(plot, 9.35, 1.0 + 0.8 * error, theme.muted) and line_at(plot, 9.35, 1.0 - 0.8 * error, theme.muted)
    assert not line_at(plot, 9.35, 1.0 + 1.3 * error, theme.muted)
    inner = {step: diamond_inside(plot, step + 0.68, means.mean[step]) for step in (5, 9)}
    assert near_colour(inner[5], theme.warning) and not near_colour(inner[9], theme.text)
    assert line_at(plot, 9.68, 1.0 + 0.8 * 0.05, theme.text) and line_at(plot, 5.68, 0.25 - 0.04, theme.warning)
    assert plot._bars_shown.apart.tolist() == [False, False, False, False, False, True, *[False] * 4]
    assert not any(drawn_beside(plot, 7, colour) for colour in (theme.text, theme.warning))
    assert all(drawn_beside(plot, step, theme.text) for step in (0, 4, 9))


def drawn_beside(plot: DisagreementPlot, step: int, colour: str) -> bool:
    """Whether a diamond or its whisker in `colour` stands in the column that step `step` has for them."""
    x = at(plot, step + 0.68).x()
    return share_near(pixels(plot.plot)[:, x - 1 : x + 2], colour, 24) > 0


def line_at(plot: DisagreementPlot, x: float, y: float, colour: str) -> bool:
    """Whether a thin line of `colour` crosses the place, a pixel beside it at most."""
    spot = at(plot, x, y)
    row = pixels(plot.plot)[spot.y(), spot.x() - 1 : spot.x() + 2]
    return any(near_colour(pixel, colour) for pixel in row)


def near_colour(pixel: np.ndarray, colour: str) -> bool:
    return share_near(pixel[None, None], colour, 24) == 1


def diamond_inside(plot: DisagreementPlot, x: float, y: float) -> np.ndarray:
    """A pixel inside of the diamond, beside the whisker through it."""
    spot = at(plot, x, y)
    inside: np.ndarray = pixels(plot.plot)[spot.y(), spot.x() + 2]
    return inside


def test_diamonds_that_resolve_nothing_are_not_drawn(qtbot: QtBot) -> None:
    """Their errors are as wide as half of the highest bar, or they are no numbers."""
    plot = shown(qtbot, kind="excess")
    wide = StepMeans(np.full(11, 0.2), np.append(np.full(10, 0.5), 0.1), 300)
    none = StepMeans(np.full(11, np.nan), np.full(11, np.nan), 20)
    for means in (wide, none):
        found = excess_of(FRAME, neighbours=means)
        bars = excess_bars(found)
        assert np.isnan(bars.other).all() and not bars.apart.any()
        assert bars.notes[3].count("(nearest neighbours of so few points cannot tell)") == 1
        plot.set_excess(found)
        plot.set_cursor(0)
        assert not any(drawn_beside(plot, k, colour) for k in range(10) for colour in (LIGHT.text, LIGHT.warning))
    assert plot._end._value is None and plot.explain(10) == ""


def test_the_header_says_the_value_its_error_and_of_how_many_points(qtbot: QtBot) -> None:
    plot = shown(qtbot, 1200, kind="excess")
    plot.set_excess(excess_of(FRAME))
    plot.set_cursor(4)
    assert plot.note.text() == "step 4 → 5: +0.500 ± 0.050    sum +5.500 ± 0.503 nats, 100 points"
    plot.set_excess(excess_of(FRAME, stride=2))
    assert plot.note.text().endswith("100 points, 2 steps together")
    here = "step 4 → 5: +0.500 ± 0.050"
    for width, words in ((700, f"{here}    sum +5.500 ± 0.503 nats"), (400, here)):
        plot.resize(width, 320)
        assert plot.note.text() == words


def test_the_error_of_the_sum_is_that_of_whole_paths() -> None:
    """What one step has too much, the next one may have too little: here all of it."""
    rows = np.random.default_rng(0).standard_normal((10, 100))
    rows[1::2] = 1 - rows[::2]
    bars = excess_bars(excess_of(FRAME, rows))
    assert bars.errors.min() > 0.05 and bars.total_error < 1e-6 and bars.values.sum() == pytest.approx(5, abs=1e-5)
    rows[0, :2] = np.nan, np.inf
    assert excess_bars(excess_of(FRAME, rows)).points == 98


def test_sentences_on_the_excess() -> None:
    assert about_excess(3, (0.021, 0.004), None, False, None) == (
        "Step 3 → 4 misses the reverse of the forward step by +0.021 ± 0.004 nats."
    )
    both = about_excess(3, (0.021, 0.004), (0.05, 0.01), True, np.array([0.03, -0.002]))
    assert both == (
        "Step 3 → 4 misses the reverse of the forward step by +0.021 ± 0.004 nats (by nearest neighbours, without the "
        "ODE, +0.050 ± 0.010). The two differ by more than their errors: the ODE's own density does not fit here. "
        "Without its score it would miss by 0.002 less. With a drift that does not change it would by 0.030 more."
    )
    assert "nearest neighbours of so few points cannot tell" in about_excess(0, (0.1, 0.01), (np.nan, 0.1), False, None)
    below = "Below zero by more than its error: the ODE's own density does not fit here."
    assert below in about_excess(0, (-0.1, 0.01), None, False, None)
    assert below not in about_excess(0, (-0.1, 0.06), None, False, None)
    assert about_prior_excess(0.025, 0.003).startswith(
        "The ends of the forward paths differ from N(0, I) by KL = +0.025 ± 0.003 nats, by nearest neighbours."
    )


def test_hovering_explains_the_excess_and_what_of_it_the_parts_carry(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    frame = dataclasses.replace(FRAME, saved=np.array([[0.25] * 10, [0.125] * 10], np.float32))
    plot.set_frame(frame)
    plot.set_excess(excess_of(frame, neighbours=told(10, 0.1)))
    assert plot.explain(3).startswith("Step 3 → 4 misses the reverse of the forward step by +0.400 ± 0.050 nats (by ")
    assert plot.explain(3).endswith("miss by 0.125 more. With a drift that does not change it would by 0.250 more.")
    assert plot.explain(10).startswith("The ends of the forward paths differ from N(0, I) by KL = +0.100 ± 0.050")
    assert near(plot, sum(tail_of(10)) / 2, 0.05, plot._end._fill.name())


def test_new_weights_keep_the_excess_and_another_request_drops_it(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    plot.set_excess(excess_of(FRAME))
    before = plot._bars_shown
    plot.set_frame(dataclasses.replace(FRAME, weights=2))
    assert not plot._empty.isVisible() and plot._bars_shown.notes == before.notes
    for other in (frame_of(request=viewed(seed=1)), frame_of(steps=11)):
        plot.set_frame(FRAME)
        plot.set_excess(excess_of(FRAME))
        plot.set_frame(other)
        assert plot._empty.isVisible() and plot._empty.text() == WAITING and plot.limits is None
        plot.set_frame(FRAME)
        assert plot._empty.isVisible()


def test_limits_hold_bars_and_whiskers_but_not_diamonds_far_away(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    plot.set_excess(excess_of(FRAME))
    assert plot.limits is not None and plot.limits[0] == 0 and 1.1 < plot.limits[1] < 1.3
    plot.set_excess(excess_of(FRAME, neighbours=told(10, 0.1, 40.0)))
    assert plot.limits[1] < 1.75
    # They shrink slowly for one request, and begin anew for another
    wide = plot.limits
    plot.set_excess(excess_of(FRAME, neighbours=told(10, 0.1)))
    assert 1.2 < plot.limits[1] < wide[1]
    other = frame_of(request=viewed(seed=1))
    plot.set_frame(other)
    plot.set_excess(excess_of(other, np.full((10, 20), 0.01)))
    assert plot.limits[1] < 0.05


def test_zero_is_pale_and_colours_go_both_ways(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    rows = np.repeat(np.array([1.0, 0.0, -1.0, *np.zeros(7)])[:, None], 20, axis=1)
    plot.set_excess(excess_of(FRAME, rows))
    up, zero, down = (plot._bars._colours[shade].name() for shade in plot._bars._shades[:3])
    pale = LIGHT.disagreement[len(LIGHT.disagreement) // 2]
    assert zero == pale and len({up, zero, down}) == 3
    assert plot._strengths()[:3] == pytest.approx([1 - plot._strengths()[2], 0.5, plot._strengths()[2]])


def test_without_an_excess_to_come_there_are_contributions_only(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    plot.set_excess_known(False)
    assert plot.shown == "contribution" and not plot.chooser.isEnabled() and not plot._empty.isVisible()
    assert "slow" in plot.chooser.toolTip()
    plot.set_excess_known(True)
    assert plot.shown == "excess" and plot.chooser.isEnabled() and plot._empty.text() == WAITING


def test_the_reason_why_there_are_no_bars_stays_when_frames_come(qtbot: QtBot) -> None:
    plot = shown(qtbot, kind="excess")
    plot.set_reason("A flow has no bound.")
    plot.set_steps_known(False)
    plot.set_frame(dataclasses.replace(FRAME, mean_contributions=np.empty(0, np.float32)))
    assert plot._empty.isVisible() and plot._empty.text() == "A flow has no bound." and not plot.chooser.isVisible()
    plot.set_reason(None)
    plot.set_steps_known(True)
    plot.set_frame(FRAME)
    assert plot._empty.text() == WAITING


def test_what_nobody_has_trained_is_said_to_mean_nothing(quiet_workspace: Workspace) -> None:
    plot = FEATURE.plots[0].make(quiet_workspace)
    usual = plot.caption
    show(quiet_workspace, trees())
    assert plot.caption == UNTRAINED
    quiet_workspace.live.reported.emit([])
    assert plot.caption == usual
    show(quiet_workspace, trees())
    show(quiet_workspace, dataclasses.replace(trees(), shown=dataclasses.replace(trees().shown, trained=True)))
    assert plot.caption == usual
    plot.deleteLater()
