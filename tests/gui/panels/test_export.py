"""The export dialog: preview, progress, cancel, errors inline, and the file at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from dnf_studio.core.storage.samples import read_export
from dnf_studio.gui.actions import Key
from dnf_studio.gui.dialogs.export import ExportDialog, _about, _bytes
from dnf_studio.gui.main_window import MainWindow

from .conftest import TINY

Open = Callable[[str], None]


@pytest.fixture
def dialog(window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> Iterator[ExportDialog]:
    open_in("circle")
    window.session.apply({**TINY, "lam": 0.5, "seed": 3})
    qtbot.waitUntil(lambda: window.views.frame is not None and len(window.views.frame.t) == 5, timeout=20_000)
    window.commands[Key.EXPORT].trigger()
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    dialog.form.target.setText(str(tmp_path / "out.h5"))
    yield dialog
    if isValid(dialog):
        dialog.shut()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_starts_from_how_the_views_are_set(dialog: ExportDialog) -> None:
    form = dialog.form
    assert (form.steps.value(), form.lam.value(), form.seed.value()) == (4, 0.5, 3)
    assert form.last.currentData() == "mean" and form.grid.currentData() is None


def test_the_preview_follows_the_form(dialog: ExportDialog, qtbot: QtBot) -> None:
    form = dialog.form
    form.count.setValue(1_000_000)
    small = form.plan().predicted_bytes(2, 4)
    assert _bytes(small) in dialog.preview.text()
    form.parts["trajectories"].click()
    large = form.plan().predicted_bytes(2, 4)
    assert large > 3 * small
    assert _bytes(large) in dialog.preview.text()
    form.parts["compress"].click()
    assert "at most" in dialog.preview.text()
    qtbot.waitUntil(lambda: "about" in dialog.preview.text(), timeout=20_000)


def test_it_writes_what_it_says(dialog: ExportDialog, qtbot: QtBot, tmp_path: Path) -> None:
    dialog.form.count.setValue(100_000)
    dialog.form.parts["trajectories"].click()
    dialog.export.click()
    assert not dialog.form.isEnabled() and dialog.progress.isVisible()
    qtbot.waitUntil(lambda: "Written" in dialog.remaining.text(), timeout=30_000)
    qtbot.waitUntil(lambda: not dialog.running, timeout=10_000)
    assert files_in(tmp_path) == ["out.h5"]
    info = read_export(tmp_path / "out.h5")
    assert info.complete
    size = (tmp_path / "out.h5").stat().st_size
    assert size == pytest.approx(dialog.form.plan().predicted_bytes(2, 4), rel=0.1)
    assert dialog.form.isEnabled() and dialog.cancel.text() == "Close"


def test_cancel_leaves_no_file_and_the_dialog_open(dialog: ExportDialog, qtbot: QtBot, tmp_path: Path) -> None:
    dialog.form.count.setValue(50_000_000)
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.progress.value() > 0 or " of " in dialog.remaining.text(), timeout=30_000)
    dialog.cancel.click()
    qtbot.waitUntil(lambda: not dialog.running, timeout=30_000)
    assert "Cancelled" in dialog.remaining.text()
    assert files_in(tmp_path) == []
    assert dialog.isVisible() and dialog.export.isEnabled()


def test_closing_the_dialog_cancels(dialog: ExportDialog, qtbot: QtBot, tmp_path: Path) -> None:
    dialog.form.count.setValue(50_000_000)
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.running, timeout=30_000)
    dialog.close()
    qtbot.waitUntil(lambda: not isValid(dialog), timeout=30_000)
    assert files_in(tmp_path) == []


def test_closing_the_window_cancels_after_asking(
    dialog: ExportDialog, window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dnf_studio.gui.dialogs import question

    dialog.form.count.setValue(50_000_000)
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.running, timeout=30_000)
    monkeypatch.setattr(question, "ask_about_export", lambda _window: question.Answer.CANCEL)
    window.close()
    assert window.isVisible() and dialog.running
    monkeypatch.setattr(question, "ask_about_export", lambda _window: question.Answer.DISCARD)
    window.close()
    assert not window.isVisible() and not dialog.running
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("target", ["no/such/folder/out.h5", ""])
def test_a_target_that_cannot_be_written_is_told_inline(
    dialog: ExportDialog, qtbot: QtBot, tmp_path: Path, target: str
) -> None:
    dialog.form.target.setText(str(tmp_path / target) if target else "")
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=20_000)
    assert dialog.problem.text().endswith(".")
    qtbot.waitUntil(lambda: dialog.export.isEnabled(), timeout=20_000)
    assert files_in(tmp_path) == []


def test_more_than_the_disk_holds_is_told_inline(dialog: ExportDialog, qtbot: QtBot, tmp_path: Path) -> None:
    dialog.form.count.setValue(2**31 - 1)
    dialog.form.steps.setValue(10_000)
    dialog.form.parts["trajectories"].click()
    dialog.export.click()
    qtbot.waitUntil(lambda: "free" in dialog.problem.text(), timeout=20_000)
    assert files_in(tmp_path) == []


def test_a_run_that_trains_is_exported_and_trains_on(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands[Key.TRAIN].trigger()
    qtbot.waitUntil(lambda: window.studio.unsaved, timeout=30_000)
    run = window.studio.training.run
    assert run is not None
    window.commands[Key.EXPORT].trigger()
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    dialog.form.target.setText(str(tmp_path / "run.h5"))
    dialog.form.count.setValue(500)
    dialog.export.click()
    qtbot.waitUntil(lambda: "Written" in dialog.remaining.text(), timeout=30_000)
    qtbot.waitUntil(lambda: not dialog.running, timeout=10_000)
    held = run.iteration
    qtbot.waitUntil(lambda: run.iteration > held, timeout=10_000)
    assert read_export(tmp_path / "run.h5").complete


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "0.5 KiB"), (100_000, "97.7 KiB"), (16 << 20, "16 MiB"), (3 << 30, "3 GiB"), (5 << 40, "5 TiB")],
)
def test_sizes_are_written_short(size: int, text: str) -> None:
    assert _bytes(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "a second"), (12.3, "12 seconds"), (130, "2:10")])
def test_times_are_no_finer_than_known(seconds: float, text: str) -> None:
    assert _about(seconds) == text
