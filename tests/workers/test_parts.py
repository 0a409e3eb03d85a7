"""The backward process in part, from the explorer's thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dnf_studio.core.exploration.marginals import compare_marginals
from dnf_studio.errors import SettingError
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.frames import InspectRequest
from dnf_studio.workers.marginals import MarginalsWorker
from dnf_studio.workers.snapshot import Snapshot
from tests.views import viewed
from tests.workers.test_explorer import flow_of, frames_until


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


@pytest.mark.parametrize("parts", ["drift", "score"])
def test_a_part_changes_the_backward_paths_alone_and_brings_the_ends_of_the_whole(
    explorer: Explorer, parts: str
) -> None:
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(300, 2))
    whole = frames_until(explorer)[-1]
    assert whole.whole is None
    explorer.request(viewed(parts=parts))
    frames = frames_until(explorer)
    part = frames[-1]
    np.testing.assert_allclose(part.forward, whole.forward, atol=1e-5)
    assert part.whole is not None and part.request.parts == parts
    np.testing.assert_allclose(part.whole, whole.backward[0], atol=1e-5)
    assert np.array_equal(part.backward[-1], whole.backward[-1]) and not np.allclose(part.backward, whole.backward)
    assert all(frame.whole is not None and len(frame.whole) == frame.backward.shape[1] for frame in frames)
    explorer.inspect(InspectRequest(5, "backward"))
    explorer.request(viewed(parts=parts, seed=1))
    part = frames_until(explorer)[-1]
    found = None
    while found is None or found.request.seed != 1:
        found = explorer.inspections.take() or found
    np.testing.assert_allclose(found.table.x, part.backward[:, 5], atol=1e-4)


def test_the_samples_that_moved_are_compared_with_those_of_the_whole(explorer: Explorer) -> None:
    explorer.request(viewed(parts="score"))
    explorer.publish(Snapshot.of(flow_of(), 1), torch.randn(300, 2))
    frame = frames_until(explorer)[-1]
    comparing = MarginalsWorker()
    comparing.ask(frame)
    comparing.run(lambda: False)
    found = comparing.found.take()
    assert found is not None and found.moved is not None and frame.whole is not None
    expected = compare_marginals(frame.whole[None], frame.backward[:1])
    assert found.moved.distance[0] == expected.distance[0] and found.moved.floor[0] == expected.floor[0]


def test_another_part_is_refused() -> None:
    with pytest.raises(SettingError, match="'noise'"):
        viewed(parts="noise")
