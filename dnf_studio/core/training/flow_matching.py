"""Conditional flow matching by the fast kernels, of independent pairs of data and noise or of coupled ones.

The loss is E ‖v(x_t, t) − (x_0 − z)‖² / D at x_t = (1 − t) x_0 + t z for data x_0 and noise z: 2 for a network that
says 0, above 0 for the best one, and not a likelihood. Times are those of the model's grid, between its nodes too
(`regression.draw_times`); a uniform grid gives times uniform in [0, 1].

References: Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, arXiv:2210.02747, equation 23 with
σ_min = 0; Tong et al., "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport",
TMLR 2024, arXiv:2302.00482, equations 14 and 15 with σ = 0, and 17.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dnf_studio.core.models.matching import Matching
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.gradients import BatchLoss
from dnf_studio.core.training.regression import draw_times, fit
from dnf_studio.core.training.terms import Term, regression_terms

__all__ = ["FlowMatchingEngine", "transported"]

COUPLED_ROWS = 128
"""Points that are paired together: the time of an assignment grows as their cube."""


class FlowMatchingEngine:
    """Computes training steps of one flow-matching model on the threads of `pool`.

    `hidden` is the type of its layers; the data's `box` is of no use here.
    """

    def __init__(
        self, model: Matching, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.model, self.pool, self.hidden = model, pool, hidden

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D), its gradients put into the parameters; N = `steps` changes nothing."""
        return self.step(*self._drawn(x0, generator))

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """See `Engine`."""
        x, noise, t = self._drawn(x0, generator)
        pairs = torch.lerp(x, noise, t[:, None, None]), x - noise
        return regression_terms("velocity", self.model.vector_field, x, pairs, t, self.model.timestamps, self.hidden)

    def _drawn(self, x0: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What `step` takes."""
        t = draw_times(self.model.timestamps, len(x0), generator)
        noise = torch.randn(x0.shape, generator=generator)
        if self.model.coupled:
            parts = zip(torch.split(x0.cpu(), COUPLED_ROWS), torch.split(noise, COUPLED_ROWS), strict=True)
            noise = torch.cat(self.pool.map(lambda pair: transported(*pair), list(parts)))
        shape = len(t), -1, x0.shape[1]
        return x0.view(shape), noise.to(x0).view(shape), t

    def step(self, x0: Tensor, noise: Tensor, t: Tensor) -> BatchLoss:
        """The mean loss of x0 (K, R, D) with `noise` (K, R, D) at the times t (K,), its gradients put in."""
        x = torch.lerp(x0, noise, t[:, None, None])
        return fit(self.model.vector_field, x, x0 - noise, t, self.pool, self.hidden)


def transported(x0: Tensor, noise: Tensor) -> Tensor:
    """The rows of `noise` (B, D) in the order in which Σ ‖x0_i − noise_i‖² is least, exactly, for x0 (B, D).

    Each is used once, so that data and noise stay what they are.
    """
    from scipy.optimize import linear_sum_assignment

    _, order = linear_sum_assignment(torch.cdist(x0.double(), noise.double()).square().numpy())
    return noise[torch.from_numpy(order)]
