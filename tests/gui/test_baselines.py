"""A diffusion model in the window; `test_flows` has the other one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.gui.frame.main_window import MainWindow
from tests.gui.conftest import TINY

Open = Callable[[str], None]


@pytest.fixture
def diffusing(window: MainWindow, open_in: Open, qtbot: QtBot) -> MainWindow:
    """A window in which a tiny diffusion model trains."""
    open_in("circle")
    window.session.apply({"config.model": "diffusion", **TINY, "config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=30_000)
    return window


def test_a_diffusion_model_trains_and_is_watched(diffusing: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = diffusing
    run = window.studio.training.run
    assert run is not None and run.config.model == "diffusion"
    assert window.plots["loss"].accessibleName() == "Loss: error of the noise"
    assert window.plots["loss"].smoothed is None and "NLL" not in window.status.nll.text()
    qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.t[-1] == 1, timeout=30_000)
    frame = window.live.frame
    assert frame is not None and frame.mean_contributions.shape == (len(frame.t) - 1,)
    assert window.page("Export") is not None
    form = window.page("Export").form
    assert form.solver.count() == 6 and form.plan().settings.solver == "ancestral" and not form.lam.isEnabled()
    form.solver.setCurrentIndex(4)
    form.solver.activated.emit(4)
    assert form.plan().settings.solver == "sde" and form.lam.isEnabled()
    form.lam.setValue(0.5)
    form.solver.setCurrentIndex(2)
    form.solver.activated.emit(2)
    settings = form.plan().settings
    assert (settings.solver, settings.lam) == ("heun", 1.0) and not form.lam.isEnabled()
    # Another kind of model is for the next run; this one keeps its settings
    steps = run.config.sde.steps
    window.session.apply({"config.model": "diffflow", "config.sde.steps": steps + 3})
    window.commands["stop"].trigger()
    qtbot.waitUntil(lambda: not window.studio.training.active, timeout=30_000)
    assert (run.config.model, run.config.sde.steps) == ("diffusion", steps)
    run.save(tmp_path / "a.safetensors")
    assert read_checkpoint(tmp_path / "a.safetensors").config.model == "diffusion"
    window.studio.training.unsaved = False
