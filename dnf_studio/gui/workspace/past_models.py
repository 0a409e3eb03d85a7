"""What was shown before other data was chosen, so that undo brings it back and not another model of its data."""

from __future__ import annotations

from collections import deque

from dnf_studio.config import Config
from dnf_studio.gui.workspace.opening import Opened

__all__ = ["PastModels"]

MOST = 3


class PastModels:
    """The last few models that a choice of data took from the views, with the settings there were then."""

    def __init__(self) -> None:
        self._known: deque[tuple[Config, Opened]] = deque(maxlen=MOST)

    def note(self, config: Config, opened: Opened) -> None:
        """`opened` leaves the views, and `config` was set until now."""
        self._known.append((config, opened))

    def find(self, config: Config) -> Opened | None:
        """What was shown when just these settings were left."""
        return next((opened for known, opened in reversed(self._known) if known == config), None)

    def clear(self) -> None:
        """Another document: there is nothing to undo."""
        self._known.clear()
