"""Fusion in the colours of a theme: the palette and the rules of style of the whole application."""

from __future__ import annotations

from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
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
)

from dnf_studio.assets import resource
from dnf_studio.gui.drawing.theme import BAR_ICON, SMALL_ICON, Theme, letter_scale, mix

RULED = QMenu, QMainWindow, QToolBar, QStatusBar, QTabBar, QCheckBox, QRadioButton, QTableView
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
            # Qt keeps the colours that it found for a rule until the widget is polished
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
    """The rules of resources/style/window.qss, with pictures as large as the letters ask."""
    rules = Template(resource("style", "window.qss").read_text(encoding="utf-8"))
    return rules.substitute(
        check=resource("style", "check.svg").as_posix(),
        bar=round(BAR_ICON * letter_scale()),
        small=round(SMALL_ICON * letter_scale()),
    )
