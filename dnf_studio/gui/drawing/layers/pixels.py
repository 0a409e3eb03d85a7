"""Colours as the pixels of a picture, premultiplied ARGB in one number each, and the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

__all__ = ["image_of", "premultiplied", "strengths"]

Pixels = NDArray[np.uint32]


def image_of(pixels: Pixels) -> QImage:
    """Premultiplied ARGB (height, width) as an image that owns its pixels."""
    rows = np.ascontiguousarray(pixels)
    height, width = rows.shape
    return QImage(rows.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()


def premultiplied(colours: Sequence[str], alphas: NDArray[np.float64]) -> Pixels:
    """Each of `colours` with its own of `alphas`, all (C,)."""
    known = [QColor(colour) for colour in colours]
    argb = np.zeros(len(known), np.uint32)
    for part in (QColor.alphaF, QColor.redF, QColor.greenF, QColor.blueF):
        values = np.array([part(colour) for colour in known])
        argb = (argb << np.uint32(8)) | np.rint(255 * values * alphas).astype(np.uint32)
    return argb


def strengths(colours: tuple[str, ...], alphas: NDArray[np.float64]) -> Pixels:
    """Each of `colours` with each of `alphas`, (colours, alphas)."""
    return np.stack([premultiplied([colour] * len(alphas), alphas) for colour in colours])
