"""Every command has a text, a shortcut of its own, a tooltip, a place in a menu, and does something."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QMenu, QSlider, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import DARK, LIGHT, icon
from dnf_studio.gui.frame.features import COMMANDS, FEATURES, MENUS, SUBMENUS
from dnf_studio.gui.frame.main_window import MainWindow

RECORDS = {record.name: record for record in (*COMMANDS, *(each for feature in FEATURES for each in feature.commands))}
IN_MENUS = [record for record in RECORDS.values() if record.menu]


def menus_of(window: MainWindow) -> list[QMenu]:
    """Those of the bar, and those within them."""
    menus = [action.menu() for action in window.menuBar().actions()]
    return menus + [action.menu() for menu in menus for action in menu.actions() if action.menu() is not None]


@pytest.mark.parametrize("key", [record.name for record in IN_MENUS])
def test_record_is_whole(key: str) -> None:
    info = RECORDS[key]
    assert info.text.strip() and info.tooltip.strip()
    assert not QKeySequence(info.shortcut).isEmpty()
    assert QKeySequence(info.shortcut).toString()
    assert not info.icon or resource("icons", f"{info.icon}.svg").is_file()


@pytest.mark.parametrize("key", [record.name for record in IN_MENUS])
def test_action_shows_what_its_record_says(seen_window: MainWindow, key: str) -> None:
    action, info = seen_window.commands[key], RECORDS[key]
    assert action.text() == info.text
    assert action.shortcut() == QKeySequence(info.shortcut)
    # Without data that are images, the command for them says so, and without a second model what compares it
    says_why = key == "images" or (info.menu == "Compare" and not action.isEnabled())
    tip = f"{info.tooltip} ({info.shortcut})" if says_why else action.toolTip()
    assert info.tooltip in tip and action.shortcut().toString() in tip
    assert action.isCheckable() == info.checkable
    assert action.receivers("2triggered(bool)") > 0


def test_no_tip_of_a_command_hides_a_message(seen_window: MainWindow) -> None:
    """What Qt does when the mouse comes to a button or a menu's line; the tooltips say it beside them."""
    for action in seen_window.findChildren(QAction):
        action.showStatusText(seen_window)
        assert not seen_window.statusBar().currentMessage(), action.text()


def test_every_command_is_in_one_menu_and_has_a_shortcut_of_its_own(seen_window: MainWindow) -> None:
    """Apart from the one that a button of the selection gives."""
    places = Counter(action.objectName() for menu in menus_of(seen_window) for action in menu.actions())
    assert all(places[record.name] == 1 for record in IN_MENUS)
    assert set(RECORDS) - {record.name for record in IN_MENUS} == {"export-selection"}
    assert max(Counter(info.shortcut for info in IN_MENUS).values()) == 1
    assert len(RECORDS) == len(COMMANDS) + sum(len(feature.commands) for feature in FEATURES)


def test_menus_are_in_the_order_that_people_know(seen_window: MainWindow) -> None:
    listed = [record.name for record in seen_window.commands.in_menus()]
    assert listed[:15] == [
        "open",
        "open-data",
        "open-folder",
        "draw",
        "save",
        "open-session",
        "save-session",
        "export",
        "figure",
        "picture",
        "film",
        "write-report",
        "reopen",
        "quit",
        "undo",
    ]
    layers = "points paths density disagreement overlay field contours difference images pairs paired"
    start = listed.index("points")
    assert listed[start : start + 13] == [*layers.split(), "data-units", "reset-view"]


def test_every_line_of_a_menu_has_a_letter_of_its_own(seen_window: MainWindow) -> None:
    """Those that features put in as well; what stands in a menu within it has its letters there."""
    assert {record.menu for record in IN_MENUS} <= {title.replace("&", "") for title in MENUS}
    assert {record.section for record in IN_MENUS} >= SUBMENUS.keys()
    for menu in menus_of(seen_window):
        inside = menu.title() == "&View"
        texts = [each.text() for each in menu.actions() if each.objectName() or (inside and each.menu() is not None)]
        letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        without = "".join(text.lower() for text in texts if inside and "&" not in text)
        assert set(without) <= {*letters, " ", "…"}, "one without has no letter that is free"
        assert len(set(letters)) == len(letters), (menu.title(), texts)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("name", sorted({info.icon for info in RECORDS.values() if info.icon} | {"dice"}))
def test_icons_are_drawn_in_the_text_colour(qapp: object, name: str, theme: object) -> None:
    image = icon(name, theme).pixmap(32, 32).toImage()
    colours = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    drawn = [colour for colour in colours if colour.alpha() > 200]
    assert len(drawn) >= 16
    assert Counter(colour.name() for colour in drawn).most_common(1)[0][0] == theme.text


