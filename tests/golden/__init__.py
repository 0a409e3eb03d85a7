"""What the reference program computes from one of its checkpoints, in float64 (method.md, section 19)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
TOLERANCE = 1e-9


def vectors() -> dict[str, Tensor]:
    """Every array of the golden file, float64."""
    with np.load(FOLDER / "official_checkerboard.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """max|a − b| / max|b|."""
    assert ours.shape == theirs.shape
    return float((ours.detach() - theirs).abs().max() / theirs.abs().max())
