"""The spiral lattice, linked rings and Gaussians in eight dimensions: moments, densities, entropies, supports."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.modes import mode_count, mode_names, modes_of
from dnf_studio.core.data.planar import GeneratedSet
from dnf_studio.core.data.solids import HARD_SETS, EightDimensions, GaussianMixture, LinkedRings, SpiralLattice

COUNT = 20_000
MIXTURES = [toy for toy in HARD_SETS if isinstance(toy, GaussianMixture)]
every_set = pytest.mark.parametrize("toy", HARD_SETS, ids=lambda toy: toy.name)
every_mixture = pytest.mark.parametrize("toy", MIXTURES, ids=lambda toy: toy.name)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def log_density(toy: GeneratedSet, x: Tensor) -> Tensor:
    found = toy.log_density(x)
    assert found is not None
    return found


@every_set
def test_they_are_found_by_name_and_standardised_by_exact_moments(toy: GeneratedSet) -> None:
    assert open_dataset(toy.name.upper()) is toy
    z = toy.standardisation.to_model(toy.generate(COUNT, generator(1)))
    assert z.shape == (COUNT, toy.dim) and len(toy.columns) == toy.dim
    error = COUNT**-0.5
    assert z.mean(0).abs().max() < 4.5 * error
    assert ((z.var(0) - 1).abs() < 4.5 * error * ((z**4).mean(0) - 1).clamp_min(0.05).sqrt()).all()


@every_set
def test_the_entropy_is_minus_the_mean_log_density_of_points_in_single_precision_too(toy: GeneratedSet) -> None:
    x = toy.generate(COUNT, generator(2))
    nll = -log_density(toy, x) - toy.standardisation.log_scale
    assert toy.entropy is not None
    assert abs(float(nll.mean()) - toy.entropy) < 4.5 * float(nll.std()) / math.sqrt(COUNT)
    narrow = toy.standardisation.to_data(toy.standardisation.to_model(x).float())
    rounded = -log_density(toy, narrow).double() - toy.standardisation.log_scale
    assert abs(float((rounded - nll).mean())) < 1e-3


@every_mixture
def test_what_overlaps_take_from_the_entropy_is_below_1e_9(toy: GaussianMixture) -> None:
    """By ln(1 + a) ≤ √a it is at most 2 Σ √(p_k p_l) ∫ √(N_k N_l) over the pairs, Bhattacharyya's coefficients."""
    covariances = toy.roots @ toy.roots.transpose(0, 2, 1)
    most = 0.0
    for k, j in combinations(range(len(toy.weights)), 2):
        middle = (covariances[k] + covariances[j]) / 2
        away = toy.centres[k] - toy.centres[j]
        logs = [np.linalg.slogdet(one)[1] for one in (middle, covariances[k], covariances[j])]
        exponent = away @ np.linalg.solve(middle, away) / 8 + logs[0] / 2 - (logs[1] + logs[2]) / 4
        most += 2 * math.sqrt(toy.weights[k] * toy.weights[j]) * math.exp(-exponent)
    assert most < 1e-9


@every_mixture
def test_densities_are_those_of_their_covariances(toy: GaussianMixture) -> None:
    """At points of the set, between its Gaussians, and far away."""
    x = np.vstack([toy.generate(300, generator(3)).numpy(), np.random.default_rng(4).normal(0, 3, (50, toy.dim))])
    logs = []
    for weight, centre, root in zip(toy.weights, toy.centres, toy.roots, strict=True):
        covariance, away = root @ root.T, x - centre
        squared = (away * np.linalg.solve(covariance, away.T).T).sum(1)
        logs.append(math.log(weight) - 0.5 * (squared + np.linalg.slogdet(2 * math.pi * covariance)[1]))
    known = np.logaddexp.reduce(logs, axis=0)
    np.testing.assert_allclose(log_density(toy, torch.from_numpy(x)).numpy(), known, rtol=1e-9, atol=1e-8)
    assert toy.weights.sum() == pytest.approx(1)


def test_the_density_of_the_linked_rings_is_the_mean_of_gaussians_along_them() -> None:
    """Quadrature over the angle, which converges exponentially on a closed curve."""
    toy = LinkedRings()
    count = 8000
    angle = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    zero = torch.zeros_like(angle)
    flat, upright = torch.stack([angle.cos(), angle.sin(), zero], 1), torch.stack([angle.cos(), zero, angle.sin()], 1)
    rings = [one + torch.from_numpy(c) for one, c in zip((flat, upright, flat), toy.centres, strict=True)]
    curve = torch.cat(rings)
    x = torch.cat([toy.generate(6, generator(5)), torch.tensor([[0.0, 0.02, 0.99], [-0.3, 0.1, 0.02]])])
    squared = (x[:, None] - curve).square().sum(-1)
    known = torch.logsumexp(-squared / (2 * toy.SIGMA**2), 1) - math.log(len(curve))
    known -= 1.5 * math.log(2 * math.pi * toy.SIGMA**2)
    torch.testing.assert_close(log_density(toy, x), known, rtol=1e-9, atol=1e-7)
    apart = min(float(torch.cdist(a[::20], b[::20]).min()) for a, b in combinations(rings, 2))
    assert apart == pytest.approx(0.5, abs=1e-3) and mode_count(toy) == 3


