"""The score's share that comes with the explorer's frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dnf_studio.core.exploration.by_step import score_share
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.snapshot import Snapshot
from tests.planted import PlantedFlow, scaled_score
from tests.views import viewed
from tests.workers.test_explorer import flow_of, frames_until


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    assert made.close()


@pytest.mark.parametrize(
    ("dim", "request_"),
    [
        (2, viewed(steps=9, lam=0.5)),
        (2, viewed(lam=0.0, parts="drift")),
        (1, viewed(steps=5, parts="score")),
    ],
)
def test_every_frame_has_the_share_at_its_forward_points(
    explorer: Explorer, dim: int, request_: SampleSettings
) -> None:
    flow = flow_of(dim)
    explorer.request(request_)
    explorer.publish(Snapshot.of(flow), torch.randn(600, dim))
    frames = frames_until(explorer)
    grid = flow.grid(request_.steps, request_.grid)
    for frame, close in ((frames[0], 0.05), (frames[-1], 1e-4)):
        assert frame.score is not None and frame.score.share.shape == (grid.steps,)
        expected = score_share(flow.fields(grid), grid, torch.from_numpy(frame.forward), request_.lam)
        np.testing.assert_allclose(frame.score.share, expected.share, rtol=close)
        np.testing.assert_allclose(frame.score.drift, expected.drift, rtol=close)


def test_a_planted_fault_shows_as_two_edges_and_nothing_else(explorer: Explorer) -> None:
    sound = flow_of()
    t = sound.grid().t
    fault = scaled_score(1.5, float(t[3]), float(t[5]))
    explorer.publish(Snapshot.of(sound, 1), torch.randn(600, 2))
    before = frames_until(explorer)[-1].score
    explorer.publish(Snapshot.of(PlantedFlow(sound, fault), 2))
    after = frames_until(explorer)[-1].score
    assert before is not None and after is not None
    np.testing.assert_allclose(
        after.score / before.score, [1.5 if 3 <= i <= 5 else 1 for i in range(1, len(t))], rtol=1e-4
    )
    np.testing.assert_allclose(after.drift, before.drift, rtol=1e-4)
