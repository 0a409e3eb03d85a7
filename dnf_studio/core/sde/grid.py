"""Time grids t_0 < … < t_N and the diffusion coefficient g on them (method.md, section 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dnf_studio.config import SDEConfig
from dnf_studio.config.grids import LEAST_STEP, LEVEL_GRIDS, GridKind, Nodes, check_grid, check_steps
from dnf_studio.core.sde.nodes import interpolate, s_curve
from dnf_studio.errors import SettingError

HALVINGS = 60
"""Halvings of an interval of times after which float64 halves no more."""
RESOLVED = 32 * 2.0**-23
"""The shortest step that float32 resolves, a part of the largest time."""
KARRAS = 7
"""The exponent ρ of Karras et al.'s grid."""
FEW = 5
"""Steps up to which the power of few steps holds whole."""
MARGIN = 1 / 32
"""Part of a cell at either end that no node comes into: no step is shorter than that part of its cells."""


@dataclass(frozen=True)
class TimeGrid:
    """Times, diffusion coefficients and the networks' time input at the nodes 0 … N.

    `t`, `g` and `condition` have shape (N+1,), one dtype and one device; t is dimensionless.
    """

    t: Tensor
    g: Tensor
    condition: Tensor
    fitted: Tensor | None = None
    """The `ratio` (N,) where it is not 1 (`core.sde.deviations`)."""

    @property
    def steps(self) -> int:
        """N, the number of steps."""
        return len(self.t) - 1

    @property
    def dt(self) -> Tensor:
        """Δ_i = t_{i+1} − t_i, shape (N,)."""
        return self.t[1:] - self.t[:-1]

    @property
    def ratio(self) -> Tensor:
        """r_i (N,): the noise of the step from t_{i+1} back to t_i has the deviation λ r_i g_{i+1} √Δ_i."""
        return torch.ones_like(self.g[1:]) if self.fitted is None else self.fitted

    def to(self, like: Tensor) -> TimeGrid:
        """The same grid in the dtype and on the device of `like`."""
        fitted = None if self.fitted is None else self.fitted.to(like)
        return TimeGrid(self.t.to(like), self.g.to(like), self.condition.to(like), fitted)


def reference_times(steps: int, beta: float, t_start: float, t_end: float) -> Tensor:
    """linspace(t_start^β, t_end^β, N+1)^(1/β) in float64: the reference program's grid."""
    t = torch.linspace(t_start**beta, t_end**beta, steps + 1, dtype=torch.float64) ** (1 / beta)
    return _with_ends(t, t_start, t_end)


def paper_times(steps: int, beta: float, t_start: float, t_end: float) -> Tensor:
    """t_start + (i/N)^β (T − t_start) in float64: the paper's L_β, which has t_start = 0."""
    return t_start + _places(steps) ** beta * (t_end - t_start)


def uniform_times(steps: int, t_start: float, t_end: float) -> Tensor:
    """N equal steps from t_start to T in float64."""
    return torch.linspace(t_start, t_end, steps + 1, dtype=torch.float64)


def s_curve_times(steps: int, t_start: float, t_end: float) -> Tensor:
    """The S-curve of the reference program's CIFAR-10 setting in float64, between the ends given.

    That program begins at (y_0 + t_s) T / (Σ y + t_s) for its t_s, which as `t_start` here gives its times.
    """
    return _between(torch.from_numpy(s_curve(steps)), t_start, t_end)


def custom_times(nodes: Nodes, steps: int, t_start: float, t_end: float) -> Tensor:
    """t_start + u_i (T − t_start) in float64, the nodes u interpolated for another N.

    No step is shorter than float32 resolves; raises `SettingError` where so many steps do not fit.
    """
    least = max(LEAST_STEP, RESOLVED * t_end / (t_end - t_start))
    return _between(torch.from_numpy(interpolate(nodes, steps, least)), t_start, t_end)


def log_snr_times(steps: int, sde: SDEConfig) -> Tensor:
    """Times (N+1,) in float64 at which ln(σ/a) of `levels_at` has equal steps.

    Reference: Lu et al., "DPM-Solver", NeurIPS 2022, arXiv:2206.00927, section 3.
    """
    low, high = _decay(sde, _ends(sde)).expm1().sqrt().log()
    return _times_of(sde, torch.lerp(low, high, _places(steps)).exp())


