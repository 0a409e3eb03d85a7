"""One training step, the bound and its gradients, by the batch and the type of the hidden layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from dnf_studio.bench import Row, less
from dnf_studio.bench.textbook import textbook_step
from dnf_studio.bench.timing import fastest, in_turn, on_threads, plain_works
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.training.adjoint import AdjointEngine


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    batches: tuple[int, ...] = (256, 512, 1024, 2048, 5000)
    rounds: int = 7
    seconds: float = 9.0
    """Time spent on one batch size; a slow machine does fewer rounds."""


FULL = Sizes()
QUICK = Sizes(batches=(512,), rounds=2)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Milliseconds of a step of the default model, N = 30, with as many threads as there are cores."""
    flow = DiffFlow(2)
    with BlockPool(worker_threads()) as pool:
        engines = {str(t).removeprefix("torch."): AdjointEngine(flow, pool, t) for t in (torch.float32, torch.bfloat16)}
        for batch in sizes.batches:
            x0, noise = torch.randn(batch, 2), torch.randn(flow.grid().steps, batch, 2)
            works = plain_works(partial(textbook_step, flow, x0, noise))
            for name, engine in engines.items():
                works[name] = on_threads(1, partial(engine.step, x0, noise))
            taken = in_turn(works, sizes.rounds, sizes.seconds)
            for name in engines:
                yield less(f"training step, batch {batch}, {name}", 1e3 * min(taken[name]), "ms", 1e3 * fastest(taken))
