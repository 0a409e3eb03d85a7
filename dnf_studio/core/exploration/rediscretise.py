"""What another N does to the same paths: both processes on the same Brownian paths, coarse against fine.

A model without noise follows its ODE from the same points, where the error is that of its solver.
For Euler-Maruyama with additive noise the strong error, the root mean square distance of a path
with N steps to the exact one along the same Brownian motion, falls as 1/N. Here the exact path is
stood in for by a much finer one whose grid holds every node of the coarse grids, so that errors
are taken at common times and nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.config import MAX_STEPS
from dnf_studio.config.grids import GridKind, check_steps
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.model import check_shape
from dnf_studio.core.sde.brownian import BrownianPath
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import collected
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.errors import Check, SettingError

DEFAULT_STEPS = (5, 10, 20, 30, 50, 100, 200)
FINER = 4
"""Steps of the finest grid a step of the finest N asked for."""
APART = 2.0**-18
"""Share of the whole time; nodes closer than that are one, as `BrownianPath` tells no closer ones apart."""
MAX_NUMBERS = 32_000_000
"""Most numbers in the noise of both processes on the finest grid; of more points the first are taken."""
Array = NDArray[np.float64]
Noise = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Takes times (N+1,), returns forward and backward noise, each (N, P, D), row i between t_i and t_{i+1}."""


@dataclass(frozen=True, eq=False)
class Rediscretised:
    """Errors of one N against the finest grid, model units, row i at t_i."""

    steps: int
    finest: int
    """Steps of the grid in place of the exact solution."""
    t: Array
    """(N+1,)"""
    forward: Array
    """Root mean square (N+1,) over the points of ‖x_i − x(t_i)‖, both from the same x_0."""
    backward: Array
    """The backward error (N+1,), both from the same latents; row N, where this process begins, is 0."""

    @property
    def forward_end(self) -> float:
        """Error of the latents."""
        return float(self.forward[-1])

    @property
    def backward_end(self) -> float:
        """Error of the samples."""
        return float(self.backward[0])


