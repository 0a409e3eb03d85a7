"""The model as it is now, given to whoever writes it to a file, and kept until an export of it is opened again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace import run_work as run_work
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.training import Training

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint

__all__ = ["Lender"]

HELD = 3
"""Models given to exports that stay in memory, so that an export of an unsaved model can be opened again."""
Model = tuple["GenerativeModel", "Checkpoint | None"]


class Lender:
    """Gives out the model of the run, or the one that is shown where there is no run."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._held: deque[Model] = deque(maxlen=HELD)

    @property
    def held(self) -> Sequence[Model]:
        """The models given out last."""
        return tuple(self._held)

    def lend(self, opened: Opened | None, done: Callable[[Any], object], failed: Callable[[Exception], object]) -> None:
        """Give `done` the model and its checkpoint, or None for untrained weights.

        A run that trains holds for the moment of the copy.
        """

        def give(model: Model) -> None:
            self._held.append(model)
            done(model)

        if self._training.run is not None:
            self._training.while_held(run_work.copy_of, give, failed)
        elif opened is not None:
            give((opened.snapshot.flow, opened.checkpoint))
        else:
            failed(StudioError("There is no model yet; train one or open one."))
