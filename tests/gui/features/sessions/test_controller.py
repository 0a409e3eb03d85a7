"""Sessions are saved and opened again: as they were, in another folder, without what is gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.core.sampling.region import Region
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.storage.session_file import MOST_NOTES, ModelPlace, View, read_session
from dnf_studio.core.storage.session_places import model_sum
from dnf_studio.gui.features.library.recent import Recent
from dnf_studio.gui.features.sessions import FEATURE
from dnf_studio.gui.features.sessions.controller import SessionController
from dnf_studio.gui.features.sessions.notes import NotesPanel
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.dialogs import Answer
from dnf_studio.gui.workspace.kept_models import SecondModel
from dnf_studio.gui.workspace.state import SAMPLING, State
from dnf_studio.gui.workspace.workspace import Workspace
from tests.core.storage.files import make_flow

pytestmark = pytest.mark.usefixtures("few_points")
SQUARE = Region(((0.0, 0.0), (1.0, 0.0), (1.0, 1 / 3)), ((1.0, 0.0), (0.0, 1.0)), names=("a", "b"))
LOOK: dict[str, Any] = {
    "steps": 7, "lam": 0.1 + 0.2, "grid": (0.0, 0.3, 1.0), "seed": 5, "solver": "heun", "start": "forward",
    "draft": (0.0, 0.7, 1.0), "layers": frozenset({"paths", "field"}), "field": "score", "heat": "magnitude",
    "colouring": "angle", "dots": (150, 60), "axes": (1, 0), "units": "data", "component": 1, "selection": (5, 2),
    "comparing": "blink", "region": SQUARE, "selection_of": "backward", "config.training.batch": 77,
}  # fmt: skip


class Desk:
    """The sessions of a workspace, what is said, and files that the dialogs are answered with."""

    def __init__(self, workspace: Workspace, qtbot: QtBot, folder: Path) -> None:
        self.said: list[str] = []
        self.workspace = replace(workspace, say=self.said.append, tell=lambda error: self.said.append(str(error)))
        workspace.studio.failed.connect(lambda error: self.said.append(str(error)))
        self.sessions, self.qtbot = SessionController(self.workspace), qtbot
        self.model, self.file = folder / "models" / "m.safetensors", folder / "s.dnfsession"
        self.model.parent.mkdir(parents=True)
        save_checkpoint(self.model, Checkpoint.of_model(make_flow()))

    def show(self, name: str) -> None:
        with self.qtbot.waitSignal(self.workspace.studio.opened, timeout=20_000):
            self.workspace.studio.open(name)

    def save(self, file: Path) -> bytes:
        self.said.clear()
        self.sessions.saver.write(file)
        self.qtbot.waitUntil(lambda: bool(self.said), timeout=20_000)
        return file.read_bytes()

    def open(self, file: Path, asks: bool = True) -> str:
        """What is said once it is open, or refused."""
        self.said.clear()
        self.sessions.open(str(file), asks)
        # That it is not open yet is said before it is known whether it can be
        self.qtbot.waitUntil(lambda: bool(self.said) and not self.said[-1].endswith("not opened."), timeout=20_000)
        return self.said[-1]

    @property
    def state(self) -> State:
        return self.workspace.session.state


@pytest.fixture
def desk(workspace: Workspace, qtbot: QtBot, tmp_path: Path) -> Desk:
    desk = Desk(workspace, qtbot, tmp_path / "a")
    desk.show(str(desk.model))
    return desk


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Answer every file dialog with this file and return the list of their titles."""

    def choose(name: str) -> list[str]:
        titles: list[str] = []
        for kind in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, kind, lambda _parent, title, *_: titles.append(title) or (name, ""))
        return titles

    return choose


def test_a_session_names_all_of_the_state() -> None:
    """But what is a setting of the experiment, and the other models, which stand beside."""
    own = {each.name for each in fields(State)} - {"config", "sampling", "second", "curves"}
    assert set(View.model_fields) == own | SAMPLING
    usual = State()
    assert all(getattr(View(), name) == usual.value(name) for name in own - {"layers"} | SAMPLING)


