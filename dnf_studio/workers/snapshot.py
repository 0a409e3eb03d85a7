"""A copy of the weights that leaves the training thread and never changes again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from dnf_studio.config import Config

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Standardisation
    from dnf_studio.core.models.base import GenerativeModel

__all__ = ["Snapshot"]

_VERSIONS = count(1)


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
        private = copy.deepcopy(flow).cpu().float().eval().requires_grad_(False)
        return cls(next(_VERSIONS) if version is None else version, private)

    @property
    def config(self) -> Config:
        """The experiment at that moment."""
        return self.flow.config

    @property
    def standardisation(self) -> Standardisation:
        """The way back to data units."""
        return self.flow.standardisation

    @property
    def dim(self) -> int:
        """D."""
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
