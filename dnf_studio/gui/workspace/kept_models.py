"""Models that stay in memory after the views have others: those given to exports, and those that undo comes back to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio.config import Config
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.opening import Opened, copy_of
from dnf_studio.gui.workspace.training import Training

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint

MOST = 3
Model = tuple["GenerativeModel", "Checkpoint | None"]


class ExportedModels:
    """The models given to the last exports, so that an export of an unsaved model can be opened again."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._kept: deque[Model] = deque(maxlen=MOST)

    @property
    def kept(self) -> Sequence[Model]:
        """The kept models, each with its checkpoint, or None for untrained weights."""
        return tuple(self._kept)

    def give(self, opened: Opened | None, done: Callable[[Any], object], failed: Callable[[Exception], object]) -> None:
        """Call `done` with the model of the run as it is now, or without a run with that of `opened`, and keep it.

        A run that trains holds for the moment of the copy.
        """

        def give(model: Model) -> None:
            self._kept.append(model)
            done(model)

        if self._training.run is not None:
            self._training.while_paused(copy_of, give, failed)
        elif opened is not None:
            give((opened.snapshot.flow, opened.checkpoint))
        else:
            failed(StudioError("There is no model yet; train one or open one."))


class PastModels:
    """The last models that were shown before other data was chosen, so that undo brings back just these."""

    def __init__(self) -> None:
        self._known: deque[tuple[Config, Opened]] = deque(maxlen=MOST)

    def note(self, config: Config, opened: Opened) -> None:
        """Keep `opened`, which is shown no more as other data was chosen, with the settings `config` until now."""
        self._known.append((config, opened))

    def find(self, config: Config) -> Opened | None:
        """The model that was shown when the settings last were these."""
        return next((opened for known, opened in reversed(self._known) if known == config), None)

    def clear(self) -> None:
        """Forget all models: with another document there is nothing to undo."""
        self._known.clear()
