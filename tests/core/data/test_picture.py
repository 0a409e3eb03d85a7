"""Pictures as densities: exact against sums and sampling, and every bad file told in one sentence."""

from __future__ import annotations

import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import chisquare

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.naming import PictureSettings, is_picture, picture_source, with_settings
from dnf_studio.core.data.picture import PictureDensity, make_density
from dnf_studio.core.data.picture_file import Picture, read_picture
from dnf_studio.errors import DataError, SettingError

GREY = np.array([[255, 0, 128, 255], [51, 255, 250, 204], [255, 255, 0, 102]], np.uint8)
"""Darkness 0, 1, 0.498, 0 / 0.8, 0, 0.02, 0.2 / 0, 0, 1, 0.6."""


def saved(folder: Path, pixels: np.ndarray) -> Path:
    path = folder / "a.png"
    Image.fromarray(pixels).save(path)
    return path


def opened(path: Path, chosen: str = "") -> PictureDensity:
    data = open_dataset(f"{path}{chosen}")
    assert isinstance(data, PictureDensity)
    return data


def cells(data: PictureDensity, shape: tuple[int, int], count: int = 200_000, seed: int = 0) -> np.ndarray:
    """How many of `count` points fall into each pixel, top row first."""
    x = data.standardisation.to_data(data.fresh(count, seed).double()).numpy()
    high, wide = shape
    return np.histogram2d(high - x[:, 1], x[:, 0], bins=(high, wide), range=((0, high), (0, wide)))[0]


def test_the_density_is_darkness_above_the_threshold_and_integrates_to_one(tmp_path: Path) -> None:
    data = opened(saved(tmp_path, GREY))
    centres = [(i + 0.5, 2.5 - j) for j in range(3) for i in range(4)]
    density = data.log_density(torch.tensor(centres, dtype=torch.float64)).exp().reshape(3, 4).numpy()
    weights = np.where(GREY < 255 * 0.9, 1 - GREY / 255, 0)
    np.testing.assert_allclose(density, weights / weights.sum(), rtol=1e-12)
    assert density.sum() == pytest.approx(1, abs=1e-12)
    corners = torch.tensor([[-0.1, 1.0], [4.1, 1.0], [1.0, -0.1], [1.0, 3.1], [math.nan, 1.0], [math.inf, 1.0]])
    found = data.log_density(corners)
    assert found[4].isnan() and torch.isneginf(found[[0, 1, 2, 3, 5]]).all()


def test_mean_variance_and_entropy_are_those_of_its_points(tmp_path: Path) -> None:
    data = opened(saved(tmp_path, GREY))
    z = data.fresh(400_000, 0).double()
    np.testing.assert_allclose(z.mean(0), 0, atol=0.006)
    np.testing.assert_allclose(z.var(0), 1, atol=0.008)
    minus_log = data.standardisation.log_scale * -1 - data.log_density(data.standardisation.to_data(z))
    error = float(minus_log.std()) / math.sqrt(len(z))
    assert torch.isfinite(minus_log).all()
    assert data.entropy is not None and abs(float(minus_log.mean()) - data.entropy) < 4 * error


def test_points_land_in_dark_pixels_only_and_in_proportion(tmp_path: Path) -> None:
    data = opened(saved(tmp_path, GREY))
    counts = cells(data, GREY.shape)
    weights = np.where(GREY < 255 * 0.9, 1 - GREY / 255, 0)
    dark = weights > 0
    assert counts[~dark].sum() == 0 and counts.sum() == 200_000
    assert chisquare(counts[dark], 200_000 * weights[dark] / weights.sum()).pvalue > 1e-3


def test_within_a_pixel_points_are_uniform(tmp_path: Path) -> None:
    data = opened(saved(tmp_path, np.zeros((1, 1), np.uint8)))
    x = data.standardisation.to_data(data.fresh(40_000, 0)).numpy()
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=4, range=((0, 1), (0, 1)))[0]
    assert chisquare(counts.ravel()).pvalue > 1e-3
    assert data.entropy == pytest.approx(math.log(12))


def test_a_uniform_picture_has_the_entropy_of_its_rectangle(tmp_path: Path) -> None:
    data = opened(saved(tmp_path, np.full((2, 6), 90, np.uint8)))
    assert data.entropy == pytest.approx(math.log(12) - 0.5 * math.log(36 / 12 * 4 / 12))


def test_threshold_and_blur_are_chosen_after_the_colons(tmp_path: Path) -> None:
    path = saved(tmp_path, GREY)
    plain, strict = opened(path), opened(path, "::threshold=0.7")
    assert strict.dark_share == pytest.approx(3 / 12) and plain.dark_share == pytest.approx(6 / 12)
    blurred = opened(path, ":: blur = 1 , threshold=0.05")
    assert blurred.dark_share > plain.dark_share
    assert len({plain.fingerprint, strict.fingerprint, blurred.fingerprint}) == 3
    assert "threshold 0.05, blur 1" in blurred.about


