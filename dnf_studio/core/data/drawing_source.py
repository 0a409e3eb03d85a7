"""How a drawing is named as data: it is its own name, so that a run carries it along. Loads nothing heavy."""

from __future__ import annotations

import hashlib

__all__ = ["PREFIX", "SIDE", "drawing_label", "is_drawing"]

PREFIX = "drawing:"
SIDE = 400
"""Pixels along a side of the canvas."""


def is_drawing(source: str) -> bool:
    """Whether `source` is a drawing."""
    return source.startswith(PREFIX)


def drawing_label(source: str) -> str:
    """A short name for it, such as ``drawing-3f2a91``, the same for the same drawing."""
    return f"drawing-{hashlib.sha256(source.encode()).hexdigest()[:6]}"
