"""The tab Selection: what it says of the chosen points, and what its table does."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.exploration.excess import step_means
from dnf_studio.core.exploration.lineage import write_csv
from dnf_studio.gui.features.selection.panel import SelectionPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.widgets.table import TableModel
from dnf_studio.gui.workspace.session import Session
from dnf_studio.workers.excess import ExcessFrame
from tests.gui.scenes import frame_of
from tests.gui.tables import inspection_of

FRAME = frame_of(points=300)
RATIOS = np.random.default_rng(3).standard_normal((10, 300)).astype(np.float32)
"""Log-ratios of the forward paths."""


@pytest.fixture
def session() -> Session:
    made = Session()
    made.cursor.set_steps(10)
    return made


@pytest.fixture
def panel(qtbot: QtBot, session: Session) -> SelectionPanel:
    made = SelectionPanel(session)
    qtbot.addWidget(made)
    made.resize(420, 600)
    made.set_frame(FRAME)
    made.set_excess(ExcessFrame(FRAME, RATIOS, -RATIOS[:, :200], step_means(RATIOS)))
    with qtbot.waitExposed(made):
        made.show()
    return made


def choose(panel: SelectionPanel, session: Session, *points: int) -> None:
    session.apply({"selection": points})
    panel.refresh()


def column(panel: SelectionPanel, name: str) -> list[str]:
    place = panel.lineage.names.index(name)
    return [panel.model.index(row, place).data() for row in range(panel.model.rowCount())]


def test_with_nothing_chosen_it_says_what_to_do(panel: SelectionPanel, session: Session) -> None:
    assert "lasso" in panel.summary.text() and not panel.table.isVisible()
    choose(panel, session, 7, 3)
    assert panel.summary.text() == "2 of 300 points. Paths of the forward process, from the data."
    assert panel.table.isVisible()
    choose(panel, session)
    assert "lasso" in panel.summary.text() and not panel.table.isVisible() and panel.model.rowCount() == 0


def test_it_compares_with_the_rest_at_the_cursor(panel: SelectionPanel, session: Session) -> None:
    points = range(0, 300, 3)
    session.cursor.jump(4)
    choose(panel, session, *points)
    rows = {row[0]: row[1:] for row in panel.comparison.rows()}
    rest = np.setdiff1d(np.arange(300), points)
    assert rows["Points"] == ("100", "200")
    for place, some in enumerate((np.array(points), rest)):
        x = FRAME.forward[4, some, 0]
        mean, spread = rows["x₁"][place].replace("−", "-").split(" ± ")
        assert float(mean) == pytest.approx(x.mean(), rel=0.01) and float(spread) == pytest.approx(x.std(), rel=0.01)
        total = RATIOS[:, some].sum(axis=0)
        assert float(rows["Log-ratio"][place].replace("−", "-")) == pytest.approx(total.mean(), abs=1e-3)
        assert rows["Above zero"][place] == f"{100 * (total > 0).mean():.0f}%"
    session.apply({"selection_of": "backward"})
    panel.refresh()
    back = {row[0]: row[1] for row in panel.comparison.rows()}
    mean = back["x₁"].replace("−", "-").split(" ± ")[0]
    # Of backward paths there are their own numbers, and fewer so far
    own = -RATIOS[:, list(points)[:67]].sum(axis=0).mean()
    total, count = back["Log-ratio"].replace("−", "-").split()
    assert float(total) == pytest.approx(own, abs=1e-3) and count == "(67)"
    assert float(mean) == pytest.approx(FRAME.backward[4, list(points), 0].mean(), rel=0.01)


def test_of_another_model_nothing_is_known(panel: SelectionPanel, session: Session) -> None:
    choose(panel, session, 4, 9)
    assert "log_ratio" in panel.lineage.names
    panel.set_excess(None)
    panel.refresh()
    assert "log_ratio" not in panel.lineage.names


def test_it_follows_selection_cursor_and_frame_by_itself(panel: SelectionPanel, session: Session, qtbot: QtBot) -> None:
    session.apply({"selection": (4, 9)})
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2)
    before = column(panel, "now_1")
    session.cursor.jump(7)
    qtbot.waitUntil(lambda: column(panel, "now_1") != before)
    panel.set_frame(dataclasses.replace(FRAME, forward=FRAME.forward + 1))
    before = column(panel, "data_1")
    qtbot.waitUntil(lambda: column(panel, "data_1") != before)


def test_hidden_it_does_nothing_and_shown_it_is_right(panel: SelectionPanel, session: Session) -> None:
    panel.hide()
    session.apply({"selection": (4, 9)})
    assert not panel._settle.isActive() and panel.model.rowCount() == 0
    panel.show()
    assert column(panel, "point") == ["4", "9"]


def test_a_click_on_a_head_sorts_and_a_click_on_a_row_makes_it_current(panel: SelectionPanel, session: Session) -> None:
    points = (5, 280, 41, 97)
    choose(panel, session, *points)
    head, place = panel.table.horizontalHeader(), panel.lineage.names.index("log_ratio")
    total = RATIOS.sum(axis=0)[sorted(points)]
    panel.table.scrollTo(panel.model.index(0, place))
    for turn in (0, 1):
        x = head.sectionViewportPosition(place) + 20
        QTest.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 5))
        falling = head.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        expected = np.array(sorted(points))[np.argsort(-total if falling else total)]
        assert column(panel, "point") == [str(point) for point in expected], turn
    at = panel.table.visualRect(panel.model.index(1, place)).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert session.state.selection[-1] == expected[1] and set(session.state.selection) == set(points)
    panel.refresh()
    assert column(panel, "point") == [str(point) for point in expected]
    assert panel.model.index(1, 0).data(Qt.ItemDataRole.BackgroundRole) is not None
    assert panel.model.index(0, 0).data(Qt.ItemDataRole.BackgroundRole) is None


def test_rows_chosen_for_copying_stay_with_their_points_when_the_order_changes(
    panel: SelectionPanel, session: Session
) -> None:
    choose(panel, session, 5, 280, 41, 97)
    panel.model.sort(panel.lineage.names.index("now_1"))
    panel.table.selectRow(panel.model.row_of(1))
    session.cursor.jump(10)
    panel.refresh()
    assert [panel.model.place(row) for row in panel.table.chosen_rows()] == [1]


def test_lost_points_come_last_whichever_way(panel: SelectionPanel, session: Session) -> None:
    broken = FRAME.forward.copy()
    broken[:, 41] = np.nan
    panel.set_frame(dataclasses.replace(FRAME, forward=broken))
    choose(panel, session, 5, 280, 41, 97)
    for order in Qt.SortOrder:
        panel.model.sort(panel.lineage.names.index("now_1"), order)
        assert column(panel, "point")[3] == "41" and column(panel, "now_1")[3] == "–"


def test_copy_takes_the_table_as_it_is_sorted_or_the_chosen_rows(panel: SelectionPanel, session: Session) -> None:
    choose(panel, session, 5, 280, 41)
    panel.model.sort(0, Qt.SortOrder.DescendingOrder)
    panel.copy_button.click()
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == list(panel.lineage.names) and [line[0] for line in lines[1:]] == ["280", "41", "5"]
    assert float(lines[1][1]) == pytest.approx(FRAME.forward[0, 280, 0], rel=1e-6)
    panel.table.setFocus()
    panel.table.selectRow(1)
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert [line.split("\t")[0] for line in QGuiApplication.clipboard().text().splitlines()] == ["point", "41"]


def test_data_units_wait_until_they_are_known(panel: SelectionPanel, session: Session) -> None:
    choose(panel, session, 5)
    assert not panel.units.isEnabled()
    before = float(column(panel, "data_1")[0].replace("−", "-"))
    panel.set_inspection(inspection_of(5))
    panel.units.click()
    assert float(column(panel, "data_1")[0].replace("−", "-")) == pytest.approx(10 * before, abs=0.01)


def test_columns_in_any_units_and_far_from_0_keep_their_digits(
    panel: SelectionPanel, session: Session, tmp_path: Path
) -> None:
    """As of a table with seconds since 1970 beside lengths in thousandths."""
    units = Standardisation((1.7e9, 0.005), (10.0, 1e-3))
    choose(panel, session, *range(50))
    before = {row[0]: row[1:] for row in panel.comparison.rows()}
    panel.set_inspection(dataclasses.replace(inspection_of(5), standardisation=units))
    panel.units.click()
    rows = {row[0]: row[1:] for row in panel.comparison.rows()}
    now = FRAME.forward[0].astype(np.float64)
    for place, some in enumerate((now[:50], now[50:])):
        mean, spread = rows["x₁"][place].split(" ± ")
        assert float(mean.replace(",", "")) == pytest.approx(1.7e9 + 10 * some[:, 0].mean(), abs=0.1)
        assert float(spread) == pytest.approx(10 * some[:, 0].std(), rel=0.01)
    assert rows["Distance"] == before["Distance"]
    write_csv(tmp_path / "table.csv", panel.lineage)
    with (tmp_path / "table.csv").open(encoding="utf-8") as lines:
        written = np.array([float(row["data_1"]) for row in csv.DictReader(lines)])
    np.testing.assert_allclose(written, 1.7e9 + 10 * now[:50, 0], atol=0.01, rtol=0)


def test_fifty_thousand_rows_open_at_once(
    qtbot: QtBot, panel: SelectionPanel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[int] = set()
    data = TableModel.data

    def counted(self: TableModel, index, role=Qt.ItemDataRole.DisplayRole):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        asked.add(index.row())
        return data(self, index, role)

    monkeypatch.setattr(TableModel, "data", counted)
    panel.set_frame(frame_of(points=50_000, steps=3))
    choose(panel, session, *range(50_000))
    panel.grab()
    assert panel.model.rowCount() == 50_000 and 0 < len(asked) < 100


def test_in_the_window_it_is_a_tab_that_counts_saves_and_leads_to_export(
    still_window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = still_window
    window.live.show(FRAME)
    window.session.apply({"selection": (5, 280, 41)})
    assert window.docks["inspector"].tabs.tabText(1) == "Selection (3)"
    window.docks["inspector"].tabs.setCurrentIndex(1)
    panel = window.docks["inspector"].pages["Selection"]
    assert panel is not None and panel.model.rowCount() == 3
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "chosen"), ""))
    panel.save_button.click()
    qtbot.waitUntil(lambda: window.status.message.text() == "Saved chosen.csv.")
    with open(tmp_path / "chosen.csv", encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["point", "5", "41", "280"]
    window.commands["export"].setEnabled(True)
    panel.export_button.click()
    assert window.page("Export") is not None and window.tabs.currentWidget() is window.page("Export")
    assert window.page("Export").form.indices() == (5, 280, 41)


def test_a_table_that_cannot_be_written_is_told(
    still_window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = still_window
    window.live.show(FRAME)
    window.session.apply({"selection": (5,)})
    window.docks["inspector"].tabs.setCurrentIndex(1)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "none" / "a.csv"), ""))
    told: list[object] = []
    window.files.told.connect(told.append)
    assert window.docks["inspector"].pages["Selection"] is not None
    window.docks["inspector"].pages["Selection"].save_button.click()
    qtbot.waitUntil(lambda: bool(told))
    assert "no folder" in str(told[0])
