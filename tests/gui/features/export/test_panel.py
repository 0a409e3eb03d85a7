"""The Export panel: preview, progress, cancel, errors at the form, older files, and the file at the end."""

from __future__ import annotations

import errno
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from dnf_studio.core.sampling.region import Region
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.sink import Sink
from dnf_studio.gui.drawing.words import in_bytes
from dnf_studio.gui.features.export.exporter import Exporter, ExportOrder
from dnf_studio.gui.features.export.panel import ExportPanel
from dnf_studio.gui.frame.features import MENUS
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import dialogs, files
from dnf_studio.gui.workspace.dialogs import Answer
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.conftest import TINY

Open = Callable[[str], None]


@pytest.fixture
def panel(workspace: Workspace, open_model: Open, qtbot: QtBot, tmp_path: Path) -> Iterator[ExportPanel]:
    """The panel alone, on a small model with its frame."""
    workspace.session.apply({**TINY, "lam": 0.5, "seed": 3})
    open_model("circle")
    qtbot.waitUntil(lambda: _complete(workspace.live, 4), timeout=20_000)
    made = ExportPanel(workspace, Exporter(workspace.studio, workspace.tell, workspace.parent))
    qtbot.addWidget(made)
    made.resize(300, 800)
    made.show()
    made.form.target.setText(str(tmp_path / "out.h5"))
    yield made
    made._exporter.cancel()
    made._exporter.shut()


def _complete(live: Live, steps: int) -> bool:
    return live.frame is not None and len(live.frame.t) == steps + 1 and live.frame.complete


