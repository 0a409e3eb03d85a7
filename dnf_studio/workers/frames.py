"""Messages between the explorer and the window: requests one way, frames the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.by_step import ScoreShare
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Standardisation
    from dnf_studio.core.exploration.inspect import PointTable
    from dnf_studio.core.sde.sample_settings import Direction
    from dnf_studio.workers.snapshot import Snapshot

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """Both processes of one model at one request: fresh arrays that nobody writes to again.

    Row i of `forward` and `backward` belongs to t_i, whichever way the process runs.
    """

    weights: int
    """Version of the weights."""
    request: SampleSettings
    """Settings that the paths were computed by."""
    t: Array
    """(N+1,)"""
    g: Array
    """(N+1,)"""
    forward: Array
    """(N+1, P, D), model units."""
    backward: Array
    """(N+1, P, D), model units, row N the latents; those of `forward` where `request.start` says so."""
    mean_contributions: Array
    """(N,) what each step contributes to the bound, mean ½(‖δB_i‖² − ‖δF_i‖²) over the P points, nats; empty where the
    model has no bound."""
    complete: bool
    """False while further blocks of points, or the same in float32, are still to come."""
    seconds: float
    """Seconds from the change of a setting to this frame."""
    all_points: bool = True
    """Whether all points are there, perhaps not yet in float32."""
    own: Array | None = None
    """(M+1,) times of the model's own grid where `t` is another."""
    ratio: Array | None = None
    """(N,) r_i, the noise of the steps back in parts of that of g, where it is fitted."""
    contributions: Array = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """Contributions (N, P) of each step and point, nats; empty where nobody computed it."""
    parts: Array = field(default_factory=lambda: np.empty((3, 0), np.float32))
    """(3, N) what noise ratio, drift change and score add to `mean_contributions`; empty where nobody computed it."""
    saved: Array = field(default_factory=lambda: np.empty((2, 0), np.float32))
    """(2, N) what the excess of a step would be higher by with a drift that does not change over it, and without a
    score; empty where nobody computed it."""
    prior: tuple[float, float] | None = None
    """Mean −log N(x_N; 0, I) and D [log(g_N/g_0) + Σ_i log r_i], nats: with the sum of `mean_contributions` the
    bound."""

    whole: Array | None = None
    """(P, D) samples of the whole backward process from the same latents and noise, where `request.parts` leaves
    something out."""
    score: ScoreShare | None = None
    """The score's share of the whole backward drift at the forward points, whatever part of it `request.parts` keeps;
    None where nobody computed it."""

    @property
    def paired(self) -> bool:
        """Whether each backward path starts where the forward path of the same point ends."""
        return self.request.start == "forward"

    def paths_of(self, direction: Direction) -> Array:
        """The paths (N+1, P, D) of one process."""
        return self.forward if direction == "forward" else self.backward


@dataclass(frozen=True)
class InspectRequest:
    """A request for the numbers along the path of one display point by one process."""

    point: int
    direction: Direction = "forward"


@dataclass(frozen=True, eq=False)
class Inspection:
    """The answer to an `InspectRequest`, for the weights, request and display set of the newest frame."""

    asked: InspectRequest
    weights: int
    """Version of the weights."""
    request: SampleSettings
    table: PointTable
    standardisation: Standardisation
    """Converts model units to data units."""


@dataclass(frozen=True, eq=False)
class FrameRequest:
    """What the next pass is to show; a change makes a new one."""

    snapshot: Snapshot | None = None
    request: SampleSettings = AS_VIEWED
    """Settings of both processes; the newest request wins."""
    data: Tensor | None = None
    """The display set (P, D), model units."""
    since: float = 0.0
    """When the last change came, by `perf_counter`."""

    @property
    def ready(self) -> bool:
        """Whether there is a model, data of the same dimension, and a solver that the model has."""
        if self.snapshot is None or self.data is None:
            return False
        known = [None, *(solver.name for solver in self.snapshot.flow.solvers)]
        return self.snapshot.dim == self.data.shape[1] and self.request.solver in known
