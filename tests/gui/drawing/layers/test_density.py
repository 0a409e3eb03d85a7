from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.density import MOMENTS, Limits, argb_table, bin_points, followed, smooth
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme, mix
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.plots import Plots
from tests.gui.drawing.test_theme import contrast
from tests.gui.scenes import frame_of, pixels, share_near
from tests.views import viewed


def density_view(qtbot: QtBot, direction: str = "forward") -> ProcessView:
    view = ProcessView(direction)
    qtbot.addWidget(view)
    view.resize(420, 420)
    with qtbot.waitExposed(view):
        view.show()
    view.set_layers(frozenset({"density"}))
    return view


@given(st.integers(0, 400), st.integers(1, 40), st.integers(1, 30), st.floats(0.5, 9))
def test_every_point_within_the_bins_counts_once(count: int, width: int, height: int, cell: float) -> None:
    random = np.random.default_rng(count)
    points = (random.random((count, 2)) * [width * cell, height * cell] * 0.999 + [7, -3]).astype(np.float32)
    away = np.array([[6.9, 0], [7 + width * cell + 0.1, 0], [8, -3.1], [8, height * cell - 2.9]], np.float32)
    counts = bin_points(np.concatenate([points, away]), (7, -3), cell, width, height)
    assert counts.shape == (height, width) and counts.sum() == count


def test_a_bin_takes_its_left_and_upper_edge() -> None:
    points = np.array([[0, 0], [4, 0], [3.999, 4], [8, 0], [0, 8]], np.float32)
    assert bin_points(points, (0, 0), 4, 2, 2).tolist() == [[1, 1], [1, 0]]


def test_what_is_not_finite_does_not_count() -> None:
    points = np.array([[np.nan, 1], [1, np.inf], [-np.inf, 1], [3e38, -3e38], [1, 1]], np.float32)
    assert bin_points(points, (0, 0), 4, 2, 2).tolist() == [[1, 0], [0, 0]]
    assert bin_points(np.empty((0, 2), np.float32), (0, 0), 4, 3, 2).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_smoothing_keeps_what_is_inside_and_is_even() -> None:
    values = np.zeros((9, 13), np.float32)
    values[4, 6] = 1
    out = smooth(values)
    assert out.shape == values.shape and out.sum() == pytest.approx(1)
    assert np.allclose(out, out[::-1]) and np.allclose(out, out[:, ::-1]) and out[4, 6] == out.max() == 36 / 256


def test_limits_follow_slowly() -> None:
    first, wanted = np.zeros(3, np.float32), np.ones(3, np.float32)
    once = followed(first, wanted)
    assert (once > 0).all() and (once < 0.2).all()
    for _ in range(60):
        once = followed(once, wanted)
    assert np.allclose(once, wanted, atol=1e-3)
    # A moment that the cursor was not at meanwhile goes as far at once
    twice = followed(followed(first, wanted), wanted)
    assert np.allclose(followed(first, wanted, frames=2), twice)


def test_limits_are_looked_for_where_the_cursor_is_and_once() -> None:
    asked, place, bins = [], QTransform.fromScale(10, -10), (QPointF(), 20, 10)

    def find(way: float, *_: object) -> np.ndarray:
        asked.append(way)
        return np.full(1, np.nan if way > 0.8 else way, np.float32)

    limits = Limits(find)
    assert limits.at(0.3) is None
    for way in (0.3, 0.4, 0.26):
        limits.bring_up(way, 1, place, bins)
        assert limits.at(way) == pytest.approx(way)
    assert asked == [0.25, 0.5]
    # With nothing to see at the end, what is next to it
    limits.bring_up(1.0, 1, place, bins)
    assert asked == [0.25, 0.5, 1.0] and limits.at(1.0) == pytest.approx(0.5)
    asked.clear()
    limits.forget()
    limits.bring_up(1.0, 2, place, bins)
    assert sorted(asked) == [k / (MOMENTS - 1) for k in range(MOMENTS)] and limits.at(1.0) == pytest.approx(0.75)
    asked.clear()
    limits.bring_up(0.5, 2, QTransform.fromScale(20, -20), bins)
    assert asked == [0.5]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_colours_leave_the_ground_evenly_in_lightness(theme: Theme, direction: str) -> None:
    table = argb_table(theme.density(direction))
    assert table[0] == 0
    alpha = (table >> 24) / 255
    ground = [int(theme.base[k : k + 2], 16) for k in (1, 3, 5)]
    parts = [(table >> shift) & 255 for shift in (16, 8, 0)]
    mixed = np.rint([part + under * (1 - alpha) for part, under in zip(parts, ground, strict=True)]).astype(int)
    steps = [contrast("#" + "".join(f"{part:02x}" for part in colour), theme.base) for colour in mixed.T]
    assert steps[0] == 1 and steps[-1] > 4.5 and (np.diff(steps[::8]) > 0).all()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_cloud_is_coloured_over_the_data_as_dots(qtbot: QtBot, theme: Theme) -> None:
    view = density_view(qtbot)
    view.set_theme(theme)
    frame = frame_of(points=2000)
    moved = np.tile(np.array([2.5, -2.5], np.float32), (11, 2000, 1)) + 0.05 * frame.forward
    moved[0] = frame.forward[0]
    view.set_frame(dataclasses.replace(frame, forward=moved))
    view.set_cursor(10)
    picture = pixels(view.plot)

    def around(x: float, y: float, reach: int) -> np.ndarray:
        place = view.plot.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))
        return picture[place.y() - reach : place.y() + reach, place.x() - reach : place.x() + reach]

    assert share_near(around(2.5, -2.5, 3), mix(theme.density("forward")[-1], theme.base, 0.08), 25) > 0.9
    assert share_near(around(-2.5, -2.5, 10), theme.base, 2) == 1
    dots = around(1.0, 1.0, 15)
    assert share_near(dots, theme.base, 2) < 0.98
    assert share_near(dots, theme.forward, 40) == 0


