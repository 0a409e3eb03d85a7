"""The stochastic adjoint (Algorithm 2): exact gradients of the bound in constant activation memory.

A block of points walks forward and keeps only its states x_0 … x_N, drifts and scores; then it
walks back from t_N, where each step needs the local vector-Jacobian products alone:

    λ_j = λ_{j+1} + J_f(x_j)ᵀ (u_j + Δ_j λ_{j+1}) + J_s(x_j)ᵀ v_j,   λ_{N+1} = 0, plus x_N at j = N

with b_i = δB_i (15), u_j = (√Δ_{j−1}/g_j) b_{j−1} − (√Δ_j/g_{j+1}) b_j and v_j = −g_j √Δ_{j−1} b_{j−1}.
(The algorithm as printed counts the term of its line 2 again in its loop; here it counts once.)

What makes it fast: f(x_{i+1}) serves δB_i and the next step; the scores do not depend on λ, so
they run in chunks over time; the time embeddings are those of nodes, not of points; blocks of
points stay in cache, one thread a block, their gradients added in a fixed order. The evaluations
of the last nodes are kept from the walk forward, those before are made again. How a network is
evaluated and pulled back, and how much of it is kept at once, is its `FieldKernel`'s matter.
"""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.field_kernel import AnyGradients, AnyKernel, AnyTape, make_kernel
from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.kernels import BLOCK_ROWS, FEWEST_ROWS
from dnf_studio.core.models.room import Room
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.sde.flexible import draw_grid
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import forward_step, path_backward_noise
from dnf_studio.core.training.engine import BatchLoss

__all__ = ["AdjointEngine", "assign_gradients", "block_slices"]

TAPED_NODES = 32
EMBEDDED_NODES = 64


@dataclass(frozen=True)
class _BlockResult:
    bound: Tensor
    disagreement: Tensor
    drift: AnyGradients
    score: AnyGradients


class _Workspace(threading.local):
    """The tapes of one thread, kept between steps."""

    drift: AnyTape = None
    score: AnyTape = None


class AdjointEngine:
    """Computes training steps of one model on the threads of `pool`.

    `hidden` is the type of the hidden layers.
    """

    def __init__(self, flow: DiffFlow, pool: BlockPool, hidden: torch.dtype = torch.float32) -> None:
        self.flow, self.pool, self.hidden = flow, pool, hidden
        self._workspace = _Workspace()

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """As `Engine`: the mean bound of METHOD 2, nats, with forward noise and a flexible grid from `generator`."""
        noise, grid = torch.randn((steps, *x0.shape), generator=generator), self.flow.grid(steps)
        if self.flow.config.training.flexible_grid:
            grid = draw_grid(self.flow.config.sde, generator, steps).to(self.flow.timestamps)
        return self.step(x0, noise.to(x0.device), grid)

    def step(self, x0: Tensor, noise: Tensor, grid: TimeGrid | None = None) -> BatchLoss:
        """The mean bound of x0 (B, D) with noise (N, B, D), its gradients put into the parameters.

        `grid` is the model's own unless given. Equal to autograd through the textbook loop up to rounding.
        """
        flow, grid = self.flow, grid or self.flow.grid()
        flow.zero_grad(set_to_none=True)
        with single_threaded_kernels(), torch.no_grad():
            drift, score = (self._kernel(network, grid.condition) for network in (flow.drift, flow.score))

            # Each thread has a grad mode of its own
            @torch.no_grad()
            def run(rows: slice) -> _BlockResult:
                sums = drift.zero_gradients(), score.zero_gradients()
                parts = []
                for part in _parts(rows, min(drift.room.kept, score.room.kept)):
                    self.pool.check()
                    own = _Part(drift, score, grid, x0[part], noise[:, part], len(x0), self._workspace, sums)
                    parts.append(own.run())
                bounds, disagreements = (torch.stack(values).sum(0) for values in zip(*parts, strict=True))
                return _BlockResult(bounds, disagreements, *sums)

            results = self.pool.map(run, block_slices(len(x0), x0.device, drift.room))
            assign_gradients(flow.drift, drift, [r.drift for r in results], grid.condition)
            assign_gradients(flow.score, score, [r.score for r in results], grid.condition)
            constant = 0.5 * flow.dim * math.log(2 * math.pi) + flow.dim * torch.log(grid.g[-1] / grid.g[0])
            value = sum((r.bound for r in results), start=constant)
            return BatchLoss(value, torch.stack([r.disagreement for r in results]).sum(0))

    def _kernel(self, network: FieldNetwork, condition: Tensor) -> AnyKernel:
        embeddings = torch.cat([network.embed_time(t) for t in torch.split(condition, EMBEDDED_NODES)])
        return make_kernel(network, embeddings, self.hidden)


