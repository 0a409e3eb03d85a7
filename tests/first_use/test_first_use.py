"""Runs `first_use` and `explores` in a process of their own, with windows on the X display instead of off screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

NEEDED = ("xdotool", "openbox")


@pytest.fixture
def window_manager() -> Iterator[None]:
    """Gives the keyboard to dialogs; a second one on the same display ends by itself."""
    manager = subprocess.Popen(["openbox"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield
    manager.terminate()
    manager.wait(10)


@pytest.mark.xvfb
@pytest.mark.skipif(any(shutil.which(name) is None for name in NEEDED), reason=f"needs {' and '.join(NEEDED)}")
@pytest.mark.usefixtures("window_manager")
def test_a_newcomer_gets_through() -> None:
    # One after the other: there is one mouse
    scripts = [f"tests/first_use/{name}.py" for name in ("first_use", "explores")]
    options = "-m pytest -q -x -p no:cacheprovider -p no:xdist -o faulthandler_timeout=600"
    env = {**os.environ, "DNF_REAL_WINDOW": "1", "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, *options.split(), *scripts], env=env, timeout=600, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
