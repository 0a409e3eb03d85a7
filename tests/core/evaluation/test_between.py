"""Differences of two models: exact where nothing differs, right in their words where something does."""

from __future__ import annotations

import numpy as np
import pytest

from dnf_studio.core.evaluation.between import distance_between, nats_between
from dnf_studio.core.evaluation.distances import Distance


def distance(squared: float, spread: float, sets: int = 8, seed: int = 0) -> Distance:
    return Distance.of((squared + spread * np.random.default_rng(seed).standard_normal(sets)).tolist(), 0.01)


def test_a_model_beside_itself() -> None:
    near, far = distance(0.0, 1e-6), distance(0.04, 3e-2)
    assert distance_between(near, near).value == 0 == distance_between(far, far).value
    assert distance_between(near, near).word == "equal"
    assert distance_between(far, far).word == "unresolved"
    assert nats_between((1.5, 0.01), (1.5, 0.01)).word == "unresolved"


def test_words_are_of_the_interval() -> None:
    near, far = distance(1e-4, 1e-5), distance(0.04, 1e-3, seed=1)
    found = distance_between(near, far)
    assert found.word == "told apart" and found.high is not None and found.high < 0
    assert found.value == near.value - far.value
    assert near.error is not None and far.error is not None
    assert found.error == pytest.approx((near.error**2 + far.error**2) ** 0.5)
    back = distance_between(far, near)
    assert (back.value, back.low, back.high) == (-found.value, -found.high, -(found.low or 0))
    # Within 0.005 of each other, though neither is equal to the data
    assert distance_between(distance(0.0400, 1e-5), distance(0.0402, 1e-5, seed=1)).word == "equal"
    # What is not told apart from the data has no rank beside what is neither
    wide = distance_between(distance(-1e-3, 1e-4), distance(0, 5e-4, seed=3))
    assert wide.word == "unresolved"
    unknown = distance_between(near, Distance.of([0.04, 0.05], 0.01))
    assert unknown.word == "unresolved" and unknown.low is None and unknown.error is None


def test_equal_models_are_seldom_told_apart() -> None:
    source = np.random.default_rng(0)
    apart = 0
    for _ in range(400):
        one, other = (Distance.of((4e-4 + 1e-4 * source.standard_normal(8)).tolist(), 0.01) for _ in "ab")
        apart += distance_between(one, other).word == "told apart"
    assert apart <= 400 * 0.05


def test_nats() -> None:
    found = nats_between((1.0, 0.03), (1.2, 0.04))
    assert found.value == pytest.approx(-0.2) and found.error == pytest.approx(0.05) and found.word == "told apart"
    assert nats_between((1.0, 0.03), (1.02, None)).word == "unresolved"
