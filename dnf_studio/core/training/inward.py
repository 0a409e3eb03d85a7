"""Keeps samples near data and noise: a penalty on backward velocities that lead away where training never comes.

The bound says nothing of states that the forward process does not visit. There networks are what they happen to be,
and backward steps from the farthest latents of a million came to lie at twice the size of the data. So points are
drawn around a box at each node, which is the data's at t_0, the noise's at t_N and between them between: from its
surface to `REACH` times its size. A component at a distance e beyond the box is to come in by `RATE` e at least in
the time T that the process takes:

    P = mean over points of Σ_k max(0, T o_k + RATE e_k)², o_k = ∓(f − g² s)_k, outward counted positive,

the sum over components beyond the box. Where the process goes inward already, P and its gradients are zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.networks.fourier_mlp import NOISE_REACH
from dnf_studio.core.sde.grid import TimeGrid

__all__ = ["Outside", "box_of", "draw_outside", "inward_penalty"]

MARGIN = 1.25
"""Of the box, in sizes of the data."""
REACH = 2.0
RATE = 2.0
POINTS = 8
"""At each node."""


@dataclass(frozen=True)
class Outside:
    """Points around the boxes of a grid's nodes."""

    x: Tensor
    """(N+1, P, D)"""
    beyond: Tensor
    """How far each component lies beyond the box, with its sign, (N+1, P, D); 0 within."""
    nodes: slice
    """Whose points they are."""

    def parts(self, most: int) -> Iterator[Outside]:
        """The same by at most so many nodes."""
        for start in range(0, len(self.x), most):
            nodes = slice(start, min(start + most, len(self.x)))
            yield Outside(self.x[nodes], self.beyond[nodes], nodes)


def box_of(points: Tensor) -> Tensor:
    """Middle and half of the sides (2, D) of the box around `points` (n, D), with a margin."""
    low, high = points.amin(0), points.amax(0)
    return torch.stack([0.5 * (low + high), 0.5 * MARGIN * (high - low)])


def draw_outside(box: Tensor, grid: TimeGrid, generator: torch.Generator) -> Outside:
    """`POINTS` points at each node around its box, which is `box` (2, D) at t_0; drawn on the processor."""
    dim, nodes = box.shape[1], grid.steps + 1
    place = torch.rand((nodes, POINTS, dim), generator=generator) * 2 - 1
    face = torch.randint(dim, (nodes, POINTS, 1), generator=generator)
    place.scatter_(-1, face, torch.where(place.gather(-1, face) < 0, -1.0, 1.0))
    place = (place * (1 + (REACH - 1) * torch.rand((nodes, POINTS, 1), generator=generator))).to(grid.t)
    passed = ((grid.t - grid.t[0]) / (grid.t[-1] - grid.t[0]))[:, None, None]
    middle, half = box.to(grid.t)
    half = torch.lerp(half, half.clamp(min=NOISE_REACH), passed)
    beyond = place.sign() * (place.abs() - 1).clamp(min=0) * half
    return Outside((1 - passed) * middle + place * half, beyond, slice(0, nodes))


def inward_penalty(outside: Outside, grid: TimeGrid, drift: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """P, and its gradients by the values `drift` and `score` (K, P, D) of the networks at the points.

    `outside` and the values may be those of some nodes only, `outside.nodes`: what all nodes give is the sum of parts.
    """
    side, time = outside.beyond.sign(), grid.t[-1] - grid.t[0]
    weight = grid.g[outside.nodes].square()[:, None, None]
    outward = -side * (drift - weight * score)
    wrong = side.abs() * (time * outward + RATE * outside.beyond.abs()).clamp(min=0)
    count = (grid.steps + 1) * POINTS
    of_drift = -2 / count * time * side * wrong
    return wrong.square().sum() / count, of_drift, -weight * of_drift
