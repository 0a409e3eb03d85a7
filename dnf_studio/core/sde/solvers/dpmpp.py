"""DPM-Solver++(2M): second-order steps of a diffusion model's ODE with one evaluation each.

Reference: Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
arXiv:2211.01095, algorithm 2.
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


def multistep_states(noise_field: Field, levels: Levels, z: Tensor) -> Iterator[Tensor]:
    """x_s = (σ_s/σ_t) x_t − a_s (e^{−h} − 1) D: exact for a data prediction D that stays, with λ = ln(a/σ).

    h = λ_s − λ_t is the length of the step. D is x̂_0 = (x_t − σ_t ε̂)/a_t in the first step and in the last; in each
    other one, whose predecessor had x̂_0′ and the length h′, it is the line through both in the middle of the step,
    x̂_0 + (h/2h′)(x̂_0 − x̂_0′). Yields the states (B, D) from z at t_N to t_0, N+1 in all. `noise_field(i, x)` is ε̂
    (B, D) at node i, `levels` are a and σ at the nodes, each (N+1,), float64.
    """
    a, sigma = levels
    height = (a / sigma).log()
    x = z
    before: Tensor | None = None
    last = height[0]
    yield x
    for t in range(len(a) - 1, 0, -1):
        data = (x - noise_field(t, x) * sigma[t]) / a[t]
        length = height[t - 1] - height[t]
        # In a long last step the line overshoots: on rings it threw most samples of five steps off the data
        middle = data if before is None or t == 1 else data + (data - before) * (length / (2 * last))
        x = x * (sigma[t - 1] / sigma[t]) - middle * (a[t - 1] * (-length).expm1())
        before, last = data, length
        yield x


def _sampler(
    model: Marginals, grid: TimeGrid, _lam: float, _last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    noise_field, levels = model.noise_field(grid, hidden), model.levels(grid.t)
    return lambda z, _: multistep_states(noise_field, levels, z)


DPMPP_2M = Solver(
    name="dpmpp-2m",
    label="DPM++ 2M",
    title="DPM-Solver++(2M), second order",
    moved_by="DPM-Solver++(2M) steps",
    equation="xₛ = (σₛ/σₜ) xₜ − aₛ (e⁻ʰ − 1) D with h the step in λ = ln(a/σ) and D the data it predicts, followed to "
    "the middle of the step on the line through this prediction and the one before: second order with one evaluation "
    "a step (Lu et al. 2022, algorithm 2).",
    card="<b>DPM++ 2M</b>  x<sub>s</sub> = (σ<sub>s</sub>/σ<sub>t</sub>) x<sub>t</sub> − a<sub>s</sub> "
    "(e<sup>−h</sup> − 1) D, h the step in ln(a/σ), D from this and the last prediction of the data; order 2 with one "
    "evaluation a step",
    source="Lu et al. 2022, arXiv:2211.01095, algorithm 2",
    needs="marginals",
    order=2,
    noise=False,
    sampler=_sampler,
    unused=without_noise("DPM-Solver++ steps"),
)
