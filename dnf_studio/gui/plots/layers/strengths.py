"""Colours in several strengths, as the pixels of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

__all__ = ["strengths"]


def strengths(colours: tuple[str, ...], alphas: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Premultiplied ARGB of each colour with each of `alphas`, (colours, alphas)."""
    table = np.zeros((len(colours), len(alphas)), np.uint32)
    for row, name in zip(table, colours, strict=True):
        colour = QColor(name)
        for part in (1.0, colour.redF(), colour.greenF(), colour.blueF()):
            row[:] = (row << np.uint32(8)) | np.rint(255 * part * alphas).astype(np.uint32)
    return table
