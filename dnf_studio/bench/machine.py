"""The machine that the numbers were measured on, and a fresh Python on it, for what a process of its own shows only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import dnf_studio
from dnf_studio import __version__
from dnf_studio.errors import SetupError

OFFSCREEN = "offscreen"


def machine_facts() -> dict[str, str | int | float | None]:
    """Processor, cores, versions, the type that `auto` takes, where windows go, and how busy the machine is."""
    import torch

    from dnf_studio.core.hardware import choose_hidden_type
    from dnf_studio.core.parallel import worker_threads

    return {
        "processor": _processor(),
        "cores": worker_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "pyside6": _version("PySide6-Essentials"),
        "dnf_studio": __version__,
        "precision": str(choose_hidden_type("auto", torch.device("cpu"))).removeprefix("torch."),
        "screen": screen(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def cores_in_words(facts: Mapping[str, object]) -> str:
    """How many cores `machine_facts` found."""
    return "1 core" if facts["cores"] == 1 else f"{facts['cores']} cores"


def screen() -> str:
    """``desktop``, or ``offscreen`` where there is no display that a window could open on."""
    from dnf_studio.system_libraries import require_display

    if os.environ.get("QT_QPA_PLATFORM", "").startswith(OFFSCREEN):
        return OFFSCREEN
    try:
        require_display()
    except SetupError:
        return OFFSCREEN
    return "desktop"


def _processor() -> str:
    """The model's name, which Python itself does not know on Linux."""
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


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
