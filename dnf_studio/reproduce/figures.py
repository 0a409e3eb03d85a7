"""Pictures of points and the colours of the models, for reports."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.reproduce.plan import ARMS

SIDE = 220
REACH = 3.0
"""Half of the range that is shown, standardised units."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#882255")
"""Colours by Okabe and Ito, told apart with every kind of colour vision, and two by Tol."""
COLOURS = {"data": "#666666"} | dict(zip(ARMS, itertools.cycle(PALETTE)))
MODE_COLOURS = PALETTE
Array = NDArray[np.float32]


def points_picture(points: Array, colours: Sequence[str] | str, parts: NDArray[np.intp] | None = None) -> str:
    """Points (n, 2), standardised, as a data URL: in one colour, or each in that of its part (n,)."""
    from PIL import Image, ImageColor

    canvas = np.full((SIDE, SIDE, 3), 255.0)
    scale = SIDE / (2 * REACH)
    place = np.nan_to_num((points.astype(np.float64) + REACH) * scale, nan=-1.0, posinf=-1.0, neginf=-1.0)
    cell = np.floor(np.clip(place, -1, SIDE)).astype(int)
    inside = ((cell >= 0) & (cell < SIDE)).all(axis=1)
    named = [colours] if isinstance(colours, str) else list(colours)
    # With more parts than colours they come round again; what has no part has none
    kinds = np.zeros(len(points), int) if parts is None else np.where(parts < 0, -1, parts % len(named))
    for kind, colour in enumerate(named):
        chosen = cell[inside & (kinds == kind)]
        counts = np.bincount(chosen[:, 1] * SIDE + chosen[:, 0], minlength=SIDE * SIDE).reshape(SIDE, SIDE)
        share = (1 - np.exp(-1.2 * counts))[::-1, :, None]
        canvas = canvas * (1 - share) + np.array(ImageColor.getrgb(colour)) * share
    written = io.BytesIO()
    Image.fromarray(np.rint(canvas).astype(np.uint8)).quantize(64).save(written, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"
