from __future__ import annotations

from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.disagreement.plot import DisagreementPlot
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.features.marginals.plot import MarginalsPlot
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.features.time_grid.plot import GridPlot
from dnf_studio.gui.frame.plot_row import WIDE, LowerRow, PlotTabBar, PlotTabs


def test_four_plots_where_there_is_room_and_tabs_where_there_is_not(qtbot: QtBot) -> None:
    loss, grid, marginals = LossPlot(), GridPlot(), MarginalsPlot()
    pair = PlotTabs("Loss", loss, ("Time grid", "Marginals"))
    pair.fill((grid, marginals))
    row = LowerRow([TimeView(), DisagreementPlot()], pair)
    qtbot.addWidget(row)
    row.resize(WIDE - 200, 260)
    with qtbot.waitExposed(row):
        row.show()
    assert pair.tabs.isVisible() and loss.isVisible() and not grid.isVisible()
    pair.tabs.setCurrentIndex(1)
    assert grid.isVisible() and not loss.isVisible() and not pair.other_tabs.isVisible()
    row.resize(WIDE + 200, 260)
    assert not pair.tabs.isVisible() and grid.isVisible() and loss.isVisible() and not marginals.isVisible()
    assert pair.other_tabs.isVisible()
    widths = row.sizes()
    assert abs(widths[2] - 2 * widths[1]) < 0.2 * widths[1]
    row.resize(WIDE - 200, 260)
    assert pair.tabs.currentIndex() == 1 and grid.isVisible() and not loss.isVisible()
    assert max(row.sizes()) < 1.4 * min(row.sizes())


def test_a_choice_among_the_other_plots_is_one_choice_wide_or_narrow(qtbot: QtBot) -> None:
    plots = {"Loss": LossPlot(), "Time grid": GridPlot(), "Marginals": MarginalsPlot()}
    first, *others = plots.values()
    pair = PlotTabs("Loss", first, list(plots)[1:])
    pair.fill(others)
    qtbot.addWidget(pair)
    with qtbot.waitExposed(pair):
        pair.show()

    def seen() -> list[str]:
        return [name for name, plot in plots.items() if plot.isVisible()]

    pair.tabs.setCurrentIndex(2)
    assert seen() == ["Marginals"]
    pair.set_wide(True)
    assert seen() == ["Loss", "Marginals"]
    pair.other_tabs.setCurrentIndex(0)
    assert seen() == ["Loss", "Time grid"]
    pair.set_wide(False)
    assert seen() == ["Time grid"] and pair.tabs.currentIndex() == 1
    pair.tabs.setCurrentIndex(0)
    assert seen() == ["Loss"]
    pair.set_wide(True)
    assert seen() == ["Loss", "Time grid"]
    pair.set_wide(False)
    assert seen() == ["Loss"], "nobody has chosen another one since"
    pair.set_wide(True)
    pair.other_tabs.setCurrentIndex(1)
    pair.set_wide(False)
    assert seen() == ["Marginals"]


def test_names_stay_the_same_where_they_do_not_fit_and_no_tab_is_out_of_sight(qtbot: QtBot) -> None:
    bar = PlotTabBar(("Loss", "Grid", "Marginals", "Space-time", "Score"))
    qtbot.addWidget(bar)
    full = sum(bar.tabRect(place).width() for place in range(5))
    bar.resize(full + 10, 26)
    with qtbot.waitExposed(bar):
        bar.show()

    def seen() -> list[str]:
        return [bar.tabText(place) for place in range(5)]

    assert seen() == ["Loss", "Grid", "Marginals", "Space-time", "Score"]
    bar.resize(bar.minimumSizeHint().width(), 26)
    assert bar.width() < full - 40 and bar.tabRect(4).right() <= bar.width()
    assert seen() == ["Loss", "Grid", "Marginals", "Space-time", "Score"]
    for place in range(5):
        assert (bar.tabRect(place).width() < bar.tabSizeHint(place).width()) == (place in (2, 3)), "long ones are cut"
    assert bar.accessibleTabName(2) == "Marginals"
