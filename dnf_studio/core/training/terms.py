"""The terms of a loss by step and point, evaluated once more as training did, for whoever looks for what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.models.flow import Flow
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import network_field
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, minus_log_prior
from dnf_studio.core.sde.steps import forward_step, split_backward_noise
from dnf_studio.core.training.diagnosis import TermName

POINTS = 256
"""Points that are evaluated together."""


class Term(NamedTuple):
    """What one term is at one step for some points of the batch."""

    name: TermName
    step: int
    """1 next to the data … N; 0 for the data itself."""
    time: float
    """t at the end of the step."""
    share: Tensor
    """(R,), nats or squared errors: not finite as soon as the term is not."""
    first: int
    """The row of the batch that the first of these points has."""
    adds: bool = True
    """Whether the loss is a sum of such shares, and not of what follows from them."""


def path_terms(fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, noise: Tensor) -> Iterator[Term]:
    """The terms of the bound on forward paths of x0 (B, D) with `noise` (N, B, D), by drift and score `fields`.

    Of each step come the three parts of δB_i (`NoiseParts`), drift first, as ½‖·‖², and after the last the prior.
    """
    drift, score = fields
    for start in range(0, len(x0), POINTS):
        x = x0[start : start + POINTS]
        yield Term("data", 0, float(grid.t[0]), _half_square(x), start, adds=False)
        f = drift(0, x)
        for i in range(grid.steps):
            dt, g, end, forward = grid.dt[i], grid.g[i], float(grid.t[i + 1]), noise[i, start : start + POINTS]
            x = forward_step(x, f, dt, g, forward)
            f, before = drift(i + 1, x), f
            parts = split_backward_noise(before, f, score(i + 1, x), forward, dt, g, grid.g[i + 1])
            yield Term("drift", i + 1, end, _half_square(parts.drift), start)
            yield Term("score", i + 1, end, _half_square(parts.score), start)
            yield Term("noise", i + 1, end, _half_square(parts.noise), start)
        yield Term("prior", grid.steps, float(grid.t[-1]), minus_log_prior(x), start)


def regression_terms(
    name: TermName,
    network: FieldNetwork,
    x0: Tensor,
    pairs: tuple[Tensor, Tensor],
    t: Tensor,
    nodes: Tensor,
    hidden: torch.dtype | None = None,
) -> Iterator[Term]:
    """The squared errors of `network` at the times t (K,): `pairs` are where it is asked and what it should say.

    Each is (K, R, D), as x0 is; the step of a time is the one of the `nodes` (N+1,) that it lies in.
    """
    field, (x, target) = network_field(network, t, hidden), pairs
    steps = torch.searchsorted(nodes.contiguous(), t.contiguous()).clamp(1, len(nodes) - 1).tolist()
    for k, (step, time) in enumerate(zip(steps, t.tolist(), strict=True)):
        first = k * x.shape[1]
        yield Term("data", 0, time, _half_square(x0[k]), first, adds=False)
        yield Term(name, step, time, (field(k, x[k]) - target[k]).square().mean(-1), first)


def flow_terms(model: Flow, grid: TimeGrid, x0: Tensor, probes: Tensor | None) -> Iterator[Term]:
    """What the steps of a flow do to x0 (B, D), and the terms of −log p: the changes of volume, and the prior."""
    for start in range(0, len(x0), POINTS):
        rows = slice(start, start + POINTS)
        states = model.encoder(grid)(x0[rows], lambda _: x0)
        x, some = next(states), None if probes is None else probes[rows]
        yield Term("data", 0, float(grid.t[0]), _half_square(x), start, adds=False)
        for i, after in enumerate(states):
            step, end = slice(i, i + 2), float(grid.t[i + 1])
            yield Term("drift", i + 1, end, _half_square(after), start, adds=False)
            alone = model.nll(x, TimeGrid(grid.t[step], grid.g[step], grid.condition[step]), some)
            yield Term("change of volume", i + 1, end, alone - minus_log_prior(after), start)
            x = after
        yield Term("prior", grid.steps, float(grid.t[-1]), minus_log_prior(x), start)


def _half_square(x: Tensor) -> Tensor:
    """½‖x‖² (R,) of rows (R, D)."""
    return 0.5 * x.float().square().sum(-1)
