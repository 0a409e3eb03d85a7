"""The number of points that both process views draw: chosen, undone, and never more than can be told apart."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.errors import SettingError
from dnf_studio.gui.features.processes.crowd import EXPORT, IMAGES, SCRIPT, CrowdController
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.crowd import Crowd, CrowdRequest
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import frame_of

LASSO = np.array([[-9.0, -9.0], [9.0, -9.0], [9.0, 9.0], [-9.0, 9.0]])


def crowd_of(frame: Frame, further: int, total: int | None = None) -> Crowd:
    """Points that stay where the first ones of the frame are."""
    known = np.repeat(frame.forward[:, :1], further, axis=1)
    whole = total or frame.forward.shape[1] + further
    return Crowd(frame, known, known + 1, (whole, whole), total is None)


@pytest.fixture
def view(qtbot: QtBot) -> ProcessView:
    made = ProcessView("forward")
    qtbot.addWidget(made)
    made.resize(500, 400)
    made.set_frame(frame_of(points=600))
    return made


def note(view: ProcessView) -> str:
    return view.note.texts[0]


def test_a_crowd_is_drawn_but_not_chosen(view: ProcessView) -> None:
    frame = view._frame
    chosen: list[dict[str, np.ndarray]] = []
    view.region_chosen.connect(lambda found, _: chosen.append(found))
    view.set_crowd(crowd_of(frame, 900, 12_000), 10_000)
    assert len(view._points._points) == 1_500 and note(view).startswith("1,500 of 12,000 points")
    view.set_cursor(4.5)
    there = (frame.forward[4, 0] + frame.forward[5, 0]) / 2
    assert view._points._points[600:] == pytest.approx(np.tile(there, (900, 1)), abs=1e-6)
    view._region_drawn(LASSO, None)
    assert len(chosen[0]["forward"]) == 600
    view.set_selection(np.arange(550))
    assert len(view._points._points) == 50 + 900
    # The other process, laid over it, has its crowd too
    view.set_layers(frozenset({"points", "overlay"}))
    assert len(view._other._points) == 1_500
    # It belongs to weights and settings of its frame
    view.set_frame(dataclasses.replace(frame, weights=2))
    assert len(view._points._points) == 50 and "points" not in note(view)


def test_fewer_are_the_first_and_very_many_a_density(view: ProcessView) -> None:
    frame = view._frame
    view.set_crowd(None, 500)
    assert np.array_equal(view._points._points, frame.forward[0, :500])
    view.set_crowd(crowd_of(frame, 4_000, 200_000), 200_000)
    assert view._density.isVisible() and not view._points.isVisible() and not view._ground.isVisible()
    assert len(view._density._points) == 4_600 and view._density._count == 4_600
    view.grab()
    # As a share of all, most of which lie in one place
    assert view._density.limit > 0.005
    view.set_layers(frozenset({"paths"}))
    assert not view._density.isVisible()
    view.set_layers(frozenset({"points"}))
    view.set_crowd(None, 2_000)
    assert view._points.isVisible() and not view._density.isVisible()


def test_the_number_is_asked_for_while_only_places_are_shown(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    workspace, session = quiet_workspace, quiet_workspace.session
    for name in ("forward", "backward"):
        workspace.plots.add(name, ProcessView(name))
        qtbot.addWidget(workspace.plots[name])
    control, data = CrowdController(workspace), object()
    live, opened = workspace.live, SimpleNamespace(held="", checkpoint=None, export=None, dataset=data)
    opened.snapshot = SimpleNamespace(config=Config(), dim=2)
    control._begin(opened)
    assert live._crowd is None
    control.menu.choices["points", 50_000].trigger()
    assert live._crowd == CrowdRequest(50_000, data)
    session.apply({"colouring": "angle"})
    assert live._crowd is None
    session.undo()
    assert live._crowd == CrowdRequest(50_000, data)
    session.undo()
    assert session.state.points == 2_000 and live._crowd is None
    assert control.menu.choices["points", 2_000].isChecked()
    session.apply({"points": 200_000})
    snapshot = SimpleNamespace(config=Config(), dim=784)
    for change, why in (
        ({"held": "by a script"}, SCRIPT),
        ({"export": data}, EXPORT),
        ({"snapshot": snapshot}, IMAGES),
    ):
        control._begin(SimpleNamespace(**(vars(opened) | change)))
        assert live._crowd is None and control.menu.choices["points", 10_000].toolTip() == why
    with pytest.raises(SettingError, match="500, 2,000, 10,000, 50,000, 200,000 points, not 7"):
        session.apply({"points": 7})
