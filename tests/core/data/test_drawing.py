"""Drawings as names of data: round trips, densities, and every damaged one told in one sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.naming import PREFIX, SIDE, drawing_label, is_drawing
from dnf_studio.core.data.picture import BYTES, decode_drawing, encode_drawing
from dnf_studio.errors import DataError

BLOCK = np.zeros((SIDE, SIDE), bool)
BLOCK[100:140, 40:200] = True
NAME = encode_drawing(BLOCK)


@given(arrays(bool, (20, 20)), st.integers(0, 380), st.integers(0, 380))
def test_a_drawing_comes_back(patch: np.ndarray, top: int, left: int) -> None:
    dark = np.zeros((SIDE, SIDE), bool)
    dark[top : top + 20, left : left + 20] = patch
    name = encode_drawing(dark)
    assert is_drawing(name) and np.array_equal(decode_drawing(name), dark)


def test_the_worst_drawing_fits() -> None:
    dark = np.random.default_rng(0).random((SIDE, SIDE)) < 0.5
    assert np.array_equal(decode_drawing(encode_drawing(dark)), dark)


def test_points_lie_in_the_drawing_evenly_and_y_is_up() -> None:
    data = open_dataset(NAME)
    points = data.standardisation.to_data(data.fresh(20_000, 0).double())
    low, high = points.amin(0), points.amax(0)
    assert torch.allclose(low, torch.tensor([40.0, SIDE - 140.0]).double(), atol=0.1)
    assert torch.allclose(high, torch.tensor([200.0, SIDE - 100.0]).double(), atol=0.1)
    # Uniform in a rectangle of sides a × b: ln(ab) less ln of both standard deviations, a/√12 and b/√12
    assert data.entropy == pytest.approx(math.log(12))
    assert torch.allclose(points.mean(0), torch.tensor([120.0, SIDE - 120.0]).double(), atol=1.5)


def test_it_travels_with_a_config_and_has_a_short_name() -> None:
    config = Config.create({"data": NAME})
    assert Config.from_json(config.to_json()).data == NAME
    assert open_dataset(NAME).name == drawing_label(NAME) and len(drawing_label(NAME)) < 20
    assert open_dataset(NAME).fingerprint == open_dataset(NAME).fingerprint
    other = BLOCK.copy()
    other[0, 0] = True
    assert open_dataset(encode_drawing(other)).fingerprint != open_dataset(NAME).fingerprint


@pytest.mark.parametrize(
    "name",
    [
        PREFIX,
        f"{PREFIX}äöü",
        f"{PREFIX}AAAA",
        NAME[:-4],
        NAME[:-8] + NAME[-8:].swapcase(),
        NAME + "AAAA",
        f"{PREFIX}{'A' * (5 * BYTES)}",
    ],
    ids=["nothing", "other letters", "no drawing", "cut", "changed", "longer", "far too long"],
)
def test_a_damaged_drawing_is_told(name: str) -> None:
    with pytest.raises(DataError, match="damaged"):
        open_dataset(name)


def test_an_empty_drawing_is_told() -> None:
    with pytest.raises(DataError, match="Nothing is drawn"):
        open_dataset(encode_drawing(np.zeros((SIDE, SIDE), bool)))
