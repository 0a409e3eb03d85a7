"""Bigger and fainter points: seen in the views, undone, remembered, and never beyond the ends."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.errors import SettingError
from dnf_studio.gui.features.processes.dots import DotsController
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import frame_of


def test_points_grow_and_fade_in_every_view_and_come_back(quiet_workspace: Workspace, qtbot: QtBot) -> None:
    session, commands = quiet_workspace.session, quiet_workspace.commands
    view, time = ProcessView("forward"), TimeView()
    qtbot.addWidget(view)
    qtbot.addWidget(time)
    quiet_workspace.plots.add("forward", view)
    DotsController(quiet_workspace)
    quiet_workspace.plots.add("time", time)
    view.set_layers(frozenset({"points"}))
    view.set_frame(frame_of())
    view.resize(400, 400)

    def inked() -> int:
        image = view.plot.grab().toImage()
        data = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width())
        return int((data != data[0, -1]).sum())

    usual, before = view._points._dot(1), inked()
    commands["bigger-points"].trigger()
    commands["bigger-points"].trigger()
    commands["fainter-points"].trigger()
    assert session.state.dots == (170, 70)
    assert view._points._dot(1) == pytest.approx((1.7 * usual[0], 0.7 * usual[1]))
    assert time._points["backward"]._dot(1)[0] == pytest.approx(1.7 * 2.6)
    assert inked() > 1.3 * before
    session.undo()
    session.undo()
    session.undo()
    assert session.state.dots == (100, 100) and inked() == before and not commands["usual-points"].isEnabled()
    for _ in range(12):
        commands["smaller-points"].trigger()
        commands["opaque-points"].trigger()
    assert session.state.dots == (40, 150)
    assert not commands["smaller-points"].isEnabled() and not commands["opaque-points"].isEnabled()
    with pytest.raises(SettingError, match="at most 400% and 150%"):
        session.apply({"dots": (100, 200)})
