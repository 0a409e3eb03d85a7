"""A run as a checkpoint and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from dnf_studio.core.storage.checkpoint import Checkpoint, DataSummary
from dnf_studio.core.training.history import History
from dnf_studio.core.training.marks import Marks
from dnf_studio.core.training.weights import MOMENTS

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run

__all__ = ["checkpoint_of", "restore"]


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
    data = run.dataset
    return Checkpoint(
        kind=kind,
        config=run.config,
        dim=data.dim,
        standardisation=data.standardisation,
        data=DataSummary(data.name, data.fingerprint, data.columns, data.entropy),
        iteration=run.iteration,
        seconds=run.seconds,
        history={"loss": run.history.as_dict(), "changes": run.changes, "marks": run.marks.as_dict()},
        metrics=dict(run.metrics),
        state=state,
        tensors=tensors,
        sha256="",
    )


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Put `run` where `checkpoint_of` took it."""
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in ("model", "raw", *MOMENTS)}
    for full_name, tensor in checkpoint.tensors.items():
        part, _, name = full_name.partition(".")
        if part in parts:
            parts[part][name] = tensor
    run._weights.restore({**parts, "average": parts["model"], "updates": checkpoint.state["updates"]})
    run._generator.set_state(checkpoint.tensors["generator"])
    run.iteration, run.seconds = checkpoint.iteration, checkpoint.seconds
    run.history = History.from_dict(checkpoint.history["loss"])
    run.changes = [(iteration, change) for iteration, change in checkpoint.history["changes"]]
    run.marks = Marks.from_dict(checkpoint.history.get("marks"))
    run.metrics = dict(checkpoint.metrics)
    run._good = run._weights.state(), run.iteration


def _host(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
