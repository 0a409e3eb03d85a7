"""A film from the dialog to the file, beside a window that goes on as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtWidgets import QHBoxLayout
from pytestqt.qtbot import QtBot

from dnf_studio.config.experiment import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.storage import film
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.films.dialog import FilmDialog
from dnf_studio.gui.features.films.stage import pixels_of
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import FrameRequest
from tests.gui.scenes import frame_of
from tests.views import viewed

SIZE = 200, 121
SMALL = Config().changed({"network.channels": 8, "network.layers": 1, "sde.steps": 4})


@pytest.fixture
def shown(quiet_workspace: Workspace, qtbot: QtBot) -> Workspace:
    """Both processes and their paths over the steps side by side, at a time between two nodes."""
    row = QHBoxLayout(quiet_workspace.parent)
    for name, plot in (
        ("forward", ProcessView("forward")),
        ("backward", ProcessView("backward")),
        ("time", TimeView()),
    ):
        quiet_workspace.plots.add(name, plot)
        row.addWidget(plot)
    frame = frame_of(steps=4, points=50)
    quiet_workspace.live.show(frame)
    quiet_workspace.session.cursor.go(1.5)
    for plot in quiet_workspace.plots:
        plot.set_frame(frame)
        plot.set_cursor(1.5)
    quiet_workspace.parent.resize(600, 300)
    quiet_workspace.parent.show()
    return quiet_workspace


@pytest.fixture
def dialog(shown: Workspace, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilmDialog:
    """The dialog, set to a small and short film."""
    monkeypatch.chdir(tmp_path)
    made = FilmDialog(shown)
    made.show()
    form = made.form
    form.seconds.setValue(0.5)
    form.hold.setValue(0.2)
    form.rate.setValue(10)
    form.width_box.setValue(SIZE[0])
    form.height_box.setValue(SIZE[1])
    qtbot.waitUntil(lambda: made.stage is not None and made.stage.ready)
    return made


def test_what_is_offered_is_what_is_shown(dialog: FilmDialog, tmp_path: Path) -> None:
    view = dialog.form.view
    titles = [view.itemText(k) for k in range(view.count())]
    assert titles[:2] == ["Both processes", "All that is shown"] and titles[-1] == "Paths over steps"
    assert len(titles) == 5
    assert dialog.form.target.text() == str(tmp_path / "film.mp4")
    assert (dialog.form.first.value(), dialog.form.last.value()) == (0, 4)
    assert dialog.length.text() == "0.9 seconds, 9 frames of 200 × 121."


def test_a_film_of_two_models_says_which_and_where_each_is(dialog: FilmDialog, shown: Workspace, qtbot: QtBot) -> None:
    """Their names as the title, until somebody writes another one; below, the share of the way, which both have."""
    shown.plots["forward"].set_letter("A")
    shown.plots["backward"].set_letter("B")
    dialog._workspace = replace(shown, comparison=cast(Comparison, SimpleNamespace(names=("one.pt", "two"))))
    dialog.hide()
    dialog.show()
    qtbot.waitUntil(lambda: dialog.stage is not None and dialog.stage.ready)
    form, stage = dialog.form, dialog.stage
    assert form.title.text() == "A: one.pt,  B: two" and form.target.text().endswith("film-and-two.mp4")
    list(stage.taking(form.look))
    stage.picture(1.0)
    assert [twin.full_name[:3] for twin in stage.twins[:2]] == ["A  ", "B  "]
    assert "i = 1 of 4" in stage.twins[0].note.texts[0] and stage._time(1.0).words == "25% of the steps"
    form.title.setText("Mine")
    dialog._workspace = shown
    dialog.hide()
    dialog.show()
    assert form.title.text() == "Mine"


def test_a_film_begins_and_ends_as_the_view_at_those_nodes(dialog: FilmDialog, shown: Workspace, qtbot: QtBot) -> None:
    form, path = dialog.form, Path("film.png")
    form.target.setText(str(path))
    form.title.setText("Squares")
    form.colours.show_value("dark")
    form.changed.emit()
    with qtbot.waitSignal(dialog.maker.written, timeout=20_000):
        dialog.write.click()
        qtbot.waitUntil(lambda: dialog.maker.running)
        assert not form.isEnabled() and dialog.cancel.text() == "Cancel"
        # What is filmed stays as it was
        shown.plots["forward"].set_cursor(0)
    qtbot.waitUntil(lambda: not dialog.maker.running)
    assert dialog.remaining.text().replace("\u200b", "") == "Written: film.png"
    with Image.open(path) as found:
        assert found.size == SIZE and found.n_frames == 5
        pictures = []
        for k in range(5):
            found.seek(k)
            pictures.append(np.asarray(found.convert("RGB")))
    assert shown.session.cursor.position == 1.5
    stage = dialog.stage
    assert stage is not None and stage.twins[0].theme is DARK
    for picture, position in zip(pictures, (0, 1, 2, 3, 4), strict=True):
        assert np.array_equal(picture, pixels_of(stage.picture(position)))
    assert not np.array_equal(pictures[0], pictures[-1])


def test_a_stage_takes_a_look_and_paints_a_plot_at_a_step(dialog: FilmDialog) -> None:
    """So the window has a turn between two plots; the steps together make the picture that one turn would."""
    stage = dialog.stage
    assert stage is not None and len(stage.twins) == 2
    look = replace(dialog.form.look, title="Other")
    # Each plot once to be set, and twice until its axes have their width
    assert len(list(stage.taking(look))) == 3 * len(stage.twins)
    assert list(stage.taking(look)) == []
    parts = list(stage.painting(1.0))
    assert parts[:-1] == [None] * len(stage.twins) and parts[-1] == stage.picture(1.0)
    # One that was left half way is taken anew
    next(stage.taking(dialog.form.look))
    assert len(list(stage.taking(dialog.form.look))) == 3 * len(stage.twins)


def test_a_stage_that_is_on_its_way_comes_before_what_the_window_shows_since(dialog: FilmDialog, qtbot: QtBot) -> None:
    """A stage for each of many changes would never be whole, and no film begin; the last change is followed after."""
    dialog.refresh()
    first = dialog.stage
    dialog._settle.timeout.emit()
    assert dialog.stage is first and dialog._settle.isActive()
    qtbot.waitUntil(lambda: dialog.stage is not first)
    dialog.form.target.setText("film.png")
    dialog.write.click()
    written = dialog.stage
    dialog._settle.timeout.emit()
    assert dialog.stage is written
    with qtbot.waitSignal(dialog.maker.written, timeout=20_000):
        pass
    assert dialog.stage is written


def test_cancel_leaves_nothing_and_another_film_can_be_written(
    dialog: FilmDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog.form.seconds.setValue(60)
    dialog.form.target.setText("film.gif")
    with qtbot.waitSignal(dialog.maker.cancelled, timeout=20_000):
        with qtbot.waitSignal(dialog.maker.progressed, timeout=20_000):
            dialog.write.click()
        dialog.cancel.click()
    assert list(tmp_path.iterdir()) == [] and dialog.isVisible()
    assert dialog.remaining.text() == "Cancelled; no file was left."
    dialog.form.seconds.setValue(0.3)
    with qtbot.waitSignal(dialog.maker.written, timeout=20_000):
        dialog.write.click()
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"]
    qtbot.waitUntil(lambda: not dialog.maker.running)
    # So does closing the dialog
    dialog.form.seconds.setValue(60)
    dialog.form.target.setText("other.gif")
    with qtbot.waitSignal(dialog.maker.cancelled, timeout=20_000):
        with qtbot.waitSignal(dialog.maker.progressed, timeout=20_000):
            dialog.write.click()
        dialog.close()
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"] and not dialog.isVisible()


REFUSED = {
    "film.mov": "'film.mov' is no name of a film; let it end in",
    "film.mp4": "The sides of an MP4 film are even numbers of pixels; choose 200 × 122.",
    "none/film.webp": "Cannot write 'none/film.webp': there is no folder",
    "": "Choose a file to write the film to.",
}


def test_what_cannot_be_is_said_before_anything_is_painted(dialog: FilmDialog, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, words in REFUSED.items():
        dialog.form.target.setText(name)
        dialog.write.click()
        assert dialog.problem.isVisible() and dialog.problem.text().replace("\u200b", "").startswith(words)
        assert not dialog.maker.running and dialog.write.isEnabled()
    monkeypatch.setattr(film, "find_spec", lambda _name: None)
    dialog.form.height_box.setValue(120)
    dialog.form.target.setText("film.mp4")
    dialog.write.click()
    assert "pip install 'dnf-studio[film]'" in dialog.problem.text().replace("\u200b", "")


def test_a_film_over_training_is_of_the_weights_that_were_kept(
    dialog: FilmDialog, shown: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, studio = dialog.form, shown.studio
    assert not form.clock.isEnabled() and "There are none" in form.clock.toolTip()
    models = [DiffFlow(2, SMALL) for _ in range(3)]
    for k, model in enumerate(models):
        for parameter in model.parameters():
            torch.nn.init.constant_(parameter, 0.1 * k)
    kept = [KeptWeights(10 * k, 1, Checkpoint.of_model(model)) for k, model in enumerate(models)]
    newest = FrameRequest(None, viewed(steps=4), torch.randn(50, 2))
    with monkeypatch.context() as patched:
        patched.setattr(studio, "_explorer", SimpleNamespace(newest=newest))
        studio.past.set_kept(kept, 25)
        dialog.refresh()
        form.clock.setCurrentIndex(form.clock.findData("training"))
        assert form.last.value() == form.last.maximum() == 2 and not form.back.isEnabled()
        form.first.setValue(2)
        form.last.setValue(0)
        form.target.setText("film.png")
        with qtbot.waitSignal(dialog.maker.written, timeout=20_000):
            dialog.write.click()
        with Image.open("film.png") as found:
            assert found.n_frames == 5
            first = np.asarray(found.convert("RGB"))
            found.seek(4)
            last = np.asarray(found.convert("RGB"))
        # What the slider shows at the ends is what the film begins and ends with
        for value, wanted in ((1000, last), (0, first)):
            dialog.preview.slider.setValue(value)
            qtbot.waitUntil(lambda wanted=wanted: alike(dialog, wanted), timeout=20_000)
        dialog.reject()
    assert not np.array_equal(first, last)
    assert studio.past.shown is None and shown.session.cursor.position == 1.5


def alike(dialog: FilmDialog, wanted: np.ndarray) -> bool:
    """Whether the stage holds what is in `wanted`, about which the picture in the dialog says less: it is scaled."""
    stage, script = dialog.stage, dialog.form.script
    if stage is None or not stage.ready or dialog.maker.running:
        return False
    shots = list(script.shots())
    moment, _ = shots[round(dialog.preview.slider.value() / 1000 * (len(shots) - 1))]
    painting = dialog.preview.peek.painting(stage, script, moment)
    return painting is not None and np.array_equal(pixels_of(next(filter(None, painting))), wanted)
