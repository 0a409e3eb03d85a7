"""Points of the data that a model is compared with, in the model's own units."""

from __future__ import annotations

import copy
import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DataError

__all__ = [
    "between_units",
    "check_columns",
    "fresh_points",
    "fresh_sets",
    "in_model_units",
    "is_identity",
    "own_seed",
    "units_of",
]

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


def own_seed(flow: GenerativeModel, *names: object) -> int:
    """A seed that this model has for itself under these names, the same at every call.

    Points drawn from it are no other model's: what all models are compared with would be an error that they share,
    which no interval over training seeds shows.
    """
    found = hashlib.blake2b(repr(names).encode(), digest_size=7)
    for value in flow.state_dict().values():
        found.update(value.detach().cpu().double().numpy().tobytes())
    return int.from_bytes(found.digest(), "big")


def fresh_sets(flow: GenerativeModel, dataset: Dataset, count: int, points: int, seed: int) -> list[Array]:
    """`count` disjoint sets of `points` fresh points (n, D) in the model's units.

    Sets are smaller, and at last fewer, where the data holds fewer points; with a single one there are none. They are
    shuffled, since a small data set comes in one order.
    """
    x = fresh_points(flow, dataset, count * points, seed)
    count = min(count, len(x))
    if count < 2:
        return []
    size = len(x) // count
    mixed = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))].cpu().numpy()
    return [mixed[k * size : (k + 1) * size] for k in range(count)]


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
