"""The Lab's page of likelihoods in a whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from dnf_studio.api import open_checkpoint
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.evaluation import likelihoods as module
from dnf_studio.core.evaluation.likelihoods import GridNLL, likelihoods
from dnf_studio.core.models.build import build_model
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.errors import DivergenceError
from dnf_studio.gui.features.lab.likelihood import LikelihoodPage
from dnf_studio.gui.features.lab.panel import LabPanel
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.workers import lab
from dnf_studio.workers.snapshot import Snapshot

WAIT = 60_000
OpenPage = Callable[..., LikelihoodPage]
pytestmark = pytest.mark.usefixtures("few_points")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ODE_POINTS", 8)
    monkeypatch.setattr(module, "BOUND_POINTS", 100)
    # The page that is seen before this one begins to compute too
    monkeypatch.setattr(lab, "SAMPLES", 300)
    monkeypatch.setattr(lab, "ERROR_POINTS", 40)
    monkeypatch.setattr("dnf_studio.gui.features.lab.steps.DEFAULT", "3")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The file of a bundled model made small, with six steps and the weights that its run would begin with."""
    folder = tmp_path_factory.mktemp("small")

    def file_of(name: str) -> str:
        path = folder / f"{name}.safetensors"
        if not path.exists():
            save_small(name, path)
        return str(path)

    return file_of


