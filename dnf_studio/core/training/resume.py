"""A run as a checkpoint and back, and from one process to another."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.storage.checkpoint import Checkpoint, DataSummary
from dnf_studio.core.training.history import History
from dnf_studio.core.training.marks import Marks
from dnf_studio.core.training.weights import MOMENTS

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.training.run import Run

__all__ = ["RunState", "checkpoint_of", "restore", "state_of", "take_over"]


@dataclass(frozen=True, eq=False)
class RunState:
    """All of a run that moves while it trains, as copies that can be pickled; its data set stays where it is."""

    config: Config
    iteration: int
    seconds: float
    pace: float | None
    weights: dict[str, Any]
    good: tuple[dict[str, Any], int]
    """The last good weights and their iteration."""
    generator: Tensor
    history: History
    marks: Marks
    changes: list[tuple[int, dict[str, Any]]]
    queue: list[dict[str, Any]]
    """Changes that wait for the next iteration."""
    metrics: dict[str, float | None]
    validation: tuple[dict[str, Any], dict[str, Tensor] | None, History]
    """Of early stopping: its state, its best weights and its history."""


def state_of(run: Run) -> RunState:
    """Where `run` is now. Call it between two iterations."""
    stopping = run.early_stopping
    return RunState(
        run.config,
        run.iteration,
        run.seconds,
        run._pace,
        run._weights.state(),
        run._good,
        run._generator.get_state(),
        deepcopy(run.history),
        deepcopy(run.marks),
        list(run.changes),
        list(run._queue),
        dict(run.metrics),
        (stopping.state(), _weights_of(stopping.best), deepcopy(stopping.history)),
    )


def take_over(run: Run, state: RunState) -> None:
    """Put `run`, which has the same data and networks, where `state_of` found another; on CPU to the bit."""
    before, run.config = run.config, state.config
    run._follow(before)
    run.iteration, run.seconds, run._pace = state.iteration, state.seconds, state.pace
    run._weights.restore(state.weights)
    run._good = state.good
    run._generator.set_state(state.generator)
    run.history, run.marks = state.history, state.marks
    run.changes, run._queue = list(state.changes), deque(state.queue)
    run.metrics = dict(state.metrics)
    values, weights, run.early_stopping.history = state.validation
    run.early_stopping.restore(values, run._weights.average, weights)


def checkpoint_of(run: Run, kind: Literal["run", "weights"]) -> Checkpoint:
    """All of `run` that its checkpoint of `kind` holds, copied to the processor."""
    tensors = {f"model.{name}": _host(tensor) for name, tensor in run.flow.state_dict().items()}
    state: dict[str, Any] = {}
    if kind == "run":
        weights = run._weights.state()
        for part in ("raw", *MOMENTS):
            tensors |= {f"{part}.{name}": _host(tensor) for name, tensor in weights[part].items()}
        tensors["generator"] = run._generator.get_state()
        state = {"updates": weights["updates"]}
        if stopping := run.early_stopping.state():
            # The weights that sampling uses are the best ones then, not the newest average
            tensors |= {f"average.{name}": _host(tensor) for name, tensor in weights["average"].items()}
            state["early_stopping"] = stopping
    data = run.dataset
    return Checkpoint(
        kind=kind,
        config=run.config,
        dim=data.dim,
        standardisation=data.standardisation,
        data=DataSummary(data.name, data.fingerprint, data.columns, data.entropy, data.image, data.rule, data.rows),
        iteration=run.iteration,
        seconds=run.seconds,
        history={
            "loss": run.history.as_dict(),
            "validation": run.early_stopping.history.as_dict(),
            "changes": run.changes,
            "marks": run.marks.as_dict(),
        },
        metrics=dict(run.metrics),
        state=state,
        tensors=tensors,
        sha256="",
    )


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Put `run` where `checkpoint_of` took it."""
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in ("model", "raw", "average", *MOMENTS)}
    for full_name, tensor in checkpoint.tensors.items():
        part, _, name = full_name.partition(".")
        if part in parts:
            parts[part][name] = tensor
    average = parts["average"] or parts["model"]
    run._weights.restore({**parts, "average": average, "updates": checkpoint.state["updates"]})
    best = parts["model"] if parts["average"] else None
    run.early_stopping.restore(checkpoint.state.get("early_stopping", {}), run._weights.average, best)
    if "validation" in checkpoint.history:
        run.early_stopping.history = History.from_dict(checkpoint.history["validation"])
    run._generator.set_state(checkpoint.tensors["generator"])
    run.iteration, run.seconds = checkpoint.iteration, checkpoint.seconds
    run.history = History.from_dict(checkpoint.history["loss"])
    run.changes = [(iteration, change) for iteration, change in checkpoint.history["changes"]]
    run.marks = Marks.from_dict(checkpoint.history.get("marks"))
    run.metrics = dict(checkpoint.metrics)
    run._good = run._weights.state(), run.iteration


def _weights_of(model: GenerativeModel | None) -> dict[str, Tensor] | None:
    """Copies of a model's tensors."""
    return None if model is None else {name: _host(tensor) for name, tensor in model.state_dict().items()}


def _host(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
