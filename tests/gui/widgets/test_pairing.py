"""A selection belongs to its process, and to both only where the backward one starts from the forward ends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from dnf_studio.errors import SettingError
from dnf_studio.gui.features.sampling.panel import SamplingPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.widgets.solver_box import path_words, paths_words
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import State, choice
from tests.gui.scenes import excess_of, frame_of
from tests.views import viewed

NONE = Qt.KeyboardModifier.NoModifier
BOTH = ["forward", "backward"]
FRAME = frame_of(points=40)
PAIRED = dataclasses.replace(FRAME, request=viewed(start="forward"))


@pytest.fixture
def window(still_window: MainWindow) -> MainWindow:
    still_window.live.show(FRAME)
    return still_window


def lit(window: MainWindow) -> dict[str, tuple[int, int]]:
    """How many points are set off in the plane and over the steps, by process."""
    time = window.plots["time"]
    return {name: (len(window.plots[name]._rows), time._chosen[name]._paths.shape[1]) for name in BOTH}


def region(window: MainWindow, name: str, points: list[int], modifier: Qt.KeyboardModifier = NONE) -> None:
    inside = np.zeros(40, bool)
    inside[points] = True
    window.plots[name].region_chosen.emit({name: inside}, modifier)


@pytest.mark.parametrize("name", BOTH)
def test_what_is_chosen_in_one_view_leaves_the_other_dark(window: MainWindow, name: str) -> None:
    other = BOTH[name == "forward"]
    region(window, name, [3, 5])
    state = window.session.state
    assert (state.selection, state.selection_of, state.listed) == ((3, 5), name, name)
    assert lit(window) == {name: (2, 2), other: (0, 0)}
    region(window, other, [7])
    assert lit(window) == {name: (0, 0), other: (1, 1)}
    window.session.undo()
    assert window.session.state == state and lit(window) == {name: (2, 2), other: (0, 0)}


def test_from_the_forward_ends_both_light_and_back_again_it_stays_with_its_owner(window: MainWindow) -> None:
    region(window, "forward", [3, 5])
    QTest.keySequence(window, QKeySequence("Ctrl+B"))
    assert window.session.state.paired and window.commands["paired"].isChecked()
    assert lit(window) == {"forward": (2, 2), "backward": (2, 2)}
    # The Inspector may list the other half, which changes no owner
    window.session.apply({"direction": "backward"})
    assert window.session.state.listed == "backward"
    QTest.keySequence(window, QKeySequence("Ctrl+B"))
    assert lit(window) == {"forward": (2, 2), "backward": (0, 0)} and window.session.state.listed == "forward"
    window.session.undo()
    assert window.session.state.paired and lit(window)["backward"] == (2, 2)


def test_what_adds_begins_anew_in_the_other_view_and_what_takes_away_does_nothing_there(window: MainWindow) -> None:
    region(window, "forward", [3, 5])
    region(window, "backward", [3], Qt.KeyboardModifier.ControlModifier)
    assert window.session.state.selection == (3, 5) and window.session.state.selection_of == "forward"
    region(window, "backward", [8, 9], Qt.KeyboardModifier.ShiftModifier)
    assert window.session.state.selection == (8, 9) and window.session.state.selection_of == "backward"
    window.session.apply({"start": "forward"})
    region(window, "forward", [4], Qt.KeyboardModifier.ShiftModifier)
    assert set(window.session.state.selection) == {4, 8, 9} and window.session.state.selection_of == "forward"


def test_all_and_the_others_are_of_the_process_chosen_in_last(window: MainWindow) -> None:
    region(window, "backward", [3])
    window.commands["invert-selection"].trigger()
    assert len(window.session.state.selection) == 39 and window.session.state.selection_of == "backward"
    window.commands["select-all"].trigger()
    assert lit(window)["forward"] == (0, 0) and lit(window)["backward"][0] == 40


def test_a_region_over_the_steps_chooses_of_one_process_unless_points_are_pairs(window: MainWindow) -> None:
    time, session = window.plots["time"], window.session
    found = {"forward": np.arange(40) < 3, "backward": np.arange(40) >= 35}
    time.region_chosen.emit(found, NONE)
    assert session.state.selection == (35, 36, 37, 38, 39) and session.state.selection_of == "backward"
    region(window, "forward", [9])
    time.region_chosen.emit(found, Qt.KeyboardModifier.ShiftModifier)
    assert set(session.state.selection) == {0, 1, 2, 9} and session.state.selection_of == "forward"
    session.apply({"start": "forward"})
    time.region_chosen.emit(found, NONE)
    assert len(session.state.selection) == 8


def test_a_click_over_the_steps_chooses_in_the_process_it_hits(window: MainWindow) -> None:
    time = window.plots["time"]
    window.session.cursor.jump(4)
    time._switches["forward"].click()
    top = int(FRAME.backward[4, :, 0].argmax())
    where = time.box.mapViewToScene(QPointF(4.0, float(FRAME.backward[4, top, 0])))
    QTest.mouseClick(time.plot.viewport(), Qt.MouseButton.LeftButton, NONE, time.plot.mapFromScene(where))
    assert window.session.state.selection == (top,) and window.session.state.selection_of == "backward"


def test_the_switch_stands_in_menu_panel_and_view_and_they_agree(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    panel = SamplingPanel(session, window.commands)
    qtbot.addWidget(panel)
    buttons = window.plots["backward"].findChildren(QToolButton)
    button = next(b for b in buttons if b.accessibleName() == "Where the backward process starts")
    assert button.text() == "from fresh noise" and panel.start.currentText() == "fresh noise"
    fresh, ends = button.menu().actions()
    assert fresh.isChecked()
    ends.trigger()
    assert session.state.sampling.start == "forward" and button.text() == "from the forward ends"
    assert panel.start.currentText() == "the forward ends" and window.commands["paired"].isChecked()
    assert "round trip" in window.plots["backward"].caption and "forward ends" in window.plots["backward"].caption
    panel.start.chosen.emit("noise")
    assert session.state.sampling.start == "noise" and fresh.isChecked() and button.text() == "from fresh noise"
    assert window.plots["backward"].caption.startswith("Latent noise")


def test_the_inspector_lists_the_path_of_the_owner_and_says_which_pairing_it_shows(window: MainWindow) -> None:
    window.docks["inspector"].fill()
    panel = window.docks["inspector"].panel
    assert panel is not None
    region(window, "backward", [3])
    panel.set_frame(FRAME)
    assert panel.directions.current == "backward" and not panel.directions.buttons["forward"].isEnabled()
    assert "fresh noise" in panel.directions.buttons["forward"].toolTip()
    assert panel.pair.text() == path_words("backward", False, "") and "log-ratio" not in panel.statistic.text()
    window.session.apply({"start": "forward"})
    panel.set_frame(PAIRED)
    assert panel.directions.buttons["forward"].isEnabled() and "round trip" in panel.pair.text()
    panel.set_excess(excess_of(PAIRED))
    assert "log-ratio" in panel.statistic.text()


@pytest.mark.parametrize(
    ("frame", "of", "columns"),
    [
        (FRAME, "forward", ("data", "now", "latent", "log_ratio", "worst_step")),
        (FRAME, "backward", ("now", "latent", "sample", "log_ratio", "worst_step")),
        (PAIRED, "forward", ("data", "now", "latent", "sample", "log_ratio", "worst_step")),
        (PAIRED, "backward", ("data", "now", "latent", "sample", "log_ratio", "worst_step")),
    ],
)
def test_numbers_are_of_the_paths_of_the_selection(
    window: MainWindow, frame: object, of: str, columns: tuple[str, ...]
) -> None:
    window.docks["inspector"].fill()
    panel = window.docks["inspector"].pages["Selection"]
    assert panel is not None
    window.session.apply(choice((3, 8), of) | {"start": frame.request.start})  # type: ignore[attr-defined]
    panel.set_frame(frame)  # type: ignore[arg-type]
    found = excess_of(frame)  # type: ignore[arg-type]
    panel.set_excess(found)
    panel.refresh()
    table = panel.lineage
    assert tuple(dict.fromkeys(column.name for column in table.columns))[1:] == columns
    assert paths_words(of, frame is PAIRED) in panel.summary.text()  # type: ignore[arg-type]
    values = {(column.name, column.component): column.values for column in table.columns}
    paths = FRAME.paths_of(of)  # type: ignore[arg-type]
    np.testing.assert_array_equal(values["latent", 0], paths[-1, [3, 8], 0])
    np.testing.assert_array_equal(values["now", 1], paths[0, [3, 8], 1])
    if "sample" in columns:
        np.testing.assert_array_equal(values["sample", 0], FRAME.backward[0, [3, 8], 0])
    # Of backward points there are the numbers of their own paths
    own = (found.forward if of == "forward" else found.backward)[:, [3, 8]].sum(axis=0)
    np.testing.assert_array_equal(values["log_ratio", -1], own)
    assert "Log-ratio" in {row[0] for row in panel.comparison.rows()}


def test_start_and_owner_are_of_a_few() -> None:
    with pytest.raises(SettingError, match="'middle'"):
        viewed(start="middle")
    with pytest.raises(SettingError, match="forward or backward"):
        State(selection_of="sideways")  # type: ignore[arg-type]
    assert State(selection=(1,)).chosen_in("backward") == () and State(selection=(1,)).chosen_in("forward") == (1,)
    assert State(sampling=viewed(start="forward"), selection=(1,)).chosen_in("backward") == (1,)


def test_the_switch_is_one_step_of_undo() -> None:
    session = Session()
    session.apply({"start": "forward"})
    session.undo()
    assert session.state.sampling.start == "noise"
