"""Samplers of a diffusion model, which step by its exact marginals x_t = a(t) x_0 + σ(t) ε.

Each yields the states (B, D) from z at t_N to t_0, N+1 in all, like `sde.paths.backward_states`.
`noise_field(i, x)` is ε̂ (B, D) at node i, `levels` are a and σ at the nodes, each (N+1,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dnf_studio.core.sde.paths import Field, LastStep
from dnf_studio.core.sde.variance_preserving import Levels

__all__ = ["ancestral_states", "ancestral_terms", "ddim_states", "heun_states"]


def ancestral_states(
    noise_field: Field, levels: Levels, z: Tensor, noise: Callable[[int], Tensor], last: LastStep = "mean"
) -> Iterator[Tensor]:
    """Draws x_s from a Gaussian with the mean of q(x_s | x_t, x̂_0), x̂_0 = (x_t − σ_t ε̂)/a_t, and the step's variance.

    That variance, σ_t² − (a_t/a_s)² σ_s², is the greater of the two that Ho, Jain and Abbeel offer, exact for
    data that is N(0, I); with the smaller one, that of q, few steps leave thin data much too narrow. `noise(j)`
    is that of step j = 0 … N−1; `last="mean"` leaves out the last one. Reference: Ho, Jain and Abbeel, NeurIPS
    2020, arXiv:2006.11239, section 3.2 and equation 7, for any two times.
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
    Reference: Ho, Jain and Abbeel 2020, arXiv:2006.11239, equation 5.
    """
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


def ddim_states(noise_field: Field, levels: Levels, z: Tensor) -> Iterator[Tensor]:
    """x_s = a_s x̂_0 + σ_s ε̂: Euler's method for x/a as a function of σ/a, first order.

    Reference: J. Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021, arXiv:2010.02502,
    equations 12 (σ = 0) and 14.
    """
    x = z
    yield x
    for t in range(len(levels.signal) - 1, 0, -1):
        x = _moved(x, noise_field(t, x), levels, t)
        yield x


def heun_states(noise_field: Field, levels: Levels, z: Tensor) -> Iterator[Tensor]:
    """Heun's method for x/a as a function of σ/a, second order; the last step is one of `ddim_states`.

    Reference: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models",
    NeurIPS 2022, arXiv:2206.00364, algorithm 1.
    """
    x = z
    yield x
    for t in range(len(levels.signal) - 1, 0, -1):
        slope = noise_field(t, x)
        there = _moved(x, slope, levels, t)
        x = _moved(x, 0.5 * (slope + noise_field(t - 1, there)), levels, t) if t > 1 else there
        yield x


def _moved(x: Tensor, slope: Tensor, levels: Levels, t: int) -> Tensor:
    """From node t to t − 1 along d(x/a)/d(σ/a) = `slope`."""
    a, sigma = levels
    ratio = a[t - 1] / a[t]
    return x * ratio + slope * (sigma[t - 1] - sigma[t] * ratio)
