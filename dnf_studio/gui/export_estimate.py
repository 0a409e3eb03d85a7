"""How long an export will take, from a small part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.samples import ExportPlan

__all__ = ["trial_seconds"]

TRIAL_STEPS = 500_000


def trial_seconds(flow: GenerativeModel, plan: ExportPlan) -> float:
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
