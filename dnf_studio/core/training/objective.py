"""The bound that both networks are trained on (method.md, section 2), differentiable by autograd.

The training engine computes the same value and gradients faster (`adjoint`); this form serves
evaluation, likelihoods and models without an engine of their own.
"""

from __future__ import annotations

from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import minus_log_prior
from dnf_studio.core.sde.solvers.sde import chain_terms
from dnf_studio.errors import UnsupportedError

__all__ = ["mean_bound", "path_bound"]


def path_bound(flow: GenerativeModel, x0: Tensor, noise: Tensor, grid: TimeGrid | None = None) -> Tensor:
    """−log N(x_N; 0, I) + Σ_i ½(‖δB_i‖² − ‖δF_i‖²) + D log(g_N/g_0) for each point, (B,), nats.

    Its mean over forward noise bounds −log p_B(x_0) of the N-step backward chain on this grid.
    x0 is (B, D) in model units, `noise` the forward noise (N, B, D). Raises `UnsupportedError` for a model
    without such a bound.
    """
    if not flow.bounded:
        raise UnsupportedError(flow.lacks["bound"])
    path, terms = chain_terms(flow, x0, noise, grid or flow.grid())
    return minus_log_prior(path[-1]) + terms.sum(0)


def mean_bound(flow: GenerativeModel, x0: Tensor, noise: Tensor) -> Tensor:
    """The mean of `path_bound` on the model's own grid, a scalar in nats."""
    return path_bound(flow, x0, noise).mean()
