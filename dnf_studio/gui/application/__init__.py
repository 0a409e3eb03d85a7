"""The process of the window: its start, its life, its end, and what the command line asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.link.mirror import Mirror


@dataclass(frozen=True)
class WindowOptions:
    """How the window opens; `dnf_studio.gui.application.app.run` acts on it."""

    file: str | None = None
    """A checkpoint, a data file or an export to open; None is the bundled model."""
    screenshot: Path | None = None
    """Where to save a picture of the window, after which it quits."""
    after: float = 1.0
    """Seconds from the first live frame to the picture."""
    size: tuple[int, int] | None = None
    """Width and height of the window in pixels; None is where it was last."""
    json: bool = False
    """Print the window's measurements as one JSON object when it quits."""
    started: float = 0.0
    """When the process started, on the clock of `time.perf_counter`."""
    live: str = ""
    """What a script has written of where it waits with the model to show; empty where none does."""
    watch: Mirror | None = None
    """What brings the run of another machine here, which is to be watched."""
