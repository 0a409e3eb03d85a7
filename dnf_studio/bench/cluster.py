"""How long an iteration takes on 1 to 64 ranks, by a model of time and traffic whose parts can be measured here.

``python -m dnf_studio.bench.cluster`` prints the table for parts that are given; with ``--measure`` it measures those
of one core and of gloo on this machine first. The page ``clusters.md`` of the guide has what is assumed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal

RANKS = (1, 2, 4, 8, 16, 32, 64)
Limit = Literal["compute", "alone", "blocks", "traffic"]
ROUNDS = 10
"""Rounds in which gloo is measured; the quickest counts."""


@dataclass(frozen=True)
class Parts:
    """What an iteration is made of; seconds and bytes."""

    compute: float
    """Seconds of one rank for all blocks of a batch."""
    alone: float
    """Seconds of what every rank does by itself: the random numbers of the whole batch, the optimizer, the averages."""
    size: float
    """Bytes of the gradients of a block."""
    blocks: int = 0
    """Blocks of a batch; 0 where each rank has one, as on a GPU."""
    rate: float = 1e9
    """Bytes a second that a rank sends, and at the same time receives."""
    latency: float = 1e-4
    """Seconds of an exchange of nothing."""
    here: int = 64
    """Ranks on a machine."""
    rate_between: float = 0.0
    """`rate` where ranks are on several machines; 0 where it is the same."""
    latency_between: float = 0.0


@dataclass(frozen=True)
class Predicted:
    """An iteration on so many ranks."""

    ranks: int
    seconds: float
    bytes: float
    """What each rank sends."""
    limit: Limit
    """What most of the loss against as many times the speed is due to; at one rank, what takes longest."""


def predicted(parts: Parts, ranks: int) -> Predicted:
    """An iteration on so many `ranks`.

    Each has a run of ⌈K/R⌉ of the K blocks at most; what a block gives goes out, in parts of 1/R to all others, while
    the next one is computed, and the sums come back to all. Of the last block nothing is computed meanwhile.
    """
    blocks = parts.blocks or ranks
    turns, one = math.ceil(blocks / ranks), parts.compute / blocks
    if ranks == 1:
        limit: Limit = "compute" if parts.compute >= parts.alone else "alone"
        return Predicted(1, parts.compute + parts.alone, 0.0, limit)
    between = ranks > parts.here
    rate = (parts.rate_between or parts.rate) if between else parts.rate
    latency = (parts.latency_between or parts.latency) if between else parts.latency
    sent = parts.size * (ranks - 1) / ranks
    exchange = latency + sent / rate
    computing = turns * one
    seconds = parts.alone + one + (turns - 1) * max(one, exchange) + 2 * exchange
    losses: dict[Limit, float] = {
        "alone": parts.alone * (ranks - 1) / ranks,
        "blocks": computing - parts.compute / ranks,
        "traffic": seconds - parts.alone - computing,
    }
    most: Limit = max(losses, key=lambda name: losses[name])
    ideal = (parts.compute + parts.alone) / ranks
    return Predicted(ranks, seconds, (turns + 1) * sent, most if losses[most] > 0.1 * ideal else "compute")


def table(parts: Parts, ranks: Sequence[int] = RANKS) -> Iterator[str]:
    """The rows of `predicted` for people, with a header."""
    one = predicted(parts, 1).seconds
    yield "| ranks | ms an iteration | times as fast | MB a rank sends | limit |"
    yield "| --- | --- | --- | --- | --- |"
    for count in ranks:
        found = predicted(parts, count)
        gain, sent = one / found.seconds, found.bytes / 1e6
        yield f"| {count} | {1e3 * found.seconds:.3g} | {gain:.1f} | {sent:.2f} | {found.limit} |"


def measured(batch: int = 5000, iterations: int = 2) -> Parts:
    """The parts of the default model on its rings, on one core of this machine, and of gloo between two of its threads.

    Seconds of computing are those of the processor, which other programs hardly change; those of gloo are the best of
    ten, and mean something only where nothing else runs.
    """
    import torch

    from dnf_studio.config import Config
    from dnf_studio.core.data.catalogue import open_configured
    from dnf_studio.core.models.diffflow import DiffFlow
    from dnf_studio.core.training.adjoint import block_slices
    from dnf_studio.core.training.gradients import embed_times
    from dnf_studio.core.training.run import Run

    config = Config.create({"data": "rings", "training": {"batch": batch, "device": "cpu", "precision": "float32"}})
    run = Run(config.changed({"training.iterations": iterations + 1}), open_configured(config), threads=1)
    run.clock = time.thread_time
    seconds = [report.seconds for report in run]
    flow = run.flow
    assert isinstance(flow, DiffFlow)
    whole = min(after - before for before, after in itertools.pairwise(seconds))
    weights = [parameter.detach().clone().requires_grad_() for parameter in flow.parameters()]
    optimizer = torch.optim.Adam(weights)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    began = time.thread_time()
    optimizer.step()
    torch.randn(flow.grid().steps, batch, flow.dim)
    alone = time.thread_time() - began
    # What a block gives: gradients of weights and of embedded times, which each rank pulls back after the sum
    grid = flow.grid()
    with torch.no_grad():
        kernels = flow.kernels(grid, [embed_times(network, grid.condition) for network in flow.parts], torch.float32)
    size = 4.0 * sum(tensor.numel() for kernel in kernels for tensor in kernel.zero_gradients().tensors)
    latency, rate = _gloo(size)
    blocks = len(block_slices(batch, torch.device("cpu"), kernels[0].sizes))
    return Parts(whole - alone, alone, size, blocks, rate, latency)


def _gloo(size: float) -> tuple[float, float]:
    """Seconds of an exchange of nothing between two ranks, and bytes a second of one of `size` bytes."""
    import torch

    # It does not export what groups are made of by hand
    dist: Any = import_module("torch.distributed")
    store = dist.HashStore()

    def one(rank: int) -> list[float]:
        group, best = dist.ProcessGroupGloo(dist.PrefixStore("bench", store), rank, 2, timedelta(seconds=60)), []
        for count in (2, 2 * int(size / 8)):
            sent, received, times = torch.ones(count), torch.empty(count), []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                group.alltoall_base(received, sent, [count // 2] * 2, [count // 2] * 2).wait()
                times.append(time.perf_counter() - began)
            best.append(min(times))
        return best

    with ThreadPoolExecutor(2) as threads:
        nothing, full = map(max, zip(*threads.map(one, range(2)), strict=True))
    return nothing, size / 2 / max(full - nothing, 1e-9)


def main(words: Sequence[str] | None = None) -> None:
    """Print the table of the parts that are named in `words`."""
    parser = argparse.ArgumentParser(prog="python -m dnf_studio.bench.cluster", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the parts on one core of this machine first")
    parser.add_argument("--batch", type=int, default=5000, help="the batch that is measured")
    for part in fields(Parts):
        parser.add_argument(f"--{part.name.replace('_', '-')}", type=int if part.type == "int" else float)
    asked = vars(parser.parse_args(words))
    parts = measured(asked["batch"]) if asked["measure"] else Parts(0.65, 0.005, 863_248.0, 2)
    parts = replace(parts, **{one.name: asked[one.name] for one in fields(Parts) if asked[one.name] is not None})
    print(", ".join(f"{one.name} {getattr(parts, one.name):.4g}" for one in fields(Parts)))
    print("\n".join(table(parts)))


if __name__ == "__main__":
    main()
