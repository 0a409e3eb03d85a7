"""A second model beside the first: the same points and noise for both, other N, other kinds, other dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.errors import UnsupportedError
from dnf_studio.gui.workspace.kept_models import SecondModel
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

pytestmark = pytest.mark.usefixtures("few_points")
Open = Callable[[str], None]


def wait(workspace: Workspace, qtbot: QtBot) -> Frame:
    """The complete frame of B."""
    comparison = workspace.comparison
    qtbot.waitUntil(lambda: comparison.frame is not None and comparison.frame.complete, timeout=20_000)
    return cast(Frame, comparison.frame)


def compare(workspace: Workspace, name: str, qtbot: QtBot) -> Frame:
    before = workspace.comparison.second
    workspace.comparison.open(name)
    qtbot.waitUntil(lambda: workspace.comparison.second is not before, timeout=20_000)
    return wait(workspace, qtbot)


def test_points_and_noise_are_those_of_the_first_model_as_far_as_they_mean_the_same(
    workspace: Workspace, open_model: Open, qtbot: QtBot
) -> None:
    open_model("diffflow-rings")
    comparison = workspace.comparison
    workspace.session.apply({"seed": 3, "steps": 6, "lam": 0.5})
    second = compare(workspace, "diffflow-rings", qtbot)
    qtbot.waitUntil(lambda: workspace.live.frame is not None and workspace.live.frame.complete)
    first = workspace.live.frame
    # The same model: the same frames to the bit
    assert first is not None and first.request == second.request and first.weights != second.weights
    for name in ("t", "g", "forward", "backward", "contributions"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert comparison.names == ("diffflow-rings (A)", "diffflow-rings (B)")
    assert comparison.same_data and not comparison.apart
    # Another kind with another N: the same points and latents; what it cannot have is not asked of it
    workspace.session.apply({"steps": None})
    flow = compare(workspace, "flow-rings", qtbot)
    assert len(flow.t) == 6 and flow.request.lam == 1.0
    assert np.array_equal(first.forward[0], flow.forward[0]) and np.array_equal(first.backward[-1], flow.backward[-1])
    # Other data: points of its own
    other = compare(workspace, "diffflow-checkerboard", qtbot)
    assert not comparison.same_data and "standardised units" in comparison.apart
    assert not np.array_equal(first.forward[0], other.forward[0])
    assert np.array_equal(first.backward[-1], other.backward[-1])


def test_another_dimension_is_refused_and_closing_and_undo_work(
    workspace: Workspace, open_model: Open, qtbot: QtBot
) -> None:
    open_model("diffflow-rings")
    comparison, session = workspace.comparison, workspace.session
    with qtbot.waitSignal(workspace.studio.failed) as refused:
        comparison.open("diffflow-digits")
    assert str(refused.args[0]) == (
        "diffflow-digits has 64 components and the model shown has 2 components; only models of as many components "
        "can be compared."
    )
    assert comparison.second is None and not session.can_undo
    comparison.open("matching-rings")
    qtbot.waitUntil(lambda: comparison.second is not None)
    assert workspace.studio.explorer._shared
    # In the middle of the first pass
    comparison.close()
    assert not workspace.studio.explorer._shared
    assert comparison.second is None and comparison.frame is None
    session.undo()
    assert comparison.second is not None and comparison.second.name == "matching-rings"
    wait(workspace, qtbot)
    session.undo()
    assert comparison.second is None and comparison.frame is None
    session.redo()
    wait(workspace, qtbot)
    seen: list[object] = []
    # From the first moment on, while the views still show the other data
    session.lacks_changed.connect(
        lambda: seen.append((comparison.second, comparison.same_data, bool(comparison.apart)))
    )
    with qtbot.waitSignal(workspace.studio.opened, timeout=20_000):
        workspace.studio.open("diffflow-digits")
    assert seen and set(seen) == {(None, False, True)}
    assert comparison.second is None and comparison.names == ("diffflow-digits",)


def test_only_the_last_models_are_kept(quiet_workspace: Workspace) -> None:
    comparison = quiet_workspace.comparison
    models = [SecondModel(cast("object", None), "file") for _ in range(8)]  # type: ignore[arg-type]
    numbers = [comparison.keep(model) for model in models]
    assert comparison.kept == tuple(reversed(models[4:])) and len(set(numbers)) == 8
    with pytest.raises(UnsupportedError, match="open a model first"):
        comparison.take(models[0])