@pytest.fixture
def page(window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> Iterator[ExportPanel]:
    """The panel as a page of a whole window."""
    window.session.apply({**TINY, "lam": 0.5, "seed": 3})
    open_in("circle")
    qtbot.waitUntil(lambda: _complete(window.live, 4), timeout=20_000)
    panel = front(window)
    panel.form.target.setText(str(tmp_path / "out.h5"))
    yield panel
    window.parts["export"].exporter.cancel()
    window.parts["export"].exporter.shut()


def front(window: MainWindow) -> ExportPanel:
    window.commands["export"].trigger()
    assert window.page("Export") is not None and window.page("Export").isVisible()
    return window.page("Export")


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def export(panel: ExportPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel._exporter.written, timeout=30_000):
        panel.export.click()
    qtbot.waitUntil(lambda: not panel._exporter.running, timeout=10_000)


def begin_long(panel: ExportPanel, qtbot: QtBot) -> None:
    panel.form.count.setValue(50_000_000)
    panel.export.click()
    qtbot.waitUntil(lambda: " of " in panel.remaining.text(), timeout=30_000)
    assert panel._exporter.running


def test_ctrl_e_brings_it_to_the_front_to_type_the_count(page: ExportPanel, window: MainWindow, qtbot: QtBot) -> None:
    window.tabs.setCurrentIndex(0)
    window.dock.hide()
    QTest.keySequence(window, QKeySequence("Ctrl+E"))
    assert window.dock.isVisible() and window.tabs.currentWidget() is page
    assert window.tabs.tabText(window.tabs.currentIndex()) == "Export"
    qtbot.waitUntil(page.form.count.hasFocus, timeout=5_000)
    QTest.keyClicks(page.form.count, "1234")
    page.form.count.interpretText()
    assert page.form.count.value() == 1234


def test_the_button_of_the_sampling_panel_leads_here(page: ExportPanel, window: MainWindow) -> None:
    window.tabs.setCurrentIndex(3)
    button = next(b for b in window.tabs.currentWidget().findChildren(QAbstractButton) if "Export" in b.text())
    button.click()
    assert window.tabs.currentWidget() is page


def test_nothing_can_be_exported_before_there_is_a_model(still_window: MainWindow) -> None:
    panel = still_window.page("Export")
    assert panel is not None and not panel.export.isEnabled()
    panel.start()
    assert not still_window.parts["export"].exporter.running


def test_it_starts_as_the_views_and_follows_until_changed(panel: ExportPanel, workspace: Workspace) -> None:
    form = panel.form
    assert (form.steps.value(), form.lam.value(), form.seed.value()) == (4, 0.5, 3)
    assert form.last.currentData() == "noise" and form.grid.currentData() is None
    workspace.session.apply({"steps": 7, "lam": 0.25})
    assert (form.steps.value(), form.lam.value()) == (7, 0.25) and not form.follow.isEnabled()
    form.lam.setValue(1.5)
    form.count.setValue(77)
    workspace.session.apply({"steps": 8, "lam": 0.75})
    assert (form.steps.value(), form.lam.value()) == (8, 1.5)
    form.follow.click()
    assert (form.lam.value(), form.count.value()) == (0.75, 77) and not form.follow.isEnabled()


def test_the_preview_follows_the_form(panel: ExportPanel, qtbot: QtBot) -> None:
    form = panel.form
    form.count.setValue(1_000_000)
    small = form.plan().predicted_bytes(2, 4)
    assert in_bytes(small) in panel.preview.text()
    form.parts["trajectories"].click()
    large = form.plan().predicted_bytes(2, 4)
    assert large > 3 * small
    assert in_bytes(large) in panel.preview.text()
    form.parts["compress"].click()
    assert "at most" in panel.preview.text()
    qtbot.waitUntil(lambda: "about" in panel.preview.text(), timeout=20_000)


def test_it_writes_what_it_says(panel: ExportPanel, qtbot: QtBot, tmp_path: Path) -> None:
    panel.form.parts["trajectories"].click()
    panel.export.click()
    assert not panel.form.isEnabled() and panel.progress.isVisible() and not panel.export.isEnabled()
    qtbot.waitUntil(lambda: "Written" in panel.remaining.text(), timeout=30_000)
    qtbot.waitUntil(lambda: not panel._exporter.running, timeout=10_000)
    assert files_in(tmp_path) == ["out.h5"]
    info = read_export(tmp_path / "out.h5")
    assert info.complete and info.count == 100_000 and "selection" not in info.sampling
    size = (tmp_path / "out.h5").stat().st_size
    assert size == pytest.approx(panel.form.plan().predicted_bytes(2, 4), rel=0.1)
    assert panel.form.isEnabled() and panel.export.isEnabled() and not panel.cancel.isEnabled()
    (record,) = panel.earlier.history.records
    assert (record.path, record.count, record.steps, record.lam) == (str(tmp_path / "out.h5"), 100_000, 4, 0.5)
    assert record.size == size and record.created and not record.selected


def test_the_window_stays_usable_and_tells_elsewhere_too(
    page: ExportPanel, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    begin_long(page, qtbot)
    window.tabs.setCurrentIndex(0)
    qtbot.waitUntil(lambda: "%" in window.parts["export"].button.text(), timeout=20_000)
    assert window.parts["export"].button.isVisible()
    with qtbot.waitSignal(window.live.frame_shown, timeout=20_000):
        window.session.apply({"lam": 0.0, "steps": 9})
    assert page.form.steps.value() == 4, "the form shows what is being written"
    page.start()
    window.parts["export"].button.click()
    assert window.tabs.currentWidget() is page
    page.cancel.click()
    qtbot.waitUntil(lambda: not window.parts["export"].exporter.running, timeout=30_000)
    assert not window.parts["export"].button.isVisible() and page.form.steps.value() == 9
    assert files_in(tmp_path) == []


def test_points_far_from_the_data_are_told_and_stay_in_the_list(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    open_in("diffusion-rings")
    window.session.apply({"steps": 5, "solver": "sde"})
    panel = front(window)
    panel.form.target.setText(str(tmp_path / "out.h5"))
    panel.form.count.setValue(2000)
    export(panel, qtbot)
    far = read_export(tmp_path / "out.h5").far_samples
    assert far and panel.problem.isVisible() and f"{far} of 2,000 points (" in panel.problem.text()
    assert f"{far} of 2,000" in window.status.message.text()
    assert f"2,000, {far} far off, N 5" in panel.earlier.list.item(0).text()
    window.session.apply({"steps": None, "solver": None})
    panel.form.target.setText(str(tmp_path / "better.h5"))
    panel.form.count.setValue(300)
    export(panel, qtbot)
    assert not panel.problem.isVisible() and "far" not in panel.earlier.list.item(0).text()


def test_cancel_leaves_no_file(panel: ExportPanel, qtbot: QtBot, tmp_path: Path) -> None:
    begin_long(panel, qtbot)
    panel.cancel.click()
    qtbot.waitUntil(lambda: not panel._exporter.running, timeout=30_000)
    assert "Cancelled" in panel.remaining.text()
    assert files_in(tmp_path) == [] and not panel.earlier.history.records
    assert panel.export.isEnabled() and not panel.progress.isVisible()


def test_closing_the_window_cancels_after_asking(
    page: ExportPanel, window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_long(page, qtbot)
    monkeypatch.setattr(dialogs, "ask_about_export", lambda _window: Answer.CANCEL)
    window.close()
    assert window.isVisible() and window.parts["export"].exporter.running
    monkeypatch.setattr(dialogs, "ask_about_export", lambda _window: Answer.DISCARD)
    window.close()
    assert not window.isVisible() and not window.parts["export"].exporter.running
    assert files_in(tmp_path) == []


def test_closing_asks_about_export_and_run_before_it_ends_either(
    page: ExportPanel, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.session.apply({"config.training.iterations": 2})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=30_000)
    begin_long(page, qtbot)
    asked, answers = [], {"export": Answer.CANCEL, "run": Answer.DISCARD}

    def ask(what: str) -> Answer:
        asked.append(what)
        return answers[what]

    monkeypatch.setattr(dialogs, "ask_about_export", lambda _window: ask("export"))
    monkeypatch.setattr(files, "ask_about_run", lambda _window, _active: ask("run"))
    window.close()
    assert asked == ["export"] and window.studio.training.unsaved and window.parts["export"].exporter.running
    answers |= {"export": Answer.DISCARD, "run": Answer.CANCEL}
    window.close()
    assert asked[1:] == ["export", "run"] and window.studio.training.unsaved and window.parts["export"].exporter.running
    answers["run"] = Answer.DISCARD
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
    assert asked[3:] == ["export", "run"] and not window.parts["export"].exporter.running


@pytest.mark.parametrize("target", ["no/such/folder/out.h5", ""])
def test_a_target_that_cannot_be_written_is_told_at_the_form(
    panel: ExportPanel, qtbot: QtBot, tmp_path: Path, target: str
) -> None:
    panel.form.target.setText(str(tmp_path / target) if target else "")
    panel.export.click()
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=20_000)
    qtbot.waitUntil(lambda: panel.export.isEnabled() and not panel._exporter.running, timeout=20_000)
    assert panel.problem.isVisible() and panel.problem.text().endswith(".")
    assert files_in(tmp_path) == []
    panel.form.count.setValue(5)
    assert not panel.problem.isVisible()


def test_a_model_without_the_solver_of_the_form_is_told_at_the_form(
    panel: ExportPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    plan = panel.form.plan()
    plan = replace(plan, settings=replace(plan.settings, solver="ancestral"))
    panel._exporter.start(ExportOrder(plan, panel.form.path(), None))
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=20_000)
    assert panel.export.isEnabled() and not panel._exporter.running and files_in(tmp_path) == []


def test_more_than_the_disk_holds_is_told_at_the_form(panel: ExportPanel, qtbot: QtBot, tmp_path: Path) -> None:
    panel.form.count.setValue(2**31 - 1)
    panel.form.steps.setValue(10_000)
    panel.form.parts["trajectories"].click()
    panel.export.click()
    qtbot.waitUntil(lambda: "free" in panel.problem.text(), timeout=20_000)
    assert files_in(tmp_path) == []


def test_an_older_file_is_asked_about(
    panel: ExportPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, other = tmp_path / "out.h5", tmp_path / "other.h5"
    older.write_text("of value")
    panel.form.count.setValue(100)
    monkeypatch.setattr(dialogs, "ask_about_older_file", lambda _window, _name: Answer.CANCEL)
    panel.export.click()
    assert not panel._exporter.running and older.read_text() == "of value"
    monkeypatch.setattr(dialogs, "ask_about_older_file", lambda _window, _name: Answer.OTHER_NAME)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_words, **_more: (str(tmp_path / "other"), ""))
    export(panel, qtbot)
    assert panel.form.path() == other and read_export(other).count == 100 and older.read_text() == "of value"
    monkeypatch.setattr(dialogs, "ask_about_older_file", lambda _window, _name: Answer.REPLACE)
    panel.form.count.setValue(200)
    export(panel, qtbot)
    assert read_export(other).count == 200
    assert [record.count for record in panel.earlier.history.records] == [200]


def test_without_a_selection_that_choice_is_grey_and_says_how(panel: ExportPanel, workspace: Workspace) -> None:
    form = panel.form
    assert not form.selected.isEnabled() and "click points" in form.selected.toolTip()
    workspace.session.apply({"selection": (3, 7)})
    assert form.selected.isEnabled() and form.selected.text().startswith("2 selected")
    form.selected.click()
    assert form.selecting and form.count.value() == 2 and not form.lam.isEnabled()
    assert form.last.currentData() == "noise", "as the views"
    assert form.parts["trajectories"].isChecked() and form.parts["noise"].isChecked()
    workspace.session.apply({"selection": ()})
    assert not form.selecting and form.count.value() == 100_000 and form.lam.isEnabled()
    assert not form.parts["trajectories"].isChecked()


@pytest.mark.parametrize(("last", "start"), [("noise", "noise"), ("mean", "forward")])
def test_the_selection_is_written_as_it_is_shown(
    panel: ExportPanel, workspace: Workspace, qtbot: QtBot, tmp_path: Path, last: str, start: str
) -> None:
    chosen = (1999, 3, 300)
    change = {"selection": chosen, "selection_of": "backward", "steps": 6, "grid": "uniform", "last": last}
    workspace.session.apply(change | {"start": start})
    panel.form.selected.click()
    export(panel, qtbot)
    qtbot.waitUntil(lambda: _shows(workspace, 6, last), timeout=20_000)
    frame, current = workspace.live.frame, workspace.studio.current
    assert frame is not None and current is not None
    shown = current.snapshot.standardisation
    expected = frame.backward[::-1, sorted(chosen)].swapaxes(0, 1) * np.array(shown.scale) + np.array(shown.mean)
    path = tmp_path / "out.h5"
    np.testing.assert_allclose(read_rows(path, "trajectories"), expected, atol=1e-5)
    np.testing.assert_allclose(read_rows(path, "samples"), expected[:, -1], atol=1e-5)
    info, words = read_export(path), {"noise": "fresh noise", "forward": "the forward ends"}
    said = info.sampling["selection"]
    assert (said["indices"], said["view_points"], said["view_seed"]) == ([3, 300, 1999], 2000, 3)
    assert said["pairing"] == f"backward starts from {words[start]}"
    assert ("forward_trajectories" in info.datasets) == (start == "forward")
    assert (info.steps, info.lam, info.seed, info.sampling["last"]) == (6, 0.5, 3, last)
    (record,) = panel.earlier.history.records
    assert record.selected and record.count == 3 and record.steps == 6


def _shows(workspace: Workspace, steps: int, last: str) -> bool:
    return _complete(workspace.live, steps) and workspace.live.frame.request.last == last


def test_points_of_the_forward_view_are_written_with_their_own_way_back(
    panel: ExportPanel, workspace: Workspace, qtbot: QtBot, tmp_path: Path
) -> None:
    workspace.session.apply({"selection": (3, 300), "steps": 6, "last": "noise"})
    form = panel.form
    form.selected.click()
    assert "2 selected in the forward" in form.selected.text().replace("&", "")
    assert form.as_shown.text().startswith("Their forward paths") and form.plan().forward
    export(panel, qtbot)
    qtbot.waitUntil(lambda: _shows(workspace, 6, "noise"), timeout=20_000)
    frame, current = workspace.live.frame, workspace.studio.current
    assert frame is not None and current is not None
    units, path = current.snapshot.standardisation, tmp_path / "out.h5"
    expected = frame.forward[::-1, [3, 300]].swapaxes(0, 1) * np.array(units.scale) + np.array(units.mean)
    np.testing.assert_allclose(read_rows(path, "forward_trajectories"), expected, atol=1e-5)
    np.testing.assert_allclose(read_rows(path, "trajectories")[:, 0], expected[:, 0], atol=1e-5)
    assert read_export(path).sampling["selection"]["pairing"] == "backward starts from the forward ends"
    workspace.session.apply({"selection_of": "backward"})
    assert form.as_shown.text().startswith("Paths of the backward process, from fresh noise")
    assert "selected in the backward" in form.selected.text().replace("&", "") and not form.plan().forward
    workspace.session.apply({"start": "forward"})
    assert form.as_shown.text().startswith("Round trips") and form.plan().forward


def test_a_run_that_trains_is_exported_and_trains_on(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=30_000)
    run = window.studio.training.run
    assert run is not None
    panel = front(window)
    panel.form.target.setText(str(tmp_path / "run.h5"))
    panel.form.count.setValue(500)
    export(panel, qtbot)
    held = run.iteration
    qtbot.waitUntil(lambda: run.iteration > held, timeout=10_000)
    assert read_export(tmp_path / "run.h5").checkpoint["iteration"] > 0
    window.session.apply({"selection": (0,)})
    panel.form.selected.click()
    panel.form.target.setText(str(tmp_path / "point.h5"))
    export(panel, qtbot)
    assert read_export(tmp_path / "point.h5").count == 1


def test_an_export_is_opened_through_the_studio(
    panel: ExportPanel, workspace: Workspace, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.form.count.setValue(10)
    export(panel, qtbot)
    opened: list[str] = []
    monkeypatch.setattr(workspace.studio, "open", opened.append)
    panel.earlier.list.setCurrentRow(0)
    panel.earlier.open_here.trigger()
    assert opened == [str(tmp_path / "out.h5")]


def test_it_fits_the_dock_without_clipped_words(page: ExportPanel, window: MainWindow, qtbot: QtBot) -> None:
    window.session.apply({"selection": tuple(range(1999))})
    page.form.selected.click()
    page._complain("Cannot write '/a/very-long-name/" + "of_a_folder" * 12 + "/out.h5': there is no folder.")
    assert window.dock.width() <= 300
    qtbot.waitUntil(lambda: page.widget().width() == page.viewport().width(), timeout=5_000)
    assert page.widget().minimumSizeHint().width() <= page.viewport().width()
    for part in (*page.findChildren(QLabel), *page.findChildren(QAbstractButton)):
        if part.isVisibleTo(page) and not (isinstance(part, QLabel) and part.wordWrap()):
            assert part.width() >= part.minimumSizeHint().width(), part.text()


def test_mnemonics_differ_from_each_other_and_the_menus(panel: ExportPanel) -> None:
    texts = [part.text() for kind in (QLabel, QAbstractButton) for part in panel.findChildren(kind)]
    letters = [text[text.index("&") + 1].lower() for text in [*texts, *(title for title in MENUS)] if "&" in text]
    assert len(letters) >= 16 and max(Counter(letters).values()) == 1


def test_a_full_disk_while_writing_is_told(
    page: ExportPanel, window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=10))
    page.export.click()
    qtbot.waitUntil(
        lambda: "free" in page.problem.text() and not window.parts["export"].exporter.running, timeout=20_000
    )
    assert page.problem.isVisible() and "failed" in window.status.message.text()


def test_where_it_differs_from_the_views_is_said_before_writing(panel: ExportPanel, workspace: Workspace) -> None:
    form = panel.form
    assert not form.differs.isVisible() and form.last.currentData() == "noise", "as the views"
    form.lam.setValue(0.25)
    form.last.chosen.emit("mean")
    assert form.differs.isVisible()
    assert form.differs.text().startswith("Otherwise than the views: λ 0.25, not 0.5; last step ")
    form.follow.click()
    assert not form.differs.isVisible() and form.plan().settings.last == "noise"


SQUARE = ((-3.0, -3.0), (0.0, -3.0), (0.0, 3.0), (-3.0, 3.0))


def test_samples_that_end_in_the_lasso(panel: ExportPanel, workspace: Workspace, qtbot: QtBot, tmp_path: Path) -> None:
    form, region = panel.form, Region(SQUARE, ((1.0, 0.0), (0.0, 1.0)))
    assert not form.within.isEnabled() and "lasso" in form.within.toolTip()
    workspace.session.apply({"selection": (), "region": region})
    form.within.click()
    assert form.most.isVisible() and form.most.value() == 100_000_000
    form.count.setValue(3000)
    assert form.most.value() == 3_000_000
    export(panel, qtbot)
    info = read_export(tmp_path / "out.h5")
    assert info.count == 3000 and 3000 < info.drawn_samples < 10_000
    assert (read_rows(tmp_path / "out.h5")[:, 0] < 0.05).all()
    assert info.sampling["region"]["corners"] == [list(corner) for corner in SQUARE]
    form.most.setValue(2048)
    panel.form.target.setText(str(tmp_path / "few.h5"))
    export(panel, qtbot)
    count = read_export(tmp_path / "few.h5").count
    assert 500 < count < 2048 and f"{count:,} of 3,000 samples" in panel.problem.text()
    workspace.session.apply({"selection": (1,)})
    assert not form.within.isEnabled() and form.fresh.isChecked()


def test_a_disk_that_fills_up_keeps_what_is_written_and_it_goes_on(
    panel: ExportPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = Sink.write, [3_000_000]

    def fill(sink: Sink, data: memoryview) -> int:
        room[0] -= len(data)
        if room[0] < 0:
            sink._fail(OSError(errno.ENOSPC, "No space left on device"))
        return write(sink, data)

    monkeypatch.setattr(Sink, "write", fill)
    panel.form.count.setValue(300_000)
    panel.export.click()
    qtbot.waitUntil(lambda: panel.offer.isVisible(), timeout=60_000)
    assert "the disk is full." in panel.problem.text().replace("\u200b", "") and panel.export.isEnabled()
    left = panel.offer.left
    assert left is not None and 0 < left.rows < 300_000 and f"{left.rows:,} of 300,000" in panel.offer.words.text()
    room[0] = 10**12
    with qtbot.waitSignal(panel._exporter.written, timeout=60_000):
        panel.offer.go_on.click()
    qtbot.waitUntil(lambda: not panel._exporter.running and not panel.offer.isVisible(), timeout=10_000)
    assert files_in(tmp_path) == ["out.h5"] and read_export(tmp_path / "out.h5").count == 300_000
    assert panel.earlier.history.records[0].count == 300_000


def test_a_window_that_ends_leaves_what_is_written_and_it_can_be_removed(
    panel: ExportPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    begin_long(panel, qtbot)
    qtbot.waitUntil(lambda: panel.progress.value() > 0, timeout=10_000)
    panel._exporter.shut()
    assert len(files_in(tmp_path)) == 2
    panel._look()
    qtbot.waitUntil(lambda: panel.offer.isVisible(), timeout=10_000)
    panel.offer.remove.click()
    qtbot.waitUntil(lambda: not panel.offer.isVisible(), timeout=10_000)
    assert files_in(tmp_path) == []


def test_cancel_and_another_trial_end_what_takes_minutes_at_the_next_step(
    panel: ExportPanel, workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A block of 10,000 steps took minutes, for which "Cancelling…" stood there, and each trial went on to its end."""
    active, current = set[tuple[int, object]](), workspace.studio.current
    assert current is not None

    def sampler(_flow: object, grid: TimeGrid, _settings: object) -> Callable[..., Iterator[torch.Tensor]]:
        def states(z: torch.Tensor, _noise: object) -> Iterator[torch.Tensor]:
            one = grid.steps, object()
            active.add(one)
            try:
                while True:
                    time.sleep(0.005)
                    yield z
            finally:
                active.remove(one)

        return states

    monkeypatch.setattr(type(current.snapshot.flow), "sampler", sampler)
    panel.form.steps.setValue(9_000)
    qtbot.waitUntil(lambda: bool(active), timeout=20_000)
    panel.form.steps.setValue(10_000)
    qtbot.waitUntil(lambda: {steps for steps, _ in active.copy()} == {10_000}, timeout=20_000)
    tried = active.copy()
    panel.start()
    qtbot.waitUntil(lambda: bool(active) and not active & tried, timeout=20_000)
    assert panel._exporter.running
    panel._cancel()
    qtbot.waitUntil(lambda: not panel._exporter.running and not workspace.studio.background.busy, timeout=20_000)
    assert not active and list(tmp_path.glob("*out.h5*")) == []