def test_all_of_it_comes_back_in_another_folder(desk: Desk, tmp_path: Path) -> None:
    session, kept = desk.workspace.session, {}
    stands = {"docks": "AAAA", "splitters": {"rows": [3, 4]}, "tab": "Data", "plot": "Score"}
    desk.workspace.arrangement.read = lambda: stands
    desk.workspace.arrangement.apply = kept.update
    session.apply(LOOK)
    session.cursor.place(1 / 3)
    session.cursor.set_loop(False)
    desk.sessions.notes.write("seen\n")
    raw, before = desk.save(desk.file), desk.state
    assert b"batch" in raw and str(tmp_path).encode() not in raw
    shutil.move(tmp_path / "a", tmp_path / "b")
    desk.show("diffusion-rings")
    session.cursor.place(0.9)
    said = desk.open(tmp_path / "b" / "s.dnfsession")
    assert said == "Opened s.dnfsession."
    assert desk.state == before and session.cursor.fraction == 1 / 3 and not session.cursor.loop
    assert desk.workspace.studio.current.path == tmp_path / "b" / "models" / "m.safetensors"
    assert kept == stands
    assert desk.sessions.notes.text == "seen\n" and not desk.sessions.notes.unsaved and not session.can_undo
    assert desk.save(tmp_path / "b" / "again.dnfsession") == raw


def test_bundled_models_and_what_is_compared(desk: Desk) -> None:
    desk.show("diffusion-rings")
    comparison, curves = desk.workspace.comparison, desk.workspace.curves
    with desk.qtbot.waitSignal(comparison.changed, timeout=20_000):
        comparison.open(str(desk.model))
    curves.add([("m", desk.model, model_sum(desk.model))])
    place = json.loads(desk.save(desk.file))["model"]
    assert (place["kind"], place["name"]) == ("bundled", "diffusion-rings") and len(place["sha256"]) == 64
    comparison.close()
    curves.clear()
    with desk.qtbot.waitSignal(comparison.changed, timeout=20_000):
        assert desk.open(desk.file) == "Opened s.dnfsession."
    desk.qtbot.waitUntil(lambda: comparison.second is not None, timeout=20_000)
    assert comparison.second.opened.path == desk.model and [one.path for one in curves.models] == [desk.model]
    curves.clear()
    comparison.close()
    desk.model.unlink()
    said = desk.open(desk.file, asks=False)
    assert said == (
        "Opened s.dnfsession, but without the model it was compared with, as m.safetensors was not found; "
        "1 model of its curves."
    )
    assert comparison.second is None and not curves.models


def test_another_file_for_the_model_compared_is_told(desk: Desk, answer: Callable[[str], list[str]]) -> None:
    """Also one that was chosen when it was asked for."""
    other = desk.model.with_name("other.safetensors")
    save_checkpoint(other, Checkpoint.of_model(make_flow(seed=1)))
    comparison = desk.workspace.comparison
    with desk.qtbot.waitSignal(comparison.changed, timeout=20_000):
        comparison.open(str(other))
    assert b"other.safetensors" in desk.save(desk.file)
    assert desk.said == [
        "Saved the session as s.dnfsession; who opens it elsewhere needs m.safetensors and other.safetensors, too."
    ]
    other.unlink()
    titles = answer(str(desk.model))
    assert desk.open(desk.file) == (
        "Opened s.dnfsession, but without the model compared as it was: m.safetensors holds another one."
    )
    assert titles == ["Where is other.safetensors now?"]


def test_a_second_model_in_no_file_is_written_beside_the_session(desk: Desk) -> None:
    """A twin, or a model that was held: it comes back, and saving again leaves no second file."""
    comparison, opened = desk.workspace.comparison, desk.workspace.studio.current
    kept = Checkpoint.of_model(make_flow(seed=1))
    comparison.take(SecondModel(replace(opened, path=None, checkpoint=kept), "twin"))
    for _ in range(2):
        desk.save(desk.file)
    (file,) = (path for path in desk.file.parent.iterdir() if path.suffix == ".safetensors")
    assert file.name.startswith("s-b-") and model_sum(file) == kept.sha256
    assert read_session(desk.file).compared == ModelPlace(kind="file", name=file.name, sha256=kept.sha256)
    comparison.close()
    assert desk.open(desk.file) == "Opened s.dnfsession."
    desk.qtbot.waitUntil(lambda: comparison.second is not None, timeout=20_000)
    assert comparison.second.opened.checkpoint.sha256 == kept.sha256


