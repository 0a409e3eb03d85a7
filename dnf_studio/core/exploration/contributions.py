"""Where the bound comes from: what every step and point contributes to it, split by its causes.

That is not yet where the two processes disagree: a perfect model has contributions that are not zero (`excess`).

On a forward path the implied backward noise has three parts (15), δB = n + d + c with

    n = −(g_i/g_{i+1}) δF_i,   d = (f_{i+1} − f_i) √Δ_i / g_{i+1},   c = −g_{i+1} s_{i+1} √Δ_i,

and from ½‖δB‖² − ½‖n‖² = ½⟨δB − n, δB + n⟩ the contribution of a step splits without remainder:

    ½(‖δB‖² − ‖δF‖²) = ½(‖n‖² − ‖δF‖²) + ½⟨d, δB + n⟩ + ½⟨c, δB + n⟩.
                         noise ratio      drift change    score

A part is zero where its cause is absent: g the same at both ends, a drift that does not change, no
score. Terms that join the noise with drift or score belong to drift or score, since with δF alone
nothing disagrees; the term ⟨d, c⟩ is shared evenly. Where the steps back have fitted deviations
r_i g_{i+1} √Δ_i, n, d and c are divided by r_i. Equation numbers are those of Zhang and Chen,
"Diffusion Normalizing Flow", arXiv:2110.07579.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel, check_noise, check_points
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, forward_path, minus_log_prior, remembering
from dnf_studio.core.sde.steps import NoiseParts, split_backward_noise
from dnf_studio.errors import SettingError, UnsupportedError


class ContributionParts(NamedTuple):
    """The three parts whose sum is ½(‖δB_i‖² − ‖δF_i‖²), each (…), nats."""

    noise: Tensor
    """½(‖n‖² − ‖δF‖²): g differs between the two ends of the step."""
    drift: Tensor
    """½⟨d, δB + n⟩: the drift changed over the step."""
    score: Tensor
    """½⟨c, δB + n⟩: what the score adds."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """The bound on −log p_B(x_0) of each point, taken apart (method.md, section 2); nats of the standardised data."""

    path: Tensor
    """The forward path (N+1, B, D), model units."""
    parts: ContributionParts
    """Each (N, B)."""
    prior: Tensor
    """−log N(x_N; 0, I), (B,)."""
    noise_ratio: Tensor
    """D [log(g_N / g_0) + Σ_i log r_i], a scalar; r is 1 where backward deviations are those of g."""

    @property
    def steps(self) -> Tensor:
        """½(‖δB_i‖² − ‖δF_i‖²), (N, B)."""
        return self.parts.noise + self.parts.drift + self.parts.score

    @property
    def bound(self) -> Tensor:
        """Σ_i of all parts, the prior and the noise ratio, (B,)."""
        return self.steps.sum(0) + self.prior + self.noise_ratio


def split_contributions(back: NoiseParts, noise: Tensor) -> ContributionParts:
    """The parts (…) of ½(‖δB‖² − ‖δF‖²) from the parts of δB and δF = `noise`, all (…, D)."""
    both = back.noise * 2 + back.drift + back.score
    ratio = 0.5 * (back.noise.square().sum(-1) - noise.square().sum(-1))
    return ContributionParts(ratio, 0.5 * (back.drift * both).sum(-1), 0.5 * (back.score * both).sum(-1))


def prior_terms(x_end: Tensor, grid: TimeGrid) -> tuple[Tensor, Tensor]:
    """−log N(x_N; 0, I) (B,) of `x_end` (B, D), and D [log(g_N/g_0) + Σ_i log r_i]: what the bound has beside steps."""
    ratio = torch.log(grid.g[-1] / grid.g[0]) + grid.ratio.log().sum()
    return minus_log_prior(x_end), x_end.shape[-1] * ratio


def explain_path(fields: tuple[Field, Field], grid: TimeGrid, path: Tensor, noise: Tensor) -> Contributions:
    """Take apart the bound of forward paths (N+1, B, D) made with `noise` (N, B, D).

    `fields` are drift and score at the nodes. Raises `SettingError` where shapes do not fit.
    """
    if path.dim() != 3 or len(path) != grid.steps + 1 or noise.shape != (grid.steps, *path.shape[1:]):
        raise SettingError(f"Paths of {grid.steps} steps have {grid.steps + 1} states and {grid.steps} noises.")
    drift, score = fields
    f = torch.stack([drift(i, x) for i, x in enumerate(path)])
    s = torch.stack([score(i, x) for i, x in enumerate(path) if i])
    dt, g, ratio = (values[:, None, None] for values in (grid.dt, grid.g, grid.ratio))
    parts = split_contributions(split_backward_noise(f[:-1], f[1:], s, noise, dt, g[:-1], g[1:], ratio), noise)
    return Contributions(path, parts, *prior_terms(path[-1], grid))


def contributions(
    flow: GenerativeModel, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None
) -> Contributions:
    """Carry x0 (B, D), model units, to noise and take the bound of each point apart.

    `noise` is the forward noise (N, B, D), drawn where it is left out; `grid` is the model's own
    where it is left out. Raises `DataError` for other points, `SettingError` for other noise, and
    `UnsupportedError` for a model without a bound.
    """
    if not flow.bounded:
        raise UnsupportedError(flow.lacks["bound"])
    nodes = grid or flow.grid()
    check_points(x0, flow)
    drawn = torch.randn((nodes.steps, *x0.shape), dtype=x0.dtype, device=x0.device) if noise is None else noise
    eps = check_noise(drawn, nodes, x0)
    with torch.no_grad():
        drift, score = flow.fields(nodes)
        once = remembering(drift)
        return explain_path((once, score), nodes, forward_path(once, nodes, x0, eps), eps)
