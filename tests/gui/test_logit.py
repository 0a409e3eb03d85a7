"""Images in logit space in the window: chosen by a box, shown and compared as images, and read back from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.sample_reader import read_export, read_rows
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.exported import read_shown
from dnf_studio.gui.workspace.opening import untrained
from dnf_studio.gui.workspace.training import Phase
from tests.gui.conftest import TINY
from tests.gui.scenes import frame_of

Open = Callable[[str], None]


def config(data: str) -> Config:
    return Config().changed({name.removeprefix("config."): value for name, value in TINY.items()} | {"data": data})


def test_a_box_chooses_logits_of_images_and_of_nothing_else(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    window.session.apply(TINY)
    open_in("circle")
    box = window.page("Data").logit
    assert box.isHidden()
    open_in("digits")
    assert not box.isHidden() and not box.isChecked()
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        box.click()
    assert window.session.state.config.data == "digits::logit" and box.isChecked()
    opened = window.studio.current
    assert opened is not None and opened.snapshot.standardisation.logit is not None
    assert "as logits with α = 1e-06" in window.page("Data").facts.text()
    assert window.toolbar.data.currentText() == "digits::logit"
    qtbot.waitUntil(
        lambda: window.live.frame is not None and window.live.frame.weights == opened.snapshot.version,
        timeout=20_000,
    )
    assert window.parts["images"].shown and window.live.frame is not None
    pixels, dataset = window.parts["images"].pixels, opened.dataset
    assert pixels is not None and isinstance(dataset, RecordedDataset)
    shown = pixels.to_data(window.live.frame.forward[0])
    assert shown.min() > -1e-4 and shown.max() < 17 + 1e-4 and shown.std() > 3
    assert pixels.to_data(window.live.frame.backward[0]).max() < 17.1
    with qtbot.waitSignal(window.studio.opened, timeout=20_000):
        box.click()
    assert window.session.state.config.data == "digits" and not box.isChecked()


def test_logits_are_trained_in_the_window_and_saved(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    window.session.apply(TINY)
    open_in("digits::logit")
    window.session.apply({**TINY, "config.training.iterations": 20})
    window.commands["train"].trigger()
    training = window.studio.training
    qtbot.waitUntil(lambda: training.phase is Phase.ENDED and window.studio.training.unsaved, timeout=30_000)
    assert training.run is not None and training.run.iteration == 20
    with qtbot.waitSignal(window.files.saved, timeout=20_000):
        window.files.save_to(tmp_path / "a.safetensors", "run")
    kept = read_checkpoint(tmp_path / "a.safetensors")
    assert kept.standardisation.logit is not None and kept.config.data == "digits::logit"
    assert kept.build().sample(200).max() <= 17


def test_neighbours_and_classes_are_found_by_the_levels(still_window: MainWindow, qtbot: QtBot) -> None:
    window, opened = still_window, untrained(config("digits::logit"))
    data, frame = opened.dataset, frame_of(20, dim=64)
    assert isinstance(data, RecordedDataset)
    row = data.splits[0][11]
    frame.backward[0] = data.fresh(20, 0).numpy()
    frame.backward[0, 1] = data.standardisation.to_model(torch.from_numpy(data.recorded[row] + 0.5)).numpy()
    window.studio.opened.emit(opened)
    window.live.show(frame)
    window.session.apply({"selection": (1,), "selection_of": "backward"})
    assert window.docks["inspector"].panel is not None
    strip = window.docks["inspector"].panel.images
    qtbot.waitUntil(lambda: strip.words[1].text() == f"{data.class_names[data.classes[row]]}\n0.0", timeout=20_000)
    ends = data.standardisation.array_to_data(frame.backward[0])
    assert data.nearest_class(ends)[1] == data.classes[row]


@pytest.mark.parametrize("trajectories", [False, True])
def test_an_export_is_shown_as_it_was_drawn(tmp_path: Path, trajectories: bool) -> None:
    flow, path = untrained(config("digits::logit=0.05")).snapshot.flow, tmp_path / "a.h5"
    plan = ExportPlan(60, SampleSettings(seed=2), trajectories=trajectories)
    list(export_samples(flow, path, plan))
    shown = read_shown(path, read_export(path), flow)
    assert shown.paths is not None and shown.paths.shape == (5, 60, 64) and np.isfinite(shown.paths).all()
    samples = flow.standardisation.to_model(torch.from_numpy(read_rows(path)).double())
    np.testing.assert_allclose(shown.paths[0], samples, rtol=0, atol=1e-5)
    latents = read_rows(path, "latents")
    near = np.abs(latents) < 2
    np.testing.assert_allclose(shown.paths[-1][near], latents[near], rtol=0, atol=0.02)
