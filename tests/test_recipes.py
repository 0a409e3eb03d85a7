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
import dnf_studio
from dnf_studio.cli import main
model = dnf_studio.load("diffflow-rings")
fine = model.sample(500, steps=400, solver="heun", seed=3)
errors = [(model.sample(500, steps=n, solver="midpoint", seed=3) - fine).norm(dim=1).median() for n in (50, 200)]
assert errors[1] < errors[0] / 4, errors
shown = io.StringIO()
with contextlib.redirect_stdout(shown):
    main(["sample", "--help"])
assert "midpoint" in shown.getvalue(), shown.getvalue()
from PySide6.QtWidgets import QApplication
application = QApplication([])
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.session import Session
box = SolverBox(Session())
assert "Midpoint, second order" in [box.itemText(place) for place in range(box.count())]
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
