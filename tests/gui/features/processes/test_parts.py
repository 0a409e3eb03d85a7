"""One mode or label shown alone, in every plot of points."""

from __future__ import annotations

import numpy as np

from dnf_studio.gui.features.processes.colouring import Colouring
from dnf_studio.gui.features.processes.parts import PartsMenus
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.workspace.workspace import Workspace
from tests.gui.scenes import frame_of
from tests.gui.trees import show, trees


def test_only_the_points_of_a_label_are_left(quiet_workspace: Workspace) -> None:
    workspace, session = quiet_workspace, quiet_workspace.session
    view, time = ProcessView("forward"), TimeView()
    workspace.plots.add("forward", view)
    workspace.plots.add("time", time)
    colouring = Colouring(workspace)
    menus = PartsMenus(workspace, colouring)
    assert not menus.only.menuAction().isEnabled()
    show(workspace, trees())
    frame = frame_of(dim=4)
    for plot in (view, time):
        plot.set_frame(frame)
    workspace.live.show(frame)
    everyone, birch, oak = menus.only.actions()
    assert [action.text() for action in (everyone, birch, oak)] == ["&All of them", "birch", "oak"]
    assert everyone.isChecked() and np.isfinite(view._planes).all()
    found = colouring.by_part(frame.forward[0], "forward")
    assert found is not None
    labels = found.buckets
    assert 20 < (labels == 1).sum() < 280
    oak.trigger()
    assert session.state.part == 1 and oak.isChecked()
    for planes in (view._planes[..., 0], time._values["forward"]):
        assert np.isfinite(planes[:, labels == 1]).all() and np.isnan(planes[:, labels != 1]).all()
    # What is left out cannot be clicked, is in no region, and is no loss to warn of
    assert "i = 0" in view.note.text() and len(view._density._points) == (labels == 1).sum()
    session.undo()
    assert everyone.isChecked() and np.isfinite(view._planes).all() and np.isfinite(time._values["forward"]).all()
    menus.select.actions()[0].trigger()
    assert session.state.selection == tuple(np.flatnonzero(labels == 0).tolist())
    # The label of other data says nothing
    oak.trigger()
    colouring.parts_changed.emit(("a", "b", "c"))
    assert session.state.part == -1 and np.isfinite(view._planes).all()
    for plot in (view, time):
        plot.deleteLater()
