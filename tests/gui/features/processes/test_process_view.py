from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.style import apply_theme
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.disagreement.plot import DisagreementPlot
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.features.time_grid.plot import GridPlot
from tests.gui.scenes import excess_of, frame_of, pixels, share_near


def shown(qtbot: QtBot, plot: Plot, width: int = 420, height: int = 400) -> Plot:
    qtbot.addWidget(plot)
    plot.resize(width, height)
    with qtbot.waitExposed(plot):
        plot.show()
    return plot


def at(plot: Plot, x: float, y: float) -> QPoint:
    """Where plot coordinates lie in the viewport."""
    return plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_process_is_drawn_in_its_colour_and_layers_switch(qtbot: QtBot, direction: str, theme: Theme) -> None:
    view = ProcessView(direction)
    shown(qtbot, view)
    view.set_theme(theme)
    own, other = theme.direction(direction), theme.backward if direction == "forward" else theme.forward
    empty = share_near(pixels(view.plot), own)
    view.set_frame(frame_of())
    full = pixels(view.plot)
    assert share_near(full, own) > empty + 0.005 and share_near(full, other, 30) < 1e-3
    assert share_near(full, theme.base, 4) > 0.5
    view.set_layers(frozenset({"paths"}))
    paths = pixels(view.plot)
    view.set_layers(frozenset())
    nothing = pixels(view.plot)
    assert (full != paths).any() and (paths != nothing).any()
    assert share_near(nothing, own, 30) == pytest.approx(empty, abs=1e-3)
    view.set_layers(frozenset({"points", "paths"}))
    assert np.array_equal(pixels(view.plot), full)


def test_points_move_with_the_cursor_between_nodes(qtbot: QtBot) -> None:
    view = ProcessView("forward")
    shown(qtbot, view)
    frame = frame_of(steps=10)
    view.set_frame(frame)
    view.set_cursor(4.25)
    expected = 0.75 * frame.forward[4] + 0.25 * frame.forward[5]
    np.testing.assert_allclose(view._points._points, expected, atol=1e-6)
    assert view.note.text() == "t = 0.0218    i = 4 of 10"
    view.set_cursor(99)
    np.testing.assert_array_equal(view._points._points, frame.forward[10])
    view.set_cursor(-3)
    np.testing.assert_array_equal(view._points._points, frame.forward[0])


def test_the_range_is_fixed_by_the_data_and_does_not_jump(qtbot: QtBot) -> None:
    view = ProcessView("backward")
    shown(qtbot, view, 420, 420)
    frame = frame_of()
    view.set_frame(frame)
    before = view.box.viewRect()
    view.set_frame(dataclasses.replace(frame, backward=frame.backward * 40))
    view.set_cursor(3.3)
    assert view.box.viewRect() == before
    across, up = view.box.viewPixelSize()
    assert across == pytest.approx(up, rel=1e-6)
    view.set_frame(dataclasses.replace(frame, forward=frame.forward * 20))
    assert view.box.viewRect().width() > 3 * before.width()


def test_linked_views_zoom_together_and_a_reset_brings_both_back(qtbot: QtBot) -> None:
    first, second = ProcessView("forward"), ProcessView("backward")
    first.link(second)
    for view in (first, second):
        shown(qtbot, view)
        view.set_frame(frame_of())
    wholes = [view.box.viewRect().width() for view in (first, second)]
    first.box.scaleBy((0.5, 0.5))
    first.box.sigRangeChangedManually.emit(first.box.state["mouseEnabled"])
    assert second.box.viewRect().width() == pytest.approx(first.box.viewRect().width())
    assert second.box.viewRect().width() < 0.6 * wholes[1]
    second.reset_view()
    assert [view.box.viewRect().width() for view in (first, second)] == pytest.approx(wholes, rel=0.05)


def test_a_pair_of_components_is_chosen(qtbot: QtBot) -> None:
    view = ProcessView("forward")
    shown(qtbot, view)
    frame = frame_of(dim=5)
    view.set_frame(frame)
    view.set_axes(4, 2)
    np.testing.assert_array_equal(view._points._points, frame.forward[0][:, [4, 2]])


