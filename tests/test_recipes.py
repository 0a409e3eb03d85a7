"""CONTRIBUTING.md is true: every path it names is there, and its recipes for a plot and a solver work as written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|diff) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLOT = """
from PySide6.QtWidgets import QApplication
app = QApplication([])
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from tests.gui.scenes import frame_of
window = MainWindow(Appearance(app))
window.fill()
tabs = window.views.tabs.tabs
assert "Spread" in [tabs.tabText(place) for place in range(tabs.count())]
plot, shown = window.plots["spread"], frame_of()
window.live.show(shown)
assert len(plot.curve.getData()[1]) == len(shown.t)
plot.clicked_at(2.2, 0.0)
assert window.session.cursor.node == 2
"""
SOLVER = """
import contextlib, io
import numpy as np, torch
from dnf_studio.cli import main
from dnf_studio.config import Config
from dnf_studio.core.exploration.rediscretise import rediscretise
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.sample_reader import read_export
told = io.StringIO()
with contextlib.redirect_stdout(told):
    assert main(["sample", "--help"]) == 0
assert "ralston (Ralston, second order)" in " ".join(told.getvalue().split()), told.getvalue()
assert main(["sample", "diffflow-rings", "-n", "64", "--steps", "4", "--solver", "ralston", "-o", "a.h5"]) == 0
assert read_export("a.h5").sampling["solver"] == "ralston"
torch.manual_seed(0)
config = Config.create({"model": "diffusion", "sde": {"t_start": 0.1}, "network": {"layers": 1, "channels": 16}})
flow, steps = Diffusion(2, config).double(), (30, 60, 120)
assert flow.evaluations(10, "ralston") == 20
x0, settings = torch.randn(20, 2, dtype=torch.float64), SampleSettings(solver="ralston")
rows = rediscretise(flow, x0, steps, settings, finest=1000)
order = -np.polyfit(np.log(steps), np.log([row.backward_end for row in rows]), 1)[0]
assert 1.7 < order < 2.4, order
from PySide6.QtWidgets import QApplication
from dnf_studio.gui.features.sampling.panel import HELP
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.session import Session
application, session = QApplication([]), Session()
box = SolverBox(session)
session.apply({"solver": "ralston", "lam": 0.5})
assert box.currentText() == "Ralston, second order" and "Ralston 1962" in box.toolTip()
assert session.unused["lam"].startswith("Ralston’s steps have no noise;") and session.effective.sampling.lam == 1
assert any("Ralston" in line for line in HELP.equations) and "Ralston" in HELP.source
"""


def section(title: str) -> str:
    """The text under the heading `title`."""
    return TEXT.split(f"### {title}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]


def follow(recipe: str, root: Path) -> None:
    """Do what the recipe says: write its files and change its lines, each of which must be there once."""
    for kind, name, text in BLOCK.findall(section(recipe)):
        path = root / name
        if kind == "python":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        lines = text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        whole = path.read_text(encoding="utf-8")
        assert whole.count(before) == 1, (name, before)
        path.write_text(whole.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(("recipe", "check"), [("A plot", PLOT), ("A solver", SOLVER)])
def test_a_recipe_works_as_it_is_written(recipe: str, check: str, tmp_path: Path) -> None:
    for folder in ("dnf_studio", "resources", "checkpoints", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "golden"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    follow(recipe, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_path_it_names_is_there() -> None:
    """Of the files that a recipe makes, their folders."""
    made = {name for kind, name, _ in BLOCK.findall(TEXT) if kind == "python"}
    named = {name.rstrip("/") for name in re.findall(r"`((?:dnf_studio|tests|resources|checkpoints)/[\w./*-]+)`", TEXT)}
    short = set(re.findall(r"`((?:config|core|workers|gui|cli|bench|reproduce)/[\w./*-]+)`", TEXT))
    missing = [name for name in named - made if "spread" not in name and not list(ROOT.glob(name))]
    missing += [name for name in short if not list((ROOT / "dnf_studio").glob(name.rstrip("/")))]
    assert not missing
