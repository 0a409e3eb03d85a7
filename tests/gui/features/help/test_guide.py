"""The guide: the file for readers elsewhere, its pictures, the keys it names, and the window that shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QKeySequence, QPalette, QPixmap, QTextDocument, QTextTable
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenuBar, QTextBrowser, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.help.guide import FILE, GuideDialog, ShortcutsDialog
from dnf_studio.gui.frame.features import COMMANDS, FEATURES, MENUS
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.commands import Commands

FOLDER = resource("guide")
TEXT = resource(*FILE).read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", TEXT)
NAMED = re.findall(r"\*\*([^*]+)\*\*\s+\(`([^`]+)`\)", TEXT)
LARGEST, TOGETHER = 80_000, 500_000
RECORDS = [*COMMANDS, *(command for feature in FEATURES for command in feature.commands)]
OTHER_PAGES = "method.md", "formats.md", "clusters.md", "does-learning-help.md", "first-steps.md", "glossary.md"
"""The first four are for readers of files, of the code and of the paper, and for servers; no window shows them."""
STEPS, WORDS = ((FOLDER / name).read_text(encoding="utf-8") for name in OTHER_PAGES[4:])


def guides(window: MainWindow) -> list[GuideDialog]:
    return window.findChildren(GuideDialog)


def opened(window: MainWindow, qtbot: QtBot) -> GuideDialog:
    QTest.keySequence(window, QKeySequence(window.commands.records["guide"].shortcut))
    (guide,) = guides(window)
    qtbot.waitUntil(guide.isActiveWindow)
    return guide


def test_every_picture_is_there_named_once_and_small() -> None:
    files = sorted(path for path in FOLDER.iterdir() if path.suffix == ".png")
    assert sorted(name for _, name in PICTURES) == [path.name for path in files]
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in files} | {FILE[1], *OTHER_PAGES}
    sizes = [path.stat().st_size for path in files]
    assert max(sizes) <= LARGEST and sum(sizes) <= TOGETHER
    assert all(len(words) > 20 for words, _ in PICTURES)


def test_every_shortcut_is_that_of_the_command_named_before_it() -> None:
    known = {info.text.replace("&", "").rstrip("…"): info.shortcut for info in RECORDS}
    assert len(NAMED) >= 8
    in_steps = re.findall(r"\*\*([^*]+)\*\*\s+\(`([^`]+)`\)", STEPS)
    assert len(in_steps) >= 8
    for name, keys in NAMED + in_steps:
        assert known[name] == keys
    shortcuts = {info.shortcut for info in RECORDS}
    lonely = re.findall(r"`([^`]+)`", re.sub(r"\*\*[^*]+\*\*\s+\(`[^`]+`\)", "", TEXT))
    assert not [word for word in lonely if word in shortcuts or re.match(r"(Ctrl|Shift|Alt)\+|F\d", word)]


def test_what_it_names_of_the_checkout_exists() -> None:
    files = re.findall(r"`(tests/[^`]+)`", TEXT)
    root = Path(__file__).resolve().parents[4]
    assert files and all((root / name).is_file() for name in files)


def test_it_opens_once_with_all_pictures_and_closes_with_escape(still_window: MainWindow, qtbot: QtBot) -> None:
    assert not guides(still_window)
    guide = opened(still_window, qtbot)
    document = guide.browser.document()
    for _, name in PICTURES:
        image = document.resource(QTextDocument.ResourceType.ImageResource, QUrl(name))
        assert isinstance(image, QPixmap) and not image.isNull(), name
    assert "Case 3" in document.toPlainText() and document.toPlainText().count("\ufffc") >= len(PICTURES)
    assert guide.browser.horizontalScrollBar().maximum() == 0
    still_window.commands["guide"].trigger()
    assert guides(still_window) == [guide]
    QTest.keyClick(guide.browser, Qt.Key.Key_Escape)
    # A page that is closed keeps neither its text nor its pictures
    qtbot.waitUntil(lambda: not guides(still_window))
    still_window.commands["guide"].trigger()
    assert [one.isVisible() for one in guides(still_window)] == [True]


def test_the_keyboard_scrolls_and_nothing_can_be_written(still_window: MainWindow, qtbot: QtBot) -> None:
    guide = opened(still_window, qtbot)
    assert guide.browser.isReadOnly() and guide.focusWidget() is guide.browser
    bar = guide.browser.verticalScrollBar()
    before, text = bar.value(), guide.browser.toPlainText()
    QTest.keyClick(guide.browser, Qt.Key.Key_PageDown)
    QTest.keyClicks(guide.browser, "abc")
    assert bar.value() > before and guide.browser.toPlainText() == text


def test_it_is_light_or_dark_as_the_window_is(
    still_window: MainWindow, qtbot: QtBot, qapp: QApplication, request: pytest.FixtureRequest
) -> None:
    appearance: Appearance = still_window.appearance
    request.addfinalizer(lambda: appearance.choose("system"))
    guide = opened(still_window, qtbot)
    for name, theme in (("dark", DARK), ("light", LIGHT)):
        appearance.choose(name)
        qapp.processEvents()
        palette = guide.browser.palette()
        assert palette.color(QPalette.ColorRole.Base) == QColor(theme.base)
        assert palette.color(QPalette.ColorRole.Text) == QColor(theme.text)
        margin = guide.browser.viewport().grab().toImage().pixelColor(3, 3)
        assert margin == QColor(theme.base)
        assert line_of(guide.browser) == guide.palette().mid().color()


def line_of(browser: QTextBrowser) -> QColor:
    """The colour of the lines of its table."""
    (table,) = [frame for frame in browser.document().rootFrame().childFrames() if isinstance(frame, QTextTable)]
    return table.format().borderBrush().color()


def test_it_costs_the_start_of_the_window_nothing() -> None:
    code = "import sys, dnf_studio.gui.frame.main_window; print('dnf_studio.gui.features.help.guide' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_help_opens_first_steps_which_lead_to_the_glossary(still_window: MainWindow, qtbot: QtBot) -> None:
    still_window.commands["first-steps"].trigger()
    (steps,) = guides(still_window)
    assert steps.browser.toPlainText().startswith("First steps\n")
    steps.browser.anchorClicked.emit(QUrl("glossary.md"))
    assert [guide.windowTitle() for guide in guides(still_window)] == ["First steps", "Glossary"]
    still_window.commands["glossary"].trigger()
    assert len(guides(still_window)) == 2
    known = re.findall(r"^\| \*\*([^*]+)\*\*", WORDS, re.MULTILINE)
    assert len(set(known)) == len(known)
    assert {"disagreement", "drift", "score", "excess", "bound", "ODE NLL", "View N", "λ (lambda)"} <= set(known)
    shown = guides(still_window)[1].browser.toPlainText()
    assert all(word in shown for word in known)


def test_shortcuts_are_searched_and_whole(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    commands = Commands(parent, RECORDS)
    commands.fill(QMenuBar(parent), MENUS)
    dialog = ShortcutsDialog(commands, parent)
    dialog.show()
    qtbot.waitExposed(dialog)
    table = dialog.table

    def rows() -> list[str]:
        return [table.item(r, 0).text() for r in range(table.rowCount()) if not table.isRowHidden(r)]

    assert len(rows()) == len(commands.in_menus())
    QApplication.processEvents()
    metrics, width = table.fontMetrics(), table.columnWidth(2) - 8
    for r in range(table.rowCount()):
        text = table.item(r, 2).text()
        needed = metrics.boundingRect(0, 0, width, 10_000, Qt.TextFlag.TextWordWrap, text).height()
        assert needed <= table.rowHeight(r) <= needed + 2 * metrics.height(), text
    assert table.horizontalScrollBar().maximum() == 0
    QTest.keyClicks(dialog.search, "DATA open")
    assert "Open data file" in rows() and len(rows()) < 8
    dialog.search.setText("no such words")
    assert not rows() and dialog.nothing.isVisible()
    dialog.search.clear()
    assert len(rows()) == table.rowCount() and not dialog.nothing.isVisible()
    dialog.close()


def test_the_examples_are_whole(qtbot: QtBot) -> None:
    """Each with what it does, how it is run, and every line."""
    files = sorted(resource("examples").glob("*.py"))
    guide = GuideDialog("Examples")
    qtbot.addWidget(guide)
    shown = guide.browser.toPlainText()
    squeezed = re.sub(r"\s+", "", shown)
    assert len(files) >= 8
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert file.name in shown and lines[0].removeprefix('"""') in shown
        assert all(re.sub(r"\s+", "", line).replace('"""', "") in squeezed for line in lines), file.name
