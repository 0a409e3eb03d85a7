"""The forward and the backward pass of a block of points, for the stochastic adjoint: the recursion of `adjoint`.

The nodes are parted into segments. The scores of a segment do not depend on λ, and nothing waits for the
sums over its points of the parameters' gradients: both are left for idle threads, while one goes on. The
evaluations of the drift in the last segments are kept from the forward pass, those before are made again.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dnf_studio.core.networks.base import FieldKernel, Gradients, Tape
from dnf_studio.core.parallel import BlockPool, Deferred
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import forward_step, path_backward_noise

TAPED_NODES = 32


@dataclass(frozen=True)
class Scores:
    """Values and gradients of the scores at the nodes of a segment give, (K, R, D) each."""

    nodes: slice
    """The nodes, without the data's own where no score is asked for."""
    noise: Tensor
    """δB_i of the steps that end at the nodes."""
    pull: Tensor
    """J_s(x_{i+1})ᵀ v_{i+1}"""
    gradients: Gradients | None
    """None for the data's own node alone."""


class TapeMemory(threading.local):
    """The memory of one thread's tapes, kept between steps."""

    def __init__(self) -> None:
        self.drifts: list[list[Tensor]] = []
        self.score: list[Tensor] = []
        self.outside: tuple[list[Tensor], list[Tensor]] = [], []


