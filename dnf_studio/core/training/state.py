"""The whole state of a run between two iterations: for its checkpoint and for another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.core.training.diagnosis import LossWatch
from dnf_studio.core.training.record import EarlyStopping, History, Marks
from dnf_studio.core.training.weights import MOMENTS, WeightsState
from dnf_studio.errors import SettingError


@dataclass(frozen=True, eq=False)
class RunState:
    """Everything that a run is but its data and its threads, in copies that nobody changes and that can be pickled.

    `Run.state` makes it and `Run.load` goes on from it, on a processor to the bit. A checkpoint keeps all of it but
    the last five fields: `checkpoint` and `of_checkpoint`.
    """

    config: Config
    data: DataSummary
    standardisation: Standardisation
    iteration: int
    """Iterations done since the run began."""
    seconds: float
    """Training time, pauses left out."""
    model: dict[str, Tensor]
    """The state dict of the weights that sampling uses: the best by a validation split, else the moving average."""
    weights: WeightsState
    """What an update moves: the weights in training, their average and the optimizer's moments."""
    generator: Tensor
    """State of the run's random generator, uint8 (5056,)."""
    history: History
    marks: Marks
    changes: tuple[tuple[int, dict[str, Any]], ...]
    """Settings that were changed, each with the iteration after which."""
    stopping: EarlyStopping
    metrics: dict[str, float | None]
    """Measurements of the run once it had ended, in nats."""
    queue: tuple[dict[str, Any], ...] = ()
    """Changes that wait for the next iteration."""
    pace: float | None = None
    """Seconds of an iteration a step, smoothed; None before the first iteration."""
    good: tuple[WeightsState, int] | None = field(default=None, repr=False)
    """The weights to go back to from a divergence and their iteration; None for `weights`."""
    watch: LossWatch | None = None
    """What the loss is compared with to see a divergence; None where it begins anew."""
    snapshots: tuple[KeptWeights, ...] | None = None
    """The weights at earlier iterations, which nobody changes; None where those stay that the run has."""

    @property
    def best(self) -> dict[str, Tensor] | None:
        """`model`, where a validation split chose it."""
        return None if self.stopping.best_nll is None else self.model

    def checkpoint(self, kind: Literal["run", "weights"] = "run") -> Checkpoint:
        """The checkpoint to write: a ``run`` to go on with, or the ``weights`` to sample with alone.

        Raises `SettingError` for another kind.
        """
        if kind not in ("run", "weights"):
            raise SettingError(f"A checkpoint is of the kind run or weights, not {kind!r:.100}.")
        tensors = {f"model.{name}": tensor for name, tensor in self.model.items()}
        state: dict[str, Any] = {}
        if kind == "run":
            parts = ("raw", *MOMENTS) if self.best is None else ("raw", "average", *MOMENTS)
            for part in parts:
                tensors |= {f"{part}.{name}": tensor for name, tensor in getattr(self.weights, part).items()}
            tensors["generator"] = self.generator
            state = {"updates": self.weights.updates}
            if self.best is not None:
                state["early_stopping"] = self.stopping.as_dict()
        history = {
            "loss": self.history.as_dict(),
            "validation": self.stopping.history.as_dict(),
            "changes": list(self.changes),
            "marks": self.marks.as_dict(),
        }
        return Checkpoint(
            kind=kind,
            config=self.config,
            dim=len(self.standardisation.mean),
            standardisation=self.standardisation,
            data=self.data,
            iteration=self.iteration,
            seconds=self.seconds,
            history=history,
            metrics=dict(self.metrics),
            tensors={name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
            state=state,
        )

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint) -> RunState:
        """Read what `checkpoint` made, of a run; the files of earlier versions of the studio too."""
        parts: dict[str, dict[str, Tensor]] = {part: {} for part in ("model", "raw", "average", *MOMENTS)}
        for full_name, tensor in checkpoint.tensors.items():
            part, _, name = full_name.partition(".")
            if part in parts:
                parts[part][name] = tensor
        model, average = parts.pop("model"), parts.pop("average")
        history = checkpoint.history
        known = checkpoint.state.get("early_stopping") if average else None
        held_out = history.get("validation")
        curve = None if held_out is None else History.from_dict(held_out)
        return cls(
            config=checkpoint.config,
            data=checkpoint.data,
            standardisation=checkpoint.standardisation,
            iteration=checkpoint.iteration,
            seconds=checkpoint.seconds,
            model=model,
            weights=WeightsState(**parts, average=average or model, updates=checkpoint.state["updates"]),
            generator=checkpoint.tensors["generator"],
            history=History.from_dict(history["loss"]),
            marks=Marks.from_dict(history.get("marks")),
            changes=tuple((iteration, change) for iteration, change in history["changes"]),
            stopping=EarlyStopping.from_dict(known, curve),
            metrics=dict(checkpoint.metrics),
        )