def rediscretise(
    flow: GenerativeModel,
    x0: Tensor,
    steps: Sequence[int] = DEFAULT_STEPS,
    settings: SampleSettings = AS_VIEWED,
    *,
    finest: int | None = None,
    check: Check | None = None,
) -> Iterator[Rediscretised]:
    """For each N of `steps`, ascending: the error along the same Brownian paths.

    `x0` (P, D), model units, starts the forward process; latents and Brownian paths belong to
    the seed of `settings`, and every step of both processes (11, 17) uses its noise, the last one too. The errors are
    those against the finest grid, of `finest` steps (four times the largest N where not given) and all coarse
    nodes; its own error is in them: at N = finest/4 about a quarter of the error against the exact
    solution is missing. `settings` are those of the backward process, and the kind of grid of both. `check` is called
    at every step of a path and raises to leave.

    Raises `SettingError` for an N that cannot be, `UnsupportedError` for a solver that the model has
    not, and `DataError` for other points, at the first `next`.
    """
    chosen = sorted({check_steps(n) for n in steps})
    if not chosen:
        raise SettingError("An N at least is needed to compare discretisations.")
    check_shape(x0, flow, fewest=1)
    fine = check_steps(finest or min(MAX_STEPS, FINER * chosen[-1]))
    if fine < chosen[-1]:
        raise SettingError(f"The finest grid must have at least the {chosen[-1]:,} steps compared, not {fine:,}.")
    grid, nodes = _common(flow, [*chosen, fine], settings.grid)
    whole = replace(settings, last="noise")
    both = _own_paths(flow, x0[: max(1, MAX_NUMBERS // (2 * flow.dim * grid.steps))], whole, check)
    exact = both.along(grid)
    for n, places in zip(chosen, nodes, strict=False):
        at = torch.from_numpy(places)
        own = both.along(TimeGrid(grid.t[at], grid.g[at], grid.condition[at]))
        ahead, back = (_rms(path - reference[at]) for path, reference in zip(own, exact, strict=True))
        yield Rediscretised(n, grid.steps, grid.t[at].cpu().double().numpy(), ahead, back)


@dataclass(frozen=True, eq=False)
class CoarseAndFine:
    """A few paths at one N over those of a much finer grid, model units, row i of each at its t_i."""

    coarse_t: Array
    """(N+1,)"""
    fine_t: Array
    """(M+1,) the coarse times among them."""
    forward: tuple[Tensor, Tensor]
    """Coarse (N+1, P, D) and fine (M+1, P, D), from the same points along the same Brownian path."""
    backward: tuple[Tensor, Tensor]
    """Coarse and fine backward paths, from the same latents."""


def coarse_and_fine(
    flow: GenerativeModel,
    settings: SampleSettings,
    start: tuple[Tensor, Tensor | None],
    noise: Noise,
    *,
    finest: int,
    check: Check | None = None,
) -> CoarseAndFine:
    """Paths of the N steps of `settings` over those of at least `finest`, from points and latents `start`, each (P, D);
    without latents both backward ones start where the forward one of N steps ends.

    `noise` reads one Brownian path of both processes on any times.
    """
    steps = settings.steps or flow.grid().steps
    fine = max(steps, check_steps(finest))
    grid, (places, _) = _common(flow, [steps, fine], settings.grid)
    at = torch.from_numpy(places)
    x0, z = start
    both = _Paths(flow, (x0, x0 if z is None else z), noise, settings, check)
    coarse = TimeGrid(grid.t[at], grid.g[at], grid.condition[at])
    if z is None:
        both = both.from_latents(both.along(coarse)[0][-1])
    exact, own = both.along(grid), both.along(coarse)
    times = grid.t.cpu().double().numpy()
    return CoarseAndFine(times[places], times, (own[0], exact[0]), (own[1], exact[1]))


def _own_paths(flow: GenerativeModel, x0: Tensor, settings: SampleSettings, check: Check | None) -> _Paths:
    """Latents and Brownian paths that belong to the seed; one motion with 2D components serves both processes."""
    generator = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(1,)))
    z = torch.from_numpy(generator.standard_normal(tuple(x0.shape), dtype=np.float32))
    span = float(flow.timestamps[0]), float(flow.timestamps[-1])
    brownian = BrownianPath(settings.seed, len(x0), 2 * flow.dim, *span)

    def noise(t: Tensor) -> tuple[Tensor, Tensor]:
        ahead, back = brownian.increments(t, check or (lambda: None)).chunk(2, dim=-1)
        return ahead, back

    return _Paths(flow, (x0, z), noise, settings, check)


class _Paths:
    """Both processes from the same points along the same Brownian paths on whatever grid."""

    def __init__(
        self,
        flow: GenerativeModel,
        start: tuple[Tensor, Tensor],
        noise: Noise,
        settings: SampleSettings,
        check: Check | None,
    ) -> None:
        self._flow, self._noise, self._settings = flow, noise, settings
        self._x0, self._z = (points.to(flow.timestamps) for points in start)
        self._check = check or (lambda: None)

    def from_latents(self, z: Tensor) -> _Paths:
        """Both processes with other latents (P, D) for the backward process."""
        return _Paths(self._flow, (self._x0, z), self._noise, self._settings, self._check)

    def along(self, grid: TimeGrid) -> tuple[Tensor, Tensor]:
        """Forward and backward path, each (N+1, P, D), row i at t_i; the backward process reads from the end."""
        with torch.inference_mode(), single_threaded_kernels():
            self._check()
            grid = self._flow.with_deviations(grid)
            ahead, back = (rows.to(grid.t) for rows in self._noise(grid.t))
            there = self._flow.encoder(grid)(self._x0, ahead.__getitem__)
            again = self._flow.sampler(grid, self._settings)(self._z, back.flip(0).__getitem__)
            return collected(there, self._check), collected(again, self._check).flip(0)


def _common(
    flow: GenerativeModel, steps: Sequence[int], kind: GridKind | None
) -> tuple[TimeGrid, list[NDArray[np.int64]]]:
    """A grid that holds the nodes of every N of `steps`, the last of them the finest, and where each has its own."""
    grids = [flow.grid(n, kind) for n in steps]
    times = [grid.t.cpu().double().numpy() for grid in grids]
    apart = APART * (times[-1][-1] - times[-1][0])
    # Fine nodes give way to coarse ones, else a run of near ones at t_0 would become one and take coarse ones along
    coarse = _thinned(np.unique(np.concatenate(times[:-1])), apart)
    after = np.searchsorted(coarse, times[-1]).clip(1, len(coarse) - 1)
    free = np.minimum(times[-1] - coarse[after - 1], coarse[after] - times[-1]) >= apart
    t = np.sort(np.concatenate([coarse, _thinned(times[-1][free], apart)]))
    middles = (t[1:] + t[:-1]) / 2
    places = [np.searchsorted(middles, own) for own in times]
    return flow.grid_at(t.tolist()), [np.unique(own) for own in places]


def _thinned(nodes: Array, apart: float) -> Array:
    """The first and the last of rising `nodes`, and those between that are `apart` from the one kept before."""
    kept: list[float] = []
    for node in nodes.tolist():
        if not kept or node - kept[-1] >= apart:
            kept.append(node)
    if kept:
        kept[-1] = float(nodes[-1])
    return np.array(kept)


def _rms(error: Tensor) -> Array:
    """(N+1, P, D) -> (N+1,)"""
    rows: Array = error.double().square().sum(-1).mean(-1).sqrt().cpu().numpy()
    return rows
