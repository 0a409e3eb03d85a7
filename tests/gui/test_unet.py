"""A U-Net in the window: chosen in the Training panel, opened untrained, trained and watched; refused for rings."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from dnf_studio.core.networks.unet import UNet
from dnf_studio.errors import StudioError
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.opening import FEWER_POINTS
from tests.gui.conftest import TINY

SMALL = {**TINY, "config.sde.steps": 2, "config.network.channels": 4, "config.training.batch": 4}


def test_a_unet_trains_on_images_and_is_watched_but_not_on_moons(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    images = tmp_path / "train-images-idx3-ubyte"
    levels = np.random.default_rng(0).integers(0, 256, (2000, 8, 2), np.uint8)
    images.write_bytes(struct.pack(">4I", 0x0803, *levels.shape) + levels.tobytes())
    window.session.apply({"config.network.kind": "unet", **SMALL})
    window.studio.open(str(images))
    qtbot.waitUntil(lambda: window.live.frame is not None, timeout=60_000)
    current = window.studio.current
    assert current is not None and isinstance(current.snapshot.flow.drift, UNet)
    assert len(current.points) == FEWER_POINTS
    bars = window.plots["disagreement"]
    assert bars.shown == "contribution" and not bars.chooser.isEnabled() and bars.limits is not None
    assert "slow" in window.plots["space-time"]._empty.text()
    window.session.apply({"config.training.iterations": 10**6})
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.unsaved, timeout=60_000)
    run = window.studio.training.run
    assert run is not None and isinstance(run.flow.drift, UNet)
    qtbot.waitUntil(lambda: run.iteration > 2, timeout=60_000)
    window.commands["stop"].trigger()
    qtbot.waitUntil(lambda: not window.studio.training.active, timeout=60_000)
    window.studio.training.unsaved = False
    told: list[Exception] = []
    window.studio.failed.disconnect(window.files.tell)
    window.studio.failed.connect(told.append)
    window.session.apply({"config.data": "moons"})
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    assert isinstance(told[0], StudioError) and "A U-Net is for images" in str(told[0])
    assert window.session.state.config.data == str(images), "what is shown"
