from __future__ import annotations

from pytestqt.qtbot import QtBot

from dnf_studio.gui.plots.disagreement import DisagreementPlot
from dnf_studio.gui.plots.grid import GridPlot
from dnf_studio.gui.plots.loss import LossPlot
from dnf_studio.gui.plots.pair import WIDE, LowerRow, PlotPair
from dnf_studio.gui.plots.time_view import TimeView


def test_four_plots_where_there_is_room_and_tabs_where_there_is_not(qtbot: QtBot) -> None:
    loss, grid = LossPlot(), GridPlot()
    pair = PlotPair((loss, grid), ("Loss", "Time grid"))
    row = LowerRow(TimeView(), DisagreementPlot(), pair)
    qtbot.addWidget(row)
    row.resize(WIDE - 200, 260)
    with qtbot.waitExposed(row):
        row.show()
    assert pair.tabs.isVisible() and loss.isVisible() and not grid.isVisible()
    pair.tabs.setCurrentIndex(1)
    assert grid.isVisible() and not loss.isVisible()
    row.resize(WIDE + 200, 260)
    assert not pair.tabs.isVisible() and grid.isVisible() and loss.isVisible()
    widths = row.sizes()
    assert abs(widths[2] - 2 * widths[1]) < 0.2 * widths[1]
    row.resize(WIDE - 200, 260)
    assert pair.tabs.currentIndex() == 1 and grid.isVisible() and not loss.isVisible()
    assert max(row.sizes()) < 1.4 * min(row.sizes())
