"""The field layer of a whole window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from dnf_studio.errors import SettingError
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from tests.golden import FOLDER
from tests.gui.scenes import frame_of, pixels


@pytest.fixture
def asked(still_window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[FieldRequest | None]:
    """What is asked of the explorer from now on."""
    told: list[FieldRequest | None] = []
    monkeypatch.setattr(still_window.live, "field", told.append)
    return told


def show(window: MainWindow, dim: int = 2) -> None:
    window.live.show(frame_of(dim=dim))


def test_nothing_is_asked_while_the_layer_is_off(still_window: MainWindow, asked: list[FieldRequest | None]) -> None:
    show(still_window)
    still_window.session.cursor.jump(3)
    assert asked == []
    QTest.keySequence(still_window, QKeySequence("Ctrl+6"))
    assert "field" in still_window.session.state.layers and still_window.commands["field"].isChecked()
    assert len(asked) == 1 and asked[0] is not None and asked[0].node == 3 and asked[0].size == (32, 32)
    QTest.keySequence(still_window, QKeySequence("Ctrl+6"))
    assert asked[1:] == [None]
    still_window.session.cursor.jump(4)
    assert len(asked) == 2


def test_another_node_or_range_is_asked_once(still_window: MainWindow, asked: list[FieldRequest | None]) -> None:
    window, cursor = still_window, still_window.session.cursor
    show(window)
    window.session.apply({"layers": frozenset({"field"})})
    for position in (3.0, 3.2, 3.9):
        cursor.go(position)
    show(window)
    assert [request.node for request in asked if request] == [0, 3]
    window.plots["forward"].box.scaleBy((0.5, 0.5))
    assert asked[-1] is not None and asked[-2] is not None
    inner, outer = asked[-1].extent, asked[-2].extent
    assert inner[2] - inner[0] < outer[2] - outer[0]
    seen = window.plots["forward"].box.viewRect()
    assert inner[0] <= seen.left() + 1e-9 and inner[3] >= seen.bottom() - 1e-9


def test_the_plane_is_the_one_that_is_drawn(still_window: MainWindow, asked: list[FieldRequest | None]) -> None:
    window = still_window
    show(window, dim=5)
    window.session.apply({"layers": frozenset({"field"}), "axes": (3, 1)})
    plane = asked[-1].plane if asked[-1] is not None else None
    assert plane is not None and np.array_equal(plane.axes, np.eye(5)[[3, 1]])
    mean = frame_of(dim=5).forward[0].mean(axis=0)
    np.testing.assert_allclose(plane.origin, np.where([True, False, True, False, True], mean, 0), atol=1e-6)
    window.session.apply({"projection": "principal"})
    plane = asked[-1].plane if asked[-1] is not None else None
    principal = window.live.principal
    assert plane is not None and principal is not None and np.array_equal(plane.axes, principal.axes)
    window.session.apply({"projection": "axes", "axes": (2, 2)})
    assert asked[-1] is None


def test_one_dimension_has_no_field(still_window: MainWindow, asked: list[FieldRequest | None]) -> None:
    still_window.session.apply({"layers": frozenset({"field"})})
    show(still_window, dim=1)
    assert asked == []


def test_the_menu_chooses_and_switches_the_layer_on(still_window: MainWindow) -> None:
    window, menu = still_window, still_window.parts["fields"].menu
    chosen = [("field", "used"), ("field_style", "arrows"), ("heat", "none")]
    assert [key for key, action in menu.choices.items() if action.isChecked()] == chosen
    menu.choices["field", "flow"].trigger()
    menu.choices["heat", "divergence"].trigger()
    state = window.session.state
    assert (state.field, state.heat) == ("flow", "divergence") and "field" in state.layers
    both = window.parts["fields"].overlays.values()
    assert [overlay.button.text() for overlay in both] == ["f − ½g²s", "½g²s − f"]
    window.session.undo()
    assert window.session.state.heat == "none" and menu.choices["heat", "none"].isChecked()
    window.session.undo()
    assert window.session.state.field == "used" and "field" not in window.session.state.layers
    assert [overlay.button.text() for overlay in both] == ["f", "g²s − f"]


def test_the_menu_is_in_the_view_menu_with_mnemonics_of_its_own(still_window: MainWindow) -> None:
    def letters(actions: list[QAction]) -> list[str]:
        texts = [action.text() for action in actions]
        return [text[text.index("&") + 1].lower() for text in texts if "&" in text]

    window = still_window
    owner = next(
        m for m in window.menuBar().findChildren(QMenu) if window.parts["fields"].menu.menuAction() in m.actions()
    )
    assert window.commands["field"] in owner.actions()
    for menu in (owner, window.parts["fields"].menu):
        assert len(set(letters(menu.actions()))) == len(letters(menu.actions()))
    overlays = window.parts["fields"].overlays
    assert list(overlays) == ["forward", "backward"]
    assert all(overlay.button.menu() is window.parts["fields"].menu for overlay in overlays.values())
    assert all(action.toolTip() for action in window.parts["fields"].menu.choices.values())


def test_arrows_of_a_model_follow_the_cursor_and_the_settings(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in(str(FOLDER / "official_checkerboard.pt"))
    found: list[FieldAnswer] = []
    window.live.field_found.connect(found.append)
    window.session.apply({"layers": frozenset({"field"}), "heat": "magnitude"})
    qtbot.waitUntil(lambda: bool(found), timeout=20_000)
    window.session.cursor.jump(7)
    qtbot.waitUntil(lambda: found[-1].grid.node == 7, timeout=20_000)
    overlays = window.parts["fields"].overlays
    for overlay in overlays.values():
        assert overlay.arrows.isVisible() and overlay.heat.isVisible() and overlay.legend.isVisible()
    # method.md, section 18: the score of this model does next to nothing, and the view says so
    assert "score idle" in overlays["backward"].legend.text()
    assert "score" not in overlays["forward"].legend.text()
    window.session.apply({"lam": 0.0})
    qtbot.waitUntil(lambda: found[-1].request.lam == 0, timeout=20_000)
    assert overlays["backward"].button.text() == "0.5 g²s − f"
    window.session.apply({"layers": frozenset({"points"})})
    assert not overlays["forward"].arrows.isVisible() and overlays["forward"].legend.isHidden()


def test_streamlines_are_asked_for_each_field_once_and_only_then(
    still_window: MainWindow, asked: list[FieldRequest | None]
) -> None:
    window, menu = still_window, still_window.parts["fields"].menu
    show(window)
    menu.choices["field", "used"].trigger()
    window.session.apply({"layers": frozenset({"field"})})
    plain = asked[-1]
    assert plain is not None and plain.lines == () and not plain.divergence and plain.size == (32, 32)
    menu.choices["field_style", "streamlines"].trigger()
    fine = asked[-1]
    assert fine is not None and fine.lines == ("drift", "backward") and fine.size == (48, 48) and not fine.divergence
    seen = window.plots["forward"].box
    assert fine.apart == pytest.approx(16 * seen.viewRect().width() / seen.width())
    menu.choices["heat", "divergence"].trigger()
    assert asked[-1] is not None and asked[-1].divergence and asked[-1].size == (32, 32)
    menu.choices["field", "flow"].trigger()
    assert asked[-1] is not None and asked[-1].lines == ("flow",)
    count = len(asked)
    window.session.apply({"parts": "drift"})
    assert len(asked) == count
    menu.choices["field", "used"].trigger()
    assert asked[-1] is not None and asked[-1].lines == ("drift",)
    with pytest.raises(SettingError, match="arrows or streamlines"):
        window.session.apply({"field_style": "wind"})


def test_streamlines_of_a_model_take_the_place_of_its_arrows(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in("diffflow-checkerboard")
    view, overlay = window.plots["backward"], window.parts["fields"].overlays["backward"]
    window.session.apply({"layers": frozenset({"field"})})
    qtbot.waitUntil(lambda: overlay.arrows.isVisible(), timeout=20_000)
    nothing = pixels(view.plot)
    window.session.apply({"field_style": "streamlines"})
    qtbot.waitUntil(lambda: overlay.streams.isVisible(), timeout=20_000)
    assert not overlay.arrows.isVisible() and "from noise to data" in overlay.legend.text()
    found = window.live._field
    assert found is not None and found.lines == ("drift", "backward")
    assert (np.abs(pixels(view.plot) - nothing) > 40).any(axis=-1).mean() > 0.02
    window.session.apply({"field_style": "arrows"})
    assert overlay.arrows.isVisible() and not overlay.streams.isVisible()


def test_the_button_is_there_with_its_layer(still_window: MainWindow) -> None:
    button = still_window.parts["fields"].overlays["backward"].button
    assert button.isHidden()
    still_window.session.apply({"layers": frozenset({"field"})})
    assert button.isVisible() and button.toolTip() and button.accessibleName()
