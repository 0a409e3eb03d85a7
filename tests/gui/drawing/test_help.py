from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from dnf_studio import gui
from dnf_studio.gui.drawing.help import Help, HelpButton, HelpCard
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.disagreement.plot import DisagreementPlot
from dnf_studio.gui.features.lab.panel import LabPanel
from dnf_studio.gui.features.runs.panel import RunsPanel
from dnf_studio.gui.frame.main_window import MainWindow


def helps() -> dict[str, Help]:
    """What all plots and panels say behind a "?", by what it is on."""
    names = [found.name for found in walk_packages(gui.__path__, f"{gui.__name__}.") if "application" not in found.name]
    found = [value for name in names for value in vars(import_module(name)).values()]
    return {value.about: value for value in found if isinstance(value, Help)}


HELP = helps()


def test_every_plot_has_help_and_every_help_a_plot(seen_window: MainWindow, qtbot: QtBot) -> None:
    for dock in list(seen_window.docks.values())[1:]:
        dock.fill()
    # What is made when it is first wanted
    runs = seen_window.docks["runs"].findChild(RunsPanel)
    runs.show_curves()
    qtbot.waitUntil(lambda: runs.curves is not None)
    for place in reversed(range(runs.curves.tabs.count())):
        runs.curves.tabs.setCurrentIndex(place)
        runs.curves.tabs.draw()
    seen_window.docks["lab"].findChild(LabPanel)._go_on()
    pairs = seen_window.commands["pairs"]
    pairs.trigger()
    plots = seen_window.findChildren(Plot)
    names = {plot.help.accessibleName() for plot in plots if plot.help is not None}
    # The solvers are chosen in a panel
    names |= {button.accessibleName() for button in seen_window.tabs.findChildren(HelpButton)}
    assert names == {f"Help on {help_.about}" for help_ in HELP.values()}
    assert [plot.title.text() for plot in plots if plot.help is None] == []
    pairs.trigger()


@pytest.mark.parametrize("help_", HELP.values(), ids=HELP)
def test_help_has_a_few_sentences_and_an_equation_with_its_number(help_: Help) -> None:
    assert 2 <= help_.text.count(". ") + 1 <= 5 and help_.text.endswith(".")
    assert help_.equations and all("=" in line or "≤" in line for line in help_.equations)
    assert "(1" in help_.source or "(8)" in help_.source or "(9)" in help_.source


@pytest.mark.parametrize("help_", HELP.values(), ids=HELP)
def test_a_card_is_as_high_as_its_text_and_readable_by_key(qtbot: QtBot, help_: Help) -> None:
    plot = Plot("Title", "Caption.", "Empty.", help_=help_)
    qtbot.addWidget(plot)
    assert plot.help is not None
    card = HelpCard(help_, plot.theme, plot.help)
    qtbot.addWidget(card)
    labels = card.findChildren(QLabel)
    assert help_.text in [label.text() for label in labels]
    assert all(label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard for label in labels)
    # That of the solvers has a line for each
    assert card.height() == card.layout().totalHeightForWidth(card.width()) < (540 if "solvers" in help_.about else 420)


def test_the_question_mark_opens_a_card_by_key_and_esc_closes_it(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    with qtbot.waitExposed(plot):
        plot.show()
    button = plot.help
    assert button is not None and button.focusPolicy() & Qt.FocusPolicy.TabFocus and button.toolTip()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    card = button.findChild(HelpCard)
    assert card is not None and card.isVisible() and card.accessibleName() == "Help on disagreement by step"
    assert card.screen().availableGeometry().contains(card.geometry())
    with qtbot.waitSignal(card.destroyed, timeout=2000):
        qtbot.keyClick(card, Qt.Key.Key_Escape)
    assert button.findChild(HelpCard) is None


def test_the_caption_is_a_line_where_there_is_room_and_cut_to_it(qtbot: QtBot) -> None:
    plot = DisagreementPlot()
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    with qtbot.waitExposed(plot):
        plot.show()
    assert plot.caption_line.isVisible() and plot.caption_line.text() == plot.caption
    plot.resize(170, 300)
    qtbot.waitUntil(lambda: plot.caption_line.text().endswith("…"))
    assert plot.caption_line.toolTip() == plot.caption
    assert plot.title.toolTip() == f"Disagreement by step. {plot.caption}"
    plot.resize(500, 180)
    qtbot.waitUntil(lambda: not plot.caption_line.isVisible())


def test_a_plot_without_help_has_no_question_mark(qtbot: QtBot) -> None:
    plot = Plot("Title", "Caption.", "Empty.")
    qtbot.addWidget(plot)
    assert plot.help is None


def test_the_window_does_not_begin_with_a_question_mark(still_window: MainWindow, qtbot: QtBot) -> None:
    window = still_window
    window.activateWindow()
    qtbot.waitUntil(lambda: window.focusWidget() is not None)
    assert not isinstance(window.focusWidget(), HelpButton)
    QTest.keySequence(window, QKeySequence("Space"))
    assert window.session.cursor.playing
    button = window.plots["forward"].help
    assert button is not None
    before = window.focusWidget()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    card = button.findChild(HelpCard)
    assert card is not None and window.focusWidget() is before
    card.reject()
