"""The stochastic adjoint (Algorithm 2): exact gradients of the bound in constant activation memory.

A block of points walks forward and keeps only its states x_0 … x_N, drifts and scores; then it
walks back from t_N, where each step needs the local vector-Jacobian products alone:

    λ_j = λ_{j+1} + J_f(x_j)ᵀ (u_j + Δ_j λ_{j+1}) + J_s(x_j)ᵀ v_j,   λ_{N+1} = 0, plus x_N at j = N

with b_i = δB_i (15), u_j = (√Δ_{j−1}/g_j) b_{j−1} − (√Δ_j/g_{j+1}) b_j and v_j = −g_j √Δ_{j−1} b_{j−1}.
(The algorithm as printed counts the term of its line 2 again in its loop; here it counts once.)

What makes it fast: f(x_{i+1}) serves δB_i and the next step; the time embeddings are those of
nodes, not of points; blocks of points stay in cache. The nodes of a block are parted into
segments. The scores of a segment do not depend on λ, nor does anything on the sums over its
points of the parameters' gradients: both are left for idle threads, while one walks on. All sums
are added in a fixed order. The evaluations of the last segments are kept from the walk forward,
those before are made again. How a network is evaluated and pulled back, and how much of it is
kept at once, is its `FieldKernel`'s matter.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.field_kernel import AnyGradients, AnyKernel, AnyTape, make_kernel
from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.room import Room
from dnf_studio.core.parallel import BlockPool, Later, equal_slices, single_threaded_kernels
from dnf_studio.core.sde.flexible import draw_grid
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import forward_step, path_backward_noise
from dnf_studio.core.training.engine import BatchLoss
from dnf_studio.core.training.inward import Outside, draw_outside, inward_penalty

__all__ = ["AdjointEngine", "assign_gradients", "block_slices"]

TAPED_NODES = 32
EMBEDDED_NODES = 64


@dataclass(frozen=True)
class _BlockResult:
    bound: Tensor
    disagreement: Tensor
    drift: AnyGradients
    score: AnyGradients


@dataclass(frozen=True)
class _Scores:
    """What the scores at the nodes of a segment give, (K, R, D) each."""

    nodes: slice
    """Without the data's own, where no score is asked for."""
    noise: Tensor
    """δB_i of the steps that end at the nodes."""
    pull: Tensor
    """J_s(x_{i+1})ᵀ v_{i+1}"""
    gradients: AnyGradients


class _Workspace(threading.local):
    """The tapes of one thread, kept between steps."""

    def __init__(self) -> None:
        self.drifts: list[AnyTape] = []
        self.score: AnyTape = None
        self.outside: tuple[AnyTape, AnyTape] = None, None


