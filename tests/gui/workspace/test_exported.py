"""An export read back: its model is found, set as it was then, and its samples are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.gui.features.data.import_data import ImportDialog
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace import files
from dnf_studio.gui.workspace.dialogs import Answer, ErrorDialog
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.frames import Frame
from tests.core.storage.files import make_flow
from tests.gui.conftest import TINY

Open = Callable[[str], None]
SETTINGS = SampleSettings(steps=6, lam=0.5, last="mean", seed=7)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "mine.safetensors"
    path.parent.mkdir()
    save_checkpoint(path, Checkpoint.of_model(make_flow()))
    return path


def write(path: Path, count: int = 300, settings: SampleSettings = SETTINGS, trajectories: bool = False) -> Path:
    flow = make_flow()
    plan = ExportPlan(count, settings, trajectories=trajectories)
    list(export_samples(flow, path, plan, Checkpoint.of_model(flow)))
    return path


def shown(window: MainWindow, qtbot: QtBot) -> Frame:
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=20_000)
    assert window.live.frame is not None
    return window.live.frame


def in_data_units(path: np.ndarray) -> np.ndarray:
    scale = make_flow().standardisation
    return path * np.array(scale.scale) + np.array(scale.mean)


@pytest.mark.parametrize("trajectories", [False, True])
def test_the_samples_of_the_file_are_shown_as_they_were_drawn(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, model: Path, trajectories: bool
) -> None:
    export = write(tmp_path / "a.h5", trajectories=trajectories)
    window.studio.places = lambda: [model.parent]
    open_in(str(export))
    state = window.session.state
    assert (state.sampling.steps, state.sampling.lam, state.sampling.last, state.sampling.seed) == (6, 0.5, "mean", 7)
    assert window.toolbar.steps.value() == 6
    frame = shown(window, qtbot)
    assert frame.backward.shape == (7, 300, 2) == frame.forward.shape
    np.testing.assert_allclose(in_data_units(frame.backward[0]), read_rows(export), rtol=0, atol=1e-5)
    np.testing.assert_allclose(frame.backward[-1], read_rows(export, "latents"), rtol=0, atol=1e-5)
    assert "a.h5" in window.windowTitle()
    assert "300 exported samples" in window.status.message.text() and "mine" in window.status.message.text()


def test_fewer_samples_than_the_views_show_go_with_the_disagreement_of_their_points(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, model: Path
) -> None:
    window.studio.places = lambda: [model]
    window.session.apply({"layers": window.session.state.layers | {"disagreement"}})
    window.views.tabs.tabs.setCurrentIndex(3)
    open_in(str(write(tmp_path / "few.h5", count=40)))
    frame = shown(window, qtbot)
    assert frame.forward.shape == (7, 40, 2) and frame.contributions.shape == (6, 40)
    qtbot.waitUntil(lambda: window.plots["space-time"].cells.size > 0, timeout=20_000)
    assert not window.grab().isNull()
    # Log-ratios are known of more points than are shown, and of other backward paths
    live = window.live
    qtbot.waitUntil(lambda: live.excess is not None and live.excess.forward.shape[1] > 40, timeout=20_000)
    steps = window.plots["forward"]._paths._steps
    assert steps is not None and steps.buckets.shape == (6, 40)
    qtbot.waitUntil(lambda: window.live.excess is not None and window.live.excess.complete, timeout=20_000)
    assert not window.live.excess.backward.size and window.plots["backward"]._paths._steps is None
    window.plots["disagreement"].worst_wanted.emit(3, False)
    assert len(window.session.state.selection) == 5 and max(window.session.state.selection) < 40


def test_other_settings_show_the_model_and_the_old_ones_the_file_again(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, model: Path
) -> None:
    export = write(tmp_path / "a.h5")
    window.studio.places = lambda: [model]
    open_in(str(export))
    samples = shown(window, qtbot).backward[0].copy()
    for lam, same in ((1.0, False), (0.5, True)):
        window.session.apply({"lam": lam})
        qtbot.waitUntil(lambda lam=lam: shown(window, qtbot).request.lam == lam, timeout=20_000)
        frame = shown(window, qtbot)
        assert np.array_equal(frame.backward[0][:300], samples) == same
        assert ("no longer" in window.status.message.text()) != same
    # Rows of a file are no partners of the forward points
    for start, same in (("forward", False), ("noise", True)):
        window.session.apply({"start": start})
        qtbot.waitUntil(lambda start=start: shown(window, qtbot).request.start == start, timeout=20_000)
        assert np.array_equal(shown(window, qtbot).backward[0][:300], samples) == same


def test_only_the_first_rows_of_a_large_file_are_read(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, model: Path
) -> None:
    export = write(tmp_path / "a.h5", 5000, SampleSettings(seed=1, solver="ode"))
    window.studio.places = lambda: [model]
    open_in(str(export))
    assert window.session.state.sampling.solver == "ode" and window.session.state.sampling.steps is None
    assert shown(window, qtbot).backward.shape == (5, 2000, 2)
    assert "first 2,000 of the 5,000" in window.status.message.text()


def test_an_export_of_an_unsaved_model_finds_it_in_memory(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    open_in("circle")
    given: list[tuple[object, object]] = []
    window.studio.take_model(given.append, pytest.fail)
    flow, checkpoint = given[0]
    list(export_samples(flow, tmp_path / "b.h5", ExportPlan(40, SETTINGS), checkpoint))
    open_in("moons")
    open_in(str(tmp_path / "b.h5"))
    assert shown(window, qtbot).backward.shape == (7, 40, 2)
    assert window.session.state.config.data == "circle"


def test_an_export_without_its_model_is_told(
    window: MainWindow, open_in: Open, errors_of: Callable[[], list[str]], tmp_path: Path
) -> None:
    open_in("circle")
    before = window.studio.current
    window.studio.open(str(write(tmp_path / "a.h5")))
    told = errors_of()
    assert len(told) == 1 and "model that drew 'a.h5' is not here" in told[0]
    assert window.studio.current is before


def wait_for_data(window: MainWindow, qtbot: QtBot, data: str) -> Opened:
    qtbot.waitUntil(
        lambda: window.studio.current is not None and window.studio.current.config.data == data,
        timeout=20_000,
    )
    return window.studio.current


def test_an_export_without_its_model_can_be_used_as_data(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    open_in("circle")
    export = write(tmp_path / "a.h5")
    window.studio.open(str(export))
    qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)), timeout=20_000)
    dialog = window.findChildren(ErrorDialog)[0]
    assert "or use its samples as data" in dialog.text()
    dialog.way.click()
    opened = wait_for_data(window, qtbot, f"{export}::samples")
    assert opened.dataset is not None
    points = opened.dataset.standardisation.to_data(opened.points[:20].double()).numpy()
    assert np.abs(points[:, None] - read_rows(export)).sum(2).min(1).max() < 1e-5
    assert window.parts["library"].recent.files[0].source == f"{export}::samples"


def test_open_data_file_takes_the_samples_of_an_export(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in("circle")
    # Larger than the samples, so that it is not size that chooses
    export = write(tmp_path / "a.h5", trajectories=True)
    monkeypatch.setattr(files.QFileDialog, "getOpenFileName", lambda *_: (str(export), ""))
    button = next(b for b in window.page("Data").findChildren(QPushButton) if b.text() == "Open data file…")
    button.click()
    qtbot.waitUntil(lambda: bool(window.findChildren(ImportDialog)), timeout=20_000)
    dialog = window.findChildren(ImportDialog)[0]
    qtbot.waitUntil(lambda: dialog.isVisible() and dialog.ok.isEnabled(), timeout=20_000)
    assert dialog.array.currentData() == "samples" and "300 rows × 2 columns" in dialog.preview.text()
    dialog.ok.click()
    wait_for_data(window, qtbot, f"{export}::samples")


@pytest.fixture
def exported(window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> Path:
    """An export of a run that has ended and is not saved."""
    open_in("diffflow-rings")
    window.session.apply({**TINY, "config.training.iterations": 6})
    window.commands["train"].trigger()
    qtbot.waitUntil(
        lambda: window.studio.training.phase is Phase.ENDED and window.studio.training.unsaved,
        timeout=30_000,
    )
    given: list[tuple[GenerativeModel, Checkpoint]] = []
    window.studio.take_model(given.append, pytest.fail)
    qtbot.waitUntil(lambda: bool(given), timeout=20_000)
    list(export_samples(given[0][0], tmp_path / "run.h5", ExportPlan(40, SETTINGS), given[0][1]))
    return tmp_path / "run.h5"


def answers(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> list[bool]:
    asked: list[bool] = []
    monkeypatch.setattr(files, "ask_about_run", lambda _window, active: asked.append(active) or answer)
    return asked


def test_an_export_of_the_run_in_memory_asks_nothing_and_takes_nothing_away(
    window: MainWindow, exported: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = answers(monkeypatch, Answer.CANCEL), window.studio.training.run
    window.session.apply({"config.training.iterations": 9, "lam": 1.5})
    for _ in range(2):
        with qtbot.waitSignal(window.studio.opened, timeout=20_000):
            window.files.show(str(exported))
        assert not asked and window.studio.training.run is run and window.studio.training.unsaved
        assert (
            window.parts["training"].bar.isVisible()
            and window.isWindowModified()
            and window.commands["discard"].isEnabled()
        )
        assert (window.session.state.sampling.lam, window.session.state.sampling.steps) == (0.5, 6)
        assert window.status.message.text().endswith("The run stays as it is.")
    qtbot.waitUntil(lambda: shown(window, qtbot).backward.shape == (7, 40, 2), timeout=20_000)
    np.testing.assert_allclose(
        window.studio.current.snapshot.flow.standardisation.to_data(
            torch.from_numpy(window.live.frame.backward[0]).double()
        ).numpy(),
        read_rows(exported),
        atol=1e-5,
    )
    window.session.undo()
    assert window.session.state.sampling.lam == 1.5 and window.session.state.config.training.iterations == 9
    window.parts["training"].bar.buttons["resume"].click()
    qtbot.waitUntil(lambda: run.iteration == 9 and window.studio.training.phase is Phase.ENDED, timeout=20_000)
    # Of a run that is in a file what is shown is in it, too, wherever the model of the samples was found
    assert window.studio.current.path is None
    window.studio._opened = replace(window.studio.current, path=exported.with_name("saved.safetensors"))
    window.studio._join(replace(window.studio.current, path=None))
    assert window.studio.current.path == exported.with_name("saved.safetensors")
    # The weights are others now
    window.files.show(str(exported))
    qtbot.waitUntil(lambda: asked == [False], timeout=20_000)
    assert window.studio.training.run is run
    window.commands["discard"].trigger()
    assert window.studio.current.shown.title == "diffflow-rings"


def test_another_export_and_another_file_ask_about_the_run(
    window: MainWindow, exported: Path, qtbot: QtBot, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = answers(monkeypatch, Answer.CANCEL), window.studio.training.run
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    for count, file in enumerate((write(tmp_path / "other.h5"), model, broken, "diffflow-8gaussian"), start=1):
        window.files.show(str(file))
        qtbot.waitUntil(lambda count=count: len(asked) == count, timeout=20_000)
    assert window.studio.training.run is run


def change(path: Path, how: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        how(file)


def forget_sampling(file: h5py.File) -> None:
    del file["provenance/sampling"]
    file["provenance/sampling"] = '{"seed": 7}'


def wild_level(file: h5py.File) -> None:
    text = file["provenance/sampling"][()].decode().replace('"lam": 0.5', '"lam": "0.5"')
    del file["provenance/sampling"]
    file["provenance/sampling"] = text


def foreign(file: h5py.File) -> None:
    file.attrs["format"] = "another"


@pytest.mark.parametrize("how", [forget_sampling, wild_level, foreign])
def test_a_wrong_export_is_told_and_changes_nothing(
    window: MainWindow,
    open_in: Open,
    errors_of: Callable[[], list[str]],
    tmp_path: Path,
    model: Path,
    how: Callable[[h5py.File], None],
) -> None:
    window.studio.places = lambda: [model]
    open_in("circle")
    before, state = window.studio.current, window.session.state
    export = write(tmp_path / "a.h5")
    change(export, how)
    window.studio.open(str(export))
    told = errors_of()
    assert len(told) == 1 and told[0].endswith(".") and "\n" not in told[0]
    assert window.studio.current is before and window.session.state is state


def test_samples_that_the_model_would_not_draw_are_not_passed_off_as_its_own(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path, model: Path
) -> None:
    export = write(tmp_path / "a.h5")

    def shift(file: h5py.File) -> None:
        file["samples"][...] = file["samples"][...] + 3

    change(export, shift)
    window.studio.places = lambda: [model]
    open_in(str(export))
    assert "draws other samples here" in window.status.message.text()
    assert shown(window, qtbot).backward.shape[1] == 2000
