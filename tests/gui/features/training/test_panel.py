"""Settings of an experiment as a whole: presets, files, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from dnf_studio import assets
from dnf_studio.config import Config
from dnf_studio.gui.features.training.panel import PRESETS, SDEPanel, TrainingPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.session import Session


def entry(window: MainWindow, text: str) -> QAction:
    return next(
        a for a in window.parts["training"].settings_menu.actions() if a.text().replace("&", "").startswith(text)
    )


def test_every_preset_is_in_the_menu_of_runs(still_window: MainWindow) -> None:
    assert sorted(PRESETS) == list(assets.preset_names())
    run = next(menu for menu in still_window.commands._menus if still_window.commands["train"] in menu.actions())
    assert run.actions()[0] is still_window.parts["training"].settings_menu.menuAction()


def test_a_preset_leaves_data_and_device_and_is_one_step_of_undo(still_window: MainWindow) -> None:
    session = still_window.session
    session.apply({"config.data": "moons", "config.training.device": "cpu", "config.sde.steps": 12})
    before = session.state.config
    entry(still_window, "Reference").trigger()
    path = assets.preset_path("reference")
    assert path is not None
    expected = Config.from_toml(path).changed({"data": "moons", "training.device": "cpu"})
    assert session.state.config == expected and "'reference'" in still_window.status.message.text()
    session.undo()
    assert session.state.config == before


def test_the_defaults_are_those_of_the_kind_of_model(still_window: MainWindow) -> None:
    session = still_window.session
    session.apply({"config.model": "diffusion"})
    session.apply({"config.sde.steps": 7, "config.training.batch": 99})
    entry(still_window, "Defaults").trigger()
    assert session.state.config == Config.create({"model": "diffusion", "data": session.state.config.data})


def test_what_is_saved_is_read_again(still_window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, place = still_window.session, tmp_path / "mine"
    session.apply({"config.data": "8gaussian", "config.sde.steps": 9, "config.training.learning_rate": 0.004})
    kept = session.state.config
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    entry(still_window, "Save").trigger()
    assert Config.from_toml(place.with_suffix(".toml")) == kept
    session.apply({"config.data": "moons", "config.sde.steps": 3})
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(place.with_suffix(".toml")), ""))
    entry(still_window, "Open").trigger()
    assert session.state.config == kept, "with the data that the file names"
    session.undo()
    assert session.state.config.data == "moons" and session.state.config.sde.steps == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[sde]\nsteps = 0\n", "The setting 'sde.steps' cannot be 0"),
        ("[sde\n", "is not valid TOML"),
        ("[sde]\nstep = 3\n", "There is no setting named 'sde.step'."),
    ],
)
def test_bad_settings_are_told_and_change_nothing(
    still_window: MainWindow, tmp_path: Path, text: str, sentence: str
) -> None:
    place, told, before = tmp_path / "bad.toml", [], still_window.session.state
    place.write_text(text)
    still_window.files.told.connect(told.append)
    still_window.parts["training"].settings_menu.load(str(place))
    assert len(told) == 1 and sentence in str(told[0]) and still_window.session.state is before


def test_a_folder_that_cannot_be_written_is_told(
    still_window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    still_window.files.told.connect(told.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "a.toml"), ""))
    entry(still_window, "Save").trigger()
    assert len(told) == 1 and "there is no folder" in str(told[0])


def test_the_total_noise_is_shown_and_scales_g(qtbot: object) -> None:
    session = Session()
    panel = SDEPanel(session)
    assert panel.noise.value() == pytest.approx(0.24975 / 10)
    panel.noise.setValue(0.0999)
    sde = session.state.config.sde
    assert (sde.g_start, sde.g_end) == (pytest.approx(1), pytest.approx(1))
    session.apply({"config.sde.g_end": 2.0})
    assert panel.noise.value() == pytest.approx(0.0999 * 7 / 3)
    session.undo()
    assert panel.noise.value() == pytest.approx(0.0999)
    panel.noise.setValue(1e6)
    assert "sde.g_start" in panel.form._mistake.text() and panel.noise.value() == pytest.approx(0.0999)


def test_a_fixed_drift_says_what_it_leaves_of_the_data(qtbot: object) -> None:
    session = Session()
    panel, training = SDEPanel(session), TrainingPanel(session)
    session.apply({"config.network.drift": "frozen"})
    assert "14% of the data" in panel.equations.text() and panel.noise.value() == pytest.approx(4, rel=1e-2)
    session.apply({"config.network.drift": "free", "config.model": "flow"})
    assert not panel.noise.isEnabled() and "no noise" in panel.noise.toolTip()
    forms = [form.editors for form in training.findChildren(type(panel.form))]
    boxes = {name: editor for editors in forms for name, editor in editors.items()}
    assert not boxes["network.drift"].isEnabled() and not boxes["training.straight"].isEnabled()
