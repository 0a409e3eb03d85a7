"""How the views of tests are set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings

__all__ = ["viewed"]


def viewed(steps: int | None = None, **change: Any) -> SampleSettings:  # noqa: ANN401 - as each field has it
    """The settings that views begin with, changed; a new value each time, as the explorer is asked anew by it."""
    return replace(AS_VIEWED, steps=steps, **change)
