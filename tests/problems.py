"""Stochastic differential equations with exact answers.

A linear drift with Gaussian data keeps every marginal Gaussian: dx = A x dt + g(t) dw from
N(m_0, P_0) has dm/dt = A m and dP/dt = A P + P Aᵀ + g² I. The score is then known, and so is what
every Euler–Maruyama chain of either direction does to means and covariances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from torch import Tensor, nn

from dnf_studio.config import Config
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid, levels_at, uniform_times
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.solvers import SDE
from dnf_studio.core.sde.steps import backward_step, forward_step

Array = NDArray[np.float64]
Gaussian = tuple[Array, Array]


def path_bound(flow: GenerativeModel, x0: Tensor, noise: Tensor, grid: TimeGrid | None = None) -> Tensor:
    """The bound (B,) of the chain of Euler–Maruyama steps, on the model's own grid unless given."""
    assert SDE.chain is not None
    return flow.chain_bound(SDE.chain, x0, noise, grid or flow.grid())


@dataclass(frozen=True)
class LinearGaussian:
    """dx = A x dt + g(t) dw on [t_start, t_end], x(t_start) ~ N(mean, covariance); g is linear in t."""

    name: str
    matrix: Array
    mean: Array
    covariance: Array
    g: tuple[float, float] = (1.0, 1.0)
    t_start: float = 0.0
    t_end: float = 1.0
    _known: dict[float, Gaussian] = field(default_factory=dict, compare=False, repr=False)
    """Marginals by time: tests ask for those of a thousand nodes again and again."""

    @property
    def dim(self) -> int:
        return len(self.mean)

    def grid(self, steps: int, times: Callable[[int, float, float], Tensor] = uniform_times) -> TimeGrid:
        t = times(steps, self.t_start, self.t_end)
        way = (t - self.t_start) / (self.t_end - self.t_start)
        return TimeGrid(t, self.g[0] + (self.g[1] - self.g[0]) * way, t.clone())

    def g_at(self, t: float) -> float:
        return self.g[0] + (self.g[1] - self.g[0]) * (t - self.t_start) / (self.t_end - self.t_start)

    def marginal(self, t: float) -> Gaussian:
        """Mean (D,) and covariance (D, D) at t."""
        if t not in self._known:
            self._known[t] = self._solved(t)
        return self._known[t]

    def _solved(self, t: float) -> Gaussian:
        d = self.dim

        def rate(now: float, flat: Array) -> Array:
            p = flat.reshape(d, d)
            value: Array = (self.matrix @ p + p @ self.matrix.T + self.g_at(now) ** 2 * np.eye(d)).ravel()
            return value

        p = self.covariance
        if t > self.t_start:
            solved = solve_ivp(rate, (self.t_start, t), p.ravel(), method="DOP853", rtol=1e-11, atol=1e-12)
            p = solved.y[:, -1].reshape(d, d)
        return expm(self.matrix * (t - self.t_start)) @ self.mean, p

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, D) float64 from the data."""
        root = torch.from_numpy(np.linalg.cholesky(self.covariance))
        eps = torch.randn(count, self.dim, dtype=torch.float64, generator=generator)
        return eps @ root.T + torch.from_numpy(self.mean)

    def drift(self, grid: TimeGrid) -> Field:
        a = torch.from_numpy(self.matrix)
        return lambda i, x: x @ a.T

    def score(self, grid: TimeGrid) -> Field:
        """∇ log p_t, exact at every node."""
        nodes = [self.marginal(float(t)) for t in grid.t]
        means = [torch.from_numpy(m) for m, _ in nodes]
        precisions = [torch.from_numpy(np.linalg.inv(p)) for _, p in nodes]
        return lambda i, x: -(x - means[i]) @ precisions[i]

    def forward_chain(self, grid: TimeGrid) -> Gaussian:
        """What N steps of `forward_step` make of the data: exact mean and covariance at t_N."""
        drift, dt = self.drift(grid), grid.dt
        state = (self.mean, self.covariance)
        for i in range(grid.steps):

            def step(x: Tensor, noise: Tensor, i: int = i) -> Tensor:
                return forward_step(x, drift(i, x), dt[i], grid.g[i], noise)

            state = _pushed(step, *state)
        return state

    def backward_chain(self, grid: TimeGrid, start: Gaussian, lam: float = 1.0) -> Gaussian:
        """What N steps of `backward_step`, the last one noisy too, make of N(start) at t_N: exact at t_0."""
        drift, score, dt = self.drift(grid), self.score(grid), grid.dt
        state = start
        for i in range(grid.steps, 0, -1):

            def step(x: Tensor, noise: Tensor, i: int = i) -> Tensor:
                return backward_step(x, drift(i, x), score(i, x), dt[i - 1], grid.g[i], noise, lam)

            state = _pushed(step, *state)
        return state


def _pushed(step: Callable[[Tensor, Tensor], Tensor], mean: Array, covariance: Array) -> Gaussian:
    """N(mean, covariance) through x -> M x + b + R ε, the affine map read off `step` itself."""
    d = len(mean)
    eye, zero = torch.eye(d, dtype=torch.float64), torch.zeros(d, d, dtype=torch.float64)
    shift = step(zero, zero)[0]
    linear = (step(eye, zero) - shift).numpy().T
    noise = (step(zero, eye) - shift).numpy().T
    return linear @ mean + shift.numpy(), linear @ covariance @ linear.T + noise @ noise.T


def log_normal(x: Tensor, gaussian: Gaussian) -> Tensor:
    """log N(x; mean, covariance) for x (n, D)."""
    mean, covariance = (torch.from_numpy(np.asarray(part)) for part in gaussian)
    return torch.distributions.MultivariateNormal(mean, covariance).log_prob(x)


def ornstein_uhlenbeck() -> LinearGaussian:
    """dx = −x dt + dw from N(0.5, 0.4²)."""
    return LinearGaussian("ornstein-uhlenbeck", np.array([[-1.0]]), np.array([0.5]), np.array([[0.16]]))


def to_standard_normal() -> LinearGaussian:
    """dx = −x dt + g dw with a growing g, from the one Gaussian whose variance is 1 at T."""
    zero, matrix, g = np.zeros(1), np.array([[-1.0]]), (0.8, 1.4)
    _, gained = LinearGaussian("from a point", matrix, zero, np.zeros((1, 1)), g).marginal(1.0)
    return LinearGaussian("to standard normal", matrix, zero, (1 - gained) * np.exp(2.0), g)


def turning_to_standard_normal() -> LinearGaussian:
    """A turning and shrinking plane with a growing g, from the one Gaussian that is N(0, I) at T."""
    zero, matrix, g = np.zeros(2), np.array([[-1.0, 2.0], [-2.0, -1.0]]), (0.8, 1.4)
    _, gained = LinearGaussian("from a point", matrix, zero, np.zeros((2, 2)), g).marginal(1.0)
    return LinearGaussian("turning to standard normal", matrix, zero, (np.eye(2) - gained) * np.exp(2.0), g)


def coupled() -> LinearGaussian:
    """A turning and shrinking plane, correlated data and a growing g."""
    matrix = np.array([[-0.8, 2.0], [-1.5, -0.3]])
    return LinearGaussian(
        "coupled", matrix, np.array([1.0, -0.5]), np.array([[0.5, 0.2], [0.2, 0.3]]), (0.4, 0.9), 0.2, 1.1
    )


def exploding() -> LinearGaussian:
    """No drift: pure noise of a shrinking g on three components."""
    return LinearGaussian("exploding", np.zeros((3, 3)), np.zeros(3), np.diag([0.2, 0.5, 1.0]), (1.5, 0.5))


ZOO = (ornstein_uhlenbeck(), to_standard_normal(), coupled(), exploding())


class ExactField(nn.Module):
    """A field known as a function of x and t, in the place of a `FourierMLP`."""

    def __init__(self, function: Callable[[Tensor, float], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.function(x, float(t))


class ExactFlow(DiffFlow):
    """A float64 `DiffFlow` of N uniform steps whose drift and score are those of a problem at every t."""

    def __init__(self, problem: LinearGaussian, steps: int) -> None:
        super().__init__(problem.dim)
        self.problem = problem
        self.double().set_grid(problem.grid(steps))
        self.drift = ExactField(lambda x, t: x @ torch.from_numpy(problem.matrix).T)  # type: ignore[assignment]
        self.score = ExactField(self._score)  # type: ignore[assignment]
        self.anchor = nn.Parameter(torch.zeros(1))  # a model must have a device
        self._known: dict[float, tuple[Tensor, Tensor]] = {}

    def grid(self, steps: int | None = None, kind: str | None = None) -> TimeGrid:
        return super().grid() if steps is None else self.problem.grid(steps)

    def fields(self, grid: TimeGrid, _hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        return self.problem.drift(grid), lambda i, x: self._score(x, float(grid.t[i]))

    def fields_with_divergence(
        self, grid: TimeGrid, _hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        drift, score = self.fields(grid)
        trace = float(np.trace(self.problem.matrix))

        def of_score(i: int, x: Tensor, _signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value = score(i, x)
            return value, torch.full_like(x[:, 0], -float(self._known[float(grid.t[i])][1].trace()))

        return lambda i, x, _signs=None: (drift(i, x), torch.full_like(x[:, 0], trace)), of_score

    def _score(self, x: Tensor, t: float) -> Tensor:
        if t not in self._known:
            mean, covariance = self.problem.marginal(t)
            self._known[t] = torch.from_numpy(mean), torch.from_numpy(np.linalg.inv(covariance))
        mean, precision = self._known[t]
        return -(x - mean) @ precision


class ExactDiffusion(Diffusion):
    """A float64 diffusion model of data N(mean, diag(variance)), whose ε̂ is exact at every t.

    β goes from 0.5 to 5 over t = 0.01 … 1. x_t is N(a m, a² v + σ²) and the probability flow carries a
    point along its number of standard deviations.
    """

    def __init__(self, mean: Array, variance: Array, steps: int = 32, **sde: float) -> None:
        values = {"steps": steps, "t_start": 0.01, "g_start": 0.5**0.5, "g_end": 5**0.5, "grid": "uniform", **sde}
        super().__init__(len(mean), Config.create({"model": "diffusion", "sde": values}))
        self.double()
        self.mean, self.variance = torch.from_numpy(np.asarray(mean)), torch.from_numpy(np.asarray(variance))
        self.noise = ExactField(self._noise)  # type: ignore[assignment]
        self.anchor = nn.Parameter(torch.zeros(1))  # a model must have a device

    def marginal(self, t: Tensor | float) -> tuple[Tensor, Tensor]:
        """Mean and variance (D,) at t."""
        a, sigma = levels_at(self.config.sde, torch.as_tensor(float(t), dtype=torch.float64))
        return a * self.mean, a**2 * self.variance + sigma**2

    def flowed(self, z: Tensor) -> Tensor:
        """Where the probability flow carries z (B, D) from T to t_0."""
        (late, wide), (early, narrow) = (self.marginal(self.timestamps[k]) for k in (-1, 0))
        return early + (z - late) * (narrow / wide).sqrt()

    def noise_field(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Field:
        return lambda i, x: self._noise(x, float(grid.t[i]))

    def _noise(self, x: Tensor, t: float) -> Tensor:
        mean, variance = self.marginal(t)
        sigma = levels_at(self.config.sde, torch.as_tensor(t, dtype=torch.float64)).noise
        return sigma * (x - mean) / variance


class ExactMatching(Matching):
    """A float64 flow-matching model of data N(mean, diag(variance)), whose velocity is exact at every t.

    x_t is N((1 − t) m, (1 − t)² v + t²), and the ODE carries a point along its number of standard deviations.
    """

    def __init__(self, mean: Array, variance: Array, **settings: object) -> None:
        super().__init__(len(mean), Config.create({"model": "matching"}).changed(settings))
        self.double()
        self.mean, self.variance = torch.from_numpy(np.asarray(mean)), torch.from_numpy(np.asarray(variance))
        self.vector_field = ExactMatchingField(self)

    def marginal(self, t: float) -> tuple[Tensor, Tensor]:
        """Mean and variance (D,) at t."""
        return (1 - t) * self.mean, (1 - t) ** 2 * self.variance + t**2

    def slope(self, t: float) -> Tensor:
        """∂v/∂x (D,) at t: the covariance of x_0 − z with x_t over the variance of that."""
        return ((1 - t) * self.variance - t) / self.marginal(t)[1]

    def flowed(self, z: Tensor, t: float | None = None) -> Tensor:
        """Where the ODE carries z (B, D) from t = 1 to t, to t_0 unless given."""
        mean, variance = self.marginal(float(self.timestamps[0]) if t is None else t)
        return mean + z * variance.sqrt()


class ExactMatchingField(FieldNetwork):
    """The velocity of an `ExactMatching`, with the time for an embedding."""

    def __init__(self, model: ExactMatching) -> None:
        super().__init__()
        self.dim, self._exact = model.dim, (model,)
        self.anchor = nn.Parameter(torch.zeros(1, dtype=torch.float64))  # a network has parameters

    def begin_at_zero(self) -> None:
        raise NotImplementedError

    def embed_time(self, t: Tensor) -> Tensor:
        return t[:, None]

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        (model,), t = self._exact, float(embedding.flatten()[0])
        return model.mean + model.slope(t) * (x - model.marginal(t)[0])
