"""Three faults beside an exact score: the excess points at each, at the right place, and not at the sound model.

The process is exact: dx = −½ x dt + dw from eight Gaussians on a circle has eight Gaussians at every t, whose score
is known, and so has its chain of N steps, whose densities are known too. So the excess of the sound model is the length
of its steps, and whatever it has beyond is a planted fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.by_step import score_share
from dnf_studio.core.exploration.contributions import Contributions, explain_path
from dnf_studio.core.exploration.excess import StepMeans, log_ratios, neighbour_excess, step_means, widths
from dnf_studio.core.exploration.fields import differentiated, field_grid
from dnf_studio.core.exploration.marginals import Marginals, compare_marginals
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sampling.node_density import PILOTS, choose_times, log_density_at_nodes
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.solvers.sde import backward_path
from tests.planted import Fault, ignored_mode, long_step, scaled_score

STEPS, POINTS, START, END = 40, 2000, 0.02, 3.0
MANY, SOLVED = 10_000, 192
"""Points whose neighbours are looked for, and those that the ODE starts from at every node."""
ENDS = 50_000
RADIUS, WIDTH = 1.4, 0.18
ANGLES = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
CENTRES = RADIUS * torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)
FIRST, LAST = 24, 33
"""Nodes whose score is planted too strong, and those that the long step leads from and to."""
BLIND = 3
"""The mode that the drift ignores."""
Array = NDArray[np.float64]


def grid_of(steps: int = STEPS) -> TimeGrid:
    """Steps that grow with t, so that all of the sound model's are about equally right."""
    t = START * (END / START) ** torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    return TimeGrid(t, torch.ones_like(t), t.clone())


def drift(_node: int, x: Tensor) -> Tensor:
    return -0.5 * x


def mixture(t: float) -> tuple[float, float]:
    """How much of the circle's radius is left at t, and the variance of each Gaussian."""
    kept = math.exp(-0.5 * t)
    return kept, (WIDTH * kept) ** 2 + 1 - kept**2


