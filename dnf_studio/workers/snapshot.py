"""How the weights get from a run to the views: a copy every quarter of a second, which never changes again."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from dnf_studio.config import Config
from dnf_studio.core.training.record import StepReport

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Standardisation
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.training.run import Run

PUBLISH_SECONDS = 0.25
"""Seconds between two copies of the weights of a run."""
_VERSIONS = count(1)


def watched(run: Run) -> Iterator[tuple[StepReport, bool]]:
    """The reports of `run` while it trains, and with each whether the views are due a copy of its weights.

    The one clock that says so: whatever process trains the run takes its reports from here.
    """
    due = monotonic() + PUBLISH_SECONDS
    for report in run:
        now = monotonic()
        yield report, now >= due
        if now >= due:
            due = now + PUBLISH_SECONDS


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The weights that sampling uses at one moment, with all that is needed to run them."""

    version: int
    """Grows with every copy, across runs and loaded models."""
    flow: GenerativeModel
    """A private copy in float32 and main memory, in eval mode; nobody writes to it."""

    @classmethod
    def of(cls, flow: GenerativeModel, version: int | None = None) -> Snapshot:
        """Copy `flow`, with the next version of this process unless given.

        Call it in the thread that changes the weights. A copy draws no initial weights, so no
        random generator moves.
        """
        import torch

        copies = {
            name: tensor.to("cpu", torch.float32 if tensor.is_floating_point() else None, copy=True)
            for name, tensor in flow.state_dict().items()
        }
        return cls.taking(flow, copies, version)

    @classmethod
    def taking(cls, flow: GenerativeModel, tensors: Mapping[str, Tensor], version: int | None = None) -> Snapshot:
        """A model like `flow` that consists of `tensors`, by the names of its state dict.

        They are copied no further: whoever gives them away writes to them no more.
        """
        from torch import nn

        # What the copy finds in its memory it takes instead of copying it
        memory: dict[int, Tensor] = {}
        for name, own in flow.state_dict(keep_vars=True).items():
            given = tensors[name]
            memory[id(own)] = nn.Parameter(given, requires_grad=False) if isinstance(own, nn.Parameter) else given
        private = copy.deepcopy(flow, memory).eval().requires_grad_(False)
        return cls(next(_VERSIONS) if version is None else version, private)

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint) -> Snapshot:
        """The model of `checkpoint`, whose tensors it consists of: whoever keeps both has them once."""
        flow = checkpoint.build()
        # Of the same type, as they mostly are, they are taken and not copied
        tensors = {name: checkpoint.tensors[f"model.{name}"].to(own.dtype) for name, own in flow.state_dict().items()}
        flow.load_state_dict(tensors, assign=True)
        return cls(next(_VERSIONS), flow.requires_grad_(False))

    @property
    def config(self) -> Config:
        """The experiment at that moment."""
        return self.flow.config

    @property
    def standardisation(self) -> Standardisation:
        """Converts model units to data units."""
        return self.flow.standardisation

    @property
    def dim(self) -> int:
        """D, the dimension of the data."""
        return self.flow.dim

    @property
    def steps(self) -> int:
        """N of the model's own grid."""
        return len(self.flow.timestamps) - 1

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The copies under the names of the model's state dict, time grid included; for reading only."""
        return self.flow.state_dict()

    def build(self) -> GenerativeModel:
        """A model of the caller's own, in eval mode, to move or change."""
        return copy.deepcopy(self.flow)


Steps = Generator[tuple[StepReport, Snapshot | None], None, None]
"""The reports of a run, each with a copy of its weights when the views are due one."""
