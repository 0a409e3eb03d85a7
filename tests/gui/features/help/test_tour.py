"""The tour in a real window: what one does counts, what was so before does not, and it is resumed where it was left."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.help.tour import FEW_STEPS, STATIONS, Tour
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase


def tour_of(window: MainWindow) -> Tour:
    window.commands["tour"].trigger()
    (tour,) = window.findChildren(Tour)
    return tour


def press(tour: Tour, text: str) -> None:
    (button,) = (one for one in tour.bar.buttons if one.text() == text and not one.isHidden())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_six_stations_by_ones_own_hands(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> None:
    open_in("diffflow-rings")
    session, tour = window.session, tour_of(window)
    acts: list[Callable[[], object]] = [
        lambda: session.cursor.set_playing(False),
        lambda: session.apply({"steps": FEW_STEPS}),
        lambda: session.apply({"lam": 0.0}),
        lambda: session.cursor.jump(0),
        lambda: session.apply({"selection": (3,)}),
        lambda: window.studio.training.phase_changed.emit(Phase.RUNNING),
    ]
    session.cursor.set_playing(True)
    assert len(acts) == len(STATIONS) == 6
    for number, (station, act) in enumerate(zip(STATIONS[:-1], acts[:-1], strict=True), 1):
        if number == 4:
            session.cursor.jump(5)
        assert tour.bar.text.text() == f"{number} of 6. {station.task}"
        act()
        assert tour.bar.text.text() == f"✓ {number} of 6. {station.seen}"
        press(tour, "Next")
    press(tour, "Show me")
    assert window.focusWidget() is not None
    press(tour, "End tour")
    assert tour.bar.isHidden()
    tour_of(window)
    assert tour.bar.text.text().startswith("1 of 6")


def test_it_is_left_and_resumed_and_what_was_so_before_does_not_count(
    window: MainWindow, open_in: Callable[[str], None]
) -> None:
    open_in("diffflow-rings")
    session = window.session
    session.apply({"lam": 0.0})
    tour = tour_of(window)
    press(tour, "Next")
    press(tour, "Next")
    assert tour.bar.text.text().startswith("3 of 6")
    tour.bar.close_button.click()
    assert tour.bar.isHidden()
    QTest.keySequence(window, QKeySequence(window.commands.records["tour"].shortcut))
    assert tour_of(window) is tour and tour.bar.text.text().startswith("3 of 6")
    session.apply({"lam": 0.5})
    session.apply({"lam": 0.0})
    assert tour.bar.text.text().startswith("✓ 3 of 6")
    press(tour, "Back")
    assert tour.bar.text.text().startswith("2 of 6")
