"""The Round trip panel with a model, and its dock in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.theme import LIGHT
from dnf_studio.gui.drawing.words import short_number
from dnf_studio.gui.features.round_trip import panel as module
from dnf_studio.gui.features.round_trip.error_map import ErrorHistogram, ErrorMap, error_limit
from dnf_studio.gui.features.round_trip.panel import RoundTripPanel
from dnf_studio.gui.frame.docks import FeatureDock
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import pixels, share_near


def dock_of(window: MainWindow) -> FeatureDock:
    return window.docks["round-trip"]


pytestmark = pytest.mark.usefixtures("few_points")


@pytest.fixture
def panel(workspace: Workspace, open_model: Callable[[str], None], qtbot: QtBot) -> RoundTripPanel:
    """On a bundled model, with its first result."""
    open_model("diffflow-8gaussian")
    qtbot.waitUntil(lambda: workspace.live.frame is not None and workspace.live.frame.complete, timeout=20_000)
    made = RoundTripPanel(workspace)
    qtbot.addWidget(made)
    made.resize(400, 700)
    made.show()
    wait(qtbot, made)
    return made


def wait(qtbot: QtBot, panel: RoundTripPanel) -> None:
    qtbot.waitUntil(lambda: panel.trip is not None and not panel.task.running, timeout=30_000)


def choose(panel: RoundTripPanel, way: str) -> None:
    """As a person does."""
    box = panel.form.way
    box.setCurrentIndex(box.findData(way))
    box.activated.emit(box.currentIndex())


def test_the_dock_begins_by_itself_and_its_numbers_are_those_of_the_model(
    workspace: Workspace, panel: RoundTripPanel, qtbot: QtBot
) -> None:
    trip, frame = panel.trip, workspace.live.frame
    assert trip is not None and frame is not None and (trip.way, trip.steps) == ("sde", 30)
    np.testing.assert_array_equal(trip.x0.astype(np.float32), frame.forward[0])
    assert 0 < trip.median < trip.rms < trip.largest and panel.stale.isHidden()
    assert panel.numbers.text().startswith("300 points, N = 30: root mean square")
    assert panel.histogram.counts.sum() == 300
    noisy = trip.rms
    choose(panel, "implied")
    wait(qtbot, panel)
    assert panel.trip is not None and panel.trip.largest < 1e-4 < noisy and not panel.form.last.isEnabled()
    assert "rounding" in panel.form.meaning.text()


def test_more_steps_of_the_ode_come_closer(panel: RoundTripPanel, qtbot: QtBot) -> None:
    choose(panel, "ode")
    wait(qtbot, panel)
    first = panel.trip
    panel.form.steps.setValue(120)
    wait(qtbot, panel)
    assert first is not None and panel.trip is not None and panel.trip.steps == 120
    assert 2.5 < first.rms / panel.trip.rms < 6


def test_the_worst_are_selected_everywhere(workspace: Workspace, panel: RoundTripPanel, qtbot: QtBot) -> None:
    qtbot.mouseClick(panel.worst, Qt.MouseButton.LeftButton)
    state, trip = workspace.session.state, panel.trip
    assert trip is not None and state.selection == trip.worst(20) and state.direction == "forward"
    rest = np.delete(trip.error, list(state.selection))
    assert trip.error[list(state.selection)].min() >= rest.max()
    workspace.session.undo()
    assert workspace.session.state.selection == ()


def test_a_click_on_a_point_chooses_it(workspace: Workspace, panel: RoundTripPanel) -> None:
    trip, worst_map = panel.trip, panel.map
    assert trip is not None
    far = trip.worst(1)[0]
    at = worst_map.box.mapViewToScene(QPointF(*trip.x0[far]))
    assert worst_map.pick(at, False)
    chosen = workspace.session.state.selection
    assert len(chosen) == 1 and np.linalg.norm(trip.x0[chosen[0]] - trip.x0[far]) < 0.1
    assert not worst_map.pick(worst_map.box.mapViewToScene(QPointF(0, 0)), False)


def test_other_weights_or_settings_mark_it_and_another_n_of_the_views_is_followed(
    workspace: Workspace, panel: RoundTripPanel, qtbot: QtBot
) -> None:
    workspace.session.apply({"seed": 5})
    assert panel.stale.isVisible()
    workspace.session.undo()
    assert not panel.stale.isVisible()
    workspace.session.apply({"grid": "uniform"})
    assert panel.stale.isVisible()
    qtbot.waitUntil(lambda: workspace.live.frame.request.grid == "uniform", timeout=20_000)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    wait(qtbot, panel)
    assert not panel.stale.isVisible()
    workspace.session.apply({"steps": 12})
    wait(qtbot, panel)
    assert panel.trip is not None and panel.trip.steps == 12
    panel.form.steps.setValue(9)
    workspace.session.apply({"steps": 40})
    wait(qtbot, panel)
    assert panel.trip is not None and panel.trip.steps == 9 == panel.form.steps.value()


def test_another_version_of_the_weights_marks_it(workspace: Workspace, panel: RoundTripPanel) -> None:
    from dnf_studio.workers.snapshot import Snapshot

    before = workspace.studio.explorer.newest.snapshot
    assert before is not None
    workspace.studio.explorer.publish(Snapshot.of(before.flow))
    workspace.live.show(workspace.live.frame)
    assert panel.stale.isVisible()


def test_it_can_be_cancelled_and_does_not_begin_again_by_itself(
    workspace: Workspace, panel: RoundTripPanel, qtbot: QtBot
) -> None:
    panel.form.steps.setValue(1000)
    qtbot.waitUntil(lambda: panel.task.running)
    assert panel.button.text() == module.CANCEL and not panel.worst.isEnabled()
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert not panel.task.running and panel.button.text() == module.GO
    # What was there already stays
    assert panel.numbers.text() if panel.trip else panel.numbers.text() == "Cancelled."
    workspace.live.show(workspace.live.frame)
    assert not panel.task.running
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert panel.task.running and panel.numbers.text() != "Cancelled."


def test_hidden_it_computes_nothing_and_seen_again_what_is_missing(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in("diffflow-8gaussian")
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+U"))
    panel = dock_of(window).panel
    assert isinstance(panel, RoundTripPanel)
    wait(qtbot, panel)
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+U"))
    assert dock_of(window).isHidden()
    window.session.apply({"steps": 7})
    assert not panel.task.running and panel.trip is None
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+U"))
    wait(qtbot, panel)
    assert panel.trip is not None and panel.trip.steps == 7


@pytest.mark.parametrize("dim", [1, 5])
def test_data_of_another_dimension(
    workspace: Workspace,
    panel: RoundTripPanel,
    open_model: Callable[[str], None],
    qtbot: QtBot,
    tmp_path: Path,
    dim: int,
) -> None:
    rows = np.random.default_rng(0).standard_normal((400, dim)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    open_model(str(tmp_path / "rows.npy"))
    wait(qtbot, panel)
    trip, places = panel.trip, panel.map._places
    assert len(trip.x0) == workspace.live.frame.forward.shape[1]
    assert trip is not None and trip.x0.shape[1] == dim and places.shape == (len(trip.x0), 2)
    np.testing.assert_allclose(places[:, 0], trip.x0[:, 0], rtol=1e-6)
    np.testing.assert_allclose(places[:, 1], trip.error if dim == 1 else trip.x0[:, 1], rtol=1e-6)
    if dim == 1:
        assert panel.map.box.viewRange()[1][1] > trip.largest
    else:
        workspace.session.apply({"axes": (4, 2)})
        np.testing.assert_allclose(panel.map._places, trip.x0[:, [4, 2]], rtol=1e-6)
        box = panel.form.place
        box.setCurrentIndex(box.findData("returned"))
        box.activated.emit(box.currentIndex())
        np.testing.assert_allclose(panel.map._places, trip.returned[:, [4, 2]], rtol=1e-6)


def test_a_model_with_more_points_than_the_one_before_has_all_of_them(
    workspace: Workspace, panel: RoundTripPanel, open_model: Callable[[str], None], qtbot: QtBot, tmp_path: Path
) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32))
    open_model(str(tmp_path / "few.npy"))
    wait(qtbot, panel)
    open_model("diffflow-8gaussian")
    wait(qtbot, panel)
    assert panel.trip is not None and len(panel.trip.x0) == 300 and panel.histogram.counts.sum() == 300


def test_map_and_histogram_show_where_the_error_is(qtbot: QtBot) -> None:
    error_map, histogram = ErrorMap(), ErrorHistogram()
    for plot in (error_map, histogram):
        qtbot.addWidget(plot)
        plot.resize(400, 400)
        plot.show()
    places = np.random.default_rng(0).uniform(-1, 1, (900, 2)).astype(np.float32)
    errors = np.where(places[:, 0] > 0, 1.0, 0.01)
    for binned in (False, True):
        error_map.set_errors(places, errors)
        error_map.set_binned(binned)
        seen = pixels(error_map.plot)[:320]
        left, right = seen[:, : seen.shape[1] // 2], seen[:, seen.shape[1] // 2 + 20 :]
        assert share_near(right, LIGHT.amount[-1], 40) > 0.02 > share_near(left, LIGHT.amount[-1], 40)
    histogram.set_errors(np.append(errors, [np.nan, 50.0]))
    assert histogram.counts.sum() == 901 and histogram.counts[0] == (errors < 0.5).sum()
    error_map.set_errors(places[:0], np.empty(0))
    histogram.set_errors(np.empty(0))
    assert histogram.counts.sum() == 0 and error_limit(np.array([np.nan])) == 1.0
    assert short_number(-4.2e-7) == "−4.2e−07"
