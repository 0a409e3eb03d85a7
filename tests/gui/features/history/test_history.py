"""Looking back through the training of a run, while it goes on, after its end, and of one that was saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.storage.snapshots import KeptWeights, snapshot_folder
from dnf_studio.core.training.record import Mark
from dnf_studio.gui.features.history import FEATURE
from dnf_studio.gui.features.history.bar import TrainingBar, mark_places
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.look_back import Past
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.training_cursor import TrainingCursor
from tests.gui.conftest import TINY, delete

Open = Callable[[str], None]


def past_of(window: MainWindow, qtbot: QtBot, place: int) -> Past:
    """Go there and wait until the views show it."""
    studio = window.studio
    studio.past.go(place)

    def seen() -> bool:
        past, frame = studio.look_back.shown, window.live.frame
        same = past is not None and past.kept is studio.past.shown
        return same and frame is not None and frame.weights == past.snapshot.version

    qtbot.waitUntil(seen, timeout=20_000)
    assert studio.look_back.shown is not None
    return studio.look_back.shown


@pytest.fixture(scope="module")
def commands(qapp: QApplication) -> Iterator[Commands]:
    holder = QWidget()
    yield Commands(holder, FEATURE.commands)
    delete(holder)


@pytest.fixture
def trained(few_points: None, window: MainWindow, open_in: Open, qtbot: QtBot) -> MainWindow:
    """A window in which a tiny run trains on."""
    open_in("circle")
    window.session.apply({**TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.past.now > 20, timeout=30_000)
    return window


def test_a_run_can_be_looked_back_at_while_it_trains_when_it_is_brought_back_and_from_its_file(
    trained: MainWindow, qtbot: QtBot, tmp_path: Path, errors_of: Callable[[], list[str]]
) -> None:
    goes_on_and_moves_no_view(trained, qtbot, tmp_path)
    keeps_its_past_when_discarded_and_saved(trained, qtbot, tmp_path, errors_of)


def goes_on_and_moves_no_view(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    studio, bar = window.studio, window.parts["history"].bar
    assert bar.isVisible() and bar.readout.text().startswith("now, iteration ")
    assert not window.commands["past-now"].isEnabled()
    past = past_of(window, qtbot, 3)
    loss = window.plots["loss"]
    assert past.kept.iteration == 3 and loss.place.line.value() == 3
    # What is said of now is not said of then
    then = f"{loss._curve.smooth[2]:.3f} nats".replace("-", "−")
    assert loss.note.texts[0] == then and "NLL" not in window.status.nll.text()
    assert not window.plots["disagreement"].caption.startswith("Untrained")
    past_of(window, qtbot, 0)
    assert loss.note.texts[0] == "untrained" and window.plots["disagreement"].caption.startswith("Untrained")
    past_of(window, qtbot, 3)
    loss.clicked_at(5.2, 0.0)
    assert studio.past.iteration == 5
    loss.double_clicked.emit()
    assert studio.past.iteration is None and not loss.place.line.isVisible()
    past = past_of(window, qtbot, 3)
    frame, now = window.live.frame, studio.past.now
    qtbot.waitUntil(lambda: studio.past.now > now + 20, timeout=20_000)
    assert window.live.frame is not None and frame is not None and window.live.frame.weights == frame.weights
    assert bar.readout.text() == f"iteration 3 of {studio.past.now:,}" and bar.objectName() == "keep"
    assert "as it was after iteration 3" in window.windowTitle()
    # What is exported is what is shown, and it can be saved
    given: list[object] = []
    studio.take_model(given.append, given.append)
    assert given == [(past.snapshot.flow, past.checkpoint)]
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.parts["history"].save_to(tmp_path / "early.safetensors", past)
    saved = read_checkpoint(tmp_path / "early.safetensors")
    assert saved.iteration == 3
    assert all(torch.equal(own, saved.tensors[f"model.{name}"]) for name, own in past.snapshot.tensors.items())
    window.commands["past-now"].trigger()
    qtbot.waitUntil(lambda: window.live.frame.weights not in (frame.weights, 0), timeout=20_000)
    assert studio.look_back.shown is None and bar.objectName() == "" and "NLL" in window.status.nll.text()


def keeps_its_past_when_discarded_and_saved(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, errors_of: Callable[[], list[str]]
) -> None:
    studio = window.studio
    window.commands["stop"].trigger()
    qtbot.waitUntil(lambda: studio.training.phase is Phase.ENDED, timeout=20_000)
    kept = studio.past.kept
    past_of(window, qtbot, 2)
    window.commands["discard"].trigger()
    assert studio.past.kept == () and studio.look_back.shown is None
    window.commands["bring-back"].trigger()
    qtbot.waitUntil(lambda: studio.past.kept == kept, timeout=20_000)
    path = tmp_path / "run.safetensors"
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.files.save_to(path, "run", snapshots=True)
    weights = {name: own.clone() for name, own in kept[2].read().tensors.items()}
    studio.open(str(path))
    qtbot.waitUntil(lambda: studio.past.kept != kept and len(studio.past.kept) == len(kept), timeout=20_000)
    past = past_of(window, qtbot, 2)
    window.commands["compare-now"].trigger()
    second = window.workspace.comparison.second
    assert second is not None and second.name == "diffflow at 2 iterations"
    assert studio.training.run is None and all(torch.equal(weights[n], t) for n, t in past.checkpoint.tensors.items())
    # A damaged one is told of in a sentence, and the views go back to now
    sorted(snapshot_folder(path).iterdir())[4].write_bytes(b"no checkpoint")
    studio.past.go(4)
    assert "is not a checkpoint of DNF Studio" in errors_of()[0]
    assert studio.past.shown is None


def test_the_bar_marks_where_settings_changed_and_hides_where_nothing_is_kept(commands: Commands, qtbot: QtBot) -> None:
    cursor = TrainingCursor()
    bar = TrainingBar(cursor, commands)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    marks = [Mark(6, "sde.steps", 4, 9), Mark(6, "training.clip", 1.0, 2.0), Mark(30, "sde.steps", 9, 4)]
    cursor.set_kept([KeptWeights(i, 1) for i in (0, 4, 8)], 10, marks)
    assert not bar.isHidden() and bar.slider.maximum() == 3 and bar.slider.value() == 3
    assert list(mark_places([0, 4, 8], 10, marks)) == [1.5]
    assert "From iteration 7 on: N 4→9" in mark_places([0, 4, 8], 10, marks)[1.5]
    bar.slider.setValue(1)
    assert cursor.iteration == 4 and bar.readout.text() == "iteration 4 of 10"
    cursor.clear()
    assert bar.isHidden()
