"""What is tried to tell how long an export will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dnf_studio.api import load
from dnf_studio.core import parallel
from dnf_studio.core.sampling import blocks, likelihood
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.gui.features.export.exporter import trial_seconds


@pytest.mark.parametrize(("steps", "threads"), [(30, 2), (200, 2), (1000, 2), (1000, 16)])
def test_every_thread_has_whole_blocks_to_do(monkeypatch: pytest.MonkeyPatch, steps: int, threads: int) -> None:
    """With half a block on one thread of sixteen an export was said to take thirty times as long as it does."""
    tried: dict[str, int] = {}

    def sample_blocks(
        _flow: object, count: int, _settings: object, check: Callable[[], None]
    ) -> Iterator[SimpleNamespace]:
        tried["samples"] = count
        for _ in range(2):
            yield SimpleNamespace(samples=np.zeros((count // 2, 2), np.float32))

    def log_prob(_flow: object, x: torch.Tensor, _method: str) -> None:
        tried["densities"] = len(x)

    monkeypatch.setattr(parallel, "worker_threads", lambda _device: threads)
    monkeypatch.setattr(blocks, "sample_blocks", sample_blocks)
    monkeypatch.setattr(likelihood, "log_prob", log_prob)
    trial_seconds(load("diffflow-rings"), ExportPlan(1_000_000, SampleSettings(steps), log_prob=True), lambda: None)
    assert tried["samples"] % (threads * blocks.SUB_BLOCK) == 0 and 0 < tried["samples"] <= threads * 16_384
    assert tried["densities"] == threads * likelihood.BLOCK
