"""The Lab's page of likelihoods in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dnf_studio.core.evaluation import likelihoods as module
from dnf_studio.core.evaluation.likelihoods import likelihoods
from dnf_studio.gui.actions import Key
from dnf_studio.gui.main_window import MainWindow
from dnf_studio.gui.panels.lab import LabPanel
from dnf_studio.gui.panels.lab_likelihood import LikelihoodPage

WAIT = 60_000
pytestmark = pytest.mark.usefixtures("few_points")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ODE_POINTS", 40)
    monkeypatch.setattr(module, "BOUND_POINTS", 200)


@pytest.fixture
def open_page(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> Callable[[str], LikelihoodPage]:
    """Open a model, and the page of it."""

    def open_page_of(name: str) -> LikelihoodPage:
        open_in(name)
        QTest.keySequence(window, QKeySequence("Ctrl+Shift+N"))
        panel = panel_of(window)
        titles = [panel.tabs.tabText(place) for place in range(panel.tabs.count())]
        panel.tabs.setCurrentIndex(titles.index("Likelihood"))
        page = panel.pages["Likelihood"]
        assert isinstance(page, LikelihoodPage)
        qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
        return page

    return open_page_of


def panel_of(window: MainWindow) -> LabPanel:
    panel = next(dock for dock in window.explore if dock.objectName() == Key.LAB).panel
    assert isinstance(panel, LabPanel)
    return panel


def shown(page: LikelihoodPage) -> dict[str, list[str]]:
    """The texts of each row, by its name."""
    table = page.table
    rows = [[table.item(r, c).text() for c in range(table.columnCount())] for r in range(table.rowCount())]
    return {name: values for name, *values in rows}


def test_it_is_computed_when_it_is_first_seen_and_its_numbers_are_those_of_evaluate(
    window: MainWindow, open_page: Callable[[str], LikelihoodPage]
) -> None:
    page = open_page("diffflow-checkerboard")
    opened = window.studio.current
    known = likelihoods(opened.snapshot.flow, opened.dataset)
    rows = shown(page)
    assert list(rows) == [
        *("Bound, N = 30", "Importance, K = 16", "ODE", "ODE, tolerance × 100"),
        *("ODE by Heun, N = 30", "ODE by Heun, N = 60", "Entropy of the data"),
    ]
    assert rows["Bound, N = 30"][:2] == [f"{known.nll_bound:.3f}", f"{known.nll_bound_error:.3f}"]
    assert rows["ODE"][0] == f"{known.nll_ode:.3f}" and rows["Entropy of the data"][:2] == ["1.792", "–"]
    assert page.table.isColumnHidden(3) and "40 points" in page.told.text() and "200" in page.told.text()
    assert f"{known.nll_ode - opened.dataset.entropy:+.3f}".replace("-", "−") in page.told.text()
    assert panel_of(window).told.text() == "Newest weights, K = 16."


def test_another_k_waits_for_compute_and_is_tighter(
    window: MainWindow, open_page: Callable[[str], LikelihoodPage], qtbot: QtBot
) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    first = shown(page)["Importance, K = 16"][0]
    page.paths.setValue(400)
    assert panel.told.text().startswith("Out of date") and shown(page)["Importance, K = 16"][0] == first
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
    assert float(shown(page)["Importance, K = 400"][0]) < float(first)


def test_the_table_is_copied_as_text(open_page: Callable[[str], LikelihoodPage], qtbot: QtBot) -> None:
    page = open_page("diffflow-checkerboard")
    qtbot.mouseClick(page.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "NLL\tnats\t±" and lines[-1] == "Entropy of the data\t1.792\t" and len(lines) == 8


def test_a_flow_has_no_paths_and_one_part(window: MainWindow, open_page: Callable[[str], LikelihoodPage]) -> None:
    page = open_page("flow-rings")
    assert list(shown(page)) == ["ODE", "ODE, tolerance × 100", "Entropy of the data"]
    assert not page.paths.isEnabled() and panel_of(window).told.text() == "Newest weights, exact likelihood."


def test_images_have_bits(open_page: Callable[[str], LikelihoodPage]) -> None:
    page = open_page("diffflow-digits")
    rows = shown(page)
    assert not page.table.isColumnHidden(3) and 2 < float(rows["ODE"][2]) < 3 and "Entropy of the data" not in rows
    assert "standardised logits" in page.told.text()


def test_resolutions_that_differ_are_told(open_page: Callable[[str], LikelihoodPage], window: MainWindow) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    study = page.study(window.studio.current.snapshot.version)
    (*_, last) = panel.runner.results(study)
    known = replace(last.likelihoods, nll_ode_error=0.02)
    page.show_results(study, [last])
    assert "do not trust" not in page.told.text() and "too few" not in page.told.text()
    other = replace(known, nll_ode_coarse=known.nll_ode + 0.1)
    page.show_results(study, [replace(last, likelihoods=other)])
    assert "do not trust" in page.told.text() and "too few" not in page.told.text()
    page.show_results(study, [replace(last, likelihoods=replace(other, nll_ode_error=0.2))])
    assert "do not trust" not in page.told.text(), "it is within what the points leave uncertain"
    first, second = known.nll_ode_grid
    moved = replace(known, nll_ode_grid=(first, replace(second, nll=first.nll + 0.1)))
    page.show_results(study, [replace(last, likelihoods=moved)])
    assert "N = 30 and 60: too few" in page.told.text() and "do not trust" not in page.told.text()


def test_without_data_it_says_why(window: MainWindow, open_page: Callable[[str], LikelihoodPage]) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    window.studio._opened = replace(window.studio.current, dataset=None)
    panel.compute()
    page.show_results(None, ())
    assert not panel.button.isEnabled() and "not here" in page.told.text() and not page.copy.isEnabled()
