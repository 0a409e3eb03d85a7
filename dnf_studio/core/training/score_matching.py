"""Denoising score matching (Ho et al. 2020, equation 14; Song et al. 2021, equation 7) by the fast kernels.

The loss is E ‖ε̂(a(t) x_0 + σ(t) ε, t) − ε‖² / D, ε-weighted: 1 for a network that says 0, and not a
likelihood. Times are those of the model's grid, between its nodes too (`regression.draw_times`). A uniform grid gives
times uniform in [t_0, T], a quadratic one more of them near the data, where the samplers' steps are.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import levels_at
from dnf_studio.core.training.gradients import BatchLoss
from dnf_studio.core.training.regression import draw_times, fit
from dnf_studio.core.training.terms import Term, regression_terms

__all__ = ["ScoreMatchingEngine"]


class ScoreMatchingEngine:
    """Computes training steps of one diffusion model on the threads of `pool`.

    `hidden` is the type of its layers; the data's `box` is of no use here.
    """

    def __init__(
        self, model: Diffusion, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.model, self.pool, self.hidden = model, pool, hidden

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D), its gradients put into the parameters; N = `steps` changes nothing."""
        return self.step(*self._drawn(x0, generator))

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """See `Engine`."""
        x, noise, t = self._drawn(x0, generator)
        pairs, nodes = (self._noisy(x, noise, t), noise), self.model.timestamps
        return regression_terms("predicted noise", self.model.noise, x, pairs, t, nodes, self.hidden)

    def _drawn(self, x0: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What `step` takes."""
        t = draw_times(self.model.timestamps, len(x0), generator)
        pairs = x0.view(len(t), -1, x0.shape[1])
        return pairs, torch.randn(pairs.shape, generator=generator).to(x0), t

    def step(self, x0: Tensor, noise: Tensor, t: Tensor) -> BatchLoss:
        """The mean loss of x0 (K, R, D) with `noise` (K, R, D) at the times t (K,), its gradients put in."""
        return fit(self.model.noise, self._noisy(x0, noise, t), noise, t, self.pool, self.hidden)

    def _noisy(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """a(t) x_0 + σ(t) ε."""
        signal, sigma = (level[:, None, None] for level in levels_at(self.model.config.sde, t))
        return signal * x0 + sigma * noise