def test_a_blurred_dot_has_the_spread_of_the_blur(tmp_path: Path) -> None:
    dot = np.full((101, 101), 255, np.uint8)
    dot[50, 50] = 0
    data = opened(saved(tmp_path, dot), "::threshold=0,blur=4")
    np.testing.assert_allclose(data.standardisation.scale, math.sqrt(16 + 1 / 12), rtol=0.01)
    np.testing.assert_allclose(data.standardisation.mean, 50.5)


def test_the_same_file_gives_the_same_points_wherever_it_lies(tmp_path: Path) -> None:
    path = saved(tmp_path, GREY)
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "a.png"
    other.write_bytes(path.read_bytes())
    first, second = opened(path), opened(other)
    assert first.fingerprint == second.fingerprint
    assert torch.equal(first.fresh(100, 3), second.fresh(100, 3))
    assert not torch.equal(first.fresh(100, 3), first.fresh(100, 4))
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    assert torch.equal(first.draw(50, generators[0]), second.draw(50, generators[1]))


def test_outside_is_the_distance_to_dark_pixels(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 255, np.uint8)
    pixels[0, 0] = pixels[7, 7] = pixels[3, 4] = 0
    data = opened(saved(tmp_path, pixels))
    unit = 1 / np.array(data.standardisation.scale)
    x = torch.rand(3000, 2, generator=torch.Generator().manual_seed(0)) * 12 - 2
    low = np.array([(0, 7), (7, 0), (4, 4)])
    gaps = np.maximum(np.maximum(low - x[:, None].numpy(), x[:, None].numpy() - low - 1), 0) * unit
    distance = np.hypot(gaps[..., 0], gaps[..., 1]).min(1)
    for tolerance in (0.0, 0.02, 0.3, 1.0):
        sure = np.abs(distance - tolerance) > 1e-5
        found = data.outside(data.standardisation.to_model(x), tolerance)
        np.testing.assert_array_equal(found[sure], (distance > tolerance)[sure])
    lost = torch.tensor([[math.nan, 0], [math.inf, 0], [0, -math.inf], [1e30, 0]])
    assert data.outside(lost).all() and not data.outside(data.fresh(5000, 0), 1e-4).any()


def test_a_large_picture_is_reduced_and_keeps_its_units(tmp_path: Path) -> None:
    pixels = np.full((1500, 3000), 255, np.uint8)
    pixels[:, 1500:] = 0
    data = opened(saved(tmp_path, pixels))
    assert data.standardisation.mean == pytest.approx((2250, 750), abs=2)
    assert "3,000 × 1,500 pixels, used as 1,024 × 512" in data.about
    assert data.entropy == pytest.approx(math.log(12), abs=1e-2)


@given(
    st.integers(1, 5).flatmap(
        lambda wide: st.lists(st.lists(st.integers(0, 255), min_size=wide, max_size=wide), min_size=1, max_size=5)
    ),
    st.floats(0, 0.5),
)
def test_any_small_picture_is_a_density_or_has_no_dark_pixel(rows: list[list[int]], threshold: float) -> None:
    darkness = 1 - np.array(rows) / 255
    picture = Picture(Path("a.png"), darkness.shape[::-1], darkness, False, "0")
    kept = np.where(darkness >= threshold, darkness, 0)
    if not kept.any():
        with pytest.raises(DataError):
            make_density(picture, PictureSettings(threshold))
        return
    data = make_density(picture, PictureSettings(threshold))
    x = torch.tensor([(i + 0.3, j + 0.6) for j in range(darkness.shape[0]) for i in range(darkness.shape[1])])
    assert float(data.log_density(x.double()).exp().sum()) == pytest.approx(1)
    assert torch.isfinite(data.log_density(data.standardisation.to_data(data.fresh(200, 0)))).all()


# Colour modes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_mode_reads_alike(tmp_path: Path, mode: str) -> None:
    black_white = np.where(GREY < 128, 0, 255).astype(np.uint8)
    if mode == "I;16":
        Image.fromarray(black_white.astype(np.uint16) * 257).save(tmp_path / "a.png")
    else:
        Image.fromarray(black_white).convert(mode).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_allclose(picture.darkness, black_white == 0, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_of_every_mode_reads_alike(tmp_path: Path, mode: str) -> None:
    pixels = np.full((32, 48), 255, np.uint8)
    pixels[8:24, 8:32] = 0
    Image.fromarray(pixels).convert("RGB").convert(mode).save(tmp_path / "a.JPG", "JPEG", quality=95)
    np.testing.assert_allclose(read_picture(tmp_path / "a.JPG").darkness, pixels == 0, atol=0.05)


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 20_000, 65_535]], np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_picture(tmp_path / "a.png").darkness, [[1, 1 - 20_000 / 65_535, 0]], atol=1e-6)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    layered = np.zeros((1, 3, 4), np.uint8)
    layered[0, :, 3] = (255, 0, 51)
    path = saved(tmp_path, layered)
    np.testing.assert_allclose(read_picture(path).darkness, [[1, 0, 0.2]])
    Image.fromarray(GREY).save(tmp_path / "b.png", transparency=0)
    assert read_picture(tmp_path / "b.png").darkness[0, 1] == 0
    Image.fromarray(np.array([[0, 9000]], np.uint16)).save(tmp_path / "c.png", transparency=0)
    assert read_picture(tmp_path / "c.png").darkness[0, 0] == 0
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 0, 0, 0])
    palette.save(tmp_path / "d.png", transparency=b"\x00\xff")
    np.testing.assert_allclose(read_picture(tmp_path / "d.png").darkness, [[0, 1]])