def drift_with_divergence(_node: int, x: Tensor, _signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
    return -0.5 * x, torch.full_like(x[:, 0], -1.0)


def score_with_divergence(grid: TimeGrid) -> FieldWithDivergence:
    """∇ log p_t of the mixture, and Δ log p_t."""

    def score(i: int, x: Tensor, _signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        kept, variance = mixture(float(grid.t[i]))
        away = kept * CENTRES - x[:, None]
        squares = away.square().sum(-1)
        weight = torch.softmax(-0.5 * squares / variance, dim=1)
        mean = (weight[..., None] * away).sum(1)
        spread = (weight * squares).sum(1) - mean.square().sum(1)
        return mean / variance, spread / variance**2 - 2 / variance

    return score


def score_of(grid: TimeGrid) -> Field:
    both = score_with_divergence(grid)
    return lambda i, x: both(i, x)[0]


def chain_density(grid: TimeGrid, path: Tensor) -> Tensor:
    """ln p_i (N+1, B) of the chain x − ½ x Δ + √Δ ε itself, at the states of `path`."""
    kept, variance = mixture(float(grid.t[0]))
    rows = []
    for i, x in enumerate(path):
        away = (kept * CENTRES - x[:, None]).square().sum(-1)
        rows.append(torch.logsumexp(-0.5 * away / variance, 1) - math.log(8 * 2 * math.pi * variance))
        if i < grid.steps:
            dt = float(grid.dt[i])
            kept, variance = (1 - 0.5 * dt) * kept, (1 - 0.5 * dt) ** 2 * variance + dt
    return torch.stack(rows)


class Mixture(DiffFlow):
    """The process with a fault, as the ODE's densities want it."""

    def __init__(self, grid: TimeGrid, fault: Fault) -> None:
        super().__init__(2)
        self.double().set_grid(grid)
        self.fault = fault

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        t = torch.tensor(list(times), dtype=torch.float64)
        return TimeGrid(t, torch.ones_like(t), t.clone())

    def fields(self, grid: TimeGrid, _hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        return self.fault(drift, score_of(grid), grid)

    def fields_with_divergence(
        self, grid: TimeGrid, _hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        return self.fault.with_divergence(drift_with_divergence, score_with_divergence(grid), grid)


def normal(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=random, dtype=torch.float64)


def draw(mode: Tensor, steps: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points (B, 2) of these modes (B,) at the first node, and forward noise."""
    kept, variance = mixture(START)
    x0 = kept * CENTRES[mode] + math.sqrt(variance) * normal(random, len(mode), 2)
    return x0, normal(random, steps, len(mode), 2)


def mixed(count: int, random: torch.Generator) -> Tensor:
    """Modes (count,), as many of each, in random order: else the batches that tell an error have one mode each."""
    return (torch.arange(count) % 8)[torch.randperm(count, generator=random)]


@dataclass(frozen=True, eq=False)
class Carried:
    """Points of one model on their way to the noise, and what each step adds to the bound."""

    model: Mixture
    mode: Tensor
    path: Tensor
    contribution: Tensor
    prior: Tensor
    """−ln N(x_N; 0, I), (B,)."""

    def exact(self) -> StepMeans:
        """The excess with the densities of the chain, of a model whose forward process has no fault."""
        return step_means(log_ratios(self.contribution, chain_density(self.model.grid(), self.path)).numpy())

    def by_ode(self, points: int = SOLVED) -> Tensor:
        """Log-ratios (N, points) of the first points, by the ODE."""
        path = self.path[:, :points]
        times = choose_times(self.model, path[0, :PILOTS])
        return log_ratios(
            self.contribution[:, :points], log_density_at_nodes(self.model, self.model.grid(), path, times)
        )

    def by_neighbours(self, nodes: Sequence[int]) -> StepMeans:
        """The excess of all steps between two of `nodes` together, from the first to the last, and the prior's."""
        summed = np.add.reduceat(self.contribution.numpy(), list(nodes[:-1]), axis=0)
        return neighbour_excess(self.path[list(nodes)].numpy(), summed)

    def of_modes(self, values: Tensor) -> StepMeans:
        """Means and errors of `values` (B,) for each mode (8,)."""
        mode = self.mode[: len(values)]
        each = [step_means(values[mode == k].numpy()[None]) for k in range(8)]
        return StepMeans(
            np.array([float(e.mean[0]) for e in each]), np.array([float(e.error[0]) for e in each]), len(values)
        )

    def missed(self) -> Tensor:
        """What the backward process misses of each point, prior included: the bound + ln p_0(x_0), (B,)."""
        return self.contribution.sum(0) + self.prior + chain_density(self.model.grid(), self.path[:1])[0]


def carry(fault: Fault, grid: TimeGrid) -> Carried:
    random = torch.Generator().manual_seed(7)
    mode = mixed(MANY, random)
    x0, noise = draw(mode, grid.steps, random)
    model = Mixture(grid, fault)
    fields = model.fields(grid)
    found = explain_path(fields, grid, paths.forward_path(fields[0], grid, x0, noise), noise)
    return Carried(model, mode, found.path, found.steps + widths(grid, 2)[:, None], found.prior)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the views have of one model beside the excess."""

    grid: TimeGrid
    fields: tuple[Field, Field]
    found: Contributions
    marginals: Marginals
    share: Array

    @property
    def out(self) -> Array:
        """Distance of the marginals in units of the most that chance makes, (N+1,)."""
        return self.marginals.distance / self.marginals.highest


def see(fault: Fault, grid: TimeGrid) -> Seen:
    """Carry the same points both ways."""
    random = torch.Generator().manual_seed(6)
    fields = Mixture(grid, fault).fields(grid)
    x0, noise = draw(torch.arange(POINTS) % 8, STEPS, random)
    z, back = normal(random, POINTS, 2), normal(random, STEPS, POINTS, 2)[: grid.steps]
    noise = noise[: grid.steps]
    ahead = paths.forward_path(fields[0], grid, x0, noise)
    backward = backward_path(*fields, grid, z, back, 1.0, "noise").flip(0)
    return Seen(
        *(grid, fields, explain_path(fields, grid, ahead, noise)),
        compare_marginals(ahead.float().numpy(), backward.float().numpy()),
        score_share(fields, grid, ahead).share,
    )


NOTHING = scaled_score(1.0, 0.0, 0.0)


def too_strong() -> Fault:
    grid = grid_of()
    return scaled_score(1.5, float(grid.t[FIRST]) - 1e-6, float(grid.t[LAST]) + 1e-6)


BLINDED = ignored_mode((float(CENTRES[BLIND, 0]), float(CENTRES[BLIND, 1])), 0.8)
WRONG = slice(FIRST - 1, LAST)
"""Node i+1 belongs to step i: the steps whose score is too strong."""
NODES = (0, 12, FIRST - 1, LAST, STEPS)
"""What is between two of them, neighbours tell together: of single steps these need more points."""


@pytest.fixture(scope="module")
def sound() -> Carried:
    return carry(NOTHING, grid_of())


@pytest.fixture(scope="module")
def sound_views() -> Seen:
    return see(NOTHING, grid_of())


def test_the_sound_model_gives_nobody_away(sound: Carried, sound_views: Seen) -> None:
    exact = sound.exact()
    assert exact.mean.max() < 0.006 and (exact.mean > -3 * exact.error).all()
    ode = step_means(sound.by_ode().numpy())
    assert (np.abs(ode.mean - exact.mean) < 3.5 * ode.error).all()
    near = sound.by_neighbours(NODES)
    together = np.append(np.add.reduceat(exact.mean, NODES[:-1]), 0)
    assert (np.abs(near.mean - together) < 3 * near.error).all() and near.mean.max() < 0.05
    modes = sound.of_modes(sound.missed())
    assert (np.abs(modes.mean - modes.mean.mean()) < 3.5 * modes.error).all() and np.ptp(modes.mean) < 0.05
    assert sound_views.out.max() < 1.25
    assert np.abs(np.diff(sound_views.share)).max() < 0.05


def test_a_strong_score_is_found_at_its_steps_by_exact_densities_and_by_neighbours() -> None:
    strong = carry(too_strong(), grid_of())
    exact = strong.exact()
    outside = np.delete(exact.mean, np.r_[WRONG])
    assert (exact.mean[WRONG] > 8 * exact.error[WRONG]).all()
    assert exact.mean[WRONG].min() > 2 * outside.max()
    near = strong.by_neighbours(NODES)
    assert near.mean[2] > 8 * near.error[2]
    assert near.mean[2] > 4 * np.delete(near.mean, 2).max()
    # The ODE goes wrong with the score, and as much of the fault is missing from its excess: there, and nowhere else
    ode = step_means(np.add.reduceat(strong.by_ode().numpy(), NODES[:-1], axis=0))
    off = (ode.mean - np.add.reduceat(exact.mean, NODES[:-1])) / ode.error
    assert off[2] < -4
    assert (np.abs(np.delete(off, 2)) < 3.5).all()


def test_a_strong_score_shows_in_share_and_marginals(sound_views: Seen) -> None:
    strong = see(too_strong(), grid_of())
    # Both borders jump in the share, and nothing else does
    assert set(np.argsort(np.abs(np.diff(strong.share)))[-2:]) == {FIRST - 2, LAST - 1}
    assert strong.out.max() > 1.5 and FIRST - 2 <= strong.out.argmax() <= LAST
    after = slice(LAST + 1, None)
    assert strong.out[after].max() == pytest.approx(sound_views.out[after].max(), rel=1e-6)
    assert torch.equal(strong.found.path, sound_views.found.path)


def test_a_long_step_is_the_one_with_excess_and_goes_with_its_grid(sound: Carried) -> None:
    grid = long_step(grid_of(), FIRST, LAST)
    long = carry(NOTHING, grid)
    exact = long.exact()
    assert exact.mean[FIRST] > 20 * exact.error[FIRST]
    assert exact.mean[FIRST] > 10 * np.delete(exact.mean, FIRST).max()
    near = long.by_neighbours((0, 12, FIRST, FIRST + 1, grid.steps))
    assert near.mean[2] > 4 * near.error[2] and near.mean.argmax() == 2
    ode = step_means(long.by_ode().numpy())
    assert ode.mean[FIRST] > 3 * ode.error[FIRST] and ode.mean[FIRST] > 4 * np.delete(ode.mean, FIRST).max()
    assert abs(ode.mean[FIRST] - exact.mean[FIRST]) < 3 * ode.error[FIRST]
    assert sound.exact().mean[FIRST:LAST].sum() < 0.25 * exact.mean[FIRST]


def test_a_long_step_makes_the_marginals_jump() -> None:
    out = see(NOTHING, long_step(grid_of(), FIRST, LAST)).out
    assert out.argmax() in (FIRST - 1, FIRST) and out[FIRST] > 1.5
    jumps = np.abs(np.diff(out))
    assert jumps.argmax() == FIRST and jumps[FIRST] > 0.5


def test_a_drift_that_ignores_a_mode_is_found_near_the_noise_and_in_the_points_of_that_mode(sound: Carried) -> None:
    blind = carry(BLINDED, grid_of())
    # Most is missed near the noise, where only the points of this mode are not yet spread
    near, right = (carried.by_neighbours((0, FIRST, STEPS)) for carried in (blind, sound))
    assert near.mean[1] > 5 * near.error[1] and right.mean[1] < 3 * right.error[1]
    missed = blind.of_modes(blind.missed())
    others = np.delete(missed.mean, BLIND)
    assert missed.mean.argmax() == BLIND and missed.mean[BLIND] > 1.5 * others.max()
    assert missed.mean[BLIND] > 20 * missed.error[BLIND]
    ode = blind.of_modes(blind.by_ode(480).sum(0))
    assert np.abs(ode.mean).argmax() == BLIND and abs(ode.mean[BLIND]) > 3 * ode.error[BLIND]


def test_the_ends_of_a_drift_that_ignores_a_mode_are_not_normal() -> None:
    random = torch.Generator().manual_seed(8)
    x0, noise = draw(mixed(ENDS, random), STEPS, random)
    found = {}
    for fault in (NOTHING, BLINDED):
        grid = grid_of()
        end = paths.forward_path(Mixture(grid, fault).fields(grid)[0], grid, x0, noise)[-1:]
        found[fault] = neighbour_excess(end.numpy(), np.zeros((0, ENDS)))
    assert found[BLINDED].mean[-1] > 3 * found[BLINDED].error[-1]
    assert abs(found[NOTHING].mean[-1]) < 3 * found[NOTHING].error[-1]
    assert abs(found[NOTHING].mean[-1]) < 0.3 * found[BLINDED].mean[-1]


def test_a_drift_that_ignores_a_mode_shows_at_the_noise_and_in_the_field(sound_views: Seen) -> None:
    blind = see(BLINDED, grid_of())
    assert blind.out[-1] > 1.25 and sound_views.out[-1] < 1.25
    plane = Plane.of_pair(0, 1, np.zeros(2))
    f, s = map(differentiated, blind.fields)
    lengths = field_grid((f, s), blind.grid, 0, plane, (-2.2, -2.2, 2.2, 2.2), (44, 44))
    at = np.stack(np.meshgrid(lengths.x, lengths.y), axis=-1)
    near = [np.hypot(*(at - centre).T).T < 0.3 for centre in CENTRES.numpy()]
    mean = [float(lengths.magnitude("drift")[cells].mean()) for cells in near]
    assert int(np.argmin(mean)) == BLIND and mean[BLIND] < 0.1 * sorted(mean)[1]
