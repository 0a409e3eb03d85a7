"""Three faults beside an exact score: the numbers point at each, at the right place, and not at the sound model.

The process is exact: dx = −½ x dt + dw from eight Gaussians on a circle has eight Gaussians at every t, whose score
is known. So all that disagrees beyond the entropy is a planted fault or the length of a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.disagreement import Disagreement, explain_path
from dnf_studio.core.exploration.fields import differentiated, field_grid
from dnf_studio.core.exploration.marginals import Marginals, compare_marginals
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.exploration.score_share import score_share
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from tests.planted import ignored_mode, long_step, scaled_score

STEPS, POINTS, START, END = 40, 2000, 0.02, 3.0
RADIUS, WIDTH = 1.4, 0.18
ANGLES = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
CENTRES = RADIUS * torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)
FIRST, LAST = 14, 26
"""Nodes whose score is planted too strong, and those that the long step leads from and to."""
BLIND = 3
"""The mode that the drift ignores."""
Array = NDArray[np.float64]


def grid_of(steps: int = STEPS) -> TimeGrid:
    t = START + torch.linspace(0, 1, steps + 1, dtype=torch.float64).square() * (END - START)
    return TimeGrid(t, torch.ones_like(t), t.clone())


def drift(_node: int, x: Tensor) -> Tensor:
    return -0.5 * x


def score_of(grid: TimeGrid) -> Field:
    """∇ log p_t of the mixture."""

    def score(i: int, x: Tensor) -> Tensor:
        kept = math.exp(-0.5 * float(grid.t[i]))
        variance = (WIDTH * kept) ** 2 + 1 - kept**2
        away = kept * CENTRES - x[:, None]
        weight = torch.softmax(-0.5 * away.square().sum(-1) / variance, dim=1)
        return (weight[..., None] * away).sum(1) / variance

    return score


@dataclass(frozen=True, eq=False)
class Seen:
    """What the views have of one model."""

    grid: TimeGrid
    fields: tuple[Field, Field]
    found: Disagreement
    marginals: Marginals
    share: Array
    mode: Tensor

    @property
    def out(self) -> Array:
        """Distance of the marginals in units of the most that chance makes, (N+1,)."""
        return self.marginals.distance / self.marginals.highest

    @property
    def of_modes(self) -> Array:
        """Mean of a path's Σ_i of the disagreement, for each mode (8,)."""
        total = self.found.steps.sum(0)
        return np.array([float(total[self.mode == k].mean()) for k in range(8)])


def see(fields: tuple[Field, Field], grid: TimeGrid) -> Seen:
    """Carry the same points both ways."""
    random = torch.Generator().manual_seed(5)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    mode = torch.arange(POINTS) % 8
    kept = math.exp(-0.5 * float(grid.t[0]))
    spread = math.sqrt((WIDTH * kept) ** 2 + 1 - kept**2)
    x0, z = kept * CENTRES[mode] + spread * normal(POINTS, 2), normal(POINTS, 2)
    noise = normal(STEPS, POINTS, 2)[: grid.steps]
    back = normal(STEPS, POINTS, 2)[: grid.steps]
    ahead = paths.forward_path(fields[0], grid, x0, noise)
    backward = paths.backward_path(*fields, grid, z, back, 1.0, "noise").flip(0)
    return Seen(
        *(grid, fields, explain_path(fields, grid, ahead, noise)),
        compare_marginals(ahead.float().numpy(), backward.float().numpy()),
        score_share(fields, grid, ahead).share,
        mode,
    )


def part(seen: Seen, name: str) -> Array:
    mean: Array = getattr(seen.found.parts, name).mean(1).numpy()
    return mean


@pytest.fixture(scope="module")
def sound() -> Seen:
    grid = grid_of()
    return see((drift, score_of(grid)), grid)


@pytest.fixture(scope="module")
def strong(sound: Seen) -> Seen:
    first, last = (float(sound.grid.t[i]) for i in (FIRST, LAST))
    return see(scaled_score(1.5, first - 1e-6, last + 1e-6)(*sound.fields, sound.grid), sound.grid)


