"""The logit transform: exact inverse, slope and moments, and data that is trained on in its space."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import spence, xlogy

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import ImageShape, Logit, PixelMap
from dnf_studio.core.data.naming import ALPHA, ImageOptions, logit_chosen, with_logit
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.errors import DataError

ALPHAS = st.floats(1e-9, 0.4)
LOGITS = st.builds(
    lambda low, width, alpha: Logit(low, low + width, alpha), st.floats(-10, 10), st.floats(0.1, 1000), ALPHAS
)
SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)


def recorded(source: str) -> RecordedDataset:
    data = open_dataset(source)
    assert isinstance(data, RecordedDataset)
    return data


def idx(path: Path, images: np.ndarray) -> Path:
    path.write_bytes(struct.pack(">4I", 0x803, *images.shape) + images.tobytes())
    return path


@given(LOGITS, st.lists(SHARES, min_size=1, max_size=5), st.floats(-5, 5), st.floats(0.01, 10))
def test_to_model_and_back_is_the_same_everywhere_in_the_range(
    logit: Logit, shares: list[float], mean: float, scale: float
) -> None:
    units = Standardisation((mean,) * len(shares), (scale,) * len(shares), logit)
    x = logit.low + (logit.high - logit.low) * torch.tensor(shares, dtype=torch.float64)[None]
    back = units.to_data(units.to_model(x))
    assert (back - x).abs().max() <= 1e-6 * (logit.high - logit.low)
    assert (back - x).abs().max() <= 1e-12 * (logit.high - logit.low + abs(logit.low))


@given(LOGITS, st.lists(st.floats(-12, 12), min_size=1, max_size=4))
def test_states_beyond_the_range_come_back_from_data_units(logit: Logit, states: list[float]) -> None:
    """A path leaves the range on its way to noise, and an export of it is opened again."""
    units = Standardisation((0.5,) * len(states), (1.5,) * len(states), logit)
    y = torch.tensor(states, dtype=torch.float64)[None]
    assert torch.allclose(units.to_model(units.to_data(y)), y, rtol=0, atol=1e-3)
    width, beyond = logit.high - logit.low, logit.alpha / (1 - 2 * logit.alpha)
    inside = units.inside(units.to_data(y))
    assert inside.min() >= logit.low and inside.max() <= logit.high
    assert (inside - units.to_data(y)).abs().max() <= width * beyond * (1 + 1e-6) + 1e-9


@given(LOGITS, st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.floats(-2, 2), st.floats(0.1, 2))
def test_the_log_volume_is_that_of_autograd(logit: Logit, states: list[float], mean: float, scale: float) -> None:
    units = Standardisation((mean,) * len(states), (scale,) * len(states), logit)
    y = torch.tensor(states, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(units.to_data, y)
    expected = torch.linalg.slogdet(jacobian).logabsdet
    assert torch.allclose(units.log_volume(y[None])[0], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(units.slope(y.numpy()), jacobian.diagonal().numpy(), rtol=1e-9)


def test_without_a_logit_nothing_is_different() -> None:
    units, x = Standardisation((1.0, 2.0), (0.5, 4.0)), torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(units.to_data(x), x * torch.tensor([0.5, 4.0]) + torch.tensor([1.0, 2.0]))
    assert units.log_volume(x.double()).tolist() == [math.log(2)] * 5 and units.inside(x) is x
    assert not units.beyond(x * 1e30).any()
    np.testing.assert_array_equal(units.slope(x.numpy()), np.tile([0.5, 4.0], (5, 1)))


def test_what_is_not_finite_stays_so() -> None:
    """A sigmoid would make a number of infinity, and a diverged sample would look like one."""
    y = torch.tensor([math.inf, -math.inf, math.nan, 1e30])
    assert torch.isfinite(Logit(0, 17, 0.05).inverse(y)).tolist() == [False, False, False, True]


@pytest.mark.parametrize("alpha", [1e-9, ALPHA, 0.05, 0.3])
@pytest.mark.parametrize("k", [0, 7, 16])
def test_moments_are_the_integrals(alpha: float, k: int) -> None:
    logit = Logit(0, 17, alpha)

    def value(x: float) -> float:
        p = alpha + (1 - 2 * alpha) * x / 17
        return math.log(p / (1 - p))

    near = [k + 10.0**-j for j in range(1, 9)] + [k + 1 - 10.0**-j for j in range(1, 9)]
    first, second = (quad(lambda x, n=n: value(x) ** n, k, k + 1, points=near, limit=200)[0] for n in (1, 2))
    mean, variance = logit.moments(np.array([float(k)]), 1.0)
    assert mean[0] == pytest.approx(first, abs=1e-8) and variance[0] == pytest.approx(second - first**2, abs=1e-7)


@pytest.mark.parametrize("alpha", [1e-9, ALPHA, 0.05, 0.3])
def test_moments_are_those_of_the_closed_form(alpha: float) -> None:
    """∫ v dp = p ln p + (1 − p) ln(1 − p) and ∫ v² dp = p v² − 2 Li₂(1 − p) − ln²(1 − p)."""

    def integrals(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        p = alpha + (1 - 2 * alpha) * x / 256
        v, rest = np.log(p) - np.log1p(-p), np.log1p(-p)
        return p, xlogy(p, p) + (1 - p) * rest, p * v**2 - 2 * spence(p) - rest**2

    levels = np.arange(128.0)
    (p, first, second), (q, other, last) = integrals(levels), integrals(levels + 1)
    expected = (other - first) / (q - p)
    mean, variance = Logit(0, 256, alpha).moments(np.arange(256.0), 1.0)
    np.testing.assert_allclose(mean[:128], expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(variance[:128], (last - second) / (q - p) - expected**2, rtol=0, atol=1e-9)
    # The range has two ends alike
    np.testing.assert_allclose(mean, -mean[::-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(variance, variance[::-1], rtol=1e-12)


@pytest.mark.parametrize("wrong", [(0, 0, 0.05), (1, 0, 0.05), (0, math.inf, 0.05), (0, 1, 0.0), (0, 1, 0.5)])
def test_what_is_no_logit(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="a logit"):
        Logit(*wrong)


@pytest.mark.parametrize("name", ["digits::logit", " DIGITS::logit=0.05 "])
def test_digits_in_logit_space_are_the_digits(name: str) -> None:
    plain, data = recorded("digits"), recorded(name)
    assert data.standardisation.logit is not None and data.fingerprint != plain.fingerprint
    assert data.standardisation.logit.alpha == (0.05 if "0.05" in name else ALPHA)
    assert data.name == name.strip().lower() and data.image == plain.image and data.levels
    assert f"α = {data.standardisation.logit.alpha:g}" in data.about
    x = data.draw(20_000, torch.Generator().manual_seed(0)).double()
    assert x.mean(0).abs().max() < 0.05 and (x.std(0) - 1).abs().max() < 0.05
    held, _ = data.split("test", 0)
    middles = data.recorded[data.splits[2]] + 0.5
    np.testing.assert_allclose(data.standardisation.to_data(held.double()), middles, rtol=0, atol=0.5 + 1e-4)


def test_files_of_images_take_the_logit_and_flips_together(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8)
    file = idx(tmp_path / "train-images-idx3-ubyte", images)
    data, again = recorded(f"{file}::logit,flip=horizontal"), recorded(f"{file}::flip=horizontal,logit")
    assert data.flips and data.standardisation.logit == Logit(0, 256, ALPHA)
    assert data.fingerprint == again.fingerprint and data.name == "train-images-idx3-ubyte::flip=horizontal,logit"
    x = data.draw(4000, torch.Generator().manual_seed(0)).double()
    middles = np.concatenate([images, images[:, :, ::-1]]).reshape(-1, 30) + 0.5
    apart = np.abs(data.standardisation.to_data(x[:200]).numpy()[:, None] - middles).max(-1).min(1)
    assert apart.max() < 0.5 + 1e-3
    assert x.mean(0).abs().max() < 0.1 and (x.std(0) - 1).abs().max() < 0.1


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("digits::logit=0", "alpha of a logit is at least"),
        ("digits::logit=0.5", "alpha of a logit is at least"),
        ("digits::logit=many", "alpha of a logit is at least"),
        ("digits::logit,logit", "only flips and the logit"),
        ("digits::", "only flips and the logit"),
        ("wine::logit", "nothing can be chosen"),
        ("rings::logit", "nothing can be chosen"),
    ],
)
def test_what_cannot_be_chosen(source: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        open_dataset(source)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_file_may_be_called_like_a_built_in_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    with pytest.raises(DataError, match="digits"):
        open_dataset("digits::logit")
    assert recorded("digits").dim == 64


def test_the_choice_is_written_into_the_name() -> None:
    for name, wanted, changed in (
        ("digits", True, "digits::logit"),
        ("digits::logit=0.05", True, "digits::logit=0.05"),
        ("digits::logit=0.05", False, "digits"),
        ("a/b::flip=horizontal", True, "a/b::flip=horizontal,logit"),
        ("a/b::flip=horizontal,logit", False, "a/b::flip=horizontal"),
    ):
        assert with_logit(name, wanted) == changed and logit_chosen(changed) == wanted
    assert logit_chosen("t.csv::a,b") is None
    assert ImageOptions.parse("x", "logit=1e-6").suffix == "::logit"


def test_pictures_of_logits_are_those_of_the_values() -> None:
    shape, logit = ImageShape(1, 4, 1, 0, 17), Logit(0, 17, 0.05)
    draw = PixelMap(shape, Standardisation((0.3,) * 4, (2.0,) * 4, logit))
    x = np.array([[0.0, 4.5, 16.99, 8.03]])
    y = draw._scale * 0 + (np.asarray(logit.forward(torch.from_numpy(x))) - 0.3) / 2
    np.testing.assert_allclose(draw.to_data(y), x, atol=1e-4)
    assert draw(y).ravel().tolist() == [0, 67, 254, 120]
    wild = np.array([[-99.0, 99.0, np.nan, np.inf]])
    assert draw(wild).ravel().tolist() == [0, 255, 0, 255]
