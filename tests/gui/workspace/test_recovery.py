"""A run that is not saved is there at the next start, however the window ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Timer

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from dnf_studio.core import partials
from dnf_studio.core.storage.autosave import Autosave
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.recovery import newest_left
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY

Open = Callable[[str], None]


@pytest.fixture
def trained(window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window that keeps its runs in `tmp_path` and has one that has ended."""
    window.studio.training.last_state.folder = tmp_path / "runs"
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 5})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=60_000)
    return window


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "runs").iterdir())


def test_a_run_that_is_not_saved_is_kept_until_it_is_saved(trained: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    assert [read_checkpoint(path).iteration for path in kept(tmp_path)] == [5]
    trained.files.save_to(tmp_path / "a.safetensors", "run")
    qtbot.waitUntil(lambda: not trained.studio.training.unsaved, timeout=10_000)
    assert not kept(tmp_path)


def test_a_run_that_was_saved_while_it_paused_is_not_kept_when_the_window_closes(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    training = window.studio.training
    training.last_state.folder = tmp_path / "runs"
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: training.unsaved, timeout=30_000)
    window.commands["pause"].trigger()
    qtbot.waitUntil(lambda: training.phase is Phase.PAUSED and bool(kept(tmp_path)), timeout=10_000)
    window.files.save_to(tmp_path / "a.safetensors", "run")
    qtbot.waitUntil(lambda: not training.unsaved, timeout=10_000)
    window.close()
    assert not kept(tmp_path)


def test_a_run_that_is_discarded_is_kept_while_it_can_be_brought_back(trained: MainWindow, tmp_path: Path) -> None:
    trained.commands["discard"].trigger()
    assert len(kept(tmp_path)) == 1
    trained.close()
    assert not kept(tmp_path)


def test_a_discard_waits_for_no_disk_and_closing_waits_for_it(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, began, gate, keep = window.studio.training, Event(), Event(), Autosave.keep

    def slow(autosave: Autosave, state: Checkpoint) -> None:
        began.set()
        assert gate.wait(20)
        keep(autosave, state)

    training.last_state.folder = tmp_path / "runs"
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: training.unsaved and training.phase is Phase.RUNNING, timeout=30_000)
    monkeypatch.setattr(Autosave, "keep", slow)
    window.studio.discard()
    qtbot.waitUntil(lambda: training.phase is Phase.NONE and window.studio.discarded is not None, timeout=10_000)
    assert began.wait(20) and not (tmp_path / "runs").exists()
    Timer(0.3, gate.set).start()
    window.close()
    assert gate.is_set() and not kept(tmp_path)


def test_what_a_killed_window_left_is_offered_and_recovered(
    trained: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, own = tmp_path / "runs", partials.process_mark()
    assert newest_left(folder) is None
    # As if this process were another that is no more
    (left,) = kept(tmp_path)
    other = left.rename(left.with_name(f"{own.split('-')[0]}-{2**31 - 1}.autosave"))
    trained.studio.discard()
    trained.files.offer_left(folder)
    qtbot.waitUntil(lambda: bool(trained.findChildren(QMessageBox)), timeout=30_000)
    (box,) = trained.findChildren(QMessageBox)
    assert "circle, iteration 5?" in box.text()
    next(button for button in box.buttons() if "Recover" in button.text()).click()
    training = trained.studio.training
    qtbot.waitUntil(lambda: training.run is not None and training.unsaved, timeout=30_000)
    assert training.phase is Phase.ENDED and training.run is not None and training.run.iteration == 5
    assert not other.exists() and kept(tmp_path) == [folder / f"{own}.autosave"]
    assert trained.commands["discard"].isEnabled()


def test_a_signal_closes_without_a_question_and_the_run_stays(trained: MainWindow, tmp_path: Path) -> None:
    trained.studio.training.leave()
    assert not trained.studio.training.unsaved
    trained.close()
    assert len(kept(tmp_path)) == 1