def test_undo_and_redo_from_the_keyboard(still_window: MainWindow) -> None:
    window = still_window
    assert not window.commands["undo"].isEnabled()
    window.session.apply({"lam": 0.25})
    QTest.keySequence(window, QKeySequence("Ctrl+Z"))
    assert window.session.state.sampling.lam == 1.0
    assert window.toolbar.lam.value() == 1.0
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+Z"))
    assert window.session.state.sampling.lam == 0.25


def test_keys_move_the_cursor(still_window: MainWindow) -> None:
    window, cursor = still_window, still_window.session.cursor
    window.views.setFocus()
    cursor.set_steps(30)
    for keys, expected in (("End", 30), ("Left", 29), ("Home", 0), ("Right", 1)):
        QTest.keySequence(window, QKeySequence(keys))
        assert cursor.position == pytest.approx(expected)
    assert cursor.loop
    QTest.keySequence(window, QKeySequence("L"))
    assert not cursor.loop
    QTest.keySequence(window, QKeySequence("Space"))
    assert cursor.playing
    assert window.commands["play"].isChecked()


def test_space_belongs_to_a_focused_button_or_text(still_window: MainWindow, qtbot: QtBot) -> None:
    window = still_window
    window.activateWindow()
    window.page("Data").data.setFocus()
    qtbot.waitUntil(window.page("Data").data.hasFocus)
    box = next(widget for widget in window.findChildren(QWidget) if widget.accessibleName() == "Drop constant columns")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert window.session.state.config.drop_constant
    assert not window.session.cursor.playing
    window.toolbar.seed.setFocus()
    QTest.keyClick(window.toolbar.seed, Qt.Key.Key_Space)
    assert not window.session.cursor.playing


def test_a_click_on_a_choice_leaves_the_keys_to_the_window(still_window: MainWindow, qtbot: QtBot) -> None:
    """Else the Home that should show the data would choose the first solver, and the Space that should play a set."""
    window = still_window
    window.activateWindow()
    window.plots["forward"].plot.setFocus()
    qtbot.waitUntil(window.plots["forward"].plot.hasFocus)
    for box in window.findChildren(QComboBox):
        assert not box.focusPolicy() & Qt.FocusPolicy.ClickFocus, box.accessibleName()
        assert not box.isEnabled() or box.focusPolicy() & Qt.FocusPolicy.TabFocus
    QTest.mouseClick(window.page("Data").data, Qt.MouseButton.LeftButton)
    QTest.keyClick(window.page("Data").data.view(), Qt.Key.Key_Escape)
    assert window.plots["forward"].plot.hasFocus()


def test_arrows_belong_to_a_focused_slider(still_window: MainWindow, qtbot: QtBot) -> None:
    window, slider = still_window, still_window.toolbar.lam.slider
    window.activateWindow()
    slider.setFocus()
    qtbot.waitUntil(slider.hasFocus)
    window.session.cursor.set_steps(30)
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert window.session.state.sampling.lam == pytest.approx(1.01)
    assert window.session.cursor.position == 0
    # With Shift they go through training, wherever the last click was
    came: list[bool] = []
    for name in ("past-earlier", "past-first"):
        action = window.commands[name]
        action.triggered.disconnect()
        action.triggered.connect(lambda: came.append(True))
        action.setEnabled(True)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Home):
        QTest.keyClick(slider, key, Qt.KeyboardModifier.ShiftModifier)
    assert len(came) == 2 and window.session.state.sampling.lam == pytest.approx(1.01)


def test_layers_from_the_menu(still_window: MainWindow) -> None:
    window = still_window
    assert window.commands["paths"].isChecked()
    window.commands["paths"].trigger()
    assert window.session.state.layers == {"points"}
    assert not window.commands["paths"].isChecked()
    window.session.undo()
    assert window.commands["paths"].isChecked()


def test_themes_from_the_menu(still_window: MainWindow) -> None:
    window = still_window
    window.commands["theme-dark"].trigger()
    assert window.appearance.theme is DARK
    window.appearance.finish()
    assert all(plot.theme is DARK for plot in window.plots)
    window.commands["theme-light"].trigger()
    assert window.appearance.theme is LIGHT
    assert window.palette().window().color().name() == LIGHT.window


def test_every_control_has_a_tooltip_and_every_field_a_label(seen_window: MainWindow) -> None:
    window = seen_window
    for kind in (QAbstractButton, QComboBox, QSlider):
        for control in window.findChildren(kind):
            if control.isVisibleTo(window) or window.tabs.isAncestorOf(control):
                inside = control.parent().metaObject().className()
                if inside not in ("QTabBar", "QMenuBar", "QToolBar") and not control.objectName().startswith("qt_"):
                    assert control.toolTip(), (kind, inside, control.accessibleName())
    buddies = [label.buddy() for label in window.findChildren(QLabel) if label.buddy() is not None]
    assert len(buddies) >= 25
    for field in window.tabs.findChildren(QLineEdit):
        assert field.parent().toolTip() or field.toolTip()
