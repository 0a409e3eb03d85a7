"""The projection of data with more than two components, from the panel to the views."""

from __future__ import annotations

import numpy as np
import pytest

from dnf_studio.errors import SettingError
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.shown import ShownModel
from dnf_studio.gui.workspace.state import State
from tests.gui.scenes import frame_of


def shown(dim: int) -> ShownModel:
    return ShownModel("model", "table.csv", dim, tuple(f"column {k}" for k in range(dim)), 10, None)


def choose(window: MainWindow, place: int) -> None:
    box = window.page("Data").projection
    box.setCurrentIndex(place)
    box.activated.emit(place)


def test_the_panel_chooses_and_every_view_follows(still_window: MainWindow) -> None:
    window, panel, frame = still_window, still_window.page("Data"), frame_of(dim=4)
    panel.set_shown(shown(4))
    window.live.show(frame)
    assert panel.projection.isVisible() and panel.across.isEnabled()
    plain = window.plots["forward"]._points._points
    choose(window, 1)
    assert window.session.state.projection == "principal"
    assert not panel.across.isEnabled() and not panel.up.isEnabled()
    assert not np.array_equal(window.plots["forward"]._points._points, plain)
    assert window.plots["backward"].plot.getAxis("left").labelText.startswith("PC 2 (")
    window.session.apply({"component": 4})
    assert window.plots["time"]._chooser.currentText().startswith("PC 1 (")
    window.session.undo()
    window.session.undo()
    assert np.array_equal(window.plots["forward"]._points._points, plain) and panel.projection.currentData() == "axes"


def test_two_and_one_components_are_shown_as_they_are(still_window: MainWindow) -> None:
    window = still_window
    window.session.apply({"projection": "principal", "component": 5, "layers": frozenset({"density", "points"})})
    for dim in (4, 2, 1, 3):
        frame = frame_of(dim=dim)
        window.page("Data").set_shown(shown(dim))
        window.live.show(frame)
        window.views.grab()
        assert window.page("Data").projection.isVisible() == (dim > 2)
        assert window.plots["time"].component == min(5, dim - 1 if dim < 3 else dim + 1)
        if dim == 2:
            assert np.array_equal(window.plots["forward"]._points._points, frame.forward[0])


def test_the_density_command_switches_the_layer(still_window: MainWindow) -> None:
    window = still_window
    window.live.show(frame_of())
    assert not window.commands["density"].isChecked() and not window.plots["forward"]._density.isVisible()
    window.commands["density"].trigger()
    assert window.session.state.layers == {"points", "paths", "density"}
    assert all(view._density.isVisible() for view in (window.plots["forward"], window.plots["backward"]))
    window.session.undo()
    assert not window.commands["density"].isChecked() and not window.plots["backward"]._ground.isVisible()


def test_a_click_on_the_grid_moves_the_shared_cursor(still_window: MainWindow) -> None:
    window = still_window
    window.live.show(frame_of(steps=10))
    window.plots["grid"].clicked_at(0.0255, 0.0)
    assert window.session.cursor.position == pytest.approx(5.0, abs=1e-3)


def test_a_projection_that_is_none() -> None:
    with pytest.raises(SettingError, match="projection"):
        State(projection="umap")