def test_an_earlier_model_of_a_run_comes_once_its_snapshots_are_listed(desk: Desk) -> None:
    values = json.loads(desk.save(desk.file))
    assert values["cursor"]["iteration"] is None
    values["cursor"]["iteration"] = 12
    desk.file.write_text(json.dumps(values), encoding="utf-8")
    assert desk.open(desk.file) == "Opened s.dnfsession."
    past = desk.workspace.studio.past
    assert past.iteration is None
    past.set_kept([SimpleNamespace(iteration=n) for n in (4, 12, 20)], 30)
    assert past.iteration == 12
    assert json.loads(desk.save(desk.file))["cursor"]["iteration"] == 12
    past.to_now()
    past.set_kept([SimpleNamespace(iteration=n) for n in (4, 12, 20, 28)], 30)
    assert past.iteration is None


def test_a_model_that_moved_is_asked_for(desk: Desk, tmp_path: Path, answer: Callable[[str], list[str]]) -> None:
    desk.save(desk.file)
    there = tmp_path / "other.safetensors"
    desk.model.rename(there)
    titles = answer(str(there))
    assert desk.open(desk.file) == "Opened s.dnfsession." and titles == ["Where is m.safetensors now?"]
    assert desk.workspace.studio.current.path == there
    answer("")
    said = desk.open(desk.file)
    assert said == "Opened s.dnfsession, but without the model, as m.safetensors was not found."
    assert not desk.workspace.studio.current.shown.trained and desk.state.config.sde.steps == 4


def test_another_model_in_its_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.save(desk.file)
    save_checkpoint(desk.model, Checkpoint.of_model(make_flow(seed=1)))
    answers = [Answer.KEEP, Answer.DISCARD]
    monkeypatch.setattr(dialogs, "ask_about_other_model", lambda _parent, _name: answers.pop(0))
    said = desk.open(desk.file)
    assert "without its own model: m.safetensors holds another one" in said
    assert desk.workspace.studio.current.shown.trained
    assert "without its model: m.safetensors" in desk.open(desk.file)
    assert not desk.workspace.studio.current.shown.trained
    desk.model.write_bytes(b"no model")
    said = desk.open(desk.file)
    assert "without its model: " in said and said.endswith(".") and not desk.workspace.studio.current.shown.trained


def test_data_of_ones_own_and_what_it_has_not(desk: Desk, tmp_path: Path) -> None:
    table = desk.file.parent / "points.npy"
    np.save(table, np.random.default_rng(0).normal(size=(90, 2)))
    desk.show(f"{table}")
    desk.workspace.session.apply({"config.sde.steps": 9})
    desk.qtbot.waitUntil(lambda: desk.workspace.studio.current.config.sde.steps == 9, timeout=20_000)
    values = json.loads(desk.save(desk.file))
    assert values["model"]["kind"] == "untrained" and values["files"] == {"data": "points.npy"}
    values["view"] |= {"selection": [1, 99_999, 0], "axes": [0, 5], "solver": "warp"}
    values["config"]["sde"]["warp"] = 1
    values["mood"] = "good"
    desk.file.write_text(json.dumps(values), encoding="utf-8")
    (tmp_path / "a").rename(tmp_path / "b")
    said = desk.open(tmp_path / "b" / "s.dnfsession")
    for word in ("1 chosen point that", "components", "solver", "newer version wrote (mood)", "(sde.warp)"):
        assert word in said
    assert desk.state.selection == (1, 0) and desk.state.axes == (0, 1) and desk.state.config.sde.steps == 9
    assert desk.state.config.data == str(tmp_path / "b" / "points.npy")
    # From the list of recent files, too, and what is no session changes nothing
    recent = Recent(desk.workspace.memory)
    desk.workspace.files.kept.connect(lambda path: recent.add(path, "session"))
    with desk.qtbot.waitSignal(desk.workspace.files.kept, timeout=20_000):
        desk.workspace.files.show(str(tmp_path / "b" / "s.dnfsession"))
    again = Recent(desk.workspace.memory).files
    assert [file.label for file in again] == ["s.dnfsession – session"]
    before, wrong = desk.state, tmp_path / "wrong.dnfsession"
    wrong.write_text("{}", encoding="utf-8")
    assert desk.open(wrong) == "'wrong.dnfsession' is no session of DNF Studio." and desk.state == before


