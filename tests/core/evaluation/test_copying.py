"""Copies of training images are told from samples of a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.recorded import RecordedDataset, Records
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.evaluation.fresh import copying, held_out_distances, levels_of, nearest_training
from dnf_studio.core.models.two_sdes import DiffFlow
from tests.core.data.test_neighbours import all_distances


@pytest.fixture(scope="module")
def digits() -> RecordedDataset:
    data = open_dataset("digits")
    assert isinstance(data, RecordedDataset)
    return data


def test_training_rows_are_copies_and_test_rows_are_as_far_as_themselves() -> None:
    data = open_dataset("digits")
    drawn = data.draw(100, torch.Generator().manual_seed(0))
    copied = copying(drawn.numpy(), data.standardisation, data)
    held_out = copying(data.fresh(256, 0).numpy(), data.standardisation, data)
    assert copied is not None and held_out is not None
    assert copied.samples == copied.closest == 0 and copied.held_out > 10
    assert held_out.samples == pytest.approx(held_out.held_out, rel=0.05) and held_out.closest > 5


def test_evaluate_tells_it_of_images_only() -> None:
    config = Config.create({"sde": {"steps": 2}, "network": {"layers": 1, "channels": 8}})
    for name, dim in (("digits", 64), ("wine", 13)):
        data = open_dataset(name)
        assert isinstance(data, RecordedDataset)
        flow = DiffFlow(dim, config, data.standardisation).eval()
        found = evaluate(flow, data, (2,), ode=False, points=20, seeds=1, paths=1)
        assert (found.copying is not None) == (name == "digits")
        if found.copying is not None:
            assert found.as_dict()["copying"] == vars(found.copying)
            assert np.isfinite(list(vars(found.copying).values())).all() and found.copying.closest > 0


def test_a_training_image_is_a_copy_and_a_held_out_one_is_not(digits: RecordedDataset) -> None:
    train, test = digits.splits[0][:5], digits.splits[2]
    noise = torch.rand(5, 64, generator=torch.Generator().manual_seed(0)).numpy()
    copies = nearest_training(digits, digits.recorded[train] + noise, 3)
    assert copies.rows[:, 0].tolist() == train.tolist() and (copies.distances[:, 0] == 0).all()
    assert (copies.distances[:, 1] > 5).all() and np.isin(copies.rows, digits.splits[0]).all()
    held_out = held_out_distances(digits)
    assert held_out.shape == (256,) and held_out.min() > 5
    want = all_distances(digits.recorded[test[:256]], digits.recorded[digits.splits[0]], 1)[0][:, 0]
    np.testing.assert_allclose(held_out, want)


def test_levels_are_whole_and_within_the_range(digits: RecordedDataset) -> None:
    x = np.array([[-3.0, 0.99, 16.5, 99.0] + [2.5] * 60])
    assert levels_of(digits, x)[0].tolist() == [0, 0, 16, 16] + [2] * 60
    wine = open_dataset("wine")
    assert isinstance(wine, RecordedDataset)
    with pytest.raises(ValueError, match="no images"):
        levels_of(wine, np.zeros((1, 13)))


def test_a_mirror_image_is_a_copy_where_training_mirrors() -> None:
    shape = ImageShape(4, 5, 1, 0, 256)
    levels = np.random.default_rng(0).integers(0, 256, (40, 20), np.uint8)
    records = Records(tuple(map(str, range(20))), levels, np.ones(20), np.zeros(40, np.intp), ())
    for flips in (False, True):
        data = RecordedDataset("made", "Made", lambda: records, "", True, shape, flips)
        copied = data.splits[0][3]
        found = nearest_training(data, shape.mirrored(levels[copied : copied + 1]) + 0.5, 2)
        assert found.distances.shape == (1, 2)
        assert (found.distances[0, 0] == 0 and found.rows[0, 0] == copied) == flips
