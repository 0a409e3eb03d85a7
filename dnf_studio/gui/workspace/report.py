"""What a person sends with a report: versions, device, settings, the error, the end of the log; no personal paths."""

from __future__ import annotations

import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import dnf_studio
from dnf_studio.config import Config
from dnf_studio.gui.workspace.log import last_lines, private

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.session import Session
    from dnf_studio.gui.workspace.studio import Studio

__all__ = ["make_report", "versions"]

PACKAGES = ("torch", "PySide6-Essentials", "pyqtgraph", "numpy", "h5py", "safetensors")


def versions() -> dict[str, str]:
    """Name to version of the studio and of what it stands on; nothing is imported for it."""
    found = {"DNF Studio": dnf_studio.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if "torch" not in sys.modules:
        found["torch"] += ", not loaded"
    return found


def make_report(session: Session, studio: Studio, error: BaseException | None = None) -> str:
    """The report as Markdown."""
    config, run, current = session.state.config, studio.training.run, studio.current
    lines = ["## DNF Studio report", ""]
    if error is not None:
        lines += [f"{type(error).__name__}: {error}", ""]
    lines += [f"- {name}: {number}" for name, number in versions().items()]
    lines.append(f"- platform: {platform.platform()}, {platform.machine()}")
    lines.append(f"- device: {config.training.device if run is None else run.device}")
    lines.append(f"- shown: {'nothing' if current is None else current.shown.title}")
    phase = studio.training.phase.value
    lines.append(f"- run: {phase}" + ("" if run is None else f", {run.iteration:,} iterations, {run.precision}"))
    lines += ["", "### Settings", "```toml", _settings(config), "```"]
    if error is not None:
        lines += ["", "### Traceback", "```", "".join(traceback.format_exception(error)).rstrip(), "```"]
    lines += ["", "### Log", "```", *last_lines(50), "```", ""]
    return private("\n".join(lines))


def _settings(config: Config) -> str:
    """As TOML; of data files their names alone."""
    files = {name: getattr(config, name) for name in ("data", "validation", "test")}
    return config.changed({name: file and (Path(file).name or file) for name, file in files.items()}).to_toml().rstrip()
