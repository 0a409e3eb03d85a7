"""The real data that scikit-learn brings along, so that density estimation runs without a download.

scikit-learn is imported when a table is opened, not to list them nor for the digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.naming import ImageOptions
from dnf_studio.core.data.recorded import RecordedDataset, Records, decimal_steps, split_sizes

ROUNDED = "each value dequantised uniformly over one unit of its column's last decimal place"
GREY = "grey levels 0 to 16 of 8 × 8 pixels dequantised uniformly to [0, 17), constant pixels included"


@dataclass(frozen=True)
class SklearnSet:
    """A set that can be opened."""

    name: str
    title: str
    dim: int
    rows: int
    loader: str
    """The function of ``sklearn.datasets`` that reads it."""
    image: ImageShape | None = None
    """The size of its rows where they are images; values are then whole levels k, which stand for [k, k + 1)."""
    entropy: None = None

    @property
    def splits(self) -> tuple[int, int, int]:
        """Rows to train, to validate and to test on."""
        return split_sizes(self.rows)

    def make(self, selection: str | None = None) -> RecordedDataset:
        """Read it, split and dequantised; of images `selection` is what `ImageOptions` reads.

        Tables have nothing to select. Raises `DataError` for a selection that cannot be.
        """
        if self.image is None:
            return RecordedDataset(self.name, self.title, self._load, ROUNDED)
        options = ImageOptions.parse(self.name, selection)
        name, logit = f"{self.name}{options.suffix}", options.logit(self.name, self.image)
        return RecordedDataset(name, self.title, self._load, GREY, True, self.image, options.flips, logit)

    def _load(self) -> Records:
        held = (_digits() if self.loader == "load_digits" else None) or self._bunch()
        values = np.asarray(held.data, np.float64)
        step = np.ones(self.dim) if self.image is not None else decimal_steps(values)
        low = values if self.image is not None else values - step / 2
        names = tuple(str(name) for name in held.target_names)
        return Records(tuple(map(str, held.feature_names)), low, step, held.target.astype(np.intp), names)

    def _bunch(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        from sklearn import datasets

        return getattr(datasets, self.loader)()


def _digits() -> SimpleNamespace | None:
    """What ``load_digits`` returns, read without scikit-learn, whose import takes 0.8 s: a bundled model shows them.

    None where the file is not in the package where it has always been.
    """
    package = find_spec("sklearn")
    file = Path(package.origin if package and package.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    if not file.is_file():
        return None
    rows = np.loadtxt(file, delimiter=",")
    pixels = [f"pixel_{i}_{j}" for i in range(8) for j in range(8)]
    return SimpleNamespace(data=rows[:, :-1], target=rows[:, -1], target_names=range(10), feature_names=pixels)


SKLEARN_SETS = (
    SklearnSet("wine", "Wine: chemistry of three cultivars", 13, 178, "load_wine"),
    SklearnSet("breast-cancer", "Breast cancer: shapes of cell nuclei", 30, 569, "load_breast_cancer"),
    SklearnSet("digits", "Handwritten digits, 8 × 8 pixels", 64, 1797, "load_digits", ImageShape(8, 8, 1, 0, 17)),
)
