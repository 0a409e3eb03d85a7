"""DDIM: first-order steps of a diffusion model's ODE by its exact marginals x_t = a(t) x_0 + σ(t) ε.

Reference: J. Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021, arXiv:2010.02502.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.record import LastStep, Marginals, Solver, without_noise

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import Levels, TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def ddim_states(noise_field: Field, levels: Levels, z: Tensor) -> Iterator[Tensor]:
    """x_s = a_s x̂_0 + σ_s ε̂: Euler's method for x/a as a function of σ/a, first order (equations 12, σ = 0, and 14).

    Yields the states (B, D) from z at t_N to t_0, N+1 in all. `noise_field(i, x)` is ε̂ (B, D) at node i, `levels` are
    a and σ at the nodes, each (N+1,).
    """
    x = z
    yield x
    for t in range(len(levels.signal) - 1, 0, -1):
        x = moved(x, noise_field(t, x), levels, t)
        yield x


def moved(x: Tensor, slope: Tensor, levels: Levels, t: int) -> Tensor:
    """x (B, D) from node t to t − 1 along d(x/a)/d(σ/a) = `slope` (B, D)."""
    a, sigma = levels
    ratio = a[t - 1] / a[t]
    return x * ratio + slope * (sigma[t - 1] - sigma[t] * ratio)


def _sampler(
    model: Marginals, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    noise_field, levels = model.noise_field(grid, hidden), model.levels(grid.t)
    return lambda z, _: ddim_states(noise_field, levels, z)


DDIM = Solver(
    name="ddim",
    label="DDIM",
    title="DDIM, without noise",
    moved_by="DDIM steps",
    equation="xₛ = aₛ y + σₛ ε̂ for the data it predicts, y = (xₜ − σₜ ε̂) / aₜ: first-order steps of the ODE, exact "
    "where ε̂ stays the same (J. Song, Meng and Ermon 2021, equation 12 with σ = 0).",
    card="<b>DDIM</b>  x<sub>s</sub> = a<sub>s</sub> y + σ<sub>s</sub> ε̂, no noise",
    source="J. Song, Meng and Ermon 2021, arXiv:2010.02502, (12) with σ = 0",
    needs="marginals",
    order=1,
    noise=False,
    sampler=_sampler,
    unused=without_noise("DDIM steps"),
)
