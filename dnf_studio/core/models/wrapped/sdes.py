"""Two SDEs of a person's own drift and score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.models.wrapped.base import (
    UNKNOWN,
    OwnUnits,
    Units,
    WrappedModel,
    checked_dim,
    checked_number,
    tensor_of,
    units_of,
)
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.core.models.wrapped.coefficient import Coefficient, checked_times
from dnf_studio.core.networks.build import make_kernel, network_field
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field


class WrappedSDEs(WrappedModel, TwoSDEs):
    """dx = f dt + g dw and dx = [f − g² s] dt + g dw̄ of own callables f(x, t) and s(x, t).

    Where the process ends in N(0, s² I) with another width than 1, the state is carried as y = c(t) x with
    c² = 1/(1 + (s² − 1) V/V_T), V = ∫ g² dt: from 1 at the data to 1/s. Then dy = [c f + (c′/c) y] dt + c g dw, and the
    score of y is that of x over c, so that ODE, λ and disagreement are those of x.
    """

    kind = "diffflow"
    networks = ("drift", "score")
    drift: Called
    score: Called

    def __init__(self, called: tuple[Called, Called], g: Coefficient, base: float, units: OwnUnits) -> None:
        times, own = g.times, np.clip(g(g.times[[0, -1]]), 1e-6, 100)
        ends = {"steps": len(times) - 1, "t_start": float(times[0]), "t_end": float(times[-1]), "grid": "uniform"}
        sde = {**ends, "g_start": float(own[0]), "g_end": float(own[1])}
        config = Config.create({"data": UNKNOWN, "model": "diffflow", "sde": sde})
        t = torch.from_numpy(times)
        super().__init__(called[0].dim, config, units, TimeGrid(t, torch.from_numpy(g(times).copy()), t.clone()))
        self.coefficient, self.base = g, base
        self._gained = None if base == 1 else g.gained()
        self.drift, self.score = called
        self.set_grid(self.grid_at(times.tolist()))

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """A number or a function g is known at every t, an array is linear between its times."""
        at = np.asarray(times, np.float64)
        zoom, _ = self._zoom(at)
        g = torch.from_numpy(self.coefficient(at) * zoom)
        return TimeGrid(torch.from_numpy(at), g, torch.from_numpy(at.copy())).to(self.timestamps)

    def _zoom(self, t: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Any, Any]:
        """c and c′/c at the times (K,)."""
        if self._gained is None:
            return np.ones_like(t), np.zeros_like(t)
        part = (self.base**2 - 1) / float(self._gained(self.coefficient.times[-1]))
        square = 1 / (1 + part * self._gained(t))
        return np.sqrt(square), -0.5 * part * self._gained(t, 1) * square

    def _zooms(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """`_zoom` at the times (K,), in their type."""
        zoom, rate = self._zoom(times.detach().cpu().double().numpy())
        return torch.from_numpy(zoom).to(times), torch.from_numpy(rate).to(times)

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        drift, score = (network_field(one, grid.condition, hidden) for one in (self.drift, self.score))
        if self._gained is None:
            return drift, score
        zoom, rate = self._zooms(grid.t)
        return (
            lambda i, x: drift(i, x / zoom[i]) * zoom[i] + x * rate[i],
            lambda i, x: score(i, x / zoom[i]) / zoom[i],
        )

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        kernels = [make_kernel(one, one.embed_time(grid.condition), hidden) for one in (self.drift, self.score)]
        zoom, rate = self._zooms(grid.t)

        def drift(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = kernels[0].with_divergence(x / zoom[i], i, signs)
            return value * zoom[i] + x * rate[i], divergence + self.dim * rate[i]

        def score(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = kernels[1].with_divergence(x / zoom[i], i, signs)
            return value / zoom[i], divergence / zoom[i] ** 2

        return drift, score

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """f − ½ g² s, of y where that is carried."""

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = tensor_of([float(time)])
            (zoom, rate), g = self._zooms(now), float(self.coefficient(now.numpy())[0])
            c, told = float(zoom), now.to(x)
            value: Tensor = (self.drift(x / c, told) - self.score(x / c, told) * (0.5 * g * g)) * c + x * float(rate)
            return value

        return velocity


def wrap(
    drift: Callable[..., Any],
    score: Callable[..., Any],
    *,
    t: ArrayLike | Tensor,
    g: float | ArrayLike | Tensor | Callable[[Tensor], Any],
    dim: int,
    base: float = 1.0,
    mean: Units = 0.0,
    scale: Units = 1.0,
) -> WrappedSDEs:
    """A pair of processes between data and noise of your own drift and score, as a model of the studio.

    Forward dx = f(x, t) dt + g(t) dw from the data at t[0] to N(0, base² I) at t[-1], backward
    dx = [f(x, t) − g(t)² s(x, t)] dt + g(t) dw̄: equations 8 and 9 of Zhang and Chen, "Diffusion Normalizing Flow",
    NeurIPS 2021, arXiv:2110.07579. Where s is ∇ ln p_t of the forward process, each is the other's reverse.

    Parameters
    ----------
    drift, score : callable
        f and s: called with x, a float tensor (B, D), and t, a float tensor (B,), they return (B, D). A function or a
        module; the value at a point depends on that point alone. Modules are evaluated in eval mode, with the weights
        that they have at the time, on the device of these; your own are left as they are. Several threads may call.
    t : array_like
        The N + 1 times of the steps, dimensionless, rising from the data to the noise, between 0 and 1000.
    g : float, array_like or callable
        The diffusion coefficient, above 0: a number, one for each of `t`, which is linear in between, or a function of
        a float64 tensor (K,) of times. Another N interpolates `t`.
    dim : int
        D, the number of components.
    base : float
        Standard deviation of the noise at t[-1]. Where it is not 1 the studio carries the state times a number that
        goes from 1 at the data to 1/base.
    mean, scale : float or sequence
        What your callables take is (data − mean)/scale.

    Returns
    -------
    WrappedSDEs
        A `GenerativeModel`. Without a derivative by x (`torch.no_grad` in a callable) it has no densities.

    Raises
    ------
    SettingError
        With one sentence on what does not fit: times, g, what a callable takes or returns.

    Examples
    --------
    Of data N(0, 4) and dx = −x dt + √2 dw, which forgets it, the score is known:

    >>> import torch
    >>> import dnf_studio as dnf
    >>> def score(x, t):
    ...     return -x / (1 + 3 * torch.exp(-2 * t))[:, None]
    >>> model = dnf.wrap(lambda x, t: -x, score, t=torch.linspace(0, 4, 41), g=2**0.5, dim=1)
    >>> model.sample(1000, steps=80, solver="heun").std().round(decimals=0)
    tensor(2.)
    >>> model.log_prob(torch.zeros(1, 1)).round(decimals=2)  # -ln(2 sqrt(2 pi))
    tensor([-1.6100])
    """
    # Long by its docstring, which tells each parameter
    number, times = checked_dim(dim), checked_times(t)
    coefficient, width = Coefficient(g, times), checked_number("width of the base", base)
    called = Called(drift, "drift", number), Called(score, "score", number)
    model = WrappedSDEs(called, coefficient, width, units_of(number, mean, scale))
    adapter = {"name": "wrap", "base": width, "t": times.tolist(), "g": coefficient(times).tolist()}
    ends = [float(times[0]), float(times[len(times) // 2]), float(times[-1])]
    model.take({**adapter, "function_of_t": callable(g)}, ends)
    return model
