"""Clicks in the views of a whole window choose points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.errors import SettingError
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.state import State, after_click
from tests.gui.scenes import frame_of, pixels

NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
FRAME = frame_of(points=40)


@pytest.fixture
def window(still_window: MainWindow) -> MainWindow:
    """Few points, so that they lie apart, and no faint paths to hit beside them."""
    still_window.live.show(FRAME)
    still_window.session.apply({"layers": frozenset({"points"})})
    still_window.session.cursor.jump(4)
    return still_window


def place(view: ProcessView | TimeView, x: float, y: float) -> QPoint:
    return view.plot.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))


def click(view: ProcessView | TimeView, x: float, y: float, modifier: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, modifier, place(view, x, y))


def lone(direction: str, count: int) -> list[int]:
    """Points with no neighbour near, at node 4."""
    at = (FRAME.forward if direction == "forward" else FRAME.backward)[4]
    away = ((at[:, None] - at) ** 2).sum(-1) ** 0.5
    away[range(len(at)), range(len(at))] = 99
    return [int(k) for k in away.min(axis=1).argsort()[::-1][:count]]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_click_on_a_point_chooses_it_in_every_view_of_its_process(window: MainWindow, direction: str) -> None:
    view: ProcessView = window.plots[direction]
    paths = FRAME.forward if direction == "forward" else FRAME.backward
    first, second = lone(direction, 2)
    click(view, *map(float, paths[4, first]))
    assert window.session.state.selection == (first,) and window.session.state.direction == direction
    for name in ("forward", "backward"):
        assert window.plots[name]._chosen._paths.shape[1] == (name == direction)
        assert window.plots["time"]._chosen[name]._paths.shape[1] == (name == direction)
    click(view, *map(float, paths[4, second]), CONTROL)
    assert window.session.state.selection == (first, second)
    click(view, *map(float, paths[4, first]), CONTROL)
    assert window.session.state.selection == (second,)
    window.session.undo()
    assert window.session.state.selection == (first, second)


def test_a_click_on_a_path_chooses_it_where_paths_are_shown(window: MainWindow) -> None:
    view = window.plots["forward"]
    point = lone("forward", 1)[0]
    middle = (FRAME.forward[9, point] + FRAME.forward[10, point]) / 2
    window.session.apply({"layers": frozenset({"paths"})})
    click(view, *map(float, middle))
    assert window.session.state.selection == (point,)


def test_a_click_on_nothing_clears_unless_it_becomes_a_double_click(window: MainWindow, qtbot: QtBot) -> None:
    view = window.plots["forward"]
    view.box.scaleBy((0.5, 0.5))
    pixels(view)
    zoomed = view.box.viewRect().width()
    window.session.apply({"selection": (3,)})
    corner = view.box.viewRect().topLeft() * 0.97
    where = place(view, corner.x(), corner.y())
    QTest.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, NONE, where)
    QTest.mouseDClick(view.plot.viewport(), Qt.MouseButton.LeftButton, NONE, where)
    QTest.mouseRelease(view.plot.viewport(), Qt.MouseButton.LeftButton, NONE, where)
    assert view.box.viewRect().width() > 1.5 * zoomed
    assert not window.parts["selection"]._clearing.isActive() and window.session.state.selection == (3,)
    corner = view.box.viewRect().topLeft() * 0.97
    click(view, corner.x(), corner.y(), CONTROL)
    assert not window.parts["selection"]._clearing.isActive()
    click(view, corner.x(), corner.y())
    qtbot.waitUntil(lambda: window.session.state.selection == (), timeout=5000)


def test_escape_clears_and_undo_brings_back(window: MainWindow) -> None:
    window.session.apply({"selection": (3, 5)})
    QTest.keySequence(window, QKeySequence("Esc"))
    assert window.session.state.selection == ()
    window.commands["undo"].trigger()
    assert window.session.state.selection == (3, 5)


def test_the_time_view_chooses_near_a_point_and_else_moves_the_cursor(window: MainWindow) -> None:
    time, session = window.plots["time"], window.session
    top = int(FRAME.forward[4, :, 0].argmax())
    highest = float(FRAME.forward[4, top, 0])
    time._switches["backward"].click()
    click(time, 4.0, highest)
    assert session.state.selection == (top,) and session.cursor.position == 4
    click(time, 7.0, highest)
    assert session.cursor.position == pytest.approx(7, abs=0.2) and session.state.selection == (top,)
    time._switches["forward"].click()
    click(time, 4.0, highest)
    assert session.cursor.position == pytest.approx(4, abs=0.2)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans())))
def test_clicks_keep_each_point_once_and_the_last_one_current(clicks: list[tuple[int, bool]]) -> None:
    chosen: tuple[int, ...] = ()
    for point, adding in clicks:
        before, chosen = chosen, after_click(chosen, point, adding)
        assert len(set(chosen)) == len(chosen)
        if adding and point in before:
            assert point not in chosen and set(chosen) == set(before) - {point}
        else:
            assert chosen[-1] == point and len(chosen) == (len(before) + 1 if adding else 1)


def test_a_direction_is_one_of_two() -> None:
    with pytest.raises(SettingError, match="forward or backward"):
        State(direction="sideways")
