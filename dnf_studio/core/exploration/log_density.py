"""Log densities over a rectangle, from coarse to fine: the model's by the probability-flow ODE, and the exact ones.

A picture needs tens of thousands of points and no more than tenths of a nat, so the solver is plain: few
Runge–Kutta steps of order 4, the same for all points. Near the data velocity and divergence grow like powers
of 1/t, so it solves in τ = t^`POWER`, where they are smooth. The divergence, which costs three times a value,
is taken once a step and integrated as cubics. `likelihood.ode_nll` is the reference; `LogDensity.error`
measures what the steps leave.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.paths import minus_log_prior
from dnf_studio.errors import Check, SettingError, UnsupportedError

SIZES = (26, 51, 101, 201)
"""Columns and rows of the grids: each has a line between two neighbours of the one before."""
STEPS = 10
"""Steps of the ODE: on sharp models they cost a twentieth of a nat for the median sample of the model, a sixth at 95 of
100."""
PREVIEW_STEPS = 6
"""Steps for the coarsest grid, which comes at once: a tenth of a nat and a third."""
DEPTH = 12.0
"""Nats below its maximum down to which a density is told apart from nothing."""
POWER = 0.25
"""Exponent of the spacing of the times: between .2 and .3 models of thin data lose least; at .5 ten times as much."""
BLOCK = 1024
"""Points of a block; smaller ones cost a third more in a window, where each layer waits for Python's lock."""
CHECKED = 256
"""Points that are solved again with twice the steps."""
Array = NDArray[np.float64]
Extent = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class LogDensity:
    """log p at t_0 in nats of the standardised data at the places (x[c], y[r]), model units; row r, column c."""

    x: Array
    """(C,)"""
    y: Array
    """(R,)"""
    model: Array
    """(R, C); not finite where the ODE has no solution."""
    exact: Array | None = None
    """(R, C), −∞ outside the support; None where the density of the data is not known."""
    error: float = math.nan
    """What twice the steps change at 95 of 100 points within `DEPTH` of the maximum, nats; NaN until it is measured."""
    steps: int = STEPS
    """Number of steps of the ODE solver."""
    complete: bool = False
    """Whether no finer grid follows."""

    @property
    def difference(self) -> Array | None:
        """Model less exact, (R, C); NaN where both are more than `DEPTH` below the model's maximum."""
        if self.exact is None:
            return None
        with np.errstate(invalid="ignore"):
            some = np.maximum(self.model, self.exact) >= self.top - DEPTH
            found: Array = np.where(some, self.model - self.exact, np.nan)
        return found

    @property
    def top(self) -> float:
        """The model's greatest value, NaN where none is finite."""
        known = self.model[np.isfinite(self.model)]
        return float(known.max()) if known.size else math.nan

    @property
    def mass(self) -> float:
        """∫p of the model over the rectangle: 1 where it holds everything and the grid is fine enough."""
        return self._mass(self.model)

    @property
    def exact_mass(self) -> float | None:
        """∫p of the exact density; less than 1 where the rectangle holds all of it means too coarse a grid."""
        return None if self.exact is None else self._mass(self.exact)

    def _mass(self, values: Array) -> float:
        """∫ exp(`values`) over the rectangle by the trapezoidal rule."""
        with np.errstate(over="ignore"):
            density = np.where(np.isfinite(values), np.exp(values), 0.0)
        return float(np.trapezoid(np.trapezoid(density, self.x, axis=1), self.y))

    def transposed(self) -> LogDensity:
        """A copy with the second component across, first one up."""
        exact = None if self.exact is None else self.exact.T
        return replace(self, x=self.y, y=self.x, model=self.model.T, exact=exact)


