"""Places in the units of the data: in every plot, in tables by themselves, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dnf_studio.gui.features.log_density.overlay import ContourOverlay
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.features.processes.units import UnitsController
from dnf_studio.gui.features.space_time.plot import SpaceTimePlot
from dnf_studio.gui.widgets.choices import UnitsBox
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import excess_of, frame_of
from tests.gui.trees import show, trees


def ticks(view: ProcessView | TimeView, side: str = "left") -> list[float]:
    """The numbers written at an axis."""
    axis = view.plot.getAxis(side)
    (spacing, places), *_ = axis.tickValues(*axis.range, 300)
    return [float(text) for text in axis.tickStrings(places, 1.0, spacing)]


@pytest.fixture
def views(quiet_workspace: Workspace) -> Iterator[dict[str, ProcessView | TimeView]]:
    """A process view and the paths over steps, with the controller, and the table opened."""
    made: dict[str, ProcessView | TimeView] = {"forward": ProcessView("forward"), "time": TimeView()}
    for name, view in made.items():
        quiet_workspace.plots.add(name, view)
        view.set_frame(frame_of(dim=4))
    UnitsController(quiet_workspace)
    show(quiet_workspace, trees())
    yield made
    for view in made.values():
        view.deleteLater()


def test_a_table_begins_with_its_own_units_and_the_plane_standardised(
    quiet_workspace: Workspace, views: dict[str, ProcessView | TimeView]
) -> None:
    session, command = quiet_workspace.session, quiet_workspace.commands["data-units"]
    standard = trees().snapshot.standardisation
    assert session.state.units == "auto" and session.data_units and command.isChecked()
    view = views["forward"]
    assert isinstance(view, ProcessView)
    half = view._half
    for side, k in (("bottom", 0), ("left", 1)):
        low, high = (standard.mean[k] + standard.scale[k] * end for end in (-half, half))
        assert len(ticks(view, side)) >= 2 and all(low <= number <= high for number in ticks(view, side))
        assert view.plot.getAxis(side).labelText == f"x{'₁₂'[k]}  {trees().shown.columns[k]}"
    assert min(ticks(views["time"])) > -3 and views["time"].plot.getAxis("left").labelText == "x₁  height [m]"
    command.trigger()
    assert session.state.units == "standardised" and not command.isChecked()
    assert min(ticks(view)) < 0 < max(ticks(view)) and view.plot.getAxis("left").labelText.endswith(", standardised")
    session.undo()
    assert session.data_units and view.plot.getAxis("left").labelText == "x₂  girth [cm]"
    # Rows in the plane stay standardised until somebody asks, and who asked is not asked again
    quiet_workspace.session.set_lacks({}, trees().shown.solvers, 2)
    assert not session.data_units and not command.isChecked()
    command.trigger()
    assert session.state.units == "data" and session.data_units


def test_no_unit_for_a_direction_through_all_components(
    quiet_workspace: Workspace, views: dict[str, ProcessView | TimeView]
) -> None:
    principal = quiet_workspace.live._principal.follow(frame_of(dim=4))
    view = views["forward"]
    assert isinstance(view, ProcessView)
    view.set_projection(principal)
    assert view.plot.getAxis("left").labelText.endswith(", standardised")
    assert min(ticks(view)) < 0 < max(ticks(view))


def test_space_time_says_cells_in_units_and_the_radius_without(views: dict[str, ProcessView | TimeView]) -> None:
    plot, frame = SpaceTimePlot(), frame_of(dim=4)
    plot.show()
    plot.set_frame(frame)
    plot.set_units(views["forward"]._units)
    plot.set_excess(excess_of(frame))
    low, high = plot._range
    first = trees().snapshot.standardisation.mean[0] + trees().snapshot.standardisation.scale[0] * low
    words = plot.explain(0.5, low + (high - low) / 80)
    assert float(words.split(" from ")[1].split(" to ")[0].replace("−", "-")) == pytest.approx(first, abs=0.1)
    plot.set_shown(4)
    assert "radius from 0.00 to" in plot.explain(0.5, 1e-6) and plot.plot.getAxis("left").labelText == ""
    plot.close()


def test_a_box_and_the_menu_are_one_switch(quiet_workspace: Workspace) -> None:
    session = quiet_workspace.session
    box = UnitsBox(session, "")
    assert not box.isChecked()
    box.setChecked(True)
    assert session.state.units == "data"
    session.undo()
    assert not box.isChecked() and session.state.units == "auto" and not session.can_undo


def test_a_log_density_by_data_units_is_lower_by_the_log_of_their_volume() -> None:
    import numpy as np

    from dnf_studio.core.exploration.log_density import LogDensity

    view = ProcessView("forward")
    overlay = ContourOverlay(view)
    overlay.set_visible(True)
    places = np.linspace(-3, 3, 11)
    found = LogDensity(places, places, -(places**2)[:, None] / 2 - places**2 / 2 - 1.25)
    overlay.set_found(found)
    assert "per standardised unit²" in overlay.button.toolTip() and "0 is −1.25" in overlay.button.toolTip()
    overlay.set_volume(float(np.log(4.0 * 8.0)))
    assert "per data unit²" in overlay.button.toolTip() and f"0 is −{1.25 + np.log(32):.2f}" in overlay.button.toolTip()
    overlay.set_found(replace(found, exact=found.model))
    overlay.set_choice("difference")
    assert "unit" not in overlay.button.toolTip()
    view.deleteLater()
