"""Paths coloured by the log-ratios of their steps."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.paths import MAX_COUNT, count_pixels, step_picture
from dnf_studio.gui.drawing.layers.scale import (
    BUCKETS,
    ColourKey,
    SteadyLimits,
    StepColouring,
    StepColours,
    bucket_of,
    nats_at,
)
from dnf_studio.gui.drawing.theme import LIGHT
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.frame.main_window import MainWindow
from tests.gui.scenes import excess_of, frame_of, pixels, share_near
from tests.views import viewed

TABLE = (np.arange(BUCKETS)[:, None] * 1000 + np.arange(MAX_COUNT)).astype(np.uint32)


def test_each_step_is_drawn_in_its_own_colour() -> None:
    paths = np.array([[[2.5, 4.5]], [[8.5, 4.5]], [[14.5, 4.5]]], np.float32)
    picture = step_picture(paths, np.array([[3], [15]], np.uint8), 20, 10, TABLE)
    assert (picture[4, 3:8] == 3001).all() and (picture[4, 9:14] == 15001).all()
    assert (np.delete(picture, 4, axis=0) == 0).all()


def test_a_pixel_has_the_mean_colour_and_the_count_of_what_crosses_it() -> None:
    random = np.random.default_rng(0)
    paths = (random.standard_normal((9, 70, 2)) * 6 + 15).astype(np.float32)
    buckets = np.full((8, 70), 5, np.uint8)
    buckets[:, 35:] = 9
    picture = step_picture(paths, buckets, 30, 30, TABLE)
    counts = count_pixels(paths, 30, 30)
    np.testing.assert_array_equal(picture % 1000, np.minimum(counts, MAX_COUNT - 1))
    means = picture[counts > 0] // 1000
    assert means.min() == 5 and means.max() == 9 and 6 < means.mean() < 8
    assert (picture[counts == 0] == 0).all()


def test_limits_grow_at_once_shrink_slowly_and_leave_out_the_outermost() -> None:
    values = np.linspace(-1, 1, 1001, dtype=np.float32)
    values[:5] = (np.nan, np.inf, -np.inf, 1e9, -1e9)
    steady = SteadyLimits()
    low, high = steady.follow(values, "one")
    assert low == pytest.approx(-0.96, abs=0.02) and high == pytest.approx(0.96, abs=0.02)
    assert steady.follow(values * 2, "one")[1] == pytest.approx(1.92, abs=0.03)
    smaller = steady.follow(values, "one")
    assert 1.7 < smaller[1] < 1.9 and -1.9 < smaller[0] < -1.7
    assert steady.follow(values, "another") == pytest.approx((low, high))
    assert steady.follow(np.zeros(0, np.float32), "empty")[1] > 0


def test_buckets_are_even_and_hold_everything() -> None:
    values = np.array([-9, -1, -0.99, 0, 0.99, 1, 9, np.nan, np.inf, -np.inf], np.float32)
    assert bucket_of(values, (-1, 1)).tolist() == [0, 0, 0, 8, 15, 15, 15, 15, 15, 0]


def test_limits_around_zero_are_as_far_below_it_as_above() -> None:
    values = np.linspace(-0.5, 2, 1001, dtype=np.float32)
    values[:5] = (np.nan, np.inf, -np.inf, 1e9, -1e9)
    steady = SteadyLimits(around_zero=True)
    low, high = steady.follow(values, "one")
    assert low == -high and high == pytest.approx(1.95, abs=0.02)
    low, high = steady.follow(-values, "one")
    assert low == -high and high == pytest.approx(1.95, abs=0.02)
    low, high = steady.follow(values * 0.1, "one")
    assert low == pytest.approx(-high) and 1.6 < high < 1.8
    low, high = SteadyLimits(around_zero=True).follow(np.zeros(9, np.float32), "none")
    assert low < 0 < high


def test_up_to_500_paths_have_colours_around_zero_each_process_its_own() -> None:
    frame = frame_of(points=700)
    rows = np.zeros((10, 600))
    rows[2, 0], rows[3, 0] = 1.0, -1.0
    rows[4, ::2], rows[4, 1::2] = 0.5, -0.5
    found = excess_of(frame, rows)
    ahead, back = (StepColouring(way).colours(frame, found) for way in ("forward", "backward"))
    assert ahead is not None and back is not None
    assert ahead.buckets.shape == back.buckets.shape == (10, 500)
    assert ahead.limits == back.limits == (-0.5, 0.5) and ahead.extremes == back.extremes == (-1.0, 1.0)
    assert (ahead.buckets[2, 0], ahead.buckets[3, 0], ahead.buckets[0, 0]) == (15, 0, 8)
    assert (back.buckets[2, 0], back.buckets[3, 0], back.buckets[4, 0]) == (0, 15, 0)


def test_steps_that_are_not_known_yet_have_the_colour_of_zero() -> None:
    frame = frame_of(points=700)
    rows = np.full((10, 40), 0.7)
    rows[:, 3] = np.nan
    colours = StepColouring("forward").colours(frame, excess_of(frame, rows))
    assert colours is not None and colours.buckets.shape == (10, 500) and colours.extremes == pytest.approx((0.7, 0.7))
    assert (colours.buckets[:, 40:] == 8).all() and (colours.buckets[:, 3] == 8).all()
    assert (np.delete(colours.buckets[:, :40], 3, axis=1) == 15).all()


def test_there_are_no_colours_of_nothing_and_none_of_other_settings() -> None:
    frame, colouring = frame_of(), StepColouring("backward")
    found = excess_of(frame)
    assert colouring.colours(frame, found) is not None
    assert colouring.colours(dataclasses.replace(frame, weights=2), found) is not None
    for other in (None, frame_of(request=viewed(seed=1)), frame_of(steps=9), frame_of(dim=3)):
        assert colouring.colours(other, found) is None
    assert colouring.colours(frame, None) is None
    assert colouring.colours(frame, dataclasses.replace(found, backward=found.backward[:, :0])) is None


@pytest.mark.usefixtures("qapp")
def test_the_key_says_how_far_the_outermost_go_where_there_is_room() -> None:
    written = []

    def widths_of(area: float) -> int:
        image = QImage(int(area), 40, QImage.Format.Format_RGB32)
        image.fill(QColor(LIGHT.base))
        painter = QPainter(image)
        key = ColourKey(words=lambda low, high: written.append((low, high)) or nats_at(low, high))
        key.set_theme(LIGHT)
        key.draw(painter, QRectF(0, 0, area, 40), (-0.5, 0.5), painter.font(), extremes=(-3.0, 7.0))
        painter.end()
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(40, image.bytesPerLine() // 4, 4)
        return int((rows[..., :3] != rows[0, 0, :3]).any(axis=(0, 2)).sum())

    assert widths_of(600) > widths_of(200) + 60 and (-3.0, 7.0) in written


@pytest.mark.parametrize("kind", [lambda: ProcessView("forward"), TimeView])
def test_a_view_is_coloured_and_plain_again(qtbot: QtBot, kind: type[TimeView]) -> None:
    view = kind()
    qtbot.addWidget(view)
    view.resize(420, 420)
    with qtbot.waitExposed(view):
        view.show()
    frame = frame_of(points=60)
    view.set_frame(frame)
    view.set_layers(frozenset({"paths", "forward", "disagreement"}))
    plain = pixels(view.plot)
    dark = QColor(colour_ramp(LIGHT.disagreement, BUCKETS)[-1]).name()
    for bucket, seen in ((15, True), (8, False), (0, False)):
        view.set_step_colours(StepColours(np.full((10, 60), bucket, np.uint8), (-1.0, 1.0), (-2.0, 3.0)))
        assert (share_near(pixels(view.plot)[:350], dark, 60) > 0.01) == seen
    view.set_step_colours(StepColours(np.full((4, 60), 15, np.uint8), (-1.0, 1.0), None))
    assert np.array_equal(pixels(view.plot), plain)
    view.set_step_colours(None)
    assert np.array_equal(pixels(view.plot), plain)


def test_lost_paths_keep_the_colours_of_the_others_in_place(qtbot: QtBot) -> None:
    view = ProcessView("forward")
    qtbot.addWidget(view)
    view.resize(420, 420)
    view.show()
    frame = frame_of(points=60)
    forward = frame.forward.copy()
    forward[4, 0] = np.nan
    view.set_frame(dataclasses.replace(frame, forward=forward))
    buckets = np.zeros((10, 60), np.uint8)
    buckets[:, 1] = 15
    view.set_step_colours(StepColours(buckets, (-1.0, 1.0), None))
    fitting = view._paths._fitting_buckets()
    assert fitting is not None and fitting.shape == (10, 59) and (fitting[:, 0] == 15).all()


def test_the_command_colours_the_views_of_both_processes_once_something_is_known(still_window: MainWindow) -> None:
    window = still_window
    command = window.commands["disagreement"]
    forward, backward, time = (window.plots[name]._paths for name in ("forward", "backward", "time"))
    frame = frame_of()
    window.live.show(frame)
    command.trigger()
    assert command.isChecked() and "disagreement" in window.session.state.layers
    assert forward._steps is None and backward._steps is None
    window.live.show_excess(excess_of(frame, np.random.default_rng(1).standard_normal((10, 100))))
    ahead, back = forward._steps, backward._steps
    assert ahead is not None and time["forward"]._steps is ahead
    assert back is not None and np.array_equal(back.buckets[:, :100], 15 - ahead.buckets[:, :100])
    assert time["backward"]._steps is None
    window.live.show(frame_of(points=200))
    assert forward._fitting_buckets() is not None and forward._steps is not ahead
    assert backward._fitting_buckets() is not None
    window.session.undo()
    assert not command.isChecked() and forward._steps is None and backward._steps is None


def test_trails_in_one_colour_make_way_for_those_of_the_steps_in_both_views(still_window: MainWindow) -> None:
    window = still_window
    window.live.show(frame_of())
    for layers, seen in (({"paths"}, True), ({"paths", "disagreement"}, False)):
        window.session.apply({"layers": frozenset(layers)})
        for view in (window.plots["forward"], window.plots["backward"]):
            assert view._trails.isVisible() == seen


def test_what_is_known_of_other_settings_or_another_model_is_not_shown(still_window: MainWindow) -> None:
    window = still_window
    command = window.commands["disagreement"]
    command.trigger()
    frame, other = frame_of(), frame_of(request=viewed(seed=1))
    window.live.show(frame)
    window.live.show_excess(excess_of(other))
    assert (
        window.live.excess is None
        and window.plots["forward"]._paths._steps is None
        and window.plots["disagreement"].limits is None
    )
    window.live.show_excess(excess_of(frame))
    window.live.show(dataclasses.replace(frame, weights=2))
    assert window.live.excess is not None and window.plots["disagreement"].limits is not None
    # Of another model nothing is known yet
    for go in (partial(window.live.show, other), partial(window.live.show_excess, None)):
        window.live.show_excess(excess_of(frame))
        go()
        assert window.live.excess is None and window.plots["forward"]._paths._steps is None
        window.live.show(frame)
        assert window.live.excess is None and window.plots["disagreement"].limits is None
