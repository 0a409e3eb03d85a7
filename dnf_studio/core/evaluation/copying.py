"""Whether a model of images copies what it was trained on: how far its samples are from the training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.evaluation.fresh import between_units
from dnf_studio.core.exploration.neighbours import MOST_POINTS, held_out_distances, nearest_training

__all__ = ["COPIES", "Copying", "copying"]

COPIES = MOST_POINTS
"""Samples that are looked at."""


@dataclass(frozen=True)
class Copying:
    """Euclidean distances, in levels, to the nearest training image; where samples are much nearer, they are copies."""

    samples: float
    """Median of the samples."""
    closest: float
    """Of the sample that is nearest to any."""
    held_out: float
    """Median of images of the test split."""


def copying(samples: NDArray[np.float32], units: Standardisation, dataset: Dataset) -> Copying | None:
    """What `samples` (n, D), in the model units `units`, are like; None where the data are no images."""
    if not isinstance(dataset, RecordedDataset) or dataset.image is None:
        return None
    own = between_units(units, dataset.standardisation, torch.from_numpy(samples))
    near = nearest_training(dataset, dataset.standardisation.to_data(own.double()).numpy()).distances[:, 0]
    return Copying(float(np.median(near)), float(near.min()), float(np.median(held_out_distances(dataset))))
