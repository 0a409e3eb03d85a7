"""Samples that lie far from all data: how far out a sample may be, and how many are farther."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import POINTS, BoundingBox
from dnf_studio.core.evaluation.fresh import between_units, fresh_points
from dnf_studio.core.models.base import GenerativeModel

__all__ = ["REACH", "Reach"]

REACH = 1.5
"""From this distance of a component from the middle of the data's bounding box on, in half its sides, it is far."""
CELLS = 1 << 21
"""Most numbers drawn of the data, where points have many components."""
Array = NDArray[np.float32]


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

        The pixels of images have one range together: alone, one that hardly ever varies has nearly none.
        Raises `DataError` where the data has another number of columns.
        """
        count = min(POINTS, max(1, CELLS // dataset.dim))
        unseen = fresh_points(flow, dataset, count, seed=1)
        seen = dataset.draw(count, torch.Generator().manual_seed(1))
        seen = between_units(dataset.standardisation, flow.standardisation, seen)
        box = BoundingBox.of(np.concatenate([_data(flow, x) for x in (unseen, seen)]))
        if dataset.image is not None:
            ends = np.concatenate([box.middle - box.half, box.middle + box.half])
            box = BoundingBox.of(np.repeat(ends[:, None], dataset.dim, axis=1))
        half = np.where(box.half > 0, REACH * box.half, np.float32(np.inf))
        return cls(box.middle - half, box.middle + half)

    def far(self, samples: Array) -> int:
        """How many of `samples` (n, D), data units, have a component beyond."""
        return int(((samples < self.low) | (samples > self.high)).any(axis=1).sum())


def _data(flow: GenerativeModel, x: Tensor) -> Array:
    """Model units (n, D) as a person gets them."""
    units = flow.standardisation
    moved: Array = units.inside(units.to_data(x.cpu().double())).float().numpy()
    return moved
