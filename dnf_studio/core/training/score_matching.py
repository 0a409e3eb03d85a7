"""Denoising score matching (Ho et al. 2020, equation 14; Song et al. 2021, equation 7) by the fast kernels.

The loss is E ‖ε̂(a(t) x_0 + σ(t) ε, t) − ε‖² / D, ε-weighted: 1 for a network that says 0, and not a
likelihood. Times are those of the model's grid, between its nodes too: t = L(u) for u uniform in
[0, 1], L being the grid's times as a function of i/N. A uniform grid gives times uniform in
[t_0, T], a quadratic one more of them near the data, where the samplers' steps are. One u is drawn
in each of K equal parts of [0, 1], which lowers the variance and leaves the mean as it is. Up to
`SHARED` points of a batch share a time, and with it the embedding of t.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.networks.base import BlockSizes, FieldKernel, Gradients
from dnf_studio.core.networks.build import make_kernel
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.sde.grid import between_nodes, levels_at
from dnf_studio.core.training.gradients import BatchLoss, TrainedNetwork, assign_gradients, embed_times

__all__ = ["ScoreMatchingEngine"]

SHARED = 16
BLOCK_ROWS = 1024
"""Rows of a block: a layer of 181 channels takes 724 KiB in float32."""


class ScoreMatchingEngine:
    """Computes training steps of one diffusion model on the threads of `pool`.

    `hidden` is the type of its layers; the data's `box` is of no use here.
    """

    def __init__(
        self, model: Diffusion, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.model, self.pool, self.hidden = model, pool, hidden

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D), its gradients put into the parameters; N = `steps` changes nothing."""
        count = _shared(len(x0))
        times = len(x0) // count
        places = (torch.arange(times) + torch.rand(times, generator=generator, dtype=torch.float64)) / times
        noise = torch.randn((times, count, x0.shape[1]), generator=generator)
        nodes = self.model.timestamps
        t = between_nodes(nodes, places.to(nodes) * (len(nodes) - 1))
        return self.step(x0.view(times, count, -1), noise.to(x0), t)

    def step(self, x0: Tensor, noise: Tensor, t: Tensor) -> BatchLoss:
        """The mean loss of x0 (K, R, D) with `noise` (K, R, D) at the times t (K,), its gradients put in."""
        network = self.model.noise
        network.zero_grad(set_to_none=True)
        signal, sigma = (level[:, None, None] for level in levels_at(self.model.config.sde, t))
        x = signal * x0 + sigma * noise
        with single_threaded_kernels(), torch.no_grad():
            embeddings = embed_times(network, t)
            kernel = make_kernel(network, embeddings, self.hidden)
            sums = self.pool.map(lambda nodes: _block(kernel, x, noise, nodes), _blocks(x, kernel.sizes))
            assign_gradients(TrainedNetwork(kernel, embeddings, [gradients for _, gradients in sums]))
            return BatchLoss(torch.stack([loss for loss, _ in sums]).sum(), x.new_empty(0))


@torch.no_grad()
def _block(kernel: FieldKernel, x: Tensor, noise: Tensor, nodes: slice) -> tuple[Tensor, Gradients]:
    """What the times `nodes` add to the mean loss, and its gradients."""
    tape = kernel.open(x[nodes], [])
    error = tape.record_all(nodes) - noise[nodes]
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


def _shared(batch: int) -> int:
    """How many points share a time: the greatest divisor of the batch up to `SHARED`."""
    return max(count for count in range(1, SHARED + 1) if batch % count == 0)
