from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.exploration import marginals
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.marginals import Comparison, MarginalsWorker
from dnf_studio.workers.snapshot import Snapshot
from tests.gui.scenes import frame_of
from tests.views import viewed
from tests.workers.test_explorer import flow_of, frames_until


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


def soon(take: Callable[[], Comparison | None], seconds: float = 20.0) -> Comparison:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = take()
        if found is not None:
            return found
        time.sleep(0.001)
    raise AssertionError("nothing was compared")


def test_the_explorer_compares_the_frame_it_is_given(explorer: Explorer) -> None:
    frame = frame_of(points=100, steps=6)
    explorer.compare(frame)
    found = soon(explorer.comparing.found.take)
    assert found.frame is frame
    expected = marginals.compare_marginals(frame.forward, frame.backward)
    np.testing.assert_array_equal(found.marginals.distance, expected.distance)
    assert not explorer.comparing.waiting


def test_the_newest_frame_wins_and_none_compares_nothing() -> None:
    comparing, old, new = MarginalsWorker(), frame_of(points=50), frame_of(points=60)

    def leave() -> bool:
        comparing.ask(new)
        return False

    comparing.ask(old)
    comparing.run(leave)
    assert comparing.found.take() is None and comparing.waiting
    comparing.run(lambda: False)
    found = comparing.found.take()
    assert found is not None and found.frame is new
    comparing.ask(None)
    comparing.run(lambda: False)
    assert comparing.found.take() is None


def test_what_was_left_goes_on_waiting_and_too_few_points_do_not() -> None:
    comparing = MarginalsWorker()
    comparing.ask(frame_of(points=50))
    comparing.run(lambda: True)
    assert comparing.waiting and comparing.found.take() is None
    comparing.ask(frame_of(points=2))
    comparing.run(lambda: False)
    assert not comparing.waiting and comparing.found.take() is None


def test_a_change_of_the_view_goes_before_a_comparison(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), points())
    first = frames_until(explorer)[-1]
    begun, real = threading.Event(), marginals.compare_marginals

    def endless(forward: object, backward: object, check: Callable[[], None]) -> object:
        begun.set()
        while True:
            check()

    monkeypatch.setattr(marginals, "compare_marginals", endless)
    explorer.compare(first)
    assert begun.wait(20)
    explorer.request(viewed(steps=9))
    second = frames_until(explorer)[-1]
    assert len(second.t) == 10
    monkeypatch.setattr(marginals, "compare_marginals", real)
    explorer.compare(second)
    assert soon(explorer.comparing.found.take).frame is second


def test_a_failure_is_told_and_the_explorer_goes_on(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("broken")

    monkeypatch.setattr(marginals, "compare_marginals", broken)
    explorer.compare(frame_of(points=50))
    with pytest.raises(RuntimeError, match="broken"):
        soon(lambda: _raise(explorer))
    explorer.publish(Snapshot.of(flow_of(), 3), points())
    assert frames_until(explorer)[-1].weights == 3


def _raise(explorer: Explorer) -> None:
    error = explorer.errors.take()
    if error is not None:
        raise error


def points() -> Tensor:
    return torch.randn(64, 2)
