"""Samples that lie far from all data: how far out a sample may be, and how many are farther."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import between_units, fresh_points
from dnf_studio.core.models.base import GenerativeModel

__all__ = ["REACH", "BoundingBox", "Reach", "in_data_units"]

REACH = 1.5
"""From this distance of a component from the middle of the data's bounding box on, in half its sides, it is far."""
MOST_POINTS, MOST_NUMBERS = 200_000, 1 << 21
"""Of the data, drawn to find its box."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BoundingBox:
    """The bounding box of points (n, D); a column that does not vary has no side to measure in."""

    middle: Array
    """(D,)"""
    half: Array
    """Half of each side (D,)."""

    @classmethod
    def of(cls, points: Array, joint: bool = False) -> BoundingBox:
        """`joint` gives all columns one range, as images need it: a pixel that hardly ever varies has nearly none."""
        low, high = points.min(axis=0), points.max(axis=0)
        if joint:
            low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
        return cls(0.5 * (low + high), 0.5 * (high - low))

    def farthest(self, points: Array) -> float:
        """The greatest distance of a component from the middle, in half the sides."""
        wide = self.half > 0
        return float((np.abs(points - self.middle)[:, wide] / self.half[wide]).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Reach:
    """How far each component may go, data units; a component that does not vary may go anywhere."""

    low: Array
    """(D,)"""
    high: Array
    """(D,)"""

    @classmethod
    def of(cls, flow: GenerativeModel, dataset: Dataset) -> Reach:
        """That of `dataset` in the data units of `flow`, by rows that training sees and rows that it does not.

        Raises `DataError` where the data has another number of columns.
        """
        count = min(MOST_POINTS, max(1, MOST_NUMBERS // dataset.dim))
        unseen = fresh_points(flow, dataset, count, seed=1)
        seen = dataset.draw(count, torch.Generator().manual_seed(1))
        seen = between_units(dataset.standardisation, flow.standardisation, seen)
        points = np.concatenate([in_data_units(flow, x) for x in (unseen, seen)])
        box = BoundingBox.of(points, joint=dataset.image is not None)
        half = np.where(box.half > 0, REACH * box.half, np.float32(np.inf))
        return cls(box.middle - half, box.middle + half)

    def far(self, samples: Array) -> int:
        """How many of `samples` (n, D), data units, have a component beyond."""
        return int(((samples < self.low) | (samples > self.high)).any(axis=1).sum())


def in_data_units(flow: GenerativeModel, x: Tensor) -> Array:
    """Model units (n, D) as a person gets them."""
    units = flow.standardisation
    moved: Array = units.inside(units.to_data(x.cpu().double())).float().numpy()
    return moved
