"""Trajectories taken apart with real clicks and keys, view by view; see `test_first_use` for how it is run."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QTabBar
from pytestqt.exceptions import TimeoutError

from dnf_studio.core.exploration.by_step import worst_points
from dnf_studio.gui.features.lab.panel import LabPanel
from dnf_studio.gui.features.outliers.panel import OutliersPanel
from dnf_studio.gui.features.round_trip.panel import RoundTripPanel
from dnf_studio.gui.features.selection.controller import ToolStrip
from dnf_studio.gui.features.time_grid.editor import GridEditorPanel
from dnf_studio.gui.frame.docks import FeatureDock
from tests.first_use.person import Person


def test_takes_trajectories_apart(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way in which the window says where, when and why the two SDEs disagree."""
    monkeypatch.chdir(tmp_path)
    person.settled()
    person.press("space")
    person.wait(lambda: not person.window.session.cursor.playing)
    finds_the_worst_step(person)
    compares_marginals(person)
    reads_fields(person)
    reads_the_log_density(person)
    compares_numbers_of_steps(person)
    bends_the_time_grid(person)
    goes_to_noise_and_back(person)
    lists_outliers(person)
    follows_a_lineage(person, tmp_path / "chosen.h5")


def finds_the_worst_step(person: Person) -> None:
    window = person.window
    plot = window.plots["disagreement"]
    person.press("ctrl+4")
    person.wait(lambda: window.plots["forward"]._paths._steps is not None)
    # The bar behind the steps comes with the nearest neighbours and moves the others
    person.wait(lambda: window.live.excess.neighbours is not None)
    # What is known grows while one looks: the worst are those of any moment since
    known = [window.live.excess]
    window.live.excess_found.connect(known.append)
    bar = person.place(plot, 12.5, 0.02)
    person.click(plot.plot.viewport(), bar)
    person.wait(lambda: 12 <= window.session.cursor.position <= 13)
    person.click(plot.plot.viewport(), bar)
    person.wait(lambda: window.session.state.selection)
    window.live.excess_found.disconnect(known.append)
    assert set(window.session.state.selection) in [set(worst_points(found.forward, 12)) for found in known]
    person.choose(plot.chooser, "contribution")
    person.wait(lambda: plot.shown == "contribution" and plot.legend.isVisible())
    person.click(plot.legend.switch)
    person.wait(lambda: plot.legend.on)
    person.choose_tab(tabs(person), "Space-time")
    person.wait(window.plots["space-time"].isVisible)
    person.look("1-worst-step")
    person.press("Escape", "ctrl+4")
    person.wait(lambda: not window.session.state.selection)
    person.choose(plot.chooser, "excess")
    person.wait(lambda: plot.shown == "excess")


def compares_marginals(person: Person) -> None:
    window = person.window
    plot = window.plots["marginals"]
    person.choose_tab(tabs(person), "Marginals")
    person.wait(lambda: plot.isVisible() and len(plot._distance) == len(window.live.frame.t))
    # A plot that was never seen is laid out once it is
    person.rest()
    person.click(plot.plot.viewport(), person.place(plot, 20, float(plot._distance[20])))
    person.wait(lambda: window.session.cursor.position == pytest.approx(20))
    person.press("ctrl+5", "ctrl+8")
    person.wait(lambda: window.plots["forward"]._difference.isVisible() and window.plots["backward"]._other.isVisible())
    person.look("2-marginals")
    person.press("ctrl+5", "ctrl+8")


def reads_fields(person: Person) -> None:
    window = person.window
    overlay = window.parts["fields"].overlays["backward"]
    person.press("ctrl+6")
    person.wait(lambda: overlay._answer is not None)
    for entry in ("Streamlines", "Heat map of the divergence"):
        person.pick(overlay.button, entry)
    person.wait(lambda: (window.session.state.field_style, window.session.state.heat) == ("streamlines", "divergence"))
    person.wait(lambda: overlay._answer is not None and "score" in overlay.legend.text())
    person.look("3-fields")
    person.press("ctrl+6")


def reads_the_log_density(person: Person) -> None:
    window = person.window
    overlay = window.parts["log_density"].overlays["forward"]
    person.press("ctrl+7")
    person.wait(lambda: overlay.found is not None)
    person.look("4-log-density")
    person.press("ctrl+7")


