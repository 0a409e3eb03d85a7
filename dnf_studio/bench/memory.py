"""What a training step takes in memory, beyond the states that it must keep, by the number of steps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from dnf_studio.bench import Row, less
from dnf_studio.bench.machine import run_python
from dnf_studio.config import Config
from dnf_studio.config.model_kinds import MOST_WITH_FEATURES
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.gradients import box_of, draw_outside
from dnf_studio.errors import SetupError

MIB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    few: int = 30
    many: int = 1000
    batch: int = 512
    rounds: int = 2


FULL = Sizes()
QUICK = Sizes(many=300, rounds=1)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """MiB of a step at a large N against N = 30, the least of a few processes each.

    Raises `SetupError` where the system does not tell what a process took at most.
    """
    pairs = [[step_bytes(steps, sizes.batch) for steps in (sizes.few, sizes.many)] for _ in range(sizes.rounds)]
    few, many = (min(column) / MIB for column in zip(*pairs, strict=True))
    yield less(f"step memory beyond its states, batch {sizes.batch}, N = {sizes.many}", many, "MiB", few)


def step_bytes(steps: int, batch: int) -> int:
    """Peak bytes of one step in a process of its own, without the states and drifts, N·B·D float32 numbers each."""
    code = f"from dnf_studio.bench.memory import peak_of_a_step; print(peak_of_a_step({steps}, {batch}))"
    return int(run_python("-c", code)) - 2 * 4 * steps * batch * 2


def unet_bytes(side: int, steps: int, batch: int, threads: int = 2) -> int:
    """Peak bytes of a process that makes one step of U-Nets of default width on square grey images, all included."""
    code = f"from dnf_studio.bench import memory; print(memory.peak_of_unets({side}, {steps}, {batch}, {threads}))"
    return int(run_python("-c", code))


def peak_of_a_step(steps: int, batch: int) -> int:
    """By how many bytes one step raises the peak of this process, which must be a fresh one."""
    before, after = _peaks(DiffFlow(2, Config().changed({"sde.steps": steps})), steps, batch, 1)
    return after - before


def peak_of_unets(side: int, steps: int, batch: int, threads: int) -> int:
    """The most that this process, which must be a fresh one, has held after one step."""
    image = ImageShape(side, side, 1, 0, 1)
    config = Config.create({"sde": {"steps": steps}, "network": {"kind": "unet"}})
    return _peaks(DiffFlow(image.size, config, image=image), steps, batch, threads)[1]


def _peaks(flow: DiffFlow, steps: int, batch: int, threads: int) -> tuple[int, int]:
    """The peak before and after one step of random points."""
    x0, noise = torch.randn(batch, flow.dim), torch.randn(steps, batch, flow.dim)
    with BlockPool(threads) as pool:
        engine, grid = AdjointEngine(flow, pool), flow.grid()
        # As a run does where it can
        inward = flow.dim <= MOST_WITH_FEATURES
        outside = draw_outside(box_of(x0), grid, torch.default_generator) if inward else None
        before = _peak_bytes()
        engine.step(x0, noise, grid, outside)
        return before, _peak_bytes()


def _peak_bytes() -> int:
    """The most that this process has held."""
    if sys.platform == "win32":
        raise SetupError("What a process took at most can be read on Linux and macOS only.")
    status = Path("/proc/self/status")
    if status.exists():
        # The counter of `resource` begins at what the parent held, which hides a smaller child
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
