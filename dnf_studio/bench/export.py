"""What writing a file adds to sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dnf_studio.bench import Row, less
from dnf_studio.bench.timing import in_turn
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.samples import export_samples


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    points: int = 65_536
    rounds: int = 4
    seconds: float = 20.0


FULL = Sizes()
QUICK = Sizes(points=16_384, rounds=2)


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Seconds of an export at N = 30, of samples alone and with whole trajectories."""
    flow, settings = DiffFlow(2), SampleSettings()

    def sampled() -> None:
        for _ in sample_blocks(flow, sizes.points, settings):
            pass

    with TemporaryDirectory(prefix="dnf-bench-") as folder:

        def exported(trajectories: bool) -> None:
            plan = ExportPlan(sizes.points, settings, trajectories=trajectories)
            for _ in export_samples(flow, Path(folder) / "samples.h5", plan):
                pass

        works = {"alone": sampled, "samples": lambda: exported(False), "trajectories": lambda: exported(True)}
        taken = {name: min(times) for name, times in in_turn(works, sizes.rounds, sizes.seconds).items()}
    for what in ("samples", "trajectories"):
        yield less(f"export of {sizes.points:,} {what}, N = 30", taken[what], "s", taken["alone"])