def test_what_is_in_no_file_is_saved_first(
    desk: Desk, answer: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training, answers = desk.workspace.studio.training, [Answer.SAVE, Answer.DISCARD, Answer.CANCEL]
    monkeypatch.setattr(dialogs, "ask_save_for_session", lambda _parent, _run: answers.pop(0))
    monkeypatch.setattr(type(training), "unsaved", True)
    new = tmp_path / "a" / "new.safetensors"
    monkeypatch.setattr(desk.workspace.files, "save", lambda then: (desk.workspace.files.saved.emit(new), then()))
    shutil.copy(desk.model, new)
    titles = answer(str(desk.file))
    for kind, name in (("file", "new.safetensors"), ("untrained", "")):
        desk.sessions.saver.save()
        desk.qtbot.waitUntil(lambda: desk.file.exists() and bool(desk.said), timeout=20_000)
        model = read_session(desk.file).model
        assert (model.kind, model.name, len(model.sha256)) == (kind, name, 64 if name else 0)
        desk.file.unlink()
        desk.said.clear()
    desk.sessions.saver.save()
    assert titles == ["Save session"] * 2
    answer(str(new))
    answers.append(Answer.DISCARD)
    desk.sessions.saver.save()
    assert desk.said == ["The name of a session ends in .dnfsession, and 'new.safetensors' does not."]


def test_a_layout_may_open_the_notes_before_the_rest_is_there(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    panel = FEATURE.dock_pages[0].make(quiet_workspace)
    qtbot.addWidget(panel)
    panel.field.setPlainText("x" * (MOST_NOTES + 5))
    assert FEATURE.fill(quiet_workspace) is quiet_workspace.parts["sessions"]
    # No more than is kept is shown
    assert quiet_workspace.parts["sessions"].notes.text == panel.field.toPlainText() == "x" * MOST_NOTES


def test_notes_are_not_lost_without_a_question(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.save(desk.file)
    panel = NotesPanel(desk.sessions.notes)
    desk.qtbot.addWidget(panel)
    answers = [Answer.CANCEL, Answer.DISCARD, Answer.CANCEL]
    monkeypatch.setattr(dialogs, "ask_about_notes", lambda _parent: answers.pop(0))
    assert desk.workspace.closing.may_close()
    panel.field.setPlainText("seen")
    assert not desk.workspace.closing.may_close() and desk.workspace.closing.may_close()
    desk.said.clear()
    desk.sessions.open(str(desk.file))
    assert desk.said == [] and desk.sessions.notes.text == "seen"
    desk.save(desk.file)
    assert desk.workspace.closing.may_close()
    panel.field.setPlainText("")
    desk.open(desk.file)
    assert panel.field.toPlainText() == "seen"


def test_samples_with_the_model_that_drew_them(desk: Desk, tmp_path: Path) -> None:
    export, flow = tmp_path / "a" / "x.h5", make_flow()
    list(export_samples(flow, export, ExportPlan(50, settings=SampleSettings(lam=0.5)), Checkpoint.of_model(flow)))
    desk.workspace.studio.places = lambda: (desk.model,)
    desk.show(str(export))
    values = json.loads(desk.save(desk.file))
    assert values["export"] == "x.h5" and values["model"]["name"] == "models/m.safetensors"
    desk.workspace.studio.places = tuple
    (tmp_path / "a").rename(tmp_path / "b")
    file = tmp_path / "b" / "s.dnfsession"
    assert desk.open(file).startswith("Opened s.dnfsession. ")
    assert desk.workspace.studio.current.export is not None and desk.state.sampling.lam == 0.5
    (tmp_path / "b" / "x.h5").write_bytes(b"cut off")
    said = desk.open(file)
    assert "but without its samples: " in said and desk.workspace.studio.current.shown.trained
