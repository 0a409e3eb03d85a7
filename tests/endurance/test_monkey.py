"""10,000 random actions in a real window, each part in a window of its own.

Resumable: ``DNF_REAL_WINDOW=1 DNF_ENDURANCE=FOLDER xvfb-run -a pytest -m endurance tests/endurance/test_monkey.py -s``
goes on where the last time ended, until ``DNF_ENDURANCE_SECONDS`` have gone by or ``DNF_ENDURANCE_ACTIONS`` are done,
and prints what was found. One window does ``DNF_ENDURANCE_PART`` of them. All that happened lies in
FOLDER/monkey/part-*.jsonl.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.endurance.real_window import environment

ACTIONS, PART = 10_000, int(os.environ.get("DNF_ENDURANCE_PART", 1_200))
SEED = 20
STALL_MS = 250
GROWTH = 150
"""MB by which the memory may have grown once all is closed again."""
WRONG = "exception", "message", "warning"


def _part(folder: Path, first: int, actions: int) -> list[dict[str, Any]]:
    """What happened in the actions from `first` on."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.endurance.monkey", str(SEED), str(first), str(actions)]
    kept, said = folder / f"part-{first:05}.jsonl", folder / f"part-{first:05}.stderr"
    with kept.open("w") as told, said.open("w") as complaints:
        code = subprocess.run(
            command, stdout=told, stderr=complaints, env=environment(home), check=False, cwd=Path(__file__).parents[2]
        ).returncode
    lines = [json.loads(line) for line in kept.read_text().splitlines() if line.startswith("{")]
    last = max((line["action"] for line in lines if "action" in line), default=first)
    if code != 130 or last < first + actions:
        text = f"ended with {code}: {said.read_text()[-3000:]}"
        lines.append({"what": "exception", "doing": f"after {last}", "text": text})
        with kept.open("a") as told:
            told.write(json.dumps(lines[-1]) + "\n")
    return lines


def _stalls(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stalls that are too long, and neither an import nor the monkey's own look at the memory."""
    long = [one for one in lines if one["what"] == "stall" and 1000 * one["own"] > STALL_MS]
    return [one for one in long if not one["imports"] and not one["doing"].endswith("collects")]


def _told(lines: list[dict[str, Any]]) -> str:
    """What was found, in a few lines."""
    own = _stalls(lines)
    used, closed = ([line["memory"] for line in lines if line["what"] == kind] for kind in ("used", "closed"))
    counts = Counter(line["what"] for line in lines)
    longest = max((line["own"] for line in own), default=0.0)
    return (
        f"{dict(counts)}; {len(own)} stalls over {STALL_MS} ms that are no imports, {longest:.2f} s at most; "
        f"memory {closed[:1]} at first, {max(used, default=0)} MB at most, closed {closed[1:]}"
    )


@pytest.mark.endurance
def test_monkey_breaks_nothing(tmp_path: Path) -> None:
    folder = Path(os.environ.get("DNF_ENDURANCE", tmp_path)) / "monkey"
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + float(os.environ.get("DNF_ENDURANCE_SECONDS", "inf"))
    wanted = int(os.environ.get("DNF_ENDURANCE_ACTIONS", ACTIONS))
    everything: list[list[dict[str, Any]]] = []
    for first in range(0, wanted, PART):
        kept, actions = folder / f"part-{first:05}.jsonl", min(PART, wanted - first)
        done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
        if not any(line.get("action") == first + actions and line["what"] == "done" for line in done):
            if time.monotonic() > until:
                break
            done = _part(folder, first, actions)
        everything.append(done)
        print(f"\n{first:,} to {first + actions:,}: {_told(done)}")
    lines = [line for part in everything for line in part]
    wrong = [line for line in lines if line["what"] in WRONG]
    assert not wrong, f"{len(wrong)}, the first {wrong[0]}"
    stalls = _stalls(lines)
    assert not stalls, f"{len(stalls)}, the first {stalls[0]}"
    for part in everything:
        closed = [line["memory"] for line in part if line["what"] == "closed"]
        assert closed[-1] - closed[0] <= GROWTH, closed
