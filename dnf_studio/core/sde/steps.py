"""One Euler–Maruyama step each way, the noises a pair of states implies (method.md, section 1), and a step of an ODE.

Everything that moves a point through time stands on `forward_step` and `backward_step`, that of a flow on
`runge_kutta_step`: training, the live view, the samplers and the analysis. All functions are pure and elementwise:
states, fields and noises are (…, D), `dt`, `g` and `ratio` are scalars or broadcast against them. `ratio` is r_i of
`TimeGrid.ratio`, 1 where the backward steps have the noise of g.
Equation numbers are those of Zhang and Chen, "Diffusion Normalizing Flow", arXiv:2110.07579.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    Ratio = Tensor | float


class NoiseParts(NamedTuple):
    """The three parts whose sum is δB_i, each (…, D)."""

    noise: Tensor
    """−(g_i / g_{i+1}) δF_i: the forward noise, seen backward."""
    drift: Tensor
    """(f_{i+1} − f_i) √Δ_i / g_{i+1}: how the drift changed over the step."""
    score: Tensor
    """−g_{i+1} s_{i+1} √Δ_i: what the score adds.

    All three are divided by r_i where the backward steps have other deviations than g."""


def forward_step(x: Tensor, drift: Tensor, dt: Tensor, g: Tensor, noise: Tensor) -> Tensor:
    """x_{i+1} = x_i + f_i Δ_i + g_i √Δ_i δF_i (8, 11)."""
    return x + drift * dt + noise * (g * dt.sqrt())


def runge_kutta_step(rate: Callable[[int, Tensor], Tensor], x: Tensor, dt: Tensor) -> Tensor:
    """One step of dx/dt = f by the 3/8 rule, of order 4; `rate(k, x)`, asked for once each, is f at t + kΔ/3, k = 0…3.

    Reference: W. Kutta, "Beitrag zur näherungsweisen Integration totaler Differentialgleichungen", 1901.
    """
    first = rate(0, x)
    second = rate(1, x + dt / 3 * first)
    third = rate(2, x + dt * (second - first / 3))
    fourth = rate(3, x + dt * (first - second + third))
    return x + dt / 8 * (first + 3 * (second + third) + fourth)


def backward_step(
    x: Tensor,
    drift: Tensor,
    score: Tensor,
    dt: Tensor,
    g: Tensor,
    noise: Tensor | None,
    lam: float = 1.0,
    ratio: Ratio = 1.0,
) -> Tensor:
    """x_i = x_{i+1} − [f − ½(1+λ²) g² s]_{i+1} Δ_i + λ r_i g_{i+1} √Δ_i δB_i (17, there r = 1).

    `x`, `drift`, `score` and `g` belong to node i+1. λ = 1 is the backward SDE (9, 12), λ = 0 one
    Euler step of the probability-flow ODE. Without `noise` the result is the mean of the step.
    """
    mean = x - (drift - score * (0.5 * (1 + lam * lam) * g * g)) * dt
    return mean if noise is None or lam == 0 else mean + noise * (lam * g * dt.sqrt() * ratio)


def implied_backward_noise(
    x: Tensor, x_next: Tensor, drift_next: Tensor, score_next: Tensor, dt: Tensor, g_next: Tensor, ratio: Ratio = 1.0
) -> Tensor:
    """δB_i, the noise with which (12) leads from `x_next` = x_{i+1} back to `x` = x_i (15)."""
    return (x - x_next + (drift_next - score_next * (g_next * g_next)) * dt) / (g_next * dt.sqrt() * ratio)


def implied_forward_noise(x: Tensor, x_next: Tensor, drift: Tensor, dt: Tensor, g: Tensor) -> Tensor:
    """δF_i, the noise with which (11) leads from `x` = x_i to `x_next` = x_{i+1}."""
    return (x_next - x - drift * dt) / (g * dt.sqrt())


def split_backward_noise(
    drift: Tensor,
    drift_next: Tensor,
    score_next: Tensor,
    noise: Tensor,
    dt: Tensor,
    g: Tensor,
    g_next: Tensor,
    ratio: Ratio = 1.0,
) -> NoiseParts:
    """The three parts of δB_i on a forward path with noise δF_i = `noise`.

    With x_i − x_{i+1} = −f_i Δ_i − g_i √Δ_i δF_i put into (15) nothing cancels, however small Δ_i is.
    """
    root = dt.sqrt()
    return NoiseParts(
        noise * (-g / g_next / ratio),
        (drift_next - drift) * (root / g_next / ratio),
        score_next * (-g_next * root / ratio),
    )


def path_backward_noise(
    drift: Tensor,
    drift_next: Tensor,
    score_next: Tensor,
    noise: Tensor,
    dt: Tensor,
    g: Tensor,
    g_next: Tensor,
    ratio: Ratio = 1.0,
) -> Tensor:
    """δB_i of a forward path: the sum of the three parts, equal to (15) and free of its cancellation."""
    parts = split_backward_noise(drift, drift_next, score_next, noise, dt, g, g_next, ratio)
    return parts.noise + parts.drift + parts.score


def chain_forward_noise(
    drift: Tensor,
    drift_next: Tensor,
    score_next: Tensor,
    noise: Tensor,
    dt: Tensor,
    g: Tensor,
    g_next: Tensor,
    lam: float = 1.0,
    ratio: Ratio = 1.0,
) -> Tensor:
    """δF_i of a step that (17) made with `noise`: the mirror of `path_backward_noise`, as free of cancellation."""
    change = drift_next - drift - score_next * (0.5 * (1 + lam * lam) * g_next * g_next)
    return change * (dt.sqrt() / g) - noise * (lam * g_next / g * ratio)


def chain_backward_noise(
    score_next: Tensor, noise: Tensor, dt: Tensor, g_next: Tensor, lam: float = 1.0, ratio: Ratio = 1.0
) -> Tensor:
    """δB_i, the noise with which (12) makes the step that (17) made with `noise`; the same for λ = 1."""
    return noise * lam - score_next * (0.5 * (1 - lam * lam) * g_next * dt.sqrt() / ratio)
