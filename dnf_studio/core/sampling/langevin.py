"""The Langevin corrector: a few steps with the score at one fixed time (METHOD 5).

    x ← x + h s(x) + √(2h) ε,   h = 2 (snr · mean‖ε‖ / mean‖s‖)²

leave p_t as it is up to O(h), whatever came before; the last step leaves out its noise. They need a score that
is one: of every density p with mean μ, E⟨∇log p(x), x − μ⟩ = −D (Stein's identity), which tells a live
score from one that training left idle (METHOD 10).

Reference: Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021, arXiv:2011.13456, algorithm 4.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LIVE", "SNR", "corrected", "stein_ratio"]

SNR = 0.05
LIVE = (0.5, 2.0)
"""Between which `stein_ratio` a score is taken for one; the exact score has 1."""


def corrected(
    score: Callable[[Tensor], Tensor], x: Tensor, noise: Callable[[], Tensor], steps: int, group: int | None = None
) -> Tensor:
    """x (B, D) after `steps` corrector steps, the mean of the last one.

    `noise` gives ε (B, D), once a step. The means in h are over each `group` consecutive rows, over all where None,
    so that a row depends on its own group only. Where all of a group's scores are zero it stays.
    """
    for step in range(steps):
        eps, s = noise(), score(x)
        size = _mean_norm(s, group)
        h = torch.where(size > 0, 2 * (SNR * _mean_norm(eps, group) / size) ** 2, 0)
        x = x + h * s
        if step < steps - 1:
            x = x + (2 * h).sqrt() * eps
    return x


def stein_ratio(s: Tensor, x: Tensor) -> float:
    """−mean⟨s, x − mean x⟩ / D for scores s at points x, (B, D) each: 1 for the score of the points' density."""
    return -float((s * (x - x.mean(0))).sum(1).mean()) / x.shape[1]


def _mean_norm(rows: Tensor, group: int | None) -> Tensor:
    """The mean norm of the rows of each group, (B, 1)."""
    size = group or len(rows)
    means: Tensor = torch.linalg.vector_norm(rows, dim=1).view(-1, size).mean(1)
    return means.repeat_interleave(size)[:, None]
