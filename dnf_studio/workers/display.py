"""The numerics of the live view: one block of points carried through a model, both ways.

Imports torch, so only the explorer's thread imports it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.by_step import summed_lengths
from dnf_studio.core.exploration.contributions import split_contributions
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, collected, forward_step, split_backward_noise
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.core.sde.solvers.sde import backward_states, fields_in_part
from dnf_studio.errors import Check

__all__ = ["Carrier", "ForwardBlock", "forward_block"]
Array = NDArray[np.float32]


class ForwardBlock(NamedTuple):
    """One block on its way from data to noise."""

    path: Array
    """(N+1, B, D), model units, row 0 at t_0."""
    contributions: Array
    """(N, B): ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, nats; empty, as all below, where the model has no bound."""
    parts: NDArray[np.float64]
    """(3, N): what noise ratio, drift change and score add to it, summed over the points whose sum is finite."""
    saved: NDArray[np.float64]
    """(2, N): what the contributions would be higher by with a drift that does not change, and without a score, summed
    so too."""
    lengths: NDArray[np.float64]
    """(3, N): `summed_lengths` of f and s at t_1 … t_N."""


def forward_block(fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, noise: Tensor, check: Check) -> ForwardBlock:
    """Path and contributions of x0 (B, D) with noise (N, B, D).

    The drift at x_{i+1} serves the step from there and the contribution of the step to there.
    `check` is called at every step and raises to leave.
    """
    (drift, score), dt = fields, grid.dt
    states, drifts, scores = [x0], [drift(0, x0)], []
    for i in range(grid.steps):
        check()
        x = forward_step(states[-1], drifts[-1], dt[i], grid.g[i], noise[i])
        states.append(x)
        drifts.append(drift(i + 1, x))
        scores.append(score(i + 1, x))
    f, s = torch.stack(drifts), torch.stack(scores)
    path = torch.stack(states)
    lengths = summed_lengths(path[1:], f[1:], s)
    dt, g = dt[:, None, None], grid.g[:, None, None]
    back = split_backward_noise(f[:-1], f[1:], s, noise, dt, g[:-1], g[1:])
    parts = torch.stack(split_contributions(back, noise))
    contributions = parts.sum(0)
    # ½‖δB − d‖² − ½‖δB‖² = −½⟨d, δB + n + c⟩, and so for the score c; the parts hold ½⟨d, δB + n⟩
    shared = 0.5 * (back.drift * back.score).sum(-1)
    saved = -(parts[1:] + shared)
    kept, kept_saved = (
        torch.where(contributions.isfinite(), rows, 0).sum(-1, dtype=torch.float64).numpy() for rows in (parts, saved)
    )
    return ForwardBlock(path.numpy(), contributions.numpy(), kept, kept_saved, lengths.numpy())


class Carrier:
    """Carries blocks of points through one model on one grid.

    Its fields have layers in `hidden`. The backward process goes as `settings` say, but on `grid`; of its λ and parts
    only Euler's steps of the fields know. The noise of a model without noise is not asked for. Raises
    `UnsupportedError` for a solver that the model has not.
    """

    def __init__(
        self,
        flow: GenerativeModel,
        grid: TimeGrid,
        hidden: torch.dtype | None = None,
        settings: SampleSettings = AS_VIEWED,
    ) -> None:
        self._grid, self._settings = grid, settings
        solver = flow.checked_solver(settings.solver)
        self._level = settings.lam if solver.noise else 0.0
        self._encoder = flow.encoder(grid, hidden) if "noise" in flow.lacks else None
        self._sampler = None if solver.euler else flow.sampler(grid, replace(settings, lam=1.0), hidden)
        self._fields = flow.fields(grid, hidden)

    def forward(self, x0: Tensor, noise: Tensor, check: Check) -> ForwardBlock:
        """The path of x0 (B, D) with noise (N, B, D), and what is known of its contributions."""
        if self._encoder is None:
            return forward_block(self._fields, self._grid, x0, noise, check)
        path, none = collected(self._encoder(x0, noise.__getitem__), check), np.empty((3, 0))
        return ForwardBlock(path.numpy(), np.empty((0, 0), np.float32), none, none[:2], none)

    def ends(self, x0: Tensor, noise: Tensor, check: Check) -> Tensor:
        """Where the path of x0 (B, D) with noise (N, B, D) ends, x_N (B, D): the latents of a round trip."""
        return torch.from_numpy(self.forward(x0, noise, check).path[-1])

    def backward(self, latents: Tensor, noise: Tensor, check: Check, whole: bool = False) -> Array:
        """The path (N+1, B, D) of latents (B, D), row i at t_i; with both fields whatever the settings say if `whole`.

        Row i of `noise` (N, B, D) belongs to the step between t_i and t_{i+1}.
        """
        drawn = noise.flip(0).__getitem__
        if self._sampler is None:
            fields = fields_in_part(self._fields, "both" if whole else self._settings.parts)
            states = backward_states(*fields, self._grid, latents, drawn, self._level, self._settings.last)
        else:
            states = self._sampler(latents, drawn)
        return collected(states, check).flip(0).numpy()
