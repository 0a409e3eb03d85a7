"""The dock of the Inspector in a whole window, and its numbers with a model."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.inspector.controller import not_of_both
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.state import State
from dnf_studio.workers.frames import Frame, Inspection
from tests.gui.conftest import delete
from tests.gui.scenes import frame_of


def choose(window: MainWindow, *points: int) -> None:
    window.session.apply({"selection": points})


def test_it_opens_with_the_first_point_and_not_again_once_closed(still_window: MainWindow) -> None:
    window, dock = still_window, still_window.docks["inspector"]
    window.live.show(frame_of())
    assert dock.isHidden() and dock.objectName() == "inspector"
    choose(window, 3)
    assert dock.isVisible() and window.commands["inspector"].isChecked()
    assert window.dock.width() > 200
    dock.close()
    assert not window.commands["inspector"].isChecked()
    choose(window, 4)
    assert dock.isHidden()
    window.commands["inspector"].trigger()
    assert dock.isVisible() and window.commands["inspector"].isChecked()
    window.commands["inspector"].trigger()
    assert dock.isHidden()


@pytest.mark.parametrize(
    ("width", "settled", "there"), [(1700, False, True), (1500, False, False), (1700, True, False)]
)
def test_a_wide_window_has_it_from_the_beginning(
    qapp: QApplication, qtbot: QtBot, width: int, settled: bool, there: bool
) -> None:
    window = MainWindow(Appearance(qapp))
    window.resize(width, 800)
    if settled:
        window.docks["inspector"].settle()
    with qtbot.waitExposed(window):
        window.show()
    window.fill()
    assert window.docks["inspector"].isVisible() == there
    window.close()
    delete(window)


def shown_row(window: MainWindow, row: int) -> list[float]:
    assert window.docks["inspector"].panel is not None
    return [
        float(cell or "nan")
        for cell in window.docks["inspector"].panel.model.as_text([row]).splitlines()[1].split("\t")
    ]


def test_the_numbers_are_those_of_the_view_and_follow_it(
    window: MainWindow, qtbot: QtBot, open_in: Callable[[str], None]
) -> None:
    open_in("diffflow-rings")
    found: list[Inspection] = []
    frames: list[Frame] = []
    window.live.inspected.connect(found.append)
    window.live.frame_shown.connect(frames.append)
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].complete, timeout=20_000)
    with qtbot.waitSignal(window.live.inspected, timeout=20_000):
        choose(window, 1500)
    np.testing.assert_allclose(shown_row(window, 6)[2:4], frames[-1].forward[6, 1500], atol=1e-4)
    with qtbot.waitSignal(window.live.inspected, timeout=20_000):
        window.session.apply({"selection_of": "backward"})
    np.testing.assert_allclose(shown_row(window, 6)[2:4], frames[-1].backward[6, 1500], atol=1e-4)
    with qtbot.waitSignal(window.live.inspected, timeout=20_000):
        window.session.apply({"steps": 12})
    qtbot.waitUntil(lambda: frames[-1].complete and len(frames[-1].t) == 13, timeout=20_000)
    assert window.session.state.selection == (1500,)
    np.testing.assert_allclose(shown_row(window, 12)[2:4], frames[-1].backward[12, 1500], atol=1e-4)
    assert window.docks["inspector"].panel is not None and window.docks["inspector"].panel.model.rowCount() == 13


def test_a_closed_inspector_asks_for_nothing(window: MainWindow, qtbot: QtBot, open_in: Callable[[str], None]) -> None:
    open_in("diffflow-rings")
    window.docks["inspector"].settle()
    choose(window, 5)
    assert window.live._inspect is None
    with qtbot.waitSignal(window.live.inspected, timeout=20_000):
        window.commands["inspector"].trigger()
    window.docks["inspector"].close()
    assert window.live._inspect is None


def test_of_a_second_model_the_same_path_is_asked_for_where_there_is_one() -> None:
    def why(same_data: bool, direction: str, start: str = "noise", point: int = 7) -> str:
        frame = frame_of(points=300)
        both = SimpleNamespace(second=object(), same_data=same_data, frame=frame)
        state = State().changed(
            {"start": start, "direction": direction, "selection_of": direction, "selection": (point,)}
        )
        return not_of_both(both, state)  # type: ignore[arg-type]

    assert why(True, "forward") == why(True, "backward") == why(False, "backward") == ""
    own = "B is of other data, and starts from points of its own."
    assert why(False, "forward") == why(False, "backward", "forward") == own
    assert why(True, "forward", point=300) == "B is shown with 300 points."
