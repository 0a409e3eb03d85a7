"""Rectangles and lassos drawn with the mouse in a whole window choose points, at any time and in every view."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from dnf_studio.core.sampling.region import inside_polygon
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.theme import LIGHT
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.selection.controller import MODES, TOOLS, ToolStrip
from dnf_studio.gui.frame.main_window import MainWindow
from tests.gui.mouse import drag, place_of
from tests.gui.scenes import frame_of, pixels, share_near

FRAME = frame_of(points=300)
SHIFT, CONTROL, ALT = (getattr(Qt.KeyboardModifier, f"{name}Modifier") for name in ("Shift", "Control", "Alt"))
ANGLES = np.linspace(0, 2 * np.pi, 40)
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
TIMES = (0.0, 4.0, 6.5)


@pytest.fixture
def window(still_window: MainWindow) -> MainWindow:
    still_window.live.show(FRAME)
    pixels(still_window.views)
    return still_window


def chosen(window: MainWindow) -> set[int]:
    selection = window.session.state.selection
    assert len(set(selection)) == len(selection)
    return set(selection)


def states(direction: str, position: float) -> np.ndarray:  # type: ignore[type-arg]
    return at_position(FRAME.forward if direction == "forward" else FRAME.backward, position)


def clearly(points: np.ndarray, region: np.ndarray) -> tuple[set[int], set[int]]:  # type: ignore[type-arg]
    """Which are inside, and which are so near the rim that a pixel decides."""
    middle = region.mean(axis=0)
    small, large = (inside_polygon(points, middle + (region - middle) * by) for by in (0.96, 1.04))
    return set(np.flatnonzero(small)), set(np.flatnonzero(large & ~small))


def click(window: MainWindow, key: str) -> None:
    button = window.findChild(ToolStrip).widgetForAction(window.commands[key])
    assert isinstance(button, QToolButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("position", TIMES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_lasso_chooses_what_is_drawn_within_it(window: MainWindow, direction: str, position: float) -> None:
    window.session.cursor.jump(position)
    click(window, "tool-lasso")
    view: ProcessView = window.plots[direction]
    before = view.box.viewRect().center()
    region = RING * 0.8 + [0.4, 0.3]
    drag(view, region.tolist())
    inside, rim = clearly(states(direction, position), region)
    assert len(inside) > 20 and inside <= chosen(window) <= inside | rim
    assert window.session.state.direction == direction
    assert view.box.viewRect().center() == before
    window.session.undo()
    assert chosen(window) == set()


def test_a_rectangle_lights_up_whole_round_trips_in_every_view(window: MainWindow) -> None:
    window.session.apply({"start": "forward"})
    QTest.keySequence(window, QKeySequence("M"))
    dots = share_near(pixels(window.plots["backward"].plot), LIGHT.accent, 40)
    drag(window.plots["forward"], [(-2, -2), (-1, -1), (0.5, 0.5)])
    inside, rim = clearly(states("forward", 0), np.array([(-2, -2), (0.5, -2), (0.5, 0.5), (-2, 0.5)]))
    assert len(inside) > 60 and inside <= chosen(window) <= inside | rim
    count = len(chosen(window))
    for view in (window.plots["forward"], window.plots["backward"]):
        assert len(view._chosen._dots._points) == count - 1 and len(view._points._points) == 300 - count
        assert view._chosen._bundle._paths.shape[1] == count - 1
    assert window.plots["time"]._chosen["forward"]._bundle._paths.shape[1] == count - 1
    assert share_near(pixels(window.plots["backward"].plot), LIGHT.accent, 40) > dots + 1e-3
    window.commands["clear-selection"].trigger()
    assert len(window.plots["forward"]._points._points) == 300
    assert share_near(pixels(window.plots["backward"].plot), LIGHT.accent, 40) == dots


@pytest.mark.parametrize("way", ["buttons", "modifiers", "keys"])
def test_regions_add_and_subtract(window: MainWindow, way: str) -> None:
    view, at = window.plots["forward"], states("forward", 0)
    click(window, "tool-rectangle")
    drag(view, [(-2, -2), (-1.5, -1.5), (-1, 0)])
    first = chosen(window)
    for mode, key, letter, modifier in (
        ("add", "mode-add", "+", SHIFT),
        ("subtract", "mode-subtract", "-", CONTROL),
    ):
        before = chosen(window)
        if way == "buttons":
            click(window, key)
        elif way == "keys":
            QTest.keySequence(window, QKeySequence(letter))
        corners = ((0.2, 0.2), (1, 2)) if mode == "add" else ((-1.2, -2), (2, 1))
        drag(
            view,
            [corners[0], (0.5, 1), corners[1]],
            modifier if way == "modifiers" else Qt.KeyboardModifier.NoModifier,
        )
        (x1, y1), (x2, y2) = corners
        inside, rim = clearly(at, np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], float))
        assert inside and chosen(window) - rim == (before | inside if mode == "add" else before - inside) - rim
    window.session.undo()
    window.session.undo()
    assert chosen(window) == first


def test_alt_subtracts_too_and_an_empty_region_replaces(window: MainWindow) -> None:
    window.parts["selection"].tools.set_tool("rectangle")
    window.commands["select-all"].trigger()
    drag(window.plots["forward"], [(-2, -2), (0, 0), (0, 2)], ALT)
    assert 100 < len(chosen(window)) < 200
    drag(window.plots["forward"], [(2.5, 2.5), (2.6, 2.7), (2.8, 2.8)])
    assert chosen(window) == set()


@pytest.mark.parametrize("over", [True, False], ids=["at the cursor", "elsewhere"])
def test_in_the_time_view_points_at_the_cursor_or_paths_elsewhere(window: MainWindow, over: bool) -> None:
    window.session.cursor.jump(4)
    time = window.plots["time"]
    time._switches["backward"].click()
    click(window, "tool-rectangle")
    left, right = (3.6, 4.4) if over else (7.7, 8.3)
    drag(time, [(left, 0.5), (left + 0.2, 1), (right, 3)])
    values = FRAME.forward[4 if over else 8, :, 0]
    assert set(np.flatnonzero(values > 0.6)) <= chosen(window) <= set(np.flatnonzero(values > 0.4))
    assert window.session.cursor.position == 4 and window.session.state.direction == "forward"
    window.parts["selection"].tools.set_tool("")
    drag(time, [(4, 0), (5, 0), (6, 0)])
    assert window.session.cursor.position == pytest.approx(6, abs=0.2)


def test_with_a_tool_the_middle_button_pans_and_the_pointer_pans_with_the_left(window: MainWindow) -> None:
    view = window.plots["forward"]
    window.parts["selection"].tools.set_tool("lasso")
    for tool, button in (("lasso", Qt.MouseButton.MiddleButton), ("", Qt.MouseButton.LeftButton)):
        window.parts["selection"].tools.set_tool(tool)
        before = view.box.viewRect().center().x()
        drag(view, [(0, 0), (0.5, 0), (1, 0)], button=button)
        assert view.box.viewRect().center().x() == pytest.approx(before - 1, abs=0.1)
        assert window.plots["backward"].box.viewRect().center().x() == pytest.approx(before - 1, abs=0.1)
    assert chosen(window) == set()


def test_the_outline_is_seen_while_it_is_drawn(window: MainWindow) -> None:
    view = window.plots["forward"]
    window.parts["selection"].tools.set_tool("lasso")
    before = pixels(view.plot)
    drag(view, (RING * 2.8).tolist()[:30], release=False)
    during = pixels(view.plot)
    assert share_near(during, LIGHT.accent, 40) > share_near(before, LIGHT.accent, 40) + 5e-4
    drag(view, [(0, 0)])
    assert view.box._marquee is not None and len(view.box._marquee._corners) == 0


def test_clicks_follow_the_mode_of_the_buttons_and_modifiers_toggle_as_ever(window: MainWindow) -> None:
    at = states("forward", 0)
    window.session.apply({"layers": frozenset({"points"})})
    away = np.linalg.norm(at[:, None] - at, axis=2)
    np.fill_diagonal(away, 9)
    a, b = (int(k) for k in away.min(axis=1).argsort()[::-1][:2])

    def hit(point: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        place: QPoint = place_of(window.plots["forward"], *map(float, at[point]))
        QTest.mouseClick(window.plots["forward"].plot.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    hit(a)
    click(window, "mode-add")
    hit(b)
    hit(b)
    assert window.session.state.selection == (a, b)
    hit(b, CONTROL)
    assert window.session.state.selection == (a,)
    corner = window.plots["forward"].box.viewRect().topLeft() * 0.97
    place = place_of(window.plots["forward"], corner.x(), corner.y())
    QTest.mouseClick(window.plots["forward"].plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert not window.parts["selection"]._clearing.isActive()
    click(window, "mode-subtract")
    hit(b)
    assert window.session.state.selection == (a,)
    hit(a)
    assert window.session.state.selection == ()


def test_all_others_and_none_from_the_keyboard(window: MainWindow) -> None:
    window.session.apply({"selection": (3, 5)})
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+I"))
    assert chosen(window) == set(range(300)) - {3, 5}
    QTest.keySequence(window, QKeySequence("Ctrl+A"))
    assert chosen(window) == set(range(300)) and window.session.state.selection[-1] == 299
    QTest.keySequence(window, QKeySequence("Esc"))
    assert chosen(window) == set()


def test_ctrl_a_in_a_list_or_a_text_is_theirs(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.session.apply({"selection": (3, 5)})
    seed = window.toolbar.seed
    seed.setFocus()
    qtbot.waitUntil(seed.hasFocus)
    QTest.keyClick(seed, Qt.Key.Key_A, CONTROL)
    window.docks["inspector"].tabs.setCurrentIndex(1)
    assert window.docks["inspector"].pages["Selection"] is not None
    table = window.docks["inspector"].pages["Selection"].table
    qtbot.waitUntil(lambda: table.model().rowCount() == 2)
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    QTest.keyClick(table, Qt.Key.Key_A, CONTROL)
    assert chosen(window) == {3, 5} and len(table.selectionModel().selectedRows()) == 2


def test_one_tool_and_one_mode_are_checked_and_every_button_says_what_it_does(window: MainWindow) -> None:
    for keys in (TOOLS, MODES):
        for key in keys:
            click(window, key)
            assert [other for other in keys if window.commands[other].isChecked()] == [key]
            button = window.findChild(ToolStrip).widgetForAction(window.commands[key])
            assert button.toolTip() and button.accessibleName() and not button.icon().isNull()
    assert window.parts["selection"].tools.tool == "lasso" and window.parts["selection"].tools.mode == "subtract"
