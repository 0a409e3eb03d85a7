"""From the wish to see a bundled model to its first bars, and to bars of 256 points, in the explorer alone.

Needs an idle machine: ``pytest -m bench -s tests/bench/test_excess.py``.
"""

from __future__ import annotations

from time import perf_counter, sleep

import pytest

import dnf_studio as dnf
from dnf_studio.assets import checkpoint_names
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.snapshot import Snapshot

pytestmark = pytest.mark.bench


def test_first_bars_are_there_within_a_second() -> None:
    explorer, slowest = Explorer(), 0.0
    try:
        for warm in (False, True):
            for name in checkpoint_names():
                flow = dnf.load(name)
                if not flow.bounded:
                    continue
                data = fresh_points(flow, open_dataset(flow.config.data), 2000, 0)
                snapshot, asked = Snapshot.of(flow), perf_counter()
                explorer.publish(snapshot, data)
                times = [_until(explorer, snapshot.version, count) - asked for count in (1, 256)]
                if warm:
                    slowest = max(slowest, times[0])
                    print(f"{name}: first bars {times[0]:.2f} s, of 256 points {times[1]:.2f} s")
    finally:
        explorer.close()
    assert slowest <= 1.0


def _until(explorer: Explorer, version: int, points: int) -> float:
    """When so many points, or all that there are, were told of these weights."""
    while True:
        found: ExcessFrame | None = explorer.excess.take()
        if found is not None and found.frame.weights == version:
            known = found.forward.shape[1]
            if (found.stride == 1 and known >= min(points, found.frame.forward.shape[1])) or points == 1:
                return perf_counter()
        sleep(0.001)