def test_the_layer_switches_and_needs_no_points(qtbot: QtBot) -> None:
    view = density_view(qtbot)
    nothing = pixels(view.plot)
    view.set_frame(frame_of())
    assert share_near(pixels(view.plot), LIGHT.forward, 90) > 0.01
    view.set_layers(frozenset())
    assert share_near(pixels(view.plot), LIGHT.forward, 90) < 1e-3
    view.set_layers(frozenset({"density"}))
    view.set_frame(frame_of(dim=1))
    assert share_near(pixels(view.plot), LIGHT.forward, 90) < 1e-3
    view.set_frame(None)
    assert np.array_equal(pixels(view.plot), nothing)


def test_nothing_out_of_sight_keeps_a_picture_and_what_comes_back_looks_as_it_did(
    qtbot: QtBot, qapp: QApplication
) -> None:
    view = density_view(qtbot)
    view.set_layers(frozenset({"density", "paths"}))
    view.set_frame(frame_of())
    before = pixels(view.plot)
    ground, paths = view._ground, view._paths
    assert ground._image is not None and paths._image is not None
    view.set_layers(frozenset({"density"}))
    assert ground._image is not None and paths._image is None
    view.set_layers(frozenset({"density", "paths"}))
    assert np.array_equal(pixels(view.plot), before)
    view.hide()
    assert ground._image is None and paths._image is None
    plots = Plots(Appearance(qapp))
    plots.add("view", view)
    for visible in (False, True):
        view.setVisible(visible)
        pixels(view.plot)
        plots.forget_hidden_pictures()
        assert (ground._image is not None) == (paths._image is not None) == visible
    assert np.array_equal(pixels(view.plot), before)


def test_the_limit_depends_on_where_the_cursor_is_not_on_how_it_came_there(qtbot: QtBot) -> None:
    view = density_view(qtbot)
    view.set_frame(frame_of(points=1000))
    layer, seen = view._density, []
    for position in (0.0, 10.0, 5.0, 4.9, 5.0):
        view.set_cursor(position)
        view.grab()
        seen.append(layer.limit)
    assert seen[2] == seen[4] and abs(seen[3] / seen[2] - 1) < 0.1
    assert seen[0] > seen[1] > 0


def test_the_limit_follows_new_weights_slowly_and_another_request_at_once(qtbot: QtBot) -> None:
    view = density_view(qtbot, "backward")
    frame = frame_of(points=1000)
    view.set_frame(frame)
    view.grab()
    before = view._density.limit
    narrow = dataclasses.replace(frame, backward=frame.backward * np.float32(0.25))
    view.set_frame(narrow)
    view.grab()
    assert 1 < view._density.limit / before < 1.6
    view.set_frame(dataclasses.replace(narrow, request=viewed(lam=0.5)))
    view.grab()
    assert view._density.limit / before > 2


def test_bins_keep_their_size_on_the_screen(qtbot: QtBot) -> None:
    view = density_view(qtbot)
    frame = frame_of(points=5000)
    view.set_frame(frame)
    blobs = []
    for zoom in (1.0, 0.25):
        view.box.scaleBy((zoom, zoom))
        one = np.full((11, 3, 2), 0.1, np.float32)
        view.set_frame(dataclasses.replace(frame, forward=one, backward=one))
        blobs.append(share_near(pixels(view.plot), LIGHT.base, 2))
    assert blobs[0] == pytest.approx(blobs[1], abs=0.005) and blobs[0] < 0.98


def test_points_that_left_the_finite_numbers_do_not_spoil_the_picture(qtbot: QtBot) -> None:
    view = density_view(qtbot)
    frame = frame_of(points=1000)
    forward = frame.forward.copy()
    forward[2:, ::3] = np.nan
    view.set_frame(dataclasses.replace(frame, forward=forward))
    view.set_cursor(5)
    assert share_near(pixels(view.plot), LIGHT.forward, 90) > 0.01 and np.isfinite(view._density.limit)
    view.set_frame(dataclasses.replace(frame, forward=np.full_like(forward, np.nan)))
    view.grab()
    assert np.isfinite(view._density.limit)
