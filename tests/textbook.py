"""The plain loop of the paper, as one would first write it: what every engine must equal.

Autograd goes through everything and the drift is evaluated twice at each inner node, once for the
implied noise (15) and once for the next step (11). It is also the reference of the speed ratios.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow


def textbook_bound(flow: DiffFlow, x0: Tensor, noise: Tensor) -> Tensor:
    """The bound of METHOD 2 for each point, (B,), nats, by equations 11, 12 and 15 as printed."""
    t, g, c = flow.timestamps, flow.diffusion, flow.condition
    x = x0
    total = torch.zeros_like(x0[:, 0])
    for i in range(len(t) - 1):
        dt = t[i + 1] - t[i]
        x_next = x + flow.drift(x, c[i]) * dt + g[i] * dt.sqrt() * noise[i]
        velocity = flow.drift(x_next, c[i + 1]) - g[i + 1] ** 2 * flow.score(x_next, c[i + 1])
        back = (x - x_next + velocity * dt) / (g[i + 1] * dt.sqrt())
        total = total + 0.5 * (back.square().sum(1) - noise[i].square().sum(1))
        x = x_next
    prior = 0.5 * x.square().sum(1) + 0.5 * flow.dim * math.log(2 * math.pi)
    return prior + total + flow.dim * torch.log(g[-1] / g[0])


def textbook_step(flow: DiffFlow, x0: Tensor, noise: Tensor) -> Tensor:
    """One training step's mean bound, its gradients left in the parameters."""
    flow.zero_grad(set_to_none=True)
    loss = textbook_bound(flow, x0, noise).mean()
    loss.backward()
    return loss.detach()


@torch.no_grad()
def textbook_sample(flow: DiffFlow, z: Tensor, generator: torch.Generator) -> Tensor:
    """One batch through the backward chain (12), model units, the last step's mean."""
    t, g, c = flow.timestamps, flow.diffusion, flow.condition
    x = z
    for i in range(len(t) - 1, 0, -1):
        dt = t[i] - t[i - 1]
        x = x - (flow.drift(x, c[i]) - g[i] ** 2 * flow.score(x, c[i])) * dt
        if i > 1:
            x = x + g[i] * dt.sqrt() * torch.randn(x.shape, generator=generator)
    return x
