"""How much of the backward drift is the score, by step, and where that is too little to matter.

Imports no torch by itself, so the window may know it from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field

__all__ = ["IDLE", "ScoreShare", "score_share", "share_of_lengths", "summed_lengths"]

IDLE = 0.01
"""Share of the backward drift below which the score counts as idle. In three trained models leaving the score
out cost a step of a smaller share less than 0.001 nats of the bound, and only steps of a larger one more."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreShare:
    """What drift and score add to the backward drift, by step: row i is that of the step t_{i+1} → t_i."""

    drift: Array
    """Mean ‖f‖ at t_{i+1}, (N,); NaN where no point is finite."""
    score: Array
    """Mean ‖½(1+λ²) g² s‖ at t_{i+1}, (N,), the term of (17), with λ = 1 that of (9)."""

    @property
    def share(self) -> Array:
        """The score's length as a share of both lengths, (N,), 0 … 1; 0 where both are nothing."""
        total = self.drift + self.score
        return np.divide(self.score, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)

    @property
    def idle(self) -> NDArray[np.bool_]:
        """Whether the score is too small to matter, (N,)."""
        return self.share < IDLE


def summed_lengths(states: Tensor, drift: Tensor, score: Tensor) -> Tensor:
    """Σ‖f‖, Σ‖s‖ and the number of points, (3, N) float64, of f and s (N, B, D) at `states` (N, B, D).

    Points whose state, drift or score left the finite numbers do not count. Batches of points add up.
    """
    import torch

    with torch.no_grad():
        # Sums over few components are faster as a product with ones
        ones = states.new_ones(states.shape[-1])
        lengths = torch.stack([(part.square() @ ones).sqrt() for part in (drift, score)])
        counted = (lengths.sum(0) + states @ ones).isfinite()
        sums = torch.where(counted, lengths, 0).sum(-1, dtype=torch.float64)
        return torch.cat([sums, counted.sum(-1, dtype=torch.float64)[None]])


def share_of_lengths(lengths: Array, g: Array, lam: float = 1.0) -> ScoreShare:
    """The share of `summed_lengths` (3, N) at t_1 … t_N with g (N+1,) and the noise level λ of (17)."""
    with np.errstate(invalid="ignore"):
        drift, score = lengths[:2] / np.where(lengths[2] > 0, lengths[2], np.nan)
    return ScoreShare(drift, 0.5 * (1 + lam * lam) * np.square(g[1:], dtype=np.float64) * score)


def score_share(fields: tuple[Field, Field], grid: TimeGrid, paths: Tensor, lam: float = 1.0) -> ScoreShare:
    """How long the two parts of the backward drift are along `paths` (N+1, B, D), by step.

    Points that left the finite numbers do not count. No step uses the score at t_0. Raises
    `SettingError` where the paths do not belong to the grid.
    """
    import torch

    if paths.dim() != 3 or len(paths) != grid.steps + 1:
        raise SettingError(f"Paths of {grid.steps} steps have {grid.steps + 1} states each.")
    with torch.no_grad():
        nodes = range(1, len(paths))
        drift, score = (torch.stack([field(i, paths[i]) for i in nodes]) for field in fields)
    return share_of_lengths(summed_lengths(paths[1:], drift, score).cpu().numpy(), grid.g.cpu().numpy(), lam)