def share_drawn(view: Plot) -> float:
    """Share of pixels in the colour of a direction, faint or full; the cursor's line has more green than they."""
    picture = pixels(view.plot)
    return float((picture[..., [0, 2]].max(axis=-1) - picture[..., 1] > 12).mean())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_numbers_that_left_are_flagged_and_the_rest_is_drawn(qtbot: QtBot, bad: float) -> None:
    frame = frame_of()
    forward = frame.forward.copy()
    forward[3:, 7] = bad
    broken = dataclasses.replace(frame, forward=forward)
    views: tuple[Plot, ...] = (ProcessView("forward"), TimeView())
    for view in views:
        shown(qtbot, view, 700, 300)
        view.set_frame(broken)
        view.set_cursor(6.5)
        assert share_drawn(view) > 0.02
        assert ("left the finite numbers" in view.note.text()) == (not np.isfinite(bad))


def test_one_dimension_has_the_time_view_only(qtbot: QtBot) -> None:
    process, time = ProcessView("forward"), TimeView()
    for view in (process, time):
        shown(qtbot, view)
        view.set_frame(frame_of(dim=1))
        view.set_cursor(2.0)
    assert process._empty.isVisible() and not time._empty.isVisible()
    assert not time._chooser.isVisible()
    assert share_drawn(time) > 0.02


def test_the_time_view_moves_the_cursor_by_click_and_drag(qtbot: QtBot) -> None:
    view = TimeView()
    shown(qtbot, view)
    view.set_frame(frame_of(steps=10))
    view.set_cursor(2.0)
    with qtbot.waitSignal(view.cursor_moved, timeout=1000) as clicked:
        qtbot.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=at(view, 7.0, 0.0))
    assert clicked.args[0] == pytest.approx(7.0, abs=0.1)
    with qtbot.waitSignal(view.cursor_moved, timeout=1000) as dragged:
        view._line.setValue(20.0)
        view._line.sigDragged.emit(view._line)
    assert dragged.args == [10.0]
    with qtbot.assertNotEmitted(view.cursor_moved):
        view.set_cursor(5.0)
    assert view._line.value() == 5.0


def test_directions_and_component_of_the_time_view(qtbot: QtBot) -> None:
    view = TimeView()
    shown(qtbot, view)
    frame = frame_of(dim=3)
    view.set_frame(frame)
    view.set_layers(frozenset({"backward"}))
    assert not view._switches["forward"].isChecked()
    assert share_near(pixels(view.plot), LIGHT.forward, 25) < 1e-3
    view._switches["forward"].click()
    view._switches["backward"].click()
    assert view._paths["forward"].isVisible() and not view._paths["backward"].isVisible()
    view.set_component(2)
    assert view.component == 2 and view._chooser.currentText() == "x₃"
    np.testing.assert_array_equal(view._points["forward"]._points[:, 1], frame.forward[0][:, 2])
    with qtbot.waitSignal(view.component_changed) as changed:
        view._chooser.setCurrentIndex(1)
        view._chooser.activated.emit(1)
    assert changed.args == [1] and view.component == 1


def test_a_bar_is_clicked_and_the_current_one_said(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    shown(qtbot, plot, 600, 300)
    frame = frame_of(steps=10)
    plot.set_frame(frame)
    plot.set_excess(excess_of(frame))
    plot.set_cursor(3.7)
    assert plot.note.text() == "step 3 → 4: +0.400 ± 0.050    sum +5.500 ± 0.503 nats"
    plot.set_shown("contribution")
    assert plot.note.text() == "step 3 → 4: +0.267    sum +1.500 nats"
    with qtbot.waitSignal(plot.step_clicked, timeout=1000) as clicked:
        qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=at(plot, 6.4, 0.05))
    assert clicked.args == [6]
    plot.set_cursor(10.0)
    assert plot.note.text().startswith("step 9 → 10: −0.200")


