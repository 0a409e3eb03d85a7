"""The flexible grid L̂_β: other times for each batch, so that one training serves every N (method.md, section 5).

The paper draws t_i = [α_i ((i−1)/(N−1))^β + (1−α_i) (i/(N−1))^β] T for i = 1 … N−1 with its ends fixed:
each inner node anywhere in a cell of its own. Here the cells are those of any kind of grid with N−1 steps,
of which ``paper`` with t_0 = 0 gives the formula. (The reference program mixes before it takes the power.)
"""

from __future__ import annotations

import torch

from dnf_studio.config import SDEConfig
from dnf_studio.config.grids import check_steps
from dnf_studio.core.sde.grid import TimeGrid, grid_at, make_grid

__all__ = ["MARGIN", "draw_grid"]

MARGIN = 1 / 32
"""Part of a cell at either end that no node comes into: no step is shorter than that part of its cells."""


def draw_grid(sde: SDEConfig, generator: torch.Generator, steps: int | None = None) -> TimeGrid:
    """A grid of N = `steps` with t_0 and T fixed and t_i = α_i τ_{i−1} + (1−α_i) τ_i between, in float64.

    τ_0 … τ_{N−1} are the times of `make_grid` with N−1 steps and α_i ~ U[m, 1−m) with m = `MARGIN`, so that
    Δ_i ≥ m (τ_i − τ_{i−1}): the paper has m = 0. g is as at fixed times. Raises `SettingError` as `make_grid` does.
    """
    count = sde.steps if steps is None else check_steps(steps)
    if count == 1:
        return make_grid(sde, 1)
    cells = make_grid(sde, count - 1).t
    alpha = MARGIN + (1 - 2 * MARGIN) * torch.rand(count - 1, generator=generator, dtype=torch.float64)
    inner = alpha * cells[:-1] + (1 - alpha) * cells[1:]
    return grid_at(sde, torch.cat([cells[:1], inner, cells[-1:]]))
