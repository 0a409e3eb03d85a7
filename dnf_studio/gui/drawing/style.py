"""Fusion in the colours of a theme: the palette and the rules of style of the whole application."""

from __future__ import annotations

from string import Template

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QMainWindow,
    QMenu,
    QRadioButton,
    QStatusBar,
    QTabBar,
    QTableView,
    QToolBar,
    QWidget,
)

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import BAR_ICON, SMALL_ICON, Theme, desktop_letters, mix

RULED = QMenu, QMainWindow, QToolBar, QStatusBar, QTabBar, QCheckBox, QRadioButton, QTableView
SIZED = QMenu, QToolBar
"""Those whose rules have sizes that go with the letters."""
RULED_BY = "caption", "warning"
"""Kinds of widgets, and properties of others, whose colours are in resources/style/window.qss, as those named keep."""


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
    for widget in app.allWidgets():
        named = widget.objectName() == "keep" or any(widget.property(name) for name in RULED_BY)
        if named or isinstance(widget, RULED):
            _style_anew(widget)


def apply_letters(app: QApplication, font: QFont) -> None:
    """Write everything in `font`, and let the pictures of menus and bars grow with it: no other rule has a size of it.

    The rules stay: to take them away and set them again, so that a font reaches all widgets, styles each of them twice.
    """
    app.setAttribute(Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles)
    app.setFont(font)
    # An em is that of the widget, which has the font only when this event has come to it
    app.sendPostedEvents(None, QEvent.Type.ApplicationFontChange.value)
    for widget in app.allWidgets():
        if isinstance(widget, SIZED):
            _style_anew(widget)
        if isinstance(widget, QToolBar):
            # It asks for the size of its pictures when it is told that its style is another
            app.sendEvent(widget, QEvent(QEvent.Type.StyleChange))


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
