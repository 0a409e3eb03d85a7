"""Heun's method, of second order: for the probability-flow ODE of two fields, and for that of a diffusion model.

Reference: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", NeurIPS 2022,
arXiv:2206.00364, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.ddim import moved
from dnf_studio.core.sde.solvers.record import LastStep, Marginals, Solver, TwoFields, without_noise

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import Levels, TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def heun_states(drift: Field, score: Field, grid: TimeGrid, z: Tensor) -> Iterator[Tensor]:
    """Noise to data by the probability-flow ODE, one state (B, D) after the other, z at t_N first, N+1 in all.

    The last step is Euler's, as the score at t_0 is never trained.
    """
    weight, dt = 0.5 * grid.g.square(), grid.dt

    def velocity(i: int, x: Tensor) -> Tensor:
        return drift(i, x) - score(i, x) * weight[i]

    x = z
    yield x
    for i in range(grid.steps, 0, -1):
        slope = velocity(i, x)
        there = x - slope * dt[i - 1]
        x = x - (slope + velocity(i - 1, there)) * (0.5 * dt[i - 1]) if i > 1 else there
        yield x


def marginal_heun_states(noise_field: Field, levels: Levels, z: Tensor) -> Iterator[Tensor]:
    """Heun's method for x/a as a function of σ/a, the states of `ddim_states`; the last step is one of those."""
    x = z
    yield x
    for t in range(len(levels.signal) - 1, 0, -1):
        slope = noise_field(t, x)
        there = moved(x, slope, levels, t)
        x = moved(x, 0.5 * (slope + noise_field(t - 1, there)), levels, t) if t > 1 else there
        yield x


def _of_fields(
    model: TwoFields, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    drift, score = model.fields(grid, hidden)
    return lambda z, _: heun_states(drift, score, grid, z)


def _of_marginals(
    model: Marginals, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    noise_field, levels = model.noise_field(grid, hidden), model.levels(grid.t)
    return lambda z, _: marginal_heun_states(noise_field, levels, z)


HEUN = Solver(
    name="heun",
    label="Heun",
    title="Heun, second order",
    moved_by="Heun’s steps of the ODE",
    equation="dx = [f − ½ g² s] dt (Zhang and Chen 2021, equation 17 with λ = 0), by Heun’s second-order steps, which "
    "evaluate the networks twice each but the last.",
    card="<b>Heun</b>  the ODE at second order, of a diffusion model as d(x/a) = ε̂ d(σ/a); two evaluations a step but "
    "the last",
    source="Karras et al. 2022, arXiv:2206.00364, algorithm 1",
    needs="fields",
    order=2,
    noise=False,
    sampler=_of_fields,
    evaluations=lambda steps: 2 * steps - 1,
    unused=without_noise("Heun’s steps"),
)
HEUN_OF_MARGINALS = replace(
    HEUN,
    equation="Second-order steps of d(x/a) = ε̂ d(σ/a), two network evaluations each but the last (Karras et al. 2022, "
    "algorithm 1).",
    needs="marginals",
    sampler=_of_marginals,
)
