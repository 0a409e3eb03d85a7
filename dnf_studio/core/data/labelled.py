"""Data sets whose rows may have labels: classes of images, or a column of a table."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset

SplitName = Literal["train", "validation", "test"]


class LabelledDataset(Dataset):
    """Rows of which each may have a label; where `class_names` is empty none has."""

    class_names: tuple[str, ...] = ()
    """What the labels are called."""

    @abstractmethod
    def split(self, which: SplitName, seed: int, most: int | None = None) -> tuple[Tensor, NDArray[np.intp]]:
        """The labelled rows of a split, or `most` of them, (m, D), float32, model units, and their labels (m,)."""

    @abstractmethod
    def nearest_class(self, x: NDArray[np.float64]) -> NDArray[np.intp]:
        """The label (n,) of the row of any split that is nearest to each of `x` (n, D), data units."""

    @property
    @abstractmethod
    def labelled_rows(self) -> int:
        """How many rows `nearest_class` compares with."""
