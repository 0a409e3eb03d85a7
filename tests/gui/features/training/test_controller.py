"""What a run leaves: marks on the loss plot, sentences on settings, and the bar to keep or discard it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.storage.checkpoint import Checkpoint, read_checkpoint
from dnf_studio.core.training.run import Run
from dnf_studio.gui.features.training.controller import NOTES
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import dialogs, files
from dnf_studio.gui.workspace.dialogs import Answer
from dnf_studio.gui.workspace.run_changes import RunStatus
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY

Open = Callable[[str], None]


def train(window: MainWindow, qtbot: QtBot, iterations: int) -> None:
    window.session.apply({**TINY, "config.training.iterations": iterations})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=30_000)


def wait_for(window: MainWindow, qtbot: QtBot, phase: Phase) -> None:
    qtbot.waitUntil(lambda: window.studio.training.phase is phase, timeout=20_000)


@pytest.fixture
def ended(window: MainWindow, open_in: Open, qtbot: QtBot) -> MainWindow:
    """A window whose run of six iterations has come to its end."""
    open_in("diffflow-rings")
    train(window, qtbot, 6)
    wait_for(window, qtbot, Phase.ENDED)
    qtbot.waitUntil(window.parts["training"].bar.isVisible, timeout=5_000)
    return window


def test_the_bar_comes_after_the_last_iteration_and_says_what_there_is(ended: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "NLL" in ended.parts["training"].bar.text.text(), timeout=5_000)
    assert ended.parts["training"].bar.text.text().startswith("Training ended after 6 iterations, NLL ")
    assert (
        ended.parts["training"].bar.buttons["save"].isEnabled()
        and ended.parts["training"].bar.buttons["discard"].isEnabled()
    )


def test_the_settings_say_that_they_are_for_the_next_run_then(ended: MainWindow) -> None:
    assert [panel._note.text() for panel in ended.parts["training"]._pages] == 2 * [NOTES[False]]


def test_the_data_panel_says_what_is_seen_where_undo_chose_other_data(ended: MainWindow) -> None:
    ended.session.apply({"config.data": "moons"})
    assert ended.page("Data")._note.text() == "The views still show rings."
    ended.session.undo()
    assert ended.page("Data")._note.isHidden()


def test_no_bar_while_it_trains_or_before(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    assert not window.parts["training"].bar.isVisible() and not window.commands["discard"].isEnabled()
    train(window, qtbot, 10**6)
    assert not window.parts["training"].bar.isVisible() and not window.commands["resume"].isEnabled()


def test_discard_goes_back_to_the_model_from_before(ended: MainWindow, qtbot: QtBot) -> None:
    window = ended
    assert window.studio.current is not None and window.studio.current.shown.title == "new model"
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+Backspace"))
    assert window.studio.training.phase is Phase.NONE and not window.parts["training"].bar.isVisible()
    assert window.studio.current is not None and window.studio.current.shown.title == "diffflow-rings"
    version = window.studio.current.snapshot.version
    qtbot.waitUntil(
        lambda: window.live.frame is not None and window.live.frame.weights == version,
        timeout=20_000,
    )
    assert window.session.state.config.network.channels == TINY["config.network.channels"]
    assert not window.isWindowModified()


def test_a_discarded_run_comes_back_whole(ended: MainWindow, qtbot: QtBot) -> None:
    training, parts = ended.studio.training, ended.parts["training"]
    run, curve = training.run, ended.plots["loss"].smoothed
    assert run is not None and not ended.commands["bring-back"].isEnabled()
    run.seconds, weights = 61.0, run.flow.state_dict()
    parts.bar.buttons["discard"].click()
    notice = parts.discarded.bar
    assert training.run is None and notice.isVisible()
    assert notice.text.text() == "Discarded the run of 6 iterations on rings."
    notice.buttons[0].click()
    qtbot.waitUntil(lambda: training.run is not None, timeout=20_000)
    back = training.run
    assert back is not None and (back.iteration, back.seconds, back.history) == (6, 61.0, run.history)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in back.flow.state_dict().items())
    assert ended.plots["loss"].smoothed == pytest.approx(curve)
    assert training.unsaved and parts.bar.isVisible() and not notice.isVisible()
    # As before: it goes on, is saved, and is discarded in favour of the same model
    assert not ended.commands["bring-back"].isEnabled() and ended.session.state.config.training.iterations == 6
    ended.commands["discard"].trigger()
    assert ended.studio.current is not None and ended.studio.current.shown.title == "diffflow-rings"
    assert notice.isVisible() and ended.commands["bring-back"].isEnabled()


def test_resume_needs_iterations_left(ended: MainWindow, qtbot: QtBot) -> None:
    run = ended.studio.training.run
    assert run is not None
    assert (
        not ended.parts["training"].bar.buttons["resume"].isEnabled()
        and "raise Iterations" in ended.parts["training"].bar.text.text()
    )
    ended.session.apply({"config.training.iterations": 9})
    assert "when the run is resumed" in ended.status.message.text()
    assert "raise" not in ended.parts["training"].bar.text.text()
    button = ended.parts["training"].bar.buttons["resume"]
    ended.activateWindow()
    button.setFocus()
    qtbot.waitUntil(button.hasFocus)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert not ended.session.cursor.playing
    qtbot.waitUntil(lambda: run.iteration == 9 and ended.studio.training.phase is Phase.ENDED, timeout=20_000)
    assert ended.plots["loss"].marks.places == [6.0]


def test_saving_lets_the_bar_and_the_star_go_and_names_the_run(ended: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert ended.isWindowModified() and ended.windowTitle().startswith("new model")
    ended.files.save_to(tmp_path / "run.safetensors", "run")
    qtbot.waitUntil(lambda: not ended.parts["training"].bar.isVisible(), timeout=20_000)
    assert not ended.isWindowModified() and ended.studio.training.run is not None
    assert ended.windowTitle().startswith("run.safetensors (diffflow)")


def test_the_bar_is_reached_with_tab(ended: MainWindow) -> None:
    for button in ended.parts["training"].bar.buttons.values():
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus and button.toolTip() and button.accessibleName()


def test_a_failed_opening_after_discard_shows_the_model_from_before(
    ended: MainWindow, errors_of: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    monkeypatch.setattr(files, "ask_about_run", lambda _window, active: Answer.DISCARD)
    ended.files.when_safe(lambda: ended.studio.open(str(broken)))
    errors_of()
    assert ended.studio.current is not None and ended.studio.current.shown.title == "diffflow-rings"


def test_train_again_asks_before_the_run_is_lost(ended: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def ask(_window: object, active: bool) -> Answer:
        asked.append(active)
        return Answer.CANCEL

    monkeypatch.setattr(files, "ask_resume", lambda _window, iterations, *_: Answer.NEW)
    monkeypatch.setattr(files, "ask_about_run", ask)
    run = ended.studio.training.run
    ended.commands["train"].trigger()
    assert asked == [False] and ended.studio.training.run is run


def test_train_offers_to_go_on_only_where_the_run_would(ended: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[str, str] | None]] = []

    def ask(_window: object, _iterations: int, end: str, kinds: tuple[str, str] | None) -> Answer:
        asked.append((end, kinds))
        return Answer.CANCEL

    monkeypatch.setattr(files, "ask_resume", ask)
    ended.commands["train"].trigger()
    ended.session.apply({"config.training.iterations": 60})
    ended.commands["train"].trigger()
    ended.session.apply({"config.model": "diffusion", "config.training.iterations": 1000})
    ended.commands["train"].trigger()
    spent = "The run has all its 6 iterations; to resume it, raise Iterations in Training."
    # With settings for another model a run goes on with its own, and those are spent
    assert asked == [(spent, None), ("", None), (spent, ("diffflow", "diffusion"))]
    assert not ended.parts["training"].bar.buttons["resume"].isEnabled()


def test_the_question_leaves_out_what_would_do_nothing(ended: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, list[Answer]]] = []

    def ask(_parent: object, _text: str, more: str, answers: dict[Answer, object]) -> Answer:
        shown.append((more, list(answers)))
        return Answer.CANCEL

    monkeypatch.setattr(dialogs, "_ask", ask)
    dialogs.ask_resume(ended, 6)
    dialogs.ask_resume(ended, 6, "It is spent.", ("diffflow", "flow"))
    dialogs.ask_resume(ended, 6, "", ("diffflow", "flow"))
    assert [answers for _, answers in shown] == [
        [Answer.RESUME, Answer.NEW],
        [Answer.NEW],
        [Answer.NEW, Answer.RESUME],
    ]
    assert shown[1][0].startswith("It is spent.") and "a diffflow" in shown[2][0] and "a flow" in shown[2][0]


def test_changes_during_a_run_are_said_and_marked(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    train(window, qtbot, 10**6)
    window.session.apply({"config.sde.steps": 7})
    assert window.status.message.text() == "N 4→7: from the next iteration."
    qtbot.waitUntil(lambda: window.plots["loss"].marks.labels == ["N 4→7"], timeout=20_000)
    window.session.apply({"config.training.batch": 32})
    assert window.status.message.text() == "Batch 16→32: with the next Train."
    window.commands["pause"].trigger()
    wait_for(window, qtbot, Phase.PAUSED)
    window.session.apply({"config.training.learning_rate": 0.001})
    assert window.status.message.text() == "Rate 0.012→0.001: once the run goes on."
    window.commands["pause"].trigger()
    qtbot.waitUntil(lambda: len(window.plots["loss"].marks.places) == 2, timeout=20_000)
    run = window.studio.training.run
    assert run is not None and [mark.name for mark in run.marks.all] == ["sde.steps", "training.learning_rate"]


def test_nothing_is_said_without_a_run(window: MainWindow, open_in: Open) -> None:
    open_in("circle")
    before = window.status.message.text()
    window.session.apply({"config.training.batch": 32})
    assert window.status.message.text() == before


def test_a_saved_run_brings_its_curve_and_marks_and_is_saved_as_what_it_is(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.session.apply(TINY)
    run = Run(window.session.state.config.changed({"data": "circle", "training.iterations": 30}))
    for report in run:
        if report.iteration == 20:
            run.apply({"sde.steps": 3})
    run.save(tmp_path / "run.safetensors")
    open_in(str(tmp_path / "run.safetensors"))
    assert window.plots["loss"].smoothed is not None
    assert window.plots["loss"].marks.labels == ["N 4→3"]
    asked: list[tuple[str, ...]] = []

    def ask(_parent: object, *words: str) -> tuple[str, str]:
        asked.append(words)
        return words[1], words[2].split(";;")[0]

    monkeypatch.setattr(files.QFileDialog, "getSaveFileName", ask)
    path = tmp_path / "run.safetensors"
    path.unlink()
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.commands["save"].trigger()
    assert asked == [("Save run", str(path), f"{files.RUN};;{files.WEIGHTS}")]
    assert window.commands["save"].text() == "&Save run…"
    again = Run.resume(path)
    assert (again.iteration, again.history, again.changes) == (30, run.history, run.changes)
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.files.save_to(tmp_path / "alone.safetensors", "weights")
    assert read_checkpoint(tmp_path / "alone.safetensors").kind == "weights"
    assert window.status.message.text() == "Saved the model as alone.safetensors, without the run."
    assert window.studio.current is not None and window.studio.current.path == path
    open_in("moons")
    assert window.commands["save"].text() == "&Save model…"
    assert window.plots["loss"].smoothed is None and window.plots["loss"].marks.places == []


def test_a_run_that_ran_out_of_patience_says_so_when_it_is_opened(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    changes = {"network.layers": 1, "network.channels": 16, "sde.steps": 3, "training.batch": 32}
    config = Config.create({"data": "wine"}).changed(
        {**changes, "training.patience": 50, "training.progressive": False, "training.decay": "constant"}
    )
    run = Run(config.changed({"training.iterations": 50}), threads=1)
    list(run)
    # As if all later measures had been worse: the weights are those of the first one
    run.early_stopping.measured = 150
    run.config = config
    run.save(tmp_path / "run.safetensors")
    open_in(str(tmp_path / "run.safetensors"))
    resume, reason = window.commands["resume"], "The validation NLL has not fallen for 100 iterations"
    assert window.studio.resumable is None and not resume.isEnabled()
    assert resume.toolTip() == f"{reason}; to resume it, raise Patience in Training."
    assert window.status.message.text().endswith(resume.toolTip())
    for change in ({"training.patience": 101}, {"training.patience": 0}, {"sde.steps": 4}):
        window.session.apply({f"config.{name}": value for name, value in change.items()})
        assert resume.isEnabled() and "has ended or was opened" in resume.toolTip(), change
        window.session.undo()
        assert not resume.isEnabled()
    window.session.apply({"config.training.patience": 101, "config.training.iterations": 53})
    resume.trigger()
    wait_for(window, qtbot, Phase.ENDED)
    assert window.studio.training.run is not None and window.studio.training.run.iteration == 53


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({"iterations": 7}, {}, "The run has all its 7 iterations; to resume it, raise Iterations in Training."),
        ({"seconds": 3.0}, {}, "The run has trained for all its 4 seconds; to resume it, raise Seconds in Training."),
        ({"patience": 20}, {"best_iteration": 30, "measured": 49}, ""),
        ({"patience": 20}, {"best_iteration": "a", "measured": None}, ""),
        ({"patience": 20}, [], ""),
    ],
)
def test_why_a_saved_run_would_end_at_once(change: dict[str, object], state: object, said: str) -> None:
    config = Config.create({"training": change})
    saved = Checkpoint.of_model(DiffFlow(2, config))
    place = RunStatus.of_checkpoint(replace(saved, iteration=7, seconds=4.0, state={"early_stopping": state}))
    assert place.sentence(config) == said and place.obstacle(config) == (said and said.split("raise ")[1].split()[0])


def test_settings_for_another_model_are_not_those_a_saved_run_would_go_on_with() -> None:
    config = Config.create({"training": {"iterations": 7}})
    place = RunStatus.of_checkpoint(replace(Checkpoint.of_model(DiffFlow(2, config)), iteration=7))
    other = Config.create({"model": "diffusion", "training": {"iterations": 1000}})
    assert place.sentence(other) == place.sentence(config) != ""