def test_bars_above_and_below_zero_differ_in_colour(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    shown(qtbot, plot, 600, 300)
    frame = frame_of(steps=10)
    plot.set_frame(frame)
    plot.set_excess(excess_of(frame, np.linspace(0.5, -0.5, 10)[:, None] * np.ones(20)))
    plot.set_cursor(5.0)
    picture = pixels(plot.plot)
    high, low = at(plot, 0.3, 0.25), at(plot, 9.3, -0.25)
    # The ends of the map are the limits, which leave room above the bars
    ramp = colour_ramp(LIGHT.disagreement, 101)
    assert share_near(picture[high.y() : high.y() + 1, high.x() : high.x() + 1], ramp[90], 10) == 1
    assert share_near(picture[low.y() : low.y() + 1, low.x() : low.x() + 1], ramp[10], 10) == 1


def test_many_bars_are_drawn_as_groups(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    shown(qtbot, plot)
    plot.set_shown("contribution")
    frame = frame_of(points=2, steps=10_000)
    plot.set_frame(dataclasses.replace(frame, mean_contributions=np.full(10_000, 0.1, np.float32)))
    assert share_near(pixels(plot.plot), LIGHT.disagreement[-1], 60) > 0.4


@pytest.mark.parametrize("kind", [TimeView, DisagreementPlot, LossPlot, GridPlot, lambda: ProcessView("forward")])
def test_every_plot_has_names_a_caption_and_an_empty_sentence(qtbot: QtBot, kind: type[Plot]) -> None:
    plot = shown(qtbot, kind())
    assert plot.accessibleName() and plot.plot.accessibleName() and plot.plot.accessibleDescription() == plot.caption
    assert plot.caption.endswith(".") and "\n" not in plot.caption
    assert plot._empty.isVisible() and plot._empty.text().endswith(".")
    if not isinstance(plot, LossPlot):
        frame = frame_of()
        plot.set_frame(frame)
        if isinstance(plot, DisagreementPlot):
            plot.set_excess(excess_of(frame))
        assert not plot._empty.isVisible()
        plot.set_frame(None)
        assert plot._empty.isVisible() and plot.note.text() == ""


def test_a_theme_survives_the_style_of_the_application(qtbot: QtBot, qapp: QApplication) -> None:
    plot = shown(qtbot, DisagreementPlot())
    plot.set_theme(DARK)
    apply_theme(qapp, DARK)
    qapp.processEvents()
    picture = pixels(plot)
    assert share_near(picture, DARK.base, 6) > 0.9
    assert share_near(picture[:26], DARK.text, 40) > 0.005
    apply_theme(qapp, LIGHT)


def test_notes_shrink_to_their_room(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    shown(qtbot, plot, 600, 200)
    frame = frame_of(steps=10)
    plot.set_frame(frame)
    plot.set_excess(excess_of(frame))
    assert plot.note.text().startswith("step 0")
    plot.resize(400, 200)
    qtbot.waitUntil(lambda: plot.note.text() == "step 0 → 1: +0.100 ± 0.050")
    # Before the number the title gives way
    plot.resize(300, 200)
    qtbot.waitUntil(lambda: plot.note.text() == "+0.100 ± 0.050")
    for width in (240, 200):
        plot.resize(width, 200)
        QApplication.processEvents()
    assert plot.width() == 200 and plot.chooser.width() < 120
    assert plot.note.toolTip().startswith("step 0 → 1: +0.100 ± 0.050    sum +5.500 ± 0.503 nats, 100 points")


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_other_process_is_laid_over_at_the_same_time(qtbot: QtBot, direction: str) -> None:
    frame = frame_of(points=600)
    frame = dataclasses.replace(frame, backward=frame.backward * np.float32(0.1) + np.float32(2))
    view = ProcessView(direction)
    qtbot.addWidget(view)
    view.resize(400, 400)
    view.show()
    view.set_layers(frozenset({"points"}))
    view.set_frame(frame)
    view.set_cursor(4.0)
    alone = pixels(view.plot)
    view.set_layers(frozenset({"points", "overlay"}))
    other = frame.backward if direction == "forward" else frame.forward
    np.testing.assert_array_equal(view._other._points, other[4])
    assert (pixels(view.plot) != alone).any()
    view.set_cursor(9.0)
    np.testing.assert_array_equal(view._other._points, other[9])
    view.set_axes(1, 0)
    np.testing.assert_array_equal(view._other._points, other[9][:, ::-1])
    view.set_cursor(4.0)
    view.set_axes(0, 1)
    view.set_layers(frozenset({"points"}))
    assert np.array_equal(pixels(view.plot), alone)
    view.set_layers(frozenset({"points", "overlay"}))
    view.set_frame(None)
    assert not len(view._other._points)
