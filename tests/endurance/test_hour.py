"""One hour of training, playing and exporting in a real window, with memory flat.

``DNF_REAL_WINDOW=1 DNF_ENDURANCE=FOLDER xvfb-run -a pytest -m endurance tests/endurance/test_hour.py -s``; with
``DNF_ENDURANCE_SECONDS`` less than an hour. All that happened lies in FOLDER/hour.jsonl.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.endurance.real_window import environment

GROWTH = 50
"""MB by which the memory of window or training may differ between the first third, without its beginning, and the
last."""


@pytest.mark.endurance
def test_an_hour_leaves_the_memory_as_it_was(tmp_path: Path) -> None:
    folder = Path(os.environ.get("DNF_ENDURANCE", tmp_path))
    home, kept = tmp_path / "home", folder / "hour.jsonl"
    home.mkdir()
    seconds = os.environ.get("DNF_ENDURANCE_SECONDS", "3600")
    with kept.open("w") as told, (folder / "hour.stderr").open("w") as complaints:
        code = subprocess.run(
            [sys.executable, "-m", "tests.endurance.hour", seconds],
            stdout=told, stderr=complaints, env=environment(home), check=False, cwd=Path(__file__).parents[2],
        ).returncode  # fmt: skip
    lines = [json.loads(line) for line in kept.read_text().splitlines() if line.startswith("{")]
    memory = [line for line in lines if line["what"] == "memory"]
    print("\n".join(f"{one['at']:.0f} s: {one}" for one in memory))
    wrong = [line for line in lines if line["what"] in ("exception", "message", "warning", "sentence")]
    assert not wrong, f"{len(wrong)}, the first {wrong[0]}"
    # A stall may be told after it
    done = next(line for line in reversed(lines) if line["what"] == "done")
    assert code == 130 and done["written"] >= len(memory) - 2
    third = len(memory) // 3
    for which in ("window", "training"):
        early, late = memory[min(5, third // 2) : third], memory[-third:]
        first, last = (median(one[which] for one in some) for some in (early, late))
        print(f"{which}: {first} MB in the first third, {last} MB in the last")
        assert abs(last - first) <= GROWTH, (which, first, last)
