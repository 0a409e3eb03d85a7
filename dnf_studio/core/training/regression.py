"""Training by regression: a network is fitted to values that are known at points and times, by the fast kernels.

Denoising score matching (Ho et al. 2020, equation 14; Song et al. 2021, equation 7) and conditional flow matching
(Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, arXiv:2210.02747, equation 23 with σ_min = 0) of
independent pairs of data and noise or of coupled ones (Tong et al., "Improving and Generalizing Flow-Based Generative
Models with Minibatch Optimal Transport", TMLR 2024, arXiv:2302.00482, equations 14 and 15 with σ = 0, and 17). Times
are those of the model's grid, between its nodes too.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.networks.base import BlockSizes, FieldKernel, FieldNetwork, Gradients
from dnf_studio.core.networks.build import make_kernel
from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.sde.grid import between_nodes, levels_at
from dnf_studio.core.training.block_sums import Sums, sum_blocks
from dnf_studio.core.training.captured import Captured
from dnf_studio.core.training.diagnosis import TermName
from dnf_studio.core.training.gradients import BatchLoss, TrainedNetwork, assign_gradients, embed_times
from dnf_studio.core.training.terms import Term, regression_terms

Model = TypeVar("Model", bound=GenerativeModel)
SHARED = 16
BLOCK_ROWS = 1024
"""Rows of a block: a layer of 181 channels takes 724 KiB in float32."""
COUPLED_ROWS = 128
"""Points that are paired together: the time of an assignment grows as their cube."""


class RegressionEngine(ABC, Generic[Model]):
    """Computes training steps of one network that is fitted, on the threads of `pool`.

    `hidden` is the type of its layers; the data's `box` is of no use here.
    """

    words: ClassVar[TermName]
    """What the network says, as a term of the loss is named."""

    def __init__(
        self, model: Model, pool: BlockPool, hidden: torch.dtype = torch.float32, box: Tensor | None = None
    ) -> None:
        self.model, self.pool, self.hidden = model, pool, hidden
        self.captured = Captured(partial(_whole, self.network, hidden), [self.network])

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D), its gradients put into the parameters; N = `steps` changes nothing."""
        return self.step(*self._drawn(x0, generator))

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """See `Engine`."""
        x, noise, t = self._drawn(x0, generator)
        pairs = self._pairs(x, noise, t)
        return regression_terms(self.words, self.network, x, pairs, t, self.model.timestamps, self.hidden)

    def step(self, x0: Tensor, noise: Tensor, t: Tensor) -> BatchLoss:
        """The mean loss of x0 (K, R, D) with `noise` (K, R, D) at the times t (K,), its gradients put in."""
        return fit(self.network, *self._pairs(x0, noise, t), t, self.pool, self.hidden, self.captured)

    @property
    @abstractmethod
    def network(self) -> FieldNetwork:
        """What is fitted."""

    @abstractmethod
    def _pairs(self, x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Where the network is evaluated, (K, R, D), and what it should say there."""

    def _drawn(self, x0: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What `step` takes."""
        t = draw_times(self.model.timestamps, len(x0), generator)
        shape = len(t), -1, x0.shape[1]
        return x0.view(shape), self._noise(x0, generator).to(x0).view(shape), t

    def _noise(self, x0: Tensor, generator: torch.Generator) -> Tensor:
        """Noise (B, D) for x0 (B, D), drawn on the processor."""
        return torch.randn(x0.shape, generator=generator)


class ScoreMatchingEngine(RegressionEngine[Diffusion]):
    """That of a diffusion model, whose loss is E ‖ε̂(a(t) x_0 + σ(t) ε, t) − ε‖² / D.

    It is ε-weighted: 1 for a network that says 0, and not a likelihood. A uniform grid gives times uniform in [t_0, T],
    a quadratic one more of them near the data, where the samplers' steps are.
    """

    words: ClassVar[TermName] = "predicted noise"

    @property
    def network(self) -> FieldNetwork:
        """ε̂."""
        return self.model.noise

    def _pairs(self, x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        signal, sigma = (level[:, None, None] for level in levels_at(self.model.config.sde, t))
        return signal * x0 + sigma * noise, noise


class FlowMatchingEngine(RegressionEngine[Matching]):
    """That of flow matching, whose loss is E ‖v(x_t, t) − (x_0 − z)‖² / D at x_t = (1 − t) x_0 + t z for noise z.

    It is 2 for a network that says 0, above 0 for the best one, and not a likelihood. A uniform grid gives times
    uniform in [0, 1].
    """

    words: ClassVar[TermName] = "velocity"

    @property
    def network(self) -> FieldNetwork:
        """v."""
        return self.model.vector_field

    def _pairs(self, x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.lerp(x0, noise, t[:, None, None]), x0 - noise

    def _noise(self, x0: Tensor, generator: torch.Generator) -> Tensor:
        noise = super()._noise(x0, generator)
        if not self.model.coupled:
            return noise
        parts = zip(torch.split(x0.cpu(), COUPLED_ROWS), torch.split(noise, COUPLED_ROWS), strict=True)
        return torch.cat(self.pool.map(lambda pair: transported(*pair), list(parts)))


def transported(x0: Tensor, noise: Tensor) -> Tensor:
    """The rows of `noise` (B, D) in the order in which Σ ‖x0_i − noise_i‖² is least, exactly, for x0 (B, D).

    Each is used once, so that data and noise stay what they are.
    """
    from scipy.optimize import linear_sum_assignment

    _, order = linear_sum_assignment(torch.cdist(x0.double(), noise.double()).square().numpy())
    return noise[torch.from_numpy(order)]


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
    network: FieldNetwork,
    x: Tensor,
    target: Tensor,
    t: Tensor,
    pool: BlockPool,
    hidden: torch.dtype,
    captured: Captured,
) -> BatchLoss:
    """The mean squared error of `network` at x (K, R, D) and the times t (K,), its gradients put into the parameters.

    What it should be is `target` (K, R, D); `hidden` is the type of its layers. `captured` computes it where that is
    to be.
    """
    network.zero_grad(set_to_none=True)
    with single_threaded_kernels(), torch.no_grad():
        embeddings = embed_times(network, t)
        kernel = make_kernel(network, embeddings, hidden)
        blocks = _blocks(x, kernel.sizes, pool.ranks.count)
        run: Callable[[slice], Sums] = partial(_block, kernel, x, target)
        if len(blocks) == 1 and captured.serves(x.device, pool):
            run = captured.block(pool, None, x, target, embeddings)
        loss, embedding, *parameters = sum_blocks(
            pool, run, blocks, lambda: [x.new_zeros(()), *kernel.zero_gradients().tensors]
        )
        assign_gradients(TrainedNetwork(kernel, embeddings, Gradients(embedding, parameters)))
        return BatchLoss(loss, x.new_empty(0))


@torch.no_grad()
def _block(kernel: FieldKernel, x: Tensor, target: Tensor, nodes: slice) -> Sums:
    """What the times `nodes` add to the mean loss, and its gradients."""
    tape = kernel.open(x[nodes], [])
    error = tape.record_all(nodes) - target[nodes]
    tape.pull((error * (2 / x.numel())).flatten(0, 1))
    gradients = kernel.zero_gradients()
    gradients.add(tape.collect(), nodes)
    return [error.square().sum() / x.numel(), *gradients.tensors]


def _whole(
    network: FieldNetwork, hidden: torch.dtype, _key: None, x: Tensor, target: Tensor, embeddings: Tensor
) -> Sums:
    """`_block` of all times as it is captured, of tensors alone."""
    return _block(make_kernel(network, embeddings, hidden), x, target, slice(0, len(x)))


def _blocks(x: Tensor, sizes: BlockSizes, ranks: int) -> list[slice]:
    """Times computed together; a function of batch and network alone, so results do not depend on the number of
    threads or ranks. On a GPU a rank has one block where memory lets it."""
    count, each = x.shape[:2]
    rows = min(BLOCK_ROWS if x.device.type == "cpu" else math.ceil(count / ranks) * each, sizes.kept)
    width = max(1, rows // each)
    return [slice(k, min(k + width, count)) for k in range(0, count, width)]
