"""The space-time map, alone and in its place beside the loss."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.scale import BUCKETS
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.drawing.words import WAITING
from dnf_studio.gui.features.space_time.plot import ROWS, SpaceTimePlot
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import excess_of, frame_of, pixels
from tests.views import viewed

FRAME = frame_of(points=2000)


def bad_patch(frame: Frame = FRAME) -> ExcessFrame:
    """Log-ratios of 1 at steps 6 and 7 where x₁ > 0.3 before the step, and of 0 elsewhere."""
    rows = np.zeros((10, frame.forward.shape[1]), np.float32)
    rows[6:8] = frame.forward[6:8, :, 0] > 0.3
    return excess_of(frame, rows)


def shown(qtbot: QtBot, plot: SpaceTimePlot) -> SpaceTimePlot:
    qtbot.addWidget(plot)
    plot.resize(500, 360)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.set_frame(FRAME)
    return plot


def colour_at(plot: SpaceTimePlot, x: float, y: float) -> str:
    spot = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))
    return QColor(*pixels(plot.plot)[spot.y(), spot.x()].tolist()).name()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_bad_patch_is_dark_where_and_when_it_is_and_empty_cells_are_blank(qtbot: QtBot, theme: Theme) -> None:
    plot = shown(qtbot, SpaceTimePlot())
    plot.set_theme(theme)
    plot.set_excess(bad_patch())
    ramp = colour_ramp(theme.disagreement, BUCKETS)
    assert colour_at(plot, 6.5, 1.0) == colour_at(plot, 7.5, 0.8) == ramp[-1]
    assert colour_at(plot, 6.5, -0.8) == colour_at(plot, 4.5, 0.8) == ramp[BUCKETS // 2]
    assert colour_at(plot, 0.5, 0.0) == theme.base and np.isnan(plot.cells[ROWS // 2, 0])


def test_components_and_radius_are_chosen_and_data_of_one_component_has_no_choice(qtbot: QtBot) -> None:
    plot = shown(qtbot, SpaceTimePlot())
    plot.set_excess(bad_patch())
    assert [plot._chooser.itemText(k) for k in range(3)] == ["x₁", "x₂", "radius"] and plot._chooser.isVisible()
    first = plot.cells
    plot._chooser.setCurrentIndex(1)
    plot._chooser.activated.emit(1)
    second = plot.cells
    assert not np.array_equal(first, second, equal_nan=True)
    plot.set_shown(2)
    assert plot._range[0] == 0 and np.isnan(plot.cells[0, 0]) and np.nanmax(plot.cells) > 0.3
    line = frame_of(dim=1)
    plot.set_frame(line)
    assert not plot._chooser.isVisible()
    plot.set_excess(excess_of(line))
    assert plot._range[0] < 0 and plot.cells.shape == (ROWS, 10)


def test_a_click_moves_the_cursor_and_hovering_says_what_is_there(qtbot: QtBot) -> None:
    plot = shown(qtbot, SpaceTimePlot())
    plot.set_excess(bad_patch())
    viewport, spot = plot.plot.viewport(), plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(6.5, 1.0)))
    with qtbot.waitSignal(plot.cursor_moved, timeout=1000) as clicked:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=spot)
    assert clicked.args[0] == pytest.approx(6.5, abs=0.1)
    plot.eventFilter(viewport, QHelpEvent(QHelpEvent.Type.ToolTip, spot, viewport.mapToGlobal(spot)))
    assert QToolTip.text().startswith("<qt>Step 6 → 7, x₁ from ") and "+1.000 nats on average." in QToolTip.text()
    QToolTip.hideText()
    assert plot.explain(0.5, 0.0).endswith("no path.") and plot.explain(99, 0) == plot.explain(1, 99) == ""
    plot.set_cursor(3.0)
    assert plot.note.text().endswith("i = 3 of 10")


def test_it_is_computed_only_while_it_is_seen(qtbot: QtBot) -> None:
    plot = SpaceTimePlot()
    qtbot.addWidget(plot)
    plot.set_frame(FRAME)
    plot.set_excess(bad_patch())
    assert not plot.cells.size
    with qtbot.waitExposed(plot):
        plot.show()
    assert plot.cells.shape == (ROWS, 10)
    plot.set_frame(None)
    assert not plot.cells.size and plot._empty.isVisible()
    plot.set_frame(dataclasses.replace(FRAME, contributions=np.empty((0, 0), np.float32)))
    assert plot._empty.isVisible() and plot.note.text() == ""


def test_it_waits_for_the_log_ratios_and_says_so(qtbot: QtBot) -> None:
    plot = shown(qtbot, SpaceTimePlot())
    assert plot._empty.isVisible() and plot._empty.text() == WAITING and not plot.cells.size
    plot.set_excess(bad_patch())
    assert not plot._empty.isVisible() and plot.cells.size
    plot.set_frame(None)
    assert plot._empty.isVisible() and plot._empty.text().startswith("Open a model")
    plot.set_frame(FRAME)
    plot.set_excess_known(False)
    assert "slow" in plot._empty.text()
    plot.set_reason("A flow has no bound.")
    plot.set_frame(FRAME)
    assert plot._empty.text() == "A flow has no bound."


def test_new_weights_keep_the_map_and_another_request_drops_it(qtbot: QtBot) -> None:
    """The places of newer weights are not those that the log-ratios were found at."""
    plot = shown(qtbot, SpaceTimePlot())
    plot.set_excess(bad_patch())
    before = plot.cells
    moved = dataclasses.replace(FRAME, weights=2, forward=FRAME.forward[:, ::-1] * 0.5)
    plot.set_frame(moved)
    np.testing.assert_array_equal(plot.cells, before)
    for other in (frame_of(request=viewed(seed=1)), frame_of(steps=9)):
        plot.set_frame(FRAME)
        plot.set_excess(bad_patch())
        plot.set_frame(other)
        assert not plot.cells.size and plot._empty.isVisible()


def test_only_paths_that_are_known_are_averaged_and_colours_are_even_around_zero(qtbot: QtBot) -> None:
    plot = shown(qtbot, SpaceTimePlot())
    found = bad_patch()
    part = excess_of(FRAME, found.forward[:, :50] * 2)
    plot.set_excess(part)
    few = int(np.isfinite(plot.cells).sum())
    assert np.nanmax(plot.cells) == 2 and plot._steady.limits == (-2.0, 2.0)
    plot.set_excess(found)
    assert np.isfinite(plot.cells).sum() > 1.5 * few and np.nanmax(plot.cells) == 1


def test_the_map_follows_the_window(still_window: MainWindow, qtbot: QtBot) -> None:
    window = still_window
    plot = window.plots["space-time"]
    window.live.show(FRAME)
    window.live.show_excess(bad_patch())
    assert not plot.cells.size
    window.views.tabs.tabs.setCurrentIndex(3)
    qtbot.waitUntil(lambda: plot.cells.size > 0)
    plot.clicked_at(4.0, 0.0)
    assert window.session.cursor.node == 4 and plot._line.value() == 4.0
    plot.set_frame(None)
    assert not plot.cells.size