def test_corners_in_eight_dimensions_differ_in_four_components_or_all() -> None:
    toy = EightDimensions()
    differing = {int((a != b).sum()) for a, b in combinations(toy.centres, 2)}
    assert differing == {4, 8} and set(np.abs(toy.centres).ravel()) == {1.0}
    widths = np.linalg.svd(toy.roots, compute_uv=False)
    np.testing.assert_allclose(widths, np.tile(0.3 * 10.0 ** (-np.arange(8) / 4), (16, 1)))


def test_the_spiral_has_seeds_apart_that_are_as_wide_as_its_formula_says() -> None:
    toy = SpiralLattice()
    apart = min(np.linalg.norm(a - b) for a, b in combinations(toy.centres, 2))
    assert apart > 1.5 and sorted(toy.sigmas)[::15] == pytest.approx([0.01, 0.1])
    assert sorted(toy.weights * 136) == pytest.approx(range(1, 17))


@every_set
def test_points_repeat_by_seed_and_the_part_they_are_drawn_from_is_found(toy: GeneratedSet) -> None:
    fresh = toy.fresh(500, 0)
    assert fresh.dtype == torch.float32 and torch.equal(fresh, toy.fresh(500, 0))
    assert not torch.equal(fresh, toy.fresh(500, 1)) and not torch.equal(fresh, toy.draw(500, generator(0)))
    x = toy.generate(20_000, generator(6)).numpy()
    found = modes_of(toy, np.vstack([x, np.full((1, toy.dim), np.nan)]))
    assert found is not None and found[-1] == -1 and len(mode_names(toy)) == mode_count(toy)
    weights = toy.weights if isinstance(toy, GaussianMixture) else np.full(3, 1 / 3)
    shares = np.bincount(found[:-1], minlength=len(weights)) / len(x)
    assert (np.abs(shares - weights) < 4.5 * np.sqrt(weights / len(x))).all()
    if isinstance(toy, GaussianMixture):
        away = np.linalg.solve(toy.roots[found[:-1]], (x - toy.centres[found[:-1]])[..., None])
        assert (away**2).mean() == pytest.approx(1, abs=0.05)
    elif isinstance(toy, LinkedRings):
        assert toy.distances(x).min(1).max() < 6 * toy.SIGMA


@pytest.mark.parametrize("toy", HARD_SETS[:2], ids=lambda toy: toy.name)
def test_own_points_are_inside_and_strangers_outside(toy: GeneratedSet) -> None:
    outside = toy.outside(toy.draw(COUNT, generator(7)))
    assert outside is not None and outside.mean() <= 1e-4
    between = torch.zeros(4, toy.dim)
    between[0], between[1, 0], between[2], between[3, 1] = 9.0, math.nan, math.inf, 0.3
    strangers = toy.outside(between)
    assert strangers is not None and strangers.all()


def test_outside_of_the_linked_rings_is_measured_in_model_units() -> None:
    toy = LinkedRings()
    scale = np.array(toy.standardisation.scale)
    reach = 3 * toy.SIGMA / scale.min()
    top = np.array([0.0, 0.0, 1.0]) / scale
    points = torch.from_numpy(top + np.outer([reach + 0.019, reach + 0.021, -reach - 0.019], [0.0, 1.0, 0.0]))
    outside = toy.outside(points)
    assert outside is not None and outside.tolist() == [False, True, False]
    assert open_dataset("gaussians-8d").outside(torch.zeros(1, 8)) is None


@every_set
def test_no_chain_with_so_wide_a_last_step_comes_nearer_to_the_entropy(toy: GeneratedSet) -> None:
    """The best mixture of N(μ, r² I) in model units: Gaussians are widened to r where they are narrower."""
    scale, blur = np.array(toy.standardisation.scale), 0.05
    least = toy.blur_excess(blur, scale.tolist())
    assert (
        least is not None
        and toy.blur_excess(1e-4, scale.tolist()) == 0
        and toy.blur_excess(1.0, scale.tolist()) is None
    )
    if isinstance(toy, GaussianMixture):
        left, widths, right = np.linalg.svd(toy.roots / scale[:, None])
        wide = scale[:, None] * (left * np.maximum(widths, blur)[:, None]) @ right
        other = GaussianMixture("wide", "", toy.weights, toy.centres, wide, toy.columns)
        x = toy.generate(COUNT, generator(8))
        excess = log_density(toy, x) - log_density(other, x)
        assert float(excess.mean()) == pytest.approx(least, abs=4.5 * float(excess.std()) / math.sqrt(COUNT))
    else:
        # Half a turn of a ring is as thick as ever, so two deviations across it cost as two lines do
        sigma = LinkedRings.SIGMA / float(np.prod(scale)) ** (1 / 3)
        assert least == pytest.approx(2 * (math.log(blur / sigma) - 0.5), abs=0.3)
