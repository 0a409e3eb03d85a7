"""Rows as images: every level where it belongs, one scale for all, and sizes that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import DataSummary, Standardisation
from dnf_studio.core.data.image_shape import ImageShape, PixelMap

RANDOM = np.random.default_rng(0)


def test_the_images_of_a_file_come_back_level_by_level(tmp_path: Path) -> None:
    """Rows of 256 levels, carried to model units and drawn, are the levels of the file, colours in their planes."""
    images = RANDOM.integers(0, 256, (30, 3, 32, 32), np.uint8)
    records = np.concatenate([np.zeros((30, 1), np.uint8), images.reshape(30, -1)], axis=1)
    (tmp_path / "batch.bin").write_bytes(records.tobytes())
    data = open_dataset(str(tmp_path / "batch.bin"))
    assert data.image == ImageShape(32, 32, 3, 0, 256)
    rows = images.transpose(0, 2, 3, 1).reshape(30, -1)
    drawn = PixelMap(data.image, data.standardisation)(data.standardisation.to_model(torch.from_numpy(rows + 0.5)))
    assert drawn.shape == (30, 32, 32, 3)
    assert np.abs(drawn.astype(int) - images.transpose(0, 2, 3, 1)).max() <= 1


def test_the_scale_is_that_of_the_data_and_what_lies_beyond_is_black_or_white() -> None:
    draw = PixelMap(ImageShape(1, 5, 1, -1, 3), Standardisation((1.0,) * 5, (2.0,) * 5))
    shown = draw(np.array([[-1.0, 1.0, 0.0, -9.0, np.inf], [np.nan, -np.inf, 0.5, -0.5, 1e38]]))
    assert shown[0].ravel().tolist() == [0, 255, 127, 0, 255] and shown[1].ravel().tolist() == [0, 0, 191, 63, 255]


def test_digits_are_images_and_tables_are_none() -> None:
    digits = open_dataset("digits")
    assert digits.image == ImageShape(8, 8, 1, 0, 17) and digits.levels
    assert open_dataset("wine").image is None and open_dataset("rings").image is None


@pytest.mark.parametrize(
    "wrong", [(0, 8, 1, 0, 1), (8, -8, 1, 0, 1), (8, 8, 2, 0, 1), (8, 8, 1, 1, 1), (1, 1, 1, 0, np.nan)]
)
def test_what_is_no_image(wrong: tuple[int, int, int, float, float]) -> None:
    with pytest.raises(ValueError, match="an image has"):
        ImageShape(*wrong)


def test_images_have_a_number_for_each_column() -> None:
    shape = ImageShape(1, 2, 1, 0, 1)
    assert DataSummary("a", "", ("x", "y"), None, shape).image is shape
    with pytest.raises(ValueError, match="does not fit"):
        DataSummary("a", "", ("x",), None, shape)
