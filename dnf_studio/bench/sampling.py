"""Drawing samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dnf_studio.bench import Row, more
from dnf_studio.bench.textbook import textbook_sample
from dnf_studio.bench.timing import fastest, in_turn, plain_works
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    points: int = 32_768
    rounds: int = 4
    seconds: float = 20.0


FULL = Sizes()
QUICK = Sizes(points=4096, rounds=1)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Points a second of the default model, N = 30."""
    flow = DiffFlow(2)
    generator = torch.Generator().manual_seed(0)

    def plain() -> None:
        textbook_sample(flow, torch.randn(sizes.points, 2, generator=generator), generator)

    def ours() -> None:
        for _ in sample_blocks(flow, sizes.points, SampleSettings()):
            pass

    taken = in_turn({**plain_works(plain), "ours": ours}, sizes.rounds, sizes.seconds)
    rate, reference = (sizes.points / seconds for seconds in (min(taken["ours"]), fastest(taken)))
    yield more(f"sampling {sizes.points:,} points, N = 30", rate, "points/s", reference)