def log_densities(
    flow: GenerativeModel,
    extent: Extent,
    check: Check = lambda: None,
    data: Dataset | None = None,
    threads: int = 1,
    sizes: Sequence[int] = SIZES,
    begun: LogDensity | None = None,
    hidden: torch.dtype | None = None,
) -> Iterator[LogDensity]:
    """Grids of growing resolution over left, bottom, right and top; what one has computed, the next ones keep.

    Only the coarsest of `SIZES` is solved in few steps and not kept. `data` tells the exact density where it is
    known; `begun` is a grid of the same rectangle and weights to go on from. Hidden layers run in `hidden`:
    bfloat16 loses less than the steps do. `check` is called before every step. Raises `UnsupportedError` for models of
    another than two components, `SettingError` for a rectangle without area.
    """
    check_plane(flow.dim, extent)
    found = begun
    with BlockPool(threads) as pool:
        for place, size in enumerate(sizes):
            if found is not None and len(found.x) >= size:
                continue
            job = _Job(flow, extent, size, data, check, pool, hidden)
            found = job.run(found)
            # The first picture comes before its error is known
            if place and math.isnan(found.error):
                found = replace(found, error=job.error(found))
            found = replace(found, complete=size == sizes[-1])
            check()
            yield found


def check_plane(dim: int, extent: Extent) -> None:
    """Raise where there is no density over a rectangle of the plane."""
    if dim != 2:
        raise UnsupportedError(
            "Log-density is drawn for two components only: a plane through more has none of its own."
        )
    if not (np.isfinite(extent).all() and extent[0] < extent[2] and extent[1] < extent[3]):
        raise SettingError("A log-density needs a rectangle with an area.")


def ode_log_density(flow: GenerativeModel, x: Tensor, steps: int = STEPS, hidden: torch.dtype | None = None) -> Tensor:
    """log p (B,) at t_0 of points (B, D) in model units by `steps` Runge–Kutta steps of dx/dt = f − ½ g² s.

    Hidden layers run in `hidden`. Raises `SettingError` for fewer than three steps.
    """
    if steps < 3:
        raise SettingError(f"The log-density takes three steps or more, not {steps}.")
    with torch.inference_mode():
        return _Solver(flow, steps, hidden).log_density(x)


