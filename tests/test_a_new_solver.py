"""A solver is added by one file, its import and its place in the list: everything that offers solvers then has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MIDPOINT = '''
"""The explicit midpoint method for the probability-flow ODE."""

from __future__ import annotations

from dnf_studio.core.sde.solvers.record import NOT_EULER, Solver


def _sampler(model, grid, lam, last, hidden=None):
    """Half a step by the velocity at the node, the whole step by that in the middle."""
    halves = model.grid_at(((grid.t[1:] + grid.t[:-1]) / 2).tolist())
    at_nodes, between = ((*model.fields(some, hidden), some) for some in (grid, halves))

    def velocity(fields, i, x):
        drift, score, some = fields
        return drift(i, x) - score(i, x) * (0.5 * some.g[i] ** 2)

    def states(x):
        yield x
        for i in range(grid.steps, 0, -1):
            length = grid.dt[i - 1]
            middle = x - velocity(at_nodes, i, x) * (length / 2)
            x = x - velocity(between, i - 1, middle) * length
            yield x

    return lambda z, _: states(z)


MIDPOINT = Solver(
    name="midpoint",
    label="midpoint",
    title="midpoint, second order",
    moved_by="midpoint steps of the ODE",
    equation="dx = [f − ½ g² s] dt, by the explicit midpoint method (Runge 1895).",
    card="<b>midpoint</b>  dx = [f − ½ g² s] dt, explicit midpoint",
    source="Runge 1895, Mathematische Annalen 46",
    needs="fields",
    order=2,
    noise=False,
    sampler=_sampler,
    evaluations=lambda steps: 2 * steps,
    unused={"lam": "Midpoint steps have no noise.", "last": "Midpoint steps have no noise.", **NOT_EULER},
)
'''
SHOWN = """
from PySide6.QtWidgets import QApplication
from dnf_studio.gui.drawing.help import HELP
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.session import Session

application, session = QApplication([]), Session()
box = SolverBox(session)
assert "midpoint, second order" in [box.itemText(row) for row in range(box.count())]
session.apply({"solver": "midpoint", "lam": 0.5})
assert box.currentText() == "midpoint, second order" and "Runge 1895" in box.toolTip()
assert session.unused["lam"] == "Midpoint steps have no noise." and session.effective.sampling.lam == 1
assert any("explicit midpoint" in line for line in HELP["solver"].equations) and "Runge" in HELP["solver"].source
"""
COMPUTED = """
import sys
import numpy as np, torch
from dnf_studio.cli import main
from dnf_studio.config import Config
from dnf_studio.core.exploration.rediscretise import rediscretise
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.sample_reader import read_export

file = sys.argv[1]
assert main(["sample", "diffflow-rings", "-n", "64", "--steps", "4", "--solver", "midpoint", "-o", file]) == 0
assert read_export(file).sampling["solver"] == "midpoint"
torch.manual_seed(0)
config = Config.create({"model": "diffusion", "sde": {"t_start": 0.1}, "network": {"layers": 1, "channels": 16}})
flow, steps = Diffusion(2, config).double(), (30, 60, 120)
assert flow.evaluations(10, "midpoint") == 20
x0, settings = torch.randn(20, 2, dtype=torch.float64), SampleSettings(solver="midpoint")
rows = rediscretise(flow, x0, steps, settings, finest=1000)
print("order", -np.polyfit(np.log(steps), np.log([row.backward_end for row in rows]), 1)[0])
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one more solver."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "dnf_studio", root / "dnf_studio", ignore=shutil.ignore_patterns("__pycache__"))
    # What says that this is a checkout, with these beside the package
    for name in ("pyproject.toml", "resources", "checkpoints"):
        (root / name).symlink_to(ROOT / name)
    package = root / "dnf_studio/core/sde/solvers"
    (package / "midpoint.py").write_text(MIDPOINT, encoding="utf-8")
    listed = package / "__init__.py"
    text, neighbour = listed.read_text(encoding="utf-8"), "from dnf_studio.core.sde.solvers.ode import"
    text = text.replace(neighbour, f"from dnf_studio.core.sde.solvers.midpoint import MIDPOINT\n{neighbour}")
    listed.write_text(text.replace("HEUN_OF_MARGINALS)\n", "HEUN_OF_MARGINALS, MIDPOINT)\n"), encoding="utf-8")
    return root


def run(copy: Path, *arguments: str) -> str:
    """What Python prints in the copy."""
    environment = os.environ | {"PYTHONPATH": str(copy), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_offers_it(copy: Path) -> None:
    told = " ".join(run(copy, "-m", "dnf_studio", "sample", "--help").split())
    assert "|heun|midpoint>" in told and "midpoint (midpoint, second order)" in told


def test_the_window_offers_it(copy: Path) -> None:
    run(copy, "-c", SHOWN)


def test_it_samples_with_its_order(copy: Path, tmp_path: Path) -> None:
    told = run(copy, "-c", COMPUTED, str(tmp_path / "a.h5"))
    assert float(told.rpartition("order")[2]) == pytest.approx(2, abs=0.2)
