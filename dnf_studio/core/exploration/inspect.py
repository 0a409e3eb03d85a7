"""The path of one point: every number of a path, step by step."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, collected
from dnf_studio.core.sde.sample_settings import AS_VIEWED, Direction, SampleSettings
from dnf_studio.core.sde.solvers import SDE, Solver
from dnf_studio.core.sde.solvers.sde import backward_path, fields_in_part
from dnf_studio.core.sde.steps import (
    chain_backward_noise,
    chain_forward_noise,
    implied_backward_noise,
    implied_forward_noise,
    path_backward_noise,
)
from dnf_studio.errors import SettingError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointTable:
    """A path and what the model says along it, float64, model units; row i belongs to t_i or to step i → i+1.

    Whichever process made the path, δF is the noise with which the forward SDE (11) takes each of its
    steps and δB the one with which the backward SDE (12) takes it back. One of them was drawn, the
    other is implied; for a backward path of λ ≠ 1 or of another solver both are implied.
    """

    direction: Direction
    t: Array
    """(N+1,)"""
    g: Array
    """(N+1,)"""
    x: Array
    """States (N+1, D)."""
    drift: Array
    """f(x_i, t_i), (N+1, D)."""
    score_term: Array
    """g_i² s(x_i, t_i), (N+1, D). No step uses it at t_0, so nothing trains it there. This and all that follows is
    empty for a model without noise."""
    forward_noise: Array
    """δF_i, (N, D)."""
    backward_noise: Array
    """δB_i, (N, D)."""
    contributions: Array
    """½(‖δB_i‖² − ‖δF_i‖²), (N,), nats."""

    def in_data_units(self, standardisation: Standardisation) -> PointTable:
        """A copy with states, drift and score term in data units; noises and contributions have no unit.

        Drift and score term are moved by the slope at their state. With a logit that is how fast each moves the
        value, to which noise adds what the curve between the units makes of it (Itô's second term).
        """
        slope = standardisation.slope(self.x)
        x = standardisation.array_to_data(self.x)
        # A model without noise has no rows of the latter
        score_term = self.score_term * slope[: len(self.score_term)]
        return replace(self, x=x, drift=self.drift * slope, score_term=score_term)


def inspect_path(
    fields: tuple[Field, Field],
    grid: TimeGrid,
    path: Tensor,
    noise: Tensor,
    direction: Direction = "forward",
    settings: SampleSettings = AS_VIEWED,
    solver: Solver = SDE,
) -> PointTable:
    """The numbers of `path` (N+1, D), row i at t_i, that `direction` made with `noise` (N, D).

    Row i of `noise` belongs to the step between t_i and t_{i+1}, zeros where the step drew none. The
    noise spares (15) its cancellation where steps are small. `fields`, drift and score, must take
    float64; λ and parts of `settings` and the `solver` are those of a backward path. One made with a part of the fields
    is taken apart by both, and its noises are read off the path, as are those of a solver of other steps than Euler's.
    Raises `SettingError` where shapes do not fit.
    """
    if path.dim() != 2 or len(path) != grid.steps + 1 or noise.shape != (grid.steps, path.shape[1]):
        raise SettingError(f"A path of {grid.steps} steps has {grid.steps + 1} states and {grid.steps} noises.")
    x, eps = path.double(), noise.double()
    nodes = grid.to(x)
    f, s = (torch.cat([field(i, x[i : i + 1]) for i in range(len(x))]) for field in fields)
    dt, g, ratio = nodes.dt[:, None], nodes.g[:, None], nodes.ratio[:, None]
    if direction == "forward":
        ahead, back = eps, path_backward_noise(f[:-1], f[1:], s[1:], eps, dt, g[:-1], g[1:], ratio)
    elif settings.parts != "both" or not solver.euler:
        ahead = implied_forward_noise(x[:-1], x[1:], f[:-1], dt, g[:-1])
        back = implied_backward_noise(x[:-1], x[1:], f[1:], s[1:], dt, g[1:], ratio)
    else:
        lam = settings.lam if solver.noise else 0.0
        ahead = chain_forward_noise(f[:-1], f[1:], s[1:], eps, dt, g[:-1], g[1:], lam, ratio)
        back = chain_backward_noise(s[1:], eps, dt, g[1:], lam, ratio)
    contributions = 0.5 * (back.square().sum(-1) - ahead.square().sum(-1))
    columns = (nodes.t, nodes.g, x, f, s * g * g, ahead, back, contributions)
    return PointTable(direction, *(column.detach().cpu().numpy().copy() for column in columns))


def inspect_point(
    flow: GenerativeModel,
    grid: TimeGrid,
    start: Tensor,
    noise: Tensor,
    direction: Direction = "forward",
    settings: SampleSettings = AS_VIEWED,
) -> PointTable:
    """Carry `start` (D,), x_0 or a latent, along its process in float64 and inspect the path.

    Row i of `noise` (N, D) belongs to the step between t_i and t_{i+1}, in both directions. A flow in
    another type is copied first. `settings` say how a backward path goes; `grid` stands for their N and grid. Raises
    `UnsupportedError` for a solver that the model has not.
    """
    exact = flow if flow.timestamps.dtype is torch.float64 else copy.deepcopy(flow).double()
    nodes, x, eps = grid.to(exact.timestamps), start.to(exact.timestamps), noise.to(exact.timestamps)
    with torch.no_grad():
        if "noise" in exact.lacks:
            return _without_noise(exact, nodes, x, direction, settings)
        solver = exact.checked_solver(settings.solver)
        # Fitted steps may ask a network of their own
        acting = exact.as_fitted(nodes.steps) if direction == "backward" and solver.needs == "fitted" else exact
        drift, score = (paths.remembering(field) for field in acting.fields(nodes))
        if direction == "forward":
            path = paths.forward_path(drift, nodes, x[None], eps[:, None])
        else:
            if settings.last == "mean":
                eps = torch.cat([torch.zeros_like(eps[:1]), eps[1:]])
            drawn = eps.flip(0)[:, None]
            if solver.euler:
                used, lam = fields_in_part((drift, score), settings.parts), settings.lam if solver.noise else 0.0
                path = backward_path(*used, nodes, x[None], drawn, lam).flip(0)
            else:
                other = replace(settings, lam=1.0)
                path = collected(exact.sampler(nodes, other)(x[None], drawn.__getitem__)).flip(0)
        return inspect_path((drift, score), nodes, path[:, 0], eps, direction, settings, solver)


def _without_noise(
    flow: GenerativeModel, grid: TimeGrid, start: Tensor, direction: Direction, settings: SampleSettings
) -> PointTable:
    """The path of `start` (D,) along the ODE and the drift on it."""
    ahead = direction == "forward"
    way = flow.encoder(grid) if ahead else flow.sampler(grid, replace(settings, lam=1.0))
    states = way(start[None], torch.zeros(grid.steps, 1).__getitem__)
    path = collected(states) if ahead else collected(states).flip(0)
    drift, _ = flow.fields(grid)
    f = torch.cat([drift(i, x) for i, x in enumerate(path)])
    none = path.new_empty(0, len(start))
    columns = grid.t, grid.g, path[:, 0], f, none, none, none, none[:, 0]
    return PointTable(direction, *(column.detach().cpu().numpy().copy() for column in columns))
