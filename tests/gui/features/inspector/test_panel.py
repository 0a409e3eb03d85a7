"""The panel: what it says, and what it writes to session and cursor."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.features.inspector.numbers import MOST_OFFERED, offered, statistic
from dnf_studio.gui.features.inspector.panel import InspectorPanel
from dnf_studio.gui.widgets.table import DASH
from dnf_studio.gui.workspace.session import Session
from dnf_studio.workers.frames import Frame
from tests.gui.scenes import excess_of, frame_of
from tests.gui.tables import inspection_of, table_of


def rows(*points: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(points, np.intp)


def frame() -> Frame:
    return dataclasses.replace(frame_of(points=300), contributions=np.arange(300, dtype=np.float32)[None])


@pytest.fixture
def session() -> Session:
    made = Session()
    made.cursor.set_steps(10)
    return made


@pytest.fixture
def panel(qtbot: QtBot, session: Session) -> InspectorPanel:
    made = InspectorPanel(session)
    qtbot.addWidget(made)
    made.resize(420, 500)
    made.set_frame(frame())
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def filled(panel: InspectorPanel, session: Session) -> InspectorPanel:
    session.apply({"selection": (7,)})
    panel.set_inspection(inspection_of(7))
    return panel


def test_with_nothing_chosen_it_says_what_to_do(panel: InspectorPanel, session: Session) -> None:
    assert panel.empty.isVisible() and "Click a point" in panel.empty.text() and not panel.table.isVisible()
    session.apply({"selection": (7,)})
    assert panel.table.isVisible() and not panel.empty.isVisible()
    session.apply({"selection": ()})
    assert panel.empty.isVisible()
    session.apply({"selection": (299, 300)})
    assert panel.empty.text() == "Point 300 is not among the 300 points shown at this N."


def test_numbers_of_another_point_are_not_shown(panel: InspectorPanel, session: Session) -> None:
    session.apply({"selection": (7,)})
    panel.set_inspection(inspection_of(8))
    assert panel.model.rowCount() == 0
    panel.set_inspection(inspection_of(7))
    assert panel.model.rowCount() == 11 and panel.chooser.currentText() == "7"


def test_the_cursor_moves_the_row_and_the_row_the_cursor(filled: InspectorPanel, session: Session) -> None:
    session.cursor.go(4.5)
    assert filled.model.current == 4 and filled.table.currentIndex().row() == 4
    assert not filled.table.selectionModel().selectedRows()
    place = filled.table.visualRect(filled.model.index(8, 1)).center()
    session.cursor.set_playing(True)
    QTest.mouseClick(filled.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert session.cursor.position == 8 and not session.cursor.playing and filled.model.current == 8
    filled.table.setFocus()
    QTest.keyClick(filled.table, Qt.Key.Key_Up)
    assert session.cursor.position == 7 and filled.model.current == 7
    assert [index.row() for index in filled.table.selectionModel().selectedRows()] == [7]
    session.cursor.go(2)
    assert not filled.table.selectionModel().selectedRows()


def test_a_moving_cursor_keeps_rows_and_columns_in_their_place(filled: InspectorPanel, session: Session) -> None:
    flag = QItemSelectionModel.SelectionFlag
    filled.resize(300, 260)
    QApplication.processEvents()
    across = filled.table.horizontalScrollBar()
    across.setValue(across.maximum())
    for row in (2, 3):
        filled.table.selectionModel().select(filled.model.index(row, 0), flag.Select | flag.Rows)
    session.cursor.go(10)
    assert across.value() == across.maximum() > 0
    assert filled.table.visualRect(filled.model.index(10, 12)).bottom() <= filled.table.viewport().height()
    assert [index.row() for index in filled.table.selectionModel().selectedRows()] == [2, 3]
    filled.set_inspection(inspection_of(7, table_of(seed=5)))
    assert [index.row() for index in filled.table.selectionModel().selectedRows()] == [2, 3]


def test_direction_and_points_are_written_to_the_session(filled: InspectorPanel, session: Session) -> None:
    session.apply({"start": "forward"})
    filled.directions.buttons["backward"].click()
    assert session.state.direction == "backward"
    session.undo()
    assert filled.directions.buttons["forward"].isChecked()
    assert not filled.next.isVisible()
    session.apply({"selection": (30, 7, 12)})
    assert [filled.chooser.itemText(k) for k in range(3)] == ["7", "12", "30"] and filled.chooser.currentText() == "12"
    filled.next.click()
    assert session.state.selection == (7, 12, 30)
    filled.next.click()
    assert session.state.selection == (12, 30, 7) and filled.chooser.currentText() == "7"
    filled.previous.click()
    assert session.state.selection[-1] == 30
    filled.chooser.chosen.emit(12)
    assert session.state.selection == (7, 30, 12)


def test_data_units_are_a_switch(filled: InspectorPanel) -> None:
    table = table_of()
    text = filled.model.as_text
    before = float(text([3]).splitlines()[1].split("\t")[2])
    filled.units.click()
    assert float(text([3]).splitlines()[1].split("\t")[2]) == pytest.approx(10 * before)
    assert float(text([3]).splitlines()[1].split("\t")[8]) == pytest.approx(table.forward_noise[3, 0])
    filled.units.click()
    assert float(text([3]).splitlines()[1].split("\t")[2]) == before


def test_copying(filled: InspectorPanel, session: Session) -> None:
    clipboard = QGuiApplication.clipboard()
    filled.copy_button.click()
    assert clipboard.text() == filled.model.as_text() and clipboard.text().count("\n") == 12
    filled.table.setFocus()
    session.cursor.go(6)
    QTest.keyClick(filled.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == filled.model.as_text([6])
    flag = QItemSelectionModel.SelectionFlag
    for row in (9, 2):
        filled.table.selectionModel().select(filled.model.index(row, 0), flag.Select | flag.Rows)
    QTest.keyClick(filled.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == filled.model.as_text([2, 9])
    for action, expected in zip(filled.table.actions(), ([2, 9], None), strict=True):
        action.trigger()
        assert clipboard.text() == filled.model.as_text(expected)


def test_of_very_many_points_only_some_are_offered(panel: InspectorPanel, session: Session) -> None:
    assert offered((5, 3, 9)) == [3, 5, 9]
    everything = tuple(range(0, 50_000, 2))
    for current in (0, 25_000, 49_998):
        found = offered((*(point for point in everything if point != current), current))
        assert len(found) == MOST_OFFERED and current in found and found == sorted(found)
    session.apply({"selection": everything[:140]})
    assert panel.chooser.count() == 140 and panel.chooser.currentData() == 278


def test_the_statistic_compares_with_all() -> None:
    totals = np.array([1, 2, 3, np.nan], np.float32)
    assert statistic(rows(1), totals) == "log-ratio +2.000 nats (all: +2.000)"
    assert statistic(rows(0, 1), totals) == "2 points: log-ratio +1.500 nats (all: +2.000)"
    assert statistic(rows(0, 3), totals) == "2 points: log-ratio +1.000 nats, of 1 of them (all: +2.000)"
    assert statistic(rows(3), totals) == "log-ratio not known yet"
    assert statistic(rows(0, 3), np.empty(0, np.float32)) == "2 points" and statistic(rows(), totals) == ""


def test_two_models_side_by_side_at_the_same_part_of_the_way(filled: InspectorPanel) -> None:
    filled.set_models(("rings", "other"))
    heads = [column.head for column in filled.model.columns]
    assert heads[:6] == ["i", "t", "x₁ A", "x₁ B", "x₂ A", "x₂ B"] and len(heads) == 2 + 2 * 12
    assert filled.model.columns[3].text(0) == DASH, "not known yet"
    second = table_of(seed=3)
    filled.set_second(inspection_of(7, second))
    assert [column.head for column in filled.model.columns] == heads
    assert filled.pair.text().startswith("A is rings, B other. ")
    assert np.array_equal(filled.model.columns[3].values, second.x[:, 0])
    assert filled.model.as_text().startswith("i\tt\tx₁ A (rings)\tx₁ B (other)\t")
    filled.units.setChecked(True)
    assert np.allclose(filled.model.columns[3].values, 10 * second.x[:, 0])
    filled.units.setChecked(False)
    second = table_of(steps=25, seed=3)
    filled.set_second(inspection_of(7, second))
    columns = {column.head: column.values for column in filled.model.columns}
    assert columns["i B"].tolist() == [0, 2, 5, 8, 10, 12, 15, 18, 20, 22, 25] and len(columns) == 4 + 2 * 12
    assert np.array_equal(columns["x₂ B"], second.x[columns["i B"].astype(int), 1])
    assert len(columns["δB₁ B"]) == 10 and "whose N is 25" in filled.pair.text()
    filled.set_second(inspection_of(8, table_of(seed=4)))
    assert [column.head for column in filled.model.columns] == heads and filled.model.columns[3].text(0) == DASH
    filled.set_models(("rings", "other"), "B is of other data.")
    assert filled.pair.text().startswith("Numbers of A, rings, alone: B is of other data. ")
    assert [column.head for column in filled.model.columns][:4] == ["i", "t", "x₁", "x₂"]
    filled.set_models()
    assert "alone" not in filled.pair.text()


def test_both_models_have_a_statistic(filled: InspectorPanel) -> None:
    filled.set_models(("rings", "other"))
    shown = frame()
    for number, take in enumerate((filled.set_excess, filled.set_second_excess), start=1):
        ratios = np.full((10, 300), number / 10, np.float32)
        take(excess_of(shown, ratios))
    assert filled.statistic.text() == "A: log-ratio +1.000 nats (all: +1.000)\nB: log-ratio +2.000 nats (all: +2.000)"


def test_every_control_says_what_it_does(filled: InspectorPanel) -> None:
    for control in (filled.chooser, filled.previous, filled.next, *filled.directions.buttons.values(), filled.table):
        assert control.toolTip() and control.accessibleName()
    for control in (filled.units, filled.copy_button, filled.statistic):
        assert control.toolTip()
    assert filled.label.buddy() is filled.chooser


def test_a_second_point_does_not_make_the_panel_wider(filled: InspectorPanel, session: Session) -> None:
    before = filled.minimumSizeHint().width()
    session.apply({"selection": (7, 8)})
    assert filled.next.isVisible()
    filled.pages.currentWidget().layout().activate()
    assert filled.minimumSizeHint().width() == before


def test_copying_says_so_for_a_moment(filled: InspectorPanel, qtbot: QtBot) -> None:
    filled.copy_button.click()
    assert filled.copy_button.text() == "Copied"
    qtbot.waitUntil(lambda: "Copy as text" in filled.copy_button.text().replace("&", ""))


def test_larger_letters_get_higher_rows_and_wider_columns(filled: InspectorPanel) -> None:
    row, column = filled.table.rowHeight(0), filled.table.columnWidth(1)
    font = filled.table.font()
    font.setPointSizeF(2 * font.pointSizeF())
    filled.table.setFont(font)
    assert filled.table.rowHeight(0) >= 1.5 * row and filled.table.columnWidth(1) >= 1.5 * column
