"""Paths coloured by the disagreement of their steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from dnf_studio.gui.actions import Key
from dnf_studio.gui.main_window import MainWindow
from dnf_studio.gui.plots.layers.bars import colour_ramp
from dnf_studio.gui.plots.layers.paths import MAX_COUNT, count_pixels, step_picture
from dnf_studio.gui.plots.layers.scale import BUCKETS, SteadyLimits, bucket_of
from dnf_studio.gui.plots.process_view import ProcessView
from dnf_studio.gui.plots.step_colours import StepColouring, StepColours
from dnf_studio.gui.plots.time_view import TimeView
from dnf_studio.gui.theme import LIGHT
from tests.gui.plots.scenes import frame_of, pixels, share_near

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


def test_one_frame_is_coloured_once_and_up_to_500_paths() -> None:
    colouring = StepColouring()
    frame = frame_of(points=700)
    colours = colouring.follow(frame)
    assert colours is not None and colours.buckets.shape == (10, 500) and colouring.follow(frame) is colours
    assert colouring.follow(dataclasses.replace(frame, step_disagreement=np.empty((0, 0), np.float32))) is None
    assert colouring.follow(None) is None


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
    for bucket, seen in ((15, True), (0, False)):
        view.set_step_colours(StepColours(np.full((10, 60), bucket, np.uint8), (-1.0, 1.0)))
        assert (share_near(pixels(view.plot)[:350], dark, 60) > 0.01) == seen
    view.set_step_colours(StepColours(np.full((4, 60), 15, np.uint8), (-1.0, 1.0)))
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
    view.set_step_colours(StepColours(buckets, (-1.0, 1.0)))
    fitting = view._paths._fitting_buckets()
    assert fitting is not None and fitting.shape == (10, 59) and (fitting[:, 0] == 15).all()


def test_the_command_colours_both_views_of_the_forward_paths(still_window: MainWindow) -> None:
    window = still_window
    views, command = window.views, window.commands[Key.DISAGREEMENT]
    views.show_frame(frame_of())
    assert not command.isChecked() and views.forward._paths._steps is None
    command.trigger()
    assert command.isChecked() and "disagreement" in window.session.state.layers
    first = views.forward._paths._steps
    assert first is not None and views.time._paths["forward"]._steps is first
    assert views.backward._paths._steps is None and views.time._paths["backward"]._steps is None
    views.show_frame(frame_of(points=200))
    assert views.forward._paths._fitting_buckets() is not None and views.forward._paths._steps is not first
    window.session.undo()
    assert not command.isChecked() and views.forward._paths._steps is None
