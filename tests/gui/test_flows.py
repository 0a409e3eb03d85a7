"""A continuous normalizing flow in the window: shown, trained and exported; what it lacks is grey and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.gui.features.lab.panel import LabPanel
from dnf_studio.gui.features.round_trip.panel import RoundTripPanel
from dnf_studio.gui.features.time_grid.editor import GridEditorPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.frames import Frame
from tests.gui.conftest import TINY

Open = Callable[[str], None]
SMALL = Config.create(
    {"model": "flow", "data": "circle", "network": {"layers": 1, "channels": 8}, "sde": {"steps": 3, "t_end": 1.0}}
)


def flow_file(folder: Path) -> tuple[Path, Flow]:
    torch.manual_seed(0)
    flow, path = Flow(2, SMALL), folder / "small.safetensors"
    save_checkpoint(path, Checkpoint.of_model(flow))
    return path, flow.eval()


@pytest.fixture
def shown(window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window that shows the small flow after a model with noise was set to things that a flow has not."""
    open_in("circle")
    window.session.apply(
        {"lam": 0.5, "last": "mean", "parts": "drift", "field": "score", "layers": frozenset({"disagreement", "paths"})}
    )
    open_in(str(flow_file(tmp_path)[0]))
    qtbot.waitUntil(lambda: frame_of(window).complete, timeout=20_000)
    return window


def frame_of(window: MainWindow) -> Frame:
    assert window.live.frame is not None
    return window.live.frame


def reasons(window: MainWindow) -> dict[str, str]:
    assert window.studio.current is not None
    return dict(window.studio.current.shown.lacks)


def test_the_views_carry_points_by_the_solver_both_ways(shown: MainWindow, qtbot: QtBot) -> None:
    frame, studio = frame_of(shown), shown.studio.current
    assert studio is not None
    flow = studio.snapshot.flow
    with torch.inference_mode():
        ahead = flow.forward_path(studio.points)
        back = flow.backward_path(torch.from_numpy(frame.backward[-1])).flip(0)
    np.testing.assert_allclose(frame.forward, ahead.numpy(), atol=2e-5)
    np.testing.assert_allclose(frame.backward, back.numpy(), atol=2e-5)
    shown.session.apply({"steps": 7, "seed": 3})
    qtbot.waitUntil(lambda: len(frame_of(shown).t) == 8, timeout=20_000)
    assert "small.safetensors (flow)" in shown.windowTitle() and "(flow)" in shown.status.message.text()
    assert shown.plots["forward"].caption.startswith("Points of the data, carried to noise by the ODE.")


def test_what_a_flow_lacks_is_grey_and_says_why_until_another_model_comes(
    shown: MainWindow, open_in: Open, qtbot: QtBot
) -> None:
    lacks, sampling = reasons(shown), shown.tabs.widget(3)
    greyed: dict[str, list[QWidget]] = {
        "noise": [shown.toolbar.lam.slider, shown.toolbar.lam.box, sampling.last],
        "score": [sampling.parts],
    }
    actions = {
        "bound": [shown.commands["disagreement"]],
        "score": [shown.parts["fields"].menu.choices["field", name] for name in ("score", "backward", "flow")],
    }
    for kinds in (greyed, actions):
        for ability, controls in kinds.items():
            for control in controls:
                assert not control.isEnabled() and control.toolTip() == lacks[ability]
    plots = shown.plots
    disagreement, score = plots["disagreement"], plots["score"]
    for plot, ability in ((disagreement, "bound"), (plots["space-time"], "bound"), (score, "score")):
        assert plot._is_empty and plot._empty.text() == lacks[ability]
    assert disagreement.chooser.isHidden() and disagreement.legend.isHidden()
    assert not plots["grid"].plot.getAxis("right").isVisible()
    assert shown.toolbar.lam.value() == 0.5, "what was chosen comes back with a model that has it"
    assert plots["forward"]._trails.isVisible(), "nothing hides the paths in favour of colours that are not there"
    open_in("diffflow-rings")
    for kinds in (greyed, actions):
        assert all(control.isEnabled() for controls in kinds.values() for control in controls)
    assert shown.toolbar.lam.box.toolTip().startswith("Noise of the backward process")
    qtbot.waitUntil(lambda: frame_of(shown).request.lam == 0.5 and not score._is_empty, timeout=20_000)
    assert not disagreement.chooser.isHidden() and disagreement.legend.isHidden()
    qtbot.waitUntil(lambda: not disagreement._is_empty and shown.live.excess is not None, timeout=20_000)
    disagreement.set_shown("contribution")
    assert not disagreement.legend.isHidden()


