"""The panel of the outliers with models, and its dock in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.gui.features.outliers.list import CANCELLED, NO_DATA, NO_MODEL, OUT_OF_DATE
from dnf_studio.gui.features.outliers.panel import FRESH, OutliersPanel
from dnf_studio.gui.frame.docks import FeatureDock
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.snapshot import Snapshot
from tests.gui.conftest import TINY

FAULT = 12


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment's work where nothing else is said."""
    monkeypatch.setattr("dnf_studio.gui.features.outliers.panel.COUNT", 2000)
    monkeypatch.setattr("dnf_studio.core.exploration.outliers.ROWS", 1024)
    monkeypatch.setattr("dnf_studio.core.exploration.visited.POINTS", 1000)
    monkeypatch.setattr("dnf_studio.core.exploration.visited.FEWER", 500)


def dock_of(window: MainWindow) -> FeatureDock:
    return window.docks["outliers"]


def open_dock(window: MainWindow) -> OutliersPanel:
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+K"))
    # It is made in one turn and shown in the next
    QApplication.processEvents()
    panel = dock_of(window).panel
    assert isinstance(panel, OutliersPanel) and panel.isVisible()
    return panel


def wait(live: Live, panel: OutliersPanel | None, qtbot: QtBot) -> None:
    """For a complete frame, and for what is looked at."""
    qtbot.waitUntil(lambda: live.frame is not None and live.frame.complete, timeout=20_000)
    if panel is not None:
        qtbot.waitUntil(lambda: panel.found is not None and not panel.task.running, timeout=60_000)


@pytest.fixture
def show(workspace: Workspace, qtbot: QtBot) -> Callable[[], OutliersPanel]:
    """Make the panel where there is no dock, and show it."""

    def make() -> OutliersPanel:
        panel = OutliersPanel(workspace)
        qtbot.addWidget(panel)
        panel.resize(420, 760)
        panel.show()
        return panel

    return make


def break_model(workspace: Workspace, qtbot: QtBot) -> None:
    """Publish the model that is shown with a fault in one step: what is right of 1 is thrown out by 20."""
    flow = workspace.studio.current.snapshot.build()
    own = flow.fields

    def fields(grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        drift, score = own(grid, hidden)
        kick = 20 / (grid.g[FAULT] ** 2 * grid.dt[FAULT - 1])
        return drift, lambda i, x: score(i, x) + (x[:, :1] > 1).to(x) * (kick if i == FAULT else 0)

    flow.fields = fields  # type: ignore[method-assign]
    broken = Snapshot.of(DiffFlow(2))
    workspace.studio.explorer.publish(replace(broken, flow=flow))
    qtbot.waitUntil(
        lambda: workspace.live.frame.weights == broken.version and workspace.live.frame.complete,
        timeout=20_000,
    )


def test_without_a_model_it_says_so_and_nothing_runs(still_window: MainWindow) -> None:
    panel = open_dock(still_window)
    assert panel.nothing.text() == NO_MODEL and panel.nothing.isVisible()
    assert not panel.go.isEnabled() and not panel.task.running and not panel.numbers.isVisible()


@pytest.mark.usefixtures("few_points")
def test_hidden_it_asks_for_nothing(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> None:
    open_in("diffflow-rings")
    wait(window.live, None, qtbot)
    assert dock_of(window).panel is None
    panel = open_dock(window)
    wait(window.live, panel, qtbot)
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+K"))
    before = panel.found
    window.session.apply({"steps": 5})
    wait(window.live, panel, qtbot)
    assert panel.found is before and not panel.task.running


def train_on(window: MainWindow, qtbot: QtBot) -> None:
    """A run that does not end by itself, with its first iteration behind it."""
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=30_000)


def test_while_a_run_trains_it_waits_and_says_what_it_would_do(
    window: MainWindow, qtbot: QtBot, open_in: Callable[[str], None]
) -> None:
    open_in("circle")
    train_on(window, qtbot)
    panel = open_dock(window)
    with qtbot.waitSignals([window.live.frame_shown] * 3, timeout=20_000):
        pass
    assert not panel.task.running and panel.found is None
    told = panel.nothing.text()
    assert told.startswith("Check draws 2,000 samples") and "once the run pauses or ends" in told
    panel.count.setValue(1000)
    assert panel.nothing.text().startswith("Check draws 1,000 samples")
    assert panel.go.isVisible() and panel.go.isEnabled() and panel.go.text() == "&Check"
    # Asked for it does
    panel.go.click()
    assert panel.task.running and panel.nothing.text().startswith("Drawing 1,000 samples")
    panel.cancel.click()
    window.studio.training.set_paused(True)
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.PAUSED, timeout=20_000)
    assert not panel.task.running, "what was cancelled does not begin again"


