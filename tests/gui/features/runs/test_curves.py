"""The curves of several models: slots that stay, what is measured once only, plots with exact places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dnf_studio import assets
from dnf_studio.core.evaluation.distances import Distance
from dnf_studio.core.storage.checkpoint import read_checkpoint, read_heading
from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.distances import Cost
from dnf_studio.gui.drawing.theme import DARK, LIGHT
from dnf_studio.gui.features.runs.controller import NO_FILE, RunsController
from dnf_studio.gui.features.runs.curves import CurvesPage
from dnf_studio.gui.features.runs.plots import smoothed
from dnf_studio.gui.workspace.comparison import Comparison
from dnf_studio.gui.workspace.curves import Curves, KeptCurve
from dnf_studio.gui.workspace.kept_models import SecondModel
from dnf_studio.gui.workspace.opening import show_checkpoint
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers import compared
from dnf_studio.workers.compared import Job

NEAR, FAR = Distance.of([1e-4, 1.2e-4, 0.8e-4], 0.01), Distance.of([0.04, 0.041, 0.039], 0.01)


def test_slots_stay_with_their_models() -> None:
    curves = Curves(Session())
    curves.add([(name, Path(name), name * 64) for name in "abc"])
    curves.drop(1)
    curves.add([("d", Path("d"), "d" * 64), ("a", Path("a"), "a" * 64)])
    assert [(one.name, one.slot) for one in curves.kept] == [("a", 0), ("c", 2), ("d", 1)]
    with pytest.raises(StudioError, match="At most 6"):
        curves.add([(name, Path(name), name * 64) for name in "efgh"])
    assert len(curves.kept) == 3
    twins = Curves(Session())
    twins.add([("m", Path(folder) / "m", folder * 64) for folder in "xy"])
    twins.add([("m", Path("other") / "x" / "m", "z" * 64)])
    twins.add([("m", Path("more") / "x" / "m", "w" * 64)])
    assert [one.name for one in twins.kept] == ["m", "m (y)", "m (x)", "m (x) 2"]
    # A file that was saved anew is another model
    curves.add([("a", Path("a"), "e" * 64)])
    assert [one.sha256[0] for one in curves.models] == ["c", "d", "e"]
    for k in range(5):
        curves.keep(KeptCurve(f"kept {k}", "rings", ((Cost(5, 5, 5), FAR),)))
    assert len(curves.kept) == 6 == len({one.slot for one in curves.kept})
    assert curves.kept[-1].name == "kept 4" and "c" not in [one.name for one in curves.kept]


def test_undo_brings_back_what_was_taken_out_with_its_slot_and_what_is_measured() -> None:
    session, told = Session(), list[int]()
    curves = Curves(session)
    curves.changed.connect(lambda: told.append(len(curves.kept)))
    curves.add([(name, Path(name), name * 64) for name in "ab"])
    curves.drop(0)
    curves.measured("a" * 64, "rings", [(Cost(5, 5, 5), FAR)])
    session.undo()
    assert [(one.name, one.slot, len(one.rows)) for one in curves.kept] == [("a", 0, 1), ("b", 1, 0)]
    session.undo()
    assert curves.kept == () and not session.can_undo
    session.redo()
    session.redo()
    assert [one.name for one in curves.kept] == ["b"] and told == [2, 1, 2, 0, 2, 1]
    # Another file keeps them, and what a session names replaces them, both without a way back
    session.reset(session.state.afresh(session.state.config, {}))
    curves.begin([("c", Path("c"), "c" * 64)])
    assert [one.name for one in curves.kept] == ["c"] and not session.can_undo


def test_a_running_mean() -> None:
    np.testing.assert_allclose(smoothed(np.arange(6.0), parts=2), [0, 0.5, 1, 2, 3, 4])
    assert len(smoothed(np.empty(0))) == 0


@pytest.fixture
def page(quiet_workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> CurvesPage:
    monkeypatch.setattr(compared, "SAMPLES", 400)
    page = CurvesPage(quiet_workspace)
    qtbot.addWidget(page)
    page.resize(420, 700)
    page.set_theme(LIGHT)
    page.show()
    names = ("diffusion-rings", "matching-rings")
    found = [(name, path, "") for name in names if (path := assets.checkpoint_path(name))]
    quiet_workspace.curves.add([(name, path, read_heading(path).sha256) for name, path, _ in found])
    qtbot.waitUntil(lambda: len(page.measuring.records) == 2, timeout=20_000)
    return page


def test_two_models_by_loss_quality_and_words(page: CurvesPage, quiet_workspace: Workspace, qtbot: QtBot) -> None:
    first, _ = quiet_workspace.curves.models
    assert page.measuring.likelihood(first.sha256, "bound") is not None, "the file holds it"
    page.tabs.steps.setText("2")
    page.measure()
    qtbot.waitUntil(lambda: not page.measuring.running, timeout=60_000)
    assert [job.what for job in page.measuring.results] == ["quality"] * 2
    assert page.measuring.wanted(("quality",), (2,)) == [] and not page.go.isEnabled()
    assert len(page.measuring.wanted(("quality",), (2, 3))) == 2
    kept = quiet_workspace.curves.kept
    assert all(one.rows[0][0].steps == 2 for one in kept) and kept[0].data == kept[1].data
    np.testing.assert_allclose(page.tabs.quality._lines[0].getData()[0], np.log10([2]))
    assert page.words.text().startswith("matching-rings ") and "eight draws" in page.words.text()
    # Taken out and in again, nothing is measured anew, and the colour is another model's meanwhile
    quiet_workspace.curves.drop(first.slot)
    quiet_workspace.curves.add([(first.name, first.path, first.sha256)] if first.path else [])
    assert [bool(one.rows) for one in quiet_workspace.curves.kept] == [True, True]
    page.tabs.setCurrentIndex(3)
    assert page.tabs.kind.count() == 2, "errors of noise and of velocity are not drawn together"
    assert list(page.tabs.loss._lines) == [0]
    assert page.tabs.loss._lines[0].opts["pen"].color().name() == LIGHT.curves[0]
    page.set_theme(DARK)
    assert page.tabs.loss._lines[0].opts["pen"].color().name() == DARK.curves[0]
    page.tabs.setCurrentIndex(2)
    assert len(page.tabs.likelihood._marks.data) == 2
    page.copy.click()
    assert "SWD N=2" in QGuiApplication.clipboard().text()
    page.copy_words.click()
    assert QGuiApplication.clipboard().text() == page.words.text()


def test_excess_over_steps_or_over_the_way(page: CurvesPage, quiet_workspace: Workspace) -> None:
    excess = page.tabs.excess
    few, many = (compared.Excess(np.ones(n), np.full(n, 0.1), 9) for n in (4, 10))
    excess.show_excess({0: few, 2: few})
    np.testing.assert_allclose(excess._parts[2][0].getData()[0], [0, 1, 2, 3])
    excess.show_excess({0: few, 1: many})
    numbers = excess.numbers()
    assert numbers is not None
    header, first, *_ = numbers.text().splitlines()
    assert header == "model,step,excess [nats],standard error [nats]" and first.startswith("▲,0,")
    assert [sign.text for sign in excess.signs()] == ["▲", "■"]
    np.testing.assert_allclose(excess._parts[0][0].getData()[0], [0.125, 0.375, 0.625, 0.875])
    assert set(excess._parts) == {0, 1}
    first = quiet_workspace.curves.models[0]
    page.measuring.results[Job(first.sha256, "excess")] = compared.Measured(
        Job(first.sha256, "excess"), None, "It is not."
    )
    page.tabs.setCurrentIndex(1)
    assert page.told.text() == f"{first.name}: It is not."


def test_what_is_open_is_taken_from_the_menu(
    qtbot: QtBot, quiet_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    workspace = replace(quiet_workspace, tell=lambda error: told.append(str(error)), say=told.append)
    controller = RunsController(workspace)
    workspace.commands["take-model"].trigger()
    assert told == [NO_FILE] and workspace.curves.kept == ()
    path = assets.checkpoint_path("matching-rings")
    assert path is not None
    workspace.studio._opened = show_checkpoint(read_checkpoint(path), "matching-rings", path)
    controller.take()
    (kept,) = workspace.curves.kept
    assert (kept.name, kept.path, kept.slot) == ("matching-rings", path, 0) and "matching-rings" in told[-1]
    other = assets.checkpoint_path("flow-rings")
    assert other is not None
    second = show_checkpoint(read_checkpoint(other), "flow-rings", other)
    monkeypatch.setattr(Comparison, "second", SecondModel(second, "twin"))
    controller.take()
    assert len(workspace.curves.kept) == 1, "of a twin B has other weights than the file"
    monkeypatch.setattr(Comparison, "second", SecondModel(second, "file"))
    page = CurvesPage(workspace)
    qtbot.addWidget(page)
    page.names.linkActivated.emit("0")
    assert workspace.curves.kept == ()
    page.names.linkActivated.emit("open")
    assert len(workspace.curves.kept) == 2 and "flow-rings" in told[-1]