def test_a_turned_photograph_stands_upright(tmp_path: Path) -> None:
    pixels = np.full((16, 32), 255, np.uint8)
    pixels[:, :16] = 0
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.size == (16, 32)
    assert picture.darkness[:14].mean() > 0.95 and picture.darkness[18:].mean() < 0.05


# Bad files


def png(size: tuple[int, int], body: bytes = b"") -> bytes:
    """A PNG that claims to be of `size`."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def refused(source: object) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(str(source))
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize("size", [(8193, 8193), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(png(size))
    assert "more than 67 million pixels" in refused(tmp_path / "bomb.png")


def test_a_picture_that_is_one_long_row_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "row.png").write_bytes(png((2**26, 1)))
    assert "a side of more than 65,535 pixels" in refused(tmp_path / "row.png")


def test_broken_pictures(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)).save(whole, "PNG")
    path = tmp_path / "a.png"
    for broken in (b"", b"text", whole.getvalue()[:20], whole.getvalue()[:200], png((0, 5)), png((5, 5), b"12")):
        path.write_bytes(broken)
        assert "damaged" in refused(path)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 50)
    assert "damaged" in refused(tmp_path / "b.jpg")


@given(st.data())
def test_a_picture_with_any_bytes_changed_is_a_density_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["png", "jpeg"]))
    whole = io.BytesIO()
    Image.fromarray(GREY).convert("RGB").save(whole, kind.upper())
    content = bytearray(whole.getvalue())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)))):
        content[place] = value
    path = tmp_path_factory.mktemp("fuzz") / f"a.{kind}"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert torch.isfinite(opened(path).fresh(10, 0)).all()
    except DataError as error:
        assert str(path) in str(error)


def test_pictures_without_a_dark_pixel(tmp_path: Path) -> None:
    assert "is white all over" in refused(saved(tmp_path, np.full((3, 3), 255, np.uint8)))
    assert "is fully transparent" in refused(saved(tmp_path, np.zeros((3, 3, 4), np.uint8)))
    light = saved(tmp_path, np.full((3, 3), 240, np.uint8))
    assert "as dark as the threshold of 0.1; the darkest has 0.059 of black" in refused(light)
    assert opened(light, "::threshold=0.05").dark_share == 1


def test_files_that_are_no_picture_files(tmp_path: Path) -> None:
    assert "There is no file" in refused(tmp_path / "gone.png")
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.png")
    gif = tmp_path / "a.png"
    Image.fromarray(GREY).save(gif, "GIF")
    assert "is not a PNG or JPEG picture" in refused(gif)
    (tmp_path / "a.bmp").write_bytes(b"BM")
    assert "not a kind of data file" in refused(tmp_path / "a.bmp") and ".png" in refused(tmp_path / "a.bmp")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("treshold=1", "only threshold and blur can be set"),
        ("", "only threshold and blur"),
        ("blur=1,blur=2", "blur of .* is given twice"),
        ("blur=much", "blur of .* must be a number, not 'much'"),
        ("threshold=nan", "must be a number"),
        ("threshold=1", "threshold of a picture is at least 0 and below 1, not 1"),
        ("blur=-1", "blur of a picture is from 0 to 100 pixels, not -1"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, chosen: str, said: str) -> None:
    path = saved(tmp_path, GREY)
    with pytest.raises(DataError, match=said):
        open_dataset(f"{path}::{chosen}")


def test_settings_in_words_and_back(tmp_path: Path) -> None:
    assert is_picture("a.PNG::blur=1") and is_picture("x/b.jpeg") and not is_picture("a.csv::png")
    path = tmp_path / "a.png"
    assert picture_source(path, PictureSettings()) == str(path)
    assert picture_source(path, PictureSettings(0.25, 2)) == f"{path}::threshold=0.25,blur=2"
    assert with_settings(f"{path}::blur=3", 0.5, None) == f"{path}::threshold=0.5,blur=3"
    with pytest.raises(SettingError, match="'rings' is none"):
        with_settings("rings", 0.5, None)
    with pytest.raises(SettingError, match="below 1, not 2"):
        with_settings("a.png", 2, None)