def test_it_begins_by_itself_once_the_run_is_held(
    window: MainWindow, qtbot: QtBot, open_in: Callable[[str], None]
) -> None:
    open_in("circle")
    train_on(window, qtbot)
    panel = open_dock(window)
    panel.count.setValue(1000)
    window.studio.training.set_paused(True)
    wait(window.live, panel, qtbot)
    assert panel.found is not None and panel.go.text() == "&Check again"


def test_rings_at_five_steps(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None], show: Callable[[], OutliersPanel]
) -> None:
    open_model("diffflow-rings")
    workspace.session.apply({"steps": 5})
    qtbot.waitUntil(lambda: len(workspace.live.frame.t) == 6 and workspace.live.frame.complete, timeout=20_000)
    panel = show()
    wait(workspace.live, panel, qtbot)
    found, frame = panel.found, workspace.live.frame
    assert found is not None and found.fresh is not None and found.request == frame.request
    assert (found.views.drawn, found.fresh.drawn, found.fresh.total) == (2000, 2000, 2000)
    assert 0.25 < found.fresh.off / 2000 < 0.45
    assert np.array_equal(found.views.rows.end, frame.backward[0, found.views.rows.number])
    assert panel.status.text() == "" and panel.list.model.rowCount() == len(found.views.rows)
    # A row: that point in the views, at the step that went wrong
    row = int(np.flatnonzero(found.views.rows.step == 2)[0])
    panel.list.table.scrollTo(panel.list.model.index(row, 0))
    cell = panel.list.table.visualRect(panel.list.model.index(row, 0)).center()
    QTest.mouseClick(panel.list.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    state = workspace.session.state
    assert state.selection == (int(found.views.rows.number[row]),) and state.direction == "backward"
    assert workspace.session.cursor.position == 2
    workspace.session.apply({"selection": ()})
    assert not workspace.session.state.selection and not panel.list.table.selectionModel().hasSelection()
    panel.steps.clicked_at(4.5, 1)
    assert workspace.session.cursor.position == 4
    # Fresh samples are listed, and select nothing
    panel.listed.setCurrentIndex(1)
    panel.listed.activated.emit(1)
    assert panel.listed.currentData() == FRESH and panel.list.model.rowCount() == len(found.fresh.rows)
    panel.list.choose(0)
    assert not workspace.session.state.selection and workspace.session.cursor.position == found.fresh.rows.step[0]
    # Other settings
    workspace.session.apply({"lam": 0.5})
    qtbot.waitUntil(lambda: panel.status.text() == OUT_OF_DATE, timeout=20_000)
    assert panel.found is found and panel.status.isVisible()
    workspace.session.undo()
    qtbot.waitUntil(lambda: panel.status.text() == "", timeout=20_000)


@pytest.mark.usefixtures("few_points")
def test_a_fault_in_one_step_is_found_in_the_window(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None], show: Callable[[], OutliersPanel]
) -> None:
    open_model("diffflow-rings")
    panel = show()
    wait(workspace.live, panel, qtbot)
    before = panel.found
    break_model(workspace, qtbot)
    qtbot.waitUntil(lambda: panel.status.text() == OUT_OF_DATE, timeout=20_000)
    panel.count.setValue(1000)
    panel.go.click()
    assert panel.progress.isVisible() and panel.cancel.isVisible() and not panel.go.isVisible()
    wait(workspace.live, panel, qtbot)
    assert panel.found is not before and not panel.progress.isVisible() and panel.go.isVisible()
    views = panel.found.views
    thrown = np.flatnonzero(workspace.live.frame.backward[FAULT, :, 0] > 1)
    assert len(thrown) > 15 and views.rows.number[views.rows.exploded].tolist() == thrown.tolist()
    steps = views.rows.step[views.rows.exploded]
    assert (steps == FAULT - 1).mean() > 0.99 and (views.rows.jump_step[views.rows.exploded] == FAULT - 1).all()
    assert int(np.argmax(panel.steps.values)) == FAULT - 1
    assert panel.found.fresh is not None and panel.found.fresh.exploded > 50
    assert f"Exploded: {len(thrown):,} of 300" in panel.numbers.text()


