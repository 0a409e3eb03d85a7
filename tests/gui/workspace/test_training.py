"""Train, pause, change, resume, stop, save and leave, in the window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.training.diagnosis import Diagnosis, TrainingDiverged, remedies_for
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import files
from dnf_studio.gui.workspace.dialogs import Answer, ErrorDialog
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.training import TrainingWorker
from tests.gui.conftest import TINY

Open = Callable[[str], None]


@pytest.fixture
def training(window: MainWindow, open_in: Open, qtbot: QtBot) -> MainWindow:
    """A window in which a tiny run has trained a little and trains on."""
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=30_000)
    return window


def phase(window: MainWindow) -> Phase:
    return window.studio.training.phase


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> list[bool]:
    asked: list[bool] = []

    def ask(_window: object, active: bool) -> Answer:
        asked.append(active)
        return answer

    monkeypatch.setattr(files, "ask_about_run", ask)
    return asked


def test_train_pause_resume_stop(training: MainWindow, qtbot: QtBot) -> None:
    window = training
    assert phase(window) is Phase.RUNNING
    assert "begins" in window.plots["loss"]._empty.text()
    assert not window.commands["train"].isEnabled() and window.commands["stop"].isEnabled()
    assert window.isWindowModified()
    assert re.match(r"[\d,]+ iterations?", window.status.iterations.text())
    assert window.plots["loss"].smoothed is not None and np.isfinite(window.plots["loss"].smoothed)
    window.commands["pause"].trigger()
    assert window.status.message.text() == "Pausing…"
    qtbot.waitUntil(lambda: phase(window) is Phase.PAUSED, timeout=10_000)
    assert window.status.message.text() == "Training paused"
    run = window.studio.training.run
    assert run is not None
    held = run.iteration
    window.commands["pause"].trigger()
    qtbot.waitUntil(lambda: run.iteration > held, timeout=10_000)
    window.commands["stop"].trigger()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED, timeout=10_000)
    assert window.commands["train"].isEnabled() and not window.commands["stop"].isEnabled()
    assert window.studio.training.unsaved and window.studio.training.run is run


def pause_words(window: MainWindow) -> tuple[str, bool]:
    pause = window.commands["pause"]
    return pause.text().replace("&", ""), pause.isChecked()


@pytest.fixture
def long_iteration(training: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MainWindow, Event]]:
    """The window while an iteration lasts until the event is set."""
    run, gate, within = training.studio.training.run, Event(), Event()
    assert run is not None
    step = run._step

    def last() -> object:
        within.set()
        gate.wait(20)
        return step()

    monkeypatch.setattr(run, "_step", last)
    assert within.wait(20)
    yield training, gate
    gate.set()


def test_pause_answers_at_once_and_is_true_when_it_is_done(
    long_iteration: tuple[MainWindow, Event], qtbot: QtBot
) -> None:
    window, gate = long_iteration
    width = window.toolbar._pause.width()
    window.commands["pause"].trigger()
    assert pause_words(window) == ("Pausing…", True) and phase(window) is Phase.RUNNING
    window.commands.set_theme(DARK)
    qtbot.wait(50)
    assert pause_words(window) == ("Pausing…", True) and window.toolbar._pause.width() == width
    # Taken back before it came
    window.commands["pause"].trigger()
    assert pause_words(window) == ("Pause", False) and window.status.message.text() == "Training goes on."
    window.commands["pause"].trigger()
    gate.set()
    qtbot.waitUntil(lambda: phase(window) is Phase.PAUSED, timeout=10_000)
    assert pause_words(window) == ("Resume", True)


def test_a_run_has_learnt_nothing_before_the_window_knows_of_it(window: MainWindow) -> None:
    """The first reports may come to a tick that runs before the slot that the thread told of the run."""
    training = window.studio.training
    training.prepare()
    training._log.append(StepReport(1, 3.0, 4, np.zeros(4, np.float32), 1e-3, 1.0, 0.1))
    window.live._tick()
    assert not training.unsaved and training.take_reports() == []
    training.give_up()
    assert [report.iteration for report in training.take_reports()] == [1]


def test_stop_answers_at_once(long_iteration: tuple[MainWindow, Event], qtbot: QtBot) -> None:
    window, gate = long_iteration
    window.commands["stop"].trigger()
    assert window.status.message.text() == "Stopping…"
    assert not window.commands["stop"].isEnabled() and not window.commands["pause"].isEnabled()
    gate.set()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED, timeout=10_000)
    assert window.status.message.text() == "Training ended" and window.commands["train"].isEnabled()


def test_a_pause_that_is_still_coming_outlasts_a_save(
    long_iteration: tuple[MainWindow, Event], qtbot: QtBot, tmp_path: Path
) -> None:
    window, gate = long_iteration
    window.commands["pause"].trigger()
    saved: list[bool] = []
    window.files.save_to(tmp_path / "run.safetensors", "run", lambda: saved.append(True))
    gate.set()
    qtbot.waitUntil(lambda: bool(saved), timeout=20_000)
    assert phase(window) is Phase.PAUSED and pause_words(window) == ("Resume", True)


def test_pause_and_stop_reach_a_run_that_is_still_on_its_way(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    assert phase(window) is Phase.STARTING and window.studio.training._worker is None
    window.commands["pause"].trigger()
    assert pause_words(window) == ("Pausing…", True)
    qtbot.waitUntil(lambda: phase(window) is Phase.PAUSED, timeout=20_000)
    run = window.studio.training.run
    assert run is not None and run.iteration == 0
    window.commands["stop"].trigger()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED, timeout=10_000)
    window.studio.train()
    window.studio.training.stop()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED and window.studio.training.run is not run, timeout=20_000)
    assert window.studio.training.run is not None and window.studio.training.run.iteration == 0


def test_saved_during_a_run_stays_told_when_it_goes_on(training: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = training
    with qtbot.waitSignals([window.files.saved, window.studio.training.phase_changed], timeout=20_000):
        window.files.save_to(tmp_path / "kept.safetensors", "run")
    qtbot.waitUntil(lambda: phase(window) is Phase.RUNNING, timeout=10_000)
    assert window.status.message.text() == "Saved the run as kept.safetensors."


def test_save_proposes_a_name_that_no_file_has(
    window: MainWindow, open_in: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in("circle")
    proposed: list[str] = []

    def ask(_window: object, _title: str, begin: str, _filters: str) -> tuple[str, str]:
        proposed.append(Path(begin).name)
        return "", ""

    monkeypatch.setattr(files.QFileDialog, "getSaveFileName", ask)
    window.files.folder = lambda: tmp_path
    for _ in range(3):
        window.files.save()
        (tmp_path / proposed[-1]).touch()
    assert proposed == [f"diffflow-circle{end}.safetensors" for end in ("", "-2", "-3")]


def test_frames_of_new_weights_arrive_while_it_trains(training: MainWindow, qtbot: QtBot) -> None:
    seen: set[int] = set()
    training.live.frame_shown.connect(lambda frame: seen.add(frame.weights))
    qtbot.waitUntil(lambda: len(seen) >= 3, timeout=20_000)


def test_a_run_reaches_its_iterations_and_ends(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 5})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED, timeout=30_000)
    qtbot.waitUntil(lambda: window.status.iterations.text() == "5 iterations", timeout=5_000)


def test_n_and_learning_rate_change_the_run_others_wait(training: MainWindow, qtbot: QtBot) -> None:
    window = training
    run = window.studio.training.run
    assert run is not None
    window.session.apply({"config.sde.steps": 7, "config.training.learning_rate": 1e-3, "config.training.batch": 8})
    qtbot.waitUntil(lambda: run.config.sde.steps == 7, timeout=10_000)
    assert run.config.training.learning_rate == 1e-3
    assert run.config.training.batch == TINY["config.training.batch"]
    assert any("waits for the next Train" in page._note.text() for page in window.parts["training"]._pages)
    qtbot.waitUntil(lambda: window.live.frame is not None and len(window.live.frame.t) == 8, timeout=20_000)
    assert window.toolbar.steps.value() == 7 and not window.toolbar.badge.isVisible()


def test_a_run_is_saved_while_it_trains_and_goes_on(training: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window, path = training, tmp_path / "run.safetensors"
    saved: list[bool] = []
    window.files.save_to(path, "run", lambda: saved.append(True))
    qtbot.waitUntil(lambda: bool(saved), timeout=20_000)
    checkpoint = read_checkpoint(path)
    assert checkpoint.kind == "run" and checkpoint.iteration > 0
    run = window.studio.training.run
    assert run is not None
    qtbot.waitUntil(lambda: run.iteration > checkpoint.iteration, timeout=10_000)


def test_a_saved_run_is_gone_on_with(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 4})
    path = tmp_path / "run.safetensors"
    run = Run(window.session.state.config)
    list(run)
    run.save(path)
    open_in(str(path))
    assert window.studio.resumable is None and not window.commands["resume"].isEnabled(), "it has all its iterations"
    window.session.apply({"config.training.iterations": 9})
    assert window.studio.resumable == 4 and window.commands["resume"].isEnabled()
    monkeypatch.setattr(files, "ask_resume", lambda _window, iterations, *_: Answer.RESUME)
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: phase(window) is Phase.ENDED, timeout=30_000)
    assert window.studio.training.run is not None and window.studio.training.run.iteration == 9
    open_in(str(path))
    window.session.apply({"config.training.iterations": 6})
    window.commands["resume"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.run is not None and phase(window) is Phase.ENDED, timeout=30_000)
    assert window.studio.training.run.iteration == 6


def test_a_run_that_cannot_be_saved_trains_on(
    training: MainWindow, qtbot: QtBot, errors_of: Callable[[], list[str]], tmp_path: Path
) -> None:
    training.files.save_to(tmp_path / "no" / "folder.safetensors", "run")
    assert errors_of()[0].endswith(".")
    assert training.studio.training.unsaved
    qtbot.waitUntil(lambda: phase(training) is Phase.RUNNING, timeout=10_000)


def test_a_loss_that_leaves_the_numbers_pauses_the_run_and_a_remedy_lets_it_go_on(
    training: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = training
    run = window.studio.training.run
    assert run is not None
    remedies = remedies_for(run.config, "float32")
    place = "score", None, 2, 4, 0.1, True, False, 1, ("(1, 2)",)
    found = Diagnosis(9, 8, "value", np.nan, 1.0, 16, *place, remedies)
    notice = window.parts["training"].diverged.bar

    def diverge(_self: Run) -> None:
        raise TrainingDiverged(found)

    with monkeypatch.context() as broken:
        broken.setattr(Run, "_step", diverge)
        qtbot.waitUntil(notice.isVisible, timeout=10_000)
    assert phase(window) is Phase.PAUSED and not window.findChildren(ErrorDialog)
    assert "step 2 of 4 (t = 0.1)" in notice.text.text() and "back at iteration 8" in notice.text.text()
    assert [button.text() for button in notice.buttons if button.isVisible()] == [
        *(remedy.label for remedy in remedies),
        "Unchanged",
    ]
    held, rate = run.iteration, remedies[0].change["training.learning_rate"]
    notice.buttons[0].click()
    qtbot.waitUntil(lambda: run.iteration > held, timeout=10_000)
    assert run.config.training.learning_rate == window.session.state.config.training.learning_rate == rate
    # The run's thread may be an iteration ahead of what the window has heard
    qtbot.waitUntil(lambda: not notice.isVisible(), timeout=10_000)


def test_closing_asks_and_cancel_keeps_everything(
    training: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer_with(monkeypatch, Answer.CANCEL)
    training.close()
    assert asked == [True]
    assert training.isVisible() and phase(training) is Phase.RUNNING


def test_closing_may_discard(training: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, Answer.DISCARD)
    closed: list[bool] = []
    training.workspace.closing.now.connect(lambda: closed.append(True))
    training.close()
    qtbot.waitUntil(lambda: bool(closed), timeout=10_000)
    assert not training.isVisible()


def test_closing_may_save_first(
    training: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "kept.safetensors"
    asked = answer_with(monkeypatch, Answer.SAVE)
    monkeypatch.setattr(files.QFileDialog, "getSaveFileName", lambda *_: (str(path), files.RUN))
    closed: list[bool] = []
    training.workspace.closing.now.connect(lambda: closed.append(True))
    training.close()
    qtbot.waitUntil(lambda: bool(closed), timeout=20_000)
    assert len(asked) == 1
    assert read_checkpoint(path).kind == "run"


def test_other_data_asks_while_a_run_trains(
    training: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = training
    answer_with(monkeypatch, Answer.CANCEL)
    window.files.choose_data("moons")
    assert window.session.state.config.data == "circle" and window.toolbar.data.currentData() == "circle"
    asked, waited = answer_with(monkeypatch, Answer.DISCARD), list[object]()
    with monkeypatch.context() as watched, qtbot.waitSignal(window.studio.opened, timeout=20_000):
        watched.setattr(TrainingWorker, "wait", lambda *_: waited.append(0))
        window.files.choose_data("rings")
        window.commands["pause"].trigger()
        # Meanwhile nothing else is asked, nor begun
        assert phase(window) is Phase.RUNNING and not window.commands["train"].isEnabled()
        window.files.choose_data("moons")
    assert not waited and len(asked) == 1, "the thread of the run is not waited for in the window's"
    assert window.studio.current is not None and window.studio.current.shown.data == "moons"
    assert phase(window) is Phase.NONE and not window.isWindowModified()
    assert window.studio.discarded is not None


def test_bad_data_stops_train_before_anything_is_lost(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]], tmp_path: Path
) -> None:
    table = tmp_path / "gone.csv"
    np.savetxt(table, np.random.default_rng(0).normal(size=(40, 2)), delimiter=",", header="a,b", comments="")
    open_in(str(table))
    shown = window.studio.current
    table.unlink()
    window.commands["train"].trigger()
    assert "gone.csv" in errors_of()[0]
    assert phase(window) is Phase.NONE and window.studio.current is shown
    assert window.commands["train"].isEnabled()
