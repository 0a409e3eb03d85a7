"""Letters of 200 % in a small window, and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.frame.transport import LEAST_SLIDER


@pytest.fixture
def large(still_window: MainWindow, qtbot: QtBot) -> Iterator[MainWindow]:
    """The window at 1280 × 776 with letters twice as large."""
    window = still_window
    window.resize(1280, 776)
    window.appearance.set_scale(200)
    qtbot.waitUntil(lambda: window.toolbar.font().pointSizeF() > 15 and window.updatesEnabled())
    yield window
    window.appearance.set_scale(100)


def pause_button(window: MainWindow) -> QToolButton:
    button = window.toolbar.widgetForAction(window.commands["pause"])
    assert isinstance(button, QToolButton)
    return button


def test_the_window_does_not_outgrow_a_small_screen(large: MainWindow) -> None:
    assert large.minimumSizeHint().width() <= 1200
    assert large.width() == 1280


def test_the_time_slider_keeps_its_length_and_the_readout_says_less(large: MainWindow) -> None:
    bar = large.views.transport
    full = bar.readout.sizeHint().width()
    bar.resize(bar.minimumSizeHint().width(), bar.height())
    bar.layout().activate()
    assert bar.slider.width() >= LEAST_SLIDER
    assert bar.readout.width() < full and "t =" not in bar.readout.text()
    assert bar.readout.fontMetrics().horizontalAdvance(bar.readout.text()) <= bar.readout.width()


def test_pause_has_room_for_its_word_and_does_not_move_when_it_is_resume(large: MainWindow) -> None:
    button = pause_button(large)
    assert button.minimumWidth() >= button.sizeHint().width()
    least = button.minimumWidth()
    large.parts["training"]._show_paused(True)
    assert button.sizeHint().width() <= least
    large.parts["training"]._show_paused(False)


def test_keys_within_plots_are_written_in_the_letters_of_the_window(large: MainWindow, qtbot: QtBot) -> None:
    plot = large.plots["space-time"]
    assert plot._layer._font == plot.font()
    large.appearance.set_scale(100)
    qtbot.waitUntil(lambda: large.toolbar.font().pointSizeF() < 15 and plot._layer._font == plot.font())