def block_slices(count: int, device: torch.device, room: Room | None = None) -> list[slice]:
    """Where blocks of points begin and end; a function of the batch and the network's `room` alone, so results do
    not depend on the number of threads. An even number of blocks, so that two threads end together."""
    room = room or Room(BLOCK_ROWS, FEWEST_ROWS)
    if device.type != "cpu" or count < room.fewest:
        return [slice(0, count)]
    blocks = min(2 * math.ceil(count / (2 * room.block)), room.blocks)
    edges = [round(k * count / blocks) for k in range(blocks + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _parts(rows: slice, most: int) -> list[slice]:
    """A block in parts of at most so many points, which go there and back one after the other."""
    return [slice(start, min(start + most, rows.stop)) for start in range(rows.start, rows.stop, most)]


class _Part:
    """Some points of a block on their way there and back; the gradients go to the block's `sums`."""

    def __init__(
        self,
        drift: AnyKernel,
        score: AnyKernel,
        grid: TimeGrid,
        x0: Tensor,
        noise: Tensor,
        batch: int,
        workspace: _Workspace,
        sums: tuple[AnyGradients, AnyGradients],
    ) -> None:
        self.drift, self.score, self.grid, self.noise, self.batch = drift, score, grid, noise, batch
        self.workspace, self.sums = workspace, sums
        self.taped = max(1, min(TAPED_NODES, drift.room.kept // len(x0)))
        """Nodes whose evaluations are kept at once."""
        self.states = x0.new_empty((grid.steps + 1, *x0.shape))
        self.states[0] = x0
        self.fields = torch.empty_like(self.states)
        self.disagreement = x0.new_empty(grid.steps)

    def run(self) -> tuple[Tensor, Tensor]:
        """What the points add to the bound and to the disagreement (N,)."""
        tape = self._walk_forward()
        last = self.grid.steps
        adjoint = torch.zeros_like(self.states[0])
        back = torch.zeros_like(adjoint)
        for stop in range(last + 1, 0, -self.taped):
            segment = slice(max(0, stop - self.taped), stop)
            if stop <= last:
                tape = self._open_drift(segment)
                self.drift.record_each(tape, segment)
            adjoint, back = self._walk_back(segment, tape, adjoint, back)
            self.drift.collect(tape, segment, self.sums[0])
        bound = 0.5 * self.states[-1].square().sum() / self.batch + self.disagreement.sum()
        return bound, self.disagreement

    def _open_drift(self, nodes: slice) -> AnyTape:
        tape = self.workspace.drift = self.drift.open(self.states[nodes], self.workspace.drift)
        return tape

    def _walk_forward(self) -> AnyTape:
        """Fill states and drifts; returns the tape of the last nodes."""
        grid, dt = self.grid, self.grid.dt
        first = max(0, grid.steps + 1 - self.taped)
        tape = self._open_drift(slice(first, grid.steps + 1))
        nodes = tape.nodes()
        for j in range(grid.steps + 1):
            x = self.states[j]
            self.fields[j] = self.drift.value(x, j) if j < first else self.drift.record(nodes[j - first], j)
            if j < grid.steps:
                self.states[j + 1] = forward_step(x, self.fields[j], dt[j], grid.g[j], self.noise[j])
        return tape

    def _scores(self, steps: slice) -> tuple[Tensor, Tensor]:
        """δB_i and J_s(x_{i+1})ᵀ v_{i+1} of `steps` i, (K, R, D) each, in chunks over time."""
        grid = self.grid
        back = torch.empty_like(self.states[steps])
        pulls = torch.empty_like(back)
        width = max(1, self.score.room.chunk // back.shape[1])
        for start in range(steps.start, steps.stop, width):
            now = slice(start, min(start + width, steps.stop))
            later, here = slice(now.start + 1, now.stop + 1), slice(now.start - steps.start, now.stop - steps.start)
            dt, g, g_next = (v[:, None, None] for v in (grid.dt[now], grid.g[now], grid.g[later]))
            tape = self.workspace.score = self.score.open(self.states[later], self.workspace.score)
            s = self.score.record_all(tape, later)
            b = path_backward_noise(self.fields[now], self.fields[later], s, self.noise[now], dt, g, g_next)
            difference = b.square().sum((1, 2)) - self.noise[now].square().sum((1, 2))
            self.disagreement[now] = 0.5 * difference / self.batch
            back[here] = b
            seed = b * (-g_next * dt.sqrt() / self.batch)
            pulls[here] = self.score.pull(tape.all, seed.flatten(0, 1)).view_as(b)
            self.score.collect(tape, later, self.sums[1])
        return back, pulls

    def _walk_back(self, segment: slice, tape: AnyTape, adjoint: Tensor, back: Tensor) -> tuple[Tensor, Tensor]:
        """The recursion of λ over the nodes of `segment`, from λ and δB at the node after it.

        Returns λ and δB (of the step before) at its first node.
        """
        grid, dt, last = self.grid, self.grid.dt, self.grid.steps
        weight = dt.sqrt() / grid.g[1:] / self.batch
        first_step = max(0, segment.start - 1)
        noises, pulls = self._scores(slice(first_step, segment.stop - 1))
        nodes = tape.nodes()
        for j in range(segment.stop - 1, segment.start - 1, -1):
            seed = adjoint * dt[j] - back * weight[j] if j < last else torch.zeros_like(adjoint)
            if j > 0:
                back = noises[j - 1 - first_step]
                seed += back * weight[j - 1]
                adjoint = adjoint + pulls[j - 1 - first_step]
            adjoint = adjoint + self.drift.pull(nodes[j - segment.start], seed)
            if j == last:
                adjoint += self.states[last] / self.batch
        return adjoint, back


def assign_gradients(network: FieldNetwork, kernel: AnyKernel, blocks: list[AnyGradients], condition: Tensor) -> None:
    """Put the sum of the blocks' gradients, as `kernel` keeps them, into the parameters."""
    nodes = kernel.assign(network, blocks)
    # The embeddings are made again in chunks, so that their activations do not grow with N
    with torch.enable_grad():
        chunks = (torch.split(values, EMBEDDED_NODES) for values in (condition, nodes))
        for times, grad in zip(*chunks, strict=True):
            # Of a number: with a gradient given, torch imports sympy (0.4 s) to compare the shapes
            torch.autograd.backward(torch.sum(network.embed_time(times) * grad))
