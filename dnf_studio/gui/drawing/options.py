"""The menu of options that pyqtgraph makes for each of its plots, which the studio offers nowhere."""

from __future__ import annotations

from functools import cache

import pyqtgraph as pg
from pyqtgraph.graphicsItems.PlotItem.plotConfigTemplate_generic import Ui_Form
from PySide6.QtWidgets import QWidget
from shiboken6 import delete


def drop_options(item: pg.PlotItem) -> None:
    """Let `item`, in which nobody has set an option, share its options with all others, and take its own apart.

    They are seven menus and some forty controls for each plot: most of the widgets of a window, every one of which is
    styled and measured whenever colours or letters change.
    """
    menu = item.ctrlMenu
    item.ctrl, item.ctrlMenu, item.stateGroup = shared_options()[1], None, None
    for entry in menu.actions():
        for action in entry.menu().actions():
            # With the controls that it shows
            delete(action)
    delete(menu)


@cache
def shared_options() -> tuple[QWidget, Ui_Form]:
    """The options of all plots, as pyqtgraph begins with them, and what they are on, which nobody sees and which stays.

    pyqtgraph asks for them whenever an item is added to a plot.
    """
    widget, form = QWidget(), Ui_Form()
    form.setupUi(widget)
    return widget, form
