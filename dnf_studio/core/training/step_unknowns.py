"""The numbers of fitted steps as unknowns: what a fit begins with, and points carried with gradients to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.sde.grid import TimeGrid, condition_at, diffusion_at
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.solvers import Solver
from dnf_studio.core.sde.solvers.fitted import (
    COLUMNS,
    DRIFT,
    DRIFT_BEFORE,
    FITTED,
    FITTED_OF_DRIFT,
    FITTED_OF_VELOCITY,
    NOISE,
    ROWS_A_STEP,
    SCORE,
    SCORE_BEFORE,
    TIME,
    fitted_midpoints,
    fitted_runge_kutta,
    fitted_states,
    nodes_of,
)

FACTORS: dict[Solver, tuple[int, ...]] = {
    FITTED: (DRIFT, SCORE, DRIFT_BEFORE, SCORE_BEFORE, NOISE),
    FITTED_OF_VELOCITY: (DRIFT, DRIFT_BEFORE),
    FITTED_OF_DRIFT: (DRIFT,),
}
"""The columns that are fitted beside the times, noise last; the others mean nothing to such a model."""


def starts(flow: GenerativeModel, steps: int) -> Iterator[Tensor]:
    """Rows with which fitted steps are those of the model's solvers, as far as they can be, each on the usual grids."""
    if flow.fitted is not FITTED:
        yield unfitted_rows(flow, flow.grid(steps))
        return
    grid = flow.grid(steps)
    yield unfitted_rows(flow, grid)
    ode = unfitted_rows(flow, grid)
    ode[:, SCORE], ode[:, NOISE] = 0.5, 0.0
    yield ode
    if isinstance(flow, Diffusion):
        for kind in (None, "log-snr"):
            for name in ("ancestral", "ddim", "dpmpp-2m"):
                yield rows_of_marginals(flow, flow.grid(steps, kind), name)


def unfitted_rows(flow: GenerativeModel, grid: TimeGrid) -> Tensor:
    """Rows with which fitted steps are the model's own ones on `grid`, to the bit."""
    times = grid.t.flip(0)
    if flow.fitted is FITTED_OF_VELOCITY:
        times = torch.stack([times[:-1], (times[:-1] + times[1:]) / 2], 1).flatten()
    else:
        times = times[:-1]
    rows = times.new_zeros(len(times), len(COLUMNS))
    rows[:, TIME], rows[:, DRIFT] = times, 1.0
    if flow.fitted is FITTED:
        rows[:, SCORE], rows[:, NOISE] = 1.0, grid.ratio.flip(0)
    return rows


def rows_of_marginals(flow: Diffusion, grid: TimeGrid, solver: str) -> Tensor:
    """Rows with which fitted steps are those of a solver of a diffusion model's marginals on `grid`.

    Such a step is x_s = A x_t + B ε̂ + A′ x_t′ + B′ ε̂′ + C ε with f = −½ g² x and s = −ε̂/σ (section 7); the columns of
    `rows` follow.
    """
    t, g2 = grid.t.double().flip(0), grid.g.double().square().flip(0)[:-1]
    a, sigma = (level.flip(0) for level in flow.levels(grid.t))
    length, (at, to), (st, so) = t[:-1] - t[1:], (a[:-1], a[1:]), (sigma[:-1], sigma[1:])
    before = torch.zeros_like(g2), torch.zeros_like(g2)
    noise = torch.zeros_like(g2)
    if solver == "ancestral":
        gained = st.square() - (at / to * so).square()
        x, eps, noise = to / at, -gained / st * to / at, gained.sqrt()
    elif solver == "ddim":
        x, eps = to / at, so - to / at * st
    else:
        height = (a / sigma).log().diff()
        ahead, share = -to * (-height).expm1(), torch.zeros_like(g2)
        share[1:-1] = (height[1:] / height[:-1] / 2)[:-1]
        x, eps = so / st + ahead * (1 + share) / at, -ahead * (1 + share) * st / at
        weight = (ahead * share)[1:] / at[:-1]
        before = torch.cat([weight.new_zeros(1), -weight]), torch.cat([weight.new_zeros(1), weight * st[:-1]])
    rows = t.new_zeros(len(g2), len(COLUMNS))
    earlier = [torch.cat([one[:1], one[:-1]]) for one in (g2, st)]
    rows[:, TIME], rows[:, DRIFT], rows[:, SCORE] = t[:-1], (x - 1) / (g2 * length / 2), -eps * st / (g2 * length)
    rows[:, DRIFT_BEFORE] = before[0] / (earlier[0] * length / 2)
    rows[:, SCORE_BEFORE] = -before[1] * earlier[1] / (g2 * length)
    rows[:, NOISE] = noise / (g2 * length).sqrt()
    return rows.to(grid.t)


