"""``dnf-studio bench``: what it prints, refuses and needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dnf_studio import bench
from dnf_studio.bench import Row
from dnf_studio.cli import main
from dnf_studio.errors import SetupError
from tests.test_cli import Told
from tests.test_imports import QT, loaded_after

ROWS = {
    "training": [Row("training step", 2.0, "ms", 5.0, 2.5), Row("another", 1234.5, "ms", 617.25, 0.5)],
    "export": [Row("an export", 1.25, "s", 1.0, 0.8)],
}


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Topics are not measured but noted; a topic without rows in `ROWS` lacks something."""
    asked: list[tuple[str, bool]] = []

    def measure(topic: str, quick: bool = False) -> Iterator[Row]:
        asked.append((topic, quick))
        if topic not in ROWS:
            raise SetupError(f"The {topic} needs what is not here.")
        yield from ROWS[topic]

    monkeypatch.setattr("dnf_studio.cli.bench.measure", measure)
    return asked


def test_json_is_one_object(told: Told, measured: list[tuple[str, bool]]) -> None:
    result = told.json("bench", "--only", "export", "--only", "training", "--quick")
    assert list(result) == ["machine", "quick", "references", "left_out", "rows"]
    assert measured == [("training", True), ("export", True)] and result["quick"] is True
    assert {"processor", "cores", "torch", "precision"} <= set(result["machine"])
    assert list(result["references"]) == ["training", "export"] and result["left_out"] == {}
    assert [list(row) for row in result["rows"]] == [["name", "value", "unit", "reference", "ratio"]] * 3
    assert result["rows"][0] == {"name": "training step", "value": 2.0, "unit": "ms", "reference": 5.0, "ratio": 2.5}


def test_the_table_has_a_line_a_row_under_its_topic(told: Told, measured: list[tuple[str, bool]]) -> None:
    assert told("bench", "--only", "training") == 0
    assert measured == [("training", False)]
    topic, first, second = told.out.splitlines()[-3:]
    assert topic == f"training; the reference is {bench.TOPICS['training']}"
    assert first.split() == ["training", "step", "2", "ms", "5", "2.50x"]
    assert second.split() == ["another", "1,234", "ms", "617", "0.50x"]


def test_what_this_machine_lacks_is_left_out_and_told(told: Told, measured: list[tuple[str, bool]]) -> None:
    result = told.json("bench")
    assert [topic for topic, _ in measured] == list(bench.TOPICS)
    assert [row["name"] for row in result["rows"]] == ["training step", "another", "an export"]
    assert set(result["left_out"]) == set(bench.TOPICS) - set(ROWS)
    assert "Left out drawing: The drawing needs what is not here.\n" in told.err


def test_nothing_to_measure_is_a_failure(told: Told, measured: list[tuple[str, bool]]) -> None:
    assert told("bench", "--only", "drawing", "--json") == 1
    assert told.out == ""
    assert told.err.splitlines()[-1] == "dnf-studio: The drawing needs what is not here."


def test_a_topic_that_is_none_is_refused_before_torch_is_loaded() -> None:
    loaded = loaded_after("from dnf_studio.cli import main; assert main(['bench', '--only', 'drawng']) == 2")
    assert not loaded & {*QT, "torch"}


def test_help_says_what_a_ratio_is(told: Told) -> None:
    assert told("bench", "--help") == 0
    assert "how many times" in told.out and "half a minute" in told.out


def test_only_drawing_loads_qt() -> None:
    names = ", ".join(f"dnf_studio.bench.{topic}" for topic in (*bench.TOPICS, "textbook", "machine"))
    loaded = loaded_after(f"import {names}, dnf_studio.cli.bench; dnf_studio.bench.machine.machine_facts()")
    assert "torch" in loaded and not loaded & set(QT)


NO_DISPLAY = """
import sys
from dnf_studio.bench import drawing
from dnf_studio.cli import main
scenes = drawing.Scene("small scene", 30, 7, 5), drawing.Scene("another", 40, 7, 5)
drawing.QUICK = drawing.Sizes(scenes, frames=1)
sys.exit(main(["bench", "--only", "drawing", "--quick", "--json"]))
"""


def test_no_display_is_needed() -> None:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", NO_DISPLAY], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["machine"]["screen"] == "offscreen" and len(result["rows"]) == 4


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(topic: str, quick: bool = False) -> Iterator[Row]:
        yield ROWS["training"][0]
        raise KeyboardInterrupt

    monkeypatch.setattr("dnf_studio.cli.bench.measure", measure)
    assert main(["bench", "--only", "training"]) == 130