@pytest.fixture(scope="module")
def long(sound: Seen) -> Seen:
    grid = long_step(sound.grid, FIRST, LAST)
    return see((drift, score_of(grid)), grid)


@pytest.fixture(scope="module")
def blind(sound: Seen) -> Seen:
    centre = tuple(CENTRES[BLIND].tolist())
    return see(ignored_mode(centre, 0.8)(*sound.fields, sound.grid), sound.grid)


def test_the_sound_model_gives_nobody_away(sound: Seen) -> None:
    assert sound.out.max() < 1.25
    assert np.ptp(sound.of_modes) < 0.6
    assert abs(float(sound.found.prior.mean()) - (1 + math.log(2 * math.pi))) < 0.06
    assert np.abs(np.diff(sound.share[3:])).max() < 0.05
    for name in ("drift", "score"):
        assert np.abs(np.diff(part(sound, name)[3:])).max() < 0.05


def test_a_strong_score_shows_in_the_score_at_its_nodes(sound: Seen, strong: Seen) -> None:
    """Node i+1 belongs to step i: the steps FIRST − 1 … LAST − 1 have the wrong score."""
    wrong = np.zeros(STEPS, bool)
    wrong[FIRST - 1 : LAST] = True
    change = part(strong, "score") - part(sound, "score")
    np.testing.assert_allclose(change[~wrong], 0, atol=1e-12)
    assert change[wrong].min() > 0.005
    assert (change[wrong] > 3 * np.abs(part(strong, "drift") - part(sound, "drift"))[wrong]).all()
    # As it is read without the sound model: both borders jump in the share, and nothing else does
    jumps = np.abs(np.diff(strong.share))
    assert set(np.argsort(jumps[3:])[-2:] + 3) == {FIRST - 2, LAST - 1}
    assert strong.out.max() > 1.5 and FIRST - 2 <= strong.out.argmax() <= LAST
    assert strong.out[LAST + 1 :].max() == pytest.approx(sound.out[LAST + 1 :].max(), rel=1e-6)
    assert torch.equal(strong.found.path, sound.found.path)


def test_a_long_step_shows_in_both_parts_of_one_bar_and_goes_with_its_grid(sound: Seen, long: Seen) -> None:
    for name, sign in (("drift", 1), ("score", -1)):
        bars = sign * part(long, name)
        assert bars[3:].argmax() + 3 == FIRST
        assert bars[FIRST] > 3 * max(bars[FIRST - 1], bars[FIRST + 1])
    assert long.out.argmax() == FIRST and long.out[FIRST] > 1.5
    jumps = np.abs(np.diff(long.out))
    assert jumps.argmax() == FIRST and jumps[FIRST] > 0.5
    assert float(long.found.bound.mean()) > float(sound.found.bound.mean()) + 0.01


def test_a_drift_that_ignores_a_mode_shows_at_the_noise_in_that_mode_and_in_the_field(sound: Seen, blind: Seen) -> None:
    assert blind.out[-1] > 1.25 and sound.out[-1] < 1.25
    assert float(blind.found.prior.mean()) > float(sound.found.prior.mean()) + 0.02
    modes = blind.of_modes - sound.of_modes
    assert modes.argmax() == BLIND and modes[BLIND] > 1.5 * np.sort(modes)[-2]
    assert blind.of_modes.argmax() == BLIND
    for name in ("drift", "score"):
        assert np.abs(np.diff(part(blind, name)[3:])).max() < 0.05
    plane = Plane.of_pair(0, 1, np.zeros(2))
    drift, score = map(differentiated, blind.fields)
    lengths = field_grid((drift, score), blind.grid, 0, plane, (-2.2, -2.2, 2.2, 2.2), (44, 44))
    at = np.stack(np.meshgrid(lengths.x, lengths.y), axis=-1)
    near = [np.hypot(*(at - centre).T).T < 0.3 for centre in CENTRES.numpy()]
    f = [float(lengths.magnitude("drift")[cells].mean()) for cells in near]
    assert int(np.argmin(f)) == BLIND and f[BLIND] < 0.1 * sorted(f)[1]
