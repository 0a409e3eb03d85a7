"""Data to noise and back again: what comes back of each point, and how far off it is.

Three ways, whose errors mean different things:

``implied``
    The forward SDE (11), then backward steps (12) with the noises δB_i that the forward path implies
    (15). The way back is the same path: the error is rounding alone, a check of the numerics.
``ode``
    The probability-flow ODE, N Euler steps each way. The exact flow is invertible: the error is that
    of the discretisation and falls as 1/N. A model without noise goes by its own solver, of a higher order.
``sde``
    The forward SDE (11), then the backward SDE (12) with fresh noise. What comes back is drawn from
    the points that the model takes for possible given the latent: the error is what the latent forgets.

Equation numbers are those of Zhang and Chen, "Diffusion Normalizing Flow", arXiv:2110.07579.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.model import check_shape
from dnf_studio.core.sde.brownian import BrownianPath
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, collected
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.core.sde.solvers import LastStep
from dnf_studio.core.sde.solvers.sde import backward_states
from dnf_studio.core.sde.steps import forward_step, path_backward_noise
from dnf_studio.errors import Check, SettingError, UnsupportedError

Way = Literal["implied", "ode", "sde"]
BLOCK = 256
MAX_NUMBERS = 8_000_000
"""Most numbers in the noise of a block, for both directions."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """Where points went and what came back, all in model units and float64."""

    way: Way
    steps: int
    """N, each way."""
    x0: Array
    """(P, D)"""
    latent: Array
    """(P, D), x_N."""
    returned: Array
    """(P, D)"""

    @property
    def error(self) -> Array:
        """(P,) ‖returned − x_0‖; not finite for a point that left the finite numbers."""
        with np.errstate(over="ignore", invalid="ignore"):
            distance: Array = np.linalg.norm(self.returned - self.x0, axis=1)
        return distance

    @property
    def lost(self) -> int:
        """How many points left the finite numbers; the numbers below are of the others."""
        return int((~np.isfinite(self.error)).sum())

    @property
    def rms(self) -> float:
        """Root mean square of the error."""
        return float(np.sqrt(np.mean(self._known**2))) if len(self._known) else np.nan

    @property
    def median(self) -> float:
        """Median error: half of the points come back at least as near."""
        return float(np.median(self._known)) if len(self._known) else np.nan

    @property
    def largest(self) -> float:
        """The error of the worst point."""
        return float(self._known.max()) if len(self._known) else np.nan

    def worst(self, count: int) -> tuple[int, ...]:
        """The `count` points that come back farthest off, the worst last; one that is lost is worse than any other."""
        order = np.argsort(np.nan_to_num(self.error, nan=np.inf), kind="stable")
        return tuple(int(point) for point in order[-count:])

    @property
    def _known(self) -> Array:
        return self.error[np.isfinite(self.error)]


def round_trips(
    flow: GenerativeModel,
    x0: Tensor,
    way: Way = "sde",
    settings: SampleSettings = AS_VIEWED,
    *,
    check: Check | None = None,
) -> Iterator[RoundTrip]:
    """Carry `x0` (P, D), model units, to noise and back, N steps each way.

    The round trip comes block by block: each result holds the points so far, the last one all of them. `settings` say
    N, the time grid, the last step of ``sde``, whose other two ways have no choice, and the seed: it chooses the
    Brownian paths, a forward and a backward one for each point, the same whatever N is. λ and solver are those of the
    way. ``ode`` needs the score at t_0, where training on a fixed grid never sees it.

    `check` is called at every step and raises to leave. At the first `next` come `SettingError` for another way,
    `DataError` for other points, and `UnsupportedError` for a way with noise where the model has none.
    """
    if way not in get_args(Way):
        raise SettingError(f"The way back '{way}' is not one of implied, ode and sde.")
    if way != "ode" and "noise" in flow.lacks:
        raise UnsupportedError(flow.lacks["noise"])
    check_shape(x0, flow, fewest=1)
    grid, points = flow.grid(settings.steps, settings.grid), x0.to(flow.timestamps)
    rows = max(1, min(BLOCK, MAX_NUMBERS // (2 * grid.steps * flow.dim)))
    parts: list[tuple[Array, ...]] = []
    for start in range(0, len(points), rows):
        block = points[start : start + rows]
        with torch.inference_mode(), single_threaded_kernels():
            if "noise" in flow.lacks:
                latent, returned = _solved(flow, grid, block, check)
            else:
                noise = _noise(flow, grid, len(block), settings.seed, start, check) if way != "ode" else None
                fields = _checked(flow.fields(grid), check)
                latent, returned = _there_and_back(fields, grid, block, noise, way, settings.last)
        parts.append(tuple(part.cpu().double().numpy() for part in (block, latent, returned)))
        yield RoundTrip(way, grid.steps, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _noise(
    flow: GenerativeModel, grid: TimeGrid, rows: int, seed: int, start: int, check: Check | None
) -> tuple[Tensor, Tensor]:
    """Forward and backward noise (N, B, D) of a block, row i between t_i and t_{i+1}, one Brownian motion for both."""
    span = float(grid.t[0]), float(grid.t[-1])
    path = BrownianPath(seed, rows, 2 * flow.dim, *span, stream=start)
    ahead, back = path.increments(grid.t, check or (lambda: None)).to(grid.t).chunk(2, dim=-1)
    return ahead, back


def _solved(flow: GenerativeModel, grid: TimeGrid, x0: Tensor, check: Check | None) -> tuple[Tensor, Tensor]:
    """x_N of a model without noise, and what its solver brings back of it, both (B, D)."""
    still = torch.zeros_like(x0).expand(grid.steps, *x0.shape).__getitem__
    latent = collected(flow.encoder(grid)(x0, still), check)[-1]
    return latent, collected(flow.sampler(grid)(latent, still), check)[-1]


def _there_and_back(
    fields: tuple[Field, Field],
    grid: TimeGrid,
    x0: Tensor,
    noise: tuple[Tensor, Tensor] | None,
    way: Way,
    last: LastStep,
) -> tuple[Tensor, Tensor]:
    """x_N and what comes back of it, both (B, D)."""
    if noise is None:
        latent = _flow_to_noise(fields, grid, x0)
        *_, returned = backward_states(*fields, grid, latent, None, lam=0.0)
        return latent, returned
    ahead, back = noise
    if way == "implied":
        latent, back = _implied(fields, grid, x0, ahead)
        last = "noise"
    else:
        latent = _to_noise(fields[0], grid, x0, ahead)
    *_, returned = backward_states(*fields, grid, latent, back.flip(0).__getitem__, last=last)
    return latent, returned


def _to_noise(drift: Field, grid: TimeGrid, x0: Tensor, noise: Tensor) -> Tensor:
    """x_N of the forward SDE."""
    x, dt = x0, grid.dt
    for i in range(grid.steps):
        x = forward_step(x, drift(i, x), dt[i], grid.g[i], noise[i])
    return x


def _flow_to_noise(fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor) -> Tensor:
    """x_N of N Euler steps of dx = [f − ½ g² s] dt (17)."""
    drift, score = fields
    still = torch.zeros_like(x0)
    half = 0.5 * grid.g**2
    return _to_noise(lambda i, x: drift(i, x) - half[i] * score(i, x), grid, x0, still.expand(grid.steps, *still.shape))


def _implied(fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """x_N of the forward SDE and the implied backward noise (N, B, D) of its path (15), row i of step i."""
    drift, score = fields
    x, f, dt, g, ratio, back = x0, drift(0, x0), grid.dt, grid.g, grid.ratio, []
    for i in range(grid.steps):
        x = forward_step(x, f, dt[i], g[i], noise[i])
        f_next = drift(i + 1, x)
        back.append(path_backward_noise(f, f_next, score(i + 1, x), noise[i], dt[i], g[i], g[i + 1], ratio[i]))
        f = f_next
    return x, torch.stack(back)


def _checked(fields: tuple[Field, Field], check: Check | None) -> tuple[Field, Field]:
    """The same fields, whose drift asks `check` first."""
    if check is None:
        return fields
    drift, score = fields

    def checked(i: int, x: Tensor) -> Tensor:
        check()
        return drift(i, x)

    return checked, score