class _Solver:
    """The probability-flow ODE with its time embeddings, weights and quadrature ready for any block of points.

    Its steps are equal in τ, and so is all it integrates: dx/dτ = v dt/dτ.
    """

    def __init__(self, flow: GenerativeModel, steps: int, hidden: torch.dtype | None) -> None:
        nodes = flow.grid()
        t = nodes.t.detach().cpu().double().numpy()
        power = POWER
        if not nodes.g.any():
            # A flow: nothing sharpens towards t_0, and without a score twice the steps cost the same
            power, steps = 1.0, 2 * steps
        stages = np.linspace(t[0] ** power, t[-1] ** power, 2 * steps + 1)
        times = stages ** (1 / power)
        times[0], times[-1] = t[0], t[-1]
        grid = flow.grid_at(times.tolist())
        self._steps, self._h = steps, float(stages[2] - stages[0])
        # dt/dτ
        rate = stages ** (1 / power - 1) / power
        self._of_drift, self._of_score = rate.tolist(), (-0.5 * rate * grid.g.cpu().double().numpy() ** 2).tolist()
        self._fields, self._divergent = flow.fields(grid, hidden), flow.fields_with_divergence(grid, hidden)
        self._weights = _quadrature(stages[::2]).tolist()

    def log_density(self, x: Tensor, check: Check = lambda: None) -> Tensor:
        """log N(x(t_N); 0, I) + ∫ div v dt, (B,), of the paths that begin at x (B, D); `check` before every step."""
        change, h = torch.zeros_like(x[:, 0]), self._h
        for i in range(0, 2 * self._steps, 2):
            check()
            k1, divergence = self._both(x, i)
            change += self._weights[i // 2] * divergence
            k2 = self._velocity(x + h / 2 * k1, i + 1)
            k3 = self._velocity(x + h / 2 * k2, i + 1)
            k4 = self._velocity(x + h * k3, i + 2)
            x = x + h / 6 * (k1 + 2 * (k2 + k3) + k4)
        change += self._weights[-1] * self._both(x, 2 * self._steps)[1]
        return change - minus_log_prior(x)

    def _velocity(self, x: Tensor, i: int) -> Tensor:
        drift, score = self._fields
        return self._joined(drift(i, x), score(i, x), i)

    def _both(self, x: Tensor, i: int) -> tuple[Tensor, Tensor]:
        """The field dx/dτ and its divergence."""
        (drift, by_drift), (score, by_score) = (each(i, x) for each in self._divergent)
        return self._joined(drift, score, i), self._joined(by_drift, by_score, i)

    def _joined(self, drift: Tensor, score: Tensor, i: int) -> Tensor:
        joined: Tensor = self._of_drift[i] * drift + self._of_score[i] * score
        return joined


def _quadrature(times: Array) -> Array:
    """Weights (S+1,) of values at `times` in their integral: each step that of the cubic through the four nearest."""
    weights, powers = np.zeros(len(times)), np.arange(4)
    for n, h in enumerate(np.diff(times)):
        first = min(max(n - 1, 0), len(times) - 4)
        nodes = (times[first : first + 4] - times[n]) / h
        weights[first : first + 4] += h * np.linalg.solve(nodes[None] ** powers[:, None], 1 / (powers + 1))
    return weights


@dataclass(frozen=True, eq=False)
class _Job:
    """The computation of one grid."""

    flow: GenerativeModel
    extent: Extent
    size: int
    data: Dataset | None
    check: Check
    pool: BlockPool
    hidden: torch.dtype | None
    places: Tensor = field(init=False)
    """(R · C, 2), model units, float64."""

    def __post_init__(self) -> None:
        x, y = self._axes()
        object.__setattr__(self, "places", torch.from_numpy(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)))

    def run(self, before: LogDensity | None) -> LogDensity:
        """Compute the grid, taking what is known of it from the one `before`."""
        steps = PREVIEW_STEPS if self.size == SIZES[0] else STEPS
        model, exact = np.full(2 * (self.size,), np.nan), np.full(2 * (self.size,), np.nan)
        new = np.ones(model.shape, np.bool_)
        if before is not None and before.steps == steps:
            every = (self.size - 1) // (len(before.x) - 1)
            if every * (len(before.x) - 1) != self.size - 1:
                raise SettingError(f"A grid of {self.size} columns does not hold one of {len(before.x)}.")
            model[::every, ::every] = before.model
            if before.exact is not None:
                exact[::every, ::every] = before.exact
            new[::every, ::every] = False
        places = self.places[torch.from_numpy(new.ravel())]
        model[new] = self._solve(places, steps)
        known = self._exact(places)
        if known is not None:
            exact[new] = known
        error = math.nan if before is None else before.error
        return LogDensity(*self._axes(), model, None if known is None else exact, error, steps)

    def error(self, found: LogDensity) -> float:
        """What twice the steps change at a sample of the places that matter."""
        with np.errstate(invalid="ignore"):
            some = np.flatnonzero(found.model.ravel() >= found.top - DEPTH)
        some = some[:: -(-len(some) // CHECKED)] if some.size else some
        if not some.size:
            return math.nan
        again = self._solve(self.places[torch.from_numpy(some)], 2 * found.steps)
        return float(np.quantile(np.abs(again - found.model.ravel()[some]), 0.95))

    def _solve(self, places: Tensor, steps: int) -> Array:
        """log p (n,) of `places` (n, 2) in blocks."""
        points = places.to(self.flow.timestamps)
        with torch.inference_mode():
            solver = _Solver(self.flow, steps, self.hidden)

        def block(start: int) -> Tensor:
            with torch.inference_mode():
                return solver.log_density(points[start : start + BLOCK], self.check)

        parts = self.pool.map(block, range(0, len(points), BLOCK))
        return torch.cat(parts).cpu().double().numpy() if parts else np.empty(0)

    def _exact(self, places: Tensor) -> Array | None:
        standard = self.flow.standardisation
        found = None if self.data is None else self.data.log_density(standard.to_data(places))
        return None if found is None else (found.double() + standard.log_volume(places)).numpy()

    def _axes(self) -> tuple[Array, Array]:
        left, bottom, right, top = self.extent
        return np.linspace(left, right, self.size), np.linspace(bottom, top, self.size)
