"""A fresh Python with this very package, for what can be measured in a process of its own only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dnf_studio
from dnf_studio.errors import SetupError

__all__ = ["run_python"]


def run_python(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What ``python`` with `words` printed; Ctrl-C ends it too.

    Raises `SetupError` where it failed, with the last line it said.
    """
    home = str(Path(dnf_studio.__file__).parents[1])
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise SetupError(f"A process that was to be measured ended with code {done.returncode}: {said[-1]}")
    return done.stdout
