"""Training, sampling and export against the textbook loop; nothing here is asserted but that it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sampling.blocks import SampleSettings, sample_blocks
from dnf_studio.core.storage.samples import ExportPlan, export_samples
from dnf_studio.core.training.adjoint import AdjointEngine
from tests.bench.ratios import in_turn, report
from tests.textbook import textbook_sample, textbook_step

pytestmark = pytest.mark.bench


def on_threads(threads: int, work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return work()
        finally:
            torch.set_num_threads(before)

    return run


@pytest.mark.parametrize("batch", [512, 2048, 5000])
def test_training_step(batch: int) -> None:
    flow = DiffFlow(2)
    x0, noise = torch.randn(batch, 2), torch.randn(30, batch, 2)
    with BlockPool(worker_threads()) as pool:
        plain, fast = AdjointEngine(flow, pool), AdjointEngine(flow, pool, torch.bfloat16)
        seconds = in_turn(
            {
                "textbook, 1 thread": on_threads(1, lambda: textbook_step(flow, x0, noise)),
                "textbook, 2 threads": on_threads(2, lambda: textbook_step(flow, x0, noise)),
                "engine, float32": on_threads(1, lambda: plain.step(x0, noise)),
                "engine, bfloat16": on_threads(1, lambda: fast.step(x0, noise)),
            }
        )
    report(f"training step, batch {batch}", seconds, min(list(seconds.values())[:2]))


def test_sampling() -> None:
    """One block of 65,536 rows, a sixteenth of a million points."""
    flow, count = DiffFlow(2), 65_536
    generator = torch.Generator().manual_seed(0)

    def textbook() -> None:
        textbook_sample(flow, torch.randn(count, 2, generator=generator), generator)

    def ours() -> None:
        for _ in sample_blocks(flow, count, SampleSettings()):
            pass

    works = {"textbook, 1 thread": on_threads(1, textbook), "textbook, 2 threads": on_threads(2, textbook)}
    seconds = in_turn({**works, "blocks": ours}, rounds=4)
    report("sampling 65,536 points, N = 30", seconds, min(list(seconds.values())[:2]))


def test_export(tmp_path: Path) -> None:
    """What writing adds to sampling."""
    flow, count = DiffFlow(2), 1_000_000
    settings = SampleSettings(steps=5)

    def sampled() -> None:
        for _ in sample_blocks(flow, count, settings):
            pass

    def exported() -> None:
        for _ in export_samples(flow, tmp_path / "samples.h5", ExportPlan(count, settings), None):
            pass

    seconds = in_turn({"sampling": sampled, "sampling and writing": exported}, rounds=3)
    report("a million points, N = 5", seconds, seconds["sampling"])
    added = seconds["sampling and writing"] - seconds["sampling"]
    print(f"writing adds {added:.2f} s, {100 * added / seconds['sampling'] / 6:.1f}% of sampling at N = 30")
