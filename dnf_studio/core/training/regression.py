"""Networks that are fitted to known values at points and times, by the fast kernels: what the engines of a diffusion
model and of flow matching share."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from dnf_studio.core.networks.base import BlockSizes, FieldKernel, FieldNetwork, Gradients
from dnf_studio.core.networks.build import make_kernel
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.sde.grid import between_nodes
from dnf_studio.core.training.gradients import BatchLoss, TrainedNetwork, assign_gradients, embed_times

__all__ = ["draw_times", "fit"]

SHARED = 16
BLOCK_ROWS = 1024
"""Rows of a block: a layer of 181 channels takes 724 KiB in float32."""


def draw_times(nodes: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    """Times (K,) for a `batch` of points, K a divisor of it, between the `nodes` (N+1,) of a grid.

    t = L(u) for u uniform in [0, 1], L being the grid's times as a function of i/N. One u is drawn in each of K equal
    parts of [0, 1], which lowers the variance and leaves the mean as it is. Up to `SHARED` points share a time, and
    with it the embedding of t.
    """
    count = batch // max(each for each in range(1, SHARED + 1) if batch % each == 0)
    places = (torch.arange(count) + torch.rand(count, generator=generator, dtype=torch.float64)) / count
    return between_nodes(nodes, places.to(nodes) * (len(nodes) - 1))


def fit(
    network: FieldNetwork, x: Tensor, target: Tensor, t: Tensor, pool: BlockPool, hidden: torch.dtype | None = None
) -> BatchLoss:
    """The mean squared error of `network` at x (K, R, D) and the times t (K,), its gradients put into the parameters.

    What it should be is `target` (K, R, D); `hidden` is the type of its layers.
    """
    network.zero_grad(set_to_none=True)
    with single_threaded_kernels(), torch.no_grad():
        embeddings = embed_times(network, t)
        kernel = make_kernel(network, embeddings, hidden)
        sums = pool.map(lambda nodes: _block(kernel, x, target, nodes), _blocks(x, kernel.sizes))
        assign_gradients(TrainedNetwork(kernel, embeddings, [gradients for _, gradients in sums]))
        return BatchLoss(torch.stack([loss for loss, _ in sums]).sum(), x.new_empty(0))


@torch.no_grad()
def _block(kernel: FieldKernel, x: Tensor, target: Tensor, nodes: slice) -> tuple[Tensor, Gradients]:
    """What the times `nodes` add to the mean loss, and its gradients."""
    tape = kernel.open(x[nodes], [])
    error = tape.record_all(nodes) - target[nodes]
    tape.pull((error * (2 / x.numel())).flatten(0, 1))
    gradients = kernel.zero_gradients()
    gradients.add(tape.collect(), nodes)
    return error.square().sum() / x.numel(), gradients


def _blocks(x: Tensor, sizes: BlockSizes) -> list[slice]:
    """Times computed together; a function of batch and network alone, so results do not depend on the number of
    threads."""
    count, each = x.shape[:2]
    rows = min(BLOCK_ROWS if x.device.type == "cpu" else sys.maxsize, sizes.kept)
    width = max(1, rows // each)
    return [slice(k, min(k + width, count)) for k in range(0, count, width)]
