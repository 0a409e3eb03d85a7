"""Models in memory beside the one in the views: given to exports, of other data that undo brings back, or compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dnf_studio.config import Config
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.opening import Opened, copy_of

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.gui.workspace.look_back import Past
    from dnf_studio.gui.workspace.training import Training

MOST = 3
NEAR = 0.01
"""Differences of the means, in deviations, and of the scales, as a share, that no eye sees in a view."""
Model = tuple["GenerativeModel", "Checkpoint | None"]


class ExportedModels:
    """The models given to the last exports, so that an export of an unsaved model can be opened again."""

    def __init__(self, training: Training, past: Callable[[], Past | None]) -> None:
        self._training, self._past = training, past
        self._kept: deque[Model] = deque(maxlen=MOST)

    @property
    def kept(self) -> Sequence[Model]:
        """The kept models, each with its checkpoint, or None for untrained weights."""
        return tuple(self._kept)

    def give(self, opened: Opened | None, done: Callable[[Any], object], failed: Callable[[Exception], object]) -> None:
        """Call `done` with the model that is shown, and keep it.

        That is the earlier one that is looked back at, or the run as it is now, which then holds for the moment of
        the copy, or without a run the model of `opened`.
        """

        def give(model: Model) -> None:
            self._kept.append(model)
            done(model)

        past, training = self._past(), self._training
        if past is not None:
            give((past.snapshot.flow, past.checkpoint))
        elif training.run is not None:
            training.while_paused(copy_of, give, failed)
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


@dataclass(frozen=True, eq=False)
class SecondModel:
    """A model to compare with, and where it came from."""

    opened: Opened
    origin: str
    """``file``, ``library``, ``run`` for weights of the run or of the model that was shown, or ``twin`` for what was
    shown before another kind of model was trained on the same data."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.opened.shown.name


def is_same_data(first: Opened, second: Opened) -> bool:
    """Whether both name the same data, or data of the same checksum."""
    prints = [model.checkpoint.data.fingerprint for model in (first, second) if model.checkpoint is not None]
    return first.config.data == second.config.data or (len(prints) == 2 and prints[0] == prints[1] != "")


def shared_points(first: Opened, second: Opened) -> Tensor:
    """Where the forward process of B begins, (P, D) in its model units: A's points where they are of the same data."""
    if not is_same_data(first, second):
        return second.points
    ours, theirs = first.snapshot.standardisation, second.snapshot.standardisation
    # Once there and back again is not the same to the last bit
    points = first.points if ours == theirs else theirs.to_model(ours.to_data(first.points)).float().contiguous()
    # A model with U-Nets would take minutes for more points than it is shown with
    return points[: len(second.points)] if len(points) > len(second.points) else points


def standardised_apart(first: Opened, second: Opened) -> str:
    """Why a place in the views of one is another for the other model, as a sentence; empty where it is the same."""
    ours, theirs = first.snapshot.standardisation, second.snapshot.standardisation
    if (ours.logit is None) != (theirs.logit is None):
        return "One of both is standardised after a logit, so that no place means the same in both."
    pairs = list(zip(ours.mean, theirs.mean, ours.scale, theirs.scale, strict=True))
    shift = max(abs(a - b) / scale for a, b, scale, _ in pairs)
    stretch = max(abs(b / a - 1) for _, _, a, b in pairs)
    if shift <= NEAR and stretch <= NEAR:
        return ""
    return (
        f"Each is drawn in its own standardised units, and those differ: the means by up to {shift:.2g} deviations, "
        f"the scales by up to {100 * stretch:.0f}%."
    )
