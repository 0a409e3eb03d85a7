"""The chosen paths are seen above everything, in both themes and by everyone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.selection import MAX_LINES, MAX_NODES, SelectionLayer
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from tests.gui.scenes import frame_of, pixels, share_near

FRAME = frame_of()


def choose(view: ProcessView | TimeView, *points: int) -> None:
    rows = np.array(points, np.intp)
    if isinstance(view, TimeView):
        view.show_selection({"forward": rows, "backward": rows}, "forward")
    else:
        view.set_selection(rows)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("kind", ["forward", "backward", "time"])
def test_a_chosen_path_is_drawn_in_the_accent_from_end_to_end(qtbot: QtBot, theme: Theme, kind: str) -> None:
    view = TimeView() if kind == "time" else ProcessView(kind)
    qtbot.addWidget(view)
    view.resize(500, 450)
    view.show()
    view.set_theme(theme)
    view.set_frame(FRAME)
    before = pixels(view.plot)
    choose(view, 3)
    after = pixels(view.plot)
    assert share_near(after, theme.accent, 40) > share_near(before, theme.accent, 40) + 5e-4
    path = FRAME.backward[:, 3] if kind == "backward" else FRAME.forward[:, 3]
    for node in (2, 8):
        x, y = (float(node), float(path[node, 0])) if kind == "time" else map(float, path[node])
        at = view.plot.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))
        assert share_near(around(after, at, 3), theme.accent, 60) > 0.1, node
    choose(view)
    assert np.array_equal(pixels(view.plot), before)


def around(picture: np.ndarray, at: QPoint, far: int) -> np.ndarray:  # type: ignore[type-arg]
    return picture[at.y() - far : at.y() + far + 1, at.x() - far : at.x() + far + 1]


def test_the_ring_follows_the_cursor(qtbot: QtBot) -> None:
    view = ProcessView("forward")
    qtbot.addWidget(view)
    view.set_frame(FRAME)
    view.set_selection((7, 4))
    view.set_cursor(2.5)
    expected = (FRAME.forward[2, [7, 4]] + FRAME.forward[3, [7, 4]]) / 2
    np.testing.assert_allclose(view._chosen._points, expected, atol=1e-6)
    np.testing.assert_array_equal(view._chosen._paths, FRAME.forward[:, [7, 4]])


def test_it_survives_new_frames_and_points_that_are_not_there_are_left_out(qtbot: QtBot) -> None:
    views: tuple[ProcessView | TimeView, ...] = (ProcessView("backward"), TimeView())
    for view in views:
        qtbot.addWidget(view)
        layer = view._chosen if isinstance(view, ProcessView) else view._chosen["backward"]
        view.set_frame(FRAME)
        choose(view, 299, 3)
        view.set_frame(frame_of(points=100, steps=4))
        assert layer._paths.shape == (5, 1, 2) and len(layer._points) == 1
        view.set_frame(frame_of(steps=25))
        assert layer._paths.shape == (26, 2, 2) and len(layer._points) == 2
        view.set_frame(None)
        assert not len(layer._points)


def test_components_and_lost_numbers(qtbot: QtBot) -> None:
    view = ProcessView("forward")
    qtbot.addWidget(view)
    view.resize(400, 400)
    frame = frame_of(dim=4)
    broken = frame.forward.copy()
    broken[4:, 3] = np.nan
    view.set_frame(dataclasses.replace(frame, forward=broken))
    view.set_axes(3, 1)
    view.set_selection((3, 2))
    np.testing.assert_array_equal(view._chosen._paths[0], broken[0][[3, 2]][:, [3, 1]])
    view.set_cursor(6)
    assert share_near(pixels(view.plot), LIGHT.accent, 40) > 0


def test_what_is_drawn_is_bounded(qtbot: QtBot) -> None:
    layer = SelectionLayer()
    layer.set_paths(np.zeros((5001, MAX_LINES, 2), np.float32))
    assert layer._paths.shape == (60, MAX_LINES, 2) and layer._bundle._paths.shape[1] == 0
    layer.set_paths(np.zeros((5001, 70, 2), np.float32))
    assert layer._paths.shape == (MAX_NODES, 1, 2) and layer._bundle._paths.shape[1] == 69
    layer.set_paths(np.zeros((5001, 1, 2), np.float32))
    assert layer._paths.shape == (MAX_NODES, 1, 2)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_line_stands_out_from_its_halo_without_colour(theme: Theme) -> None:
    def luminance(name: str) -> float:
        channels = np.array(QColor(name).getRgbF()[:3])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(theme.accent), luminance(theme.base)), reverse=True)
    assert (high + 0.05) / (low + 0.05) > 4.5
