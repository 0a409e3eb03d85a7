"""The first ten minutes of a newcomer, with real clicks and keys; see `test_first_use` for how it is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPointF

from dnf_studio.gui.features.library.panel import LibraryPanel
from dnf_studio.gui.workspace.training import Phase
from tests.first_use.person import Person

REFERENCE = Path(__file__).parents[1] / "golden" / "official_checkerboard.pt"


def test_first_use(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch, play, N to 5, λ to 0, train, pause, resume, stop, save, reopen, import, export, reopen the export."""
    monkeypatch.chdir(tmp_path)
    looks_around(person)
    trains_on_checkerboard(person)
    saves_and_reopens(person, tmp_path / "mine.safetensors")
    opens_the_reference_program(person)
    imports_a_table(person, tmp_path / "table.csv")
    opens_a_bundled_model_from_the_library(person)
    inspects_a_point(person)
    exports(person, tmp_path / "samples.h5")


def looks_around(person: Person) -> None:
    window = person.window
    cursor, toolbar = window.session.cursor, window.toolbar
    person.settled()
    assert "diffflow-rings" in window.windowTitle() and cursor.playing
    person.look("1-launched")
    person.press("space")
    person.wait(lambda: not cursor.playing)
    person.press("Home", "Right", "Right")
    person.wait(lambda: cursor.position == pytest.approx(2))
    person.fill(toolbar.steps.box, "5")
    person.wait(lambda: window.live.frame.request.steps == 5 and window.live.frame.complete)
    assert toolbar.badge.isVisible()
    person.fill(toolbar.lam.box, "0")
    person.wait(lambda: window.live.frame.request.lam == 0 and window.live.frame.complete)
    person.look("2-five-steps-no-noise")
    person.click(toolbar.badge)
    person.wait(lambda: window.live.frame.request.steps is None)
    person.press("ctrl+z", "ctrl+z", "ctrl+z")
    person.wait(lambda: window.session.state.sampling.lam == 1 and window.session.state.sampling.steps is None)


def trains_on_checkerboard(person: Person) -> None:
    window = person.window
    training = window.studio.training
    person.choose(window.toolbar.data, "checkerboard")
    person.wait(lambda: window.studio.current.shown.data == "checkerboard")
    person.click(person.button(window.toolbar, "Train"))
    person.wait(lambda: training.phase is Phase.RUNNING and training.run.iteration >= 10)
    person.look("3-training")
    person.press("ctrl+p")
    person.wait(lambda: training.phase is Phase.PAUSED)
    held = training.run.iteration
    person.press("ctrl+p")
    person.wait(lambda: training.phase is Phase.RUNNING and training.run.iteration > held + 5)
    person.click(person.button(window.toolbar, "Stop"))
    person.wait(lambda: training.phase is Phase.ENDED)
    assert training.unsaved and "NLL" in window.status.nll.text()
    person.look("4-stopped")


def saves_and_reopens(person: Person, path: Path) -> None:
    window = person.window
    iterations = window.studio.training.run.iteration
    person.will_name_file(path)
    person.press("ctrl+s")
    person.wait(lambda: not window.studio.training.unsaved and path.exists())
    person.open(path)
    assert window.studio.resumable == iterations


def opens_the_reference_program(person: Person) -> None:
    person.open(REFERENCE)
    person.look("5-reference-program")


def imports_a_table(person: Person, path: Path) -> None:
    window = person.window
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 4000)
    rows = np.stack([40 + 9 * np.cos(angle), 7 * np.sin(angle)], axis=1) + random.normal(0, 0.3, (4000, 2))
    np.savetxt(path, rows, delimiter=",", header="height,weight", comments="")
    person.open(path)
    assert window.studio.current.shown.columns == ("height", "weight")
    person.press("ctrl+r")
    training = window.studio.training
    person.wait(lambda: training.phase is Phase.RUNNING and training.run.iteration >= 10)
    person.press("ctrl+period")
    person.wait(lambda: training.phase is Phase.ENDED)
    person.look("6-own-table")


def opens_a_bundled_model_from_the_library(person: Person) -> None:
    window = person.window
    person.tab("Library")
    cards = window.findChild(LibraryPanel).view

    def place() -> QModelIndex | None:
        rows = (cards.model().index(row, 0) for row in range(cards.model().rowCount()))
        return next((index for index in rows if "diffflow-checkerboard" in str(index.data())), None)

    person.wait(place)
    person.look("7-library")
    person.will_answer("Discard")
    person.click(cards.viewport(), cards.visualRect(place()).center(), count=2)
    person.wait(lambda: "diffflow-checkerboard" in window.windowTitle())


def inspects_a_point(person: Person) -> None:
    window = person.window
    person.settled()
    person.menu("Time", "To the data")
    view = window.plots["forward"]
    person.wait(lambda: window.session.cursor.position == 0)
    point = view.box.mapViewToScene(QPointF(*map(float, view._planes[0, 0])))
    person.click(view.plot.viewport(), view.plot.mapFromScene(point))
    person.wait(lambda: window.session.state.selection and window.docks["inspector"].isVisible())
    person.look("8-inspector")
    person.press("Escape")
    person.wait(lambda: not window.session.state.selection)


def exports(person: Person, path: Path) -> None:
    window = person.window
    person.press("ctrl+e")
    panel = window.page("Export")
    person.wait(panel.isVisible)
    person.fill(panel.form.count, "30000")
    person.fill(panel.form.target, str(path))
    person.click(panel.export)
    person.look("9-exporting")
    person.wait(lambda: path.exists() and not window.parts["export"].exporter.running, 120_000)
    person.look("10-exported")
    person.click(person.button(panel, "Open here"))
    person.wait(lambda: path.name in window.windowTitle())
    person.look("11-export-opened")
