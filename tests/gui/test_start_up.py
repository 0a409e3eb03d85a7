"""What may be loaded before the window is painted, and what the command line gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QImage

from dnf_studio.gui.workspace.memory import Memory

BUILD = """
import json
import linecache
import sys
from PySide6.QtWidgets import QApplication
from dnf_studio.cli.window import parse
from dnf_studio.gui.application import app
options = parse([])
app._prepare_process()
application = QApplication([])
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.application.lifecycle import Lifecycle
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.drawing import theme
window = MainWindow(Appearance(application))
life = Lifecycle(options, window)
window.show()
seen = [name.removeprefix("dnf_studio.") for name in sys.modules if name.startswith("dnf_studio.")]
window.fill_first("script")
from dnf_studio.link import picture
window.fill()
heavy = "torch", "typer", "rich", "h5py", "scipy", "sklearn", "safetensors", "pandas", "openpyxl"
fonts = theme._scale.cache_info().misses
print(json.dumps({"heavy": [name for name in heavy if name in sys.modules], "seen": seen, "fonts": fonts,
                  "read": sum("dnf_studio" in name for name in linecache.cache)}))
"""
FEATURES = "gui.features."
FIRST = {
    "data.choice",
    "data.panel",
    "disagreement.bars",
    "disagreement.legend",
    "disagreement.plot",
    "export.controller",
    "export.exporter",
    "images.controller",
    "inspector.controller",
    "library.recent",
    "loss.curve",
    "loss.plot",
    "processes.controller",
    "processes.meaning",
    "processes.process_view",
    "processes.tables",
    "processes.time_header",
    "processes.time_view",
    "selection.controller",
    "training.controller",
}
"""Modules of features that the window is painted with, beside what each says of itself; others come with `fill`."""
OTHERS = 111
"""Modules beside those of features and solvers, whose number grows by recipe. One more costs a millisecond or two at
each start: has it to come before the window is seen?"""


def python(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=90, env=environment)


def test_the_window_is_built_of_what_is_seen_first() -> None:
    result = python("-c", BUILD)
    assert result.returncode == 0, result.stderr
    built = json.loads(result.stdout)
    # What shows the first picture of a script is here, too
    assert built["heavy"] == []
    of_features = {name.removeprefix(FEATURES) for name in built["seen"] if name.startswith(FEATURES)}
    assert {name for name in of_features if "." in name} == FIRST
    others = [name for name in built["seen"] if not name.startswith((FEATURES, "core.sde.solvers."))]
    assert len(others) <= OTHERS, sorted(others)
    # The letters' height, which Qt looks up for more than a millisecond, was asked for 42 times
    assert built["fonts"] == 1
    # PySide had read the source of 260 of our modules, and later of torch's
    assert built["read"] < 20


def test_a_picture_is_taken_and_measured_and_neither_uses_nor_leaves_anything_but_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    stored = tmp_path / "CONFIG" / "dnf-studio" / "window.ini"
    stored.parent.mkdir(parents=True)
    settings = QSettings(str(stored), QSettings.Format.IniFormat)
    Memory(settings).put("theme", "dark")
    Memory(settings).put("recent", [{"source": str(tmp_path / "gone.csv"), "kind": "data"}])
    settings.sync()
    before, picture = stored.read_bytes(), tmp_path / "window.png"

    result = python("-m", "dnf_studio", "--screenshot", str(picture), "--after", "0.3", "--size", "1000x700", "--json")
    assert result.returncode == 0, result.stderr
    measures = json.loads(result.stdout)
    assert set(measures) == {"window_ms", "first_frame_ms", "redraws_per_second", "model_frames_per_second"}
    assert 0 < measures["window_ms"] < measures["first_frame_ms"]
    assert measures["redraws_per_second"] > 0
    image = QImage(str(picture))
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and (image.width(), image.height()) == (1000, 700)
    assert image.pixelColor(2, 2).lightness() > 128
    assert stored.read_bytes() == before and not (tmp_path / "DATA").exists()
    written = (tmp_path / "STATE" / "dnf-studio" / "dnf-studio.log").read_text(encoding="utf-8")
    assert "started on" in written and "shown: diffflow-rings" in written and str(tmp_path) not in written


def test_a_picture_of_a_broken_file_fails_with_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no checkpoint")
    picture = tmp_path / "window.png"
    result = python("-m", "dnf_studio", str(broken), "--screenshot", str(picture))
    assert result.returncode == 1
    assert not picture.exists()
    lines = [line for line in result.stderr.splitlines() if line.startswith("dnf-studio: ")]
    assert len(lines) == 1 and lines[0].endswith(".")
    assert "Traceback" not in result.stderr


def test_a_picture_that_cannot_be_written_fails_before_a_window_is_made(tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    picture.mkdir()
    result = python("-m", "dnf_studio", "--screenshot", str(picture), "--after", "0")
    assert result.returncode == 1
    assert result.stderr == f"dnf-studio: Cannot write '{picture}': it is a folder, and a file is needed.\n"