def test_explore_panels_offer_what_a_flow_can(shown: MainWindow, qtbot: QtBot) -> None:
    for key in ("round-trip", "lab", "grid-editor"):
        shown.commands[key].trigger()
    trip, lab, editor = (shown.findChild(kind) for kind in (RoundTripPanel, LabPanel, GridEditorPanel))
    assert isinstance(trip, RoundTripPanel) and isinstance(lab, LabPanel) and isinstance(editor, GridEditorPanel)
    trip.start()
    qtbot.waitUntil(lambda: trip.trip is not None, timeout=20_000)
    assert trip.trip is not None and trip.trip.way == "ode" and trip.trip.largest < 1
    assert not trip.form.way.isEnabled() and trip.form.way.toolTip() == reasons(shown)["noise"]
    assert [lab.tabs.isTabEnabled(place) for place in range(4)] == [True, True, False, False]
    assert lab.tabs.tabToolTip(2) == reasons(shown)["noise"]
    editor.log.setChecked(True)
    qtbot.waitUntil(lambda: editor.noise._empty.text() == reasons(shown)["noise"], timeout=10_000)
    assert editor.noise._is_empty and not editor.curve._is_empty


def test_a_point_of_a_flow_has_a_drift_and_no_noise(shown: MainWindow, qtbot: QtBot) -> None:
    frame = frame_of(shown)
    for direction, paths in (("forward", frame.forward), ("backward", frame.backward)):
        with qtbot.waitSignal(
            shown.live.inspected, timeout=20_000, check_params_cb=lambda f: len(f.table.t) == 4
        ) as got:
            shown.session.apply({"selection": (5,), "selection_of": direction})
        assert got.args is not None
        table = got.args[0].table
        np.testing.assert_allclose(table.x, paths[:, 5], atol=2e-5)
        assert table.drift.shape == (4, 2) and not len(table.contributions)
    panel = shown.docks["inspector"].panel
    heads = [panel.model.headerData(k, panel.table.horizontalHeader().orientation()) for k in range(6)]
    assert panel.model.columnCount() == 6 and heads == ["i", "t", "x₁", "x₂", "f₁", "f₂"]


def test_an_export_of_a_flow_is_read_back(shown: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path) -> None:
    shown.commands["export"].trigger()
    panel = shown.page("Export")
    assert panel is not None
    for control in (panel.form.lam, panel.form.last, panel.form.parts["noise"]):
        assert not control.isEnabled() and control.toolTip() == reasons(shown)["noise"]
    panel.form.count.setValue(300)
    panel.form.parts["log_prob"].setChecked(True)
    path = tmp_path / "flow.h5"
    panel.form.target.setText(str(path))
    with qtbot.waitSignal(shown.parts["export"].exporter.written, timeout=30_000):
        panel.export.click()
    assert shown.studio.current is not None
    flow = shown.studio.current.snapshot.flow
    with h5py.File(path) as file:
        samples = torch.from_numpy(file["samples"][:])
        np.testing.assert_allclose(file["log_prob"][:], flow.log_prob(samples).numpy(), atol=2e-3)
    open_in(str(path))
    qtbot.waitUntil(lambda: frame_of(shown).backward.shape[1] == 300, timeout=20_000)
    np.testing.assert_allclose(frame_of(shown).backward[0], flow.standardisation.to_model(samples).numpy(), atol=1e-4)


def test_selected_points_of_a_flow_are_exported_without_noise(shown: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    shown.session.apply({"selection": (3, 1)})
    shown.commands["export"].trigger()
    panel = shown.page("Export")
    assert panel is not None
    panel.form.selected.click()
    path = tmp_path / "few.h5"
    panel.form.target.setText(str(path))
    with qtbot.waitSignal(shown.parts["export"].exporter.written, timeout=30_000):
        panel.export.click()
    with h5py.File(path) as file:
        assert file["trajectories"].shape == (2, 4, 2) and "noise" not in file


def test_a_flow_trains_in_the_window(window: MainWindow, open_in: Open, qtbot: QtBot) -> None:
    open_in("circle")
    tiny = {name: value for name, value in TINY.items() if "precision" not in name}
    window.session.apply({"config.model": "flow"})
    window.session.apply({**tiny, "config.training.iterations": 30})
    qtbot.waitUntil(lambda: "score" in window.session.lacks, timeout=20_000)
    assert "untrained flow" in window.status.message.text()
    first = frame_of(window).weights
    window.commands["train"].trigger()
    qtbot.waitUntil(lambda: window.studio.training.phase is Phase.ENDED, timeout=60_000)
    qtbot.waitUntil(lambda: frame_of(window).weights > first and frame_of(window).complete, timeout=20_000)
    assert window.plots["loss"].accessibleName() == "Loss: NLL" and "not a bound" in window.plots["loss"].caption
    assert window.status.nll.toolTip().startswith("Exact") and window.status.nll.text().startswith("NLL")
    assert "flow" in window.windowTitle()
