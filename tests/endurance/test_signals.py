"""Every verb, and the window, ended by every signal at moments from its start on: no traceback, nothing half-written.

Moments are seconds of the processor, so that a busy machine changes nothing. What comes before Python has read the
first line of the studio is Python's own: a few hundredths of a second.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.core.training.run import Run

MOMENTS = (0.1, 0.3, 0.7, 1.5, 3.0, 6.0)
MOST = 1.0
"""Seconds of the processor until a verb obeys; the window first waits for the imports of its threads."""
VERBS = {
    "train": "train --data moons --steps 10000 --iterations 100 -o OUT/a.safetensors",
    "measuring": "train --data moons --steps 10000 --iterations 1 --batch 8 -o OUT/a.safetensors",
    "sample": "sample MODEL -n 100000 -o OUT/a.h5",
    "fit-steps": "fit-steps MODEL --steps 20 -o OUT/a.safetensors",
    "evaluate": "evaluate MODEL",
    "inspect": "inspect MODEL",
    "datasets": "datasets",
    "bench": "bench --only sampling",
    "reproduce": "reproduce -o OUT/r --quick --sets rings --seconds 5",
    "window": "",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 10,000 steps."""
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    config = Config.create({"data": "moons", "sde": {"steps": 10_000}, "training": {"device": "cpu"}})
    Run(config).save(path, kind="weights")
    return path


def used(process: int) -> float:
    """Seconds of the processor that it took."""
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.endurance
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("verb", VERBS)
def test_it_obeys(tmp_path: Path, model: Path, verb: str, number: int) -> None:
    for moment in MOMENTS:
        folder = tmp_path / str(moment)
        folder.mkdir()
        words = VERBS[verb].replace("OUT", str(folder)).replace("MODEL", str(model)).split()
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with (folder / "told").open("w") as told:
            process = subprocess.Popen([sys.executable, "-m", "dnf_studio", *words], stdout=told, stderr=told)
        signal.signal(signal.SIGHUP, before)
        while process.poll() is None and used(process.pid) < moment:
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(number)
        asked = spent = used(process.pid) if process.poll() is None else 0.0
        until = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < until:
            spent = used(process.pid)
            time.sleep(0.01)
        process.kill()
        where = f"{verb}, {signal.Signals(number).name} after {moment} s, {spent - asked:.2f} s to obey"
        print(where)
        assert process.wait() in (130, -signal.SIGINT, 0), where
        assert "Traceback" not in (folder / "told").read_text(), where
        assert spent - asked < (MOST if verb != "window" else 5 * MOST), where
        assert not list(folder.glob(".*")) and {one.name for one in folder.iterdir()} <= {"told", "r", "a.safetensors"}
