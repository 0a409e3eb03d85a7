"""The window of a script from its first paint on: the script's picture, then all that needs torch."""

from __future__ import annotations

import gc

import pytest
import torch
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import dnf_studio as dnf
from dnf_studio.gui.application import WindowOptions, lifecycle
from dnf_studio.gui.features.script import controller
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.link.program import Arrival
from tests.link.window import network, started


@pytest.mark.usefixtures("few_points")
def test_what_the_script_computed_is_seen_before_anything_needs_torch(
    qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, shown = network(), list[tuple[int, bool, bool, bool]]()
    monkeypatch.setattr(lifecycle, "start_log", lambda: None)
    # Only what is painted lets it go on
    monkeypatch.setattr(controller, "PICTURE_MS", 60_000)
    model = dnf.from_velocity(lambda x, t: net(torch.cat([x, t[:, None]], 1)), dim=2, steps=4)
    with started(monkeypatch) as process, dnf.watch(model, data=torch.randn(300, 2)):
        window = MainWindow(Appearance(qapp))
        life = lifecycle.Lifecycle(WindowOptions(), window, Arrival(process.stdin.text))
        qtbot.addWidget(window)
        window.live.frame_shown.connect(
            lambda frame: shown.append((frame.weights, *seen(window), life._garbage._timer.isActive()))
        )
        window.show()
        qtbot.waitUntil(lambda: window.live.frame is not None and window.live.frame.complete, timeout=20_000)
        window.close()
    # Neither is the explorer there, nor what is behind the first panels, nor is garbage looked for, until torch is
    assert shown[0] == (0, False, False, False)
    assert shown[-1][0] > 0 and all(shown[-1][1:])
    gc.unfreeze()


def seen(window: MainWindow) -> tuple[bool, bool]:
    """Whether the window computes, and whether it is whole."""
    return window.studio._explorer is not None, "library" in window.parts and window.page("SDE") is not None
