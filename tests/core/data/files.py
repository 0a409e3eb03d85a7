"""Small files of a user, and what is said of the bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from dnf_studio.core.data.content_split import row_positions
from dnf_studio.core.data.tables import open_table
from dnf_studio.errors import DataError

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal([5.0, -2.0, 100.0], [1.0, 0.1, 30.0], (200, 3))


def npy(path: Path, values: ArrayLike, allow_pickle: bool = False) -> str:
    np.save(path, values, allow_pickle=allow_pickle)
    return str(path)


def text(path: Path, content: str, encoding: str = "utf-8") -> str:
    path.write_bytes(content.encode(encoding))
    return str(path)


def held_out_one(candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first of these rows (n, D) that is well within those to test on."""
    found: NDArray[np.float64] = candidates[row_positions(candidates) < 0.05][0]
    return found


def as_csv(rows: NDArray[np.float64], delimiter: str = ",", header: str = "") -> str:
    return header + "".join(delimiter.join(map(repr, row.tolist())) + "\n" for row in rows)


def complaint(source: str, drop_constant: bool = False) -> str:
    """The one plain sentence with which `source` is refused."""
    with pytest.raises(DataError) as caught:
        open_table(source, drop_constant)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and ". " not in sentence
    return sentence
