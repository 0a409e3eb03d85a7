from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QColor, QFont, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QMenu, QStatusBar, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.help import Help, HelpButton
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.style import apply_theme, painted_once
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme, mix, system_theme


def luminance(colour: str) -> float:
    parts = [QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_contrast(theme: Theme) -> None:
    for ground in (theme.window, theme.base, theme.raised):
        for ink in (theme.text, theme.muted, theme.accent, theme.floor, theme.warning):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
        for mark in (theme.forward, theme.backward, theme.data):
            assert contrast(mark, ground) >= 3, (mark, ground)
    assert contrast(theme.on_accent, theme.accent) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_map_of_disagreement_grows_away_from_the_ground_on_both_sides_of_zero(theme: Theme) -> None:
    steps = [contrast(stop, theme.base) for stop in theme.disagreement]
    for side in (steps[2:], steps[2::-1]):
        assert side == sorted(side) and side[-1] > 4.5


def test_every_colour_is_written_out() -> None:
    for theme in (LIGHT, DARK):
        for value in dataclasses.asdict(theme).values():
            for colour in value if isinstance(value, tuple) else (value,):
                assert colour in ("light", "dark") or QColor(colour).name() == colour


def test_apply_gives_the_palette_of_the_theme(qtbot: QtBot, qapp: QApplication) -> None:
    for theme in (DARK, LIGHT):
        apply_theme(qapp, theme)
        assert qapp.palette().color(QPalette.ColorRole.Base).name() == theme.base
        assert qapp.palette().color(QPalette.ColorRole.Text).name() == theme.text
    assert system_theme(qapp) in (LIGHT, DARK)


def test_a_window_that_was_to_be_painted_when_colours_change_is_painted_afterwards(
    qapp: QApplication, qtbot: QtBot
) -> None:
    painted: list[int] = []

    class Playing(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:
            painted.append(1)

    playing = Playing()
    qtbot.addWidget(playing)
    with qtbot.waitExposed(playing):
        playing.show()
    qtbot.waitUntil(lambda: bool(painted))
    playing.update()
    for _ in painted_once(qapp, [0]):
        # Its turn to be painted comes while nothing is
        qapp.sendPostedEvents(playing, QEvent.Type.UpdateRequest.value)
        painted.clear()
    qtbot.waitUntil(lambda: bool(painted))
    painted.clear()
    playing.update()
    qtbot.waitUntil(lambda: bool(painted))


def test_mixing() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 1) == "#ffffff"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_menu_shows_its_edge_its_empty_boxes_and_where_one_is(qapp: QApplication, qtbot: QtBot, theme: Theme) -> None:
    apply_theme(qapp, theme)
    menu = QMenu()
    qtbot.addWidget(menu)
    for name in ("first", "second"):
        menu.addAction(name).setCheckable(True)
    menu.popup(QPoint(0, 0))
    menu.setActiveAction(menu.actions()[1])
    picture = menu.grab().toImage()
    rows = [menu.actionGeometry(action).center().y() for action in menu.actions()]
    beside = [[picture.pixelColor(x, y).name() for x in range(30)] for y in rows]
    assert picture.pixelColor(0, rows[0]).name() == theme.border
    assert beside[0].count(theme.muted) == 2, "both edges of an empty box"
    assert theme.accent in beside[1] and theme.accent not in beside[0]
    menu.close()


def test_another_theme_styles_anew_only_what_the_rules_name(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, LIGHT)
    window, plain = QMainWindow(), QLabel("plain")
    qtbot.addWidget(window)
    said = QLabel("██████")
    said.setProperty("caption", True)
    bar = QStatusBar()
    bar.addWidget(said)
    window.setCentralWidget(plain)
    window.setStatusBar(bar)
    window.show()
    watch = Events(plain)
    for theme in (DARK, LIGHT):
        apply_theme(qapp, theme)
        qapp.processEvents()
        letters, edge = said.grab().toImage(), window.grab().toImage()
        assert theme.muted in {letters.pixelColor(x, said.height() // 2).name() for x in range(said.width())}
        assert edge.pixelColor(5, bar.y()).name() == theme.border
        assert plain.palette().color(QPalette.ColorRole.WindowText).name() == theme.text
    assert QEvent.Type.PaletteChange in watch.seen and QEvent.Type.StyleChange not in watch.seen


def test_no_widget_gets_its_own_style_sheet_while_all_are_styled(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_theme(qapp, LIGHT)
    plot = Plot("Title", "Caption.", "Empty.", help_=Help("it", "", (), ""))
    qtbot.addWidget(plot)
    plot.show()
    before, larger, styled = qapp.font(), QFont(qapp.font()), []
    larger.setPointSizeF(1.5 * larger.pointSizeF())
    monkeypatch.setattr(HelpButton, "set_theme", lambda _button, theme: styled.append(theme))
    for font in (larger, before):
        qapp.setStyleSheet("")
        qapp.setFont(font)
        apply_theme(qapp, DARK)
        assert not styled, "Qt is in the middle of its widgets"
        plot.set_theme(DARK)
        qapp.processEvents()
        assert styled and plot.font() == font
        styled.clear()
    assert plot.palette().color(QPalette.ColorRole.Window).name() == DARK.base
    apply_theme(qapp, LIGHT)


class Events(QObject):
    """The kinds of events that a widget gets."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.seen: set[QEvent.Type] = set()
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.seen.add(event.type())
        return False
