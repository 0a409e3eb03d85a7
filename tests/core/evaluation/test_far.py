"""How far out a sample may be."""

from __future__ import annotations

import numpy as np
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.fresh import Reach
from dnf_studio.core.models.two_sdes import DiffFlow

TINY = Config.create({"network": {"channels": 8, "layers": 1}})


def reach_of(name: str) -> tuple[Reach, np.ndarray]:
    """That of a set, and rows of it in data units."""
    data = open_dataset(name)
    rows = data.standardisation.to_data(data.draw(500, torch.Generator().manual_seed(5)).double())
    return Reach.of(DiffFlow(data.dim, TINY, data.standardisation), data), rows.float().numpy()


def test_no_row_of_the_data_is_far_and_one_beyond_one_and_a_half_times_its_box_is() -> None:
    reach, rows = reach_of("circle")
    assert reach.far(rows) == 0
    edge = np.abs(rows).max(axis=0)
    out = np.array([[1.45, 0], [1.55, 0], [0, -1.55], [0, -1.45], [1e9, 1e9]], np.float32) * edge
    assert reach.far(out) == 3


def test_columns_have_each_a_range_and_the_pixels_of_images_one_together() -> None:
    reach, rows = reach_of("wine")
    assert reach.far(rows) == 0 and len(set(reach.high.tolist())) == 13
    reach, rows = reach_of("digits")
    # The first pixel is empty in all images, and still a stroke there is none that is far
    assert set(reach.low.tolist()) == {reach.low[0]} and set(reach.high.tolist()) == {reach.high[0]}
    assert abs(reach.low[0] + 4.25) < 0.01
    rows[0, 0], rows[1, 0], rows[2, 5] = 16, 22, -5
    assert reach.far(rows) == 2


def test_what_is_kept_in_its_range_is_never_far() -> None:
    reach, rows = reach_of("digits::logit=0.05")
    assert reach.far(rows) == 0