def save_small(name: str, path: Path) -> None:
    small = {"network.channels": 8, "network.layers": 1, "sde.steps": 6}
    config = open_checkpoint(name).config.changed(small)
    dataset = open_configured(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = build_model(dataset.dim, config, dataset.standardisation, image=dataset.image)
    save_checkpoint(path, Checkpoint.of_model(flow))


@pytest.fixture
def unsolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ODE is solved."""

    def fail(*_: object) -> None:
        raise DivergenceError("no step is small enough")

    monkeypatch.setattr(module, "ode_nll", fail)


@pytest.fixture
def open_page(
    window: MainWindow, open_in: Callable[[str], None], small: Callable[[str], str], qtbot: QtBot
) -> OpenPage:
    """Open a small model, or a bundled one, and the page of it."""

    def open_page_of(name: str, bundled: bool = False) -> LikelihoodPage:
        open_in(name if bundled else small(name))
        QTest.keySequence(window, QKeySequence("Ctrl+Shift+N"))
        panel = panel_of(window)
        titles = [panel.tabs.tabText(place) for place in range(panel.tabs.count())]
        panel.tabs.setCurrentIndex(titles.index("Likelihood"))
        qtbot.waitUntil(lambda: "Likelihood" in panel.pages)
        page = panel.pages["Likelihood"]
        assert isinstance(page, LikelihoodPage)
        qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
        return page

    return open_page_of


def panel_of(window: MainWindow) -> LabPanel:
    panel = window.docks["lab"].panel
    assert isinstance(panel, LabPanel)
    return panel


def shown(page: LikelihoodPage) -> dict[str, list[str]]:
    """The texts of each row, by its name."""
    table = page.table
    rows = [[table.item(r, c).text() for c in range(table.columnCount())] for r in range(table.rowCount())]
    return {name: values for name, *values in rows}


def test_it_is_computed_when_it_is_first_seen_and_its_numbers_are_those_of_evaluate(
    window: MainWindow, open_page: OpenPage
) -> None:
    page = open_page("diffflow-checkerboard")
    opened = window.studio.current
    known = likelihoods(opened.snapshot.flow, opened.dataset)
    rows = shown(page)
    assert list(rows) == [
        *("Bound, N = 6", "Importance, K = 16", "ODE", "ODE, tolerance × 100"),
        *("ODE by Heun, N = 6", "ODE by Heun, N = 12", "Entropy of the data"),
    ]
    assert rows["Bound, N = 6"][:2] == [f"{known.nll_bound:.3f}", f"{known.nll_bound_error:.3f}"]
    assert rows["ODE"][0] == f"{known.nll_ode:.3f}" and rows["Entropy of the data"][:2] == ["1.792", "–"]
    assert page.table.isColumnHidden(3) and "8 points" in page.told.text() and "100" in page.told.text()
    assert f"{known.nll_ode - opened.dataset.entropy:+.3f}".replace("-", "−") in page.told.text()
    assert panel_of(window).told.text() == "Newest weights, K = 16."


@pytest.mark.usefixtures("unsolved")
def test_each_chain_of_a_diffusion_model_has_its_bound_beside_what_it_can_attain(
    window: MainWindow, open_page: OpenPage
) -> None:
    rows = shown(open_page("diffusion-rings", bundled=True))
    assert list(rows)[:3] == ["Bound, ancestral, N = 100", "Bound, Euler steps", "Importance, K = 16"]
    assert list(rows)[-2:] == ["Attainable by the chain", "Entropy of the data"]
    assert float(rows["Bound, ancestral, N = 100"][0].replace("−", "-")) < float(rows["Bound, Euler steps"][0])
    assert rows["Attainable by the chain"][0] == "−0.936"


def test_another_k_waits_for_compute_and_is_tighter(window: MainWindow, open_page: OpenPage, qtbot: QtBot) -> None:
    page, panel = open_page("diffusion-rings"), panel_of(window)
    first = shown(page)["Importance, K = 16"][0]
    page.paths.setValue(100)
    assert panel.told.text().startswith("Out of date") and shown(page)["Importance, K = 16"][0] == first
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
    assert float(shown(page)["Importance, K = 100"][0]) < float(first)


def test_the_table_is_copied_as_numbers(open_page: OpenPage, qtbot: QtBot) -> None:
    page = open_page("diffflow-rings")
    qtbot.mouseClick(page.copy, Qt.MouseButton.LeftButton)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == ["NLL", "nats", "±"] and lines[-1][::2] == ["Entropy of the data", ""] and len(lines) == 9
    assert float(lines[-1][1]) == pytest.approx(-0.962, abs=1e-3)
    assert shown(page)["Entropy of the data"][0] == "−0.962"


def test_a_flow_has_no_paths_and_one_part(window: MainWindow, open_page: OpenPage) -> None:
    page = open_page("flow-rings")
    assert list(shown(page)) == ["ODE", "ODE, tolerance × 100", "Entropy of the data"]
    assert not page.paths.isEnabled() and panel_of(window).told.text() == "Newest weights, exact likelihood."
    assert any("likelihood of a flow is exact" in label.text() for label in page.findChildren(QLabel))


def test_images_have_bits(open_page: OpenPage) -> None:
    page = open_page("diffflow-digits")
    rows = shown(page)
    assert not page.table.isColumnHidden(3) and 2 < float(rows["ODE"][2]) < 3.3 and "Entropy of the data" not in rows
    assert "standardised logits" in page.told.text() and "do not trust" not in page.told.text()


@pytest.mark.usefixtures("unsolved")
def test_what_cannot_be_had_has_a_dash_and_a_sentence(open_page: OpenPage) -> None:
    page = open_page("diffflow-checkerboard")
    assert shown(page)["ODE"][0] == shown(page)["ODE, tolerance × 100"][0] == "–"
    assert "could not be solved" in page.told.text() and shown(page)["Bound, N = 6"][0] != "–"


def test_ways_that_differ_are_told(open_page: OpenPage, window: MainWindow) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    study = page.study(window.studio.current.snapshot.version)
    *before, last = panel.runner.results(study)
    value = last.fields["nll_ode"]
    same = {"nll_ode_coarse": value, "nll_ode_grid": (GridNLL(30, value), GridNLL(60, value))}

    def told(**fields: object) -> str:
        page.show_results(study, [*before, replace(last, fields={**last.fields, **same, **fields})])
        return page.told.text()

    assert "do not trust" not in told() and "Heun" not in told()
    assert "do not trust" in told(nll_ode_coarse=value + 0.1)
    assert "tolerance the ODE could not be solved" in told(nll_ode_coarse=None)
    for grid in ((GridNLL(30, value + 0.1), GridNLL(60, value)), (GridNLL(30, value), GridNLL(60, None))):
        assert "steps at N = 30 and 60 it is another" in told(nll_ode_grid=grid)


def test_a_run_that_changed_its_n_is_told_by_that(window: MainWindow, open_page: OpenPage, qtbot: QtBot) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    flow = window.studio.current.snapshot.build()
    flow.set_grid(flow.grid(10))
    window.studio.explorer.publish(Snapshot.of(flow))
    qtbot.waitUntil(lambda: "earlier weights" in panel.told.text(), timeout=WAIT)
    panel.compute()
    qtbot.waitUntil(lambda: panel.runner.running is None, timeout=WAIT)
    assert next(iter(shown(page))) == "Bound, N = 10" and "ODE by Heun, N = 20" in shown(page)


def test_without_data_it_says_why_and_with_data_no_more(
    window: MainWindow, open_page: OpenPage, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    page, panel = open_page("diffflow-checkerboard"), panel_of(window)
    known = window.studio.current
    window.studio._show(replace(known, dataset=None))
    assert not panel.button.isEnabled() and "not here" in page.told.text() and not page.copy.isEnabled()
    window.studio._show(replace(known, shown=replace(known.shown, trained=False)))
    assert panel.button.isEnabled() and page.told.text() == "" and not shown(page)
