"""20,000 files of every format with something wrong in them (2,000 of HDF5, each of which starts a process).

Resumable in parts: ``DNF_ENDURANCE=FOLDER pytest -m endurance tests/endurance/test_mutants.py -s`` goes on where the
last time ended, until ``DNF_ENDURANCE_SECONDS`` (for each format, all that is needed by default) have gone by, and
prints the counts. What fails lies in FOLDER/FORMAT.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.endurance.patience import Patience
from tests.endurance.seeds import FORMATS

CASES = {"hdf5": 1000, "export": 1000}
MOST_CASES = 20_000
PARTS = {"csv": 500, "tsv": 500, "xlsx": 500, "parquet": 500, "hdf5": 50, "export": 50}
"""Mutants that a process reads; one that is killed meanwhile leaves nothing of them."""
PART = 2000
STUCK = 60.0
"""Seconds without a word after which a mutant hangs: by the processor's time the process ends itself much earlier."""


def _part(kind: str, folder: Path, first: int, count: int) -> list[dict[str, Any]]:
    """What became of the mutants from `first` on, up to one that the process died of."""
    command = [sys.executable, "-m", "tests.endurance.mutants", kind, str(folder), str(first), str(count)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "stderr").open("a") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=environment)
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    begun: int | None = None
    watch = Patience(process.kill, 4 * STUCK)
    try:
        for line in process.stdout:
            told = json.loads(line)
            if "done" in told:
                begun = None
                break
            watch.begin(STUCK)
            if "start" in told:
                begun = told["start"]
            else:
                found.append(told)
                begun = None
    finally:
        watch.end()
        process.kill()
        process.stdout.close()
        code = process.wait()
    if begun is not None:
        found.append({"end": begun, "what": f"died with {code}", "seconds": 0.0, "memory": 0, "told": ""})
    assert found, f"nothing was read of {kind}, see {folder / 'stderr'}"
    return found


@pytest.mark.endurance
@pytest.mark.parametrize("kind", FORMATS)
def test_mutants_cost_a_sentence(kind: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("DNF_ENDURANCE", tmp_path)) / kind
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "outcomes.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    until = time.monotonic() + float(os.environ.get("DNF_ENDURANCE_SECONDS", "inf"))
    wanted = CASES.get(kind, MOST_CASES)
    while len(done) < wanted and time.monotonic() < until:
        part = _part(kind, folder, len(done), min(PARTS.get(kind, PART), wanted - len(done)))
        done += part
        with kept.open("a") as file:
            file.writelines(f"{json.dumps(one)}\n" for one in part)
    counts = Counter(one["what"] for one in done)
    slowest, largest = (max(one[name] for one in done) for name in ("seconds", "memory"))
    print(f"\n{kind}: {len(done):,} of {wanted:,}, {dict(counts)}, {slowest:.2f} s, {largest / 1e6:.0f} MB at most")
    wrong = [one for one in done if one["what"] not in ("read", "refused")]
    assert not wrong, f"{len(wrong)} of {len(done)}, the first {wrong[0]}"
