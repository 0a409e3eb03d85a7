"""The continuous normalizing flow: one drift, no noise, an exact likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dnf_studio.config.grids import GridKind
from dnf_studio.core.models.base import GenerativeModel, check_points
from dnf_studio.core.networks.build import make_kernel, network_field
from dnf_studio.core.networks.fourier_kernel import value_and_derivative
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.sampling.model import Ability, FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, Sampler, minus_log_prior
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep, SolversFor
from dnf_studio.core.sde.solvers.fitted import FITTED_OF_DRIFT
from dnf_studio.core.sde.solvers.ode import runge_kutta_sampler
from dnf_studio.errors import UnsupportedError

MOST_EXACT = 4
"""Dimensions up to which training takes the volume of its own map; beyond, an estimate of the divergence."""
FEWEST_ESTIMATED = 10
"""Steps of training, at least, where the divergence is estimated: what they do not resolve they count wrongly."""
FOLDED = 0.1
"""Determinants below this go on along their tangent: a map that folds is told how to unfold, where ln|det| is blind."""


class Flow(GenerativeModel):
    """FFJORD: dx/dt = f(x, t) from data at t_0 to N(0, I) at T, log p(x_0) = log N(x_T; 0, I) + ∫ div f dt.

    Paths, samples and training take one step of the classical fourth order (the 3/8 rule) between two nodes of
    the grid, four network evaluations each, training by torchdiffeq's ``rk4``, paths and samples by the same with
    the fast kernels; `log_prob` is the adaptive solver's, whatever N is. In few dimensions training takes the volume of
    the map that its steps make instead of the integral (`nll`): discretised first, then optimised. There is no noise:
    g is 0, λ and the last step have no meaning, and there is no bound and no disagreement.

    References: Grathwohl et al., "FFJORD: Free-Form Continuous Dynamics for Scalable Reversible Generative
    Models", ICLR 2019, arXiv:1810.01367, equations 4 and 8; Onken and Ruthotto, "Discretize-Optimize vs.
    Optimize-Discretize for Time-Series Regression and Continuous Normalizing Flows", arXiv:2005.13420.
    """

    kind = "flow"
    networks = ("drift",)
    drift: FourierMLP
    """Settings have no other kind for a flow, and `value_and_derivative` is written out for it."""
    solvers = SolversFor("drift")
    fitted = FITTED_OF_DRIFT
    lacks: Mapping[Ability, str] = {
        "noise": "A flow follows one ODE without noise: it has no g, no noise level λ and no choice of last step.",
        "score": "A flow has no score: its drift f alone moves the points, both ways.",
        "bound": "The likelihood of a flow is exact: it has no bound to which steps could add, and nothing disagrees.",
    }

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """As `GenerativeModel`, with g = 0; the buffer `diffusion` keeps the settings' g, which nothing uses."""
        nodes = super().grid(steps, kind)
        return replace(nodes, g=torch.zeros_like(nodes.g))

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        t = torch.tensor(times, dtype=torch.float64).to(self.timestamps)
        return TimeGrid(t, torch.zeros_like(t), t)

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        """The drift at the times of `grid`, and 0."""
        return self.drift_at(grid.t, hidden), lambda i, x: torch.zeros_like(x)

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        kernel = make_kernel(self.drift, self.drift.embed_time(grid.t), hidden)
        return (
            lambda i, x, signs=None: kernel.with_divergence(x, i, signs),
            lambda _, x, signs=None: (torch.zeros_like(x), torch.zeros_like(x[:, 0])),
        )

    def drift_at(self, times: Tensor, hidden: torch.dtype | None = None) -> Field:
        """f at the times (K,), by their number; `hidden` is as in `fields`."""
        return network_field(self.drift, times, hidden)

    def encoder(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Sampler:
        """Steps of the solver; the noise is never asked for."""
        return runge_kutta_sampler(lambda times: self.drift_at(times, hidden), grid.t)

    def sampler(
        self, grid: TimeGrid, settings: SampleSettings | None = None, hidden: torch.dtype | None = None
    ) -> Sampler:
        """As `GenerativeModel`; there is no λ but 1, which is no choice."""
        chosen = settings or SampleSettings()
        self.checked_solver(chosen.solver)
        _refuse_level(chosen.lam)
        return super().sampler(grid, chosen, hidden)

    def forward_path(self, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None) -> Tensor:
        """Data to noise: states (N+1, B, D) in model units, row 0 at t_0. Raises `UnsupportedError` for noise."""
        check_points(x0, self)
        _refuse_noise(noise)
        return self._solved(x0, (grid or self.grid()).t)

    def backward_path(
        self,
        z: Tensor,
        noise: Tensor | None = None,
        lam: float = 1.0,
        last: LastStep = "noise",
        grid: TimeGrid | None = None,
    ) -> Tensor:
        """Noise to data: states (N+1, B, D) in model units, row 0 at t_N. Raises `UnsupportedError` for noise or λ."""
        check_points(z, self)
        _refuse_noise(noise)
        _refuse_level(lam)
        return self._solved(z, (grid or self.grid()).t.flip(0))

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """f itself."""
        return lambda t, x: self.drift(x, t.to(x))

    def nll(self, x0: Tensor, grid: TimeGrid, probes: Tensor | None = None) -> Tensor:
        """−log p (B,), nats, of x0 (B, D) in model units, by the steps of `grid`; differentiable.

        Without `probes` it is exactly that of the map x_N(x_0) which the steps make, ln p = ln N(x_N; 0, I) +
        ln det ∂x_N/∂x_0: steps of the variational equation dM/dt = J M, M = I at t_0, are the derivative of the steps.
        A step of length h with J = z/h stretches by 1 + z + z²/2 + z³/6 + z⁴/24, less than the e^z of ∫ div f dt, which
        would pay a network for what its steps do not resolve. With `probes` (B, D) of ±1, one v a point and solve,
        that integral is estimated by Hutchinson's vᵀ J v.
        """
        from torchdiffeq import odeint

        along = torch.eye(self.dim).to(x0)[:, None].expand(-1, len(x0), -1) if probes is None else probes[None]

        def rate(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            embedding = self.drift.embed_time(t.reshape(1))
            if probes is None:
                return value_and_derivative(self.drift, state[0], embedding, state[1])
            value, turned = value_and_derivative(self.drift, state[0], embedding, along)
            return value, (turned * along).sum((0, 2))

        start = along if probes is None else torch.zeros_like(x0[:, 0])
        states, carried = odeint(rate, (x0, start), grid.t, method="rk4")
        change = log_volume(carried[-1]) if probes is None else carried[-1]
        nll: Tensor = minus_log_prior(states[-1]) - change
        return nll

    def training_grid(self, steps: int | None = None) -> TimeGrid:
        """The grid of N = `steps` that training solves on, the model's own N unless given, of more where it must."""
        count = len(self.timestamps) - 1 if steps is None else steps
        return self.grid(count if self.dim <= MOST_EXACT else max(count, FEWEST_ESTIMATED))

    def validation_nll(self, points: Tensor, draws: int) -> Tensor:
        """`nll` by the steps it is trained with, (K, n): once, or for K = `draws` sets of signs where it is estimated.

        The signs are the same at every call.
        """
        probes: list[Tensor | None] = [None]
        if self.dim > MOST_EXACT:
            generator = torch.Generator().manual_seed(0)
            signs = torch.randint(0, 2, (draws, *points.shape), generator=generator) * 2 - 1
            probes = list(signs.to(points))
        with torch.no_grad():
            return torch.stack([self.nll(points, self.training_grid(), some) for some in probes])

    def _solved(self, x: Tensor, times: Tensor) -> Tensor:
        """The states (N+1, B, D) at `times` (N+1,), x (B, D) first."""
        return torch.stack(list(runge_kutta_sampler(self.drift_at, times)(x, lambda _: x)))


def log_volume(columns: Tensor) -> Tensor:
    """ln det (B,) of the matrices with these columns (D, B, D), below `FOLDED` along the tangent there."""
    found = torch.linalg.det(columns.permute(1, 2, 0))
    logarithm: Tensor = found.clamp_min(FOLDED).log() + (found - FOLDED).clamp_max(0) / FOLDED
    return logarithm


def _refuse_noise(noise: Tensor | None) -> None:
    if noise is not None:
        raise UnsupportedError("The paths of a flow are deterministic and take no noise.")


def _refuse_level(lam: float) -> None:
    if lam != 1:
        raise UnsupportedError("A flow has no noise, and so no noise level λ to choose.")
