"""Built-in sets: exact moments, densities that integrate to one, entropies, supports, streams."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dnf_studio.core.data import densities
from dnf_studio.core.data.planar import Toy2D
from dnf_studio.core.data.toy2d import TOY_SETS, Rings

SETS = {toy.name: toy for toy in TOY_SETS}
WITH_DENSITY = [name for name, toy in SETS.items() if toy.entropy is not None]
RINGS = ["rings", "rings-sharp", "four-rings", "circle"]
SHARP = [*RINGS, "checkerboard", "line"]
every_set = pytest.mark.parametrize("toy", TOY_SETS, ids=lambda toy: toy.name)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def log_density(toy: Toy2D, x: Tensor) -> Tensor:
    density = toy.log_density(x)
    assert density is not None
    return density


def test_names_are_those_of_the_design() -> None:
    names = "rings rings-sharp four-rings checkerboard 8gaussian 2spirals swissroll moons line circle"
    assert list(SETS) == names.split()


@every_set
def test_draws_are_standardised_by_exact_moments(toy: Toy2D) -> None:
    x = toy.generate(400_000, generator(1))
    z = (x - torch.tensor(toy.standardisation.mean)) / torch.tensor(toy.standardisation.scale, dtype=x.dtype)
    error = len(z) ** -0.5
    assert z.mean(0).abs().max() < 4.5 * error
    # The standard error of a variance is √((kurtosis − 1)/n), estimated from the points themselves.
    spread = ((z**4).mean(0) - 1).clamp_min(0.05).sqrt() * error
    assert ((z.var(0) - 1).abs() < 4.5 * spread).all()


@every_set
def test_draw_is_float32_in_model_units_and_follows_its_generator(toy: Toy2D) -> None:
    drawn = toy.draw(1000, generator(3))
    expected = toy.standardisation.to_model(toy.generate(1000, generator(3)))
    assert drawn.dtype == torch.float32 and drawn.shape == (1000, 2)
    torch.testing.assert_close(drawn.double(), expected, rtol=1e-7, atol=1e-7)
    stream = generator(3)
    assert torch.equal(toy.draw(1000, stream), drawn)
    assert not torch.equal(toy.draw(1000, stream), drawn)
    assert toy.draw(1, generator()).shape == (1, 2)


@every_set
def test_fresh_points_repeat_by_seed_and_are_none_of_training(toy: Toy2D) -> None:
    fresh = toy.fresh(2000, 0)
    assert fresh.shape == (2000, 2) and fresh.dtype == torch.float32
    assert torch.equal(fresh, toy.fresh(2000, 0))
    assert not torch.equal(fresh, toy.fresh(2000, 1))
    trained = {tuple(row) for row in toy.draw(2000, generator(0)).tolist()}
    assert not trained & {tuple(row) for row in fresh.tolist()}


def test_fingerprints_differ_between_sets_and_stay() -> None:
    assert len({toy.fingerprint for toy in TOY_SETS}) == len(TOY_SETS)
    assert all(len(toy.fingerprint) == 64 for toy in TOY_SETS)
    assert SETS["rings"].fingerprint == "7284381dac8852cbeb4adca512b3d14b01a075e54d6ab66cb2ce43a75ab944ef"


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("rings", (1.47174, 1.01981)),
        ("four-rings", (1.27495, 1.03079)),
        ("checkerboard", (math.sqrt(16 / 3), math.sqrt(16 / 3))),
        ("8gaussian", (math.sqrt(8.25) / 1.414, math.sqrt(8.25) / 1.414)),
        ("circle", (0.70712, 0.70712)),
    ],
)
def test_scales_of_the_method(name: str, scale: tuple[float, float]) -> None:
    assert SETS[name].standardisation.scale == pytest.approx(scale, abs=5.1e-6)


@pytest.mark.parametrize(
    ("name", "printed", "digits"),
    [
        ("checkerboard", 1.7918, 4),
        ("8gaussian", 1.4145, 4),
        ("circle", -1.460, 3),
        ("four-rings", -1.051, 3),
        ("rings", -0.962, 3),
        ("rings-sharp", -2.450, 3),
    ],
)
def test_entropies_of_the_method(name: str, printed: float, digits: int) -> None:
    entropy = SETS[name].entropy
    assert entropy is not None and round(entropy, digits) == printed


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_entropy_is_minus_the_mean_log_density(name: str) -> None:
    toy = SETS[name]
    nll = -log_density(toy, toy.generate(400_000, generator(5))) - toy.standardisation.log_scale
    assert nll.mean().item() == pytest.approx(toy.entropy, abs=max(4 * nll.std().item() / 400_000**0.5, 1e-9))


@pytest.mark.parametrize("name", WITH_DENSITY)
def test_density_of_drawn_points_survives_float32(name: str) -> None:
    toy = SETS[name]
    x = toy.standardisation.to_data(toy.draw(200_000, generator(6)))
    nll = -log_density(toy, x) - toy.standardisation.log_scale
    assert nll.dtype == torch.float32
    assert nll.double().mean().item() == pytest.approx(toy.entropy, abs=0.01)


@pytest.mark.parametrize("name", ["checkerboard", "8gaussian"])
def test_broad_densities_integrate_to_one(name: str) -> None:
    axis = (torch.arange(1200, dtype=torch.float64) + 0.5) / 100 - 6
    grid = torch.cartesian_prod(axis, axis)
    assert log_density(SETS[name], grid).exp().sum().item() * 1e-4 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("name", "sigma"), [("circle", 0.01 * 0.2**0.5), ("rings-sharp", 0.001)])
def test_one_ring_integrates_to_one_and_has_its_entropy(name: str, sigma: float) -> None:
    ring = densities.log_radial_ring if name == "rings-sharp" else densities.log_blurred_ring
    r = torch.linspace(1 - 9 * sigma, 1 + 9 * sigma, 2001, dtype=torch.float64)
    log_p = ring(r, sigma)
    mass = log_p.exp() * 2 * math.pi * r
    assert torch.trapezoid(mass, r).item() == pytest.approx(1, abs=1e-10)
    rings = 1 if name == "circle" else 5
    entropy = -torch.trapezoid(mass * log_p, r).item() + math.log(rings) - (0.0028222890 if rings > 1 else 0)
    assert entropy - SETS[name].standardisation.log_scale == pytest.approx(SETS[name].entropy, abs=1e-9)


@pytest.mark.parametrize("name", ["rings", "four-rings"])
def test_crossing_rings_integrate_to_one_and_have_their_entropy(name: str) -> None:
    """Quadrature in polar coordinates about each ring in turn: p = Σ_j p_j / k, so E = Σ_j E_j / k."""
    toy = SETS[name]
    assert isinstance(toy, Rings)
    sigma, angles = 0.01 * 0.2**0.5, 6000
    r = torch.linspace(1 - 7 * sigma, 1 + 7 * sigma, 61, dtype=torch.float64)
    angle = torch.arange(angles, dtype=torch.float64) * (2 * math.pi / angles)
    unit = torch.stack([angle.cos(), angle.sin()], 1)
    weight = densities.log_blurred_ring(r, sigma).exp() * r * (r[1] - r[0]) * (2 * math.pi / angles)
    mass = nll = 0.0
    for centre in toy.centres:
        points = (centre + r[:, None, None] * unit).reshape(-1, 2)
        log_p = log_density(toy, points).reshape(len(r), angles)
        mass += (weight.sum() * angles / len(toy.centres)).item()
        nll -= ((weight[:, None] * log_p).sum() / len(toy.centres)).item()
    assert mass == pytest.approx(1, abs=1e-9)
    assert nll - toy.standardisation.log_scale == pytest.approx(toy.entropy, abs=2e-7)


def nats(log_p: Tensor) -> Tensor:
    """−p log p, which is 0 where p is."""
    return torch.nan_to_num(-log_p * log_p.exp())


def test_line_integrates_to_one_and_has_its_entropy() -> None:
    toy, sigma = SETS["line"], 0.01 * 0.2**0.5
    half, end = 5 / math.sqrt(2), 12 * sigma
    along = torch.linspace(half - end, half + end, 2001, dtype=torch.float64)
    across = torch.linspace(-9 * sigma, 9 * sigma, 401, dtype=torch.float64)
    u, v = torch.meshgrid(along, across, indexing="ij")
    log_p = log_density(toy, torch.stack([(u - v).flatten(), (u + v).flatten()], 1) / math.sqrt(2)).reshape(u.shape)
    middle = log_p[0]  # constant along the segment this far from its end

    def integral(field: Tensor, profile: Tensor) -> float:
        ends = 2 * torch.trapezoid(torch.trapezoid(field, across), along)
        return float(ends + 2 * (half - end) * torch.trapezoid(profile, across))

    assert integral(log_p.exp(), middle.exp()) == pytest.approx(1, abs=1e-6)
    entropy = integral(nats(log_p), nats(middle))
    assert entropy - toy.standardisation.log_scale == pytest.approx(toy.entropy, abs=1e-6)


def test_densities_far_away_are_log_zero_not_nan() -> None:
    far = torch.tensor([[1e6, -1e6], [0.0, 0.75]], dtype=torch.float64)
    for name in WITH_DENSITY:
        density = log_density(SETS[name], far)
        assert not density.isnan().any()
        assert density[0] < -1e6


def test_checkerboard_has_the_corner_squares_of_the_literature() -> None:
    x = torch.tensor([[-3.0, -3.0], [-3.0, -1.0], [1.0, 1.0], [1.0, 3.0], [5.0, 1.0], [math.nan, 0.0]])
    density = log_density(SETS["checkerboard"], x)
    assert density[:5].tolist() == pytest.approx([-math.log(32), -math.inf, -math.log(32), -math.inf, -math.inf])
    assert density[5].isnan()


@pytest.mark.parametrize("name", SHARP)
def test_own_points_are_inside(name: str) -> None:
    toy = SETS[name]
    points = toy.draw(100_000, generator(7))
    outside, beyond_sigmas = toy.outside(points), toy.outside(points, 0.0)
    assert outside is not None and beyond_sigmas is not None
    assert outside.shape == (100_000,) and outside.dtype == np.bool_
    assert outside.mean() <= 1e-4
    # Blurred rings lose 0.27% beyond three sigma of the widest direction; only rounding takes the rest.
    assert beyond_sigmas.mean() < 0.004


@pytest.mark.parametrize("name", SHARP)
def test_strangers_are_outside(name: str) -> None:
    strangers = torch.tensor([[9.0, 9.0], [math.nan, 0.0], [math.inf, math.inf], [0.0, -math.inf]])
    outside = SETS[name].outside(strangers)
    assert outside is not None and outside.all()
    assert SETS["moons"].outside(strangers) is None


def test_outside_measures_distances_in_model_units() -> None:
    scale = SETS["checkerboard"].standardisation.scale[0]
    edge = 4 / scale
    x = torch.tensor([[edge + 0.019, edge - 0.1], [edge + 0.021, edge - 0.1], [-edge - 0.015, -edge - 0.015]])
    outside = SETS["checkerboard"].outside(x)
    assert outside is not None and outside.tolist() == [False, True, True]
    centre = SETS["circle"].outside(torch.zeros(1, 2))
    assert centre is not None and centre.tolist() == [True]


@settings(max_examples=60, deadline=None)
@given(
    a=st.floats(0.3, 3),
    b=st.floats(0.3, 3),
    x=st.floats(-4, 4, allow_subnormal=False),
    y=st.floats(-4, 4, allow_subnormal=False),
)
def test_ellipse_distance_against_a_dense_polygon(a: float, b: float, x: float, y: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 20_001)
    nearest = np.hypot(a * np.cos(angle) - x, b * np.sin(angle) - y).min()
    # Exact near the curve, where verdicts are made; within two percent of the longer half axis anywhere.
    tolerance = 1e-3 if nearest < 0.2 * min(a, b) ** 2 / max(a, b) else 0.02 * max(a, b)
    assert densities.ellipse_distance(np.array([[x, y]]), a, b)[0] == pytest.approx(nearest, abs=tolerance)
