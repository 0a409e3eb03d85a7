"""How long an export will take, from a small part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.samples import ExportPlan

__all__ = ["trial_seconds"]

TRIAL_STEPS = 500_000


def trial_seconds(flow: GenerativeModel, plan: ExportPlan) -> float:
    """Seconds that `plan` will take, from a small part of it; imports torch, for a thread in the background.

    Every thread gets as much to do, in blocks as whole as those of the export.
    """
    from time import perf_counter

    from dnf_studio.core.networks.autograd_kernel import VALUE_ROWS
    from dnf_studio.core.parallel import worker_threads
    from dnf_studio.core.sampling.blocks import SUB_BLOCK, sample_blocks
    from dnf_studio.core.sampling.likelihood import BLOCK, log_prob

    steps, threads = plan.settings.steps or len(flow.timestamps) - 1, worker_threads(flow.device)
    if flow.config.network.kind == "mlp":
        together, few = threads * SUB_BLOCK, threads * BLOCK
        count = max(1, min(16_384, TRIAL_STEPS // steps) // together) * together
    else:
        # Images take thousands of times as long
        count = few = threads * VALUE_ROWS
    began = perf_counter()
    samples = [block.samples for block in sample_blocks(flow, count, plan.settings)]
    each = (perf_counter() - began) / count
    if plan.log_prob:
        import numpy as np
        import torch

        some = torch.from_numpy(np.concatenate(samples)[:few])
        began = perf_counter()
        log_prob(flow, some, "ode")
        each += (perf_counter() - began) / len(some)
    return each * plan.count
