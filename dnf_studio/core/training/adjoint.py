"""The stochastic adjoint (Algorithm 2): exact gradients of the bound in constant activation memory.

A block of points goes forward and keeps only its states x_0 … x_N, drifts and scores; then it
goes back from t_N, where each step needs the local vector-Jacobian products alone:

    λ_j = λ_{j+1} + J_f(x_j)ᵀ (u_j + Δ_j λ_{j+1}) + J_s(x_j)ᵀ v_j,   λ_{N+1} = 0, plus x_N at j = N

with b_i = δB_i (15), u_j = (√Δ_{j−1}/g_j) b_{j−1} − (√Δ_j/g_{j+1}) b_j and v_j = −g_j √Δ_{j−1} b_{j−1}; where the
steps back have fitted deviations, r_i times those of g, every b_i beside these is divided by r_i once more.
(The algorithm as printed counts the term of its line 2 again in its loop; here it counts once.)

What makes it fast: f(x_{i+1}) serves δB_i and the next step; the time embeddings are those of
nodes, not of points, and 2 KB a node is all that autograd keeps; an `AdjointPass` leaves what it need
not wait for to other threads; gradients are added in a fixed order. How a network is evaluated and
pulled back, and how much of it is kept at once, is its `FieldKernel`'s matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.networks.base import BlockSizes, FieldKernel, Gradients
from dnf_studio.core.networks.build import shares_inputs
from dnf_studio.core.parallel import BlockPool, equal_slices, single_threaded_kernels
from dnf_studio.core.sde.grid import TimeGrid, draw_grid
from dnf_studio.core.training.adjoint_pass import AdjointPass, TapeMemory
from dnf_studio.core.training.block_sums import Sums, sum_blocks
from dnf_studio.core.training.captured import Captured
from dnf_studio.core.training.gradients import (
    BatchLoss,
    OutsidePoints,
    TrainedNetwork,
    assign_gradients,
    bend_weights,
    draw_outside,
    embed_times,
    inward_penalty,
)
from dnf_studio.core.training.terms import Term, path_terms

PENALTY_NODES = 64
CAPTURED_STEPS = 128
"""The largest N of a step that is captured: a graph has kernels, and memory for each of them, in proportion to it."""


class AdjointEngine:
    """Computes training steps of one model on the threads of `pool`.

    `hidden` is the type of the hidden layers. `box` (2, D) is that of the data, beyond which the backward process
    is to go inward; None leaves that to chance.
    """

    def __init__(
        self, flow: DiffFlow, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.flow, self.pool, self.hidden, self.box = flow, pool, hidden, box
        self._memory = TapeMemory()
        self.captured = Captured(partial(_whole, flow, hidden), flow.parts)

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """See `Engine`. The loss is the mean bound (method.md, section 2); `generator` draws noise and grids."""
        noise, grid = self._drawn(x0, steps, generator)
        outside = None
        if self.box is not None and self.flow.config.training.inward:
            outside = draw_outside(self.box, grid, generator)
        return self.step(x0, noise, grid, outside)

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """See `Engine`."""
        noise, grid = self._drawn(x0, steps, generator)
        return path_terms(self.flow.fields(grid, self.hidden), grid, x0, noise)

    def _drawn(self, x0: Tensor, steps: int, generator: torch.Generator) -> tuple[Tensor, TimeGrid]:
        """The noise (N, B, D) and the grid of one iteration."""
        noise = torch.randn((steps, *x0.shape), generator=generator)
        if not self.flow.config.training.flexible_grid:
            return noise.to(x0.device), self.flow.training_grid(steps)
        drawn = draw_grid(self.flow.config.sde, generator, steps).to(self.flow.timestamps)
        return noise.to(x0.device), self.flow.as_trained(drawn)

    def step(
        self, x0: Tensor, noise: Tensor, grid: TimeGrid | None = None, outside: OutsidePoints | None = None
    ) -> BatchLoss:
        """The mean bound of x0 (B, D) with noise (N, B, D), its gradients put into the parameters.

        `grid` is the model's own unless given. Equal to autograd through the textbook loop up to rounding, but that
        the gradients are those of the bound and of the penalties of the points `outside` and of bent paths, as the
        settings weigh them.
        """
        flow, grid, straight = self.flow, grid or self.flow.training_grid(), self.flow.config.training.straight
        flow.zero_grad(set_to_none=True)
        with single_threaded_kernels(), torch.no_grad():
            embeddings = [embed_times(network, grid.condition) for network in flow.parts]
            kernels = drift, score = flow.kernels(grid, embeddings, self.hidden)
            bend = straight * bend_weights(grid) if straight else None
            run: Callable[[slice], Sums] = partial(_block, kernels, grid, bend, x0, noise, self._memory, self.pool)
            last = None if outside is None else partial(self._penalty, drift, score, grid, outside)
            blocks = block_slices(len(x0), x0.device, drift.sizes, self.pool.ranks.count)
            small = len(blocks) == 1 and len(x0) <= _most(kernels) and grid.steps <= CAPTURED_STEPS
            if small and self.captured.serves(x0.device, self.pool):
                inputs = x0, noise, grid.t, grid.g, grid.condition, grid.fitted, bend, *embeddings
                run = self.captured.block(self.pool, shares_inputs(score), *inputs)
            zeros = partial(_zeros, drift, score, grid)
            bound, contributions, bends, *found = sum_blocks(self.pool, run, blocks, zeros, last)
            split = 1 + len(drift.zero_gradients().parameters)
            both = (
                TrainedNetwork(drift, embeddings[0], Gradients(found[0], found[1:split])),
                TrainedNetwork(score, embeddings[-1], Gradients(found[split], found[split + 1 :])),
            )
            # A frozen drift has no network
            assign_gradients(*both[-len(embeddings) :])
            return BatchLoss(self._constant(grid) + bound, contributions, bends / straight if straight else None)

    def _constant(self, grid: TimeGrid) -> Tensor:
        """What the bound has that is the same for every point."""
        dim, widths = self.flow.dim, torch.log(grid.g[-1] / grid.g[0]) + grid.ratio.log().sum()
        return 0.5 * dim * math.log(2 * math.pi) + dim * widths

    @torch.no_grad()
    def _penalty(self, drift: FieldKernel, score: FieldKernel, grid: TimeGrid, outside: OutsidePoints) -> Sums:
        """The gradients of `inward_penalty`, weighted; by some nodes at a time, so that memory does not grow with N."""
        sums = drift.zero_gradients(), score.zero_gradients()
        for part in outside.parts(PENALTY_NODES):
            drifts, scores = (
                kernel.open(part.x, memory) for kernel, memory in zip((drift, score), self._memory.outside, strict=True)
            )
            values = drifts.record_all(part.nodes), scores.record_all(part.nodes, drifts.inputs)
            _, *seeds = inward_penalty(part, grid, *values)
            for tape, seed, total in zip((drifts, scores), seeds, sums, strict=True):
                tape.pull((self.flow.config.training.inward * seed).flatten(0, 1))
                total.add(tape.collect(), part.nodes)
        return [*_no_loss(grid), *sums[0].tensors, *sums[1].tensors]


def _no_loss(grid: TimeGrid) -> Sums:
    """What no points add to the bound, to the contributions of the steps (N,) and to the penalty on bent paths."""
    return [grid.t.new_zeros(()), grid.t.new_zeros(grid.steps), grid.t.new_zeros(())]


def _zeros(drift: FieldKernel, score: FieldKernel, grid: TimeGrid) -> Sums:
    """The sums over no points."""
    return [*_no_loss(grid), *drift.zero_gradients().tensors, *score.zero_gradients().tensors]


def block_slices(count: int, device: torch.device, sizes: BlockSizes, ranks: int = 1) -> list[slice]:
    """Where blocks of points begin and end; a function of the batch and the network's `sizes` alone, so results do
    not depend on the number of threads or ranks. On a GPU each rank has one block, so that no kernel is smaller than
    it need be."""
    if device.type != "cpu":
        return equal_slices(count, min(count, ranks))
    return equal_slices(count, min(math.ceil(count / sizes.block), sizes.blocks))


# Each thread has a grad mode of its own
@torch.no_grad()
def _block(
    kernels: tuple[FieldKernel, FieldKernel],
    grid: TimeGrid,
    bend: Tensor | None,
    x0: Tensor,
    noise: Tensor,
    memory: TapeMemory,
    pool: BlockPool,
    rows: slice,
) -> Sums:
    """What the points `rows` of the batch x0 (B, D) add to the bound, and its gradients by drift and score."""
    drift, score = kernels
    sums = drift.zero_gradients(), score.zero_gradients()
    parts = []
    for part in _parts(rows, _most(kernels)):
        pool.check()
        points = x0[part], noise[:, part], len(x0)
        parts.append(AdjointPass(drift, score, grid, *points, memory, sums, pool, bend).run())
    values = (torch.stack(values).sum(0) for values in zip(*parts, strict=True))
    return [*values, *sums[0].tensors, *sums[1].tensors]


def _whole(
    flow: DiffFlow,
    hidden: torch.dtype,
    alike: bool,
    x0: Tensor,
    noise: Tensor,
    t: Tensor,
    g: Tensor,
    condition: Tensor,
    fitted: Tensor | None,
    bend: Tensor | None,
    *embeddings: Tensor,
) -> Sums:
    """`_block` of a whole batch as it is captured, of tensors alone: kernels, tapes and pool are its own."""
    grid = TimeGrid(t, g, condition, fitted)
    kernels = flow.kernels(grid, embeddings, hidden, alike)
    return _block(kernels, grid, bend, x0, noise, TapeMemory(), BlockPool(1), slice(0, len(x0)))


def _most(kernels: tuple[FieldKernel, FieldKernel]) -> int:
    """Points that go there and back at once."""
    return min(kernel.sizes.kept for kernel in kernels)


def _parts(rows: slice, most: int) -> list[slice]:
    """A block in parts of at most so many points, which go there and back one after the other."""
    return [slice(start, min(start + most, rows.stop)) for start in range(rows.start, rows.stop, most)]
