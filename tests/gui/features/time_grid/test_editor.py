"""The grid editor in a real window: drags, undo, the view, training, presets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.grid_presets import list_presets, save_preset
from dnf_studio.gui.features.time_grid.editor import GridEditorPanel
from dnf_studio.gui.features.time_grid.presets import PresetNameDialog
from dnf_studio.gui.frame.features import MENUS
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.memory import grids_folder
from tests.gui.features.time_grid.test_step_curve import drag

MINE = (0.0, 0.1, 0.3, 0.6, 1.0)


@pytest.fixture
def panel(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> GridEditorPanel:
    open_in("diffflow-rings")
    window.commands["grid-editor"].trigger()
    dock = window.docks["grid-editor"]
    qtbot.waitUntil(lambda: dock.panel is not None and dock.panel.isVisible(), timeout=20_000)
    assert isinstance(dock.panel, GridEditorPanel)
    return dock.panel


def choose(panel: GridEditorPanel, text: str) -> None:
    panel.start.setCurrentText(text)
    panel.start.activated.emit(panel.start.currentIndex())


def dialog_of(panel: GridEditorPanel) -> PresetNameDialog:
    (dialog,) = [each for each in panel.findChildren(PresetNameDialog) if each.isVisible()]
    return dialog


def test_a_drag_changes_the_view_at_once_and_is_one_step_of_undo(
    panel: GridEditorPanel, window: MainWindow, qtbot: QtBot
) -> None:
    session, before = window.session, panel.editing.nodes
    assert len(before) == 31 and panel.start.currentText() == "the model's own"
    drag(qtbot, panel.curve, 7, 2e-3)
    nodes = session.state.sampling.grid
    assert isinstance(nodes, tuple) and panel.editing.nodes == nodes and session.state.sampling.steps is None
    lengths = np.diff(nodes) * 0.0999
    assert lengths[7] == pytest.approx(2e-3, rel=0.02) and lengths.sum() == pytest.approx(0.0999)
    moved = np.flatnonzero(~np.isclose(nodes, before, atol=1e-7))
    assert moved.tolist() == [7, 8], "its two neighbours gave way, no other node moved"
    qtbot.waitUntil(
        lambda: window.live.frame.request.grid == nodes and window.live.frame.complete,
        timeout=20_000,
    )
    np.testing.assert_allclose(np.diff(window.live.frame.t), lengths, rtol=1e-3)
    assert panel.start.currentText() == "custom, 30 steps"
    assert panel.noise.values[7] == pytest.approx(0.5 * np.sqrt(lengths[7]), rel=1e-3)
    session.undo()
    assert session.state.sampling.grid is None and panel.editing.nodes == before and not session.can_undo
    session.redo()
    assert session.state.sampling.grid == nodes


def test_back_and_forth_within_a_drag_leaves_the_neighbours_as_they_were(panel: GridEditorPanel) -> None:
    before, hand = panel.editing.nodes, object()
    panel.editing.set_length(7, 0.02, gesture=hand)
    panel.editing.set_length(7, 0.0999 * (before[8] - before[7]), gesture=hand)
    np.testing.assert_allclose(panel.editing.nodes, before, atol=1e-9)
    panel.editing.set_length(7, 0.02, everywhere=True, gesture=object())
    assert (np.abs(np.diff(panel.editing.nodes) - np.diff(before)) > 1e-4).all()


def test_numbers_are_typed_and_what_cannot_be_is_told(panel: GridEditorPanel, window: MainWindow) -> None:
    choose(panel, "uniform")
    assert window.session.state.sampling.grid == "uniform"
    panel.step.setValue(5)
    assert panel.curve.chosen == panel.noise.chosen == 5
    start, step = 0.0001 + 5 * 0.0999 / 30, 0.0999 / 30
    assert panel.time.value() == pytest.approx(start, rel=1e-5)
    assert panel.length.value() == pytest.approx(step, rel=1e-5)
    panel.time.setValue(start + 0.4 * step)
    lengths = np.diff(panel.editing.times) / step
    assert lengths[4:6].tolist() == pytest.approx([1.4, 0.6], rel=1e-4) and lengths[6] == pytest.approx(1, rel=1e-4)
    nodes = panel.editing.nodes
    panel.time.setValue(start - 1.5 * step)
    assert "between its neighbours at" in panel.problem.text() and panel.problem.isVisible()
    assert panel.editing.nodes == nodes and panel.time.value() == pytest.approx(start + 0.4 * step, rel=1e-5)
    panel.length.setValue(0.6)
    assert panel.problem.text().startswith("Step 5 can only be between") and panel.editing.nodes == nodes
    panel.length.setValue(2 * step)
    assert not panel.problem.text() and np.diff(panel.editing.times)[5] == pytest.approx(2 * step)
    panel.step.setValue(0)
    assert not panel.time.isEnabled()


def test_arrow_keys_change_the_step_and_leave_the_time_cursor(
    panel: GridEditorPanel, window: MainWindow, qtbot: QtBot
) -> None:
    window.activateWindow()
    panel.curve.plot.setFocus()
    at, before = window.session.cursor.position, np.diff(panel.editing.nodes)
    qtbot.keyClick(panel.curve.plot, Qt.Key.Key_Right)
    qtbot.keyClick(panel.curve.plot, Qt.Key.Key_Up)
    assert panel.curve.chosen == 1 and window.session.cursor.position == at
    assert np.diff(panel.editing.nodes)[1] == pytest.approx(1.05 * before[1])


def test_the_view_may_be_left_as_it_is(panel: GridEditorPanel, window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    panel.live.click()
    drag(qtbot, panel.curve, 3, 2e-3)
    assert session.state.sampling.grid is None and session.state.draft == panel.editing.nodes
    drafted = panel.editing.nodes
    choose(panel, "s-curve")
    assert panel.start.currentText() == "s-curve" and session.state.sampling.grid is None
    session.undo()
    assert panel.editing.nodes == drafted and panel.start.currentText() == "custom, 30 steps"
    panel.steps.setValue(10)
    assert len(panel.editing.nodes) == 11 and session.state.sampling.steps is None
    panel.live.click()
    assert session.state.sampling.grid == panel.editing.nodes and session.state.sampling.steps == 10


def test_another_view_n_keeps_the_shape(panel: GridEditorPanel, window: MainWindow, qtbot: QtBot) -> None:
    window.session.apply({"grid": MINE})
    assert len(panel.editing.nodes) == 31, "as the model has"
    panel.steps.setValue(8)
    assert window.session.state.sampling.steps == 8
    assert panel.editing.nodes[::2] == pytest.approx(MINE)
    window.session.apply({"steps": 4})
    assert panel.editing.nodes == pytest.approx(MINE) and panel.steps.value() == 4
    window.session.apply({"steps": 1})
    assert panel.editing.nodes == (0, 1)
    drag(qtbot, panel.curve, 0, 0.02)
    assert panel.editing.nodes == (0, 1), "one step is the whole"


def test_it_is_used_for_training_with_its_steps(panel: GridEditorPanel, window: MainWindow) -> None:
    panel.steps.setValue(6)
    choose(panel, "paper")
    panel.train.click()
    sde = window.session.state.config.sde
    assert sde.grid == panel.editing.nodes and sde.steps == 6
    assert not panel.train.isEnabled() and panel.note.isVisible()
    window.session.undo()
    assert window.session.state.config.sde.grid == "reference" and panel.train.isEnabled()


def test_presets_are_saved_used_renamed_and_deleted(
    panel: GridEditorPanel, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(qtbot, panel.curve, 7, 2e-3)
    mine = panel.editing.nodes
    panel.presets.save.click()
    dialog = dialog_of(panel)
    assert not dialog.save.isEnabled()
    dialog.name.setText("a/b")
    assert "cannot contain /" in dialog.said.text() and not dialog.save.isEnabled()
    dialog.name.setText("Long seventh")
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    ((preset,), faults) = list_presets(grids_folder())
    assert preset.nodes == mine and not faults and panel.start.currentText() == "Long seventh"
    choose(panel, "uniform")
    assert not panel.presets.rename.isEnabled()
    panel.presets.save.click()
    dialog_of(panel).name.setText("long Seventh")
    assert "saving replaces it" in dialog_of(panel).said.text() and dialog_of(panel).save.isEnabled()
    dialog_of(panel).reject()
    panel.steps.setValue(10)
    choose(panel, "Long seventh")
    assert window.session.state.sampling.grid == mine and len(panel.editing.nodes) == 11
    panel.presets.rename.click()
    dialog_of(panel).name.setText("Seven")
    dialog_of(panel).save.click()
    assert panel.start.currentText() == "Seven"
    monkeypatch.setattr(dialogs, "ask_delete_preset", lambda *_: dialogs.Answer.CANCEL)
    panel.presets.delete.click()
    assert len(panel.presets.presets) == 1
    monkeypatch.setattr(dialogs, "ask_delete_preset", lambda *_: dialogs.Answer.DISCARD)
    panel.presets.delete.click()
    assert list_presets(grids_folder()) == ((), ())
    assert panel.start.currentText() == "custom, 30 steps" and window.session.state.sampling.grid == mine


def test_a_malformed_preset_is_told_and_left_out(panel: GridEditorPanel, window: MainWindow, tmp_path: Path) -> None:
    save_preset(grids_folder(), "good", MINE)
    (grids_folder() / "bad.json").write_text("{}")
    window.commands["grid-editor"].trigger()
    window.commands["grid-editor"].trigger()
    assert [preset.name for preset in panel.presets.presets] == ["good"]
    assert "bad.json' is not a preset of a time grid." in panel.problem.text()


def test_another_model_begins_with_its_own_grid(
    panel: GridEditorPanel, window: MainWindow, open_in: Callable[[str], None]
) -> None:
    panel.live.click()
    panel.editing.set_length(3, 2e-3)
    open_in("diffflow-rings")
    assert window.session.state.draft == () and panel.start.currentText() == "the model's own"


def test_the_button_of_the_grid_plot_opens_it(window: MainWindow, qtbot: QtBot) -> None:
    window.views.tabs.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: window.plots["grid"].edit.width() > 20, timeout=5_000)
    qtbot.mouseClick(window.plots["grid"].edit, Qt.MouseButton.LeftButton)
    dock = window.docks["grid-editor"]
    qtbot.waitUntil(lambda: dock.isVisible() and isinstance(dock.panel, GridEditorPanel), timeout=5_000)
    panel = dock.panel
    assert isinstance(panel, GridEditorPanel) and not panel.train.isEnabled() and not panel.presets.save.isEnabled()
    texts = [part.text() for kind in (QLabel, QAbstractButton) for part in panel.findChildren(kind)]
    letters = [text[text.index("&") + 1].lower() for text in [*texts, *(title for title in MENUS)] if "&" in text]
    assert len(letters) == len(set(letters)) >= 16
    for part in (panel.start, panel.steps, panel.step, panel.time, panel.length, panel.live, panel.train):
        assert part.toolTip() and (part.accessibleName() or isinstance(part, QAbstractButton))