class Unknowns:
    """The numbers of `rows` as parameters: logarithms of the steps' lengths, where between them an evaluation is, and
    the factors that mean something to the model."""

    def __init__(self, flow: GenerativeModel, rows: Tensor) -> None:
        self._flow, self._rows = flow, rows.detach().to(flow.timestamps)
        solver = flow.fitted or FITTED
        each = ROWS_A_STEP[solver]
        self.steps = len(rows) // each
        self._start, self._end = flow.timestamps[0], flow.timestamps[-1]
        nodes = nodes_of(self._rows, self.steps, self._start)
        self._lengths = (nodes[:-1] - nodes[1:]).log()
        self._columns = FACTORS[solver]
        self._factors = self._rows[:, self._columns].clone()
        self._between = self._rows.new_zeros(self.steps if each == 2 else 0)
        self.parameters = [one.requires_grad_() for one in (self._lengths, self._factors, self._between)]

    def nodes(self) -> Tensor:
        """The times (N+1,) of the nodes, t_N first; the ends do not move."""
        part = torch.softmax(self._lengths, 0).cumsum(0)[:-1]
        inner = self._end + (self._start - self._end) * part
        return torch.cat([self._end.reshape(1), inner, self._start.reshape(1)])

    def rows(self) -> Tensor:
        """The rows that the unknowns stand for."""
        nodes, rows = self.nodes(), self._rows.clone()
        times = nodes[:-1]
        if len(self._between):
            times = torch.stack([times, torch.lerp(times, nodes[1:], self._between.sigmoid())], 1).flatten()
        factors = torch.cat([self._factors[:, :-1], self._factors[:, -1:].abs()], 1) if self._noisy else self._factors
        columns = dict(zip(self._columns, factors.unbind(1), strict=True)) | {TIME: times}
        return torch.stack([columns.get(k, rows[:, k]) for k in range(len(COLUMNS))], 1)

    @property
    def _noisy(self) -> bool:
        return self._columns[-1] == NOISE

    def carry(self, z: Tensor, noise: Tensor) -> Tensor:
        """The samples (B, D) of latents z (B, D) with noise (N, B, D) in the order of the steps."""
        flow, rows, nodes = self._flow, self.rows(), self.nodes()
        if flow.fitted is FITTED:
            grid = differentiable_grid(flow, nodes.flip(0))
            *_, x = fitted_states(flow.fields(grid), grid, rows, z, noise.__getitem__)
        elif flow.fitted is FITTED_OF_VELOCITY:
            velocity_at: Callable[[Tensor], Field] = flow.velocity_at  # type: ignore[assignment]
            *_, x = fitted_midpoints(velocity_at(rows[:, TIME]), nodes, rows, z)
        else:
            drift_at: Callable[[Tensor], Field] = flow.drift_at  # type: ignore[assignment]
            *_, x = fitted_runge_kutta(drift_at, nodes, rows, z)
        return x


def differentiable_grid(flow: GenerativeModel, t: Tensor) -> TimeGrid:
    """`flow.grid_at` of times t (K,) within its own ends, whose g and time input follow them."""
    if flow.formula_grid:
        sde = flow.config.sde
        return TimeGrid(t, diffusion_at(sde, t), condition_at(sde, t))
    own = flow.timestamps
    left = (torch.searchsorted(own, t.detach(), right=True) - 1).clamp(0, len(own) - 2)
    part = (t - own[left]) / (own[left + 1] - own[left])
    g, condition = (torch.lerp(one[left], one[left + 1], part) for one in (flow.diffusion, flow.condition))
    return TimeGrid(t, g, condition)
