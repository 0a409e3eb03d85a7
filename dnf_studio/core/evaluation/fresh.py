"""Points of the data that a model is compared with, in the model's own units."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DataError

__all__ = ["between_units", "check_columns", "fresh_points", "halves", "in_model_units", "is_identity", "units_of"]

Array = NDArray[np.float32]


def fresh_points(flow: GenerativeModel, dataset: Dataset, count: int, seed: int) -> Tensor:
    """Fresh points (≤ count, D) in the model's units, dtype and device.

    Raises `DataError` where the data has another number of columns.
    """
    check_columns(flow, dataset)
    x = dataset.fresh(count, seed)
    return between_units(dataset.standardisation, flow.standardisation, x).to(flow.timestamps)


def units_of(flow: GenerativeModel, dataset: Dataset) -> Standardisation:
    """What leads from `fresh_points` to data units: the model's own, or that of the data where it has none."""
    return dataset.standardisation if is_identity(flow.standardisation) else flow.standardisation


def check_columns(flow: GenerativeModel, dataset: Dataset) -> None:
    """Raise `DataError` where the data has another number of columns than the model dimensions."""
    if dataset.dim != flow.dim:
        raise DataError(f"The data '{dataset.name}' has {dataset.dim} columns and the model {flow.dim} dimensions.")


def in_model_units(flow: GenerativeModel) -> GenerativeModel:
    """`flow` with the same networks whose samples are in model units, never rounded to data units on the way."""
    own = copy.copy(flow)
    own.standardisation = Standardisation.identity(flow.dim)
    return own


def halves(x: Tensor, points: int, seed: int) -> tuple[Array, Array]:
    """Two disjoint sets of at most `points` of `x`, shuffled since a small data set comes in one order."""
    half = min(points, len(x) // 2)
    mixed = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))].cpu().numpy()
    return mixed[:half], mixed[half : 2 * half]


def between_units(source: Standardisation, target: Standardisation, x: Tensor) -> Tensor:
    """`x` from one standardisation's units to another's.

    A model without constants of its own, such as one of the reference program, takes standardised
    data as it is. Where the target has a range of values, what lies beyond comes to its end.
    """
    if source == target or is_identity(source) or is_identity(target):
        return x
    return target.to_model(target.inside(source.to_data(x.double()))).float()


def is_identity(standardisation: Standardisation) -> bool:
    """Whether model units are data units."""
    return standardisation == Standardisation.identity(len(standardisation.mean))
