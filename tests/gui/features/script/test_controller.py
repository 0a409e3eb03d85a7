"""The window of a script: what it says of it, what it shows of it, and what stays once it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

import dnf_studio as dnf
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.script import controller
from dnf_studio.gui.features.script.controller import ScriptController, save_frame
from dnf_studio.gui.features.training.controller import TrainingController
from dnf_studio.gui.workspace import opening
from dnf_studio.gui.workspace.live import FOLLOWING_MS, TICK_MS
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.link.program import Arrival
from dnf_studio.link.watch import Watch
from dnf_studio.workers.frames import Frame
from tests.link.window import network, started


@pytest.fixture
def watched(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> Iterator[tuple[ScriptController, Watch]]:
    """A controller that has joined a script, and the script's side."""
    net = network()
    rows = np.random.default_rng(0).standard_normal((300, 2))
    model = dnf.from_velocity(lambda x, t: net(torch.cat([x, t[:, None]], 1)), dim=2, steps=4)
    with started(monkeypatch) as process, dnf.watch(model, data=rows, title="mine.py") as window:
        workspace.parts["training"] = TrainingController(workspace)
        found, view = ScriptController(workspace), ProcessView("forward")
        frames, ready = list[Frame](), list[str]()
        qtbot.addWidget(view)
        view.show()
        workspace.plots.add("forward", view)
        workspace.live.frame_shown.connect(view.set_frame)
        workspace.live.frame_shown.connect(frames.append)
        monkeypatch.setattr(controller, "PICTURE_MS", 60_000)
        found.follow(Arrival(process.stdin.text), lambda: ready.append(found.bar.text.text()))
        # The script's own picture, before anything here has a model
        qtbot.waitUntil(lambda: bool(ready), timeout=10_000)
        assert ready[0].startswith("Live: mine.py (") and "first picture" in ready[0]
        assert [frame.weights for frame in frames] == [0] and workspace.studio.current is None
        assert workspace.session.solvers[0].name == "midpoint" and not found.bar.save.isEnabled()
        found.go_on()
        qtbot.waitUntil(lambda: workspace.live.frame is not None and workspace.live.frame.complete, timeout=10_000)
        assert frames[1].forward.tobytes() == frames[0].forward.tobytes() and frames[1].weights
        yield found, window


def test_a_script_is_followed_and_what_it_showed_stays(
    watched: tuple[ScriptController, Watch], workspace: Workspace, qtbot: QtBot, tmp_path: Path
) -> None:
    followed, window = watched
    frame, losses = workspace.live.frame, []
    assert frame is not None
    assert followed.bar.text.text().startswith("Live: mine.py (")
    assert not workspace.commands["train"].isEnabled()
    assert "mine.py" in workspace.commands["train"].toolTip()
    assert workspace.session.state.config.data == "data of mine.py"
    workspace.live.reported.connect(losses.extend)
    qtbot.waitUntil(window._shown.is_set, timeout=5000)
    for step in (1199, 1200):
        window.update(step, loss=torch.tensor(0.25))
    qtbot.waitUntil(lambda: "step 1,200" in followed.bar.text.text(), timeout=5000)
    qtbot.waitUntil(lambda: workspace.live.frame.weights > frame.weights, timeout=10_000)
    assert [(report.iteration, report.loss) for report in losses] == [(1199, 0.25), (1200, 0.25)]
    assert not workspace.studio.training.unsaved
    qtbot.waitUntil(lambda: workspace.live._player.interval() == FOLLOWING_MS, timeout=5000)
    assert followed.follows
    window.update(1300)
    window.close()
    qtbot.waitUntil(lambda: "has ended at step 1,300" in followed.bar.text.text(), timeout=5000)
    assert followed._versions[workspace.live.frame.weights][0] == 1300
    qtbot.waitUntil(lambda: workspace.live._player.interval() == TICK_MS, timeout=5000)
    said: list[str] = []
    workspace.studio.said.connect(said.append)
    workspace.session.apply({"steps": 7})
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    assert "has ended" in said[0]
    _saved(followed, workspace, tmp_path)


def test_a_model_of_the_studio_outlives_its_script(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    found = ScriptController(workspace)
    monkeypatch.setattr(opening, "DISPLAY_POINTS", 200)
    with started(monkeypatch) as process, dnf.show(dnf.load("diffflow-rings"), title="mine.py"):
        found.follow(Arrival(process.stdin.text), found.go_on)
        qtbot.waitUntil(lambda: workspace.live.frame is not None and workspace.live.frame.complete, timeout=10_000)
        assert workspace.session.state.config.data == "rings"
    qtbot.waitUntil(lambda: "the model is here" in found.bar.text.text(), timeout=5000)
    workspace.session.apply({"steps": 7})
    qtbot.waitUntil(lambda: len(workspace.live.frame.t) == 8, timeout=10_000)


def _saved(found: ScriptController, workspace: Workspace, folder: Path) -> None:
    frame, opened = workspace.live.frame, workspace.studio.current
    assert frame is not None
    assert opened is not None
    save_frame(folder / "shown.npz", frame, opened)
    save_frame(folder / "shown.csv", frame, opened)
    with np.load(folder / "shown.npz") as found:
        to_data = opened.snapshot.standardisation.array_to_data
        np.testing.assert_array_equal(found["forward"], to_data(frame.forward))
        table = np.loadtxt(folder / "shown.csv", delimiter=",", skiprows=1)
        np.testing.assert_allclose(table, found["backward"][0], rtol=1e-8)
    assert (folder / "shown.csv").read_text(encoding="utf-8").startswith("x1,x2\n")


def test_a_script_that_ends_with_its_picture_is_said_to_have_ended(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    found, view, told = ScriptController(workspace), ProcessView("forward"), list[Exception]()
    qtbot.addWidget(view)
    workspace.plots.add("forward", view)
    monkeypatch.setattr(found, "_failed", told.append)
    model = dnf.from_velocity(lambda x, t: x * t[:, None], dim=2, steps=4)
    with started(monkeypatch) as process, dnf.watch(model, data=torch.randn(30, 2), title="mine.py"):
        found.follow(Arrival(process.stdin.text), lambda: None)
        qtbot.waitUntil(lambda: workspace.live.frame is not None, timeout=10_000)
        found._end(False)
    assert "mine.py" in found.bar.text.text() and "has ended" in found.bar.text.text()
    assert not found.bar.save.isEnabled()
