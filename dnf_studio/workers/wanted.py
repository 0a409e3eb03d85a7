"""What the explorer is to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dnf_studio.workers.frames import ViewRequest

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.workers.snapshot import Snapshot

__all__ = ["Wanted"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What the next pass is to show; a change makes a new one."""

    snapshot: Snapshot | None = None
    request: ViewRequest = field(default_factory=ViewRequest)
    data: Tensor | None = None
    """The display set (P, D), model units."""
    since: float = 0.0
    """When the last change came, by `perf_counter`."""

    @property
    def ready(self) -> bool:
        """Whether there is a model, data of the same dimension, and a solver that the model has."""
        if self.snapshot is None or self.data is None:
            return False
        return self.snapshot.dim == self.data.shape[1] and self.request.solver in (None, *self.snapshot.flow.solvers)
