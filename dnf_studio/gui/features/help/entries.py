"""What can be searched for in the window: commands, controls, plots, models, and what the guide explains."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QMenu,
    QMenuBar,
    QScrollArea,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QToolButton,
    QWidget,
)

from dnf_studio import assets
from dnf_studio.assets import resource
from dnf_studio.gui.drawing.help import HelpButton
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.help.guide import PAGES, show_guide

CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
KEYS_IN_TIP = re.compile(r" \([^()]*\)$")
WORD = re.compile(r"^\| \*\*(?P<word>.+?)\*\* \| (?P<meaning>.+) \|$", re.MULTILINE)
HEADING = re.compile(r"^(?:##+ (?P<heading>.+)|\d+\. \*\*(?P<step>.+?)\.?\*\*.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One thing that can be found, and what choosing it does."""

    title: str
    where: str
    """The menu, page or list that it stands in."""
    meaning: str
    act: Callable[[], object]
    keys: str = ""
    also: str = ""
    """More words that find it: the values that a list offers."""
    enabled: bool = True


def found(entries: Iterable[Entry], wanted: str) -> list[Entry]:
    """Those that have every word of `wanted`, the ones with them in their title first, else in their order."""
    words = wanted.casefold().split()
    ranked = [(entry, [_rank(entry, word) for word in words]) for entry in entries]
    kept = [(entry, sum(filter(None, ranks))) for entry, ranks in ranked if None not in ranks]
    return [entry for entry, _ in sorted(kept, key=lambda pair: pair[1])]


def _rank(entry: Entry, word: str) -> int | None:
    """How far from the title a word of the search stands; None where it stands nowhere."""
    begins = re.compile(rf"(?<!\w){re.escape(word)}")
    if begins.search(title := entry.title.casefold()):
        return 0
    if word in title:
        return 1
    # In long texts only as words begin, or "loss" would find the whole glossary
    texts = entry.also, entry.where, entry.meaning
    return next((place for place, text in enumerate(texts, 2) if begins.search(text.casefold())), None)


def command_entries(bar: QMenuBar) -> Iterator[Entry]:
    """Everything in the menus and the menus within them."""
    for action in bar.actions():
        if isinstance(menu := action.menu(), QMenu):
            yield from _menu_entries(menu, _plain(action.text()))


def _menu_entries(menu: QMenu, where: str) -> Iterator[Entry]:
    for action in menu.actions():
        title = _plain(action.text())
        if isinstance(inner := action.menu(), QMenu):
            yield from _menu_entries(inner, f"{where} › {title}")
        elif not action.isSeparator() and action.isVisible():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            tip = action.toolTip() if action.toolTip() != title else ""
            meaning = KEYS_IN_TIP.sub("", tip) if keys else tip
            yield Entry(title, f"{where} menu", meaning, action.trigger, keys, enabled=action.isEnabled())


def control_entries(window: QWidget) -> Iterator[Entry]:
    """What can be set or pressed in the pages, docks and bars of `window`, as far as they are made, each once."""
    known: set[tuple[str, str]] = set()
    for control in window.findChildren(QWidget):
        if not isinstance(control, CONTROLS) or control.window() is not window or isinstance(control, HelpButton):
            continue
        if isinstance(control, QToolButton) and control.defaultAction() is not None:
            continue  # a command
        text = control.text() if isinstance(control, QAbstractButton) else ""
        title, place = _plain(control.accessibleName() or text), _place_of(control)
        if not title or place is None or not control.isVisibleTo(place[0]) or (title, place[1]) in known:
            continue
        known.add((title, place[1]))
        offered = [control.itemText(row) for row in range(control.count())] if isinstance(control, QComboBox) else []
        yield Entry(title, place[1], control.toolTip(), partial(reveal, control), also=" ".join(offered))


def _place_of(control: QWidget) -> tuple[QWidget, str] | None:
    """The part of the window that a control stands in, and what that is called."""
    parent = control.parentWidget()
    while parent is not None:
        if isinstance(parent, Plot):
            return parent, f"Plot {parent.accessibleName()}"
        if isinstance(parent, QToolBar):
            return parent, "Toolbar"
        if isinstance(parent, QDockWidget):
            return parent, f"Panel {parent.windowTitle()}"
        stack = parent.parentWidget()
        tabs = None if stack is None else stack.parentWidget()
        if isinstance(tabs, QTabWidget) and tabs.indexOf(parent) >= 0:
            return parent, f"Page {tabs.tabText(tabs.indexOf(parent))}"
        parent = stack
    return None


def reveal(part: QWidget) -> None:
    """Bring `part` into sight, whatever tabs, docks and scrolled pages it stands in, and give it the focus."""
    inner: list[QWidget] = []
    parent: QWidget | None = part
    while parent is not None:
        if isinstance(parent, QTabWidget):
            for one in inner:
                if parent.indexOf(one) >= 0:
                    parent.setCurrentWidget(one)
        if isinstance(parent, QDockWidget):
            parent.show()
            parent.raise_()
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(part)
        inner.append(parent)
        parent = parent.parentWidget()
    part.setFocus(Qt.FocusReason.TabFocusReason)


def plot_entries(plots: Iterable[Plot]) -> Iterator[Entry]:
    """Every plot that is in front in its place, and the help on it."""
    for plot in plots:
        place = plot.parentWidget()
        stacked = isinstance(place, QStackedWidget) and not isinstance(place.parent(), QTabWidget)
        if stacked and plot.isHidden():
            continue
        yield Entry(plot.accessibleName(), "Plots", plot.caption, partial(_show_plot, plot))
        if plot.help is not None:
            yield Entry(plot.help.accessibleName(), "Help on plots", plot.help.toolTip(), partial(_show_help, plot))


def _show_plot(plot: Plot) -> None:
    reveal(plot)
    plot.plot.setFocus(Qt.FocusReason.TabFocusReason)


def _show_help(plot: Plot) -> None:
    _show_plot(plot)
    if plot.help is not None:
        plot.help.click()


def bundled_model_entries(show: Callable[[str], object]) -> Iterator[Entry]:
    """The models that come with the program."""
    for name in assets.checkpoint_names():
        yield Entry(name, "Bundled models", "Open this model", partial(show, name))


def own_model_entries(paths: Iterable[str], show: Callable[[str], object]) -> Iterator[Entry]:
    """The user's own models, by the paths of their files."""
    for path in paths:
        yield Entry(Path(path).stem, "Own models", path, partial(show, path))


def guide_entries(parent: QWidget) -> Iterator[Entry]:
    """The pages of the guide by their headings, and the words of the glossary with what they mean."""
    for title, file in PAGES.items():
        text = resource(*file).read_text(encoding="utf-8")
        for words in dict.fromkeys(match["heading"] or match["step"] for match in HEADING.finditer(text)):
            yield Entry(words, f"Guide › {title}", "Read this in the guide", partial(show_guide, title, parent, words))
        for match in WORD.finditer(text):
            word = match["word"]
            yield Entry(word, title, match["meaning"], partial(show_guide, title, parent, word))


def _plain(text: str) -> str:
    """A text without its mnemonic."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").strip()