def compares_numbers_of_steps(person: Person) -> None:
    dock = opens_dock(person, "lab")
    panel = dock.panel
    assert isinstance(panel, LabPanel)
    person.wait(lambda: panel.runner.running is not None)
    person.wait(lambda: panel.runner.results(panel.runner.running))
    # A click that comes while the machine is busy may be lost, to this person as to any other
    for _ in range(4):
        person.click(panel.cancel)
        with suppress(TimeoutError):
            person.wait(lambda: panel.runner.running is None, 10_000)
            break
    assert panel.runner.running is None
    bar = panel.tabs.findChild(QTabBar)
    assert isinstance(bar, QTabBar)
    for title in ("Paths", "λ", "Last step", "Steps"):
        person.choose_tab(bar, title)
        person.wait(lambda title=title: panel.tabs.tabText(panel.tabs.currentIndex()).replace("&", "") == title)
        person.look(f"5-lab-{title}")
    if panel.cancel.isVisible():
        person.click(panel.cancel)
    person.press("ctrl+shift+n")
    person.wait(lambda: not dock.isVisible())


def bends_the_time_grid(person: Person) -> None:
    window = person.window
    dock = opens_dock(person, "grid-editor")
    panel = dock.panel
    assert isinstance(panel, GridEditorPanel)
    person.wait(lambda: panel.curve.isVisible())
    lengths = np.diff(panel.editing.times)
    start = person.place(panel.curve, 10, float(lengths[10]))
    person.drag(panel.curve.plot.viewport(), start, person.place(panel.curve, 10, 0.6 * float(lengths[10])))
    person.wait(lambda: window.session.state.sampling.grid is not None)
    person.settled()
    moved = np.diff(panel.editing.times)
    assert moved[10] < 0.8 * lengths[10] and moved.sum() == pytest.approx(lengths.sum())
    person.look("6-grid-editor")
    person.press("ctrl+z")
    person.wait(lambda: window.session.state.sampling.grid is None)
    person.press("ctrl+shift+g")


def goes_to_noise_and_back(person: Person) -> None:
    dock = opens_dock(person, "round-trip")
    panel = dock.panel
    assert isinstance(panel, RoundTripPanel)
    person.wait(lambda: panel.trip is not None)
    person.look("7-round-trip")
    person.press("ctrl+shift+u")


def lists_outliers(person: Person) -> None:
    dock = opens_dock(person, "outliers")
    panel = dock.panel
    assert isinstance(panel, OutliersPanel)
    person.wait(lambda: panel.found is not None and len(panel.found.views.rows) > 0)
    person.wait(panel.list.isVisible)
    person.look("8-outliers")
    person.press("ctrl+shift+k")


def follows_a_lineage(person: Person, path: Path) -> None:
    window = person.window
    view = window.plots["forward"]
    person.press("Home")
    person.click(window.findChild(ToolStrip).widgetForAction(window.commands["tool-lasso"]))
    person.wait(lambda: window.parts["selection"].tools.tool == "lasso")
    # Around the upper right ring
    angles = np.linspace(0, 2 * math.pi, 24)
    corners = [person.place(view, 1.19 + 0.85 * math.cos(a), 0.72 + 1.2 * math.sin(a)) for a in angles]
    person.trace(view.plot.viewport(), corners)
    person.wait(lambda: len(window.session.state.selection) > 100)
    assert 100 < len(window.session.state.selection) < 1000
    many = set(window.session.state.selection)
    person.look("9-lasso")
    person.press("minus", "m")
    person.drag(view.plot.viewport(), person.place(view, 1.19, -0.6), person.place(view, 2.4, 2.2))
    person.wait(lambda: len(window.session.state.selection) < len(many))
    assert set(window.session.state.selection) < many
    person.press("equal", "v")
    person.press("ctrl+e")
    panel = window.page("Export")
    person.wait(panel.isVisible)
    person.click(panel.form.selected)
    person.fill(panel.form.target, str(path))
    person.click(panel.export)
    person.wait(lambda: path.exists() and not window.parts["export"].exporter.running, 60_000)
    with h5py.File(path) as file:
        count = len(window.session.state.selection)
        assert len(file["samples"]) == len(file["forward_trajectories"]) == count
        assert file["trajectories"].shape == file["forward_trajectories"].shape
    person.look("10-exported")


def opens_dock(person: Person, key: str) -> FeatureDock:
    """By the Explore menu."""
    window = person.window
    dock = window.docks[key]
    person.menu("Explore", window.commands[key].text().replace("&", ""))
    person.wait(lambda: dock.isVisible() and dock.panel is not None)
    return dock


def tabs(person: Person) -> QTabBar:
    """Those at the plots below."""
    pair = person.window.views.tabs
    return pair.other_tabs if pair.wide else pair.tabs
