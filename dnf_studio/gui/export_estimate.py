"""How long an export will take, from a small part of it, and sizes and times in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dnf_studio.gui.status import duration

if TYPE_CHECKING:
    from dnf_studio.core.models.diffflow import DiffFlow
    from dnf_studio.core.storage.samples import ExportPlan

__all__ = ["about", "in_bytes", "trial_seconds"]

TRIAL_STEPS = 500_000


def trial_seconds(flow: DiffFlow, plan: ExportPlan) -> float:
    """Seconds that `plan` will take, from a small part of it; imports torch, for a thread in the background."""
    from time import perf_counter

    from dnf_studio.core.sampling.blocks import sample_blocks
    from dnf_studio.core.sampling.likelihood import log_prob

    steps = plan.settings.steps or len(flow.timestamps) - 1
    count = max(256, min(16_384, TRIAL_STEPS // steps))
    began = perf_counter()
    samples = [block.samples for block in sample_blocks(flow, count, plan.settings)]
    each = (perf_counter() - began) / count
    if plan.log_prob:
        import torch

        few = torch.from_numpy(samples[0][:256])
        began = perf_counter()
        log_prob(flow, few, "ode")
        each += (perf_counter() - began) / len(few)
    return each * plan.count


def in_bytes(size: int) -> str:
    """A size of three digits."""
    power = min(4, max(1, int(math.log(max(size, 1), 1000))))
    return f"{size / 1024**power:.3g} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def about(seconds: float) -> str:
    """A time no finer than it is known."""
    return "a second" if seconds < 1.5 else f"{seconds:.0f} seconds" if seconds < 90 else duration(seconds)
