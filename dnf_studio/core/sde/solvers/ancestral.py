"""Ancestral steps: draws from Gaussians given by a diffusion model's exact marginals x_t = a(t) x_0 + σ(t) ε.

Reference: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020, arXiv:2006.11239.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dnf_studio.core.sde.solvers.record import NOT_EULER, Chain, LastStep, Marginals, Solver

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import Levels, TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler


def ancestral_states(
    noise_field: Field, levels: Levels, z: Tensor, noise: Callable[[int], Tensor], last: LastStep = "mean"
) -> Iterator[Tensor]:
    """Draws x_s from a Gaussian with the mean of q(x_s | x_t, x̂_0), x̂_0 = (x_t − σ_t ε̂)/a_t, and the step's variance.

    That variance, σ_t² − (a_t/a_s)² σ_s², is the greater of the two that Ho, Jain and Abbeel offer, exact for
    data that is N(0, I); with the smaller one, that of q, few steps leave thin data much too narrow (section 3.2 and
    equation 7, for any two times). Yields the states (B, D) from z at t_N to t_0, N+1 in all. `noise_field(i, x)` is
    ε̂ (B, D) at node i, `levels` are a and σ at the nodes, each (N+1,); `noise(j)` is that of step j = 0 … N−1, and
    `last="mean"` leaves out the last one.
    """
    a, sigma = levels
    x = z
    yield x
    steps = len(a) - 1
    for j in range(steps):
        t, s = steps - j, steps - j - 1
        ratio = a[t] / a[s]
        gained = sigma[t] ** 2 - (ratio * sigma[s]) ** 2
        x = (x - noise_field(t, x) * (gained / sigma[t])) / ratio
        if s > 0 or last == "noise":
            x = x + noise(j) * gained.sqrt()
        yield x


def ancestral_terms(noise_field: Field, levels: Levels, x0: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The forward paths (N+1, B, D) of x0 (B, D), and log p_F(x_{i+1}|x_i) − log p_B(x_i|x_{i+1}) (N, B), nats.

    p_B are the Gaussians that `ancestral_states` draws from, the last one with its noise. p_F is the chain whose states
    are x_i = a_i x_0 + σ_i ε, the marginals that ε̂ is trained on; any forward chain gives a bound, and this one is
    nearest to the reverse of p_B. The terms and −log N(x_N; 0, I) add up to what, in the mean over `noise` (N, B, D),
    bounds −log p_B(x_0). With x_t = f x + v ε of the
    forward step and the mean (x_t − ε̂ w²/σ_t)/r and deviation w of the backward one, the implied noise is
    δB = [(1 − f/r) x + (ε̂ w²/σ_t − v ε)/r] / w; but for the first step f = r and v = w.
    Reference: equation 5.
    """
    import torch

    a, sigma = levels
    states, terms = [x0], []
    for i in range(len(a) - 1):
        t, x = i + 1, states[-1]
        back = a[t] / a[i]
        width = (sigma[t] ** 2 - (back * sigma[i]) ** 2).sqrt()
        # Data is x_0 itself, with no noise at t_0
        ahead, spread = (back, width) if i else (a[t], sigma[t])
        gone = ahead * x + spread * noise[i]
        moved = noise_field(t, gone) * (width**2 / sigma[t]) - spread * noise[i]
        implied = ((1 - ahead / back) * x + moved / back) / width
        term = 0.5 * (implied.square().sum(-1) - noise[i].square().sum(-1))
        terms.append(term + x0.shape[-1] * (width / spread).log().to(term))
        states.append(gone)
    return torch.stack(states), torch.stack(terms)


def _chain_terms(model: Marginals, x0: Tensor, noise: Tensor, grid: TimeGrid) -> tuple[Tensor, Tensor]:
    return ancestral_terms(model.noise_field(grid), model.levels(grid.t), x0, noise)


def _spread(model: Marginals, grid: TimeGrid) -> float:
    """√(σ_1² − (a_1/a_0)² σ_0²)."""
    a, sigma = model.levels(grid.t[:2])
    return float((sigma[1] ** 2 - (a[1] / a[0] * sigma[0]) ** 2).sqrt())


def _sampler(
    model: Marginals, grid: TimeGrid, _lam: float, last: LastStep, hidden: torch.dtype | None = None
) -> Sampler:
    noise_field, levels = model.noise_field(grid, hidden), model.levels(grid.t)
    return lambda z, noise: ancestral_states(noise_field, levels, z, noise, last)


ANCESTRAL = Solver(
    name="ancestral",
    label="ancestral",
    title="ancestral, with noise",
    moved_by="ancestral steps",
    equation="Each step draws xₛ from a Gaussian with the mean of q(xₛ | xₜ, y), for the data it predicts, "
    "y = (xₜ − σₜ ε̂) / aₜ, and the variance of the step (Ho, Jain and Abbeel 2020, section 3.2 and equation 7).",
    card="<b>ancestral</b>  x<sub>s</sub> = E q(x<sub>s</sub> | x<sub>t</sub>, y) + noise, y = (x<sub>t</sub> − "
    "σ<sub>t</sub> ε̂) / a<sub>t</sub>",
    source="Ho, Jain and Abbeel 2020, arXiv:2006.11239, 3.2 and (7)",
    needs="marginals",
    order=1,
    noise=True,
    sampler=_sampler,
    unused={
        "lam": "Ancestral steps have the noise of the step; λ is for the solver SDE.",
        **NOT_EULER,
    },
    chain=Chain(_chain_terms, _spread),
)
