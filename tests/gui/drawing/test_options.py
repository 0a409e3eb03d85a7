"""pyqtgraph's options, of which a plot has none of its own."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtWidgets import QCheckBox, QMenu
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.picture import shared_options
from dnf_studio.gui.drawing.plot import Plot


def widgets() -> list[type]:
    return [type(one) for one in pg.QtWidgets.QApplication.allWidgets()]


def test_a_plot_brings_no_menus_and_controls_that_nobody_sees(qtbot: QtBot) -> None:
    shared_options()
    before = widgets()
    plot = Plot("A", "What it shows", "Nothing yet")
    qtbot.addWidget(plot)
    made = widgets()
    assert made.count(QMenu) - before.count(QMenu) <= 1 and made.count(QCheckBox) == before.count(QCheckBox)
    assert len(made) - len(before) < 25
    for item in (pg.PlotDataItem([0, 1], [0, 1]), pg.PlotCurveItem([0, 1], [0, 1])):
        plot.plot.addItem(item)
        plot.plot.removeItem(item)
    assert plot.plot.grab().width() > 0
