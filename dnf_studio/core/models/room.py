"""How many points a kernel works on at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = ["Room"]


@dataclass(frozen=True)
class Room:
    """Numbers of points; functions of the network alone, so that no result depends on threads or free memory."""

    block: int
    """A block of a batch, at most; one thread walks with it."""
    blocks: int = sys.maxsize
    """Blocks of a batch, at most; they are larger then. Each has gradients of its own."""
    kept: int = sys.maxsize
    """Points of whose evaluation all is kept that a pull needs, at most."""
    chunk: int = sys.maxsize
    """Points that are best evaluated together, where they are independent,"""
    chunk_nodes: int = 1
    """and of so many nodes at least."""
