"""The Langevin corrector: a few steps with the score at one fixed time (method.md, section 8).

    x ← x + h s(x) + √(2h) ε,   h = 2 (snr · mean‖ε‖ / mean‖s‖)²

leave p_t as it is up to O(h), whatever came before; the last step leaves out its noise. They need a score that
is one: of every density p with mean μ, E⟨∇log p(x), x − μ⟩ = −D (Stein's identity), so that by Cauchy and Schwarz
E‖∇log p(x)‖² E‖x − μ‖² ≥ D². A score that training left idle (method.md, section 18) falls short of that, and h
would be as large as it is small. The identity itself tells nothing: of thin data the score is so large that its mean
is chance, and on samples a little beside the data it is any number.

Reference: Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021, arXiv:2011.13456, algorithm 4.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SNR = 0.05
LIVE = 0.5
"""Least `score_size` at which a field counts as a score; scores of densities have 1 at least."""
NEAR = 4.0
"""Points farther out than so many times the median do not tell of a score: their spread would stand for its size."""


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


def score_size(s: Tensor, x: Tensor) -> float:
    """√(mean ‖s‖² · mean ‖x − median x‖²) / D of scores s at points x, (B, D) each, far points left out.

    At least 1 for the score of the points' density, 1 for that of N(μ, σ² I); NaN where points are not finite.
    """
    away = torch.linalg.vector_norm(x - x.median(0).values, dim=1)
    near = away <= NEAR * away.median()
    squares = s[near].square().sum(1).mean() * away[near].square().mean()
    return float(squares.sqrt()) / x.shape[1]


def _mean_norm(rows: Tensor, group: int | None) -> Tensor:
    """The mean norm of the rows of each group, (B, 1)."""
    size = group or len(rows)
    means: Tensor = torch.linalg.vector_norm(rows, dim=1).view(-1, size).mean(1)
    return means.repeat_interleave(size)[:, None]
