"""Fusion in the colours of a theme: the palette and the rules of style of the whole application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Template

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QLabel,
    QMainWindow,
    QMenu,
    QRadioButton,
    QSplitter,
    QStatusBar,
    QTabBar,
    QTableView,
    QToolBar,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import BAR_ICON, SMALL_ICON, Theme, desktop_letters, mix

RULED = QMenu, QMainWindow, QToolBar, QStatusBar, QTabBar, QCheckBox, QRadioButton, QTableView
SIZED = QMenu, QToolBar
"""Those whose rules have sizes that go with the letters."""
RULED_BY, RULED_NAME = ("caption", "warning"), "keep"
"""Kinds of widgets, properties of labels and the name of frames whose colours are in resources/style/window.qss."""
LAYOUTS = 3
"""Rounds in which what grew makes what it stands in grow, until all has its place."""


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Fusion with the palette of `theme` and the few rules of style; plots are recoloured by `set_theme`.

    Rules that are set anew style every widget there is, about a second's work for a window with all its docks. They
    are the same in both themes, so that only what they name is styled again when the theme changes.
    """
    rules = _style_sheet()
    # Or under rules neither palette nor font comes from the application to a widget that is there
    app.setAttribute(Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles)
    if not app.styleSheet() and app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette(theme))
    if app.styleSheet() != rules:
        app.setStyleSheet(rules)
        return
    for widget in all_widgets(app, *RULED):
        _style_anew(widget)
    for label in all_widgets(app, QLabel):
        if any(label.property(name) for name in RULED_BY):
            _style_anew(label)
    for frame in all_widgets(app, QFrame, name=RULED_NAME):
        _style_anew(frame)


def apply_letters(app: QApplication, font: QFont) -> None:
    """Write everything in `font`, and let the pictures of menus and bars grow with it: no other rule has a size of it.

    The rules stay: to take them away and set them again, so that a font reaches all widgets, styles each of them twice.
    """
    app.setAttribute(Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles)
    app.setFont(font)
    # An em is that of the widget, which has the font only when this event has come to it
    app.sendPostedEvents(None, QEvent.Type.ApplicationFontChange.value)
    for widget in all_widgets(app, *SIZED):
        _style_anew(widget)
        if isinstance(widget, QToolBar):
            # It asks for the size of its pictures when it is told that its style is another
            app.sendEvent(widget, QEvent(QEvent.Type.StyleChange))


def all_widgets(app: QApplication, *kinds: type[QWidget], name: str | None = None) -> Iterator[QWidget]:
    """Every widget of these `kinds`, and of this `name` where one is given.

    `QApplication.allWidgets` makes a Python object of each widget there is, some thousands.
    """
    for root in app.topLevelWidgets():
        # A dialog is found among the children of its window
        if root.parentWidget() is None:
            for kind in kinds:
                if isinstance(root, kind) and name in (None, root.objectName()):
                    yield root
                yield from root.findChildren(kind) if name is None else root.findChildren(kind, name)


def lay_out() -> None:
    """Give everything its place now, and not in later turns of the event loop, between which it would be painted where
    it was."""
    for _ in range(LAYOUTS):
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)


def painted_once(app: QApplication, steps: Iterable[object]) -> Iterator[None]:
    """Takes `steps`, during which nothing is painted, then gives all that grew its place and lets it be painted there.

    Else whatever a layout moves is painted where it was, and where it comes to be in each of its rounds. Each step is
    for a turn of the event loop of its own, which all of them would hold up for too long. Whoever lets go of it before
    its end has everything painted as it is by then.
    """
    windows = [window for window in app.topLevelWidgets() if window.isVisible() and window.updatesEnabled()]
    for window in windows:
        window.setUpdatesEnabled(False)
    try:
        for _ in steps:
            yield
        lay_out()
    finally:
        for window in windows:
            if isValid(window):
                window.setUpdatesEnabled(True)
                # What was to be painted meanwhile is still noted, and as long as anything is Qt asks for no painting:
                # a window that plays would not be painted any more
                app.postEvent(window, QEvent(QEvent.Type.UpdateRequest))


def _style_anew(widget: QWidget) -> None:
    """Qt keeps what it found for a rule until the widget is polished."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.base,
        role.AlternateBase: theme.window,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.muted,
        role.Text: theme.text,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.warning,
        role.Link: theme.accent,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Light: mix(theme.raised, "#ffffff", 0.1),
        role.Midlight: theme.raised,
        role.Mid: theme.border,
        role.Dark: mix(theme.border, "#000000", 0.2),
        # What only the rules of style need, for which there is no role
        role.Shadow: mix(theme.muted, theme.window, 0.4),
        role.LinkVisited: mix(theme.accent, theme.raised, 0.6),
    }
    palette = QPalette()
    for name, colour in colours.items():
        palette.setColor(name, QColor(colour))
    faded = palette.color(role.Shadow)
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, faded)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(theme.border))
    return palette


def _style_sheet() -> str:
    """The rules of resources/style/window.qss, with pictures that grow with the letters, whose height is an em."""
    letters = desktop_letters()
    rules = Template(resource("style", "window.qss").read_text(encoding="utf-8"))
    return rules.substitute(
        check=resource("style", "check.svg").as_posix(),
        bar=f"{BAR_ICON / letters:.4f}",
        small=f"{SMALL_ICON / letters:.4f}",
    )


def let_paint(window: QWidget) -> None:
    """Let the rows of plots in `window` that wait for their turn of the event loop be painted now: a picture that is
    taken meanwhile would show nothing of them."""
    for row in window.findChildren(QSplitter):
        if row.testAttribute(Qt.WidgetAttribute.WA_ForceUpdatesDisabled):
            row.setUpdatesEnabled(True)
