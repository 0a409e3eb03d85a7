"""How the views of tests are set, and round trips that are waited for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from dnf_studio.core.exploration.round_trip import RoundTrip, Way, round_trips
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings


def viewed(steps: int | None = None, **change: Any) -> SampleSettings:  # noqa: ANN401 - as each field has it
    """The settings that views begin with, changed; a new value each time, as the explorer is asked anew by it."""
    return replace(AS_VIEWED, steps=steps, **change)


def round_trip(flow: GenerativeModel, x0: Tensor, way: Way = "sde", settings: SampleSettings = AS_VIEWED) -> RoundTrip:
    """The round trip of all points."""
    *_, whole = round_trips(flow, x0, way, settings)
    return whole