def karras_times(steps: int, sde: SDEConfig) -> Tensor:
    """Times (N+1,) in float64 at which (σ/a)^(1/ρ), ρ = 7, of `levels_at` has equal steps: shorter ones near the data.

    Reference: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", NeurIPS 2022,
    arXiv:2206.00364, equation 5.
    """
    low, high = _decay(sde, _ends(sde)).expm1().sqrt() ** (1 / KARRAS)
    return _times_of(sde, torch.lerp(low, high, _places(steps)) ** KARRAS)


def make_grid(sde: SDEConfig, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
    """The grid that `sde` describes, in float64, with another N or another kind where given.

    g is that of `diffusion_at`. Without a `kind` the reference grid has the power of `power_at`, with one always β.
    Raises `SettingError` for an N outside 1 … 10,000 or what is no grid.
    """
    count = sde.steps if steps is None else check_steps(steps)
    name = sde.grid if kind is None else check_grid(kind)
    if not isinstance(name, str):
        t = custom_times(name, count, sde.t_start, sde.t_end)
    elif name == "reference":
        t = reference_times(count, power_at(sde, count) if kind is None else sde.beta, sde.t_start, sde.t_end)
    elif name == "paper":
        t = paper_times(count, sde.beta, sde.t_start, sde.t_end)
    elif name in LEVEL_GRIDS:
        t = log_snr_times(count, sde) if name == "log-snr" else karras_times(count, sde)
    elif name == "uniform":
        t = uniform_times(count, sde.t_start, sde.t_end)
    else:
        t = s_curve_times(count, sde.t_start, sde.t_end)
    return grid_at(sde, t)


def power_at(sde: SDEConfig, steps: int) -> float:
    """β of a model's own reference grid of N = `steps` (method.md, section 5).

    From `FEW` steps to those that it was trained with it goes from `beta_few`, where there is one, to `beta`, evenly in
    ln N: long steps near the noise, which short ones near the data are paid for with, cost most where there are few.
    """
    if sde.beta_few is None or steps >= sde.steps:
        return sde.beta
    if steps <= FEW:
        return sde.beta_few
    return sde.beta_few + (sde.beta - sde.beta_few) * math.log(steps / FEW) / math.log(sde.steps / FEW)


def grid_at(sde: SDEConfig, t: Tensor) -> TimeGrid:
    """The grid of the times `t` (N+1,) with g as `diffusion_at` and the time input as `condition_at` say.

    Raises `SettingError` where float32, in which models compute, does not tell two of them apart.
    """
    _check_resolved(t)
    return formula_at(sde, t)


def formula_at(sde: SDEConfig, t: Tensor) -> TimeGrid:
    """Times t (K,) anywhere between t_0 and T, in any order, with g and the networks' time input there."""
    return TimeGrid(t, diffusion_at(sde, t), condition_at(sde, t))


def diffusion_at(sde: SDEConfig, t: Tensor) -> Tensor:
    """g at the times t (…): g_start + (g_end − g_start)(t − t_0)/(T − t_0), or so for β = g², or for ln g in ln t."""
    if sde.linear == "log":
        return sde.g_start * (t / sde.t_start) ** _power(sde)
    way = (t - sde.t_start) / (sde.t_end - sde.t_start)
    if sde.linear == "beta":
        return (sde.g_start**2 + (sde.g_end**2 - sde.g_start**2) * way).sqrt()
    return sde.g_start + (sde.g_end - sde.g_start) * way


def condition_at(sde: SDEConfig, t: Tensor) -> Tensor:
    """What networks are told at the times t (…): t, or T (t^β − t_0^β)/(T^β − t_0^β), the reference grid's T i/N."""
    if sde.condition == "time":
        return t.clone()
    first = sde.t_start**sde.beta
    way: Tensor = (t.clamp(min=sde.t_start) ** sde.beta - first) / (sde.t_end**sde.beta - first)
    return sde.t_end * way


def _power(sde: SDEConfig) -> float:
    """p of g = g_start (t/t_0)^p, which is g_end at T."""
    return math.log(sde.g_end / sde.g_start) / math.log(sde.t_end / sde.t_start)


def between_nodes(t: Tensor, places: Tensor) -> Tensor:
    """The times (K,) at node numbers `places` (K,) in [0, N] that need not be whole: t (N+1,) linear between nodes."""
    left = places.long().clamp(max=len(t) - 2)
    return torch.lerp(t[left], t[left + 1], (places - left).to(t))


def regrid(grid: TimeGrid, steps: int) -> TimeGrid:
    """`grid` with another N: its nodes as a function of i/N, linear between them.

    For a grid known by its nodes alone, such as that of a reference-program checkpoint.
    The end-points stay where they are. Raises `SettingError` as `grid_at` does.
    """
    check_steps(steps)
    new, old = np.linspace(0, 1, steps + 1), np.linspace(0, 1, grid.steps + 1)

    def stretch(values: Tensor) -> Tensor:
        return torch.from_numpy(np.interp(new, old, values.detach().cpu().double().numpy()))

    t = stretch(grid.t)
    _check_resolved(t)
    return TimeGrid(t, stretch(grid.g), stretch(grid.condition)).to(grid.t)


def _check_resolved(t: Tensor) -> None:
    if (t.float().diff() <= 0).any():
        raise SettingError(
            f"Of {len(t) - 1:,} steps between t = {t[0]:g} and {t[-1]:g} some are too short to be told apart; take "
            "fewer, an earlier start or a smaller β."
        )


def _between(fractions: Tensor, t_start: float, t_end: float) -> Tensor:
    return _with_ends(t_start + fractions * (t_end - t_start), t_start, t_end)


def _with_ends(t: Tensor, t_start: float, t_end: float) -> Tensor:
    """`t` with the first and last time as they were given, not rounded."""
    t[0], t[-1] = t_start, t_end
    return t


def draw_grid(sde: SDEConfig, generator: torch.Generator, steps: int | None = None) -> TimeGrid:
    """The flexible grid L̂_β: other times for each batch, so that one training serves every N (method.md, section 5).

    A grid of N = `steps` with t_0 and T fixed and t_i = α_i τ_{i−1} + (1−α_i) τ_i between, in float64: each inner
    node anywhere in a cell of its own. The paper's cells are those of ``paper`` with t_0 = 0, here they are those of
    any kind of grid. (The reference program mixes before it takes the power.)

    τ_0 … τ_{N−1} are the times of `make_grid` with N−1 steps and α_i ~ U[m, 1−m) with m = `MARGIN`, so that
    Δ_i ≥ m (τ_i − τ_{i−1}): the paper has m = 0. g is as at fixed times. Raises `SettingError` as `make_grid` does.
    """
    count = sde.steps if steps is None else check_steps(steps)
    if count == 1:
        return make_grid(sde, 1)
    cells = make_grid(sde, count - 1, sde.grid).t
    alpha = MARGIN + (1 - 2 * MARGIN) * torch.rand(count - 1, generator=generator, dtype=torch.float64)
    inner = alpha * cells[:-1] + (1 - alpha) * cells[1:]
    return grid_at(sde, torch.cat([cells[:1], inner, cells[-1:]]))


class Levels(NamedTuple):
    """How much of the data and how much noise there is at some times, each (…)."""

    signal: Tensor
    """a(t)"""
    noise: Tensor
    """σ(t); a² + σ² = 1."""


def levels_at(sde: SDEConfig, t: Tensor) -> Levels:
    """a and σ at the times t (…) ≥ t_0, computed in float64 and given in the type of `t`."""
    total = _decay(sde, t.double())
    return Levels((-0.5 * total).exp().to(t), (-(-total).expm1()).sqrt().to(t))


def _decay(sde: SDEConfig, t: Tensor) -> Tensor:
    """B = ∫ β dt at float64 times, a = exp(−½ B): Simpson's rule is exact for β of the second degree in t."""
    first = t.new_tensor(sde.t_start)
    start, middle, last = (diffusion_at(sde, times).square() for times in (first, 0.5 * (first + t), t))
    if sde.linear != "log":
        return start * first + (t - first) * (start + 4 * middle + last) / 6
    logs = (t / first).log()
    grown = (2 * _power(sde) + 1) * logs
    # ∫ β dt over t_0 … t, a logarithm where β falls as 1/t
    return start * first * (1 + logs * torch.where(grown == 0, 1.0, torch.expm1(grown) / grown))


def _times_of(sde: SDEConfig, ratios: Tensor) -> Tensor:
    """The times at which σ/a has the `ratios` (N+1,), rising from that at t_0 to that at T, by bisection."""
    wanted = ratios.square().log1p()
    low, high = (end.expand_as(wanted) for end in _ends(sde))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        early = _decay(sde, middle) < wanted
        low, high = torch.where(early, middle, low), torch.where(early, high, middle)
    return _with_ends(0.5 * (low + high), sde.t_start, sde.t_end)


def _ends(sde: SDEConfig) -> Tensor:
    return torch.tensor([sde.t_start, sde.t_end], dtype=torch.float64)


def _places(steps: int) -> Tensor:
    return torch.linspace(0, 1, steps + 1, dtype=torch.float64)
