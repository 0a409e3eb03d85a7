"""What engines share: the loss of a batch and its gradients, and the penalty that keeps samples near data and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.networks.base import FieldKernel, FieldNetwork, Gradients
from dnf_studio.core.networks.fourier_mlp import NOISE_REACH
from dnf_studio.core.sde.grid import TimeGrid


@dataclass(frozen=True)
class BatchLoss:
    """The loss of one batch and where it comes from."""

    value: Tensor
    """Mean over the batch, a scalar; the model's class says what it is."""
    contributions: Tensor
    """Mean ½(‖δB_i‖² − ‖δF_i‖²) of each step, (N,), nats; (0,) for a model that is not trained on paths."""
    bend: Tensor | None = None
    """Mean bend of the paths (`bend_weights`), a scalar; None where they are not to be straight. No part of `value`."""


class TrainedNetwork(NamedTuple):
    """One network in a training step: its kernel, time embeddings and gradients."""

    kernel: FieldKernel
    embeddings: Tensor
    """Embeddings (K, E) of the nodes' times, by autograd."""
    gradients: Gradients
    """Their sums over all points."""


def embed_times(network: FieldNetwork, times: Tensor) -> Tensor:
    """The embeddings (K, E) of the times (K,), as `assign_gradients` needs them."""
    with torch.enable_grad():
        return network.embed_time(times)


def assign_gradients(*trained: TrainedNetwork) -> None:
    """Put the sums of all points' gradients into the parameters, those of the time embeddings' among them."""
    for own in trained:
        own.kernel.assign(own.gradients)
    with torch.enable_grad():
        # Of numbers: with a gradient given, torch imports sympy (0.4 s) to compare the shapes
        torch.autograd.backward([torch.sum(own.embeddings * own.gradients.embedding) for own in trained])


def bend_weights(grid: TimeGrid) -> Tensor:
    """c_i = N³ Δ_i² (N,), with which the bend of paths is P = Σ c_i ‖f_{i+1} − f_i‖², about the same for every N.

    By ½ Δ_i (f_{i+1} − f_i) a step of Euler's method misses: where paths are smooth, M steps on a grid of the same kind
    miss by errors whose squares sum to P/4M³. Reference: Bartosh, Vetrov and Naesseth, "Neural Flow Diffusion Models",
    NeurIPS 2024, arXiv:2404.12940, whose NFDM-OT penalises how the velocity changes along a path.
    """
    return grid.steps**3 * grid.dt.square()


MARGIN = 1.25
"""Size of the box around the data, relative to the data's own."""
REACH = 2.0
RATE = 2.0
POINTS = 8
"""Points that are drawn at each node."""


@dataclass(frozen=True)
class OutsidePoints:
    """Points around the boxes of a grid's nodes."""

    x: Tensor
    """(N+1, P, D)"""
    beyond: Tensor
    """How far each component lies beyond the box, with its sign, (N+1, P, D); 0 within."""
    nodes: slice
    """The nodes of the grid that the points belong to."""

    def parts(self, most: int) -> Iterator[OutsidePoints]:
        """The points in parts of at most `most` nodes."""
        for start in range(0, len(self.x), most):
            nodes = slice(start, min(start + most, len(self.x)))
            yield OutsidePoints(self.x[nodes], self.beyond[nodes], nodes)


def box_of(points: Tensor) -> Tensor:
    """Middle and half of the sides (2, D) of the box around `points` (n, D), with a margin."""
    low, high = points.amin(0), points.amax(0)
    return torch.stack([0.5 * (low + high), 0.5 * MARGIN * (high - low)])


def draw_outside(box: Tensor, grid: TimeGrid, generator: torch.Generator) -> OutsidePoints:
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
    return OutsidePoints((1 - passed) * middle + place * half, beyond, slice(0, nodes))


def inward_penalty(
    outside: OutsidePoints, grid: TimeGrid, drift: Tensor, score: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The penalty P, and its gradients by the values `drift` and `score` (K, P, D) of the networks at the points.

    `outside` and the values may be those of some nodes only, `outside.nodes`: what all nodes give is the sum of parts.
    """
    side, time = outside.beyond.sign(), grid.t[-1] - grid.t[0]
    weight = grid.g[outside.nodes].square()[:, None, None]
    outward = -side * (drift - weight * score)
    wrong = side.abs() * (time * outward + RATE * outside.beyond.abs()).clamp(min=0)
    count = (grid.steps + 1) * POINTS
    of_drift = -2 / count * time * side * wrong
    return wrong.square().sum() / count, of_drift, -weight * of_drift
