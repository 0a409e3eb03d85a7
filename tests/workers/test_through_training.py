"""Frames of one model after the other, and what is between two of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.errors import Cancelled
from dnf_studio.workers.snapshot import Snapshot
from dnf_studio.workers.through_training import blend, frames_of
from tests.views import viewed


def snapshot(seed: int) -> Snapshot:
    torch.manual_seed(seed)
    flow = DiffFlow(2)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.copy_(0.1 * torch.randn_like(parameter))
    return Snapshot.of(flow)


def test_each_model_moves_the_same_points_by_the_same_noise() -> None:
    models, data = [snapshot(0), snapshot(1), snapshot(0)], torch.randn(20, 2)
    read: list[int] = []

    def reading(k: int) -> Snapshot:
        read.append(k)
        return models[k]

    frames = frames_of([partial(reading, k) for k in range(3)], viewed(steps=4), data, lambda: None)
    first = next(frames)
    assert read == [0] and first.complete and first.weights == models[0].version
    second, again = frames
    assert np.array_equal(first.forward[0], data.numpy()) and np.array_equal(first.backward[-1], second.backward[-1])
    assert np.array_equal(first.forward, again.forward) and np.array_equal(first.backward, again.backward)
    assert not np.array_equal(first.backward[0], second.backward[0])
    # A third of the way from one model to the other
    between = blend(first, second, 1 / 3)
    assert between.backward == pytest.approx((2 * first.backward + second.backward) / 3, abs=1e-6)
    assert blend(first, second, 0) is first
    (finer,) = frames_of([partial(reading, 1)], viewed(steps=5), data, lambda: None)
    assert blend(first, finer, 0.4) is first and blend(first, finer, 0.6) is finer


def test_it_ends_when_nobody_waits() -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        next(frames_of([partial(snapshot, 0)], viewed(), torch.randn(5, 2), stop))
