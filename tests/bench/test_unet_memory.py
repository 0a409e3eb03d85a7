"""What a step of U-Nets takes, all included."""

from __future__ import annotations

import sys

import pytest

from dnf_studio.bench.memory import unet_bytes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the peak cannot be read there")
def test_a_step_on_images_of_28_by_28_runs_in_under_3_gigabytes() -> None:
    """N = 30, batch 32, default width, two threads: 0.8 GB of the 3 of issue D, in 35 CPU seconds."""
    assert unet_bytes(28, 30, 32) < 3e9