class AdjointPass:
    """Carries some points of a block forward and their adjoint back; gradients of drift and score go to `sums`."""

    def __init__(
        self,
        drift: FieldKernel,
        score: FieldKernel,
        grid: TimeGrid,
        x0: Tensor,
        noise: Tensor,
        batch: int,
        memory: TapeMemory,
        sums: tuple[Gradients, Gradients],
        pool: BlockPool,
        bend: Tensor | None = None,
    ) -> None:
        self.drift, self.score, self.grid, self.noise, self.batch = drift, score, grid, noise, batch
        self.memory, self.sums, self.pool = memory, sums, pool
        taped = max(1, min(TAPED_NODES, drift.sizes.kept // len(x0)))
        width = min(taped, max(score.sizes.chunk_nodes, score.sizes.chunk // len(x0)))
        stops = range(grid.steps + 1, 0, -width)
        self.segments = [slice(max(0, stop - width), stop) for stop in stops]
        """Slices of the grid's nodes, the last one first."""
        self.kept = math.ceil(taped / width)
        """Segments whose evaluations are kept at once."""
        self.states = x0.new_empty((grid.steps + 1, *x0.shape))
        self.states[0] = x0
        self.fields = torch.empty_like(self.states)
        self.contributions = x0.new_zeros(grid.steps)
        self.ratio = grid.ratio
        self.weight = grid.dt.sqrt() / grid.g[1:] / self.ratio / batch
        """√Δ_j / (r_j g_{j+1}), as the mean needs it."""
        self.bend = None if bend is None else 2 * bend / batch
        """Weight of f_{j+1} − f_j in the gradient of a penalty on its square, (N,); None without one."""
        self.drifts: dict[int, Tape] = {}
        """Tapes of the drift, by the number of their segment modulo `kept`."""
        self.scores: dict[int, Deferred[Scores]] = {}
        self.collected: dict[int, Deferred[Gradients]] = {}
        """Gradients of the drift by the number of the segment; removed once added up, to use their memory again."""

    def run(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the points add to the bound, to the contributions of the steps (N,) and to the penalty on bent paths."""
        try:
            self._forward()
            self._backward()
        finally:
            for scores in self.scores.values():
                scores.drop()
            for collected in self.collected.values():
                collected.drop()
        bound = 0.5 * self.states[-1].square().sum() / self.batch + self.contributions.sum()
        return bound, self.contributions, self._bent()

    def _bent(self) -> Tensor:
        """The penalty on how the drift changes over the steps, 0 without one."""
        if self.bend is None:
            return self.contributions.new_zeros(())
        return 0.5 * (self.fields.diff(dim=0).square().sum((1, 2)) * self.bend).sum()

    def _open_drift(self, number: int) -> Tape:
        """A tape for the segment of that number, in the place of the one that is no longer needed."""
        memory, place = self.memory.drifts, number % self.kept
        memory.extend([] for _ in range(place + 1 - len(memory)))
        self.drifts[place] = tape = self.drift.open(self.states[self.segments[number]], memory[place])
        return tape

    def _forward(self) -> None:
        """Fill states and drifts; the last segments are recorded and their scores ordered."""
        grid, dt = self.grid, self.grid.dt
        for number in reversed(range(len(self.segments))):
            self.pool.check()
            segment = self.segments[number]
            tape = self._open_drift(number) if number < self.kept else None
            nodes = tape.nodes() if tape else None
            for j in range(segment.start, segment.stop):
                x = self.states[j]
                self.fields[j] = nodes[j - segment.start].record(j) if nodes else self.drift.value(x, j)
                if j < grid.steps:
                    self.states[j + 1] = forward_step(x, self.fields[j], dt[j], grid.g[j], self.noise[j])
            if tape:
                self._order_scores(number, tape)

    def _backward(self) -> None:
        """The recursion of λ through all segments, the last one first."""
        adjoint = torch.zeros_like(self.states[0])
        noise = torch.zeros_like(adjoint)
        for number, segment in enumerate(self.segments):
            self.pool.check()
            if number >= self.kept:
                self._add_collected(number - self.kept)
                tape = self._open_drift(number)
                tape.record_each(segment)
            else:
                tape = self.drifts[number]
            if number + self.kept < len(self.segments):
                self._order_scores(number + self.kept, None)
            scores = self.pool.result(self.scores.pop(number))
            if scores.gradients is not None:
                self.sums[1].add(scores.gradients, scores.nodes)
            adjoint, noise = self._backward_through(segment, tape, scores, adjoint, noise)
            self.collected[number] = self.pool.later(partial(self._collect, tape), urgent=False)
            self._add_collected(-1)
        for collected in reversed(self.collected.values()):
            collected.run()
        self._add_collected(len(self.segments))

    def _order_scores(self, number: int, tape: Tape | None) -> None:
        """`tape` has the drift there, or is None where it has yet to be recorded again."""
        self.scores[number] = self.pool.later(partial(self._segment_scores, self.segments[number], tape))

    @torch.no_grad()
    def _collect(self, tape: Tape) -> Gradients:
        return tape.collect()

    def _add_collected(self, last: int) -> None:
        """Add the drift's gradients in the order of the segments: to the `last` one at least, and what else is done."""
        for number in list(self.collected):
            if number > last and not self.collected[number].done:
                return
            self.sums[0].add(self.collected.pop(number).result(), self.segments[number])

    # Another thread has a grad mode of its own
    @torch.no_grad()
    def _segment_scores(self, segment: slice, drifts: Tape | None) -> Scores:
        self.pool.check()
        grid, nodes = self.grid, slice(max(1, segment.start), segment.stop)
        steps = slice(nodes.start - 1, nodes.stop - 1)
        if nodes.start == nodes.stop:
            return Scores(nodes, self.fields[steps], self.fields[steps], None)
        ends = grid.dt[steps], grid.g[steps], grid.g[nodes], self.ratio[steps]
        dt, g, g_next, ratio = (v[:, None, None] for v in ends)
        tape = self.score.open(self.states[nodes], self.memory.score)
        s = tape.record_all(nodes, None if drifts is None else drifts.inputs)
        b = path_backward_noise(self.fields[steps], self.fields[nodes], s, self.noise[steps], dt, g, g_next, ratio)
        difference = b.square().sum((1, 2)) - self.noise[steps].square().sum((1, 2))
        self.contributions[steps] = 0.5 * difference / self.batch
        seed = b * (-g_next * dt.sqrt() / ratio / self.batch)
        pull = tape.pull(seed.flatten(0, 1)).view_as(b)
        return Scores(nodes, b, pull, tape.collect())

    def _backward_through(
        self, segment: slice, tape: Tape, scores: Scores, adjoint: Tensor, noise: Tensor
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
            if self.bend is not None:
                self._add_bend(seed, self.bend, j)
            adjoint = adjoint + nodes[j - segment.start].pull(seed)
            if j == last:
                adjoint += self.states[last] / self.batch
        return adjoint, noise

    def _add_bend(self, seed: Tensor, bend: Tensor, j: int) -> None:
        """To the gradient `seed` by f_j that of the penalty on how the drift changes over the steps at node j."""
        if j > 0:
            seed += (self.fields[j] - self.fields[j - 1]) * bend[j - 1]
        if j < self.grid.steps:
            seed -= (self.fields[j + 1] - self.fields[j]) * bend[j]
