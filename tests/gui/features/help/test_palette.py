"""The box that finds everything: what it finds, in which order, and what choosing does, in a real window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from dnf_studio import assets
from dnf_studio.gui.features.help.entries import Entry, found
from dnf_studio.gui.features.help.guide import GuideDialog
from dnf_studio.gui.features.help.palette import Palette
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.memory import models_folder
from tests.gui.conftest import delete


def entry(title: str, where: str = "", meaning: str = "", also: str = "") -> Entry:
    return Entry(title, where, meaning, lambda: None, also=also)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", ["Learning rate", "Data set", "Train", "Rate of samples"]),
        ("rat", ["Learning rate", "Rate of samples", "Train"]),
        ("RATE learn", ["Learning rate"]),
        ("checker", ["Data set"]),
        ("rain", ["Train"]),
        ("weights", ["Train"]),
        ("zebra", []),
        ("rate zebra", []),
    ],
)
def test_every_word_counts_and_titles_come_first(wanted: str, expected: Sequence[str]) -> None:
    entries = [
        entry("Learning rate", "Training"),
        entry("Data set", also="rings checkerboard"),
        entry("Train", meaning="Fit the weights, at the rate that is set"),
        entry("Rate of samples"),
    ]
    assert [one.title for one in found(entries, wanted)] == expected


@pytest.fixture
def palette(seen_window: MainWindow) -> Iterator[Palette]:
    seen_window.commands["palette"].trigger()
    (made,) = (one for one in seen_window.findChildren(Palette) if one.isVisible())
    yield made
    if isValid(made):
        delete(made)


def titles(palette: Palette) -> list[str]:
    model = palette.list.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def choose(palette: Palette, wanted: str) -> None:
    QTest.keyClicks(palette.search, wanted)
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    QApplication.processEvents()


def test_all_commands_controls_plots_models_and_words_are_there(seen_window: MainWindow, palette: Palette) -> None:
    there = {(one.title, one.where) for one in palette._entries}
    menus = {(title, where.split(" ")[0]) for title, where in there if where.endswith(" menu")}
    for record in seen_window.commands.in_menus():
        assert (record.text.replace("&", ""), record.menu) in menus, record.name
    assert {(name, "Bundled models") for name in assets.checkpoint_names()} <= there
    assert {("Learning rate", "Page Training"), ("Total noise g²T", "Page SDE"), ("excess", "Glossary")} <= there
    assert {(plot.accessibleName(), "Plots") for plot in seen_window.plots} <= there
    assert ("Change one thing", "Guide › First steps") in there
    twice = Counter((one.title, one.where) for one in palette._entries) - Counter(there)
    assert not twice


def test_a_setting_is_brought_into_sight_and_gets_the_focus(seen_window: MainWindow, palette: Palette) -> None:
    seen_window.show_page("Data")
    choose(palette, "learning ra")
    assert seen_window.tabs.tabText(seen_window.tabs.currentIndex()) == "Training"
    assert seen_window.focusWidget().accessibleName() == "Learning rate"


def test_arrows_choose_and_what_cannot_be_now_does_nothing(seen_window: MainWindow, palette: Palette) -> None:
    called: list[str] = []
    palette._entries = [
        Entry("one", "", "", partial(called.append, "one"), enabled=False),
        *(Entry(name, "", f"is {name}", partial(called.append, name)) for name in ("two", "three")),
    ]
    palette._search("")
    assert palette.meaning.text() == "is two"
    QTest.keyClick(palette.search, Qt.Key.Key_Up)
    choose(palette, "")
    assert palette.meaning.text().startswith("Not possible now") and palette.isVisible()
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    choose(palette, "")
    assert called == ["three"] and not isValid(palette)


def test_a_word_opens_the_glossary_at_it(seen_window: MainWindow, palette: Palette) -> None:
    choose(palette, "glossary nat ")
    (guide,) = (one for one in seen_window.findChildren(GuideDialog) if one.windowTitle() == "Glossary")
    assert guide.browser.textCursor().selectedText() == "nat"
    guide.close()


def test_models_of_ones_own_come_when_their_folder_is_read(
    seen_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = models_folder(seen_window.workspace.memory)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my own.safetensors").touch()
    shown: list[str] = []
    show: Callable[[str], None] = shown.append
    monkeypatch.setattr(seen_window.files, "show", show)
    palette: Palette = request.getfixturevalue("palette")
    QTest.keyClicks(palette.search, "my own")
    qtbot.waitUntil(lambda: titles(palette) == ["my own"])
    choose(palette, "")
    assert [Path(name) for name in shown] == [folder / "my own.safetensors"]
