"""The choice of the solver: what each model offers, what it leaves without a meaning, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.config.model_kinds import unused
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.sde.solvers import FITTED, SOLVERS, solver_in_effect, solvers_for, unused_settings
from dnf_studio.core.sde.solvers.fitted import fitted_for
from dnf_studio.core.storage.sample_reader import read_export
from dnf_studio.errors import SettingError
from dnf_studio.gui.features.export.list import ExportHistory, ExportRecord
from dnf_studio.gui.features.sampling.panel import HELP
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import State
from tests.gui.conftest import TINY
from tests.views import viewed

Open = Callable[[str], None]


@pytest.fixture
def session() -> Session:
    made = Session()
    made.set_lacks({}, Diffusion.solvers)
    return made


def test_a_solver_is_undone_and_survives_a_model_that_has_not_got_it(session: Session) -> None:
    session.apply({"lam": 0.5, "last": "mean", "solver": "ddim"})
    assert session.effective.sampling == viewed(solver="ddim")
    session.set_lacks({})
    assert session.effective.sampling == viewed(lam=0.5, last="mean")
    session.set_lacks({}, Diffusion.solvers)
    assert session.effective.sampling.solver == "ddim"
    session.apply({"grid": "karras"})
    assert session.effective.sampling.grid == "karras"
    session.set_lacks({})
    assert (session.effective.sampling.grid, session.state.sampling.grid) == (None, "karras")
    session.undo()
    session.undo()
    assert session.state == State()
    session.redo()
    assert session.state.sampling.solver == "ddim"
    with pytest.raises(SettingError, match="The solver 'rk45' is not one of"):
        session.apply({"solver": "rk45"})


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ("sde", set()),
        ("ode", {"lam", "last"}),
        ("ancestral", {"lam", "parts", "langevin"}),
        ("ddim", {"lam", "last", "parts", "langevin"}),
        ("heun", {"lam", "last", "parts", "langevin"}),
        ("dpmpp-2m", {"lam", "last", "parts", "langevin"}),
    ],
)
def test_what_has_no_meaning_is_named_with_its_reason(solver: str, expected: set[str]) -> None:
    found = unused_settings(solver_in_effect(solver, Diffusion.solvers, None), {})
    assert found.keys() == expected and all(reason.endswith(".") for reason in found.values())
    of_flow = unused_settings(Flow.solvers[0], Flow.lacks)
    assert of_flow.keys() == {"lam", "last", "parts", "langevin"} and of_flow["lam"] == Flow.lacks["noise"]


def test_flow_matching_has_a_noise_level_with_the_sde_and_independent_pairs(session: Session) -> None:
    session.set_lacks({}, Matching.solvers)
    assert session.effective.sampling.solver == "midpoint" and session.effective.sampling.level == 0
    assert "Midpoint steps have no noise" in session.unused["lam"]
    session.apply({"solver": "sde", "lam": 0.5})
    assert not session.unused and session.effective.sampling.level == 0.5
    coupled = Matching(2, Config.create({"model": "matching", "training": {"coupling": "transport"}}))
    session.set_lacks(coupled.lacks, coupled.solvers)
    assert session.effective.sampling.solver == "midpoint" and "only λ = 0 is right" in session.unused["lam"]
    greyed = {name for name in unused(coupled.config, 2) if name.startswith("sde.g_")}
    assert greyed == {"sde.g_start", "sde.g_end"} and "sde.g_end" not in unused(Config.create({"model": "matching"}), 2)


def test_every_solver_is_explained_with_its_source() -> None:
    told = HELP.text + "".join(HELP.equations)
    for solver in SOLVERS:
        assert (
            solver.label in told and re.search(r"\b(18|19|20)\d\d\b", solver.equation) and solver.source in HELP.source
        )
    assert "Runge–Kutta" in Flow.solvers[0].title
    assert "½ g² s" in solver_in_effect("heun", solvers_for("fields"), None).equation


def test_the_box_offers_what_the_model_has(session: Session, qtbot: QtBot) -> None:
    box = SolverBox(session, short=True)
    qtbot.addWidget(box)
    assert [box.itemText(k) for k in range(box.count())] == ["ancestral", "DDIM", "Heun", "DPM++ 2M", "SDE", "ODE"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert session.state.sampling.solver == "ddim" and "Ermon 2021" in box.toolTip()
    session.undo()
    assert box.currentText() == "ancestral"
    session.set_lacks(Flow.lacks, Flow.solvers)
    assert (box.count(), box.isEnabled()) == (1, False) and "no other solver" in box.toolTip()


def test_fitted_steps_are_grey_where_the_view_has_another_n(session: Session, qtbot: QtBot) -> None:
    box = SolverBox(session)
    qtbot.addWidget(box)
    session.set_lacks({}, (*solvers_for("fields"), fitted_for(FITTED, (5, 10))))
    last, items = box.count() - 1, box.model()
    assert isinstance(items, QStandardItemModel)
    assert not items.item(last).isEnabled() and "For View N = 5 and 10 alone." in items.item(last).toolTip()
    session.apply({"steps": 5, "solver": "fitted", "grid": "uniform"})
    assert items.item(last).isEnabled() and box.currentData() == "fitted"
    assert (
        session.effective.sampling == viewed(steps=5, solver="fitted") and "times are fitted" in session.unused["grid"]
    )
    session.apply({"steps": 7})
    assert not items.item(last).isEnabled() and box.currentData() == "sde"
    assert (session.effective.sampling.solver, session.state.sampling.solver) == (None, "fitted")


def test_old_records_of_exports_are_kept_and_new_ones_say_their_solver() -> None:
    memory = Memory()
    memory.put("exports", [{"path": "a.h5", "count": 5, "steps": 3, "lam": 0.5, "size": 1, "created": "",
                            "selected": False}])  # fmt: skip
    history = ExportHistory(memory)
    assert history.records[0].solver == "SDE"
    history.add(ExportRecord("b.h5", 5, 3, 0.0, solver="DDIM"))
    assert [record.solver for record in history.records] == ["DDIM", "SDE"]
    memory.put("exports", [{**vars(history.records[0]), "solver": 5}])
    assert history.records == ()


def test_the_window_shows_exports_and_reopens_a_solver(
    window: MainWindow, open_in: Open, qtbot: QtBot, tmp_path: Path
) -> None:
    session = window.session
    open_in("circle")
    session.apply({"config.model": "diffusion", **TINY})
    qtbot.waitUntil(lambda: len(session.solvers) == 6, timeout=20_000)
    session.apply({"solver": "ddim"})
    assert not window.toolbar.lam.slider.isEnabled() and "DDIM steps have no noise" in window.toolbar.lam.box.toolTip()
    assert window.plots["backward"].accessibleName().startswith("Backward (DDIM):")
    assert "by DDIM steps" in window.plots["backward"].caption and "forward SDE" in window.plots["forward"].caption
    qtbot.waitUntil(
        lambda: window.live.frame.request.solver == "ddim" and window.live.frame.complete,
        timeout=20_000,
    )
    panel = window.page("Export")
    assert panel is not None and panel.form.solver.currentData() == "ddim" and not panel.form.last.isEnabled()
    assert "no noise" in panel.form.last.toolTip() and not panel.form.parts["noise"].isEnabled()
    panel.form.count.setValue(50)
    panel.form.target.setText(str(tmp_path / "a.h5"))
    panel.export.click()
    qtbot.waitUntil(
        lambda: panel.earlier.list.count() == 1 and not window.parts["export"].exporter.running,
        timeout=20_000,
    )
    assert "N 4, DDIM" in panel.earlier.list.item(0).text()
    assert read_export(tmp_path / "a.h5").sampling["solver"] == "ddim"
    session.apply({"solver": "heun"})
    open_in(str(tmp_path / "a.h5"))
    assert session.state.sampling.solver == "ddim" and window.live.frame.backward.shape == (5, 50, 2)
    assert window.toolbar.solver.currentText() == "DDIM"
    session.apply({"config.model": "diffflow"})
    open_in("circle")
    assert window.live.frame.request.solver is None and window.toolbar.lam.slider.isEnabled()
