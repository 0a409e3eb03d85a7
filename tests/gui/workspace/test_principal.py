from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.exploration.projection import principal_components
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.workspace.plots import PrincipalAxes
from tests.gui.scenes import frame_of

FRAME = frame_of(dim=5, points=400)


def test_axes_stay_while_the_data_stays() -> None:
    axes = PrincipalAxes()
    found = axes.follow(FRAME)
    assert found is not None
    moved = dataclasses.replace(FRAME, forward=FRAME.forward * np.linspace(1, 3, 11, dtype=np.float32)[:, None, None])
    part = dataclasses.replace(FRAME, forward=FRAME.forward[:, :256], complete=False)
    assert all(axes.follow(frame) is found for frame in (moved, part, FRAME))
    other = axes.follow(dataclasses.replace(FRAME, forward=FRAME.forward[:, ::-1]))
    assert other is not None and other is not found


def test_the_first_complete_frame_settles_them() -> None:
    axes = PrincipalAxes()
    part = dataclasses.replace(FRAME, forward=FRAME.forward[:, :256], complete=False)
    first = axes.follow(part)
    assert first is not None and axes.follow(part) is first
    whole = axes.follow(FRAME)
    assert whole is not None
    np.testing.assert_allclose(whole.axes, principal_components(FRAME.forward[0]).axes)
    assert axes.follow(part) is whole


@pytest.mark.parametrize("dim", [1, 2])
def test_one_and_two_components_need_none(dim: int) -> None:
    assert PrincipalAxes().follow(frame_of(dim=dim)) is None


def test_a_process_is_seen_along_them_and_says_so(qtbot: QtBot) -> None:
    view, found = ProcessView("backward"), principal_components(FRAME.forward[0])
    qtbot.addWidget(view)
    view.set_frame(FRAME)
    assert view.plot.getAxis("bottom").labelText == "x₁, standardised"
    view.set_projection(found)
    view.set_cursor(3)
    np.testing.assert_allclose(view._points._points, found.project(FRAME.backward[3]), atol=1e-6)
    axis, name = view.plot.getAxis("bottom"), f"PC 1 ({100 * found.explained[0]:.0f}%), standardised"
    assert axis.labelText == name and axis.toolTip() == f"{name}, chosen in the Data panel"
    view.set_axes(3, 4)
    np.testing.assert_allclose(view._points._points, found.project(FRAME.backward[3]), atol=1e-6)
    view.set_projection(None)
    np.testing.assert_array_equal(view._points._points, FRAME.backward[3][:, [3, 4]])
    assert view.plot.getAxis("left").labelText == "x₅, standardised"
    view.set_projection(found)
    view.set_axes(0, 1)
    view.set_frame(frame_of(dim=2))
    assert view._points._points.shape == (300, 2) and view.plot.getAxis("left").labelText == ""


def test_the_time_view_offers_them_after_the_components(qtbot: QtBot) -> None:
    view, found = TimeView(), principal_components(FRAME.forward[0])
    qtbot.addWidget(view)
    view.set_frame(FRAME)
    view.set_principal(found)
    assert view._chooser.count() == 7 and view._chooser.itemText(6).startswith("PC 2 (")
    view.set_component(6)
    expected = found.project(FRAME.forward[0])[:, 1]
    np.testing.assert_allclose(view._points["forward"]._points[:, 1], expected, atol=1e-6)
    view.set_principal(None)
    view.set_frame(frame_of(dim=1))
    assert view.component == 0 and view._chooser.count() == 1