class AdjointEngine:
    """Computes training steps of one model on the threads of `pool`.

    `hidden` is the type of the hidden layers. `box` (2, D) is that of the data, beyond which the backward process
    is to go inward; None leaves that to chance.
    """

    def __init__(
        self, flow: DiffFlow, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.flow, self.pool, self.hidden, self.box = flow, pool, hidden, box
        self._workspace = _Workspace()

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """As `Engine`: the mean bound of METHOD 2, nats, with forward noise and a flexible grid from `generator`."""
        noise, grid = torch.randn((steps, *x0.shape), generator=generator), self.flow.grid(steps)
        if self.flow.config.training.flexible_grid:
            grid = draw_grid(self.flow.config.sde, generator, steps).to(self.flow.timestamps)
        outside = None
        if self.box is not None and self.flow.config.training.inward:
            outside = draw_outside(self.box, grid, generator)
        return self.step(x0, noise.to(x0.device), grid, outside)

    def step(
        self, x0: Tensor, noise: Tensor, grid: TimeGrid | None = None, outside: Outside | None = None
    ) -> BatchLoss:
        """The mean bound of x0 (B, D) with noise (N, B, D), its gradients put into the parameters.

        `grid` is the model's own unless given. Equal to autograd through the textbook loop up to rounding, but that
        the gradients are those of the bound and of the penalty of the points `outside`, as the settings weigh it.
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
                    own = _Part(drift, score, grid, x0[part], noise[:, part], len(x0), self._workspace, sums, self.pool)
                    parts.append(own.run())
                bounds, disagreements = (torch.stack(values).sum(0) for values in zip(*parts, strict=True))
                return _BlockResult(bounds, disagreements, *sums)

            penalty = outside and self.pool.later(partial(self._penalty, drift, score, grid, outside))
            results = self.pool.map(run, block_slices(len(x0), x0.device, drift.room))
            drifts, scores = [r.drift for r in results], [r.score for r in results]
            if penalty:
                for part, kernel, sums in zip(penalty.result(), (drift, score), (drifts[0], scores[0]), strict=True):
                    kernel.add(part, slice(0, grid.steps + 1), sums)
            assign_gradients(flow.drift, drift, drifts, grid.condition)
            assign_gradients(flow.score, score, scores, grid.condition)
            constant = 0.5 * flow.dim * math.log(2 * math.pi) + flow.dim * torch.log(grid.g[-1] / grid.g[0])
            value = sum((r.bound for r in results), start=constant)
            return BatchLoss(value, torch.stack([r.disagreement for r in results]).sum(0))

    @torch.no_grad()
    def _penalty(
        self, drift: AnyKernel, score: AnyKernel, grid: TimeGrid, outside: Outside
    ) -> tuple[AnyGradients, AnyGradients]:
        """The gradients of `inward_penalty`, weighted."""
        kept = self._workspace.outside
        tapes = self._workspace.outside = drift.open(outside.x, kept[0]), score.open(outside.x, kept[1])
        every = slice(0, grid.steps + 1)
        values = drift.record_all(tapes[0], every), score.record_all(tapes[1], every)
        _, *seeds = inward_penalty(outside, grid, *values)
        for kernel, tape, seed in zip((drift, score), tapes, seeds, strict=True):
            kernel.pull(tape.all, (self.flow.config.training.inward * seed).flatten(0, 1))
        return drift.collect(tapes[0]), score.collect(tapes[1])

    def _kernel(self, network: FieldNetwork, condition: Tensor) -> AnyKernel:
        embeddings = torch.cat([network.embed_time(t) for t in torch.split(condition, EMBEDDED_NODES)])
        return make_kernel(network, embeddings, self.hidden)


def block_slices(count: int, device: torch.device, room: Room) -> list[slice]:
    """Where blocks of points begin and end; a function of the batch and the network's `room` alone, so results do
    not depend on the number of threads."""
    return equal_slices(count, min(math.ceil(count / room.block), room.blocks) if device.type == "cpu" else 1)


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
        pool: BlockPool,
    ) -> None:
        self.drift, self.score, self.grid, self.noise, self.batch = drift, score, grid, noise, batch
        self.workspace, self.sums, self.pool = workspace, sums, pool
        taped = max(1, min(TAPED_NODES, drift.room.kept // len(x0)))
        width = min(taped, max(score.room.chunk_nodes, score.room.chunk // len(x0)))
        stops = range(grid.steps + 1, 0, -width)
        self.segments = [slice(max(0, stop - width), stop) for stop in stops]
        """Of the nodes, the last one first."""
        self.kept = taped // width
        """Segments whose evaluations are kept at once."""
        self.states = x0.new_empty((grid.steps + 1, *x0.shape))
        self.states[0] = x0
        self.fields = torch.empty_like(self.states)
        self.disagreement = x0.new_zeros(grid.steps)
        self.weight = grid.dt.sqrt() / grid.g[1:] / batch
        """√Δ_j / g_{j+1}, as the mean needs it."""
        self.scores: dict[int, Later[_Scores]] = {}
        self.collected: dict[int, Later[AnyGradients]] = {}
        """Of the drift, by the number of the segment; what has been added goes, so that its memory serves again."""

    def run(self) -> tuple[Tensor, Tensor]:
        """What the points add to the bound and to the disagreement (N,)."""
        try:
            self._walk_forward()
            self._walk_back()
        finally:
            for work in (*self.scores.values(), *self.collected.values()):
                work.drop()
        bound = 0.5 * self.states[-1].square().sum() / self.batch + self.disagreement.sum()
        return bound, self.disagreement

    def _open_drift(self, number: int) -> AnyTape:
        """A tape for the segment of that number, in the place of the one that is no longer needed."""
        tapes, place = self.workspace.drifts, number % self.kept
        tapes.extend([None] * (place + 1 - len(tapes)))
        tapes[place] = self.drift.open(self.states[self.segments[number]], tapes[place])
        return tapes[place]

    def _walk_forward(self) -> None:
        """Fill states and drifts; the last segments are recorded and their scores ordered."""
        grid, dt = self.grid, self.grid.dt
        for number in reversed(range(len(self.segments))):
            segment = self.segments[number]
            nodes = self._open_drift(number).nodes() if number < self.kept else None
            for j in range(segment.start, segment.stop):
                x = self.states[j]
                self.fields[j] = self.drift.record(nodes[j - segment.start], j) if nodes else self.drift.value(x, j)
                if j < grid.steps:
                    self.states[j + 1] = forward_step(x, self.fields[j], dt[j], grid.g[j], self.noise[j])
            if nodes:
                self._order_scores(number)

    def _walk_back(self) -> None:
        """The recursion of λ through all segments, the last one first."""
        adjoint = torch.zeros_like(self.states[0])
        noise = torch.zeros_like(adjoint)
        for number, segment in enumerate(self.segments):
            if number >= self.kept:
                self._add_collected(number - self.kept)
                tape = self._open_drift(number)
                self.drift.record_each(tape, segment)
            else:
                tape = self.workspace.drifts[number]
            if number + self.kept < len(self.segments):
                self._order_scores(number + self.kept)
            scores = self.pool.result(self.scores.pop(number))
            if len(scores.noise):
                self.score.add(scores.gradients, scores.nodes, self.sums[1])
            adjoint, noise = self._walk_segment(segment, tape, scores, adjoint, noise)
            self.collected[number] = self.pool.later(partial(self._collect, tape), urgent=False)
            self._add_collected(-1)
        for collected in reversed(self.collected.values()):
            collected.run()
        self._add_collected(len(self.segments))

    def _order_scores(self, number: int) -> None:
        self.scores[number] = self.pool.later(partial(self._segment_scores, self.segments[number]))

    @torch.no_grad()
    def _collect(self, tape: AnyTape) -> AnyGradients:
        return self.drift.collect(tape)

    def _add_collected(self, last: int) -> None:
        """Add the drift's gradients in the order of the segments: to the `last` one at least, and what else is done."""
        for number in list(self.collected):
            if number > last and not self.collected[number].done:
                return
            self.drift.add(self.collected.pop(number).result(), self.segments[number], self.sums[0])

    # Another thread has a grad mode of its own
    @torch.no_grad()
    def _segment_scores(self, segment: slice) -> _Scores:
        self.pool.check()
        grid, nodes = self.grid, slice(max(1, segment.start), segment.stop)
        steps = slice(nodes.start - 1, nodes.stop - 1)
        if nodes.start == nodes.stop:
            return _Scores(nodes, self.fields[steps], self.fields[steps], None)
        dt, g, g_next = (v[:, None, None] for v in (grid.dt[steps], grid.g[steps], grid.g[nodes]))
        tape = self.workspace.score = self.score.open(self.states[nodes], self.workspace.score)
        s = self.score.record_all(tape, nodes)
        b = path_backward_noise(self.fields[steps], self.fields[nodes], s, self.noise[steps], dt, g, g_next)
        difference = b.square().sum((1, 2)) - self.noise[steps].square().sum((1, 2))
        self.disagreement[steps] = 0.5 * difference / self.batch
        seed = b * (-g_next * dt.sqrt() / self.batch)
        pull = self.score.pull(tape.all, seed.flatten(0, 1)).view_as(b)
        return _Scores(nodes, b, pull, self.score.collect(tape))

    def _walk_segment(
        self, segment: slice, tape: AnyTape, scores: _Scores, adjoint: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The recursion over the nodes of `segment`, from λ and δB at the node after it.

        Returns λ and δB (of the step before) at its first node.
        """
        last, first, dt = self.grid.steps, scores.nodes.start, self.grid.dt
        nodes = tape.nodes()
        for j in range(segment.stop - 1, segment.start - 1, -1):
            seed = adjoint * dt[j] - noise * self.weight[j] if j < last else torch.zeros_like(adjoint)
            if j > 0:
                noise = scores.noise[j - first]
                seed += noise * self.weight[j - 1]
                adjoint = adjoint + scores.pull[j - first]
            adjoint = adjoint + self.drift.pull(nodes[j - segment.start], seed)
            if j == last:
                adjoint += self.states[last] / self.batch
        return adjoint, noise


def assign_gradients(network: FieldNetwork, kernel: AnyKernel, blocks: list[AnyGradients], condition: Tensor) -> None:
    """Put the sum of the blocks' gradients, as `kernel` keeps them, into the parameters."""
    nodes = kernel.assign(network, blocks)
    # The embeddings are made again in chunks, so that their activations do not grow with N
    with torch.enable_grad():
        chunks = (torch.split(values, EMBEDDED_NODES) for values in (condition, nodes))
        for times, grad in zip(*chunks, strict=True):
            # Of a number: with a gradient given, torch imports sympy (0.4 s) to compare the shapes
            torch.autograd.backward(torch.sum(network.embed_time(times) * grad))
