"""The discretisation lab in a whole window with the bundled model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QProgressBar, QTabBar, QTableWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.lab.levels import LastPage, LevelsPage
from dnf_studio.gui.features.lab.panel import NO_MODEL, LabPanel
from dnf_studio.gui.features.lab.paths import PathsPage
from dnf_studio.gui.features.lab.steps import StepsPage
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers import lab

WAIT = 60_000


pytestmark = pytest.mark.usefixtures("few_points")


@pytest.fixture
def panel(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> LabPanel:
    """Open on the bundled model, with few samples and four N."""
    monkeypatch.setattr(lab, "SAMPLES", 300)
    monkeypatch.setattr(lab, "ERROR_POINTS", 40)
    monkeypatch.setattr(lab, "FINEST", 120)
    monkeypatch.setattr("dnf_studio.gui.features.lab.steps.DEFAULT", "3, 6, 12, 20")
    open_in("diffflow-checkerboard")
    QTest.keySequence(window, QKeySequence("Ctrl+Shift+N"))
    made = window.docks["lab"].panel
    assert isinstance(made, LabPanel) and window.commands["lab"].isChecked()
    qtbot.waitUntil(lambda: bool(made.pages))
    return made


def turn(panel: LabPanel, title: str, qtbot: QtBot) -> None:
    panel.tabs.setCurrentIndex([panel.tabs.tabText(k) for k in range(panel.tabs.count())].index(title))
    qtbot.waitUntil(lambda: title in panel.pages)
    whole(panel, qtbot)


def whole(panel: LabPanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
    assert panel.told.text().startswith("Newest weights"), panel.told.text()


def steps_of(panel: LabPanel) -> StepsPage:
    page = panel.pages["Steps"]
    assert isinstance(page, StepsPage)
    return page


def test_several_n_are_computed_on_opening_and_one_is_shown_in_the_views(
    panel: LabPanel, window: MainWindow, qtbot: QtBot
) -> None:
    page = steps_of(panel)
    assert panel.runner.running is not None and panel.cancel.isEnabled()
    width = panel.minimumSizeHint().width()
    whole(panel, qtbot)
    panel.layout().activate()
    assert panel.minimumSizeHint().width() == width, "what is found would move Cancel from under the pointer"
    cells = [[page.table.item(r, c).text() for c in range(5)] for r in range(page.table.rowCount())]
    assert [row[0] for row in cells] == ["3", "6", "12", "20"]
    ends = np.array([[float(row[1]), float(row[2])] for row in cells])
    assert (np.diff(ends[:, 0]) < 0).all() and ends[-1, 1] < ends[0, 1]
    assert all(" ± " in row[3] and row[4].endswith("%") for row in cells)
    assert "samples: convergence of order" in page.ends.note.text() or page.ends.isHidden()
    assert not page.show_button.isEnabled()
    page.table.setCurrentCell(2, 0)
    assert page.show_button.isEnabled() and "12" in page.show_button.text()
    page.tabs.setCurrentIndex(2)
    assert page.quality.isVisible() and "N = 12" in page.quality.note.texts[0] and "SWD" in page.quality.note.texts[0]
    qtbot.mouseClick(page.show_button, Qt.MouseButton.LeftButton)
    assert window.session.state.sampling.steps == 12 and window.session.can_undo
    assert panel.told.text().startswith("Newest weights"), "View N does not matter here"


def test_a_click_on_a_curve_chooses_its_n(panel: LabPanel, qtbot: QtBot) -> None:
    page = steps_of(panel)
    whole(panel, qtbot)
    for plot, at in ((page.error, (0.9, page.error._shown[1][1][-1])), (page.ends, (np.log10(6.3), -1.0))):
        page.choose(0)
        page.tabs.setCurrentIndex(page.plots.index(plot))
        qtbot.waitUntil(plot.isVisible)
        if plot is page.error:
            x, y = plot._shown[1]
            at = 0.9, float(np.interp(0.9, x, y))
        place = plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(*at)))
        qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.waitUntil(lambda: page.table.currentRow() == 1)
    page.tabs.setCurrentIndex(0)
    forward = page.error._shown[0][1].copy()
    page.directions.turn("backward")
    assert not np.array_equal(forward, page.error._shown[0][1], equal_nan=True)
    page.along.setCurrentIndex(1)
    page.along.activated.emit(1)
    assert page.error._shown[0][0][-1] == pytest.approx(float(panel._workspace.live.frame.t[-1]))


def test_bad_lists_are_refused_and_a_good_one_is_computed_by_enter(panel: LabPanel, qtbot: QtBot) -> None:
    page = steps_of(panel)
    whole(panel, qtbot)
    # Alt+C leaves the focus, and with it what is typed, in the field
    page.field.setFocus()
    page.field.setText("7, 0")
    panel.button.click()
    assert page.mistake.isVisible() and "0" in page.mistake.text() and panel.runner.running is None
    for text in ("", "5, x", "0", "500"):
        page.field.setText(text)
        qtbot.keyClick(page.field, Qt.Key.Key_Return)
        assert page.mistake.isVisible() and page.mistake.text().endswith(".")
        assert not panel.button.isEnabled() and panel.runner.running is None
    page.field.setText("4 2")
    qtbot.keyClick(page.field, Qt.Key.Key_Return)
    assert not page.mistake.isVisible() and panel.runner.running is not None
    whole(panel, qtbot)
    assert [page.table.item(r, 0).text() for r in range(page.table.rowCount())] == ["2", "4"]


def test_other_settings_are_out_of_date_until_computed_and_kept_for_undo(
    panel: LabPanel, window: MainWindow, qtbot: QtBot
) -> None:
    whole(panel, qtbot)
    page = steps_of(panel)
    first = page.table.item(0, 2).text()
    window.session.apply({"lam": 0.0})
    assert panel.told.text().startswith("Out of date") and "other settings" in panel.told.text()
    assert panel.told.property("warning") and page.table.item(0, 2).text() == first
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    whole(panel, qtbot)
    assert page.table.item(0, 2).text() != first and not panel.told.property("warning")
    window.session.undo()
    assert panel.told.text().startswith("Newest weights") and panel.runner.running is None
    assert page.table.item(0, 2).text() == first


def test_newer_weights_are_told(panel: LabPanel, window: MainWindow, qtbot: QtBot) -> None:
    whole(panel, qtbot)
    from dnf_studio.workers.snapshot import Snapshot

    current = window.studio.current
    assert current is not None
    newer = Snapshot.of(current.snapshot.flow)
    window.studio.explorer.publish(newer)
    qtbot.waitUntil(lambda: "earlier weights" in panel.told.text(), timeout=WAIT)
    panel.compute()
    whole(panel, qtbot)


def test_cancel_keeps_what_was_found_and_compute_goes_on(panel: LabPanel, qtbot: QtBot) -> None:
    page = steps_of(panel)
    qtbot.waitUntil(lambda: page.table.rowCount() > 0, timeout=WAIT)
    qtbot.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    assert panel.runner.running is None and panel.told.text().startswith("Stopped after")
    assert page.table.rowCount() > 0
    panel.compute()
    whole(panel, qtbot)
    assert page.table.rowCount() == 4


def test_coarse_paths_are_those_of_the_views(panel: LabPanel, window: MainWindow, qtbot: QtBot) -> None:
    # Point 270 can be chosen once it is there
    qtbot.waitUntil(lambda: window.live.frame.complete, timeout=WAIT)
    window.session.apply({"selection": (270, 5)})
    turn(panel, "Paths", qtbot)
    page, frame = panel.pages["Paths"], window.live.frame
    assert isinstance(page, PathsPage) and page._found is not None
    assert page._found.points == (5, 270) and "Points 5, 270" in page.told.text()
    for own, shown in ((page._found.forward[0], frame.forward), (page._found.backward[0], frame.backward)):
        np.testing.assert_allclose(own, shown[:, [5, 270]], atol=2e-4)
    page.directions.turn("backward")
    assert "At the data" in page.told.text()
    qtbot.waitUntil(lambda: page._found.points == (0, 1, 2), timeout=WAIT)
    window.session.apply({"selection": (9,), "selection_of": "backward"})
    qtbot.waitUntil(lambda: page._found.points == (9,), timeout=WAIT)
    # Pairs: the coarse backward path goes on from where the coarse forward one ends, and the fine one with it
    window.session.apply({"start": "forward"})
    qtbot.waitUntil(lambda: window.live.frame.paired and window.live.frame.complete, timeout=WAIT)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
    np.testing.assert_allclose(page._found.backward[0], window.live.frame.backward[:, [9]], atol=2e-4)
    np.testing.assert_allclose(page._found.backward[1][-1], page._found.forward[0][-1], atol=1e-6)


def test_levels_are_compared_and_one_is_shown_in_the_views(panel: LabPanel, window: MainWindow, qtbot: QtBot) -> None:
    turn(panel, "λ", qtbot)
    page = panel.pages["λ"]
    assert isinstance(page, LevelsPage)
    column = [page.table.item(r, 0).text() for r in range(page.table.rowCount())]
    assert column == ["0", "0.5", "1", "1.5", "2"] and "±" in page.table.item(2, 1).text()
    assert len(page.distances._data.apart) == len(page.distances._reference.apart) == 5
    page.table.setCurrentCell(4, 0)
    assert "λ = 2 over λ = 1" in page.cloud.note.texts
    qtbot.mouseClick(page.show_button, Qt.MouseButton.LeftButton)
    assert window.session.state.sampling.lam == 2.0
    assert panel.told.text().startswith("Newest weights"), "the λ of the views does not matter here"


def test_both_last_steps_side_by_side(panel: LabPanel, window: MainWindow, qtbot: QtBot) -> None:
    turn(panel, "Last step", qtbot)
    page = panel.pages["Last step"]
    assert isinstance(page, LastPage)
    assert all("To data: SWD" in told.text() and "±" in told.text() for told in page.told.values())
    qtbot.mouseClick(page.buttons["mean"], Qt.MouseButton.LeftButton)
    assert window.session.state.sampling.last == "mean"
    page.clouds["mean"].box.scaleBy((0.5, 0.5))
    page.clouds["mean"]._range_chosen(None)
    assert page.clouds["noise"].box.viewRect().width() == pytest.approx(
        page.clouds["mean"].box.viewRect().width(), rel=0.2
    )


def test_a_page_left_for_another_goes_on_when_it_is_seen_again(panel: LabPanel, qtbot: QtBot) -> None:
    turn(panel, "Paths", qtbot)
    turn(panel, "Steps", qtbot)
    assert steps_of(panel).table.rowCount() == 4


def test_without_data_the_errors_are_there_and_the_quality_says_why(
    panel: LabPanel, window: MainWindow, qtbot: QtBot
) -> None:
    from dataclasses import replace

    whole(panel, qtbot)
    window.studio._opened = replace(window.studio.current, dataset=None)
    page = steps_of(panel)
    page.field.setText("3, 5")
    qtbot.keyClick(page.field, Qt.Key.Key_Return)
    whole(panel, qtbot)
    page.tabs.setCurrentIndex(2)
    assert "cannot be measured" in page.quality._empty.text() and page.quality._empty.isVisibleTo(page.quality)


def test_every_control_has_a_tooltip_and_a_name(panel: LabPanel, qtbot: QtBot) -> None:
    for title in ("Paths", "λ", "Last step"):
        turn(panel, title, qtbot)
    for kind in (QAbstractButton, QComboBox, QLineEdit, QTableWidget, QProgressBar):
        for control in panel.findChildren(kind):
            if control.parent().metaObject().className() in ("QTabBar", "QTableWidget", "RowTable", "QComboBox"):
                continue
            named = control.accessibleName() or (isinstance(control, QAbstractButton) and control.text())
            assert named and (control.toolTip() or kind is QProgressBar), (kind, control.accessibleName())


def test_without_a_model_it_says_so(still_window: MainWindow, qtbot: QtBot) -> None:
    still_window.commands["lab"].trigger()
    panel = still_window.docks["lab"].panel
    assert isinstance(panel, LabPanel)
    assert not panel.pages, "in one turn with the dock its page would hold the window up for half a second"
    qtbot.waitUntil(lambda: bool(panel.pages))
    assert panel.told.text() == NO_MODEL and not panel.button.isEnabled()
    panel.compute()
    panel.set_theme(DARK)
    assert panel.runner.running is None and steps_of(panel).error.theme is DARK


def test_the_bar_of_tabs_takes_the_focus_only_while_it_is_there(still_window: MainWindow, qtbot: QtBot) -> None:
    def bars() -> list[QTabBar]:
        return still_window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)

    assert all(bar.focusPolicy() == Qt.FocusPolicy.NoFocus for bar in bars())
    still_window.commands["inspector"].trigger()
    still_window.commands["lab"].trigger()
    qtbot.waitUntil(lambda: any(bar.count() == 2 and bar.focusPolicy() & Qt.FocusPolicy.TabFocus for bar in bars()))


def test_the_quality_of_two_models_is_compared_by_steps_and_by_evaluations(
    panel: LabPanel, window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    open_in("diffflow-rings")
    whole(panel, qtbot)
    page = steps_of(panel)
    compare, plot = page.compare, page.quality
    page.tabs.setCurrentIndex(2)
    qtbot.waitUntil(compare.isVisible)
    assert compare.keep.isEnabled() and not compare.forget.isEnabled() and not compare.names.isVisible()
    qtbot.mouseClick(compare.keep, Qt.MouseButton.LeftButton)
    assert not compare.keep.isEnabled() and compare.forget.isEnabled()
    assert compare.curves == [], "it is shown anyway"
    window.session.apply({"last": "mean"})
    panel.compute()
    whole(panel, qtbot)
    assert [curve.name for curve in compare.curves] == ["diffflow-rings, SDE"]
    assert "diffflow-rings,&nbsp;SDE,&nbsp;last&nbsp;step&nbsp;mean&nbsp;only" in compare.names.text()
    window.session.apply({"last": "noise"})
    open_in("diffusion-rings")
    whole(panel, qtbot)
    for name in ("diffflow-rings,&nbsp;SDE", "diffusion-rings,&nbsp;ancestral"):
        assert name in compare.names.text()
    (kept,) = compare.curves
    assert [cost[:2] for cost, _ in kept.rows] == [(3, 6), (6, 12), (12, 24), (20, 40)]
    np.testing.assert_allclose(plot._lines[0].getData()[0], np.log10([3, 6, 12, 20]))
    compare.axis.setCurrentIndex(1)
    compare.axis.activated.emit(1)
    np.testing.assert_allclose(plot._lines[0].getData()[0], np.log10([6, 12, 24, 40]))
    np.testing.assert_allclose(plot._data.getData()[0], np.log10([3, 6, 12, 20]))
    (left, right), (bottom, top) = plot.box.viewRange()
    assert left < np.log10(3) and right > np.log10(40) and bottom < 0 < max(found.value for _, found in kept.rows) < top
    open_in("diffflow-checkerboard")
    assert compare.curves == [], "distances to other data are no comparison"
    open_in("diffusion-rings")
    assert compare.curves == [kept]
    qtbot.mouseClick(compare.forget, Qt.MouseButton.LeftButton)
    assert compare.curves == [] and plot._lines[0].getData()[0] is None