@pytest.mark.usefixtures("few_points")
def test_cancel_keeps_what_was_found(
    workspace: Workspace, open_model: Callable[[str], None], show: Callable[[], OutliersPanel], qtbot: QtBot
) -> None:
    open_model("diffflow-rings")
    workspace.session.apply({"steps": 5})
    qtbot.waitUntil(lambda: len(workspace.live.frame.t) == 6 and workspace.live.frame.complete, timeout=20_000)
    panel = show()
    wait(workspace.live, panel, qtbot)
    before = panel.found
    panel.count.setValue(1_000_000)
    panel.go.click()
    qtbot.waitUntil(lambda: panel.found is not before and panel.found.fresh is not None, timeout=60_000)
    panel.cancel.click()
    assert not panel.task.running and panel.status.text() == CANCELLED and panel.status.isVisible()
    assert panel.found.fresh.drawn < 1_000_000 and panel.go.isVisible() and not panel.progress.isVisible()
    assert "of 300" in panel.numbers.text()


@pytest.mark.usefixtures("few_points")
@pytest.mark.parametrize("dim", [1, 5])
def test_one_and_five_components(
    workspace: Workspace,
    qtbot: QtBot,
    tmp_path: Path,
    dim: int,
    open_model: Callable[[str], None],
    show: Callable[[], OutliersPanel],
) -> None:
    rows = np.random.default_rng(0).gamma(2.0, size=(800, dim))
    path = tmp_path / "data.csv"
    np.savetxt(path, rows, delimiter=",", header=",".join(f"c{k}" for k in range(dim)), comments="")
    open_model(str(path))
    panel = show()
    panel.count.setValue(1000)
    wait(workspace.live, panel, qtbot)
    found = panel.found
    assert found is not None and found.fresh is not None and not found.fresh.known
    assert found.fresh.rows.end.shape[1] == dim and found.fresh.compared == (1000 if dim == 1 else 500)
    assert panel.list.model.columnCount() in (0, 7 + 2 * dim)
    assert "points drawn from the data" in panel.definition.text()


@pytest.mark.usefixtures("few_points")
def test_no_outliers_are_told_in_a_sentence_and_another_model_begins_anew(
    workspace: Workspace, qtbot: QtBot, open_model: Callable[[str], None], show: Callable[[], OutliersPanel]
) -> None:
    open_model("diffflow-rings")
    panel = show()
    wait(workspace.live, panel, qtbot)
    found = panel.found
    empty = type(found.views.rows)(**{name: value[:0] for name, value in vars(found.views.rows).items()})
    panel._take(replace(found, views=replace(found.views, rows=empty), fresh=replace(found.fresh, rows=empty)))
    assert panel.nothing.isVisible() and panel.nothing.text().startswith("None of 2,000 samples")
    assert not panel.list.isVisible() and panel.numbers.isVisible()
    open_model("diffflow-8gaussian")
    qtbot.waitUntil(lambda: panel.found is not None and not panel.task.running, timeout=60_000)
    assert panel.found.weights == workspace.studio.current.snapshot.version and not panel.found.views.known


@pytest.mark.usefixtures("few_points")
def test_a_model_without_its_data(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    open_model: Callable[[str], None],
    show: Callable[[], OutliersPanel],
    qtbot: QtBot,
) -> None:
    open_model("diffflow-rings")
    wait(workspace.live, None, qtbot)
    monkeypatch.setattr(workspace.studio, "_opened", replace(workspace.studio.current, dataset=None))
    panel = show()
    assert panel.nothing.text() == NO_DATA and not panel.go.isEnabled() and not panel.task.running
