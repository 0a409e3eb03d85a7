"""Maximum likelihood of a continuous normalizing flow, by autograd through the steps of the solver.

Blocks of points are independent given the weights: one thread a block, gradients added in a fixed
order. At a few steps of a small network the activations fit in memory, so no adjoint is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from dnf_studio.core.models.flow import MOST_EXACT, Flow
from dnf_studio.core.parallel import BlockPool, equal_slices
from dnf_studio.core.sde.grid import TimeGrid, between_nodes
from dnf_studio.core.training.block_sums import Sums, sum_blocks
from dnf_studio.core.training.gradients import BatchLoss
from dnf_studio.core.training.terms import Term, flow_terms

BLOCK_ROWS = 2048
FEWEST_ROWS = 64
"""Rows below which a batch is one block."""


class LikelihoodEngine:
    """Computes training steps of one flow on the threads of `pool`.

    All layers are in the flow's own type, whatever `hidden` is asked for; the data's `box` is of no use here.
    """

    hidden = torch.float32

    def __init__(
        self, model: Flow, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.model, self.pool = model, pool

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The mean −log p of x0 (B, D), nats, with `steps` steps of the solver, its gradients put in.

        Each inner node moves by up to half a step, anew in every iteration."""
        return self.step(x0, *self._drawn(x0, steps, generator))

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """See `Engine`."""
        grid, probes = self._drawn(x0, steps, generator)
        return flow_terms(self.model, grid, x0, probes)

    def _drawn(self, x0: Tensor, steps: int, generator: torch.Generator) -> tuple[TimeGrid, Tensor | None]:
        """The grid of one iteration, and the signs (B, D) where the volume is estimated."""
        nodes = self.model.training_grid(steps)
        # Nodes that stay would let the network be anything between them
        shift = torch.rand(nodes.steps + 1, generator=generator) - 0.5
        shift[0] = shift[-1] = 0
        t = between_nodes(nodes.t, torch.arange(nodes.steps + 1).to(x0) + shift.to(x0))
        probes = None
        if self.model.dim > MOST_EXACT:
            probes = (torch.randint(0, 2, x0.shape, generator=generator) * 2 - 1).to(x0)
        return TimeGrid(t, nodes.g, t), probes

    def step(self, x0: Tensor, grid: TimeGrid, probes: Tensor | None = None) -> BatchLoss:
        """One step as `train` makes it, with given `probes` (B, D), None for the exact volume."""
        parameters = list(self.model.parameters())

        def block(rows: slice) -> Sums:
            with torch.enable_grad():
                some = None if probes is None else probes[rows]
                loss = self.model.nll(x0[rows], grid, some).sum() / len(x0)
                return [loss.detach(), *torch.autograd.grad(loss, parameters)]

        def zeros() -> Sums:
            return [x0.new_zeros(()), *map(torch.zeros_like, parameters)]

        loss, *gradients = sum_blocks(self.pool, block, _blocks(x0, self.pool.ranks.count), zeros)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            # What autograd gives may be a view, or that of another parameter too
            parameter.grad = gradient.clone(memory_format=torch.contiguous_format)
        return BatchLoss(loss, x0.new_empty(0))


def _blocks(x0: Tensor, ranks: int) -> list[slice]:
    """An even number of blocks, so that two threads end together; a function of the batch alone, so results do not
    depend on the number of threads or ranks. On a GPU each rank has one."""
    if x0.device.type != "cpu":
        return equal_slices(len(x0), min(len(x0), ranks))
    return equal_slices(len(x0), 1 if len(x0) < FEWEST_ROWS else 2 * math.ceil(len(x0) / (2 * BLOCK_ROWS)))
